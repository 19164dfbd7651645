/**
 * Redirects in: RFC 792, RFC 1122 §3.2.2.2; RFC 4861 §8.1, §8.3. A router tells of a better first hop for one
 * destination. Only the first hop in use is believed, and over IPv4 only about a packet of a socket of ours.
 */
import { NEVER } from '../base/time.ts';
import {
  type Address,
  addressEquals,
  IpAddress,
  isLimitedBroadcast,
  isLinkLocal6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
  prefixEquals,
} from '../wire/address.ts';
import { icmpCode, icmpRest, REDIRECT4_CODES } from '../wire/icmp.ts';
import { NDP_OPT_TARGET_LINK } from '../wire/ndp.ts';
import { REDIRECT_DESTINATION, REDIRECT_LEN, REDIRECT_TARGET } from '../wire/ndp-router.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { hasOwner, nobodys, readQuote } from './icmp-error-input.ts';
import type { Interface } from './interface.ts';
import type { IpPacket } from './ip-packet.ts';
import { CONF4 } from './ipv4-conf.ts';
import { isNdpMessage, linkOption, MALFORMED } from './ndp-message.ts';
import { LEARN } from './neighbour-table.ts';
import type { Network } from './network.ts';

/**
 * The ICMP checksum is good; `pkt.payloadOff` at the type. As on Linux a redirect for a network is one for the
 * host (§3.2.2.2), and a gateway that is not known yet is asked for, and taken when it is named again.
 */
export function redirectInput4(net: Network, pkt: IpPacket): number {
  const { iface, src } = pkt;
  const { quote, paths } = net;
  const { dv } = net.env.memory.slab;
  if (icmpCode(dv, pkt.payloadOff) >= REDIRECT4_CODES) return DROP.ICMP_MALFORMED;
  const bad = readQuote(net, pkt);
  if (bad !== 0) return bad;
  if (!hasOwner(net, quote)) return nobodys(net, quote);
  const target = new IpAddress().setV4(icmpRest(dv, pkt.payloadOff));
  const isHeard = iface.conf4.get(CONF4.ACCEPT_REDIRECTS) !== 0;
  if (!isHeard || !isGateway(net, iface, target, src)) return DROP.ICMP_REDIRECT_REFUSED;
  let isTaken = false;
  for (const boundIndex of [0, iface.index]) {
    // Only paths that are in use: who quotes a port of ours makes no new ones.
    if (paths.find(quote.dst, boundIndex) === null) continue;
    const path = paths.lookup(quote.dst, boundIndex);
    if (path?.isThrough(iface, src) !== true) continue;
    isTaken = true;
    if (iface.neighbours.resolve(target)?.isUsable() !== true) continue;
    paths.redirect(path, iface, src, target, net.env.nowNs + net.config.redirectExpiresNs);
  }
  if (!isTaken) return DROP.ICMP_REDIRECT_REFUSED;
  net.env.trace.event('icmp.redirect', iface.index, quote.dst.w3);
  return ACCEPTED;
}

/** Whether another host could be there, and, without shared_media, on a subnet of ours with the router that says so. */
function isGateway(net: Network, iface: Interface, target: Address, router: Address): boolean {
  const isNobody = target.w3 >>> 24 === 0 || isLoopback(target) || isMulticast(target);
  if (isNobody || isLimitedBroadcast(target) || addressEquals(target, router)) return false;
  if (net.locals.ownerOf(target, 0) !== null) return false;
  if (net.interfaces.some((i) => i.isBroadcast(target.w3))) return false;
  if (iface.conf4.get(CONF4.SHARED_MEDIA) !== 0) return true;
  const isOnSubnet = iface.addresses.some(
    ({ address, bits }) =>
      isV4(address) && prefixEquals(address, target, bits) && prefixEquals(address, router, bits),
  );
  if (!isOnSubnet) return false;
  return iface.conf4.get(CONF4.SECURE_REDIRECTS) === 0 || isNamed(net, iface, target);
}

/** A route through the interface has it for its gateway. */
function isNamed(net: Network, iface: Interface, gateway: Address): boolean {
  return net.routes.routes.some(
    (r) => r.iface === iface && r.gateway !== null && addressEquals(r.gateway, gateway),
  );
}

/** The ICMPv6 checksum is good; `pkt.payloadOff` at the type. ACCEPTED or DROP. */
export function redirectInput6(net: Network, pkt: IpPacket): number {
  const { iface, src } = pkt;
  const { paths } = net;
  const { dv } = net.env.memory.slab;
  if (!isNdpMessage(dv, pkt, REDIRECT_LEN) || !isLinkLocal6(src)) return DROP.NDP_MALFORMED;
  const linkAt = linkOption(dv, pkt, REDIRECT_LEN, NDP_OPT_TARGET_LINK);
  const target = new IpAddress();
  const destination = new IpAddress();
  target.readV6(dv, pkt.payloadOff + REDIRECT_TARGET);
  destination.readV6(dv, pkt.payloadOff + REDIRECT_DESTINATION);
  const isOnLink = addressEquals(target, destination);
  const isMeant = isHost(destination) && (isOnLink || isLinkLocal6(target));
  if (linkAt === MALFORMED || !isMeant) return DROP.NDP_MALFORMED;
  // A router makes its own way (§8.2).
  const { conf6 } = iface;
  const isHeard = conf6.get('accept_redirects') !== 0 && conf6.get('forwarding') === 0;
  if (!isHeard) return DROP.NDP_REDIRECT_REFUSED;
  if (net.locals.ownerOf(target, iface.index) !== null) return DROP.NDP_REDIRECT_REFUSED;
  let isTaken = false;
  for (const boundIndex of [0, iface.index]) {
    const path = paths.lookup(destination, boundIndex);
    if (paths.redirect(path, iface, src, target, NEVER)) isTaken = true;
  }
  if (!isTaken) return DROP.NDP_REDIRECT_REFUSED;
  if (linkAt >= 0) {
    // §8.3: only a router is given for somebody else.
    const says = isOnLink ? 0 : LEARN.SAYS_ROUTER | LEARN.ROUTER;
    const how = LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE | says;
    iface.neighbours.learn(target, dv.getUint16(linkAt + 2), dv.getInt32(linkAt + 4), how);
  }
  net.env.trace.event('ndp.redirect', iface.index, destination.w3);
  return ACCEPTED;
}

function isHost(a: IpAddress): boolean {
  return !isV4(a) && !isUnspecified(a) && !isLoopback(a) && !isMulticast(a);
}
