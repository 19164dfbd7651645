/** Options of groups: who joins what, with which sources, and how groups are sent to. Structures are C's, as on Linux. */
import { EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV } from '../base/errno.ts';
import type { SourceFilter } from '../net/source-filter.ts';
import { type Address, ANY4, IpAddress, isV4 } from '../wire/address.ts';
import { AF, IP_OPT, IPV6_OPT, MCAST_OPT } from './abi.ts';
import { atIp, atIpv6, on } from './ip-options.ts';
import {
  bytesOption,
  intOption,
  type OptionHead,
  readInt,
  type SocketOption,
  writeInt,
} from './option.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

type Option = SocketOption<UdpEndpoint>;

/** MCAST_INCLUDE, MCAST_EXCLUDE. */
const INCLUDE = 1;
const EXCLUDE = 0;
/** `struct ip_msfilter` without its sources; `struct group_filter` likewise; a `sockaddr_storage`. */
const MSFILTER_LEN = 16;
const GROUP_FILTER_LEN = 144;
const STORAGE_LEN = 128;

/** Where a `struct group_req`, `group_source_req` or `group_filter` has what: the interface's index is at 0. */
const AT_GROUP = 8;
const AT_SOURCE = AT_GROUP + STORAGE_LEN;
const AT_MODE = AT_GROUP + STORAGE_LEN;

export function multicastOptions4(): Option[] {
  return [
    groupHops(atIp('IP_MULTICAST_TTL', IP_OPT.MULTICAST_TTL, 'one value for both families')),
    bytesOption<UdpEndpoint>(
      atIp('IP_MULTICAST_IF', IP_OPT.MULTICAST_IF, 'in_addr, ip_mreq or ip_mreqn'),
      getInterface,
      setInterface,
    ),
    loop(atIp('IP_MULTICAST_LOOP', IP_OPT.MULTICAST_LOOP, 'one value for both families'), false),
    all(atIp('IP_MULTICAST_ALL', IP_OPT.MULTICAST_ALL), true),
    written(atIp('IP_ADD_MEMBERSHIP', IP_OPT.ADD_MEMBERSHIP, 'igmp_max_memberships'), (e, v) =>
      membership4(e, v, true),
    ),
    written(atIp('IP_DROP_MEMBERSHIP', IP_OPT.DROP_MEMBERSHIP), (e, v) => membership4(e, v, false)),
    source4('IP_ADD_SOURCE_MEMBERSHIP', IP_OPT.ADD_SOURCE_MEMBERSHIP, 'igmp_max_msf', CHANGE.JOIN),
    source4('IP_DROP_SOURCE_MEMBERSHIP', IP_OPT.DROP_SOURCE_MEMBERSHIP, '', CHANGE.LEAVE),
    source4('IP_BLOCK_SOURCE', IP_OPT.BLOCK_SOURCE, 'igmp_max_msf', CHANGE.BLOCK),
    source4('IP_UNBLOCK_SOURCE', IP_OPT.UNBLOCK_SOURCE, '', CHANGE.UNBLOCK),
    bytesOption<UdpEndpoint>(atIp('IP_MSFILTER', IP_OPT.MSFILTER), getFilter4, setFilter4),
    ...independent(atIp, AF.INET),
  ];
}

export function multicastOptions6(): Option[] {
  return [
    groupHops(
      atIpv6('IPV6_MULTICAST_HOPS', IPV6_OPT.MULTICAST_HOPS, 'one value for both families'),
    ),
    intOption<UdpEndpoint>(
      atIpv6('IPV6_MULTICAST_IF', IPV6_OPT.MULTICAST_IF, 'an index; 0: by route'),
      (e) => e.s.multicastIndex,
      (e, index) => setIndex(e, index, -ENODEV),
    ),
    loop(
      atIpv6('IPV6_MULTICAST_LOOP', IPV6_OPT.MULTICAST_LOOP, 'one value for both families'),
      true,
    ),
    all(atIpv6('IPV6_MULTICAST_ALL', IPV6_OPT.MULTICAST_ALL), false),
    written(atIpv6('IPV6_ADD_MEMBERSHIP', IPV6_OPT.ADD_MEMBERSHIP, 'IPV6_JOIN_GROUP'), (e, v) =>
      membership6(e, v, true),
    ),
    written(atIpv6('IPV6_DROP_MEMBERSHIP', IPV6_OPT.DROP_MEMBERSHIP, 'IPV6_LEAVE_GROUP'), (e, v) =>
      membership6(e, v, false),
    ),
    ...independent(atIpv6, AF.INET6),
  ];
}

/** RFC 3678 §5: the same for both families, told apart by level and address. */
function independent(at: typeof atIp, family: number): Option[] {
  const source = (name: string, number: number, how: Change): Option =>
    written(at(name, number), (e, v) => sourceOf(e, v, family, how));
  return [
    written(at('MCAST_JOIN_GROUP', MCAST_OPT.JOIN_GROUP), (e, v) => groupOf(e, v, family, true)),
    written(at('MCAST_LEAVE_GROUP', MCAST_OPT.LEAVE_GROUP), (e, v) => groupOf(e, v, family, false)),
    source('MCAST_JOIN_SOURCE_GROUP', MCAST_OPT.JOIN_SOURCE_GROUP, CHANGE.JOIN),
    source('MCAST_LEAVE_SOURCE_GROUP', MCAST_OPT.LEAVE_SOURCE_GROUP, CHANGE.LEAVE),
    source('MCAST_BLOCK_SOURCE', MCAST_OPT.BLOCK_SOURCE, CHANGE.BLOCK),
    source('MCAST_UNBLOCK_SOURCE', MCAST_OPT.UNBLOCK_SOURCE, CHANGE.UNBLOCK),
    bytesOption<UdpEndpoint>(
      at('MCAST_MSFILTER', MCAST_OPT.MSFILTER),
      (e, into) => getFilter(e, into, family),
      (e, value) => setFilter(e, value, family),
    ),
  ];
}

function written(head: OptionHead, set: (e: UdpEndpoint, value: Uint8Array) => number): Option {
  return bytesOption<UdpEndpoint>(head, null, set);
}

function groupHops(head: OptionHead): Option {
  return intOption<UdpEndpoint>(
    head,
    (e) => e.s.multicastTtl,
    (e, value) => {
      if (value < -1 || value > 255) return -EINVAL;
      e.s.multicastTtl = value === -1 ? 1 : value;
      return 0;
    },
  );
}

/** IPv6 takes 0 and 1 alone. */
function loop(head: OptionHead, isStrict: boolean): Option {
  return intOption<UdpEndpoint>(
    head,
    (e) => on(e.s.isMulticastLooped),
    (e, value) => {
      if (isStrict && value !== 0 && value !== 1) return -EINVAL;
      e.s.isMulticastLooped = value !== 0;
      return 0;
    },
  );
}

function all(head: OptionHead, v4: boolean): Option {
  return intOption<UdpEndpoint>(
    head,
    (e) => on(v4 ? e.s.groups.wantsAll4 : e.s.groups.wantsAll6),
    (e, value) => {
      if (v4 && value !== 0 && value !== 1) return -EINVAL;
      e.s.groups.setWantsAll(v4, value !== 0);
      return 0;
    },
  );
}

/** ip_mreq and ip_mreqn: the group, an address of the interface, and its index. */
function membership4(e: UdpEndpoint, value: Uint8Array, isJoin: boolean): number {
  if (value.length < 8) return -EINVAL;
  const group = address4(value, 0);
  let index = value.length >= 12 ? readInt(value.subarray(8, 12))! : 0;
  if (index === 0) {
    index = indexOf(e, address4(value, 4));
    if (index < 0) return isJoin ? -ENODEV : -EADDRNOTAVAIL;
  }
  return isJoin ? e.s.groups.join(group, index) : e.s.groups.leave(group, index);
}

/** ipv6_mreq: the group and an interface's index. */
function membership6(e: UdpEndpoint, value: Uint8Array, isJoin: boolean): number {
  if (value.length < 20) return -EINVAL;
  const group = address6(value, 0);
  if (isV4(group)) return -EINVAL;
  const index = readInt(value.subarray(16, 20))!;
  return isJoin ? e.s.groups.join(group, index) : e.s.groups.leave(group, index);
}

/** What happens to a source: it is included or not, blocked or not. */
const CHANGE = { JOIN: 0, LEAVE: 1, BLOCK: 2, UNBLOCK: 3 } as const;
type Change = (typeof CHANGE)[keyof typeof CHANGE];

function change(
  e: UdpEndpoint,
  group: Address,
  index: number,
  source: Address,
  how: Change,
): number {
  const { groups } = e.s;
  if (how === CHANGE.JOIN) return groups.joinSource(group, index, source);
  const isExclude = how === CHANGE.BLOCK || how === CHANGE.UNBLOCK;
  return groups.changeSource(group, index, source, isExclude, how === CHANGE.BLOCK);
}

/** ip_mreq_source: the group, the interface, the source. */
function source4(name: string, number: number, note: string, how: Change): Option {
  return written(atIp(name, number, note), (e, value) => {
    if (value.length !== 12) return -EINVAL;
    const index = indexOf(e, address4(value, 4));
    if (index < 0) return -ENODEV;
    return change(e, address4(value, 0), index, address4(value, 8), how);
  });
}

function groupOf(e: UdpEndpoint, value: Uint8Array, family: number, isJoin: boolean): number {
  if (value.length < AT_SOURCE) return -EINVAL;
  const group = storedAddress(value, AT_GROUP, family);
  if (group === null) return family === AF.INET ? -EINVAL : -EADDRNOTAVAIL;
  const index = readInt(value)!;
  return isJoin ? e.s.groups.join(group, index) : e.s.groups.leave(group, index);
}

function sourceOf(e: UdpEndpoint, value: Uint8Array, family: number, how: Change): number {
  if (value.length < AT_SOURCE + STORAGE_LEN) return -EINVAL;
  const group = storedAddress(value, AT_GROUP, family);
  const source = storedAddress(value, AT_SOURCE, family);
  if (group === null || source === null) return -EADDRNOTAVAIL;
  return change(e, group, readInt(value)!, source, how);
}

/** ip_msfilter: the group, the interface, the mode, how many sources, the sources. */
function setFilter4(e: UdpEndpoint, value: Uint8Array): number {
  if (value.length < MSFILTER_LEN) return -EINVAL;
  const group = address4(value, 0);
  const count = wordAt(value, 12) >>> 0;
  if (value.length > e.net.config.optmemMax || count > e.s.groups.maxSources(group))
    return -ENOBUFS;
  if (MSFILTER_LEN + 4 * count > value.length) return -EINVAL;
  const index = indexOf(e, address4(value, 4));
  if (index < 0) return -ENODEV;
  const sources = Array.from({ length: count }, (_, i) => address4(value, MSFILTER_LEN + 4 * i));
  return apply(e, group, index, wordAt(value, 8), sources);
}

function setFilter(e: UdpEndpoint, value: Uint8Array, family: number): number {
  if (value.length < GROUP_FILTER_LEN) return -EINVAL;
  const group = storedAddress(value, AT_GROUP, family);
  const count = wordAt(value, AT_MODE + 4) >>> 0;
  const { igmpMaxMsf, mldMaxMsf, optmemMax } = e.net.config;
  const most = family === AF.INET ? igmpMaxMsf : mldMaxMsf;
  if (value.length > optmemMax || count > most) return -ENOBUFS;
  if (GROUP_FILTER_LEN + STORAGE_LEN * count > value.length) return -EINVAL;
  if (group === null) return family === AF.INET ? -EADDRNOTAVAIL : -EINVAL;
  const sources: Address[] = [];
  for (let i = 0; i < count; i++) {
    const at = GROUP_FILTER_LEN + STORAGE_LEN * i;
    // As on Linux IPv6 does not look at the family of a source.
    const source = family === AF.INET6 ? address6(value, at + 8) : storedAddress(value, at, family);
    if (source === null) return -EADDRNOTAVAIL;
    sources.push(source);
  }
  return apply(e, group, readInt(value)!, wordAt(value, AT_MODE), sources);
}

function apply(
  e: UdpEndpoint,
  group: Address,
  index: number,
  mode: number,
  sources: Address[],
): number {
  if (mode !== INCLUDE && mode !== EXCLUDE) return -EINVAL;
  return e.s.groups.setFilter(group, index, mode === EXCLUDE, sources);
}

/** The structure comes in with the group, the interface and the room for sources; it goes out filled in. */
function getFilter4(e: UdpEndpoint, into: Uint8Array): number {
  if (into.length < MSFILTER_LEN) return -EINVAL;
  const index = indexOf(e, address4(into, 4));
  if (index < 0) return -ENODEV;
  const filter = e.s.groups.filterOf(address4(into, 0), index);
  if (typeof filter === 'number') return filter;
  const room = roomFor(into, 12, MSFILTER_LEN, 4);
  const n = tell(filter, into, 8, room);
  for (let i = 0; i < n; i++) writeAddress4(filter.sources[i]!, into, MSFILTER_LEN + 4 * i);
  return MSFILTER_LEN + 4 * n;
}

function getFilter(e: UdpEndpoint, into: Uint8Array, family: number): number {
  if (into.length < GROUP_FILTER_LEN) return -EINVAL;
  const group = storedAddress(into, AT_GROUP, family);
  if (group === null) return -EINVAL;
  const filter = e.s.groups.filterOf(group, readInt(into)!);
  if (typeof filter === 'number') return filter;
  const n = tell(filter, into, AT_MODE, roomFor(into, AT_MODE + 4, GROUP_FILTER_LEN, STORAGE_LEN));
  for (let i = 0; i < n; i++) {
    store(filter.sources[i]!, into, GROUP_FILTER_LEN + STORAGE_LEN * i, family);
  }
  return GROUP_FILTER_LEN + STORAGE_LEN * n;
}

/** For how many sources there is room: as the caller says, and as the bytes allow. */
function roomFor(into: Uint8Array, countAt: number, headLen: number, each: number): number {
  return Math.min(wordAt(into, countAt) >>> 0, Math.floor((into.length - headLen) / each));
}

/** The mode and the number of all sources; returns how many of them there is room for. */
function tell(filter: SourceFilter, into: Uint8Array, at: number, room: number): number {
  writeInt(filter.isExclude ? EXCLUDE : INCLUDE, into.subarray(at, at + 4));
  writeInt(filter.sources.length, into.subarray(at + 4, at + 8));
  return Math.min(filter.sources.length, room);
}

function wordAt(value: Uint8Array, at: number): number {
  return readInt(value.subarray(at, at + 4))!; // four bytes: the caller has looked
}

/** A sockaddr_in or sockaddr_in6 in a sockaddr_storage; null: of another family. */
function storedAddress(value: Uint8Array, at: number, family: number): IpAddress | null {
  if ((value[at]! | (value[at + 1]! << 8)) !== family) return null;
  return family === AF.INET ? address4(value, at + 4) : address6(value, at + 8);
}

function store(a: Address, into: Uint8Array, at: number, family: number): void {
  into.fill(0, at, at + STORAGE_LEN);
  into[at] = family;
  if (family === AF.INET) writeAddress4(a, into, at + 4);
  else [a.w0, a.w1, a.w2, a.w3].forEach((w, i) => void writeWord(w, into, at + 8 + 4 * i));
}

function writeAddress4(a: Address, into: Uint8Array, at: number): void {
  writeWord(a.w3, into, at);
}

/** In network order. */
function writeWord(word: number, into: Uint8Array, at: number): void {
  for (let i = 0; i < 4; i++) into[at + i] = (word >>> (24 - 8 * i)) & 255;
}

/** Which interface has the address; 0 for any, -1 for none. */
function indexOf(e: UdpEndpoint, address: IpAddress): number {
  if (address.w3 === 0) return 0;
  return e.net.locals.ownerOf(address, 0)?.index ?? -1;
}

/** Four bytes in network order. */
function address4(bytes: Uint8Array, at: number): IpAddress {
  const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return new IpAddress().setV4(word);
}

function address6(bytes: Uint8Array, at: number): IpAddress {
  const address = new IpAddress();
  address.readV6(new DataView(bytes.buffer, bytes.byteOffset + at, 16), 0);
  return address;
}

function getInterface(e: UdpEndpoint, into: Uint8Array): number {
  const iface = e.net.interfaceAt(e.s.multicastIndex);
  const { w3 } = iface?.firstAddress(true)?.address ?? ANY4;
  const n = Math.min(into.length, 4);
  for (let i = 0; i < n; i++) into[i] = (w3 >>> (24 - 8 * i)) & 255;
  return n;
}

function setInterface(e: UdpEndpoint, value: Uint8Array): number {
  if (value.length < 4) return -EINVAL;
  let index = value.length >= 12 ? readInt(value.subarray(8, 12))! : 0;
  if (index === 0) index = indexOf(e, address4(value, value.length >= 8 ? 4 : 0));
  if (index < 0) return -EADDRNOTAVAIL;
  return setIndex(e, index, -EADDRNOTAVAIL);
}

function setIndex(e: UdpEndpoint, index: number, unknown: number): number {
  if (index !== 0 && e.net.interfaceAt(index) === null) return unknown;
  if (e.s.boundIndex !== 0 && index !== 0 && index !== e.s.boundIndex) return -EINVAL;
  e.s.multicastIndex = index;
  return 0;
}
