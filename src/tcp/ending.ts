/**
 * How a connection ends: in order (RFC 9293 §3.6), with nobody left who reads (RFC 2525 §2.16, §2.17), or by
 * the application's wish (SO_LINGER).
 *
 * Where Linux has an orphan in FIN-WAIT-2, there is a record as small as TIME-WAIT's: `tcp_fin_timeout` later it is
 * gone, without another word.
 */
import { ECONNRESET } from '../base/errno.ts';
import { SEC } from '../base/time.ts';
import { seqAdd, seqGt } from '../wire/seq.ts';
import { TCP_FLAG } from '../wire/tcp.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { output } from './output.ts';
import type { Segment } from './segment.ts';
import { NO_LINGER2 } from './tcp-settings.ts';
import { isIn, STATE, type TcpState } from './tcp-state.ts';

/** Our FIN is acknowledged, by this segment. */
export function finAcknowledged(c: TcpConnection, seg: Segment): void {
  const { tcp } = c;
  if (c.state === STATE.CLOSING) enterTimeWait(c);
  else if (c.state === STATE.LAST_ACK) tcp.end(c, 0);
  else if (c.state === STATE.FIN_WAIT_1) {
    c.moveTo(STATE.FIN_WAIT_2);
    if (c.owner !== null)
      c.owner.writable(); // whoever lingers in close hears of it
    else orphaned(c, seg);
  }
}

/** FIN-WAIT-2 and nobody reads: this segment may have come too late. */
function orphaned(c: TcpConnection, seg: Segment): void {
  const textEnd = seqAdd(seg.seq, seg.len);
  const isUnread = seg.len > 0 && seqGt(textEnd, c.rcv.nxt);
  if (c.settings.linger2Sec === NO_LINGER2 || isUnread) abortOnData(c, seg);
  // Its FIN is still to be taken, and leads to TIME-WAIT.
  else if (seg.has(TCP_FLAG.FIN)) c.due.arm(DUE.FIN_WAIT_2, c.tcp.env.nowNs + finTimeoutNs(c));
  else if (!waitAsRecord(c))
    c.due.arm(DUE.FIN_WAIT_2, c.tcp.env.nowNs + finTimeoutNs(c) - timeWaitNs(c));
}

/** A wait no longer than TIME-WAIT needs no connection. */
function waitAsRecord(c: TcpConnection): boolean {
  const waitNs = finTimeoutNs(c);
  if (waitNs > timeWaitNs(c)) return false;
  becomeRecord(c, STATE.FIN_WAIT_2, waitNs);
  return true;
}

/** The part of a long tcp_fin_timeout that a connection waits for is over; the record waits for the rest. */
export function finWait2Over(c: TcpConnection): void {
  if (c.state === STATE.FIN_WAIT_2) becomeRecord(c, STATE.FIN_WAIT_2, timeWaitNs(c));
}

const timeWaitNs = (c: TcpConnection): number => c.tcp.config.timeWaitNs;

/** tcp_fin_timeout or TCP_LINGER2, and at least three and a half timeouts. */
function finTimeoutNs(c: TcpConnection): number {
  const { linger2Sec } = c.settings;
  const wished = linger2Sec > 0 ? linger2Sec * SEC : c.tcp.config.finTimeoutNs;
  return Math.max(wished, 3.5 * c.rtt.rtoNs);
}

/** RFC 9293 §3.10.7.4: both sides are done; what is owed is sent before the connection goes. */
export function enterTimeWait(c: TcpConnection): void {
  if (c.delack.isOwed) output(c);
  becomeRecord(c, STATE.TIME_WAIT, timeWaitNs(c));
}

function becomeRecord(c: TcpConnection, state: TcpState, waitNs: number): void {
  c.tcp.timeWaits.begin(c, state, waitNs);
  c.tcp.end(c, 0);
}

/** RFC 1122 §4.2.2.13: text that nobody will read resets the connection; the peer learns that it is lost. */
export function abortOnData(c: TcpConnection, seg: Segment): void {
  const { tcp } = c;
  tcp.mib.count(tcp.ids.TCPAbortOnData);
  tcp.resetUnknown(c, seg);
  tcp.end(c, ECONNRESET);
}

const NEEDS_RESET =
  (1 << STATE.ESTABLISHED) |
  (1 << STATE.CLOSE_WAIT) |
  (1 << STATE.FIN_WAIT_1) |
  (1 << STATE.FIN_WAIT_2) |
  (1 << STATE.SYN_RECEIVED);

/** ABORT, RFC 9293 §3.10.5: a reset, where the peer still expects something. */
export function abortNow(c: TcpConnection, errno: number): void {
  const isExpected = isIn(c.state, NEEDS_RESET) || c.unsentBytes() > 0 || !c.isFinSent;
  if (isExpected) c.tcp.abort(c, errno);
  else c.tcp.end(c, errno);
}

/** The application has closed it: nobody hears of it any more. What it has not read is lost. */
export function closeConnection(c: TcpConnection): void {
  const { tcp } = c;
  const { ids, mib } = tcp;
  c.shutReceive();
  if (c.received.readyBytes > 0) {
    mib.count(ids.TCPAbortOnClose);
    tcp.abort(c, 0);
  } else if (c.settings.lingerSec === 0) {
    mib.count(ids.TCPAbortOnData);
    abortNow(c, 0);
  } else {
    beginClose(c);
    if (c.state === STATE.FIN_WAIT_2) closeInFinWait2(c);
  }
}

function closeInFinWait2(c: TcpConnection): void {
  const { tcp } = c;
  if (c.settings.linger2Sec === NO_LINGER2) {
    tcp.mib.count(tcp.ids.TCPAbortOnLinger);
    tcp.abort(c, 0);
  } else if (!waitAsRecord(c)) {
    c.due.arm(DUE.FIN_WAIT_2, c.tcp.env.nowNs + finTimeoutNs(c) - timeWaitNs(c));
  }
}

/** RFC 9293 §3.10.4, where SYN-RECEIVED is a connection that is closed before its handshake is over. */
const MAY_FINISH = (1 << STATE.ESTABLISHED) | (1 << STATE.SYN_RECEIVED);

/** Our FIN joins the queue. */
export function beginClose(c: TcpConnection): void {
  if (c.isFinQueued) return;
  if (isIn(c.state, MAY_FINISH)) c.moveTo(STATE.FIN_WAIT_1);
  else if (c.state === STATE.CLOSE_WAIT) c.moveTo(STATE.LAST_ACK);
  else return;
  c.queueFin();
  c.tcp.wantsOutput(c);
}
