/** An algorithm unlike Reno and CUBIC, to show that the interface holds what it needs. */
import { SEC } from '../../src/base/time.ts';
import { type CcView, INITIAL_CWND } from '../../src/cc/cc-view.ts';
import {
  CC_FLAG,
  type CcInfo,
  type CcModule,
  CongestionControl,
} from '../../src/cc/congestion-control.ts';
import type { LossSample, RateSample } from '../../src/cc/samples.ts';

const STARTUP = { pacing: 2.77, cwnd: 2 };
const DRAIN = { pacing: 0.5, cwnd: 2 };
const CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1];
const FILTER_ROUNDS = 10;

/** The core of BBR: the highest rate of the last ten round trips, the least RTT, and pacing at gains around them. */
class RateModel extends CongestionControl {
  private readonly bwOfRound = new Float64Array(FILTER_ROUNDS);
  private round = 0;
  private roundEnd = 0;
  private fullBw = 0;
  private flatRounds = 0;
  private mode: 'startup' | 'drain' | 'probe' = 'startup';
  private phase = 2;
  private phaseNs = 0;
  private lostInRound = 0;
  private lossRate = 0;
  private atSend = 0;

  override init(v: CcView): void {
    v.requirePacing();
    this.roundEnd = v.delivered;
  }

  override ssthresh(v: CcView): number {
    return v.ssthresh;
  }

  override undoCwnd(v: CcView): number {
    return Math.max(v.cwnd, v.priorCwnd);
  }

  override markedLost(_v: CcView, sample: LossSample): void {
    this.lostInRound += sample.pieces;
    this.atSend = Math.max(this.atSend, sample.txInFlight);
  }

  override congControl(v: CcView, rs: RateSample): void {
    const isNewRound = rs.priorDelivered >= this.roundEnd;
    if (isNewRound) this.startRound(v);
    if (rs.delivered > 0 && rs.intervalNs > 0) {
      const bw = (rs.delivered * SEC) / rs.intervalNs;
      const slot = this.round % FILTER_ROUNDS;
      if (!rs.isAppLimited || bw > this.bw()) {
        this.bwOfRound[slot] = Math.max(this.bwOfRound[slot]!, bw);
      }
    }
    if (isNewRound && this.mode === 'startup') this.checkFullPipe();
    if (this.mode === 'drain' && v.inFlight <= this.bdp(v)) this.mode = 'probe';
    if (this.mode === 'probe') this.cycle(v);
    this.setPath(v, rs.ackedSacked);
  }

  private startRound(v: CcView): void {
    const all = v.delivered - this.roundEnd + this.lostInRound;
    this.lossRate = all > 0 ? this.lostInRound / all : 0;
    this.roundEnd = v.delivered;
    this.lostInRound = 0;
    this.round++;
    this.bwOfRound[this.round % FILTER_ROUNDS] = 0;
  }

  private checkFullPipe(): void {
    const bw = this.bw();
    if (bw >= this.fullBw * 1.25) {
      this.fullBw = bw;
      this.flatRounds = 0;
    } else if (++this.flatRounds >= 3) this.mode = 'drain';
  }

  private cycle(v: CcView): void {
    if (v.nowNs - this.phaseNs < v.minRttNs) return;
    this.phaseNs = v.nowNs;
    this.phase = (this.phase + 1) % CYCLE.length;
  }

  private setPath(v: CcView, acked: number): void {
    const gains = this.mode === 'startup' ? STARTUP : DRAIN;
    const pacing = this.mode === 'probe' ? CYCLE[this.phase]! : gains.pacing;
    const bw = this.bw();
    if (bw > 0) v.setPacingRate(pacing * bw * v.mss);
    const target = Math.max(4, gains.cwnd * this.bdp(v));
    if (this.mode !== 'startup') v.setCwnd(Math.min(v.cwnd + acked, target));
    else if (v.cwnd < target || v.delivered < INITIAL_CWND) v.setCwnd(v.cwnd + acked);
  }

  /** Pieces a second. */
  private bw(): number {
    let most = 0;
    for (let i = 0; i < FILTER_ROUNDS; i++) most = Math.max(most, this.bwOfRound[i]!);
    return most;
  }

  private bdp(v: CcView): number {
    if (v.minRttNs === Infinity) return INITIAL_CWND;
    return Math.min(1e9, (this.bw() * v.minRttNs) / SEC);
  }

  override getInfo(v: CcView): CcInfo {
    const { lossRate, round, atSend } = this;
    const inStartup = this.mode === 'startup' ? 1 : 0;
    const values = { bw: this.bw(), lossRate, round, atSend, inStartup, minRttNs: v.minRttNs };
    return { kind: 'other', values };
  }
}

export const rateModel: CcModule = {
  name: 'rate-model',
  flags: CC_FLAG.NON_RESTRICTED | CC_FLAG.WANTS_CE_EVENTS,
  create: () => new RateModel(),
};
