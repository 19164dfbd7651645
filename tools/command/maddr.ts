/** The groups of a stack's interfaces, with the field names of `ip -j maddr`; who listens, and what routers are told. */
import type { Group } from '../../src/net/group-table.ts';
import type { Interface } from '../../src/net/interface.ts';
import { isV4 } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';

export interface GroupView {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  /** As `ip` shows it: when there are several. */
  readonly users?: number;
  /** Ours: what the interface lets in, unless that is everything. */
  readonly filter?: 'include' | 'exclude';
  readonly sources?: readonly string[];
}

export interface MaddrView {
  readonly ifindex: number;
  readonly ifname: string;
  /** Ours: the versions spoken, as /proc/net/igmp names them; none on loopback. */
  readonly igmp?: string;
  readonly mld?: string;
  readonly maddr: readonly GroupView[];
}

export function maddrView(iface: Interface): MaddrView {
  const { igmp, mld, groups } = iface;
  return {
    ifindex: iface.index,
    ifname: iface.name,
    ...(igmp === null ? {} : { igmp: `V${igmp.version}` }),
    ...(mld === null ? {} : { mld: `V${mld.version - 1}` }), // MLDv1 is IGMPv2 translated
    maddr: [...groups.list(true), ...groups.list(false)].map(groupView),
  };
}

function groupView({ address, users, filter }: Group): GroupView {
  const isAll = filter.isExclude && filter.sources.length === 0;
  return {
    family: isV4(address) ? 'inet' : 'inet6',
    address: formatAddress(address),
    ...(users > 1 ? { users } : {}),
    ...(isAll
      ? {}
      : {
          filter: filter.isExclude ? ('exclude' as const) : ('include' as const),
          sources: filter.sources.map(formatAddress),
        }),
  };
}

export function maddrText(v: MaddrView): string {
  const spoken = v.igmp === undefined ? '' : `\tigmp ${v.igmp} mld ${v.mld}`;
  const lines = v.maddr.map((m) => {
    const users = m.users === undefined ? '' : ` users ${m.users}`;
    const filter = m.filter === undefined ? '' : ` ${m.filter} ${m.sources!.join(',')}`; // they go together
    return `\t${m.family === 'inet' ? 'inet ' : 'inet6'} ${m.address}${users}${filter}`;
  });
  return [`${v.ifindex}:\t${v.ifname}${spoken}`, ...lines].join('\n');
}
