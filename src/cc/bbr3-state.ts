/** What one connection of BBRv3 is doing, and the parts it knows the path by (draft-ietf-ccwg-bbr-06 §5.1, §5.6.1). */
import { MS, NEVER, SEC } from '../base/time.ts';
import { Bbr3Cycle } from './bbr3-cycle.ts';
import { Bbr3FullPipe } from './bbr3-full-pipe.ts';
import { Bbr3MinRtt } from './bbr3-min-rtt.ts';
import { Bbr3Model } from './bbr3-model.ts';
import { CA_STATE } from './ca-state.ts';
import type { CcView } from './cc-view.ts';

/**
 *       ┌──▶ STARTUP ──▶ DRAIN ──▶ DOWN ──▶ CRUISE ──▶ REFILL ──▶ UP ──┐
 *       │                           ▲                                  │      any of them ──▶ PROBE_RTT, and back to
 *       └── PROBE_RTT ──────────────┴──────────────────────────────────┘      STARTUP or to DOWN and CRUISE
 */
export const MODE = {
  STARTUP: 0,
  DRAIN: 1,
  DOWN: 2,
  CRUISE: 3,
  REFILL: 4,
  UP: 5,
  PROBE_RTT: 6,
} as const;
export type Mode = (typeof MODE)[keyof typeof MODE];

/** By mode, as traces and scenarios have them. */
export const MODE_NAMES: Readonly<Record<Mode, string>> = {
  [MODE.STARTUP]: 'startup',
  [MODE.DRAIN]: 'drain',
  [MODE.DOWN]: 'down',
  [MODE.CRUISE]: 'cruise',
  [MODE.REFILL]: 'refill',
  [MODE.UP]: 'up',
  [MODE.PROBE_RTT]: 'probe-rtt',
};

/** §5.6.1's table, by mode. 2.77 is 4 ln 2: the least that doubles the rate each round trip; 0.5 drains what 2 has queued. */
const PACING_GAIN = [2.77, 0.5, 0.9, 1, 1, 1.25, 1] as const;
const CWND_GAIN = [2, 2, 2, 2, 2, 2.25, 0.5] as const;
/** §5.6.2 BBR.PacingMarginPercent: 1 % below the estimate, so that queues drain rather than grow. */
const PACING_MARGIN = 0.99;
/** §5.6.3: a burst is what is paced in a millisecond; no more than 64 KiB, and two segments at least. */
const QUANTA_PER_SEC = SEC / MS;
const MOST_QUANTUM_BYTES = 65536;
const LEAST_QUANTUM = 2;
/** §5.5.8.1: one burst is queued, one is cut, one waits for its ACK. */
const QUANTA_IN_FLIGHT = 3;
/** §2.8 BBR.MinPipeCwnd: two segments and two ACKs on the way, where every second segment is acknowledged. */
export const MIN_PIPE_CWND = 4;
/** §5.6.4.2: in UP, so that a small window can grow beyond what bounds it. */
const UP_EXTRA = 2;
/** §5.6.2: before there is any RTT. */
const NOMINAL_RTT_NS = MS;
/** Nothing to go back to: BBR.undo_state = None. */
const NO_MODE = -1;

export class Bbr3State {
  mode: Mode = MODE.STARTUP;
  pacingGain: number = PACING_GAIN[MODE.STARTUP];
  cwndGain: number = CWND_GAIN[MODE.STARTUP];
  readonly model = new Bbr3Model();
  readonly minRtt = new Bbr3MinRtt();
  readonly pipe = new Bbr3FullPipe();
  readonly cycle = new Bbr3Cycle();

  /** BBR.drain_start_round */
  drainStartRound = 0;
  /** BBR.idle_restart: the first flight after a pause has not come home. */
  isIdleRestart = false;
  /** BBR.bdp, in pieces, by `bw`; and what `inflight` was asked for last. */
  bdp = 0;
  target = 0;
  /** BBR.max_inflight, C.send_quantum, in pieces. */
  maxInflight = 0;
  quantum = LEAST_QUANTUM;
  /** C.InitialCwnd: where this module began. */
  private initialCwnd = 0;
  private hasSeenRtt = false;

  /** BBR.prior_cwnd: without losses and ProbeRTT. */
  private priorCwnd = 0;
  private savedNs = -1;
  /** BBR.undo_state: a spurious loss has ended it. */
  undoMode: Mode | typeof NO_MODE = NO_MODE;

  /** OnInit */
  init(v: CcView): void {
    this.initialCwnd = v.cwnd;
    this.model.init(v);
    this.minRtt.init(v);
    this.initPacingRate(v);
  }

  enter(mode: Mode): void {
    this.mode = mode;
    this.pacingGain = PACING_GAIN[mode];
    this.cwndGain = CWND_GAIN[mode];
  }

  /** EnterDrain */
  enterDrain(): void {
    this.enter(MODE.DRAIN);
    this.drainStartRound = this.model.roundCount;
  }

  get isInProbeBw(): boolean {
    return this.mode >= MODE.DOWN && this.mode <= MODE.UP;
  }

  /** IsProbingBW: losses say what the path takes, not that it takes less than before. */
  get isAccelerating(): boolean {
    return this.mode === MODE.STARTUP || this.mode === MODE.REFILL || this.mode === MODE.UP;
  }

  noteIdleRestart(): void {
    this.isIdleRestart = true;
  }

  idleRestartOver(): void {
    this.isIdleRestart = false;
  }

  // ---- volumes; results are left in fields: a double that a call gives back may be boxed ----

  /** BDPMultiple, of `bw`. */
  updateBdp(v: CcView): void {
    this.bdp = this.product(v, this.model.bw);
  }

  private product(v: CcView, bw: number): number {
    const { ns } = this.minRtt;
    return ns === NEVER ? this.initialCwnd : (bw * ns) / (SEC * v.mss);
  }

  /** Whether no more is in flight than Inflight(max_bw or bw, 1.0) says. */
  isDrained(v: CcView, isByMaxBw: boolean): boolean {
    this.updateBdp(v);
    const bdp = isByMaxBw ? this.product(v, this.model.maxBw) : this.bdp;
    this.setTarget(bdp);
    return v.inFlight <= this.target;
  }

  /** QuantizationBudget: room for what the hosts cut and join on the way. */
  private setTarget(pieces: number): void {
    const least = Math.max(QUANTA_IN_FLIGHT * this.quantum, MIN_PIPE_CWND);
    this.target = Math.max(pieces, least) + (this.mode === MODE.UP ? UP_EXTRA : 0);
  }

  /** UpdateMaxInflight */
  updateMaxInflight(v: CcView): void {
    this.updateBdp(v);
    const gain = this.minRtt.ns === NEVER ? 1 : this.cwndGain;
    this.setTarget(gain * this.bdp + this.model.extraAcked);
    this.maxInflight = this.target;
  }

  // ---- how fast ----

  /** InitPacingRate */
  private initPacingRate(v: CcView): void {
    this.hasSeenRtt = v.srttNs > 0;
    const rttNs = this.hasSeenRtt ? v.srttNs : NOMINAL_RTT_NS;
    v.setPacingRate((PACING_GAIN[MODE.STARTUP] * v.cwnd * v.mss * SEC) / rttNs);
  }

  /** SetPacingRateWithGain: until the pipe was full, only upwards. */
  setPacingRate(v: CcView, gain: number): void {
    if (!this.hasSeenRtt && v.srttNs > 0) this.initPacingRate(v);
    const rate = gain * this.model.bw * PACING_MARGIN;
    if (rate > 0 && (this.pipe.isReached || rate > v.pacingRate)) v.setPacingRate(rate);
  }

  /** SetSendQuantum: what the budget for offload counts with; the sender sizes its frames itself. */
  updateQuantum(v: CcView): void {
    const bytes = Math.min(v.pacingRate / QUANTA_PER_SEC, MOST_QUANTUM_BYTES);
    this.quantum = Math.max(bytes / v.mss, LEAST_QUANTUM);
  }

  // ---- how much ----

  /** SetCwnd's first part (§5.6.4.6): down at once, up by what arrives. */
  growCwnd(v: CcView, acked: number): void {
    this.updateMaxInflight(v);
    let cwnd: number = v.cwnd;
    if (this.pipe.isReached) cwnd = Math.min(cwnd + acked, this.maxInflight);
    else if (cwnd < this.maxInflight || v.delivered < this.initialCwnd) cwnd += acked;
    v.setCwnd(Math.max(cwnd, MIN_PIPE_CWND));
  }

  /** SaveCwnd */
  saveCwnd(v: CcView): void {
    const isReduced = isInLossRecovery(v) || this.mode === MODE.PROBE_RTT;
    this.priorCwnd = isReduced ? Math.max(this.priorCwnd, v.cwnd) : v.cwnd;
  }

  /** RestoreCwnd */
  restoreCwnd(v: CcView): void {
    v.setCwnd(Math.max(v.cwnd, this.priorCwnd));
  }

  // ---- what a spurious loss gives back (§5.5.11) ----

  /**
   * SaveStateUponLoss, once for all that is found lost at a time, and for the recovery that begins with it: what the
   * first of them has cut already is no state to go back to.
   */
  saveForUndo(v: CcView): void {
    if (this.savedNs === v.nowNs) return;
    this.savedNs = v.nowNs;
    this.saveCwnd(v);
    this.undoMode = NO_MODE;
    this.model.saveForUndo();
  }

  /** Losses end this mode: should they be none, it goes on. */
  mayReturnTo(mode: Mode): void {
    this.undoMode = mode;
  }

  /** HandleSpuriousLossDetection, but for the mode: which one to go back to, or -1. */
  takeBack(v: CcView): number {
    const { undoMode } = this;
    this.restoreCwnd(v);
    this.pipe.reset();
    this.model.takeBack();
    this.undoMode = NO_MODE;
    return undoMode;
  }
}

/** InLossRecovery */
export function isInLossRecovery(v: CcView): boolean {
  return v.caState === CA_STATE.RECOVERY || v.caState === CA_STATE.LOSS;
}
