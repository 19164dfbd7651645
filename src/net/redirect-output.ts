/**
 * Redirects: the sender has a shorter way on its own link (RFC 792, RFC 1812 §5.2.7.2; RFC 4861 §4.5, §8.2). The
 * packet has gone on already; the limits on errors hold for them as well.
 */
import { type Address, addressEquals, isLinkLocal6, writeV6 } from '../wire/address.ts';
import { ICMP6, writeIcmp } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV6_HEADER_LEN, IPV6_MIN_MTU } from '../wire/ipv6.ts';
import {
  NDP_HOP_LIMIT,
  NDP_LINK_OPT_LEN,
  NDP_OPT_REDIRECTED,
  NDP_OPT_TARGET_LINK,
  NDP_TARGET,
  writeLinkOption,
} from '../wire/ndp.ts';
import { mayReport, sendReceived, sendRedirectError4 } from './icmp-error.ts';
import type { Interface } from './interface.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';
import { PMTUDISC } from './out-packet.ts';
import { TC_PRIO } from './priority.ts';

/** Type, code, checksum, reserved, target, destination. */
const REDIRECT_LEN = 40;
/** Type, length, six reserved bytes; then as much of the packet as fits, in whole eights. */
const REDIRECTED_HEADER_LEN = 8;

export function sendRedirect4(net: Network, pkt: IpPacket): void {
  if (!net.routes.isOnLink(pkt.src, pkt.iface)) return;
  const path = net.paths.lookup(pkt.dst, 0);
  if (path === null || path.iface !== pkt.iface) return;
  sendRedirectError4(net, pkt, path.nextHop.w3);
}

export function sendRedirect6(net: Network, pkt: IpPacket): void {
  const { iface } = pkt;
  const target = betterHop(net, pkt);
  const source = linkLocalAddress(iface);
  if (target === null || source === null || !net.routes.isOnLink(pkt.src, iface)) return;
  if (!mayReport(net, pkt, ICMP6.REDIRECT, 0)) return;
  const back = net.pathTo(pkt.src, iface.index);
  if (back === null || back.cast !== CAST.UNICAST) return;
  if (!net.icmpLimit.allows(back, net.mib.icmp6)) return;
  const { dv } = net.env.memory.slab;
  const at = net.transportHeader;
  writeIcmp(dv, at, ICMP6.REDIRECT, 0, 0);
  writeV6(target, dv, at + NDP_TARGET);
  writeV6(pkt.dst, dv, at + NDP_TARGET + 16);
  let len = REDIRECT_LEN;
  const n = iface.neighbours.find(target);
  if (n?.isUsable()) {
    writeLinkOption(dv, at + len, NDP_OPT_TARGET_LINK, n.macHigh, n.macLow);
    len += NDP_LINK_OPT_LEN;
  }
  const room = IPV6_MIN_MTU - IPV6_HEADER_LEN - len - REDIRECTED_HEADER_LEN;
  const whole = pkt.payloadOff + pkt.payloadLen - pkt.headerOff;
  const quoted = Math.min(room, whole) & ~7;
  dv.setInt32(
    at + len,
    (NDP_OPT_REDIRECTED << 24) | (((quoted + REDIRECTED_HEADER_LEN) >> 3) << 16),
  );
  dv.setInt32(at + len + 4, 0);
  const o = net.out;
  o.path = back;
  o.src.copy(source);
  o.protocol = IPPROTO.ICMPV6;
  o.ttl = NDP_HOP_LIMIT;
  o.tos = 0;
  o.priority = TC_PRIO.BESTEFFORT;
  o.pmtuDiscovery = PMTUDISC.DONT;
  o.transportLen = len + REDIRECTED_HEADER_LEN;
  o.checksumAt = 2;
  const { mib } = net;
  if (sendReceived(net, pkt.headerOff, quoted, pkt.chunk) < 0) mib.icmp6.count(ICMP.OutErrors);
  else {
    mib.icmp6.count(ICMP.OutMsgs);
    mib.icmp6.outType[ICMP6.REDIRECT]!++;
  }
}

/** The destination itself, or a router by its link-local address: RFC 4861 §8.2 knows no other. */
function betterHop(net: Network, pkt: IpPacket): Address | null {
  const path = net.paths.lookup(pkt.dst, 0);
  if (path === null || path.iface !== pkt.iface) return null;
  // Kept apart from the path, which another look-up may take away.
  const hop = pkt.iface.neighbours.scratch.copy(path.nextHop);
  return addressEquals(hop, pkt.dst) || isLinkLocal6(hop) ? hop : null;
}

/** RFC 4861 §4.5: hosts know a router by that one. */
function linkLocalAddress(iface: Interface): Address | null {
  for (let i = 0; i < iface.addresses.length; i++) {
    const { address, state } = iface.addresses[i]!;
    if (isLinkLocal6(address) && state === 'preferred') return address;
  }
  return null;
}
