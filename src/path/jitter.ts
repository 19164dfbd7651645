import { assert } from '../base/assert.ts';
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
