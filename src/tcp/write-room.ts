/**
 * How many bytes a write takes, as Linux decides it: room is asked for buffer by buffer, not byte by byte.
 *
 *     |........ sent ........|## leaves at once ##|#### waits ####|== last buffer, not full ==|
 *                         SND.NXT                                                     what is written next
 *
 * A buffer is as large as a super-frame, or half of the peer's largest window. Bytes that fit into the last one
 * are taken always; a new one is begun while less than the send buffer's size is charged, and less waits than
 * TCP_NOTSENT_LOWAT. Each buffer is charged with what Linux spends on it besides its bytes: SO_SNDBUF means the
 * same there and here, and many small segments do not pin more memory than it says. A buffer that is full is sent at once if cwnd and the window let it go. So a write may
 * go past both limits by one buffer.
 */
import { type Seq, seqAdd, seqDiff, seqGt } from '../wire/seq.ts';
import type { TcpConnection } from './connection.ts';
import { bufferBytes } from './super-frame.ts';

/** sk_buff, skb_shared_info and room for headers, as Linux 6.18 charges them (SK_MEMINFO_WMEM_QUEUED). */
const BUFFER_COST = 832;
/** Two of the largest super-frames: Linux's slack. */
const CUT_SLACK_BYTES = 2 * (65536 + BUFFER_COST);

/** Where the last buffer begins. */
export class LastBuffer {
  private from: Seq;

  constructor(una: Seq) {
    this.from = una;
  }

  /** What is written next does not join what was written (MSG_EOR), or joins the bytes from here on. */
  beginAt(seq: Seq): void {
    this.from = seq;
  }

  /** Bytes in it, when everything before `sent` has left. */
  length(sent: Seq, end: Seq): number {
    return seqDiff(end, seqGt(sent, this.from) ? sent : this.from);
  }
}

/** Of `asked` bytes; the last buffer becomes what it is when so many have been written. */
export function writeRoom(c: TcpConnection, asked: number): number {
  const { mss } = c.congestion.view;
  const full = bufferBytes(c);
  const free = freeToGo(c);
  const limit = notsentLimit(c);
  const unsent = c.unsentBytes();
  let charged = chargedBytes(c);
  const end = c.finSeq();
  let gone = leaving(unsent, free, mss);
  let last = c.lastBuffer.length(seqAdd(c.snd.nxt, gone), end);
  let taken = 0;
  while (taken < asked) {
    if (last <= 0 || last >= full) {
      if (charged >= c.sndbufBytes || unsent + taken - gone >= limit) break;
      last = 0;
      charged += BUFFER_COST;
    }
    const n = Math.min(asked - taken, full - last);
    taken += n;
    charged += n;
    last += n;
    if (last < full) break;
    c.snd.bufferEnds(seqAdd(end, taken));
    gone = leaving(unsent + taken, free, mss);
    last = Math.min(last, unsent + taken - gone);
  }
  c.lastBuffer.beginAt(seqAdd(end, taken - last));
  return taken;
}

/** What is queued, sent or not, and the buffers it is in: what SO_SNDBUF limits. */
export function chargedBytes(c: TcpConnection): number {
  const unsent = c.unsentBytes();
  const buffers = c.rtx.count + (unsent > 0 ? Math.ceil(unsent / bufferBytes(c)) : 0);
  return c.sendQueue.length + buffers * BUFFER_COST;
}

/** A third of the send buffer is free. What is in flight decides, as a rule: the rest of the sum takes two divisions. */
export function isRoomy(c: TcpConnection): boolean {
  const most = c.sndbufBytes * 2;
  const least = c.sendQueue.length + c.rtx.count * BUFFER_COST;
  return least * 3 < most && chargedBytes(c) * 3 < most;
}

/**
 * A peer that SACKs pieces of what was sent as one has it cut in two, each time: not beyond twice what the socket may
 * hold (CVE-2019-11478).
 */
export function isCutTooFine(c: TcpConnection): boolean {
  return chargedBytes(c) > 2 * (c.sndbufBytes + CUT_SLACK_BYTES);
}

/** What may wait to be sent for the first time. */
export function notsentLimit(c: TcpConnection): number {
  return c.settings.notsentLowat || c.tcp.config.notsentLowat;
}

/** Bytes that the next output could send. */
function freeToGo(c: TcpConnection): number {
  const v = c.congestion.view;
  const isHeld = c.refusedBy !== null || (v.isPaced && v.nextDepartureNs > c.tcp.env.nowNs);
  if (isHeld) return 0;
  return Math.max(0, Math.min((v.cwnd - c.inFlight()) * v.mss, c.snd.usable()));
}

/** Of what is queued; in whole segments, if it is not all. */
function leaving(unsent: number, free: number, mss: number): number {
  return free >= unsent ? unsent : Math.floor(free / mss) * mss;
}
