/** Scripts shared among processes: each is the same command with some of the files. */
import { spawn } from 'node:child_process';
import { Failure } from './failure.ts';
import type { ScriptReport } from './packetdrill-report.ts';

/** Large enough that starting a process does not matter, small enough that all end together. */
const BATCH = 24;

/** Reports in the order of the files, as soon as those before are there. */
export async function runInWorkers(
  files: readonly string[],
  jobs: number,
  args: readonly string[],
  take: (report: ScriptReport) => void,
): Promise<void> {
  const size = Math.max(1, Math.min(BATCH, Math.ceil(files.length / jobs)));
  const batches: string[][] = [];
  for (let i = 0; i < files.length; i += size) batches.push(files.slice(i, i + size));
  const done: (readonly ScriptReport[] | undefined)[] = batches.map(() => undefined);
  let next = 0;
  let shown = 0;
  const work = async (): Promise<void> => {
    while (next < batches.length) {
      const at = next++;
      done[at] = await runBatch(batches[at]!, args);
      for (; done[shown] !== undefined; shown++) done[shown]!.forEach(take);
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs, batches.length) }, work));
}

function runBatch(
  files: readonly string[],
  args: readonly string[],
): Promise<readonly ScriptReport[]> {
  const program = [...process.execArgv, process.argv[1]!];
  const command = [...program, 'packetdrill', '--json', ...args, '--', ...files];
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0 || code === 1) resolve((JSON.parse(out) as Answer).results);
      else reject(new Failure('ERR_WORKER', `a worker ended with ${signal ?? code}`));
    });
  });
}

interface Answer {
  readonly results: readonly ScriptReport[];
}
