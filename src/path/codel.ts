import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { CodelLaw, type CodelOptions, CodelState } from './codel-control.ts';
import { DropTail } from './drop-tail.ts';
import type { QueueLimits } from './queue.ts';

/** Marks only when asked to, as Linux's. */
export type CodelSpec = QueueLimits & CodelOptions;

/** First in, first out, and frames that waited too long for too long are dropped on their way out (RFC 8289). */
export class Codel extends DropTail {
  override readonly isTransparent = false;
  private readonly state: CodelState;

  constructor(frames: FrameStore, spec: CodelSpec = {}, drops: DropListener | null = null) {
    super(frames, spec, drops);
    this.state = new CodelState(new CodelLaw(frames, this.clock, this.ledger, spec), this.list);
  }

  override dequeue(): number {
    return this.state.dequeue();
  }

  override clear(): number {
    this.state.reset();
    return super.clear();
  }
}
