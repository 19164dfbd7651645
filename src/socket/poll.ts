import { POLL, POLL_ALWAYS } from './abi.ts';
import type { FdTable } from './fd-table.ts';
import type { Wait } from './wait.ts';

/** `struct pollfd`. */
export class PollFd {
  fd: number;
  events: number;
  revents = 0;

  constructor(fd: number, events: number) {
    this.fd = fd;
    this.events = events;
  }
}

/** Fills in `revents`; how many are not 0. A negative descriptor is passed over. */
export function pollOnce(files: FdTable, entries: readonly PollFd[]): number {
  let n = 0;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    entry.revents = 0;
    if (entry.fd < 0) continue;
    const file = files.get(entry.fd);
    entry.revents = file === null ? POLL.NVAL : file.ready() & (entry.events | POLL_ALWAYS);
    if (entry.revents !== 0) n++;
  }
  return n;
}

/** Adds them all to a wait. */
export function watchAll(files: FdTable, entries: readonly PollFd[], wait: Wait): void {
  for (let i = 0; i < entries.length; i++) {
    const { fd, events } = entries[i]!;
    const file = fd < 0 ? null : files.get(fd);
    if (file !== null) wait.watch(file, events);
  }
}
