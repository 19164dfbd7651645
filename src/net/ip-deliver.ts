/** A whole datagram for us: to ICMP, or to the transport that has its protocol. */
import { isUnspecified } from '../wire/address.ts';
import { addSum, foldSum, sumBytes, sumWord16, sumWord32 } from '../wire/checksum.ts';
import { PARAM6, UNREACH4 } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { DROP } from './drops.ts';
import { sendParameterProblem6, sendUnreachable4 } from './icmp-error.ts';
import { icmp4Input } from './icmp4-input.ts';
import { icmp6Input } from './icmp6-input.ts';
import { CSUM, type IpPacket } from './ip-packet.ts';
import { IP } from './mib.ts';
import type { Network } from './network.ts';

export function localDeliver(net: Network, pkt: IpPacket): number {
  const own = pkt.isV4 ? IPPROTO.ICMP : IPPROTO.ICMPV6;
  if (pkt.protocol === own) {
    pkt.mib.count(IP.InDelivers);
    return pkt.isV4 ? icmp4Input(net, pkt) : icmp6Input(net, pkt);
  }
  const transport = net.transports[pkt.protocol]!;
  // RFC 1122 §3.2.1.3 (a): 0.0.0.0 (and ::) may be a source only while a host learns its address.
  if (transport !== null && !isUnspecified(pkt.src)) {
    pkt.mib.count(IP.InDelivers);
    return transport.input(pkt);
  }
  pkt.mib.count(IP.InUnknownProtos);
  if (transport !== null) return DROP.IP_MARTIAN_SOURCE;
  if (pkt.isV4) sendUnreachable4(net, pkt, UNREACH4.PROTOCOL);
  else if (pkt.protocol === IPPROTO.NO_NEXT) return DROP.IP_NO_NEXT_HEADER;
  else sendParameterProblem6(net, pkt, PARAM6.NEXT_HEADER, pkt.nextHeaderAt);
  return DROP.IP_UNKNOWN_PROTOCOL;
}

/** RFC 3168 §5: what the last router said, counted as Linux's IpExt does. */
export function countEcn(pkt: IpPacket): void {
  pkt.mib.count(ECN_COUNTERS[pkt.tos & 3]!);
}

/** By codepoint: not ECN-capable, ECT(1), ECT(0), CE. */
const ECN_COUNTERS: readonly number[] = [IP.InNoECTPkts, IP.InECT1Pkts, IP.InECT0Pkts, IP.InCEPkts];

/** The sum of addresses, length and protocol (RFC 768, RFC 8200 §8.1): the same words for both families. */
export function pseudoHeaderSum(pkt: IpPacket, protocol: number, len: number): number {
  const { src, dst } = pkt;
  let sum = sumWord32(sumWord32(0, src.w3), dst.w3);
  if (!pkt.isV4) {
    sum = sumWord32(sumWord32(sumWord32(sum, src.w0), src.w1), src.w2);
    sum = sumWord32(sumWord32(sumWord32(sum, dst.w0), dst.w1), dst.w2);
  }
  return sumWord16(sumWord16(sum, protocol), len);
}

/** Verifies a transport checksum; `pseudo` is 0 for ICMPv4, which has no pseudo-header. */
export function checksumIsGood(net: Network, pkt: IpPacket, pseudo: number): boolean {
  if (pkt.csum === CSUM.TRUSTED) return true;
  return foldSum(addSum(payloadSumOf(net, pkt), pseudo)) === 0xffff;
}

/** The sum of the payload's bytes: the device's, if it gave one. */
export function payloadSumOf(net: Network, pkt: IpPacket): number {
  if (pkt.csum === CSUM.SUMMED) return pkt.payloadSum;
  return sumBytes(net.env.memory.slab.dv, pkt.payloadOff, pkt.payloadLen, 0);
}
