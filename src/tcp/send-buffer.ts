/**
 * How large the send buffer is: two windows (or what the module says), each segment counted as the memory that
 * Linux would spend on it. It grows when the application was refused and the window still had room: then the
 * buffer was what held the connection back. SO_SNDBUF ends that.
 */
import { HOOK } from '../cc/congestion-control.ts';
import type { TcpConnection } from './connection.ts';
import { sparePages } from './page-shares.ts';
import { isRoomy } from './write-room.ts';

/** Linux: MAX_TCP_HEADER, skb_shared_info and sk_buff, the first two with the text in one power of two. */
const HEADROOM_BYTES = 320 + 320;
const BUFFER_HEAD_BYTES = 256;
const LEAST_SEGMENTS = 10;

/** At the start, and whenever it proved too small. */
export function expandSendBuffer(c: TcpConnection): void {
  const { congestion, agreed, recovery, tcp } = c;
  const v = congestion.view;
  const perSegment =
    powerOfTwo(Math.max(agreed.peerMss, v.mss) + HEADROOM_BYTES) + BUFFER_HEAD_BYTES;
  const segments = Math.max(LEAST_SEGMENTS, v.cwnd, recovery.reordering + 1);
  const windows = congestion.has(HOOK.SNDBUF_EXPAND) ? congestion.cc.sndbufExpand(v) : 2;
  c.growSendBuffer(Math.min(windows * segments * perSegment, tcp.config.wmemMax));
}

/** Output has ended: was the buffer the limit? What has left may have made room by TCP_NOTSENT_LOWAT. */
export function checkSendBuffer(c: TcpConnection): void {
  const isLimit = c.chrono.isRefused() && c.inFlight() < c.congestion.view.cwnd;
  const { memory } = c.tcp;
  if (isLimit && memory.isPlenty && sparePages(memory.pages) > 0) {
    expandSendBuffer(c);
    c.use.full(c.tcp.env.nowNs);
  }
  tellRoom(c);
}

/** A third of it is free: the application can write. */
export function tellRoom(c: TcpConnection): void {
  if (c.owner === null || !isRoomy(c)) return;
  c.chrono.roomReturned();
  c.owner.writable();
}

function powerOfTwo(bytes: number): number {
  let p = 2048;
  while (p < bytes) p *= 2;
  return p;
}
