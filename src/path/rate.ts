/**
 * How fast bits leave. A frame that is being sent when the rate changes by a schedule goes on at the new
 * rate: the time it takes is the integral of its bits over the rate, to the nanosecond. What a division
 * leaves over is carried to the next frame of a burst, so that the rate is exact over any length of time.
 */
import { assert } from '../base/assert.ts';
import type { LinkClock } from './link-clock.ts';
import type { Timeline } from './timeline.ts';

/** When the bits of frames leave. One transmitter has one: it remembers where it is. */
export interface RateModel {
  /** A frame came at `clock.nowNs`, and none waited before it: moves `clock.readyNs` if that is over. */
  wake(clock: LinkClock): void;
  /** The frame taken at `clock.readyNs` is so long: says by `clock.sent` when it has left. */
  send(bytes: number, clock: LinkClock): void;
}

/** @returns what a byte takes; a rate of 0 takes for ever, Infinity takes no time. */
export function nsPerByteAt(bps: number): number {
  assert(bps >= 0, 'a rate is not negative');
  return 8e9 / bps;
}

export class ConstantRate implements RateModel {
  private readonly nsPerByte: number;
  /** The part of a nanosecond by which `readyNs` is too early. */
  private carryNs = 0;

  constructor(bps: number) {
    assert(bps > 0, 'a constant rate is above 0');
    this.nsPerByte = nsPerByteAt(bps);
  }

  wake(clock: LinkClock): void {
    if (clock.nowNs <= clock.readyNs) return;
    clock.readyNow();
    this.carryNs = 0;
  }

  send(bytes: number, clock: LinkClock): void {
    const exactNs = bytes * this.nsPerByte + this.carryNs;
    const wholeNs = Math.floor(exactNs);
    const endNs = clock.readyNs + wholeNs;
    this.carryNs = exactNs - wholeNs;
    clock.sent(endNs, endNs);
  }
}

/** A rate that changes in steps: a list of them, or states of a Markov chain. It may be 0 for a while. */
export class SteppedRate implements RateModel {
  /** What a byte takes. */
  private readonly nsPerByte: Timeline;
  private carryNs = 0;

  constructor(nsPerByte: Timeline) {
    this.nsPerByte = nsPerByte;
  }

  wake(clock: LinkClock): void {
    if (clock.nowNs <= clock.readyNs) return;
    clock.readyNow();
    this.carryNs = 0;
  }

  send(bytes: number, clock: LinkClock): void {
    const line = this.nsPerByte;
    let atNs = clock.readyNs;
    while (line.untilNs <= atNs) line.next();
    let left = bytes;
    let exactNs = left * line.value + this.carryNs;
    while (atNs + exactNs > line.untilNs) {
      left -= (line.untilNs - atNs - this.carryNs) / line.value;
      atNs = line.untilNs;
      this.carryNs = 0;
      line.next();
      exactNs = left > 0 ? left * line.value : 0;
    }
    const wholeNs = Math.floor(exactNs);
    this.carryNs = exactNs - wholeNs;
    clock.sent(atNs + wholeNs, atNs + wholeNs);
  }
}
