/** The same objects as `ip` prints them. */
import type {
  AddressView,
  AddrView,
  GotView,
  LinkStatsView,
  LinkView,
  NeighView,
  RouteView,
  SideStats,
} from './views.ts';
import { FOREVER } from './views.ts';

export function linkText(link: LinkView): string {
  const { ifindex, flags, mtu, operstate, link_type, address, broadcast, linkinfo } = link;
  const ifname = link.link === undefined ? link.ifname : `${link.ifname}@${link.link}`;
  const vlan = linkinfo?.info_data;
  return [
    `${ifindex}: ${ifname}: <${flags.join(',')}> mtu ${mtu} state ${operstate}`,
    `    link/${link_type} ${address} brd ${broadcast}`,
    ...(vlan === undefined ? [] : [`    vlan protocol ${vlan.protocol} id ${vlan.id}`]),
    ...(vlan?.egress_qos === undefined
      ? []
      : [`      egress-qos-map { ${mapText(vlan.egress_qos)} }`]),
  ].join('\n');
}

function mapText(map: readonly { readonly from: number; readonly to: number }[]): string {
  return map.map(({ from, to }) => `${from}:${to}`).join(' ');
}

export function linkStatsText(link: LinkStatsView): string {
  const { rx, tx } = link.stats64;
  const offloads = Object.entries(link.offloads)
    .filter(([, value]) => value !== false)
    .map(([name, value]) => (value === true ? name : `${name} ${value}`));
  return [
    linkText(link),
    ...sideText('RX', 'stalls', rx),
    ...sideText('TX', 'busy', tx),
    ...(link.priorities === undefined ? [] : [`    priorities: ${link.priorities.join(' ')}`]),
    `    offloads: ${offloads.join(', ')}`,
  ].join('\n');
}

function sideText(side: string, stalls: string, s: SideStats): string[] {
  const heads = [`${side}:  bytes`, 'packets', 'errors', 'dropped', 'batches', stalls];
  const values = [s.bytes, s.packets, s.errors, s.dropped, s.batches, s.stalls].map(String);
  const widths = heads.map((head, i) => Math.max(head.length, values[i]!.length));
  const row = (cells: string[]) => cells.map((cell, i) => cell.padStart(widths[i]!)).join(' ');
  const ofThem = s.syn_dropped ? [`    of the dropped ${s.syn_dropped} SYNs beyond the limit`] : [];
  return [`    ${row(heads)}`, `    ${row(values)}`, ...ofThem];
}

export function addrText(link: AddrView): string {
  return [linkText(link), ...link.addr_info.map(addressText)].join('\n');
}

function addressText(a: AddressView): string {
  const broadcast = a.broadcast === undefined ? '' : ` brd ${a.broadcast}`;
  const label = a.label === undefined ? '' : ` ${a.label}`;
  const state = a.tentative === true ? ' tentative' : a.dadfailed === true ? ' dadfailed' : '';
  const flags = [
    a.temporary === true ? ' temporary' : '',
    state,
    a.deprecated === true ? ' deprecated' : '',
    a.dynamic === true ? ' dynamic' : '',
  ].join('');
  return [
    `    ${a.family} ${a.local}/${a.prefixlen}${broadcast} scope ${a.scope}${flags}${label}`,
    `       valid_lft ${lifetime(a.valid_life_time)} preferred_lft ${lifetime(a.preferred_life_time)}`,
  ].join('\n');
}

export function lifetime(seconds: number): string {
  return seconds === FOREVER ? 'forever' : `${seconds}sec`;
}

export function routeText(r: RouteView): string {
  let line = r.type === undefined ? r.dst : `${r.type} ${r.dst}`;
  if (r.gateway !== undefined) line += ` via ${r.gateway}`;
  if (r.dev !== undefined) line += ` dev ${r.dev}`;
  if (r.protocol !== undefined) line += ` proto ${r.protocol}`;
  if (r.scope !== undefined) line += ` scope ${r.scope}`;
  if (r.prefsrc !== undefined) line += ` src ${r.prefsrc}`;
  if (r.metric !== undefined) line += ` metric ${r.metric}`;
  for (const { mtu, lock, advmss, initcwnd } of r.metrics ?? []) {
    if (mtu !== undefined) line += ` mtu ${lock === undefined ? '' : 'lock '}${mtu}`;
    if (advmss !== undefined) line += ` advmss ${advmss}`;
    if (initcwnd !== undefined) line += ` initcwnd ${initcwnd}`;
  }
  if (r.expires !== undefined) line += ` expires ${r.expires}sec`;
  if (r.pref !== undefined) line += ` pref ${r.pref}`;
  return [line, ...r.flags].join(' ');
}

export function gotText(g: GotView): string {
  let line = g.type === undefined ? g.dst : `${g.type} ${g.dst}`;
  if (g.from !== undefined) line += ` from ${g.from}`;
  if (g.gateway !== undefined) line += ` via ${g.gateway}`;
  line += ` dev ${g.dev}`;
  if (g.table !== undefined) line += ` table ${g.table}`;
  if (g.prefsrc !== undefined) line += ` src ${g.prefsrc}`;
  const learned =
    g.expires === undefined ? '' : ` expires ${g.expires}sec mtu ${g.metrics![0]!.mtu}`; // they go together
  if (g.cache === undefined) return line + learned;
  const kinds = g.cache.length === 0 ? '' : ` <${g.cache.join(',')}>`;
  return `${line}\n    cache${kinds}${learned}`;
}

export function neighText(n: NeighView): string {
  const lladdr = n.lladdr === undefined ? '' : ` lladdr ${n.lladdr}`;
  const router = n.router === null ? ' router' : '';
  return `${n.dst} dev ${n.dev}${lladdr}${router} ${n.state.join(' ')}`;
}
