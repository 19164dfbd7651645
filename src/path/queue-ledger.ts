import { Counters } from '../base/counters.ts';
import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';

/** What a queue counts; a frame that is dropped is in exactly one of `tail` … `overload`. */
export const QUEUE_COUNTERS = [
  /** No room: who came. */
  'tail',
  /** No room: the oldest, for who came. */
  'head',
  /** No room: the oldest of the flow that holds most (RFC 8290 §4.1). */
  'overlimit',
  /** There was room, but the discipline wants less of it in use. */
  'early',
  /** It could have been marked, but marks do not help any more (RFC 8033 §5.1, RFC 9332 A.2). */
  'overload',
  /** Marked CE instead of dropped. */
  'marked',
  /** Marked CE because it waited longer than `ceThresholdNs`, whatever the discipline says. */
  'ceThreshold',
  'droppedBytes',
] as const;

/** Indices into QUEUE_COUNTERS. */
export const DROPPED = { TAIL: 0, HEAD: 1, OVERLIMIT: 2, EARLY: 3, OVERLOAD: 4 } as const;
const REASONS = [
  'queue: tail drop',
  'queue: head drop',
  'queue: over limit',
  'queue: early drop',
  'queue: overload',
] as const;
const MARKED = 5;
const CE_THRESHOLD = 6;
const DROPPED_BYTES = 7;

/** Drops frames and counts them by reason; counts marks. */
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

  countMark(): void {
    this.stats.count(MARKED);
  }

  countThresholdMark(): void {
    this.stats.count(CE_THRESHOLD);
  }
}
