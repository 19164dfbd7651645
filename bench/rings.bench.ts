/**
 * Frames a second of each ring alone, beside a C program that makes the same calls in the same run.
 * `npm run bench -- rings [--quick] [words of a title]`; root, a C compiler, no more than two minutes
 * (quick: 20 s; one case, `rx AF_PACKET 1514`: seconds).
 *
 * Receiving: a source puts a burst into the kernel's queue, then the ring is drained against the clock,
 * so the figure is the ring's own cost and not a race with the sender. Sending: a burst is handed over;
 * the kernel's receive path runs inside our call. The two sides take turns, burst by burst, each on an
 * interface of its own; the ratio is the median over pairs of bursts. All processes are pinned to one
 * core: else one side finds the source's frames in its cache and the other does not, as it falls.
 * It fails when a frame is lost, out of order or wrong, never because it was slow.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptLine, missingPrograms } from '../tools/dev/requirements.ts';

const HERE = dirname(fileURLToPath(import.meta.url));

function main(): number {
  const missing = missingPrograms(['gcc', 'ip', 'taskset', 'unshare']);
  if (missing.length > 0) {
    console.error(`needs ${missing.join(', ')}: ${aptLine(missing)}`);
    return 1;
  }
  if (process.getuid?.() !== 0) {
    console.error('needs root: TAP devices in a network namespace');
    return 1;
  }
  const dir = mkdtempSync(join(tmpdir(), 'ringway-bench-'));
  try {
    for (const name of ['rings', 'source']) {
      const compile = ['-O3', '-Wall', '-o', join(dir, name), join(HERE, 'c', `${name}.c`)];
      if (spawnSync('gcc', compile, { stdio: 'inherit' }).status !== 0) return 1;
    }
    const args = process.argv.slice(2);
    const mode = args.includes('--quick') ? 'quick' : 'full';
    const only = args.filter((arg) => !arg.startsWith('--')).join(' ');
    const node = [process.execPath, '--import=tsx', join(HERE, 'rings', 'inside.ts')];
    const pin = ['taskset', '-c', String(availableParallelism() - 1)];
    const command = [...pin, ...node, join(dir, 'rings'), join(dir, 'source'), mode, only];
    // `timeout` of its own accord ends the child, and the namespace goes with it.
    return (
      spawnSync('unshare', ['-n', ...command], { stdio: 'inherit', timeout: 180_000 }).status ?? 1
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
}

process.exitCode = main();
