import { ZERO_NS } from '../base/time.ts';
import type { Clock } from '../link/frame-sink.ts';
import type { QueueLedger } from './queue-ledger.ts';

/**
 * Where frames wait for a transmitter. A discipline owns the frames it has queued and decides which
 * to drop or to mark, when they come or when they go; the transmitter asks only for the next.
 *
 * A frame's arrival is `frames.timeNs[frame]`, stamped by who enqueues it: a discipline measures from
 * there how long it has waited, and leaves it as it is.
 */
export interface QueueDiscipline {
  readonly count: number;
  readonly bytes: number;
  /** What became of the frames that came. */
  readonly ledger: QueueLedger;
  /** Told what time it is before each call. */
  readonly clock: QueueClock;
  /** Whether a frame that finds it empty, and may leave at once, leaves as it came and uncounted: it need not come in. */
  readonly isTransparent: boolean;
  /** Takes the frame over: queues it, or drops and counts it, or another one for it. */
  enqueue(frame: number): void;
  /** The next frame to send, the caller's from now on; or NO_FRAME. Frames may be dropped on the way to it. */
  dequeue(): number;
  /** Releases everything queued; returns how many. */
  clear(): number;
}

export interface QueueLimits {
  /** At least 1: a frame passes through the queue even when nothing waits. */
  readonly limitFrames?: number;
  /** The first frame of an empty queue is taken whatever its length. */
  readonly limitBytes?: number;
}

/** txqueuelen of an Ethernet interface, and Linux's default for pfifo, codel and pie. */
export const DEFAULT_LIMIT_FRAMES = 1000;

/**
 * A queue's time. Its transmitter works out late what happened meanwhile, at the times at which it
 * happened: a frame leaves at the end of the one before, which is past by the time of the call.
 * A field, not an argument: a double that crosses a real call costs 16 bytes.
 */
export class QueueClock implements Clock {
  nowNs = ZERO_NS;

  /** The transmitter alone moves it, and never back. */
  advanceTo(ns: number): void {
    this.nowNs = ns;
  }
}
