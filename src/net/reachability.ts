/**
 * RFC 4861 §7.3.1, RFC 1122 §3.3.1.4: an upper layer sees its packets arrive, so the neighbour that they go through is
 * there, and need not be asked.
 */
import type { Address } from '../wire/address.ts';
import { CAST } from './ip-packet.ts';
import type { Network } from './network.ts';
import type { Path } from './path-cache.ts';

/** What was sent there has been acknowledged. Cheap enough for every ACK: nobody is looked up while nobody is in doubt. */
export function noteProgress(net: Network, remote: Address, boundIndex: number): void {
  const { interfaces } = net;
  for (let i = 0; i < interfaces.length; i++) {
    if (interfaces[i]!.neighbours.doubts === 0) continue;
    const path = net.paths.find(remote, boundIndex);
    if (path !== null) confirmPath(path);
    return;
  }
}

/** Also when an application says so (MSG_CONFIRM). */
export function confirmPath({ iface, cast, nextHop }: Path): void {
  if (cast !== CAST.UNICAST || iface.isLoopback) return;
  const { neighbours } = iface;
  const n = neighbours.find(nextHop);
  if (n !== null) neighbours.confirm(n);
}
