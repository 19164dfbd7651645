/**
 * What to send next, and why: lost segments first, then new text within cwnd and the peer's window, the
 * FIN behind the last byte, and an ACK if nothing else carried it. Runs once the turn's input is done.
 */
import { NEVER, SEC } from '../base/time.ts';
import { CA_EVENT, CA_STATE } from '../cc/ca-state.ts';
import { HOOK } from '../cc/congestion-control.ts';
import { type Seq, seqAdd, seqDiff, seqEq } from '../wire/seq.ts';
import { MAX_SACK_BLOCKS, TCP_FLAG, TCP_HEADER_LEN, TCP_OPT, writeTcp } from '../wire/tcp.ts';
import { TIMESTAMP_BYTES } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { departed, isPacerOpen } from './pacer.ts';
import { selectWindow } from './receive-window.ts';
import { nextLength } from './segment-length.ts';
import { transmitSegments } from './segmentation.ts';
import { checkSendBuffer } from './send-buffer.ts';
import { cwndQuota, deviceCuts, segmentsPerFrame, WAIT } from './super-frame.ts';
import { HAS_CLOSED, isIn, MAY_SEND } from './tcp-state.ts';
import { transmit } from './transmit.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';

export function output(c: TcpConnection): void {
  c.congestion.observe(c.nowNs(), c.mss());
  if (c.rtx.lostOut > c.rtx.retransOut) retransmitLost(c);
  sendNewData(c);
  sendFin(c);
  c.forgetMore();
  if (c.delack.isOwed) {
    if (c.delack.isDueNow) sendAck(c);
    else if (!c.due.isArmed(DUE.DELACK)) {
      c.due.arm(DUE.DELACK, c.delack.deadlineNs(c.nowNs(), c.tcp.config));
    }
  }
  checkSendBuffer(c);
}

// ---- retransmissions ----

function retransmitLost(c: TcpConnection): void {
  const { rtx, congestion } = c;
  const v = congestion.view;
  for (let r = rtx.first; r !== NO_RECORD && rtx.lostOut > rtx.retransOut; r = rtx.next(r)) {
    if (c.inFlight() >= v.cwnd) return;
    if (!rtx.has(r, REC_STATE.LOST) || rtx.has(r, REC_STATE.RETRANS)) continue;
    if (!isPacerOpen(c)) return;
    if (!retransmit(c, r)) return;
  }
}

/** Resends a record, or as much of it as one frame takes. False: the device has no room. */
export function retransmit(c: TcpConnection, r: number): boolean {
  const { rtx, snd } = c;
  const v = c.congestion.view;
  const most = Math.max(1, Math.min(v.cwnd - c.inFlight(), segmentsPerFrame(c)));
  if (rtx.pieces(r) > most) rtx.split(r, most * v.mss, v.mss);
  const from = seqDiff(rtx.seqOfRecord(r), snd.una);
  const isFin = rtx.has(r, REC_STATE.FIN);
  const len = seqDiff(rtx.endOfRecord(r), rtx.seqOfRecord(r)) - (isFin ? 1 : 0);
  const flags = TCP_FLAG.ACK | (isFin ? TCP_FLAG.FIN : 0) | (len > 0 ? TCP_FLAG.PSH : 0);
  if (!sendSegment(c, rtx.seqOfRecord(r), from, len, flags)) return false;
  c.rate.sent(v, c.tcp.records, r, false, rtx.inFlight() + rtx.pieces(r), c.nowNs());
  rtx.markRetransmitted(r, c.nowNs());
  c.recovery.retransmitted(rtx.pieces(r));
  c.congestion.sentDuringReduction(rtx.pieces(r));
  c.tcp.mib.add(c.tcp.ids.RetransSegs, rtx.pieces(r));
  c.totals.retransmitted(rtx.pieces(r), len);
  afterSending(c, rtx.pieces(r), len);
  return true;
}

// ---- new text ----

/** As much as may go now. Whether cwnd was what ended it decides whether it grows. */
export function sendNewData(c: TcpConnection): void {
  if (!isIn(c.state, MAY_SEND | HAS_CLOSED) || c.isFinSent) return;
  const { congestion, rtx } = c;
  const most = segmentsPerFrame(c);
  const before = c.snd.nxt;
  let wait: number = WAIT.NO;
  for (let unsent = c.unsentBytes(); unsent > 0; unsent = c.unsentBytes()) {
    if (!isPacerOpen(c)) break;
    const quota = cwndQuota(c);
    if (quota === 0) break;
    const len = nextLength(c, unsent, quota, most);
    if (len <= 0) {
      wait = len;
      break;
    }
    if (!sendText(c, len, unsent)) break;
  }
  if (wait === WAIT.WINDOW) armPersist(c);
  const isCwndLimited = wait === WAIT.CWND || c.inFlight() >= congestion.view.cwnd;
  if (isCwndLimited || c.snd.nxt !== before) {
    c.use.sent(isCwndLimited, rtx.packetsOut, c.snd.una, c.snd.nxt);
    validateWindow(c);
  }
  c.chrono.outputEnded(wait === WAIT.WINDOW, c.unsentBytes() === 0 && !isCwndLimited);
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
  const { slowStartAfterIdle, initialWindow } = c.tcp.config;
  if (slowStartAfterIdle === 0 || now - use.fullSinceNs() < c.rtt.rtoNs()) return;
  if (congestion.has(HOOK.CONG_CONTROL)) return;
  const isByApplication = v.caState === CA_STATE.OPEN && !c.chrono.isRefused();
  if (isByApplication) congestion.applicationLimited(Math.max(use.mostUsed(), initialWindow));
  use.full(now);
}

function sendText(c: TcpConnection, len: number, unsent: number): boolean {
  const { snd, rtx } = c;
  const v = c.congestion.view;
  const isLast = len === unsent;
  const hasFin = isLast && c.isFinQueued;
  const flags =
    TCP_FLAG.ACK | (isLast || len > v.mss ? TCP_FLAG.PSH : 0) | (hasFin ? TCP_FLAG.FIN : 0);
  const seq = snd.nxt;
  const isIdle = rtx.isEmpty;
  if (c.inFlight() === 0) c.congestion.event(CA_EVENT.TX_START);
  if (!sendSegment(c, seq, seqDiff(seq, snd.una), len, flags)) return false;
  const pieces = Math.ceil(len / v.mss);
  const seqLen = len + (hasFin ? 1 : 0);
  if (hasFin) c.noteFinSent();
  const r = rtx.append(seq, seqLen, pieces, hasFin ? REC_STATE.FIN : 0, c.nowNs());
  c.rate.sent(v, c.tcp.records, r, isIdle, rtx.inFlight(), c.nowNs());
  c.tcp.mib.add(c.tcp.ids.TCPOrigDataSent, pieces);
  snd.advance(seqLen);
  if (len % v.mss !== 0) snd.noteSmall();
  if (v.caState === CA_STATE.RECOVERY || v.caState === CA_STATE.CWR) {
    c.congestion.sentDuringReduction(pieces);
  }
  c.due.disarm(DUE.PERSIST);
  afterSending(c, pieces, len);
  armAfterNewData(c);
  return true;
}

/** A FIN that finds no text to ride on. */
function sendFin(c: TcpConnection): void {
  if (!c.isFinQueued || c.isFinSent || c.unsentBytes() > 0) return;
  const { snd, rtx } = c;
  const seq = snd.nxt;
  if (!sendSegment(c, seq, 0, 0, TCP_FLAG.ACK | TCP_FLAG.FIN)) return;
  const isIdle = rtx.isEmpty;
  c.noteFinSent();
  const r = rtx.append(seq, 1, 1, REC_STATE.FIN, c.nowNs());
  c.rate.sent(c.congestion.view, c.tcp.records, r, isIdle, rtx.inFlight(), c.nowNs());
  snd.advance(1);
  armAfterNewData(c);
}

function afterSending(c: TcpConnection, pieces: number, len: number): void {
  const now = c.nowNs();
  c.delack.dataSent(now);
  c.noteSent(now);
  departed(c, pieces, len);
}

// ---- timers that sending arms ----

export function armAfterNewData(c: TcpConnection): void {
  const { due, rtx } = c;
  if (rtx.isEmpty) return;
  if (!due.isArmed(DUE.RTO) && !due.isArmed(DUE.TLP)) armRto(c);
  scheduleProbe(c);
}

export function armRto(c: TcpConnection): void {
  c.due.arm(DUE.RTO, c.nowNs() + c.rtt.rtoNs());
}

/** RFC 8985 §7.2: a probe goes after two round trips without an ACK, unless the timeout comes first. */
export function scheduleProbe(c: TcpConnection): void {
  const { config } = c.tcp;
  const isOff = config.earlyRetrans < 3 || !c.agreed.hasSack || c.recovery.hasTlp;
  if (isOff || c.congestion.state > CA_STATE.DISORDER || c.rtx.sackedOut > 0) return;
  let wait = c.rtt.srttNs === 0 ? 1 * SEC : 2 * c.rtt.srttNs + 2e6;
  if (c.rtt.srttNs !== 0 && c.rtx.packetsOut === 1) wait += config.minRtoNs;
  const dueNs = c.nowNs() + wait;
  const rtoNs = c.due.isArmed(DUE.RTO) ? c.due.at(DUE.RTO) : NEVER;
  if (dueNs < rtoNs) c.due.arm(DUE.TLP, dueNs);
}

/** RFC 9293 §3.8.6.1: the window is shut and nothing is in flight that would open it. */
export function armPersist(c: TcpConnection): void {
  if (!c.rtx.isEmpty || c.due.isArmed(DUE.PERSIST)) return;
  const wait = Math.min(c.rtt.baseRtoNs() * 2 ** c.probes, c.tcp.config.maxRtoNs);
  c.due.arm(DUE.PERSIST, c.nowNs() + wait);
}

// ---- segments without text ----

export function sendAck(c: TcpConnection): void {
  sendSegment(c, c.snd.nxt, 0, 0, TCP_FLAG.ACK);
}

/** RFC 9293 §3.8.4, §3.8.6.1: a segment that the peer must answer: one before what it expects. */
export function sendProbe(c: TcpConnection): void {
  sendSegment(c, seqAdd(c.snd.una, -1), 0, 0, TCP_FLAG.ACK);
}

export function sendReset(c: TcpConnection): void {
  sendSegment(c, c.snd.nxt, 0, 0, TCP_FLAG.RST | TCP_FLAG.ACK);
}

function sendSegment(
  c: TcpConnection,
  seq: Seq,
  from: number,
  len: number,
  flags: number,
): boolean {
  const mss = c.congestion.view.mss;
  const blocks = sackRoom(c, flags, len, mss);
  const hasLeftOut = blocks === 0 && !c.sacks.isEmpty;
  const headerLen = writeHeader(c, seq, flags, blocks);
  const isSent =
    len > mss && !deviceCuts(c)
      ? transmitSegments(c, headerLen, seq, flags, from, len, mss)
      : transmit(c.tcp, c, headerLen, c.sendQueue, from, len, mss);
  if (!isSent) {
    c.tcp.waitForRoom(c);
    return false;
  }
  const pieces = len > mss ? Math.ceil(len / mss) : 1;
  // A retransmission is counted in RetransSegs only.
  if (len === 0 || seqEq(seq, c.snd.nxt)) c.tcp.mib.add(c.tcp.ids.OutSegs, pieces);
  c.totals.segmentOut(pieces, len);
  if (!hasLeftOut) c.delack.ackSent(); // else an ACK of its own brings the SACK blocks
  c.due.disarm(DUE.DELACK);
  c.noteAcked();
  return true;
}

/** SACK blocks that fit beside the text: a full segment has no room for any. */
function sackRoom(c: TcpConnection, flags: number, len: number, mss: number): number {
  if (!c.agreed.hasSack || c.sacks.isEmpty || (flags & TCP_FLAG.RST) !== 0) return 0;
  const most = c.agreed.hasTimestamps ? MAX_SACK_BLOCKS - 1 : MAX_SACK_BLOCKS;
  return Math.max(0, Math.min(most, Math.floor((mss - len - 4) / 8)));
}

/** Header and options at `tcp.header`. Returns its length. */
function writeHeader(c: TcpConnection, seq: Seq, flags: number, blocks: number): number {
  const { tcp, agreed } = c;
  const { dv } = tcp.net.env.memory.slab;
  let at = tcp.header + TCP_HEADER_LEN;
  if (agreed.hasTimestamps) at = writeTimestamps(c, dv, at);
  if (blocks > 0) {
    const n = c.sacks.write(dv, at + 4, blocks);
    dv.setInt32(at, (TCP_OPT.NOP << 24) | (TCP_OPT.NOP << 16) | (TCP_OPT.SACK << 8) | (2 + 8 * n));
    at += 4 + 8 * n;
  }
  const headerLen = at - tcp.header;
  const window = selectWindow(c);
  const field = Math.min(0xffff, window >>> agreed.rcvShift);
  writeTcp(dv, tcp.header, c.localPort, c.remotePort, seq, c.rcv.nxt, headerLen, flags, field, 0);
  return headerLen;
}

function writeTimestamps(c: TcpConnection, dv: DataView, at: number): number {
  dv.setInt32(at, (TCP_OPT.NOP << 24) | (TCP_OPT.NOP << 16) | (TCP_OPT.TIMESTAMPS << 8) | 10);
  dv.setInt32(at + 4, c.tcp.timestamp(c.nowNs(), c.agreed.tsOffset));
  dv.setInt32(at + 8, c.tsRecent);
  return at + TIMESTAMP_BYTES;
}
