import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import type { Rng } from '../base/rng.ts';
import type { Clock, DropListener, FrameSink } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { LinkModel } from '../path/link-model.ts';
import { RandomLoss } from '../path/loss.ts';
import { makeQueue, type QueueSpec } from '../path/queue-spec.ts';
import type { TraceHash } from './trace-hash.ts';

/** One direction of a link. What is left out does not limit. */
export interface LinkSpec {
  /** Names its random stream. Default: its number. */
  readonly name?: string;
  readonly rateBps?: number;
  readonly delayNs?: number;
  /** Who waits, who is dropped, who is marked. Default: drop-tail. */
  readonly queue?: QueueSpec;
  /** The queue's limits, where `queue` says none. */
  readonly queueFrames?: number;
  readonly queueBytes?: number;
  /** Probability per frame. */
  readonly loss?: number;
  /** Told of each frame the link loses or drops. */
  readonly drops?: DropListener;
}

/** What a link needs of the simulation it is part of. */
export interface LinkWorld {
  readonly frames: FrameStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly events: DeadlineQueue;
  /** Null when nobody compares runs. */
  readonly trace: TraceHash | null;
}

/** One direction of a link in virtual time: a model, and its one entry in the event heap. */
export class SimLink implements FrameSink, Expirable {
  readonly name: string;
  readonly model: LinkModel;
  private readonly events: DeadlineQueue;
  private readonly deadline = new Deadline(this);

  /** @param id tells links apart in the trace: the number of links made before. */
  constructor(world: LinkWorld, id: number, name: string, target: FrameSink, spec: LinkSpec) {
    this.name = name;
    this.events = world.events;
    const { frames, clock } = world;
    const drops = spec.drops ?? null;
    const queue: QueueSpec = {
      ...(spec.queueFrames === undefined ? {} : { limitFrames: spec.queueFrames }),
      ...(spec.queueBytes === undefined ? {} : { limitBytes: spec.queueBytes }),
      ...(spec.queue ?? { kind: 'drop-tail' }),
    };
    const { trace } = world;
    const sink = trace === null ? target : new TracedSink(frames, clock, trace, id, target);
    this.model = new LinkModel(frames, clock, sink, {
      rateBps: spec.rateBps ?? Infinity,
      delayNs: spec.delayNs ?? 0,
      queue: makeQueue(queue, { frames, drops }),
      loss: spec.loss ? new RandomLoss(world.rng.stream(`link.${name}.loss`), spec.loss) : null,
      drops,
    });
  }

  room(): number {
    return this.model.room();
  }

  take(frame: number): void {
    this.model.take(frame);
    this.arm();
  }

  expire(): void {
    this.model.advance();
    this.arm();
  }

  close(): void {
    this.model.close();
    this.events.remove(this.deadline);
  }

  private arm(): void {
    if (this.model.dueNs !== this.deadline.dueNs) this.events.armAs(this.deadline, this.model);
  }
}

/** Notes each frame on its way to the target. */
class TracedSink implements FrameSink {
  private readonly frames: FrameStore;
  private readonly clock: Clock;
  private readonly trace: TraceHash;
  private readonly id: number;
  private readonly target: FrameSink;

  constructor(frames: FrameStore, clock: Clock, trace: TraceHash, id: number, target: FrameSink) {
    this.frames = frames;
    this.clock = clock;
    this.trace = trace;
    this.id = id;
    this.target = target;
  }

  room(): number {
    return this.target.room();
  }

  take(frame: number): void {
    const ns = this.clock.nowNs;
    const high = (ns / 4294967296) | 0;
    const { frames } = this;
    const off = frames.offsetOf(frame);
    this.trace.frame(this.id, high, ns | 0, frames.slab.dv, off, frames.lengthOf(frame));
    this.target.take(frame);
  }
}
