import { FrameList } from '../link/frame-list.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import {
  DEFAULT_LIMIT_FRAMES,
  QueueClock,
  type QueueDiscipline,
  type QueueLimits,
} from './queue.ts';
import { DROPPED, QueueLedger } from './queue-ledger.ts';

/** First in, first out; who comes when it is full is dropped. */
export class DropTail implements QueueDiscipline {
  readonly ledger: QueueLedger;
  readonly clock = new QueueClock();
  private readonly list: FrameList;
  private readonly frames: FrameStore;
  private readonly limitFrames: number;
  private readonly limitBytes: number;

  constructor(frames: FrameStore, limits: QueueLimits = {}, drops: DropListener | null = null) {
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

  enqueue(frame: number): void {
    const { count, bytes } = this.list;
    const isFull = bytes + this.frames.lengthOf(frame) > this.limitBytes;
    if (count >= this.limitFrames || (count > 0 && isFull)) this.ledger.drop(frame, DROPPED.TAIL);
    else this.list.push(frame);
  }

  dequeue(): number {
    return this.list.count === 0 ? NO_FRAME : this.list.shift();
  }

  clear(): number {
    return this.list.clear();
  }
}
