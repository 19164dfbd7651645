/** send and receive on a TCP socket, in the order in which Linux looks at things. */
import { EAGAIN, EINVAL, ENOBUFS, ENOTCONN, EPIPE } from '../base/errno.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import { isIn, MAY_SEND, STATE } from '../tcp/tcp-state.ts';
import {
  tcpAwaited,
  tcpDiscard,
  tcpEndRecord,
  tcpMarkCopied,
  tcpMarkUrgent,
  tcpPeek,
  tcpRead,
  tcpReadUrgent,
  tcpStamp,
  tcpWrite,
  tcpWriteMore,
} from '../tcp/user-calls.ts';
import { AF, MSG } from './abi.ts';
import type { Message } from './message.ts';
import type { SockAddr } from './sock-addr.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';
import { fatesOf, type TcpErrors } from './tcp-errors.ts';
import { GOES_ON, mayOpen, sendOpening } from './tcp-fast-open.ts';

/** 0: bytes can be written; or -errno. An error is reported once, then it is EPIPE. */
function checkSend(e: TcpEndpoint, flags: number, asked: number): number {
  if (asked > 0 && isNotified(e, flags) && e.errors?.hasRoomForCopy() === false) return -ENOBUFS;
  if (e.error !== 0) return -e.takeError();
  if (e.isWriteShut) return -EPIPE;
  const { connection: c } = e;
  if (c !== null && isIn(c.state, MAY_SEND)) return 0;
  return e.handshake !== null ? -EAGAIN : -EPIPE;
}

/** As much as there is room for. */
export function sendBytes(
  e: TcpEndpoint,
  from: Uint8Array,
  flags: number,
  to: SockAddr | null,
): number {
  if (mayOpen(e, flags)) {
    const n = sendOpening(e, [from], flags, to);
    if (n !== GOES_ON) return n;
  }
  const bad = checkSend(e, flags, from.length);
  if (bad !== 0) return bad;
  if ((flags & MSG.WAITED) !== 0) tcpAwaited(e.connection!); // checked
  return marked(e, write(e, from, (flags & MSG.MORE) !== 0), from.length, flags);
}

export function sendPieces(e: TcpEndpoint, m: Message, flags: number): number {
  if (mayOpen(e, flags)) {
    const to = m.name.family === AF.UNSPEC ? null : m.name;
    const n = sendOpening(e, m.iov, flags, to);
    if (n !== GOES_ON) return n;
  }
  const asked = m.bytes;
  const bad = checkSend(e, flags, asked);
  if (bad !== 0) return bad;
  if ((flags & MSG.WAITED) !== 0) tcpAwaited(e.connection!); // checked
  const isMore = (flags & MSG.MORE) !== 0;
  let done = 0;
  let last = m.iov.length - 1;
  while (last > 0 && m.iov[last]!.length === 0) last--;
  for (let i = 0; i <= last; i++) {
    const piece = m.iov[i]!;
    const n = write(e, piece, isMore || i < last);
    if (n < 0 && done === 0) return n;
    if (n > 0) done += n;
    if (n < piece.length) break;
  }
  return marked(e, done, asked, flags);
}

/** MSG_OOB: the last byte that was taken is urgent. MSG_EOR: if all was taken, a record ends behind it. */
function marked(e: TcpEndpoint, n: number, asked: number, flags: number): number {
  if (n <= 0) return n;
  const c = e.connection!; // it took bytes
  if ((flags & MSG.OOB) !== 0) tcpMarkUrgent(c);
  if ((flags & MSG.EOR) !== 0 && n === asked) tcpEndRecord(c);
  if (e.errors !== null) notify(e, e.errors, c, n, asked, flags);
  return n;
}

/** MSG_ZEROCOPY changes nothing without SO_ZEROCOPY, as on Linux. */
function isNotified(e: TcpEndpoint, flags: number): boolean {
  return (flags & MSG.ZEROCOPY) !== 0 && e.settings.isZerocopy;
}

/** One call has one number and one stamp, however often it waits for room. */
function notify(
  e: TcpEndpoint,
  errors: TcpErrors,
  c: TcpConnection,
  n: number,
  asked: number,
  flags: number,
): void {
  const isOpen = n < asked && (flags & MSG.UNFINISHED) !== 0 && !e.isNonBlocking;
  if (isNotified(e, flags)) {
    const isRest = c.marks?.isCopyOpen === true;
    tcpMarkCopied(c, isRest ? errors.openCopyId : errors.takeCopyId(), n, isOpen);
  }
  if (!isOpen) stampLast(e, c);
}

function stampLast(e: TcpEndpoint, c: TcpConnection): void {
  const fates = fatesOf(e.settings.timestamping);
  if (fates !== 0) tcpStamp(c, fates);
}

/** A call that waited for room gave up: what it wrote is all there is of it. */
export function endSend(e: TcpEndpoint): void {
  const { connection: c, errors } = e;
  if (c === null || errors === null || c.state === STATE.CLOSED) return;
  c.marks?.closeCopy(errors, c.snd.una);
  stampLast(e, c);
}

function write(e: TcpEndpoint, from: Uint8Array, isMore: boolean): number {
  const c = e.connection!; // checked
  if (from.length === 0) return 0;
  const n = isMore ? tcpWriteMore(c, from) : tcpWrite(c, from);
  if (n < from.length) e.wantRoom();
  return n;
}

/** What there is, up to the buffer's length. 0: the end of the stream. */
export function receiveBytes(e: TcpEndpoint, into: Uint8Array, flags: number): number {
  if (e.listener !== null) return -ENOTCONN;
  if ((flags & MSG.OOB) !== 0) return receiveUrgent(e, into, flags);
  const n = e.connection === null ? 0 : take(e, e.connection, into, flags);
  return n > 0 ? n : whyNothing(e);
}

function receiveUrgent(e: TcpEndpoint, into: Uint8Array, flags: number): number {
  const c = e.connection;
  return c === null ? -EINVAL : tcpReadUrgent(c, into, (flags & MSG.PEEK) !== 0);
}

/** SO_PEEK_OFF: a peek moves it on, a read takes from in front of it. */
function take(e: TcpEndpoint, c: TcpConnection, into: Uint8Array, flags: number): number {
  const { peekOffset } = e;
  if ((flags & MSG.PEEK) !== 0) {
    const n = tcpPeek(c, into, Math.max(peekOffset, 0));
    if (peekOffset >= 0) e.setPeekOffset(peekOffset + n);
    return n;
  }
  if (c.received.readyBytes === 0) return 0;
  const n = (flags & MSG.TRUNC) !== 0 ? tcpDiscard(c, into.length) : tcpRead(c, into);
  if (peekOffset >= 0) e.setPeekOffset(Math.max(0, peekOffset - n));
  return n;
}

/** Nothing can be read: the end, an error (told once), no connection, or not yet. */
function whyNothing(e: TcpEndpoint): number {
  const c = e.connection;
  if (c !== null && c.received.readyBytes > Math.max(e.peekOffset, 0)) return 0; // nothing was asked for
  if (c?.isFinReceived) return 0;
  if (e.error !== 0) return -e.takeError();
  if (e.isReadShut) return 0;
  return e.state === STATE.CLOSED ? -ENOTCONN : -EAGAIN;
}

export function receivePieces(e: TcpEndpoint, m: Message, flags: number): number {
  if (m.iov.length === 0) return receiveBytes(e, NO_BYTES, flags);
  if (m.iov.length > 1 && (flags & MSG.PEEK) !== 0) return peekPieces(e, m, flags);
  let done = 0;
  for (const piece of m.iov) {
    if (piece.length === 0) continue;
    if (done > 0 && (e.connection === null || e.connection.received.readyBytes === 0)) break;
    const n = receiveBytes(e, piece, flags);
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (n < piece.length) break;
  }
  return done;
}

function peekPieces(e: TcpEndpoint, m: Message, flags: number): number {
  const whole = new Uint8Array(m.bytes);
  const n = receiveBytes(e, whole, flags);
  let at = 0;
  for (const piece of m.iov) {
    if (at >= n) break;
    piece.set(whole.subarray(at, Math.min(n, at + piece.length)));
    at += piece.length;
  }
  return n;
}

const NO_BYTES = new Uint8Array(0);

/** Whether a receive that may wait goes on after `done` bytes: MSG_WAITALL, SO_RCVLOWAT. */
export function wantsMore(e: TcpEndpoint, done: number, asked: number, flags: number): boolean {
  const target = (flags & MSG.WAITALL) !== 0 ? asked : Math.min(e.settings.rcvLowat, asked);
  return done < target && e.error === 0 && !e.isReadShut && e.state !== STATE.CLOSED;
}
