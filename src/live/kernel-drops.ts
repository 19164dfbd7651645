import { readFileSync } from 'node:fs';

/** Words of a line of /proc/net/dev after the name: receive has eight, drops are the fourth of each half. */
const COLUMN = { rx: 3, tx: 11 } as const;

/** The kernel's drop counter of an interface of this network namespace; 0 when there is none. */
export function kernelDrops(name: string, side: 'rx' | 'tx'): number {
  const table = readFileSync('/proc/thread-self/net/dev', 'latin1');
  for (const line of table.split('\n')) {
    const colon = line.lastIndexOf(': ');
    if (colon < 0 || line.slice(0, colon).trim() !== name) continue;
    return Number(
      line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)[COLUMN[side]],
    );
  }
  return 0;
}
