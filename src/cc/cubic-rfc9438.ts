/**
 * CUBIC's function of time as RFC 9438 writes it: real numbers, time that is not cut into ticks, a window with a fraction.
 *
 * Where it differs from the RFC: beta and C are those of the parameters (0.7002 and 0.4004 by default); §4.6: the window is
 * reduced, not the flight size, which the window follows when an application does not use it (RFC 2861).
 */
import { cubeRoot } from '../base/elementary.ts';
import { NEVER, SEC } from '../base/time.ts';
import type { CcView } from './cc-view.ts';
import { type CubicCurve, type CubicParams, SCALE } from './cubic-params.ts';

/** §4.9: what a spurious reduction gives back. */
class Before {
  wMax = 0;
  priorCwnd = 0;
  epochNs = NEVER;
  origin = 0;
  k = 0;
  wEst = 0;
}

export class Rfc9438Curve implements CubicCurve {
  private readonly p: CubicParams;
  private readonly c: number;
  /** §4.3: what W_est gains a round trip until it is at the window before the reduction. */
  private readonly alpha: number;

  /** 0: there was no reduction. */
  private wMax = 0;
  private priorCwnd = 0;
  /** NEVER: the next ACK starts an epoch. */
  private epochNs = NEVER;
  /** W_max and K of this epoch: it may begin above W_max. */
  private origin = 0;
  private k = 0;
  private wEst = 0;
  /** What the view's window has no place for, as long as nobody else sets it. */
  private fraction = 0;
  private lastCwnd = 0;
  /** Since then the window was not the limit. */
  private pausedNs = NEVER;
  private before: Before | null = null;

  constructor(p: CubicParams) {
    this.p = p;
    this.c = (p.bicScale * 10) / SCALE;
    this.alpha = (3 * (SCALE - p.beta)) / (SCALE + p.beta);
  }

  /** §4.8: no K, and the window at the start of congestion avoidance for W_max. */
  reset(): void {
    this.wMax = 0;
    this.epochNs = NEVER;
  }

  end(cwnd: number, beta: number): void {
    this.remember();
    this.epochNs = NEVER;
    this.priorCwnd = cwnd;
    // §4.7: a flow that did not come back to its W_max makes room.
    const isShrinking = cwnd < this.wMax && this.p.fastConvergence;
    this.wMax = isShrinking ? (cwnd * (SCALE + beta)) / (2 * SCALE) : cwnd;
  }

  /** §5.8: time in which the application was the limit is no time of the curve. */
  pause(v: CcView): void {
    if (this.pausedNs === NEVER) this.pausedNs = v.nowNs;
  }

  resume(v: CcView): void {
    if (this.pausedNs === NEVER) this.pausedNs = v.lastSentNs;
  }

  isYoung(): boolean {
    return false;
  }

  grow(v: CcView, acked: number): void {
    if (v.cwnd !== this.lastCwnd) this.fraction = 0;
    if (this.epochNs === NEVER) this.startEpoch(v);
    else if (this.pausedNs !== NEVER) {
      this.epochNs += Math.max(0, v.nowNs - Math.max(this.pausedNs, this.epochNs));
    }
    this.pausedNs = NEVER;
    const cwnd = v.cwnd + this.fraction;
    this.wEst += ((this.wEst < this.priorCwnd ? this.alpha : 1) * acked) / cwnd;
    const next = Math.min(this.windowAfter(v, cwnd, acked), cwnd + acked);
    v.setCwnd(next);
    this.fraction = Math.max(0, Math.min(next - v.cwnd, 1));
    this.lastCwnd = v.cwnd;
  }

  undo(): void {
    const { before } = this;
    if (before === null) return;
    this.wMax = before.wMax;
    this.priorCwnd = before.priorCwnd;
    this.epochNs = before.epochNs;
    this.origin = before.origin;
    this.k = before.k;
    this.wEst = before.wEst;
  }

  values(): Record<string, number> {
    const { wMax, origin, epochNs, wEst, k } = this;
    return { wMax, origin, kSeconds: k, epochNs, wEst, ackedPerPiece: 0 };
  }

  private startEpoch(v: CcView): void {
    const { cwnd } = v;
    this.epochNs = v.nowNs;
    this.origin = Math.max(this.wMax, cwnd);
    this.k = cubeRoot((this.origin - cwnd) / this.c);
    this.wEst = cwnd;
  }

  /** §4.3 where Reno would have more, else §4.2, §4.4 and §4.5: towards W of a round trip from now. */
  private windowAfter(v: CcView, cwnd: number, acked: number): number {
    const t = (v.nowNs - this.epochNs) / SEC - this.k;
    if (this.p.tcpFriendliness && this.origin + this.c * t * t * t < this.wEst) {
      return Math.max(cwnd, this.wEst);
    }
    const ahead = t + v.srttNs / SEC;
    const target = this.origin + this.c * ahead * ahead * ahead;
    const bounded = Math.min(Math.max(target, cwnd), 1.5 * cwnd);
    return cwnd + (acked * (bounded - cwnd)) / cwnd;
  }

  private remember(): void {
    this.before ??= new Before();
    const { before } = this;
    before.wMax = this.wMax;
    before.priorCwnd = this.priorCwnd;
    before.epochNs = this.epochNs;
    before.origin = this.origin;
    before.k = this.k;
    before.wEst = this.wEst;
  }
}
