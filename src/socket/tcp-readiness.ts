/** When a connection is worth a read or a write: the rules of Linux's tcp_poll. */
import type { TcpConnection } from '../tcp/connection.ts';
import { isIn, MAY_SEND } from '../tcp/tcp-state.ts';
import { POLL_READABLE } from './abi.ts';

/** SO_RCVLOWAT bytes; or less, when the window is so small that more may not come. */
export function readableEvents(c: TcpConnection, lowWater: number): number {
  const { readyBytes } = c.received;
  if (readyBytes === 0) return 0;
  const isShort = readyBytes < lowWater && c.rcv.window() > c.delack.rcvMss;
  return isShort ? 0 : POLL_READABLE;
}

/** A third of the buffer is free, and what was not sent yet is below half of TCP_NOTSENT_LOWAT. */
export function isRoomForMore(c: TcpConnection): boolean {
  if (!isIn(c.state, MAY_SEND)) return true; // writing says why not
  const queued = c.sendQueue.length;
  return c.sndbufBytes - queued >= queued >> 1 && 2 * c.unsentBytes() < notsentLimit(c);
}

export function notsentLimit(c: TcpConnection): number {
  return c.settings.notsentLowat || c.tcp.config.notsentLowat;
}
