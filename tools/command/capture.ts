import { getSystemErrorName } from 'node:util';
import { CaptureFile } from '../../src/live/capture-file.ts';
import { controlCall } from '../../src/live/control-client.ts';
import { onStop } from '../../src/live/namespace.ts';
import type { Command } from './command.ts';
import { EXIT, Failure, usageError } from './failure.ts';
import type { Options } from './options.ts';

const MIN_SNAPLEN = 14;
const MAX_SNAPLEN = 262144;

export const captureCommand: Command = {
  name: 'capture',
  usage: '[-w FILE] [-i IFACE] [-c N] [-s BYTES]',
  options: [
    { name: 'write', short: 'w', value: 'FILE', help: 'to this file; - is stdout (the default)' },
    { name: 'interface', short: 'i', value: 'IFACE', help: 'of this interface (there is one)' },
    { name: 'count', short: 'c', value: 'N', help: 'end after N frames' },
    { name: 'snaplen', short: 's', value: 'BYTES', help: 'so much of each frame (default: all)' },
    { name: 'name', value: 'NAME', help: 'which running stack (needed when there are several)' },
  ],
  details: `
Nanosecond times, both directions, checksums completed. Ends on SIGINT, or with whoever reads stdout:
  ringway capture | tcpdump -n -r -
Exits 1 when no frame came.`,
  run: capture,
};

interface Counts {
  readonly captured: number;
  readonly missed: number;
}

async function capture(options: Options): Promise<number> {
  options.atMost(0);
  const path = options.text('write') ?? '-';
  if (path === '-' && options.has('json')) {
    throw usageError('-j: stdout has the capture; give -w FILE');
  }
  if (path === '-' && process.stdout.isTTY) {
    throw usageError(
      'a capture is not for a terminal; give -w FILE, or pipe it: | tcpdump -n -r -',
    );
  }
  const request = {
    op: 'capture',
    device: options.text('interface') ?? '',
    count: options.integer('count', 1, Number.MAX_SAFE_INTEGER) ?? 0,
    snaplen: options.integer('snaplen', MIN_SNAPLEN, MAX_SNAPLEN) ?? MAX_SNAPLEN,
  };
  const file = path === '-' ? null : new CaptureFile(path, { overwrite: true });
  try {
    let failed: Error | null = null;
    const call = await controlCall(options.text('name'), request, {
      bytes: (bytes) => {
        if (file === null) {
          // The stack misses frames rather than waits: what we do not take, it does not keep.
          if (!process.stdout.write(bytes)) call.pauseUntil(process.stdout);
        } else if (failed === null) {
          failed = writeTo(file, bytes);
          if (failed !== null) call.cancel();
        }
      },
    });
    onStop(() => call.cancel());
    const counts = (await call.result) as Counts;
    if (failed !== null) throw failed;
    return say(counts, path, options.has('json'));
  } finally {
    file?.close();
  }
}

function say(counts: Counts, path: string, isJson: boolean): number {
  const { captured, missed } = counts;
  if (isJson) console.log(JSON.stringify({ file: path, ...counts }));
  else {
    const lost = missed === 0 ? '' : `, ${missed} missed: the reader was too slow`;
    console.error(`${captured} frames captured${lost}`);
  }
  return captured > 0 ? EXIT.OK : EXIT.NO;
}

function writeTo(file: CaptureFile, bytes: Buffer): Error | null {
  const result = file.write(bytes, 0, bytes.length);
  if (result === 0) return null;
  const code = getSystemErrorName(result);
  return new Failure(
    code,
    `${file.path}: cannot be written (${code}); what is there is incomplete`,
  );
}
