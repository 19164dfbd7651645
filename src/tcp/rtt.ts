/**
 * Round-trip time and retransmission timeout: RFC 6298, as Linux computes it.
 *
 * Two deviations, both because peers do it so: the timeout is at least 200 ms, not 1 s (§2.4), and the
 * variance term is bounded below by that minimum instead of by the clock's grain, so that
 * RTO = SRTT + max(200 ms, 4 * RTTVAR). RTTVAR falls at most once a round trip.
 */
import { doubled, SEC, US } from '../base/time.ts';
import { type Seq, seqGt, seqOf } from '../wire/seq.ts';

/** RFC 6298 §2.1. */
export const INITIAL_RTO_NS = 1 * SEC;
/** RFC 6298 §5.7. */
const FALLBACK_RTO_NS = 3 * SEC;

/** tcp_rto_min_us, tcp_rto_max_ms. */
export interface RtoBounds {
  readonly minRtoNs: number;
  readonly maxRtoNs: number;
}

export class Rtt {
  /** Smoothed, and 0 until the first sample. */
  srttNs = 0;
  /** The mean deviation of the current round, and of the estimate. */
  mdevNs = 0;
  private mdevMaxNs = 0;
  rttvarNs = 0;
  /** The latest sample, for RACK and for congestion control. */
  latestNs = 0;
  /** The timeout before the first sample. */
  private firstNs = INITIAL_RTO_NS;
  samples = 0;
  /** When the variance may next fall: a round ends as this is acknowledged. */
  private roundEnds: Seq = seqOf(0);
  /** tcp_rto_min_us and tcp_rto_max_ms. */
  private readonly config: RtoBounds;
  /** RFC 6298 §5.5: how often the timeout was doubled since the last new acknowledgement. */
  backoff = 0;
  /** The timeout, backed off as often as it fired. A field: returned by a call it would be boxed. */
  rtoNs = 0;

  constructor(snd: Seq, config: RtoBounds) {
    this.roundEnds = snd;
    this.config = config;
    this.settle();
  }

  /** RFC 6298 §2.2, §2.3. `una` and `nxt` tell where a round trip of variance ends. */
  sample(rttNs: number, una: Seq, nxt: Seq): void {
    this.latestNs = rttNs; // and no more than that: this is always inlined, and the double not boxed
    this.take(una, nxt);
  }

  private take(una: Seq, nxt: Seq): void {
    if (this.latestNs < US) this.latestNs = US;
    this.estimate(una, nxt);
    this.settle();
  }

  private estimate(una: Seq, nxt: Seq): void {
    const r = this.latestNs;
    this.samples++;
    this.backoff = 0; // §5.5's doubling stands until a valid sample
    if (this.srttNs === 0) {
      this.srttNs = r;
      this.mdevNs = r / 2;
      this.rttvarNs = Math.max(this.mdevNs, this.config.minRtoNs / 4);
      this.mdevMaxNs = this.rttvarNs;
      this.roundEnds = nxt;
      return;
    }
    const error = r - this.srttNs;
    this.srttNs += error / 8;
    // Linux damps a *falling* round-trip time: a faster network must not make the timeout jump up.
    const deviation = Math.abs(error) - this.mdevNs;
    this.mdevNs += error < 0 && deviation > 0 ? deviation / 32 : deviation / 4;
    if (this.mdevNs > this.mdevMaxNs) {
      this.mdevMaxNs = this.mdevNs;
      if (this.mdevMaxNs > this.rttvarNs) this.rttvarNs = this.mdevMaxNs;
    }
    if (seqGt(una, this.roundEnds)) {
      if (this.mdevMaxNs < this.rttvarNs) this.rttvarNs -= (this.rttvarNs - this.mdevMaxNs) / 4;
      this.roundEnds = nxt;
      this.mdevMaxNs = this.config.minRtoNs / 4;
    }
  }

  /** RFC 6298 §5.7: the handshake was resent and gave no sample: three seconds, as it may be a slow path. */
  handshakeGaveNone(): void {
    this.firstNs = FALLBACK_RTO_NS;
    this.settle();
  }

  /** RFC 6298 §5.5: it fired. */
  backOff(): void {
    this.backoff++;
    this.settle();
  }

  /** It fired, and is not doubled: so for thin streams (Linux). */
  stayLinear(): void {
    this.backoff = 0;
    this.settle();
  }

  private settle(): void {
    this.rtoNs = this.srttNs === 0 ? this.firstNs : this.srttNs + 4 * this.rttvarNs;
    if (this.backoff > 0) this.rtoNs *= doubled(this.backoff);
    if (this.rtoNs > this.config.maxRtoNs) this.rtoNs = this.config.maxRtoNs;
  }

  baseRtoNs(): number {
    if (this.srttNs === 0) return this.firstNs;
    return Math.min(this.srttNs + 4 * this.rttvarNs, this.config.maxRtoNs);
  }
}
