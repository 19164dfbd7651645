/**
 * How much more than its rate a path delivers at once: links that hold ACKs back and let them go together (Wi-Fi, cable,
 * a receiver's coalescing) would stall a window of one or two bandwidth-delay products. BBR adds the largest surplus of
 * the last five to ten round trips to its window.
 *
 * An epoch begins when deliveries are no longer ahead of the rate; the surplus is what it delivered beyond rate × time.
 */
import { MS, SEC, ZERO_NS } from '../base/time.ts';
import { type BbrRate, isMeasured } from './bbr-rate.ts';
import type { CcView } from './cc-view.ts';
import type { RateSample } from './samples.ts';

/** Each of the two maxima is of so many round trips. */
const WINDOW_ROUNDS = 5;
/** An epoch that delivered this much is too long to say anything. */
const EPOCH_PIECES = 1 << 20;
/** A surplus is worth this much time at the rate, at most. */
const MOST_NS = 100 * MS;

export class AckAggregation {
  private epochNs = ZERO_NS;
  private epochPieces = 0;
  /** The largest surplus of these rounds, and of those before. */
  private present = 0;
  private past = 0;
  private rounds = 0;

  restart(v: CcView): void {
    this.epochNs = v.nowNs;
    this.epochPieces = 0;
  }

  update(v: CcView, rs: RateSample, rate: BbrRate): void {
    if (rs.ackedSacked <= 0 || !isMeasured(rs)) return;
    if (rate.isRoundStart && ++this.rounds >= WINDOW_ROUNDS) {
      this.rounds = 0;
      this.past = this.present;
      this.present = 0;
    }
    let expected = (rate.bw * (rate.deliveredNs - this.epochNs)) / SEC;
    if (this.epochPieces <= expected || this.epochPieces + rs.ackedSacked >= EPOCH_PIECES) {
      this.epochPieces = 0;
      this.epochNs = rate.deliveredNs;
      expected = 0;
    }
    this.epochPieces = Math.min(EPOCH_PIECES - 1, this.epochPieces + rs.ackedSacked);
    const surplus = Math.min(Math.ceil(this.epochPieces - expected), v.cwnd);
    if (surplus > this.present) this.present = surplus;
  }

  /** Pieces to add to the window. */
  surplus(rate: BbrRate): number {
    const most = Math.floor((rate.bw * MOST_NS) / SEC);
    return Math.min(Math.max(this.present, this.past), most);
  }
}
