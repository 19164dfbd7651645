/**
 * ProbeBW: the steady state of BBRv3 (draft-ietf-ccwg-bbr-06 §5.3.3).
 *
 *      in flight      UP ╱╲
 *               REFILL ╱   ╲ DOWN                          a cycle: 2 to 3 s, or as many round trips as Reno
 *      ____________┌─╱──────╲──────────────────_______     would need, 63 at most
 *          CRUISE            ╲_____ CRUISE
 *
 * UP sends a quarter more than bw. It ends when that brings no more, or costs more than 2 %; what was in flight then is
 * inflight_longterm, and the probe that follows turns back as soon as it gets there. DOWN drains what UP has queued.
 */
import { ACKS } from './bbr3-cycle.ts';
import { isTooHigh } from './bbr3-model.ts';
import { type Bbr3State, MIN_PIPE_CWND, MODE } from './bbr3-state.ts';
import type { CcView } from './cc-view.ts';
import type { RateSample } from './samples.ts';

/** §2.8 BBR.Headroom: of inflight_longterm, left to others. */
const HEADROOM = 0.15;

/** EnterProbeBW, StartProbeBW_DOWN */
export function startDown(s: Bbr3State, v: CcView): void {
  s.model.resetSignals();
  s.cycle.begin(v);
  s.model.startRound(v);
  s.enter(MODE.DOWN);
}

export function startCruise(s: Bbr3State): void {
  s.enter(MODE.CRUISE);
}

/** §5.3.3.3: what losses of the short term have said is forgotten. */
export function startRefill(s: Bbr3State, v: CcView): void {
  s.model.resetShortTerm();
  s.cycle.refill();
  s.model.startRound(v);
  s.enter(MODE.REFILL);
}

function startUp(s: Bbr3State, v: CcView): void {
  s.cycle.probe();
  s.model.startRound(v);
  s.pipe.resetTo(s.model);
  s.enter(MODE.UP);
  s.cycle.steepen(v);
}

/** UpdateProbeBWCyclePhase */
export function updateCycle(s: Bbr3State, v: CcView, rs: RateSample): void {
  if (isCwndFull(s, v)) s.cycle.cwndIsFull(s.model.roundCount);
  if (!s.pipe.isReached) return;
  if (adaptLongTerm(s, v, rs)) return;
  if (s.mode === MODE.DOWN) {
    if (!probeIfDue(s, v) && isTimeToCruise(s, v)) startCruise(s);
  } else if (s.mode === MODE.CRUISE) probeIfDue(s, v);
  else if (s.mode === MODE.REFILL) {
    if (s.model.isRoundStart) startUp(s, v); // the pipe is full of what was sent at bw
  } else if (s.mode === MODE.UP && isTimeToGoDown(s, v)) {
    s.cycle.notTooHigh(); // not yet: its last ACKs are still to come
    startDown(s, v);
  }
}

/** IsTimeToProbeBW. True: it begins. */
function probeIfDue(s: Bbr3State, v: CcView): boolean {
  s.updateBdp(v);
  if (!s.cycle.isOver(v, s.bdp)) return false;
  startRefill(s, v);
  return true;
}

function isTimeToCruise(s: Bbr3State, v: CcView): boolean {
  return v.inFlight <= inflightWithHeadroom(s) && s.isDrained(v, true);
}

/** §5.3.3.7 */
function isTimeToGoDown(s: Bbr3State, v: CcView): boolean {
  const { cycle, pipe, model } = s;
  if (cycle.wasTooHigh && v.inFlight >= model.inflightLongterm) {
    cycle.precautionary();
    return true;
  }
  if (isLongtermLimit(s, v))
    pipe.resetTo(model); // the rate is not the path's, but this bound's
  else if (pipe.isFullNow) return true;
  return false;
}

/** inflight_longterm is what holds the sender back. */
function isLongtermLimit(s: Bbr3State, v: CcView): boolean {
  return s.cycle.wasCwndFull(s.model.roundCount) && v.cwnd >= s.model.inflightLongterm;
}

/**
 * C.is_cwnd_limited, of this moment. `isCwndLimited` alone is too easily true: Linux's rule takes half a window in use for
 * enough while slow start lasts, which for BBR it always does.
 */
function isCwndFull(s: Bbr3State, v: CcView): boolean {
  return v.isCwndLimited && v.maxInFlight + s.quantum > v.cwnd;
}

/** InflightWithHeadroom: BoundCwndForModel takes it, too. */
export function inflightWithHeadroom(s: Bbr3State): number {
  const longterm = s.model.inflightLongterm;
  if (longterm === Infinity) return Infinity;
  return Math.max(longterm - Math.max(1, HEADROOM * longterm), MIN_PIPE_CWND);
}

/** AdaptLongTermModel. True: it has changed the mode. */
function adaptLongTerm(s: Bbr3State, v: CcView, rs: RateSample): boolean {
  const { cycle, model } = s;
  if (cycle.ackPhase === ACKS.PROBE_STARTING && model.isRoundStart) {
    cycle.setAckPhase(ACKS.PROBE_FEEDBACK);
  }
  if (cycle.ackPhase === ACKS.PROBE_STOPPING && model.isRoundStart) {
    cycle.probeOver();
    if (s.isInProbeBw && !rs.isAppLimited) model.advanceMaxBw();
    if (s.isInProbeBw && cycle.wasPrecautionary && !cycle.wasTooHigh) {
      startRefill(s, v); // §5.3.3.6: it was safe, so now for as long as it takes
      return true;
    }
  }
  if (model.inflightLongterm === Infinity) return false;
  if (isTooHigh(rs.lost, rs.txInFlight, rs.hasSack)) return false;
  if (rs.txInFlight > model.inflightLongterm) model.setLongterm(rs.txInFlight);
  if (s.mode === MODE.UP) probeUpward(s, v, rs);
  return false;
}

/** ProbeInflightLongtermUpward */
function probeUpward(s: Bbr3State, v: CcView, rs: RateSample): void {
  const { cycle, model } = s;
  if (!isLongtermLimit(s, v)) return;
  const steps = cycle.stepsFor(rs.ackedSacked);
  if (steps > 0) model.setLongterm(model.inflightLongterm + steps);
  if (model.isRoundStart) cycle.steepen(v);
}
