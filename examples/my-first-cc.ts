/**
 * A congestion control to begin with: more slowly up and less deeply down than Reno (AIMD with 0.5 and 0.7).
 *
 *     npx ringway sim examples/my-first-cc.yaml          beside CUBIC and Reno, in virtual time
 *     npx ringway sweep examples/my-first-cc-sweep.yaml --out runs/my-first-cc
 */
import type { CcView } from '../src/cc/cc-view.ts';
import { CC_FLAG, type CcModule, CongestionControl } from '../src/cc/congestion-control.ts';
import { slowStart } from '../src/cc/window-growth.ts';

/** Segments that the window grows by in a round trip, and what is left of it after a loss. */
const INCREASE = 0.5;
const DECREASE = 0.7;

class MyFirst extends CongestionControl {
  /** Parts of a segment by which the window would have grown: a window is whole segments. */
  private credit = 0;

  /** A loss: asked once for each, before the window changes. */
  override ssthresh(v: CcView): number {
    this.credit = 0;
    return Math.max(2, Math.floor(v.cwnd * DECREASE));
  }

  /** `acked` segments have arrived, and nothing forbids growth. */
  override congAvoid(v: CcView, acked: number): void {
    if (!v.isCwndLimited) return; // the application or the peer is the limit
    if (v.isInSlowStart()) {
      slowStart(v, acked);
      return;
    }
    this.credit += (INCREASE * acked) / v.cwnd;
    const whole = Math.floor(this.credit);
    this.credit -= whole;
    if (whole > 0) v.setCwnd(v.cwnd + whole);
  }
}

export const myFirst: CcModule = {
  name: 'my-first',
  flags: CC_FLAG.NON_RESTRICTED,
  create: () => new MyFirst(),
};
