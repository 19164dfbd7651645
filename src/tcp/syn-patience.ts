/** How long a SYN, or SYN-ACK, is waited for: RFC 9293 §3.8.3, RFC 6298 §2.1, §5.5, RFC 5482. */
import { doubled, MS, NEVER } from '../base/time.ts';
import type { Handshake } from './handshake.ts';
import { INITIAL_RTO_NS } from './rtt.ts';
import { STATE } from './tcp-state.ts';

/** The one that left last: doubling, the first SYNs at an even pace. */
export function synTimeoutNs(h: Handshake): number {
  const { maxRtoNs, synLinearTimeouts } = h.tcp.config;
  const linear = h.state === STATE.SYN_SENT ? synLinearTimeouts : 0;
  const doublings = Math.max(0, h.timeouts - linear);
  return Math.min(INITIAL_RTO_NS * doubled(doublings), maxRtoNs);
}

/** Of the user timeout, which counts once a SYN of ours was sent again. */
export function userTimeLeftNs(h: Handshake): number {
  const { userTimeoutMs } = h.settings;
  if (userTimeoutMs === 0 || h.timeouts === 0 || h.listener !== null) return NEVER;
  return userTimeoutMs * MS - h.ageNs();
}

/** R2 of a SYN. TCP_SYNCNT counts on both sides; a listener has less patience when many do not answer. */
export function hasSynGivenUp(h: Handshake): boolean {
  const { settings, listener, timeouts, tcp } = h;
  const { synRetries, synLinearTimeouts, synackRetries } = tcp.config;
  if (userTimeLeftNs(h) <= 0) return true;
  if (listener === null) {
    const retries = settings.synRetries || synRetries;
    if (timeouts >= retries + synLinearTimeouts) return true;
    // Nor longer than so many doublings would take, as on Linux: one retry ends before the pace changes.
    return timeouts > 0 && h.ageNs() >= (doubled(retries + 1) - 1) * INITIAL_RTO_NS;
  }
  if (h.isHeard && timeouts < listener.settings.deferTimeouts) return false;
  return timeouts >= listener.patience(settings.synRetries || synackRetries);
}
