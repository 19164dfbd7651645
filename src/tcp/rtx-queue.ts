/**
 * One connection's records between SND.UNA and SND.NXT, and what cwnd is compared with.
 *
 *      first ──▶ rec ──▶ rec ──▶ rec ──▶ last        by sequence: contiguous, no gaps
 *      sent:     rec ───────▶ rec                    in flight, by time of the last transmission
 *      lost:          rec                            by sequence, until it is resent
 *
 * Neighbours that are SACKed become one record, as in Linux: a SACK block that grows by a segment with
 * every ACK costs one step each time, not one for each segment that it covers.
 *
 * The record of any sequence number is found in O(1): a small table maps each 16 KiB stretch of
 * sequence space to the record that holds its first byte. So the work for a SACK block does not depend on what
 * is in flight, nor on where an attacker says the block is.
 *
 * Counts are in pieces (RFC 6675's pipe, as Linux keeps it):
 *   in flight = packetsOut - sackedOut - lostOut + retransOut
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/env.ts';
import { NO_WORDS, WordArrays } from '../base/word-arrays.ts';
import { type Seq, seqAdd, seqBits, seqDiff, seqGt, seqLe, seqOf } from '../wire/seq.ts';
import { LostOrder, SentOrder } from './sent-order.ts';
import { NO_RECORD, REC, REC_STATE, REC_TIME, type TxRecords } from './tx-records.ts';

const STRETCH_BITS = 14;
const FIRST_INDEX = 8;

export class RtxQueue {
  private readonly records: TxRecords;
  private readonly arrays: WordArrays;
  first = NO_RECORD;
  last = NO_RECORD;
  readonly sent: SentOrder;
  readonly lost: LostOrder;
  packetsOut = 0;
  /** Records in it. */
  count = 0;
  /** Without SACK: duplicate ACKs, each of which stands for a segment that arrived (RFC 6582). */
  sackedOut = 0;
  lostOut = 0;
  retransOut = 0;
  /** Stretch of sequence space (modulo its length) → the record with the stretch's first byte. */
  private index: Int32Array = NO_WORDS;
  /** Behind the highest byte that was SACKed; valid while anything is. */
  private sackedEnd: Seq = seqOf(0);
  private ownSteps = 0;

  constructor(records: TxRecords, arrays: WordArrays = new WordArrays()) {
    this.records = records;
    this.arrays = arrays;
    this.sent = new SentOrder(records);
    this.lost = new LostOrder(records);
  }

  /** Records looked at so far: lets a test see that the work per ACK does not grow. */
  get steps(): number {
    return this.ownSteps + this.sent.steps + this.lost.steps;
  }

  get isEmpty(): boolean {
    return this.first === NO_RECORD;
  }

  inFlight(): number {
    return this.packetsOut - this.sackedOut - this.lostOut + this.retransOut;
  }

  /** Somebody looks at one more record. */
  look(): void {
    this.ownSteps++;
  }

  /** Behind the highest byte that the peer has told us of. */
  forwardAck(una: Seq): Seq {
    return this.sackedOut > 0 ? this.sackedEnd : una;
  }

  /** Something of what is outstanding was retransmitted, or still is under way again. */
  isAnyRetransmitted(): boolean {
    if (this.retransOut > 0) return true;
    return this.first !== NO_RECORD && this.has(this.first, REC_STATE.EVER_RETRANS);
  }

  seqOfRecord(r: number): Seq {
    return seqOf(this.records.get(r, REC.SEQ));
  }

  endOfRecord(r: number): Seq {
    return seqAdd(this.seqOfRecord(r), this.records.get(r, REC.LEN));
  }

  next(r: number): number {
    return this.records.get(r, REC.NEXT);
  }

  has(r: number, state: number): boolean {
    return (this.records.get(r, REC.STATE) & state) !== 0;
  }

  pieces(r: number): number {
    return this.records.get(r, REC.PIECES);
  }

  /** A segment was sent for the first time; it continues where the last one ended. */
  append(seq: Seq, len: number, pieces: number, state: number, clock: Clock): number {
    const { records } = this;
    const r = records.take();
    records.set(r, REC.SEQ, seqBits(seq));
    records.set(r, REC.LEN, len);
    records.set(r, REC.PIECES, pieces);
    records.set(r, REC.STATE, state);
    records.set(r, REC.TRANSMISSIONS, 1);
    records.setTime(r, REC_TIME.FIRST_NS, clock.nowNs);
    records.setTime(r, REC_TIME.SENT_NS, clock.nowNs);
    records.set(r, REC.NEXT, NO_RECORD);
    records.set(r, REC.PREV, this.last);
    if (this.last === NO_RECORD) this.first = r;
    else records.set(this.last, REC.NEXT, r);
    this.last = r;
    this.sent.push(r);
    this.packetsOut += pieces;
    this.count++;
    this.indexRecord(r);
    return r;
  }

  /** The record that holds `seq`, or NO_RECORD when it is outside SND.UNA … SND.NXT. */
  find(seq: Seq): number {
    if (this.first === NO_RECORD) return NO_RECORD;
    const start = this.seqOfRecord(this.first);
    if (seqDiff(seq, start) < 0 || seqDiff(seq, this.endOfRecord(this.last)) >= 0) return NO_RECORD;
    let r = this.index[this.stretch(seqBits(seq) >>> STRETCH_BITS)]!;
    // The first byte of the stretch may be acknowledged already, and its record gone or trimmed.
    const stretchStart = seqOf((seqBits(seq) >>> STRETCH_BITS) << STRETCH_BITS);
    if (seqDiff(stretchStart, start) < 0) r = this.first;
    this.ownSteps++;
    while (seqLe(this.endOfRecord(r), seq)) {
      r = this.next(r);
      this.ownSteps++;
    }
    return r;
  }

  /** Cuts a record in two, `len` bytes from its start; both keep its history. Returns the second. */
  split(r: number, len: number, mss: number): number {
    const { records } = this;
    const whole = records.get(r, REC.LEN);
    assert(len > 0 && len < whole, 'a record is split inside');
    const second = records.take();
    this.count++;
    records.copy(r, second);
    const seq = seqAdd(this.seqOfRecord(r), len);
    records.set(second, REC.SEQ, seqBits(seq));
    records.set(second, REC.LEN, whole - len);
    records.set(r, REC.LEN, len);
    // FIN and EOR are at the end of what was one segment.
    const atEnd = REC_STATE.FIN | REC_STATE.EOR | REC_STATE.PSH;
    records.set(r, REC.STATE, records.get(r, REC.STATE) & ~atEnd);
    records.set(second, REC.STATE, records.get(second, REC.STATE) & ~REC_STATE.SYN);
    this.repartition(r, second, len, whole, mss);
    this.linkBehind(r, second);
    this.indexRecord(second);
    return second;
  }

  /** What follows its first segment becomes a record of its own. */
  cutFirstSegment(r: number, mss: number): void {
    if (this.segmentsNow(r, mss) > 1) this.split(r, mss, mss);
  }

  /** Its last segment, as a record of its own. */
  cutLastSegment(r: number, mss: number): number {
    const segments = this.segmentsNow(r, mss);
    return segments > 1 ? this.split(r, (segments - 1) * mss, mss) : r;
  }

  /** The MSS may have grown since it was sent: what were several may be one. */
  private segmentsNow(r: number, mss: number): number {
    if (this.pieces(r) > 1) this.recount(r, mss);
    return this.pieces(r);
  }

  /** The first bytes of the first record are acknowledged, not all of it. Returns the pieces that went. */
  trimFirst(bytes: number, mss: number): number {
    const { records } = this;
    const r = this.first;
    const left = records.get(r, REC.LEN) - bytes;
    assert(left > 0, 'a whole record is removed, not trimmed');
    const before = this.pieces(r);
    records.set(r, REC.SEQ, seqBits(seqAdd(this.seqOfRecord(r), bytes)));
    records.set(r, REC.LEN, left);
    const after = Math.min(before, Math.max(1, Math.ceil(left / mss)));
    this.countPieces(r, after - before);
    records.set(r, REC.PIECES, after);
    this.indexRecord(r);
    return before - after;
  }

  /** The first record is acknowledged as a whole. */
  removeFirst(): void {
    const { records } = this;
    const r = this.first;
    this.countPieces(r, -this.pieces(r));
    this.unlink(r);
    this.first = this.next(r);
    if (this.first === NO_RECORD) {
      this.last = NO_RECORD;
      this.arrays.give(this.index);
      this.index = NO_WORDS;
    } else records.set(this.first, REC.PREV, NO_RECORD);
    records.give(r);
    this.count--;
  }

  /** The MSS is another than when it was cut into pieces. */
  recount(r: number, mss: number): void {
    const pieces = Math.max(1, Math.ceil(this.records.get(r, REC.LEN) / mss));
    this.countPieces(r, pieces - this.pieces(r));
    this.records.set(r, REC.PIECES, pieces);
  }

  /** It has arrived. A retransmission of what is no longer thought lost is still believed to be under way. */
  markSacked(r: number): void {
    const { records } = this;
    const state = records.get(r, REC.STATE);
    assert((state & REC_STATE.SACKED) === 0, 'a record is SACKed once');
    const pieces = this.pieces(r);
    this.unlink(r);
    let left = state;
    if ((state & REC_STATE.LOST) !== 0) {
      this.lostOut -= pieces;
      if ((state & REC_STATE.RETRANS) !== 0) this.retransOut -= pieces;
      left &= ~(REC_STATE.LOST | REC_STATE.RETRANS);
    }
    records.set(r, REC.STATE, left | REC_STATE.SACKED);
    const end = this.endOfRecord(r);
    if (this.sackedOut === 0 || seqGt(end, this.sackedEnd)) this.sackedEnd = end;
    this.sackedOut += pieces;
  }

  /** Joins a SACKED record with its SACKED neighbours. Returns the one that holds it now. */
  mergeSacked(r: number): number {
    const { records } = this;
    const next = this.next(r);
    if (next !== NO_RECORD && this.isPlainSacked(next) && this.isPlainSacked(r)) this.absorbNext(r);
    const prev = records.get(r, REC.PREV);
    if (prev === NO_RECORD || !this.isPlainSacked(prev) || !this.isPlainSacked(r)) return r;
    this.absorbNext(prev);
    return prev;
  }

  /** Deemed lost: it no longer counts as in flight, and RACK is done with it until it is resent. */
  markLost(r: number): void {
    const { records } = this;
    const state = records.get(r, REC.STATE);
    const pieces = this.pieces(r);
    assert((state & REC_STATE.SACKED) === 0, 'what has arrived is not lost');
    if ((state & (REC_STATE.LOST | REC_STATE.RETRANS)) === REC_STATE.LOST) return;
    this.sent.remove(r);
    if ((state & REC_STATE.RETRANS) !== 0) this.retransOut -= pieces;
    if ((state & REC_STATE.LOST) === 0) this.lostOut += pieces;
    records.set(r, REC.STATE, (state & ~REC_STATE.RETRANS) | REC_STATE.LOST);
    this.lost.insert(r);
  }

  /** Nothing is lost after all. */
  clearLost(): void {
    const { records } = this;
    let near = NO_RECORD;
    while (this.lost.first !== NO_RECORD) {
      const r = this.lost.first;
      this.lost.remove(r);
      this.clearLostOf(r);
      this.sent.putBack(r, near);
      near = r;
    }
    for (let r = this.first; r !== NO_RECORD && this.lostOut > 0; r = records.get(r, REC.NEXT)) {
      this.look();
      this.clearLostOf(r);
    }
  }

  /** RFC 2018 §8: the peer has thrown away what it had SACKed. */
  renege(): void {
    const { records } = this;
    let near = NO_RECORD;
    for (let r = this.first; r !== NO_RECORD; r = this.next(r)) {
      if (!this.has(r, REC_STATE.SACKED)) continue;
      records.set(r, REC.STATE, records.get(r, REC.STATE) & ~REC_STATE.SACKED);
      this.sent.putBack(r, near);
      near = r;
    }
    this.sackedOut = 0;
  }

  /** A D-SACK tells that the retransmission has arrived: it is no longer under way. */
  clearRetransmitted(r: number): void {
    const { records } = this;
    const state = records.get(r, REC.STATE);
    if ((state & REC_STATE.RETRANS) === 0) return;
    const wasSent = (state & REC_STATE.SACKED) === 0;
    this.retransOut -= this.pieces(r);
    records.set(r, REC.STATE, state & ~REC_STATE.RETRANS);
    if (!wasSent || (state & REC_STATE.LOST) === 0) return;
    this.sent.remove(r);
    this.lost.insert(r);
  }

  markRetransmitted(r: number, clock: Clock): void {
    const { records } = this;
    const state = records.get(r, REC.STATE);
    this.unlink(r);
    if ((state & REC_STATE.RETRANS) === 0) this.retransOut += this.pieces(r);
    records.set(r, REC.STATE, state | REC_STATE.RETRANS | REC_STATE.EVER_RETRANS);
    this.stamp(r, clock);
  }

  /** RFC 8985 §7.3: a tail-loss probe resends, but the original is not thought lost: nothing more is in flight. */
  markProbed(r: number, clock: Clock): void {
    const { records } = this;
    this.unlink(r);
    records.set(r, REC.STATE, records.get(r, REC.STATE) | REC_STATE.EVER_RETRANS);
    this.stamp(r, clock);
  }

  /** Without SACK: `n` segments are thought to have arrived out of order, at most all but those lost. */
  setRenoSacked(n: number): void {
    this.sackedOut = n;
  }

  clear(): void {
    this.sackedOut = 0;
    while (this.first !== NO_RECORD) this.removeFirst();
    this.sackedOut = 0;
  }

  private stamp(r: number, clock: Clock): void {
    const { records } = this;
    records.set(r, REC.TRANSMISSIONS, records.get(r, REC.TRANSMISSIONS) + 1);
    records.setTime(r, REC_TIME.SENT_NS, clock.nowNs);
    this.sent.push(r);
  }

  private clearLostOf(r: number): void {
    const { records } = this;
    const state = records.get(r, REC.STATE);
    if ((state & REC_STATE.LOST) === 0) return;
    this.lostOut -= this.pieces(r);
    records.set(r, REC.STATE, state & ~REC_STATE.LOST);
  }

  private isPlainSacked(r: number): boolean {
    const tags = REC_STATE.SACKED | REC_STATE.LOST | REC_STATE.RETRANS;
    return (this.records.get(r, REC.STATE) & tags) === REC_STATE.SACKED;
  }

  /** The next record becomes part of `r`; both are SACKed. */
  private absorbNext(r: number): void {
    const { records } = this;
    this.look();
    const gone = this.next(r);
    const next = this.next(gone);
    const kept = REC_STATE.EVER_RETRANS | REC_STATE.FIN | REC_STATE.EOR | REC_STATE.PSH;
    records.set(r, REC.STATE, records.get(r, REC.STATE) | (records.get(gone, REC.STATE) & kept));
    records.set(r, REC.PIECES, this.pieces(r) + this.pieces(gone));
    this.indexStretches(this.seqOfRecord(gone), this.endOfRecord(gone), r);
    records.set(r, REC.LEN, records.get(r, REC.LEN) + records.get(gone, REC.LEN));
    records.set(r, REC.NEXT, next);
    if (next === NO_RECORD) this.last = r;
    else records.set(next, REC.PREV, r);
    records.give(gone);
    this.count--;
  }

  // ---- in the other orders ----

  /** Takes it out of the one it is in. */
  private unlink(r: number): void {
    const state = this.records.get(r, REC.STATE);
    if ((state & REC_STATE.SACKED) !== 0) return;
    if ((state & (REC_STATE.LOST | REC_STATE.RETRANS)) === REC_STATE.LOST) this.lost.remove(r);
    else this.sent.remove(r);
  }

  /** The second half of a split stands right behind the first, in every order. */
  private linkBehind(r: number, second: number): void {
    const { records } = this;
    const next = this.next(r);
    records.set(second, REC.NEXT, next);
    records.set(second, REC.PREV, r);
    records.set(r, REC.NEXT, second);
    if (next === NO_RECORD) this.last = second;
    else records.set(next, REC.PREV, second);
    const state = records.get(r, REC.STATE);
    if ((state & REC_STATE.SACKED) !== 0) return;
    const isLost = (state & (REC_STATE.LOST | REC_STATE.RETRANS)) === REC_STATE.LOST;
    if (isLost) this.lost.insertBehind(r, second);
    else this.sent.insertBehind(r, second);
  }

  // ---- counts ----

  /** Shares out the pieces of a record that was split; rounding may make one more. */
  private repartition(r: number, second: number, len: number, whole: number, mss: number): void {
    const { records } = this;
    const before = this.pieces(r);
    const a = Math.max(1, Math.ceil(len / mss));
    const b = Math.max(1, Math.ceil((whole - len) / mss));
    this.countPieces(r, a + b - before);
    records.set(r, REC.PIECES, a);
    records.set(second, REC.PIECES, b);
  }

  private countPieces(r: number, difference: number): void {
    if (difference === 0) return;
    this.packetsOut += difference;
    if (this.has(r, REC_STATE.SACKED)) this.sackedOut += difference;
    if (this.has(r, REC_STATE.LOST)) this.lostOut += difference;
    if (this.has(r, REC_STATE.RETRANS)) this.retransOut += difference;
  }

  // ---- by sequence number ----

  private stretch(number: number): number {
    return number & (this.index.length - 1);
  }

  /** Notes the record at every stretch whose first byte it holds. */
  private indexRecord(r: number): void {
    const start = this.seqOfRecord(r);
    const end = this.endOfRecord(r);
    const span = seqDiff(this.endOfRecord(this.last), this.seqOfRecord(this.first));
    if (span >>> STRETCH_BITS >= this.index.length - 2) this.widenIndex(span);
    if (r === this.first) this.index[this.stretch(seqBits(start) >>> STRETCH_BITS)] = r;
    this.indexStretches(start, end, r);
  }

  /** The stretches that begin in [start, end) belong to `r`. */
  private indexStretches(start: Seq, end: Seq, r: number): void {
    const size = 1 << STRETCH_BITS;
    let at = seqOf((seqBits(start) + size - 1) & -size);
    while (seqDiff(at, end) < 0) {
      this.index[this.stretch(seqBits(at) >>> STRETCH_BITS)] = r;
      at = seqAdd(at, size);
    }
  }

  private widenIndex(span: number): void {
    let length = FIRST_INDEX;
    while (length - 2 <= span >>> STRETCH_BITS) length *= 2;
    if (length <= this.index.length) length = this.index.length * 2;
    this.arrays.give(this.index);
    this.index = this.arrays.take(length);
    for (let r = this.first; r !== NO_RECORD; r = this.next(r)) this.indexRecord(r);
  }
}
