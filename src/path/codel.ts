import { FrameList } from '../link/frame-list.ts';
import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { CodelLaw, type CodelOptions, CodelState } from './codel-control.ts';
import {
  DEFAULT_LIMIT_FRAMES,
  QueueClock,
  type QueueDiscipline,
  type QueueLimits,
} from './queue.ts';
import { DROPPED, QueueLedger } from './queue-ledger.ts';

/** Marks only when asked to, as Linux's. */
export type CodelSpec = QueueLimits & CodelOptions;

/** First in, first out, and frames that waited too long for too long are dropped on their way out (RFC 8289). */
export class Codel implements QueueDiscipline {
  readonly ledger: QueueLedger;
  readonly clock = new QueueClock();
  private readonly frames: FrameStore;
  private readonly list: FrameList;
  private readonly state: CodelState;
  private readonly limitFrames: number;
  private readonly limitBytes: number;

  constructor(frames: FrameStore, spec: CodelSpec = {}, drops: DropListener | null = null) {
    this.frames = frames;
    this.ledger = new QueueLedger(frames, drops);
    this.list = new FrameList(frames);
    this.state = new CodelState(new CodelLaw(frames, this.clock, this.ledger, spec), this.list);
    this.limitFrames = Math.max(1, spec.limitFrames ?? DEFAULT_LIMIT_FRAMES);
    this.limitBytes = spec.limitBytes ?? Infinity;
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
    return this.state.dequeue();
  }

  clear(): number {
    this.state.reset();
    return this.list.clear();
  }
}
