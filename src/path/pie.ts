/**
 * PIE (RFC 8033): frames that come are dropped with a probability that a controller sets every 15 ms.
 *
 *     p += α (wait − target) + β (wait − wait before)          scaled down while p is small (§4.2)
 *
 * What is there of §5: marks (5.1), waits measured by timestamps instead of a departure rate (§4.3 leaves the
 * choice), drops that are not quite random (5.4), and a cap on the rise of p (5.5). As in Linux it is always
 * active (5.3 would let it sleep while the queue is short).
 *
 * **The timer.** Updates are due at multiples of `updateNs`. Nothing that they read changes between two calls,
 * so those that are due are done at the next call, each as it would have been at its time.
 */
import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { MS, ZERO_NS } from '../base/time.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { ECN, ecnOf, markCe } from './ecn-mark.ts';
import { FifoQueue } from './fifo-queue.ts';
import type { QueueLimits } from './queue.ts';
import { DROPPED } from './queue-ledger.ts';

export interface PieSpec extends QueueLimits {
  /** QDELAY_REF. Default 15 ms. */
  readonly targetNs?: number;
  /** T_UPDATE. Default 15 ms. */
  readonly updateNs?: number;
  /** Of p, for each second too long. Default 1/8 (§4.2). */
  readonly alphaHz?: number;
  /** Of p, for each second longer than before. Default 5/4 (§4.2). */
  readonly betaHz?: number;
  /** MAX_BURST: how long after a quiet time nothing is dropped. Default 150 ms. */
  readonly burstNs?: number;
  /** Marks instead of drops while p is below a tenth (§5.1). Default false. */
  readonly ecn?: boolean;
  /** A frame's chance is in proportion to its length, against 1514. Default false (Linux: bytemode). */
  readonly byBytes?: boolean;
}

/** RFC 8033 §4.2: QDELAY_REF and T_UPDATE. */
const TARGET_NS = 15 * MS;
const UPDATE_NS = 15 * MS;
/** RFC 8033 §4.2: 1/8 and 1 + 1/4, in Hz. */
const ALPHA_HZ = 0.125;
const BETA_HZ = 1.25;
/** RFC 8033 §4.4: MAX_BURST. */
const BURST_NS = 150 * MS;
/** RFC 8033 §4.1: MEAN_PKTSIZE; a frame of full length, as Linux takes it. */
const MEAN_FRAME_BYTES = 1514;
/** RFC 8033 §4.1: below this, and with half the target waited, nothing is dropped. */
const LOW_PROBABILITY = 0.2;
/** RFC 8033 §5.1: MARK_ECNTH. From here on frames are dropped although they could be marked. */
const MOST_MARKED = 0.1;
/** RFC 8033 §5.4: since the last drop at least so many should have been dropped before one is, … */
const ACCUMULATED_LOW = 0.85;
/** … and when as many as this should have been, one is for certain. */
const ACCUMULATED_HIGH = 8.5;
/** Of which chance is a part. (`unit()` returns a double, which would cost 16 bytes a frame.) */
const DRAWS = 2147483648;
/** RFC 8033 §5.5: above the first, p rises by no more than the second at once. */
const CAP_FROM = 0.1;
const CAP_STEP = 0.02;
/** RFC 8033 §4.2: what p falls to in each period in which nothing waits. */
const DECAY = 0.98;
/** RFC 8033 §4.2: while p is below `below`, it is changed by a part only. */
const SCALE = [
  { below: 0.000001, divisor: 2048 },
  { below: 0.00001, divisor: 512 },
  { below: 0.0001, divisor: 128 },
  { below: 0.001, divisor: 32 },
  { below: 0.01, divisor: 8 },
  { below: 0.1, divisor: 2 },
] as const;

export class Pie extends FifoQueue {
  override readonly isTransparent = false;
  /** drop_prob, burst_allowance, accu_prob. */
  probability = 0;
  burstLeftNs = 0;
  accumulated = 0;
  private readonly random: RandomStream;
  private readonly targetNs: number;
  private readonly updateNs: number;
  private readonly alphaPerNs: number;
  private readonly betaPerNs: number;
  private readonly burstNs: number;
  private readonly ecn: boolean;
  private readonly byBytes: boolean;
  private nextUpdateNs = ZERO_NS;
  /** current_qdelay, of the frame that left last; and as the last update saw it. */
  private waitNs = 0;
  private waitBeforeNs = 0;

  constructor(
    frames: FrameStore,
    random: RandomStream,
    spec: PieSpec = {},
    drops: DropListener | null = null,
  ) {
    super(frames, spec, drops);
    this.random = random;
    this.targetNs = spec.targetNs ?? TARGET_NS;
    this.updateNs = spec.updateNs ?? UPDATE_NS;
    this.alphaPerNs = (spec.alphaHz ?? ALPHA_HZ) / 1e9;
    this.betaPerNs = (spec.betaHz ?? BETA_HZ) / 1e9;
    this.burstNs = spec.burstNs ?? BURST_NS;
    this.burstLeftNs = this.burstNs;
    this.ecn = spec.ecn ?? false;
    this.byBytes = spec.byBytes ?? false;
    this.nextUpdateNs = this.updateNs;
    assert(this.updateNs >= 1, 'an update is due some time later');
  }

  override enqueue(frame: number): void {
    this.catchUp();
    const len = this.frames.lengthOf(frame);
    if (this.isFull(frame)) {
      this.accumulated = 0;
      this.ledger.drop(frame, DROPPED.TAIL);
    } else if (this.isChosen(len) && !this.isMarked(frame)) {
      const couldBeMarked = this.ecn && ecnOf(this.frames, frame) !== ECN.NOT_ECT;
      this.ledger.drop(frame, couldBeMarked ? DROPPED.OVERLOAD : DROPPED.EARLY);
    } else {
      this.list.push(frame);
    }
  }

  override dequeue(): number {
    this.catchUp();
    if (this.list.count === 0) return NO_FRAME;
    const frame = this.list.shift();
    this.waitNs = this.list.count === 0 ? 0 : this.clock.nowNs - this.frames.timeNs[frame]!;
    return frame;
  }

  override clear(): number {
    this.becomeQuiet();
    this.waitNs = 0;
    this.waitBeforeNs = 0;
    return super.clear();
  }

  /** All updates that are due by now. Once nothing changes any more, those of a long silence are passed over. */
  catchUp(): void {
    const { nowNs } = this.clock;
    while (nowNs >= this.nextUpdateNs) {
      this.update();
      this.nextUpdateNs += this.updateNs;
      const isSettled = this.probability === 0 && this.burstLeftNs === this.burstNs;
      if (isSettled && this.waitNs === 0 && this.waitBeforeNs === 0) {
        const periods = Math.floor((nowNs - this.nextUpdateNs) / this.updateNs) + 1;
        this.nextUpdateNs += Math.max(0, periods) * this.updateNs;
      }
    }
  }

  /** RFC 8033 §4.1, §5.4: whether the frame that comes is to be dropped or marked. */
  private isChosen(len: number): boolean {
    if (this.burstLeftNs > 0) return false;
    const { probability, targetNs } = this;
    if (this.waitBeforeNs < targetNs / 2 && probability < LOW_PROBABILITY) return false;
    if (this.list.bytes <= 2 * MEAN_FRAME_BYTES) return false;
    if (probability === 0) this.accumulated = 0;
    const own = this.byBytes ? probability * Math.min(1, len / MEAN_FRAME_BYTES) : probability;
    this.accumulated += own;
    if (this.accumulated < ACCUMULATED_LOW) return false;
    const mayPass = this.accumulated < ACCUMULATED_HIGH;
    if (mayPass && this.random.int32() >>> 1 >= own * DRAWS) return false;
    this.accumulated = 0;
    return true;
  }

  /** RFC 8033 §5.1. */
  private isMarked(frame: number): boolean {
    if (!this.ecn || this.probability >= MOST_MARKED || !markCe(this.frames, frame)) return false;
    this.ledger.countMark();
    return true;
  }

  /** RFC 8033 §4.2, §4.4, §5.5: once every T_UPDATE. */
  private update(): void {
    const { targetNs, waitBeforeNs, waitNs } = this;
    let step = this.alphaPerNs * (waitNs - targetNs) + this.betaPerNs * (waitNs - waitBeforeNs);
    step /= this.divisor();
    if (this.probability >= CAP_FROM && step > CAP_STEP) step = CAP_STEP;
    this.probability += step;
    if (waitNs === 0 && waitBeforeNs === 0) this.probability *= DECAY;
    this.probability = Math.min(1, Math.max(0, this.probability));
    this.burstLeftNs = Math.max(0, this.burstLeftNs - this.updateNs);
    const isQuiet = waitNs < targetNs / 2 && waitBeforeNs < targetNs / 2;
    if (isQuiet && this.probability === 0) this.becomeQuiet();
    this.waitBeforeNs = waitNs;
  }

  /** RFC 8033 §4.4: the next burst passes. */
  private becomeQuiet(): void {
    this.probability = 0;
    this.accumulated = 0;
    this.burstLeftNs = this.burstNs;
  }

  /** RFC 8033 §4.2: what a step is divided by, so that a small p is not overshot. */
  private divisor(): number {
    for (let i = 0; i < SCALE.length; i++) {
      if (this.probability < SCALE[i]!.below) return SCALE[i]!.divisor;
    }
    return 1;
  }
}
