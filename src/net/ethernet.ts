/** Frames in: to ARP, IPv4 or IPv6. Frames out: the link-layer header. */
import { RX, RX_FLAG, RX_STRIDE } from '../link/ring-layout.ts';
import { subtractSum } from '../wire/checksum.ts';
import {
  ETH_HEADER_LEN,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethDstHigh,
  ethDstLow,
  ethSrcHigh,
  ethSrcLow,
  ethType,
} from '../wire/ethernet.ts';
import {
  ETHERTYPE_VLAN,
  isTagType,
  priorityOf,
  VID_NONE,
  VLAN_TAG_LEN,
  vidOf,
  vlanTci,
  vlanType,
} from '../wire/vlan.ts';
import { arpInput } from './arp.ts';
import { DROP } from './drops.ts';
import type { Interface } from './interface.ts';
import { CSUM, type IpPacket, NOT_PARTIAL } from './ip-packet.ts';
import { ipv4Input } from './ipv4-input.ts';
import { ipv6Input } from './ipv6-input.ts';
import type { Network } from './network.ts';

const GROUP_BIT = 0x0100;

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { OFF, LEN, FLAGS, CHUNK, GSO, SUM } = RX;
const CSUM_AT = RX.CSUM;
const STRIDE = RX_STRIDE;
const { CSUM_VALID, CSUM_PARTIAL, CSUM_COMPLETE } = RX_FLAG;
const { TRUSTED, SUMMED, UNKNOWN } = CSUM;
const [WHOLE, HEADER_LEN] = [NOT_PARTIAL, ETH_HEADER_LEN];
const [ARP, IPV4, IPV6] = [ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6];

/** One frame of the interface's receive batch. Its fate is counted here, once. */
export function frameInput(net: Network, iface: Interface, index: number): void {
  net.drops.settle(ethernetInput(net, iface, index * STRIDE));
}

function ethernetInput(net: Network, iface: Interface, d: number): number {
  const desc = iface.device.rx.desc;
  const off = desc[d + OFF]!;
  const len = desc[d + LEN]!;
  if (!iface.isEnabled) return DROP.ETH_DISABLED;
  if (len < HEADER_LEN) return DROP.ETH_TRUNCATED;
  const dv = net.slab.dv;
  const isGroup = (ethDstHigh(dv, off) & GROUP_BIT) !== 0;
  if (!isGroup && !isOurs(iface, dv, off)) return DROP.ETH_OTHER_HOST;
  if ((ethSrcHigh(dv, off) & GROUP_BIT) !== 0) return DROP.ETH_BAD_SOURCE;
  const type = ethType(dv, off);
  if (isTagType(type)) return taggedInput(net, iface, d, type, isGroup);
  return packetInput(net, iface, d, type, isGroup, HEADER_LEN, 0);
}

/** 802.1Q: to the VLAN's interface; a tag that only gives a priority is passed over. */
function taggedInput(
  net: Network,
  iface: Interface,
  d: number,
  outer: number,
  isGroup: boolean,
): number {
  const { desc } = iface.device.rx;
  const off = desc[d + OFF]!;
  const len = desc[d + LEN]!;
  if (len < HEADER_LEN + VLAN_TAG_LEN) return DROP.ETH_TRUNCATED;
  const { dv } = net.slab;
  const tci = vlanTci(dv, off);
  const type = vlanType(dv, off);
  if (outer !== ETHERTYPE_VLAN || isTagType(type)) return DROP.ETH_NESTED_TAG;
  const id = vidOf(tci);
  const to = id === VID_NONE ? iface : iface.vlanOf(id);
  if (to === undefined) return DROP.ETH_UNKNOWN_VLAN;
  if (!to.isEnabled) return DROP.ETH_DISABLED;
  to.priorities[priorityOf(tci)]!++;
  if (to.vlan !== null) to.vlan.countReceived(len - VLAN_TAG_LEN);
  return packetInput(net, to, d, type, isGroup, HEADER_LEN + VLAN_TAG_LEN, (tci + type) | 0);
}

/** @param behind the sum of what the device has summed in front of the packet: the tag's second half and the type. */
function packetInput(
  net: Network,
  iface: Interface,
  d: number,
  type: number,
  isGroup: boolean,
  headerLen: number,
  behind: number,
): number {
  const { desc } = iface.device.rx;
  const at = desc[d + OFF]! + headerLen;
  const rest = desc[d + LEN]! - headerLen;
  if (type === ARP) return arpInput(net, iface, at, rest);
  if (type !== IPV4 && type !== IPV6) return DROP.ETH_UNKNOWN_TYPE;

  const pkt = net.rx;
  pkt.iface = iface;
  pkt.isLinkGroup = isGroup;
  pkt.chunk = desc[d + CHUNK]!;
  pkt.gso = desc[d + GSO]!;
  pkt.wasFragmented = false;
  pkt.partial = WHOLE;
  pkt.isLooped = false;
  if (iface.isLoopback) loopedFrom(net, pkt, desc[d + OFF]!);
  const flags = desc[d + FLAGS]!;
  if ((flags & (CSUM_VALID | CSUM_PARTIAL)) !== 0) {
    pkt.csum = TRUSTED;
    const place = desc[d + CSUM_AT]!;
    if ((flags & CSUM_PARTIAL) !== 0) pkt.partial = place && place - (headerLen << 16);
  } else if ((flags & CSUM_COMPLETE) !== 0) {
    pkt.csum = SUMMED;
    pkt.payloadSum = behind === 0 ? desc[d + SUM]! : subtractSum(desc[d + SUM]!, behind);
  } else pkt.csum = UNKNOWN;
  return type === IPV4 ? ipv4Input(net, pkt, at, rest) : ipv6Input(net, pkt, at, rest);
}

/** A group's packet that came back says in the place of its source which interface it left by. */
function loopedFrom(net: Network, pkt: IpPacket, off: number): void {
  const index = ethSrcLow(net.slab.dv, off);
  if (index === 0) return;
  const iface = net.interfaceAt(index);
  if (iface === null) return; // it went while the packet was on its way
  pkt.iface = iface;
  pkt.isLooped = true;
}

/** Loopback frames have no addresses. */
function isOurs(iface: Interface, dv: DataView, off: number): boolean {
  if (iface.isLoopback) return true;
  const mac = iface.device.mac;
  return ethDstHigh(dv, off) === mac.high && ethDstLow(dv, off) === mac.low;
}
