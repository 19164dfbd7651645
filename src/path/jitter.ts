/**
 * What is added to the delay of each frame. Distributions other than the uniform one are tables of 4,096 equally
 * likely values, as netem's are: each the quantile in the middle of its share, so that the rarest normal one is 3.7
 * deviations off.
 */
import { assert } from '../base/assert.ts';
import { normalQuantile, power } from '../base/elementary.ts';
import type { RandomStream } from '../base/rng.ts';
import type { FrameStore } from '../link/frame-store.ts';
import type { DelayModel } from './delay.ts';

/** Uniform over the whole nanoseconds of [0, ns). */
export class UniformJitter implements DelayModel {
  private readonly random: RandomStream;
  private readonly ns: number;

  constructor(random: RandomStream, ns: number) {
    assert(ns >= 0, 'jitter is not negative');
    this.random = random;
    this.ns = ns;
  }

  delay(frames: FrameStore, frame: number): void {
    frames.timeNs[frame]! += Math.floor(((this.random.int32() >>> 0) / 4294967296) * this.ns);
  }
}

const TABLE_BITS = 12;
const TABLE_SIZE = 1 << TABLE_BITS;

/** One of the values of a table, in whole nanoseconds. */
export class TableJitter implements DelayModel {
  private readonly random: RandomStream;
  private readonly values: Float64Array;

  constructor(random: RandomStream, values: Float64Array) {
    assert(values.length === TABLE_SIZE, 'a table has 4,096 values');
    this.random = random;
    this.values = values;
  }

  delay(frames: FrameStore, frame: number): void {
    frames.timeNs[frame]! += this.values[this.random.int32() >>> (32 - TABLE_BITS)]!;
  }
}

/** Around 0, to both sides. */
export function normalTable(deviationNs: number): Float64Array {
  assert(deviationNs >= 0, 'a deviation is not negative');
  const values = new Float64Array(TABLE_SIZE);
  let quantile = 0;
  for (let i = TABLE_SIZE / 2; i < TABLE_SIZE; i++) {
    quantile = normalQuantile((i + 0.5) / TABLE_SIZE, quantile);
    values[i] = Math.round(deviationNs * quantile);
    values[TABLE_SIZE - 1 - i] = -values[i]!;
  }
  return values;
}

/**
 * Pareto's distribution from 0 on (type II, Lomax's): many small values, a few very large ones. It has a mean for a
 * shape above 1, and a variance above 2.
 */
export function paretoTable(meanNs: number, shape: number): Float64Array {
  assert(meanNs >= 0 && shape > 1, 'a Pareto distribution with a mean has a shape above 1');
  const scaleNs = meanNs * (shape - 1);
  return Float64Array.from({ length: TABLE_SIZE }, (_, i) => {
    const above = 1 - (i + 0.5) / TABLE_SIZE;
    return Math.round(scaleNs * (power(above, -1 / shape) - 1));
  });
}
