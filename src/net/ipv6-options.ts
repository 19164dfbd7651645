import { PARAM6 } from '../wire/icmp.ts';
import { OPT6_PAD1, OPT6_PADN, OPT6_ROUTER_ALERT } from '../wire/ipv6.ts';
import { DROP } from './drops.ts';
import { sendParameterProblem6 } from './icmp-error.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import type { Network } from './network.ts';

/**
 * Walks the options of a hop-by-hop or destination header from `at` to `end` (RFC 8200 §4.2).
 * What is unknown is treated as its two highest bits say. A jumbo payload (RFC 2675) is unknown to us:
 * no link we have carries one. Returns 0 or a drop reason.
 */
export function checkIpv6Options(net: Network, pkt: IpPacket, at: number, end: number): number {
  const u8 = net.env.memory.slab.u8;
  let o = at;
  while (o < end) {
    const type = u8[o]!;
    if (type === OPT6_PAD1) {
      o++;
      continue;
    }
    if (o + 2 > end || o + 2 + u8[o + 1]! > end) return DROP.IP6_BAD_EXTENSION;
    if (type === OPT6_ROUTER_ALERT && u8[o + 1] === 2) {
      pkt.routerAlert = (u8[o + 2]! << 8) | u8[o + 3]!;
    } else if (type !== OPT6_PADN && type !== OPT6_ROUTER_ALERT) {
      const fate = unknownOption(net, pkt, type, o - pkt.headerOff);
      if (fate !== 0) return fate;
    }
    o += 2 + u8[o + 1]!;
  }
  return 0;
}

function unknownOption(net: Network, pkt: IpPacket, type: number, pointer: number): number {
  switch (type >>> 6) {
    case 0: // skip
      return 0;
    case 1: // discard
      return DROP.IP_BAD_OPTION;
    case 2: // discard, and say so even to a multicast
      break;
    default: // discard, and say so unless it was multicast
      if (pkt.cast === CAST.MULTICAST) return DROP.IP_BAD_OPTION;
  }
  sendParameterProblem6(net, pkt, PARAM6.OPTION, pointer);
  return DROP.IP_BAD_OPTION;
}
