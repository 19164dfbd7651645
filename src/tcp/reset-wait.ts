/**
 * Resets of connections that are gone. When thousands end in one turn (a listener closes, or a process) no device's
 * ring has room for all of them, nor has the queue of any link behind it: the rest waits here, each as a header of at
 * most 60 bytes, and follows in bursts. Nothing else would tell those peers: a reset is not sent again.
 */
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { MS, SEC } from '../base/time.ts';
import type { Address } from '../wire/address.ts';
import type { TcpConnection } from './connection.ts';
import type { Sender } from './endpoint.ts';
import type { Tcp } from './tcp.ts';
import type { TcpSettings } from './tcp-settings.ts';
import { transmit } from './transmit.ts';

/** Of 64 bytes each: 16 KB a millisecond are a tenth of a gigabit a second. */
const BURST = 256;
const PAUSE_NS = 1 * MS;
/** Some 24 MB at most. */
const MOST = 65536;
/** For a device that has no room; then nobody is told. */
const PATIENCE_NS = 1 * SEC;

/** Places of those that have left are given up at so many. */
const COMPACT_AT = 4096;

/** A header, and whose it is. */
class WaitingReset implements Sender {
  readonly local: Address;
  readonly remote: Address;
  readonly localPort: number;
  readonly remotePort: number;
  readonly boundIndex: number;
  readonly settings: TcpSettings;
  readonly ect: number;
  readonly header: Uint8Array;
  readonly untilNs: number;

  constructor(c: TcpConnection, header: Uint8Array, untilNs: number) {
    this.local = c.local;
    this.remote = c.remote;
    this.localPort = c.localPort;
    this.remotePort = c.remotePort;
    this.boundIndex = c.boundIndex;
    this.settings = c.settings;
    this.ect = c.ect;
    this.header = header;
    this.untilNs = untilNs;
  }
}

export class ResetWait implements Expirable {
  private readonly tcp: Tcp;
  private readonly deadline = new Deadline(this);
  private waiting: WaitingReset[] = [];
  /** How many of them have left. */
  private gone = 0;
  /** Sent at `burstNs`, without waiting. */
  private burst = 0;
  private burstNs = -1;

  constructor(tcp: Tcp) {
    this.tcp = tcp;
  }

  /** Resets that wait. */
  get size(): number {
    return this.waiting.length - this.gone;
  }

  /** The header at `tcp.header` leaves, or waits. What is dropped is counted: TCPAbortFailed. */
  send(c: TcpConnection, headerLen: number): void {
    const { tcp } = this;
    const { nowNs } = tcp.env;
    if (this.burstNs !== nowNs) {
      this.burstNs = nowNs;
      this.burst = 0;
    }
    if (this.burst < BURST && this.size === 0 && transmit(tcp, c, headerLen, null, 0, 0, 0)) {
      this.burst++;
      this.sent();
    } else if (this.size >= MOST || !this.hasWay(c)) this.lost();
    else {
      const { u8 } = tcp.env.memory.slab;
      const header = u8.slice(tcp.header, tcp.header + headerLen);
      this.waiting.push(new WaitingReset(c, header, nowNs + PATIENCE_NS));
      if (!this.deadline.isArmed) tcp.deadlines.arm(this.deadline, nowNs + PAUSE_NS);
    }
  }

  /** The next burst. Who finds no room lines up again. */
  expire(): void {
    const { tcp } = this;
    const { nowNs } = tcp.env;
    for (let n = Math.min(BURST, this.size); n > 0; n--) {
      const reset = this.waiting[this.gone++]!;
      tcp.env.memory.slab.u8.set(reset.header, tcp.header);
      if (transmit(tcp, reset, reset.header.length, null, 0, 0, 0)) this.sent();
      else if (nowNs < reset.untilNs && this.hasWay(reset)) this.waiting.push(reset);
      else this.lost();
    }
    if (this.gone >= COMPACT_AT) {
      this.waiting.splice(0, this.gone);
      this.gone = 0;
    }
    if (this.size > 0) tcp.deadlines.arm(this.deadline, nowNs + PAUSE_NS);
    else this.clear();
  }

  /** Nobody is told: the stack closes. */
  clear(): void {
    this.tcp.deadlines.remove(this.deadline);
    this.waiting = [];
    this.gone = 0;
  }

  /** There is a route, and its interface does not drop what it gets. */
  private hasWay(id: Sender): boolean {
    const path = this.tcp.net.paths.lookup(id.remote, id.boundIndex);
    return path !== null && !path.iface.isDropping;
  }

  private sent(): void {
    this.tcp.mib.count(this.tcp.ids.OutSegs);
  }

  private lost(): void {
    this.tcp.mib.count(this.tcp.ids.TCPAbortFailed);
  }
}
