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
  /** Address, port and interface of who is not connected; and both ends of who is. */
  private readonly bound: WordTable;
  private readonly connected: WordTable;
  /** How many are bound to an interface: as long as there is none, nobody is looked for. */
  private toInterface = 0;

  constructor(random: RandomStream) {
    this.bound = new WordTable(BOUND_WORDS, random, 64);
    this.connected = new WordTable(CONNECTED_WORDS, random, 64);
  }

  get size(): number {
    return this.bound.size + this.connected.size;
  }

  /** Places looked at so far: lets a test see that a look-up does not grow with the number of sockets. */
  get probes(): number {
    return this.bound.probes + this.connected.probes;
  }

  /** The socket's index, or NOT_FOUND. `ifaceIndex`: where the datagram arrived. */
  lookup(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    ifaceIndex: number,
  ): number {
    if (this.connected.size > 0) {
      writeRemote(this.connected.key, remote, remotePort);
      const found = this.find(this.connected, local, localPort, ifaceIndex, 0);
      if (found !== NOT_FOUND) return found;
    }
    const { bound } = this;
    const found = this.find(bound, local, localPort, ifaceIndex, 0);
    if (found !== NOT_FOUND) return found;
    const v4 = isV4(local);
    const wild = this.find(bound, v4 ? ANY4 : ANY6, localPort, ifaceIndex, v4 ? 0 : ONLY_V6);
    return wild !== NOT_FOUND ? wild : this.find(bound, ANY6, localPort, ifaceIndex, 0);
  }

  /** Who is connected with exactly these addresses and ports, or NOT_FOUND. */
  holderOf(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    boundIndex: number,
  ): number {
    writeLocal(this.connected.key, local, localPort, boundIndex, 0);
    writeRemote(this.connected.key, remote, remotePort);
    return this.connected.find();
  }

  /** The caller has seen to it that nobody has the same addresses and ports. */
  add(s: UdpSocket): void {
    const table = this.tableOf(s);
    assert(table.find() === NOT_FOUND, 'two sockets in one place');
    table.set(s.index);
    if (s.boundIndex !== 0) this.toInterface++;
  }

  remove(s: UdpSocket): void {
    assert(this.tableOf(s).remove() === s.index, 'a socket is found where it was put');
    if (s.boundIndex !== 0) this.toInterface--;
  }

  /** The table the socket belongs to, with its key written. */
  private tableOf(s: UdpSocket): WordTable {
    const table = s.isConnected ? this.connected : this.bound;
    const isWild = s.family === 'ipv6' && !s.isConnected && addressEquals(s.local, ANY6);
    writeLocal(table.key, s.local, s.localPort, s.boundIndex, isWild ? ONLY_V6 : 0);
    if (s.isConnected) writeRemote(table.key, s.remote, s.remotePort);
    return table;
  }

  /** Bound to the interface, or else to none. The remote end is in the key already. */
  private find(
    table: WordTable,
    local: Address,
    localPort: number,
    ifaceIndex: number,
    mark: number,
  ): number {
    writeLocal(table.key, local, localPort, 0, mark);
    if (this.toInterface > 0) {
      table.key[INTERFACE] = (ifaceIndex << 1) | mark;
      const found = table.find();
      if (found !== NOT_FOUND) return found;
      table.key[INTERFACE] = mark;
    }
    return table.find();
  }
}

/** Words of a key: the local address, its port, interface and mark; then the remote address and port. */
const INTERFACE = 5;
const BOUND_WORDS = 6;
const CONNECTED_WORDS = 11;

function writeLocal(
  key: Int32Array,
  local: Address,
  port: number,
  boundIndex: number,
  mark: number,
): void {
  key[0] = local.w0;
  key[1] = local.w1;
  key[2] = local.w2;
  key[3] = local.w3;
  key[4] = port;
  key[INTERFACE] = (boundIndex << 1) | mark;
}

function writeRemote(key: Int32Array, remote: Address, port: number): void {
  key[6] = remote.w0;
  key[7] = remote.w1;
  key[8] = remote.w2;
  key[9] = remote.w3;
  key[10] = port;
}
