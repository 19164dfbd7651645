/** SACK blocks in (RFC 2018 §5, RFC 2883, RFC 6675's scoreboard on the records). */

import { type Seq, seqDiff, seqGt, seqLe, seqLt, seqOf } from '../wire/seq.ts';
import type { AckOutcome } from './ack-outcome.ts';
import type { TcpConnection } from './connection.ts';
import { isBlockPlausible } from './rtx-queue.ts';
import type { Segment } from './segment.ts';
import { NO_RECORD, REC, REC_STATE, REC_TIME } from './tx-records.ts';

export function sackInput(c: TcpConnection, seg: Segment, priorUna: Seq, a: AckOutcome): void {
  for (let i = 0; i < seg.sackBlocks; i++) {
    const left = seqOf(seg.sackEdges[2 * i]!);
    const right = seqOf(seg.sackEdges[2 * i + 1]!);
    if (i === 0 && isDuplicateReport(seg, left, right)) {
      duplicateInput(c, left, right, priorUna, a);
      continue;
    }
    if (!isBlockPlausible(left, right, c.snd.una, c.snd.nxt)) continue;
    markBlock(c, left, right, a);
  }
}

/** RFC 2883 §4: below the cumulative ACK, or inside the second block. */
function isDuplicateReport(seg: Segment, left: Seq, right: Seq): boolean {
  if (seqLt(left, seg.ack)) return true;
  if (seg.sackBlocks < 2) return false;
  return seqLe(seqOf(seg.sackEdges[2]!), left) && seqLe(right, seqOf(seg.sackEdges[3]!));
}

/** The peer got something twice: a retransmission of ours was not needed. */
function duplicateInput(
  c: TcpConnection,
  left: Seq,
  right: Seq,
  priorUna: Seq,
  a: AckOutcome,
): void {
  const { recovery, snd } = c;
  if (!seqLt(left, right) || seqGt(right, snd.nxt)) return;
  a.duplicateReported();
  c.totals.duplicatesReported(Math.ceil(seqDiff(right, left) / c.congestion.view.mss));
  const isOurs =
    recovery.hasUndoMarker && !seqLt(left, recovery.undoMarker) && seqLe(right, priorUna);
  if (isOurs) recovery.provenUnneeded(Math.ceil(seqDiff(right, left) / c.congestion.view.mss));
  else if (recovery.hasUndoMarker && seqLe(right, snd.nxt)) recovery.provenUnneeded(1);
}

/** Marks the records of a block; one that it covers in part is cut at a segment boundary. */
function markBlock(c: TcpConnection, left: Seq, right: Seq, a: AckOutcome): void {
  const { rtx } = c;
  const { mss } = c.congestion.view;
  let r = rtx.find(left);
  while (r !== NO_RECORD && seqLt(rtx.seqOfRecord(r), right)) {
    if (rtx.has(r, REC_STATE.SACKED)) {
      r = rtx.next(r);
      continue;
    }
    const head = seqDiff(left, rtx.seqOfRecord(r));
    if (head > 0) {
      const cut = Math.ceil(head / mss) * mss;
      if (cut >= c.tcp.records.get(r, REC.LEN)) r = rtx.next(r);
      else r = rtx.split(r, cut, mss);
      continue;
    }
    const covered = seqDiff(right, rtx.seqOfRecord(r));
    const whole = c.tcp.records.get(r, REC.LEN);
    if (covered < whole) {
      const cut = Math.floor(covered / mss) * mss;
      if (cut === 0) return;
      rtx.split(r, cut, mss);
    }
    markRecord(c, r, a);
    r = rtx.next(r);
  }
}

function markRecord(c: TcpConnection, r: number, a: AckOutcome): void {
  const { rtx, recovery, tcp } = c;
  const pieces = rtx.pieces(r);
  const wasRetransmitted = rtx.has(r, REC_STATE.EVER_RETRANS);
  if (wasRetransmitted) a.retransmission();
  else {
    a.original();
    a.timedSack(tcp.records, r);
    if (c.isBelowHighestSacked(r)) recovery.noteReordering(c.reorderingDistance(r));
  }
  c.noteDelivered(r);
  rtx.markSacked(r);
  c.noteSacked(r);
  a.arrived(pieces);
  a.sacked();
  c.congestion.delivered(pieces);
  const xmitNs = tcp.records.time(r, REC_TIME.SENT_NS);
  const floorNs = c.congestion.view.minRttNs;
  c.rack.delivered(xmitNs, rtx.endOfRecord(r), wasRetransmitted, floorNs, c.nowNs());
}
