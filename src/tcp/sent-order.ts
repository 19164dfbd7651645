/**
 * The two orders that loss recovery needs beside the order of sequence numbers. A record is in one of them, or,
 * once SACKed, in neither; so both use the same two links.
 *
 *     in flight         by time of the last transmission: RACK's order
 *     lost, not resent  by sequence number: what a retransmission takes next
 */
import { type Seq, seqDiff, seqGt, seqOf } from '../wire/seq.ts';
import { NO_RECORD, REC, REC_TIME, type TxRecords } from './tx-records.ts';

/** When a segment that was delivered had been sent, and where it ended. */
export interface SentPoint {
  readonly xmitNs: number;
  readonly endSeq: Seq;
}

/** What is in flight, oldest transmission first. */
export class SentOrder {
  oldest = NO_RECORD;
  newest = NO_RECORD;
  /** Records looked at: lets a test see that the work per ACK does not grow. */
  steps = 0;
  /** The latest that was sent before the point given to `latestBefore`, as far as that was looked for. */
  private reached = NO_RECORD;
  private readonly records: TxRecords;

  constructor(records: TxRecords) {
    this.records = records;
  }

  push(r: number): void {
    const { records } = this;
    records.set(r, REC.LATER, NO_RECORD);
    records.set(r, REC.EARLIER, this.newest);
    if (this.newest === NO_RECORD) this.oldest = r;
    else records.set(this.newest, REC.LATER, r);
    this.newest = r;
  }

  remove(r: number): void {
    const { records } = this;
    const earlier = records.get(r, REC.EARLIER);
    const later = records.get(r, REC.LATER);
    if (earlier === NO_RECORD) this.oldest = later;
    else records.set(earlier, REC.LATER, later);
    if (later === NO_RECORD) this.newest = earlier;
    else records.set(later, REC.EARLIER, earlier);
    if (this.reached === r) this.reached = earlier;
  }

  /** `r` was cut: its second half was sent at the same time. */
  insertBehind(r: number, second: number): void {
    const { records } = this;
    const later = records.get(r, REC.LATER);
    records.set(second, REC.LATER, later);
    records.set(second, REC.EARLIER, r);
    records.set(r, REC.LATER, second);
    if (later === NO_RECORD) this.newest = second;
    else records.set(later, REC.EARLIER, second);
  }

  /**
   * It was not lost after all. `near`: the one put back before it, or NO_RECORD; a run of them that was
   * sent in order costs one step each.
   */
  putBack(r: number, near: number): void {
    const { records } = this;
    const sentNs = records.time(r, REC_TIME.SENT_NS);
    let at = near;
    if (at !== NO_RECORD && records.time(at, REC_TIME.SENT_NS) > sentNs) at = NO_RECORD;
    let next = at === NO_RECORD ? this.oldest : records.get(at, REC.LATER);
    while (next !== NO_RECORD && records.time(next, REC_TIME.SENT_NS) <= sentNs) {
      this.steps++;
      at = next;
      next = records.get(at, REC.LATER);
    }
    if (at !== NO_RECORD) {
      this.insertBehind(at, r);
      return;
    }
    records.set(r, REC.EARLIER, NO_RECORD);
    records.set(r, REC.LATER, this.oldest);
    if (this.oldest === NO_RECORD) this.newest = r;
    else records.set(this.oldest, REC.EARLIER, r);
    this.oldest = r;
  }

  /** RFC 8985 §6.2 step 2: RACK_sent_after. */
  isBefore(r: number, { xmitNs, endSeq }: SentPoint): boolean {
    const sentNs = this.records.time(r, REC_TIME.SENT_NS);
    return sentNs < xmitNs || (sentNs === xmitNs && seqDiff(endSeq, this.endOf(r)) > 0);
  }

  /** The latest transmission before that of a segment that was delivered. The point only moves on: O(1) amortised. */
  latestBefore(point: SentPoint): number {
    const { records } = this;
    let next = this.reached === NO_RECORD ? this.oldest : records.get(this.reached, REC.LATER);
    while (next !== NO_RECORD && this.isBefore(next, point)) {
      this.steps++;
      this.reached = next;
      next = records.get(next, REC.LATER);
    }
    return this.reached;
  }

  private endOf(r: number): Seq {
    return seqOf((this.records.get(r, REC.SEQ) + this.records.get(r, REC.LEN)) | 0);
  }
}

/**
 * What is lost and waits for its retransmission, lowest sequence number first. Losses are found in runs, so a
 * place is looked for from where the last one was put.
 */
export class LostOrder {
  first = NO_RECORD;
  last = NO_RECORD;
  steps = 0;
  private finger = NO_RECORD;
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
    const later = at === NO_RECORD ? this.first : records.get(at, REC.LATER);
    records.set(r, REC.EARLIER, at);
    records.set(r, REC.LATER, later);
    if (at === NO_RECORD) this.first = r;
    else records.set(at, REC.LATER, r);
    if (later === NO_RECORD) this.last = r;
    else records.set(later, REC.EARLIER, r);
    this.finger = r;
  }

  remove(r: number): void {
    const { records } = this;
    const earlier = records.get(r, REC.EARLIER);
    const later = records.get(r, REC.LATER);
    if (earlier === NO_RECORD) this.first = later;
    else records.set(earlier, REC.LATER, later);
    if (later === NO_RECORD) this.last = earlier;
    else records.set(later, REC.EARLIER, earlier);
    if (this.finger === r) this.finger = earlier;
  }

  /** The one it belongs behind, or NO_RECORD. */
  private placeFor(r: number): number {
    const { records } = this;
    if (this.last === NO_RECORD || this.isBelow(this.last, r)) return this.last;
    if (this.isBelow(r, this.first)) return NO_RECORD;
    let at = this.finger;
    if (at === NO_RECORD) at = this.first;
    while (this.isBelow(r, at)) {
      this.steps++;
      at = records.get(at, REC.EARLIER);
    }
    for (;;) {
      const next = records.get(at, REC.LATER);
      if (next === NO_RECORD || this.isBelow(r, next)) return at;
      this.steps++;
      at = next;
    }
  }

  private isBelow(a: number, b: number): boolean {
    const { records } = this;
    return seqGt(seqOf(records.get(b, REC.SEQ)), seqOf(records.get(a, REC.SEQ)));
  }
}
