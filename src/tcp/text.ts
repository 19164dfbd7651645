/** RFC 9293 §3.10.7.4, seventh and eighth step: the text, and the FIN. */
import { ECN_ECHO, type EcnEcho } from '../cc/cc-view.ts';
import { ACCEPTED, DROP } from '../net/drops.ts';
import { type Seq, seqAdd, seqDiff, seqEq, seqGe, seqGt, seqLe, seqLt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { ECN, type Ecn } from './ecn.ts';
import { abortOnData, enterTimeWait } from './ending.ts';
import { sendAck } from './output.ts';
import { pagesForOrder } from './page-shares.ts';
import { prune } from './prune.ts';
import { freeWindow, unackedBytes } from './receive-window.ts';
import type { Segment } from './segment.ts';
import { STATE } from './tcp-state.ts';

/** Both steps. ACCEPTED: there was nothing of either, or some of it was taken; else why none was. */
export function textAndFin(c: TcpConnection, seg: Segment): number {
  if (seg.seqLen === 0 && c.finAt === null) return ACCEPTED;
  if (isNext(c, seg)) return takeNext(c, seg);
  const text = step7Text(c, seg);
  if (text === DROP.TCP_ABORT_ON_DATA) return text; // the connection is over
  const fin = step8Fin(c, seg);
  return text === ACCEPTED ? fin : text;
}

/** Text and nothing else, the next in order, within the window, without a gap, and somebody reads: nearly every one. */
function isNext(c: TcpConnection, { seq, len, seqLen }: Segment): boolean {
  const { rcv } = c;
  return (
    seqEq(seq, rcv.nxt) &&
    len > 0 &&
    len === seqLen &&
    c.finAt === null &&
    !c.isReceiveShut &&
    len <= rcv.acceptable() &&
    !c.received.gaps
  );
}

/** What `step7Text` comes to with such a segment; `step8Fin` has no FIN to look for. */
function takeNext(c: TcpConnection, seg: Segment): number {
  const { tcp } = c;
  const { len } = seg;
  c.beginReceiving();
  if (c.ecn !== null) marked(c, c.ecn, seg);
  const hasPush = seg.has(TCP_FLAG.PSH);
  c.delack.received(len, seg.pieces, c.rcv.window(), hasPush, tcp.env, c.rtt, tcp.config);
  if (!isRoomFor(c, seg.seq, len, seg.chunk)) return DROP.TCP_NO_MEMORY;
  accepted(c, c.received.append(seg.textOff, len, seg.chunk));
  return ACCEPTED;
}

/** For text at RCV.NXT; if there is none the peer hears of that. */
function isRoomFor(c: TcpConnection, seq: Seq, len: number, chunk: number): boolean {
  if (c.received.hasRoom(len, chunk, 0) || prune(c, seq, len, chunk, 0)) return true;
  noRoom(c);
  return false;
}

/** Its fate. TCP_ABORT_ON_DATA: there was text and nobody to read it; the connection has been reset. */
function step7Text(c: TcpConnection, seg: Segment): number {
  if (seg.seqLen === 0) return ACCEPTED;
  c.beginReceiving();
  const { rcv, delack } = c;
  const textEnd = seqAdd(seg.seq, seg.len);
  if (c.isFinReceived && seqGe(seg.seq, rcv.nxt)) return DROP.TCP_INVALID_SEQUENCE; // behind the FIN there is nothing
  const isUnread = c.isFinReceived || (c.isReceiveShut && c.state !== STATE.ESTABLISHED);
  if (isUnread && seqGt(textEnd, rcv.nxt)) {
    abortOnData(c, seg);
    return DROP.TCP_ABORT_ON_DATA;
  }
  if (c.ecn !== null && seg.len > 0) marked(c, c.ecn, seg);
  const isOld = seqLe(seg.end(), rcv.nxt);
  if (isOld) c.tcp.mib.count(c.tcp.ids.DelayedACKLost);
  // Sent again, the FIN perhaps included; or again, and now with the FIN.
  if (seqLe(textEnd, rcv.nxt) && (isOld || seg.len > 0)) {
    reportDuplicate(c, seg.seq, isOld ? seg.end() : textEnd);
    delack.enterQuickMode(rcv.window(), c.tcp.config);
    delack.owe(true);
    return DROP.TCP_OLD_DATA;
  }
  return seg.len > 0 ? takeText(c, seg, textEnd) : ACCEPTED;
}

/** RFC 3168 §6.1.3; or as the module says (RFC 8257 §3.2). */
function marked(c: TcpConnection, ecn: Ecn, seg: Segment): void {
  const { congestion } = c;
  const was = congestion.echo;
  if (seg.ecn !== ECN.NOT_ECT) congestion.dataArrived(seg.ecn === ECN.CE);
  const is = congestion.echo;
  if (is !== was) echoTurns(c, was, is);
  if (ecn.arrived(seg, is === ECN_ECHO.RFC3168)) c.delack.owe(true);
}

/** What came before this segment is acknowledged with the old echo, this segment with the new one, and both at once. */
function echoTurns(c: TcpConnection, was: EcnEcho, is: EcnEcho): void {
  const { congestion, delack } = c;
  if (delack.isOwed) {
    congestion.setEcho(was);
    sendAck(c);
    congestion.setEcho(is);
  }
  delack.owe(true);
}

/** Some of it lies beyond RCV.NXT: what the window admits. */
function takeText(c: TcpConnection, seg: Segment, end: Seq): number {
  const { rcv, delack, received, tcp } = c;
  const window = rcv.window();
  const skip = Math.max(0, seqDiff(rcv.nxt, seg.seq));
  const beyond = Math.max(0, seqDiff(end, seqAdd(rcv.nxt, rcv.acceptable())));
  const len = seg.len - skip - beyond;
  if (skip > 0) reportDuplicate(c, seg.seq, rcv.nxt);
  if (len <= 0) {
    // a probe of a shut window, or text in spite of it
    if (window === 0) tcp.mib.count(tcp.ids.TCPZeroWindowDrop);
    delack.enterQuickMode(window, tcp.config);
    delack.owe(true);
    return window === 0 ? DROP.TCP_ZEROWINDOW : DROP.TCP_OVERWINDOW;
  }
  const hasPush = seg.has(TCP_FLAG.PSH);
  delack.received(seg.len, seg.pieces, window, hasPush, tcp.env, c.rtt, tcp.config);
  const from = seqAdd(seg.seq, skip);
  if (seqEq(from, rcv.nxt)) {
    if (!isRoomFor(c, from, len, seg.chunk)) return DROP.TCP_NO_MEMORY;
    if (!received.gaps) {
      accepted(c, received.append(seg.textOff + skip, len, seg.chunk));
      return ACCEPTED;
    }
  }
  if (seqGt(from, rcv.nxt)) noteOutOfOrder(c, seg.pieces);
  return outOfOrder(c, from, seg.textOff + skip, len, seg.chunk);
}

/** There is none: the peer hears of a shut window until there is memory. It keeps what it has, and does not give up. */
function noRoom(c: TcpConnection): void {
  const { tcp } = c;
  tcp.mib.count(tcp.ids.TCPRcvQDrop);
  tcp.pageWait.addShut(c);
  c.delack.owe(true);
}

/** Text in order: readable, and acknowledged by the rules for it. */
function accepted(c: TcpConnection, len: number): void {
  const { received, tcp } = c;
  if (received.hasJoined) tcp.mib.count(tcp.ids.TCPRcvCoalesce);
  c.rcv.advance(len);
  c.totals.received(len);
  c.sizing.arrived(c, len);
  c.receiverRtt.arrived(c, len);
  c.delack.owe(isAckDue(c));
  c.owner?.readable();
}

function noteOutOfOrder(c: TcpConnection, pieces: number): void {
  c.totals.outOfOrder(pieces);
  c.tcp.mib.count(c.tcp.ids.TCPOFOQueue);
}

/**
 * RFC 9293 §3.8.6.3, SHLD-19: at least every second full segment, while the window keeps up (else the reader's
 * progress brings the ACK); every one in quick-ACK mode.
 */
function isAckDue(c: TcpConnection): boolean {
  const { delack, rcv } = c;
  if (delack.isQuick) return true;
  return unackedBytes(c) > delack.rcvMss && freeWindow(c) >= rcv.wnd;
}

/** RFC 5681 §4.2: a gap opened, or is being filled: acknowledge at once. */
function outOfOrder(c: TcpConnection, seq: Seq, off: number, len: number, chunk: number): number {
  const { rcv, received, sacks, tcp, delack } = c;
  const { around } = tcp;
  const leave = seqEq(seq, rcv.nxt) ? 0 : pagesForOrder(tcp.env.memory.pages);
  // What is here already needs no room, and nothing goes for it.
  if (leave > 0 && !received.hasRoom(len, chunk, leave) && !received.isBeyond(seq, len)) {
    prune(c, seq, len, chunk, leave);
  }
  const placed = received.insert(seq, off, len, chunk, leave);
  if (placed.isRefused) tcp.mib.count(tcp.ids.TCPOFODrop);
  if (seqDiff(placed.duplicateRight, placed.duplicateLeft) > 0) {
    reportDuplicate(c, placed.duplicateLeft, placed.duplicateRight);
    if (placed.newBytes === 0) tcp.mib.count(tcp.ids.TCPOFOMerge);
  }
  if (placed.newBytes > 0 && seqGt(seq, rcv.nxt)) {
    received.stretchAround(seq, around);
    c.sizing.disordered(c);
    sacks.arrived(around.left, seqAdd(around.right, c.finAt?.isAt(around.right) === true ? 1 : 0));
  }
  const filled = received.drain(rcv.nxt);
  if (filled > 0) {
    rcv.advance(filled);
    c.totals.received(filled);
    c.sizing.arrived(c, filled);
    sacks.forgetBelow(rcv.nxt);
    c.owner?.readable();
  }
  // RFC 5681 §4.2: at once when the last gap is filled, and while there is one; but see CompressedAck.
  delack.owe(!received.gaps || isAckDue(c) || c.compressed.isDue(c));
  if (placed.newBytes > 0) return ACCEPTED;
  return placed.isRefused ? DROP.TCP_OFO_DROP : DROP.TCP_OFOMERGE;
}

/** RFC 2883: the sender learns that it sent something twice. */
export function reportDuplicate(c: TcpConnection, left: Seq, right: Seq): void {
  const { tcp } = c;
  if (!c.agreed.hasSack || tcp.config.dsack === 0 || !seqLt(left, right)) return;
  const isOld = seqLt(left, c.rcv.nxt);
  tcp.mib.count(isOld ? tcp.ids.TCPDSACKOldSent : tcp.ids.TCPDSACKOfoSent);
  c.beginReceiving();
  c.sacks.duplicate(left, right);
}

/** The FIN is in order once all text before it is; one that came early is remembered. */
function step8Fin(c: TcpConnection, seg: Segment): number {
  if (c.isFinReceived) return ACCEPTED;
  const fate = seg.has(TCP_FLAG.FIN) ? noteFin(c, seg) : ACCEPTED;
  if (c.finAt === null || !c.finAt.isAt(c.rcv.nxt)) return fate;
  c.takeFin();
  c.sacks.forgetBelow(c.rcv.nxt);
  // In ESTABLISHED our own FIN is likely to follow, and to carry the ACK.
  c.delack.owe(c.state !== STATE.ESTABLISHED);
  if (c.state === STATE.ESTABLISHED) {
    c.delack.setInteractive(true);
    c.moveTo(STATE.CLOSE_WAIT);
  } else if (c.state === STATE.FIN_WAIT_1) c.moveTo(STATE.CLOSING);
  c.owner?.readable();
  if (c.state === STATE.FIN_WAIT_2) enterTimeWait(c);
  return fate;
}

/** One that came early takes a sequence number too: a SACK block covers it, a second one is a duplicate. */
function noteFin(c: TcpConnection, seg: Segment): number {
  const at = seqAdd(seg.seq, seg.len);
  const wasKnown = c.finAt?.isAt(at) === true;
  c.noteFinAt(at);
  if (!seqGt(at, c.rcv.nxt)) return ACCEPTED;
  c.delack.owe(true);
  if (seg.len > 0) {
    if (!wasKnown) coverFin(c, at);
    return ACCEPTED;
  }
  noteOutOfOrder(c, 1);
  if (wasKnown) {
    c.tcp.mib.count(c.tcp.ids.TCPOFOMerge);
    reportDuplicate(c, at, seqAdd(at, 1));
    return DROP.TCP_OFOMERGE;
  }
  coverFin(c, at);
  return ACCEPTED;
}

/** The stretch in front of the FIN, if it is there, and the FIN. */
function coverFin(c: TcpConnection, at: Seq): void {
  const { around } = c.tcp;
  around.left = at;
  around.right = at;
  if (c.received.isBeyond(seqAdd(at, -1), 1)) c.received.stretchAround(seqAdd(at, -1), around);
  c.sacks.arrived(around.left, seqAdd(at, 1));
}
