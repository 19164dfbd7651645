/**
 * Vegas (Brakmo and Peterson, 1995) as Linux 6.x has it. Once a round trip it compares the least delay of that round with
 * the least of the connection: the difference is its own queue at the bottleneck, of which it keeps alpha to beta pieces.
 * While something is wrong, or with too few samples in a round, it is Reno.
 *
 * Where that differs from Linux: slow start, too, waits for a window that is the limit.
 */
import { NEVER, US } from '../base/time.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from './ca-state.ts';
import type { CcView } from './cc-view.ts';
import {
  type CcInfo,
  type CcModule,
  type CcParameters,
  CongestionControl,
  checkParameter,
} from './congestion-control.ts';
import type { AckSample } from './samples.ts';
import { renoGrowth, slowStart } from './window-growth.ts';

/** The module parameters of tcp_vegas: pieces in the queue. */
export interface VegasParams {
  /** Fewer: a piece more. */
  readonly alpha: number;
  /** More: a piece less. */
  readonly beta: number;
  /** More in slow start: that is over. */
  readonly gamma: number;
}

export const LINUX_VEGAS: VegasParams = { alpha: 2, beta: 4, gamma: 1 };

/** One or two samples may be of delayed ACKs: then the round says nothing. */
const TOO_FEW = 2;
/** What TCP_CC_INFO shows where there is none. */
const NO_RTT_US = 0x7fffffff;

export class Vegas extends CongestionControl {
  private readonly p: VegasParams;
  private isOn = true;
  /** The least of the connection, since it last was idle; and of this round trip, and of how many samples. */
  private baseNs = NEVER;
  private roundNs = NEVER;
  private samples = 0;
  /** The round trip ends when more than this is acknowledged. */
  private roundEnd = 0;

  constructor(p: VegasParams) {
    super();
    this.p = p;
  }

  override init(v: CcView): void {
    this.baseNs = NEVER;
    this.start(v);
  }

  override ssthresh(v: CcView): number {
    return Math.max(v.cwnd >> 1, 2);
  }

  override setState(v: CcView, state: CaState): void {
    if (state === CA_STATE.OPEN) this.start(v);
    else this.isOn = false;
  }

  /** After a pause the path may be another one. */
  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event === CA_EVENT.CWND_RESTART || event === CA_EVENT.TX_START) this.init(v);
  }

  override pktsAcked(_v: CcView, sample: AckSample): void {
    if (sample.rttNs < 0) return;
    const rttNs = sample.rttNs + US; // never nothing
    if (rttNs < this.baseNs) this.baseNs = rttNs;
    if (rttNs < this.roundNs) this.roundNs = rttNs;
    this.samples++;
  }

  override congAvoid(v: CcView, acked: number): void {
    if (!this.isOn) renoGrowth(v, acked);
    else if (v.sndUna > this.roundEnd) this.endRound(v, acked);
    else if (v.isInSlowStart() && v.isCwndLimited) slowStart(v, acked);
  }

  override getInfo(): CcInfo {
    return {
      kind: 'vegas',
      enabled: this.isOn ? 1 : 0,
      rttCount: this.samples,
      rttUs: inUs(this.baseNs),
      minRttUs: inUs(this.roundNs),
    };
  }

  private start(v: CcView): void {
    this.isOn = true;
    this.beginRound(v);
  }

  private beginRound(v: CcView): void {
    this.roundEnd = v.sndNxt;
    this.samples = 0;
    this.roundNs = NEVER;
  }

  private endRound(v: CcView, acked: number): void {
    if (this.samples <= TOO_FEW) renoGrowth(v, acked);
    else this.adapt(v, acked);
    this.beginRound(v);
  }

  private adapt(v: CcView, acked: number): void {
    const { alpha, beta, gamma } = this.p;
    const { cwnd } = v;
    const queued = Math.floor((cwnd * (this.roundNs - this.baseNs)) / this.baseNs);
    if (v.isInSlowStart()) {
      if (queued > gamma) {
        // What would leave no queue, and one: slow start is over.
        v.setCwnd(Math.min(cwnd, Math.floor((cwnd * this.baseNs) / this.roundNs) + 1));
        v.setSsthresh(Math.max(2, Math.min(v.ssthresh, v.cwnd)));
      } else if (v.isCwndLimited) slowStart(v, acked);
    } else if (queued > beta) {
      v.setCwnd(Math.max(cwnd - 1, 1));
      v.setSsthresh(Math.max(2, Math.min(v.ssthresh, v.cwnd)));
    } else if (queued < alpha && v.isCwndLimited) v.setCwnd(cwnd + 1);
    if (v.cwnd < 2 && v.isCwndLimited) v.setCwnd(2);
    // As when the window is used less than it could be: what it was is found again soon.
    v.setSsthresh(Math.max(v.ssthresh, (v.cwnd >> 1) + (v.cwnd >> 2)));
  }
}

const inUs = (ns: number): number => (ns === NEVER ? NO_RTT_US : Math.floor(ns / US));

/** The files of /sys/module/tcp_vegas/parameters, and what they take. */
const PARAMETERS: CcParameters = {
  alpha: [0, 0x7fffffff],
  beta: [0, 0x7fffffff],
  gamma: [0, 0x7fffffff],
};

function withParameter(params: VegasParams, name: string, value: number): CcModule | number {
  const errno = checkParameter(PARAMETERS, name, value);
  if (errno < 0) return errno;
  return vegasWith({ ...params, [name]: value });
}

function vegasWith(params: VegasParams): CcModule {
  return {
    name: 'vegas',
    flags: 0,
    create: () => new Vegas(params),
    parameters: PARAMETERS,
    withParameter: (name, value) => withParameter(params, name, value),
  };
}

export const vegas: CcModule = vegasWith(LINUX_VEGAS);
