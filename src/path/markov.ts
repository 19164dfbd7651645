import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { Timeline } from './timeline.ts';

/** A value that holds for a random time, exponentially distributed. */
export interface MarkovState {
  readonly value: number;
  readonly meanNs: number;
  /** What comes after it: a weight for each state of the list. Left out: any other one, all alike. */
  readonly to?: readonly number[];
}

/** A Markov chain in continuous time. It begins in its first state. */
export class MarkovTimeline extends Timeline {
  private readonly random: RandomStream;
  private readonly values: Float64Array;
  private readonly means: Float64Array;
  /** Row by row, the sums of the weights up to and with each state, out of 1. */
  private readonly sums: Float64Array;
  private state = -1;

  constructor(random: RandomStream, states: readonly MarkovState[]) {
    super();
    assert(states.length > 1, 'a chain has two states at least');
    assert(
      states.every((state) => state.meanNs >= 1),
      'a state lasts some time',
    );
    this.random = random;
    this.values = Float64Array.from(states, (state) => state.value);
    this.means = Float64Array.from(states, (state) => state.meanNs);
    this.sums = new Float64Array(states.length * states.length);
    for (const [i, { to }] of states.entries()) {
      this.fillRow(i, to ?? states.map((_, k) => (k === i ? 0 : 1)));
    }
  }

  next(): void {
    const { state } = this;
    const startNs = state < 0 ? 0 : this.untilNs;
    this.state = state < 0 ? 0 : this.after(state);
    this.hold(this.values[this.state]!, startNs + this.lasts(this.means[this.state]!));
  }

  private after(state: number): number {
    const drawn = (this.random.int32() >>> 0) / 4294967296;
    const states = this.values.length;
    let to = 0;
    while (to < states - 1 && this.sums[state * states + to]! <= drawn) to++;
    return to;
  }

  /**
   * An exponentially distributed time, by von Neumann's method, which compares uniform numbers and needs no logarithm:
   * the first of a falling run is the fraction if the run is of odd length, and one is added for each that is not.
   */
  private lasts(meanNs: number): number {
    for (let whole = 0; ; whole++) {
      const first = this.random.int32() >>> 0;
      let last = first;
      let isOdd = true;
      for (let next = this.random.int32() >>> 0; next < last; next = this.random.int32() >>> 0) {
        last = next;
        isOdd = !isOdd;
      }
      if (isOdd) return Math.max(1, Math.round((whole + first / 4294967296) * meanNs));
    }
  }

  private fillRow(row: number, weights: readonly number[]): void {
    const states = this.values.length;
    assert(weights.length === states, 'a state has a weight for each');
    assert(
      weights.every((w) => w >= 0),
      'a weight is not negative',
    );
    const total = weights.reduce((sum, w) => sum + w, 0);
    assert(total > 0, 'a state is followed by one');
    let sum = 0;
    for (const [i, w] of weights.entries()) {
      sum += w;
      this.sums[row * states + i] = sum / total;
    }
  }
}
