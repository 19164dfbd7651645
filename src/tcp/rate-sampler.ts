/**
 * Delivery-rate samples (draft-cheng-iccrg-delivery-rate-estimation, as Linux has it): how much was
 * delivered between the sending of a segment and its acknowledgement.
 *
 * Each record carries the sampler's state at its last transmission. Of all records that an ACK
 * covers, the one sent last gives the sample.
 */

import { NEVER, ZERO_NS } from '../base/time.ts';
import type { CcView } from '../cc/cc-view.ts';
import { type LossSample, NO_SAMPLE, type RateSample } from '../cc/samples.ts';
import { REC, REC_STATE, REC_TIME, type TxRecords } from './tx-records.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { STATE, IN_FLIGHT } = REC;
const { APP_LIMITED, EVER_RETRANS } = REC_STATE;
const { SENT_NS, DELIVERED, DELIVERED_NS, FIRST_TX_NS, LOST, DELIVERED_CE } = REC_TIME;
const NONE: number = NO_SAMPLE;
const UNTAKEN: number = NEVER;

export class RateSampler {
  /** When `delivered` last grew, and when the flight that is being measured began to be sent. */
  private deliveredNs = ZERO_NS;
  private firstTxNs = ZERO_NS;
  /** Until this much is delivered, samples are marked as limited by the application; 0: they are not. */
  private appLimitedUntil = 0;
  /** The last sample that the application did not limit, or the best one that it did: tcpi_delivery_rate. */
  bestDelivered = 0;
  bestIntervalNs = 0;
  isBestAppLimited = false;

  get isAppLimited(): boolean {
    return this.appLimitedUntil !== 0;
  }

  /** A record is (re)transmitted now, by the view's clock; `inFlight` counts it. */
  sent(v: CcView, records: TxRecords, r: number, isIdle: boolean, inFlight: number): void {
    if (isIdle) {
      this.firstTxNs = v.nowNs;
      this.deliveredNs = v.nowNs;
    }
    const { times } = records;
    const at = records.timesAt(r);
    times[at + DELIVERED] = v.delivered;
    times[at + DELIVERED_NS] = this.deliveredNs;
    times[at + FIRST_TX_NS] = this.firstTxNs;
    times[at + DELIVERED_CE] = v.deliveredCe;
    times[at + LOST] = v.lost;
    records.set(r, IN_FLIGHT, inFlight);
    const state = records.get(r, STATE) & ~APP_LIMITED;
    records.set(r, STATE, this.isAppLimited ? state | APP_LIMITED : state);
  }

  /** The sender ran out of data before it ran out of window. */
  ranDry(v: CcView, inFlight: number): void {
    this.appLimitedUntil = Math.max(1, v.delivered + inFlight);
  }

  /** What was in flight when it ran dry is delivered. */
  checkLimit(v: CcView): void {
    if (this.appLimitedUntil !== 0 && v.delivered > this.appLimitedUntil) this.appLimitedUntil = 0;
  }

  /** What the steps of an ACK ask before `finish`: that writes the rest. */
  begin(s: RateSample, inFlight: number, hasSack: boolean): void {
    s.priorNs = UNTAKEN;
    s.priorDelivered = 0;
    s.priorInFlight = inFlight;
    s.isEce = false;
    s.hasSack = hasSack;
    s.isAckingTlpRetrans = false;
  }

  /** The ACK echoes a congestion mark. */
  marked(s: RateSample): void {
    s.isEce = true;
  }

  /** A record was delivered: acknowledged, or SACKed for the first time. */
  delivered(s: RateSample, records: TxRecords, r: number, endBytes: number): void {
    const { times } = records;
    const at = records.timesAt(r);
    const stamp = times[at + DELIVERED_NS]!;
    if (stamp < 0) return; // it has given its sample
    const sentNs = times[at + SENT_NS]!;
    const isLater =
      sentNs > this.firstTxNs || (sentNs === this.firstTxNs && endBytes > s.lastEndSeq);
    if (s.priorNs === UNTAKEN || isLater) {
      s.priorDelivered = times[at + DELIVERED]!;
      s.priorDeliveredCe = times[at + DELIVERED_CE]!;
      s.priorNs = stamp;
      const state = records.get(r, STATE);
      s.isAppLimited = (state & APP_LIMITED) !== 0;
      s.isRetrans = (state & EVER_RETRANS) !== 0;
      s.txInFlight = records.get(r, IN_FLIGHT);
      s.priorLost = times[at + LOST]!;
      s.lastEndSeq = endBytes;
      s.sndIntervalNs = sentNs - times[at + FIRST_TX_NS]!;
      this.firstTxNs = sentNs;
    }
    times[at + DELIVERED_NS] = -1;
  }

  /** The ACK covers a tail-loss probe that was a retransmission. */
  probeAcked(s: RateSample): void {
    s.isAckingTlpRetrans = true;
  }

  /** Of the newest segment that was acknowledged or SACKed. */
  measured(s: RateSample, rttNs: number, isAckDelayed: boolean): void {
    s.rttNs = rttNs;
    s.isAckDelayed = isAckDelayed;
  }

  /** Completes the sample once the ACK is worked through. `minRttNs` is the floor of belief. */
  finish(v: CcView, s: RateSample, ackedSacked: number, losses: number, isReneged: boolean): void {
    this.checkLimit(v);
    if (ackedSacked > 0) this.deliveredNs = v.nowNs;
    s.ackedSacked = ackedSacked;
    s.losses = losses;
    if (s.priorNs === UNTAKEN) forgetFlight(s);
    if (s.priorNs === UNTAKEN || isReneged) {
      forgetDelivery(s);
      return;
    }
    s.delivered = v.delivered - s.priorDelivered;
    s.deliveredCe = v.deliveredCe - s.priorDeliveredCe;
    s.lost = v.lost - s.priorLost;
    s.rcvIntervalNs = v.nowNs - s.priorNs;
    s.intervalNs = Math.max(s.sndIntervalNs, s.rcvIntervalNs);
    // A sample shorter than the path's RTT would claim more than the path can do.
    if (s.intervalNs < v.minRttNs && v.minRttNs !== UNTAKEN) {
      s.delivered = NONE;
      s.intervalNs = NONE;
      return;
    }
    if (!s.isAppLimited || s.delivered * this.bestIntervalNs >= this.bestDelivered * s.intervalNs) {
      this.bestDelivered = s.delivered;
      this.bestIntervalNs = s.intervalNs;
      this.isBestAppLimited = s.isAppLimited;
    }
  }
}

/** No record gave a sample: nothing is known of any flight. */
function forgetFlight(s: RateSample): void {
  s.priorDeliveredCe = 0;
  s.sndIntervalNs = 0;
  s.lastEndSeq = 0;
  s.isAppLimited = false;
  s.isRetrans = false;
  s.txInFlight = 0;
  s.priorLost = 0;
}

function forgetDelivery(s: RateSample): void {
  s.delivered = NONE;
  s.deliveredCe = 0;
  s.intervalNs = NONE;
  s.rcvIntervalNs = 0;
  s.lost = 0;
}

/** What a record knows of the moment it was sent, for a module that looks at losses one by one. */
export function describeLoss(s: LossSample, records: TxRecords, r: number): void {
  s.pieces = records.get(r, REC.PIECES);
  s.txInFlight = records.get(r, REC.IN_FLIGHT);
  s.priorDelivered = records.time(r, REC_TIME.DELIVERED);
  s.priorDeliveredCe = records.time(r, REC_TIME.DELIVERED_CE);
  s.priorLost = records.time(r, REC_TIME.LOST);
  s.sentNs = records.time(r, REC_TIME.SENT_NS);
  s.isAppLimited = (records.get(r, REC.STATE) & REC_STATE.APP_LIMITED) !== 0;
}
