/** RFC 9293 §3.10.7.4, fifth step: the ACK field, and all that follows from what it acknowledges. */
import { MS, US } from '../base/time.ts';
import { CA_ACK, CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import { NO_SAMPLE } from '../cc/samples.ts';
import { type Seq, seqDiff, seqEq, seqGe, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { armPersist, armRto, scheduleProbe } from './output.ts';
import { updatePacingRate } from './pacer.ts';
import { sackInput } from './sack.ts';
import type { Segment } from './segment.ts';
import { tellRoom } from './send-buffer.ts';
import { NO_RECORD, REC_STATE, REC_TIME } from './tx-records.ts';

/** False: the segment acknowledges what was never sent, or is too old to be believed; an ACK may be owed. */
export function step5Ack(c: TcpConnection, seg: Segment): boolean {
  const { snd } = c;
  if (seqGt(seg.ack, snd.nxt)) {
    c.delack.owe(true);
    return false;
  }
  // RFC 5961 §5: an ACK from before the largest window ever cannot be in transit.
  if (seqDiff(snd.una, seg.ack) > snd.maxWnd) {
    if (c.mayChallenge()) c.delack.owe(true);
    return false;
  }
  if (seg.seqLen === 0) c.tcp.mib.count(c.tcp.ids.TCPPureAcks);
  acknowledge(c, seg);
  return true;
}

/** The order is that of Linux, so that a module meets the numbers its algorithm was written for. */
function acknowledge(c: TcpConnection, seg: Segment): void {
  const { snd, rtx, tcp, congestion } = c;
  const a = tcp.ackOutcome;
  const priorUna = snd.una;
  const hadFlight = !rtx.isEmpty;
  begin(c, seg);
  const hasUpdate = updateWindow(c, seg);
  look(c, seg, hasUpdate);
  const isFinAcked = seqGt(seg.ack, snd.una) && removeAcknowledged(c, seg.ack);
  if (c.agreed.hasSack && seg.sackBlocks > 0) sackInput(c, seg, priorUna, a);
  const hasNothingNew = !a.isUnaAdvanced && !hasUpdate && seg.len === 0 && !seg.has(TCP_FLAG.FIN);
  a.setDuplicate(hasNothingNew && !rtx.isEmpty && seqEq(seg.ack, snd.una));
  if (a.isUnaAdvanced || a.hasNewSack) c.rtt.progress();
  measure(c, priorUna);
  observe(c);
  if (hadFlight && congestion.has(HOOK.PKTS_ACKED)) tellAcked(c);
  c.rack.adapt(a.hasDsack, snd.una, snd.nxt);
  congestion.ackEvent(a.looks);
  probeOutcome(c, seg, a.hasDsack);
  if (!rtx.isEmpty || a.isUnaAdvanced || congestion.state !== CA_STATE.OPEN) c.recovery.afterAck(a);
  if (congestion.state !== CA_STATE.LOSS) c.totals.timeoutsOver();
  tcp.mib.add(tcp.ids.TCPDelivered, a.delivered);
  c.rate.finish(congestion.view, tcp.rateSample, a.delivered, a.lost, c.nowNs());
  if (hadFlight) {
    congestion.observeUse(c.use);
    c.recovery.setWindow(a, tcp.rateSample);
    updatePacingRate(c);
  }
  rearm(c, a.isUnaAdvanced || a.hasNewSack);
  if (a.isUnaAdvanced) tellRoom(c);
  if (rtx.isEmpty && c.unsentBytes() > 0 && snd.usable() <= 0) armPersist(c);
  else if (snd.usable() > 0) c.due.disarm(DUE.PERSIST);
  if (isFinAcked) c.tcp.finAcknowledged(c); // may be the end of it
}

function begin(c: TcpConnection, seg: Segment): void {
  const { tcp, congestion } = c;
  tcp.ackOutcome.begin();
  congestion.observe(c.nowNs(), c.mss());
  c.noteEcho(seg.hasTimestamps, seg.tsEcr);
  c.rate.begin(tcp.rateSample, c.inFlight());
}

/** What header prediction would say of it: the plain next ACK, with the window as it was, is the fast path. */
function look(c: TcpConnection, seg: Segment, hasUpdate: boolean): void {
  const a = c.tcp.ackOutcome;
  if (hasUpdate || seqGt(seg.ack, c.snd.una)) a.look(CA_ACK.WIN_UPDATE);
  const isPlain =
    (seg.flags & ~TCP_FLAG.PSH) === TCP_FLAG.ACK &&
    seqEq(seg.seq, c.rcv.nxt) &&
    seg.sackBlocks === 0 &&
    !hasUpdate;
  if (isPlain) return;
  a.look(CA_ACK.SLOWPATH);
  if (seg.has(TCP_FLAG.ECE)) a.look(CA_ACK.ECE);
}

/** The view shows what is true once the ACK is counted. */
function observe(c: TcpConnection): void {
  const { congestion, snd } = c;
  congestion.observeStream(snd.una, snd.nxt, c.rcv.nxt);
  congestion.observePath(c.rtt.srttNs, c.minRtt.value, c.rate.isAppLimited);
  congestion.observeFlight(c.inFlight());
}

function tellAcked(c: TcpConnection): void {
  const { tcp, congestion } = c;
  const sample = tcp.ackSample;
  sample.pktsAcked = tcp.ackOutcome.acked;
  sample.rttNs = tcp.rateSample.rttNs;
  sample.inFlight = tcp.ackOutcome.lastInFlight;
  congestion.packetsAcked(sample);
}

/** RFC 9293 §3.10.7.4: SND.WL1 and SND.WL2 keep an old segment from changing the window. */
function updateWindow(c: TcpConnection, seg: Segment): boolean {
  const { snd } = c;
  if (seqLt(seg.ack, snd.una)) return false;
  const isNewer =
    seqGt(seg.ack, snd.una) ||
    seqLt(snd.wl1, seg.seq) ||
    (seqEq(snd.wl1, seg.seq) && seqLe(snd.wl2, seg.ack));
  if (!isNewer) return false;
  const wnd = seg.window << c.agreed.sndShift;
  const hasChanged = wnd !== snd.wnd;
  snd.setWindow(wnd, seg.seq, seg.ack);
  return hasChanged;
}

/** Takes acknowledged records off the queue: times for samples, delivery counts, pages. True: our FIN was among them. */
function removeAcknowledged(c: TcpConnection, ack: Seq): boolean {
  const { rtx, snd, tcp } = c;
  const a = tcp.ackOutcome;
  const { mss } = c.congestion.view;
  let isFinAcked = false;
  while (rtx.first !== NO_RECORD && seqLe(rtx.endOfRecord(rtx.first), ack)) {
    const r = rtx.first;
    if (rtx.has(r, REC_STATE.FIN)) isFinAcked = true;
    recordAcknowledged(c, r);
    rtx.removeFirst();
  }
  if (rtx.first !== NO_RECORD && seqGt(ack, rtx.seqOfRecord(rtx.first))) {
    const wasSacked = rtx.has(rtx.first, REC_STATE.SACKED);
    const pieces = rtx.trimFirst(seqDiff(ack, rtx.seqOfRecord(rtx.first)), mss);
    a.passed(pieces);
    if (!wasSacked) arrived(c, pieces);
  }
  const bytes = seqDiff(ack, snd.una) - (isFinAcked ? 1 : 0);
  c.sendQueue.release(Math.min(bytes, c.sendQueue.length));
  c.totals.acknowledged(seqDiff(ack, snd.una));
  snd.acknowledge(ack);
  a.unaAdvanced();
  if (rtx.isEmpty && c.sendQueue.length === 0) c.chrono.idle();
  return isFinAcked;
}

function arrived(c: TcpConnection, pieces: number): void {
  c.tcp.ackOutcome.arrived(pieces);
  c.congestion.delivered(pieces);
}

function recordAcknowledged(c: TcpConnection, r: number): void {
  const { rtx, tcp } = c;
  const a = tcp.ackOutcome;
  const { records } = tcp;
  const pieces = rtx.pieces(r);
  const wasResent = rtx.has(r, REC_STATE.EVER_RETRANS);
  a.passed(pieces);
  if (wasResent) {
    a.retransmission();
    a.passedRetransmission();
  }
  if (rtx.has(r, REC_STATE.SACKED)) return;
  arrived(c, pieces);
  if (!wasResent) {
    a.original();
    a.timedAck(records, r);
    if (c.isBelowHighestSacked(r)) c.recovery.noteReordering(c.reorderingDistance(r));
  }
  c.noteDelivered(r);
  const sentNs = records.time(r, REC_TIME.SENT_NS);
  c.rack.delivered(sentNs, rtx.endOfRecord(r), wasResent, c.congestion.view.minRttNs, c.nowNs());
}

/**
 * Round-trip times. The estimator takes the oldest segment this ACK tells of, what the peer waited for
 * included; congestion control and the minimum take the newest. Neither takes one that was sent twice
 * (Karn), unless the echoed timestamp tells which transmission is meant (RFC 7323 §4.1).
 */
function measure(c: TcpConnection, priorUna: Seq): void {
  const { tcp } = c;
  const a = tcp.ackOutcome;
  const now = c.nowNs();
  let oldestNs = NO_SAMPLE;
  let newestNs = NO_SAMPLE;
  let isDelayed = false;
  if (a.firstSentNs !== NO_SAMPLE && !a.hasPassedRetrans) {
    oldestNs = now - a.firstSentNs;
    newestNs = now - a.lastSentNs;
    isDelayed = isAckDelayed(c, priorUna);
  }
  if (a.firstSackedNs !== NO_SAMPLE) {
    if (oldestNs === NO_SAMPLE) oldestNs = now - a.firstSackedNs;
    newestNs = now - a.lastSackedNs;
  }
  if (oldestNs === NO_SAMPLE && a.isUnaAdvanced && c.agreed.hasTimestamps && c.hasEcho) {
    const deltaMs = (tcp.timestamp(now, c.agreed.tsOffset) - c.lastEcho) | 0;
    if (deltaMs >= 0 && deltaMs < 1e6) oldestNs = newestNs = Math.max(deltaMs, 1) * MS;
  }
  c.rate.measured(tcp.rateSample, newestNs, isDelayed);
  if (oldestNs === NO_SAMPLE) return;
  if (!isDelayed || newestNs < c.minRtt.value) {
    c.minRtt.sample(Math.max(newestNs, US), now, tcp.config.minRttWindowNs);
  }
  c.rtt.sample(oldestNs, c.snd.una, c.snd.nxt);
}

/** One piece, sent after a pause, and only it: the peer may have waited for a second one before it answered. */
function isAckDelayed(c: TcpConnection, priorUna: Seq): boolean {
  const { tcp, congestion, snd } = c;
  const { view } = congestion;
  return (
    tcp.ackOutcome.acked === 1 &&
    c.rtx.sackedOut === 0 &&
    seqDiff(snd.una, priorUna) < view.mss &&
    tcp.rateSample.priorDelivered + 1 === view.delivered
  );
}

/** RFC 8985 §7.4: was the tail-loss probe needed? */
function probeOutcome(c: TcpConnection, seg: Segment, hasDsack: boolean): void {
  const { recovery } = c;
  if (!recovery.hasTlp || seqLt(seg.ack, recovery.tlpHighSeq)) return;
  const isRepair = recovery.isTlpRetrans && !hasDsack && seqGe(seg.ack, recovery.tlpHighSeq);
  recovery.endProbe();
  if (isRepair && seqGt(seg.ack, c.recovery.tlpHighSeq)) recovery.enterCwr();
}

/** RFC 6298 §5.2, §5.3. */
function rearm(c: TcpConnection, isProgress: boolean): void {
  if (c.rtx.isEmpty) {
    c.due.disarm(DUE.RTO);
    c.due.disarm(DUE.TLP);
    c.due.disarm(DUE.REORDER);
    return;
  }
  if (!isProgress) return;
  c.due.disarm(DUE.TLP);
  armRto(c);
  scheduleProbe(c);
}
