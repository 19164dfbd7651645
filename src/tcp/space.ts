/** The variables of RFC 9293 §3.3.1, under their RFC names. */
import { type Seq, seqAdd, seqDiff, seqEq, seqGt, seqLe, seqOf } from '../wire/seq.ts';

/**
 *        acknowledged  |     in flight      |   may be sent   |  beyond the window
 *     ─────────────────|────────────────────|─────────────────|──────────────────▶
 *                    SND.UNA             SND.NXT       SND.UNA + SND.WND
 */
export class SendSpace {
  readonly iss: Seq;
  una: Seq = seqOf(0);
  nxt: Seq = seqOf(0);
  /** The peer's window in bytes, scaled. */
  wnd = 0;
  /** SEG.SEQ and SEG.ACK of the segment that last changed the window. */
  wl1: Seq;
  wl2: Seq;
  /** The largest window the peer ever offered. */
  maxWnd = 0;
  /** SND.UP: behind the last urgent byte (RFC 6093 §3.1); nothing is urgent while it is SND.UNA. */
  up: Seq = seqOf(0);
  /** Where what the application pushed ends: PSH goes there (RFC 9293 §3.9.1.2). */
  pushed: Seq = seqOf(0);
  /** Inside what one write has left: PSH goes there, too, and then at regular distances. */
  private pushNext: Seq = seqOf(0);
  /** End of the last segment sent that was smaller than the MSS: Minshall's variant of Nagle. */
  sml: Seq = seqOf(0);

  constructor(iss: Seq, wnd: number, wl1: Seq) {
    this.iss = iss;
    this.una = seqAdd(iss, 1);
    this.nxt = this.una;
    this.wnd = wnd;
    this.wl1 = wl1;
    this.wl2 = this.una;
    this.maxWnd = wnd;
    this.up = this.una;
    this.pushed = this.una;
    this.pushNext = this.una;
    this.sml = this.una;
  }

  /** New text, a FIN: sent for the first time. */
  advance(bytes: number): void {
    this.nxt = seqAdd(this.nxt, bytes);
  }

  /** What was just sent was smaller than the MSS. */
  noteSmall(): void {
    this.sml = this.nxt;
  }

  acknowledge(ack: Seq): void {
    if (seqLe(this.up, ack)) this.up = ack;
    this.una = ack;
  }

  /** What ends at `end` is urgent. */
  markUrgent(end: Seq): void {
    this.up = end;
  }

  /** The application has written up to `end`; with `isMore` it says that this is not all (MSG_MORE). */
  written(end: Seq, isMore: boolean): void {
    // Half a window without a push is pushed all the same, as on Linux.
    if (!isMore || seqDiff(end, this.pushed) > this.maxWnd / 2) this.pushed = end;
  }

  /** A buffer of a large write is full at `seq`: half a window without a push is enough, for one who reads it late. */
  bufferEnds(seq: Seq): void {
    const isPending = seqGt(this.pushNext, this.nxt) && seqLe(this.pushNext, seq);
    if (!isPending && seqDiff(seq, this.pushed) > this.maxWnd / 2) this.pushNext = seq;
  }

  /** Whether such a push lies in the `len` bytes from SND.NXT on. */
  hasPush(len: number): boolean {
    const ahead = seqDiff(this.pushNext, this.nxt);
    return ahead > 0 && ahead <= len;
  }

  /** It has left; the next one is a few buffers behind it. */
  pushLeft(bufferBytes: number): void {
    const buffers = Math.floor(this.maxWnd / 2 / bufferBytes) + 1;
    this.pushNext = seqAdd(this.pushNext, buffers * bufferBytes);
  }

  get isUrgent(): boolean {
    return !seqEq(this.up, this.una);
  }

  /** RFC 9293 §3.10.7.4: SND.WND, SND.WL1 and SND.WL2 move together. */
  setWindow(wnd: number, seq: Seq, ack: Seq): void {
    this.wnd = wnd;
    this.wl1 = seq;
    this.wl2 = ack;
    this.maxWnd = Math.max(this.maxWnd, wnd);
  }

  /** SND.NXT, or, when the peer has taken its window back, the window's edge: it must not be refused for that. */
  acceptable(): Seq {
    const edge = seqAdd(this.una, this.wnd);
    return seqDiff(edge, this.nxt) >= 0 ? this.nxt : edge;
  }

  /** Bytes that the peer's window still admits. */
  usable(): number {
    return this.wnd - seqDiff(this.nxt, this.una);
  }
}

/**
 *      read or ready  |    may be received     |  beyond
 *     ────────────────|────────────────────────|──────────▶
 *                  RCV.NXT          RCV.WUP + RCV.WND: the right edge that was advertised
 */
export class ReceiveSpace {
  readonly irs: Seq;
  nxt: Seq = seqOf(0);
  /** RCV.NXT when the window was last advertised, and that window in bytes. */
  wup: Seq = seqOf(0);
  wnd = 0;
  /** The same before it was rounded up to the grain of the window scale: rounding must not add up. */
  private promised = 0;
  /** The rightmost edge that was ever advertised. */
  private edge: Seq = seqOf(0);

  constructor(irs: Seq, wnd: number) {
    this.irs = irs;
    this.nxt = seqAdd(irs, 1);
    this.wup = this.nxt;
    this.wnd = wnd;
    this.promised = wnd;
    this.edge = seqAdd(this.nxt, wnd);
  }

  advance(bytes: number): void {
    this.nxt = seqAdd(this.nxt, bytes);
  }

  /** A segment leaves with `window` in it, `promised` of which is meant; it acknowledges RCV.NXT. */
  advertise(window: number, promised: number): void {
    this.wnd = window;
    this.promised = promised;
    this.wup = this.nxt;
    const edge = seqAdd(this.nxt, window);
    if (seqGt(edge, this.edge)) this.edge = edge;
  }

  /**
   * What is taken of the peer: RFC 7323 §2.4, "MUST honor, as in-window, any segment that would have been
   * in window for any <ACK> sent". A later edge may lie up to a grain of the window scale further left.
   */
  acceptable(): number {
    return Math.max(0, seqDiff(this.edge, this.nxt));
  }

  /** What was meant and is left of it. */
  standing(): number {
    return Math.max(0, this.promised - seqDiff(this.nxt, this.wup));
  }

  /** What the peer may still send, by what was advertised last. */
  window(): number {
    return Math.max(0, this.wnd - seqDiff(this.nxt, this.wup));
  }
}
