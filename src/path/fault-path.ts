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
import type { Rng } from '../base/rng.ts';
import { MS, NEVER } from '../base/time.ts';
import type { Clock, DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import type { DelayModel } from './delay.ts';
import { makeDelay, makeJitter } from './delay-spec.ts';
import { InOrder } from './flight.ts';
import { MET, type Medium } from './medium.ts';
import { type LossSpec, makeMedium } from './medium-spec.ts';
import { PathStreams } from './path-streams.ts';

/** Rates are probabilities per frame; what is left out does not happen. */
export interface FaultProfile {
  readonly loss?: LossSpec;
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
  private readonly waiting: InOrder;
  private readonly medium: Medium;
  private readonly reordering: Chance;
  private readonly delay: DelayModel | null;
  private readonly jitter: DelayModel | null;
  private readonly reorderGap: number;
  private readonly reorderHoldNs: number;
  /** The frame held back, how many may still pass it, and until when. */
  private held = NO_FRAME;
  private heldPasses = 0;
  private heldUntilNs = NEVER;

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
    this.waiting = new InOrder(frames);
    const streams = new PathStreams(rng, name);
    this.medium = makeMedium(profile, streams);
    this.reordering = new Chance(streams.of('reordering'), profile.reordering ?? 0);
    this.delay = makeDelay(profile.delayNs ?? 0);
    const uniformNs = profile.jitterNs ?? 0;
    this.jitter = uniformNs > 0 ? makeJitter({ uniformNs }, streams) : null;
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
    const met = this.medium.meet(this.frames, frame, this.clock);
    const isReordered = this.reordering.happens();
    if (met === MET.LOSS) {
      this.stats.count(this.lostId);
      if (this.drops !== null) this.drops.frameDropped(this.frames, frame, LOSS_REASON);
      this.frames.release(frame);
      return;
    }
    if ((met & MET.CORRUPTION) !== 0) this.stats.count(this.corruptedId);
    this.delayFrame(frame);
    if ((met & MET.DUPLICATION) !== 0) {
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

  private delayFrame(frame: number): void {
    const { timeNs } = this.frames;
    timeNs[frame] = this.clock.nowNs;
    if (this.delay !== null) this.delay.delay(this.frames, frame);
    if (this.jitter !== null) this.jitter.delay(this.frames, frame);
    if (timeNs[frame]! > this.clock.nowNs) this.stats.count(this.delayedId);
  }

  private holdBack(frame: number): void {
    this.held = frame;
    this.heldPasses = this.reorderGap;
    this.heldUntilNs = this.frames.timeNs[frame]! + this.reorderHoldNs;
  }

  private queue(frame: number): void {
    this.waiting.push(frame);
    if (this.held !== NO_FRAME && --this.heldPasses <= 0) this.letGo();
  }

  /** Puts the frame held back at the end of the line. */
  private letGo(): void {
    const frame = this.held;
    if (this.heldPasses < this.reorderGap) this.stats.count(this.reorderedId);
    this.held = NO_FRAME;
    this.heldUntilNs = NEVER;
    this.waiting.push(frame);
    this.setDue();
  }
}
