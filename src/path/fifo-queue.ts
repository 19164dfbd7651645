import { FrameList } from '../link/frame-list.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import {
  DEFAULT_LIMIT_FRAMES,
  QueueClock,
  type QueueDiscipline,
  type QueueLimits,
} from './queue.ts';
import { QueueLedger } from './queue-ledger.ts';

/** First in, first out, with limits: what disciplines of one list share. Who is dropped is theirs to say. */
export abstract class FifoQueue implements QueueDiscipline {
  readonly ledger: QueueLedger;
  readonly clock = new QueueClock();
  protected readonly frames: FrameStore;
  protected readonly list: FrameList;
  private readonly limitFrames: number;
  private readonly limitBytes: number;

  constructor(frames: FrameStore, limits: QueueLimits, drops: DropListener | null) {
    this.frames = frames;
    this.ledger = new QueueLedger(frames, drops);
    this.list = new FrameList(frames);
    this.limitFrames = Math.max(1, limits.limitFrames ?? DEFAULT_LIMIT_FRAMES);
    this.limitBytes = limits.limitBytes ?? Infinity;
  }

  get count(): number {
    return this.list.count;
  }

  get bytes(): number {
    return this.list.bytes;
  }

  abstract readonly isTransparent: boolean;

  abstract enqueue(frame: number): void;

  dequeue(): number {
    return this.list.count === 0 ? NO_FRAME : this.list.shift();
  }

  clear(): number {
    return this.list.clear();
  }

  /** There is no room for this frame beside those that wait. */
  protected isFull(frame: number): boolean {
    const { count, bytes } = this.list;
    if (count >= this.limitFrames) return true;
    return count > 0 && bytes + this.frames.lengthOf(frame) > this.limitBytes;
  }
}
