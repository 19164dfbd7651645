/** Counts of positive numbers by size, to some per cent: what a quantile of millions is taken from. */
import { scale } from './elementary.ts';

/** Parts of each power of two: a bucket is 1/16 wide. */
const PARTS = 16;
const OCTAVES = 64;

export class LogHistogram {
  count = 0;
  least = Infinity;
  most = 0;
  private readonly buckets = new Int32Array(PARTS * OCTAVES);

  /** A number from 1 to 2⁶³. */
  add(x: number): void {
    this.count++;
    if (x < this.least) this.least = x;
    if (x > this.most) this.most = x;
    this.buckets[bucketOf(x)]!++;
  }

  /** All of another's, too. */
  addAll(other: LogHistogram): void {
    this.count += other.count;
    this.least = Math.min(this.least, other.least);
    this.most = Math.max(this.most, other.most);
    for (let i = 0; i < this.buckets.length; i++) this.buckets[i]! += other.buckets[i]!;
  }

  /** The middle of the bucket in which the share q of all numbers ends; NaN without numbers. */
  quantile(q: number): number {
    if (this.count === 0) return Number.NaN;
    let left = Math.max(1, Math.ceil(q * this.count));
    for (let i = 0; i < this.buckets.length; i++) {
      left -= this.buckets[i]!;
      if (left <= 0) return Math.min(this.most, Math.max(this.least, middleOf(i)));
    }
    return this.most;
  }
}

function bucketOf(x: number): number {
  let octave = 0;
  let rest = x;
  for (; rest >= 2 ** 16; octave += 16) rest /= 2 ** 16;
  for (; rest >= 2; octave++) rest /= 2;
  return octave * PARTS + Math.floor((rest - 1) * PARTS);
}

function middleOf(bucket: number): number {
  const octave = Math.floor(bucket / PARTS);
  return scale(1 + ((bucket % PARTS) + 0.5) / PARTS, octave);
}
