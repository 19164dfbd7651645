/** Which endpoint a segment is for: O(1), first by the whole 4-tuple, then by the listener's address. */
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, ANY4, ANY6, isV4 } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { FlowId } from './endpoint.ts';
import type { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import { HOLD, type PortHold, PortHolds } from './port-holds.ts';
import type { TimeWait } from './time-wait.ts';

export type Endpoint = TcpConnection | Handshake | TimeWait;

export class TcpDemux {
  private readonly flows: WordTable;
  private readonly listening: WordTable;
  readonly holds = new PortHolds();
  private readonly endpoints: (Endpoint | null)[] = [];
  /** Each endpoint's claim to its port, which the one that takes its place takes over. */
  private readonly held: (PortHold | null)[] = [];
  private readonly freeIndices: number[] = [];
  private readonly listeners: (Listener | null)[] = [];
  /** Those tied to an interface: while there are none, nobody looks for them. */
  private tied = 0;

  constructor(random: RandomStream) {
    this.flows = new WordTable(10, random, 64);
    this.listening = new WordTable(6, random);
  }

  get size(): number {
    return this.flows.size;
  }

  find(local: Address, localPort: number, remote: Address, remotePort: number): Endpoint | null {
    this.writeFlow(local, localPort, remote, remotePort);
    const at = this.flows.find();
    return at === NOT_FOUND ? null : this.endpoints[at]!;
  }

  /** Adds, or replaces what has the same 4-tuple. @param isReuse SO_REUSEADDR of a new one. */
  set(e: Endpoint, isReuse = false): void {
    this.writeFlow(e.local, e.localPort, e.remote, e.remotePort);
    let at = this.flows.find();
    if (at === NOT_FOUND) {
      at = this.freeIndices.pop() ?? this.endpoints.length;
      this.flows.set(at);
      const { local, localPort: port, boundIndex } = e;
      const claim = { local, port, boundIndex, isReuse, isV6Only: false, kind: HOLD.FLOW };
      this.held[at] = this.holds.take(claim);
    }
    this.endpoints[at] = e;
  }

  /** Removes it, if it is still what has its 4-tuple. */
  remove(e: Endpoint): boolean {
    this.writeFlow(e.local, e.localPort, e.remote, e.remotePort);
    const at = this.flows.find();
    if (at === NOT_FOUND || this.endpoints[at] !== e) return false;
    this.flows.remove();
    this.holds.release(this.held[at]!);
    this.held[at] = null;
    this.endpoints[at] = null;
    this.freeIndices.push(at);
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
    return this.endpoints.filter((e) => e !== null && e !== undefined);
  }

  allListeners(): Listener[] {
    return this.listeners.filter((l) => l !== null && l !== undefined);
  }

  private writeFlow(local: Address, localPort: number, remote: Address, remotePort: number): void {
    const key = this.flows.key;
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
