/**
 * Received datagrams until an application reads them.
 *
 * All queues of a stack share one table of records linked by index, so an idle socket holds nothing
 * and a busy one makes no garbage. The bytes lie in cells; a queue is charged for the cells it pins,
 * as Linux charges a socket for the buffers behind its datagrams.
 */
import { CELL_BYTES, type CellStore, cellsFor, NO_CELL } from '../base/cell-store.ts';
import type { Clock } from '../link/frame-sink.ts';
import { IpAddress } from '../wire/address.ts';
import type { IpPacket } from './ip-packet.ts';

const NONE = -1;
/** What a record costs besides its cells: a 1-byte datagram is charged 768 bytes, as on Linux. */
const RECORD_CHARGE = 64;

const FIELD = {
  NEXT: 0,
  CHAIN: 1,
  LEN: 2,
  PORT: 3,
  IFACE: 4,
  TTL_TOS: 5,
  SRC: 6,
  DST: 10,
} as const;
const WORDS = 14;

/** One socket's queue: counts and ends; the records are the store's. */
export class DatagramQueue {
  first = NONE;
  last = NONE;
  count = 0;
  chargedBytes = 0;
}

/** A datagram taken from a queue. Scratch: refilled by each `take`. */
export class Datagram {
  readonly src = new IpAddress();
  readonly dst = new IpAddress();
  /** The sender's port, or whatever the protocol has in its place. */
  port = 0;
  ifaceIndex = 0;
  ttl = 0;
  tos = 0;
  /** The datagram's whole length, even if the reader took less. */
  len = 0;
  /** When the frame's batch was received. */
  atNs = 0;
  /** The chain of cells; `store.release` is the taker's duty. */
  chain = NO_CELL;
}

export class DatagramStore {
  private readonly cells: CellStore;
  private readonly clock: Clock;
  private records = new Int32Array(64 * WORDS);
  private times = new Float64Array(64);
  private firstFree = NONE;
  private used = 0;
  private live = 0;

  constructor(cells: CellStore, clock: Clock) {
    this.cells = cells;
    this.clock = clock;
  }

  /** Datagrams waiting in all queues. */
  get size(): number {
    return this.live;
  }

  /** What `len` bytes will be charged. */
  chargeFor(len: number): number {
    return cellsFor(len) * CELL_BYTES + RECORD_CHARGE;
  }

  /** Copies `len` bytes at `off` into the queue. False: no memory left in the whole stack. */
  put(
    q: DatagramQueue,
    pkt: IpPacket,
    ifaceIndex: number,
    off: number,
    len: number,
    port: number,
  ): boolean {
    const chain = this.cells.store(off, len);
    if (chain === NO_CELL) return false;
    const index = this.takeRecord();
    const r = index * WORDS;
    const f = this.records;
    f[r + FIELD.NEXT] = NONE;
    f[r + FIELD.CHAIN] = chain;
    f[r + FIELD.LEN] = len;
    f[r + FIELD.PORT] = port;
    f[r + FIELD.IFACE] = ifaceIndex;
    f[r + FIELD.TTL_TOS] = (pkt.ttl << 8) | pkt.tos;
    writeAddress(f, r + FIELD.SRC, pkt.src);
    writeAddress(f, r + FIELD.DST, pkt.dst);
    this.times[index] = this.clock.nowNs;
    if (q.last === NONE) q.first = index;
    else f[q.last * WORDS + FIELD.NEXT] = index;
    q.last = index;
    q.count++;
    q.chargedBytes += this.chargeFor(len);
    return true;
  }

  /** Takes the oldest datagram into `d`; the caller releases `d.chain`. False: the queue is empty. */
  take(q: DatagramQueue, d: Datagram): boolean {
    if (!this.peek(q, d)) return false;
    const index = q.first;
    const r = index * WORDS;
    q.first = this.records[r + FIELD.NEXT]!;
    if (q.first === NONE) q.last = NONE;
    q.count--;
    q.chargedBytes -= this.chargeFor(d.len);
    this.records[r + FIELD.NEXT] = this.firstFree;
    this.firstFree = index;
    this.live--;
    return true;
  }

  /** Looks at the oldest datagram; `d.chain` stays the queue's. */
  peek(q: DatagramQueue, d: Datagram): boolean {
    if (q.first === NONE) return false;
    const r = q.first * WORDS;
    const f = this.records;
    d.chain = f[r + FIELD.CHAIN]!;
    d.len = f[r + FIELD.LEN]!;
    d.port = f[r + FIELD.PORT]!;
    d.ifaceIndex = f[r + FIELD.IFACE]!;
    d.ttl = f[r + FIELD.TTL_TOS]! >>> 8;
    d.tos = f[r + FIELD.TTL_TOS]! & 0xff;
    readAddress(f, r + FIELD.SRC, d.src);
    readAddress(f, r + FIELD.DST, d.dst);
    d.atNs = this.times[q.first]!;
    return true;
  }

  /** Copies the datagram's bytes to the application's array; returns how many. */
  copyOut(d: Datagram, into: Uint8Array): number {
    const n = Math.min(d.len, into.length);
    if (n > 0) this.cells.loadInto(d.chain, n, into);
    return n;
  }

  release(d: Datagram): void {
    this.cells.release(d.chain);
    d.chain = NO_CELL;
  }

  /** Empties a queue: its socket is closing. */
  clear(q: DatagramQueue, scratch: Datagram): void {
    while (this.take(q, scratch)) this.release(scratch);
  }

  private takeRecord(): number {
    this.live++;
    if (this.firstFree !== NONE) {
      const index = this.firstFree;
      this.firstFree = this.records[index * WORDS + FIELD.NEXT]!;
      return index;
    }
    if (this.used * WORDS === this.records.length) {
      const records = new Int32Array(this.records.length * 2);
      records.set(this.records);
      this.records = records;
      const times = new Float64Array(this.times.length * 2);
      times.set(this.times);
      this.times = times;
    }
    return this.used++;
  }
}

function writeAddress(f: Int32Array, at: number, a: IpAddress): void {
  f[at] = a.w0;
  f[at + 1] = a.w1;
  f[at + 2] = a.w2;
  f[at + 3] = a.w3;
}

function readAddress(f: Int32Array, at: number, a: IpAddress): void {
  a.set(f[at]!, f[at + 1]!, f[at + 2]!, f[at + 3]!);
}
