import { Counters } from '../base/counters.ts';
import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';

/** What a queue counts; a frame that is dropped is in exactly one of the reasons. */
export const QUEUE_COUNTERS = [
  /** No room: who came. */
  'tail',
  /** No room: the oldest, for who came. */
  'head',
  'droppedBytes',
] as const;

/** Indices into QUEUE_COUNTERS. */
export const DROPPED = { TAIL: 0, HEAD: 1 } as const;
const REASONS = ['queue: tail drop', 'queue: head drop'] as const;
const DROPPED_BYTES = 2;

/** Drops frames and counts them by reason. */
export class QueueLedger {
  readonly stats = new Counters(QUEUE_COUNTERS);
  private readonly frames: FrameStore;
  private readonly drops: DropListener | null;

  constructor(frames: FrameStore, drops: DropListener | null) {
    this.frames = frames;
    this.drops = drops;
  }

  /** Frames dropped so far, for any reason. */
  get dropped(): number {
    const { values } = this.stats;
    let sum = 0;
    for (let i = 0; i < REASONS.length; i++) sum += values[i]!;
    return sum;
  }

  /** Counts the frame, tells who listens, and gives it back. @param reason one of DROPPED. */
  drop(frame: number, reason: number): void {
    this.stats.count(reason);
    this.stats.add(DROPPED_BYTES, this.frames.lengthOf(frame));
    if (this.drops !== null) this.drops.frameDropped(this.frames, frame, REASONS[reason]!);
    this.frames.release(frame);
  }
}
