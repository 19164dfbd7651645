/** How long a DHCP client waits for an answer before it asks again. */
import type { RandomStream } from '../base/rng.ts';
import { SEC } from '../base/time.ts';

/** RFC 2131 §4.1: 4 s, doubled up to 64 s, each by a second more or less. */
const FIRST_WAIT_NS = 4 * SEC;
const LAST_WAIT_NS = 64 * SEC;
export const JITTER_NS = 1 * SEC;
/** §4.4.5: between two requests of a renewal, and no less. */
const LEAST_RENEW_WAIT_NS = 60 * SEC;

/** After the `tries`th DISCOVER or REQUEST of an exchange. */
export function askWaitNs(tries: number, random: RandomStream): number {
  const doubled = FIRST_WAIT_NS * 2 ** Math.min(tries - 1, 4);
  return Math.min(doubled, LAST_WAIT_NS) + random.below(2 * JITTER_NS) - JITTER_NS;
}

/** Of a lease that is being extended: half of what is left to the next phase, but at least a minute. */
export function extendWaitNs(leftNs: number): number {
  return Math.max(LEAST_RENEW_WAIT_NS, Math.floor(leftNs / 2));
}
