/**
 * Finds what a run left behind. Every process that the run starts inherits a mark in its environment; one
 * that still has it afterwards escaped, and whatever namespace it lives in escaped with it.
 */
import { readdirSync, readFileSync } from 'node:fs';

export const RUN_MARK = 'RINGWAY_TEST_RUN';

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** The processes, other than this one, whose environment has the mark. */
export function markedProcesses(mark: string): Leftover[] {
  const found: Leftover[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    if (!readProc(pid, 'environ').split('\0').includes(`${RUN_MARK}=${mark}`)) continue;
    const command = readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();
    if (command === '' || isZombie(pid)) continue; // it is ending: the kernel has taken its memory
    found.push({ pid, command });
  }
  return found;
}

/** Kills them, by number: they are ours, the mark says so. */
export function killAll(leftovers: readonly Leftover[]): void {
  for (const { pid } of leftovers) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended by itself
    }
  }
}

function isZombie(pid: number): boolean {
  return / Z /.test(readProc(pid, 'stat').replace(/^.*\)/, ''));
}

/** Empty when the process is gone or not ours to read. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
