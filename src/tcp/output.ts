/**
 * What to send next, and why: lost segments first, then new text within cwnd and the peer's window, the
 * FIN behind the last byte, and an ACK if nothing else carried it. Runs once the turn's input is done.
 */
import { NEVER, SEC } from '../base/time.ts';
import { CA_EVENT, CA_STATE } from '../cc/ca-state.ts';
import { type Seq, seqAdd, seqDiff, seqEq, seqGt, seqLe } from '../wire/seq.ts';
import { MAX_SACK_BLOCKS, TCP_FLAG, TCP_HEADER_LEN, TCP_OPT, writeTcp } from '../wire/tcp.ts';
import { TIMESTAMP_BYTES } from './agreed.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { selectWindow } from './receive-window.ts';
import { HAS_CLOSED, isIn, MAY_SEND } from './tcp-state.ts';
import { transmit } from './transmit.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';

/** Linux paces a super-frame out in about a millisecond. */
const TSO_TIME_NS = SEC / 1024;
const MAX_TSO_BYTES = 65536 - 200;

export function output(c: TcpConnection): void {
  c.congestion.observe(c.nowNs(), c.mss());
  if (c.rtx.lostOut > c.rtx.retransOut) retransmitLost(c);
  sendNewData(c);
  sendFin(c);
  if (c.delack.isOwed) {
    if (c.delack.isDueNow) sendAck(c);
    else if (!c.due.isArmed(DUE.DELACK)) {
      c.due.arm(DUE.DELACK, c.delack.deadlineNs(c.nowNs(), c.tcp.config));
    }
  }
}

// ---- retransmissions ----

function retransmitLost(c: TcpConnection): void {
  const { rtx, congestion } = c;
  const v = congestion.view;
  for (let r = rtx.first; r !== NO_RECORD && rtx.lostOut > rtx.retransOut; r = rtx.next(r)) {
    if (rtx.inFlight() - c.recovery.renoSacked >= v.cwnd) return;
    if (!rtx.has(r, REC_STATE.LOST) || rtx.has(r, REC_STATE.RETRANS)) continue;
    if (!isPacerOpen(c)) return;
    if (!retransmit(c, r)) return;
  }
}

/** Resends a record, or as much of it as one frame takes. False: the device has no room. */
export function retransmit(c: TcpConnection, r: number): boolean {
  const { rtx, snd } = c;
  const v = c.congestion.view;
  const most = Math.max(1, Math.min(v.cwnd - rtx.inFlight(), Math.floor(frameLimit(c) / v.mss)));
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
  afterSending(c, len);
  return true;
}

// ---- new text ----

export function sendNewData(c: TcpConnection): void {
  if (!isIn(c.state, MAY_SEND | HAS_CLOSED) || c.isFinSent) return;
  const { snd, rtx, congestion } = c;
  const v = congestion.view;
  restartIfIdle(c);
  congestion.setCwndLimited(false);
  let isWindowShut = false;
  while (true) {
    const unsent = c.unsentBytes();
    if (unsent === 0) {
      if (rtx.inFlight() < v.cwnd) c.rate.ranDry(v, rtx.inFlight());
      break;
    }
    const room = v.cwnd - (rtx.inFlight() - c.recovery.renoSacked);
    if (room <= 0) {
      congestion.setCwndLimited(true);
      break;
    }
    const usable = snd.usable();
    if (usable <= 0) {
      isWindowShut = true;
      armPersist(c);
      break;
    }
    if (!isPacerOpen(c)) break;
    const len = nextLength(c, unsent, usable, room);
    if (len === 0) {
      isWindowShut = unsent > usable;
      break;
    }
    if (!sendText(c, len, unsent)) break;
  }
  c.chrono.outputEnded(isWindowShut, c.unsentBytes() === 0 && !v.isCwndLimited);
}

/** How much the next segment carries; 0: better wait (Nagle, silly window). */
function nextLength(c: TcpConnection, unsent: number, usable: number, room: number): number {
  const v = c.congestion.view;
  const most = Math.min(frameLimit(c), room * v.mss);
  let len = Math.min(unsent, usable, Math.max(most, v.mss));
  if (len > v.mss) len -= unsent > len ? len % v.mss : 0;
  if (len >= v.mss) return len;
  if (unsent > usable) {
    // RFC 9293 §3.8.6.2.1: not a sliver of the window, unless it is half of the largest ever seen.
    if (len >= c.snd.maxWnd / 2 || c.rtx.isEmpty) return len;
    return 0;
  }
  return isHeldByNagle(c) ? 0 : len;
}

/** RFC 1122 §4.2.3.4 with Minshall's test: one small segment in flight, not one segment. */
function isHeldByNagle(c: TcpConnection): boolean {
  if (c.isFinQueued) return false;
  if (c.settings.isCorked) return true;
  return !c.settings.isNoDelay && seqGt(c.snd.sml, c.snd.una) && seqLe(c.snd.sml, c.snd.nxt);
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
  if (!sendSegment(c, seq, seqDiff(seq, snd.una), len, flags)) return false;
  const pieces = Math.ceil(len / v.mss);
  const seqLen = len + (hasFin ? 1 : 0);
  if (hasFin) c.noteFinSent();
  const r = rtx.append(seq, seqLen, pieces, hasFin ? REC_STATE.FIN : 0, c.nowNs());
  c.rate.sent(v, c.tcp.records, r, isIdle, rtx.inFlight(), c.nowNs());
  if (isIdle) c.congestion.cc.cwndEvent(v, CA_EVENT.TX_START);
  c.tcp.mib.add(c.tcp.ids.TCPOrigDataSent, pieces);
  snd.advance(seqLen);
  if (len % v.mss !== 0) snd.noteSmall();
  c.congestion.observeSending(rtx.packetsOut);
  if (v.caState === CA_STATE.RECOVERY || v.caState === CA_STATE.CWR) {
    c.congestion.sentDuringReduction(pieces);
  }
  c.due.disarm(DUE.PERSIST);
  afterSending(c, len);
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

/** RFC 5681 §4.1, tcp_slow_start_after_idle. */
function restartIfIdle(c: TcpConnection): void {
  const { config } = c.tcp;
  if (config.slowStartAfterIdle === 0 || !c.rtx.isEmpty) return;
  const idleNs = c.nowNs() - c.lastSentNs;
  const rto = c.rtt.rtoNs();
  if (idleNs > rto) c.congestion.restartAfterIdle(idleNs, rto, config.initialWindow);
}

/** The most text in one frame: a segment, or what the device cuts, no more than is paced out in a millisecond. */
function frameLimit(c: TcpConnection): number {
  const v = c.congestion.view;
  const path = c.tcp.net.paths.lookup(c.remote, c.boundIndex);
  if (path === null) return v.mss;
  const { caps } = path.iface.device;
  const canCut = c.local.w2 === 0xffff && c.local.w0 === 0 ? caps.tso4 : caps.tso6;
  if (!canCut) return v.mss;
  const paced = v.pacingRate === Infinity ? MAX_TSO_BYTES : (v.pacingRate * TSO_TIME_NS) / SEC;
  const most = Math.min(MAX_TSO_BYTES, Math.max(paced, c.tcp.config.minTsoSegs * v.mss));
  return Math.max(v.mss, Math.floor(most / v.mss) * v.mss);
}

function isPacerOpen(c: TcpConnection): boolean {
  const v = c.congestion.view;
  if (!v.isPaced || v.nextDepartureNs <= c.nowNs()) return true;
  c.due.arm(DUE.PACE, v.nextDepartureNs);
  return false;
}

function afterSending(c: TcpConnection, len: number): void {
  const v = c.congestion.view;
  const now = c.nowNs();
  c.delack.dataSent(now);
  c.noteSent(now);
  if (v.isPaced && v.pacingRate !== Infinity) {
    const departureNs = Math.max(v.nextDepartureNs, now) + (len * SEC) / v.pacingRate;
    c.congestion.setNextDeparture(departureNs);
  }
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
  if (!transmit(c.tcp, c, headerLen, c.sendQueue, from, len, mss)) return false;
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
