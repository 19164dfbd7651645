/** net.ipv4.conf.{all,default,IFACE}.*: three sets of values; `src/net/ipv4-conf.ts` says what they make together. */
import { EINVAL, ENOENT } from '../base/errno.ts';
import { CONF4, CONF4_ROWS, type Conf4Values } from '../net/ipv4-conf.ts';
import type { Network } from '../net/network.ts';
import { confOwners, parseConfName } from './conf-name.ts';

const BRANCH = 'net.ipv4.conf.';

/** Every name there is, in no order. */
export function conf4SysctlNames(net: Network): string[] {
  return confOwners(net).flatMap((owner) => CONF4_ROWS.map((r) => `${BRANCH}${owner}.${r.name}`));
}

/** As the file under /proc/sys shows it; undefined where there is no such name. */
export function readConf4Sysctl(net: Network, dotted: string): string | undefined {
  const found = find(net, dotted);
  return found === null ? undefined : String(found.values.get(found.id));
}

/** 0, -ENOENT or -EINVAL; then nothing has changed. */
export function writeConf4Sysctl(net: Network, dotted: string, text: string): number {
  const found = find(net, dotted);
  if (found === null) return -ENOENT;
  if (!/^\d{1,10}$/.test(text.trim())) return -EINVAL;
  const value = Number(text);
  if (value > CONF4_ROWS[found.id]!.most) return -EINVAL;
  const { conf4 } = net.config;
  if (found.id === CONF4.FORWARDING && found.values === conf4.all) conf4.setForwarding(value);
  else found.values.set(found.id, value);
  return 0;
}

/** The least and the most that may be written; undefined where there is no such name. */
export function conf4Range(net: Network, dotted: string): readonly [number, number] | undefined {
  const found = find(net, dotted);
  return found === null ? undefined : [0, CONF4_ROWS[found.id]!.most];
}

interface Found {
  readonly values: Conf4Values;
  /** One of CONF4. */
  readonly id: number;
}

function find(net: Network, dotted: string): Found | null {
  const name = parseConfName(net, BRANCH, dotted);
  if (name === null) return null;
  const id = CONF4_ROWS.findIndex((r) => r.name === name.leaf);
  if (id < 0) return null;
  const { all, otherwise } = net.config.conf4;
  return { values: name.iface?.conf4.own ?? (name.owner === 'all' ? all : otherwise), id };
}
