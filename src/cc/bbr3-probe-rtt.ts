/** ProbeRTT: half a window for 200 ms, so that the queues of all drain at once (draft-ietf-ccwg-bbr-06 §5.3.4). */
import { MS, NEVER } from '../base/time.ts';
import { ACKS } from './bbr3-cycle.ts';
import { startCruise, startDown } from './bbr3-probe-bw.ts';
import { type Bbr3State, MIN_PIPE_CWND, MODE } from './bbr3-state.ts';
import type { CcView } from './cc-view.ts';

/** §2.16.2 BBR.ProbeRTTDuration: long enough for flows with other round-trip times to be in it together. */
const DURATION_NS = 200 * MS;
/** §2.16.2 BBR.ProbeRTTCwndGain: one that is half of the window for 200 ms of 5 s costs 2 %. */
const CWND_GAIN = 0.5;

export class Bbr3ProbeRtt {
  /** BBR.probe_rtt_done_stamp; NEVER while too much is in flight. */
  private doneNs = NEVER;
  private isRoundDone = false;
  /** Of this ACK: what is in flight is small on purpose (MarkConnectionAppLimited). */
  isLimiting = false;

  /** CheckProbeRTT */
  check(s: Bbr3State, v: CcView): void {
    this.isLimiting = false;
    if (s.mode !== MODE.PROBE_RTT && s.minRtt.isProbeDue && !s.isIdleRestart) this.begin(s, v);
    if (s.mode === MODE.PROBE_RTT) this.go(s, v);
    if (s.model.sampleDelivered > 0) s.idleRestartOver();
  }

  private begin(s: Bbr3State, v: CcView): void {
    s.enter(MODE.PROBE_RTT);
    s.saveCwnd(v);
    this.doneNs = NEVER;
    s.cycle.setAckPhase(ACKS.PROBE_STOPPING);
    s.model.startRound(v);
  }

  /** HandleProbeRTT: the time counts from when the flight has come down, and a round trip has to pass. */
  private go(s: Bbr3State, v: CcView): void {
    this.isLimiting = true;
    if (this.doneNs === NEVER) {
      s.updateBdp(v);
      if (v.inFlight > probeRttCwnd(s)) return;
      this.doneNs = v.nowNs + DURATION_NS;
      this.isRoundDone = false;
      s.model.startRound(v);
      return;
    }
    if (s.model.isRoundStart) this.isRoundDone = true;
    if (this.isRoundDone) this.endIfDone(s, v);
  }

  /** CheckProbeRTTDone: also when a flow that fell silent in it begins again. */
  endIfDone(s: Bbr3State, v: CcView): void {
    if (this.doneNs === NEVER || v.nowNs <= this.doneNs) return;
    s.minRtt.probed(v);
    s.restoreCwnd(v);
    // ExitProbeRTT. The queue is empty: there is nothing to go DOWN from, but the cycle begins anew.
    s.model.resetShortTerm();
    if (!s.pipe.isReached) s.enter(MODE.STARTUP);
    else {
      startDown(s, v);
      startCruise(s);
    }
  }
}

/** ProbeRTTCwnd; `s.bdp` is up to date. */
export function probeRttCwnd(s: Bbr3State): number {
  return Math.max(CWND_GAIN * s.bdp, MIN_PIPE_CWND);
}
