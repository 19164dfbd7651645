/** MLD in: RFC 2710 §3, §4; RFC 3810 §5.1, §6.2, §8.2. ICMPv6 has looked at the checksum. */
import { MS } from '../base/time.ts';
import { type Address, isLinkLocal6, isMulticast, isUnspecified } from '../wire/address.ts';
import { ICMP6 } from '../wire/icmp.ts';
import {
  codeOf16,
  MLD_GROUP,
  MLD_LEN,
  MLD2_QUERY_LEN,
  mldCode,
  queryInterval,
  queryRobustness,
  querySources,
} from '../wire/igmp.ts';
import { ROUTER_ALERT_MLD } from '../wire/ipv6.ts';
import { DROP } from './drops.ts';
import { VERSION } from './group-output.ts';
import type { GroupReporter } from './group-reporter.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import { ICMP } from './mib.ts';
import type { Network } from './network.ts';

/** What the plain value of a delay can be before it would read as a floating-point one. */
const MOST_PLAIN = 32767;

/** Whether a message is for the group's machinery, which no listener's filter keeps out. */
export function isMld(type: number): boolean {
  return (type >= ICMP6.MLD_QUERY && type <= ICMP6.MLD_DONE) || type === ICMP6.MLD2_REPORT;
}

export function mldInput(net: Network, pkt: IpPacket, type: number): number {
  const fate = messageInput(net, pkt, type);
  if (fate === DROP.MLD_MALFORMED) net.mib.icmp6.count(ICMP.InErrors);
  return fate;
}

function messageInput(net: Network, pkt: IpPacket, type: number): number {
  const reporter = pkt.iface.mld;
  if (pkt.payloadLen < MLD_LEN) return DROP.MLD_MALFORMED;
  if (reporter === null || type === ICMP6.MLD_DONE || type === ICMP6.MLD2_REPORT) {
    return DROP.GROUP_NOT_OURS; // for routers
  }
  return type === ICMP6.MLD_QUERY
    ? queryInput(net, pkt, reporter)
    : reportInput(net, pkt, reporter);
}

/** RFC 2710 §4: only what all members hear, from a neighbour (or, RFC 3590 §4, from one who has no address yet). */
function reportInput(net: Network, pkt: IpPacket, reporter: GroupReporter): number {
  if (pkt.cast === CAST.UNICAST) return DROP.MLD_MALFORMED;
  if (!isLinkLocal6(pkt.src) && !isUnspecified(pkt.src)) return DROP.MLD_MALFORMED;
  const group = groupOf(net, pkt);
  if (!isMulticast(group)) return DROP.MLD_MALFORMED;
  return reporter.heardReport(group);
}

function queryInput(net: Network, pkt: IpPacket, reporter: GroupReporter): number {
  const { dv } = net.env.memory.slab;
  const at = pkt.payloadOff;
  // RFC 3810 §5.1.14, §6.2: from a link-local address, hop limit 1, with a router alert.
  if (!isLinkLocal6(pkt.src) || pkt.ttl !== 1 || pkt.routerAlert !== ROUTER_ALERT_MLD) {
    return DROP.MLD_MALFORMED;
  }
  const group = groupOf(net, pkt);
  const isGeneral = isUnspecified(group);
  if (!isGeneral && !isMulticast(group)) return DROP.MLD_MALFORMED;
  const code = mldCode(dv, at);
  const isVersion1 = pkt.payloadLen === MLD_LEN; // §8.1: exactly so long
  if (isVersion1 || reporter.version === VERSION.TWO) {
    if (reporter.forcedVersion === 2) return DROP.GROUP_NOT_OURS;
    const delayNs = (isVersion1 ? code : Math.min(code, MOST_PLAIN)) * MS;
    if (isVersion1) reporter.olderQuery(VERSION.TWO, delayNs);
    return reporter.query(group, reporter.sources.none(), delayNs);
  }
  if (pkt.payloadLen < MLD2_QUERY_LEN) return DROP.MLD_MALFORMED;
  const count = querySources(dv, at + MLD_LEN);
  if (MLD2_QUERY_LEN + 16 * count > pkt.payloadLen) return DROP.MLD_MALFORMED;
  if (isGeneral && count > 0) return DROP.MLD_MALFORMED; // §5.1.13: no such query
  reporter.querierSays(queryRobustness(dv, at + MLD_LEN), queryInterval(dv, at + MLD_LEN));
  const sources = reporter.sources.at6(dv, at + MLD2_QUERY_LEN, count);
  return reporter.query(group, sources, codeOf16(code) * MS);
}

/** Into the packet's destination, which is not needed any more. */
function groupOf(net: Network, pkt: IpPacket): Address {
  pkt.dst.readV6(net.env.memory.slab.dv, pkt.payloadOff + MLD_GROUP);
  return pkt.dst;
}
