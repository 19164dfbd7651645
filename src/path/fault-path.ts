/**
 * What happens to frames on one way through a faulty device.
 *
 *     feed ── lost? ── corrupted? ── duplicated? ──┬────────────► waiting (FIFO by due time) ──► shift
 *                                                  └─ held back ──────┘
 *                                                  until `reorderGap` frames went by, or a time
 *
 * Each kind of fault has a stream of its own and draws for every frame, so that the corrupted frames
 * are the same ones with and without loss. Delay keeps the order; only reordering breaks it.
 */
import { Chance } from '../base/chance.ts';
import { Counters } from '../base/counters.ts';
import type { RandomStream, Rng } from '../base/rng.ts';
import { MS, NEVER } from '../base/time.ts';
import { FrameList } from '../link/frame-list.ts';
import type { Clock, DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { RX, RX_STRIDE } from '../link/ring-layout.ts';

/** Rates are probabilities per frame; what is left out does not happen. */
export interface FaultProfile {
  readonly loss?: number;
  readonly duplication?: number;
  readonly corruption?: number;
  readonly reordering?: number;
  /** A frame held back lets this many others pass. Default 1. */
  readonly reorderGap?: number;
  /** And is let go after this time when fewer come. Default 10 ms. */
  readonly reorderHoldNs?: number;
  readonly delayNs?: number;
  /** Added to the delay, uniform over [0, jitterNs). */
  readonly jitterNs?: number;
}

export const FAULT_COUNTERS = [
  /** frames + duplicated = delivered + lost + discarded + waiting, always. */
  'frames',
  'delivered',
  'lost',
  'duplicated',
  'corrupted',
  /** Frames that at least one later frame overtook. */
  'reordered',
  'delayed',
  /** Waiting when the device was closed. */
  'discarded',
] as const;
export type FaultStats = Counters<(typeof FAULT_COUNTERS)[number]>;

const LOSS_REASON = 'fault: loss';

export class FaultPath {
  /** When the next frame is due, or NEVER. A field: a double that a call returns is 16 bytes of garbage. */
  dueNs = NEVER;
  readonly stats: FaultStats = new Counters(FAULT_COUNTERS);
  private readonly frames: FrameStore;
  private readonly clock: Clock;
  private readonly drops: DropListener | null;
  private readonly waiting: FrameList;
  private readonly loss: Chance;
  private readonly duplication: Chance;
  private readonly corruption: Chance;
  private readonly reordering: Chance;
  private readonly bits: RandomStream;
  private readonly jitter: RandomStream;
  private readonly delayNs: number;
  private readonly jitterNs: number;
  private readonly reorderGap: number;
  private readonly reorderHoldNs: number;
  /** The frame held back, how many may still pass it, and until when. */
  private held = NO_FRAME;
  private heldPasses = 0;
  private heldUntilNs = NEVER;
  private lastDueNs = 0;

  private readonly framesId = this.stats.id('frames');
  private readonly deliveredId = this.stats.id('delivered');
  private readonly lostId = this.stats.id('lost');
  private readonly duplicatedId = this.stats.id('duplicated');
  private readonly corruptedId = this.stats.id('corrupted');
  private readonly reorderedId = this.stats.id('reordered');
  private readonly delayedId = this.stats.id('delayed');
  private readonly discardedId = this.stats.id('discarded');

  /** @param name of the streams: `fault.<device>.<rx|tx>` */
  constructor(
    frames: FrameStore,
    clock: Clock,
    rng: Rng,
    name: string,
    profile: FaultProfile,
    drops: DropListener | null,
  ) {
    this.frames = frames;
    this.clock = clock;
    this.drops = drops;
    this.waiting = new FrameList(frames);
    this.loss = new Chance(rng.stream(`${name}.loss`), profile.loss ?? 0);
    this.duplication = new Chance(rng.stream(`${name}.duplication`), profile.duplication ?? 0);
    this.corruption = new Chance(rng.stream(`${name}.corruption`), profile.corruption ?? 0);
    this.reordering = new Chance(rng.stream(`${name}.reordering`), profile.reordering ?? 0);
    this.bits = rng.stream(`${name}.bits`);
    this.jitter = rng.stream(`${name}.jitter`);
    this.delayNs = profile.delayNs ?? 0;
    this.jitterNs = profile.jitterNs ?? 0;
    this.reorderGap = profile.reorderGap ?? 1;
    this.reorderHoldNs = profile.reorderHoldNs ?? 10 * MS;
  }

  /** Frames inside, due or not. */
  get count(): number {
    return this.waiting.count + (this.held === NO_FRAME ? 0 : 1);
  }

  /** Takes the frame over. */
  feed(frame: number): void {
    this.stats.count(this.framesId);
    const isLost = this.loss.happens();
    const isCorrupted = this.corruption.happens();
    const isDuplicated = this.duplication.happens();
    const isReordered = this.reordering.happens();
    if (isLost) {
      this.stats.count(this.lostId);
      if (this.drops !== null) this.drops.frameDropped(this.frames, frame, LOSS_REASON);
      this.frames.release(frame);
      return;
    }
    if (isCorrupted) this.corrupt(frame);
    this.delay(frame);
    if (isDuplicated) {
      this.stats.count(this.duplicatedId); // and not held back: only its own copy might overtake it
      this.queue(this.frames.clone(frame));
      this.queue(frame);
    } else if (isReordered && this.held === NO_FRAME) this.holdBack(frame);
    else this.queue(frame);
    this.setDue();
  }

  /** The next frame that is due, still inside; or NO_FRAME. */
  firstDue(): number {
    if (this.heldUntilNs <= this.clock.nowNs) this.letGo();
    const frame = this.waiting.first();
    if (frame === NO_FRAME || this.frames.timeNs[frame]! > this.clock.nowNs) return NO_FRAME;
    return frame;
  }

  /** Takes `firstDue` out: it is the caller's now. */
  shift(): number {
    this.stats.count(this.deliveredId);
    const frame = this.waiting.shift();
    this.setDue();
    return frame;
  }

  discard(): void {
    if (this.held !== NO_FRAME) this.letGo();
    this.stats.add(this.discardedId, this.waiting.clear());
    this.setDue();
  }

  private setDue(): void {
    const frame = this.waiting.first();
    // No `frame === NO_FRAME ? NEVER : …` here: an imported constant in one branch boxes the other.
    if (frame === NO_FRAME) this.dueNs = this.heldUntilNs;
    else this.dueNs = Math.min(this.frames.timeNs[frame]!, this.heldUntilNs);
  }

  private delay(frame: number): void {
    let delayNs = this.delayNs;
    if (this.jitterNs > 0) {
      delayNs += Math.floor(((this.jitter.int32() >>> 0) / 4294967296) * this.jitterNs);
    }
    if (delayNs > 0) this.stats.count(this.delayedId);
    this.frames.timeNs[frame] = this.clock.nowNs + delayNs;
  }

  private holdBack(frame: number): void {
    this.held = frame;
    this.heldPasses = this.reorderGap;
    this.heldUntilNs = this.frames.timeNs[frame]! + this.reorderHoldNs;
  }

  private queue(frame: number): void {
    this.append(frame);
    if (this.held !== NO_FRAME && --this.heldPasses <= 0) this.letGo();
  }

  /** Puts the frame held back at the end of the line. */
  private letGo(): void {
    const frame = this.held;
    if (this.heldPasses < this.reorderGap) this.stats.count(this.reorderedId);
    this.held = NO_FRAME;
    this.heldUntilNs = NEVER;
    this.append(frame);
    this.setDue();
  }

  private append(frame: number): void {
    if (this.frames.timeNs[frame]! < this.lastDueNs) this.frames.timeNs[frame] = this.lastDueNs;
    else this.lastDueNs = this.frames.timeNs[frame]!;
    this.waiting.push(frame);
  }

  /**
   * Flips one bit in a copy whose checksum is on the wire, so that the receiver can notice. A
   * super-frame is left alone: segmentation would compute good checksums over the bad bytes.
   */
  private corrupt(frame: number): void {
    if (this.frames.words[frame * RX_STRIDE + RX.GSO] !== 0) return;
    if (!this.frames.makeOwn(frame)) return;
    this.stats.count(this.corruptedId);
    const bit = this.bits.below(this.frames.lengthOf(frame) * 8);
    this.frames.slab.u8[this.frames.offsetOf(frame) + (bit >> 3)]! ^= 1 << (bit & 7);
  }
}
