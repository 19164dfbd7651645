import { PARAM6 } from '../wire/icmp.ts';
import {
  ipv6PayloadLen,
  OPT6_JUMBO,
  OPT6_PAD1,
  OPT6_PADN,
  OPT6_ROUTER_ALERT,
} from '../wire/ipv6.ts';
import { DROP } from './drops.ts';
import { sendParameterProblem6 } from './icmp-error.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import type { Network } from './network.ts';

/** RFC 8504 §5.3: more than it takes to reach a multiple of eight is no padding. */
const MOST_PADDING = 7;

/**
 * Walks the options of a hop-by-hop or destination header from `at` to `end` (RFC 8200 §4.2). What is unknown is
 * treated as its two highest bits say; more than `max_hbh_opts_number`, or `max_dst_opts_number`, are not looked at,
 * and padding is at most seven zeros in a row, as on Linux (RFC 8504 §5.3). Returns 0 or a drop reason.
 */
export function checkIpv6Options(
  net: Network,
  pkt: IpPacket,
  at: number,
  end: number,
  isHop: boolean,
): number {
  const { u8 } = net.env.memory.slab;
  const { config } = net;
  const number = isHop ? config.hopOptions6 : config.dstOptions6;
  const most = Math.abs(number);
  // Linux: all of the header counts.
  if (end - at + 2 > (isHop ? config.hopOptionBytes6 : config.dstOptionBytes6)) {
    return DROP.IP_BAD_OPTION;
  }
  let count = 0;
  let padding = 0;
  for (let o = at; o < end; ) {
    const type = u8[o]!;
    if (type !== OPT6_PAD1 && (o + 2 > end || o + 2 + u8[o + 1]! > end)) {
      return DROP.IP6_BAD_EXTENSION;
    }
    const len = type === OPT6_PAD1 ? 1 : 2 + u8[o + 1]!;
    if (type === OPT6_PAD1 || type === OPT6_PADN) {
      padding += len;
      if (padding > MOST_PADDING || !isBlank(u8, o + 2, o + len)) return DROP.IP_BAD_OPTION;
    } else {
      padding = 0;
      if (++count > most) return DROP.IP_BAD_OPTION;
      const fate = isHop ? hopOption(net, pkt, type, o) : OTHER;
      const bad =
        fate === OTHER ? unknownOption(net, pkt, type, o - pkt.headerOff, number < 0) : fate;
      if (bad !== 0) return bad;
    }
    o += len;
  }
  return 0;
}

/** RFC 8504 §5.3: padding carries nothing. */
function isBlank(u8: Uint8Array, from: number, to: number): boolean {
  for (let o = from; o < to; o++) if (u8[o] !== 0) return false;
  return true;
}

/** No option that we know. */
const OTHER = -1;

function hopOption(net: Network, pkt: IpPacket, type: number, o: number): number {
  const { u8 } = net.env.memory.slab;
  if (type === OPT6_JUMBO) return jumboPayload(net, pkt, o);
  if (type !== OPT6_ROUTER_ALERT) return OTHER;
  if (u8[o + 1] !== 2) return DROP.IP_BAD_OPTION;
  pkt.routerAlert = (u8[o + 2]! << 8) | u8[o + 3]!;
  return 0;
}

/** RFC 2675 §3: what can be said against a jumbogram. One that is right is longer than any frame of ours. */
function jumboPayload(net: Network, pkt: IpPacket, o: number): number {
  const { dv, u8 } = net.env.memory.slab;
  const pointer = o - pkt.headerOff;
  if (u8[o + 1] !== 4 || (pointer & 3) !== 2) return DROP.IP_BAD_OPTION;
  const isShort = dv.getUint16(o + 2) === 0;
  if (!isShort && ipv6PayloadLen(dv, pkt.headerOff) === 0) return DROP.IP_TRUNCATED;
  sendParameterProblem6(net, pkt, PARAM6.HEADER, isShort ? pointer + 2 : pointer);
  return DROP.IP_BAD_OPTION;
}

/** @param isRefused `max_…_opts_number` is negative: none that is unknown passes, and nobody hears of it. */
function unknownOption(
  net: Network,
  pkt: IpPacket,
  type: number,
  pointer: number,
  isRefused: boolean,
): number {
  if (isRefused) return DROP.IP_BAD_OPTION;
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
