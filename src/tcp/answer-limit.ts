/**
 * RFC 5961 §7: ACKs that answer what should not have come are rate limited, all those of an endpoint together, so
 * that two ends cannot keep each other busy and a stranger cannot make us talk. An endpoint keeps one word of it:
 * when it answered last, by a clock of milliseconds that wraps.
 */
import { MS } from '../base/time.ts';
import type { Tcp } from './tcp.ts';

/** Half the range of the clock. */
const LONG_AGO_MS = 2 ** 31;

export function answerClock(tcp: Tcp): number {
  return Math.floor(tcp.env.nowNs / MS) | 0;
}

/** The word of an endpoint that has not answered yet. */
export function neverAnswered(tcp: Tcp): number {
  return (answerClock(tcp) - LONG_AGO_MS) | 0;
}

/** It answered within tcp_invalid_ratelimit; `skipped` counts the answer that is not given. */
export function isAnswerTooSoon(tcp: Tcp, lastMs: number, skipped: number): boolean {
  if (((answerClock(tcp) - lastMs) >>> 0) * MS >= tcp.config.invalidRatelimitNs) return false;
  tcp.mib.count(skipped);
  return true;
}
