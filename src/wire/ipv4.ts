/** The IPv4 header (RFC 791 §3.1). Accessors take the offset of its first byte. */
import { foldChecksum, foldSum, sumBytes, sumWord32 } from './checksum.ts';

export const IPV4_HEADER_LEN = 20;
export const IPV4_MAX_PACKET = 65535;
/** RFC 791 §3.2: what every link carries in one piece: the longest header and 8 bytes. */
export const IPV4_MIN_MTU = 68;
/** RFC 791: every host accepts datagrams of 576 bytes; RFC 1812 §4.3.2.3 quotes no more in errors. */
export const IPV4_MIN_REASSEMBLY = 576;

export const IPV4_DF = 0x4000;
export const IPV4_MF = 0x2000;
export const IPV4_OFFSET_MASK = 0x1fff;

export const ipVersion = (dv: DataView, o: number): number => dv.getUint8(o) >>> 4;
export const ipv4HeaderLen = (dv: DataView, o: number): number => (dv.getUint8(o) & 15) * 4;
export const ipv4Tos = (dv: DataView, o: number): number => dv.getUint8(o + 1);
export const ipv4TotalLen = (dv: DataView, o: number): number => dv.getUint16(o + 2);
export const ipv4Id = (dv: DataView, o: number): number => dv.getUint16(o + 4);
/** DF, MF and the offset in 8-byte units. */
export const ipv4Frag = (dv: DataView, o: number): number => dv.getUint16(o + 6);
export const ipv4Ttl = (dv: DataView, o: number): number => dv.getUint8(o + 8);
export const ipv4Protocol = (dv: DataView, o: number): number => dv.getUint8(o + 9);
export const ipv4Checksum = (dv: DataView, o: number): number => dv.getUint16(o + 10);
export const ipv4Src = (dv: DataView, o: number): number => dv.getInt32(o + 12);
export const ipv4Dst = (dv: DataView, o: number): number => dv.getInt32(o + 16);

/** What stands in a header's first word, for who has read it: version, header length, TOS, total length. */
export const versionIn = (first: number): number => first >>> 28;
export const headerLenIn = (first: number): number => (first >>> 22) & 0x3c;
export const tosIn = (first: number): number => (first >>> 16) & 0xff;
export const totalLenIn = (first: number): number => first & 0xffff;

/** Whether a header's checksum is right: the five words that each has without a loop, and its options. */
export function ipv4ChecksumIsGood(dv: DataView, o: number, headerLen: number): boolean {
  const options = headerLen - IPV4_HEADER_LEN;
  let sum = options > 0 ? sumBytes(dv, o + IPV4_HEADER_LEN, options, 0) : 0;
  sum = sumWord32(sumWord32(sum, dv.getInt32(o)), dv.getInt32(o + 4));
  sum = sumWord32(sumWord32(sum, dv.getInt32(o + 8)), dv.getInt32(o + 12));
  return foldSum(sumWord32(sum, dv.getInt32(o + 16))) === 0xffff;
}

/** Writes the 20 bytes with a complete checksum; `frag` holds DF, MF and the offset. */
export function writeIpv4(
  dv: DataView,
  o: number,
  tos: number,
  totalLen: number,
  id: number,
  frag: number,
  ttl: number,
  protocol: number,
  src: number,
  dst: number,
): void {
  const first = 0x4500 | tos;
  const ttlProtocol = (ttl << 8) | protocol;
  let sum = first + totalLen + id + frag + ttlProtocol;
  sum += (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  dv.setInt32(o, (first << 16) | (totalLen & 0xffff));
  dv.setInt32(o + 4, (id << 16) | (frag & 0xffff));
  dv.setInt32(o + 8, (ttlProtocol << 16) | (~sum & 0xffff));
  dv.setInt32(o + 12, src);
  dv.setInt32(o + 16, dst);
}

/** A header of 24 bytes: the option asks each router on the way to look at the packet (RFC 2113). */
export function writeIpv4RouterAlert(
  dv: DataView,
  o: number,
  tos: number,
  totalLen: number,
  frag: number,
  ttl: number,
  protocol: number,
  src: number,
  dst: number,
): void {
  writeIpv4(dv, o, tos, totalLen, 0, frag, ttl, protocol, src, dst);
  dv.setUint8(o, 0x46);
  dv.setInt32(o + IPV4_HEADER_LEN, ROUTER_ALERT);
  dv.setUint16(o + 10, 0);
  dv.setUint16(o + 10, foldChecksum(sumBytes(dv, o, IPV4_HEADER_LEN + 4, 0)));
}

/** Kind, length, and the value 0: look at it. */
const ROUTER_ALERT = 0x94040000;

/** Option kinds (RFC 791 §3.1, RFC 2113). */
export const IPOPT = {
  END: 0,
  NOP: 1,
  RECORD_ROUTE: 7,
  TIMESTAMP: 68,
  LOOSE_SOURCE_ROUTE: 131,
  STRICT_SOURCE_ROUTE: 137,
  ROUTER_ALERT: 148,
} as const;
