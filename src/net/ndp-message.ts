/** What every message of neighbour discovery must be, and its options (RFC 4861 §4.6, §6.1, §7.1, §8.1). */
import { icmpCode } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { extLen, extNextHeader, IPV6_HEADER_LEN, ipv6NextHeader } from '../wire/ipv6.ts';
import { NDP_HOP_LIMIT, NDP_LINK_OPT_LEN, ndpOptLen, ndpOptType } from '../wire/ndp.ts';
import type { IpPacket } from './ip-packet.ts';

export const ABSENT = -1;
export const MALFORMED = -2;
const GROUP_BIT = 0x0100;

/** From the link itself, with code 0, unfragmented, with `len` bytes and whole options behind them. */
export function isNdpMessage(dv: DataView, pkt: IpPacket, len: number): boolean {
  const off = pkt.payloadOff;
  if (pkt.ttl !== NDP_HOP_LIMIT || pkt.payloadLen < len) return false;
  if (icmpCode(dv, off) !== 0 || hasFragmentHeader(dv, pkt)) return false;
  return areOptionsWhole(dv, off + len, off + pkt.payloadLen);
}

/** RFC 6980 §5: neighbour discovery is never believed in fragments, not even in a single one. */
function hasFragmentHeader(dv: DataView, pkt: IpPacket): boolean {
  if (pkt.wasFragmented) return true;
  let next = ipv6NextHeader(dv, pkt.headerOff);
  // Input has walked these headers before: each lies within the packet.
  for (let at = pkt.headerOff + IPV6_HEADER_LEN; at < pkt.payloadOff; at += extLen(dv, at)) {
    if (next === IPPROTO.FRAGMENT) return true;
    next = extNextHeader(dv, at);
  }
  return false;
}

/** RFC 4861 §7.1: every option has a length, and lies within the message. */
function areOptionsWhole(dv: DataView, off: number, end: number): boolean {
  let at = off;
  while (at < end) {
    if (end - at < 8) return false;
    const len = ndpOptLen(dv, at);
    if (len === 0 || len > end - at) return false;
    at += len;
  }
  return true;
}

/** The first option of this type behind the message's first `len` bytes, or ABSENT. Unknown ones are skipped (§4.6). */
export function findOption(dv: DataView, pkt: IpPacket, len: number, type: number): number {
  let at = pkt.payloadOff + len;
  const end = pkt.payloadOff + pkt.payloadLen;
  while (at < end) {
    if (ndpOptType(dv, at) === type) return at;
    at += ndpOptLen(dv, at);
  }
  return ABSENT;
}

/** An Ethernet address option: 8 bytes, not a group (nobody's own address is one), not zero. */
export function linkOption(dv: DataView, pkt: IpPacket, len: number, type: number): number {
  const at = findOption(dv, pkt, len, type);
  if (at === ABSENT) return ABSENT;
  if (ndpOptLen(dv, at) !== NDP_LINK_OPT_LEN) return MALFORMED;
  const high = dv.getUint16(at + 2);
  if ((high & GROUP_BIT) !== 0 || (high === 0 && dv.getInt32(at + 4) === 0)) return MALFORMED;
  return at;
}
