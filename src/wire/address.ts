/**
 * An IP address of either family as four int32 words, IPv4 in its mapped form (::ffff:a.b.c.d).
 *
 * One shape for both families means one neighbour table, one path cache, one socket table. Scratch
 * addresses are refilled in place; one that is agreed is passed as `Address`, which cannot be written.
 */
export class IpAddress {
  w0 = 0;
  w1 = 0;
  w2 = 0;
  w3 = 0;

  set(w0: number, w1: number, w2: number, w3: number): this {
    this.w0 = w0 | 0;
    this.w1 = w1 | 0;
    this.w2 = w2 | 0;
    this.w3 = w3 | 0;
    return this;
  }

  setV4(word: number): this {
    return this.set(0, 0, MAPPED, word);
  }

  copy(from: Address): this {
    return this.set(from.w0, from.w1, from.w2, from.w3);
  }

  readV4(dv: DataView, o: number): void {
    this.set(0, 0, MAPPED, dv.getInt32(o));
  }

  readV6(dv: DataView, o: number): void {
    this.set(dv.getInt32(o), dv.getInt32(o + 4), dv.getInt32(o + 8), dv.getInt32(o + 12));
  }
}

export type Address = Readonly<Pick<IpAddress, 'w0' | 'w1' | 'w2' | 'w3'>>;

/** The third word of a mapped IPv4 address (RFC 4291 §2.5.5.2). */
const MAPPED = 0xffff;

/** `::`, the unspecified IPv6 address: as a wildcard it stands for both families. */
export const ANY6: Address = Object.freeze(new IpAddress());
export const ANY4: Address = Object.freeze(new IpAddress().setV4(0));
export const LOOPBACK4: Address = Object.freeze(new IpAddress().setV4(0x7f000001));
export const LOOPBACK6: Address = Object.freeze(new IpAddress().set(0, 0, 0, 1));
export const ALL_NODES6: Address = Object.freeze(new IpAddress().set(0xff020000, 0, 0, 1));
export const ALL_ROUTERS6: Address = Object.freeze(new IpAddress().set(0xff020000, 0, 0, 2));

export function writeV6(a: Address, dv: DataView, o: number): void {
  dv.setInt32(o, a.w0);
  dv.setInt32(o + 4, a.w1);
  dv.setInt32(o + 8, a.w2);
  dv.setInt32(o + 12, a.w3);
}

export function addressEquals(a: Address, b: Address): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}

export function isV4(a: Address): boolean {
  return a.w2 === MAPPED && a.w1 === 0 && a.w0 === 0;
}

/** `0.0.0.0` or `::`. */
export function isUnspecified(a: Address): boolean {
  return a.w3 === 0 && a.w0 === 0 && a.w1 === 0 && (a.w2 === 0 || a.w2 === MAPPED);
}

/** 0/8 (RFC 1122 §3.2.1.3 (a, b)) and :: (RFC 4291 §2.5.2) are nobody's: nothing leaves for them. */
export function isNobody(a: Address): boolean {
  return isV4(a) ? a.w3 >>> 24 === 0 : isUnspecified(a);
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3), of an address that is known to be IPv4's. */
export const isLoopback4 = (word: number): boolean => word >>> 24 === 127;
/** 224.0.0.0/4. */
export const isMulticast4 = (word: number): boolean => word >>> 28 === 14;

/** 127.0.0.0/8 or ::1. */
export function isLoopback(a: Address): boolean {
  if (isV4(a)) return isLoopback4(a.w3);
  return a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1;
}

/** 224.0.0.0/4 or ff00::/8. */
export function isMulticast(a: Address): boolean {
  return isV4(a) ? isMulticast4(a.w3) : a.w0 >>> 24 === 0xff;
}

/** 255.255.255.255; a subnet's broadcast address is known by the interface only. */
export function isLimitedBroadcast(a: Address): boolean {
  return a.w3 === -1 && isV4(a);
}

/** 169.254.0.0/16 (RFC 3927 §1.2): means something on one link only. */
export function isLinkLocal4(a: Address): boolean {
  return a.w3 >>> 16 === 0xa9fe && isV4(a);
}

/** fe80::/10. */
export function isLinkLocal6(a: Address): boolean {
  return (a.w0 & 0xffc00000) === (0xfe800000 | 0);
}

/** A multicast address whose scope is the link or less: ff01, ff02 (RFC 4291 §2.7). */
export function isLinkScopeMulticast6(a: Address): boolean {
  return a.w0 >>> 24 === 0xff && ((a.w0 >>> 16) & 0x0f) <= 2;
}

/** RFC 4291 §2.7.1: ff02::1:ffXX:XXXX with the low 24 bits of the address. */
export function setSolicitedNode(to: IpAddress, of: Address): IpAddress {
  return to.set(0xff020000, 0, 1, 0xff000000 | (of.w3 & 0xffffff));
}

/** fe80::/64 with the modified EUI-64 of a MAC (RFC 2464 §4, §5). */
export function linkLocalOf(macHigh: number, macLow: number): IpAddress {
  const w2 = ((macHigh ^ 0x0200) << 16) | ((macLow >>> 24) << 8) | 0xff;
  return new IpAddress().set(0xfe800000, 0, w2, (0xfe << 24) | (macLow & 0xffffff));
}

/** Whether the first `bits` bits (of 128; an IPv4 prefix length plus 96) are equal. */
export function prefixEquals(a: Address, b: Address, bits: number): boolean {
  if (bits <= 0) return true;
  if (((a.w0 ^ b.w0) & prefixMask(bits)) !== 0) return false;
  if (((a.w1 ^ b.w1) & prefixMask(bits - 32)) !== 0) return false;
  if (((a.w2 ^ b.w2) & prefixMask(bits - 64)) !== 0) return false;
  return ((a.w3 ^ b.w3) & prefixMask(bits - 96)) === 0;
}

/** The int32 mask of one word: `bits` leading ones, clamped to 0 … 32. */
export function prefixMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~(-1 >>> bits);
}

/** The address with all bits past the first `bits` (of 128) cleared. */
export function networkOf(a: Address, bits: number): IpAddress {
  return new IpAddress().set(
    a.w0 & prefixMask(bits),
    a.w1 & prefixMask(bits - 32),
    a.w2 & prefixMask(bits - 64),
    a.w3 & prefixMask(bits - 96),
  );
}
