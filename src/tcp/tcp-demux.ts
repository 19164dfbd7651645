/** Which endpoint a segment is for: O(1), first by the whole 4-tuple, then by the listener's address. */
import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, ANY4, ANY6, isV4 } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { FlowId } from './endpoint.ts';
import { FlowTable, NOWHERE } from './flow-table.ts';
import type { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import { HOLD, type PortHold, PortHolds } from './port-holds.ts';
import type { TimeWait } from './time-wait.ts';
import type { TimeWaits } from './time-waits.ts';

export type Endpoint = TcpConnection | Handshake | TimeWait;

export class TcpDemux {
  private readonly flows: FlowTable<TcpConnection | Handshake>;
  private readonly timeWaits: TimeWaits;
  private readonly listening: WordTable;
  readonly holds = new PortHolds();
  /** By the place in `flows`: each endpoint's claim to its port, which the one that takes its place takes over. */
  private readonly held: (PortHold | null)[] = [];
  private readonly listeners: (Listener | null)[] = [];
  /** Those tied to an interface: while there are none, nobody looks for them. */
  private tied = 0;

  constructor(random: RandomStream, timeWaits: TimeWaits) {
    this.flows = new FlowTable(random, timeWaits.rows);
    this.timeWaits = timeWaits;
    this.listening = new WordTable(6, random);
  }

  get size(): number {
    return this.flows.size;
  }

  /** Borrowed, where it is a TIME-WAIT: until the next one is looked for. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): Endpoint | null {
    const at = this.flows.find(local, localPort, remote, remotePort);
    if (at >= 0) return this.flows.at(at);
    return at === NOWHERE ? null : this.timeWaits.at(~at);
  }

  /** Adds, or replaces what has the same 4-tuple. @param isReuse SO_REUSEADDR of a new one. */
  set(e: TcpConnection | Handshake, isReuse = false): void {
    const at = this.flows.find(e.local, e.localPort, e.remote, e.remotePort);
    if (at >= 0) this.flows.replace(at, e);
    else {
      assert(at === NOWHERE, 'a TIME-WAIT ends before its flow begins anew');
      const { local, localPort: port, boundIndex } = e;
      const claim = { local, port, boundIndex, isReuse, isV6Only: false, kind: HOLD.FLOW };
      this.held[this.flows.add(e)] = this.holds.take(claim);
    }
  }

  /** A TIME-WAIT takes the connection's place, and its claim to the port. Precondition: it is in the table. */
  replaceByRow(c: TcpConnection, row: number): void {
    const at = this.flows.find(c.local, c.localPort, c.remote, c.remotePort);
    assert(at >= 0 && this.flows.at(at) === c, 'a connection is in the table until it ends');
    this.flows.replaceByRow(c, row);
    this.timeWaits.rows.setHold(row, this.held[at]!);
    this.held[at] = null;
  }

  /** Removes it, if it is still what has its 4-tuple. */
  remove(e: Endpoint): boolean {
    const at = this.flows.find(e.local, e.localPort, e.remote, e.remotePort);
    if (e.kind === 'time-wait') {
      assert(at === ~e.row, 'a TIME-WAIT is in the table until it ends');
      this.flows.remove(e);
      this.holds.release(e.hold);
      return true;
    }
    if (at < 0 || this.flows.at(at) !== e) return false;
    this.flows.remove(e);
    this.holds.release(this.held[at]!);
    this.held[at] = null;
    return true;
  }

  has(id: FlowId): boolean {
    return this.find(id.local, id.localPort, id.remote, id.remotePort) !== null;
  }

  /** The particular address before the family's wildcard before `::`; one tied to the interface before others. */
  findListener(local: Address, port: number, ifaceIndex: number): Listener | null {
    const is4 = isV4(local);
    const found =
      this.listenerOn(local, port, ifaceIndex) ??
      this.listenerOn(is4 ? ANY4 : ANY6, port, ifaceIndex);
    if (found !== null || !is4) return found;
    const dual = this.listenerOn(ANY6, port, ifaceIndex);
    return dual !== null && !dual.isV6Only ? dual : null;
  }

  private listenerOn(local: Address, port: number, ifaceIndex: number): Listener | null {
    if (this.tied > 0 && ifaceIndex !== 0) {
      const tied = this.listenerAt(local, port, ifaceIndex);
      if (tied !== null) return tied;
    }
    return this.listenerAt(local, port, 0);
  }

  listenerAt(local: Address, port: number, boundIndex: number): Listener | null {
    this.writeListener(local, port, boundIndex);
    const at = this.listening.find();
    return at === NOT_FOUND ? null : this.listeners[at]!;
  }

  addListener(l: Listener): void {
    let at = this.listeners.indexOf(null);
    if (at < 0) at = this.listeners.length;
    this.listeners[at] = l;
    if (l.boundIndex !== 0) this.tied++;
    this.writeListener(l.local, l.localPort, l.boundIndex);
    this.listening.set(at);
  }

  removeListener(l: Listener): void {
    this.writeListener(l.local, l.localPort, l.boundIndex);
    const at = this.listening.remove();
    if (at === NOT_FOUND) return;
    this.listeners[at] = null;
    if (l.boundIndex !== 0) this.tied--;
  }

  /** Everything there is: for `ss`, and for closing. */
  all(): Endpoint[] {
    return [...this.flows.all(), ...this.flows.allRows().map((row) => this.timeWaits.viewOf(row))];
  }

  allListeners(): Listener[] {
    return this.listeners.filter((l) => l !== null && l !== undefined);
  }

  private writeListener(local: Address, port: number, boundIndex: number): void {
    const key = this.listening.key;
    key[0] = local.w0;
    key[1] = local.w1;
    key[2] = local.w2;
    key[3] = local.w3;
    key[4] = port;
    key[5] = boundIndex;
  }
}
