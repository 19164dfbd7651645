import { assert } from '../base/assert.ts';
import { type FrameStore, NO_FRAME } from './frame-store.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const NONE = NO_FRAME;

/** Frames in order, first in, first out, chained through the store: no memory of its own, no bound. */
export class FrameList {
  private head = NONE;
  private tail = NONE;
  /** Frames and their bytes. Written by push and shift. */
  count = 0;
  bytes = 0;

  protected readonly frames: FrameStore;

  constructor(frames: FrameStore) {
    this.frames = frames;
  }

  /** The oldest frame, or NO_FRAME. */
  first(): number {
    return this.head;
  }

  push(frame: number): void {
    assert(frame !== NONE, 'a list holds frames');
    const { next } = this.frames;
    if (this.head === NONE) this.head = frame;
    else next[this.tail] = frame;
    next[frame] = NONE;
    this.tail = frame;
    this.count++;
    this.bytes += this.frames.lengthOf(frame);
  }

  /** Takes the oldest out. Precondition: count > 0. */
  shift(): number {
    const frame = this.head;
    assert(frame !== NONE, 'shift of an empty list');
    const { next } = this.frames;
    this.head = next[frame]!;
    next[frame] = NONE;
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
