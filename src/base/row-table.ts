/**
 * Rows of numbers for things that are many and seldom looked at: a number costs 8 bytes here, where a
 * field that may pass 2^31 costs 24, and changing it makes no garbage. All rows are of one width.
 */
import { assert } from './assert.ts';

const INITIAL = 16;

export class RowTable {
  /** Replaced when the table grows: do not keep it. */
  values: Float64Array;
  /** A number on its way into a row, for whoever would have to pass it through a call. */
  readonly scratch = new Float64Array(1);
  /** Rows taken and not given back. */
  live = 0;
  private readonly width: number;
  private readonly free: number[] = [];
  private used = 0;

  constructor(width: number) {
    this.width = width;
    this.values = new Float64Array(INITIAL * width);
  }

  /** Where a row of zeros begins in `values`. */
  take(): number {
    this.live++;
    const reused = this.free.pop();
    if (reused !== undefined) {
      this.values.fill(0, reused, reused + this.width);
      return reused;
    }
    if (this.used === this.values.length) this.widen();
    this.used += this.width;
    return this.used - this.width;
  }

  give(row: number): void {
    assert(this.live > 0, 'what was taken is given back once');
    this.live--;
    this.free.push(row);
  }

  private widen(): void {
    const wider = new Float64Array(this.values.length * 2);
    wider.set(this.values);
    this.values = wider;
  }
}
