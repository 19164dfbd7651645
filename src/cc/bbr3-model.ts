/**
 * BBRv3's model of the path (draft-ietf-ccwg-bbr-06 §5.5): what the path delivers at most, and what it has lately shown
 * to be too much.
 *
 *      long term   max_bw               inflight_longterm       the last two cycles; a loss while probing lowers it
 *      short term  bw_shortterm         inflight_shortterm      losses since the last probe; forgotten when one begins
 *      in use      bw = the least of    cwnd is bounded by
 *                  both                 both
 *
 * Rates are bytes a second. Volumes are pieces, as the sender counts them; a short segment is a piece.
 */
import { NEVER, SEC, ZERO_NS } from '../base/time.ts';
import type { CcView } from './cc-view.ts';
import type { LossSample, RateSample } from './samples.ts';
import { WindowedMax } from './windowed-max.ts';

/** §2.8 BBR.Beta: what a round trip with losses leaves, as after CUBIC's reduction. */
export const BETA = 0.7;
/** §2.12 BBR.ExtraAckedFilterLen, in round trips; and while Startup lasts (§5.5.9). */
const EXTRA_ACKED_ROUNDS = 10;
const EXTRA_ACKED_ROUNDS_STARTUP = 1;

/** §2.8 BBR.LossThresh: of what was in flight. */
export const LOSS_THRESH = 0.02;

/** IsInflightTooHigh (§5.5.10.2). Without SACK one loss in a round trip is all that can be found. */
export function isTooHigh(lost: number, txInFlight: number, hasSack: boolean): boolean {
  return lost > txInFlight * LOSS_THRESH || (lost > 0 && !hasSack);
}

export class Bbr3Model {
  // -- of this ACK (RS)

  /** RS.delivery_rate; 0 without a sample that can be believed. */
  sampleRate = 0;
  /** RS.delivered; 0 likewise. */
  sampleDelivered = 0;

  // -- packet-timed round trips (§5.5.1)

  roundCount = 0;
  isRoundStart = false;
  private nextRoundDelivered = 0;

  // -- what is delivered (§5.5.2–5.5.6)

  maxBw = 0;
  /** The filter's two slots: the cycle before, and this one. MaxBwFilterLen = 2. */
  private maxBwBefore = 0;
  private maxBwNow = 0;
  bwShortterm = Infinity;
  /** What rates and windows are made of. */
  bw = 0;

  // -- how much may be in flight (§5.5.10)

  /** A whole number: cwnd, which is one, must be able to reach it. */
  inflightLongterm = Infinity;
  inflightShortterm = Infinity;

  // -- delivered and lost over one round trip (§5.5.10.3)

  bwLatest = 0;
  inflightLatest = 0;
  isLossInRound = false;
  isLossRoundStart = false;
  private lossRoundDelivered = 0;
  /** Gaps in the stream that were found in it, and where the last one ends. */
  lossRanges = 0;
  private lastLostEnd = -1;

  // -- before the losses that may be taken back (§2.15)

  undoBwShortterm = 0;
  undoInflightShortterm = 0;
  undoInflightLongterm = 0;

  // -- aggregation (§5.5.9)

  extraAcked = 0;
  private readonly extraAckedFilter = new WindowedMax(EXTRA_ACKED_ROUNDS_STARTUP);
  private extraIntervalNs = ZERO_NS;
  private extraDelivered = 0;

  init(v: CcView): void {
    this.nextRoundDelivered = v.delivered;
    this.lossRoundDelivered = v.delivered;
    this.extraIntervalNs = v.nowNs;
  }

  /** §4.1.2.3, from the sender's sample. */
  observe(v: CcView, rs: RateSample): void {
    const isValid = rs.delivered > 0 && rs.intervalNs > 0;
    this.sampleRate = isValid ? (rs.delivered * v.mss * SEC) / rs.intervalNs : 0;
    this.sampleDelivered = isValid ? rs.delivered : 0;
  }

  // ---- round trips ----

  startRound(v: CcView): void {
    this.nextRoundDelivered = v.delivered;
  }

  /** UpdateRound: the segment that ends it was sent after it began. True: a round trip is over. */
  updateRound(v: CcView, rs: RateSample): boolean {
    this.isRoundStart = rs.priorNs !== NEVER && rs.priorDelivered >= this.nextRoundDelivered;
    if (this.isRoundStart) {
      this.startRound(v);
      this.roundCount++;
    }
    return this.isRoundStart;
  }

  // ---- rates ----

  /** UpdateMaxBw: a sample that the application limited counts when it shows that the estimate is too low. */
  updateMaxBw(rs: RateSample): void {
    const rate = this.sampleRate;
    if (rate <= 0 || (rate < this.maxBw && rs.isAppLimited)) return;
    if (rate > this.maxBwNow) this.maxBwNow = rate;
    this.maxBw = Math.max(this.maxBwBefore, this.maxBwNow);
  }

  /** AdvanceMaxBwFilter: a cycle has had its probe; max_bw follows with the next sample. One without any is no reason to forget. */
  advanceMaxBw(): void {
    if (this.maxBwNow === 0) return;
    this.maxBwBefore = this.maxBwNow;
    this.maxBwNow = 0;
  }

  boundBw(): void {
    this.bw = Math.min(this.maxBw, this.bwShortterm);
  }

  // ---- the round trip that counts losses ----

  /** UpdateLatestDeliverySignals */
  updateLatest(v: CcView, rs: RateSample): void {
    this.bwLatest = Math.max(this.bwLatest, this.sampleRate);
    this.inflightLatest = Math.max(this.inflightLatest, this.sampleDelivered);
    this.isLossRoundStart = rs.priorNs !== NEVER && rs.priorDelivered >= this.lossRoundDelivered;
    if (this.isLossRoundStart) this.lossRoundDelivered = v.delivered;
  }

  /** AdvanceLatestDeliverySignals */
  advanceLatest(): void {
    if (!this.isLossRoundStart) return;
    this.bwLatest = this.sampleRate;
    this.inflightLatest = this.sampleDelivered;
  }

  /** NoteLoss: the round trip of losses is counted from the first of them. */
  noteLoss(v: CcView): void {
    if (!this.isLossInRound) this.lossRoundDelivered = v.delivered;
    this.isLossInRound = true;
  }

  /** A record beside the last one that was lost is of the same range. */
  countRange(loss: LossSample): void {
    if (loss.startSeq !== this.lastLostEnd) this.lossRanges++;
    this.lastLostEnd = loss.endSeq;
  }

  forgetRanges(): void {
    this.lossRanges = 0;
    this.lastLostEnd = -1;
  }

  forgetLoss(): void {
    this.isLossInRound = false;
  }

  /** ResetCongestionSignals */
  resetSignals(): void {
    this.isLossInRound = false;
    this.bwLatest = 0;
    this.inflightLatest = 0;
  }

  // ---- what losses say of the short term ----

  /** InitLowerBounds, LossLowerBounds: towards what was delivered in the round trip, but by no more than BETA. */
  lowerBounds(v: CcView): void {
    if (this.bwShortterm === Infinity) this.bwShortterm = this.maxBw;
    if (this.inflightShortterm === Infinity) this.inflightShortterm = v.cwnd;
    this.bwShortterm = Math.max(this.bwLatest, BETA * this.bwShortterm);
    this.inflightShortterm = Math.max(this.inflightLatest, BETA * this.inflightShortterm);
  }

  /** ResetShortTermModel */
  resetShortTerm(): void {
    this.bwShortterm = Infinity;
    this.inflightShortterm = Infinity;
  }

  // ---- and of the long term ----

  setLongterm(pieces: number): void {
    this.inflightLongterm = Math.floor(pieces);
  }

  // ---- what a spurious loss gives back (§5.5.11) ----

  saveForUndo(): void {
    this.undoBwShortterm = this.bwShortterm;
    this.undoInflightShortterm = this.inflightShortterm;
    this.undoInflightLongterm = this.inflightLongterm;
  }

  /** At least what it was before. */
  takeBack(): void {
    this.isLossInRound = false;
    this.bwShortterm = Math.max(this.bwShortterm, this.undoBwShortterm);
    this.inflightShortterm = Math.max(this.inflightShortterm, this.undoInflightShortterm);
    this.inflightLongterm = Math.max(this.inflightLongterm, this.undoInflightLongterm);
  }

  // ---- aggregation ----

  /** UpdateACKAggregation: what came beyond bw since it last fell behind. */
  updateAggregation(v: CcView, rs: RateSample): void {
    let expected = (this.bw * (v.nowNs - this.extraIntervalNs)) / (SEC * v.mss);
    if (this.extraDelivered <= expected) {
      this.extraDelivered = 0;
      this.extraIntervalNs = v.nowNs;
      expected = 0;
    }
    this.extraDelivered += rs.ackedSacked;
    const extra = Math.min(this.extraDelivered - expected, v.cwnd);
    this.extraAckedFilter.sample(extra, this.roundCount);
    this.extraAcked = this.extraAckedFilter.value;
  }

  /** Startup is over, or has begun again. */
  rememberAggregation(isPipeFull: boolean): void {
    this.extraAckedFilter.setSteps(isPipeFull ? EXTRA_ACKED_ROUNDS : EXTRA_ACKED_ROUNDS_STARTUP);
  }

  restartAggregation(v: CcView): void {
    this.extraIntervalNs = v.nowNs;
  }
}
