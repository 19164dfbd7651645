/**
 * A stack's counters under the names that Linux's `nstat` gives them: the group, then the counter
 * (`IpInReceives`, `IpExtInNoECTPkts`, `Icmp6InEchos`). Only what is counted is listed.
 */
import { DROP_NAMES } from '../net/drops.ts';
import type { IcmpMib, IgmpMib, IpMib, Mib, NeighbourMib, UdpMib } from '../net/mib.ts';
import type { Network } from '../net/network.ts';
import type { Tcp } from '../tcp/tcp.ts';
import { nstatName } from '../tcp/tcp-mib.ts';
import { ICMP4, ICMP6 } from '../wire/icmp.ts';

/** Name and value, in the order of /proc/net/snmp, netstat and snmp6. */
export type CounterList = (readonly [string, number])[];

/** What /proc/net/netstat has in its IpExt line; the rest of IPv4's is in snmp's Ip line. */
const IP_EXT: ReadonlySet<string> = new Set([
  'InNoRoutes',
  'InTruncatedPkts',
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
  'ReasmOverlaps',
]);
/** A router fragments IPv4. */
const NOT_IN_IP4: ReadonlySet<string> = new Set(['InTooBigErrors']);
/** IPv6 has no broadcast, and no checksum in its header. */
const NOT_IN_IP6: ReadonlySet<string> = new Set(['InBcastPkts', 'OutBcastPkts', 'InCsumErrors']);

/** Linux has a counter of its own for these types, in either direction. */
const ICMP4_TYPES: readonly (readonly [number, string])[] = [
  [ICMP4.DEST_UNREACH, 'DestUnreachs'],
  [ICMP4.TIME_EXCEEDED, 'TimeExcds'],
  [ICMP4.PARAM_PROBLEM, 'ParmProbs'],
  [ICMP4.SOURCE_QUENCH, 'SrcQuenchs'],
  [ICMP4.REDIRECT, 'Redirects'],
  [ICMP4.ECHO, 'Echos'],
  [ICMP4.ECHO_REPLY, 'EchoReps'],
  [ICMP4.TIMESTAMP, 'Timestamps'],
  [ICMP4.TIMESTAMP_REPLY, 'TimestampReps'],
  [ICMP4.ADDRESS_MASK, 'AddrMasks'],
  [ICMP4.ADDRESS_MASK_REPLY, 'AddrMaskReps'],
];
const ICMP6_TYPES: readonly (readonly [number, string])[] = [
  [ICMP6.DEST_UNREACH, 'DestUnreachs'],
  [ICMP6.PACKET_TOO_BIG, 'PktTooBigs'],
  [ICMP6.TIME_EXCEEDED, 'TimeExcds'],
  [ICMP6.PARAM_PROBLEM, 'ParmProblems'],
  [ICMP6.ECHO, 'Echos'],
  [ICMP6.ECHO_REPLY, 'EchoReplies'],
  [ICMP6.MLD_QUERY, 'GroupMembQueries'],
  [ICMP6.MLD_REPORT, 'GroupMembResponses'],
  [ICMP6.MLD_DONE, 'GroupMembReductions'],
  [ICMP6.ROUTER_SOLICIT, 'RouterSolicits'],
  [ICMP6.ROUTER_ADVERT, 'RouterAdvertisements'],
  [ICMP6.NEIGHBOUR_SOLICIT, 'NeighborSolicits'],
  [ICMP6.NEIGHBOUR_ADVERT, 'NeighborAdvertisements'],
  [ICMP6.REDIRECT, 'Redirects'],
  [ICMP6.MLD2_REPORT, 'MLDv2Reports'],
];

/** All counters, zeros included; those of TCP if it is given. */
export function listCounters(net: Network, tcp: Tcp | null = null): CounterList {
  const { mib } = net;
  const list: CounterList = [];
  addIp4(list, mib.ip4);
  addIcmp(list, mib.icmp4, 'Icmp', ICMP4_TYPES, 'IcmpMsg');
  addTcp(list, tcp, false);
  addAll(list, mib.udp4, 'Udp');
  addTcp(list, tcp, true);
  addIp4Ext(list, mib.ip4);
  addIp6(list, mib);
  addIcmp(list, mib.icmp6, 'Icmp6', ICMP6_TYPES, 'Icmp6');
  addAll(list, mib.udp6, 'Udp6');
  addAll(list, mib.igmp, 'Igmp');
  addAll(list, mib.arp, 'Arp');
  addAll(list, mib.ndp, 'Ndp');
  if (tcp !== null) list.push(['RingwayCcFaults', tcp.ccStats.faults]);
  addDrops(list, net);
  return list;
}

/** TCP's counters are for both families together, as on Linux; nstat does not show CurrEstab, which is no total. */
function addTcp(list: CounterList, tcp: Tcp | null, isExtended: boolean): void {
  if (tcp === null) return;
  const add = (name: string, value: number): void => {
    const full = nstatName(name);
    if (full.startsWith('TcpExt') === isExtended && name !== 'CurrEstab') list.push([full, value]);
  };
  for (const [i, name] of tcp.mib.names.entries()) add(name, tcp.mib.values[i]!);
  const { counters } = tcp.ccStats;
  for (const [i, name] of counters.names.entries()) add(name, counters.values[i]!);
}

function addAll(list: CounterList, mib: UdpMib | NeighbourMib | IgmpMib, group: string): void {
  for (const [i, name] of mib.names.entries()) list.push([group + name, mib.values[i]!]);
}

function addIp4(list: CounterList, mib: IpMib): void {
  for (const [i, name] of mib.names.entries()) {
    if (IP_EXT.has(name) || NOT_IN_IP4.has(name)) continue;
    list.push([`Ip${name === 'OutForwDatagrams' ? 'ForwDatagrams' : name}`, mib.values[i]!]);
  }
}

function addIp4Ext(list: CounterList, mib: IpMib): void {
  for (const [i, name] of mib.names.entries()) {
    if (IP_EXT.has(name)) list.push([`IpExt${name}`, mib.values[i]!]);
  }
}

function addIp6(list: CounterList, mib: Mib): void {
  for (const [i, name] of mib.ip6.names.entries()) {
    if (!NOT_IN_IP6.has(name)) list.push([`Ip6${name}`, mib.ip6.values[i]!]);
  }
}

function addIcmp(
  list: CounterList,
  mib: IcmpMib,
  group: string,
  types: readonly (readonly [number, string])[],
  perType: string,
): void {
  for (const [i, name] of mib.names.entries()) list.push([group + name, mib.values[i]!]);
  for (const [type, name] of types) list.push([`${group}In${name}`, mib.inType[type]!]);
  for (const [type, name] of types) list.push([`${group}Out${name}`, mib.outType[type]!]);
  // The per-type lines exist for types that were seen, as on Linux.
  for (let type = 0; type < 256; type++) {
    if (mib.inType[type]! > 0) list.push([`${perType}InType${type}`, mib.inType[type]!]);
  }
  for (let type = 0; type < 256; type++) {
    if (mib.outType[type]! > 0) list.push([`${perType}OutType${type}`, mib.outType[type]!]);
  }
}

/** Our own: each frame's fate, by reason. `UDP_NO_PORT` reads `RingwayDropUdpNoPort`. */
function addDrops(list: CounterList, net: Network): void {
  list.push(['RingwayFramesAccepted', net.drops.accepted]);
  list.push(['RingwayFramesDropped', net.drops.dropped]);
  for (const name of DROP_NAMES) {
    const words = name
      .toLowerCase()
      .split('_')
      .map((word) => word[0]!.toUpperCase() + word.slice(1));
    list.push([`RingwayDrop${words.join('')}`, net.drops.get(name)]);
  }
}
