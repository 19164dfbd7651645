/** The route to its subnet that comes with an address, and goes with the last address there. Others' routes stay as they are. */
import type { Interface, InterfaceAddress } from '../net/interface.ts';
import type { Network } from '../net/network.ts';
import { NO_METRICS, Route, WITH_ADDRESS } from '../net/route-table.ts';
import { addressEquals, isV4, networkOf } from '../wire/address.ts';

/** Linux's for IPv6; IPv4 has 0. */
const METRIC6 = 256;
const HOST_BITS = 128;

/** As on Linux a further IPv4 address of a subnet brings nothing, and takes nothing away. */
export function addSubnetRoute(
  net: Network,
  iface: Interface,
  entry: InterfaceAddress,
  metric: number | undefined,
): void {
  const v4 = isV4(entry.address);
  if (entry.bits === HOST_BITS || iface.isLoopback) return;
  if (v4 && iface.addresses.some((a) => a !== entry && sameSubnet(a, entry))) return;
  const rank = metric ?? (v4 ? 0 : METRIC6);
  const { address, bits } = entry;
  net.routes.add(new Route(address, bits, null, iface, rank, NO_METRICS, null, WITH_ADDRESS));
}

/** With another metric, or (null) without; what a router advertised is not touched. */
export function changeSubnetRoute(
  net: Network,
  iface: Interface,
  entry: InterfaceAddress,
  metric: number | null,
): void {
  removeOwn(net, iface, entry);
  if (metric === null || entry.bits === HOST_BITS || iface.isLoopback) return;
  const { address, bits } = entry;
  net.routes.add(new Route(address, bits, null, iface, metric, NO_METRICS, null, WITH_ADDRESS));
}

/** The address has gone already. */
export function removeSubnetRoute(net: Network, iface: Interface, entry: InterfaceAddress): void {
  if (!iface.addresses.some((a) => sameSubnet(a, entry))) removeOwn(net, iface, entry);
}

function removeOwn(net: Network, iface: Interface, { address, bits }: InterfaceAddress): void {
  const prefix = networkOf(address, bits);
  const advertised = net.autoconfOf(iface)?.routes ?? [];
  net.routes.removeWhere(
    (r) =>
      r.iface === iface &&
      r.gateway === null &&
      r.bits === bits &&
      r.facts.protocol === WITH_ADDRESS.protocol &&
      addressEquals(r.prefix, prefix) &&
      !advertised.includes(r),
  );
}

function sameSubnet(a: InterfaceAddress, b: InterfaceAddress): boolean {
  return (
    a.bits === b.bits && addressEquals(networkOf(a.address, a.bits), networkOf(b.address, b.bits))
  );
}
