import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, ANY4, ANY6, addressEquals, isV4 } from '../wire/address.ts';
import type { UdpSocket } from './udp-socket.ts';

/** Marks the wildcard of a socket that speaks IPv6 only. */
const ONLY_V6 = 1;

/**
 * Which socket a datagram is for: O(1), in up to four look-ups, from the most particular to the least
 * (RFC 768 leaves it open; this is what Linux's scoring comes to):
 *
 *   connected to the sender, at this address      local  port  remote  port
 *   bound to this address                          local  port    -      0
 *   bound to the family's wildcard                0.0.0.0/:: port  -     0
 *   bound to :: by a socket of both families         ::   port    -      0
 *
 * Wildcards of one family are keyed `0.0.0.0` and `::` with a mark, so that `::` alone and dual do
 * not collide.
 */
export class UdpDemux {
  private readonly table: WordTable;

  constructor(random: RandomStream) {
    this.table = new WordTable(11, random, 64);
  }

  get size(): number {
    return this.table.size;
  }

  /** The socket's index, or NOT_FOUND. */
  lookup(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const found = this.find(local, localPort, remote, remotePort, 0);
    if (found !== NOT_FOUND) return found;
    const bound = this.find(local, localPort, ANY6, 0, 0);
    if (bound !== NOT_FOUND) return bound;
    const v4 = isV4(local);
    const wild = this.find(v4 ? ANY4 : ANY6, localPort, ANY6, 0, v4 ? 0 : ONLY_V6);
    if (wild !== NOT_FOUND) return wild;
    return this.find(ANY6, localPort, ANY6, 0, 0);
  }

  add(s: UdpSocket): void {
    this.writeKeyOf(s);
    this.table.set(s.index);
  }

  remove(s: UdpSocket): void {
    this.writeKeyOf(s);
    this.table.remove();
  }

  private writeKeyOf(s: UdpSocket): void {
    const isWild = s.family === 'ipv6' && s.remotePort === 0 && addressEquals(s.local, ANY6);
    const mark = isWild ? ONLY_V6 : 0;
    this.writeKey(s.local, s.localPort, s.remotePort === 0 ? ANY6 : s.remote, s.remotePort, mark);
  }

  private find(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    mark: number,
  ): number {
    this.writeKey(local, localPort, remote, remotePort, mark);
    return this.table.find();
  }

  private writeKey(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    mark: number,
  ): void {
    const key = this.table.key;
    key[0] = local.w0;
    key[1] = local.w1;
    key[2] = local.w2;
    key[3] = local.w3;
    key[4] = localPort;
    key[5] = remote.w0;
    key[6] = remote.w1;
    key[7] = remote.w2;
    key[8] = remote.w3;
    key[9] = remotePort;
    key[10] = mark;
  }
}
