/** A lease on an interface: its address, routes and MTU come with it, change with it, and go with it. */
import type { Interface } from '../net/interface.ts';
import { NO_FACTS, NO_METRICS, type Route, type RouteFacts } from '../net/route-table.ts';
import type { Stack } from '../stack/stack.ts';
import { type Address, addressEquals } from '../wire/address.ts';
import type { Lease, LeaseRoute } from './dhcp-lease.ts';

/** Behind whatever is configured by hand, whose metric is 0. */
const METRIC = 1024;
const V4_BITS = 96;
const BY_DHCP: RouteFacts = { ...NO_FACTS, protocol: 'dhcp' };

export class LeaseUse {
  /** Routes of the last lease that had no way to their gateway. */
  routesRefused = 0;
  private lease: Lease | null = null;
  private routes: LeaseRoute[] = [];
  private readonly stack: Stack;
  private readonly iface: Interface;

  constructor(stack: Stack, iface: Interface) {
    this.stack = stack;
    this.iface = iface;
  }

  /** 0, or -errno when the interface cannot have the address. */
  begin(lease: Lease, untilNs: number): number {
    const result = this.stack.addAddress(this.iface, lease.address, lease.bits);
    if (result < 0) return result;
    this.follow(lease);
    this.lend(lease, untilNs);
    return 0;
  }

  /** A renewal of the same address: what else has changed is changed, and what was taken away by hand is back. */
  renew(lease: Lease, untilNs: number): void {
    const isGone = this.iface.find(lease.address) === undefined;
    if (isGone) this.stack.addAddress(this.iface, lease.address, lease.bits);
    if (this.lease !== null && (isGone || !sameWay(this.lease, lease))) {
      this.forget();
      this.follow(lease);
    }
    this.lend(lease, untilNs);
  }

  /** Idempotent. */
  end(): void {
    if (this.lease === null) return;
    this.forget();
    this.stack.removeAddress(this.iface, this.lease.address);
    this.lease = null;
  }

  private lend(lease: Lease, untilNs: number): void {
    this.lease = lease;
    this.iface.find(lease.address)?.setLifetimes(untilNs, untilNs);
  }

  private follow(lease: Lease): void {
    this.iface.limitMtu(lease.mtu);
    this.routesRefused = 0;
    for (const r of lease.routes) {
      const { prefix, bits, gateway } = r;
      const { stack, iface } = this;
      const result = stack.addRoute(prefix, bits, gateway, iface, METRIC, NO_METRICS, BY_DHCP);
      if (result === 0) this.routes.push(r);
      else this.routesRefused++;
    }
    this.stack.net.routes.changed(); // the MTU of paths
  }

  private forget(): void {
    this.iface.limitMtu(0);
    this.stack.net.routes.removeWhere((route) => this.routes.some((own) => this.is(route, own)));
    this.routes = [];
  }

  private is(route: Route, own: LeaseRoute): boolean {
    return (
      route.iface === this.iface &&
      route.metric === METRIC &&
      route.bits === own.bits + V4_BITS &&
      addressEquals(route.prefix, own.prefix) &&
      sameGateway(route.gateway, own.gateway)
    );
  }
}

function sameGateway(a: Address | null, b: Address | null): boolean {
  return a === null || b === null ? a === b : addressEquals(a, b);
}

function sameWay(a: Lease, b: Lease): boolean {
  return (
    a.mtu === b.mtu &&
    a.routes.length === b.routes.length &&
    a.routes.every((r, i) => {
      const other = b.routes[i]!;
      return (
        r.bits === other.bits &&
        addressEquals(r.prefix, other.prefix) &&
        sameGateway(r.gateway, other.gateway)
      );
    })
  );
}
