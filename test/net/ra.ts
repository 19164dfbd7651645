/** A router at the other end of the wire: its advertisements as bytes, and what the host makes of them. */
import { addrView, routeViews } from '../../tools/command/views.ts';
import { addressBytes, type Bytes, hex, icmp6, ip6, join, u16, u32 } from './packets.ts';
import { ip, type NetHarness, type RigOptions } from './rig.ts';

export const R1 = 'fe80::a';
export const R2 = 'fe80::b';
export const MAC1 = '02:00:00:00:00:0a';
export const MAC2 = '02:00:00:00:00:0b';
const MACS: Readonly<Record<string, string>> = { [R1]: MAC1, [R2]: MAC2 };
const ALL_NODES = { ip: 'ff02::1', mac: '33:33:00:00:00:01' };
export const FOREVER = 0xffffffff;
/** Of OUR_MAC. */
export const OUR_ID = 'ff:fe00:1';

/** No address of its own, no route: what it has comes from routers. */
export const HOST: RigOptions = { addresses: [], gateway: false, conf6: { accept_ra: 1 } };
export const host = (conf6: RigOptions['conf6'] = {}, more: RigOptions = {}): RigOptions => ({
  ...HOST,
  ...more,
  conf6: { accept_ra: 1, ...conf6 },
});

export interface Ra {
  readonly from?: string;
  /** Of the frame; and without option when null. */
  readonly link?: string | null;
  readonly hop?: number;
  readonly code?: number;
  readonly hops?: number;
  readonly lifetime?: number;
  /** The two bits of RFC 4191: 1 high, 0 medium, 3 low, 2 reserved. */
  readonly prf?: number;
  readonly reachable?: number;
  readonly retrans?: number;
  readonly options?: readonly (Bytes | readonly number[])[];
  /** The message ends after so many bytes. */
  readonly cutTo?: number;
}

export function give(h: NetHarness, ra: Ra = {}): string {
  const from = ra.from ?? R1;
  const mac = MACS[from] ?? MAC1;
  const link = ra.link === undefined ? mac : ra.link;
  const rest = (ra.hops ?? 0) * 0x1000000 + ((ra.prf ?? 0) << 3) * 0x10000 + (ra.lifetime ?? 1800);
  const body = join(
    u32(ra.reachable ?? 0),
    u32(ra.retrans ?? 0),
    link === null ? [] : [1, 1, ...hex(link)],
    ...(ra.options ?? []),
  ).slice(0, ra.cutTo ?? 65535);
  const head = { type: 134, code: ra.code ?? 0, rest };
  const message = icmp6(head, body, from, ALL_NODES.ip);
  const packet = ip6({ src: from, dst: ALL_NODES.ip, hop: ra.hop ?? 255 }, message);
  return h.give(packet, { dst: ALL_NODES.mac, src: mac });
}

export interface Pio {
  readonly bits?: number;
  /** L and A; default both. */
  readonly flags?: string;
  readonly valid?: number;
  readonly preferred?: number;
}

export function pio(prefix: string, p: Pio = {}): number[] {
  const flags = p.flags ?? 'LA';
  const bits = (flags.includes('L') ? 0x80 : 0) | (flags.includes('A') ? 0x40 : 0);
  const valid = p.valid ?? 86400;
  return [
    ...[3, 4, p.bits ?? 64, bits],
    ...u32(valid),
    ...u32(p.preferred ?? Math.min(valid, 14400)),
    ...[0, 0, 0, 0],
    ...addressBytes(prefix),
  ];
}

export const mtu = (bytes: number): number[] => [5, 1, 0, 0, ...u32(bytes)];

/** `units` of 8 bytes: default as many as the prefix needs. */
export function rio(
  prefix: string,
  bits: number,
  lifetime = 1800,
  prf = 0,
  units?: number,
): number[] {
  const len = units ?? (bits === 0 ? 1 : bits <= 64 ? 2 : 3);
  return [24, len, bits, prf << 3, ...u32(lifetime), ...addressBytes(prefix).slice(0, len * 8 - 8)];
}

export function rdnss(lifetime: number, ...servers: readonly string[]): number[] {
  return [25, 1 + 2 * servers.length, 0, 0, ...u32(lifetime), ...servers.flatMap(addressBytes)];
}

export function dnssl(lifetime: number, ...names: readonly string[]): number[] {
  const bytes = names.flatMap((name) => [
    ...name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]),
    0,
  ]);
  while (bytes.length % 8 !== 0) bytes.push(0);
  return [31, 1 + bytes.length / 8, ...u16(0), ...u32(lifetime), ...bytes];
}

/** `2001:db8::…/64 deprecated valid 100 preferred 0`, link-local ones left out. */
export function addresses(h: NetHarness): string[] {
  return addrView(h.port.iface, h.net.env.nowNs)
    .addr_info.filter((a) => a.family === 'inet6' && a.scope === 'global')
    .map((a) => {
      const flags = (['temporary', 'tentative', 'dadfailed', 'deprecated'] as const).filter(
        (name) => a[name] === true,
      );
      const life = (s: number) => (s === FOREVER ? 'forever' : `${s}`);
      const lives = `valid ${life(a.valid_life_time)} preferred ${life(a.preferred_life_time)}`;
      return [`${a.local}/${a.prefixlen}`, ...flags, lives].join(' ');
    });
}

/** `default via fe80::a ra high 1800`, in the order in which they are tried. */
export function routes(h: NetHarness): string[] {
  return routeViews(h.stack)
    .filter((r) => r.dst !== 'fe80::/64')
    .map((r) =>
      [
        r.dst,
        ...(r.gateway === undefined ? [] : [`via ${r.gateway}`]),
        r.protocol,
        ...(r.pref === undefined || r.pref === 'medium' ? [] : [r.pref]),
        ...(r.expires === undefined ? [] : [`${r.expires}`]),
      ].join(' '),
    );
}

/** Where a packet to there goes next, or `none`. */
export function nextHop(h: NetHarness, to: string): string {
  const path = h.net.paths.lookup(ip(to), 0);
  if (path === null) return 'none';
  const { w0, w3 } = path.nextHop;
  if (w0 !== 0xfe800000 >> 0) return 'on link';
  return `fe80::${(w3 >>> 0).toString(16)}`;
}

export const refused = (h: NetHarness): Record<string, number> => {
  const { Accepted: _, ...rest } = h.net.autoconfOf(h.port.iface)!.counters.toObject();
  return Object.fromEntries(Object.entries(rest).filter(([, n]) => n > 0));
};
