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

/**
 * Answers as they come, with the job's place. A process that ends takes its cell along, and one that takes longer than the
 * limit is ended: the cell has failed; the others go on. When `take` throws all is over.
 */
export async function runJobs(
  jobs: readonly Job[],
  processes: number,
  limitNs: number,
  take: (index: number, answer: Answer) => void,
): Promise<void> {
  let next = 0;
  const workers: Worker[] = [];
  const newWorker = (): Worker => {
    const worker = new Worker();
    workers.push(worker);
    return worker;
  };
  const work = async (): Promise<void> => {
    let worker = newWorker();
    while (next < jobs.length) {
      const index = next++;
      take(index, await worker.run(jobs[index]!, limitNs));
      if (worker.hasEnded && next < jobs.length) worker = newWorker();
    }
    worker.end();
  };
  try {
    await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, work));
  } catch (error) {
    next = jobs.length; // an answer could not be taken: the others need not be
    for (const worker of workers) worker.kill();
    throw error;
  }
}

class Worker {
  hasEnded = false;
  private readonly child: ChildProcessWithoutNullStreams;
  private answer: ((answer: Answer) => void) | null = null;
  private said = '';
  /** It has loaded what it needs: a cell's time does not count before. */
  private readonly isReady: Promise<void>;

  constructor() {
    const command = [...process.execArgv, process.argv[1]!, 'sim', '--lines'];
    this.child = spawn(process.execPath, command);
    const lines = createInterface({ input: this.child.stdout });
    this.isReady = new Promise((done) => {
      lines.once('line', () => done());
      this.child.once('close', () => done());
    });
    this.child.stdin.write('\n');
    lines.on('line', (line) => {
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

  async run(job: Job, limitNs: number): Promise<Answer> {
    const answered = new Promise<Answer>((resolve) => {
      this.answer = resolve;
    });
    this.child.stdin.write(`${JSON.stringify(job)}\n`);
    await this.isReady;
    const timer =
      limitNs === Infinity ? null : setTimeout(() => this.giveUp(limitNs), limitNs / 1e6);
    const answer = await answered;
    if (timer !== null) clearTimeout(timer);
    return answer;
  }

  private giveUp(limitNs: number): void {
    this.kill();
    this.answer?.({ error: `not done after ${limitNs / 1e9} s, the sweep's limit` });
  }

  end(): void {
    this.child.stdin.end();
  }

  kill(): void {
    this.hasEnded = true;
    this.child.kill('SIGKILL');
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
