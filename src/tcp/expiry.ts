/** What each deadline of a connection does when it passes. */
import { ETIMEDOUT } from '../base/errno.ts';
import { SEC } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { finWait2Over } from './ending.ts';
import { sendAck, sendProbe } from './output.ts';
import { keepaliveIdleNs } from './tcp-settings.ts';
import { STATE } from './tcp-state.ts';
import { retransmissionTimeout, tailLossProbe } from './timeout.ts';
import { armRtoAfterWait } from './xmit-timer.ts';

export function deadlinePassed(c: TcpConnection, which: number): void {
  switch (which) {
    case DUE.RTO:
      retransmissionTimeout(c);
      break;
    case DUE.TLP:
      tailLossProbe(c);
      break;
    case DUE.REORDER:
      reorderingWaitOver(c);
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
      finWait2Over(c);
      break;
    case DUE.COMPRESSED_ACK:
      c.compressed.timeIsUp(c);
      sendAck(c);
      break;
    default: // DUE.PACE
      c.tcp.wantsOutput(c);
  }
}

function delayedAck(c: TcpConnection): void {
  if (!c.delack.isOwed) return;
  c.delack.missed(c.rtt.rtoNs, c.tcp.config);
  c.tcp.mib.count(c.tcp.ids.DelayedACKs);
  sendAck(c);
}

/** RFC 8985 §6.2 step 5: the wait is over. */
function reorderingWaitOver(c: TcpConnection): void {
  if (c.rtx.isEmpty) return;
  c.congestion.observe(c.nowNs(), c.mss());
  c.recovery.reorderingWaitOver();
  if (!c.due.isArmed(DUE.RTO)) armRtoAfterWait(c);
  c.tcp.wantsOutput(c);
}

/** RFC 9293 §3.8.6.1: the peer's answer tells its window. */
function persist(c: TcpConnection): void {
  const { tcp, snd } = c;
  if (!c.rtx.isEmpty || c.unsentBytes() === 0 || snd.usable() > 0) {
    tcp.wantsOutput(c);
    return;
  }
  if (c.owner === null && c.probes >= tcp.config.orphanLimit()) {
    tcp.abort(c, ETIMEDOUT);
    return;
  }
  sendProbe(c);
  c.noteProbe();
  tcp.mib.count(tcp.ids.TCPWinProbe);
  c.rtt.backOff(); // RFC 9293 §3.8.6.1: doubled each time, answered or not
  c.due.arm(DUE.PERSIST, c.nowNs() + c.rtt.rtoNs);
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
