/**
 * BBR, version 3: draft-ietf-ccwg-bbr-06, in steady state about the rate and the volume that the path delivers, and not
 * about losses. The parts:
 *
 *      bbr3-model      rates and volumes, from samples and losses         §5.5
 *      bbr3-min-rtt    the round-trip time without a queue                §5.3.4.3
 *      bbr3-full-pipe  whether acceleration has filled the path           §5.3.1.2
 *      bbr3-cycle      where between two probes                           §2.14
 *      bbr3-state      the mode and its gains; rate and window            §5.6
 *      bbr3-probe-bw   DOWN, CRUISE, REFILL, UP                           §5.3.3
 *      bbr3-probe-rtt  ProbeRTT                                           §5.3.4
 *      bbr3-loss       what losses and spurious ones change               §5.5.10, §5.5.11
 *
 * Where the draft leaves a choice, or says two things: `docs/congestion-control.md`.
 */
import { NEVER, US } from '../base/time.ts';
import {
  adaptLowerBounds,
  checkStartupLoss,
  marked,
  noteLoss,
  recordLost,
  recoveryBegins,
  takeBack,
} from './bbr3-loss.ts';
import { inflightWithHeadroom, startDown, updateCycle } from './bbr3-probe-bw.ts';
import { Bbr3ProbeRtt, probeRttCwnd } from './bbr3-probe-rtt.ts';
import { Bbr3State, isInLossRecovery, MIN_PIPE_CWND, MODE, MODE_NAMES } from './bbr3-state.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from './ca-state.ts';
import type { CcView } from './cc-view.ts';
import { CC_FLAG, type CcInfo, type CcModule, CongestionControl } from './congestion-control.ts';
import type { LossSample, RateSample } from './samples.ts';

/** §5.3.2: should the queue not drain, the rate was overestimated; the next cycle will tell. */
const DRAIN_ROUNDS = 3;
/** struct tcp_bbr_info has gains in 1/256. */
const GAIN_UNIT = 256;
const WINDOWS_TO_BUFFER = 3;
const UNKNOWN_RTT_US = 0xffffffff;

export class Bbr3 extends CongestionControl {
  readonly state = new Bbr3State();
  private readonly probeRtt = new Bbr3ProbeRtt();
  /** A reduction for a mark began on this ACK. */
  private isMarkNew = false;

  override init(v: CcView): void {
    v.requirePacing();
    this.state.init(v);
  }

  // ---- on each ACK (§5.2.3) ----

  override congControl(v: CcView, rs: RateSample): void {
    const s = this.state;
    s.model.observe(v, rs);
    this.updateModel(v, rs);
    this.updateMode(v, rs);
    s.minRtt.update(v, rs);
    this.probeRtt.check(s, v);
    s.model.advanceLatest();
    s.model.boundBw();
    s.setPacingRate(v, s.pacingGain);
    s.updateQuantum(v);
    s.growCwnd(v, rs.ackedSacked);
    boundCwnd(s, v);
  }

  private updateModel(v: CcView, rs: RateSample): void {
    const s = this.state;
    s.model.updateLatest(v, rs);
    if (s.model.updateRound(v, rs)) s.cycle.roundOver();
    s.model.updateMaxBw(rs);
    adaptLowerBounds(s, v);
    s.model.updateAggregation(v, rs);
    if (this.isMarkNew && rs.isEce) marked(s, v, rs);
    this.isMarkNew = false;
  }

  private updateMode(v: CcView, rs: RateSample): void {
    const s = this.state;
    s.pipe.check(s.model, rs);
    checkStartupLoss(s, v, rs);
    if (s.mode === MODE.STARTUP && s.pipe.isReached) {
      s.model.rememberAggregation(true);
      s.enterDrain();
    }
    if (s.mode === MODE.DRAIN && isDrainDone(s, v)) startDown(s, v);
    updateCycle(s, v, rs);
  }

  override sendsLittle(): boolean {
    return this.probeRtt.isLimiting;
  }

  // ---- losses (§5.2.4, §5.2.5, §5.6.4.4) ----

  override markedLost(v: CcView, loss: LossSample): void {
    recordLost(this.state, v, loss);
  }

  /** A reduction begins; it is the model's affair how far. */
  override ssthresh(v: CcView): number {
    recoveryBegins(this.state, v);
    return v.ssthresh;
  }

  override setState(v: CcView, state: CaState): void {
    if (state === CA_STATE.CWR) {
      this.isMarkNew = true;
      noteLoss(this.state, v); // a mark; or the loss that a probe has repaired, which nothing else tells of
    } else if (state < CA_STATE.CWR && isInLossRecovery(v)) this.state.restoreCwnd(v);
  }

  override undoCwnd(v: CcView): number {
    takeBack(this.state, v);
    return v.cwnd;
  }

  /** A window in flight, one that recovery holds back behind a gap, and one to come (as Linux has it for BBR). */
  override sndbufExpand(): number {
    return WINDOWS_TO_BUFFER;
  }

  // ---- restarting from idle (§5.4.1) ----

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event !== CA_EVENT.TX_START || !v.isAppLimited) return;
    const s = this.state;
    s.noteIdleRestart();
    s.model.restartAggregation(v);
    if (s.isInProbeBw) s.setPacingRate(v, 1);
    else if (s.mode === MODE.PROBE_RTT) this.probeRtt.endIfDone(s, v);
  }

  override getInfo(): CcInfo {
    const { model, minRtt, pacingGain, cwndGain } = this.state;
    return {
      kind: 'bbr',
      bytesPerSecond: model.bw,
      minRttUs: minRtt.ns === NEVER ? UNKNOWN_RTT_US : Math.floor(minRtt.ns / US),
      pacingGain: Math.floor(pacingGain * GAIN_UNIT),
      cwndGain: Math.floor(cwndGain * GAIN_UNIT),
    };
  }

  override phaseName(): string {
    return MODE_NAMES[this.state.mode];
  }
}

/** CheckDrainDone */
function isDrainDone(s: Bbr3State, v: CcView): boolean {
  return s.isDrained(v, false) || s.model.roundCount > s.drainStartRound + DRAIN_ROUNDS;
}

/** BoundCwndForProbeRTT, BoundCwndForModel (§5.6.4.5, §5.6.4.7) */
function boundCwnd(s: Bbr3State, v: CcView): void {
  const { mode, model } = s;
  let cap = Infinity;
  if (mode === MODE.PROBE_RTT || mode === MODE.CRUISE) cap = inflightWithHeadroom(s);
  else if (s.isInProbeBw) cap = model.inflightLongterm;
  cap = Math.max(Math.min(cap, model.inflightShortterm), MIN_PIPE_CWND);
  if (mode === MODE.PROBE_RTT) cap = Math.min(cap, probeRttCwnd(s));
  if (v.cwnd > cap) v.setCwnd(cap);
}

export const bbr3: CcModule = {
  name: 'bbr3',
  flags: CC_FLAG.NON_RESTRICTED,
  create: () => new Bbr3(),
  phases: Object.values(MODE_NAMES),
};
