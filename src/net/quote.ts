import type { Slab } from '../base/slab.ts';
import { IpAddress } from '../wire/address.ts';
import { ICMP6, icmpType, isIcmp6Error } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import {
  IPV4_HEADER_LEN,
  IPV4_OFFSET_MASK,
  ipVersion,
  ipv4Frag,
  ipv4HeaderLen,
  ipv4Protocol,
  ipv4TotalLen,
} from '../wire/ipv4.ts';
import {
  extLen,
  extNextHeader,
  frag6More,
  frag6Offset,
  IPV6_DST,
  IPV6_HEADER_LEN,
  IPV6_SRC,
  ipv6NextHeader,
  isExtensionHeader,
} from '../wire/ipv6.ts';
import type { QuotedPacket } from './transport.ts';

/** RFC 792, RFC 4443: an error quotes at least this much of the transport. */
const LEAST_TRANSPORT = 8;

/**
 * Whether an IPv6 packet, perhaps cut off after `len` bytes, is an ICMPv6 error or a redirect, about which no
 * error is sent (RFC 4443 §2.4 (e.1, e.2)): its headers are walked, whatever is wrong with them. A piece that does
 * not reach as far counts as none; what is whole and ends before the type might be one.
 */
export function isUnreportable6(dv: DataView, off: number, len: number): boolean {
  let next = ipv6NextHeader(dv, off);
  let at = off + IPV6_HEADER_LEN;
  const end = off + len;
  let isPiece = false;
  while (isExtensionHeader(next)) {
    const isFragment = next === IPPROTO.FRAGMENT;
    if (end - at < (isFragment ? 4 : 2)) return false;
    if (isFragment && frag6Offset(dv, at) !== 0) return false;
    if (isFragment && frag6More(dv, at) !== 0) isPiece = true;
    const length = isFragment ? 8 : extLen(dv, at);
    next = extNextHeader(dv, at);
    at += length;
  }
  if (next !== IPPROTO.ICMPV6) return false;
  if (end <= at) return !isPiece;
  const type = icmpType(dv, at);
  return isIcmp6Error(type) || type === ICMP6.REDIRECT;
}

/** A packet of ours, as an ICMP error quotes it. One scratch object per network. */
export class Quote implements QuotedPacket {
  readonly src = new IpAddress();
  readonly dst = new IpAddress();
  protocol = 0;
  off = 0;
  len = 0;
  /** The whole packet's length as its header says. */
  totalLen = 0;
  ifaceIndex = 0;
  isV4 = false;

  /** Reads an IPv4 or IPv6 packet cut off after `len` bytes. False: not enough of it, or malformed. */
  parse(slab: Slab, off: number, len: number, ifaceIndex: number): boolean {
    this.ifaceIndex = ifaceIndex;
    if (len < 1) return false;
    const version = ipVersion(slab.dv, off);
    if (version === 4) return this.parse4(slab.dv, off, len);
    return version === 6 && this.parse6(slab.dv, off, len);
  }

  private parse4(dv: DataView, off: number, len: number): boolean {
    if (len < IPV4_HEADER_LEN) return false;
    const headerLen = ipv4HeaderLen(dv, off);
    if (headerLen < IPV4_HEADER_LEN || headerLen + LEAST_TRANSPORT > len) return false;
    if ((ipv4Frag(dv, off) & IPV4_OFFSET_MASK) !== 0) return false; // no transport header in it
    this.isV4 = true;
    this.src.readV4(dv, off + 12);
    this.dst.readV4(dv, off + 16);
    this.protocol = ipv4Protocol(dv, off);
    this.totalLen = ipv4TotalLen(dv, off);
    this.off = off + headerLen;
    this.len = len - headerLen;
    return true;
  }

  private parse6(dv: DataView, off: number, len: number): boolean {
    if (len < IPV6_HEADER_LEN + LEAST_TRANSPORT) return false;
    this.isV4 = false;
    this.src.readV6(dv, off + IPV6_SRC);
    this.dst.readV6(dv, off + IPV6_DST);
    this.totalLen = IPV6_HEADER_LEN + dv.getUint16(off + 4);
    let next = ipv6NextHeader(dv, off);
    let at = off + IPV6_HEADER_LEN;
    const end = off + len;
    while (isExtensionHeader(next)) {
      if (end - at < 8) return false;
      if (next === IPPROTO.FRAGMENT && frag6Offset(dv, at) !== 0) return false;
      const length = next === IPPROTO.FRAGMENT ? 8 : extLen(dv, at);
      next = extNextHeader(dv, at);
      at += length;
    }
    if (end - at < LEAST_TRANSPORT) return false;
    this.protocol = next;
    this.off = at;
    this.len = end - at;
    return true;
  }
}
