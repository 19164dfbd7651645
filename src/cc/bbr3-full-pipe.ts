/**
 * Has acceleration filled the pipe? BBRv3's estimator (draft-ietf-ccwg-bbr-06 §5.3.1.2), in Startup and in ProbeBW_UP:
 * three round trips in which trying to send more brought less than a quarter more. Three, so that a receive window that
 * is still growing is not taken for a bottleneck.
 */
import type { Bbr3Model } from './bbr3-model.ts';
import type { RateSample } from './samples.ts';

const GROWTH = 1.25;
const FLAT_ROUNDS = 3;

export class Bbr3FullPipe {
  /** BBR.full_bw_reached: once, since the connection began. */
  isReached = false;
  /** BBR.full_bw_now: since `reset`. */
  isFullNow = false;
  /** BBR.full_bw_count */
  flatRounds = 0;
  /** BBR.full_bw */
  private baseline = 0;

  /** ResetFullBW; growth is measured from `model.sampleRate`, or from nothing. */
  reset(): void {
    this.baseline = 0;
    this.flatRounds = 0;
    this.isFullNow = false;
  }

  resetTo(model: Bbr3Model): void {
    this.reset();
    this.baseline = model.sampleRate;
  }

  /** CheckFullBWReached: at the end of a round trip, by a sample that the application did not limit. */
  check(model: Bbr3Model, rs: RateSample): void {
    const rate = model.sampleRate;
    if (this.isFullNow || !model.isRoundStart || rs.isAppLimited || rate === 0) return;
    if (rate >= this.baseline * GROWTH) {
      this.resetTo(model);
      return;
    }
    this.flatRounds++;
    if (this.flatRounds >= FLAT_ROUNDS) this.fill();
  }

  /** The pipe is full: by three flat round trips, or by losses. */
  fill(): void {
    this.isFullNow = true;
    this.isReached = true;
  }

  /** Losses that said so were none (§5.5.11.2). */
  unfill(): void {
    this.isReached = false;
  }
}
