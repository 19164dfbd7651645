/**
 * The one retransmission timer of a connection, in its three uses: the timeout (RFC 6298 §5), the tail-loss
 * probe (RFC 8985 §7.2) and RACK's wait for reordering (§6.2 step 5). Arming it for one disarms the others.
 */
import { MS } from '../base/time.ts';
import { CA_STATE } from '../cc/ca-state.ts';
import type { TcpConnection } from './connection.ts';
import { DUE } from './deadlines.ts';
import { REC_TIME } from './tx-records.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { RTO, TLP, REORDER } = DUE;
const { OPEN, CWR } = CA_STATE;
const { SENT_NS } = REC_TIME;

/** TCP_TIMEOUT_MIN of Linux: no probe and no wait is shorter. */
export const MIN_WAIT_NS = 2 * MS;

/** Linux's wait after a local shortage (TCP_RESOURCE_PROBE_INTERVAL): it is not the network's, so it is not doubled. */
export const SHORTAGE_NS = 500 * MS;

export function armRto(c: TcpConnection): void {
  const { due } = c;
  due.staged[0] = c.tcp.env.nowNs + c.rtt.rtoNs;
  due.armXmitStaged(RTO);
}

/** A wait of `waitNs` instead of the timeout: a local shortage, or a peer that seems to renege. */
export function armRtoIn(c: TcpConnection, waitNs: number): void {
  const { due } = c;
  due.staged[0] = c.tcp.env.nowNs + waitNs;
  due.armXmitStaged(RTO);
}

export function disarmXmit(c: TcpConnection): void {
  c.due.disarmXmit();
}

/** RFC 6298 §5.2, §5.3. After a probe or a wait, the timeout still counts from when the oldest segment was sent. */
export function rearmRto(c: TcpConnection): void {
  const { rtx, due } = c;
  if (c.unconfirmed !== null) return; // it is the SYN-ACK's
  if (rtx.isEmpty) {
    disarmXmit(c);
    return;
  }
  if (due.isArmed(TLP) || due.isArmed(REORDER)) armRtoAfterWait(c);
  else armRto(c);
}

/** A probe or a wait is over without effect: what it took counts. */
export function armRtoAfterWait(c: TcpConnection): void {
  const sentNs = c.tcp.records.time(c.rtx.first, SENT_NS);
  const { due } = c;
  due.staged[0] = Math.max(sentNs + c.rtt.rtoNs, c.tcp.env.nowNs + 1);
  due.armXmitStaged(RTO);
}

/** An ACK made progress: a probe if there may be one, else the timeout, both counted from now. */
export function restartXmit(c: TcpConnection): void {
  if (!scheduleProbe(c, true)) rearmRto(c);
}

/** New text left. A probe that was armed before waits anew: there is more to be acknowledged. */
export function armAfterNewData(c: TcpConnection, wasIdle: boolean): void {
  if (!scheduleProbe(c, false) && (wasIdle || c.due.isArmed(TLP))) rearmRto(c);
}

/**
 * RFC 8985 §7.2: a probe goes after two round trips without an ACK, unless the timeout comes first. A lone segment
 * also waits for the peer's delayed ACK. False: there may be no probe.
 */
export function scheduleProbe(c: TcpConnection, isAdvancing: boolean): boolean {
  const { config } = c.tcp;
  const { rtx, rtt } = c;
  if (config.earlyRetrans < 3 || rtx.isEmpty || !c.agreed.hasSack) return false;
  if (c.unconfirmed !== null) return false;
  const { state } = c.congestion;
  if (state !== OPEN && state !== CWR) return false;
  // Literals: a constant of another module makes the engine box the times that share its variable.
  let waitNs = 1e9;
  if (rtt.srttNs > 0) waitNs = 2 * rtt.srttNs + (rtx.packetsOut === 1 ? config.minRtoNs : 2e6);
  let rtoNs = rtt.rtoNs;
  if (!isAdvancing) rtoNs += c.tcp.records.time(rtx.first, SENT_NS) - c.tcp.env.nowNs;
  if (rtoNs > 0) waitNs = Math.min(waitNs, rtoNs);
  const { due } = c;
  due.staged[0] = c.tcp.env.nowNs + waitNs;
  due.armXmitStaged(TLP);
  return true;
}

/** RACK: the last of what may be lost will be known to be by then. */
export function armReorder(c: TcpConnection): void {
  const { due } = c;
  due.staged[0] = c.tcp.env.nowNs + Math.min(c.rack.waitNs + MIN_WAIT_NS, c.rtt.rtoNs);
  due.armXmitStaged(REORDER);
}
