/**
 * What an interface has from its routers, and for how long: routes, addresses, DNS servers.
 *
 *      link-local address passes DAD ──▶ RouterSolicitation ──▶ (wire) ──▶ router-advert.ts reads the answer
 *                                                                             │ advertised-routes.ts: routers, prefixes
 *      age(): what is over goes  ◀── one deadline for the earliest end ◀──────┤ slaac.ts: addresses
 *                                                                             └ dns-list.ts
 *
 * Everything a router can make us keep is bounded; what is refused is counted by reason.
 */
import { Counters } from '../base/counters.ts';
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { NEVER, SEC } from '../base/time.ts';
import { type Address, ALL_ROUTERS6, IpAddress, isLinkLocal6 } from '../wire/address.ts';
import { ageRoutes, forgetDefaultRouters, forgetRouter, nextRouteNs } from './advertised-routes.ts';
import type { DadListener } from './dad.ts';
import { DnsList } from './dns-list.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import { NUD } from './neighbour.ts';
import type { Network } from './network.ts';
import type { Route } from './route-table.ts';
import { acceptsAdverts, RouterSolicitation } from './router-solicitation.ts';
import { type AutoAddress, ageAddresses, nextAddressNs, replaceDuplicate } from './slaac.ts';

const RA_NAMES = [
  'Accepted',
  /** A link-local or multicast prefix, one of fewer than 16 bits, preferred for longer than valid. */
  'PrefixRefused',
  /** For addresses it has to have 64 bits. */
  'PrefixNot64',
  /** Linux's max_addresses; and our bounds. */
  'AddressesFull',
  'PrefixesFull',
  'RoutersFull',
  'RoutesFull',
  'RouteRefused',
  /** Below 1,280, or more than the link's. */
  'MtuRefused',
  /** Reachable time or retransmission timer of more than an hour. */
  'TimeRefused',
  'DnsRefused',
  'DnsFull',
] as const;
export type RaName = (typeof RA_NAMES)[number];

/** Of the link and of the site. */
const ROUTER_GROUPS: readonly Address[] = [
  ALL_ROUTERS6,
  Object.freeze(new IpAddress().set(0xff050000, 0, 0, 2)),
];

const AGING = 0;
const PROBING = 1;
/** RFC 4191 §3.5: an unreachable router is asked once a minute whether it is back. */
const PROBE_NS = 60 * SEC;

export class Autoconf implements Expirable {
  readonly net: Network;
  readonly iface: Interface;
  /** Told when an address has passed, or failed, duplicate address detection. */
  readonly listener: DadListener;
  readonly solicitation: RouterSolicitation;
  readonly routes: Route[] = [];
  readonly addresses: AutoAddress[] = [];
  readonly dns = new DnsList();
  readonly counters = new Counters(RA_NAMES);
  /** addr_gen_mode 3: drawn once. */
  readonly drawnSecret: Address;
  private isRouter = false;
  private readonly aging = new Deadline(this, AGING);
  private readonly probing = new Deadline(this, PROBING);

  constructor(net: Network, iface: Interface, listener: DadListener) {
    this.net = net;
    this.iface = iface;
    this.listener = listener;
    this.solicitation = new RouterSolicitation(net, iface);
    const random = net.env.rng.stream(`net.autoconf.${iface.index}`);
    const word = () => random.int32();
    this.drawnSecret = Object.freeze(new IpAddress().set(word(), word(), word(), word()));
  }

  count(name: RaName): void {
    this.counters.count(this.counters.id(name));
  }

  /** The listener passes it on. RFC 4861 §6.3.7: routers are asked for once there is a link-local address. */
  dadDone(entry: InterfaceAddress): void {
    if (entry.state === 'duplicate') replaceDuplicate(this, entry);
    else if (isLinkLocal6(entry.address) && !this.solicitation.isRunning) this.solicitation.start();
  }

  /**
   * `forwarding` may have changed. A router listens to all that is sent to routers (RFC 4291 §2.8) and has no default
   * router, unless accept_ra is 2; who is a host again asks for one (RFC 4861 §6.3.7).
   */
  followRole(): void {
    const { iface } = this;
    const isRouter = iface.conf6.get('forwarding') !== 0;
    if (isRouter === this.isRouter) return;
    this.isRouter = isRouter;
    for (const group of ROUTER_GROUPS) {
      if (isRouter) iface.join(group);
      else iface.leave(group);
    }
    const isReady = iface.addresses.some((a) => isLinkLocal6(a.address) && a.state === 'preferred');
    if (!isRouter && isReady) this.solicitation.start();
    if (acceptsAdverts(iface)) return;
    this.solicitation.stop();
    forgetDefaultRouters(this);
  }

  /** RFC 4861 §7.2.5: its advertisement came without the router flag. */
  routerResigned(router: Address): void {
    this.net.paths.forgetRedirects(this.iface, router);
    forgetRouter(this, router);
  }

  /** A router of ours does not answer any more. */
  gatewayFailed(): void {
    if (!this.probing.isArmed) {
      this.net.deadlines.arm(this.probing, this.net.env.nowNs + PROBE_NS);
    }
  }

  expire(which: number): void {
    if (which === PROBING) this.probeGateways();
    else this.age();
  }

  /** Takes away what is over, and waits for the next to be. */
  age(): void {
    const { net } = this;
    ageRoutes(this);
    ageAddresses(this);
    this.dns.age(net.env.nowNs);
    const next = Math.min(nextRouteNs(this), nextAddressNs(this), this.dns.nextNs());
    if (next === NEVER) net.deadlines.remove(this.aging);
    else net.deadlines.arm(this.aging, next);
  }

  close(): void {
    this.solicitation.stop();
    this.net.deadlines.remove(this.aging);
    this.net.deadlines.remove(this.probing);
  }

  private probeGateways(): void {
    const { neighbours } = this.iface;
    for (const { gateway, advertised } of this.routes) {
      if (gateway === null || advertised?.isUnreachable !== true) continue;
      const known = neighbours.find(gateway);
      if (known === null || known.state === NUD.FAILED) neighbours.resolve(gateway);
      this.gatewayFailed(); // asked again in a minute, unless it answers
    }
  }
}
