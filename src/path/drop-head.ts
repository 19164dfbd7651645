import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { QueueLimits } from './queue.ts';
import { DROPPED } from './queue-ledger.ts';

/**
 * First in, first out; who comes when it is full takes the place of the oldest (Linux: pfifo_head_drop).
 * The sender learns of the drop a queue's length earlier than from one at the tail.
 */
export class DropHead extends FifoQueue {
  override readonly isTransparent: boolean = true;

  constructor(frames: FrameStore, limits: QueueLimits = {}, drops: DropListener | null = null) {
    super(frames, limits, drops);
  }

  override enqueue(frame: number): void {
    while (this.isFull(frame)) this.ledger.drop(this.list.shift(), DROPPED.HEAD);
    this.list.push(frame);
  }
}
