/**
 * The congestion state of one connection (RFC 5681, RFC 9937, Linux's Open/Disorder/CWR/Recovery/Loss):
 * the only writer of cwnd besides the module, and the only one who calls it. `recovery.ts` decides when.
 * The order of the hooks on an ACK is in `cc/congestion-control.ts`; `ack.ts` keeps it.
 */
import type { Clock } from '../base/env.ts';
import { SEC } from '../base/time.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from '../cc/ca-state.ts';
import type { CcView, EcnEcho } from '../cc/cc-view.ts';
import { CC_FLAG, type CcModule, type CongestionControl, HOOK } from '../cc/congestion-control.ts';
import { swapModule } from '../cc/registry.ts';
import type { AckSample, LossSample, RateSample } from '../cc/samples.ts';
import { type Seq, seqBits, seqDiff, seqOf } from '../wire/seq.ts';
import type { Rtt } from './rtt.ts';
import type { ReceiveSpace, SendSpace } from './space.ts';
import type { WindowUse } from './window-use.ts';
import type { WindowedMin } from './windowed-min.ts';

/** cwnd of a sender whose timer fired (RFC 5681 §3.1's loss window, less what is in flight). */
const LOSS_WINDOW = 1;
const CE_EVENTS = CC_FLAG.NEEDS_ECN | CC_FLAG.WANTS_CE_EVENTS;

export class Congestion {
  readonly view: CcView;
  cc: CongestionControl;
  module: CcModule;
  /** Proportional rate reduction (RFC 9937): delivered and sent since the reduction began. */
  private prrDelivered = 0;
  private prrOut = 0;
  private priorCwnd = 0;

  constructor(view: CcView, module: CcModule) {
    this.view = view;
    this.module = module;
    this.cc = module.create();
  }

  /** The handshake was lost more than once: what follows may be as well. */
  beginSmall(): void {
    this.view.setCwnd(1);
  }

  firstWindow(pieces: number): void {
    this.view.setCwnd(pieces);
  }

  /** Once the handshake's round trip is known, where it was measured. */
  begin(hasEcn: boolean): void {
    if (!hasEcn) this.view.forbidEcn();
    this.cc.init(this.view);
  }

  /** A live connection changes: windows stay, and the state it is in goes on. */
  change(module: CcModule): void {
    this.cc = swapModule(this.view, this.cc, module);
    this.module = module;
  }

  release(): void {
    this.cc.release(this.view);
  }

  // ---- what the module sees ----

  observe(nowNs: number, mss: number): void {
    this.view.nowNs = nowNs;
    this.view.mss = mss;
  }

  observePath(rtt: Rtt, minRtt: WindowedMin, isAppLimited: boolean): void {
    const v = this.view;
    v.srttNs = rtt.srttNs;
    v.minRttNs = minRtt.value;
    v.isAppLimited = isAppLimited;
  }

  /** The view counts bytes since the stream's start: they never wrap. */
  observeStream(snd: SendSpace, rcv: ReceiveSpace): void {
    const v = this.view;
    v.sndUna += seqDiff(snd.una, placeOf(snd.iss, v.sndUna));
    v.sndNxt = v.sndUna + seqDiff(snd.nxt, snd.una);
    v.rcvNxt += seqDiff(rcv.nxt, placeOf(rcv.irs, v.rcvNxt));
  }

  observeFlight(inFlight: number): void {
    this.view.inFlight = inFlight;
  }

  /** The most that was in flight in this window's worth of data, and whether cwnd held more back. */
  observeUse(use: WindowUse): void {
    const v = this.view;
    v.maxInFlight = use.maxPacketsOut;
    v.isCwndLimited = use.isLimited(v.cwnd, v.isInSlowStart());
  }

  /** `pieces`, and `percent` of them, in a round trip. Precondition: one was measured. */
  setRate(pieces: number, percent: number): void {
    const v = this.view;
    v.setPacingRate((pieces * v.mss * percent * (SEC / 100)) / v.srttNs);
  }

  /**
   * SO_MAX_PACING_RATE. Whoever names a limit wants it kept: departures are spaced from then on. 0 is no limit, as on
   * Linux, whose pacer lets go what has no rate.
   */
  limitRate(bytesPerSecond: number): void {
    const v = this.view;
    v.setLimits(v.cwndClamp, bytesPerSecond === 0 ? Infinity : bytesPerSecond);
    if (bytesPerSecond !== Infinity) v.requirePacing();
    if (v.pacingRate > v.maxPacingRate) v.setPacingRate(v.maxPacingRate);
  }

  /** The way out asks for it. */
  requirePacing(): void {
    this.view.requirePacing();
  }

  /** The pacer lets the next frame go then. */
  setNextDeparture(ns: number): void {
    this.view.nextDepartureNs = ns;
  }

  /** Text leaves. */
  sent(clock: Clock): void {
    this.view.lastSentNs = clock.nowNs;
  }

  delivered(pieces: number): void {
    this.view.delivered += pieces;
  }

  /** Of those delivered: marked by a router, as far as the peer's echo tells. */
  deliveredCe(pieces: number): void {
    this.view.deliveredCe += pieces;
  }

  lost(pieces: number): void {
    this.view.lost += pieces;
  }

  // ---- hooks that need nothing but to be called; one that a module does not have is not ----

  has(hook: number): boolean {
    return (this.cc.hooks & hook) !== 0;
  }

  event(event: CaEvent): void {
    if ((this.cc.hooks & HOOK.CWND_EVENT) !== 0) this.cc.cwndEvent(this.view, event);
  }

  /** Something leaves, and nothing was in flight. */
  flightBegins(isAppLimited: boolean): void {
    this.view.isAppLimited = isAppLimited;
    this.event(CA_EVENT.TX_START);
  }

  /** A data segment came; `isCe`: a router has marked it (RFC 3168 §5). */
  dataArrived(isCe: boolean): void {
    if ((this.module.flags & CE_EVENTS) === 0) return;
    this.event(isCe ? CA_EVENT.ECN_IS_CE : CA_EVENT.ECN_NO_CE);
  }

  /** Which echo our ACKs carry. */
  get echo(): EcnEcho {
    return this.view.ecnEcho;
  }

  setEcho(echo: EcnEcho): void {
    this.view.setEcnEcho(echo);
  }

  /** A module that reads the marks wants every segment to carry one (RFC 8257 §3.5). */
  get needsEcn(): boolean {
    return (this.module.flags & CC_FLAG.NEEDS_ECN) !== 0;
  }

  packetsAcked(sample: AckSample): void {
    this.cc.pktsAcked(this.view, sample);
  }

  /** Bits of CA_ACK. */
  ackEvent(looks: number): void {
    if ((this.cc.hooks & HOOK.IN_ACK_EVENT) !== 0) this.cc.inAckEvent(this.view, looks);
  }

  recordLost(sample: LossSample): void {
    this.cc.markedLost(this.view, sample);
  }

  /** The module sets the window and the rate itself, in every state. */
  control(sample: RateSample, looks: number): void {
    this.cc.congControl(this.view, sample, looks);
  }

  /** What is in flight says nothing about the path's rate, by the module's will. */
  get isLittleSent(): boolean {
    return this.has(HOOK.SENDS_LITTLE) && this.cc.sendsLittle(this.view);
  }

  // ---- its state ----

  get state(): CaState {
    return this.view.caState;
  }

  /** cwnd is on its way down to ssthresh (RFC 9937). */
  get isReducing(): boolean {
    return this.view.caState === CA_STATE.CWR || this.view.caState === CA_STATE.RECOVERY;
  }

  setState(state: CaState): void {
    if (this.view.caState === state) return;
    if ((this.cc.hooks & HOOK.SET_STATE) !== 0) this.cc.setState(this.view, state);
    this.view.caState = state;
  }

  /** RFC 5681 §3.1, RFC 3465: growth, when the window is what holds the sender back. */
  grow(acked: number): void {
    if (acked > 0) this.cc.congAvoid(this.view, acked);
  }

  /**
   * Entering Recovery or CWR: ssthresh falls now, cwnd by PRR as deliveries come. `mayUndo`: it may be taken back;
   * `isGentle`: by RFC 8511's step, which is not for slow start.
   */
  beginReduction(mayUndo: boolean, isGentle: boolean): void {
    const v = this.view;
    this.remember();
    if (!mayUndo) this.forgetPrior();
    this.prrDelivered = 0;
    this.prrOut = 0;
    this.priorCwnd = v.cwnd;
    v.setCwndCnt(0);
    v.isGentle = isGentle && !v.isInSlowStart();
    v.setSsthresh(this.cc.ssthresh(v));
    v.isGentle = false;
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

  /** Down to ssthresh, unless what is ending was taken back meanwhile. A module that controls the window is left alone. */
  endReduction(isStanding: boolean): void {
    const v = this.view;
    if (this.has(HOOK.CONG_CONTROL)) return;
    if (v.ssthresh < 0x7fffffff && isStanding) v.setCwnd(v.ssthresh);
    this.event(CA_EVENT.COMPLETE_CWR);
  }

  /** The retransmission timer fired: RFC 5681 §3.1 equation 4. */
  enterLoss(isNew: boolean, inFlight: number): void {
    const v = this.view;
    if (isNew) {
      this.remember();
      v.setSsthresh(this.cc.ssthresh(v));
      this.event(CA_EVENT.LOSS);
    }
    v.setCwnd(inFlight + LOSS_WINDOW);
    v.setCwndCnt(0);
  }

  /** Segments are resent because the path takes smaller ones: ssthresh stays, whatever the state says. */
  keepSsthresh(): void {
    const v = this.view;
    v.setSsthresh(currentSsthresh(v));
    this.forgetPrior();
  }

  // ---- probes of the path's MTU (RFC 4821) ----

  /** One segment left that stands for two of the usual size. */
  probeSent(): void {
    this.view.setCwnd(this.view.cwnd - 1);
  }

  /** It is lost, and was not a sign of congestion. */
  probeFailed(): void {
    this.view.setCwnd(this.view.cwnd + 1);
  }

  /** Packets are of `is` bytes from now on, not of `was`: the window stays as many bytes. */
  segmentsGrew(was: number, is: number): void {
    const v = this.view;
    v.priorSsthresh = currentSsthresh(v);
    v.setCwnd(Math.max(1, Math.floor((v.cwnd * was) / is)));
    v.setCwndCnt(0);
    v.setSsthresh(currentSsthresh(v));
  }

  /** The reduction was for nothing (RFC 3522, 4015, D-SACK): back to where we were. */
  undo(): void {
    const v = this.view;
    if (v.priorSsthresh === 0) return;
    v.setCwnd(this.cc.undoCwnd(v));
    if (v.priorSsthresh > v.ssthresh) v.setSsthresh(v.priorSsthresh);
  }

  /** This reduction stands: there is nothing to go back to. */
  forgetPrior(): void {
    this.view.priorSsthresh = 0;
  }

  /** RFC 2861, RFC 7661's problem: after idleness the old window says nothing (Linux: halve per RTO). */
  restartAfterIdle(idleNs: number, rtoNs: number, restartWindow: number): void {
    const v = this.view;
    this.event(CA_EVENT.CWND_RESTART);
    v.setSsthresh(currentSsthresh(v));
    let cwnd = v.cwnd;
    const least = Math.min(restartWindow, cwnd);
    for (let left = idleNs - rtoNs; left > 0 && cwnd > least; left -= rtoNs) cwnd >>= 1;
    v.setCwnd(Math.max(cwnd, least));
  }

  /** RFC 2861: half-way down to what the application has used of it. */
  applicationLimited(used: number): void {
    const v = this.view;
    if (used >= v.cwnd) return;
    v.setSsthresh(currentSsthresh(v));
    v.setCwnd((v.cwnd + used) >> 1);
  }

  private remember(): void {
    const v = this.view;
    v.priorCwnd = v.cwnd;
    v.priorSsthresh = currentSsthresh(v);
  }
}

/** While a reduction is under way ssthresh is the reduced one; before, what cwnd has grown to counts too. */
function currentSsthresh(v: CcView): number {
  if (v.caState === CA_STATE.CWR || v.caState === CA_STATE.RECOVERY) return v.ssthresh;
  return Math.max(v.ssthresh, (v.cwnd >> 1) + (v.cwnd >> 2));
}

/** The sequence number of a byte, which the SYN goes before. */
function placeOf(isn: Seq, bytes: number): Seq {
  return seqOf((seqBits(isn) + 1 + bytes) | 0);
}
