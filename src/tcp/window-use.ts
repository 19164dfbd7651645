/**
 * How much of cwnd the application used (RFC 2861, RFC 7661's subject, Linux's rules). A window that was
 * not needed proves nothing about the path: it does not grow, and one that has long been too large shrinks.
 *
 * The strongest sign of a window's worth of data counts: "cwnd held us back" stays true until what was in flight
 * then is acknowledged; otherwise the most that was in flight.
 */
import { ZERO_NS } from '../base/time.ts';
import { type Seq, seqLt, seqOf } from '../wire/seq.ts';

export class WindowUse {
  private wasLimited = false;
  /** The most pieces in flight in this window's worth of data. */
  maxPacketsOut = 0;
  private usageEnds: Seq = seqOf(0);
  /** The most in flight since the window was last full, and when that was. */
  private used = 0;
  private fullNs = ZERO_NS;

  constructor(una: Seq, nowNs: number) {
    this.usageEnds = una;
    this.fullNs = nowNs;
  }

  /** Output ended; `isLimited`: cwnd admits no more. */
  sent(isLimited: boolean, packetsOut: number, una: Seq, nxt: Seq): void {
    const isNewRound = !seqLt(una, this.usageEnds);
    if (isNewRound || isLimited || (!this.wasLimited && packetsOut > this.maxPacketsOut)) {
      this.wasLimited = isLimited;
      this.maxPacketsOut = packetsOut;
      this.usageEnds = nxt;
    }
    if (packetsOut > this.used) this.used = packetsOut;
  }

  /** While slow start lasts, half a window in use is enough: it doubles what was acknowledged. */
  isLimited(cwnd: number, isInSlowStart: boolean): boolean {
    return this.wasLimited || (isInSlowStart && cwnd < 2 * this.maxPacketsOut);
  }

  /** The window is full, or was set anew. */
  full(nowNs: number): void {
    this.used = 0;
    this.fullNs = nowNs;
  }

  fullSinceNs(): number {
    return this.fullNs;
  }

  mostUsed(): number {
    return this.used;
  }
}
