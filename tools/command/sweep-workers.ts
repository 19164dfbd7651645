/** Cells shared among processes: each is `ringway sim --lines`, and gets the next cell when it has answered. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Summary } from '../../src/sim/experiment/summary.ts';

export interface Job {
  readonly file: string;
  readonly value: unknown;
  /** A group of flows, which runs without the others. */
  readonly only: string | null;
}

export type Answer = Summary | { readonly error: string };

/** Answers as they come, with the job's place. A process that ends takes its cell along: it has failed; the others go on. */
export async function runJobs(
  jobs: readonly Job[],
  processes: number,
  take: (index: number, answer: Answer) => void,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    let worker = new Worker();
    while (next < jobs.length) {
      const index = next++;
      take(index, await worker.run(jobs[index]!));
      if (worker.hasEnded) worker = new Worker();
    }
    worker.end();
  };
  await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, work));
}

class Worker {
  hasEnded = false;
  private readonly child: ChildProcessWithoutNullStreams;
  private answer: ((answer: Answer) => void) | null = null;
  private said = '';

  constructor() {
    const command = [...process.execArgv, process.argv[1]!, 'sim', '--lines'];
    this.child = spawn(process.execPath, command);
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const answer = answerOf(line);
      if (answer !== null) this.answer?.(answer);
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.said = (this.said + text).slice(-400);
    });
    this.child.stdin.on('error', () => undefined); // it has ended, and `close` says so
    this.child.once('close', (code, signal) => {
      this.hasEnded = true;
      const last = this.said.trim().split('\n').at(-1) ?? '';
      this.answer?.({
        error: `the process ended with ${signal ?? code}${last === '' ? '' : `: ${last}`}`,
      });
    });
  }

  run(job: Job): Promise<Answer> {
    return new Promise((resolve) => {
      this.answer = resolve;
      this.child.stdin.write(`${JSON.stringify(job)}\n`);
    });
  }

  end(): void {
    this.child.stdin.end();
  }
}

/** Null for what a module has printed. */
function answerOf(line: string): Answer | null {
  try {
    const value = JSON.parse(line) as Partial<Summary & { error: string }> | null;
    if (typeof value !== 'object' || value === null) return null;
    return 'error' in value || 'flows' in value ? (value as Answer) : null;
  } catch {
    return null;
  }
}
