import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import type { Clock, FrameSink } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { type DelaySpec, type JitterSpec, makeDelay, makeJitter } from '../path/delay-spec.ts';
import type { FlowSpec } from '../path/flow-filter.ts';
import type { LinkModel } from '../path/link-model.ts';
import { buildLink, type LinkSpec, type LinkWorld } from '../path/link-spec.ts';
import { type LossSpec, makeCorruption, makeDuplication, makeLoss } from '../path/medium-spec.ts';
import { makeFilter } from '../path/partition-spec.ts';
import { PathStreams } from '../path/path-streams.ts';
import { makeRate, type RateSpec } from '../path/rate-spec.ts';
import type { TraceHash } from './trace-hash.ts';

/** What a link needs of the simulation it is part of. */
export interface SimLinkWorld extends LinkWorld {
  readonly events: DeadlineQueue;
  /** Null when nobody compares runs. */
  readonly trace: TraceHash | null;
}

/** Which of a link's deadlines. */
const DUE = 0;
const START = 1;

/**
 * One direction of a link in virtual time: a model, and its one entry in the event heap. Where somebody is told of
 * drops it has another, for each frame that the transmitter takes: the model would find out later, and do the same.
 */
export class SimLink implements FrameSink, Expirable {
  readonly name: string;
  readonly model: LinkModel;
  private readonly streams: PathStreams;
  private readonly events: DeadlineQueue;
  private readonly deadline = new Deadline(this, DUE);
  private readonly start: Deadline | null;

  /** @param id tells links apart in the trace: the number of links made before. */
  constructor(world: SimLinkWorld, id: number, name: string, target: FrameSink, spec: LinkSpec) {
    this.name = name;
    this.events = world.events;
    this.start = spec.drops === undefined ? null : new Deadline(this, START);
    const { frames, clock, trace } = world;
    const sink = trace === null ? target : new TracedSink(frames, clock, trace, id, target);
    this.streams = new PathStreams(world.rng, `link.${name}`);
    this.model = buildLink(world, sink, this.streams, spec);
  }

  room(): number {
    return this.model.room();
  }

  /**
   * The model, with all that its transmitter has done by now: for whoever reads what waits and what was dropped. The
   * model works that out when it has to, as late as at the next arrival; sooner makes no difference to what happens.
   */
  settled(): LinkModel {
    this.model.settle();
    return this.model;
  }

  take(frame: number): void {
    this.model.take(frame);
    this.arm();
  }

  expire(which: number): void {
    if (which === DUE) this.model.advance();
    else this.model.settle();
    this.arm();
  }

  /** From the next frame on: what is being sent goes on as it began. */
  setRate(rate: RateSpec): void {
    this.model.setRate(makeRate(rate, this.streams));
    this.arm();
  }

  /** Of frames that begin to be sent from now on. */
  setDelay(delay: DelaySpec): void {
    this.model.setDelay(makeDelay(delay));
    this.arm();
  }

  setJitter(jitter: JitterSpec | null): void {
    this.model.setJitter(jitter === null ? null : makeJitter(jitter, this.streams));
    this.arm();
  }

  setLoss(loss: LossSpec): void {
    this.model.setLoss(makeLoss(loss, this.streams));
    this.arm();
  }

  setCorruption(probability: number): void {
    this.model.setCorruption(makeCorruption(probability, this.streams));
    this.arm();
  }

  setDuplication(probability: number): void {
    this.model.setDuplication(makeDuplication(probability, this.streams));
    this.arm();
  }

  /** From now on nobody enters, or none of these flows, until `heal`: what is inside goes on. One direction. */
  cut(flows?: readonly FlowSpec[]): void {
    this.model.cut(makeFilter(flows));
  }

  heal(): void {
    this.model.heal();
  }

  close(): void {
    this.model.close();
    this.events.remove(this.deadline);
    if (this.start !== null) this.events.remove(this.start);
  }

  private arm(): void {
    if (this.model.dueNs !== this.deadline.dueNs) this.events.armAs(this.deadline, this.model);
    if (this.start !== null) this.armStart(this.start);
  }

  private armStart(start: Deadline): void {
    const ns = this.model.nextStartNs;
    if (ns !== start.dueNs) this.events.arm(start, ns);
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
