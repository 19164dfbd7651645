/** One end of a flow's connection: it writes as much as it is told, and counts what it reads. */
import { EAGAIN } from '../../base/errno.ts';
import type { TcpConnection } from '../../tcp/connection.ts';
import type { ConnectionOwner } from '../../tcp/endpoint.ts';
import { tcpClose, tcpDiscard, tcpShutdown, tcpWrite } from '../../tcp/user-calls.ts';

/** What is sent; nobody looks at it. */
const ZEROS = new Uint8Array(65536);
const ALL = 1 << 30;

export interface StreamUser {
  /** So many bytes more have been read from `end`. */
  got(end: StreamEnd, bytes: number): void;
  /** The peer has sent its last byte. */
  finished(end: StreamEnd): void;
  /** The connection is over; errno 0 after an orderly close. */
  closed(end: StreamEnd, errno: number): void;
}

export class StreamEnd implements ConnectionOwner {
  /** Bytes read so far. */
  received = 0;
  readonly c: TcpConnection;
  private readonly user: StreamUser;
  private pending = 0;
  private isLast = false;
  private hasFinished = false;

  constructor(c: TcpConnection, user: StreamUser) {
    this.c = c;
    this.user = user;
  }

  /** From here on it hears of the connection. */
  begin(): void {
    this.c.setOwner(this);
    this.readable();
  }

  /** So many bytes more; Infinity: without end. */
  send(bytes: number): void {
    this.pending += bytes;
    this.writable();
  }

  /** What is not in the send buffer yet will not be sent. */
  hold(): void {
    this.pending = 0;
  }

  /** The end of the stream follows what is pending. */
  finish(): void {
    this.isLast = true;
    this.writable();
  }

  close(): void {
    tcpClose(this.c);
  }

  writable(): void {
    while (this.pending > 0) {
      const part = this.pending < ZEROS.length ? ZEROS.subarray(0, this.pending) : ZEROS;
      const n = tcpWrite(this.c, part);
      if (n < 0) return;
      this.pending -= n;
    }
    if (!this.isLast) return;
    this.isLast = false;
    tcpShutdown(this.c);
  }

  readable(): void {
    for (;;) {
      const n = tcpDiscard(this.c, ALL);
      if (n === -EAGAIN) return;
      if (n <= 0) break;
      this.received += n;
      this.user.got(this, n);
    }
    if (this.hasFinished) return;
    this.hasFinished = true;
    this.user.finished(this);
  }

  closed(errno: number): void {
    this.readable();
    this.user.closed(this, errno);
    this.c.release();
  }
}
