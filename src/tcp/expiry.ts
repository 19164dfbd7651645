/** What each deadline of a connection does when it passes. */
import { ETIMEDOUT } from '../base/errno.ts';
import { SEC } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { armRto, retransmit, sendAck, sendNewData, sendProbe } from './output.ts';
import { keepaliveIdleNs } from './tcp-settings.ts';
import { STATE } from './tcp-state.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';

export function deadlinePassed(c: TcpConnection, which: number): void {
  switch (which) {
    case DUE.RTO:
      retransmissionTimeout(c);
      break;
    case DUE.TLP:
      tailLossProbe(c);
      break;
    case DUE.REORDER:
      c.recovery.reorderingWaitOver();
      c.tcp.wantsOutput(c);
      break;
    case DUE.PERSIST:
      persist(c);
      break;
    case DUE.DELACK:
      delayedAck(c);
      break;
    case DUE.KEEPALIVE:
      keepalive(c);
      break;
    case DUE.FIN_WAIT_2:
      c.tcp.enterTimeWait(c);
      break;
    default: // DUE.PACE
      c.tcp.wantsOutput(c);
  }
}

function delayedAck(c: TcpConnection): void {
  if (!c.delack.isOwed) return;
  c.tcp.mib.count(c.tcp.ids.DelayedACKs);
  sendAck(c);
}

/** RFC 6298 §5.4–5.6, RFC 1122 §4.2.3.5: R2 ends the connection. */
function retransmissionTimeout(c: TcpConnection): void {
  const { rtx, rtt, recovery, tcp } = c;
  if (rtx.isEmpty) return;
  const isOrphan = c.owner === null;
  const limit = isOrphan ? tcp.config.orphanRetries : tcp.config.retries2;
  if (rtt.backoff >= limit) {
    tcp.abort(c, ETIMEDOUT);
    return;
  }
  tcp.mib.count(tcp.ids.TCPTimeouts);
  c.totals.timedOut(rtt.backoff === 0);
  c.congestion.observe(c.nowNs(), c.mss());
  recovery.enterLoss();
  recovery.endProbe();
  c.due.disarm(DUE.REORDER);
  rtt.backOff();
  const r = rtx.first;
  if (!rtx.has(r, REC_STATE.SACKED)) {
    c.splitFirstToOnePiece();
    retransmit(c, rtx.first);
  }
  armRto(c);
  tcp.wantsOutput(c);
}

/** RFC 8985 §7.3: new text if there is any and the window admits it, else the last segment again. */
function tailLossProbe(c: TcpConnection): void {
  const { rtx, recovery, tcp, snd } = c;
  if (rtx.isEmpty || c.congestion.state > CA_STATE.DISORDER) return;
  const before = snd.nxt;
  if (c.unsentBytes() > 0 && snd.usable() > 0) {
    const v = c.congestion.view;
    const cwnd = v.cwnd;
    v.setCwnd(rtx.inFlight() + 1);
    sendNewData(c);
    v.setCwnd(cwnd);
  }
  const isNew = snd.nxt !== before;
  if (!isNew) {
    const r = lastPiece(c);
    if (r !== NO_RECORD) retransmit(c, r);
  }
  recovery.startProbe(!isNew);
  tcp.mib.count(tcp.ids.TCPLossProbes);
  armRto(c);
}

function lastPiece(c: TcpConnection): number {
  const { rtx } = c;
  const { mss } = c.congestion.view;
  const r = rtx.last;
  const pieces = rtx.pieces(r);
  return pieces > 1 ? rtx.split(r, (pieces - 1) * mss, mss) : r;
}

/** RFC 9293 §3.8.6.1: the peer's answer tells its window. */
function persist(c: TcpConnection): void {
  const { tcp, snd } = c;
  if (!c.rtx.isEmpty || c.unsentBytes() === 0 || snd.usable() > 0) {
    tcp.wantsOutput(c);
    return;
  }
  if (c.owner === null && c.probes >= tcp.config.orphanRetries) {
    tcp.abort(c, ETIMEDOUT);
    return;
  }
  sendProbe(c);
  c.noteProbe();
  tcp.mib.count(tcp.ids.TCPWinProbe);
  const wait = Math.min(c.rtt.baseRtoNs() * 2 ** Math.min(c.probes, 20), tcp.config.maxRtoNs);
  c.due.arm(DUE.PERSIST, c.nowNs() + wait);
}

/** RFC 1122 §4.2.3.6: off by default; never an answer is not proof, but many are. */
function keepalive(c: TcpConnection): void {
  const { config } = c.tcp;
  const { settings } = c;
  if (!settings.isKeepalive || c.state === STATE.CLOSED) return;
  const idleAfterNs = keepaliveIdleNs(settings, config);
  if (c.nowNs() - c.lastReceivedNs < idleAfterNs && c.probes === 0) {
    c.due.arm(DUE.KEEPALIVE, c.lastReceivedNs + idleAfterNs);
    return;
  }
  if (c.probes >= (settings.keepProbes || config.keepaliveProbes)) {
    c.tcp.abort(c, ETIMEDOUT);
    return;
  }
  sendProbe(c);
  c.noteProbe();
  c.tcp.mib.count(c.tcp.ids.TCPKeepAlive);
  const { keepIntervalSec } = settings;
  const intervalNs = keepIntervalSec !== 0 ? keepIntervalSec * SEC : config.keepaliveIntervalNs;
  c.due.arm(DUE.KEEPALIVE, c.nowNs() + intervalNs);
}
