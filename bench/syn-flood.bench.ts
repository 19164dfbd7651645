/**
 * A flood from the other core beside an established transfer and new connections on the same device.
 * `npm run bench -- syn-flood [--all] [--syn-rate N] [--rounds N] [--ms N] [--cores A,B] [words of a title]`; root and a C compiler.
 *
 * A C program (bench/c/flood.c) sends frames from made-up addresses through AF_PACKET as fast as core A makes them; the
 * kernel's ends of the transfer and of new connections (bench/c/tcp-peer.c) share that core with it, our process has core
 * B. So the transfer has less of core A as soon as there is a generator: what counts is the goodput beside a flood at us,
 * divided by that beside the same flood sent nowhere. The three kinds of rounds (no flood, nowhere, at us) take turns;
 * figures are medians with the 10 and 90 % quantiles. A new connection begins every 10 ms in the first half of a round,
 * and counts when its first byte has come back. Below each line: what was counted, and memory before and after. Before
 * it is measured every byte of a transfer is compared. SYNs only, without `--all`; `--syn-rate` is the device's limit.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { aptLine, missingPrograms } from '../tools/dev/requirements.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const LIMIT_MS = 1_800_000;

function compile(name: string, into: string): string | null {
  const program = join(into, name);
  const args = ['-O2', '-Wall', '-o', program, join(HERE, 'c', `${name}.c`)];
  return spawnSync('gcc', args, { stdio: 'inherit' }).status === 0 ? program : null;
}

function main(): number {
  const { values, positionals } = parseArgs({
    options: {
      all: { type: 'boolean' },
      rounds: { type: 'string' },
      ms: { type: 'string' },
      cores: { type: 'string' },
      'syn-rate': { type: 'string' },
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
  const [a = '0', b = String(Math.min(1, availableParallelism() - 1))] =
    values.cores?.split(',') ?? [];
  const dir = mkdtempSync(join(tmpdir(), 'ringway-bench-'));
  try {
    const [peer, flood] = [compile('tcp-peer', dir), compile('flood', dir)];
    if (peer === null || flood === null) return 1;
    const settings = {
      programs: { peer, flood },
      rounds: Number(values.rounds ?? 9),
      ms: Number(values.ms ?? 3000),
      only: positionals.join(' '),
      isAll: values.all === true,
      cores: [a, b],
      ...(values['syn-rate'] === undefined ? {} : { synRate: Number(values['syn-rate']) }),
    };
    const inside = join(HERE, 'floods', 'inside.ts');
    const node = [process.execPath, ...process.execArgv, inside, JSON.stringify(settings)];
    console.log(`flood and the kernel's ends on core ${a}, our process on core ${b}`);
    const command = ['-n', 'taskset', '-c', b, ...node];
    return spawnSync('unshare', command, { stdio: 'inherit', timeout: LIMIT_MS }).status ?? 1;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

process.exitCode = main();
