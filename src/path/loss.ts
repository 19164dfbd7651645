/** Which frames the medium loses: asked once per frame, in the order of transmission. */
import { assert } from '../base/assert.ts';
import { Chance } from '../base/chance.ts';
import type { RandomStream } from '../base/rng.ts';
import type { Clock } from '../link/frame-sink.ts';

export interface LossModel {
  /** Whether the frame whose transmission starts at `time.nowNs` is lost. */
  isLost(time: Clock): boolean;
}

/** Each frame on its own, with the same probability. */
export class RandomLoss implements LossModel {
  private readonly chance: Chance;

  constructor(random: RandomStream, probability: number) {
    this.chance = new Chance(random, probability);
  }

  isLost(): boolean {
    return this.chance.happens();
  }
}

/** Gilbert and Elliott's two states, as probabilities per frame. */
export interface GilbertElliottRates {
  /** From good to bad, and back. */
  readonly toBad: number;
  readonly toGood: number;
  /** Gilbert's model of 1960 has less than 1 here; the simple one, 1. */
  readonly lossInBad: number;
  /** Elliott's of 1963 has more than 0 here. */
  readonly lossInGood: number;
}

/**
 * Losses in bursts: a good state and a bad one. A frame is lost or not by the state it finds, and then the state
 * changes or not. In the long run the bad state has toBad / (toBad + toGood) of the frames.
 */
export class GilbertElliott implements LossModel {
  private readonly toBad: Chance;
  private readonly toGood: Chance;
  private readonly lossInBad: Chance;
  private readonly lossInGood: Chance;
  private isBad = false;

  constructor(random: RandomStream, rates: GilbertElliottRates) {
    this.toBad = new Chance(random, rates.toBad);
    this.toGood = new Chance(random, rates.toGood);
    this.lossInBad = new Chance(random, rates.lossInBad);
    this.lossInGood = new Chance(random, rates.lossInGood);
  }

  isLost(): boolean {
    const isLost = (this.isBad ? this.lossInBad : this.lossInGood).happens();
    const changes = (this.isBad ? this.toGood : this.toBad).happens();
    if (changes) this.isBad = !this.isBad;
    return isLost;
  }
}

/** The frames of a list, by number: the first is 1. */
export class LossOfFrames implements LossModel {
  private readonly numbers: Float64Array;
  private seen = 0;
  private at = 0;

  constructor(numbers: readonly number[]) {
    assertRising(numbers, 1);
    this.numbers = Float64Array.from(numbers);
  }

  isLost(): boolean {
    this.seen++;
    if (this.at === this.numbers.length || this.numbers[this.at]! !== this.seen) return false;
    this.at++;
    return true;
  }
}

/** For each time of a list one frame: the next whose transmission starts then or later. */
export class LossAtTimes implements LossModel {
  private readonly times: Float64Array;
  private at = 0;

  constructor(times: readonly number[]) {
    assertRising(times, 0);
    this.times = Float64Array.from(times);
  }

  isLost(time: Clock): boolean {
    if (this.at === this.times.length || this.times[this.at]! > time.nowNs) return false;
    this.at++;
    return true;
  }
}

/** Every n-th frame and the `length - 1` that follow it. */
export class LossOfBursts implements LossModel {
  private readonly every: number;
  private readonly length: number;
  /** Frames since the last burst began, or since the start. */
  private since = 0;
  private hasBegun = false;

  constructor(every: number, length: number) {
    assert(length >= 1 && every >= length, 'bursts do not overlap');
    this.every = every;
    this.length = length;
  }

  isLost(): boolean {
    this.since++;
    if (this.since === this.every) {
      this.since = 0;
      this.hasBegun = true;
    }
    return this.hasBegun && this.since < this.length;
  }
}

function assertRising(list: readonly number[], least: number): void {
  for (const [i, n] of list.entries()) {
    assert(Number.isInteger(n) && n >= least, `what is lost is a whole number from ${least} on`);
    assert(i === 0 || n > list[i - 1]!, 'what is lost is in order');
  }
}
