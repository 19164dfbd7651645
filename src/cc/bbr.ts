/**
 * BBR, version 1, as Linux 6.x has it (Cardwell, Cheng, Gunn, Yeganeh and Jacobson, "BBR: Congestion-Based Congestion
 * Control", ACM Queue 14-5, 2016; draft-cardwell-iccrg-bbr-congestion-control-00): it sends at the rate at which the
 * path has delivered lately, with about two bandwidth-delay products in flight, whatever is lost.
 *
 *     STARTUP ──three round trips without a quarter more──▶ DRAIN ──a BDP in flight──▶ PROBE_BW ◀─┐ 5/4 3/4 1 1 1 1 1 1
 *        ▲                                                                               │        │
 *        └──────(the pipe was not full yet)────── PROBE_RTT ◀──ten seconds without a lower RTT ───┘
 *
 * Gains are in 1/256, as in Linux and in TCP_CC_INFO; rates in pieces a second.
 */
import { MS, NEVER, SEC, US, ZERO_NS } from '../base/time.ts';
import { AckAggregation } from './ack-aggregation.ts';
import { BbrRate, isMeasured } from './bbr-rate.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from './ca-state.ts';
import { type CcView, INFINITE_SSTHRESH, INITIAL_CWND, MAX_CWND } from './cc-view.ts';
import { CC_FLAG, type CcInfo, type CcModule, CongestionControl } from './congestion-control.ts';
import type { RateSample } from './samples.ts';

const MODE = { STARTUP: 0, DRAIN: 1, PROBE_BW: 2, PROBE_RTT: 3 } as const;
type Mode = (typeof MODE)[keyof typeof MODE];
const PHASES = ['startup', 'drain', 'probe-bw', 'probe-rtt'] as const;

const UNIT = 256;
/** 2 / ln 2 = 2.885: the least gain that doubles the rate each round trip (draft §4.3.2.1), rounded up. */
const HIGH_GAIN = Math.floor((UNIT * 2885) / 1000) + 1;
/** Its inverse drains in one round trip what startup queued (draft §4.3.3). */
const DRAIN_GAIN = Math.floor((UNIT * 1000) / 2885);
/** Two BDPs in flight, so that delayed ACKs do not stall (draft §4.2.3.2). */
const CWND_GAIN = 2 * UNIT;
/** Probe for a quarter more, drain what that queued, then six round trips at the rate (draft §4.3.4.1). */
const CYCLE: readonly number[] = [
  (UNIT * 5) / 4,
  (UNIT * 3) / 4,
  UNIT,
  UNIT,
  UNIT,
  UNIT,
  UNIT,
  UNIT,
];
/** Any phase but the draining one may be the first: flows that begin together do not probe together. */
const FIRST_PHASES = CYCLE.length - 1;

/** The least window: two segments each way with delayed ACKs (draft §4.2.3.2, BBRMinPipeCwnd). */
const MIN_CWND = 4;
/** draft §4.3.5: how long a least RTT is believed, and how long the queue is kept empty to see it again. */
const MIN_RTT_WINDOW_NS = 10 * SEC;
const PROBE_RTT_NS = 200 * MS;
/** draft §4.3.2.2: the pipe is full when three round trips did not bring a quarter more. */
const FULL_GROWTH = 1.25;
const FULL_ROUNDS = 3;
/** Sent 1 % slower than believed, so that what is believed too high leaves no queue (Linux). */
const PACING_MARGIN = 0.99;
/** Below 1.2 Mbit/s a super-frame of two segments is a burst of 20 ms (Linux). */
const LOW_RATE = 1.2e6 / 8;
/** As the sender sizes super-frames: what leaves in 2^-10 s, at most 64 KiB less headers, and at most 127 segments. */
const BURSTS_PER_SEC = 1024;
const BURST_BYTES = 65536 - 1 - 320;
const BURST_PIECES = 127;
/** Where no round trip was measured. */
const GUESSED_RTT_NS = MS;

export class Bbr extends CongestionControl {
  private mode: Mode = MODE.STARTUP;
  private pacingGain = HIGH_GAIN;
  private cwndGain = HIGH_GAIN;
  private readonly rate = new BbrRate();
  private readonly aggregation = new AckAggregation();

  private minRttNs = NEVER;
  private minRttStampNs = ZERO_NS;
  /** PROBE_RTT may end then, and once a round trip began with it; NEVER: the flight is not small yet. */
  private probeRttEndNs = NEVER;
  private hasProbeRttRound = false;

  private phase = 0;
  private phaseNs = ZERO_NS;

  /** The rate that the next rounds must exceed by a quarter. */
  private fullBw = 0;
  private flatRounds = 0;
  /** For good: a spurious loss starts the search anew only while it goes on. */
  private isPipeFull = false;

  /** The window to return to after a recovery or PROBE_RTT. */
  private priorCwnd = 0;
  private priorState: CaState = CA_STATE.OPEN;
  /** The first round trip of a recovery sends a piece for each that is delivered. */
  private isConserving = false;
  /** Sending goes on after a pause: that is no time to look for a lower RTT. */
  private isRestarting = false;
  private hasRtt = false;

  override init(v: CcView): void {
    v.setSsthresh(INFINITE_SSTHRESH);
    this.minRttNs = v.minRttNs;
    this.minRttStampNs = v.nowNs;
    this.rate.start(v);
    this.aggregation.restart(v);
    this.paceByRtt(v);
    v.requirePacing();
  }

  override congControl(v: CcView, rs: RateSample): void {
    this.updateRate(v, rs);
    this.aggregation.update(v, rs, this.rate);
    this.advanceCycle(v, rs);
    this.lookForFullPipe(rs);
    this.drain(v);
    this.updateMinRtt(v, rs);
    this.probeRtt(v);
    if (rs.delivered > 0) this.isRestarting = false;
    this.setGains();
    this.setPacing(v, this.pacingGain);
    this.setWindow(v, rs);
  }

  /** There is no slow start to end: the threshold says where startup ended, for who looks. */
  override ssthresh(v: CcView): number {
    this.saveCwnd(v);
    return v.ssthresh;
  }

  override setState(v: CcView, state: CaState): void {
    if (state !== CA_STATE.LOSS) return;
    this.priorState = CA_STATE.LOSS;
    this.fullBw = 0;
    this.rate.startRoundByTimeout();
    if (!this.rate.isPoliced) this.lookForPolicer(v, 1, false);
  }

  /** The window comes back by itself at the end of recovery; what losses taught was not true. */
  override undoCwnd(v: CcView): number {
    this.fullBw = 0;
    this.flatRounds = 0;
    this.rate.forgetPolicer(v);
    return v.cwnd;
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event !== CA_EVENT.TX_START || !v.isAppLimited) return;
    this.isRestarting = true;
    this.aggregation.restart(v);
    // The pipe is empty: the rate as it is fills it without a queue.
    if (this.mode === MODE.PROBE_BW) this.setPacing(v, UNIT);
    else if (this.mode === MODE.PROBE_RTT) this.leaveProbeRttIfDue(v);
  }

  override minTsoSegs(v: CcView): number {
    return v.pacingRate < LOW_RATE ? 1 : 2;
  }

  /** PROBE_RTT sends too little to say anything about the rate. */
  override sendsLittle(): boolean {
    return this.mode === MODE.PROBE_RTT;
  }

  /** A window in flight, one that is lost and resent, one that is being written. */
  override sndbufExpand(): number {
    return 3;
  }

  override getInfo(v: CcView): CcInfo {
    return {
      kind: 'bbr',
      bytesPerSecond: this.rate.bw * v.mss,
      minRttUs: this.minRttNs === NEVER ? 0xffffffff : Math.floor(this.minRttNs / US),
      pacingGain: this.pacingGain,
      cwndGain: this.cwndGain,
    };
  }

  override phaseName(): string {
    return PHASES[this.mode];
  }

  // ---- the model ----

  private updateRate(v: CcView, rs: RateSample): void {
    const { rate } = this;
    rate.countRound(v, rs);
    if (!isMeasured(rs)) return;
    if (rate.isRoundStart) this.isConserving = false;
    if (!rate.isPoliced) this.lookForPolicer(v, rs.losses, rs.isAppLimited);
    else if (this.mode === MODE.PROBE_BW && rate.isRoundStart && rate.isPolicerOutdated()) {
      rate.forgetPolicer(v);
      this.enterProbeBw(v);
    }
    rate.take(rs);
  }

  private lookForPolicer(v: CcView, losses: number, isAppLimited: boolean): void {
    if (this.rate.lookForPolicer(v, losses, isAppLimited)) this.pacingGain = UNIT;
  }

  private lookForFullPipe(rs: RateSample): void {
    if (this.isPipeFull || !this.rate.isRoundStart || rs.isAppLimited) return;
    if (this.rate.max >= this.fullBw * FULL_GROWTH) {
      this.fullBw = this.rate.max;
      this.flatRounds = 0;
      return;
    }
    this.flatRounds++;
    this.isPipeFull = this.flatRounds >= FULL_ROUNDS;
  }

  private updateMinRtt(v: CcView, rs: RateSample): void {
    const isExpired = v.nowNs > this.minRttStampNs + MIN_RTT_WINDOW_NS;
    if (rs.rttNs >= 0 && (rs.rttNs < this.minRttNs || (isExpired && !rs.isAckDelayed))) {
      this.minRttNs = rs.rttNs;
      this.minRttStampNs = v.nowNs;
    }
    if (isExpired && !this.isRestarting && this.mode !== MODE.PROBE_RTT) {
      this.mode = MODE.PROBE_RTT;
      this.saveCwnd(v);
      this.probeRttEndNs = NEVER;
    }
  }

  // ---- the states ----

  private drain(v: CcView): void {
    if (this.mode === MODE.STARTUP && this.isPipeFull) {
      this.mode = MODE.DRAIN;
      v.setSsthresh(Math.min(Math.max(2, this.target(v, UNIT)), INFINITE_SSTHRESH));
    }
    if (this.mode !== MODE.DRAIN) return;
    if (this.inFlightAtDeparture(v, v.inFlight) <= this.target(v, UNIT)) this.enterProbeBw(v);
  }

  private enterProbeBw(v: CcView): void {
    this.mode = MODE.PROBE_BW;
    this.phase = CYCLE.length - 1 - v.randomBelow(FIRST_PHASES);
    this.nextPhase();
  }

  private nextPhase(): void {
    this.phase = (this.phase + 1) % CYCLE.length;
    this.phaseNs = this.rate.deliveredNs;
  }

  private advanceCycle(v: CcView, rs: RateSample): void {
    if (this.mode === MODE.PROBE_BW && this.isPhaseOver(v, rs)) this.nextPhase();
  }

  private isPhaseOver(v: CcView, rs: RateSample): boolean {
    const isFullLength = this.rate.deliveredNs - this.phaseNs > this.minRttNs;
    if (this.pacingGain === UNIT) return isFullLength;
    const inFlight = this.inFlightAtDeparture(v, rs.priorInFlight);
    // A probe lasts until it has put as much in flight as it is to probe for, or something is lost.
    if (this.pacingGain > UNIT) {
      return isFullLength && (rs.losses > 0 || inFlight >= this.target(v, this.pacingGain));
    }
    return isFullLength || inFlight <= this.target(v, UNIT);
  }

  private probeRtt(v: CcView): void {
    if (this.mode !== MODE.PROBE_RTT) return;
    if (this.probeRttEndNs === NEVER) {
      if (v.inFlight > MIN_CWND) return;
      this.probeRttEndNs = v.nowNs + PROBE_RTT_NS;
      this.hasProbeRttRound = false;
      this.rate.endRoundAfter(v);
      return;
    }
    if (this.rate.isRoundStart) this.hasProbeRttRound = true;
    if (this.hasProbeRttRound) this.leaveProbeRttIfDue(v);
  }

  private leaveProbeRttIfDue(v: CcView): void {
    if (v.nowNs <= this.probeRttEndNs) return;
    this.minRttStampNs = v.nowNs;
    v.setCwnd(Math.max(v.cwnd, this.priorCwnd));
    if (this.isPipeFull) this.enterProbeBw(v);
    else this.mode = MODE.STARTUP;
  }

  private setGains(): void {
    const { mode } = this;
    if (mode === MODE.PROBE_BW) {
      this.pacingGain = this.rate.isPoliced ? UNIT : CYCLE[this.phase]!;
      this.cwndGain = CWND_GAIN;
    } else if (mode === MODE.PROBE_RTT) {
      this.pacingGain = UNIT;
      this.cwndGain = UNIT;
    } else {
      this.pacingGain = mode === MODE.STARTUP ? HIGH_GAIN : DRAIN_GAIN;
      this.cwndGain = HIGH_GAIN;
    }
  }

  // ---- the rate ----

  /** Before anything was delivered: the window in a round trip. */
  private paceByRtt(v: CcView): void {
    this.hasRtt = v.srttNs > 0;
    const rttNs = this.hasRtt ? v.srttNs : GUESSED_RTT_NS;
    v.setPacingRate((HIGH_GAIN / UNIT) * ((v.cwnd * v.mss * SEC) / rttNs) * PACING_MARGIN);
  }

  /** Startup does not slow down for a first sample that says too little. */
  private setPacing(v: CcView, gain: number): void {
    if (!this.hasRtt && v.srttNs > 0) this.paceByRtt(v);
    const bytesPerSecond = this.rate.bw * v.mss * (gain / UNIT) * PACING_MARGIN;
    if (bytesPerSecond <= 0) return;
    if (this.isPipeFull || bytesPerSecond > v.pacingRate) v.setPacingRate(bytesPerSecond);
  }

  // ---- the window ----

  private setWindow(v: CcView, rs: RateSample): void {
    if (rs.ackedSacked > 0 && !this.recover(v, rs)) this.approach(v, rs.ackedSacked);
    if (this.mode === MODE.PROBE_RTT && v.cwnd > MIN_CWND) v.setCwnd(MIN_CWND);
  }

  /** Towards the target, by what was delivered. Before the pipe is full nothing is taken away. */
  private approach(v: CcView, acked: number): void {
    const isFull = this.isPipeFull;
    const extra = isFull ? this.aggregation.surplus(this.rate) : 0;
    const target = this.quantised(v, this.product(this.cwndGain, false) + extra);
    let { cwnd } = v;
    if (isFull) cwnd = Math.min(cwnd + acked, target);
    else if (cwnd < target || v.delivered < INITIAL_CWND) cwnd += acked;
    v.setCwnd(Math.max(cwnd, MIN_CWND));
  }

  /** Losses leave the window at once. True: this ACK's window is that of packet conservation. */
  private recover(v: CcView, rs: RateSample): boolean {
    const { priorState } = this;
    const state = v.caState;
    let cwnd = rs.losses > 0 ? Math.max(v.cwnd - rs.losses, 1) : v.cwnd;
    if (state === CA_STATE.RECOVERY && priorState !== CA_STATE.RECOVERY) {
      this.isConserving = true;
      this.rate.endRoundAfter(v);
      cwnd = v.inFlight + rs.ackedSacked;
    } else if (priorState >= CA_STATE.RECOVERY && state < CA_STATE.RECOVERY) {
      cwnd = Math.max(cwnd, this.priorCwnd);
      this.isConserving = false;
    }
    this.priorState = state;
    if (this.isConserving) cwnd = Math.max(cwnd, v.inFlight + rs.ackedSacked);
    v.setCwnd(cwnd);
    return this.isConserving;
  }

  private saveCwnd(v: CcView): void {
    const isAsItWas = this.priorState < CA_STATE.RECOVERY && this.mode !== MODE.PROBE_RTT;
    this.priorCwnd = isAsItWas ? v.cwnd : Math.max(this.priorCwnd, v.cwnd);
  }

  /** What should be in flight for a gain of the highest rate. */
  private target(v: CcView, gain: number): number {
    return this.quantised(v, this.product(gain, true));
  }

  /** Bandwidth × delay × gain: by the highest rate, or by the one that is used. */
  private product(gain: number, isByHighest: boolean): number {
    if (this.minRttNs === NEVER) return INITIAL_CWND;
    const bw = isByHighest ? this.rate.max : this.rate.bw;
    // An int32: what Math.ceil gives would be boxed on its way out.
    return Math.min(Math.ceil(((bw * this.minRttNs) / SEC) * (gain / UNIT)), MAX_CWND) | 0;
  }

  /** Room for super-frames at both ends and one on the way, an even number, and more for the probe on a small path. */
  private quantised(v: CcView, pieces: number): number {
    const whole = pieces + 3 * this.burst(v);
    const even = whole + (whole % 2);
    return this.mode === MODE.PROBE_BW && this.phase === 0 ? even + 2 : even;
  }

  private burst(v: CcView): number {
    const bytes = Math.min(v.pacingRate / BURSTS_PER_SEC, BURST_BYTES);
    return Math.min(Math.max(Math.floor(bytes / v.mss), this.minTsoSegs(v)), BURST_PIECES);
  }

  /** What will be in flight when the pacer lets the next frame go, with that frame if it is to raise the flight. */
  private inFlightAtDeparture(v: CcView, inFlight: number): number {
    const waitNs = Math.max(v.nextDepartureNs - v.nowNs, 0);
    const then = inFlight + (this.pacingGain > UNIT ? this.burst(v) : 0);
    return Math.max(then - Math.floor((this.rate.bw * waitNs) / SEC), 0);
  }
}

export const bbr: CcModule = {
  name: 'bbr',
  flags: CC_FLAG.NON_RESTRICTED,
  create: () => new Bbr(),
  phases: PHASES,
};
