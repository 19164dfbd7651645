/**
 * Int32Arrays whose lengths are powers of two, for queues that grow and become empty again: an empty queue
 * gives its array back, the next that grows takes it. So an idle connection holds none, and one that is busy
 * by turns makes no garbage. Contents are left as they were.
 */
import { assert } from './assert.ts';

/** No array: what a queue has while it is empty. */
export const NO_WORDS = new Int32Array(0);
/** Kept of each length. */
const KEPT = 64;
/** Longer ones are left to the collector. */
const LONGEST_BITS = 16;

export class WordArrays {
  private readonly free: Int32Array[][] = [];
  private readonly counts = new Int32Array(LONGEST_BITS + 1);

  constructor() {
    for (let bits = 0; bits <= LONGEST_BITS; bits++) {
      this.free.push(new Array<Int32Array>(KEPT).fill(NO_WORDS));
    }
  }

  /** @param length a power of two. */
  take(length: number): Int32Array {
    assert(length > 0 && (length & (length - 1)) === 0, 'lengths are powers of two');
    const bits = 31 - Math.clz32(length);
    if (bits > LONGEST_BITS || this.counts[bits] === 0) return new Int32Array(length);
    this.counts[bits]!--;
    const at = this.counts[bits]!;
    const array = this.free[bits]![at]!;
    this.free[bits]![at] = NO_WORDS;
    return array;
  }

  /** NO_WORDS may be given back too. */
  give(array: Int32Array): void {
    if (array.length === 0) return;
    const bits = 31 - Math.clz32(array.length);
    if (bits > LONGEST_BITS || this.counts[bits] === KEPT) return;
    this.free[bits]![this.counts[bits]!] = array;
    this.counts[bits]!++;
  }
}
