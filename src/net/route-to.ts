/** Routes as an administrator, or a DHCP server, gives them: whether there can be such a one. */
import { EINVAL, ENETUNREACH, ENODEV } from '../base/errno.ts';
import { type Address, isLimitedBroadcast, isMulticast, isNobody, isV4 } from '../wire/address.ts';
import { IPV4_MIN_MTU } from '../wire/ipv4.ts';
import type { Interface } from './interface.ts';
import type { Network } from './network.ts';
import { NO_FACTS, NO_METRICS, Route, type RouteFacts, type RouteMetrics } from './route-table.ts';

/** Linux's for IPv6. */
const DEFAULT_METRIC6 = 1024;

/**
 * A route that the table does not have yet; `bits` counts within the family. Or -EINVAL (gateway of the other family,
 * ours, or no host's; an MTU below 68; a source that is not ours), -ENETUNREACH (gateway not on a link), -ENODEV (neither gateway nor
 * interface).
 */
export function routeTo(
  net: Network,
  prefix: Address,
  bits: number,
  gateway: Address | null,
  iface: Interface | null,
  metric: number | undefined,
  metrics: RouteMetrics = NO_METRICS,
  facts: RouteFacts = NO_FACTS,
): Route | number {
  const v4 = isV4(prefix);
  if (bits < 0 || bits > (v4 ? 32 : 128)) return -EINVAL;
  let out = iface;
  if (gateway !== null) {
    if (isV4(gateway) !== v4 || net.locals.ownerOf(gateway, 0) !== null) return -EINVAL;
    if (!isHost(net, gateway)) return -EINVAL;
    if (!facts.isOnlink || out === null) {
      const way = net.routes.lookup(gateway, iface);
      if (way === null || way.gateway !== null) return -ENETUNREACH;
      out = way.iface;
    }
  }
  if (out === null) return -ENODEV;
  if (metrics.mtu !== 0 && metrics.mtu < IPV4_MIN_MTU) return -EINVAL;
  const { source } = facts;
  const isOurs = source === null || net.locals.ownerOf(source, out.index) !== null;
  if (!isOurs || (source !== null && isV4(source) !== v4)) return -EINVAL;
  const rank = metric ?? (v4 ? 0 : DEFAULT_METRIC6);
  return new Route(prefix, v4 ? bits + 96 : bits, gateway, out, rank, metrics, null, facts);
}

/** Whether it can be the address of one host. */
export function isHost(net: Network, address: Address): boolean {
  if (isMulticast(address) || isNobody(address)) return false;
  return !isV4(address) || !isBroadcast(net, address);
}

function isBroadcast(net: Network, address: Address): boolean {
  return isLimitedBroadcast(address) || net.interfaces.some((i) => i.isBroadcast(address.w3));
}
