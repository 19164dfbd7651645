import { BlockPool, NO_BLOCK } from './block-pool.ts';
import type { Slab } from './slab.ts';

/** 11 cache lines: three make an MTU-sized fragment, one a small datagram at the cost Linux charges for it. */
export const CELL_BYTES = 704;
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
  /** By cell: for `loadInto`. */
  private readonly views: (Uint8Array | null)[] = [];
  private lastTarget: Uint8Array | null = null;
  private lastWords: Int32Array = new Int32Array(0);

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
    this.next[first] = NO_CELL;
    this.fill(first, 0, off, len);
    return first;
  }

  /** Copies more bytes to the end of a chain that holds `have`. False with nothing taken: no cells. */
  append(first: number, have: number, off: number, len: number): boolean {
    if (this.pool.free < cellsFor(have + len) - cellsFor(have)) return false;
    let cell = first;
    let at = have;
    while (at > CELL_BYTES) {
      cell = this.next[cell]!;
      at -= CELL_BYTES;
    }
    this.fill(cell, at, off, len);
    return true;
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

  /**
   * Copies to the application's own array, in order and without a view made for the occasion: whole cells
   * through a view that each cell keeps once it was read this way, what is left word by word through a view
   * of the array, remembered as long as the same one comes again. Measured, 56 / 704 / 1472 bytes: 15 / 71 /
   * 170 ns, and 149 / 135 / 400 ns with a `subarray` a cell, which makes 96 bytes of garbage each time.
   */
  loadInto(first: number, len: number, target: Uint8Array): void {
    let cell = first;
    let done = 0;
    while (len - done >= CELL_BYTES) {
      target.set(this.viewOf(cell), done);
      done += CELL_BYTES;
      cell = this.next[cell]!;
    }
    if (done < len) this.loadTail(this.pool.offsetOf(cell), len - done, target, done);
  }

  /** The last bytes, less than a cell, to `target` from `to` on: a multiple of a cell, so of 4. */
  private loadTail(at: number, len: number, target: Uint8Array, to: number): void {
    const { i32, u8 } = this.slab;
    const words = this.wordsOf(target);
    if (words === null) {
      target.set(u8.subarray(at, at + len), to);
      return;
    }
    const count = len >>> 2;
    const from = at >>> 2;
    const into = to >>> 2;
    for (let i = 0; i < count; i++) words[into + i] = i32[from + i]!;
    for (let i = count << 2; i < len; i++) target[to + i] = u8[at + i]!;
  }

  private viewOf(cell: number): Uint8Array {
    const { views } = this;
    while (views.length <= cell) views.push(null);
    const known = views[cell]!;
    if (known !== null) return known;
    const at = this.pool.offsetOf(cell);
    const view = this.slab.u8.subarray(at, at + CELL_BYTES);
    views[cell] = view;
    return view;
  }

  /** The array as words, or null when it does not lie on a word boundary. */
  private wordsOf(target: Uint8Array): Int32Array | null {
    if ((target.byteOffset & 3) !== 0) return null;
    const count = target.length >>> 2;
    if (target !== this.lastTarget || this.lastWords.length !== count) {
      this.lastTarget = target;
      this.lastWords = new Int32Array(target.buffer, target.byteOffset, count);
    }
    return this.lastWords;
  }

  /** Writes from byte `at` of the chain's last cell on, taking cells as it goes: the caller has counted them. */
  private fill(last: number, at: number, off: number, len: number): void {
    let cell = last;
    let used = at;
    let done = 0;
    while (done < len) {
      if (used === CELL_BYTES) {
        const following = this.pool.take();
        this.next[following] = NO_CELL;
        this.next[cell] = following;
        cell = following;
        used = 0;
      }
      const n = Math.min(CELL_BYTES - used, len - done);
      const to = this.pool.offsetOf(cell) + used;
      this.slab.u8.copyWithin(to, off + done, off + done + n);
      done += n;
      used += n;
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
