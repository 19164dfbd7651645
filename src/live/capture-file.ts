import { closeSync, constants, fchmodSync, openSync, writeSync } from 'node:fs';
import { EBADF, EIO } from '../base/errno.ts';
import type { ByteSink } from '../link/capture-writer.ts';

export interface CaptureFileOptions {
  /** Truncates a file that is there. Otherwise that is EEXIST. */
  readonly overwrite?: boolean;
}

/** A file for a capture. Captures hold other people's traffic: only the owner may read it. */
export class CaptureFile implements ByteSink {
  readonly path: string;
  bytes = 0;
  private fd: number;

  /** Throws what `open` throws, with code, errno, syscall and path. A symbolic link is refused (ELOOP). */
  constructor(path: string, options: CaptureFileOptions = {}) {
    const { O_WRONLY, O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW } = constants;
    const how = options.overwrite === true ? O_TRUNC | O_NOFOLLOW : O_EXCL;
    this.path = path;
    this.fd = openSync(path, O_WRONLY | O_CREAT | how, 0o600);
    try {
      fchmodSync(this.fd, 0o600); // an old file keeps its old rights otherwise
    } catch (error) {
      this.close();
      throw error;
    }
  }

  write(u8: Uint8Array, off: number, len: number): number {
    if (this.fd < 0) return -EBADF;
    let done = 0;
    try {
      while (done < len) done += writeSync(this.fd, u8, off + done, len - done);
    } catch (error) {
      this.bytes += done;
      return (error as NodeJS.ErrnoException).errno ?? -EIO;
    }
    this.bytes += done;
    return 0;
  }

  /** Idempotent. */
  close(): void {
    if (this.fd < 0) return;
    const fd = this.fd;
    this.fd = -1;
    closeSync(fd);
  }
}
