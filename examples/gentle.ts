/**
 * A congestion-control module in one file: it keeps two to four of its own pieces waiting at the bottleneck, no
 * more. Each round trip it compares the least delay of that round with the least it has ever seen; the difference
 * is its queue (after TCP Vegas, Brakmo and Peterson, 1995).
 */
import type { CcView } from '../src/cc/cc-view.ts';
import {
  CC_FLAG,
  type CcInfo,
  type CcModule,
  CongestionControl,
} from '../src/cc/congestion-control.ts';
import type { AckSample } from '../src/cc/samples.ts';
import { slowStart } from '../src/cc/window-growth.ts';

const FEW = 2;
const MANY = 4;

class Gentle extends CongestionControl {
  /** Of the connection, and of this round trip. */
  private leastNs = Infinity;
  private roundNs = Infinity;
  /** The round trip ends when this byte is acknowledged. */
  private roundEnd = 0;

  override ssthresh(v: CcView): number {
    return Math.max(2, v.cwnd >> 1);
  }

  override pktsAcked(_v: CcView, sample: AckSample): void {
    if (sample.rttNs <= 0) return; // no sample on this ACK
    this.leastNs = Math.min(this.leastNs, sample.rttNs);
    this.roundNs = Math.min(this.roundNs, sample.rttNs);
  }

  override congAvoid(v: CcView, acked: number): void {
    if (v.sndUna > this.roundEnd) {
      this.onRound(v);
      this.roundNs = Infinity;
      this.roundEnd = v.sndNxt;
    } else if (v.isCwndLimited && v.isInSlowStart()) {
      slowStart(v, acked);
    }
  }

  private onRound(v: CcView): void {
    if (this.roundNs === Infinity) return;
    const waiting = v.cwnd * (1 - this.leastNs / this.roundNs);
    if (waiting > MANY) {
      // Half of what is too much: what we see is a round trip old. Slow start, if it still was, is over.
      v.setCwnd(Math.max(2, v.cwnd - Math.max(1, (waiting - MANY) / 2)));
      v.setSsthresh(Math.max(2, v.cwnd));
    } else if (waiting < FEW && v.isCwndLimited) {
      v.setCwnd(v.cwnd + 1);
    }
  }

  override getInfo(): CcInfo {
    return { kind: 'other', values: { leastNs: this.leastNs } };
  }
}

export const gentle: CcModule = {
  name: 'gentle',
  flags: CC_FLAG.NON_RESTRICTED,
  create: () => new Gentle(),
};
