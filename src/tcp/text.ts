/** RFC 9293 §3.10.7.4, seventh and eighth step: the text, and the FIN. */
import { type Seq, seqAdd, seqDiff, seqEq, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { unackedBytes } from './receive-window.ts';
import type { Segment } from './segment.ts';
import { isIn, MAY_RECEIVE, STATE } from './tcp-state.ts';

/** RFC 3168 §5. */
const CE = 3;

export function step7Text(c: TcpConnection, seg: Segment): void {
  if (seg.len === 0) return;
  if (!isIn(c.state, MAY_RECEIVE)) return;
  const { rcv, delack, received } = c;
  if (seg.ecn !== 0) c.congestion.dataArrived(seg.ecn === CE);
  const now = c.nowNs();
  delack.received(seg.len, seg.pieces, now, c.rtt.rtoNs(), rcv.window(), c.tcp.config);
  const end = seqAdd(seg.seq, seg.len);
  if (seqLe(end, rcv.nxt)) {
    reportDuplicate(c, seg.seq, end);
    return;
  }
  const skip = Math.max(0, seqDiff(rcv.nxt, seg.seq));
  const beyond = Math.max(0, seqDiff(end, seqAdd(rcv.nxt, rcv.acceptable())));
  const len = seg.len - skip - beyond;
  if (len <= 0) {
    delack.owe(true); // a probe of a shut window
    return;
  }
  if (skip > 0) reportDuplicate(c, seg.seq, rcv.nxt);
  const from = seqAdd(seg.seq, skip);
  if (seqEq(from, rcv.nxt) && !received.gaps) {
    if (received.append(seg.textOff + skip, len, seg.chunk)) accepted(c, len);
    else c.tcp.mib.count(c.tcp.ids.TCPRcvQDrop);
    return;
  }
  if (seqGt(from, rcv.nxt)) noteOutOfOrder(c, seg);
  outOfOrder(c, from, seg.textOff + skip, len, seg.chunk);
}

/** Text in order: readable, and acknowledged by the rules for it. */
function accepted(c: TcpConnection, len: number): void {
  const { rcv, delack, received, tcp } = c;
  if (received.hasJoined) tcp.mib.count(tcp.ids.TCPRcvCoalesce);
  rcv.advance(len);
  c.totals.received(len);
  delack.owe(delack.isQuick || unackedBytes(c) > delack.rcvMss);
  c.owner?.readable();
}

function noteOutOfOrder(c: TcpConnection, seg: Segment): void {
  c.totals.outOfOrder(seg.pieces);
  c.tcp.mib.count(c.tcp.ids.TCPOFOQueue);
}

/** RFC 5681 §4.2: a gap opened, or is being filled: acknowledge at once. */
function outOfOrder(c: TcpConnection, seq: Seq, off: number, len: number, chunk: number): void {
  const { rcv, received, sacks, tcp, delack } = c;
  const { around } = tcp;
  received.insert(seq, off, len, chunk);
  if (received.isRefused) tcp.mib.count(tcp.ids.TCPRcvQDrop);
  if (seqDiff(received.duplicateRight, received.duplicateLeft) > 0) {
    reportDuplicate(c, received.duplicateLeft, received.duplicateRight);
    if (received.newBytes === 0) tcp.mib.count(tcp.ids.TCPOFOMerge);
  }
  if (received.newBytes > 0 && seqGt(seq, rcv.nxt)) {
    received.stretchAround(seq, around);
    sacks.arrived(around.left, around.right);
  }
  const filled = received.drain(rcv.nxt);
  if (filled > 0) {
    rcv.advance(filled);
    c.totals.received(filled);
    sacks.forgetBelow(rcv.nxt);
    c.owner?.readable();
  }
  delack.forceQuick();
  delack.owe(true);
}

/** RFC 2883: the sender learns that it sent something twice. */
function reportDuplicate(c: TcpConnection, left: Seq, right: Seq): void {
  c.delack.forceQuick();
  c.delack.owe(true);
  const { tcp } = c;
  if (!c.agreed.hasSack || tcp.config.dsack === 0 || !seqLt(left, right)) return;
  const isOld = seqLt(left, c.rcv.nxt);
  tcp.mib.count(isOld ? tcp.ids.TCPDSACKOldSent : tcp.ids.TCPDSACKOfoSent);
  c.sacks.duplicate(left, right);
}

export function step8Fin(c: TcpConnection, seg: Segment): void {
  if (!seg.has(TCP_FLAG.FIN) || c.isFinReceived) return;
  const finSeq = seqAdd(seg.seq, seg.len);
  if (!seqEq(finSeq, c.rcv.nxt)) return; // text is missing before it: it will come again
  c.takeFin();
  c.delack.owe(true);
  if (c.state === STATE.ESTABLISHED) c.moveTo(STATE.CLOSE_WAIT);
  else if (c.state === STATE.FIN_WAIT_1) c.moveTo(STATE.CLOSING);
  else if (c.state === STATE.FIN_WAIT_2) {
    c.owner?.readable();
    c.tcp.enterTimeWait(c);
    return;
  }
  c.owner?.readable();
}
