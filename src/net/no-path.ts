/**
 * Where no path leads: what an application hears, and what the sender of a packet that we would send on (RFC 1812
 * §5.2.7.1, RFC 4443 §3.1). A route of a type that leads nowhere says which; all as on Linux.
 */
import { EACCES, EHOSTUNREACH, EINVAL, ENETUNREACH } from '../base/errno.ts';
import type { Address } from '../wire/address.ts';
import { UNREACH4, UNREACH6 } from '../wire/icmp.ts';
import { DROP } from './drops.ts';
import { sendUnreachable4, sendUnreachable6 } from './icmp-error.ts';
import type { IpPacket } from './ip-packet.ts';
import { IP } from './mib.ts';
import type { Network } from './network.ts';
import type { RouteType } from './route-table.ts';

const ERRNO: Readonly<Record<RouteType, number>> = {
  unicast: -ENETUNREACH, // through another interface than the one asked for
  blackhole: -EINVAL,
  unreachable: -EHOSTUNREACH,
  prohibit: -EACCES,
  throw: -ENETUNREACH,
};

/** The code of the error; in silence: SILENT. */
const SILENT = -1;
const CODE4: Readonly<Record<RouteType, number>> = {
  unicast: UNREACH4.NET,
  blackhole: SILENT,
  unreachable: UNREACH4.HOST,
  prohibit: UNREACH4.FILTERED,
  throw: UNREACH4.NET,
};
const CODE6: Readonly<Record<RouteType, number>> = {
  unicast: UNREACH6.NO_ROUTE,
  blackhole: SILENT,
  unreachable: UNREACH6.NO_ROUTE,
  prohibit: UNREACH6.PROHIBITED,
  throw: UNREACH6.NO_ROUTE,
};

/** -errno of a send to where `PathCache.lookup` knew no way. */
export function whyNoPath(net: Network, destination: Address, boundIndex: number): number {
  return boundIndex === 0 ? ERRNO[net.routes.refusal(destination)] : -ENETUNREACH;
}

/** Tells the sender of a packet in transit, or not; returns DROP. */
export function refuseTransit(net: Network, pkt: IpPacket): number {
  const type = net.routes.refusal(pkt.dst);
  const code = pkt.isV4 ? CODE4[type] : CODE6[type];
  if (code === SILENT) return DROP.FORWARD_REFUSED;
  if (pkt.isV4) sendUnreachable4(net, pkt, code);
  else sendUnreachable6(net, pkt, code);
  // Linux counts those of IPv4 only where there is no route at all.
  const isRouteless = type === 'throw' || type === 'unicast';
  if (isRouteless || !pkt.isV4) pkt.mib.count(IP.InNoRoutes);
  return isRouteless ? DROP.FORWARD_NO_ROUTE : DROP.FORWARD_REFUSED;
}
