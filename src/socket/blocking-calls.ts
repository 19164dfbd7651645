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
import { EAGAIN, EBADF, EINPROGRESS, EINVAL } from '../base/errno.ts';
import { MS, NEVER } from '../base/time.ts';
import { MSG, POLL_READABLE, POLL_WRITABLE } from './abi.ts';
import type { Endpoint } from './endpoint.ts';
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
    if (first !== -EAGAIN || into === null) return first;
    return yield* this.readAgain(fd, flags, (e) => e.receive(into, flags, from));
  }

  *recvmsg(fd: number, m: Message, flags: number): Blocking {
    const first = this.api.recvmsg(fd, m, flags);
    if (first !== -EAGAIN) return first;
    return yield* this.readAgain(fd, flags, (e) => e.receiveMessage(m, flags));
  }

  *read(fd: number, into: Uint8Array | null): Blocking {
    const first = this.api.read(fd, into);
    if (first !== -EAGAIN || into === null) return first;
    return yield* this.readAgain(fd, 0, (e) => e.receive(into, 0, null));
  }

  *sendto(
    fd: number,
    from: Uint8Array | null,
    flags: number,
    to: SockAddr | null = null,
  ): Blocking {
    const first = this.api.sendto(fd, from, flags, to);
    if (first !== -EAGAIN || from === null) return first;
    return yield* this.writeAgain(fd, flags, (e) => e.send(from, flags, to));
  }

  *sendmsg(fd: number, m: Message, flags: number): Blocking {
    const first = this.api.sendmsg(fd, m, flags);
    if (first !== -EAGAIN) return first;
    return yield* this.writeAgain(fd, flags, (e) => e.sendMessage(m, flags));
  }

  *write(fd: number, from: Uint8Array | null): Blocking {
    const first = this.api.write(fd, from);
    if (first !== -EAGAIN || from === null) return first;
    return yield* this.writeAgain(fd, 0, (e) => e.send(from, 0, null));
  }

  *readv(fd: number, iov: readonly Uint8Array[]): Blocking {
    const first = this.api.readv(fd, iov);
    if (first !== -EAGAIN) return first;
    const m = new Message(iov);
    return yield* this.readAgain(fd, 0, (e) => e.receiveMessage(m, 0));
  }

  *writev(fd: number, iov: readonly Uint8Array[]): Blocking {
    const first = this.api.writev(fd, iov);
    if (first !== -EAGAIN) return first;
    const m = new Message(iov);
    return yield* this.writeAgain(fd, 0, (e) => e.sendMessage(m, 0));
  }

  /** Until the connection stands, or has failed; -EINPROGRESS when SO_SNDTIMEO has passed before. */
  *connect(fd: number, address: SockAddr): Blocking {
    const first = this.api.connect(fd, address);
    const e = this.api.endpoint(fd);
    if (first !== -EINPROGRESS || typeof e === 'number' || e.isNonBlocking) return first;
    const untilNs = this.nowNs + e.sendTimeoutNs;
    while ((e.ready() & POLL_WRITABLE) === 0) {
      this.wait.watch(e, POLL_WRITABLE);
      this.wait.start(untilNs);
      yield this.wait.over;
      if (e.isClosed) return -EBADF;
      if (this.wait.hasTimedOut) return -EINPROGRESS;
    }
    return -e.takeError();
  }

  *accept(fd: number, peer: SockAddr | null = null, flags: number = 0): Blocking {
    const first = this.api.accept(fd, peer, flags);
    if (first !== -EAGAIN) return first;
    return yield* this.readAgain(fd, 0, (e) => this.api.acceptFrom(e, peer, flags));
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

  private *readAgain(fd: number, flags: number, attempt: (e: Endpoint) => number): Blocking {
    const e = this.api.endpoint(fd);
    if (typeof e === 'number') return e;
    if (e.isNonBlocking || (flags & (MSG.DONTWAIT | MSG.ERRQUEUE)) !== 0) return -EAGAIN;
    const untilNs = this.nowNs + e.receiveTimeoutNs;
    let result = -EAGAIN;
    while (result === -EAGAIN) {
      // Whoever shut the socket for reading does not wait for what is not kept: the end, as on Linux.
      if (e.isReadShut) return 0;
      result = yield* this.again(e, POLL_READABLE, untilNs, attempt);
      if (this.wait.hasTimedOut) return result;
    }
    return result;
  }

  private *writeAgain(fd: number, flags: number, attempt: (e: Endpoint) => number): Blocking {
    const e = this.api.endpoint(fd);
    if (typeof e === 'number') return e;
    if (e.isNonBlocking || (flags & MSG.DONTWAIT) !== 0) return -EAGAIN;
    const untilNs = this.nowNs + e.sendTimeoutNs;
    let result = -EAGAIN;
    while (result === -EAGAIN) {
      result = yield* this.again(e, POLL_WRITABLE, untilNs, attempt);
      if (this.wait.hasTimedOut) return result;
    }
    return result;
  }

  /** Waits, then tries. The file is the one the call began with, whatever its descriptor stands for by now. */
  private *again(
    e: Endpoint,
    events: number,
    untilNs: number,
    attempt: (e: Endpoint) => number,
  ): Blocking {
    this.wait.watch(e, events);
    this.wait.start(untilNs);
    yield this.wait.over;
    return e.isClosed ? -EBADF : attempt(e);
  }
}
