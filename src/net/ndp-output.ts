/** Neighbour solicitations and advertisements, written straight into a frame of the device. */
import type { Slab } from '../base/slab.ts';
import { type Address, isMulticast, writeV6 } from '../wire/address.ts';
import { foldChecksum, sumBytes } from '../wire/checksum.ts';
import { ETH_HEADER_LEN, ETHERTYPE_IPV6, writeEthernet } from '../wire/ethernet.ts';
import { ICMP6, setIcmpChecksum, writeIcmp } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV6_HEADER_LEN, IPV6_SRC, writeIpv6 } from '../wire/ipv6.ts';
import {
  NA_ROUTER,
  NDP_HOP_LIMIT,
  NDP_LINK_OPT_LEN,
  NDP_NEIGHBOUR_LEN,
  NDP_OPT_NONCE,
  NDP_OPT_SOURCE_LINK,
  NDP_OPT_TARGET_LINK,
  NDP_OPTIONS,
  NDP_TARGET,
  writeLinkOption,
} from '../wire/ndp.ts';
import type { Interface } from './interface.ts';
import { ICMP, IP } from './mib.ts';
import type { Network } from './network.ts';
import { TC_PRIO } from './priority.ts';

/** The length of the IPv6 packet of a solicitation or advertisement with one 8-byte option. */
export const NDP_PACKET_LEN = IPV6_HEADER_LEN + NDP_NEIGHBOUR_LEN + NDP_LINK_OPT_LEN;

/** RFC 2464 §7: 33:33 and the low 32 bits of the group. */
export const GROUP_MAC_HIGH = 0x3333;

/**
 * RFC 4861 §7.2.2: asks for `target` from one of our addresses; to the solicited-node group, or
 * (probing) to the neighbour itself. False: no room in the device.
 */
export function sendSolicit(
  net: Network,
  iface: Interface,
  macHigh: number,
  macLow: number,
  src: Address,
  dst: Address,
  target: Address,
): boolean {
  const frame = iface.device.tx.begin();
  if (frame < 0) return refused(net);
  const { mac } = iface.device;
  const slab = net.env.memory.slab;
  const icmp = writeNeighbour(
    slab,
    frame + ETH_HEADER_LEN,
    ICMP6.NEIGHBOUR_SOLICIT,
    0,
    src,
    dst,
    target,
  );
  writeLinkOption(slab.dv, icmp + NDP_OPTIONS, NDP_OPT_SOURCE_LINK, mac.high, mac.low);
  finishNdp(net, iface, frame, macHigh, macLow, dst, NDP_PACKET_LEN);
  return true;
}

/**
 * RFC 4862 §5.4.2: asks whether somebody else has `target`, from no address, so that only its holder
 * answers. The nonce tells our own question, looped back, from another's (RFC 7527 §4.2).
 */
export function sendDadSolicit(
  net: Network,
  iface: Interface,
  unspecified: Address,
  group: Address,
  target: Address,
  nonceHigh: number,
  nonceLow: number,
): boolean {
  const frame = iface.device.tx.begin();
  if (frame < 0) return refused(net);
  const slab = net.env.memory.slab;
  const ip = frame + ETH_HEADER_LEN;
  const icmp = writeNeighbour(slab, ip, ICMP6.NEIGHBOUR_SOLICIT, 0, unspecified, group, target);
  // The nonce option has the shape of a link-layer address option: 6 bytes of content.
  writeLinkOption(slab.dv, icmp + NDP_OPTIONS, NDP_OPT_NONCE, nonceHigh, nonceLow);
  finishNdp(net, iface, frame, GROUP_MAC_HIGH, group.w3, group, NDP_PACKET_LEN);
  return true;
}

/** RFC 4861 §7.2.4, §7.2.6: says that `target` is ours. `flags`: NA_SOLICITED, NA_OVERRIDE. */
export function sendAdvert(
  net: Network,
  iface: Interface,
  macHigh: number,
  macLow: number,
  dst: Address,
  target: Address,
  flags: number,
): boolean {
  const frame = iface.device.tx.begin();
  if (frame < 0) return refused(net);
  writeAdvert(net, iface, frame + ETH_HEADER_LEN, dst, target, flags);
  finishNdp(net, iface, frame, macHigh, macLow, dst, NDP_PACKET_LEN);
  return true;
}

/** The packet alone, checksum included: for an advertisement that must wait for its own next hop. */
export function writeAdvert(
  net: Network,
  iface: Interface,
  ip: number,
  dst: Address,
  target: Address,
  flags: number,
): void {
  const { mac } = iface.device;
  const slab = net.env.memory.slab;
  // RFC 4861 §4.4: and whether we are a router.
  const all = iface.conf6.get('forwarding') === 0 ? flags : flags | NA_ROUTER;
  const icmp = writeNeighbour(slab, ip, ICMP6.NEIGHBOUR_ADVERT, all, target, dst, target);
  writeLinkOption(slab.dv, icmp + NDP_OPTIONS, NDP_OPT_TARGET_LINK, mac.high, mac.low);
  writeChecksum(slab, ip, NDP_PACKET_LEN);
}

function writeNeighbour(
  slab: Slab,
  ip: number,
  type: number,
  flags: number,
  src: Address,
  dst: Address,
  target: Address,
): number {
  const len = NDP_PACKET_LEN - IPV6_HEADER_LEN;
  writeIpv6(slab.dv, ip, 0, 0, len, IPPROTO.ICMPV6, NDP_HOP_LIMIT, src, dst);
  const icmp = ip + IPV6_HEADER_LEN;
  writeIcmp(slab.dv, icmp, type, 0, flags);
  writeV6(target, slab.dv, icmp + NDP_TARGET);
  return icmp;
}

/** RFC 4443 §2.3: over the pseudo-header (addresses, length, next header) and the message. */
function writeChecksum(slab: Slab, ip: number, packetLen: number): void {
  const len = packetLen - IPV6_HEADER_LEN;
  const icmp = ip + IPV6_HEADER_LEN;
  setIcmpChecksum(slab.dv, icmp, 0);
  const pseudo = sumBytes(slab.dv, ip + IPV6_SRC, 32, len + IPPROTO.ICMPV6);
  setIcmpChecksum(slab.dv, icmp, foldChecksum(sumBytes(slab.dv, icmp, len, pseudo)));
}

/** A packet of `len` bytes behind room for the Ethernet header: its checksum, its counters, and off it goes. */
export function finishNdp(
  net: Network,
  iface: Interface,
  frame: number,
  macHigh: number,
  macLow: number,
  dst: Address,
  len: number,
): void {
  const { tx, mac } = iface.device;
  const slab = net.env.memory.slab;
  writeEthernet(slab.dv, frame, macHigh, macLow, mac.high, mac.low, ETHERTYPE_IPV6);
  const ip = frame + ETH_HEADER_LEN;
  writeChecksum(slab, ip, len);
  countRequested(net, slab.dv.getUint8(ip + IPV6_HEADER_LEN), isMulticast(dst));
  net.mib.ip6.count(IP.OutTransmits);
  net.mib.ip6.add(IP.OutOctets, len);
  tx.add(frame, ETH_HEADER_LEN + len);
  iface.commit(TC_PRIO.BESTEFFORT);
}

/** A message that leaves, or waits for its next hop (output counts the rest when it goes). */
export function countRequested(net: Network, type: number, isGroup: boolean): void {
  const { ip6, icmp6 } = net.mib;
  ip6.count(IP.OutRequests);
  if (isGroup) ip6.count(IP.OutMcastPkts);
  icmp6.count(ICMP.OutMsgs);
  icmp6.outType[type]!++;
}

/** A message for which there is no room. */
export function refused(net: Network): false {
  net.mib.ip6.count(IP.OutRequests);
  net.mib.ip6.count(IP.OutDiscards);
  return false;
}
