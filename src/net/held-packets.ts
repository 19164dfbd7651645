/**
 * Packets that wait for a link-layer address (RFC 1122 §2.3.2.2, RFC 4861 §7.2.2).
 *
 * Each packet is a chain of cells with a record here. A record lies in two queues: that of its
 * neighbour, bounded by `unresolvedBytes`, and that of the whole table in order of arrival, so that
 * many unresolved neighbours together cannot take the memory either. The oldest go first.
 */
import { CELL_BYTES, type CellStore, cellsFor, NO_CELL } from '../base/cell-store.ts';
import { ENOBUFS } from '../base/errno.ts';
import { NEIGHBOUR } from './mib.ts';
import { type Neighbour, NO_HELD } from './neighbour.ts';
import type { NetConfig } from './net-config.ts';

/** All neighbours of an interface together may hold as much as this many full queues. */
const FULL_QUEUES = 16;

export class HeldPackets {
  /** The packet that `take` removed last. Its chain belongs to the caller then. */
  chain = NO_CELL;
  len = 0;
  csum = 0;
  priority = 0;

  private readonly chains: number[] = [];
  private readonly lens: number[] = [];
  private readonly csums: number[] = [];
  private readonly priorities: number[] = [];
  private readonly owners: (Neighbour | null)[] = [];
  /** The next packet of the same neighbour; of a free record, the next free one. */
  private readonly nexts: number[] = [];
  /** Neighbours in the table-wide order of arrival. */
  private readonly elders: number[] = [];
  private readonly youngers: number[] = [];
  private freeRecord = NO_HELD;
  private eldest = NO_HELD;
  private youngest = NO_HELD;
  private totalBytes = 0;

  private readonly cells: CellStore;
  private readonly config: NetConfig;

  constructor(cells: CellStore, config: NetConfig) {
    this.cells = cells;
    this.config = config;
  }

  get bytes(): number {
    return this.totalBytes;
  }

  /** Copies a packet in. 0, or -ENOBUFS (counted) when no cells are free. */
  push(
    n: Neighbour,
    headerOff: number,
    headerLen: number,
    payloadOff: number,
    payloadLen: number,
    csum: number,
    priority: number,
  ): number {
    const len = headerLen + payloadLen;
    const charge = cellsFor(len) * CELL_BYTES;
    const most = this.config.unresolvedBytes;
    // The newest is kept even if it alone is over the limit: RFC 1122 wants one packet saved.
    while (n.heldBytes + charge > most && n.firstHeld !== NO_HELD) this.discardOldest(n);
    while (this.totalBytes + charge > most * FULL_QUEUES && this.eldest !== NO_HELD) {
      this.discardOldest(this.owners[this.eldest]!);
    }
    const chain = this.store(headerOff, headerLen, payloadOff, payloadLen);
    if (chain === NO_CELL) {
      n.family.mib.count(NEIGHBOUR.UnresolvedDiscards);
      return -ENOBUFS;
    }
    this.link(n, chain, len, csum, priority);
    n.heldBytes += charge;
    this.totalBytes += charge;
    return 0;
  }

  /** Removes the neighbour's oldest packet into `chain`, `len`, `csum`, `priority`. False if there is none. */
  take(n: Neighbour): boolean {
    const r = n.firstHeld;
    if (r === NO_HELD) return false;
    this.chain = this.chains[r]!;
    this.len = this.lens[r]!;
    this.csum = this.csums[r]!;
    this.priority = this.priorities[r]!;
    const charge = cellsFor(this.len) * CELL_BYTES;
    n.heldBytes -= charge;
    this.totalBytes -= charge;
    this.unlink(n, r);
    return true;
  }

  /** How many packets wait: take that many, and what is held meanwhile stays. */
  countOf(n: Neighbour): number {
    let count = 0;
    for (let r = n.firstHeld; r !== NO_HELD; r = this.nexts[r]!) count++;
    return count;
  }

  /** Throws away all that waits for this neighbour, counted. */
  discardAll(n: Neighbour): void {
    while (n.firstHeld !== NO_HELD) this.discardOldest(n);
  }

  private discardOldest(n: Neighbour): void {
    this.take(n);
    this.cells.release(this.chain);
    n.family.mib.count(NEIGHBOUR.UnresolvedDiscards);
  }

  private store(headerOff: number, headerLen: number, payloadOff: number, payloadLen: number) {
    const chain = this.cells.store(headerOff, headerLen);
    if (chain === NO_CELL || payloadLen === 0) return chain;
    if (this.cells.append(chain, headerLen, payloadOff, payloadLen)) return chain;
    this.cells.release(chain);
    return NO_CELL;
  }

  private link(n: Neighbour, chain: number, len: number, csum: number, priority: number): void {
    const r = this.record();
    this.chains[r] = chain;
    this.lens[r] = len;
    this.csums[r] = csum;
    this.priorities[r] = priority;
    this.owners[r] = n;
    this.nexts[r] = NO_HELD;
    this.elders[r] = this.youngest;
    this.youngers[r] = NO_HELD;
    if (this.youngest === NO_HELD) this.eldest = r;
    else this.youngers[this.youngest] = r;
    this.youngest = r;
    if (n.lastHeld === NO_HELD) n.firstHeld = r;
    else this.nexts[n.lastHeld] = r;
    n.lastHeld = r;
  }

  /** The neighbour's first record goes: out of both queues, onto the free list. */
  private unlink(n: Neighbour, r: number): void {
    n.firstHeld = this.nexts[r]!;
    if (n.firstHeld === NO_HELD) n.lastHeld = NO_HELD;
    const elder = this.elders[r]!;
    const younger = this.youngers[r]!;
    if (elder === NO_HELD) this.eldest = younger;
    else this.youngers[elder] = younger;
    if (younger === NO_HELD) this.youngest = elder;
    else this.elders[younger] = elder;
    this.owners[r] = null;
    this.nexts[r] = this.freeRecord;
    this.freeRecord = r;
  }

  private record(): number {
    const r = this.freeRecord;
    if (r === NO_HELD) return this.chains.length;
    this.freeRecord = this.nexts[r]!;
    return r;
  }
}
