/** Which endpoint a segment is for: O(1), first by the whole 4-tuple, then by the listener's address. */
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, ANY4, ANY6, isV4 } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { FlowId } from './endpoint.ts';
import type { Handshake } from './handshake.ts';
import type { Listener } from './listener.ts';
import type { TimeWait } from './time-wait.ts';

export type Endpoint = TcpConnection | Handshake | TimeWait;

export class TcpDemux {
  private readonly flows: WordTable;
  private readonly listening: WordTable;
  private readonly endpoints: (Endpoint | null)[] = [];
  private readonly freeIndices: number[] = [];
  private readonly listeners: (Listener | null)[] = [];

  constructor(random: RandomStream) {
    this.flows = new WordTable(10, random, 64);
    this.listening = new WordTable(5, random);
  }

  get size(): number {
    return this.flows.size;
  }

  find(local: Address, localPort: number, remote: Address, remotePort: number): Endpoint | null {
    this.writeFlow(local, localPort, remote, remotePort);
    const at = this.flows.find();
    return at === NOT_FOUND ? null : this.endpoints[at]!;
  }

  /** Adds, or replaces what has the same 4-tuple. */
  set(e: Endpoint): void {
    this.writeFlow(e.local, e.localPort, e.remote, e.remotePort);
    let at = this.flows.find();
    if (at === NOT_FOUND) {
      at = this.freeIndices.pop() ?? this.endpoints.length;
      this.flows.set(at);
    }
    this.endpoints[at] = e;
  }

  /** Removes it, if it is still what has its 4-tuple. */
  remove(e: Endpoint): boolean {
    this.writeFlow(e.local, e.localPort, e.remote, e.remotePort);
    const at = this.flows.find();
    if (at === NOT_FOUND || this.endpoints[at] !== e) return false;
    this.flows.remove();
    this.endpoints[at] = null;
    this.freeIndices.push(at);
    return true;
  }

  has(id: FlowId): boolean {
    return this.find(id.local, id.localPort, id.remote, id.remotePort) !== null;
  }

  /** The particular address before the family's wildcard before `::`. */
  findListener(local: Address, port: number): Listener | null {
    return (
      this.listenerAt(local, port) ??
      this.listenerAt(isV4(local) ? ANY4 : ANY6, port) ??
      this.listenerAt(ANY6, port)
    );
  }

  listenerAt(local: Address, port: number): Listener | null {
    this.writeListener(local, port);
    const at = this.listening.find();
    return at === NOT_FOUND ? null : this.listeners[at]!;
  }

  addListener(l: Listener): void {
    let at = this.listeners.indexOf(null);
    if (at < 0) at = this.listeners.length;
    this.listeners[at] = l;
    this.writeListener(l.local, l.localPort);
    this.listening.set(at);
  }

  removeListener(l: Listener): void {
    this.writeListener(l.local, l.localPort);
    const at = this.listening.remove();
    if (at !== NOT_FOUND) this.listeners[at] = null;
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

  private writeListener(local: Address, port: number): void {
    const key = this.listening.key;
    key[0] = local.w0;
    key[1] = local.w1;
    key[2] = local.w2;
    key[3] = local.w3;
    key[4] = port;
  }
}
