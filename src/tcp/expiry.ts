/** What each deadline of a connection does when it passes. */
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { finWait2Over } from './ending.ts';
import { synAckTimedOut } from './fast-open-child.ts';
import { sendAck } from './output.ts';
import { keepalive, probeWindow } from './probes.ts';
import { retransmissionTimeout, tailLossProbe } from './timeout.ts';
import { armRtoAfterWait } from './xmit-timer.ts';

export function deadlinePassed(c: TcpConnection, which: number): void {
  switch (which) {
    case DUE.RTO:
      if (c.unconfirmed !== null) synAckTimedOut(c, c.unconfirmed);
      else retransmissionTimeout(c);
      break;
    case DUE.TLP:
      tailLossProbe(c);
      break;
    case DUE.REORDER:
      reorderingWaitOver(c);
      break;
    case DUE.PERSIST:
      probeWindow(c);
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
  c.delack.missed(c.rtt, c.tcp.config);
  c.tcp.mib.count(c.tcp.ids.DelayedACKs);
  sendAck(c);
}

/** RFC 8985 §6.2 step 5: the wait is over. */
function reorderingWaitOver(c: TcpConnection): void {
  if (c.rtx.isEmpty) return;
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
  c.recovery.reorderingWaitOver();
  if (!c.due.isArmed(DUE.RTO)) armRtoAfterWait(c);
  c.tcp.wantsOutput(c);
}
