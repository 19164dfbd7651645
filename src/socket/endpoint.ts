/**
 * A socket, whatever its protocol: what `SocketApi` calls. A protocol overrides what it has; what it has
 * not answers as Linux does. No call blocks: what would block answers -EAGAIN (and a connect that has
 * begun, -EINPROGRESS), and the endpoint wakes `waiters` when it is worth trying again.
 *
 * A stream protocol has to provide: connect, listen, accept, send, receive, their message twins, shutdown,
 * names, options, ready, takeError, destroy; and to call `waiters.wake` when it is told of readiness
 * (in `drainReady`, never in input). Callers do not change.
 */
import { EDOM, EINVAL, EOPNOTSUPP } from '../base/errno.ts';
import { NEVER, SEC, US } from '../base/time.ts';
import type { Message } from './message.ts';
import { OpenFile } from './open-file.ts';
import type { SockAddr } from './sock-addr.ts';

/** sizeof(struct timeval). */
const TIMEVAL_BYTES = 16;

export abstract class Endpoint extends OpenFile {
  /** AF_INET or AF_INET6. */
  readonly domain: number;
  /** One of SOCK. */
  readonly type: number;
  readonly protocol: number;
  /** SO_RCVTIMEO, SO_SNDTIMEO: NEVER = for ever. */
  receiveTimeoutNs = NEVER;
  sendTimeoutNs = NEVER;
  /** Advisory: kept and returned. */
  priority = 0;
  mark = 0;
  isListening = false;
  isReadShut = false;
  isWriteShut = false;

  constructor(domain: number, type: number, protocol: number, isNonBlocking: boolean) {
    super(isNonBlocking);
    this.domain = domain;
    this.type = type;
    this.protocol = protocol;
  }

  abstract bind(address: SockAddr): number;
  /** AF_UNSPEC disconnects. -EINPROGRESS: begun; POLLOUT says that it has ended, SO_ERROR how. */
  abstract connect(address: SockAddr): number;

  /** Adds to what is shut. */
  setShut(isRead: boolean, isWrite: boolean): void {
    if (isRead) this.isReadShut = true;
    if (isWrite) this.isWriteShut = true;
  }

  /** As new: nothing is shut, nobody listens. */
  reopen(): void {
    this.isReadShut = false;
    this.isWriteShut = false;
    this.isListening = false;
  }

  listens(): void {
    this.isListening = true;
  }

  /** What became of a connection that was begun, once POLLOUT says that it is known: 0 or -errno. */
  finishConnect(): number {
    return -this.takeError();
  }

  /** How long a close that may wait waits, and whether there is still something to wait for. */
  lingerNs(): number {
    return 0;
  }

  isLingering(): boolean {
    return false;
  }

  listen(_backlog: number): number {
    return -EOPNOTSUPP;
  }

  /** The new socket and its peer's address, or -errno. */
  accept(_peer: SockAddr | null): Endpoint | number {
    return -EOPNOTSUPP;
  }

  /** To `to`, or to the peer. Bytes, or -errno. */
  abstract send(from: Uint8Array, flags: number, to: SockAddr | null): number;
  abstract sendMessage(m: Message, flags: number): number;
  /** `from` is filled in with the sender. */
  abstract receive(into: Uint8Array, flags: number, from: SockAddr | null): number;
  abstract receiveMessage(m: Message, flags: number): number;

  /** Whether a receive that may wait goes on after `done` bytes of `asked`; datagrams come whole. */
  wantsMore(_done: number, _asked: number, _flags: number): boolean {
    return false;
  }

  /** A send has begun to open it: one that may wait goes on when it stands. */
  isOpening(): boolean {
    return false;
  }

  /** A send with MSG.UNFINISHED ends with less than it was asked for. */
  endSend(): void {
    // datagrams go whole
  }

  abstract shutdown(how: number): number;
  abstract getName(to: SockAddr): number;
  /** -ENOTCONN without a peer. */
  abstract getPeer(to: SockAddr): number;
  /** SO_ERROR: a positive errno that is forgotten by asking, or 0. */
  abstract takeError(): number;
  /** Fills `into` and returns the value's length, or -errno. */
  abstract getOption(level: number, name: number, into: Uint8Array): number;
  abstract setOption(level: number, name: number, value: Uint8Array): number;

  setPriority(value: number): void {
    this.priority = value;
  }

  setMark(value: number): void {
    this.mark = value;
  }

  override read(into: Uint8Array): number {
    return this.receive(into, 0, null);
  }

  override write(from: Uint8Array): number {
    return this.send(from, 0, null);
  }

  /** A `struct timeval`: 0 s means for ever. -EDOM: more than a second of microseconds. */
  setWaitLimit(isReceive: boolean, value: Uint8Array): number {
    if (value.length < TIMEVAL_BYTES) return -EINVAL;
    const dv = new DataView(value.buffer, value.byteOffset, value.length);
    const sec = dv.getInt32(4, true) * 4294967296 + dv.getUint32(0, true);
    const usec = dv.getInt32(12, true) * 4294967296 + dv.getUint32(8, true);
    if (usec < 0 || usec >= 1_000_000) return -EDOM;
    // A time before 1970 does not wait at all, as on Linux.
    const ns = sec < 0 ? 0 : sec === 0 && usec === 0 ? NEVER : sec * SEC + usec * US;
    if (isReceive) this.receiveTimeoutNs = ns;
    else this.sendTimeoutNs = ns;
    return 0;
  }

  /** As an accepted socket has them from its listener. */
  setWaitLimits(receiveNs: number, sendNs: number): void {
    this.receiveTimeoutNs = receiveNs;
    this.sendTimeoutNs = sendNs;
  }

  getTimeout(isReceive: boolean, into: Uint8Array): number {
    const ns = isReceive ? this.receiveTimeoutNs : this.sendTimeoutNs;
    const known = ns === NEVER ? 0 : ns;
    const dv = new DataView(new ArrayBuffer(TIMEVAL_BYTES));
    const sec = Math.floor(known / SEC);
    dv.setUint32(0, sec >>> 0, true);
    dv.setUint32(4, Math.floor(sec / 4294967296), true);
    dv.setUint32(8, Math.floor((known - sec * SEC) / US), true);
    const n = Math.min(into.length, TIMEVAL_BYTES);
    for (let i = 0; i < n; i++) into[i] = dv.getUint8(i);
    return n;
  }
}
