import { assert } from '../base/assert.ts';
import { NEVER } from '../base/time.ts';

/**
 * A value that changes from time to time and is constant in between: a rate, a delay. It is walked
 * forwards only, by one reader.
 *
 *     while (line.untilNs <= now) line.next();      then line.value holds at now
 */
export abstract class Timeline {
  value = 0;
  /** The first time at which `value` does not hold any more. */
  untilNs = -NEVER;

  /** On to the next piece: calls `hold`. */
  abstract next(): void;

  protected hold(value: number, untilNs: number): void {
    this.value = value;
    this.untilNs = untilNs;
  }
}

/** From here on it is so much. */
export interface Step {
  readonly atNs: number;
  readonly value: number;
}

/** A list of steps. The first value also holds before its time, the last for ever, or until the list starts again. */
export class ListTimeline extends Timeline {
  private readonly times: Float64Array;
  private readonly values: Float64Array;
  /** Length of one round, or NEVER. */
  private readonly repeatNs: number;
  private at = 0;
  private roundNs = 0;

  constructor(steps: readonly Step[], repeatNs: number = NEVER) {
    super();
    assert(steps.length > 0, 'a list of steps has one at least');
    for (const [i, { atNs }] of steps.entries()) {
      assert(atNs >= 0, 'a step is at no negative time');
      assert(i === 0 || atNs > steps[i - 1]!.atNs, 'steps are in the order of time');
    }
    assert(repeatNs > steps[steps.length - 1]!.atNs, 'a list repeats after its last step');
    this.times = Float64Array.from(steps, (step) => step.atNs);
    this.values = Float64Array.from(steps, (step) => step.value);
    this.repeatNs = repeatNs;
  }

  next(): void {
    if (this.at === this.times.length) {
      this.at = 0;
      this.roundNs += this.repeatNs;
    }
    const value = this.values[this.at++]!;
    // After the last piece of a round the first value is back; its own time has not come yet.
    const endNs = this.at === this.times.length ? this.repeatNs : this.times[this.at]!;
    this.hold(value, this.roundNs + endNs);
  }
}
