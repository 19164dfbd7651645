/**
 * A connect and a send in one call: MSG_FASTOPEN, or the first send after a `connect` with TCP_FASTOPEN_CONNECT. The
 * results are those of Linux: the bytes that left in the SYN; -EINPROGRESS when it left without any; what `connect`
 * would say of a socket that is connected, or about to be.
 */
import { EALREADY, EINPROGRESS, EINVAL, EISCONN, ENOBUFS, EOPNOTSUPP } from '../base/errno.ts';
import type { TcpConnection } from '../tcp/connection.ts';
import { FAST_OPEN } from '../tcp/fast-open-option.ts';
import type { FastOpening } from '../tcp/fast-opening.ts';
import { STATE } from '../tcp/tcp-state.ts';
import { tcpMarkCopied } from '../tcp/user-calls.ts';
import { AF, MSG } from './abi.ts';
import type { SockAddr } from './sock-addr.ts';
import type { TcpEndpoint } from './tcp-endpoint.ts';
import { LINK } from './tcp-link.ts';
import { finishConnect, openFast } from './tcp-open.ts';

/** Whether a send may have to open the connection first. */
export function mayOpen(e: TcpEndpoint, flags: number): boolean {
  return (flags & MSG.FASTOPEN) !== 0 || e.handshake?.fastOpening?.isDeferred === true;
}

/** 0 and `e.connection`: it stands, and the send goes on as any other. Else what the call returns. */
export const GOES_ON = 0;

export function sendOpening(
  e: TcpEndpoint,
  iov: readonly Uint8Array[],
  flags: number,
  to: SockAddr | null,
): number {
  const isCopied = (flags & MSG.ZEROCOPY) !== 0 && e.settings.isZerocopy;
  const asked = iov.reduce((sum, { length }) => sum + length, 0);
  if (isCopied && asked > 0 && e.errors?.hasRoomForCopy() === false) return -ENOBUFS;
  const isClient = (e.tcp.config.fastOpen & FAST_OPEN.CLIENT) !== 0;
  if (!isClient || to?.family === AF.UNSPEC) return -EOPNOTSUPP;
  const h = openingOf(e, to);
  if (typeof h === 'number') return h;
  const n = h.startWith(iov);
  if (n === 0) return -EINPROGRESS;
  if (isCopied && e.errors !== null) {
    h.noteCopy(e.errors.takeCopyId(), n < asked && (flags & MSG.UNFINISHED) !== 0);
  }
  return n;
}

/** What can still take text into its SYN; GOES_ON, or -errno. */
function openingOf(e: TcpEndpoint, to: SockAddr | null): FastOpening | number {
  const waiting = e.handshake?.fastOpening ?? null;
  if (waiting?.isDeferred === true) return waiting;
  if (e.link === LINK.JOINED) return -EISCONN;
  if (e.link === LINK.PENDING) {
    if (e.handshake !== null) return -EALREADY;
    return finishConnect(e); // 0: GOES_ON
  }
  if (e.state !== STATE.CLOSED) return -EISCONN; // it listens
  return to === null ? -EINVAL : openFast(e, to);
}

/** The connection stands: its first bytes may be those of a send with MSG_ZEROCOPY. */
export function markFirstCopy(e: TcpEndpoint, c: TcpConnection, h: FastOpening): void {
  const { errors } = e;
  if (errors === null || h.copyId < 0) return;
  tcpMarkCopied(c, h.copyId, h.takenBytes, true);
  if (!h.isCopyOpen) c.marks?.closeCopy(errors, c.snd.una);
}
