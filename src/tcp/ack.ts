/** RFC 9293 §3.10.7.4, fifth step: the ACK field, and all that follows from what it acknowledges. */
import { MS, NEVER } from '../base/time.ts';
import { CA_ACK, CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import { NO_SAMPLE } from '../cc/samples.ts';
import { ACCEPTED, DROP } from '../net/drops.ts';
import { type Seq, seqDiff, seqEq, seqGe, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { AckOutcome } from './ack-outcome.ts';
import { restartIfIdle } from './application-limit.ts';
import { challenge } from './challenge.ts';
import type { TcpConnection } from './connection.ts';
import { acknowledgeDuplicates } from './duplicate-acks.ts';
import { finAcknowledged } from './ending.ts';
import { FLOW_EVENT } from './flow-watch.ts';
import { probeAcknowledged } from './mtu-search.ts';
import { updatePacingRate } from './pacer.ts';
import { probeAnswered } from './probes.ts';
import { sackInput } from './sack.ts';
import type { Segment } from './segment.ts';
import { tellRoom } from './send-buffer.ts';
import { probeOutcome } from './tail-loss-probe.ts';
import { TOTAL } from './totals.ts';
import { NO_RECORD, REC, REC_STATE, REC_TIME, type TxRecords } from './tx-records.ts';
import { disarmXmit, restartXmit } from './xmit-timer.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { STATE } = REC;
const { FIN, SACKED, EVER_RETRANS } = REC_STATE;

/** ACCEPTED, or: the segment acknowledges what was never sent, or is too old to be believed. */
export function step5Ack(c: TcpConnection, seg: Segment): number {
  const { snd } = c;
  if (!isBelievable(c, seg.ack)) {
    challenge(c); // limited: two broken ends must not fill the line
    return seqGt(seg.ack, snd.nxt) ? DROP.TCP_ACK_UNSENT_DATA : DROP.TCP_TOO_OLD_ACK;
  }
  if (seg.seqLen === 0) c.tcp.mib.count(c.tcp.ids.TCPPureAcks);
  c.noteReceived();
  if (seqGe(seg.ack, snd.una)) rememberTimestamp(c, seg);
  if (isRepeated(c, seg)) acknowledgeNothing(c, seg);
  else acknowledge(c, seg);
  return ACCEPTED;
}

/** RFC 5961 §5.2: MAX.SND.WND before SND.UNA ≤ SEG.ACK ≤ SND.NXT. */
export function isBelievable(c: TcpConnection, ack: Seq): boolean {
  const { snd } = c;
  return !seqGt(ack, snd.nxt) && (!seqLt(ack, snd.una) || !isTooOld(c, ack));
}

/**
 * RFC 5961 §5: an ACK from before the largest window ever, or from before the start, cannot be in transit. The start
 * is told by a count that does not wrap: SND.UNA passes ISS again every 4 GiB.
 */
function isTooOld({ snd, totals }: TcpConnection, ack: Seq): boolean {
  return seqDiff(snd.una, ack) > Math.min(snd.maxWnd, totals.get(TOTAL.BYTES_ACKED));
}

/** RFC 7323 §4.3, of a segment at the left edge of the window: what delays its ACK must not lengthen a round trip. */
function rememberTimestamp(c: TcpConnection, seg: Segment): void {
  if (!seg.hasTimestamps || !c.agreed.hasTimestamps || seqGt(seg.seq, c.lastAckSent)) return;
  if (((seg.tsVal - c.tsRecent) | 0) >= 0 || c.isTimestampStale()) c.rememberTimestamp(seg.tsVal);
}

/** Nothing is in flight or waits, and it says again what is known: so does every segment of a peer who only sends. */
function isRepeated(c: TcpConnection, seg: Segment): boolean {
  return (
    c.rtx.isEmpty &&
    seqEq(seg.ack, c.snd.una) &&
    c.sendQueue.length === 0 &&
    seg.sackBlocks === 0 &&
    !c.probe.isUnderWay &&
    !c.congestion.has(HOOK.IN_ACK_EVENT)
  );
}

/** All that `acknowledge` does then: there is no record, no sample and no news that the rest of it could act on. */
function acknowledgeNothing(c: TcpConnection, seg: Segment): void {
  // What a full segment is, the next write or output will ask.
  c.congestion.observe(c.tcp.env.nowNs, c.congestion.view.mss);
  c.noteEcho(seg.hasTimestamps, seg.tsEcr);
  updateWindow(c, seg, c.tcp.ackOutcome);
  observe(c);
  c.rate.checkLimit(c.congestion.view);
  if (c.congestion.state !== CA_STATE.LOSS) c.totals.timeoutsOver();
  disarmXmit(c);
  probeAnswered(c);
}

/** The order is that of Linux, so that a module meets the numbers its algorithm was written for. */
function acknowledge(c: TcpConnection, seg: Segment): void {
  const { snd, rtx, tcp, congestion } = c;
  const a = tcp.ackOutcome;
  const priorUna = snd.una;
  const hadFlight = !rtx.isEmpty;
  const una = seqGt(seg.ack, priorUna) ? seg.ack : priorUna;
  const priorForward = rtx.forwardAck(priorUna);
  begin(c, seg);
  const hasUpdate = updateWindow(c, seg, a);
  look(c, seg, hasUpdate);
  if (c.agreed.hasSack && seg.sackBlocks > 0) sackInput(c, seg, priorUna, una, a);
  const isFinAcked = una !== priorUna && removeAcknowledged(c, una, priorForward);
  countDuplicates(c, seg, a);
  measure(c, priorUna);
  if (hadFlight && isTimerRestarted(c, a)) a.restartTimer();
  observe(c);
  if (hadFlight && congestion.has(HOOK.PKTS_ACKED)) tellAcked(c);
  if (tcp.rateSample.priorNs !== NEVER && (tcp.config.recovery & 2) === 0) {
    c.rack.adapt(tcp.rateSample, congestion.view);
  }
  if (a.isEce && a.delivered > 0) markDelivered(c, a.delivered);
  congestion.ackEvent(a.looks);
  if (c.probe.isUnderWay) probeOutcome(c, seg.ack, a);
  c.recovery.afterAck(a, priorUna, hadFlight);
  if (congestion.state !== CA_STATE.LOSS) c.totals.timeoutsOver();
  if (rtx.isEmpty) disarmXmit(c);
  else if (a.isTimerRestarted) restartXmit(c);
  if (a.delivered > 0) tcp.mib.add(tcp.ids.TCPDelivered, a.delivered);
  const { isReneged } = c.recovery;
  c.rate.finish(congestion.view, tcp.rateSample, a.delivered, a.lost, isReneged);
  if (hadFlight) {
    congestion.observeUse(c.use);
    c.recovery.setWindow(a, tcp.rateSample);
    updatePacingRate(c);
  }
  if (hadFlight) tcp.watch.tell(c, FLOW_EVENT.ACK);
  if (a.isUnaAdvanced) tellRoom(c);
  probeAnswered(c);
  if (isFinAcked) finAcknowledged(c, seg); // may be the end of it
}

/** RFC 3168's echo does not say how many were marked: all that this ACK tells of, as Linux has it. */
function markDelivered(c: TcpConnection, pieces: number): void {
  const { tcp, congestion } = c;
  congestion.deliveredCe(pieces);
  tcp.mib.add(tcp.ids.TCPDeliveredCE, pieces);
}

function begin(c: TcpConnection, seg: Segment): void {
  const { tcp } = c;
  tcp.ackOutcome.begin();
  c.congestion.observe(tcp.env.nowNs, c.mss());
  c.noteEcho(seg.hasTimestamps, seg.tsEcr);
  c.rate.begin(tcp.rateSample, c.rtx.inFlight(), c.agreed.hasSack);
}

/** RFC 5681 §2: nothing outstanding is acknowledged, no text, no FIN, the window as it was. A joined ACK is several. */
function countDuplicates(c: TcpConnection, seg: Segment, a: AckOutcome): void {
  if (seg.len > 0 || seg.has(TCP_FLAG.FIN)) a.notDuplicate();
  const isNews = a.isNotDuplicate || a.isUnaAdvanced || a.hasDsack;
  if (!isNews && seqEq(seg.ack, c.snd.una)) a.setDuplicates(seg.pieces);
}

/**
 * RFC 6298 §5.3; and a SACK for what was sent before the first record was resent. Not one for later text: the
 * timeout would move on and on while that record is missing.
 */
function isTimerRestarted(c: TcpConnection, a: AckOutcome): boolean {
  if (a.acked > 0) return true;
  return !c.rtx.isEmpty && a.firstSackedNs !== NO_SAMPLE && isSackOfEarlier(c, a);
}

function isSackOfEarlier(c: TcpConnection, a: AckOutcome): boolean {
  return a.firstSackedNs < c.tcp.records.time(c.rtx.first, REC_TIME.SENT_NS);
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
  if (c.ecn !== null && seg.has(TCP_FLAG.ECE)) {
    a.look(CA_ACK.ECE);
    c.rate.marked(c.tcp.rateSample);
  }
}

/** The view shows what is true once the ACK is counted. */
function observe(c: TcpConnection): void {
  const { congestion, snd } = c;
  congestion.observeStream(snd, c.rcv);
  congestion.observePath(c.rtt, c.minRtt, c.rate.isAppLimited);
  congestion.observeFlight(c.rtx.inFlight());
}

function tellAcked(c: TcpConnection): void {
  const { tcp, congestion } = c;
  const sample = tcp.ackSample;
  sample.pktsAcked = tcp.ackOutcome.acked;
  sample.rttNs = tcp.rateSample.rttNs;
  sample.inFlight = tcp.ackOutcome.lastInFlight;
  congestion.packetsAcked(sample);
}

/**
 * RFC 9293 §3.10.7.4: SND.WL1 and SND.WL2 keep an old segment from changing the window; as on Linux, one that
 * acknowledges nothing new and is not newer only opens or shuts it. True: it has another value now.
 */
function updateWindow(c: TcpConnection, seg: Segment, a: AckOutcome): boolean {
  const { snd } = c;
  if (seqLt(seg.ack, snd.una)) return false;
  const wnd = seg.window << c.agreed.sndShift;
  const isNewer =
    seqGt(seg.ack, snd.una) ||
    seqLt(snd.wl1, seg.seq) ||
    (seqEq(snd.wl1, seg.seq) && (wnd > snd.wnd || wnd === 0));
  if (!isNewer) return false;
  a.notDuplicate();
  const hasChanged = wnd !== snd.wnd;
  snd.setWindow(wnd, seg.seq, seg.ack);
  // What waited behind a shut window was idle, too.
  if (hasChanged && c.unsentBytes() > 0) restartIfIdle(c);
  return hasChanged;
}

/** Takes acknowledged records off the queue: times for samples, delivery counts, pages. True: our FIN was among them. */
function removeAcknowledged(c: TcpConnection, ack: Seq, priorForward: Seq): boolean {
  const { rtx, snd, tcp, recovery } = c;
  const a = tcp.ackOutcome;
  const { mss } = c.congestion.view;
  let isFinAcked = false;
  a.beginOrder(ack);
  for (let r = rtx.first; r !== NO_RECORD && seqLe(rtx.endOfRecord(r), ack); r = rtx.first) {
    const state = recordAcknowledged(c, r, rtx.seqOfRecord(r), rtx.pieces(r), tcp.records);
    if ((state & FIN) !== 0) isFinAcked = true;
    rtx.removeFirst();
  }
  if (rtx.first !== NO_RECORD && seqGt(ack, rtx.seqOfRecord(rtx.first))) {
    trimAcknowledged(c, seqDiff(ack, rtx.seqOfRecord(rtx.first)), mss);
  }
  if (c.marks !== null) c.marks.acknowledged(c.watcher, c.sendQueue, snd.una, ack);
  const bytes = seqDiff(ack, snd.una) - (isFinAcked ? 1 : 0);
  c.sendQueue.release(Math.min(bytes, c.sendQueue.length));
  c.totals.acknowledged(seqDiff(ack, snd.una));
  snd.acknowledge(ack);
  if (c.pathMtu !== null) probeAcknowledged(c, c.pathMtu);
  a.unaAdvanced();
  if (rtx.isEmpty && c.sendQueue.length === 0) c.chrono.idle();
  if (rtx.first !== NO_RECORD && rtx.has(rtx.first, SACKED)) a.reneging();
  if (!c.agreed.hasSack) {
    acknowledgeDuplicates(c, a.acked);
    if (a.hasAckedRetrans) a.forgetOriginals();
  } else if (a.acked > 0 && seqLt(a.lowest, priorForward)) {
    recovery.checkReordering(a.lowest, rtx.forwardAck(ack), false);
  }
  return isFinAcked;
}

/** The front of the first record: only whole pieces count as acknowledged. */
function trimAcknowledged(c: TcpConnection, bytes: number, mss: number): void {
  const { rtx, tcp } = c;
  const r = rtx.first;
  const seq = rtx.seqOfRecord(r);
  const pieces = rtx.trimFirst(bytes, mss);
  if (pieces > 0) recordAcknowledged(c, r, seq, pieces, tcp.records);
}

function arrived(c: TcpConnection, pieces: number): void {
  const a = c.tcp.ackOutcome;
  a.arrived(pieces);
  c.congestion.delivered(pieces);
}

/** It was sent before this transmission of the record. */
function isOlderEcho(c: TcpConnection, r: number): boolean {
  const { tcp } = c;
  return c.echoIsBefore(tcp.timestamp(tcp.records.time(r, REC_TIME.SENT_NS), c.tsOffset));
}

/** `pieces` of a record that began at `seq`. Returns its state. */
function recordAcknowledged(
  c: TcpConnection,
  r: number,
  seq: Seq,
  pieces: number,
  records: TxRecords,
): number {
  const a = c.tcp.ackOutcome;
  const end = c.rtx.endOfRecord(r);
  const state = records.get(r, STATE);
  const wasResent = (state & EVER_RETRANS) !== 0;
  a.passed(pieces);
  if (wasResent) a.retransmission();
  else if ((state & SACKED) === 0) {
    a.timedAck(records, r);
    a.arrivedLate(seq);
    if (seqLe(end, c.recovery.highSeq)) a.original();
  }
  if ((state & SACKED) !== 0) return state;
  c.noteDelivered(r, end);
  if (!c.agreed.hasSack) return state; // counted together: duplicates have counted some of them
  arrived(c, pieces);
  // The echo is older than this transmission: another one is acknowledged.
  if (wasResent && isOlderEcho(c, r)) return state;
  c.rack.delivered(records, r, end, wasResent, c.congestion.view);
  return state;
}

/**
 * Round-trip times. The estimator takes the oldest segment this ACK tells of, what the peer waited for
 * included; congestion control and the minimum take the newest. Neither takes one that was sent twice
 * (Karn), unless the echoed timestamp tells which transmission is meant (RFC 7323 §4.1).
 */
function measure(c: TcpConnection, priorUna: Seq): void {
  const { tcp } = c;
  const a = tcp.ackOutcome;
  const now = c.tcp.env.nowNs;
  // Literals: a constant of another module makes the engine box the times that share its variable.
  let oldestNs = -1;
  let newestNs = -1;
  let isDelayed = false;
  if (a.firstSentNs !== NO_SAMPLE && !a.hasAckedRetrans) {
    oldestNs = now - a.firstSentNs;
    newestNs = now - a.lastSentNs;
    isDelayed = isAckDelayed(c, priorUna);
  }
  if (a.firstSackedNs !== NO_SAMPLE) {
    if (oldestNs < 0) oldestNs = now - a.firstSackedNs;
    newestNs = now - a.lastSackedNs;
  }
  if (oldestNs < 0 && a.isUnaAdvanced && c.agreed.hasTimestamps && c.hasEcho) {
    const ms = echoAgeMs(c);
    if (ms >= 0 && ms < 1e6) oldestNs = newestNs = Math.max(ms, 1) * MS;
  }
  c.rate.measured(tcp.rateSample, newestNs, isDelayed);
  if (oldestNs < 0) return;
  if (!isDelayed || newestNs < c.minRtt.value) {
    c.minRtt.sample(Math.max(newestNs, 1e3), tcp.env, tcp.config);
  }
  c.rtt.sample(oldestNs, c.snd.una, c.snd.nxt);
}

/** A function of its own, as all that deals with times in the rare case: there calls are not inlined, and box them. */
function echoAgeMs(c: TcpConnection): number {
  return (c.tcp.timestamp(c.tcp.env.nowNs, c.tsOffset) - c.lastEcho) | 0;
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
