import { assert } from '../base/assert.ts';
import type { FrameStore } from '../link/frame-store.ts';
import type { Timeline } from './timeline.ts';

/** What a frame's way takes, or what is added to it. */
export interface DelayModel {
  /** `frames.timeNs[frame]` is when its last bit left: makes it when it arrives. */
  delay(frames: FrameStore, frame: number): void;
}

export class ConstantDelay implements DelayModel {
  private readonly ns: number;

  constructor(ns: number) {
    assert(ns >= 0, 'a link delays by no negative time');
    this.ns = ns;
  }

  delay(frames: FrameStore, frame: number): void {
    frames.timeNs[frame]! += this.ns;
  }
}

/** The delay that holds when the last bit leaves. */
export class SteppedDelay implements DelayModel {
  private readonly ns: Timeline;

  constructor(ns: Timeline) {
    this.ns = ns;
  }

  delay(frames: FrameStore, frame: number): void {
    const line = this.ns;
    const sentNs = frames.timeNs[frame]!;
    while (line.untilNs <= sentNs) line.next();
    frames.timeNs[frame] = sentNs + line.value;
  }
}
