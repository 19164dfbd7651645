import { assert } from './assert.ts';
import type { RandomStream } from './rng.ts';

/** Something that happens with a fixed probability, drawn from a stream of its own. No draw when it is 0. */
export class Chance {
  private readonly random: RandomStream;
  /** Out of 2^31. */
  private readonly threshold: number;

  constructor(random: RandomStream, probability: number) {
    assert(probability >= 0 && probability <= 1, 'a probability is between 0 and 1');
    this.random = random;
    this.threshold = Math.round(probability * 2147483648);
  }

  happens(): boolean {
    return this.threshold > 0 && this.random.int32() >>> 1 < this.threshold;
  }
}
