/** The IPv6 header and the headers that may follow it (RFC 8200 §3, §4). */
import { type Address, writeV6 } from './address.ts';
import { IPPROTO } from './ip-protocol.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { HOP_BY_HOP, ROUTING, FRAGMENT, DST_OPTS } = IPPROTO;

export const IPV6_HEADER_LEN = 40;
export const IPV6_FRAG_HEADER_LEN = 8;
/** RFC 8200 §5: every link carries this much; ICMPv6 errors quote up to it. */
export const IPV6_MIN_MTU = 1280;

export const ipv6TrafficClass = (dv: DataView, o: number): number => (dv.getUint16(o) >>> 4) & 0xff;
export const ipv6FlowLabel = (dv: DataView, o: number): number => dv.getInt32(o) & 0xfffff;
export const ipv6PayloadLen = (dv: DataView, o: number): number => dv.getUint16(o + 4);
export const ipv6NextHeader = (dv: DataView, o: number): number => dv.getUint8(o + 6);
export const ipv6HopLimit = (dv: DataView, o: number): number => dv.getUint8(o + 7);
/** What stands in a header's first word, for who has read it: version, traffic class, flow label. */
export const trafficClassIn = (first: number): number => (first >>> 20) & 0xff;
/** And in its second one: payload length, next header, hop limit. */
export const payloadLenIn = (second: number): number => second >>> 16;
export const nextHeaderIn = (second: number): number => (second >>> 8) & 0xff;
export const hopLimitIn = (second: number): number => second & 0xff;
/** Offsets of the addresses, for `IpAddress.readV6`. */
export const IPV6_SRC = 8;
export const IPV6_DST = 24;

export function writeIpv6(
  dv: DataView,
  o: number,
  trafficClass: number,
  flowLabel: number,
  payloadLen: number,
  nextHeader: number,
  hopLimit: number,
  src: Address,
  dst: Address,
): void {
  dv.setInt32(o, 0x60000000 | (trafficClass << 20) | flowLabel);
  dv.setInt32(o + 4, (payloadLen << 16) | (nextHeader << 8) | hopLimit);
  writeV6(src, dv, o + IPV6_SRC);
  writeV6(dst, dv, o + IPV6_DST);
}

/** Hop-by-hop, destination options and routing headers: next header, then length in 8s less one. */
export const extNextHeader = (dv: DataView, o: number): number => dv.getUint8(o);
export const extLen = (dv: DataView, o: number): number => (dv.getUint8(o + 1) + 1) * 8;
export const routingType = (dv: DataView, o: number): number => dv.getUint8(o + 2);
export const routingSegmentsLeft = (dv: DataView, o: number): number => dv.getUint8(o + 3);

/** The fragment header: offset in bytes, the M flag, the identification. */
export const frag6Offset = (dv: DataView, o: number): number => dv.getUint16(o + 2) & 0xfff8;
export const frag6More = (dv: DataView, o: number): number => dv.getUint16(o + 2) & 1;
export const frag6Id = (dv: DataView, o: number): number => dv.getInt32(o + 4);

export function writeFragmentHeader(
  dv: DataView,
  o: number,
  nextHeader: number,
  offset: number,
  more: number,
  id: number,
): void {
  dv.setUint8(o, nextHeader);
  dv.setUint8(o + 1, 0);
  dv.setUint16(o + 2, offset | more);
  dv.setInt32(o + 4, id);
}

export function isExtensionHeader(nextHeader: number): boolean {
  return (
    nextHeader === HOP_BY_HOP ||
    nextHeader === ROUTING ||
    nextHeader === FRAGMENT ||
    nextHeader === DST_OPTS
  );
}

/** Options inside hop-by-hop and destination headers (RFC 8200 §4.2). */
export const OPT6_PAD1 = 0;
export const OPT6_PADN = 1;
/** RFC 2675: the length of what is longer than 65,535 bytes. */
export const OPT6_JUMBO = 0xc2;
/** RFC 2711; its value 0 says: multicast listener discovery. */
export const OPT6_ROUTER_ALERT = 5;
export const ROUTER_ALERT_MLD = 0;

/** A hop-by-hop header of 8 bytes: the router alert of RFC 3810 §5, and padding. */
export function writeRouterAlert6(dv: DataView, o: number, nextHeader: number): void {
  dv.setInt32(o, (nextHeader << 24) | (OPT6_ROUTER_ALERT << 8) | 2);
  dv.setInt32(o + 4, (ROUTER_ALERT_MLD << 16) | (OPT6_PADN << 8));
}
