/** SACK blocks in (RFC 2018 §5, RFC 2883, RFC 6675's scoreboard on the records), with the checks of Linux. */

import { CA_STATE } from '../cc/ca-state.ts';
import { type Seq, seqAdd, seqDiff, seqGe, seqGt, seqLe, seqLt, seqOf } from '../wire/seq.ts';
import type { AckOutcome } from './ack-outcome.ts';
import type { TcpConnection } from './connection.ts';
import type { Segment } from './segment.ts';
import { TOTAL } from './totals.ts';
import { NO_RECORD, REC, REC_STATE } from './tx-records.ts';
import { isCutTooFine } from './write-room.ts';

/** Before the records that `una` acknowledges leave the queue; `una` is the new SND.UNA already. */
export function sackInput(
  c: TcpConnection,
  seg: Segment,
  priorUna: Seq,
  una: Seq,
  a: AckOutcome,
): void {
  const { snd, rtx, congestion, recovery } = c;
  const isDuplicate = isDuplicateReport(c, seg, priorUna, a);
  if (rtx.isEmpty) return;
  a.beginOrder(snd.nxt);
  // The D-SACK block is the first; it may also tell of text beyond the gap.
  if (isDuplicate) duplicateBlock(c, seg, priorUna, una, a);
  const from = isDuplicate && seqLe(seqOf(seg.sackEdges[1]!), una) ? 1 : 0;
  // Lowest first: a block that is new, like the one above it, was not overtaken by it.
  seg.sortSackBlocks(from);
  for (let i = from; i < seg.sackBlocks; i++) {
    const left = seqOf(seg.sackEdges[2 * i]!);
    const right = seqOf(seg.sackEdges[2 * i + 1]!);
    if (isPlausible(c, left, right, una)) {
      if (seqGt(right, priorUna)) markBlock(c, left, right, una, a);
    } else if (!seqLe(right, una) || seg.ack === una) c.tcp.mib.count(c.tcp.ids.TCPSACKDiscard);
  }
  if (congestion.state !== CA_STATE.LOSS || recovery.undo.hasMarker) {
    recovery.checkReordering(a.lowest, rtx.forwardAck(una), false);
  }
}

/** Beyond SND.UNA, and nothing that was never sent. */
function isPlausible(c: TcpConnection, left: Seq, right: Seq, una: Seq): boolean {
  return seqLt(left, right) && seqLe(right, c.snd.nxt) && seqGt(left, una);
}

/** RFC 2883 §4: the first block lies below the cumulative ACK, or inside the second block. */
function isDuplicateReport(c: TcpConnection, seg: Segment, priorUna: Seq, a: AckOutcome): boolean {
  const { mib, ids } = c.tcp;
  const left = seqOf(seg.sackEdges[0]!);
  const right = seqOf(seg.sackEdges[1]!);
  if (seqLt(left, seg.ack)) mib.count(ids.TCPDSACKRecv);
  else {
    if (seg.sackBlocks < 2) return false;
    const isInside =
      seqLe(seqOf(seg.sackEdges[2]!), left) && seqLe(right, seqOf(seg.sackEdges[3]!));
    if (!isInside) return false;
    mib.count(ids.TCPDSACKOfoRecv);
  }
  const pieces = duplicatePieces(c, left, right, a);
  if (pieces === 0) {
    mib.count(ids.TCPDSACKIgnoredDubious);
    return false;
  }
  mib.add(ids.TCPDSACKRecvSegs, pieces);
  if (seqLe(right, priorUna)) c.recovery.undo.provenUnneeded(right, pieces);
  return true;
}

/** The peer got something twice: is it to be believed, and how much was it? */
function duplicatePieces(c: TcpConnection, left: Seq, right: Seq, a: AckOutcome): number {
  const { recovery, rack, snd, probe } = c;
  const bytes = seqDiff(right, left);
  if (bytes <= 0 || bytes > snd.maxWnd) return 0;
  const pieces = Math.max(1, Math.ceil(bytes / c.congestion.view.mss));
  const isProbe = pieces === 1 && probe.isReportedBy(right);
  // More than we ever sent twice: the network duplicates, and we were not too early.
  c.totals.duplicatesReported(pieces);
  if (c.totals.get(TOTAL.DSACK_DUPS) > c.totals.get(TOTAL.RETRANS)) return 0;
  a.duplicateReported(isProbe);
  a.arrived(pieces);
  c.congestion.delivered(pieces);
  if (recovery.reorderingSeen > 0 && !isProbe) rack.duplicateSeen();
  return pieces;
}

/** Records that a D-SACK is about and that are still in the queue: their retransmissions have arrived too. */
function duplicateBlock(
  c: TcpConnection,
  seg: Segment,
  priorUna: Seq,
  una: Seq,
  a: AckOutcome,
): void {
  const { rtx, recovery } = c;
  const left = seqOf(seg.sackEdges[0]!);
  const right = seqOf(seg.sackEdges[1]!);
  if (!mayBeAbout(c, left, right, una) || !seqGt(right, priorUna)) return;
  const from = seqGt(left, priorUna) ? left : priorUna;
  let r = rtx.find(from);
  while (r !== NO_RECORD && seqLe(rtx.endOfRecord(r), right)) {
    rtx.look();
    if (rtx.has(r, REC_STATE.EVER_RETRANS) && seqGe(rtx.seqOfRecord(r), left)) {
      recovery.undo.provenUnneeded(rtx.endOfRecord(r), rtx.pieces(r));
      if (rtx.has(r, REC_STATE.SACKED)) a.arrivedLate(rtx.seqOfRecord(r));
      if (seqGt(rtx.endOfRecord(r), una)) rtx.clearRetransmitted(r);
    }
    r = rtx.next(r);
  }
}

function mayBeAbout(c: TcpConnection, left: Seq, right: Seq, una: Seq): boolean {
  const { snd, recovery, tcp } = c;
  const wasSent = seqLe(right, snd.nxt);
  if (wasSent && seqGt(left, una)) return true;
  const isNear = seqGe(left, seqAdd(right, -snd.maxWnd));
  if (seqLe(right, una) && recovery.undo.covers(left, right, isNear)) return true;
  const { TCPDSACKIgnoredOld, TCPDSACKIgnoredNoUndo } = tcp.ids;
  tcp.mib.count(recovery.undo.hasMarker ? TCPDSACKIgnoredOld : TCPDSACKIgnoredNoUndo);
  return false;
}

/** Marks the records of a block; one that it covers in part is cut at a segment boundary. */
function markBlock(c: TcpConnection, left: Seq, right: Seq, una: Seq, a: AckOutcome): void {
  const { rtx } = c;
  const { mss } = c.congestion.view;
  let r = rtx.find(left);
  while (r !== NO_RECORD && seqLt(rtx.seqOfRecord(r), right)) {
    rtx.look();
    if (rtx.has(r, REC_STATE.SACKED)) {
      r = rtx.next(r);
      continue;
    }
    const head = seqDiff(left, rtx.seqOfRecord(r));
    if (head > 0) {
      const cut = Math.ceil(head / mss) * mss;
      if (cut >= c.tcp.records.get(r, REC.LEN)) r = rtx.next(r);
      else if (!mayCut(c, r)) return;
      else r = rtx.split(r, cut, mss);
      continue;
    }
    const covered = seqDiff(right, rtx.seqOfRecord(r));
    const whole = c.tcp.records.get(r, REC.LEN);
    if (covered < whole) {
      const cut = Math.floor(covered / mss) * mss;
      if (cut === 0 || !mayCut(c, r)) return;
      rtx.split(r, cut, mss);
    }
    markRecord(c, r, una, a);
    const joined = rtx.mergeSacked(r);
    if (joined !== r) c.tcp.mib.count(c.tcp.ids.TCPSackMerged);
    r = rtx.next(joined);
  }
}

/** The first and the last may always be: what is resent, and what was sent last, must go on. */
function mayCut(c: TcpConnection, r: number): boolean {
  const { rtx, tcp } = c;
  if (r === rtx.first || r === rtx.last || !isCutTooFine(c)) return true;
  tcp.mib.count(tcp.ids.TCPWqueueTooBig);
  return false;
}

function markRecord(c: TcpConnection, r: number, una: Seq, a: AckOutcome): void {
  const { rtx, recovery, tcp } = c;
  const pieces = rtx.pieces(r);
  const wasResent = rtx.has(r, REC_STATE.EVER_RETRANS);
  c.rack.delivered(tcp.records, r, rtx.endOfRecord(r), wasResent, c.congestion.view);
  if (!wasResent) {
    if (seqLt(rtx.seqOfRecord(r), rtx.forwardAck(una))) a.arrivedLate(rtx.seqOfRecord(r));
    if (seqLe(rtx.endOfRecord(r), recovery.highSeq)) a.original();
    a.timedSack(tcp.records, r);
  }
  c.noteDelivered(r, rtx.endOfRecord(r));
  rtx.markSacked(r);
  a.arrived(pieces);
  a.sacked();
  c.congestion.delivered(pieces);
}
