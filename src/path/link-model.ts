/**
 * One direction of a link, fed with frames and time.
 *
 *     take ──► queue ──► transmitter ──► in flight (FIFO) ──► sink
 *             (limits)   len·8 / rate     propagation delay
 *                        loss is drawn here: a lost frame has used the link
 *
 * The model does nothing on its own: `take` and `advance` bring it up to `clock.nowNs`, `dueNs` says
 * when it wants to be advanced. When a transmission starts, its end and its arrival are known, so a frame
 * that follows another closely costs one event, not two: what the transmitter did meanwhile is
 * worked out at the next arrival, with the times at which it happened.
 */
import { assert } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import { NEVER } from '../base/time.ts';
import { FrameList } from '../link/frame-list.ts';
import type { Clock, DropListener, FrameSink } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import type { LossModel } from './loss.ts';
import type { QueueDiscipline } from './queue.ts';

export interface LinkModelParts {
  /** Bits per second of frame bytes; Infinity for none. */
  readonly rateBps: number;
  /** From the last bit sent to the last bit received. */
  readonly delayNs: number;
  readonly queue: QueueDiscipline;
  readonly loss: LossModel | null;
  readonly drops: DropListener | null;
}

export const LINK_COUNTERS = [
  /** frames = delivered + lost + refused + queue.ledger.dropped + discarded + inside, always. */
  'frames',
  'bytes',
  'delivered',
  'deliveredBytes',
  'lost',
  /** The receiver's queue was full, or it was closed. */
  'refused',
  /** Inside when the link was closed. */
  'discarded',
] as const;

const NO_LIMIT = 0x7fffffff;
const LOSS_REASON = 'link: loss';
const REFUSED_REASON = 'link: the receiver has no room';

export class LinkModel implements FrameSink {
  /** When `advance` is to be called, or NEVER. */
  dueNs = NEVER;
  readonly stats = new Counters(LINK_COUNTERS);
  readonly queue: QueueDiscipline;
  private readonly frames: FrameStore;
  private readonly clock: Clock;
  private readonly sink: FrameSink;
  private readonly nsPerByte: number;
  private readonly delayNs: number;
  private readonly loss: LossModel | null;
  private readonly drops: DropListener | null;
  private readonly flight: FrameList;
  /** The transmitter is free from here on; and the part of a nanosecond by which that is too early. */
  private freeAtNs = 0;
  private carryNs = 0;

  private readonly framesId = this.stats.id('frames');
  private readonly bytesId = this.stats.id('bytes');
  private readonly deliveredId = this.stats.id('delivered');
  private readonly deliveredBytesId = this.stats.id('deliveredBytes');
  private readonly lostId = this.stats.id('lost');
  private readonly refusedId = this.stats.id('refused');

  constructor(frames: FrameStore, clock: Clock, sink: FrameSink, parts: LinkModelParts) {
    assert(parts.rateBps > 0, 'a link has a rate');
    assert(parts.delayNs >= 0, 'a link delays by no negative time');
    this.frames = frames;
    this.clock = clock;
    this.sink = sink;
    this.queue = parts.queue;
    this.nsPerByte = 8e9 / parts.rateBps;
    this.delayNs = parts.delayNs;
    this.loss = parts.loss;
    this.drops = parts.drops;
    this.flight = new FrameList(frames);
  }

  /** Frames queued or on the way. */
  get inside(): number {
    return this.queue.count + this.flight.count;
  }

  /** A link takes everything; what its queue has no room for it drops. */
  room(): number {
    return NO_LIMIT;
  }

  take(frame: number): void {
    this.stats.count(this.framesId);
    this.stats.add(this.bytesId, this.frames.lengthOf(frame));
    this.transmit();
    const { nowNs } = this.clock;
    if (this.queue.count === 0 && this.freeAtNs < nowNs) {
      this.freeAtNs = nowNs; // it was idle
      this.carryNs = 0;
    }
    this.frames.timeNs[frame] = nowNs;
    this.queue.clock.advanceTo(nowNs);
    this.queue.enqueue(frame);
    this.transmit();
    this.setDue();
  }

  /** Brings the link up to `clock.nowNs`: delivers what has arrived. */
  advance(): void {
    this.transmit();
    let frame = this.flight.first();
    while (frame !== NO_FRAME && this.frames.timeNs[frame]! <= this.clock.nowNs) {
      this.deliver(this.flight.shift());
      frame = this.flight.first();
    }
    this.setDue();
  }

  /** Releases everything inside, counted. */
  close(): void {
    this.stats.add(this.stats.id('discarded'), this.queue.clear() + this.flight.clear());
    this.dueNs = NEVER;
  }

  /** Starts every transmission that has started by now, each at its own time. */
  private transmit(): void {
    while (this.queue.count > 0 && this.freeAtNs <= this.clock.nowNs) {
      this.queue.clock.advanceTo(this.freeAtNs);
      const frame = this.queue.dequeue();
      if (frame === NO_FRAME) return;
      const exactNs = this.frames.lengthOf(frame) * this.nsPerByte + this.carryNs;
      const wholeNs = Math.floor(exactNs);
      this.carryNs = exactNs - wholeNs;
      this.freeAtNs += wholeNs;
      if (this.loss?.isLost() === true) {
        this.drop(frame, this.lostId, LOSS_REASON);
        continue;
      }
      this.frames.timeNs[frame] = this.freeAtNs + this.delayNs;
      this.flight.push(frame);
    }
  }

  private deliver(frame: number): void {
    if (this.sink.room() <= 0) {
      this.drop(frame, this.refusedId, REFUSED_REASON);
      return;
    }
    this.stats.count(this.deliveredId);
    this.stats.add(this.deliveredBytesId, this.frames.lengthOf(frame));
    this.sink.take(frame);
  }

  private drop(frame: number, id: number, reason: string): void {
    this.stats.count(id);
    if (this.drops !== null) this.drops.frameDropped(this.frames, frame, reason);
    this.frames.release(frame);
  }

  private setDue(): void {
    const frame = this.flight.first();
    if (frame !== NO_FRAME) this.dueNs = this.frames.timeNs[frame]!;
    else if (this.queue.count > 0) this.dueNs = this.freeAtNs;
    else this.dueNs = NEVER;
  }
}
