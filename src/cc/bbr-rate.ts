/**
 * What BBR believes of the bottleneck's rate: the highest delivery rate of ten round trips, or a policer's. Round trips are
 * counted by deliveries: one is over when something is delivered that was sent after it began.
 */
import { SEC, ZERO_NS } from '../base/time.ts';
import type { CcView } from './cc-view.ts';
import { PolicerSampling } from './policer-sampling.ts';
import type { RateSample } from './samples.ts';
import { WindowedMax } from './windowed-max.ts';

/** Two more than a cycle of gains: the probe of one cycle is remembered until the next. */
const WINDOW_ROUNDS = 10;

export class BbrRate {
  /** This ACK begins a round trip. */
  isRoundStart = false;
  /** When something was delivered last. */
  deliveredNs = ZERO_NS;
  /** Pieces a second: the highest, and what is sent by, which is the same or what a policer lets pass. */
  max = 0;
  bw = 0;
  private readonly policer = new PolicerSampling();
  private rounds = 0;
  private roundEnd = 0;
  private readonly highest = new WindowedMax(WINDOW_ROUNDS);

  start(v: CcView): void {
    this.deliveredNs = v.nowNs;
    this.endRoundAfter(v);
    this.highest.reset(0, this.rounds);
    this.forgetPolicer(v);
  }

  get isPoliced(): boolean {
    return this.policer.isInUse;
  }

  forgetPolicer(v: CcView): void {
    this.policer.reset(v, this);
    this.choose();
  }

  /** True: from now on a policer is believed in. */
  lookForPolicer(v: CcView, losses: number, isAppLimited: boolean): boolean {
    const isFound = this.policer.sample(v, this, losses, isAppLimited);
    this.choose();
    return isFound;
  }

  /** A round trip at a policer's rate. True: it was believed for long enough. */
  isPolicerOutdated(): boolean {
    return this.policer.isOutdated();
  }

  /** Now begins a round trip, whatever was before. */
  endRoundAfter(v: CcView): void {
    this.roundEnd = v.delivered;
  }

  /** A timeout begins one as well: what was in flight is given up. */
  startRoundByTimeout(): void {
    this.isRoundStart = true;
  }

  countRound(v: CcView, rs: RateSample): void {
    if (rs.ackedSacked > 0) this.deliveredNs = v.nowNs;
    this.isRoundStart = isMeasured(rs) && rs.priorDelivered >= this.roundEnd;
    if (!this.isRoundStart) return;
    this.rounds = (this.rounds + 1) | 0;
    this.endRoundAfter(v);
  }

  /** A limited application's samples count only where they raise the estimate. */
  take(rs: RateSample): void {
    const bw = (rs.delivered * SEC) / rs.intervalNs;
    if (!rs.isAppLimited || bw >= this.highest.value) this.highest.sample(bw, this.rounds);
    this.choose();
  }

  private choose(): void {
    this.max = this.highest.value;
    this.bw = this.policer.isInUse ? this.policer.bw : this.max;
  }
}

export function isMeasured(rs: RateSample): boolean {
  return rs.delivered >= 0 && rs.intervalNs > 0;
}
