/**
 * NewReno (RFC 5681, with appropriate byte counting as RFC 3465 without its limit, as Linux has it): one piece a
 * round trip more, half the window on a loss.
 */
import type { CcView } from './cc-view.ts';
import { CC_FLAG, type CcModule, CongestionControl } from './congestion-control.ts';
import { renoGrowth } from './window-growth.ts';

/** RFC 8511 §3.1: a marking queue is short; what is left of the window drains it. */
const ECN_BETA = 0.8;

export class Reno extends CongestionControl {
  override ssthresh(v: CcView): number {
    return Math.max(v.isGentle ? Math.floor(v.cwnd * ECN_BETA) : v.cwnd >> 1, 2);
  }

  override congAvoid(v: CcView, acked: number): void {
    renoGrowth(v, acked);
  }
}

/** For all connections: it has no state. */
const RENO = new Reno();

export const reno: CcModule = {
  name: 'reno',
  flags: CC_FLAG.NON_RESTRICTED,
  create: () => RENO,
};
