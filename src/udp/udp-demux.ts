import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND } from '../base/word-table.ts';
import { FlowShare } from '../net/flow-share.ts';
import { type Address, ANY4, ANY6, addressEquals, isV4 } from '../wire/address.ts';
import { SocketTable } from './socket-table.ts';
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
 *
 * Of several in one place the youngest has what comes; if it shares its port by SO_REUSEPORT, one of all that do, by
 * a keyed hash of the flow.
 */
export class UdpDemux {
  /** Address, port and interface of who is not connected; and both ends of who is. */
  private readonly bound: SocketTable;
  private readonly connected: SocketTable;
  private readonly share: FlowShare;
  /** How many are bound to an interface: as long as there is none, nobody is looked for. */
  private toInterface = 0;

  constructor(random: RandomStream) {
    this.bound = new SocketTable(BOUND_WORDS, random);
    this.connected = new SocketTable(CONNECTED_WORDS, random);
    this.share = new FlowShare(random);
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
    const { bound, connected } = this;
    if (connected.size > 0) {
      writeRemote(connected.key, remote, remotePort);
      const found = this.find(connected, local, localPort, ifaceIndex, 0);
      if (found !== NOT_FOUND)
        return this.oneOf(connected, found, local, localPort, remote, remotePort);
    }
    let found = this.find(bound, local, localPort, ifaceIndex, 0);
    if (found === NOT_FOUND) {
      const v4 = isV4(local);
      found = this.find(bound, v4 ? ANY4 : ANY6, localPort, ifaceIndex, v4 ? 0 : ONLY_V6);
      if (found === NOT_FOUND) found = this.find(bound, ANY6, localPort, ifaceIndex, 0);
    }
    return this.oneOf(bound, found, local, localPort, remote, remotePort);
  }

  private oneOf(
    table: SocketTable,
    found: number,
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
  ): number {
    const group = table.groupOf(found);
    if (group === null) return found;
    const youngest = group[group.length - 1]!;
    if (!youngest.isReusePort) return youngest.index;
    let sharers = 0;
    for (let i = 0; i < group.length; i++) if (group[i]!.isReusePort) sharers++;
    let left = this.share.of(local, localPort, remote, remotePort, sharers);
    for (let i = 0; ; i++) if (group[i]!.isReusePort && left-- === 0) return group[i]!.index;
  }

  /** Who (the youngest) is connected with exactly these addresses and ports, or NOT_FOUND. */
  holderOf(
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
    boundIndex: number,
  ): number {
    writeLocal(this.connected.key, local, localPort, boundIndex, 0);
    writeRemote(this.connected.key, remote, remotePort);
    const found = this.connected.find();
    return this.connected.groupOf(found)?.at(-1)?.index ?? found;
  }

  /**
   * The caller has seen to it that nobody has the same addresses and ports, or that they share them.
   * @param at Finds a socket by its index.
   */
  add(s: UdpSocket, at: (index: number) => UdpSocket | null): void {
    const table = this.tableOf(s);
    const found = table.find();
    const isOne = found !== NOT_FOUND && table.groupOf(found) === null;
    table.add(s, isOne ? at(found) : null);
    if (s.boundIndex !== 0) this.toInterface++;
  }

  remove(s: UdpSocket): void {
    this.tableOf(s).remove(s);
    if (s.boundIndex !== 0) this.toInterface--;
  }

  /** The table the socket belongs to, with its key written. */
  private tableOf(s: UdpSocket): SocketTable {
    const table = s.isConnected ? this.connected : this.bound;
    const isWild = s.family === 'ipv6' && !s.isConnected && addressEquals(s.local, ANY6);
    writeLocal(table.key, s.local, s.localPort, s.boundIndex, isWild ? ONLY_V6 : 0);
    if (s.isConnected) writeRemote(table.key, s.remote, s.remotePort);
    return table;
  }

  /** Bound to the interface, or else to none. The remote end is in the key already. */
  private find(
    table: SocketTable,
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
