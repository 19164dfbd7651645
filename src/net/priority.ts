/** Priorities of packets: what a VLAN maps to the priority code point of its tag (802.1Q §6.9.3). Names as Linux's. */
export const TC_PRIO = {
  BESTEFFORT: 0,
  BULK: 2,
  INTERACTIVE_BULK: 4,
  INTERACTIVE: 6,
  CONTROL: 7,
} as const;

/** RFC 1349's bits: low delay, high throughput, both; each covers two values of reliability, and cost beside them. */
const MIN_DELAY = 0x10;
const MAX_THROUGHPUT = 0x08;

/** Linux's rt_tos2priority: of IPv4 packets alone. */
export function priorityOfTos(tos: number): number {
  const isFast = (tos & MAX_THROUGHPUT) !== 0;
  if ((tos & MIN_DELAY) !== 0) return isFast ? TC_PRIO.INTERACTIVE_BULK : TC_PRIO.INTERACTIVE;
  return isFast ? TC_PRIO.BULK : TC_PRIO.BESTEFFORT;
}
