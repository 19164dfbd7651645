/** A view as a connection would have it, and modules made for the tests. */
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { CcStats, CcView } from '../../src/cc/cc-view.ts';
import { CC_FLAG, type CcModule, CongestionControl } from '../../src/cc/congestion-control.ts';

export function newView(seed: number = 1): CcView {
  const v = new CcView(new Rng(seed).stream('cc'), new CcStats());
  v.nowNs = SEC;
  v.srttNs = 100 * MS;
  v.minRttNs = 100 * MS;
  v.isCwndLimited = true;
  return v;
}

/** A window that never moves. */
export class Still extends CongestionControl {
  override ssthresh(): number {
    return 2;
  }

  override congAvoid(): void {
    // never moves
  }
}

export function moduleNamed(name: string, flags: number = CC_FLAG.NON_RESTRICTED): CcModule {
  return { name, flags, create: () => new Still() };
}
