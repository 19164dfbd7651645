/**
 * Notices a token-bucket policer: BBR's long-term rate sampling, as in Linux. A policer lets a burst pass at any rate and
 * then drops all above its own, so that the highest rate seen is not what the path can carry. Its mark is a delivery rate
 * that stays the same over two intervals in a row, each of four round trips or more, begun and ended by a loss, with a
 * fifth of it lost. That rate is then used as it is, without probing, for 48 round trips.
 */
import { MS, SEC, ZERO_NS } from '../base/time.ts';
import type { BbrRate } from './bbr-rate.ts';
import type { CcView } from './cc-view.ts';

/** An interval is of so many round trips: shorter ones see bursts, longer ones a path that changes. */
const LEAST_ROUNDS = 4;
const MOST_ROUNDS = 4 * LEAST_ROUNDS;
/** Lost to delivered, in 1/256: 20 %. */
const LOSS_SHARE = 50;
/** Two rates are the same within an eighth, or 4 kbit/s. */
const SAME_SHARE = 1 / 8;
const SAME_BYTES_PER_SECOND = 500;
/** Then the path is looked at anew. */
const BELIEVED_ROUNDS = 48;

export class PolicerSampling {
  /** Pieces a second: of the interval before; once it is in use, of the policer. 0: none. */
  bw = 0;
  isInUse = false;
  private isSampling = false;
  /** Of this interval, or since the rate came into use. */
  private rounds = 0;
  private startNs = ZERO_NS;
  private startDelivered = 0;
  private startLost = 0;

  reset(v: CcView, rate: BbrRate): void {
    this.bw = 0;
    this.isInUse = false;
    this.isSampling = false;
    this.beginInterval(v, rate);
  }

  /** A round trip with the rate in use. True: it was believed for long enough. */
  isOutdated(): boolean {
    return ++this.rounds >= BELIEVED_ROUNDS;
  }

  /** What an ACK, or a timeout, tells. True: the rate is in use from now on. */
  sample(v: CcView, rate: BbrRate, losses: number, isAppLimited: boolean): boolean {
    if (!this.isSampling) {
      if (losses === 0) return false;
      this.beginInterval(v, rate);
      this.isSampling = true;
    }
    // Who sends less than the policer lets pass learns nothing of it.
    if (isAppLimited) {
      this.reset(v, rate);
      return false;
    }
    if (rate.isRoundStart) this.rounds++;
    if (this.rounds < LEAST_ROUNDS) return false;
    if (this.rounds > MOST_ROUNDS) {
      this.reset(v, rate);
      return false;
    }
    // A loss means that the bucket is empty: there the interval ends.
    if (losses === 0) return false;
    return this.endInterval(v, rate);
  }

  private endInterval(v: CcView, rate: BbrRate): boolean {
    const delivered = v.delivered - this.startDelivered;
    const lost = v.lost - this.startLost;
    if (delivered <= 0 || lost * 256 < LOSS_SHARE * delivered) return false;
    const tookNs = rate.deliveredNs - this.startNs;
    if (tookNs < MS) return false;
    const bw = (delivered * SEC) / tookNs;
    if (this.bw > 0 && this.isSame(bw, v.mss)) {
      this.bw = (bw + this.bw) / 2;
      this.isInUse = true;
      this.rounds = 0;
      return true;
    }
    this.bw = bw;
    this.beginInterval(v, rate);
    return false;
  }

  private isSame(bw: number, mss: number): boolean {
    const difference = Math.abs(bw - this.bw);
    return difference <= SAME_SHARE * this.bw || difference * mss <= SAME_BYTES_PER_SECOND;
  }

  private beginInterval(v: CcView, rate: BbrRate): void {
    this.startNs = rate.deliveredNs;
    this.startDelivered = v.delivered;
    this.startLost = v.lost;
    this.rounds = 0;
  }
}
