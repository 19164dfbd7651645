import { NEVER } from '../base/time.ts';
import {
  type Address,
  addressEquals,
  IpAddress,
  isLinkLocal6,
  isV4,
  networkOf,
  prefixEquals,
} from '../wire/address.ts';
import type { Interface } from './interface.ts';

/** What is known of a way besides where it leads; 0: nothing. Names are those of `ip route`. */
export interface RouteMetrics {
  /** The largest IP packet. */
  readonly mtu: number;
  /** What routers say about the path's MTU is not believed; IPv4 packets leave without DF. */
  readonly isMtuLocked: boolean;
  /** The MSS that we offer. */
  readonly advmss: number;
  /** TCP's first congestion window, in segments. */
  readonly initcwnd: number;
}

export const NO_METRICS: RouteMetrics = { mtu: 0, isMtuLocked: false, advmss: 0, initcwnd: 0 };

/**
 * `unicast` leads somewhere; the others say that there is no way, however short a prefix would know one: in silence, as
 * nobody's host, as forbidden, or (`throw`) as if there were no route.
 */
export type RouteType = 'unicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';

/** Who made a route, and what follows from it. Names are those of `ip route`. */
export interface RouteFacts {
  readonly type: RouteType;
  /** `boot`: by hand; `static`, `dhcp` …, or a number of rt_protos. */
  readonly protocol: string;
  /** What is sent this way, by who has no address of his own wish, is sent from there; null: as RFC 6724 says. */
  readonly source: Address | null;
  /** Its gateway is on the link, whatever routes say of it. */
  readonly isOnlink: boolean;
}

export const NO_FACTS: RouteFacts = {
  type: 'unicast',
  protocol: 'static',
  source: null,
  isOnlink: false,
};

/** Of the routes that come with an address. */
export const WITH_ADDRESS: RouteFacts = { ...NO_FACTS, protocol: 'kernel' };

/** What a route has that a router advertised: it ends, it may be better than its equals, and its gateway may fail. */
export class Advertised {
  /** RFC 4191 §2.1: 1 high, 0 medium, -1 low. */
  readonly preference: number;
  expiresNs = NEVER;
  /** Its gateway does not answer (RFC 4861 §7.3): others come first. */
  isUnreachable = false;

  constructor(preference: number, expiresNs: number) {
    this.preference = preference;
    this.expiresNs = expiresNs;
  }

  extendTo(expiresNs: number): void {
    this.expiresNs = expiresNs;
  }

  setUnreachable(isUnreachable: boolean): void {
    this.isUnreachable = isUnreachable;
  }
}

/** One way to a set of destinations. */
export class Route {
  readonly prefix: Address;
  /** Prefix length out of 128 (an IPv4 length plus 96). */
  readonly bits: number;
  /** Null: the destinations are on the link. */
  readonly gateway: Address | null;
  /** Loopback, if it leads nowhere. */
  readonly iface: Interface;
  /** The smaller wins among equal prefixes. */
  readonly metric: number;
  readonly metrics: RouteMetrics;
  /** Null: from the administrator, or with an address. */
  readonly advertised: Advertised | null;
  readonly facts: RouteFacts;
  /** Unicast. */
  readonly leadsSomewhere: boolean;

  constructor(
    prefix: Address,
    bits: number,
    gateway: Address | null,
    iface: Interface,
    metric: number,
    metrics: RouteMetrics = NO_METRICS,
    advertised: Advertised | null = null,
    facts: RouteFacts = NO_FACTS,
  ) {
    this.prefix = Object.freeze(networkOf(prefix, bits));
    this.bits = bits;
    this.gateway = gateway === null ? null : Object.freeze(new IpAddress().copy(gateway));
    this.iface = iface;
    this.metric = metric;
    this.metrics = metrics;
    this.advertised = advertised;
    this.facts = facts;
    this.leadsSomewhere = facts.type === 'unicast';
  }

  /** To the same destinations, with the same claim to be used: one of the two replaces the other. */
  competes(other: Route): boolean {
    return (
      this.bits === other.bits &&
      this.metric === other.metric &&
      addressEquals(this.prefix, other.prefix)
    );
  }

  equals(other: Route): boolean {
    return (
      this.competes(other) &&
      this.iface === other.iface &&
      this.facts.type === other.facts.type &&
      sameGateway(this.gateway, other.gateway)
    );
  }
}

/**
 * Routes of both families, most specific first. A look-up scans: a host has a handful of routes and
 * the path cache stands in front, so the scan runs once per destination and change of the table.
 */
export class RouteTable {
  private readonly ordered: Route[] = [];
  /** A look-up since `forgetPassed` left out a route whose link is down: its answer is not for long. */
  passedDown = false;
  /** Grows with every change: paths made under an older number are looked up again. */
  generation = 1;

  get routes(): readonly Route[] {
    return this.ordered;
  }

  /** False when the same route is there already. */
  add(route: Route): boolean {
    if (this.ordered.some((r) => r.equals(route))) return false;
    this.insert(route);
    this.changed();
    return true;
  }

  /** In front of its equals; false when the same route is there already. */
  prepend(route: Route): boolean {
    if (this.ordered.some((r) => r.equals(route))) return false;
    const at = this.ordered.findIndex((r) => r.competes(route) || comesBefore(route, r));
    this.ordered.splice(at < 0 ? this.ordered.length : at, 0, route);
    this.changed();
    return true;
  }

  /** Of those that compete with it, the first; null when there is none. */
  rival(route: Route): Route | null {
    return this.ordered.find((r) => r.competes(route)) ?? null;
  }

  private insert(route: Route): void {
    const at = this.ordered.findIndex((r) => comesBefore(route, r));
    this.ordered.splice(at < 0 ? this.ordered.length : at, 0, route);
  }

  /** In the place of the first to the same prefix with the same metric, if there is one, as on Linux. */
  replace(route: Route): void {
    const at = this.ordered.findIndex((r) => r.competes(route));
    const isThere = this.ordered.findIndex((r) => r.equals(route));
    if (isThere >= 0 && isThere !== at) this.ordered.splice(isThere, 1);
    if (at < 0) this.insert(route);
    else this.ordered[at] = route;
    this.changed();
  }

  /** Removes every route that matches; returns how many. */
  removeWhere(matches: (route: Route) => boolean): number {
    const before = this.ordered.length;
    for (let i = before - 1; i >= 0; i--) {
      if (matches(this.ordered[i]!)) this.ordered.splice(i, 1);
    }
    if (this.ordered.length !== before) this.changed();
    return before - this.ordered.length;
  }

  /**
   * A neighbour does not answer any more, or again. Of advertised routes through it the equals come first:
   * where no router answers they take turns (RFC 4861 §6.3.6). True if there is such a route.
   */
  gatewayIs(iface: Interface, gateway: Address, isUnreachable: boolean): boolean {
    const through = this.ordered.filter(
      (r) =>
        r.advertised !== null &&
        r.iface === iface &&
        r.gateway !== null &&
        addressEquals(r.gateway, gateway) &&
        (isUnreachable || r.advertised.isUnreachable),
    );
    for (const route of through) {
      route.advertised?.setUnreachable(isUnreachable);
      if (!isUnreachable) continue;
      this.ordered.splice(this.ordered.indexOf(route), 1);
      this.insert(route);
    }
    if (through.length > 0) this.changed();
    return through.length > 0;
  }

  /** An interface, an address or a link came or went: what was derived from the table is void. */
  changed(): void {
    this.generation++;
  }

  forgetPassed(): void {
    this.passedDown = false;
  }

  /**
   * Longest prefix, then smallest metric, then the router's preference; through `iface` only, if given. Links
   * that are down are passed over; an advertised route whose gateway does not answer is taken only where
   * there is no other, however short (RFC 4191 §3.2). Null: there is none, or one that leads nowhere.
   */
  lookup(destination: Address, iface: Interface | null): Route | null {
    const found = this.match(destination, iface);
    return found?.leadsSomewhere === true ? found : null;
  }

  /** Whether it is a neighbour there. */
  isOnLink(address: Address, iface: Interface): boolean {
    if (!isV4(address) && isLinkLocal6(address)) return true;
    const route = this.lookup(address, iface);
    return route !== null && route.gateway === null;
  }

  /** Of a destination that `lookup` had no route for: of which type that is. */
  refusal(destination: Address): RouteType {
    return this.match(destination, null)?.facts.type ?? 'throw';
  }

  /** Whether a route says that there is no way. */
  refuses(destination: Address): boolean {
    return this.match(destination, null)?.leadsSomewhere === false;
  }

  private match(destination: Address, iface: Interface | null): Route | null {
    const v4 = isV4(destination);
    let unreachable: Route | null = null;
    for (let i = 0; i < this.ordered.length; i++) {
      const r = this.ordered[i]!;
      // As on Linux who asks for an interface passes over what leads nowhere, if it is IPv6.
      if (iface !== null && r.iface !== iface && (!v4 || r.leadsSomewhere)) continue;
      if (isV4(r.prefix) !== v4 && !(r.bits === 0 && !v4)) continue;
      if (!prefixEquals(r.prefix, destination, r.bits)) continue;
      if (!r.iface.isUp) this.passedDown = true;
      else if (r.advertised?.isUnreachable !== true) return r;
      else if (unreachable === null) unreachable = r;
    }
    return unreachable;
  }
}

function comesBefore(a: Route, b: Route): boolean {
  if (a.bits !== b.bits) return a.bits > b.bits;
  if (a.metric !== b.metric) return a.metric < b.metric;
  return (a.advertised?.preference ?? 0) > (b.advertised?.preference ?? 0);
}

function sameGateway(a: Address | null, b: Address | null): boolean {
  return a === null || b === null ? a === b : addressEquals(a, b);
}
