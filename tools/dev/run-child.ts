/**
 * Runs node in a process group of its own, so that a time-out or Ctrl-C takes what it started with it, and
 * hands over its output line by line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Between the request to end and the end. */
const GRACE_MS = 3000;

export interface ChildOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limitMs: number;
  readonly onLine: (line: string) => void;
}

const running = new Set<ChildProcess>();
let isStopped = false;

/** Whether the user asked for the end: nothing more should be started. */
export function wasStopped(): boolean {
  return isStopped;
}

export function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      isStopped = true;
      for (const child of running) stopGroup(child);
    });
  }
}

/** Resolves with '' when it ended well, or with how it ended. */
export async function runNode(args: readonly string[], options: ChildOptions): Promise<string> {
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    detached: true,
    env: options.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stopGroup(child);
  }, options.limitMs);
  createInterface({ input: child.stdout! }).on('line', options.onLine);
  const how = await new Promise<string>((done) => {
    child.on('error', (error) => done(String(error)));
    child.on('close', (code, signal) => done(code === 0 ? '' : `ended with ${signal ?? code}`));
  });
  clearTimeout(timer);
  running.delete(child);
  return isLate ? `not done after ${Math.round(options.limitMs / 1000)} s` : how;
}

function stopGroup(child: ChildProcess): void {
  signalGroup(child, 'SIGTERM');
  setTimeout(() => {
    if (running.has(child)) signalGroup(child, 'SIGKILL');
  }, GRACE_MS).unref();
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // the group is gone
  }
}
