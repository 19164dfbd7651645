/** Descriptors: small integers, the lowest free one first, as POSIX has it. */
import { EBADF, EINVAL, EMFILE } from '../base/errno.ts';
import type { OpenFile } from './open-file.ts';

class Descriptor {
  readonly file: OpenFile;
  isCloseOnExec: boolean;

  constructor(file: OpenFile, isCloseOnExec: boolean) {
    this.file = file;
    this.isCloseOnExec = isCloseOnExec;
  }
}

export class FdTable {
  private readonly entries: (Descriptor | null)[] = [];
  /** No descriptor below this one is free. */
  private lowest: number;
  private open = 0;
  private readonly first: number;
  /** RLIMIT_NOFILE: descriptors are below it. */
  private readonly limit: number;

  /** @param first the lowest ever given: 3 leaves the standard streams' numbers alone. */
  constructor(first: number, limit: number) {
    this.first = first;
    this.limit = limit;
    this.lowest = first;
    for (let i = 0; i < first; i++) this.entries.push(null);
  }

  get size(): number {
    return this.open;
  }

  get(fd: number): OpenFile | null {
    const entry = this.entries[fd];
    return entry === undefined || entry === null ? null : entry.file;
  }

  /** The lowest free descriptor at or above `least`, or -EMFILE, or -EINVAL when `least` is out of range. */
  add(file: OpenFile, least: number = 0, isCloseOnExec: boolean = false): number {
    if (least < 0 || least >= this.limit) return -EINVAL;
    let fd = Math.max(least, this.lowest);
    while (fd < this.entries.length && this.entries[fd] !== null) fd++;
    if (fd >= this.limit) return -EMFILE;
    if (least <= this.lowest) this.lowest = fd + 1;
    this.put(fd, new Descriptor(file, isCloseOnExec));
    return fd;
  }

  /** Whether `add` would find one. */
  hasRoom(): boolean {
    return this.open < this.limit - this.first;
  }

  /** `dup2`: `fd` stands for `file` from now on; what it stood for is closed. */
  replace(fd: number, file: OpenFile): number {
    if (fd < this.first || fd >= this.limit) return -EBADF;
    if (this.get(fd) !== null) this.close(fd);
    if (fd === this.lowest) this.lowest++;
    this.put(fd, new Descriptor(file, false));
    return fd;
  }

  /** The file goes with its last descriptor. */
  close(fd: number): number {
    const entry = this.entries[fd];
    if (entry === undefined || entry === null) return -EBADF;
    this.entries[fd] = null;
    this.open--;
    if (fd < this.lowest) this.lowest = fd;
    const { file } = entry;
    file.descriptors--;
    return file.descriptors > 0 ? 0 : file.close();
  }

  closeAll(): void {
    for (let fd = this.first; fd < this.entries.length; fd++) this.close(fd);
  }

  isCloseOnExec(fd: number): boolean {
    return this.entries[fd]?.isCloseOnExec ?? false;
  }

  setCloseOnExec(fd: number, isOn: boolean): void {
    const entry = this.entries[fd];
    if (entry !== undefined && entry !== null) entry.isCloseOnExec = isOn;
  }

  private put(fd: number, entry: Descriptor): void {
    while (this.entries.length <= fd) this.entries.push(null);
    this.entries[fd] = entry;
    entry.file.descriptors++;
    this.open++;
  }
}
