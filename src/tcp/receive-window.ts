/**
 * What window to advertise: RFC 9293 §3.8.6.2.2 (no silly windows), and how large the buffer should be
 * (Linux's dynamic right-sizing).
 *
 * A connection begins by offering a part of its buffer, and two segments more for each full one that comes: a
 * sender has to show that it fills its segments before it may fill the buffer (Linux's rcv_ssthresh).
 */
import { US } from '../base/time.ts';
import { seqDiff } from '../wire/seq.ts';
import type { TcpConnection } from './connection.ts';
import { isTight } from './page-shares.ts';

/** The window for the next segment, in bytes; it is recorded as advertised. */
export function selectWindow(c: TcpConnection): number {
  const { rcv, agreed } = c;
  if (c.isStarved) return shutWindow(c);
  if (c.tcp.memory.isPressed) comeDown(c);
  const standing = rcv.standing();
  const grain = 1 << agreed.rcvShift; // no window passes 2^30, so bits will do
  const most = 65535 << agreed.rcvShift;
  const offered = Math.min(freeWindow(c), most) & -grain;
  // RFC 9293 §3.8.6.2.1: the right edge never moves left.
  const promised = Math.max(offered, Math.min(standing, most));
  const window = Math.min((promised + grain - 1) & -grain, most);
  countWindow(c, offered, rcv.wnd, window);
  rcv.advertise(window, promised);
  return window;
}

/** Memory is short, and half of the buffer is full: no more than a few segments are invited, as on Linux. */
function comeDown(c: TcpConnection): void {
  if (c.received.chargedBytes > c.rcvbufBytes >> 2) {
    c.sizing.comeDown(SEGMENTS_UNDER_PRESSURE * c.tcp.ourMss(c));
  }
}

/** The one case in which the right edge moves left, though RFC 9293 §3.8.6 would rather not: there is no memory. */
function shutWindow(c: TcpConnection): number {
  countWindow(c, 0, c.rcv.wnd, 0);
  c.rcv.advertise(0, 0);
  return 0;
}

/** A window that shuts, opens again, or would have to shut if the right edge might move left. */
function countWindow({ tcp }: TcpConnection, offered: number, was: number, is: number): void {
  const { mib, ids } = tcp;
  if (offered === 0 && is > 0) mib.count(ids.TCPWantZeroWindowAdv);
  if (is === 0 && was > 0) mib.count(ids.TCPToZeroWindowAdv);
  else if (is > 0 && was === 0) mib.count(ids.TCPFromZeroWindowAdv);
}

/** What the buffer can take now; nothing rather than a sliver. */
export function freeWindow(c: TcpConnection): number {
  const space = c.rcvbufBytes >> 1;
  const free = space - c.received.chargedBytes;
  const mss = Math.min(c.delack.rcvMss, space);
  if (free < mss || free < space >> 4) return 0;
  return Math.min(free, c.sizing.threshold);
}

/**
 * What a SYN offers: about a quarter of the buffer in whole segments, never scaled (RFC 7323 §2.2). @param clamp
 * TCP_WINDOW_CLAMP; 0: none.
 */
export function initialWindow(rcvbufBytes: number, clamp: number, mss: number): number {
  const share = Math.floor((rcvbufBytes * FIRST_SHARE) / 256);
  const space = clamp === 0 ? share : Math.min(share, clamp);
  return Math.min(65535, space > mss ? space - (space % mss) : space);
}

/** Whether an ACK now would open the window by enough to matter: two segments, or half the buffer. */
export function wantsUpdate(c: TcpConnection): boolean {
  const standing = c.rcv.window();
  const now = Math.min(freeWindow(c), 65535 << c.agreed.rcvShift);
  return (
    now >= 2 * standing &&
    now > 0 &&
    now - standing >= Math.min(2 * c.delack.rcvMss, c.rcvbufBytes >> 2)
  );
}

/** Of 256: what Linux takes for text of a buffer's bytes before it has seen a segment. */
const FIRST_SHARE = 65;
const SEGMENTS_UNDER_PRESSURE = 4;
/** A shorter segment does not raise the threshold. */
const MIN_GROWTH_BYTES = 128;

/**
 * How far the window may open, and how large the buffer should be: Linux's tcp_rcv_space_adjust. Once in a round
 * trip, as the receiver sees it, it looks at what the application took. That is what the sender sent in the round
 * trip before, and a sender in slow start will send twice as much in the next: room for both. What lies unread
 * does not count: a slow reader gets no larger buffer.
 */
export class RightSizing {
  /** The most that is offered now, in bytes. */
  threshold = 0;
  private copiedBytes = 0;
  /** What the application took in the best round trip so far. */
  spaceBytes = 0;
  /** When that round trip began, by a clock of microseconds that wraps: 8 bytes, not 24. */
  private sinceUs: number;

  constructor(spaceBytes: number, threshold: number, nowNs: number) {
    this.spaceBytes = spaceBytes;
    this.threshold = threshold;
    this.sinceUs = microseconds(nowNs);
  }

  /** Text came, `len` bytes of it. */
  arrived(c: TcpConnection, len: number): void {
    if (len < MIN_GROWTH_BYTES) return;
    const free = clamped((c.rcvbufBytes >> 1) - c.received.chargedBytes, c);
    const room = isTight(c.tcp.memory) ? 0 : free - this.threshold;
    if (room > 0) this.threshold += Math.min(room, 2 * Math.max(len, c.delack.rcvMss));
  }

  /** TCP_WINDOW_CLAMP, as Linux has it: a lower one acts at once, a higher one on what is offered already. */
  clamp(window: number, offered: number): void {
    if (window < this.threshold) this.threshold = window;
    else this.threshold = Math.max(this.threshold, Math.min(offered, window));
  }

  comeDown(most: number): void {
    this.threshold = Math.min(this.threshold, most);
  }

  /** The application took so much. */
  read(c: TcpConnection, bytes: number): void {
    this.copiedBytes += bytes;
    const { rttUs } = c.receiverRtt;
    if (rttUs === 0) return;
    const nowUs = microseconds(c.tcp.env.nowNs);
    if ((nowUs - this.sinceUs) >>> 0 < rttUs) return;
    const took = this.copiedBytes - c.received.readyBytes;
    if (took > this.spaceBytes && !isTight(c.tcp.memory)) this.grow(c, took);
    this.copiedBytes = 0;
    this.sinceUs = nowUs;
  }

  /** Text beyond a gap takes room that the best round trip knew nothing of. */
  disordered(c: TcpConnection): void {
    if (c.owner !== null && !isTight(c.tcp.memory)) this.grow(c, this.spaceBytes);
  }

  private grow(c: TcpConnection, took: number): void {
    const before = this.spaceBytes;
    this.spaceBytes = took;
    const { moderateRcvbuf, rmemMax } = c.tcp.config;
    if (moderateRcvbuf === 0) return;
    const usual = 2 * took; // what is seen is a round trip late
    const window = usual + (2 * usual * (took - before)) / before + c.received.spanBytes(c.rcv.nxt);
    c.growReceiveBuffer(Math.min(2 * window, rmemMax));
  }
}

const microseconds = (ns: number): number => Math.floor(ns / US) | 0;

/** By the application: TCP_WINDOW_CLAMP. */
function clamped(window: number, { settings }: TcpConnection): number {
  const { windowClamp } = settings;
  return windowClamp === 0 ? window : Math.min(window, windowClamp);
}

/** Bytes received and not yet acknowledged. */
export function unackedBytes(c: TcpConnection): number {
  return seqDiff(c.rcv.nxt, c.rcv.wup);
}
