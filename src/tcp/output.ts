import { CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import { type Seq, seqAdd, seqDiff, seqEq, seqGt } from '../wire/seq.ts';
import { MAX_SACK_BLOCKS, TCP_FLAG, TCP_HEADER_LEN, TCP_OPT, writeTcp } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { limitToWhatIsLeft } from './duplicate-acks.ts';
import { nextProbe, notePath, PROBE, pathShrank, probeSent } from './mtu-search.ts';
import { departed, isPacerOpen } from './pacer.ts';
import type { PathMtu } from './path-mtu.ts';
import { armPersist } from './probing.ts';
import { selectWindow } from './receive-window.ts';
import { REXMIT } from './recovery.ts';
import { nextLength } from './segment-length.ts';
import { checkSendBuffer } from './send-buffer.ts';
import { bufferBytes, cwndQuota, segmentsPerFrame, WAIT } from './super-frame.ts';
import { TCP_MIB } from './tcp-mib.ts';
import { HAS_CLOSED, isIn, MAY_SEND } from './tcp-state.ts';
import { writeTimestampOption } from './timestamp-option.ts';
import { transmit } from './transmit.ts';
import { NO_RECORD, REC, REC_STATE } from './tx-records.ts';
import { urgentPointer } from './urgent.ts';
import { armAfterNewData, armRto } from './xmit-timer.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { ACK, PSH, FIN, RST, CWR, URG } = TCP_FLAG;
const SENDING = MAY_SEND | HAS_CLOSED;
const { DELACK, PERSIST, PACE, REORDER } = DUE;
const NONE: number = NO_RECORD;
const HEADER_LEN = TCP_HEADER_LEN;
const { OutSegs: OUT_SEGS, TCPOrigDataSent: ORIG_DATA_SENT } = TCP_MIB;

export function output(c: TcpConnection): void {
  if (c.hasQueued) sendOwn(c);
  if (c.delack.isOwed) {
    if (c.delack.isDueNow) sendAck(c);
    else if (!c.due.isArmed(DELACK)) {
      c.delack.armWait(c.due, c.tcp.env, c.rtt, c.tcp.config);
    }
  }
  if (c.hasQueued) checkSendBuffer(c);
}

/**
 * Lost segments, new text, the FIN. Whoever has never queued any of it only receives: what it knows of windows and
 * segments may be old, as an ACK alone needs none of it, and a write will ask.
 */
function sendOwn(c: TcpConnection): void {
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
  if (c.pathMtu?.isTooLarge === true) pathShrank(c, c.pathMtu);
  // RFC 7413 §4.2.2: while the SYN-ACK is not acknowledged it alone is sent again.
  if (c.recovery.rexmit === REXMIT.LOST && c.unconfirmed === null) retransmitLost(c);
  sendNewData(c);
  sendFin(c);
  armIfStuck(c);
  // RFC 5682 step 2.b: no new text could be sent, so the conventional recovery goes on.
  if (c.recovery.rexmit === REXMIT.NEW && !seqGt(c.snd.nxt, c.recovery.highSeq)) {
    c.recovery.frtoIsOver();
    retransmitLost(c);
  }
  c.forgetMore();
}

// ---- retransmissions ----

function retransmitLost(c: TcpConnection): void {
  const { rtx, congestion, tcp } = c;
  const v = congestion.view;
  while (rtx.lost.first !== NONE) {
    const room = v.cwnd - rtx.inFlight();
    if (room <= 0 || !isPacerOpen(c)) return;
    const r = rtx.lost.first;
    const most = Math.max(1, Math.min(room, segmentsPerFrame(c)));
    if (!retransmit(c, r, most)) return;
    const { TCPFastRetrans, TCPSlowStartRetrans } = tcp.ids;
    const id = congestion.state === CA_STATE.LOSS ? TCPSlowStartRetrans : TCPFastRetrans;
    tcp.mib.add(id, rtx.pieces(r));
    if (congestion.isReducing) congestion.sentDuringReduction(rtx.pieces(r));
    // RFC 6298 §5.3's spirit: the oldest was just sent again, its timeout counts from now.
    if (r === rtx.first && !c.due.isArmed(REORDER)) armRto(c);
  }
}

/** Resends a lost record, or its first `most` pieces. False: the device has no room, or the peer's window none. */
export function retransmit(c: TcpConnection, r: number, most: number): boolean {
  const inFlight = c.rtx.inFlight();
  if (!resend(c, r, most)) {
    c.tcp.mib.count(c.tcp.ids.TCPRetransFail);
    return false;
  }
  const pieces = c.rtx.pieces(r);
  c.rate.sent(c.congestion.view, c.tcp.records, r, false, inFlight + pieces);
  c.rtx.markRetransmitted(r, c.tcp.env);
  c.recovery.retransmitted(pieces);
  return true;
}

/** RFC 8985 §7.3: the last segment again, which is not thought lost. */
export function resendAsProbe(c: TcpConnection, r: number): boolean {
  if (!resend(c, r, 1)) return false;
  c.rate.sent(c.congestion.view, c.tcp.records, r, false, c.rtx.inFlight());
  c.rtx.markProbed(r, c.tcp.env);
  return true;
}

function resend(c: TcpConnection, r: number, most: number): boolean {
  const { rtx, snd, tcp } = c;
  const { mss } = c.congestion.view;
  const limit = lengthToResend(c, r, most);
  if (limit <= 0) return false;
  if (tcp.records.get(r, REC.LEN) > limit) rtx.split(r, limit, mss);
  else rtx.recount(r, mss);
  limitToWhatIsLeft(c);
  const from = seqDiff(rtx.seqOfRecord(r), snd.una);
  const isFin = rtx.has(r, REC_STATE.FIN);
  const len = tcp.records.get(r, REC.LEN) - (isFin ? 1 : 0);
  const isPushed = isFin || rtx.has(r, REC_STATE.PSH);
  const flags = ACK | (isFin ? FIN : 0) | (isPushed && len > 0 ? PSH : 0);
  if (c.inFlight() === 0) c.congestion.flightBegins(c.rate.isAppLimited);
  if (!sendSegment(c, rtx.seqOfRecord(r), from, len, flags, mss)) return false;
  if (c.pathMtu?.search) c.pathMtu.search.inconclusive();
  tcp.mib.add(tcp.ids.RetransSegs, rtx.pieces(r));
  c.totals.retransmitted(rtx.pieces(r), len);
  if (len === 0) tcp.watch.finResent(c);
  afterSending(c, rtx.pieces(r), len);
  return true;
}

/**
 * A peer may take its window back; then what is beyond it is not resent, except the first segment, which serves as
 * a probe (RFC 9293 §3.8.6).
 */
function lengthToResend(c: TcpConnection, r: number, most: number): number {
  const { rtx, snd } = c;
  const { mss } = c.congestion.view;
  let window = snd.wnd - seqDiff(rtx.seqOfRecord(r), snd.una);
  if (window <= 0) {
    if (r !== rtx.first) return 0;
    window = mss;
  }
  const len = mss * most;
  if (len <= window) return len;
  const whole = Math.floor(window / mss) * mss;
  return whole > 0 ? whole : window;
}

// ---- new text ----

/** As much as may go now. Whether cwnd was what ended it decides whether it grows. */
export function sendNewData(c: TcpConnection): void {
  if (!isIn(c.state, SENDING) || c.isFinSent) return;
  if (c.unsentBytes() === 0) {
    // Who has nothing to send is not held back by cwnd, full as it may be.
    c.chrono.outputEnded(false, true);
    return;
  }
  const { congestion, rtx, snd } = c;
  const v = congestion.view;
  const most = segmentsPerFrame(c);
  const before = snd.nxt;
  if (c.pathMtu !== null && !probePath(c, c.pathMtu)) return;
  let wait: number = WAIT.NO;
  let unsent = c.unsentBytes();
  while (unsent > 0) {
    if (!isPacerOpen(c)) break;
    const quota = cwndQuota(c);
    if (quota === 0) break;
    const len = nextLength(c, unsent, quota, most);
    if (len <= 0) {
      wait = len;
      break;
    }
    if (!sendText(c, len, unsent, false, v.mss)) break;
    unsent -= len;
  }
  const isCwndLimited = wait === WAIT.CWND || c.inFlight() >= v.cwnd;
  if (isCwndLimited || snd.nxt !== before) {
    c.use.sent(isCwndLimited, rtx.packetsOut, snd.una, snd.nxt);
    validateWindow(c);
  }
  c.chrono.outputEnded(wait === WAIT.WINDOW, unsent === 0 && !isCwndLimited);
}

/** RFC 8985 §7.3: one segment of new text, whatever cwnd, pacing and Nagle say. False: none, or no window for it. */
export function sendNewAsProbe(c: TcpConnection): boolean {
  const unsent = c.unsentBytes();
  if (!isIn(c.state, SENDING) || unsent === 0) return false;
  const record = c.records?.distance(c.snd.nxt) ?? unsent;
  const { mss } = c.congestion.view;
  const len = Math.min(unsent, record, mss);
  return len <= c.snd.usable() && sendText(c, len, unsent, false, mss);
}

/** Whatever the peer's window admits of what was held back: the other side of silly-window avoidance. */
export function sendHeldBack(c: TcpConnection): boolean {
  const unsent = c.unsentBytes();
  if (unsent === 0) {
    sendFin(c);
    return c.isFinSent;
  }
  const record = c.records?.distance(c.snd.nxt) ?? unsent;
  const { mss } = c.congestion.view;
  const len = Math.min(unsent, record, c.snd.usable(), mss);
  return len > 0 && sendText(c, len, unsent, true, mss);
}

/** RFC 2861: a window that was not full for a retransmission timeout comes down towards what was used. */
function validateWindow(c: TcpConnection): void {
  const { congestion, use } = c;
  const v = congestion.view;
  const now = v.nowNs;
  if (use.isLimited(v.cwnd, v.isInSlowStart())) {
    use.full(now);
    return;
  }
  const { slowStartAfterIdle } = c.tcp.config;
  if (slowStartAfterIdle === 0 || now - use.fullSinceNs() < c.rtt.rtoNs) return;
  if (congestion.has(HOOK.CONG_CONTROL)) return;
  const isByApplication = v.caState === CA_STATE.OPEN && !c.chrono.isRefused();
  if (isByApplication)
    congestion.applicationLimited(Math.max(use.mostUsed(), c.tcp.firstWindow(c)));
  use.full(now);
}

/** RFC 4821: one segment to find out whether the path takes so large a one. False: text waits until there is room for it. */
function probePath(c: TcpConnection, { search }: PathMtu): boolean {
  if (search === null) return true;
  const unsent = c.unsentBytes();
  const len = nextProbe(c, search, unsent);
  if (len === PROBE.WAIT) return false;
  if (len === PROBE.NONE) return true;
  const from = c.snd.nxt;
  if (sendText(c, len, unsent, false, len)) probeSent(c, search, from, len);
  return true;
}

/** In segments of `size` bytes. */
function sendText(
  c: TcpConnection,
  len: number,
  unsent: number,
  isForced: boolean,
  size: number,
): boolean {
  const { snd, rtx } = c;
  const v = c.congestion.view;
  const isLast = len === unsent;
  const hasFin = isLast && c.isFinQueued;
  const seq = snd.nxt;
  const endsRecord = c.records !== null && c.records.distance(seq) === len;
  const isHalfWindow = snd.hasPush(len);
  const isWritten = endsRecord || seqEq(seqAdd(seq, len), snd.pushed);
  const isPushed = hasFin || isForced || isWritten || isHalfWindow;
  const flags = ACK | (isPushed ? PSH : 0) | (hasFin ? FIN : 0);
  const isIdle = rtx.isEmpty;
  if (c.inFlight() === 0) c.congestion.flightBegins(c.rate.isAppLimited);
  if (!sendSegment(c, seq, seqDiff(seq, snd.una), len, flags, size)) return false;
  const pieces = Math.ceil(len / size);
  const seqLen = len + (hasFin ? 1 : 0);
  if (isHalfWindow) snd.pushLeft(bufferBytes(c));
  if (hasFin) c.noteFinSent();
  const state = (hasFin ? REC_STATE.FIN : 0) | (isPushed ? REC_STATE.PSH : 0);
  const r = rtx.append(seq, seqLen, pieces, state, c.tcp.env);
  c.rate.sent(v, c.tcp.records, r, isIdle, rtx.inFlight());
  c.tcp.mib.add(ORIG_DATA_SENT, pieces);
  snd.advance(seqLen);
  if (len % size !== 0) snd.noteSmall();
  if (c.congestion.isReducing) c.congestion.sentDuringReduction(pieces);
  c.due.disarm(PERSIST);
  afterSending(c, pieces, len);
  armAfterNewData(c, isIdle);
  return true;
}

/** A FIN that finds no text to ride on. */
function sendFin(c: TcpConnection): void {
  if (!c.isFinQueued || c.isFinSent || c.unsentBytes() > 0) return;
  const { snd, rtx } = c;
  const seq = snd.nxt;
  const { mss } = c.congestion.view;
  if (!sendSegment(c, seq, 0, 0, ACK | FIN, mss)) return;
  const isIdle = rtx.isEmpty;
  c.noteFinSent();
  const r = rtx.append(seq, 1, 1, REC_STATE.FIN, c.tcp.env);
  c.rate.sent(c.congestion.view, c.tcp.records, r, isIdle, rtx.inFlight());
  c.tcp.mib.count(c.tcp.ids.TCPOrigDataSent); // as on Linux, whose FIN leaves by the queue of the data
  snd.advance(1);
  armAfterNewData(c, isIdle);
}

function afterSending(c: TcpConnection, pieces: number, len: number): void {
  c.delack.dataSent(c.tcp.env);
  c.noteSent();
  departed(c, pieces, len);
}

/**
 * Nothing in flight whose ACK would bring us back: no route, a shut window, a device that may stay full. Who waits for
 * the device is woken sooner as a rule, but not by one that was taken away.
 */
function armIfStuck(c: TcpConnection): void {
  if (!c.rtx.isEmpty || !c.hasUnsent() || c.unconfirmed !== null) return;
  if (!c.due.isArmed(PACE)) armPersist(c);
}

// ---- segments without text ----

export function sendAck(c: TcpConnection): void {
  sendBare(c, c.snd.acceptable(), ACK);
}

/** RFC 9293 §3.8.4, §3.8.6.1: a segment that the peer must answer, one before what it expects. False: it stayed. */
export function sendProbe(c: TcpConnection): boolean {
  return sendBare(c, seqAdd(c.snd.una, -1), ACK);
}

/** The last of a connection: where there is no room it follows, without it. */
export function sendReset(c: TcpConnection): void {
  const flags = RST | ACK | c.markEcn(false);
  c.tcp.resetWait.send(c, writeHeader(c, c.snd.acceptable(), flags, 0));
  c.totals.segmentOut(1, 0);
}

function sendBare(c: TcpConnection, seq: Seq, flags: number): boolean {
  return sendSegment(c, seq, 0, 0, flags, c.congestion.view.mss);
}

function sendSegment(
  c: TcpConnection,
  seq: Seq,
  from: number,
  len: number,
  flags: number,
  mss: number,
): boolean {
  const { tcp, snd } = c;
  const blocks = sackRoom(c, flags, len, mss);
  const hasLeftOut = blocks === 0 && !c.sacks.isEmpty;
  const isNext = seqEq(seq, snd.nxt);
  const marks = c.markEcn(isNext && len > 0);
  // As Linux does with super-frames, whoever cuts them: the receiver is not to hold one for more of its kind.
  const push = len > mss ? PSH : 0;
  const headerLen = writeHeader(c, seq, flags | marks | push, blocks);
  if (!transmit(tcp, c, headerLen, c.sendQueue, from, len, mss)) {
    if ((marks & CWR) !== 0) c.ecn?.windowReduced(); // nobody has heard of it
    tcp.waitForRoom(c);
    return false;
  }
  if (len > 0 && c.marks !== null && c.watcher !== null) {
    c.marks.sent(c.watcher, c.sendQueue, snd.una, seq, len);
  }
  if (c.pathMtu?.search) notePath(c, c.pathMtu.search);
  const pieces = len > mss ? Math.ceil(len / mss) : 1;
  // A retransmission, a FIN's included, is counted in RetransSegs only.
  const isBare = len === 0 && (flags & FIN) === 0;
  if (isBare || isNext) tcp.mib.add(OUT_SEGS, pieces);
  c.totals.segmentOut(pieces, len);
  c.compressed.ackSent(c);
  if (!hasLeftOut) c.delack.ackSent(tcp.config); // else an ACK of its own brings the SACK blocks
  c.due.disarm(DELACK);
  c.noteAcked();
  return true;
}

/** SACK blocks that fit beside the text: a full segment has no room for any. */
function sackRoom(c: TcpConnection, flags: number, len: number, mss: number): number {
  if (!c.agreed.hasSack || c.sacks.isEmpty || (flags & RST) !== 0) return 0;
  const most = c.agreed.hasTimestamps ? MAX_SACK_BLOCKS - 1 : MAX_SACK_BLOCKS;
  return Math.max(0, Math.min(most, Math.floor((mss - len - 4) / 8)));
}

/** Header and options at `tcp.header`. Returns its length. */
function writeHeader(c: TcpConnection, seq: Seq, flags: number, blocks: number): number {
  const { tcp, agreed } = c;
  const { env } = tcp;
  const { dv } = env.memory.slab;
  let at = tcp.header + HEADER_LEN;
  if (agreed.hasTimestamps) {
    at = writeTimestampOption(dv, at, tcp.timestamp(env.nowNs, c.tsOffset), c.tsRecent);
  }
  if (blocks > 0) {
    const n = c.sacks.write(dv, at + 4, blocks);
    dv.setInt32(at, (TCP_OPT.NOP << 24) | (TCP_OPT.NOP << 16) | (TCP_OPT.SACK << 8) | (2 + 8 * n));
    at += 4 + 8 * n;
  }
  const headerLen = at - tcp.header;
  const window = selectWindow(c);
  const field = Math.min(0xffff, window >>> agreed.rcvShift);
  const up = urgentPointer(c, seq);
  const bits = up === 0 ? flags : flags | URG;
  writeTcp(dv, tcp.header, c.localPort, c.remotePort, seq, c.rcv.nxt, headerLen, bits, field, up);
  return headerLen;
}
