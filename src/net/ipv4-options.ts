import type { Slab } from '../base/slab.ts';
import { IPOPT, IPV4_HEADER_LEN, ipv4HeaderLen } from '../wire/ipv4.ts';

/** What a walk over the options found: fine, malformed (with the pointer for the ICMP error), or a source route. */
export const OPTIONS_OK = 0;
export const OPTIONS_SOURCE_ROUTE = -1;

const COPIED = 0x80;

/**
 * Checks the options of a received header (RFC 791 §3.1, RFC 1122 §3.2.1.8). Unknown ones are passed
 * over by their length; known ones must be well formed. Returns OPTIONS_OK, OPTIONS_SOURCE_ROUTE, or
 * the offset of the offending byte within the header (> 0).
 */
export function checkIpv4Options(slab: Slab, headerOff: number, headerLen: number): number {
  const u8 = slab.u8;
  let at = IPV4_HEADER_LEN;
  let hasSourceRoute = false;
  while (at < headerLen) {
    const kind = u8[headerOff + at]!;
    if (kind === IPOPT.END) break;
    if (kind === IPOPT.NOP) {
      at++;
      continue;
    }
    if (at + 1 >= headerLen) return at;
    const len = u8[headerOff + at + 1]!;
    if (len < 2 || at + len > headerLen) return at + 1;
    if (kind === IPOPT.LOOSE_SOURCE_ROUTE || kind === IPOPT.STRICT_SOURCE_ROUTE) {
      if (hasSourceRoute) return at; // RFC 1122 §3.2.1.8 (c): more than one is an error
      hasSourceRoute = true;
    }
    const bad = checkPointer(kind, len, len > 2 ? u8[headerOff + at + 2]! : 0);
    if (bad !== 0) return at + bad;
    at += len;
  }
  return hasSourceRoute ? OPTIONS_SOURCE_ROUTE : OPTIONS_OK;
}

/** Whether a header that `checkIpv4Options` has passed carries the option. */
export function hasIpv4Option(slab: Slab, headerOff: number, option: number): boolean {
  const { dv, u8 } = slab;
  let at = headerOff + IPV4_HEADER_LEN;
  const end = headerOff + ipv4HeaderLen(dv, headerOff);
  while (at < end && u8[at] !== IPOPT.END) {
    if (u8[at] === option) return true;
    at += u8[at] === IPOPT.NOP ? 1 : u8[at + 1]!;
  }
  return false;
}

/** RFC 791 §3.1: of the options only those with the copied flag go into each fragment; the others become NOPs. */
export function blankUncopiedOptions(slab: Slab, headerOff: number, headerLen: number): void {
  const { u8 } = slab;
  let at = headerOff + IPV4_HEADER_LEN;
  const end = headerOff + headerLen;
  while (at < end && u8[at] !== IPOPT.END) {
    const len = u8[at] === IPOPT.NOP ? 1 : u8[at + 1]!;
    if ((u8[at]! & COPIED) === 0) u8.fill(IPOPT.NOP, at, at + len);
    at += len;
  }
}

/** Routes and timestamps carry a pointer into themselves; it starts at 4 (5). Returns the bad byte's place or 0. */
function checkPointer(kind: number, len: number, pointer: number): number {
  switch (kind) {
    case IPOPT.LOOSE_SOURCE_ROUTE:
    case IPOPT.STRICT_SOURCE_ROUTE:
    case IPOPT.RECORD_ROUTE:
      if (len < 3) return 1;
      return pointer < 4 ? 2 : 0;
    case IPOPT.TIMESTAMP:
      if (len < 4) return 1;
      return pointer < 5 ? 2 : 0;
    case IPOPT.ROUTER_ALERT:
      return len === 4 ? 0 : 1;
    default:
      return 0;
  }
}
