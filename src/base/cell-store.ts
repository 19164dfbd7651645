import { BlockPool, NO_BLOCK } from './block-pool.ts';
import type { Slab } from './slab.ts';

/** 33 cache lines: one MTU-sized fragment or datagram; not a power of two, so cells spread over cache sets. */
export const CELL_BYTES = 2112;
/** "No cell": the end of a chain, or an allocation that failed. */
export const NO_CELL = NO_BLOCK;

/**
 * Bytes that have to wait: datagrams in receive queues, fragments, packets for an unresolved neighbour.
 *
 * Each payload is a chain of fixed cells that belongs to exactly one owner. What an owner pins is
 * therefore exactly what it is charged for (`cellsFor(len) * CELL_BYTES`); a slow reader or a
 * half-sent datagram cannot keep a neighbour's memory alive, and nothing fragments.
 */
export class CellStore {
  private readonly pool: BlockPool;
  private readonly next: Int32Array;

  readonly slab: Slab;

  constructor(slab: Slab, capacity: number) {
    this.slab = slab;
    this.pool = new BlockPool(slab, CELL_BYTES, capacity);
    this.next = new Int32Array(capacity).fill(NO_CELL);
  }

  get free(): number {
    return this.pool.free;
  }

  get held(): number {
    return this.pool.held;
  }

  /** Copies slab bytes into a new chain. Returns its first cell, or NO_CELL with nothing taken. */
  store(off: number, len: number): number {
    if (this.pool.free < cellsFor(len)) return NO_CELL;
    const first = this.pool.take();
    let cell = first;
    let done = 0;
    while (true) {
      const n = Math.min(CELL_BYTES, len - done);
      const at = this.pool.offsetOf(cell);
      this.slab.u8.copyWithin(at, off + done, off + done + n);
      done += n;
      if (done >= len) break;
      const following = this.pool.take();
      this.next[cell] = following;
      cell = following;
    }
    this.next[cell] = NO_CELL;
    return first;
  }

  /** Copies `len` bytes of the chain, from byte `from` on, to a place in the slab. */
  load(first: number, from: number, len: number, to: number): void {
    let cell = first;
    let skip = from;
    while (skip >= CELL_BYTES) {
      cell = this.next[cell]!;
      skip -= CELL_BYTES;
    }
    let done = 0;
    while (done < len) {
      const n = Math.min(CELL_BYTES - skip, len - done);
      const at = this.pool.offsetOf(cell) + skip;
      this.slab.u8.copyWithin(to + done, at, at + n);
      done += n;
      skip = 0;
      cell = this.next[cell]!;
    }
  }

  /** Copies to the application's own array: the API edge, where a view may be made. */
  loadInto(first: number, len: number, target: Uint8Array): void {
    let cell = first;
    let done = 0;
    while (done < len) {
      const n = Math.min(CELL_BYTES, len - done);
      const at = this.pool.offsetOf(cell);
      target.set(this.slab.u8.subarray(at, at + n), done);
      done += n;
      cell = this.next[cell]!;
    }
  }

  /** Gives the whole chain back. `release(NO_CELL)` does nothing. */
  release(first: number): void {
    let cell = first;
    while (cell !== NO_CELL) {
      const following = this.next[cell]!;
      this.pool.release(cell);
      cell = following;
    }
  }
}

/** An empty payload takes one cell too: it has a place in a queue and must be charged. */
export function cellsFor(len: number): number {
  return len <= CELL_BYTES ? 1 : Math.ceil(len / CELL_BYTES);
}
