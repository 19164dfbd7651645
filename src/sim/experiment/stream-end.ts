/**
 * One end of a flow's connection: it writes as much as it is told, and counts what it reads.
 *
 * As everywhere, a connection only marks it ready; it acts when its stack's input is done (`ReadyEnds`).
 */
import { EAGAIN } from '../../base/errno.ts';
import type { ReadyDrain } from '../../stack/stack.ts';
import type { TcpConnection } from '../../tcp/connection.ts';
import type { ConnectionOwner } from '../../tcp/endpoint.ts';
import { tcpClose, tcpDiscard, tcpShutdown, tcpWriteZeros } from '../../tcp/user-calls.ts';

/** Of a write. */
const MOST_BYTES = 65536;
const ALL = 1 << 30;

export interface StreamUser {
  /** It stands; called once, before anything else. */
  begun(end: StreamEnd): void;
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
  /** Whether this end opened the connection. */
  readonly isOpener: boolean;
  private readonly c: TcpConnection;
  private readonly user: StreamUser;
  private readonly ready: ReadyEnds;
  private pending = 0;
  private isListed = false;
  private hasBegun = false;
  private isLast = false;
  private hasFinished = false;
  /** Null while the connection is there. */
  private endedWith: number | null = null;
  private isClosed = false;

  constructor(c: TcpConnection, isOpener: boolean, user: StreamUser, ready: ReadyEnds) {
    this.c = c;
    this.isOpener = isOpener;
    this.user = user;
    this.ready = ready;
    c.setOwner(this);
    this.list();
  }

  /** So many bytes more; Infinity: without end. */
  send(bytes: number): void {
    this.pending += bytes;
    this.list();
  }

  /** What is not in the send buffer yet will not be sent. */
  hold(): void {
    this.pending = 0;
  }

  /** The end of the stream follows what is pending. */
  finish(): void {
    this.isLast = true;
    this.list();
  }

  /** No more of it concerns the flow. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    tcpClose(this.c);
  }

  readable(): void {
    this.list();
  }

  /** Told after every output, refused or not: who has written all of it wants no turn for that. */
  writable(): void {
    if (this.pending > 0) this.list();
  }

  closed(errno: number): void {
    this.endedWith = errno;
    this.list();
  }

  /** All that there is to do now. */
  run(): void {
    this.isListed = false;
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.user.begun(this);
    }
    this.read();
    if (this.isClosed) return;
    if (this.endedWith === null) {
      this.write();
      return;
    }
    this.close();
    this.user.closed(this, this.endedWith);
  }

  private read(): void {
    while (!this.hasFinished && !this.isClosed) {
      const n = tcpDiscard(this.c, ALL);
      if (n === -EAGAIN) return;
      if (n <= 0) {
        this.hasFinished = true;
        this.user.finished(this);
        return;
      }
      this.received += n;
      this.user.got(this, n);
    }
  }

  private write(): void {
    while (this.pending > 0) {
      const n = tcpWriteZeros(this.c, Math.min(this.pending, MOST_BYTES));
      if (n < 0) return;
      this.pending -= n;
    }
    if (!this.isLast) return;
    this.isLast = false;
    tcpShutdown(this.c);
  }

  private list(): void {
    if (this.isListed || this.isClosed) return;
    this.isListed = true;
    this.ready.add(this);
  }
}

/** The ends on one stack that have something to do, in the order in which they got it. */
export class ReadyEnds implements ReadyDrain {
  /** The first `count`: an array that is emptied gives its room away, and would be made anew in each turn. */
  private readonly list: (Ready | null)[] = [];
  private count = 0;

  get hasReady(): boolean {
    return this.count > 0;
  }

  add(end: Ready): void {
    this.list[this.count++] = end;
  }

  /** Those too that get something to do meanwhile. */
  drainReady(): void {
    for (let i = 0; i < this.count; i++) {
      const end = this.list[i]!;
      this.list[i] = null;
      end.run();
    }
    this.count = 0;
  }

  closeAll(): void {
    this.list.length = 0;
    this.count = 0;
  }
}

interface Ready {
  run(): void;
}
