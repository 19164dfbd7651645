/** How far an address means something, and how much two have in common: RFC 4007, RFC 6724 §2.2, §3.1, §3.2. */
import { type Address, isLinkLocal4, isLinkLocal6, isLoopback, isV4 } from '../wire/address.ts';

/** The values of a multicast address's scope field (RFC 4291 §2.7). */
export const SCOPE = { LINK: 2, SITE: 5, GLOBAL: 14 } as const;

export function scopeOf(a: Address): number {
  if (isV4(a)) return isLinkLocal4(a) || isLoopback(a) ? SCOPE.LINK : SCOPE.GLOBAL;
  if (a.w0 >>> 24 === 0xff) return (a.w0 >>> 16) & 0x0f;
  if (isLinkLocal6(a) || isLoopback(a)) return SCOPE.LINK;
  return a.w0 >>> 22 === 0xfec00000 >>> 22 ? SCOPE.SITE : SCOPE.GLOBAL;
}

/** Leading bits that two addresses share, out of 128. */
export function commonBits(a: Address, b: Address): number {
  if (a.w0 !== b.w0) return Math.clz32(a.w0 ^ b.w0);
  if (a.w1 !== b.w1) return 32 + Math.clz32(a.w1 ^ b.w1);
  if (a.w2 !== b.w2) return 64 + Math.clz32(a.w2 ^ b.w2);
  return 96 + Math.clz32(a.w3 ^ b.w3);
}

/**
 * CommonPrefixLen of a source of ours, whose prefix has `bits`, and a destination (RFC 6724 §2.2): what lies
 * beyond the prefix does not count. IPv4 says little about nearness but whether it is the same subnet.
 */
export function commonPrefix(source: Address, bits: number, destination: Address): number {
  const shared = commonBits(source, destination);
  return isV4(source) && shared < bits ? 0 : Math.min(shared, bits);
}
