/** The small TCP services: echo (RFC 862), discard (RFC 863), character generator (RFC 864). */
import { EAGAIN } from '../../src/base/errno.ts';
import type { EventLoop, Handler } from './event-loop.ts';

export const ECHO_PORT = 7;
export const DISCARD_PORT = 9;
export const CHARGEN_PORT = 19;

/** One for all connections of a service: nobody keeps bytes in it from one call to the next. */
const BUFFER_BYTES = 65_536;

/** Gives back what it gets. Reads no further than it can write, so a peer that does not read is not read either. */
export class Echo implements Handler {
  private readonly loop: EventLoop;
  private readonly fd: number;
  private readonly buffer: Uint8Array;
  /** Read and not yet written. */
  private rest: Uint8Array | null = null;

  constructor(loop: EventLoop, fd: number, buffer: Uint8Array) {
    this.loop = loop;
    this.fd = fd;
    this.buffer = buffer;
  }

  ready(): void {
    while (this.writeRest()) {
      const n = this.loop.api.read(this.fd, this.buffer);
      if (n === -EAGAIN) return;
      if (n <= 0) {
        this.loop.close(this.fd);
        return;
      }
      this.rest = this.buffer.subarray(0, n);
    }
  }

  /** False: it has to wait, or it is over. */
  private writeRest(): boolean {
    if (this.rest === null) return true;
    const n = this.loop.api.write(this.fd, this.rest);
    if (n === this.rest.length) {
      this.rest = null;
      return true;
    }
    if (n < 0 && n !== -EAGAIN) this.loop.close(this.fd);
    // The buffer is everybody's: what waits is a copy of one's own.
    else this.rest = this.rest.slice(Math.max(0, n));
    return false;
  }
}

/** Reads, and forgets. */
export class Discard implements Handler {
  private readonly loop: EventLoop;
  private readonly fd: number;
  private readonly buffer: Uint8Array;

  constructor(loop: EventLoop, fd: number, buffer: Uint8Array) {
    this.loop = loop;
    this.fd = fd;
    this.buffer = buffer;
  }

  ready(): void {
    let n: number;
    do n = this.loop.api.read(this.fd, this.buffer);
    while (n > 0);
    if (n !== -EAGAIN) this.loop.close(this.fd);
  }
}

const FIRST = 0x20;
const PRINTABLE = 95;
const LINE = 72;

/** RFC 864's pattern: lines of 72 of the 95 printable characters, each begun one further. It repeats after 95 lines. */
function chargenLines(): Uint8Array {
  const lines = new Uint8Array(PRINTABLE * (LINE + 2));
  for (let row = 0, at = 0; row < PRINTABLE; row++) {
    for (let i = 0; i < LINE; i++) lines[at++] = FIRST + ((row + i) % PRINTABLE);
    lines[at++] = 0x0d;
    lines[at++] = 0x0a;
  }
  return lines;
}

/** Writes as fast as the peer reads, and no longer than it is there; what comes in is thrown away. */
export class Chargen implements Handler {
  private readonly loop: EventLoop;
  private readonly fd: number;
  private readonly buffer: Uint8Array;
  private readonly lines: Uint8Array;
  private at = 0;

  constructor(loop: EventLoop, fd: number, buffer: Uint8Array, lines: Uint8Array) {
    this.loop = loop;
    this.fd = fd;
    this.buffer = buffer;
    this.lines = lines;
  }

  ready(): void {
    let n: number;
    do n = this.loop.api.read(this.fd, this.buffer);
    while (n > 0);
    while (n === 0 || n === -EAGAIN) {
      const wrote = this.loop.api.write(this.fd, this.lines.subarray(this.at));
      if (wrote === -EAGAIN) return; // its send buffer is full
      if (wrote < 0) break;
      this.at = (this.at + wrote) % this.lines.length;
    }
    this.loop.close(this.fd); // reset, or timed out
  }
}

/** Opens the three. Returns 0, or -errno of the first that failed. */
export function openSmallServices(loop: EventLoop): number {
  const buffer = new Uint8Array(BUFFER_BYTES);
  const lines = chargenLines();
  const results = [
    loop.listen(ECHO_PORT, (fd) => new Echo(loop, fd, buffer)),
    loop.listen(DISCARD_PORT, (fd) => new Discard(loop, fd, buffer)),
    loop.listen(CHARGEN_PORT, (fd) => new Chargen(loop, fd, buffer, lines)),
  ];
  return results.find((result) => result < 0) ?? 0;
}
