/**
 * What is known about the way to one destination: interface, next hop, source address, path MTU.
 *
 * A path is derived from the routes and can be derived again; only a learned MTU and the error
 * budget are facts of their own. The cache is bounded. Eviction is a clock: a hand goes round, spares
 * what was used since it last passed, and spares a learned MTU, so that answering a flood of made-up
 * sources cannot make the stack forget what it learned from real peers. It looks at a few places
 * each time and takes the best of them: a liar who makes us learn thousands of MTUs, or use
 * thousands of paths, cannot make each new destination cost a walk over all.
 */
import type { Env } from '../base/env.ts';
import type { RandomStream } from '../base/rng.ts';
import { NEVER } from '../base/time.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import type { Clock } from '../link/frame-sink.ts';
import {
  type Address,
  addressEquals,
  IpAddress,
  isLimitedBroadcast,
  isLoopback,
  isMulticast,
  isNobody,
  isV4,
} from '../wire/address.ts';
import { IPV6_MIN_MTU } from '../wire/ipv6.ts';
import { ErrorBudget } from './error-budget.ts';
import type { Interface } from './interface.ts';
import { CAST } from './ip-packet.ts';
import type { LocalAddresses } from './local-addresses.ts';
import type { NetConfig } from './net-config.ts';
import { NO_METRICS, type Route, type RouteMetrics, type RouteTable } from './route-table.ts';
import { PREFER_SOURCE, type SourceAddresses } from './source-address.ts';

const MAX_PATHS = 4096;
/** Places the hand looks at before it takes one that it would rather spare. */
const LOOKS = 32;
const MOST_WORTH = 3;

/** RFC 792, RFC 4861 §8: another first hop for one destination than the router that its route names. */
interface Redirect {
  readonly router: Address;
  readonly target: Address;
  readonly untilNs: number;
}

export class Path {
  readonly destination = new IpAddress();
  readonly nextHop = new IpAddress();
  /** The address to send from, or unspecified when the interface has none of the family. */
  readonly source = new IpAddress();
  iface!: Interface;
  /** One of CAST. */
  cast = 0;
  /** The interface it was asked for (0 = any): part of the key. */
  boundIndex = 0;
  /** Of the route that it follows. */
  metrics: RouteMetrics = NO_METRICS;
  generation = 0;
  /** It holds while the route leads through the router that it was used instead of. */
  redirect: Redirect | null = null;
  wasUsed = false;
  /** RFC 1191, RFC 8201: 0 until a smaller MTU than the link's was learned. */
  pmtu = 0;
  pmtuExpiresNs = NEVER;
  /** A router named less than the least we believe: what we send may have to be fragmented there. */
  isBelowFloor = false;
  /** A better route was passed over because its link is down: looked up again at every use. */
  isDetour = false;
  /** The token bucket for ICMP errors to this destination: when it was last full. Owner: icmp-limit. */
  readonly errorBudget = new ErrorBudget();

  /** The largest IP packet that gets through, as far as we know. */
  mtu(clock: Clock): number {
    const first = this.firstMtu();
    if (this.metrics.isMtuLocked || this.pmtu === 0) return first;
    return clock.nowNs >= this.pmtuExpiresNs ? first : Math.min(this.pmtu, first);
  }

  /** Whether `router` is its first hop: a host on the link, that has itself for one, is none. */
  isThrough(iface: Interface, router: Address): boolean {
    const isRouted = this.cast === CAST.UNICAST && !addressEquals(this.nextHop, this.destination);
    return isRouted && this.iface === iface && addressEquals(this.nextHop, router);
  }

  /** That of the link, or what the route says: before any router said something else. */
  firstMtu(): number {
    const mtu = this.iface.mtuOf(isV4(this.destination));
    return this.metrics.mtu === 0 ? mtu : Math.min(this.metrics.mtu, mtu);
  }

  /** Whether even a packet of `mtu` bytes must go without DF, or it would never arrive, or nobody would hear why. */
  needsFragmenting(clock: Clock): boolean {
    if (this.metrics.isMtuLocked) return true;
    return this.isBelowFloor && clock.nowNs < this.pmtuExpiresNs;
  }
}

export class PathCache {
  private readonly table: WordTable;
  private readonly paths: Path[] = [];
  /** What was found last: the segments of a flow, and the steps of sending one, ask for the same. Null: look it up. */
  private latest: Path | null = null;
  private hand = 0;
  /** Places the hand has looked at: lets a test see that an eviction costs the same whatever is cached. */
  looks = 0;
  private readonly env: Env;
  private readonly config: NetConfig;
  private readonly routes: RouteTable;
  private readonly locals: LocalAddresses;
  private readonly interfaces: readonly Interface[];
  private readonly numbered: readonly (Interface | null)[];
  private readonly sources: SourceAddresses;

  constructor(
    env: Env,
    config: NetConfig,
    routes: RouteTable,
    locals: LocalAddresses,
    interfaces: readonly Interface[],
    numbered: readonly (Interface | null)[],
    sources: SourceAddresses,
    random: RandomStream,
  ) {
    this.env = env;
    this.config = config;
    this.routes = routes;
    this.locals = locals;
    this.interfaces = interfaces;
    this.numbered = numbered;
    this.sources = sources;
    this.table = new WordTable(5, random);
  }

  get size(): number {
    return this.table.size;
  }

  /** What is cached, as it is; null when there is nothing. */
  find(destination: Address, boundIndex: number): Path | null {
    const { latest } = this;
    const isLatest =
      latest !== null &&
      addressEquals(latest.destination, destination) &&
      latest.boundIndex === boundIndex;
    if (isLatest) return latest;
    this.writeKey(destination, boundIndex);
    const at = this.table.find();
    if (at === NOT_FOUND) return null;
    this.latest = this.paths[at]!;
    return this.latest;
  }

  /** The path to a destination, out of interface `boundIndex` if not 0. Null: no route. */
  lookup(destination: Address, boundIndex: number): Path | null {
    const path = this.find(destination, boundIndex);
    if (path === null) return this.insert(destination, boundIndex);
    path.wasUsed = true;
    const isFresh =
      path.generation === this.routes.generation && !path.isDetour && this.holds(path);
    if (isFresh && path.iface.isUp) return path;
    return this.derive(path, path.destination, boundIndex) ? path : null;
  }

  /**
   * Believes a report that packets to this destination must be smaller. The caller has checked that
   * the report quotes a packet of ours (RFC 5927 §7, RFC 8201 §4). An MTU never grows by a report.
   */
  learnMtu(path: Path, reported: number): boolean {
    const v4 = isV4(path.destination);
    if (path.metrics.isMtuLocked) return false;
    if (!v4 && reported < IPV6_MIN_MTU) return false; // RFC 8201 §4: such a report is discarded
    const mtu = v4 ? Math.max(reported, this.config.minPmtu4) : reported;
    const { env } = this;
    const isBelowFloor = mtu !== reported;
    const isNews = mtu < path.mtu(env) || (isBelowFloor && !path.needsFragmenting(env));
    if (!isNews || mtu > path.mtu(env)) return false;
    path.pmtu = mtu;
    path.isBelowFloor = isBelowFloor;
    path.pmtuExpiresNs = env.nowNs + this.config.mtuExpiresNs;
    return true;
  }

  /**
   * RFC 1122 §3.2.2.2, RFC 4861 §8.1, §8.3: `router` says that what takes this path should go to `target` first, the
   * destination itself if it is on the link. False: that router is not the first hop.
   */
  redirect(
    path: Path | null,
    iface: Interface,
    router: Address,
    target: Address,
    untilNs: number,
  ): boolean {
    if (path === null || !path.isThrough(iface, router)) return false;
    // Redirected again, it is still in the place of the router that the route names.
    const first = path.redirect?.router ?? copyOf(router);
    path.redirect = { router: first, target: copyOf(target), untilNs };
    path.nextHop.copy(target);
    return true;
  }

  private holds({ redirect }: Path): boolean {
    return redirect === null || this.env.nowNs < redirect.untilNs;
  }

  /** The neighbour does not answer, or is no router: what was redirected there goes as its route says. */
  forgetRedirects(iface: Interface, target: Address): void {
    for (const path of this.paths) {
      const { redirect } = path;
      if (redirect === null || path.iface !== iface) continue;
      if (!addressEquals(redirect.target, target)) continue;
      path.redirect = null;
      path.generation = 0;
    }
  }

  private insert(destination: Address, boundIndex: number): Path | null {
    const isNew = this.paths.length < MAX_PATHS;
    const at = isNew ? this.paths.length : this.evict();
    const path = isNew ? this.fresh : this.paths[at]!;
    path.redirect = null;
    if (!this.derive(path, destination, boundIndex)) {
      if (!isNew) this.spare = at;
      return null;
    }
    if (isNew) {
      this.paths.push(path);
      this.fresh = new Path();
    }
    path.pmtu = 0;
    path.pmtuExpiresNs = NEVER;
    path.isBelowFloor = false;
    path.errorBudget.fill();
    path.wasUsed = true;
    path.boundIndex = boundIndex;
    this.writeKey(path.destination, boundIndex);
    this.table.set(at);
    return path;
  }

  /** A place emptied for a destination that then had no route, and a path made for one: used first next time. */
  private spare = NOT_FOUND;
  private fresh = new Path();

  private evict(): number {
    if (this.spare !== NOT_FOUND) {
      const at = this.spare;
      this.spare = NOT_FOUND;
      return at;
    }
    let best = NOT_FOUND;
    let least = MOST_WORTH;
    for (let look = 0; look < LOOKS && least > 0; look++) {
      this.looks++;
      const at = this.hand;
      const worth = this.worthOf(this.paths[at]!);
      if (best === NOT_FOUND || worth < least) {
        best = at;
        least = worth;
      }
      this.paths[at]!.wasUsed = false;
      this.hand = (at + 1) % this.paths.length;
    }
    const path = this.paths[best]!;
    if (path === this.latest) this.latest = null;
    this.writeKey(path.destination, path.boundIndex);
    this.table.remove();
    return best;
  }

  /** 0: nothing is lost with it. A learned MTU is worth more than recent use, which can be forged more cheaply. */
  private worthOf(path: Path): number {
    const knowsMtu = path.pmtu !== 0 && path.pmtuExpiresNs > this.env.nowNs;
    return (path.wasUsed ? 1 : 0) + (knowsMtu ? 2 : 0);
  }

  private derive(path: Path, destination: Address, boundIndex: number): boolean {
    path.destination.copy(destination);
    path.metrics = NO_METRICS;
    const bound = boundIndex === 0 ? null : (this.numbered[boundIndex - 1] ?? null);
    if (boundIndex !== 0 && bound === null) return false;
    this.routes.forgetPassed();
    const isRouteless = this.deriveLocal(path, boundIndex) || this.deriveGroup(path, bound);
    if (isRouteless) path.redirect = null;
    const found = isRouteless || this.deriveRouted(path, bound);
    if (found) path.generation = this.routes.generation;
    path.isDetour = this.routes.passedDown;
    return found;
  }

  /** Our own address: out and in again through the loopback interface. */
  private deriveLocal(path: Path, boundIndex: number): boolean {
    const entry = this.locals.entryOf(path.destination, boundIndex);
    const isOwn = entry !== null && entry.state === 'preferred' && this.isThere(path, boundIndex);
    // 127/8 stays in the host, whatever interface was asked for (RFC 1122 §3.2.1.3 (g)).
    if (!isOwn && !isLoopback(path.destination)) return false;
    const lo = this.interfaces.find((i) => i.isLoopback);
    if (lo === undefined) return false;
    path.iface = lo;
    path.cast = CAST.UNICAST;
    path.nextHop.copy(path.destination);
    if (isOwn) path.source.copy(path.destination);
    else this.chooseSource(path, lo, path.destination);
    return true;
  }

  /** As on Linux who asks for an interface does not mean an address that another one has. */
  private isThere({ destination }: Path, boundIndex: number): boolean {
    const owner = this.locals.ownerOf(destination, boundIndex);
    return boundIndex === 0 || owner?.index === boundIndex || owner?.isLoopback === true;
  }

  private deriveGroup(path: Path, bound: Interface | null): boolean {
    const d = path.destination;
    const isBroadcast = isLimitedBroadcast(d) || (isV4(d) && this.isSubnetBroadcast(d.w3));
    if (!isBroadcast && !isMulticast(d)) return false;
    const route = bound === null ? this.routes.lookup(d, null) : null;
    if (bound === null && !isBroadcast && this.routes.refuses(d)) return false;
    const iface = bound ?? route?.iface ?? this.firstUp(isV4(d));
    if (iface === undefined || !iface.isUp) return false;
    path.iface = iface;
    path.cast = isBroadcast ? CAST.BROADCAST : CAST.MULTICAST;
    path.nextHop.copy(d);
    this.chooseSource(path, iface, d);
    return true;
  }

  private deriveRouted(path: Path, bound: Interface | null): boolean {
    if (isNobody(path.destination)) return false;
    const route: Route | null = this.routes.lookup(path.destination, bound);
    if (route === null) return this.deriveOnLink(path, bound);
    path.iface = route.iface;
    path.metrics = route.metrics;
    path.cast = CAST.UNICAST;
    path.nextHop.copy(route.gateway ?? path.destination);
    const { redirect } = path;
    if (redirect !== null) {
      const isMeant = route.gateway !== null && addressEquals(redirect.router, route.gateway);
      if (isMeant && this.holds(path)) path.nextHop.copy(redirect.target);
      else path.redirect = null;
    }
    // RFC 1122 §3.3.4.3: an IPv4 address on the gateway's net. RFC 6724 §5 looks at the destination.
    const near = isV4(path.destination) ? path.nextHop : path.destination;
    if (route.facts.source !== null) path.source.copy(route.facts.source);
    else this.chooseSource(path, route.iface, near);
    return true;
  }

  /** As on Linux, who asks for an interface without a route knows better: the destination is on its link. IPv4 alone. */
  private deriveOnLink(path: Path, bound: Interface | null): boolean {
    if (bound === null || bound.isLoopback || !bound.isUp) return false;
    if (!isV4(path.destination)) return false;
    path.iface = bound;
    path.cast = CAST.UNICAST;
    path.nextHop.copy(path.destination);
    path.redirect = null;
    this.chooseSource(path, bound, path.destination);
    return true;
  }

  private chooseSource(path: Path, out: Interface, near: Address): void {
    this.sources.choose(path.source, out, near, PREFER_SOURCE.DEFAULT);
  }

  private isSubnetBroadcast(word: number): boolean {
    for (let i = 0; i < this.interfaces.length; i++) {
      if (this.interfaces[i]!.isBroadcast(word)) return true;
    }
    return false;
  }

  private firstUp(v4: boolean): Interface | undefined {
    return this.interfaces.find((i) => !i.isLoopback && i.isUp && i.firstAddress(v4));
  }

  private writeKey(a: Address, boundIndex: number): void {
    const key = this.table.key;
    key[0] = a.w0;
    key[1] = a.w1;
    key[2] = a.w2;
    key[3] = a.w3;
    key[4] = boundIndex;
  }
}

const copyOf = (address: Address): Address => Object.freeze(new IpAddress().copy(address));
