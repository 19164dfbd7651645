import type { Slab } from '../base/slab.ts';
import { IPOPT, IPV4_HEADER_LEN, ipv4HeaderLen } from '../wire/ipv4.ts';

/** What a walk over the options found: fine, malformed (with the pointer for the ICMP error), or a source route. */
export const OPTIONS_OK = 0;
export const OPTIONS_SOURCE_ROUTE = -1;

const COPIED = 0x80;

/** Bits of what may stand in a header once. */
const SOURCE_ROUTE = 1;
const RECORD_ROUTE = 2;
const TIMESTAMP = 4;

function onceOnly(kind: number): number {
  if (kind === IPOPT.LOOSE_SOURCE_ROUTE || kind === IPOPT.STRICT_SOURCE_ROUTE) return SOURCE_ROUTE;
  if (kind === IPOPT.RECORD_ROUTE) return RECORD_ROUTE;
  return kind === IPOPT.TIMESTAMP ? TIMESTAMP : 0;
}

/**
 * Checks the options of a received header (RFC 791 §3.1, RFC 1122 §3.2.1.8). Unknown ones are passed
 * over by their length; known ones must be well formed. Returns OPTIONS_OK, OPTIONS_SOURCE_ROUTE, or
 * the offset of the offending byte within the header (> 0).
 */
export function checkIpv4Options(slab: Slab, headerOff: number, headerLen: number): number {
  const u8 = slab.u8;
  let at = IPV4_HEADER_LEN;
  let seen = 0;
  while (at < headerLen) {
    const kind = u8[headerOff + at]!;
    if (kind === IPOPT.END) break;
    if (kind === IPOPT.NOP) {
      at++;
      continue;
    }
    if (at + 1 >= headerLen) return at;
    const len = u8[headerOff + at + 1]!;
    if (len < 2 || at + len > headerLen) return at; // as Linux: at the option, not at its length
    const once = onceOnly(kind);
    if ((seen & once) !== 0) return at; // RFC 1122 §3.2.1.8 (c), and likewise what records something
    seen |= once;
    const bad = checkRecord(u8, headerOff + at, len);
    if (bad !== 0) return at + bad;
    at += len;
  }
  return (seen & SOURCE_ROUTE) !== 0 ? OPTIONS_SOURCE_ROUTE : OPTIONS_OK;
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

/**
 * Routes and timestamps carry a pointer into themselves; it starts at 4 (5), and where it points there is room for an
 * address (a time), or it points beyond the end. Returns the bad byte's place or 0, as Linux finds it.
 */
function checkRecord(u8: Uint8Array, at: number, len: number): number {
  switch (u8[at]) {
    case IPOPT.LOOSE_SOURCE_ROUTE:
    case IPOPT.STRICT_SOURCE_ROUTE:
      if (len < 3) return 1;
      return u8[at + 2]! < 4 ? 2 : 0;
    case IPOPT.RECORD_ROUTE:
      if (len < 3) return 1;
      return u8[at + 2]! < 4 || isCramped(u8[at + 2]!, len, 4) ? 2 : 0;
    case IPOPT.TIMESTAMP:
      return checkTimestamps(u8, at, len);
    case IPOPT.ROUTER_ALERT:
      return len < 4 ? 1 : 0;
    default:
      return 0;
  }
}

/** RFC 791 §3.1: flag 0 is times alone, 1 addresses too, 3 those of named hosts; above it counts who found no room. */
function checkTimestamps(u8: Uint8Array, at: number, len: number): number {
  if (len < 4) return 1;
  const pointer = u8[at + 2]!;
  const flag = u8[at + 3]! & 15;
  if (pointer < 5) return 2;
  if (pointer > len) return flag !== 3 && u8[at + 3]! >>> 4 === 15 ? 3 : 0;
  if (isCramped(pointer, len, 4)) return 2;
  if (flag === 0) return 0;
  if (flag !== 1 && flag !== 3) return 3;
  return isCramped(pointer, len, 8) ? 2 : 0;
}

/** Not full, and yet no room for `bytes` at the pointer, which counts from 1. */
const isCramped = (pointer: number, len: number, bytes: number): boolean =>
  pointer <= len && pointer + bytes - 1 > len;
