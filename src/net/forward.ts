/**
 * Packets for others: RFC 1812 §5, RFC 8200 §3, RFC 4443 §3. Whether we are a router is the administrator's to say
 * (`net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`). What may not go on ends here, and its sender hears why.
 */
import { NO_BLOCK } from '../base/block-pool.ts';
import { type Address, isLinkLocal4, isLinkLocal6, isUnspecified, isV4 } from '../wire/address.ts';
import { UNREACH4, UNREACH6 } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_DF, ipVersion, ipv4Frag, ipv4HeaderLen, ipv4Protocol } from '../wire/ipv4.ts';
import {
  extLen,
  IPV6_DST,
  IPV6_HEADER_LEN,
  IPV6_MIN_MTU,
  IPV6_SRC,
  ipv6NextHeader,
} from '../wire/ipv6.ts';
import { DROP } from './drops.ts';
import { sendTransit, wireLength } from './forward-output.ts';
import {
  sendPacketTooBig,
  sendTimeExceeded,
  sendUnreachable4,
  sendUnreachable6,
} from './icmp-error.ts';
import type { Interface } from './interface.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import { CONF4 } from './ipv4-conf.ts';
import { checkIpv6Options } from './ipv6-options.ts';
import { IP } from './mib.ts';
import type { Network } from './network.ts';
import { refuseTransit } from './no-path.ts';
import type { Path } from './path-cache.ts';
import { sendRedirect4, sendRedirect6 } from './redirect-output.ts';
import { recogniseMerged } from './segment.ts';
import { isGsoTcp } from './transit.ts';

/** A whole packet or a fragment, header and options checked, for no address of ours. ACCEPTED or DROP. */
export function forward4(net: Network, pkt: IpPacket): number {
  if (pkt.isLinkGroup) return refuse(pkt, IP.InDiscards, DROP.IP_UNICAST_IN_LINK_GROUP);
  if (pkt.dst.w3 >>> 24 === 0) return refuse(pkt, IP.InDiscards, DROP.IP_MARTIAN_DESTINATION);
  // RFC 3927 §2.7: neither from nor to a link-local address, whatever the TTL.
  if (isLinkLocal4(pkt.src) || isLinkLocal4(pkt.dst)) {
    return refuse(pkt, IP.InAddrErrors, DROP.FORWARD_SCOPE);
  }
  recogniseMerged(net, pkt);
  const path = net.paths.lookup(pkt.dst, 0);
  if (path === null) return refuseTransit(net, pkt);
  if (!leadsAway(path)) return refuse(pkt, IP.InAddrErrors, DROP.IP_NOT_LOCAL);
  if (pkt.ttl <= 1) return expired(net, pkt);
  const mtu = path.firstMtu();
  const mayCut = (ipv4Frag(net.env.memory.slab.dv, pkt.headerOff) & IPV4_DF) === 0;
  if (wireLength(net, pkt) > mtu && !(mayCut && (pkt.gso === 0 || isGsoTcp(pkt)))) {
    return tooBig(net, pkt, mtu);
  }
  const turnsBack = path.iface === pkt.iface;
  const fate = sendTransit(net, pkt, path, mtu);
  if (turnsBack && pkt.iface.conf4.get(CONF4.SEND_REDIRECTS) !== 0) sendRedirect4(net, pkt);
  return fate;
}

/** The same behind the fixed header, of which only hop-by-hop options concern a router (RFC 8200 §4). */
export function forward6(net: Network, pkt: IpPacket): number {
  if (pkt.isLinkGroup) return refuse(pkt, IP.InDiscards, DROP.IP_UNICAST_IN_LINK_GROUP);
  if (isUnspecified(pkt.src) || net.locals.ownerOf(pkt.src, pkt.iface.index) !== null) {
    return refuse(pkt, IP.InAddrErrors, DROP.IP_MARTIAN_SOURCE);
  }
  // An address of ours that is not usable yet; and link-local ones belong to their link (RFC 4291 §2.5.6).
  const isOurs = net.locals.ownerOf(pkt.dst, pkt.iface.index) !== null;
  if (isOurs || isLinkLocal6(pkt.dst)) return refuse(pkt, IP.InAddrErrors, DROP.IP_NOT_LOCAL);
  const bad = pkt.protocol === IPPROTO.HOP_BY_HOP ? checkHopByHop(net, pkt) : 0;
  if (bad !== 0) return refuse(pkt, IP.InHdrErrors, bad);
  recogniseMerged(net, pkt);
  const path = net.paths.lookup(pkt.dst, 0);
  if (path === null) return refuseTransit(net, pkt);
  if (path.iface.device.mtu < IPV6_MIN_MTU) {
    sendUnreachable6(net, pkt, UNREACH6.NO_ROUTE);
    return refuse(pkt, IP.InNoRoutes, DROP.FORWARD_SMALL_LINK);
  }
  if (!leadsAway(path)) return refuse(pkt, IP.InAddrErrors, DROP.IP_NOT_LOCAL);
  if (pkt.ttl <= 1) return expired(net, pkt);
  const turnsBack = path.iface === pkt.iface;
  if (isLinkLocal6(pkt.src) && !turnsBack) {
    sendUnreachable6(net, pkt, UNREACH6.BEYOND_SCOPE);
    return refuse(pkt, IP.InAddrErrors, DROP.FORWARD_SCOPE);
  }
  const mtu = Math.max(path.firstMtu(), IPV6_MIN_MTU);
  if (wireLength(net, pkt) > mtu) {
    pkt.mib.count(IP.InTooBigErrors);
    return tooBig(net, pkt, mtu);
  }
  const fate = sendTransit(net, pkt, path, mtu);
  if (turnsBack) sendRedirect6(net, pkt);
  return fate;
}

/**
 * RFC 3704 §2.2, §2.4, `rp_filter`: would we send to the source, out of where its packet came (1), or at all (2)?
 * A sender without an address (0.0.0.0) has none to check.
 */
export function reversePathAgrees(net: Network, pkt: IpPacket): boolean {
  const mode = pkt.iface.conf4.get(CONF4.RP_FILTER);
  const isExempt = pkt.iface.isLoopback || pkt.cast === CAST.MULTICAST || isUnspecified(pkt.src);
  if (mode === 0 || isExempt) return true;
  const route = net.routes.lookup(pkt.src, null);
  return route !== null && (mode === 2 || route.iface === pkt.iface);
}

/**
 * Nobody answered for the next hop of a packet of another host, whose first `len` bytes are at `off`: RFC 1812
 * §5.2.7.1, RFC 4443 §3.1.
 */
export function transitUnreachable(net: Network, index: number, off: number, len: number): void {
  const { rx } = net;
  const { dv } = net.env.memory.slab;
  const v4 = ipVersion(dv, off) === 4;
  const iface = net.interfaceAt(index);
  if (iface === null) return;
  rx.iface = iface;
  rx.isV4 = v4;
  rx.mib = v4 ? net.mib.ip4 : net.mib.ip6;
  if (v4) {
    rx.src.readV4(dv, off + 12);
    rx.dst.readV4(dv, off + 16);
  } else {
    rx.src.readV6(dv, off + IPV6_SRC);
    rx.dst.readV6(dv, off + IPV6_DST);
  }
  rx.protocol = v4 ? ipv4Protocol(dv, off) : ipv6NextHeader(dv, off);
  rx.cast = CAST.UNICAST;
  rx.isLinkGroup = false;
  rx.isTransit = true;
  rx.headerOff = off;
  rx.payloadOff = off + (v4 ? ipv4HeaderLen(dv, off) : IPV6_HEADER_LEN);
  rx.payloadLen = off + len - rx.payloadOff;
  rx.chunk = NO_BLOCK;
  rx.wasFragmented = true; // there is no frame
  if (v4) sendUnreachable4(net, rx, UNREACH4.HOST);
  else sendUnreachable6(net, rx, UNREACH6.ADDRESS);
}

/** Whether packets with this source are somebody else's. */
export function isTransitSource(net: Network, source: Address, index: number): boolean {
  const isUs = net.locals.ownerOf(source, index) !== null;
  return !isUs && !isUnspecified(source) && isForwarding(net, source);
}

function isForwarding(net: Network, of: Address): boolean {
  if (!isV4(of)) return net.interfaces.some((i) => isForwarding6(net, i));
  return net.interfaces.some((i) => i.conf4.get(CONF4.FORWARDING) !== 0);
}

/** As on Linux `all` decides, where packets for others arrive: `forwarding` of the interface is about its neighbours. */
export function isForwarding6({ config }: Network, arrival: Interface): boolean {
  return config.forwarding6 !== 0 || arrival.conf6.get('force_forwarding') !== 0;
}

function leadsAway(path: Path): boolean {
  return path.cast === CAST.UNICAST && !path.iface.isLoopback;
}

function refuse(pkt: IpPacket, counter: number, reason: number): number {
  pkt.mib.count(counter);
  return reason;
}

function expired(net: Network, pkt: IpPacket): number {
  sendTimeExceeded(net, pkt);
  return refuse(pkt, IP.InHdrErrors, DROP.FORWARD_TTL);
}

/** RFC 1812 §4.3.3.3, RFC 4443 §3.2: the sender learns what fits. */
function tooBig(net: Network, pkt: IpPacket, mtu: number): number {
  sendPacketTooBig(net, pkt, mtu);
  return refuse(pkt, IP.FragFails, DROP.FORWARD_TOO_BIG);
}

function checkHopByHop(net: Network, pkt: IpPacket): number {
  const at = pkt.payloadOff;
  if (pkt.payloadLen < 8) return DROP.IP6_BAD_EXTENSION;
  const len = extLen(net.env.memory.slab.dv, at);
  if (len > pkt.payloadLen) return DROP.IP6_BAD_EXTENSION;
  return checkIpv6Options(net, pkt, at + 2, at + len, true);
}
