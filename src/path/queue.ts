import { FrameList } from '../link/frame-list.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';

/**
 * Where frames wait for a transmitter. A discipline owns the frames it has queued and decides which
 * to drop, when they come or when they go; the transmitter asks only for the next.
 */
export interface QueueDiscipline {
  readonly count: number;
  readonly bytes: number;
  /** Frames dropped so far, and their bytes. */
  readonly dropped: number;
  readonly droppedBytes: number;
  /** Takes the frame over: queues it, or drops and counts it. */
  enqueue(frame: number): void;
  /** The next frame to send, the caller's from now on; or NO_FRAME. */
  dequeue(): number;
  /** Releases everything queued; returns how many. */
  clear(): number;
}

export interface QueueLimits {
  /** At least 1: a frame passes through the queue even when nothing waits. Default 1000, as txqueuelen. */
  readonly frames?: number;
  readonly bytes?: number;
}

const DEFAULT_LIMIT_FRAMES = 1000;
const FULL_REASON = 'queue: tail drop';

/** First in, first out; who comes when it is full is dropped. */
export class DropTail implements QueueDiscipline {
  dropped = 0;
  droppedBytes = 0;
  private readonly list: FrameList;
  private readonly frames: FrameStore;
  private readonly limitFrames: number;
  private readonly limitBytes: number;
  private readonly drops: DropListener | null;

  constructor(frames: FrameStore, limits: QueueLimits = {}, drops: DropListener | null = null) {
    this.frames = frames;
    this.list = new FrameList(frames);
    this.limitFrames = Math.max(1, limits.frames ?? DEFAULT_LIMIT_FRAMES);
    this.limitBytes = limits.bytes ?? Infinity;
    this.drops = drops;
  }

  get count(): number {
    return this.list.count;
  }

  get bytes(): number {
    return this.list.bytes;
  }

  enqueue(frame: number): void {
    const len = this.frames.lengthOf(frame);
    const { count, bytes } = this.list;
    if (count >= this.limitFrames || (count > 0 && bytes + len > this.limitBytes)) {
      this.dropped++;
      this.droppedBytes += len;
      if (this.drops !== null) this.drops.frameDropped(this.frames, frame, FULL_REASON);
      this.frames.release(frame);
      return;
    }
    this.list.push(frame);
  }

  dequeue(): number {
    return this.list.count === 0 ? NO_FRAME : this.list.shift();
  }

  clear(): number {
    return this.list.clear();
  }
}
