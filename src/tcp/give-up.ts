/**
 * How long to go on without an answer: RFC 1122 §4.2.3.5's R1 and R2, RFC 5482's user timeout.
 *
 * As on Linux a number of retries stands for the time that so many doublings of the minimum timeout would take,
 * whatever the round trip is: 15 are 924.6 s.
 */
import { ETIMEDOUT } from '../base/errno.ts';
import { doubled, MS } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { REC_TIME } from './tx-records.ts';

/** An orphan that still gets through is kept for as long as this many retries take (Linux: more than 100 s). */
const ORPHAN_RETRIES = 8;

/** Has the retransmission of the oldest segment gone on for too long? */
export function hasGivenUp(c: TcpConnection): boolean {
  const { config } = c.tcp;
  if (c.recovery.retransmits === 0) return false;
  const { userTimeoutMs } = c.settings;
  const spentNs = c.tcp.env.nowNs - c.recovery.undo.stampNs;
  if (userTimeoutMs > 0) return spentNs >= userTimeoutMs * MS;
  const isAlive = c.rtt.rtoNs < c.tcp.config.maxRtoNs;
  return spentNs >= patienceNs(c, isOrphan(c) ? orphanRetries(c, isAlive) : config.retries2);
}

/**
 * What is resent to a peer that has shut its window is a probe, and a peer that answers is probed for ever. One that
 * has said nothing for two of the longest timeouts is gone, as on Linux; nobody waits that long for an orphan's.
 */
export function isSilentBehindWindow(c: TcpConnection): boolean {
  const { rtx, settings, tcp, recovery } = c;
  const sentNs = recovery.undo.stampNs || tcp.records.time(rtx.first, REC_TIME.SENT_NS);
  const spentNs = c.tcp.env.nowNs - sentNs;
  const { userTimeoutMs } = settings;
  const mostNs = 2 * tcp.config.maxRtoNs;
  if (userTimeoutMs > 0 && spentNs >= userTimeoutMs * MS) return true;
  const silentNs = c.tcp.env.nowNs - c.lastReceivedNs;
  const patience = userTimeoutMs > 0 ? Math.min(mostNs, userTimeoutMs * MS) : mostNs;
  return silentNs > patience && spentNs > patience;
}

/** R1: has it gone on for long enough to suspect the path? */
export function hasTimedOut(c: TcpConnection, retries: number): boolean {
  if (c.recovery.retransmits === 0) return false;
  return c.tcp.env.nowNs - c.recovery.undo.stampNs >= patienceNs(c, retries);
}

/** What `retries` doublings take, from the minimum timeout to the maximum. */
export function patienceNs(c: TcpConnection, retries: number): number {
  const { minRtoNs, maxRtoNs } = c.tcp.config;
  const doublings = 31 - Math.clz32(maxRtoNs / minRtoNs);
  const few = Math.min(retries, doublings);
  return (doubled(few + 1) - 1) * minRtoNs + (retries - few) * maxRtoNs;
}

export const isOrphan = (c: TcpConnection): boolean => c.owner === null;

/** tcp_orphan_retries; none where an ICMP error said that nothing gets through. */
export function orphanRetries(c: TcpConnection, isAlive: boolean): number {
  const { orphanRetries: wished } = c.tcp.config;
  if (c.softError !== 0 && !isAlive) return 0;
  return wished === 0 && isAlive ? ORPHAN_RETRIES : wished;
}

/** Not a word to the peer, which seems not to be there; what ICMP said is why, if it said anything. */
export function timedOut(c: TcpConnection): void {
  const { tcp } = c;
  tcp.mib.count(tcp.ids.TCPAbortOnTimeout);
  tcp.end(c, c.softError || ETIMEDOUT);
}

/** A wait that would end after the user timeout ends with it. */
export function withinUserTimeout(c: TcpConnection, sinceNs: number, waitNs: number): number {
  const { userTimeoutMs } = c.settings;
  if (userTimeoutMs === 0) return waitNs;
  const leftNs = sinceNs + userTimeoutMs * MS - c.tcp.env.nowNs;
  return Math.min(waitNs, Math.max(leftNs, MS));
}
