import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, ANY4, ANY6, addressEquals, isV4 } from '../wire/address.ts';
import type { UdpSocket } from './udp-socket.ts';

/** Marks the wildcard of a socket that speaks IPv6 only. */
const ONLY_V6 = 1;

/**
 * Which socket a datagram is for: O(1), from the most particular to the least (RFC 768 leaves it open;
 * this is what Linux's scoring comes to):
 *
 *   connected to the sender, at this address      local        port  remote  port
 *   bound to this address                          local        port    -      -
 *   bound to the family's wildcard                 0.0.0.0, ::  port    -      -
 *   bound to :: by a socket of both families       ::           port    -      -
 *
 * and in each row one bound to the interface before one that is not. Wildcards of one family are keyed
 * `0.0.0.0` and `::` with a mark, so that `::` alone and dual do not collide.
 */
export class UdpDemux {
  private readonly table: WordTable;
  /** Rows and columns that nobody is in are not looked at. */
  private connected = 0;
  private toInterface = 0;

  constructor(random: RandomStream) {
    this.table = new WordTable(11, random, 64);
  }

  get size(): number {
    return this.table.size;
  }

  /** Places looked at so far: lets a test see that a look-up does not grow with the number of sockets. */
  get probes(): number {
    return this.table.probes;
  }

  /** The socket's index, or NOT_FOUND. `ifaceIndex`: where the datagram arrived. */
  lookup(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    ifaceIndex: number,
  ): number {
    if (this.connected > 0) {
      const found = this.find(local, localPort, remote, remotePort, ifaceIndex, 0);
      if (found !== NOT_FOUND) return found;
    }
    const bound = this.find(local, localPort, ANY6, 0, ifaceIndex, 0);
    if (bound !== NOT_FOUND) return bound;
    const v4 = isV4(local);
    const mark = v4 ? 0 : ONLY_V6;
    const wild = this.find(v4 ? ANY4 : ANY6, localPort, ANY6, 0, ifaceIndex, mark);
    if (wild !== NOT_FOUND) return wild;
    return this.find(ANY6, localPort, ANY6, 0, ifaceIndex, 0);
  }

  /** Who is connected with exactly these addresses and ports, or NOT_FOUND. */
  holderOf(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    boundIndex: number,
  ): number {
    this.writeKey(local, localPort, remote, remotePort, boundIndex, 0);
    return this.table.find();
  }

  /** The caller has seen to it that nobody has the same addresses and ports. */
  add(s: UdpSocket): void {
    this.writeKeyOf(s);
    assert(this.table.find() === NOT_FOUND, 'two sockets in one place');
    this.table.set(s.index);
    if (s.isConnected) this.connected++;
    if (s.boundIndex !== 0) this.toInterface++;
  }

  remove(s: UdpSocket): void {
    this.writeKeyOf(s);
    assert(this.table.remove() === s.index, 'a socket is found where it was put');
    if (s.isConnected) this.connected--;
    if (s.boundIndex !== 0) this.toInterface--;
  }

  private writeKeyOf(s: UdpSocket): void {
    const isWild = s.family === 'ipv6' && !s.isConnected && addressEquals(s.local, ANY6);
    const remote = s.isConnected ? s.remote : ANY6;
    const port = s.isConnected ? s.remotePort : 0;
    this.writeKey(s.local, s.localPort, remote, port, s.boundIndex, isWild ? ONLY_V6 : 0);
  }

  private find(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    ifaceIndex: number,
    mark: number,
  ): number {
    this.writeKey(local, localPort, remote, remotePort, 0, mark);
    if (this.toInterface > 0) {
      this.table.key[LAST] = (ifaceIndex << 1) | mark;
      const found = this.table.find();
      if (found !== NOT_FOUND) return found;
      this.table.key[LAST] = mark;
    }
    return this.table.find();
  }

  private writeKey(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    boundIndex: number,
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
    key[LAST] = (boundIndex << 1) | mark;
  }
}

/** The key's last word: interface and mark. */
const LAST = 10;
