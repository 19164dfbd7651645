/** What a stack shows of itself, as plain objects with the field names of `ip -j`. */
import { NEVER, SEC } from '../../src/base/time.ts';
import { deviceBelow } from '../../src/live/pollable.ts';
import type { Interface, InterfaceAddress } from '../../src/net/interface.ts';
import { type Neighbour, nudName } from '../../src/net/neighbour.ts';
import type { Route, RouteMetrics, RouteType } from '../../src/net/route-table.ts';
import type { Stack } from '../../src/stack/stack.ts';
import {
  type Address,
  addressEquals,
  isLinkLocal4,
  isLinkLocal6,
  isV4,
  networkOf,
} from '../../src/wire/address.ts';
import { formatAddress, formatV4 } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';

export interface LinkView {
  readonly ifindex: number;
  readonly ifname: string;
  /** Of a VLAN: the interface it belongs to. */
  readonly link?: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly operstate: 'UP' | 'DOWN' | 'UNKNOWN';
  readonly link_type: 'loopback' | 'ether';
  readonly address: string;
  readonly broadcast: string;
  readonly linkinfo?: {
    readonly info_kind: 'vlan';
    readonly info_data: {
      readonly protocol: '802.1Q';
      readonly id: number;
      /** None: what is sent has priority 0. */
      readonly egress_qos?: readonly { readonly from: number; readonly to: number }[];
    };
  };
}

export interface SideStats {
  readonly bytes: number;
  readonly packets: number;
  readonly errors: number;
  readonly dropped: number;
  /** Of the dropped: SYNs beyond the device's limit, where it has one. */
  readonly syn_dropped?: number;
  /** Ours: how often the border to the kernel was crossed with frames. */
  readonly batches: number;
  /** Receive: no memory to receive into. Transmit: the kernel had no room. */
  readonly stalls: number;
}

export interface LinkStatsView extends LinkView {
  readonly stats64: { readonly rx: SideStats; readonly tx: SideStats };
  /** Tagged frames received, by priority code point; none: no tags were seen. */
  readonly priorities?: readonly number[];
  /** What the device does for us, as agreed with the kernel. */
  readonly offloads: Readonly<Record<string, boolean | number>>;
}

export interface AddressView {
  readonly family: 'inet' | 'inet6';
  readonly local: string;
  readonly prefixlen: number;
  readonly broadcast?: string;
  readonly scope: 'global' | 'link' | 'host';
  readonly tentative?: true;
  readonly dadfailed?: true;
  readonly deprecated?: true;
  /** RFC 8981 */
  readonly temporary?: true;
  /** Lent to us: it has a lifetime. */
  readonly dynamic?: true;
  /** IPv4: the interface's name. */
  readonly label?: string;
  readonly valid_life_time: number;
  readonly preferred_life_time: number;
}

export interface AddrView extends LinkView {
  readonly addr_info: readonly AddressView[];
}

/** As `ip -json route` has them: an array with one object. */
export interface RouteMetricsView {
  readonly mtu?: number;
  readonly lock?: readonly 'mtu'[];
  readonly advmss?: number;
  readonly initcwnd?: number;
}

export interface RouteView {
  /** None: unicast. */
  readonly type?: RouteType;
  readonly dst: string;
  readonly gateway?: string;
  /** None: an IPv4 route that leads nowhere. */
  readonly dev?: string;
  /** None: by hand (`boot`), which `ip` does not say either. */
  readonly protocol?: string;
  readonly scope?: 'link';
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly metrics?: readonly RouteMetricsView[];
  /** Seconds; of an advertised route, unless it is for ever. */
  readonly expires?: number;
  readonly pref?: 'low' | 'medium' | 'high';
  readonly flags: readonly string[];
  readonly family: 'inet' | 'inet6';
}

/** What `ip -j route get` has. */
export interface GotView {
  readonly type?: 'local' | 'broadcast' | 'multicast';
  readonly dst: string;
  readonly from?: '::';
  readonly gateway?: string;
  readonly dev: string;
  readonly table?: 'local';
  readonly prefsrc?: string;
  readonly flags: readonly string[];
  /** A path MTU that was learned, and for how many seconds it holds. */
  readonly metrics?: readonly { readonly mtu: number }[];
  readonly expires?: number;
  readonly cache?: readonly string[];
}

export interface NeighView {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  /** As `ip -j` has it: there, and null. */
  readonly router?: null;
  readonly state: readonly string[];
  readonly family: 'inet' | 'inet6';
}

/** `ip -j`'s "forever". */
export const FOREVER = 4294967295;

export function linkView(iface: Interface): LinkView {
  const { device, vlan } = iface;
  const up = iface.isEnabled ? ['UP'] : [];
  const carrier = device.isUp ? 'LOWER_UP' : 'NO-CARRIER';
  const state = iface.isEnabled ? [carrier] : []; // as ip(8) has it
  const kind = iface.isLoopback ? ['LOOPBACK', ...up] : ['BROADCAST', 'MULTICAST', ...up];
  return {
    ifindex: iface.index,
    ifname: iface.name,
    ...(vlan === null ? {} : { link: vlan.lower.name }),
    flags: [...kind, ...state],
    mtu: iface.mtu,
    operstate: iface.isLoopback ? 'UNKNOWN' : iface.isUp ? 'UP' : 'DOWN',
    link_type: iface.isLoopback ? 'loopback' : 'ether',
    address: device.mac.toString(),
    broadcast: iface.isLoopback ? '00:00:00:00:00:00' : 'ff:ff:ff:ff:ff:ff',
    ...(vlan === null
      ? {}
      : {
          linkinfo: {
            info_kind: 'vlan' as const,
            info_data: {
              protocol: '802.1Q' as const,
              id: vlan.id,
              ...(vlan.egressMap.length === 0
                ? {}
                : { egress_qos: vlan.egressMap.map(([from, to]) => ({ from, to })) }),
            },
          },
        }),
  };
}

export function linkStatsView(iface: Interface): LinkStatsView {
  const { device } = iface;
  const of = (name: Parameters<typeof device.stats.get>[0]) => device.stats.get(name);
  const { synDropped } = deviceBelow(device) as { synDropped?: number };
  return {
    ...linkView(iface),
    stats64: {
      rx: {
        bytes: of('rxBytes'),
        packets: of('rxFrames'),
        errors: of('rxErrors'),
        dropped: of('rxDropped'),
        ...(synDropped === undefined ? {} : { syn_dropped: synDropped }),
        batches: of('rxBatches'),
        stalls: of('rxStalls'),
      },
      tx: {
        bytes: of('txBytes'),
        packets: of('txFrames'),
        errors: of('txErrors'),
        dropped: of('txDropped'),
        batches: of('txBatches'),
        stalls: of('txBusy'),
      },
    },
    ...(iface.priorities.some((n) => n > 0) ? { priorities: [...iface.priorities] } : {}),
    offloads: { ...device.caps },
  };
}

export function addrView(iface: Interface, nowNs: number): AddrView {
  return {
    ...linkView(iface),
    addr_info: iface.addresses.map((a) => addressView(iface, a, nowNs)),
  };
}

export function addressView(iface: Interface, entry: InterfaceAddress, nowNs: number): AddressView {
  const { address, bits, broadcast, state } = entry;
  const v4 = isV4(address);
  const near = isLinkLocal6(address) || isLinkLocal4(address) ? 'link' : 'global';
  return {
    family: v4 ? 'inet' : 'inet6',
    local: formatAddress(address),
    prefixlen: v4 ? bits - 96 : bits,
    ...(broadcast === 0 || iface.isLoopback ? {} : { broadcast: formatV4(broadcast) }),
    scope: iface.isLoopback ? 'host' : near,
    ...(state === 'tentative' ? { tentative: true as const } : {}),
    ...(state === 'duplicate' ? { dadfailed: true as const } : {}),
    ...(entry.isDeprecated ? { deprecated: true as const } : {}),
    ...(entry.origin === 'temporary' ? { temporary: true as const } : {}),
    ...(entry.validUntilNs === NEVER ? {} : { dynamic: true as const }),
    ...(v4 ? { label: iface.name } : {}),
    valid_life_time: secondsLeft(entry.validUntilNs, nowNs),
    preferred_life_time: secondsLeft(entry.preferredUntilNs, nowNs),
  };
}

export function secondsLeft(untilNs: number, nowNs: number): number {
  return untilNs === NEVER ? FOREVER : Math.max(0, Math.round((untilNs - nowNs) / SEC));
}

/** Without those of loopback and multicast, which are ours to make: `ip route` shows only the main table. */
export function mainRoutes(stack: Stack): Route[] {
  return stack.net.routes.routes.filter(
    (r) => !r.leadsSomewhere || (!r.iface.isLoopback && r.prefix.w0 >>> 24 !== 0xff),
  );
}

export function routeViews(stack: Stack): RouteView[] {
  return mainRoutes(stack).map((route) => routeView(route, stack.env.nowNs));
}

export function routeView(route: Route, nowNs: number): RouteView {
  const v4 = isV4(route.prefix);
  const bits = v4 ? route.bits - 96 : route.bits;
  const { type, protocol } = route.facts;
  const isWay = route.leadsSomewhere;
  const source = route.facts.source ?? (v4 && protocol === 'kernel' ? connectedBy(route) : null);
  return {
    ...(isWay ? {} : { type }),
    dst: bits === 0 ? 'default' : prefixText(route.prefix, bits, v4 ? 32 : 128),
    ...(route.gateway === null ? {} : { gateway: formatAddress(route.gateway) }),
    ...(isWay || !v4 ? { dev: route.iface.name } : {}),
    ...(protocol === 'boot' ? {} : { protocol }),
    ...(v4 && isWay && route.gateway === null ? { scope: 'link' as const } : {}),
    ...(source === null ? {} : { prefsrc: formatAddress(source) }),
    ...(route.metric === 0 ? {} : { metric: route.metric }),
    ...metricsOf(route.metrics),
    ...advertisedOf(route, nowNs),
    flags: [...(route.facts.isOnlink ? ['onlink'] : []), ...(route.iface.isUp ? [] : ['linkdown'])],
    family: v4 ? 'inet' : 'inet6',
  };
}

function advertisedOf({ advertised, prefix }: Route, nowNs: number): Partial<RouteView> {
  if (advertised === null) return isV4(prefix) ? {} : { pref: 'medium' };
  const seconds = secondsLeft(advertised.expiresNs, nowNs);
  const pref = (['low', 'medium', 'high'] as const)[advertised.preference + 1]!; // -1, 0 or 1
  return { ...(seconds === FOREVER ? {} : { expires: seconds }), pref };
}

function metricsOf(m: RouteMetrics): { readonly metrics?: readonly RouteMetricsView[] } {
  const view: RouteMetricsView = {
    ...(m.isMtuLocked ? { lock: ['mtu'] as const } : {}),
    ...(m.mtu === 0 ? {} : { mtu: m.mtu }),
    ...(m.advmss === 0 ? {} : { advmss: m.advmss }),
    ...(m.initcwnd === 0 ? {} : { initcwnd: m.initcwnd }),
  };
  return Object.keys(view).length === 0 ? {} : { metrics: [view] };
}

/** The address of ours whose subnet the route is, if it came with one. */
function connectedBy(route: Route): Address | null {
  const entry = route.iface.addresses.find(
    (a) => a.bits === route.bits && sameNetwork(a, route.prefix),
  );
  return entry?.address ?? null;
}

function sameNetwork(entry: InterfaceAddress, prefix: Address): boolean {
  return addressEquals(networkOf(entry.address, entry.bits), prefix);
}

function prefixText(prefix: Address, bits: number, longest: number): string {
  return bits === longest ? formatAddress(prefix) : `${formatAddress(prefix)}/${bits}`;
}

export function neighView(iface: Interface, n: Neighbour): NeighView {
  const isKnown = n.macHigh !== 0 || n.macLow !== 0;
  return {
    dst: formatAddress(n.address),
    dev: iface.name,
    ...(isKnown ? { lladdr: new MacAddress(n.macHigh, n.macLow).toString() } : {}),
    ...(n.isRouter ? { router: null } : {}),
    state: [nudName(n.state)],
    family: isV4(n.address) ? 'inet' : 'inet6',
  };
}
