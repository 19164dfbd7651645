/** Tells that one of some files has changed, once it has been left alone for a moment. */
import { type StatsListener, unwatchFile, watchFile } from 'node:fs';

/**
 * Asked for by name, again and again: so a file may be replaced, as editors do, be the end of a symbolic link, or lie on a
 * file system that reports no changes.
 */
const PERIOD_MS = 200;
/** Who saves several files, or one in several writes, is done by then. */
const QUIET_MS = 100;

export class FileWatch {
  private readonly paths = new Set<string>();
  private readonly changed: () => void;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;
  private readonly heard: StatsListener = (now) => {
    if (now.nlink > 0) this.wait(); // while it is away there is nothing to be read
  };

  constructor(changed: () => void) {
    this.changed = changed;
  }

  /** Neither a file nor the watch is a reason for the process to stay. After `close` nothing is watched. */
  add(path: string): void {
    if (this.isClosed || this.paths.has(path)) return;
    this.paths.add(path);
    watchFile(path, { interval: PERIOD_MS, persistent: false }, this.heard);
  }

  close(): void {
    this.isClosed = true;
    for (const path of this.paths) unwatchFile(path, this.heard);
    this.paths.clear();
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private wait(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = null;
      this.changed();
    }, QUIET_MS).unref();
  }
}
