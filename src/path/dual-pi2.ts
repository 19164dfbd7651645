/**
 * DualPI2 (RFC 9332): a queue for scalable senders with a wait below a millisecond beside one for all others, and
 * one controller for both, so that a flow gets about the same rate in either.
 *
 *                       ┌─ ECT(1), CE ─► L ─── marked with max(ramp(wait), k·p') ───┐
 *     frame ─ classifier┤                                                           ├─ weighted round robin ─►
 *                       └─ others ─────► C ─── dropped or marked with p'² ──────────┘
 *
 *     p' += α (wait − target) + β (wait − wait before)        every Tupdate, PI
 *
 * A window falls with 1/p in L and with 1/√p in C: hence p_C = (p_CL / k)² (§2.1).
 *
 * **The timer.** Updates are due at multiples of `updateNs`. What they read changes only by time between two calls,
 * so those that are due are done at the next call, each as it would have been at its time.
 */
import { assert } from '../base/assert.ts';
import { MS, US, ZERO_NS } from '../base/time.ts';
import { FrameList } from '../link/frame-list.ts';
import type { DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { ECN, ecnOf, markCe } from './ecn-mark.ts';
import { QueueClock, type QueueDiscipline, type QueueLimits } from './queue.ts';
import { DROPPED, QueueLedger } from './queue-ledger.ts';

/** `limitFrames` 10000 unless said. */
export interface DualPi2Spec extends QueueLimits {
  /** Of the C queue. Default 15 ms. */
  readonly targetNs?: number;
  /** RTT_max: the longest round trip that the controller stays stable with. Default 100 ms. */
  readonly maxRttNs?: number;
  /** Tupdate. Default: the target, or a third of RTT_max if that is less. */
  readonly updateNs?: number;
  /** Of p', for each second too long. Default 0.1·Tupdate/RTT_max²: 0.15. */
  readonly alphaHz?: number;
  /** Of p', for each second longer than before. Default 0.3/RTT_max: 3. */
  readonly betaHz?: number;
  /** k. Default 2: equal rates with equal round trips (§2.1). */
  readonly coupling?: number;
  /** minTh: a frame of L that waited longer may be marked. Default 800 µs. */
  readonly rampFromNs?: number;
  /** One that waited so much longer is. Default 400 µs; 0 makes the ramp a step, as Linux's step_thresh of 1 ms. */
  readonly rampNs?: number;
  /** Th_len: no more frames in L than this, and the ramp marks none. Default 1. */
  readonly rampFrames?: number;
  /** C's part of the rate while both queues hold frames. Default 0.1 (Linux: classic_protection 10 %). */
  readonly classicShare?: number;
}

/** Linux: 125 ms at 1 Gbit/s. (RFC 9332 A.1: 250 ms at the link's rate.) */
const LIMIT_FRAMES = 10000;
/** RFC 9332 A.1. */
const TARGET_NS = 15 * MS;
const MAX_RTT_NS = 100 * MS;
const COUPLING = 2;
const RAMP_FROM_NS = 800 * US;
const RAMP_NS = 400 * US;
const RAMP_FRAMES = 1;
const CLASSIC_SHARE = 0.1;
/** RFC 9332 A.1: the most that L is marked with. */
const MAX_L = 1;
/** What round robin counts a turn in. */
const MTU_BYTES = 1514;

export class DualPi2 implements QueueDiscipline {
  readonly ledger: QueueLedger;
  readonly clock = new QueueClock();
  readonly isTransparent = false;
  /** p'. */
  base = 0;
  /** p_C, p_CL. */
  classicProbability = 0;
  coupledProbability = 0;
  private readonly frames: FrameStore;
  private readonly low: FrameList;
  private readonly classic: FrameList;
  private readonly limitFrames: number;
  private readonly limitBytes: number;
  private readonly targetNs: number;
  private readonly updateNs: number;
  private readonly alphaPerNs: number;
  private readonly betaPerNs: number;
  private readonly coupling: number;
  /** p_Cmax: L is saturated where C is dropped with this. */
  private readonly maxC: number;
  private readonly rampFromNs: number;
  private readonly rampNs: number;
  private readonly rampFrames: number;
  private readonly classicShare: number;
  private nextUpdateNs = ZERO_NS;
  private waitBeforeNs = 0;
  /** RFC 9332 A.1, recur(): what of a mark, or a drop, each queue has earned. */
  private lowOwed = 0;
  private classicOwed = 0;
  /** Bytes that C may send before L; not above 0: L's turn. */
  private credit = 0;

  constructor(frames: FrameStore, spec: DualPi2Spec = {}, drops: DropListener | null = null) {
    this.frames = frames;
    this.ledger = new QueueLedger(frames, drops);
    this.low = new FrameList(frames);
    this.classic = new FrameList(frames);
    this.limitFrames = Math.max(1, spec.limitFrames ?? LIMIT_FRAMES);
    this.limitBytes = spec.limitBytes ?? Infinity;
    const maxRttNs = spec.maxRttNs ?? MAX_RTT_NS;
    this.targetNs = spec.targetNs ?? TARGET_NS;
    this.updateNs = spec.updateNs ?? Math.floor(Math.min(this.targetNs, maxRttNs / 3));
    const updateSec = this.updateNs / 1e9;
    const maxRttSec = maxRttNs / 1e9;
    this.alphaPerNs = (spec.alphaHz ?? (0.1 * updateSec) / (maxRttSec * maxRttSec)) / 1e9;
    this.betaPerNs = (spec.betaHz ?? 0.3 / maxRttSec) / 1e9;
    this.coupling = spec.coupling ?? COUPLING;
    this.maxC = Math.min(1 / (this.coupling * this.coupling), 1);
    this.rampFromNs = spec.rampFromNs ?? RAMP_FROM_NS;
    this.rampNs = spec.rampNs ?? RAMP_NS;
    this.rampFrames = spec.rampFrames ?? RAMP_FRAMES;
    this.classicShare = spec.classicShare ?? CLASSIC_SHARE;
    this.nextUpdateNs = this.updateNs;
    assert(this.updateNs >= 1, 'an update is due some time later');
    assert(this.coupling > 0, 'the queues are coupled');
    assert(this.classicShare >= 0 && this.classicShare < 1, 'a share is a part of one');
    this.resetCredit();
  }

  get count(): number {
    return this.low.count + this.classic.count;
  }

  get bytes(): number {
    return this.low.bytes + this.classic.bytes;
  }

  /** RFC 9332 A.1; §2.3: ECT(1) and CE are L's. */
  enqueue(frame: number): void {
    this.catchUp();
    const { count } = this;
    const isFull = this.bytes + this.frames.lengthOf(frame) > this.limitBytes;
    if (count >= this.limitFrames || (count > 0 && isFull)) this.ledger.drop(frame, DROPPED.TAIL);
    else if ((ecnOf(this.frames, frame) & 1) === 1) this.low.push(frame);
    else this.classic.push(frame);
  }

  /** RFC 9332 A.2. */
  dequeue(): number {
    this.catchUp();
    while (this.low.count + this.classic.count > 0) {
      const isLow = this.isLowNext();
      const frame = isLow ? this.takeLow() : this.takeClassic();
      if (frame !== NO_FRAME) return frame;
    }
    return NO_FRAME;
  }

  clear(): number {
    this.base = 0;
    this.classicProbability = 0;
    this.coupledProbability = 0;
    this.waitBeforeNs = 0;
    this.lowOwed = 0;
    this.classicOwed = 0;
    this.resetCredit();
    return this.low.clear() + this.classic.clear();
  }

  /** All updates that are due by now. Once nothing changes any more, those of a long silence are passed over. */
  catchUp(): void {
    const { nowNs } = this.clock;
    while (nowNs >= this.nextUpdateNs) {
      this.update();
      this.nextUpdateNs += this.updateNs;
      if (this.base === 0 && this.waitBeforeNs === 0 && this.count === 0) {
        const periods = Math.floor((nowNs - this.nextUpdateNs) / this.updateNs) + 1;
        this.nextUpdateNs += Math.max(0, periods) * this.updateNs;
      }
    }
  }

  /** RFC 9332 A.1, with the longer of both waits (A.2): L in overload is the controller's work, too. */
  private update(): void {
    const { timeNs } = this.frames;
    const low = this.low.first();
    const classic = this.classic.first();
    let sinceNs = this.nextUpdateNs;
    if (low !== NO_FRAME) sinceNs = timeNs[low]!;
    if (classic !== NO_FRAME && timeNs[classic]! < sinceNs) sinceNs = timeNs[classic]!;
    const waitNs = this.nextUpdateNs - sinceNs;
    const step =
      this.alphaPerNs * (waitNs - this.targetNs) + this.betaPerNs * (waitNs - this.waitBeforeNs);
    this.base = Math.min(1, Math.max(0, this.base + step));
    this.waitBeforeNs = waitNs;
    this.coupledProbability = Math.min(this.coupling * this.base, MAX_L);
    this.classicProbability = this.base * this.base;
  }

  /** Sends, marks or drops the oldest of L; NO_FRAME when it was dropped. */
  private takeLow(): number {
    const hasCompany = this.low.count > this.rampFrames;
    const frame = this.low.shift();
    this.credit += this.classicShare * this.frames.lengthOf(frame);
    if (this.coupledProbability >= MAX_L) {
      // Overload: marks are at their most, so L is dropped from as C is (A.2).
      if (this.isLowDue(this.classicProbability)) {
        this.ledger.drop(frame, DROPPED.OVERLOAD);
        return NO_FRAME;
      }
      if (this.isLowDue(MAX_L)) this.mark(frame);
      return frame;
    }
    const native = hasCompany ? this.ramp(this.clock.nowNs - this.frames.timeNs[frame]!) : 0;
    if (this.isLowDue(Math.max(native, this.coupledProbability))) this.mark(frame);
    return frame;
  }

  private takeClassic(): number {
    const frame = this.classic.shift();
    this.credit -= (1 - this.classicShare) * this.frames.lengthOf(frame);
    if (!this.isClassicDue(this.classicProbability)) return frame;
    const isOverload = this.classicProbability >= this.maxC;
    if (!isOverload && this.mark(frame)) return frame;
    const couldBeMarked = isOverload && ecnOf(this.frames, frame) !== ECN.NOT_ECT;
    this.ledger.drop(frame, couldBeMarked ? DROPPED.OVERLOAD : DROPPED.EARLY);
    return NO_FRAME;
  }

  /** RFC 9332 A.1, laqm(): the mark of L's own wait. */
  private ramp(waitNs: number): number {
    const beyondNs = waitNs - this.rampFromNs;
    if (beyondNs >= this.rampNs && beyondNs >= 0) return 1;
    return beyondNs > 0 ? beyondNs / this.rampNs : 0;
  }

  /** RFC 9332 A.1, recur(): true as often as the likelihood says, evenly spaced. */
  private isLowDue(likelihood: number): boolean {
    this.lowOwed += likelihood;
    if (this.lowOwed <= 1) return false;
    this.lowOwed -= 1;
    return true;
  }

  private isClassicDue(likelihood: number): boolean {
    this.classicOwed += likelihood;
    if (this.classicOwed <= 1) return false;
    this.classicOwed -= 1;
    return true;
  }

  private mark(frame: number): boolean {
    if (!markCe(this.frames, frame)) return false;
    this.ledger.countMark();
    return true;
  }

  /**
   * Weighted round robin by bytes (§2.4: L first, but without starving C): for each byte of L, C earns its
   * share of one; for each of its own it pays the rest. While one is empty there is nothing to share.
   */
  private isLowNext(): boolean {
    if (this.low.count > 0 && this.classic.count > 0) return this.credit <= 0;
    this.resetCredit();
    return this.low.count > 0;
  }

  private resetCredit(): void {
    this.credit = MTU_BYTES * (2 * this.classicShare - 1);
  }
}
