/** IPv6 in: RFC 8200 §3, §4. */
import { isLinkLocal6, isLoopback, isMulticast, isUnspecified, isV4 } from '../wire/address.ts';
import { subtractSum, sumBytes } from '../wire/checksum.ts';
import { PARAM6 } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { versionIn } from '../wire/ipv4.ts';
import {
  extLen,
  extNextHeader,
  frag6Id,
  frag6More,
  frag6Offset,
  hopLimitIn,
  IPV6_DST,
  IPV6_FRAG_HEADER_LEN,
  IPV6_HEADER_LEN,
  IPV6_SRC,
  ipv6PayloadLen,
  isExtensionHeader,
  nextHeaderIn,
  payloadLenIn,
  routingSegmentsLeft,
  trafficClassIn,
} from '../wire/ipv6.ts';
import { DROP } from './drops.ts';
import { forward6, isForwarding6 } from './forward.ts';
import { sendParameterProblem6 } from './icmp-error.ts';
import { countEcn, isMartian, localDeliver } from './ip-deliver.ts';
import { CAST, CSUM, type IpPacket } from './ip-packet.ts';
import { checkIpv6Options } from './ipv6-options.ts';
import { IP, type IpMib } from './mib.ts';
import type { Network } from './network.ts';
import { HELD } from './reassembly.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { InReceives, InOctets, InMcastPkts } = IP;
const { UNICAST, MULTICAST } = CAST;
const { SUMMED, UNKNOWN } = CSUM;
const { HOP_BY_HOP } = IPPROTO;
const NOT_LOCAL = DROP.IP_NOT_LOCAL;
const FIXED_LEN = IPV6_HEADER_LEN;
const [SRC, DST] = [IPV6_SRC, IPV6_DST];

/** The walk has reached what is not an extension header. */
const UPPER_LAYER = 0;

export function ipv6Input(net: Network, pkt: IpPacket, off: number, len: number): number {
  const mib = net.mib.ip6;
  pkt.isV4 = false;
  pkt.mib = mib;
  mib.count(InReceives);
  mib.add(InOctets, len);
  const bad = checkHeader(net, pkt, off, len);
  if (bad !== 0) {
    mib.count(bad === DROP.IP_TRUNCATED ? IP.InTruncatedPkts : IP.InHdrErrors);
    return bad;
  }
  const isKnown = !pkt.isLinkGroup && pkt.iface.admitted6.has6(pkt.src, pkt.dst);
  if (isKnown) {
    pkt.cast = UNICAST;
    pkt.isTransit = false;
  } else {
    const why = admit(net, pkt);
    if (why !== 0) return why;
    if (pkt.isTransit) return forward6(net, pkt);
  }
  if (pkt.csum === SUMMED) {
    const header = sumBytes(net.slab.dv, off, FIXED_LEN, 0);
    pkt.payloadSum = subtractSum(pkt.payloadSum, header);
  }
  const fate = walkHeaders(net, pkt);
  if (fate !== UPPER_LAYER) return fate === HELD ? 0 : fate;
  return localDeliver(net, pkt, isKnown);
}

/** 0: it is let in, for us or on its way. Else why not, counted. */
function admit(net: Network, pkt: IpPacket): number {
  const { mib, iface } = pkt;
  const why = classify(net, pkt);
  pkt.isTransit = why === NOT_LOCAL && isForwarding6(net, iface);
  if (pkt.isTransit) {
    pkt.cast = UNICAST;
    return 0;
  }
  if (why !== 0) {
    countRefused(mib, why);
    return why;
  }
  if (pkt.cast === MULTICAST) mib.count(InMcastPkts);
  else if (!isMartian(net, pkt)) iface.admitted6.note(pkt.src, pkt.dst);
  return 0;
}

/** As Linux counts them: a group's packet is one whether we are a member or not, a martian is a bad header. */
function countRefused(mib: IpMib, why: number): void {
  if (why === NOT_LOCAL) mib.count(IP.InAddrErrors);
  else if (why === DROP.IP_NOT_MEMBER) mib.count(IP.InMcastPkts);
  else if (why === DROP.IP_UNICAST_IN_LINK_GROUP) mib.count(IP.InDiscards);
  else mib.count(IP.InHdrErrors);
}

function checkHeader(net: Network, pkt: IpPacket, off: number, len: number): number {
  const { dv } = net.slab;
  if (len < FIXED_LEN) return DROP.IP_BAD_HEADER;
  const first = dv.getInt32(off);
  if (versionIn(first) !== 6) return DROP.IP_BAD_VERSION;
  pkt.tos = trafficClassIn(first);
  countEcn(pkt);
  const second = dv.getInt32(off + 4);
  const next = nextHeaderIn(second);
  let payloadLen = payloadLenIn(second);
  // RFC 2675 §3: the options say how long it is. Where they do not, it is the frame's, as on Linux.
  if (payloadLen === 0 && next === HOP_BY_HOP) payloadLen = len - FIXED_LEN;
  if (FIXED_LEN + payloadLen > len) return DROP.IP_TRUNCATED;
  pkt.headerOff = off;
  pkt.payloadOff = off + FIXED_LEN;
  pkt.payloadLen = payloadLen;
  pkt.ttl = hopLimitIn(second);
  pkt.protocol = next;
  pkt.nextHeaderAt = 6;
  pkt.routerAlert = -1;
  pkt.src.readV6(dv, off + SRC);
  pkt.dst.readV6(dv, off + DST);
  if (pkt.csum === SUMMED && FIXED_LEN + payloadLen !== len) pkt.csum = UNKNOWN;
  return 0;
}

/** RFC 4291 §2.5, §2.7: which sources and destinations a packet from a wire can have. */
function classify(net: Network, pkt: IpPacket): number {
  const { src, dst, iface } = pkt;
  const onLoopback = iface.isLoopback || pkt.isLooped;
  if (isMulticast(src) || isV4(src)) return DROP.IP_MARTIAN_SOURCE;
  if (!onLoopback && isLoopback(src)) return DROP.IP_MARTIAN_SOURCE;
  if (!onLoopback && isLoopback(dst)) return DROP.IP_MARTIAN_DESTINATION;
  if (isV4(dst) || isUnspecified(dst)) return DROP.IP_MARTIAN_DESTINATION;
  if (isMulticast(dst)) {
    pkt.cast = MULTICAST;
    if (((dst.w0 >>> 16) & 0x0f) === 0) return DROP.IP_MARTIAN_DESTINATION; // reserved scope 0
    return iface.isMember(dst) ? 0 : DROP.IP_NOT_MEMBER;
  }
  const entry = net.locals.entryOf(dst, iface.index);
  if (entry === null || entry.state !== 'preferred') {
    // A link-local address of another interface of ours, reached through loopback.
    const isOwn = onLoopback && isLinkLocal6(dst) && isOwnLinkLocal(net, pkt);
    if (!isOwn) return NOT_LOCAL;
  }
  pkt.cast = UNICAST;
  return pkt.isLinkGroup ? DROP.IP_UNICAST_IN_LINK_GROUP : 0;
}

function isOwnLinkLocal(net: Network, pkt: IpPacket): boolean {
  for (let i = 0; i < net.interfaces.length; i++) {
    if (net.locals.ownerOf(pkt.dst, net.interfaces[i]!.index) !== null) return true;
  }
  return false;
}

/**
 * Processes extension headers in the order they stand (RFC 8200 §4.1), moving `payloadOff` past each.
 * UPPER_LAYER when `pkt.protocol` is no extension header; HELD for a fragment; else a drop reason.
 */
function walkHeaders(net: Network, pkt: IpPacket): number {
  let isFirst = true;
  let wasFragment = false;
  while (isExtensionHeader(pkt.protocol)) {
    // Hop-by-hop options stand first or not at all (RFC 8200 §4.1).
    if (pkt.protocol === HOP_BY_HOP && !isFirst) {
      pkt.mib.count(IP.InUnknownProtos); // as on Linux: here it is no header we know
      sendParameterProblem6(net, pkt, PARAM6.NEXT_HEADER, pkt.nextHeaderAt);
      return DROP.IP6_BAD_EXTENSION;
    }
    isFirst = false;
    if (pkt.protocol === IPPROTO.FRAGMENT) {
      // A fragment of a fragment: as on Linux, nobody means well by it.
      if (wasFragment) return problem(net, pkt, PARAM6.HEADER, pkt.payloadOff - pkt.headerOff);
      wasFragment = true;
      const fate = fragmentHeader(net, pkt);
      if (fate !== 0) return fate;
    } else {
      const fate = optionsHeader(net, pkt);
      if (fate !== 0) return fate;
    }
  }
  return UPPER_LAYER;
}

/** Hop-by-hop options, destination options, routing. */
function optionsHeader(net: Network, pkt: IpPacket): number {
  const { slab } = net.env.memory;
  const at = pkt.payloadOff;
  if (pkt.payloadLen < 8) return truncatedHeader(pkt);
  const len = extLen(slab.dv, at);
  if (len > pkt.payloadLen) return truncatedHeader(pkt);
  if (pkt.protocol === IPPROTO.ROUTING) {
    // We are no router of any routing type; type 0 is forbidden (RFC 5095). Segments left 0: pass on.
    if (routingSegmentsLeft(slab.dv, at) !== 0) {
      return problem(net, pkt, PARAM6.HEADER, at + 2 - pkt.headerOff);
    }
  } else {
    const isHop = pkt.protocol === HOP_BY_HOP;
    const bad = checkIpv6Options(net, pkt, at + 2, at + len, isHop);
    if (bad !== 0) {
      pkt.mib.count(IP.InHdrErrors);
      return bad;
    }
  }
  step(net, pkt, extNextHeader(slab.dv, at), len);
  return 0;
}

/** Moves past a header of `len` bytes whose first byte says what follows. */
function step(net: Network, pkt: IpPacket, next: number, len: number): void {
  if (pkt.csum === SUMMED) {
    const passed = sumBytes(net.slab.dv, pkt.payloadOff, len, 0);
    pkt.payloadSum = subtractSum(pkt.payloadSum, passed);
  }
  pkt.nextHeaderAt = pkt.payloadOff - pkt.headerOff;
  pkt.payloadOff += len;
  pkt.payloadLen -= len;
  pkt.protocol = next;
}

/** RFC 8200 §4.5. */
function fragmentHeader(net: Network, pkt: IpPacket): number {
  const dv = net.slab.dv;
  const at = pkt.payloadOff;
  // A header that is cut off, and a jumbogram, which has no fragments (RFC 2675 §3).
  if (pkt.payloadLen < IPV6_FRAG_HEADER_LEN || ipv6PayloadLen(dv, pkt.headerOff) === 0) {
    return problem(net, pkt, PARAM6.HEADER, at - pkt.headerOff);
  }
  const offset = frag6Offset(dv, at);
  const hasMore = frag6More(dv, at) === 1;
  const id = frag6Id(dv, at);
  const next = extNextHeader(dv, at);
  const headerLen = pkt.payloadOff - pkt.headerOff;
  const namedAt = pkt.nextHeaderAt;
  step(net, pkt, next, IPV6_FRAG_HEADER_LEN);
  if (offset === 0 && !hasMore) {
    pkt.mib.count(IP.ReasmReqds);
    pkt.mib.count(IP.ReasmOKs);
    return 0; // RFC 6946: an atomic fragment stands alone
  }
  if (offset === 0 && !holdsHeaderChain(net, pkt)) {
    return problem(net, pkt, PARAM6.FIRST_FRAGMENT, 0);
  }
  if (headerLen - IPV6_HEADER_LEN + offset + pkt.payloadLen > 65535) {
    return problem(net, pkt, PARAM6.HEADER, headerLen + 2); // the offset field
  }
  if (hasMore && (pkt.payloadLen & 7) !== 0) {
    return problem(net, pkt, PARAM6.HEADER, 4); // the payload length field
  }
  pkt.nextHeaderAt = namedAt; // the fragment header is gone from the whole datagram
  return net.reassembly6.input(pkt, pkt.payloadOff, headerLen, id, offset, hasMore, next);
}

/** RFC 8200 §4.5, RFC 7112: the first fragment has every header up to and including the upper layer's. */
function holdsHeaderChain(net: Network, pkt: IpPacket): boolean {
  const dv = net.slab.dv;
  let at = pkt.payloadOff;
  const end = at + pkt.payloadLen;
  let next = pkt.protocol;
  while (isExtensionHeader(next)) {
    if (next === IPPROTO.FRAGMENT) return true; // a fragment of a fragment: refused once it is whole
    if (end - at < 8) return false;
    const len = extLen(dv, at);
    next = extNextHeader(dv, at);
    at += len;
    if (at > end) return false;
  }
  const least = next === IPPROTO.TCP ? 20 : next === IPPROTO.NO_NEXT ? 0 : 8;
  return end - at >= least;
}

function truncatedHeader(pkt: IpPacket): number {
  pkt.mib.count(IP.InHdrErrors);
  return DROP.IP6_BAD_EXTENSION;
}

function problem(net: Network, pkt: IpPacket, code: number, pointer: number): number {
  pkt.mib.count(IP.InHdrErrors);
  sendParameterProblem6(net, pkt, code, pointer);
  return DROP.IP6_BAD_EXTENSION;
}
