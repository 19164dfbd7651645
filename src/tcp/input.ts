/** SEGMENT ARRIVES for a connection in a synchronized state: RFC 9293 §3.10.7.4, in the order of its steps. */
import { SEC } from '../base/time.ts';
import { seqAdd, seqDiff, seqEq, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import { step5Ack } from './ack.ts';
import type { TcpConnection } from './connection.ts';
import type { Segment } from './segment.ts';
import { step7Text, step8Fin } from './text.ts';

/** RFC 7323 §5.5: a timestamp this old says nothing any more. */
const PAWS_IDLE_NS = 24 * 24 * 3600 * SEC;

export function segmentArrives(c: TcpConnection, seg: Segment): void {
  c.totals.segmentIn(seg.pieces, seg.len);
  c.noteReceived(c.nowNs());
  if (!step1Sequence(c, seg)) return; // first: acceptability, PAWS; may owe an ACK
  if (!step2Reset(c, seg)) return; // second: RST, exact match or challenge (RFC 5961 §3.2)
  if (!step4Syn(c, seg)) return; // fourth: SYN in a synchronized state (RFC 5961 §4.2)
  if (!seg.has(TCP_FLAG.ACK)) return; // fifth: without ACK it is dropped
  if (!step5Ack(c, seg)) return; // an old ACK does not discard the text
  if (c.tcp.isGone(c)) return;
  step7Text(c, seg);
  step8Fin(c, seg);
}

function step1Sequence(c: TcpConnection, seg: Segment): boolean {
  const { rcv, tcp } = c;
  if (isOldDuplicateByTimestamp(c, seg)) {
    if (!seg.has(TCP_FLAG.RST)) {
      tcp.mib.count(tcp.ids.PAWSEstab);
      oweDuplicate(c, seg);
      return false;
    }
  }
  if (!isAcceptable(c, seg)) {
    if (!seg.has(TCP_FLAG.RST)) oweDuplicate(c, seg);
    return false;
  }
  if (seg.hasTimestamps && c.agreed.hasTimestamps && seqLe(seg.seq, c.lastAckSent)) {
    if (((seg.tsVal - c.tsRecent) | 0) >= 0) c.rememberTimestamp(seg.tsVal);
  }
  return (
    seqDiff(rcv.nxt, seqAdd(seg.seq, seg.seqLen)) <= 0 || seg.seqLen === 0 || seg.has(TCP_FLAG.ACK)
  );
}

/** RFC 9293 §3.10.7.4's four cases in one: something of it lies within the window (or at its left edge). */
function isAcceptable(c: TcpConnection, seg: Segment): boolean {
  const { rcv } = c;
  const end = seqAdd(seg.seq, seg.seqLen);
  const right = seqAdd(rcv.nxt, rcv.acceptable());
  return !seqLt(end, rcv.wup) && !seqLt(right, seg.seq);
}

/** RFC 7323 §5.3. */
function isOldDuplicateByTimestamp(c: TcpConnection, seg: Segment): boolean {
  if (!c.agreed.hasTimestamps || !seg.hasTimestamps) return false;
  if (((seg.tsVal - c.tsRecent) | 0) >= 0) return false;
  return c.nowNs() - c.tsRecentNs < PAWS_IDLE_NS;
}

function oweDuplicate(c: TcpConnection, seg: Segment): void {
  if (seg.len === 0 && !c.mayChallenge()) return;
  c.delack.owe(true);
  const end = seqAdd(seg.seq, seg.len);
  if (seg.len > 0 && seqLe(end, c.rcv.nxt) && c.agreed.hasSack) c.sacks.duplicate(seg.seq, end);
}

function step2Reset(c: TcpConnection, seg: Segment): boolean {
  if (!seg.has(TCP_FLAG.RST)) return true;
  if (seqEq(seg.seq, c.rcv.nxt)) c.tcp.reset(c);
  else if (c.mayChallenge()) {
    c.tcp.mib.count(c.tcp.ids.TCPChallengeACK);
    c.delack.owe(true);
  }
  return false;
}

function step4Syn(c: TcpConnection, seg: Segment): boolean {
  if (!seg.has(TCP_FLAG.SYN)) return true;
  if (c.mayChallenge()) {
    c.tcp.mib.count(c.tcp.ids.TCPChallengeACK);
    c.delack.owe(true);
  }
  return false;
}
