/** IPv4 in: RFC 791 §3.2, RFC 1122 §3.2.1. */
import { isLoopback4, isMulticast4 } from '../wire/address.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import {
  headerLenIn,
  IPV4_HEADER_LEN,
  IPV4_MF,
  IPV4_OFFSET_MASK,
  ipv4ChecksumIsGood,
  ipv4Frag,
  ipv4Id,
  ipv4Protocol,
  ipv4Ttl,
  tosIn,
  totalLenIn,
  versionIn,
} from '../wire/ipv4.ts';
import { UDP_HEADER_LEN, udpDstPort } from '../wire/udp.ts';
import { DROP } from './drops.ts';
import { forward4, reversePathAgrees } from './forward.ts';
import { sendParameterProblem4 } from './icmp-error.ts';
import { countEcn, isMartian, localDeliver } from './ip-deliver.ts';
import { CAST, CSUM, type IpPacket } from './ip-packet.ts';
import { CONF4 } from './ipv4-conf.ts';
import { checkIpv4Options, OPTIONS_OK, OPTIONS_SOURCE_ROUTE } from './ipv4-options.ts';
import { IP, type IpMib } from './mib.ts';
import type { Network } from './network.ts';
import { HELD } from './reassembly.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { InReceives, InOctets, InMcastPkts, InBcastPkts } = IP;
const { UNICAST, MULTICAST, BROADCAST } = CAST;
const { SUMMED, UNKNOWN } = CSUM;
const { RP_FILTER, FORWARDING } = CONF4;
const NOT_LOCAL = DROP.IP_NOT_LOCAL;
const FIXED_LEN = IPV4_HEADER_LEN;
/** More fragments, or an offset: it is one of several. */
const PIECE = IPV4_MF | IPV4_OFFSET_MASK;

/** `off` is the header's first byte, `len` what the frame holds from there on, padding included. */
export function ipv4Input(net: Network, pkt: IpPacket, off: number, len: number): number {
  const mib = net.mib.ip4;
  pkt.isV4 = true;
  pkt.mib = mib;
  mib.count(InReceives);
  mib.add(InOctets, len);
  const bad = checkHeader(net, pkt, off, len);
  if (bad !== 0) {
    mib.count(bad === DROP.IP_TRUNCATED ? IP.InTruncatedPkts : IP.InHdrErrors);
    if (bad === DROP.IP_BAD_CHECKSUM) mib.count(IP.InCsumErrors);
    return bad;
  }
  const isKnown = !pkt.isLinkGroup && pkt.iface.admitted4.has4(pkt.src.w3, pkt.dst.w3);
  if (isKnown) {
    pkt.cast = UNICAST;
    pkt.isTransit = false;
  } else {
    const why = admit(net, pkt);
    if (why !== 0) return why;
  }
  const headerLen = pkt.payloadOff - off;
  if (headerLen > FIXED_LEN) {
    const options = checkIpv4Options(net.slab, off, headerLen);
    if (options !== OPTIONS_OK) return refuseOptions(net, pkt, options);
  }
  if (pkt.isTransit) return forward4(net, pkt);
  const frag = ipv4Frag(net.slab.dv, off);
  if ((frag & PIECE) !== 0) {
    const fate = fragmentInput(net, pkt, off, headerLen, frag);
    if (fate !== 0) return fate === HELD ? 0 : fate;
  }
  return localDeliver(net, pkt, isKnown);
}

/** 0: it is let in, for us or on its way. Else why not, counted. */
function admit(net: Network, pkt: IpPacket): number {
  const { mib, iface } = pkt;
  const why = classify(net, pkt);
  pkt.isTransit = why === NOT_LOCAL && iface.conf4.get(FORWARDING) !== 0;
  if (why !== 0 && !pkt.isTransit) {
    countRefused(mib, why);
    return why;
  }
  if (pkt.isTransit) pkt.cast = UNICAST;
  const isFiltered = iface.conf4.get(RP_FILTER) !== 0;
  if (isFiltered && !isForBoot(net, pkt) && !reversePathAgrees(net, pkt)) {
    mib.count(IP.InDiscards);
    return DROP.IP_RPFILTER;
  }
  if (pkt.cast === MULTICAST) mib.count(InMcastPkts);
  else if (pkt.cast === BROADCAST) mib.count(InBcastPkts);
  // Not where routes had a say, or what the packet holds.
  const isByAddresses = !isFiltered && why === 0 && iface.boot === null;
  const isPlain = isByAddresses && pkt.cast === UNICAST && !isMartian(net, pkt);
  if (isPlain) iface.admitted4.note(pkt.src, pkt.dst);
  return 0;
}

/** As on Linux a group that nobody has joined is no error. Linux does not count martians; here each packet has an end. */
function countRefused(mib: IpMib, why: number): void {
  if (why === DROP.IP_NOT_LOCAL) mib.count(IP.InAddrErrors);
  else if (why !== DROP.IP_NOT_MEMBER) mib.count(IP.InDiscards);
}

/** Version, lengths, checksum, in Linux's order: what is wrong twice is counted as there. Fills in what the header says. */
function checkHeader(net: Network, pkt: IpPacket, off: number, len: number): number {
  const { dv } = net.slab;
  if (len < FIXED_LEN) return DROP.IP_BAD_HEADER;
  const first = dv.getInt32(off);
  if (versionIn(first) !== 4) return DROP.IP_BAD_VERSION;
  const headerLen = headerLenIn(first);
  if (headerLen < FIXED_LEN) return DROP.IP_BAD_HEADER;
  pkt.tos = tosIn(first);
  countEcn(pkt);
  if (headerLen > len) return DROP.IP_BAD_HEADER;
  if (!ipv4ChecksumIsGood(dv, off, headerLen)) return DROP.IP_BAD_CHECKSUM;
  const totalLen = totalLenIn(first);
  if (totalLen > len) return DROP.IP_TRUNCATED;
  if (totalLen < headerLen) return DROP.IP_BAD_HEADER;
  pkt.headerOff = off;
  pkt.payloadOff = off + headerLen;
  pkt.payloadLen = totalLen - headerLen;
  pkt.ttl = ipv4Ttl(dv, off);
  pkt.protocol = ipv4Protocol(dv, off);
  pkt.src.readV4(dv, off + 12);
  pkt.dst.readV4(dv, off + 16);
  // A good header sums to 0xffff, which is zero: the frame's sum is the payload's. Padding spoils it.
  if (pkt.csum === SUMMED && totalLen !== len) pkt.csum = UNKNOWN;
  return 0;
}

/** Is it for us, and can it have come from where it says (RFC 1122 §3.2.1.3)? */
function classify(net: Network, pkt: IpPacket): number {
  const { src, dst, iface } = pkt;
  const onLoopback = iface.isLoopback || pkt.isLooped;
  const source = src.w3;
  const destination = dst.w3;
  if (isMulticast4(source) || source === -1 || iface.isBroadcast(source)) {
    return DROP.IP_MARTIAN_SOURCE;
  }
  // §3.2.1.3 (a, b): 0/8 names nobody; 0.0.0.0 itself may ask a group while it has no address.
  if (source >>> 24 === 0 && (source !== 0 || net.locals.ownerOf(dst, 0) !== null)) {
    return DROP.IP_MARTIAN_SOURCE;
  }
  if (!onLoopback && (isLoopback4(source) || net.locals.ownerOf(src, 0) !== null)) {
    return DROP.IP_MARTIAN_SOURCE;
  }
  if (!onLoopback && isLoopback4(destination)) return DROP.IP_MARTIAN_DESTINATION;
  if (net.locals.ownerOf(dst, 0) !== null) {
    pkt.cast = UNICAST;
    return pkt.isLinkGroup ? DROP.IP_UNICAST_IN_LINK_GROUP : 0;
  }
  if (destination === -1 || isAnyBroadcast(net, destination)) {
    pkt.cast = BROADCAST;
    return 0;
  }
  if (isMulticast4(destination)) {
    pkt.cast = MULTICAST;
    return iface.isMember(dst) ? 0 : DROP.IP_NOT_MEMBER;
  }
  // 127/8 is ours as a whole, on the loopback interface (RFC 1122 §3.2.1.3 (g)).
  if (onLoopback && isLoopback4(destination)) {
    pkt.cast = UNICAST;
    return 0;
  }
  if (!isForBoot(net, pkt)) return DROP.IP_NOT_LOCAL;
  pkt.cast = UNICAST;
  return 0;
}

/**
 * RFC 2131 §4.1: a server may send to the address that it has just offered. Fragments of that are not for us yet.
 * It comes before there is a route back to the server, so `rp_filter` does not ask for one: as on Linux, where
 * such a client reads frames.
 */
function isForBoot(net: Network, pkt: IpPacket): boolean {
  const { boot } = pkt.iface;
  if (boot === null || pkt.protocol !== IPPROTO.UDP || pkt.payloadLen < UDP_HEADER_LEN)
    return false;
  const { dv } = net.env.memory.slab;
  const isPiece = (ipv4Frag(dv, pkt.headerOff) & PIECE) !== 0;
  return !isPiece && udpDstPort(dv, pkt.payloadOff) === boot.port;
}

function isAnyBroadcast(net: Network, word: number): boolean {
  for (let i = 0; i < net.interfaces.length; i++) {
    if (net.interfaces[i]!.isBroadcast(word)) return true;
  }
  return false;
}

function refuseOptions(net: Network, pkt: IpPacket, options: number): number {
  if (options === OPTIONS_SOURCE_ROUTE) {
    pkt.mib.count(IP.InDiscards); // well formed, and refused
    return DROP.IP_SOURCE_ROUTE;
  }
  pkt.mib.count(IP.InHdrErrors);
  sendParameterProblem4(net, pkt, options);
  return DROP.IP_BAD_OPTION;
}

/** 0: the datagram is whole and `pkt` describes it. HELD: it waits for more. Else why it was dropped. */
function fragmentInput(
  net: Network,
  pkt: IpPacket,
  off: number,
  headerLen: number,
  frag: number,
): number {
  const id = ipv4Id(net.env.memory.slab.dv, off);
  const offset = (frag & IPV4_OFFSET_MASK) * 8;
  const hasMore = (frag & IPV4_MF) !== 0;
  return net.reassembly4.input(pkt, pkt.payloadOff, headerLen, id, offset, hasMore, pkt.protocol);
}
