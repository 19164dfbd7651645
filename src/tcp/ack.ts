/** RFC 9293 §3.10.7.4, fifth step: the ACK field, and all that follows from what it acknowledges. */
import { NEVER } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import { type Seq, seqDiff, seqEq, seqGe, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { armPersist, armRto, scheduleProbe } from './output.ts';
import { sackInput } from './sack.ts';
import type { Segment } from './segment.ts';
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
  acknowledge(c, seg);
  return true;
}

function acknowledge(c: TcpConnection, seg: Segment): void {
  const { snd, rtx, tcp, congestion } = c;
  const a = tcp.ackOutcome;
  const v = congestion.view;
  const priorUna = snd.una;
  begin(c, seg);
  const hasUpdate = updateWindow(c, seg);
  if (seqGt(seg.ack, snd.una)) removeAcknowledged(c, seg.ack);
  if (c.agreed.hasSack && seg.sackBlocks > 0) sackInput(c, seg, priorUna, a);
  const hasNothingNew = !a.isUnaAdvanced && !hasUpdate && seg.len === 0 && !seg.has(TCP_FLAG.FIN);
  a.setDuplicate(hasNothingNew && !rtx.isEmpty && seqEq(seg.ack, snd.una));
  if (a.isUnaAdvanced || a.hasNewSack) c.rtt.progress();
  congestion.observePath(c.rtt.srttNs, c.minRtt.value, c.rate.isAppLimited);
  congestion.observeFlight(rtx.inFlight());
  probeOutcome(c, seg, a.hasDsack);
  c.rack.adapt(a.hasDsack, snd.una, snd.nxt);
  if (!rtx.isEmpty || a.isUnaAdvanced || congestion.state !== CA_STATE.OPEN) c.recovery.afterAck(a);
  c.rate.finish(v, tcp.rateSample, a.delivered, a.lost, c.nowNs());
  pace(c);
  rearm(c, a.isUnaAdvanced || a.hasNewSack);
  if (a.isUnaAdvanced) roomReturned(c);
  if (rtx.isEmpty && c.unsentBytes() > 0 && snd.usable() <= 0) armPersist(c);
  else if (snd.usable() > 0) c.due.disarm(DUE.PERSIST);
}

function begin(c: TcpConnection, seg: Segment): void {
  const { tcp, congestion } = c;
  tcp.ackOutcome.begin();
  congestion.observe(c.nowNs(), c.mss());
  c.noteEcho(seg.hasTimestamps, seg.tsEcr);
  c.rate.begin(tcp.rateSample, c.rtx.inFlight());
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

/** Takes acknowledged records off the queue: round-trip samples, delivery counts, pages. */
function removeAcknowledged(c: TcpConnection, ack: Seq): void {
  const { rtx, snd, tcp } = c;
  const a = tcp.ackOutcome;
  const { mss } = c.congestion.view;
  let sampleNs = NEVER;
  let isFinAcked = false;
  while (rtx.first !== NO_RECORD && seqLe(rtx.endOfRecord(rtx.first), ack)) {
    const r = rtx.first;
    if (rtx.has(r, REC_STATE.FIN)) isFinAcked = true;
    const sentNs = recordAcknowledged(c, r);
    if (sentNs >= 0) sampleNs = sentNs;
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
  snd.acknowledge(ack);
  a.unaAdvanced();
  if (sampleNs !== NEVER) sample(c, c.nowNs() - sampleNs);
  else if (c.agreed.hasTimestamps && c.hasEcho) sampleByEcho(c);
  if (isFinAcked) c.tcp.finAcknowledged(c);
}

function arrived(c: TcpConnection, pieces: number): void {
  c.tcp.ackOutcome.arrived(pieces);
  c.congestion.delivered(pieces);
}

/** Returns when it was sent, if that gives a round-trip sample (Karn: not if it was ever resent), else -1. */
function recordAcknowledged(c: TcpConnection, r: number): number {
  const { rtx, tcp } = c;
  const a = tcp.ackOutcome;
  const { records } = tcp;
  const pieces = rtx.pieces(r);
  const wasSacked = rtx.has(r, REC_STATE.SACKED);
  const wasResent = rtx.has(r, REC_STATE.EVER_RETRANS);
  const sentNs = records.time(r, REC_TIME.SENT_NS);
  a.passed(pieces);
  if (wasResent) a.retransmission();
  if (wasSacked) return -1;
  arrived(c, pieces);
  if (!wasResent) {
    a.original();
    if (c.isBelowHighestSacked(r)) c.recovery.noteReordering(c.reorderingDistance(r));
  }
  c.noteDelivered(r);
  c.rack.delivered(sentNs, rtx.endOfRecord(r), wasResent, c.congestion.view.minRttNs, c.nowNs());
  return wasResent ? -1 : sentNs;
}

function sample(c: TcpConnection, rttNs: number): void {
  const now = c.nowNs();
  c.rtt.sample(rttNs, c.snd.una, c.snd.nxt);
  c.minRtt.sample(Math.max(rttNs, 1000), now, c.tcp.config.minRttWindowNs);
  c.rate.measured(c.tcp.rateSample, rttNs);
}

/** RFC 7323 §4.1: a retransmission gives a sample when the echo tells which transmission is meant. */
function sampleByEcho(c: TcpConnection): void {
  const { tcp, agreed } = c;
  const deltaMs = (tcp.timestamp(c.nowNs(), agreed.tsOffset) - c.lastEcho) | 0;
  if (deltaMs >= 0 && deltaMs < 1e6) sample(c, Math.max(deltaMs, 1) * 1e6);
}

/** RFC 8985 §7.4: was the tail-loss probe needed? */
function probeOutcome(c: TcpConnection, seg: Segment, hasDsack: boolean): void {
  const { recovery } = c;
  if (!recovery.hasTlp || seqLt(seg.ack, recovery.tlpHighSeq)) return;
  const isRepair = recovery.isTlpRetrans && !hasDsack && seqGe(seg.ack, recovery.tlpHighSeq);
  recovery.endProbe();
  if (isRepair && seqGt(seg.ack, c.recovery.tlpHighSeq)) recovery.enterCwr();
}

/** Linux's rule for modules that do not pace by themselves: a multiple of cwnd per round trip. */
function pace(c: TcpConnection): void {
  const v = c.congestion.view;
  if (v.srttNs === 0) return;
  const { pacingSsRatio, pacingCaRatio } = c.tcp.config;
  const isStarting = v.cwnd < v.ssthresh / 2;
  const ratio = (isStarting ? pacingSsRatio : pacingCaRatio) / 100;
  const windowBytes = Math.max(v.cwnd, c.rtx.packetsOut) * v.mss;
  if (!v.isPaced) v.setPacingRate((ratio * windowBytes * 1e9) / v.srttNs);
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

/** Room in the send buffer; and the buffer grows with the window (Linux: twice cwnd). */
function roomReturned(c: TcpConnection): void {
  const v = c.congestion.view;
  const wanted = 2 * v.cwnd * (v.mss + 320) * 2;
  if (wanted > c.sndbufBytes) c.growSendBuffer(Math.min(wanted, c.tcp.config.wmemMax));
  if (c.owner !== null && c.sendQueue.length < (c.sndbufBytes * 2) / 3) c.owner.writable();
}
