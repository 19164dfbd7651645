/** Runs the programs of the container test: each in a process group, with a limit, and with its output kept. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly limitMs?: number;
}

export interface Outcome {
  readonly status: number;
  /** What it said on both, in the order in which it came. */
  readonly output: string;
}

const MINUTE = 60_000;
/** Enough to see what went wrong. */
const TAIL_LINES = 15;
const KEPT = 1 << 20;

export class Programs {
  private readonly running = new Set<ChildProcess>();
  private isStopped = false;

  /** Never throws for what the program did; throws once `stop` was called. */
  run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    if (this.isStopped) return Promise.reject(new Error('stopped'));
    return this.begin(command, options, this.running);
  }

  /** Likewise for what has to be cleaned up, which `stop` leaves alone. */
  runAlways(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.begin(command, options, new Set());
  }

  private begin(
    command: readonly string[],
    options: RunOptions,
    running: Set<ChildProcess>,
  ): Promise<Outcome> {
    const [program, ...args] = command;
    const child = spawn(program!, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    let output = '';
    const take = (chunk: string): void => {
      output = (output + chunk).slice(-KEPT);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const limitMs = options.limitMs ?? MINUTE;
    const timer = setTimeout(() => {
      take(`\nnot done after ${limitMs / 1000} s\n`);
      killGroup(child);
    }, limitMs);
    return new Promise((done) => {
      const end = (status: number): void => {
        clearTimeout(timer);
        running.delete(child);
        done({ status, output });
      };
      child.once('error', (error) => {
        take(error.message);
        end(-1);
      });
      child.once('close', (code) => end(code ?? -1));
    });
  }

  /** What runs is killed, and nothing more is started. */
  stop(): void {
    this.isStopped = true;
    for (const child of this.running) killGroup(child);
  }
}

/** The output of a command that has to succeed. */
export async function mustRun(
  programs: Programs,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { status, output } = await programs.run(command, options);
  if (status === 0) return output;
  throw new Error(`${command.join(' ')}: status ${status}\n${lastLines(output)}`);
}

export function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  } catch {
    // it ended by itself
  }
}
