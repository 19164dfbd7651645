/** The retransmission timer in its two uses that send: the timeout (RFC 6298 §5) and the tail-loss probe (RFC 8985 §7). */
import { CA_STATE } from '../cc/ca-state.ts';
import { INFINITE_SSTHRESH } from '../cc/cc-view.ts';
import type { TcpConnection } from './connection.ts';
import { noteTimeout } from './fast-open-pause.ts';
import { FLOW_EVENT } from './flow-watch.ts';
import {
  hasGivenUp,
  hasTimedOut,
  isOrphan,
  isSilentBehindWindow,
  orphanRetries,
  timedOut,
  withinUserTimeout,
} from './give-up.ts';
import { suspectBlackHole } from './mtu-search.ts';
import { isOrphanEnded } from './orphans.ts';
import { resendAsProbe, retransmit, sendNewAsProbe } from './output.ts';
import { STATE } from './tcp-state.ts';
import { NO_RECORD, REC_STATE } from './tx-records.ts';
import { armRto, armRtoAfterWait, armRtoIn, SHORTAGE_NS } from './xmit-timer.ts';

/** Fewer in flight are a thin stream (Linux's tcp_stream_is_thin); so many timeouts are linear. */
const THIN_SEGMENTS = 4;
const THIN_LINEAR_TIMEOUTS = 6;

/** RFC 6298 §5.4–5.6, RFC 1122 §4.2.3.5: R2 ends the connection. */
export function retransmissionTimeout(c: TcpConnection): void {
  const { rtx, rtt, recovery, tcp, snd } = c;
  if (rtx.isEmpty) return;
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
  tcp.mib.count(tcp.ids.TCPTimeouts);
  if (isOrphan(c) && isOrphanEnded(c, isHopeful(c))) return;
  const isShut = snd.wnd === 0 && !isOrphan(c);
  const isLast = isShut ? isSilentBehindWindow(c) : hasGivenUp(c);
  if (c.fastOpen?.isChild === false) noteTimeout(tcp.fastOpenPause, recovery.retransmits, isLast);
  if (isLast) {
    timedOut(c);
    return;
  }
  if (tcp.config.mtuProbing !== 0 && hasTimedOut(c, tcp.config.retries1)) {
    // RFC 1122 §4.2.3.5's R1: perhaps only large segments are lost.
    suspectBlackHole(c);
  }
  if (recovery.retransmits === 0) countKind(c);
  recovery.enterLoss();
  c.totals.timedOut(recovery.retransmits === 0);
  if (!isShut) recovery.timedOut();
  if (!retransmit(c, rtx.first, 1)) {
    recovery.undo.attempted(tcp.env);
    armRtoIn(c, SHORTAGE_NS);
    return;
  }
  if (isThin(c)) rtt.stayLinear();
  else rtt.backOff();
  // The usual case passes no times: each that crosses a call costs 16 bytes.
  if (c.settings.userTimeoutMs === 0) armRto(c);
  else armRtoIn(c, withinUserTimeout(c, recovery.undo.stampNs, rtt.rtoNs));
  tcp.watch.tell(c, FLOW_EVENT.TIMEOUT);
  tcp.wantsOutput(c);
}

/**
 * TCP_THIN_LINEAR_TIMEOUTS: a stream of few segments gets no duplicate ACKs, and waits for nothing but timeouts. The
 * first of them do not double: the path is hardly congested by it. Not in the first slow start, where anybody is thin.
 */
function isThin({ settings, tcp, state, rtx, congestion, recovery }: TcpConnection): boolean {
  if (!settings.isThinLinear && tcp.config.thinLinearTimeouts === 0) return false;
  if (state !== STATE.ESTABLISHED || recovery.retransmits > THIN_LINEAR_TIMEOUTS) return false;
  return rtx.packetsOut < THIN_SEGMENTS && congestion.view.ssthresh < INFINITE_SSTHRESH;
}

/** Of an orphan: it still gets through, or has not been tried for long. */
function isHopeful(c: TcpConnection): boolean {
  const isAlive = c.rtt.rtoNs < c.tcp.config.maxRtoNs;
  return isAlive || !hasTimedOut(c, orphanRetries(c, isAlive));
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
  c.congestion.observe(c.tcp.env.nowNs, c.mss());
  if (!probe.isUnderWay) {
    const isNew = sendNewAsProbe(c);
    if (isNew || resendLast(c)) {
      probe.begin(snd.nxt, !isNew);
      tcp.mib.count(tcp.ids.TCPLossProbes);
      tcp.watch.tell(c, FLOW_EVENT.PROBE);
      armRto(c);
      return;
    }
  }
  armRtoAfterWait(c);
}

function resendLast(c: TcpConnection): boolean {
  const { rtx } = c;
  const { mss } = c.congestion.view;
  const r = rtx.last;
  // What has arrived, or is lost and waits for its turn, provokes nothing that we need.
  if (r === NO_RECORD || rtx.has(r, REC_STATE.SACKED | REC_STATE.LOST)) return false;
  return resendAsProbe(c, rtx.cutLastSegment(r, mss));
}
