/** Neighbour solicitations and advertisements in: RFC 4861 §7.1, §7.2; RFC 4862 §5.4.3, §5.4.4. */
import { ALL_NODES6, isLoopback, isMulticast, isUnspecified, isV4 } from '../wire/address.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import { ICMP6 } from '../wire/icmp.ts';
import {
  NA_OVERRIDE,
  NA_ROUTER,
  NA_SOLICITED,
  NDP_LINK_OPT_LEN,
  NDP_NEIGHBOUR_LEN,
  NDP_OPT_NONCE,
  NDP_OPT_SOURCE_LINK,
  NDP_OPT_TARGET_LINK,
  NDP_TARGET,
  ndpFlags,
  ndpOptLen,
} from '../wire/ndp.ts';
import { addressClaimed, dadSolicited, isOwnQuestion } from './dad.ts';
import { ACCEPTED, DROP } from './drops.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { IpPacket } from './ip-packet.ts';
import { ABSENT, findOption, isNdpMessage, linkOption, MALFORMED } from './ndp-message.ts';
import {
  countRequested,
  GROUP_MAC_HIGH,
  NDP_PACKET_LEN,
  refused,
  sendAdvert,
  writeAdvert,
} from './ndp-output.ts';
import { LEARN } from './neighbour-table.ts';
import type { Network } from './network.ts';

/** A solicitation whose ICMPv6 checksum is good; `pkt.payloadOff` at its type. ACCEPTED or DROP. */
export function neighbourSolicitInput(net: Network, pkt: IpPacket): number {
  const { iface } = pkt;
  const dv = net.env.memory.slab.dv;
  const target = iface.neighbours.scratch;
  if (!readTarget(net, pkt)) return DROP.NDP_MALFORMED;
  const linkAt = linkOption(dv, pkt, NDP_NEIGHBOUR_LEN, NDP_OPT_SOURCE_LINK);
  if (linkAt === MALFORMED) return DROP.NDP_MALFORMED;
  const isDad = isUnspecified(pkt.src);
  // RFC 4861 §7.1.1: without a source, to a solicited-node group and without a link-layer address.
  if (isDad && (linkAt !== ABSENT || !isSolicitedNode(pkt))) return DROP.NDP_MALFORMED;
  const entry = net.locals.entryOf(target, iface.index);
  if (entry === null || net.locals.ownerOf(target, iface.index) !== iface) {
    return DROP.NDP_NOT_FOR_US;
  }
  if (entry.state === 'tentative') {
    // RFC 4862 §5.4.3: from an address it is resolution, which a tentative address does not answer.
    if (!isDad) return DROP.NDP_NOT_FOR_US;
    return dadSolicited(net, iface, entry, nonceOption(dv, pkt)) ? ACCEPTED : DROP.NDP_NOT_FOR_US;
  }
  if (entry.state !== 'preferred') return DROP.NDP_NOT_FOR_US;
  if (isDad && isOwnQuestion(net, iface, entry, nonceOption(dv, pkt))) return DROP.NDP_NOT_FOR_US;
  return isDad ? defend(net, iface, entry) : answer(net, pkt, entry, linkAt);
}

/** An advertisement, likewise (RFC 4861 §7.1.2, §7.2.5). */
export function neighbourAdvertInput(net: Network, pkt: IpPacket): number {
  const { iface } = pkt;
  const dv = net.env.memory.slab.dv;
  const target = iface.neighbours.scratch;
  if (!readTarget(net, pkt)) return DROP.NDP_MALFORMED;
  const flags = ndpFlags(dv, pkt.payloadOff);
  if (isMulticast(pkt.dst) && (flags & NA_SOLICITED) !== 0) return DROP.NDP_MALFORMED;
  const linkAt = linkOption(dv, pkt, NDP_NEIGHBOUR_LEN, NDP_OPT_TARGET_LINK);
  if (linkAt === MALFORMED || isUnspecified(pkt.src)) return DROP.NDP_MALFORMED;
  const entry = net.locals.entryOf(target, iface.index);
  if (entry !== null && net.locals.ownerOf(target, iface.index) === iface) {
    return addressClaimed(net, iface, entry) ? ACCEPTED : DROP.NDP_NOT_FOR_US;
  }
  let how: number = LEARN.SAYS_ROUTER;
  if ((flags & NA_ROUTER) !== 0) how |= LEARN.ROUTER;
  if ((flags & NA_SOLICITED) !== 0) how |= LEARN.SOLICITED;
  if ((flags & NA_OVERRIDE) !== 0) how |= LEARN.OVERRIDE;
  if (linkAt !== ABSENT) how |= LEARN.LINK;
  const high = linkAt === ABSENT ? 0 : dv.getUint16(linkAt + 2);
  const low = linkAt === ABSENT ? 0 : dv.getInt32(linkAt + 4);
  const wasRouter = iface.neighbours.find(target)?.isRouter === true;
  const n = iface.neighbours.learn(target, high, low, how);
  if (wasRouter && n?.isRouter === false) net.autoconfOf(iface)?.routerResigned(target);
  return n === null ? DROP.NDP_NOT_FOR_US : ACCEPTED;
}

/** What both messages must be, and their target into the interface's scratch address. */
function readTarget(net: Network, pkt: IpPacket): boolean {
  const dv = net.env.memory.slab.dv;
  const off = pkt.payloadOff;
  if (!isNdpMessage(dv, pkt, NDP_NEIGHBOUR_LEN)) return false;
  const target = pkt.iface.neighbours.scratch;
  target.readV6(dv, off + NDP_TARGET);
  // A mapped address would reach into the IPv4 neighbours.
  if (isMulticast(target) || isUnspecified(target) || isLoopback(target) || isV4(target)) {
    return false;
  }
  return !isV4(pkt.src) && !isMulticast(pkt.src);
}

/** RFC 7527: a nonce of our length, or ABSENT: any other is not ours. */
function nonceOption(dv: DataView, pkt: IpPacket): number {
  const at = findOption(dv, pkt, NDP_NEIGHBOUR_LEN, NDP_OPT_NONCE);
  return at !== ABSENT && ndpOptLen(dv, at) === NDP_LINK_OPT_LEN ? at : ABSENT;
}

/** ff02::1:ffXX:XXXX. */
function isSolicitedNode(pkt: IpPacket): boolean {
  const { dst } = pkt;
  return dst.w0 === (0xff020000 | 0) && dst.w1 === 0 && dst.w2 === 1 && dst.w3 >>> 24 === 0xff;
}

/** RFC 4861 §7.2.4: somebody without an address asks whether he may have ours. All nodes hear that he may not. */
function defend(net: Network, iface: Interface, entry: InterfaceAddress): number {
  const group = ALL_NODES6;
  return sendAdvert(net, iface, GROUP_MAC_HIGH, group.w3, group, entry.address, NA_OVERRIDE)
    ? ACCEPTED
    : DROP.REPLY_NO_ROOM;
}

/**
 * RFC 4861 §7.2.3, §7.2.4: notes the asker if he says where he is, and answers. An asker who does say
 * so is answered there directly: the answer is no use of the entry, so that spoofed solicitations
 * cannot make us probe (Linux sends it through the entry, which then goes to DELAY).
 */
function answer(net: Network, pkt: IpPacket, entry: InterfaceAddress, linkAt: number): number {
  const { iface } = pkt;
  const flags = NA_SOLICITED | NA_OVERRIDE;
  if (linkAt === ABSENT) return answerThroughTable(net, pkt, entry, flags);
  const dv = net.env.memory.slab.dv;
  const high = dv.getUint16(linkAt + 2);
  const low = dv.getInt32(linkAt + 4);
  if (net.locals.ownerOf(pkt.src, iface.index) !== null) return DROP.NDP_NOT_FOR_US; // an echo of ours
  iface.neighbours.learn(pkt.src, high, low, LEARN.LINK | LEARN.OVERRIDE | LEARN.CREATE);
  return sendAdvert(net, iface, high, low, pkt.src, entry.address, flags)
    ? ACCEPTED
    : DROP.REPLY_NO_ROOM;
}

/** The asker's link-layer address is ours to find out; the answer waits for it. */
function answerThroughTable(
  net: Network,
  pkt: IpPacket,
  entry: InterfaceAddress,
  flags: number,
): number {
  const { iface } = pkt;
  if (net.locals.ownerOf(pkt.src, iface.index) !== null) return DROP.NDP_NOT_FOR_US;
  const n = iface.neighbours.resolve(pkt.src);
  if (n?.isUsable()) {
    return sendAdvert(net, iface, n.macHigh, n.macLow, pkt.src, entry.address, flags)
      ? ACCEPTED
      : DROP.REPLY_NO_ROOM;
  }
  const slot = n === null ? -1 : iface.device.tx.begin(); // written there, copied, and not committed
  if (n === null || slot < 0) {
    refused(net);
    return DROP.REPLY_NO_ROOM;
  }
  writeAdvert(net, iface, slot + ETH_HEADER_LEN, pkt.src, entry.address, flags);
  countRequested(net, ICMP6.NEIGHBOUR_ADVERT, false);
  const held = iface.neighbours.hold(n, slot + ETH_HEADER_LEN, NDP_PACKET_LEN, 0, 0, 0, 0);
  return held === 0 ? ACCEPTED : DROP.REPLY_NO_ROOM;
}
