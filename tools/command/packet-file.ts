import { closeSync, openSync, writeSync } from 'node:fs';
import type { ByteSink } from '../../src/link/capture-writer.ts';

/** A capture into a file. What cannot be written ends the run with the system's error, as in a LineFile. */
export class PacketFile implements ByteSink {
  private readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, 'w');
  }

  write(u8: Uint8Array, off: number, len: number): number {
    for (let done = 0; done < len; ) done += writeSync(this.fd, u8, off + done, len - done);
    return 0;
  }

  close(): void {
    closeSync(this.fd);
  }
}
