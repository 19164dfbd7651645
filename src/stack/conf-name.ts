/** Names of the branches net.ipv4.conf and net.ipv6.conf: BRANCH.{all,default,IFACE}.SETTING. */
import type { Interface } from '../net/interface.ts';
import type { Network } from '../net/network.ts';

const BASE_NAMES = ['all', 'default'] as const;

export interface ConfName {
  readonly owner: string;
  /** Null for `all` and `default`. */
  readonly iface: Interface | null;
  readonly leaf: string;
}

export const isBase = (owner: string): boolean => BASE_NAMES.some((base) => base === owner);

/** Whoever has settings in such a branch. */
export const confOwners = (net: Network): readonly string[] => [
  ...BASE_NAMES,
  ...net.interfaces.map((i) => i.name),
];

/** An interface's name may have dots: the last word is the setting. Null: of no interface, or in no such branch. */
export function parseConfName(net: Network, branch: string, dotted: string): ConfName | null {
  if (!dotted.startsWith(branch)) return null;
  const rest = dotted.slice(branch.length);
  const dot = rest.lastIndexOf('.');
  const owner = rest.slice(0, Math.max(dot, 0));
  const leaf = rest.slice(dot + 1);
  if (isBase(owner)) return { owner, iface: null, leaf };
  const iface = net.interfaces.find((i) => i.name === owner);
  return iface === undefined ? null : { owner, iface, leaf };
}
