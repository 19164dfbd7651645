/**
 * RACK (RFC 8985 §6): a segment is lost when one sent sufficiently later has been delivered.
 *
 *     sent:       A    B    C    D                 delivered: D, one RTT after it was sent
 *     A, B, C are lost once  now > sent + RACK.rtt + reo_wnd
 *
 * The records are kept in the order of their last transmission, so the search starts with the oldest
 * and ends with the first that is not lost: each record is looked at once more than it is sent.
 */
import type { Clock } from '../base/env.ts';
import { NEVER, ZERO_NS } from '../base/time.ts';
import { type Seq, seqGt, seqOf } from '../wire/seq.ts';
import type { RtxQueue } from './rtx-queue.ts';
import { NO_RECORD, REC_TIME, type TxRecords } from './tx-records.ts';

/** RFC 8985 §6.2 step 4: the wider window is kept for so many recoveries. */
const REO_WND_PERSIST = 16;
const MAX_STEPS = 255;

export class Rack {
  /** Of the most recently sent segment that was delivered. */
  xmitNs = ZERO_NS;
  endSeq: Seq = seqOf(0);
  rttNs = 0;
  /** How long a gap may be mere reordering, and how long the doubtful have left: fields, as calls would box them. */
  reoWndNs = 0;
  waitNs = 0;
  /** Something was delivered since losses were last looked for. */
  isAdvanced = false;
  /** The reordering window, in quarters of the minimum RTT. */
  reoWndSteps = 1;
  private persist = 0;
  /** A D-SACK came that tells of a retransmission made too early; what was delivered when one last counted. */
  private isDsackPending = false;
  private widenedAt = 0;

  /** Step 2: a record was delivered for the first time. */
  delivered(
    records: TxRecords,
    r: number,
    endSeq: Seq,
    isRetransmitted: boolean,
    v: PathView,
  ): void {
    const xmitNs = records.time(r, REC_TIME.SENT_NS);
    const rtt = v.nowNs - xmitNs;
    // A retransmission acknowledged in less than the path's RTT: the original was meant.
    if (isRetransmitted && rtt < v.minRttNs) return;
    this.rttNs = rtt;
    this.isAdvanced = true;
    if (xmitNs > this.xmitNs || (xmitNs === this.xmitNs && seqGt(endSeq, this.endSeq))) {
      this.xmitNs = xmitNs;
      this.endSeq = endSeq;
    }
  }

  /** An undo: what was thought lost is looked at again. */
  reexamine(): void {
    this.isAdvanced = true;
  }

  /** Step 4: how long a gap may be mere reordering: reoWndNs. 0 while none was ever seen and loss is evident. */
  setReorderingWindow(v: PathView, hasReordering: boolean, isLossEvident: boolean): void {
    if (!hasReordering && isLossEvident) this.reoWndNs = 0;
    else if (v.minRttNs === NEVER) this.reoWndNs = v.srttNs;
    else this.reoWndNs = Math.min((v.minRttNs / 4) * this.reoWndSteps, v.srttNs);
  }

  /** A D-SACK that is not about a tail-loss probe, on a path that reorders. */
  duplicateSeen(): void {
    this.isDsackPending = true;
  }

  /**
   * Step 4, once an ACK is worked through: the window widens, once a round trip. `priorDelivered` is the
   * count when the segment was sent that this ACK is about, `delivered` the count now.
   */
  adapt({ priorDelivered }: Prior, { delivered }: Progress): void {
    if (priorDelivered < this.widenedAt) this.isDsackPending = false;
    if (this.isDsackPending) {
      this.reoWndSteps = Math.min(MAX_STEPS, this.reoWndSteps + 1);
      this.isDsackPending = false;
      this.widenedAt = delivered;
      this.persist = REO_WND_PERSIST;
    } else if (this.persist === 0) this.reoWndSteps = 1;
  }

  /** A recovery ended, and nothing was taken back. */
  recoveryEnded(): void {
    if (this.persist > 0) this.persist--;
  }

  /** A D-SACK took a recovery back: Linux lets the window stay one recovery longer. */
  recoveryTakenBack(): void {
    this.persist = Math.min(REO_WND_PERSIST, this.persist + 1);
  }

  /** It was sent within the last round trip. */
  isRecent(records: TxRecords, r: number, clock: Clock): boolean {
    return records.time(r, REC_TIME.SENT_NS) + this.rttNs > clock.nowNs;
  }

  /**
   * Step 5: marks what is lost. waitNs is then how long from now the last of those would be that were sent before
   * the one delivered last, or 0 when there is none. `lost` is told of each record before it is marked.
   */
  detect(q: RtxQueue, records: TxRecords, clock: Clock, lost: LossListener): void {
    this.isAdvanced = false;
    this.waitNs = 0;
    const { sent } = q;
    while (sent.oldest !== NO_RECORD) {
      const r = sent.oldest;
      q.look();
      if (!sent.isBefore(r, this)) return;
      if (this.isDoubtful(records, r, clock)) break;
      lost.recordLost(r);
    }
    if (sent.oldest === NO_RECORD) return;
    this.waitFor(records, sent.latestBefore(this), clock);
  }

  /** It may still be mere reordering. */
  private isDoubtful(records: TxRecords, r: number, clock: Clock): boolean {
    return records.time(r, REC_TIME.SENT_NS) + this.rttNs + this.reoWndNs > clock.nowNs;
  }

  private waitFor(records: TxRecords, r: number, { nowNs }: Clock): void {
    this.waitNs = records.time(r, REC_TIME.SENT_NS) + this.rttNs + this.reoWndNs - nowNs;
  }
}

/** Of the ACK's rate sample, and of the view. */
export interface Prior {
  readonly priorDelivered: number;
}

export interface Progress {
  readonly delivered: number;
}

/** What is known of the path: congestion control's view. */
export interface PathView extends Clock {
  readonly minRttNs: number;
  readonly srttNs: number;
}

export interface LossListener {
  /** Marks the record (and so takes it out of the order by time). */
  recordLost(record: number): void;
}
