/** Redirects in: RFC 4861 §8.1, §8.3. A router tells of a better first hop for one destination. */
import {
  addressEquals,
  IpAddress,
  isLinkLocal6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
} from '../wire/address.ts';
import { NDP_OPT_TARGET_LINK } from '../wire/ndp.ts';
import { REDIRECT_DESTINATION, REDIRECT_LEN, REDIRECT_TARGET } from '../wire/ndp-router.ts';
import { ACCEPTED, DROP } from './drops.ts';
import type { IpPacket } from './ip-packet.ts';
import { isNdpMessage, linkOption, MALFORMED } from './ndp-message.ts';
import { LEARN } from './neighbour-table.ts';
import type { Network } from './network.ts';

/** The ICMPv6 checksum is good; `pkt.payloadOff` at the type. ACCEPTED or DROP. */
export function redirectInput(net: Network, pkt: IpPacket): number {
  const { iface, src } = pkt;
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
  const isHeard = iface.conf6.get('accept_redirects') !== 0 && net.config.forwarding6 === 0;
  if (!isHeard) return DROP.NDP_REDIRECT_REFUSED;
  if (net.locals.ownerOf(target, iface.index) !== null) return DROP.NDP_REDIRECT_REFUSED;
  if (!net.paths.redirect(destination, iface, src, target)) return DROP.NDP_REDIRECT_REFUSED;
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
