import { isUnspecified } from '../wire/address.ts';
import { updateChecksum } from '../wire/checksum.ts';
import {
  ICMP_HEADER_LEN,
  ICMP4,
  ICMP6,
  icmpChecksum,
  icmpCode,
  icmpRest,
  setIcmpChecksum,
  writeIcmp,
} from '../wire/icmp.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { sendReceived } from './icmp-error.ts';
import { CAST, CSUM, type IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';
import { PMTUDISC } from './out-packet.ts';
import { TC_PRIO } from './priority.ts';

/**
 * Answers an echo request (RFC 792; RFC 1122 §3.2.2.6; RFC 4443 §4.2): the same code, identifier, sequence
 * number and data, from the address it was sent to. The data goes out from where it came in.
 */
export function echoRequestInput(net: Network, pkt: IpPacket): number {
  if (isIgnored(net, pkt)) return DROP.ICMP_ECHO_IGNORED;
  const mib = pkt.isV4 ? net.mib.icmp4 : net.mib.icmp6;
  if (isUnspecified(pkt.src)) return DROP.IP_MARTIAN_SOURCE; // nobody to answer
  const path = net.pathBack(pkt);
  if (path === null || path.cast !== CAST.UNICAST) {
    mib.count(ICMP.OutErrors);
    return DROP.REPLY_NO_ROUTE;
  }
  const o = net.out;
  o.path = path;
  o.src.copy(pkt.cast === CAST.UNICAST ? pkt.dst : path.source);
  o.protocol = pkt.protocol;
  o.ttl = pkt.isV4 ? net.config.ttl4 : path.iface.hopLimit(net.config);
  o.tos = pkt.tos;
  o.priority = TC_PRIO.BESTEFFORT;
  o.pmtuDiscovery = PMTUDISC.DONT;
  o.transportLen = ICMP_HEADER_LEN;
  writeReply(net, pkt);
  const len = pkt.payloadLen - ICMP_HEADER_LEN;
  if (sendReceived(net, pkt.payloadOff + ICMP_HEADER_LEN, len, pkt.chunk) < 0) {
    mib.count(ICMP.OutErrors);
    return DROP.REPLY_NO_ROOM;
  }
  mib.count(ICMP.OutMsgs);
  mib.outType[pkt.isV4 ? ICMP4.ECHO_REPLY : ICMP6.ECHO_REPLY]!++;
  return ACCEPTED;
}

function isIgnored(net: Network, pkt: IpPacket): boolean {
  const { config } = net;
  if (pkt.isV4) {
    if (config.echoIgnoreAll4 !== 0) return true;
    const isIgnoredGroup = pkt.cast !== CAST.UNICAST && config.echoIgnoreBroadcasts !== 0;
    if (isIgnoredGroup) net.mib.icmp4.count(ICMP.InErrors); // as on Linux
    return isIgnoredGroup;
  }
  if (config.echoIgnoreAll6 !== 0) return true;
  return pkt.cast !== CAST.UNICAST && config.echoIgnoreMulticast6 !== 0;
}

/**
 * Only the type changes and the addresses swap, which the sum does not see: RFC 1624 updates the
 * checksum. It is added up anew where there is none yet (trusted memory), or the source is another.
 */
function writeReply(net: Network, pkt: IpPacket): void {
  const { dv } = net.env.memory.slab;
  const at = pkt.payloadOff;
  const request = pkt.isV4 ? ICMP4.ECHO : ICMP6.ECHO;
  const reply = pkt.isV4 ? ICMP4.ECHO_REPLY : ICMP6.ECHO_REPLY;
  const code = icmpCode(dv, at); // 0, and as on Linux whatever else it is
  writeIcmp(dv, net.transportHeader, reply, code, icmpRest(dv, at));
  if (pkt.csum === CSUM.TRUSTED || pkt.cast !== CAST.UNICAST) {
    net.out.checksumAt = 2;
    return;
  }
  net.out.checksumAt = -1;
  const check = updateChecksum(icmpChecksum(dv, at), request << 8, reply << 8);
  // A reply of nothing but zeros has no other sum than all ones; elsewhere the two mean the same.
  setIcmpChecksum(dv, net.transportHeader, check === 0 ? 0xffff : check);
}
