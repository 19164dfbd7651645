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

// Own constants: see CONTRIBUTING.md, "Hot modules".
const NONE: number = NO_RECORD;
const { SEQ, LEN, PIECES, STATE, NEXT, PREV, TRANSMISSIONS } = REC;
const { SENT_NS, FIRST_NS } = REC_TIME;
const { SACKED, LOST, RETRANS, EVER_RETRANS, FIN, SYN, EOR, PSH } = REC_STATE;

export class RtxQueue {
  private readonly records: TxRecords;
  private readonly arrays: WordArrays;
  first = NONE;
  last = NONE;
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
    return this.first === NONE;
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
    return this.first !== NONE && this.has(this.first, EVER_RETRANS);
  }

  seqOfRecord(r: number): Seq {
    return seqOf(this.records.get(r, SEQ));
  }

  endOfRecord(r: number): Seq {
    const { records } = this;
    return seqOf(records.get(r, SEQ) + records.get(r, LEN));
  }

  next(r: number): number {
    return this.records.get(r, NEXT);
  }

  has(r: number, state: number): boolean {
    return (this.records.get(r, STATE) & state) !== 0;
  }

  pieces(r: number): number {
    return this.records.get(r, PIECES);
  }

  /** A segment was sent for the first time; it continues where the last one ended. */
  append(seq: Seq, len: number, pieces: number, state: number, clock: Clock): number {
    const { records, last } = this;
    const r = records.take();
    const { words, times } = records;
    const at = records.wordsAt(r);
    words[at + SEQ] = seqBits(seq);
    words[at + LEN] = len;
    words[at + PIECES] = pieces;
    words[at + STATE] = state;
    words[at + TRANSMISSIONS] = 1;
    words[at + NEXT] = NONE;
    words[at + PREV] = last;
    const timesAt = records.timesAt(r);
    times[timesAt + FIRST_NS] = clock.nowNs;
    times[timesAt + SENT_NS] = clock.nowNs;
    if (last === NONE) this.first = r;
    else records.set(last, NEXT, r);
    this.last = r;
    this.sent.push(r);
    this.packetsOut += pieces;
    this.count++;
    this.indexRecord(r);
    return r;
  }

  /** The record that holds `seq`, or NO_RECORD when it is outside SND.UNA … SND.NXT. */
  find(seq: Seq): number {
    if (this.first === NONE) return NONE;
    const start = this.seqOfRecord(this.first);
    if (seqDiff(seq, start) < 0 || seqDiff(seq, this.endOfRecord(this.last)) >= 0) return NONE;
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
    const whole = records.get(r, LEN);
    assert(len > 0 && len < whole, 'a record is split inside');
    const second = records.take();
    this.count++;
    records.copy(r, second);
    const seq = seqAdd(this.seqOfRecord(r), len);
    records.set(second, SEQ, seqBits(seq));
    records.set(second, LEN, whole - len);
    records.set(r, LEN, len);
    // FIN and EOR are at the end of what was one segment.
    const atEnd = FIN | EOR | PSH;
    records.set(r, STATE, records.get(r, STATE) & ~atEnd);
    records.set(second, STATE, records.get(second, STATE) & ~SYN);
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
    const left = records.get(r, LEN) - bytes;
    assert(left > 0, 'a whole record is removed, not trimmed');
    const before = this.pieces(r);
    records.set(r, SEQ, seqBits(seqAdd(this.seqOfRecord(r), bytes)));
    records.set(r, LEN, left);
    const after = Math.min(before, Math.max(1, Math.ceil(left / mss)));
    this.countPieces(records.get(r, STATE), after - before);
    records.set(r, PIECES, after);
    this.indexRecord(r);
    return before - after;
  }

  /** The first record is acknowledged as a whole. */
  removeFirst(): void {
    const { records } = this;
    const r = this.first;
    const { words } = records;
    const at = records.wordsAt(r);
    this.countPieces(words[at + STATE]!, -words[at + PIECES]!);
    this.unlink(r, words[at + STATE]!);
    this.first = words[at + NEXT]!;
    if (this.first === NONE) {
      this.last = NONE;
      this.arrays.give(this.index);
      this.index = NO_WORDS;
    } else records.set(this.first, PREV, NONE);
    records.give(r);
    this.count--;
  }

  /** The MSS is another than when it was cut into pieces. */
  recount(r: number, mss: number): void {
    const { records } = this;
    const pieces = Math.max(1, Math.ceil(records.get(r, LEN) / mss));
    this.countPieces(records.get(r, STATE), pieces - this.pieces(r));
    records.set(r, PIECES, pieces);
  }

  /** It has arrived. A retransmission of what is no longer thought lost is still believed to be under way. */
  markSacked(r: number): void {
    const { records } = this;
    const state = records.get(r, STATE);
    assert((state & SACKED) === 0, 'a record is SACKed once');
    const pieces = this.pieces(r);
    this.unlink(r, state);
    let left = state;
    if ((state & LOST) !== 0) {
      this.lostOut -= pieces;
      if ((state & RETRANS) !== 0) this.retransOut -= pieces;
      left &= ~(LOST | RETRANS);
    }
    records.set(r, STATE, left | SACKED);
    const end = this.endOfRecord(r);
    if (this.sackedOut === 0 || seqGt(end, this.sackedEnd)) this.sackedEnd = end;
    this.sackedOut += pieces;
  }

  /** Joins a SACKED record with its SACKED neighbours. Returns the one that holds it now. */
  mergeSacked(r: number): number {
    const { records } = this;
    const next = this.next(r);
    if (next !== NONE && this.isPlainSacked(next) && this.isPlainSacked(r)) this.absorbNext(r);
    const prev = records.get(r, PREV);
    if (prev === NONE || !this.isPlainSacked(prev) || !this.isPlainSacked(r)) return r;
    this.absorbNext(prev);
    return prev;
  }

  /** Deemed lost: it no longer counts as in flight, and RACK is done with it until it is resent. */
  markLost(r: number): void {
    const { records } = this;
    const state = records.get(r, STATE);
    const pieces = this.pieces(r);
    assert((state & SACKED) === 0, 'what has arrived is not lost');
    if ((state & (LOST | RETRANS)) === LOST) return;
    this.sent.remove(r);
    if ((state & RETRANS) !== 0) this.retransOut -= pieces;
    if ((state & LOST) === 0) this.lostOut += pieces;
    records.set(r, STATE, (state & ~RETRANS) | LOST);
    this.lost.insert(r);
  }

  /** Nothing is lost after all. */
  clearLost(): void {
    const { records } = this;
    let near = NONE;
    while (this.lost.first !== NONE) {
      const r = this.lost.first;
      this.lost.remove(r);
      this.clearLostOf(r);
      this.sent.putBack(r, near);
      near = r;
    }
    for (let r = this.first; r !== NONE && this.lostOut > 0; r = records.get(r, NEXT)) {
      this.look();
      this.clearLostOf(r);
    }
  }

  /** RFC 2018 §8: the peer has thrown away what it had SACKed. */
  renege(): void {
    const { records } = this;
    let near = NONE;
    for (let r = this.first; r !== NONE; r = this.next(r)) {
      if (!this.has(r, SACKED)) continue;
      records.set(r, STATE, records.get(r, STATE) & ~SACKED);
      this.sent.putBack(r, near);
      near = r;
    }
    this.sackedOut = 0;
  }

  /** A D-SACK tells that the retransmission has arrived: it is no longer under way. */
  clearRetransmitted(r: number): void {
    const { records } = this;
    const state = records.get(r, STATE);
    if ((state & RETRANS) === 0) return;
    const wasSent = (state & SACKED) === 0;
    this.retransOut -= this.pieces(r);
    records.set(r, STATE, state & ~RETRANS);
    if (!wasSent || (state & LOST) === 0) return;
    this.sent.remove(r);
    this.lost.insert(r);
  }

  markRetransmitted(r: number, clock: Clock): void {
    const { records } = this;
    const state = records.get(r, STATE);
    this.unlink(r, state);
    if ((state & RETRANS) === 0) this.retransOut += this.pieces(r);
    records.set(r, STATE, state | RETRANS | EVER_RETRANS);
    this.stamp(r, clock);
  }

  /** RFC 8985 §7.3: a tail-loss probe resends, but the original is not thought lost: nothing more is in flight. */
  markProbed(r: number, clock: Clock): void {
    const { records } = this;
    const state = records.get(r, STATE);
    this.unlink(r, state);
    records.set(r, STATE, state | EVER_RETRANS);
    this.stamp(r, clock);
  }

  /** Without SACK: `n` segments are thought to have arrived out of order, at most all but those lost. */
  setRenoSacked(n: number): void {
    this.sackedOut = n;
  }

  clear(): void {
    this.sackedOut = 0;
    while (this.first !== NONE) this.removeFirst();
    this.sackedOut = 0;
  }

  private stamp(r: number, clock: Clock): void {
    const { records } = this;
    records.set(r, TRANSMISSIONS, records.get(r, TRANSMISSIONS) + 1);
    records.setTime(r, SENT_NS, clock.nowNs);
    this.sent.push(r);
  }

  private clearLostOf(r: number): void {
    const { records } = this;
    const state = records.get(r, STATE);
    if ((state & LOST) === 0) return;
    this.lostOut -= this.pieces(r);
    records.set(r, STATE, state & ~LOST);
  }

  private isPlainSacked(r: number): boolean {
    const tags = SACKED | LOST | RETRANS;
    return (this.records.get(r, STATE) & tags) === SACKED;
  }

  /** The next record becomes part of `r`; both are SACKed. */
  private absorbNext(r: number): void {
    const { records } = this;
    this.look();
    const gone = this.next(r);
    const next = this.next(gone);
    const kept = EVER_RETRANS | FIN | EOR | PSH;
    records.set(r, STATE, records.get(r, STATE) | (records.get(gone, STATE) & kept));
    records.set(r, PIECES, this.pieces(r) + this.pieces(gone));
    this.indexStretches(this.seqOfRecord(gone), this.endOfRecord(gone), r);
    records.set(r, LEN, records.get(r, LEN) + records.get(gone, LEN));
    records.set(r, NEXT, next);
    if (next === NONE) this.last = r;
    else records.set(next, PREV, r);
    records.give(gone);
    this.count--;
  }

  // ---- in the other orders ----

  /** Takes it, whose state that is, out of the one it is in. */
  private unlink(r: number, state: number): void {
    if ((state & SACKED) !== 0) return;
    if ((state & (LOST | RETRANS)) === LOST) this.lost.remove(r);
    else this.sent.remove(r);
  }

  /** The second half of a split stands right behind the first, in every order. */
  private linkBehind(r: number, second: number): void {
    const { records } = this;
    const next = this.next(r);
    records.set(second, NEXT, next);
    records.set(second, PREV, r);
    records.set(r, NEXT, second);
    if (next === NONE) this.last = second;
    else records.set(next, PREV, second);
    const state = records.get(r, STATE);
    if ((state & SACKED) !== 0) return;
    const isLost = (state & (LOST | RETRANS)) === LOST;
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
    this.countPieces(records.get(r, STATE), a + b - before);
    records.set(r, PIECES, a);
    records.set(second, PIECES, b);
  }

  /** Of a record in that state. */
  private countPieces(state: number, difference: number): void {
    if (difference === 0) return;
    this.packetsOut += difference;
    if ((state & (SACKED | LOST | RETRANS)) === 0) return;
    if ((state & SACKED) !== 0) this.sackedOut += difference;
    if ((state & LOST) !== 0) this.lostOut += difference;
    if ((state & RETRANS) !== 0) this.retransOut += difference;
  }

  // ---- by sequence number ----

  private stretch(number: number): number {
    return number & (this.index.length - 1);
  }

  /** Notes the record at every stretch whose first byte it holds. */
  private indexRecord(r: number): void {
    const start = this.seqOfRecord(r);
    const end = this.endOfRecord(r);
    const last = r === this.last ? end : this.endOfRecord(this.last);
    const span = seqDiff(last, this.seqOfRecord(this.first));
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
    for (let r = this.first; r !== NONE; r = this.next(r)) this.indexRecord(r);
  }
}
