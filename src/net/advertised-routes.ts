/** Routes that routers advertise: default routers, on-link prefixes, more specific ones (RFC 4861 §6.3.4, RFC 4191). */
import { NEVER } from '../base/time.ts';
import { type Address, addressEquals, networkOf } from '../wire/address.ts';
import type { Autoconf, RaName } from './autoconf.ts';
import {
  Advertised,
  NO_FACTS,
  NO_METRICS,
  Route,
  type RouteFacts,
  WITH_ADDRESS,
} from './route-table.ts';

/** Linux's metrics of addrconf's prefix routes and of what else a router says. */
const ON_LINK_METRIC = 256;
const ROUTER_METRIC = 1024;

const FROM_ROUTER: RouteFacts = { ...NO_FACTS, protocol: 'ra' };
const MOST_ROUTERS = 16;
const MOST_PREFIXES = 16;
const MOST_ROUTES = 64;

/**
 * Through a router, or with null for what is on the link; of no bits it is the default router itself (RFC 4191 §3.1).
 * `untilNs` now or earlier takes it away.
 */
export function advertiseRoute(
  a: Autoconf,
  prefix: Address,
  bits: number,
  gateway: Address | null,
  preference: number,
  untilNs: number,
): void {
  const { net, iface } = a;
  const network = networkOf(prefix, bits);
  const old = a.routes.find(
    (r) => r.bits === bits && addressEquals(r.prefix, network) && sameGateway(r.gateway, gateway),
  );
  const known = old?.advertised;
  if (untilNs <= net.env.nowNs) {
    if (old !== undefined) withdraw(a, old);
    return;
  }
  const isThere = old !== undefined && net.routes.routes.includes(old);
  if (isThere && known?.preference === preference) {
    known.extendTo(untilNs);
    return;
  }
  if (old === undefined && isFull(a, bits, gateway)) return;
  if (old !== undefined) withdraw(a, old);
  const metric = gateway === null ? ON_LINK_METRIC : ROUTER_METRIC;
  const advertised = new Advertised(preference, untilNs);
  const facts = gateway === null ? WITH_ADDRESS : FROM_ROUTER;
  advertised.setUnreachable(known?.isUnreachable === true);
  const route = new Route(network, bits, gateway, iface, metric, NO_METRICS, advertised, facts);
  // The administrator's own route to the same, or that of an address of his, stays as it is.
  if (net.routes.add(route)) a.routes.push(route);
}

/** RFC 4861 §7.2.5: it says that it is no router any more. */
export function forgetRouter(a: Autoconf, router: Address): void {
  const through = a.routes.filter((r) => r.gateway !== null && addressEquals(r.gateway, router));
  for (const route of through) withdraw(a, route);
}

/** As on Linux who becomes a router keeps what is on the link, and more specific routes. */
export function forgetDefaultRouters(a: Autoconf): void {
  for (const route of a.routes.filter((r) => r.bits === 0)) withdraw(a, route);
}

export function ageRoutes(a: Autoconf): void {
  const { nowNs } = a.net.env;
  for (const route of [...a.routes]) if (expiryOf(route) <= nowNs) withdraw(a, route);
}

export function nextRouteNs(a: Autoconf): number {
  let next = NEVER;
  for (const route of a.routes) next = Math.min(next, expiryOf(route));
  return next;
}

function isFull(a: Autoconf, bits: number, gateway: Address | null): boolean {
  const [most, name] = boundOf(bits, gateway);
  const alike = a.routes.filter((r) => boundOf(r.bits, r.gateway)[1] === name);
  if (alike.length < most) return false;
  a.count(name);
  return true;
}

function boundOf(bits: number, gateway: Address | null): readonly [number, RaName] {
  if (gateway === null) return [MOST_PREFIXES, 'PrefixesFull'];
  return bits === 0 ? [MOST_ROUTERS, 'RoutersFull'] : [MOST_ROUTES, 'RoutesFull'];
}

/** Where the administrator has an address in the prefix, it stays on the link: for ever, as with the address. */
function withdraw(a: Autoconf, route: Route): void {
  a.routes.splice(a.routes.indexOf(route), 1);
  const isManual =
    route.gateway === null &&
    a.iface.addresses.some(
      (entry) =>
        entry.origin === 'manual' &&
        entry.bits === route.bits &&
        addressEquals(networkOf(entry.address, entry.bits), route.prefix),
    );
  if (isManual) route.advertised?.extendTo(NEVER);
  else a.net.routes.removeWhere((r) => r === route);
}

/** Every route here is an advertised one. */
function expiryOf(route: Route): number {
  return route.advertised?.expiresNs ?? NEVER;
}

function sameGateway(a: Address | null, b: Address | null): boolean {
  return a === null || b === null ? a === b : addressEquals(a, b);
}
