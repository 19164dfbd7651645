/**
 * Loss recovery: when to believe that something is lost, what to do about it, and when to take it back.
 *
 *     Open ──dup ACK/SACK──▶ Disorder ──something is lost──▶ Recovery ──SND.UNA ≥ highSeq──▶ Open
 *       ▲                                                       │
 *       └───────────── undo: it was reordering ◀────────────────┘           RTO from any ──▶ Loss
 *
 * RFC 6675's scoreboard is on the transmit records, RFC 8985 finds losses, RFC 9937 sets the pace,
 * RFC 5682 and Eifel (RFC 3522, 4015) and D-SACK (RFC 3708) find out that we were wrong. Without SACK:
 * RFC 6582, with duplicate ACKs standing for segments that have arrived. States, their changes and the
 * conditions of an undo are those of Linux 6.x.
 */
import { MS } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import type { LossSample, RateSample } from '../cc/samples.ts';
import { type Seq, seqDiff, seqGe, seqGt, seqLt, seqOf } from '../wire/seq.ts';
import type { AckOutcome } from './ack-outcome.ts';
import type { TcpConnection } from './connection.ts';
import { countDuplicates, limitToWhatIsLeft } from './duplicate-acks.ts';
import { takesProbeForLost } from './mtu-search.ts';
import type { LossListener } from './rack.ts';
import { describeLoss } from './rate-sampler.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';
import type { Undo } from './undo.ts';
import { armReorder, armRtoIn } from './xmit-timer.ts';

/** What the next output may send first. */
export const REXMIT = {
  /** New text only: what was resent already will tell. */
  NONE: 0,
  LOST: 1,
  /** RFC 5682 step 2.b: new text, and lost segments only if there is none. */
  NEW: 2,
} as const;

/** Where in the stream it is: a module tells gaps from long gaps by it. */
function placeLoss(
  s: LossSample,
  { rtx, snd, congestion, agreed }: TcpConnection,
  r: number,
): void {
  s.hasSack = agreed.hasSack;
  s.startSeq = congestion.view.sndUna + seqDiff(rtx.seqOfRecord(r), snd.una);
  s.endSeq = congestion.view.sndUna + seqDiff(rtx.endOfRecord(r), snd.una);
}

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { OPEN } = CA_STATE;

export class Recovery implements LossListener {
  /** SND.NXT when the present state was entered: reaching it ends the state. */
  highSeq: Seq = seqOf(0);
  rexmit: number = REXMIT.LOST;
  isFrto = false;
  /** The peer threw SACKed data away: rate samples mean nothing until this loss is over. */
  isReneged = false;
  /** Segments that may be overtaken before one counts as lost, and how often one was. */
  reordering = 0;
  reorderingSeen = 0;
  /** Timeouts in a row without progress. */
  retransmits = 0;
  private readonly c: TcpConnection;

  constructor(c: TcpConnection, reordering: number) {
    this.c = c;
    this.reordering = reordering;
    this.highSeq = c.snd.una;
  }

  get undo(): Undo {
    return this.c.undo;
  }

  /** RACK, or the timer, has found a record lost. */
  recordLost(r: number): void {
    const { rtx, congestion, tcp } = this.c;
    const pieces = rtx.pieces(r);
    if (rtx.has(r, REC_STATE.LOST)) {
      if (!rtx.has(r, REC_STATE.RETRANS)) return;
      tcp.mib.add(tcp.ids.TCPLostRetransmit, pieces);
    }
    rtx.markLost(r);
    congestion.lost(pieces);
    tcp.ackOutcome.lose(pieces);
    if (!congestion.has(HOOK.MARKED_LOST)) return;
    describeLoss(tcp.lossSample, tcp.records, r);
    placeLoss(tcp.lossSample, this.c, r);
    congestion.recordLost(tcp.lossSample);
  }

  // ---- an ACK has been worked through ----

  /** `wasFlight`: something was outstanding before it. */
  afterAck(a: AckOutcome, priorUna: Seq, wasFlight: boolean): void {
    if (a.isUnaAdvanced) this.retransmits = 0;
    if (!wasFlight && !a.hasDsack) return;
    if (a.isDubious || this.c.congestion.state !== OPEN) this.judge(a, priorUna);
  }

  private judge(a: AckOutcome, priorUna: Seq): void {
    const { rtx, congestion, snd } = this.c;
    if (a.isEce) congestion.forgetPrior(); // a mark was seen: no reduction is taken back
    this.rexmit = REXMIT.NONE;
    if (rtx.isEmpty) rtx.setRenoSacked(0);
    if (a.isReneging && a.isUnaAdvanced) {
      // RFC 2018 §8: perhaps the ACKs were only reordered; soon the timer decides.
      armRtoIn(this.c, Math.max(this.c.rtt.srttNs / 2, 10 * MS));
      a.keepTimer();
      return;
    }
    if (congestion.state === CA_STATE.OPEN) this.undo.clearStamp();
    else if (seqGe(snd.una, this.highSeq) && this.isHeldAtEnd()) return;
    if (congestion.state === CA_STATE.RECOVERY) this.inRecovery(a, priorUna);
    else if (congestion.state === CA_STATE.LOSS) this.inLoss(a);
    else this.inOthers(a);
  }

  /** highSeq is acknowledged: CWR and Recovery end. True: not yet, without SACK (RFC 6582 §3.2 step 1). */
  private isHeldAtEnd(): boolean {
    const { congestion, snd, rtx, agreed } = this.c;
    if (congestion.state === CA_STATE.CWR && seqGt(snd.una, this.highSeq)) {
      congestion.endReduction(true);
      congestion.setState(CA_STATE.OPEN);
    } else if (congestion.state === CA_STATE.RECOVERY) {
      if (!agreed.hasSack) rtx.setRenoSacked(0);
      if (!this.tryUndoRecovery()) return true;
      congestion.endReduction(this.undo.hasMarker);
    }
    return false;
  }

  private inRecovery(a: AckOutcome, priorUna: Seq): void {
    const { rtx, congestion } = this.c;
    if (!a.isUnaAdvanced) countDuplicates(this.c, a.duplicates);
    else if (this.tryUndoPartial(priorUna)) return;
    if (this.tryUndoByDsack()) this.tryToOpen(a.isEce);
    this.identify(a);
    if (congestion.state !== CA_STATE.RECOVERY) {
      if (rtx.lostOut === 0) return;
      this.enterRecovery(a.isEce); // reordering, and then a loss
    }
    this.rexmit = REXMIT.LOST;
  }

  private inLoss(a: AckOutcome): void {
    this.afterTimeout(a);
    this.identify(a);
    if (this.c.congestion.state === CA_STATE.OPEN || a.hasLostRetrans) this.inOthers(a);
  }

  private inOthers(a: AckOutcome): void {
    const { c } = this;
    if (!c.agreed.hasSack) {
      if (a.isUnaAdvanced) c.rtx.setRenoSacked(0);
      countDuplicates(this.c, a.duplicates);
    }
    if (c.congestion.state <= CA_STATE.DISORDER) this.tryUndoByDsack();
    this.identify(a);
    if (c.rtx.lostOut === 0) {
      this.tryToOpen(a.isEce);
      return;
    }
    if (c.pathMtu !== null && takesProbeForLost(c, c.pathMtu)) return;
    this.enterRecovery(a.isEce);
    this.rexmit = REXMIT.LOST;
  }

  /** RFC 5682, with SACK or without: were the segments lost, or only late? */
  private afterTimeout(a: AckOutcome): void {
    const { c } = this;
    const { snd, rtx } = c;
    const hasRecovered = seqGe(snd.una, this.highSeq);
    if (a.isUnaAdvanced && this.tryUndoLoss(false)) return;
    if (this.isFrto) {
      // Step 3.b: what was never resent is (S)ACKed.
      if (a.hasAckedOriginal && this.tryUndoLoss(true)) return;
      if (seqGt(snd.nxt, this.highSeq)) {
        if (a.hasNewSack || a.duplicates > 0) this.isFrto = false; // step 3.a: the loss was real
      } else if (a.isUnaAdvanced && !hasRecovered) {
        this.highSeq = snd.nxt;
        if (c.unsentBytes() > 0 && snd.usable() > 0) {
          this.rexmit = REXMIT.NEW; // step 2.b
          return;
        }
        this.isFrto = false;
      }
    }
    if (hasRecovered) {
      this.tryUndoRecovery();
      return;
    }
    if (!c.agreed.hasSack) {
      if (seqGt(snd.nxt, this.highSeq) && a.duplicates > 0) countDuplicates(this.c, a.duplicates);
      else if (a.isUnaAdvanced) rtx.setRenoSacked(0);
    }
    this.rexmit = REXMIT.LOST;
  }

  /** F-RTO's new text found no window, or there was none: the conventional way. */
  frtoIsOver(): void {
    this.isFrto = false;
    this.rexmit = REXMIT.LOST;
  }

  /** RFC 6582 §3.2 steps 2 and 5: three duplicates, or a partial acknowledgement: the first is lost. */
  private markFirstLost(isUnaAdvanced: boolean): void {
    const { rtx, congestion } = this.c;
    const isFast = congestion.state < CA_STATE.RECOVERY && rtx.sackedOut >= this.reordering;
    const isPartial = congestion.state === CA_STATE.RECOVERY && isUnaAdvanced;
    if (!isFast && !isPartial) return;
    if (rtx.has(rtx.first, REC_STATE.LOST)) return;
    rtx.cutFirstSegment(rtx.first, congestion.view.mss);
    this.recordLost(rtx.first);
  }

  // ---- finding losses ----

  private identify(a: AckOutcome): void {
    const { rtx, agreed, rack } = this.c;
    if (rtx.isEmpty) return;
    if (!agreed.hasSack) {
      this.markFirstLost(a.isUnaAdvanced);
      return;
    }
    if (!rack.isAdvanced) return;
    const before = rtx.retransOut;
    this.detect();
    if (rack.waitNs > 0) {
      armReorder(this.c);
      a.keepTimer();
    }
    if (rtx.retransOut < before) a.lostRetransmission();
  }

  /** RACK: anything lost by now? */
  private detect(): void {
    const { rack, rtx, congestion, tcp } = this.c;
    const v = congestion.view;
    const isThresholdPassed = (tcp.config.recovery & 4) === 0 && rtx.sackedOut >= this.reordering;
    const isEvident = v.caState >= CA_STATE.RECOVERY || isThresholdPassed;
    rack.setReorderingWindow(v, this.reorderingSeen > 0, isEvident);
    rack.detect(rtx, tcp.records, v, this);
  }

  /** RACK's timer: what had not arrived by now is lost. */
  reorderingWaitOver(): void {
    const { c } = this;
    const { rtx, congestion, tcp } = c;
    tcp.ackOutcome.begin();
    const before = rtx.inFlight();
    this.detect();
    if (rtx.inFlight() === before) return;
    if (c.pathMtu !== null && takesProbeForLost(c, c.pathMtu)) return;
    if (congestion.state !== CA_STATE.RECOVERY) {
      this.enterRecovery(false);
      if (!congestion.has(HOOK.CONG_CONTROL)) {
        congestion.reduce(1, tcp.ackOutcome.lost, rtx.inFlight(), false);
      }
    }
    this.rexmit = REXMIT.LOST;
  }

  /** The network let segments overtake others by so many; the metric is never more than tcp_max_reordering. */
  noteReordering(distance: number): void {
    this.reordering = Math.min(distance, this.c.tcp.config.maxReordering);
    this.reorderingSeen++;
  }

  /** Segments behind `seq` arrived first: the metric grows to that distance (Linux; RFC 4653's lesson). */
  checkReordering(seq: Seq, forwardAck: Seq, isByTimestamp: boolean): void {
    if (!seqLt(seq, forwardAck)) return;
    const { tcp, congestion } = this.c;
    const distance = Math.ceil(seqDiff(forwardAck, seq) / congestion.view.mss);
    if (distance > this.reordering) {
      this.reordering = Math.min(distance, tcp.config.maxReordering);
    }
    this.reorderingSeen++;
    tcp.mib.count(isByTimestamp ? tcp.ids.TCPTSReorder : tcp.ids.TCPSACKReorder);
  }

  // ---- entering states ----

  private enterRecovery(isEce: boolean): void {
    const { congestion, tcp, agreed, rtx } = this.c;
    if (!rtx.isAnyRetransmitted()) this.undo.clearStamp();
    tcp.mib.count(agreed.hasSack ? tcp.ids.TCPSackRecovery : tcp.ids.TCPRenoRecovery);
    this.beginUndo();
    if (congestion.state !== CA_STATE.CWR && congestion.state !== CA_STATE.RECOVERY) {
      this.beginReduction(!isEce, false);
    } else congestion.forgetPrior();
    congestion.setState(CA_STATE.RECOVERY);
  }

  /** RFC 3168 §6.1.2: the window shrinks without a loss; less so by RFC 8511. */
  enterCwr(): void {
    const { congestion } = this.c;
    congestion.forgetPrior();
    if (congestion.state >= CA_STATE.CWR) return;
    this.undo.forget();
    this.beginReduction(false, this.c.tcp.config.abe !== 0);
    congestion.setState(CA_STATE.CWR);
  }

  /** RFC 8985 §7.4.2: the probe repaired a loss that nothing else told of: one reduction, at once. */
  reduceForProbe(): void {
    const { congestion } = this.c;
    this.beginReduction(false, false);
    congestion.setState(CA_STATE.CWR);
    congestion.endReduction(true);
    this.tryKeepOpen();
  }

  private beginReduction(mayUndo: boolean, isGentle: boolean): void {
    this.highSeq = this.c.snd.nxt;
    this.c.probe.end();
    this.c.congestion.beginReduction(mayUndo, isGentle);
    this.c.ecn?.windowReduced();
  }

  private beginUndo(): void {
    const { rtx, snd, probe } = this.c;
    this.undo.begin(snd.una, rtx.retransOut + (probe.isRetransUnderWay ? 1 : 0));
  }

  /** The retransmission timer fired: all but what was sent lately is taken for lost (RFC 6298 §5.4–5.6). */
  enterLoss(): void {
    const { c } = this;
    const { congestion, rtx, tcp, snd } = c;
    const { state } = congestion;
    this.markTimedOut();
    const isNew =
      state <= CA_STATE.DISORDER ||
      seqGe(snd.una, this.highSeq) ||
      (state === CA_STATE.LOSS && this.retransmits === 0);
    congestion.enterLoss(isNew, rtx.inFlight());
    if (isNew) this.beginUndo();
    // So many had arrived behind it: the network does not reorder as much as we thought.
    if (state <= CA_STATE.DISORDER && rtx.sackedOut >= tcp.config.reordering) {
      this.reordering = Math.min(this.reordering, tcp.config.reordering);
    }
    congestion.setState(CA_STATE.LOSS);
    this.highSeq = snd.nxt;
    c.ecn?.windowReduced();
    c.probe.end();
    // RFC 5682 §2.1 step 1: not when a recovery was under way, except for the timeouts that follow.
    const mayTest = state < CA_STATE.RECOVERY || this.retransmits > 0;
    this.isFrto = tcp.config.frto !== 0 && mayTest;
    this.rexmit = REXMIT.LOST;
  }

  timedOut(): void {
    this.retransmits++;
  }

  /** The SYN-ACK of a Fast Open child is acknowledged: was its repetition needed? */
  handshakeOver(): void {
    const { rtx, congestion } = this.c;
    if (congestion.state === CA_STATE.LOSS && rtx.isEmpty) this.tryUndoRecovery();
    this.retransmits = 0;
    if (!rtx.isAnyRetransmitted()) this.undo.clearStamp();
  }

  private markTimedOut(): void {
    const { rtx, rack, tcp, agreed } = this.c;
    const isReneged = !rtx.isEmpty && rtx.has(rtx.first, REC_STATE.SACKED);
    if (isReneged) {
      tcp.mib.count(tcp.ids.TCPSACKReneging);
      rtx.renege();
      this.isReneged = true;
    } else if (!agreed.hasSack) rtx.setRenoSacked(0);
    const v = this.c.congestion.view;
    for (let r = rtx.first; r !== NO_RECORD; r = rtx.next(r)) {
      rtx.look();
      if (rtx.has(r, REC_STATE.SACKED)) continue;
      const isRecent = r !== rtx.first && rack.isRecent(tcp.records, r, v);
      if (isReneged || !isRecent) this.recordLost(r);
    }
  }

  /** The path takes less than was sent: resent at once, and not the network's congestion (RFC 1191 §6.5). */
  enterResend(): void {
    const { congestion, snd } = this.c;
    this.rexmit = REXMIT.LOST;
    limitToWhatIsLeft(this.c);
    if (congestion.state === CA_STATE.LOSS) return;
    this.highSeq = snd.nxt;
    congestion.keepSsthresh();
    this.undo.forget();
    congestion.setState(CA_STATE.LOSS);
  }

  // ---- leaving them ----

  private tryToOpen(isEce: boolean): void {
    const { rtx, congestion } = this.c;
    if (!rtx.isAnyRetransmitted()) this.undo.clearStamp();
    if (isEce) this.enterCwr();
    if (congestion.state !== CA_STATE.CWR) this.tryKeepOpen();
  }

  private tryKeepOpen(): void {
    const { rtx, congestion, snd } = this.c;
    const isDisorder = rtx.sackedOut + rtx.lostOut > 0 || rtx.isAnyRetransmitted();
    const state = isDisorder ? CA_STATE.DISORDER : CA_STATE.OPEN;
    if (congestion.state === state) return;
    congestion.setState(state);
    this.highSeq = snd.nxt;
  }

  // ---- taking it back ----

  /** A retransmission left: an undo must see that each of them was unneeded. */
  retransmitted(pieces: number): void {
    this.undo.retransmitted(pieces, this.c.tcp.env);
  }

  /** Eifel (RFC 3522 §3.2): the echo is older than the first retransmission, so the original was acknowledged. */
  private isDelayed(): boolean {
    const { c } = this;
    if (this.undo.stampNs !== 0) return this.isEchoBeforeStamp();
    // Nothing was resent yet; but without SACK the stamp is cleared at the end of a recovery.
    return c.agreed.hasSack || seqLt(c.snd.una, this.highSeq);
  }

  private isEchoBeforeStamp(): boolean {
    const { c } = this;
    return c.echoIsBefore(c.tcp.timestamp(this.undo.stampNs, c.tsOffset));
  }

  private mayUndo(): boolean {
    return this.undo.isAllUnneeded || (this.undo.hasMarker && this.isDelayed());
  }

  /** The end of Recovery or Loss. False: without SACK it is held until something above highSeq is acknowledged. */
  private tryUndoRecovery(): boolean {
    const { congestion, tcp, rack } = this.c;
    if (this.mayUndo()) {
      const isLoss = congestion.state === CA_STATE.LOSS;
      this.takeBack(false);
      tcp.mib.count(isLoss ? tcp.ids.TCPLossUndo : tcp.ids.TCPFullUndo);
    } else rack.recoveryEnded();
    if (this.isReopeningHeld()) return false;
    congestion.setState(CA_STATE.OPEN);
    this.isReneged = false;
    return true;
  }

  /** RFC 6582 §3.2 step 1: without SACK, duplicates of what was resent must not start another recovery. */
  private isReopeningHeld(): boolean {
    const { snd, agreed, rtx } = this.c;
    if (agreed.hasSack || snd.una !== this.highSeq) return false;
    if (!rtx.isAnyRetransmitted()) this.undo.clearStamp();
    return true;
  }

  /** True: wait for the retransmissions that are under way, send only new text meanwhile. */
  private tryUndoPartial(priorUna: Seq): boolean {
    const { rtx, tcp, snd } = this.c;
    if (!this.undo.hasMarker || !this.isDelayed()) return false;
    this.checkReordering(priorUna, rtx.forwardAck(snd.una), true);
    if (rtx.retransOut > 0) return true;
    if (!rtx.isAnyRetransmitted()) this.undo.clearStamp();
    this.takeBack(true);
    tcp.mib.count(tcp.ids.TCPPartialUndo);
    this.tryKeepOpen();
    return false;
  }

  private tryUndoByDsack(): boolean {
    const { rack, tcp } = this.c;
    if (!this.undo.isAllUnneeded) return false;
    rack.recoveryTakenBack();
    this.takeBack(false);
    tcp.mib.count(tcp.ids.TCPDSACKUndo);
    return true;
  }

  private tryUndoLoss(isFrto: boolean): boolean {
    const { congestion, tcp, agreed } = this.c;
    if (!isFrto && !this.mayUndo()) return false;
    this.takeBack(true);
    tcp.mib.count(tcp.ids.TCPLossUndo);
    if (isFrto) tcp.mib.count(tcp.ids.TCPSpuriousRTOs);
    this.retransmits = 0;
    if (this.isReopeningHeld()) return true;
    if (isFrto || agreed.hasSack) {
      congestion.setState(CA_STATE.OPEN);
      this.isReneged = false;
    }
    return true;
  }

  /** RFC 4015 §3: the window is restored; and what was marked lost, where it is not to be resent. */
  private takeBack(isClearing: boolean): void {
    const { rtx, congestion, rack } = this.c;
    if (isClearing) rtx.clearLost();
    congestion.undo();
    this.c.ecn?.reductionUndone();
    this.undo.forget();
    rack.reexamine();
  }

  // ---- the window ----

  /** The last of an ACK: the module's own control, or the reduction that is under way, or growth. */
  setWindow(a: AckOutcome, sample: RateSample): void {
    const { congestion, rtx } = this.c;
    const { state } = congestion;
    const inFlight = rtx.inFlight();
    congestion.observeFlight(inFlight);
    if (congestion.has(HOOK.CONG_CONTROL)) {
      congestion.control(sample, a.looks);
      if (congestion.isLittleSent) this.c.rate.ranDry(congestion.view, inFlight);
    } else if (state === CA_STATE.RECOVERY || state === CA_STATE.CWR) {
      congestion.reduce(a.delivered, a.lost, inFlight, a.isUnaAdvanced);
    } else if (this.mayGrow(a)) congestion.grow(a.delivered);
  }

  /** Where much reordering is known, SACKs will do: SND.UNA would hold the window back for a long time. */
  private mayGrow(a: AckOutcome): boolean {
    if (a.acked > 0) return true;
    return a.hasNewSack && this.reordering > this.c.tcp.config.reordering;
  }
}
