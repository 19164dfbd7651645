/**
 * ICMP errors about packets we received: RFC 792, RFC 1122 §3.2.2, RFC 4443 §2.4, §3.
 * An error is never sent about an error, about a group's packet, about a later fragment, or to a
 * source that is not one host; and, but for what fits, never faster than `IcmpLimit` allows.
 */
import { NO_BLOCK } from '../base/block-pool.ts';
import { EADDRNOTAVAIL } from '../base/errno.ts';
import { type Address, isMulticast, isUnspecified, isV4 } from '../wire/address.ts';
import {
  ICMP_HEADER_LEN,
  ICMP4,
  ICMP6,
  icmpType,
  isIcmp4Error,
  PARAM6,
  REDIRECT_HOST,
  TIME_EXCEEDED_REASSEMBLY,
  TIME_EXCEEDED_TRANSIT,
  UNREACH4,
  writeIcmp,
} from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_HEADER_LEN, IPV4_MIN_REASSEMBLY, IPV4_OFFSET_MASK, ipv4Frag } from '../wire/ipv4.ts';
import { IPV6_HEADER_LEN, IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { ipOutput } from './ip-output.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';
import { PMTUDISC } from './out-packet.ts';
import type { Path } from './path-cache.ts';
import { TC_PRIO } from './priority.ts';
import { isUnreportable6 } from './quote.ts';

const QUOTE_LIMIT4 = IPV4_MIN_REASSEMBLY - IPV4_HEADER_LEN - ICMP_HEADER_LEN;
const QUOTE_LIMIT6 = IPV6_MIN_MTU - IPV6_HEADER_LEN - ICMP_HEADER_LEN;
/**
 * RFC 1812 §4.3.2.5: an error has the TOS of what it is about (RFC 1349; Linux takes the highest bit of ECN along), and
 * "internetwork control" precedence.
 */
const ERROR_PRECEDENCE4 = 0xc0;
const ERROR_TOS4 = 0x1e;

export function sendUnreachable4(net: Network, pkt: IpPacket, code: number): void {
  sendError(net, pkt, ICMP4.DEST_UNREACH, code, 0);
}

export function sendUnreachable6(net: Network, pkt: IpPacket, code: number): void {
  sendError(net, pkt, ICMP6.DEST_UNREACH, code, 0);
}

/** @param pointer the offending byte's place in the packet. */
export function sendParameterProblem4(net: Network, pkt: IpPacket, pointer: number): void {
  sendError(net, pkt, ICMP4.PARAM_PROBLEM, 0, pointer << 24);
}

export function sendParameterProblem6(
  net: Network,
  pkt: IpPacket,
  code: number,
  pointer: number,
): void {
  sendError(net, pkt, ICMP6.PARAM_PROBLEM, code, pointer);
}

/** About a datagram whose pieces did not all come; `pkt` describes its first fragment. */
export function sendReassemblyTimeout(net: Network, pkt: IpPacket): void {
  const type = pkt.isV4 ? ICMP4.TIME_EXCEEDED : ICMP6.TIME_EXCEEDED;
  sendError(net, pkt, type, TIME_EXCEEDED_REASSEMBLY, 0);
}

/** RFC 1812 §5.3.1, RFC 4443 §3.3: the packet has made its last hop. */
export function sendTimeExceeded(net: Network, pkt: IpPacket): void {
  const type = pkt.isV4 ? ICMP4.TIME_EXCEEDED : ICMP6.TIME_EXCEEDED;
  sendError(net, pkt, type, TIME_EXCEEDED_TRANSIT, 0);
}

/** RFC 1191 §4, RFC 4443 §3.2. */
export function sendPacketTooBig(net: Network, pkt: IpPacket, mtu: number): void {
  if (pkt.isV4) sendError(net, pkt, ICMP4.DEST_UNREACH, UNREACH4.FRAG_NEEDED, mtu);
  else sendError(net, pkt, ICMP6.PACKET_TOO_BIG, 0, mtu);
}

/** @param gateway the better first hop, an IPv4 address. */
export function sendRedirectError4(net: Network, pkt: IpPacket, gateway: number): void {
  sendError(net, pkt, ICMP4.REDIRECT, REDIRECT_HOST, gateway);
}

function sendError(net: Network, pkt: IpPacket, type: number, code: number, rest: number): void {
  const mib = pkt.isV4 ? net.mib.icmp4 : net.mib.icmp6;
  if (!mayReport(net, pkt, type, code)) return;
  // As Linux: without that news a path is dead, and its senders learn to send no more of these packets.
  const isLimited = !isPathMtu(pkt.isV4, type, code);
  if (isLimited && !pkt.iface.isLoopback && !net.icmpLimit.allowsAny(mib)) return;
  const path = net.pathBack(pkt);
  if (path === null || path.cast !== CAST.UNICAST) {
    mib.count(ICMP.OutErrors);
    return;
  }
  if (isLimited && !net.icmpLimit.allows(path, mib)) return;
  const result = quote(net, pkt, path, type, code, rest);
  if (result < 0) mib.count(ICMP.OutErrors);
  else {
    mib.count(ICMP.OutMsgs);
    mib.outType[type]!++;
  }
}

function isPathMtu(v4: boolean, type: number, code: number): boolean {
  if (v4) return type === ICMP4.DEST_UNREACH && code === UNREACH4.FRAG_NEEDED;
  return type === ICMP6.PACKET_TOO_BIG;
}

/** Whether an error about it may be sent at all. */
export function mayReport(net: Network, pkt: IpPacket, type: number, code: number): boolean {
  if (!isOneHost(pkt.src)) return false;
  if (pkt.cast !== CAST.UNICAST || pkt.isLinkGroup) {
    // RFC 4443 §2.4 (e.3): only an unknown option that asks for it is reported to a multicast's sender.
    const isOption = !pkt.isV4 && type === ICMP6.PARAM_PROBLEM && code === PARAM6.OPTION;
    if (!isOption) return false;
  }
  const { dv } = net.env.memory.slab;
  if (!pkt.isV4) {
    const whole = pkt.payloadOff + pkt.payloadLen - pkt.headerOff;
    return !isUnreportable6(dv, pkt.headerOff, whole);
  }
  if ((ipv4Frag(dv, pkt.headerOff) & IPV4_OFFSET_MASK) !== 0) return false;
  if (pkt.protocol !== IPPROTO.ICMP) return true;
  // Of a message that is cut off before its type nobody knows that it is no error.
  return pkt.payloadLen > 0 && !isIcmp4Error(icmpType(dv, pkt.payloadOff));
}

/** RFC 1122 §3.2.2: not a group, not 0/8, not class E; a loopback source is on loopback or was dropped. */
function isOneHost(src: Address): boolean {
  if (isMulticast(src) || isUnspecified(src)) return false;
  return !isV4(src) || (src.w3 >>> 24 !== 0 && src.w3 >>> 28 !== 15);
}

function quote(
  net: Network,
  pkt: IpPacket,
  path: Path,
  type: number,
  code: number,
  rest: number,
): number {
  const o = net.out;
  const whole = pkt.payloadOff + pkt.payloadLen - pkt.headerOff;
  const len = Math.min(whole, pkt.isV4 ? QUOTE_LIMIT4 : QUOTE_LIMIT6);
  o.path = path;
  o.src.copy(pkt.cast === CAST.UNICAST && !pkt.isTransit ? pkt.dst : path.source);
  if (pkt.isTransit && isUnspecified(o.src)) return -EADDRNOTAVAIL; // a router without an address there
  o.protocol = pkt.isV4 ? IPPROTO.ICMP : IPPROTO.ICMPV6;
  o.ttl = pkt.isV4 ? net.config.ttl4 : path.iface.hopLimit(net.config);
  o.tos = pkt.isV4 ? (pkt.tos & ERROR_TOS4) | ERROR_PRECEDENCE4 : 0;
  o.priority = TC_PRIO.BESTEFFORT;
  o.pmtuDiscovery = PMTUDISC.DONT;
  o.transportLen = ICMP_HEADER_LEN;
  o.checksumAt = 2;
  writeIcmp(net.env.memory.slab.dv, net.transportHeader, type, code, rest);
  return sendReceived(net, pkt.headerOff, len, pkt.chunk);
}

/**
 * Sends `net.out` with a payload taken from a received packet: by reference where its chunk can be
 * held, else copied to the transmit ring.
 */
export function sendReceived(net: Network, off: number, len: number, chunk: number): number {
  const o = net.out;
  o.chunk = chunk;
  o.payloadOff = off;
  o.payloadLen = len;
  if (chunk === NO_BLOCK && len > 0) {
    const at = net.reserve(o.path.iface, len);
    if (at < 0) return at;
    net.env.memory.slab.u8.copyWithin(at, off, off + len);
    o.payloadOff = at;
  }
  return ipOutput(net);
}
