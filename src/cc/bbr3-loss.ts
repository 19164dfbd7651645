/**
 * What BBRv3 learns from losses (draft-ietf-ccwg-bbr-06 §5.5.10): one that is found while probing may say that too much
 * was in flight; and a round trip with any says that the path delivers less now.
 *
 * A CE mark counts as a loss does (§3.7): at most one a round trip, as RFC 3168's echo has it.
 */
import { BETA, isTooHigh, LOSS_THRESH } from './bbr3-model.ts';
import { startDown, startRefill } from './bbr3-probe-bw.ts';
import { type Bbr3State, isInLossRecovery, MODE } from './bbr3-state.ts';
import { CA_STATE } from './ca-state.ts';
import type { CcView } from './cc-view.ts';
import type { LossSample, RateSample } from './samples.ts';

/** §5.3.1.3 BBRStartupFullLossCnt */
const STARTUP_LOSS_RANGES = 6;

/** NoteLoss */
export function noteLoss(s: Bbr3State, v: CcView): void {
  s.model.noteLoss(v);
  if (!isInLossRecovery(v)) s.saveForUndo(v);
}

/** OnEnterFastRecovery, OnEnterRTO */
export function recoveryBegins(s: Bbr3State, v: CcView): void {
  s.saveForUndo(v);
}

/** HandleLostPacket */
export function recordLost(s: Bbr3State, v: CcView, loss: LossSample): void {
  noteLoss(s, v);
  s.model.countRange(loss);
  if (!s.cycle.isProbeSample) return;
  const lost = v.lost - loss.priorLost;
  if (!isTooHigh(lost, loss.txInFlight, loss.hasSack)) return;
  inflightTooHigh(s, v, inflightAtLoss(loss, lost), loss.isAppLimited);
}

/**
 * InflightAtLoss: the record may be a burst of many pieces; how far into it did losses pass the threshold?
 * (lost before + x) / (in flight before + x) = threshold, solved for x.
 */
function inflightAtLoss(loss: LossSample, lost: number): number {
  const before = Math.max(0, loss.txInFlight - loss.pieces);
  const lostBefore = Math.max(0, lost - loss.pieces);
  return before + Math.floor(Math.max(0, LOSS_THRESH * before - lostBefore) / (1 - LOSS_THRESH));
}

/** HandleInflightTooHigh: once a probe. What the application limited tells nothing of how much fits. */
function inflightTooHigh(s: Bbr3State, v: CcView, txInFlight: number, isAppLimited: boolean): void {
  s.cycle.tooHigh();
  if (!isAppLimited) {
    s.updateBdp(v);
    s.model.setLongterm(Math.max(txInFlight, Math.min(s.bdp, v.cwnd) * BETA));
  }
  if (s.mode !== MODE.UP) return;
  s.mayReturnTo(MODE.UP);
  startDown(s, v);
}

/** A CE mark was echoed, the first in a round trip (§3.7): what a loss would say where one is too much. */
export function marked(s: Bbr3State, v: CcView, rs: RateSample): void {
  if (s.mode === MODE.STARTUP) exitStartup(s, v);
  else if (s.cycle.isProbeSample) inflightTooHigh(s, v, rs.txInFlight, rs.isAppLimited);
}

/** AdaptLowerBoundsFromCongestion: once a round trip, unless we provoke losses to learn. */
export function adaptLowerBounds(s: Bbr3State, v: CcView): void {
  if (!s.model.isLossRoundStart) return;
  if (s.model.isLossInRound && !s.isAccelerating) s.model.lowerBounds(v);
  s.model.forgetLoss();
}

/** CheckStartupHighLoss (§5.3.1.3): a full round trip of recovery, more than 2 %, in several places; or, without SACK, any. */
export function checkStartupLoss(s: Bbr3State, v: CcView, rs: RateSample): void {
  const { model, pipe } = s;
  const isOver = model.isLossRoundStart;
  if (!pipe.isReached && v.caState === CA_STATE.RECOVERY) {
    const isHigh = rs.hasSack
      ? isOver && model.lossRanges >= STARTUP_LOSS_RANGES && isTooHigh(rs.lost, rs.txInFlight, true)
      : rs.losses > 0;
    if (isHigh) exitStartup(s, v);
  }
  if (isOver) model.forgetRanges();
}

function exitStartup(s: Bbr3State, v: CcView): void {
  s.mayReturnTo(MODE.STARTUP);
  s.pipe.fill();
  s.updateBdp(v);
  s.model.setLongterm(Math.max(s.bdp, s.model.inflightLatest));
}

/** HandleSpuriousLossDetection: back to what was given up, by way of a new probe. */
export function takeBack(s: Bbr3State, v: CcView): void {
  const mode = s.takeBack(v);
  if (mode === MODE.STARTUP && s.mode !== MODE.STARTUP) {
    s.pipe.unfill();
    s.model.rememberAggregation(false);
    if (s.mode !== MODE.PROBE_RTT) s.enter(MODE.STARTUP);
  } else if (mode === MODE.UP && s.mode !== MODE.UP && s.mode !== MODE.PROBE_RTT) {
    startRefill(s, v);
  }
}
