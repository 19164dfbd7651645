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
  if (v4 && isShared(iface, entry)) return;
  const rank = metric ?? (v4 ? 0 : METRIC6);
  const { address, bits } = entry;
  net.routes.add(new Route(address, bits, null, iface, rank, NO_METRICS, null, WITH_ADDRESS));
}

/**
 * The address is given again, with this metric (undefined: with none) or without a route; what a router advertised is not
 * touched. As on Linux IPv4's route stays without being asked for, and is never made here; IPv6's is made, or goes
 * unless another address has need of it.
 */
export function changeSubnetRoute(
  net: Network,
  iface: Interface,
  entry: InterfaceAddress,
  metric: number | undefined,
  isWanted: boolean,
): void {
  const { address, bits } = entry;
  if (bits === HOST_BITS || iface.isLoopback) return;
  const v4 = isV4(address);
  const first = iface.addresses.find((a) => sameSubnet(a, entry));
  const isNews = isWanted && metric !== undefined;
  if (v4 ? first !== entry : !isNews && isShared(iface, entry)) return;
  const hadOne = removeOwn(net, iface, entry) > 0;
  if (v4 ? !hadOne : !isWanted) return;
  const rank = metric ?? (v4 ? 0 : METRIC6);
  net.routes.add(new Route(address, bits, null, iface, rank, NO_METRICS, null, WITH_ADDRESS));
}

/** The address has gone already. */
export function removeSubnetRoute(net: Network, iface: Interface, entry: InterfaceAddress): void {
  if (!iface.addresses.some((a) => sameSubnet(a, entry))) removeOwn(net, iface, entry);
}

function removeOwn(net: Network, iface: Interface, { address, bits }: InterfaceAddress): number {
  const prefix = networkOf(address, bits);
  const advertised = net.autoconfOf(iface)?.routes ?? [];
  return net.routes.removeWhere(
    (r) =>
      r.iface === iface &&
      r.gateway === null &&
      r.bits === bits &&
      r.facts.protocol === WITH_ADDRESS.protocol &&
      addressEquals(r.prefix, prefix) &&
      !advertised.includes(r),
  );
}

function isShared(iface: Interface, entry: InterfaceAddress): boolean {
  return iface.addresses.some((a) => a !== entry && sameSubnet(a, entry));
}

function sameSubnet(a: InterfaceAddress, b: InterfaceAddress): boolean {
  return (
    a.bits === b.bits && addressEquals(networkOf(a.address, a.bits), networkOf(b.address, b.bits))
  );
}
