/**
 * Rows of numbers for things that are many and seldom looked at: a number costs 8 bytes here, where a
 * field that may pass 2^31 costs 24, and changing it makes no garbage. All rows are of one width.
 *
 * The rows lie in blocks of one size, which never move: a table of a hundred thousand rows grows by a
 * thousandth of itself, without a copy, and who has a row may keep its block. A row is told by a number that
 * counts cells through all blocks; `inBlock` is where it begins in its own.
 */
import { assert } from './assert.ts';

/** Cells. A power of two, so that a row's place in its block is its number's low bits. */
const BLOCK = 2048;

/** Where in its block a row begins. */
export function inBlock(row: number): number {
  return row & (BLOCK - 1);
}

export class RowTable {
  /** A number on its way into a row, for whoever would have to pass it through a call. */
  readonly scratch = new Float64Array(1);
  /** Rows taken and not given back. */
  live = 0;
  private readonly width: number;
  private readonly blocks: Float64Array[] = [];
  private readonly free: number[] = [];
  private next = 0;

  constructor(width: number) {
    assert(width <= BLOCK, 'a row lies in one block');
    this.width = width;
  }

  /** The number of a row of zeros. */
  take(): number {
    this.live++;
    const reused = this.free.pop();
    if (reused !== undefined) {
      const at = inBlock(reused);
      this.block(reused).fill(0, at, at + this.width);
      return reused;
    }
    if (inBlock(this.next) + this.width > BLOCK) this.next += BLOCK - inBlock(this.next);
    if (inBlock(this.next) === 0) this.blocks.push(new Float64Array(BLOCK));
    const row = this.next;
    this.next += this.width;
    return row;
  }

  /** The cells that the row lies among. They stay where they are as long as the row is taken. */
  block(row: number): Float64Array {
    return this.blocks[Math.floor(row / BLOCK)]!;
  }

  give(row: number): void {
    assert(this.live > 0, 'what was taken is given back once');
    this.live--;
    this.free.push(row);
  }
}
