/** When a connection is worth a read or a write: the rules of Linux's tcp_poll. */
import type { TcpConnection } from '../tcp/connection.ts';
import { WRITER } from '../tcp/page-wait.ts';
import { isIn, MAY_SEND } from '../tcp/tcp-state.ts';
import { tcpHasUrgent, tcpIsAtMark } from '../tcp/user-calls.ts';
import { chargedBytes, notsentLimit } from '../tcp/write-room.ts';
import { POLL, POLL_READABLE } from './abi.ts';

/** POLLIN, POLLPRI: SO_RCVLOWAT bytes; or less, when the window is so small that more may not come. */
export function readableEvents(c: TcpConnection, lowWater: number): number {
  const { readyBytes } = c.received;
  const urgent = tcpHasUrgent(c) ? POLL.PRI : 0;
  if (readyBytes === 0) return urgent;
  // An urgent byte that comes next is none to be read with the others.
  const least =
    urgent !== 0 && tcpIsAtMark(c) && !c.settings.isUrgentInline ? lowWater + 1 : lowWater;
  const isShort = readyBytes < least && c.rcv.window() > c.delack.rcvMss;
  return isShort ? urgent : urgent | POLL_READABLE;
}

/** A third of the buffer is free, and what was not sent yet is below half of TCP_NOTSENT_LOWAT. */
export function isRoomForMore(c: TcpConnection): boolean {
  if (!isIn(c.state, MAY_SEND)) return true; // writing says why not
  if (c.writer === WRITER.WAITS && c.tcp.pageWait.allowance(c) === 0) return false;
  const charged = chargedBytes(c);
  return c.sndbufBytes - charged >= charged >> 1 && 2 * c.unsentBytes() < notsentLimit(c);
}
