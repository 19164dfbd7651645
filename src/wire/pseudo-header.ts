import type { SipHash } from '../base/siphash.ts';
import { type Address, isV4 } from './address.ts';
import { sumWord16, sumWord32 } from './checksum.ts';

/**
 * The sum of addresses, protocol and length that transport checksums cover (RFC 768, RFC 9293 §3.1,
 * RFC 8200 §8.1): the same words for both families, fewer of them for IPv4.
 */
export function pseudoHeaderSum(src: Address, dst: Address, protocol: number, len: number): number {
  let sum = sumWord32(sumWord32(0, src.w3), dst.w3);
  if (!isV4(dst)) {
    sum = sumWord32(sumWord32(sumWord32(sum, src.w0), src.w1), src.w2);
    sum = sumWord32(sumWord32(sumWord32(sum, dst.w0), dst.w1), dst.w2);
  }
  return sumWord16(sumWord16(sum, protocol), len);
}

/** Feeds an address to a keyed hash. */
export function hashAddress(hash: SipHash, a: Address): void {
  hash.word(a.w0);
  hash.word(a.w1);
  hash.word(a.w2);
  hash.word(a.w3);
}
