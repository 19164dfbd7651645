/** Router advertisements in: RFC 4861 §6.1.2, §6.3.4; RFC 4191; RFC 8106. */
import { MS } from '../base/time.ts';
import {
  ANY6,
  IpAddress,
  isLinkLocal6,
  isMulticast,
  isUnspecified,
  isV4,
  networkOf,
} from '../wire/address.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { NDP_OPT_SOURCE_LINK, ndpOptLen, ndpOptType } from '../wire/ndp.ts';
import {
  DNS_DATA,
  mtuOption,
  NO_PREFERENCE,
  OPT_DNSSL,
  OPT_MTU,
  OPT_MTU_LEN,
  OPT_PREFIX,
  OPT_PREFIX_LEN,
  OPT_RDNSS,
  OPT_ROUTE,
  optLifetime,
  PIO_AUTONOMOUS,
  PIO_ON_LINK,
  PIO_PREFIX,
  pioBits,
  pioFlags,
  pioPreferred,
  pioValid,
  preferenceOf,
  ROUTE_PREFIX,
  ROUTER_ADVERT_LEN,
  raFlags,
  raHopLimit,
  raLifetime,
  raReachableTime,
  raRetransTimer,
  rioBits,
  rioFlags,
} from '../wire/ndp-router.ts';
import { advertiseRoute } from './advertised-routes.ts';
import type { Autoconf } from './autoconf.ts';
import { readDomains } from './dns-list.ts';
import { ACCEPTED, DROP } from './drops.ts';
import type { IpPacket } from './ip-packet.ts';
import { isNdpMessage, linkOption, MALFORMED } from './ndp-message.ts';
import { LEARN } from './neighbour-table.ts';
import type { Network } from './network.ts';
import { acceptsAdverts } from './router-solicitation.ts';
import { endOf, prefixForAddresses } from './slaac.ts';

/** RFC 4861 §6.2.1: no router may advertise a longer reachable time; we believe no longer timer either. */
const MOST_MS = 3_600_000;
/** As Linux: less would be a storm of solicitations. */
const LEAST_RETRANS_MS = 10;
const LEAST_REACHABLE_MS = 100;
/** No link has a sixty-five-thousandth of all addresses: who says so wants to be asked for them. */
const LEAST_ON_LINK_BITS = 16;
const AUTONOMOUS_BITS = 64;
const ADDRESS_LEN = 16;

/** The ICMPv6 checksum is good; `pkt.payloadOff` at the type. ACCEPTED or DROP. */
export function routerAdvertInput(net: Network, pkt: IpPacket): number {
  const { iface, src } = pkt;
  const { dv } = net.env.memory.slab;
  if (!isNdpMessage(dv, pkt, ROUTER_ADVERT_LEN) || !isLinkLocal6(src)) return DROP.NDP_MALFORMED;
  const linkAt = linkOption(dv, pkt, ROUTER_ADVERT_LEN, NDP_OPT_SOURCE_LINK);
  if (linkAt === MALFORMED) return DROP.NDP_MALFORMED;
  const a = net.autoconfOf(iface);
  if (a === null || !acceptsAdverts(iface)) return DROP.NDP_RA_IGNORED;
  if (net.locals.ownerOf(src, iface.index) !== null) return DROP.NDP_RA_IGNORED; // our own
  a.count('Accepted');
  if (linkAt >= 0) {
    const how = LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE | LEARN.SAYS_ROUTER | LEARN.ROUTER;
    iface.neighbours.learn(src, dv.getUint16(linkAt + 2), dv.getInt32(linkAt + 4), how);
  }
  routerInput(a, pkt, dv);
  linkInput(a, pkt.payloadOff, dv);
  optionsInput(a, pkt, dv);
  a.age();
  return ACCEPTED;
}

/** Is it a default router, and how good a one (RFC 4191 §2.2)? The reserved preference is the medium one. */
function routerInput(a: Autoconf, pkt: IpPacket, dv: DataView): void {
  const { conf6 } = a.iface;
  const lifetime = raLifetime(dv, pkt.payloadOff);
  // RFC 7559 §2: who is no default router does not end the search for one.
  if (lifetime > 0) a.solicitation.stop();
  if (conf6.get('accept_ra_defrtr') === 0) return;
  const said = preferenceOf(raFlags(dv, pkt.payloadOff));
  const isHeard = conf6.get('accept_ra_rtr_pref') !== 0 && said !== NO_PREFERENCE;
  advertiseRoute(a, ANY6, 0, pkt.src, isHeard ? said : 0, endOf(a.net.env.nowNs, lifetime));
}

/** Hop limit and timers; 0: the router does not say. */
function linkInput(a: Autoconf, off: number, dv: DataView): void {
  const { iface } = a;
  const hops = raHopLimit(dv, off);
  if (hops !== 0 && hops >= iface.conf6.get('accept_ra_min_hop_limit')) iface.setHopLimit(hops);
  const { times6 } = iface.neighbours;
  const retransMs = raRetransTimer(dv, off);
  if (retransMs > MOST_MS) a.count('TimeRefused');
  else if (retransMs > 0) times6.advertiseRetrans(Math.max(retransMs, LEAST_RETRANS_MS) * MS);
  const reachableMs = raReachableTime(dv, off);
  if (reachableMs > MOST_MS) a.count('TimeRefused');
  else if (reachableMs > 0) {
    times6.advertiseReachable(Math.max(reachableMs, LEAST_REACHABLE_MS) * MS);
  }
}

/** Input has seen that each option is whole. */
function optionsInput(a: Autoconf, pkt: IpPacket, dv: DataView): void {
  const end = pkt.payloadOff + pkt.payloadLen;
  for (let at = pkt.payloadOff + ROUTER_ADVERT_LEN; at < end; at += ndpOptLen(dv, at)) {
    const len = ndpOptLen(dv, at);
    switch (ndpOptType(dv, at)) {
      case OPT_PREFIX:
        if (len === OPT_PREFIX_LEN) prefixInput(a, dv, at);
        break;
      case OPT_MTU:
        if (len === OPT_MTU_LEN) mtuInput(a, mtuOption(dv, at));
        break;
      case OPT_ROUTE:
        routeInput(a, pkt, dv, at, len);
        break;
      case OPT_RDNSS:
        serversInput(a, pkt, dv, at, len);
        break;
      case OPT_DNSSL:
        domainsInput(a, pkt, dv, at, len);
        break;
      default:
    }
  }
}

/** RFC 4861 §6.3.4, RFC 4862 §5.5.3 (a) to (d). */
function prefixInput(a: Autoconf, dv: DataView, at: number): void {
  const { conf6 } = a.iface;
  if (conf6.get('accept_ra_pinfo') === 0) return;
  const bits = pioBits(dv, at);
  const said = new IpAddress();
  said.readV6(dv, at + PIO_PREFIX);
  const prefix = networkOf(said, bits);
  const valid = pioValid(dv, at);
  const preferred = pioPreferred(dv, at);
  if (bits > 128 || !isPrefix(prefix) || preferred > valid) {
    a.count('PrefixRefused');
    return;
  }
  if ((pioFlags(dv, at) & PIO_ON_LINK) !== 0) {
    if (bits < LEAST_ON_LINK_BITS) a.count('PrefixRefused');
    else advertiseRoute(a, prefix, bits, null, 0, endOf(a.net.env.nowNs, valid));
  }
  if ((pioFlags(dv, at) & PIO_AUTONOMOUS) === 0 || conf6.get('autoconf') === 0) return;
  if (bits === AUTONOMOUS_BITS) prefixForAddresses(a, prefix, preferred, valid);
  else a.count('PrefixNot64');
}

function isPrefix(prefix: IpAddress): boolean {
  if (isV4(prefix) || isUnspecified(prefix)) return false;
  return !isLinkLocal6(prefix) && !isMulticast(prefix);
}

/** RFC 4861 §6.3.4: between the least MTU of IPv6 and the link's. */
function mtuInput(a: Autoconf, mtu: number): void {
  const { iface, net } = a;
  if (iface.conf6.get('accept_ra_mtu') === 0) return;
  if (mtu < IPV6_MIN_MTU || mtu > iface.device.mtu) a.count('MtuRefused');
  else if (mtu !== iface.mtuOf(false)) {
    iface.setMtu6(mtu);
    net.routes.changed();
  }
}

/** RFC 4191 §2.3, §3.1: the option is as long as its prefix; one with the reserved preference is ignored. */
function routeInput(a: Autoconf, pkt: IpPacket, dv: DataView, at: number, len: number): void {
  const { conf6 } = a.iface;
  const bits = rioBits(dv, at);
  const preference = preferenceOf(rioFlags(dv, at));
  const room = (len - ROUTE_PREFIX) * 8;
  if (bits > 128 || bits > room || len > 24 || preference === NO_PREFERENCE) {
    a.count('RouteRefused');
    return;
  }
  if (conf6.get('accept_ra_rtr_pref') === 0) return;
  if (bits === 0 && conf6.get('accept_ra_defrtr') === 0) return;
  if (bits > conf6.get('accept_ra_rt_info_max_plen')) return;
  if (bits < conf6.get('accept_ra_rt_info_min_plen')) return;
  const said = new IpAddress();
  const word = (i: number) => (i * 4 + 4 <= len - ROUTE_PREFIX ? dv.getInt32(at + 8 + 4 * i) : 0);
  said.set(word(0), word(1), word(2), word(3));
  const prefix = networkOf(said, bits);
  if (bits !== 0 && !isPrefix(prefix)) a.count('RouteRefused');
  else {
    const untilNs = endOf(a.net.env.nowNs, optLifetime(dv, at));
    advertiseRoute(a, prefix, bits, pkt.src, preference, untilNs);
  }
}

/** RFC 8106 §5.1, §5.3.1: a header of 8 bytes, then whole addresses, at least one. */
function serversInput(a: Autoconf, pkt: IpPacket, dv: DataView, at: number, len: number): void {
  const { nowNs } = a.net.env;
  if (len < DNS_DATA + ADDRESS_LEN || (len - DNS_DATA) % ADDRESS_LEN !== 0) {
    a.count('DnsRefused');
    return;
  }
  const untilNs = endOf(nowNs, optLifetime(dv, at));
  const server = new IpAddress();
  for (let o = at + DNS_DATA; o < at + len; o += ADDRESS_LEN) {
    server.readV6(dv, o);
    if (isV4(server) || isUnspecified(server) || isMulticast(server)) a.count('DnsRefused');
    else if (!a.dns.setServer(server, pkt.src, untilNs, nowNs)) a.count('DnsFull');
  }
}

function domainsInput(a: Autoconf, pkt: IpPacket, dv: DataView, at: number, len: number): void {
  const { nowNs } = a.net.env;
  const names = len < DNS_DATA + 8 ? null : readDomains(dv, at + DNS_DATA, len - DNS_DATA);
  if (names === null) {
    a.count('DnsRefused');
    return;
  }
  const untilNs = endOf(nowNs, optLifetime(dv, at));
  for (const name of names) {
    if (!a.dns.setDomain(name, pkt.src, untilNs, nowNs)) a.count('DnsFull');
  }
}
