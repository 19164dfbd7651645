/**
 * Random Early Detection (S. Floyd and V. Jacobson, "Random Early Detection Gateways for Congestion Avoidance",
 * IEEE/ACM Transactions on Networking, August 1993), with the gentle slope of Floyd's note of March 2000.
 *
 *     drop or mark
 *       1 ┤                          ╭──────       above 2·max: all
 *         │                     ╭────╯             gentle: from maxP to 1
 *    maxP ┤          ╭──────────╯
 *         │     ╭────╯                             between min and max: up to maxP
 *       0 ┼─────╯
 *              min        max      2·max     average length
 */

import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { ZERO_NS } from '../base/time.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { ECN, ecnOf, markCe } from './ecn-mark.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { QueueLimits } from './queue.ts';
import { DROPPED } from './queue-ledger.ts';

export interface RedSpec extends QueueLimits {
  /** What the average and the thresholds count. Default: frames. In bytes a frame's length scales its chance, too (§4). */
  readonly unit?: 'frames' | 'bytes';
  /** min_th. Default 5 frames (§6), or as many of `meanFrameBytes`. */
  readonly minThreshold?: number;
  /** max_th. Default three times min_th (Floyd 1997; at least twice, says §6). */
  readonly maxThreshold?: number;
  /** w_q: what the length at an arrival adds to the average. Default 0.002 (§6). */
  readonly weight?: number;
  /** max_p: the chance where the average is max_th. Default 0.02 (§6: 1/50). */
  readonly maxProbability?: number;
  /** Default true: all are dropped only above 2·max_th. */
  readonly gentle?: boolean;
  /** Marks instead of drops where it can. Default false. */
  readonly ecn?: boolean;
  /** With `ecn`: where all are dropped, those that could be marked are, too (RFC 3168 §7). Default false, as in Linux. */
  readonly hardDrop?: boolean;
  /** While the queue is idle, the average falls as if frames of this length were leaving. Default 500. */
  readonly meanFrameBytes?: number;
  /** How long such a frame takes to leave. Default: at the link's rate; where that is no constant 0, so that the average begins anew. */
  readonly idleFrameNs?: number;
}

const MIN_FRAMES = 5;
const MAX_PER_MIN = 3;
const WEIGHT = 0.002;
const MAX_PROBABILITY = 0.02;
const MEAN_FRAME_BYTES = 500;
/** §4: in bytes, the chance of a frame is in proportion to its length. */
const MAX_FRAME_BYTES = 1514;
/** Of which chance is a part. (`unit()` returns a double, which would cost 16 bytes a frame.) */
const DRAWS = 2147483648;

export class Red extends FifoQueue {
  override readonly isTransparent = false;
  /** avg, and p_b of the frame that came last. */
  average = 0;
  base = 0;
  private readonly random: RandomStream;
  private readonly inBytes: boolean;
  private readonly min: number;
  private readonly max: number;
  private readonly weight: number;
  private readonly maxP: number;
  /** From this average on all are dropped. */
  private readonly allFrom: number;
  private readonly ecn: boolean;
  private readonly hardDrop: boolean;
  /** s: how long a mean frame takes to leave. */
  private readonly idleFrameNs: number;
  /** count, as §7 has it: frames since the last one that was dropped or marked, this one not among them. */
  private since = 0;
  /** q_time. */
  private emptySinceNs = ZERO_NS;

  /** @param rateBps of the link: how fast an idle queue would have drained. */
  constructor(
    frames: FrameStore,
    random: RandomStream,
    rateBps: number,
    spec: RedSpec = {},
    drops: DropListener | null = null,
  ) {
    super(frames, spec, drops);
    this.random = random;
    this.inBytes = spec.unit === 'bytes';
    const meanBytes = spec.meanFrameBytes ?? MEAN_FRAME_BYTES;
    this.min = spec.minThreshold ?? MIN_FRAMES * (this.inBytes ? meanBytes : 1);
    this.max = spec.maxThreshold ?? this.min * MAX_PER_MIN;
    this.weight = spec.weight ?? WEIGHT;
    this.maxP = spec.maxProbability ?? MAX_PROBABILITY;
    this.allFrom = (spec.gentle ?? true) ? 2 * this.max : this.max;
    this.ecn = spec.ecn ?? false;
    this.hardDrop = spec.hardDrop ?? false;
    this.idleFrameNs = spec.idleFrameNs ?? (meanBytes * 8e9) / rateBps;
    assert(this.min < this.max, 'max_th is above min_th');
    assert(this.weight > 0 && this.weight <= 1, 'a weight is a part of one');
    assert(this.maxP > 0 && this.maxP <= 1, 'max_p is a probability');
  }

  override enqueue(frame: number): void {
    const len = this.frames.lengthOf(frame);
    this.updateAverage();
    if (this.isFull(frame)) {
      this.since = 0;
      this.ledger.drop(frame, DROPPED.TAIL);
    } else if (this.isChosen(len) && !this.isMarked(frame)) {
      const couldBeMarked = this.isOverload() && ecnOf(this.frames, frame) !== ECN.NOT_ECT;
      this.ledger.drop(frame, couldBeMarked ? DROPPED.OVERLOAD : DROPPED.EARLY);
    } else {
      this.list.push(frame);
    }
  }

  override dequeue(): number {
    if (this.list.count === 0) return NO_FRAME;
    const frame = this.list.shift();
    if (this.list.count === 0) this.emptySinceNs = this.clock.nowNs;
    return frame;
  }

  override clear(): number {
    this.average = 0;
    this.since = 0;
    return super.clear();
  }

  /** Figure 2: at each arrival; after an idle time as if frames had left meanwhile. */
  private updateAverage(): void {
    if (this.list.count > 0) {
      const length = this.inBytes ? this.list.bytes : this.list.count;
      this.average += this.weight * (length - this.average);
      return;
    }
    this.decay();
  }

  /** avg = (1 - w_q)^m avg; by squaring: products only, so that engines agree to the last bit. */
  private decay(): void {
    const frames = Math.floor((this.clock.nowNs - this.emptySinceNs) / this.idleFrameNs);
    if (!Number.isFinite(frames)) {
      this.average = 0; // the link takes no time
      return;
    }
    let square = 1 - this.weight;
    for (let left = frames; left > 0; left = Math.floor(left / 2)) {
      if (left % 2 === 1) this.average *= square;
      square *= square;
    }
  }

  /** Figure 2: whether the frame that comes is to be dropped or marked. */
  private isChosen(len: number): boolean {
    if (this.average < this.min) {
      this.since = 0;
      return false;
    }
    if (this.average >= this.allFrom) {
      this.since = 0;
      return true;
    }
    this.setBase();
    if (this.inBytes) this.base *= len / MAX_FRAME_BYTES;
    const rest = 1 - this.since * this.base; // §7: so the time between marks is uniform, not geometric
    if (rest > 0 && (this.random.int32() >>> 1) * rest >= this.base * DRAWS) {
      this.since++;
      return false;
    }
    this.since = 0;
    return true;
  }

  /** Linear in the average: up to maxP at max_th, and with `gentle` on to 1 at 2·max_th. */
  private setBase(): void {
    const { average, max, maxP, min } = this;
    if (average < max) this.base = (maxP * (average - min)) / (max - min);
    else this.base = maxP + ((1 - maxP) * (average - max)) / max;
  }

  private isMarked(frame: number): boolean {
    if (!this.ecn || this.isOverload() || !markCe(this.frames, frame)) return false;
    this.ledger.countMark();
    return true;
  }

  /** Marks have not helped. */
  private isOverload(): boolean {
    return this.ecn && this.hardDrop && this.average >= this.allFrom;
  }
}
