import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { QueueLimits } from './queue.ts';
import { DROPPED } from './queue-ledger.ts';

/** First in, first out; who comes when it is full is dropped. */
export class DropTail extends FifoQueue {
  override readonly isTransparent: boolean = true;

  constructor(frames: FrameStore, limits: QueueLimits = {}, drops: DropListener | null = null) {
    super(frames, limits, drops);
  }

  override enqueue(frame: number): void {
    if (this.isFull(frame)) this.ledger.drop(frame, DROPPED.TAIL);
    else this.list.push(frame);
  }
}
