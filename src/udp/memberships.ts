/**
 * The groups a socket has joined, each on one interface, and the sources it wants there (RFC 3376 §2, §3.1; RFC 3810
 * §4.1). Errnos and limits are Linux's. The filters of all sockets together are the interface's affair (`GroupTable`).
 */
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV } from '../base/errno.ts';
import type { Interface } from '../net/interface.ts';
import type { Network } from '../net/network.ts';
import { EVERY_SOURCE, NO_SOURCE, SourceFilter } from '../net/source-filter.ts';
import { type Address, addressEquals, IpAddress, isMulticast, isV4 } from '../wire/address.ts';

class Membership {
  readonly group: Address;
  readonly iface: Interface;
  filter: SourceFilter;
  /** A source has been named: from then on the mode is fixed, even when the list is empty again. */
  isModeFixed = false;

  constructor(group: Address, iface: Interface, filter: SourceFilter) {
    this.group = new IpAddress().copy(group);
    this.iface = iface;
    this.filter = filter;
  }

  setFilter(filter: SourceFilter, isModeFixed: boolean): void {
    this.iface.groups.change(this.group, this.filter, filter);
    this.filter = filter;
    this.isModeFixed = isModeFixed;
  }
}

export class Memberships {
  private readonly net: Network;
  private readonly joined: Membership[] = [];
  /** IP_MULTICAST_ALL, IPV6_MULTICAST_ALL: what others on this host have joined comes here too. */
  wantsAll4 = true;
  wantsAll6 = true;

  constructor(net: Network) {
    this.net = net;
  }

  get size(): number {
    return this.joined.length;
  }

  setWantsAll(v4: boolean, isOn: boolean): void {
    if (v4) this.wantsAll4 = isOn;
    else this.wantsAll6 = isOn;
  }

  /** For each datagram to a group. As on Linux an IPv6 membership counts whatever interface it is on. */
  admits(group: Address, source: Address, ifaceIndex: number): boolean {
    const v4 = isV4(group);
    for (let i = 0; i < this.joined.length; i++) {
      const m = this.joined[i]!;
      if (!addressEquals(m.group, group)) continue;
      if (!v4 || m.iface.index === ifaceIndex) return m.filter.admits(source);
    }
    return v4 ? this.wantsAll4 : this.wantsAll6;
  }

  /** Interface 0: where the route to the group leads. Returns 0 or -errno. */
  join(group: Address, index: number): number {
    return this.joinAs(group, index, EVERY_SOURCE);
  }

  /** IP_ADD_SOURCE_MEMBERSHIP, MCAST_JOIN_SOURCE_GROUP: joins with no source if need be, then wants this one. */
  joinSource(group: Address, index: number, source: Address): number {
    const result = this.joinAs(group, index, NO_SOURCE);
    if (result !== 0 && result !== -EADDRINUSE) return result;
    return this.changeSource(group, index, source, false, true);
  }

  leave(group: Address, index: number): number {
    if (!isV4(group) && !isMulticast(group)) return -EINVAL;
    const m = this.joined.find(
      (j) => addressEquals(j.group, group) && (index === 0 || j.iface.index === index),
    );
    if (m === undefined) return -EADDRNOTAVAIL;
    this.remove(m);
    return 0;
  }

  leaveAll(): void {
    for (const m of [...this.joined]) this.remove(m);
  }

  /**
   * One source more, or fewer, of the list that is excluded (IP_BLOCK_SOURCE) or included (IP_ADD_SOURCE_MEMBERSHIP).
   * The last included one that goes takes the membership with it.
   */
  changeSource(
    group: Address,
    index: number,
    source: Address,
    isExclude: boolean,
    isAdd: boolean,
  ): number {
    const m = this.memberOf(group, index, -EINVAL);
    if (typeof m === 'number') return m;
    if (m.filter.isExclude !== isExclude) {
      if (m.isModeFixed) return -EINVAL;
      m.setFilter(isExclude ? EVERY_SOURCE : NO_SOURCE, false);
    }
    const { filter } = m;
    if (filter.has(source) === isAdd) return -EADDRNOTAVAIL;
    if (isAdd) {
      if (filter.sources.length >= this.maxSources(group)) return -ENOBUFS;
      m.setFilter(filter.with(new IpAddress().copy(source)), true);
    } else if (!isExclude && filter.sources.length === 1) this.remove(m);
    else m.setFilter(filter.without(source), true);
    return 0;
  }

  /** IP_MSFILTER, MCAST_MSFILTER: the whole filter. INCLUDE of nothing leaves the group. */
  setFilter(
    group: Address,
    index: number,
    isExclude: boolean,
    sources: readonly Address[],
  ): number {
    const m = this.memberOf(group, index, -EINVAL);
    if (typeof m === 'number') return m;
    const isNone = sources.length === 0;
    if (isNone && !isExclude) this.remove(m);
    else m.setFilter(new SourceFilter(isExclude, sources), !isNone);
    return 0;
  }

  filterOf(group: Address, index: number): SourceFilter | number {
    const m = this.memberOf(group, index, -EADDRNOTAVAIL);
    return typeof m === 'number' ? m : m.filter;
  }

  /** igmp_max_msf, mld_max_msf */
  maxSources(group: Address): number {
    const { igmpMaxMsf, mldMaxMsf } = this.net.config;
    return isV4(group) ? igmpMaxMsf : mldMaxMsf;
  }

  private joinAs(group: Address, index: number, filter: SourceFilter): number {
    if (!isMulticast(group)) return -EINVAL;
    const iface = this.interfaceFor(group, index);
    if (iface === null) return -ENODEV;
    if (this.find(group, iface) !== undefined) return -EADDRINUSE;
    const v4 = isV4(group);
    // As on Linux IPv6 has no such limit.
    if (v4 && this.count4() >= this.net.config.igmpMaxMemberships) return -ENOBUFS;
    this.joined.push(new Membership(group, iface, filter));
    iface.groups.change(group, null, filter);
    return 0;
  }

  private remove(m: Membership): void {
    this.joined.splice(this.joined.indexOf(m), 1);
    m.iface.groups.change(m.group, m.filter, null);
  }

  private count4(): number {
    return this.joined.reduce((n, m) => n + (isV4(m.group) ? 1 : 0), 0);
  }

  private memberOf(group: Address, index: number, missing: number): Membership | number {
    if (!isMulticast(group)) return -EINVAL;
    const iface = this.interfaceFor(group, index);
    if (iface === null) return -ENODEV;
    return this.find(group, iface) ?? missing;
  }

  private find(group: Address, iface: Interface): Membership | undefined {
    return this.joined.find((m) => m.iface === iface && addressEquals(m.group, group));
  }

  private interfaceFor(group: Address, index: number): Interface | null {
    if (index !== 0) return this.net.interfaceAt(index);
    return this.net.paths.lookup(group, 0)?.iface ?? null;
  }
}
