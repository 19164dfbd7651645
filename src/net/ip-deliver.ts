/** A whole datagram for us: to ICMP, or to the transport that has its protocol. */
import { isUnspecified } from '../wire/address.ts';
import { icmpType, PARAM6, UNREACH4 } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { DROP } from './drops.ts';
import { sendParameterProblem6, sendUnreachable4 } from './icmp-error.ts';
import { icmp4Input } from './icmp4-input.ts';
import { icmp6Input } from './icmp6-input.ts';
import { igmpInput } from './igmp-input.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import { IP } from './mib.ts';
import { isMld } from './mld-input.ts';
import type { Network } from './network.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { InDelivers } = IP;
const { MULTICAST } = CAST;
const { IGMP, ICMP, ICMPV6 } = IPPROTO;

/** @param isKnown The last one from there to here was let in by its addresses alone, and none is a martian. */
export function localDeliver(net: Network, pkt: IpPacket, isKnown: boolean): number {
  if (pkt.cast === MULTICAST && !isListenedTo(net, pkt)) {
    if (!pkt.isV4) pkt.mib.count(IP.InDiscards); // Linux does not count it over IPv4
    return DROP.IP_SOURCE_FILTERED;
  }
  if (pkt.isV4 && pkt.protocol === IGMP) {
    pkt.mib.count(InDelivers);
    return igmpInput(net, pkt);
  }
  const own = pkt.isV4 ? ICMP : ICMPV6;
  if (pkt.protocol === own) {
    pkt.mib.count(InDelivers);
    return pkt.isV4 ? icmp4Input(net, pkt) : icmp6Input(net, pkt);
  }
  const transport = net.transports[pkt.protocol]!;
  if (transport !== null) {
    if (!isKnown && isMartian(net, pkt)) {
      pkt.mib.count(IP.InDiscards);
      return DROP.IP_MARTIAN_SOURCE;
    }
    pkt.mib.count(InDelivers);
    return transport.input(pkt);
  }
  if (!pkt.isV4 && pkt.protocol === IPPROTO.NO_NEXT) {
    pkt.mib.count(InDelivers); // RFC 8200 §4.7: complete as it is, and nobody's
    return DROP.IP_NO_NEXT_HEADER;
  }
  pkt.mib.count(IP.InUnknownProtos);
  if (pkt.isV4) sendUnreachable4(net, pkt, UNREACH4.PROTOCOL);
  else sendParameterProblem6(net, pkt, PARAM6.NEXT_HEADER, pkt.nextHeaderAt);
  return DROP.IP_UNKNOWN_PROTOCOL;
}

/** RFC 3376 §3.2: whether any listener of the group wants this source; queries and reports pass. */
function isListenedTo(net: Network, pkt: IpPacket): boolean {
  if (pkt.iface.groups.admits(pkt.dst, pkt.src)) return true;
  if (pkt.isV4) return pkt.protocol === IPPROTO.IGMP;
  const isIcmp = pkt.protocol === IPPROTO.ICMPV6 && pkt.payloadLen > 0;
  return isIcmp && isMld(icmpType(net.env.memory.slab.dv, pkt.payloadOff));
}

/**
 * RFC 1122 §3.2.1.3 (a): 0.0.0.0 (and ::) may be a source only while a host learns its address. And our own
 * address does not come from a wire; ICMPv6 alone may carry it, or duplicates would not be detected.
 */
export function isMartian(net: Network, pkt: IpPacket): boolean {
  if (isUnspecified(pkt.src)) return true;
  if (pkt.isV4 || pkt.iface.isLoopback || pkt.isLooped) return false; // IPv4: ipv4Input has looked
  return net.locals.ownerOf(pkt.src, pkt.iface.index) !== null;
}

/** RFC 3168 §5: what the last router said, counted as Linux's IpExt does. */
export function countEcn(pkt: IpPacket): void {
  pkt.mib.count(ECN_COUNTERS[pkt.tos & 3]!);
}

/** By codepoint: not ECN-capable, ECT(1), ECT(0), CE. */
const ECN_COUNTERS: readonly number[] = [IP.InNoECTPkts, IP.InECT1Pkts, IP.InECT0Pkts, IP.InCEPkts];
