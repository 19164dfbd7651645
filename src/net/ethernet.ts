/** Frames in: to ARP, IPv4 or IPv6. Frames out: the link-layer header. */
import { RX, RX_FLAG, RX_STRIDE } from '../link/ring-layout.ts';
import {
  ETH_HEADER_LEN,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ethDstHigh,
  ethDstLow,
  ethSrcHigh,
  ethType,
} from '../wire/ethernet.ts';
import { arpInput } from './arp.ts';
import { DROP } from './drops.ts';
import type { Interface } from './interface.ts';
import { CSUM } from './ip-packet.ts';
import { ipv4Input } from './ipv4-input.ts';
import { ipv6Input } from './ipv6-input.ts';
import type { Network } from './network.ts';

const GROUP_BIT = 0x0100;

/** One frame of the interface's receive batch. Its fate is counted here, once. */
export function frameInput(net: Network, iface: Interface, index: number): void {
  net.drops.settle(ethernetInput(net, iface, index * RX_STRIDE));
}

function ethernetInput(net: Network, iface: Interface, d: number): number {
  const desc = iface.device.rx.desc;
  const off = desc[d + RX.OFF]!;
  const len = desc[d + RX.LEN]!;
  if (len < ETH_HEADER_LEN) return DROP.ETH_TRUNCATED;
  const dv = net.env.memory.slab.dv;
  const isGroup = (ethDstHigh(dv, off) & GROUP_BIT) !== 0;
  if (!isGroup && !isOurs(iface, dv, off)) return DROP.ETH_OTHER_HOST;
  if ((ethSrcHigh(dv, off) & GROUP_BIT) !== 0) return DROP.ETH_BAD_SOURCE;
  const at = off + ETH_HEADER_LEN;
  const rest = len - ETH_HEADER_LEN;
  const type = ethType(dv, off);
  if (type === ETHERTYPE_ARP) return arpInput(net, iface, at, rest);
  if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_IPV6) return DROP.ETH_UNKNOWN_TYPE;

  const pkt = net.rx;
  pkt.iface = iface;
  pkt.isLinkGroup = isGroup;
  pkt.chunk = desc[d + RX.CHUNK]!;
  pkt.gso = desc[d + RX.GSO]!;
  pkt.wasFragmented = false;
  const flags = desc[d + RX.FLAGS]!;
  if ((flags & (RX_FLAG.CSUM_VALID | RX_FLAG.CSUM_PARTIAL)) !== 0) pkt.csum = CSUM.TRUSTED;
  else if ((flags & RX_FLAG.CSUM_COMPLETE) !== 0) {
    pkt.csum = CSUM.SUMMED;
    pkt.payloadSum = desc[d + RX.SUM]!;
  } else pkt.csum = CSUM.UNKNOWN;
  return type === ETHERTYPE_IPV4 ? ipv4Input(net, pkt, at, rest) : ipv6Input(net, pkt, at, rest);
}

/** Loopback frames have no addresses. */
function isOurs(iface: Interface, dv: DataView, off: number): boolean {
  if (iface.isLoopback) return true;
  const mac = iface.device.mac;
  return ethDstHigh(dv, off) === mac.high && ethDstLow(dv, off) === mac.low;
}
