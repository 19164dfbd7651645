/**
 * The calls that wait, for one application: coroutines that the driver resumes.
 *
 *     function* server(sys: BlockingCalls): Blocking<void> {
 *       const n = yield* sys.recvfrom(fd, into, 0, from);
 *       …
 *     }
 *
 * A coroutine yields a condition; whoever drives it looks at the condition after each turn and goes on when it
 * holds. Times are deadlines of the stack, so the stack asks for a turn when one passes: what a simulator's
 * applications and the packetdrill runner need, and nothing else. A call waits only when the file has not
 * O_NONBLOCK, and MSG_DONTWAIT is not given; it ends with -EAGAIN when SO_RCVTIMEO or SO_SNDTIMEO has passed,
 * and with -EBADF when the file is closed meanwhile.
 */
import { EAGAIN, EALREADY, EBADF, EINPROGRESS, EINVAL } from '../base/errno.ts';
import { MS, NEVER } from '../base/time.ts';
import { MSG, POLL_READABLE, POLL_WRITABLE } from './abi.ts';
import { Endpoint } from './endpoint.ts';
import { Epoll, type EpollEvents } from './epoll.ts';
import { Message } from './message.ts';
import { type PollFd, pollOnce, watchAll } from './poll.ts';
import type { SockAddr } from './sock-addr.ts';
import type { SocketApi } from './socket-api.ts';
import type { Wait } from './wait.ts';

/** Yields what has to hold before it is resumed; returns what the call returns. */
export type Blocking<T = number> = Generator<() => boolean, T, void>;

export class BlockingCalls {
  readonly api: SocketApi;
  private readonly wait: Wait;

  constructor(api: SocketApi) {
    this.api = api;
    this.wait = api.newWait();
  }

  /** The application has gone in the middle of a call: nothing of the wait is left behind. */
  cancel(): void {
    this.wait.cancel();
  }

  /** For so many nanoseconds. */
  *sleep(ns: number): Blocking<void> {
    this.wait.start(this.nowNs + ns);
    yield this.wait.over;
  }

  *recvfrom(
    fd: number,
    into: Uint8Array | null,
    flags: number,
    from: SockAddr | null = null,
  ): Blocking {
    const first = this.api.recvfrom(fd, into, flags, from);
    if (into === null) return first;
    const isPeek = (flags & MSG.PEEK) !== 0;
    return yield* this.receiveRest(fd, first, into.length, flags, (e, done) =>
      e.receive(isPeek ? into : into.subarray(done), flags, from),
    );
  }

  *recvmsg(fd: number, m: Message, flags: number): Blocking {
    const { iov, bytes } = m;
    const first = this.api.recvmsg(fd, m, flags);
    const isPeek = (flags & MSG.PEEK) !== 0;
    const n = yield* this.receiveRest(fd, first, bytes, flags, (e, done) =>
      e.receiveMessage(isPeek ? m : m.setIov(iovFrom(iov, done)), flags),
    );
    m.setIov(iov);
    return n;
  }

  *read(fd: number, into: Uint8Array | null): Blocking {
    const first = this.api.read(fd, into);
    if (into === null) return first;
    return yield* this.receiveRest(fd, first, into.length, 0, (e, done) =>
      e.receive(into.subarray(done), 0, null),
    );
  }

  *sendto(
    fd: number,
    from: Uint8Array | null,
    flags: number,
    to: SockAddr | null = null,
  ): Blocking {
    const part = partOf(flags);
    const first = this.api.sendto(fd, from, part, to);
    if (from === null) return first;
    const rest = restOf(part);
    return yield* this.sendRest(fd, first, from.length, flags, (e, done) =>
      e.send(from.subarray(done), rest, to),
    );
  }

  *sendmsg(fd: number, m: Message, flags: number): Blocking {
    const { iov, bytes } = m;
    const part = partOf(flags);
    const first = this.api.sendmsg(fd, m, part);
    const rest = restOf(part);
    const n = yield* this.sendRest(fd, first, bytes, flags, (e, done) =>
      e.sendMessage(m.setIov(iovFrom(iov, done)), rest),
    );
    m.setIov(iov);
    return n;
  }

  *write(fd: number, from: Uint8Array | null): Blocking {
    if (typeof this.api.endpoint(fd) !== 'number') return yield* this.sendto(fd, from, 0);
    return this.api.write(fd, from);
  }

  *readv(fd: number, iov: readonly Uint8Array[]): Blocking {
    const m = new Message(iov);
    const first = this.api.readv(fd, iov);
    return yield* this.receiveRest(fd, first, m.bytes, 0, (e, done) =>
      e.receiveMessage(m.setIov(iovFrom(iov, done)), 0),
    );
  }

  *writev(fd: number, iov: readonly Uint8Array[]): Blocking {
    if (typeof this.api.endpoint(fd) === 'number') return this.api.writev(fd, iov);
    return yield* this.sendmsg(fd, new Message(iov), 0);
  }

  /** With SO_LINGER, until what was written is acknowledged, or the time has passed. */
  *close(fd: number): Blocking {
    const file = this.api.files.get(fd);
    const result = this.api.close(fd);
    if (!(file instanceof Endpoint) || !file.isClosed || !file.isLingering()) return result;
    this.wait.start(this.nowNs + file.lingerNs());
    yield () => this.wait.isOver || !file.isLingering();
    this.wait.cancel();
    return result;
  }

  /** Until the connection stands, or has failed; -EINPROGRESS when SO_SNDTIMEO has passed before. */
  *connect(fd: number, address: SockAddr): Blocking {
    const first = this.api.connect(fd, address);
    const e = this.api.endpoint(fd);
    const isUnderWay = first === -EINPROGRESS || first === -EALREADY;
    if (!isUnderWay || typeof e === 'number' || e.isNonBlocking) return first;
    return yield* this.untilOpen(e, first, this.nowNs + e.sendTimeoutNs);
  }

  private *untilOpen(e: Endpoint, first: number, untilNs: number): Blocking {
    while ((e.ready() & POLL_WRITABLE) === 0) {
      this.wait.watch(e, POLL_WRITABLE);
      this.wait.start(untilNs);
      yield this.wait.over;
      if (e.isClosed) return -EBADF;
      if (this.wait.hasTimedOut) return first;
    }
    return e.finishConnect();
  }

  *accept(fd: number, peer: SockAddr | null = null, flags: number = 0): Blocking {
    const first = this.api.accept(fd, peer, flags);
    return yield* this.receiveRest(fd, first, 0, 0, (e) => this.api.acceptFrom(e, peer, flags));
  }

  /** `timeoutMs` < 0: for ever. */
  *poll(entries: readonly PollFd[], timeoutMs: number): Blocking {
    const { files } = this.api;
    const untilNs = this.untilMs(timeoutMs);
    let n = pollOnce(files, entries);
    while (n === 0 && timeoutMs !== 0) {
      watchAll(files, entries, this.wait);
      this.wait.start(untilNs);
      yield this.wait.over;
      n = pollOnce(files, entries);
      if (this.wait.hasTimedOut) return n;
    }
    return n;
  }

  *epollWait(epfd: number, out: EpollEvents, max: number, timeoutMs: number): Blocking {
    const untilNs = this.untilMs(timeoutMs);
    const epoll = this.api.files.get(epfd);
    let n = this.api.epollWait(epfd, out, max);
    if (!(epoll instanceof Epoll)) return n === 0 ? -EINVAL : n;
    while (n === 0 && timeoutMs !== 0) {
      this.wait.watch(epoll, POLL_READABLE);
      this.wait.start(untilNs);
      yield this.wait.over;
      if (epoll.isClosed) return -EBADF;
      n = epoll.take(out, max);
      if (this.wait.hasTimedOut) return n;
    }
    return n;
  }

  private get nowNs(): number {
    return this.api.stack.env.nowNs;
  }

  private untilMs(timeoutMs: number): number {
    return timeoutMs < 0 ? NEVER : this.nowNs + timeoutMs * MS;
  }

  /**
   * A receive that found nothing, or a stream's that found less than it has to: it waits and goes on.
   * What was received before an error or the end of the time is the result.
   */
  private *receiveRest(
    fd: number,
    first: number,
    asked: number,
    flags: number,
    attempt: (e: Endpoint, done: number) => number,
  ): Blocking {
    if (first !== -EAGAIN && first <= 0) return first;
    const e = this.api.endpoint(fd);
    if (typeof e === 'number') return first; // not a socket: it does not wait
    if (first > 0 && !e.wantsMore(first, asked, flags)) return first;
    if (e.isNonBlocking || (flags & (MSG.DONTWAIT | MSG.ERRQUEUE)) !== 0) return first;
    const untilNs = this.nowNs + e.receiveTimeoutNs;
    const isPeek = (flags & MSG.PEEK) !== 0;
    let done = Math.max(first, 0);
    for (;;) {
      // Whoever shut the socket for reading does not wait for what is not kept: the end, as on Linux.
      if (e.isReadShut) return done;
      const n = yield* this.again(e, POLL_READABLE, untilNs, done, attempt);
      if (n > 0) done = isPeek ? n : done + n;
      if (n === 0 || (n < 0 && n !== -EAGAIN)) return done > 0 ? done : n;
      if (done > 0 && !e.wantsMore(done, asked, flags)) return done;
      if (this.wait.hasTimedOut) return done > 0 ? done : n;
    }
  }

  /** A send that found no room, or not enough: it waits and goes on until all is written. */
  private *sendRest(
    fd: number,
    first: number,
    asked: number,
    flags: number,
    attempt: (e: Endpoint, done: number) => number,
  ): Blocking {
    const e = this.api.endpoint(fd);
    if (typeof e === 'number') return first; // not a socket: it does not wait
    const isOpening = e.isOpening() && (first >= 0 || first === -EINPROGRESS);
    if (!isOpening && first !== -EAGAIN && (first < 0 || first >= asked)) return first;
    if (e.isNonBlocking || (flags & MSG.DONTWAIT) !== 0) return first;
    const untilNs = this.nowNs + e.sendTimeoutNs;
    let done = Math.max(first, 0);
    if (isOpening) {
      const failed = yield* this.untilOpen(e, first, untilNs);
      if (failed !== 0) return failed;
    }
    let mayTry = isOpening;
    for (;;) {
      if (done >= asked) return done;
      const n = mayTry
        ? attempt(e, done)
        : yield* this.again(e, POLL_WRITABLE, untilNs, done, attempt);
      mayTry = false;
      if (n >= 0) done += n;
      if (done >= asked) return done;
      if ((n < 0 && n !== -EAGAIN) || this.wait.hasTimedOut) {
        if (done === 0) return n;
        e.endSend();
        return done;
      }
    }
  }

  /** Waits, then tries. The file is the one the call began with, whatever its descriptor stands for by now. */
  private *again(
    e: Endpoint,
    events: number,
    untilNs: number,
    done: number,
    attempt: (e: Endpoint, done: number) => number,
  ): Blocking {
    this.wait.watch(e, events);
    this.wait.start(untilNs);
    yield this.wait.over;
    return e.isClosed ? -EBADF : attempt(e, done);
  }
}

/** A send that may wait comes back with the rest. */
function partOf(flags: number): number {
  return (flags & MSG.DONTWAIT) !== 0 ? flags : flags | MSG.UNFINISHED;
}

/** And it opens nothing: what it waited for is open, or is not to be. */
const restOf = (part: number): number => (part & ~MSG.FASTOPEN) | MSG.WAITED;

/** What is left of the buffers behind the first `bytes`. */
function iovFrom(iov: readonly Uint8Array[], bytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = bytes;
  for (const piece of iov) {
    if (skip < piece.length) rest.push(piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return rest;
}
