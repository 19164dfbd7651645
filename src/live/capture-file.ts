import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs';
import { EBADF, EIO } from '../base/errno.ts';
import type { ByteSink } from '../link/capture-writer.ts';

export interface CaptureFileOptions {
  /** Replaces what is in a file that is there, from the first byte written. Otherwise that is EEXIST. */
  readonly overwrite?: boolean;
}

/** A file for a capture. Captures hold other people's traffic: only the owner may read it. */
export class CaptureFile implements ByteSink {
  readonly path: string;
  bytes = 0;
  private fd: number;
  /** What an earlier capture left goes only when there is something to put in its place. */
  private isOld: boolean;

  /** Throws what `open` throws, with code, errno, syscall and path. A symbolic link is refused (ELOOP). */
  constructor(path: string, options: CaptureFileOptions = {}) {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const how = options.overwrite === true ? O_NOFOLLOW : O_EXCL;
    this.path = path;
    this.isOld = options.overwrite === true;
    this.fd = openSync(path, O_WRONLY | O_CREAT | how, 0o600);
    try {
      // An old file keeps its old rights otherwise; what is no file (/dev/null, a pipe) is not ours to close.
      if (fstatSync(this.fd).isFile()) fchmodSync(this.fd, 0o600);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  write(u8: Uint8Array, off: number, len: number): number {
    if (this.fd < 0) return -EBADF;
    let done = 0;
    try {
      if (this.isOld) this.empty();
      while (done < len) done += writeSync(this.fd, u8, off + done, len - done);
    } catch (error) {
      this.bytes += done;
      return (error as NodeJS.ErrnoException).errno ?? -EIO;
    }
    this.bytes += done;
    return 0;
  }

  /** A pipe or a device has nothing to lose, and says EINVAL. */
  private empty(): void {
    this.isOld = false;
    if (fstatSync(this.fd).isFile()) ftruncateSync(this.fd, 0);
  }

  /** Idempotent. */
  close(): void {
    if (this.fd < 0) return;
    const fd = this.fd;
    this.fd = -1;
    closeSync(fd);
  }
}
