/**
 * Urgent data: RFC 9293 §3.8.5, with the semantics that applications know (RFC 6093 §3).
 *
 * There is one mark in the stream each way, and the pointer on the wire points *behind* the urgent byte, as in all
 * implementations; `tcp_stdurg` reads it as RFC 1122 had it. The byte in front of the mark is out of band: a read of
 * the stream stops at it and steps over it, unless the application wants it in line. A newer mark replaces
 * an older one.
 */
import { type Seq, seqAdd, seqDiff, seqEq, seqGt, seqLe, seqLt, seqOf } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import type { Segment } from './segment.ts';

const URGENT = { NONE: 0, AWAITED: 1, THERE: 2, READ: 3 } as const;

/** The peer's mark. One per connection that ever saw one. */
export class UrgentMark {
  private state: number = URGENT.NONE;
  /** Of the urgent byte itself. */
  private seq: Seq = seqOf(0);
  private byte = 0;

  get isSet(): boolean {
    return this.state !== URGENT.NONE;
  }

  /** POLLPRI: the byte is here and nobody has read it. */
  get isThere(): boolean {
    return this.state === URGENT.THERE;
  }

  get isRead(): boolean {
    return this.state === URGENT.READ;
  }

  /** A newer pointer: `seq` is the urgent byte's. */
  set(seq: Seq): void {
    this.state = URGENT.AWAITED;
    this.seq = seq;
  }

  /** It is among `len` bytes from `from` on, which lie at `off` in the slab. True: it has just come. */
  look(u8: Uint8Array, from: Seq, off: number, len: number): boolean {
    if (this.state !== URGENT.AWAITED) return false;
    const at = seqDiff(this.seq, from);
    if (at < 0 || at >= len) return false;
    this.byte = u8[off + at]!;
    this.state = URGENT.THERE;
    return true;
  }

  isAfter(seq: Seq): boolean {
    return seqGt(this.seq, seq);
  }

  isAt(seq: Seq): boolean {
    return this.isSet && seqEq(this.seq, seq);
  }

  /** From `seq` to the urgent byte; negative when it is behind. */
  distance(seq: Seq): number {
    return seqDiff(this.seq, seq);
  }

  take(isPeek: boolean): number {
    if (!isPeek) this.state = URGENT.READ;
    return this.byte;
  }

  /** The reader has passed it. */
  passed(): void {
    this.state = URGENT.NONE;
  }
}

/** RFC 9293 §3.10.7.4, sixth step. */
export function step6Urg(c: TcpConnection, seg: Segment): void {
  if (seg.has(TCP_FLAG.URG)) notePointer(c, seg);
  const { urgent } = c;
  if (urgent === null || seg.len === 0) return;
  const { u8 } = c.tcp.env.memory.slab;
  if (urgent.look(u8, seg.seq, seg.textOff, seg.len)) c.owner?.readable();
}

function notePointer(c: TcpConnection, seg: Segment): void {
  if (c.isFinReceived) return;
  const back = seg.urgent > 0 && c.tcp.config.stdurg === 0 ? 1 : 0;
  const at = seqAdd(seg.seq, seg.urgent - back);
  const copied = copiedSeq(c);
  if (seqLt(at, copied) || seqLt(at, c.rcv.nxt)) return; // seen, and read or passed
  const mark = c.urgent;
  if (mark?.isSet === true && !seqGt(at, seqAdd(copied, mark.distance(copied)))) return;
  // Linux: an urgent byte that is next to be read, and is superseded, is lost to the stream too.
  const isSuperseded = mark?.isAt(copied) === true && !c.settings.isUrgentInline;
  if (isSuperseded && c.received.readyBytes > 0) c.received.discard(1);
  c.setUrgent(at);
  c.owner?.readable();
}

/** The next byte that the application reads. */
export function copiedSeq(c: TcpConnection): Seq {
  return seqAdd(c.rcv.nxt, -c.received.readyBytes - (c.isFinReceived ? 1 : 0));
}

/**
 * How much of `want` bytes one read may take: it stops at the mark, having stepped over the byte in front of
 * it where that is not in line.
 */
export function readableBeforeMark(c: TcpConnection, want: number): number {
  const { urgent } = c;
  if (urgent === null || !urgent.isSet) return want;
  let ahead = urgent.distance(copiedSeq(c));
  if (ahead === 0 && !c.settings.isUrgentInline && c.received.readyBytes > 0) {
    c.received.discard(1);
    ahead = -1;
  }
  if (ahead < 0) {
    urgent.passed();
    return want;
  }
  return ahead === 0 ? want : Math.min(want, ahead);
}

/** The next byte is the urgent one, and out of band. */
export function isNextUrgent(c: TcpConnection): boolean {
  return !c.settings.isUrgentInline && isAtMark(c);
}

/** After a read: has it gone past the mark? */
export function passMark(c: TcpConnection): void {
  const { urgent } = c;
  if (urgent?.isSet === true && urgent.distance(copiedSeq(c)) < 0) urgent.passed();
}

/** SIOCATMARK: the next byte is the urgent one. */
export function isAtMark(c: TcpConnection): boolean {
  return c.urgent?.isAt(copiedSeq(c)) === true;
}

// ---- out ----

/** The pointer in a segment that starts at `seq`: 0 when there is none to announce. */
export function urgentPointer(c: TcpConnection, seq: Seq): number {
  const { snd } = c;
  if (!snd.isUrgent || seqLe(snd.up, seq)) return 0;
  const ahead = seqDiff(snd.up, seq);
  if (ahead < 0x10000) return ahead;
  return seqDiff(seqAdd(seq, 0xffff), snd.nxt) > 0 ? 0xffff : 0;
}
