/**
 * RACK (RFC 8985 §6): a segment is lost when one sent sufficiently later has been delivered.
 *
 *     sent:       A    B    C    D                 delivered: D, one RTT after it was sent
 *     A, B, C are lost once  now > sent + RACK.rtt + reo_wnd
 *
 * The records are kept in the order of their last transmission, so the search starts with the oldest
 * and ends with the first that is not lost: each record is looked at once more than it is sent.
 */
import { NEVER } from '../base/time.ts';
import { type Seq, seqGt, seqOf } from '../wire/seq.ts';
import type { RtxQueue } from './rtx-queue.ts';
import { NO_RECORD, REC_TIME, type TxRecords } from './tx-records.ts';

/** RFC 8985 §6.2 step 4: the wider window is kept for so many recoveries. */
const REO_WND_PERSIST = 16;
const MAX_STEPS = 255;

export class Rack {
  /** Of the most recently sent segment that was delivered. */
  private xmitNs = 0;
  private endSeq: Seq = seqOf(0);
  rttNs = 0;
  isAdvanced = false;
  /** The reordering window, in quarters of the minimum RTT. */
  reoWndSteps = 1;
  private persist = 0;
  private dsackRoundEnds: Seq = seqOf(0);
  private hasDsackRound = false;

  /** Step 2: a record was delivered for the first time. */
  delivered(
    xmitNs: number,
    endSeq: Seq,
    isRetransmitted: boolean,
    minRttNs: number,
    nowNs: number,
  ): void {
    const rtt = nowNs - xmitNs;
    // A retransmission acknowledged in less than the path's RTT: the original was meant.
    if (isRetransmitted && minRttNs !== NEVER && rtt < minRttNs) return;
    this.rttNs = rtt;
    this.isAdvanced = true;
    if (xmitNs > this.xmitNs || (xmitNs === this.xmitNs && seqGt(endSeq, this.endSeq))) {
      this.xmitNs = xmitNs;
      this.endSeq = endSeq;
    }
  }

  /** Step 4: how long a gap may be mere reordering. 0 while none was ever seen and loss is evident. */
  reorderingWindowNs(
    minRttNs: number,
    srttNs: number,
    hasReordering: boolean,
    isLossEvident: boolean,
  ): number {
    if (!hasReordering && isLossEvident) return 0;
    if (minRttNs === NEVER) return 0;
    return Math.min((minRttNs / 4) * this.reoWndSteps, srttNs);
  }

  /** Step 4: a D-SACK says that we retransmitted too early; once a round trip the window widens. */
  adapt(hasDsack: boolean, una: Seq, nxt: Seq): void {
    if (this.hasDsackRound && seqGt(una, this.dsackRoundEnds)) this.hasDsackRound = false;
    if (!hasDsack || this.hasDsackRound) return;
    this.hasDsackRound = true;
    this.dsackRoundEnds = nxt;
    this.reoWndSteps = Math.min(MAX_STEPS, this.reoWndSteps + 1);
    this.persist = REO_WND_PERSIST;
  }

  recoveryEnded(): void {
    if (this.persist > 0) this.persist--;
    if (this.persist === 0) this.reoWndSteps = 1;
  }

  /**
   * Step 5: marks what is lost; returns when the next one would be, relative to now, or 0.
   * `lost` is told of each record before it is marked.
   */
  detect(
    q: RtxQueue,
    records: TxRecords,
    reoWndNs: number,
    nowNs: number,
    lost: LossListener,
  ): number {
    if (this.xmitNs === 0 && !this.isAdvanced) return 0;
    this.isAdvanced = false;
    while (q.oldest !== NO_RECORD) {
      const r = q.oldest;
      const sentNs = records.time(r, REC_TIME.SENT_NS);
      const isEarlier =
        sentNs < this.xmitNs || (sentNs === this.xmitNs && seqGt(this.endSeq, q.endOfRecord(r)));
      q.look();
      if (!isEarlier) return 0;
      const remainingNs = sentNs + this.rttNs + reoWndNs - nowNs;
      if (remainingNs > 0) return remainingNs;
      lost.recordLost(r);
    }
    return 0;
  }
}

export interface LossListener {
  /** Marks the record (and so takes it out of the order by time). */
  recordLost(record: number): void;
}
