/**
 * The congestion state of one connection (RFC 5681, RFC 9937, Linux's Open/Disorder/CWR/Recovery/Loss):
 * the only writer of cwnd besides the module. `recovery.ts` decides when to call what.
 */
import { CA_EVENT, CA_STATE, type CaState } from '../cc/ca-state.ts';
import type { CcView } from '../cc/cc-view.ts';
import type { CcModule, CongestionControl } from '../cc/congestion-control.ts';
import { swapModule } from '../cc/registry.ts';

/** cwnd of a sender whose timer fired (RFC 5681 §3.1's loss window, less what is in flight). */
const LOSS_WINDOW = 1;

export class Congestion {
  readonly view: CcView;
  cc: CongestionControl;
  /** Proportional rate reduction (RFC 9937): delivered and sent since the reduction began. */
  private prrDelivered = 0;
  private prrOut = 0;
  private priorCwnd = 0;

  constructor(view: CcView, module: CcModule) {
    this.view = view;
    this.cc = module.create();
  }

  start(initialWindow: number): void {
    this.view.setCwnd(initialWindow);
    this.cc.init(this.view);
  }

  change(module: CcModule): void {
    this.cc = swapModule(this.view, this.cc, module);
  }

  // ---- what the module sees ----

  observe(nowNs: number, mss: number): void {
    this.view.nowNs = nowNs;
    this.view.mss = mss;
  }

  observePath(srttNs: number, minRttNs: number, isAppLimited: boolean): void {
    const v = this.view;
    v.srttNs = srttNs;
    v.minRttNs = minRttNs;
    v.isAppLimited = isAppLimited;
  }

  observeFlight(inFlight: number): void {
    this.view.inFlight = inFlight;
  }

  /** The most in flight since the last ACK, and whether cwnd held more back. */
  observeSending(packetsOut: number): void {
    this.view.maxInFlight = Math.max(this.view.maxInFlight, packetsOut);
  }

  setCwndLimited(isLimited: boolean): void {
    this.view.isCwndLimited = isLimited;
  }

  /** The pacer lets the next frame go then. */
  setNextDeparture(ns: number): void {
    this.view.nextDepartureNs = ns;
  }

  delivered(pieces: number): void {
    this.view.delivered += pieces;
  }

  lost(pieces: number): void {
    this.view.lost += pieces;
  }

  // ---- its state ----

  get state(): CaState {
    return this.view.caState;
  }

  setState(state: CaState): void {
    if (this.view.caState === state) return;
    this.cc.setState(this.view, state);
    this.view.caState = state;
  }

  /** RFC 5681 §3.1, RFC 3465: growth, when the window is what holds the sender back. */
  grow(acked: number): void {
    if (acked > 0) this.cc.congAvoid(this.view, acked);
  }

  /** Entering Recovery or CWR: ssthresh falls now, cwnd by PRR as deliveries come. */
  beginReduction(): void {
    const v = this.view;
    this.remember();
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.priorCwnd = v.cwnd;
    v.setCwndCnt(0);
    v.setSsthresh(this.cc.ssthresh(v));
  }

  /** RFC 9937 §6: cwnd for this ACK. */
  reduce(delivered: number, lost: number, inFlight: number, isUnaAdvanced: boolean): void {
    const v = this.view;
    if (delivered <= 0 || this.priorCwnd === 0) return;
    this.prrDelivered += delivered;
    const room = v.ssthresh - inFlight;
    let send: number;
    if (room < 0) {
      const share = Math.floor(
        (v.ssthresh * this.prrDelivered + this.priorCwnd - 1) / this.priorCwnd,
      );
      send = share - this.prrOut;
    } else {
      send = Math.max(this.prrDelivered - this.prrOut, delivered);
      if (isUnaAdvanced && lost === 0) send++; // slow start back to ssthresh while nothing more is lost
      send = Math.min(room, send);
    }
    // The fast retransmission itself always leaves.
    send = Math.max(send, this.prrOut === 0 ? 1 : 0);
    v.setCwnd(inFlight + send);
  }

  /** A retransmission or new data left during a reduction. */
  sentDuringReduction(pieces: number): void {
    this.prrOut += pieces;
  }

  endReduction(): void {
    const v = this.view;
    if (v.ssthresh < 0x7fffffff && (v.caState === CA_STATE.CWR || this.priorCwnd > 0)) {
      v.setCwnd(v.ssthresh);
    }
    this.priorCwnd = 0;
    this.cc.cwndEvent(v, CA_EVENT.COMPLETE_CWR);
  }

  /** The retransmission timer fired: RFC 5681 §3.1 equation 4. */
  enterLoss(isNew: boolean, inFlight: number): void {
    const v = this.view;
    if (isNew) {
      this.remember();
      v.setSsthresh(this.cc.ssthresh(v));
      this.cc.cwndEvent(v, CA_EVENT.LOSS);
    }
    v.setCwnd(inFlight + LOSS_WINDOW);
    v.setCwndCnt(0);
    this.priorCwnd = 0;
  }

  /** The reduction was for nothing (RFC 3522, 4015, D-SACK): back to where we were. */
  undo(): void {
    const v = this.view;
    v.setCwnd(this.cc.undoCwnd(v));
    if (v.priorSsthresh > v.ssthresh) v.setSsthresh(v.priorSsthresh);
    this.priorCwnd = 0;
    this.forgetPrior();
  }

  forgetPrior(): void {
    this.view.priorCwnd = 0;
    this.view.priorSsthresh = 0;
  }

  /** RFC 2861, RFC 7661's problem: after idleness the old window says nothing (Linux: halve per RTO). */
  restartAfterIdle(idleNs: number, rtoNs: number, restartWindow: number): void {
    const v = this.view;
    this.cc.cwndEvent(v, CA_EVENT.CWND_RESTART);
    v.setSsthresh(Math.max(v.ssthresh, (v.cwnd >> 1) + (v.cwnd >> 2)));
    let cwnd = v.cwnd;
    const least = Math.min(restartWindow, cwnd);
    for (let left = idleNs - rtoNs; left > 0 && cwnd > least; left -= rtoNs) cwnd >>= 1;
    v.setCwnd(Math.max(cwnd, least));
  }

  private remember(): void {
    const v = this.view;
    if (v.priorCwnd !== 0) return;
    v.priorCwnd = v.cwnd;
    v.priorSsthresh = currentSsthresh(v);
  }
}

/** While a reduction is under way ssthresh is the reduced one; before, what cwnd has grown to counts too. */
function currentSsthresh(v: CcView): number {
  if (v.caState === CA_STATE.CWR || v.caState === CA_STATE.RECOVERY) return v.ssthresh;
  return Math.max(v.ssthresh, (v.cwnd >> 1) + (v.cwnd >> 2));
}
