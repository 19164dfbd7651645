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

/**
 * First in, first out; who comes when it is full takes the place of the oldest (Linux: pfifo_head_drop).
 * The sender learns of the drop a queue's length earlier than from one at the tail.
 */
export class DropHead implements QueueDiscipline {
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
    const { list } = this;
    const mostBytes = this.limitBytes - this.frames.lengthOf(frame);
    while (list.count >= this.limitFrames || (list.count > 0 && list.bytes > mostBytes)) {
      this.ledger.drop(list.shift(), DROPPED.HEAD);
    }
    list.push(frame);
  }

  dequeue(): number {
    return this.list.count === 0 ? NO_FRAME : this.list.shift();
  }

  clear(): number {
    return this.list.clear();
  }
}
