import { assert } from '../base/assert.ts';
import { type FrameStore, NO_FRAME } from './frame-store.ts';

/** Frames in order, first in, first out, chained through the store: no memory of its own, no bound. */
export class FrameList {
  private head = NO_FRAME;
  private tail = NO_FRAME;
  /** Frames and their bytes. Written by push and shift. */
  count = 0;
  bytes = 0;

  private readonly frames: FrameStore;

  constructor(frames: FrameStore) {
    this.frames = frames;
  }

  /** The oldest frame, or NO_FRAME. */
  first(): number {
    return this.head;
  }

  push(frame: number): void {
    assert(frame !== NO_FRAME, 'a list holds frames');
    if (this.head === NO_FRAME) this.head = frame;
    else this.frames.next[this.tail] = frame;
    this.frames.next[frame] = NO_FRAME;
    this.tail = frame;
    this.count++;
    this.bytes += this.frames.lengthOf(frame);
  }

  /** Takes the oldest out. Precondition: count > 0. */
  shift(): number {
    const frame = this.head;
    assert(frame !== NO_FRAME, 'shift of an empty list');
    this.head = this.frames.next[frame]!;
    this.frames.next[frame] = NO_FRAME;
    this.count--;
    this.bytes -= this.frames.lengthOf(frame);
    return frame;
  }

  /** Releases every frame; returns how many there were. */
  clear(): number {
    const had = this.count;
    while (this.count > 0) this.frames.release(this.shift());
    return had;
  }
}
