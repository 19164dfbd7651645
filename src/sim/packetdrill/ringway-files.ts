/** What calls of scripts work on besides sockets: a pipe, and files that a script has made. */
import { EAGAIN, EBADF, EINVAL, EPIPE } from '../../base/errno.ts';
import { POLL_ALWAYS, POLL_READABLE, POLL_WRITABLE } from '../../socket/abi.ts';
import { OpenFile } from '../../socket/open-file.ts';

/** Linux's default: 16 pages. */
const PIPE_BYTES = 65536;

class PipeBuffer {
  private readonly bytes = new Uint8Array(PIPE_BYTES);
  private from = 0;
  count = 0;
  ends = 2;

  get room(): number {
    return PIPE_BYTES - this.count;
  }

  closeEnd(): void {
    this.ends--;
  }

  put(bytes: Uint8Array): number {
    const n = Math.min(bytes.length, this.room);
    for (let i = 0; i < n; i++) this.bytes[(this.from + this.count + i) % PIPE_BYTES] = bytes[i]!;
    this.count += n;
    return n;
  }

  take(into: Uint8Array): number {
    const n = Math.min(into.length, this.count);
    for (let i = 0; i < n; i++) into[i] = this.bytes[(this.from + i) % PIPE_BYTES]!;
    this.from = (this.from + n) % PIPE_BYTES;
    this.count -= n;
    return n;
  }
}

/** One end of a pipe. Never waits: there is one application, and it is the one that asks. */
export class PipeEnd extends OpenFile {
  private readonly buffer: PipeBuffer;
  private readonly isWriter: boolean;

  constructor(buffer: PipeBuffer, isWriter: boolean) {
    super(false);
    this.buffer = buffer;
    this.isWriter = isWriter;
  }

  /** Bytes that `read` has, or `write` has room for. */
  get available(): number {
    return this.isWriter ? this.buffer.room : this.buffer.count;
  }

  ready(): number {
    if (this.available > 0) return this.isWriter ? POLL_WRITABLE : POLL_READABLE;
    return this.buffer.ends < 2 ? POLL_ALWAYS : 0;
  }

  override read(into: Uint8Array): number {
    if (this.isWriter) return -EBADF;
    if (this.buffer.count === 0) return this.buffer.ends < 2 ? 0 : -EAGAIN;
    return this.buffer.take(into);
  }

  override write(from: Uint8Array): number {
    if (!this.isWriter) return -EBADF;
    if (this.buffer.ends < 2) return -EPIPE;
    return this.buffer.room === 0 ? -EAGAIN : this.buffer.put(from);
  }

  protected destroy(): number {
    this.buffer.closeEnd();
    return 0;
  }
}

/** The end to read from and the end to write to. */
export function openPipe(): [PipeEnd, PipeEnd] {
  const buffer = new PipeBuffer();
  return [new PipeEnd(buffer, false), new PipeEnd(buffer, true)];
}

/** A file opened for reading. */
export class PlainFile extends OpenFile {
  private readonly bytes: Uint8Array;
  private position = 0;

  constructor(bytes: Uint8Array) {
    super(false);
    this.bytes = bytes;
  }

  ready(): number {
    return POLL_READABLE;
  }

  override read(into: Uint8Array): number {
    const n = this.readAt(this.position, into);
    this.position += Math.max(0, n);
    return n;
  }

  readAt(offset: number, into: Uint8Array): number {
    if (offset < 0) return -EINVAL;
    const part = this.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  protected destroy(): number {
    return 0;
  }
}
