/**
 * Loss recovery: when to believe that something is lost, what to do about it, and when to take it back.
 *
 *     Open ──dup ACK/SACK──▶ Disorder ──RACK says lost──▶ Recovery ──SND.UNA ≥ highSeq──▶ Open
 *       ▲                                                    │
 *       └───────────── undo: it was reordering ◀─────────────┘           RTO from any ──▶ Loss
 *
 * RFC 6675's scoreboard is on the transmit records, RFC 8985 finds losses, RFC 9937 sets the pace,
 * RFC 5682 and Eifel (RFC 3522, 4015) and D-SACK (RFC 3708) find out that we were wrong. Without SACK:
 * RFC 6582, with duplicate ACKs standing for segments that have arrived.
 */
import { CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import type { RateSample } from '../cc/samples.ts';
import { type Seq, seqGe, seqGt, seqLt } from '../wire/seq.ts';
import type { AckOutcome } from './ack-outcome.ts';
import type { TcpConnection } from './connection.ts';
import type { LossListener } from './rack.ts';
import { describeLoss } from './rate-sampler.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';

export class Recovery implements LossListener {
  /** SND.NXT when the present state was entered: reaching it ends the state. */
  highSeq: Seq;
  /** Where an undo may go back to, and how many retransmissions are not yet proven unneeded. */
  undoMarker: Seq;
  hasUndoMarker = false;
  undoRetrans = 0;
  /** First retransmission of this recovery: Eifel compares its time with the echo. */
  retransStampNs = 0;
  isFrto = false;
  reordering: number;
  reorderingSeen = 0;
  /** Tail-loss probe under way: until this is acknowledged. */
  tlpHighSeq: Seq;
  hasTlp = false;
  isTlpRetrans = false;
  /** Without SACK: duplicate ACKs since the last new one. */
  renoSacked = 0;
  private readonly c: TcpConnection;

  constructor(c: TcpConnection, reordering: number) {
    this.c = c;
    this.reordering = reordering;
    this.highSeq = c.snd.una;
    this.undoMarker = c.snd.una;
    this.tlpHighSeq = c.snd.una;
  }

  /** RACK, or the timer, has found a record lost. */
  recordLost(r: number): void {
    const { rtx, congestion, tcp } = this.c;
    const pieces = rtx.pieces(r);
    const isNew = !rtx.has(r, REC_STATE.LOST) || rtx.has(r, REC_STATE.RETRANS);
    rtx.markLost(r);
    if (!isNew) return;
    congestion.lost(pieces);
    tcp.ackOutcome.lose(pieces);
    if (!congestion.has(HOOK.MARKED_LOST)) return;
    describeLoss(tcp.lossSample, tcp.records, r);
    congestion.recordLost(tcp.lossSample);
  }

  // ---- an ACK has been worked through ----

  afterAck(a: AckOutcome): void {
    const { congestion } = this.c;
    if (!this.c.agreed.hasSack) this.countDuplicates(a);
    this.leaveIfReached(a);
    switch (congestion.state) {
      case CA_STATE.RECOVERY:
        this.inRecovery(a);
        break;
      case CA_STATE.LOSS:
        this.inLoss(a);
        break;
      default:
        this.inOpen(a);
    }
  }

  /** RACK's timer, or an ACK: anything lost by now? Enters Recovery if so. */
  detect(): void {
    const { c } = this;
    const { rack, rtx, tcp, congestion, rtt } = c;
    const v = congestion.view;
    const isEvident =
      v.caState >= CA_STATE.RECOVERY || rtx.sackedOut + this.renoSacked >= this.reordering;
    const window = rack.reorderingWindowNs(
      v.minRttNs,
      rtt.srttNs,
      this.reorderingSeen > 0,
      isEvident,
    );
    const waitNs = rack.detect(rtx, tcp.records, window, tcp.env.nowNs, this);
    c.setReorderTimer(waitNs);
  }

  /** RACK's timer: nothing overtook it any more, it is lost. */
  reorderingWaitOver(): void {
    const { c } = this;
    if (c.rtx.isEmpty) return;
    this.detect();
    if (this.isLossFound() && c.congestion.state <= CA_STATE.CWR) this.enterRecovery();
    if (c.congestion.state === CA_STATE.RECOVERY) {
      c.congestion.view.setCwnd(Math.max(c.congestion.view.cwnd, c.rtx.inFlight() + 1));
    }
  }

  /** Duplicate ACKs stand for segments that arrived (RFC 6582): at most what is outstanding less the first. */
  private countDuplicates(a: AckOutcome): void {
    const { rtx, congestion } = this.c;
    if (a.isUnaAdvanced) {
      const isPartial =
        congestion.state >= CA_STATE.RECOVERY && seqLt(this.c.snd.una, this.highSeq);
      this.renoSacked = isPartial ? Math.max(0, this.renoSacked - Math.max(0, a.acked - 1)) : 0;
    } else if (a.isDuplicate) {
      const before = this.renoSacked;
      this.renoSacked = Math.min(before + 1, Math.max(0, rtx.packetsOut - 1));
      a.arrived(this.renoSacked - before);
    }
  }

  private leaveIfReached(a: AckOutcome): void {
    const { congestion, snd } = this.c;
    if (congestion.state === CA_STATE.OPEN || seqLt(snd.una, this.highSeq)) return;
    if (congestion.state === CA_STATE.CWR && seqGt(snd.una, this.highSeq)) {
      congestion.endReduction();
      congestion.setState(CA_STATE.OPEN);
    } else if (congestion.state === CA_STATE.RECOVERY) {
      if (this.tryUndo(a, true)) return;
      congestion.endReduction();
      this.c.rack.recoveryEnded();
      this.open();
    }
  }

  private inOpen(a: AckOutcome): void {
    const { congestion, rtx } = this.c;
    if (congestion.state <= CA_STATE.DISORDER) this.tryUndoByDsack(a);
    this.identify();
    if (this.isLossFound()) {
      this.enterRecovery();
      return;
    }
    if (congestion.state === CA_STATE.CWR) return;
    const isDisorder = rtx.sackedOut + this.renoSacked > 0 || rtx.retransOut > 0 || rtx.lostOut > 0;
    if (isDisorder || this.hasUndoMarker) {
      if (congestion.state !== CA_STATE.DISORDER) this.highSeq = this.c.snd.nxt;
      congestion.setState(CA_STATE.DISORDER);
    } else congestion.setState(CA_STATE.OPEN);
  }

  private inRecovery(a: AckOutcome): void {
    const { c } = this;
    if (a.isUnaAdvanced && this.tryUndoPartial(a)) return;
    if (this.tryUndoByDsack(a)) {
      this.open();
      return;
    }
    this.identify();
    // RFC 6582 §3.2 step 5: a partial acknowledgement means that the next one is lost as well.
    if (a.isUnaAdvanced && !c.agreed.hasSack && c.rtx.first !== NO_RECORD) this.markFirstLost();
  }

  /** RFC 5682: were the segments lost, or only late? */
  private inLoss(a: AckOutcome): void {
    const { c } = this;
    const { snd, congestion } = c;
    if (a.isUnaAdvanced && this.tryUndoLoss(a, false)) return;
    if (this.isFrto) this.frto(a);
    if (congestion.state !== CA_STATE.LOSS) return;
    if (seqGe(snd.una, this.highSeq)) {
      this.isFrto = false;
      this.open();
      return;
    }
    this.identify();
  }

  private frto(a: AckOutcome): void {
    const { c } = this;
    const { snd } = c;
    // An original was acknowledged after the timer fired (step 3.b, or §4's SACK variant): it was spurious.
    if (a.hasAckedOriginal && this.tryUndoLoss(a, true)) return;
    if (seqGt(snd.nxt, this.highSeq)) {
      if (a.hasNewSack || a.isDuplicate) this.isFrto = false; // step 3.a: the loss was real
    } else if (a.isUnaAdvanced && !a.hasAckedRetrans) {
      this.highSeq = snd.nxt; // step 2.b: two new segments will tell
      if (c.sendNewDuringFrto()) return;
      this.isFrto = false;
    }
  }

  // ---- tail-loss probe (RFC 8985 §7) ----

  startProbe(isRetrans: boolean): void {
    this.hasTlp = true;
    this.isTlpRetrans = isRetrans;
    this.tlpHighSeq = this.c.snd.nxt;
  }

  endProbe(): void {
    this.hasTlp = false;
  }

  // ---- finding losses ----

  private identify(): void {
    const { c } = this;
    if (c.rtx.isEmpty) return;
    if (c.agreed.hasSack) this.detect();
    else if (this.renoSacked >= this.reordering && c.rtx.lostOut === 0) this.markFirstLost();
  }

  private isLossFound(): boolean {
    return this.c.rtx.lostOut > 0;
  }

  private markFirstLost(): void {
    const { rtx } = this.c;
    const r = rtx.first;
    if (rtx.has(r, REC_STATE.RETRANS) || rtx.has(r, REC_STATE.LOST)) return;
    this.c.splitFirstToOnePiece();
    this.recordLost(rtx.first);
  }

  private enterRecovery(): void {
    const { congestion, tcp } = this.c;
    tcp.mib.count(this.c.agreed.hasSack ? tcp.ids.TCPSackRecovery : tcp.ids.TCPRenoRecovery);
    this.begin();
    congestion.beginReduction();
    congestion.setState(CA_STATE.RECOVERY);
  }

  /** RFC 3168 §6.1.2, or a local drop: the window shrinks without a loss. */
  enterCwr(): void {
    const { congestion } = this.c;
    if (congestion.state >= CA_STATE.CWR) return;
    this.hasUndoMarker = false;
    this.highSeq = this.c.snd.nxt;
    congestion.beginReduction();
    congestion.setState(CA_STATE.CWR);
  }

  /** The retransmission timer fired: everything not SACKed is taken for lost (RFC 6298 §5.4–5.6). */
  enterLoss(): void {
    const { c } = this;
    const { congestion, rtx, tcp } = c;
    const isRecovering = congestion.state >= CA_STATE.RECOVERY;
    const wasReached = !seqLt(this.highSeq, c.snd.una);
    const isNew = congestion.state < CA_STATE.RECOVERY || seqGe(c.snd.una, this.highSeq);
    for (let r = rtx.first; r !== NO_RECORD; r = rtx.next(r)) {
      if (!rtx.has(r, REC_STATE.SACKED)) this.recordLost(r);
    }
    this.renoSacked = 0;
    congestion.enterLoss(isNew, rtx.inFlight());
    if (isNew || !this.hasUndoMarker) this.begin();
    congestion.setState(CA_STATE.LOSS);
    this.highSeq = c.snd.nxt;
    // RFC 5682 §2.1: only when this is the first timeout of what is outstanding.
    this.isFrto =
      tcp.config.frto !== 0 && (isNew || (isRecovering && wasReached && c.rtt.backoff <= 1));
  }

  private begin(): void {
    const { rtx, snd, tcp } = this.c;
    this.highSeq = snd.nxt;
    this.undoMarker = snd.una;
    this.hasUndoMarker = true;
    this.undoRetrans = rtx.retransOut;
    this.retransStampNs = 0;
    if (rtx.retransOut > 0) this.retransStampNs = tcp.env.nowNs;
  }

  private open(): void {
    const { congestion, rtx } = this.c;
    this.hasUndoMarker = false;
    this.renoSacked = 0;
    congestion.forgetPrior();
    congestion.setState(rtx.sackedOut > 0 ? CA_STATE.DISORDER : CA_STATE.OPEN);
  }

  // ---- taking it back ----

  /** A retransmission left: an undo must see that each of them was unneeded. */
  retransmitted(pieces: number): void {
    if (this.retransStampNs === 0) this.retransStampNs = this.c.tcp.env.nowNs;
    this.undoRetrans += pieces;
  }

  /** A D-SACK covers `pieces` of what we retransmitted since the marker. */
  provenUnneeded(pieces: number): void {
    if (this.hasUndoMarker) this.undoRetrans = Math.max(0, this.undoRetrans - pieces);
  }

  /** Eifel (RFC 3522): the echo is older than the first retransmission, so the original was acknowledged. */
  private isEchoOlder(): boolean {
    return this.retransStampNs !== 0 && this.c.echoIsBefore(this.retransStampNs);
  }

  private mayUndo(): boolean {
    return this.hasUndoMarker && (this.undoRetrans === 0 || this.isEchoOlder());
  }

  private tryUndo(_a: AckOutcome, isEnd: boolean): boolean {
    if (!this.mayUndo()) return false;
    this.takeBack(isEnd);
    this.open();
    return true;
  }

  private tryUndoPartial(a: AckOutcome): boolean {
    if (!this.hasUndoMarker || !this.isEchoOlder()) return false;
    this.noteReordering(this.c.rtx.packetsOut);
    if (this.c.rtx.retransOut > 0) return true; // wait for what is still under way
    return this.tryUndo(a, false);
  }

  private tryUndoByDsack(_a: AckOutcome): boolean {
    if (!this.hasUndoMarker || this.undoRetrans !== 0) return false;
    if (this.retransStampNs === 0) return false;
    this.takeBack(true);
    this.hasUndoMarker = false;
    return true;
  }

  private tryUndoLoss(_a: AckOutcome, isProven: boolean): boolean {
    if (!isProven && !this.mayUndo()) return false;
    this.takeBack(true);
    this.isFrto = false;
    this.c.rtt.progress();
    this.open();
    return true;
  }

  /** RFC 4015 §3: the window and what was marked lost are restored. */
  private takeBack(isClearing: boolean): void {
    const { rtx, congestion, tcp } = this.c;
    if (isClearing) {
      for (let r = rtx.first; r !== NO_RECORD; r = rtx.next(r)) this.restore(r);
    }
    congestion.undo();
    tcp.mib.count(tcp.ids.TCPFullUndo);
  }

  private restore(r: number): void {
    this.c.rtx.clearLost(r);
  }

  /** RFC 4653's lesson, Linux's number: this many segments may be overtaken before one counts as lost. */
  noteReordering(distance: number): void {
    const { tcp } = this.c;
    this.reorderingSeen++;
    this.reordering = Math.min(Math.max(this.reordering, distance), tcp.config.maxReordering);
  }

  // ---- the window ----

  /** The last of an ACK: the module's own control, or the reduction that is under way, or growth. */
  setWindow(a: AckOutcome, sample: RateSample): void {
    const { congestion, rtx } = this.c;
    const { state } = congestion;
    const inFlight = rtx.inFlight() - this.renoSacked;
    congestion.observeFlight(inFlight);
    if (congestion.has(HOOK.CONG_CONTROL)) congestion.control(sample, a.looks);
    else if (state === CA_STATE.RECOVERY || state === CA_STATE.CWR) {
      congestion.reduce(a.delivered, a.lost, inFlight, a.isUnaAdvanced);
    } else if (this.mayGrow(a)) congestion.grow(a.delivered);
  }

  /** Where much reordering is known, SACKs will do: SND.UNA would hold the window back for a long time. */
  private mayGrow(a: AckOutcome): boolean {
    if (a.isUnaAdvanced) return true;
    return a.hasNewSack && this.reordering > this.c.tcp.config.reordering;
  }
}
