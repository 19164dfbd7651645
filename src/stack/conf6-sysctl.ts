/**
 * net.ipv6.conf.{all,default,IFACE}.*: `all` and `default` are one set of values, for every interface that was
 * not given its own; but whether it is a router, `default` says to later ones only.
 */
import { EINVAL, ENOENT } from '../base/errno.ts';
import type { Interface } from '../net/interface.ts';
import { CONF6, type Conf6Name, type Ipv6Conf, ROLE6 } from '../net/ipv6-conf.ts';
import type { Network } from '../net/network.ts';
import { isV4 } from '../wire/address.ts';
import { formatAddress, parseAddress } from '../wire/address-text.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { confOwners, isBase, parseConfName } from './conf-name.ts';

const BRANCH = 'net.ipv6.conf.';
const CONF6_NAMES = Object.keys(CONF6) as readonly Conf6Name[];
/** Not tables of numbers: what an interface has learnt, and a secret. */
const HOP_LIMIT = 'hop_limit';
const MTU = 'mtu';
const SECRET = 'stable_secret';
/** Acts when it is set. */
const FORWARDING = 'forwarding';
const isRole = (leaf: string): leaf is (typeof ROLE6)[number] => ROLE6.some((r) => r === leaf);

/** Every name there is, in no order. */
export function conf6SysctlNames(net: Network): string[] {
  const names: string[] = [];
  for (const owner of confOwners(net)) {
    for (const leaf of [...CONF6_NAMES, HOP_LIMIT, SECRET]) names.push(`${BRANCH}${owner}.${leaf}`);
    if (!isBase(owner)) names.push(`${BRANCH}${owner}.${MTU}`);
  }
  return names;
}

/** As the file under /proc/sys shows it; undefined where there is no such name. */
export function readConf6Sysctl(net: Network, dotted: string): string | undefined {
  const found = find(net, dotted);
  if (found === null) return undefined;
  const { conf, iface, leaf } = found;
  if (leaf === SECRET) return conf.secret === null ? '' : formatAddress(conf.secret);
  if (leaf === HOP_LIMIT) return String(iface?.hopLimit(net.config) ?? net.config.hopLimit6);
  if (leaf === MTU) return String(iface?.mtuOf(false));
  return String(conf.get(leaf as Conf6Name));
}

/** 0, -ENOENT or -EINVAL; then nothing has changed. */
export function writeConf6Sysctl(net: Network, dotted: string, text: string): number {
  const found = find(net, dotted);
  if (found === null) return -ENOENT;
  const { conf, iface, leaf } = found;
  if (leaf === SECRET) {
    const secret = parseAddress(text.trim());
    if (secret === null || isV4(secret)) return -EINVAL;
    conf.setSecret(Object.freeze(secret));
    return 0;
  }
  if (!/^-?\d{1,10}$/.test(text.trim())) return -EINVAL;
  const value = Number(text);
  const [least, most] = rangeOf(leaf, iface);
  if (value < least || value > most) return -EINVAL;
  if (leaf === HOP_LIMIT) {
    if (iface === null) net.config.hopLimit6 = value;
    else iface.setHopLimit(value);
  } else if (leaf === MTU) {
    iface?.setMtu6(value);
    net.routes.changed();
  } else if (isRole(leaf) && conf !== net.config.laterConf6) {
    setForAll(net, iface, leaf, value);
    if (leaf === FORWARDING) for (const each of net.interfaces) net.autoconfOf(each)?.followRole();
  } else conf.set(leaf as Conf6Name, value);
  return 0;
}

/**
 * As on Linux `all` says it to every interface, and then each may be told otherwise; force_forwarding only when it is
 * another value than before.
 */
function setForAll(net: Network, iface: Interface | null, name: Conf6Name, value: number): void {
  const conf = iface?.conf6 ?? net.config.conf6;
  const isNews = name === FORWARDING || conf.get(name) !== value;
  conf.set(name, value);
  if (iface !== null || !isNews) return;
  for (const each of net.interfaces) each.conf6.unset(name);
  net.config.laterConf6.unset(name);
}

/** The least and the most that may be written; undefined where there is no such name, or no number. */
export function conf6Range(net: Network, dotted: string): readonly [number, number] | undefined {
  const found = find(net, dotted);
  if (found === null || found.leaf === SECRET) return undefined;
  return rangeOf(found.leaf, found.iface);
}

function rangeOf(leaf: string, iface: Interface | null): readonly [number, number] {
  if (leaf === HOP_LIMIT) return [1, 255];
  if (leaf === MTU) return [IPV6_MIN_MTU, iface?.device.mtu ?? IPV6_MIN_MTU];
  const [, least, most] = CONF6[leaf as Conf6Name];
  return [least, most];
}

interface Found {
  readonly conf: Ipv6Conf;
  /** Null for `all` and `default`. */
  readonly iface: Interface | null;
  readonly leaf: string;
}

function find(net: Network, dotted: string): Found | null {
  const name = parseConfName(net, BRANCH, dotted);
  if (name === null) return null;
  const { owner, iface, leaf } = name;
  const isKnown = Object.hasOwn(CONF6, leaf) || leaf === HOP_LIMIT || leaf === SECRET;
  if (!isKnown && (leaf !== MTU || iface === null)) return null;
  const { conf6, laterConf6 } = net.config;
  const base = owner === 'default' && isRole(leaf) ? laterConf6 : conf6;
  return { conf: iface?.conf6 ?? base, iface, leaf };
}
