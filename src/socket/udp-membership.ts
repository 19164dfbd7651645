/** The groups a socket has joined. */
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV } from '../base/errno.ts';
import type { Interface } from '../net/interface.ts';
import type { Network } from '../net/network.ts';
import { type Address, addressEquals, IpAddress, isMulticast } from '../wire/address.ts';

/** net.ipv4.igmp_max_memberships */
const MAX_GROUPS = 20;

interface Membership {
  readonly group: Address;
  readonly iface: Interface;
}

export class Memberships {
  private readonly net: Network;
  private joined: Membership[] = [];

  constructor(net: Network) {
    this.net = net;
  }

  get size(): number {
    return this.joined.length;
  }

  /** Interface 0: where the route to the group leads. Returns 0 or -errno. */
  join(group: Address, index: number): number {
    if (!isMulticast(group)) return -EINVAL;
    const iface = this.interfaceFor(group, index);
    if (iface === null) return -ENODEV;
    if (this.find(group, iface) >= 0) return -EADDRINUSE;
    if (this.joined.length >= MAX_GROUPS) return -ENOBUFS;
    this.joined.push({ group: new IpAddress().copy(group), iface });
    iface.join(group);
    return 0;
  }

  leave(group: Address, index: number): number {
    if (!isMulticast(group)) return -EINVAL;
    const at = this.joined.findIndex(
      (m) => addressEquals(m.group, group) && (index === 0 || m.iface.index === index),
    );
    if (at < 0) return -EADDRNOTAVAIL;
    const [m] = this.joined.splice(at, 1);
    m!.iface.leave(m!.group);
    return 0;
  }

  leaveAll(): void {
    for (const m of this.joined) m.iface.leave(m.group);
    this.joined = [];
  }

  private find(group: Address, iface: Interface): number {
    return this.joined.findIndex((m) => m.iface === iface && addressEquals(m.group, group));
  }

  private interfaceFor(group: Address, index: number): Interface | null {
    if (index !== 0) return this.net.interfaces[index - 1] ?? null;
    return this.net.paths.lookup(group, 0)?.iface ?? null;
  }
}
