/**
 * The counters of the network layer, named as Linux names them in /proc/net/snmp, snmp6 and netstat.
 * Every one listed here is counted somewhere; what we do not count we do not list.
 */
import { Counters } from '../base/counters.ts';

function indexOf<N extends string>(names: readonly N[]): Readonly<Record<N, number>> {
  return Object.freeze(Object.fromEntries(names.map((n, i) => [n, i]))) as Record<N, number>;
}

/** IPv4: groups Ip and IpExt. IPv6: the same names behind "Ip6". */
const IP_NAMES = [
  'InReceives',
  'InHdrErrors',
  'InTooBigErrors',
  'InNoRoutes',
  'InAddrErrors',
  'InUnknownProtos',
  'InTruncatedPkts',
  'InDiscards',
  'InDelivers',
  /** IPv4's is called ForwDatagrams. */
  'OutForwDatagrams',
  'OutRequests',
  'OutDiscards',
  'OutNoRoutes',
  'OutTransmits',
  'ReasmTimeout',
  'ReasmReqds',
  'ReasmOKs',
  'ReasmFails',
  'ReasmOverlaps',
  'FragOKs',
  'FragFails',
  'FragCreates',
  'InMcastPkts',
  'OutMcastPkts',
  'InBcastPkts',
  'OutBcastPkts',
  'InOctets',
  'OutOctets',
  'InCsumErrors',
  'InNoECTPkts',
  'InECT1Pkts',
  'InECT0Pkts',
  'InCEPkts',
] as const;
export const IP = indexOf(IP_NAMES);

/** ICMP and ICMPv6; per type: `inType[t]`, `outType[t]`, as IcmpMsg's InType8 and OutType0. */
const ICMP_NAMES = [
  'InMsgs',
  'InErrors',
  'InCsumErrors',
  'OutMsgs',
  'OutErrors',
  'OutRateLimitGlobal',
  'OutRateLimitHost',
] as const;
export const ICMP = indexOf(ICMP_NAMES);

/** Linux counts no IGMP; the names are those that ICMPv6's counters of MLD suggest. */
const IGMP_NAMES = [
  'InMsgs',
  'InErrors',
  'InQueries',
  'InReports',
  'OutReports',
  'OutLeaves',
] as const;
export const IGMP_COUNT = indexOf(IGMP_NAMES);

const UDP_NAMES = [
  'InDatagrams',
  'NoPorts',
  'InErrors',
  'OutDatagrams',
  'RcvbufErrors',
  'SndbufErrors',
  'InCsumErrors',
  'IgnoredMulti',
  'MemErrors',
] as const;
export const UDP = indexOf(UDP_NAMES);

/** The neighbour tables of one family, as `ip -s ntable` and /proc/net/stat/arp_cache count them. */
const NEIGHBOUR_NAMES = [
  'Allocs',
  'Destroys',
  'ResFailed',
  'Lookups',
  'Hits',
  'UnresolvedDiscards',
  'TableFulls',
  /** Our own: requests and solicitations that left, and those for which there was no room or no address. */
  'SolicitsSent',
  'SolicitsUnsent',
] as const;
export const NEIGHBOUR = indexOf(NEIGHBOUR_NAMES);

export type IpMib = Counters<(typeof IP_NAMES)[number]>;
export type IgmpMib = Counters<(typeof IGMP_NAMES)[number]>;
export type UdpMib = Counters<(typeof UDP_NAMES)[number]>;
export type NeighbourMib = Counters<(typeof NEIGHBOUR_NAMES)[number]>;

export class IcmpMib extends Counters<(typeof ICMP_NAMES)[number]> {
  readonly inType = new Float64Array(256);
  readonly outType = new Float64Array(256);

  constructor() {
    super(ICMP_NAMES);
  }
}

export class Mib {
  readonly ip4: IpMib = new Counters(IP_NAMES);
  readonly ip6: IpMib = new Counters(IP_NAMES);
  readonly icmp4 = new IcmpMib();
  readonly icmp6 = new IcmpMib();
  readonly igmp: IgmpMib = new Counters(IGMP_NAMES);
  readonly udp4: UdpMib = new Counters(UDP_NAMES);
  readonly udp6: UdpMib = new Counters(UDP_NAMES);
  readonly arp: NeighbourMib = new Counters(NEIGHBOUR_NAMES);
  readonly ndp: NeighbourMib = new Counters(NEIGHBOUR_NAMES);
}
