/**
 * Ends the run when those who started it are gone. A terminal's signals reach everybody, but `kill -9`
 * of npm, or of a loader between npm and us, reaches only its victim: what it started has to notice.
 */
import { readFileSync } from 'node:fs';

const PERIOD_MS = 500;

interface Ancestor {
  readonly pid: number;
  /** In ticks since boot: tells a process from a later one of the same number. */
  readonly startedAt: string;
}

/** Calls `ended` once when one of the processes up to npm has died. Without npm, nobody is watched. */
export function onOrphaned(ended: () => void): void {
  const watched = upToNpm();
  if (watched.length === 0) return;
  const timer = setInterval(() => {
    if (watched.every((a) => statusOf(a.pid)?.startedAt === a.startedAt)) return;
    clearInterval(timer);
    ended();
  }, PERIOD_MS);
  timer.unref();
}

/** What npm starts has npm_lifecycle_event in its environment; npm itself has not. */
function upToNpm(): Ancestor[] {
  const found: Ancestor[] = [];
  let pid = process.pid;
  while (startedByNpm(pid)) {
    const parent = statusOf(pid)?.parent;
    const status = parent === undefined ? null : statusOf(parent);
    if (parent === undefined || status === null) break;
    found.push({ pid: parent, startedAt: status.startedAt });
    pid = parent;
  }
  return found;
}

function startedByNpm(pid: number): boolean {
  try {
    return /(^|\0)npm_lifecycle_event=/.test(readFileSync(`/proc/${pid}/environ`, 'latin1'));
  } catch {
    return false;
  }
}

/** From /proc/pid/stat, behind the name in parentheses; null for what is dead or a zombie. */
function statusOf(pid: number): { parent: number; startedAt: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return null;
    return { parent: Number(fields[1]), startedAt: fields[19]! };
  } catch {
    return null;
  }
}
