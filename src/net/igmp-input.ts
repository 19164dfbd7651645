/** IGMP in: RFC 2236 §2, §3; RFC 3376 §4.1, §7.2. */
import { SEC } from '../base/time.ts';
import { type Address, ANY4 } from '../wire/address.ts';
import {
  codeOf8,
  IGMP,
  IGMP_GROUP,
  IGMP_LEN,
  IGMP3_QUERY_LEN,
  igmpCode,
  igmpType,
  queryInterval,
  queryRobustness,
  querySources,
} from '../wire/igmp.ts';
import { IPOPT } from '../wire/ipv4.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { VERSION } from './group-output.ts';
import { ALL_HOSTS, type GroupReporter, RESPONSE_INTERVAL_NS } from './group-reporter.ts';
import { CAST, type IpPacket } from './ip-packet.ts';
import { hasIpv4Option } from './ipv4-options.ts';
import { IGMP_COUNT } from './mib.ts';
import type { Network } from './network.ts';
import { checksumIsGood } from './payload-checksum.ts';

/** Maximum response times are in tenths of a second. */
const TENTH_NS = SEC / 10;

export function igmpInput(net: Network, pkt: IpPacket): number {
  const mib = net.mib.igmp;
  mib.count(IGMP_COUNT.InMsgs);
  const fate = messageInput(net, pkt);
  if (fate !== ACCEPTED && fate !== DROP.GROUP_NOT_OURS) mib.count(IGMP_COUNT.InErrors);
  return fate;
}

function messageInput(net: Network, pkt: IpPacket): number {
  if (pkt.payloadLen < IGMP_LEN) return DROP.IGMP_TRUNCATED;
  if (!checksumIsGood(net, pkt, 0)) return DROP.IGMP_BAD_CHECKSUM;
  if (!isFromLink(net, pkt)) return DROP.IGMP_OFF_LINK;
  const { dv } = net.env.memory.slab;
  const reporter = pkt.iface.igmp;
  switch (igmpType(dv, pkt.payloadOff)) {
    case IGMP.QUERY:
      net.mib.igmp.count(IGMP_COUNT.InQueries);
      return reporter === null ? DROP.GROUP_NOT_OURS : queryInput(net, pkt, reporter);
    case IGMP.V1_REPORT:
    case IGMP.V2_REPORT:
      net.mib.igmp.count(IGMP_COUNT.InReports);
      return reporter === null ? DROP.GROUP_NOT_OURS : reportInput(net, pkt, reporter);
    case IGMP.V3_REPORT:
    case IGMP.LEAVE:
      return DROP.GROUP_NOT_OURS; // for routers
    default:
      return DROP.IGMP_UNKNOWN_TYPE;
  }
}

/**
 * RFC 2236 §2, RFC 3376 §4: every message has a TTL of 1, so one that a router has passed on is none. From 0.0.0.0 ask
 * switches, which have no address (RFC 4541 §2.1.1). Linux looks at neither; a host without an address cannot tell.
 */
function isFromLink(net: Network, pkt: IpPacket): boolean {
  const { iface, src } = pkt;
  if (pkt.ttl !== 1) return false;
  if (src.w3 === 0 || iface.firstAddress(true) === undefined) return true;
  return net.routes.isOnLink(src, iface);
}

/** As on Linux only what all members hear keeps one of them from reporting. */
function reportInput(net: Network, pkt: IpPacket, reporter: GroupReporter): number {
  if (pkt.cast === CAST.UNICAST) return DROP.IGMP_MALFORMED;
  return reporter.heardReport(groupOf(net, pkt));
}

/** RFC 3376 §7.1: 8 bytes are version 1 (no response time) or 2, from 12 on it is version 3. */
function queryInput(net: Network, pkt: IpPacket, reporter: GroupReporter): number {
  const { dv } = net.env.memory.slab;
  const at = pkt.payloadOff;
  const code = igmpCode(dv, at);
  const delayNs = code * TENTH_NS;
  const isOld = pkt.payloadLen === IGMP_LEN;
  // RFC 3376 §9.1: against queries from afar. Version 1 knows no router alert.
  const needsAlert = !isOld || code !== 0;
  if (needsAlert && !hasIpv4Option(net.env.memory.slab, pkt.headerOff, IPOPT.ROUTER_ALERT)) {
    return DROP.IGMP_NO_ROUTER_ALERT;
  }
  // §9.1 as well: what asks about everything goes to all hosts, or to one of them.
  const isGeneral = dv.getInt32(at + IGMP_GROUP) === 0;
  if (isGeneral && pkt.cast === CAST.MULTICAST && pkt.dst.w3 !== ALL_HOSTS) {
    return DROP.IGMP_MALFORMED;
  }
  if (isOld) {
    const version = code === 0 ? VERSION.ONE : VERSION.TWO;
    reporter.olderQuery(version, RESPONSE_INTERVAL_NS);
    if (version === VERSION.ONE)
      return reporter.query(ANY4, reporter.sources.none(), RESPONSE_INTERVAL_NS);
    return reporter.query(groupOf(net, pkt), reporter.sources.none(), delayNs);
  }
  if (pkt.payloadLen < IGMP3_QUERY_LEN) return DROP.IGMP_MALFORMED;
  // As Linux reads it while an older querier is about.
  const { version } = reporter;
  if (version === VERSION.ONE)
    return reporter.query(ANY4, reporter.sources.none(), RESPONSE_INTERVAL_NS);
  if (version === VERSION.TWO)
    return reporter.query(groupOf(net, pkt), reporter.sources.none(), delayNs);
  const count = querySources(dv, at + IGMP_LEN);
  if (IGMP3_QUERY_LEN + 4 * count > pkt.payloadLen) return DROP.IGMP_MALFORMED;
  const group = groupOf(net, pkt);
  if (group.w3 === 0 && count > 0) return DROP.IGMP_MALFORMED; // §4.1.10: no such query
  reporter.querierSays(queryRobustness(dv, at + IGMP_LEN), queryInterval(dv, at + IGMP_LEN));
  const sources = reporter.sources.at4(dv, at + IGMP3_QUERY_LEN, count);
  return reporter.query(group, sources, codeOf8(code) * TENTH_NS);
}

/** Into the packet's destination, which is not needed any more. */
function groupOf(net: Network, pkt: IpPacket): Address {
  pkt.dst.readV4(net.env.memory.slab.dv, pkt.payloadOff + IGMP_GROUP);
  return pkt.dst;
}
