/**
 * One direction of a link, fed with frames and time. Each part is there or null:
 *
 *     take ─► gate ─────► policer ─► queue ─► transmitter ─► medium ─┐
 *             partitions, tokens     limits   rate model     loss,   │
 *             MTU                                            flips   │
 *          ┌─────────────────────────────────────────────────────────┘
 *          └► delay, jitter ─► in flight ─► aggregation ─► sink
 *                              in order,    slots,
 *                              or a heap    groups
 *
 * The model does nothing on its own: `take` and `advance` bring it up to the clock's `nowNs`, `dueNs` says when it
 * wants to be advanced. So a link needs one entry in a heap of events, however many frames it carries.
 *
 * **After the fact.** When a transmission starts, its end and its arrival are known, so a frame that follows another
 * closely costs one event, not two: what the transmitter did meanwhile is worked out at the next arrival, with the
 * times at which it happened. `time` (a LinkClock) and the queue's clock show these times to the parts. What comes out
 * is the same however often and whenever `advance` is called.
 *
 * **The account.** Every frame is somewhere: frames + duplicated = delivered + each reason for which one ended + inside, always.
 */
import type { Chance } from '../base/chance.ts';
import { Counters } from '../base/counters.ts';
import { NEVER } from '../base/time.ts';
import type { Clock, DropListener, FrameSink } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import type { Aggregation } from './aggregation.ts';
import type { Corruption } from './corruption.ts';
import type { DelayModel } from './delay.ts';
import { type Flight, InOrder, Overtaking } from './flight.ts';
import type { FlowFilter } from './flow-filter.ts';
import { GATE, type Gate } from './gate.ts';
import type { LinkClock } from './link-clock.ts';
import type { LossModel } from './loss.ts';
import { MET, type Medium } from './medium.ts';
import type { QueueDiscipline } from './queue.ts';
import type { RateModel } from './rate.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface LinkModelParts {
  /** The link's own: what its queue and its other parts were given. */
  readonly time: LinkClock;
  readonly gate: Gate;
  /** Drops what comes faster. */
  readonly policer: TokenBucket | null;
  readonly queue: QueueDiscipline;
  /** Null: no time passes between the first bit and the last. */
  readonly rate: RateModel | null;
  /** Asked when a transmission starts: a lost frame has used the link. */
  readonly medium: Medium;
  /** From the last bit sent to the last bit received. */
  readonly delay: DelayModel | null;
  /** Added to the delay; the sum is never below 0. */
  readonly jitter: DelayModel | null;
  /** Whether a frame may arrive before one that left before it. */
  readonly mayReorder: boolean;
  readonly aggregation: Aggregation | null;
  readonly drops: DropListener | null;
}

export const LINK_COUNTERS = [
  /** frames + duplicated = delivered + cut + tooLong + policed + lost + refused + queue.ledger.dropped + discarded + inside, always. */
  'frames',
  'bytes',
  'delivered',
  'deliveredBytes',
  /** The link was cut for it. */
  'cut',
  /** Longer than the MTU. */
  'tooLong',
  /** The policer had no tokens for it. */
  'policed',
  'lost',
  /** Arrived with a bit that is another, unless they ended otherwise. */
  'corrupted',
  'duplicated',
  /** The receiver's queue was full, or it was closed. */
  'refused',
  /** Inside when the link was closed. */
  'discarded',
] as const;

// Own constants: see CONTRIBUTING.md, "Hot modules".
const id = (name: (typeof LINK_COUNTERS)[number]): number => LINK_COUNTERS.indexOf(name);
const FRAMES = id('frames');
const BYTES = id('bytes');
const DELIVERED = id('delivered');
const DELIVERED_BYTES = id('deliveredBytes');
const CUT = id('cut');
const TOO_LONG = id('tooLong');
const POLICED = id('policed');
const LOST = id('lost');
const CORRUPTED = id('corrupted');
const DUPLICATED = id('duplicated');
const REFUSED = id('refused');
const DISCARDED = id('discarded');
const NONE = NO_FRAME;
const NO_LIMIT = 0x7fffffff;
const CUT_REASON = 'link: partitioned';
const TOO_LONG_REASON = 'link: longer than the MTU';
const POLICED_REASON = 'link: policed';
const LOSS_REASON = 'link: loss';
const REFUSED_REASON = 'link: the receiver has no room';

export class LinkModel implements FrameSink {
  /** When `advance` is to be called, or NEVER. */
  dueNs = NEVER;
  readonly stats = new Counters(LINK_COUNTERS);
  private readonly counts = this.stats.values;
  readonly queue: QueueDiscipline;
  private readonly frames: FrameStore;
  private readonly clock: Clock;
  private readonly sink: FrameSink;
  private readonly time: LinkClock;
  private readonly gate: Gate;
  /** Neither the gate nor a policer stops anybody; nothing happens on the medium: they need not be asked. */
  private isOpen: boolean;
  private isClear: boolean;
  /** What the queue would say, so that an idle link need not ask it: whether frames wait, whether one may pass it by. */
  private hasQueued = false;
  private readonly isTransparent: boolean;
  private readonly policer: TokenBucket | null;
  private rate: RateModel | null;
  private readonly medium: Medium;
  private delay: DelayModel | null;
  private jitter: DelayModel | null;
  private readonly mayReorder: boolean;
  private readonly flight: Flight;
  private readonly aggregation: Aggregation | null;
  private readonly drops: DropListener | null;

  constructor(frames: FrameStore, clock: Clock, sink: FrameSink, parts: LinkModelParts) {
    this.frames = frames;
    this.clock = clock;
    this.sink = sink;
    this.time = parts.time;
    this.gate = parts.gate;
    this.policer = parts.policer;
    this.queue = parts.queue;
    this.rate = parts.rate;
    this.medium = parts.medium;
    this.delay = parts.delay;
    this.jitter = parts.jitter;
    this.mayReorder = parts.mayReorder;
    this.flight = parts.mayReorder ? new Overtaking(frames) : new InOrder(frames);
    this.aggregation = parts.aggregation;
    this.drops = parts.drops;
    this.isOpen = this.gate.isOpen && this.policer === null;
    this.isClear = this.medium.isClear;
    this.isTransparent = this.queue.isTransparent;
  }

  /** When the transmitter takes the next frame that waits; NEVER when none does. */
  get nextStartNs(): number {
    return this.queue.count === 0 ? NEVER : this.time.readyNs;
  }

  /** Frames queued, on the way or gathered. */
  get inside(): number {
    const gathered = this.aggregation === null ? 0 : this.aggregation.count;
    return this.queue.count + this.flight.count + gathered;
  }

  /** Frames dropped on purpose or for want of room, anywhere but on the medium. */
  get dropped(): number {
    const { values } = this.stats;
    const before = values[CUT]! + values[TOO_LONG]! + values[POLICED]!;
    return before + this.queue.ledger.dropped + values[REFUSED]!;
  }

  /** A link takes everything; what its queue has no room for it drops. */
  room(): number {
    return NO_LIMIT;
  }

  take(frame: number): void {
    const { counts } = this;
    counts[FRAMES]!++;
    counts[BYTES]! += this.frames.lengthOf(frame);
    if (this.hasQueued) this.transmit();
    this.time.follow(this.clock);
    if (this.isOpen || this.admits(frame)) this.enter(frame);
    this.setDue();
  }

  /** Brings the link up to `clock.nowNs`: delivers what has arrived. */
  advance(): void {
    if (this.hasQueued) this.transmit();
    this.time.follow(this.clock);
    this.arrive();
    if (this.aggregation !== null) this.releaseGathered(this.aggregation);
    this.setDue();
  }

  /** Works out what the transmitter has done by now, and drops what it dropped; `advance` would, too, but later. */
  settle(): void {
    this.transmit();
  }

  /** Lets nobody in, or none of these flows, until `heal`. What is inside goes on. */
  cut(flows: FlowFilter | null): void {
    this.gate.cut(flows);
    this.isOpen = false;
  }

  heal(): void {
    this.gate.heal();
    this.isOpen = this.gate.isOpen && this.policer === null;
  }

  /** From the next transmission on; null for no limit. */
  setRate(rate: RateModel | null): void {
    this.transmit();
    this.rate = rate;
    this.setDue();
  }

  /** Of frames that begin to be sent from now on. */
  setDelay(delay: DelayModel | null): void {
    this.transmit();
    this.delay = delay;
    this.setDue();
  }

  setJitter(jitter: DelayModel | null): void {
    this.transmit();
    this.jitter = jitter;
    this.setDue();
  }

  setLoss(loss: LossModel | null): void {
    this.transmit();
    this.medium.setLoss(loss);
    this.isClear = this.medium.isClear;
    this.setDue();
  }

  setCorruption(corruption: Corruption | null): void {
    this.transmit();
    this.medium.setCorruption(corruption);
    this.isClear = this.medium.isClear;
    this.setDue();
  }

  setDuplication(duplication: Chance | null): void {
    this.transmit();
    this.medium.setDuplication(duplication);
    this.isClear = this.medium.isClear;
    this.setDue();
  }

  /** Releases everything inside, counted. */
  close(): void {
    let discarded = this.queue.clear() + this.flight.clear();
    this.hasQueued = false;
    if (this.aggregation !== null) discarded += this.aggregation.clear();
    this.stats.add(DISCARDED, discarded);
    this.dueNs = NEVER;
  }

  /** Whether the frame may enter; one that may not is dropped. */
  private admits(frame: number): boolean {
    const { time, policer } = this;
    const judged = this.gate.judge(this.frames, frame, time);
    if (judged === GATE.CUT) this.drop(frame, CUT, CUT_REASON);
    else if (judged === GATE.TOO_LONG) this.drop(frame, TOO_LONG, TOO_LONG_REASON);
    else if (policer !== null && !policer.takes(this.frames.lengthOf(frame), time)) {
      this.drop(frame, POLICED, POLICED_REASON);
    } else return true;
    return false;
  }

  /** Into the queue, and out of it if the transmitter is free. */
  private enter(frame: number): void {
    const { time } = this;
    if (!this.hasQueued) {
      this.wake();
      if (this.isTransparent && time.readyNs <= time.nowNs) {
        time.toReady();
        this.send(frame);
        return;
      }
    }
    const { queue } = this;
    this.frames.timeNs[frame] = time.nowNs;
    queue.clock.advanceTo(time.nowNs);
    queue.enqueue(frame);
    this.transmit();
  }

  private wake(): void {
    const { time } = this;
    if (this.rate !== null) this.rate.wake(time);
    else if (time.readyNs < time.nowNs) time.readyNow();
  }

  /** Starts every transmission that has started by now, each at its own time. */
  private transmit(): void {
    const { time, queue } = this;
    while (queue.count > 0 && time.readyNs <= this.clock.nowNs) {
      time.toReady();
      queue.clock.advanceTo(time.nowNs);
      const frame = queue.dequeue();
      if (frame === NONE) break;
      this.send(frame);
    }
    this.hasQueued = queue.count > 0;
  }

  /** The transmitter takes the frame at `time.readyNs`, which is `time.nowNs`. */
  private send(frame: number): void {
    const { time, rate } = this;
    if (rate === null) time.sent(time.readyNs, time.readyNs);
    else rate.send(this.frames.lengthOf(frame), time);
    if (this.isClear) this.fly(frame);
    else this.cross(frame);
  }

  /** What the medium does to a frame that is being sent. */
  private cross(frame: number): void {
    const met = this.medium.meet(this.frames, frame, this.time);
    if (met === MET.LOSS) {
      this.drop(frame, LOST, LOSS_REASON);
      return;
    }
    if ((met & MET.CORRUPTION) !== 0) this.stats.count(CORRUPTED);
    if ((met & MET.DUPLICATION) !== 0) {
      this.stats.count(DUPLICATED);
      this.fly(this.frames.clone(frame));
    }
    this.fly(frame);
  }

  private fly(frame: number): void {
    const { timeNs } = this.frames;
    const { endNs } = this.time;
    timeNs[frame] = endNs;
    if (this.delay !== null) this.delay.delay(this.frames, frame);
    if (this.jitter !== null) {
      this.jitter.delay(this.frames, frame);
      if (timeNs[frame]! < endNs) timeNs[frame] = endNs;
    }
    this.flight.push(frame);
  }

  private arrive(): void {
    const { flight, aggregation } = this;
    const { timeNs } = this.frames;
    let frame = flight.first();
    while (frame !== NONE && timeNs[frame]! <= this.clock.nowNs) {
      flight.shift();
      if (aggregation === null) this.deliver(frame);
      else aggregation.gather(frame);
      frame = flight.first();
    }
  }

  private releaseGathered(aggregation: Aggregation): void {
    let frame = aggregation.release(this.time);
    while (frame !== NONE) {
      this.deliver(frame);
      frame = aggregation.release(this.time);
    }
  }

  private deliver(frame: number): void {
    if (this.sink.room() <= 0) {
      this.drop(frame, REFUSED, REFUSED_REASON);
      return;
    }
    const { counts } = this;
    counts[DELIVERED]!++;
    counts[DELIVERED_BYTES]! += this.frames.lengthOf(frame);
    this.sink.take(frame);
  }

  private drop(frame: number, id: number, reason: string): void {
    this.stats.count(id);
    if (this.drops !== null) this.drops.frameDropped(this.frames, frame, reason);
    this.frames.release(frame);
  }

  /**
   * At the next arrival, before which the transmitter need not be looked after: what it starts meanwhile
   * arrives later, unless frames may overtake each other.
   */
  private setDue(): void {
    const frame = this.flight.first();
    if (this.aggregation !== null) {
      this.aggregation.plan(frame);
      this.dueNs = this.aggregation.dueNs;
    } else if (frame === NONE) this.dueNs = NEVER;
    else this.dueNs = this.frames.timeNs[frame]!;
    if ((frame === NONE || this.mayReorder) && this.hasQueued) {
      this.dueNs = Math.min(this.dueNs, this.time.readyNs);
    }
  }
}
