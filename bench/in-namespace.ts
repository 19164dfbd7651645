/** A benchmark beside the kernel: programs in C, and a network namespace of its own, which ends with it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptLine, missingPrograms } from '../tools/dev/requirements.ts';

const HERE = dirname(fileURLToPath(import.meta.url));

export interface InNamespace {
  /** Linux programs that it calls, beside the C compiler, `taskset` and `unshare`. */
  readonly needs: readonly string[];
  /** C programs: the names of files in bench/c. */
  readonly programs: readonly string[];
  /** What runs inside, from this folder. Its one argument is JSON: `programs` (name to path), and `settings`. */
  readonly inside: string;
  readonly settings: object;
  /** Where it runs: as `taskset -c` has it; '' for anywhere. */
  readonly cores: string;
  readonly limitMs: number;
}

/** The last core there is. */
export const LAST_CORE = String(availableParallelism() - 1);

/** Says what is missing, or runs it; returns the exit status. */
export function runInNamespace(it: InNamespace): number {
  const missing = missingPrograms(['gcc', 'taskset', 'unshare', ...it.needs]);
  if (missing.length > 0) {
    console.error(`needs ${missing.join(', ')}: ${aptLine(missing)}`);
    return 1;
  }
  if (process.getuid?.() !== 0) {
    console.error('needs root: devices in a network namespace');
    return 1;
  }
  const dir = mkdtempSync(join(tmpdir(), 'ringway-bench-'));
  try {
    const programs: Record<string, string> = {};
    for (const name of it.programs) {
      const program = join(dir, name);
      const compile = ['-O3', '-Wall', '-o', program, join(HERE, 'c', `${name}.c`)];
      if (spawnSync('gcc', compile, { stdio: 'inherit' }).status !== 0) return 1;
      programs[name] = program;
    }
    const argument = JSON.stringify({ ...it.settings, programs });
    const node = [process.execPath, ...process.execArgv, join(HERE, it.inside), argument];
    const pin = it.cores === '' ? [] : ['taskset', '-c', it.cores];
    // `timeout` of its own accord ends the child, and the namespace goes with it.
    const options = { stdio: 'inherit', timeout: it.limitMs } as const;
    return spawnSync('unshare', ['-n', ...pin, ...node], options).status ?? 1;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Of `--cores A,B`: A for what the kernel's end does, B for ours; `any` leaves both to the scheduler. */
export function coresOf(text: string | undefined): readonly [string, string] {
  if (text === 'any') return ['', ''];
  const [a = '0', b = text === undefined ? LAST_CORE : a] = text?.split(',') ?? [];
  return [a, b];
}
