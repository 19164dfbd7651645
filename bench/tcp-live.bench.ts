/**
 * One TCP connection between a kernel and a stack of ours, beside two kernels over a veth in the same run.
 * `npm run bench -- tcp-live [--sockets] [--rounds N] [--cores A,B] [words of a title]`; root and a C compiler.
 *
 * The kernel's end is the same C program everywhere (bench/c/tcp-peer.c, blocking calls, 128 KiB buffers) and
 * it holds the clock. RX: it sends to us; until we have read all and closed. TX: we send to it. The two
 * wires take turns, round by round; a ratio is of two rounds that follow each other. Figures are medians
 * with the 10 and 90 % quantiles. The client runs on core A, who answers it (the other kernel's program;
 * our process) on core B; `--cores any` leaves both to the scheduler. In a first round every byte is
 * compared (by us only without `--sockets`, which puts our services on the integer API instead of the calls
 * below it); after that they are counted. It fails when bytes are lost or wrong, never because it was slow.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { aptLine, missingPrograms } from '../tools/dev/requirements.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const LIMIT_MS = 300_000;

function coresOf(text: string | undefined): [string, string] {
  if (text === 'any') return ['', ''];
  if (text === undefined) return ['0', String(Math.min(1, availableParallelism() - 1))];
  const [a = '0', b = a] = text.split(',');
  return [a, b];
}

function main(): number {
  const { values, positionals } = parseArgs({
    options: {
      rounds: { type: 'string' },
      cores: { type: 'string' },
      sockets: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const missing = missingPrograms(['gcc', 'ip', 'taskset', 'unshare', 'ethtool']);
  if (missing.length > 0) {
    console.error(`needs ${missing.join(', ')}: ${aptLine(missing)}`);
    return 1;
  }
  if (process.getuid?.() !== 0) {
    console.error('needs root: TAP devices in a network namespace');
    return 1;
  }
  const cores = coresOf(values.cores);
  const dir = mkdtempSync(join(tmpdir(), 'ringway-bench-'));
  try {
    const program = join(dir, 'tcp-peer');
    const compile = ['-O2', '-Wall', '-o', program, join(HERE, 'c', 'tcp-peer.c')];
    if (spawnSync('gcc', compile, { stdio: 'inherit' }).status !== 0) return 1;
    const rounds = Number(values.rounds ?? 9);
    const settings = {
      program,
      rounds,
      only: positionals.join(' '),
      cores,
      isSockets: values.sockets === true,
    };
    const inside = join(HERE, 'tcp-live', 'inside.ts');
    const node = [process.execPath, ...process.execArgv, inside, JSON.stringify(settings)];
    const pin = cores[1] === '' ? [] : ['taskset', '-c', cores[1]];
    console.log(`client on core ${cores[0] || 'any'}, the other end on core ${cores[1] || 'any'}`);
    const command = ['-n', ...pin, ...node];
    return spawnSync('unshare', command, { stdio: 'inherit', timeout: LIMIT_MS }).status ?? 1;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

process.exitCode = main();
