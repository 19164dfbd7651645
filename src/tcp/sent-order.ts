/**
 * The two orders that loss recovery needs beside the order of sequence numbers. A record is in one of them, or,
 * once SACKed, in neither; so both use the same two links.
 *
 *     in flight         by time of the last transmission: RACK's order
 *     lost, not resent  by sequence number: what a retransmission takes next
 */
import { type Seq, seqDiff, seqGt, seqOf } from '../wire/seq.ts';
import { NO_RECORD, REC, REC_TIME, type TxRecords } from './tx-records.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const NONE: number = NO_RECORD;
const { SEQ, LEN, LATER, EARLIER } = REC;
const { SENT_NS } = REC_TIME;

/** When a segment that was delivered had been sent, and where it ended. */
export interface SentPoint {
  readonly xmitNs: number;
  readonly endSeq: Seq;
}

/** What is in flight, oldest transmission first. */
export class SentOrder {
  oldest = NONE;
  newest = NONE;
  /** Records looked at: lets a test see that the work per ACK does not grow. */
  steps = 0;
  /** The latest that was sent before the point given to `latestBefore`, as far as that was looked for. */
  private reached = NONE;
  private readonly records: TxRecords;

  constructor(records: TxRecords) {
    this.records = records;
  }

  push(r: number): void {
    const { records, newest } = this;
    records.set(r, LATER, NONE);
    records.set(r, EARLIER, newest);
    if (newest === NONE) this.oldest = r;
    else records.set(newest, LATER, r);
    this.newest = r;
  }

  remove(r: number): void {
    const { records } = this;
    const earlier = records.get(r, EARLIER);
    const later = records.get(r, LATER);
    if (earlier === NONE) this.oldest = later;
    else records.set(earlier, LATER, later);
    if (later === NONE) this.newest = earlier;
    else records.set(later, EARLIER, earlier);
    if (this.reached === r) this.reached = earlier;
  }

  /** `r` was cut: its second half was sent at the same time. */
  insertBehind(r: number, second: number): void {
    const { records } = this;
    const later = records.get(r, LATER);
    records.set(second, LATER, later);
    records.set(second, EARLIER, r);
    records.set(r, LATER, second);
    if (later === NONE) this.newest = second;
    else records.set(later, EARLIER, second);
  }

  /**
   * It was not lost after all. `near`: the one put back before it, or NO_RECORD; a run of them that was
   * sent in order costs one step each.
   */
  putBack(r: number, near: number): void {
    const { records } = this;
    const sentNs = records.time(r, SENT_NS);
    let at = near;
    if (at !== NONE && records.time(at, SENT_NS) > sentNs) at = NONE;
    let next = at === NONE ? this.oldest : records.get(at, LATER);
    while (next !== NONE && records.time(next, SENT_NS) <= sentNs) {
      this.steps++;
      at = next;
      next = records.get(at, LATER);
    }
    if (at !== NONE) {
      this.insertBehind(at, r);
      return;
    }
    records.set(r, EARLIER, NONE);
    records.set(r, LATER, this.oldest);
    if (this.oldest === NONE) this.newest = r;
    else records.set(this.oldest, EARLIER, r);
    this.oldest = r;
  }

  /** RFC 8985 §6.2 step 2: RACK_sent_after. */
  isBefore(r: number, { xmitNs, endSeq }: SentPoint): boolean {
    const sentNs = this.records.time(r, SENT_NS);
    return sentNs < xmitNs || (sentNs === xmitNs && seqDiff(endSeq, this.endOf(r)) > 0);
  }

  /** The latest transmission before that of a segment that was delivered. The point only moves on: O(1) amortised. */
  latestBefore(point: SentPoint): number {
    const { records } = this;
    let next = this.reached === NONE ? this.oldest : records.get(this.reached, LATER);
    while (next !== NONE && this.isBefore(next, point)) {
      this.steps++;
      this.reached = next;
      next = records.get(next, LATER);
    }
    return this.reached;
  }

  private endOf(r: number): Seq {
    return seqOf((this.records.get(r, SEQ) + this.records.get(r, LEN)) | 0);
  }
}

/**
 * What is lost and waits for its retransmission, lowest sequence number first. Losses are found in runs, so a
 * place is looked for from where the last one was put.
 */
export class LostOrder {
  first = NONE;
  last = NONE;
  steps = 0;
  private finger = NONE;
  private readonly records: TxRecords;

  constructor(records: TxRecords) {
    this.records = records;
  }

  insert(r: number): void {
    this.insertBehind(this.placeFor(r), r);
  }

  /** Behind `at`; at the front when that is NO_RECORD. */
  insertBehind(at: number, r: number): void {
    const { records } = this;
    const later = at === NONE ? this.first : records.get(at, LATER);
    records.set(r, EARLIER, at);
    records.set(r, LATER, later);
    if (at === NONE) this.first = r;
    else records.set(at, LATER, r);
    if (later === NONE) this.last = r;
    else records.set(later, EARLIER, r);
    this.finger = r;
  }

  remove(r: number): void {
    const { records } = this;
    const earlier = records.get(r, EARLIER);
    const later = records.get(r, LATER);
    if (earlier === NONE) this.first = later;
    else records.set(earlier, LATER, later);
    if (later === NONE) this.last = earlier;
    else records.set(later, EARLIER, earlier);
    if (this.finger === r) this.finger = earlier;
  }

  /** The one it belongs behind, or NO_RECORD. */
  private placeFor(r: number): number {
    const { records } = this;
    if (this.last === NONE || this.isBelow(this.last, r)) return this.last;
    if (this.isBelow(r, this.first)) return NONE;
    let at = this.finger;
    if (at === NONE) at = this.first;
    while (this.isBelow(r, at)) {
      this.steps++;
      at = records.get(at, EARLIER);
    }
    for (;;) {
      const next = records.get(at, LATER);
      if (next === NONE || this.isBelow(r, next)) return at;
      this.steps++;
      at = next;
    }
  }

  private isBelow(a: number, b: number): boolean {
    const { records } = this;
    return seqGt(seqOf(records.get(b, SEQ)), seqOf(records.get(a, SEQ)));
  }
}
