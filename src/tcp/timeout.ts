/** The retransmission timer in its two uses that send: the timeout (RFC 6298 §5) and the tail-loss probe (RFC 8985 §7). */
import { MS } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import type { TcpConnection } from './connection.ts';
import { hasGivenUp, hasTimedOut, timedOut, withinUserTimeout } from './give-up.ts';
import { resendAsProbe, retransmit, sendNewAsProbe } from './output.ts';
import { NO_RECORD } from './tx-records.ts';
import { armRto, armRtoAfterWait, armRtoIn } from './xmit-timer.ts';

/** Linux's wait after a local shortage: it is not the network's, so it is not doubled. */
const SHORTAGE_NS = 500 * MS;

/** RFC 6298 §5.4–5.6, RFC 1122 §4.2.3.5: R2 ends the connection. */
export function retransmissionTimeout(c: TcpConnection): void {
  const { rtx, rtt, recovery, tcp, snd } = c;
  if (rtx.isEmpty) return;
  c.congestion.observe(c.nowNs(), c.mss());
  tcp.mib.count(tcp.ids.TCPTimeouts);
  if (hasGivenUp(c)) {
    timedOut(c);
    return;
  }
  if (tcp.config.mtuProbing !== 0 && hasTimedOut(c, tcp.config.retries1)) {
    // RFC 1122 §4.2.3.5's R1: perhaps only large segments are lost.
    c.pathMtu.suspect(tcp.config.baseMss, tcp.config.mtuProbeFloor, c.nowNs());
    c.congestion.observe(c.nowNs(), c.mss());
  }
  if (recovery.retransmits === 0) countKind(c);
  // A peer that shut its window is not congestion: what is resent then is a probe.
  recovery.enterLoss();
  c.totals.timedOut(recovery.retransmits === 0);
  if (snd.wnd > 0) recovery.timedOut();
  if (!retransmit(c, rtx.first, 1)) {
    armRtoIn(c, SHORTAGE_NS);
    return;
  }
  rtt.backOff();
  armRtoIn(c, withinUserTimeout(c, recovery.undo.stampNs, rtt.rtoNs));
  tcp.wantsOutput(c);
}

/** In which state it fired: the recovery that failed. */
function countKind(c: TcpConnection): void {
  const { tcp, agreed, congestion, rtx } = c;
  const { ids, mib } = tcp;
  const { state } = congestion;
  if (state === CA_STATE.RECOVERY) {
    mib.count(agreed.hasSack ? ids.TCPSackRecoveryFail : ids.TCPRenoRecoveryFail);
  } else if (state === CA_STATE.LOSS) mib.count(ids.TCPLossFailures);
  else if (state === CA_STATE.DISORDER || rtx.sackedOut > 0) {
    mib.count(agreed.hasSack ? ids.TCPSackFailures : ids.TCPRenoFailures);
  }
}

/** RFC 8985 §7.3: new text if there is any and the window admits it, else the last segment again. One at a time. */
export function tailLossProbe(c: TcpConnection): void {
  const { rtx, probe, tcp, snd } = c;
  if (rtx.isEmpty) return;
  c.congestion.observe(c.nowNs(), c.mss());
  if (!probe.isUnderWay) {
    const isNew = sendNewAsProbe(c);
    if (isNew || resendLast(c)) {
      probe.begin(snd.nxt, !isNew);
      tcp.mib.count(tcp.ids.TCPLossProbes);
      armRto(c);
      return;
    }
  }
  armRtoAfterWait(c);
}

function resendLast(c: TcpConnection): boolean {
  const { rtx } = c;
  const { mss } = c.congestion.view;
  let r = rtx.last;
  if (r === NO_RECORD) return false;
  const pieces = rtx.pieces(r);
  if (pieces > 1) r = rtx.split(r, (pieces - 1) * mss, mss);
  return resendAsProbe(c, r);
}
