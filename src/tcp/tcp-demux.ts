/** Which endpoint a segment is for: O(1), first by the whole 4-tuple, then (`listeners`) by the listener's address. */
import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import type { Address } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { FlowId } from './endpoint.ts';
import { FlowTable, isFlowOf, NOWHERE } from './flow-table.ts';
import type { Handshake } from './handshake.ts';
import { Listeners } from './listeners.ts';
import { HOLD, type PortHold, PortHolds } from './port-holds.ts';
import type { TcpSettings } from './tcp-settings.ts';
import type { TimeWait } from './time-wait.ts';
import type { TimeWaits } from './time-waits.ts';

export type Endpoint = TcpConnection | Handshake | TimeWait;

export class TcpDemux {
  private readonly flows: FlowTable<TcpConnection | Handshake>;
  private readonly timeWaits: TimeWaits;
  readonly listeners: Listeners;
  readonly holds = new PortHolds();
  /** By the place in `flows`: each endpoint's claim to its port, which the one that takes its place takes over. */
  private readonly held: (PortHold | null)[] = [];
  /** What was found last: the segments of a flow come one after the other. Null: look it up. */
  private latest: TcpConnection | Handshake | null = null;

  constructor(random: RandomStream, timeWaits: TimeWaits) {
    this.flows = new FlowTable(random, timeWaits.rows);
    this.timeWaits = timeWaits;
    this.listeners = new Listeners(random);
  }

  get size(): number {
    return this.flows.size;
  }

  /** Borrowed, where it is a TIME-WAIT: until the next one is looked for. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): Endpoint | null {
    const { latest } = this;
    if (latest !== null && isFlowOf(latest, local, localPort, remote, remotePort)) return latest;
    const at = this.flows.find(local, localPort, remote, remotePort);
    if (at < 0) return at === NOWHERE ? null : this.timeWaits.at(~at);
    this.latest = this.flows.at(at);
    return this.latest;
  }

  /** Adds, or replaces what has the same 4-tuple. @param settings Of a new one: may others have its port? */
  set(e: TcpConnection | Handshake, settings: TcpSettings): void {
    this.latest = null;
    const at = this.flows.find(e.local, e.localPort, e.remote, e.remotePort);
    if (at >= 0) this.flows.replace(at, e);
    else {
      assert(at === NOWHERE, 'a TIME-WAIT ends before its flow begins anew');
      const { local, localPort: port, boundIndex } = e;
      const { isReuseAddress: isReuse, isReusePort } = settings;
      const wishes = { isReuse, isReusePort, isV6Only: false, kind: HOLD.FLOW };
      this.held[this.flows.add(e)] = this.holds.take({ local, port, boundIndex, ...wishes });
    }
  }

  /** A TIME-WAIT takes the connection's place, and its claim to the port. Precondition: it is in the table. */
  replaceByRow(c: TcpConnection, row: number): void {
    this.latest = null;
    const at = this.flows.find(c.local, c.localPort, c.remote, c.remotePort);
    assert(at >= 0 && this.flows.at(at) === c, 'a connection is in the table until it ends');
    this.flows.replaceByRow(c, row);
    this.timeWaits.rows.setHold(row, this.held[at]!);
    this.held[at] = null;
  }

  /** Removes it, if it is still what has its 4-tuple. */
  remove(e: Endpoint): boolean {
    if (e === this.latest) this.latest = null;
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

  /** Everything there is: for `ss`, and for closing. */
  all(): Endpoint[] {
    return [...this.flows.all(), ...this.flows.allRows().map((row) => this.timeWaits.viewOf(row))];
  }
}
