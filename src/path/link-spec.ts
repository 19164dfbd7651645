/** What a link does, in words that a scenario can use, and the parts of a LinkModel that do it. */
import { assert } from '../base/assert.ts';
import type { RandomStream, Rng } from '../base/rng.ts';
import type { Clock, DropListener, FrameSink } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { type Aggregation, Groups, Slots } from './aggregation.ts';
import { ConstantDelay, type DelayModel } from './delay.ts';
import { UniformJitter } from './jitter.ts';
import { LinkClock } from './link-clock.ts';
import { LinkModel } from './link-model.ts';
import { type LossModel, RandomLoss } from './loss.ts';
import { makeQueue, type QueueSpec } from './queue-spec.ts';
import { ConstantRate, nsPerByteAt, type RateModel, SteppedRate } from './rate.ts';
import { ListTimeline } from './timeline.ts';
import { ShapedRate, TokenBucket } from './token-bucket.ts';

/** One direction of a link. What is left out does not limit. */
export interface LinkSpec {
  /** Names its random streams, `link.<name>.<kind>`. Default: its number. */
  readonly name?: string;
  readonly rateBps?: number | RateSpec;
  readonly delayNs?: number;
  readonly jitter?: JitterSpec;
  /** Whether a frame that has less delay than one before it overtakes it. Default false: it arrives with it. */
  readonly mayReorder?: boolean;
  /** Who waits, who is dropped, who is marked. Default: drop-tail. */
  readonly queue?: QueueSpec;
  /** The queue's limits, where `queue` says none. */
  readonly queueFrames?: number;
  readonly queueBytes?: number;
  /** Probability per frame. */
  readonly loss?: number;
  /** Drops what comes faster than this. */
  readonly policer?: BucketSpec;
  readonly aggregation?: AggregationSpec;
  /** Told of each frame the link loses or drops. */
  readonly drops?: DropListener;
}

/** A rate in bits per second of frame bytes that is not the same all the time. */
export type RateSpec =
  /** A rate from each time on, counted from the start of the clock; it may be 0, but not for ever. */
  | { readonly steps: readonly RateStep[]; readonly repeatNs?: number }
  /** At most a bucket of bytes at once, and this rate beyond: what exceeds it waits in the queue. */
  | { readonly shaper: BucketSpec };

export interface RateStep {
  readonly atNs: number;
  readonly bps: number;
}

/** A bucket that fills at a rate, and lets as many bytes pass at once as it is deep. */
export interface BucketSpec {
  readonly rateBps: number;
  readonly burstBytes: number;
}

/** Added to the delay of each frame, drawn from `link.<name>.jitter`. */
export interface JitterSpec {
  /** Over [0, ns). */
  readonly uniformNs: number;
}

export type AggregationSpec =
  /** What has arrived is handed over at the multiples of this time, plus an offset. */
  | { readonly slotNs: number; readonly offsetNs?: number }
  /** So many frames together, or fewer after the first has waited so long. */
  | { readonly frames: number; readonly waitNs: number };

/** What a link needs of its surroundings. */
export interface LinkWorld {
  readonly frames: FrameStore;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Makes the parts of one link. Each kind of draw has one stream, however often a part is made anew. */
export class LinkParts {
  private readonly rng: Rng;
  private readonly name: string;
  private readonly streams = new Map<string, RandomStream>();

  constructor(rng: Rng, name: string) {
    this.rng = rng;
    this.name = name;
  }

  rate(spec: number | RateSpec): RateModel | null {
    if (typeof spec === 'number') return spec === Infinity ? null : new ConstantRate(spec);
    if ('shaper' in spec) {
      return new ShapedRate(new TokenBucket(spec.shaper.rateBps, spec.shaper.burstBytes));
    }
    const { steps, repeatNs } = spec;
    const stays = repeatNs === undefined ? steps.slice(-1) : steps;
    assert(
      stays.some((step) => step.bps > 0),
      'a rate is not 0 for ever',
    );
    const values = steps.map(({ atNs, bps }) => ({ atNs, value: nsPerByteAt(bps) }));
    return new SteppedRate(new ListTimeline(values, repeatNs));
  }

  delay(ns: number): DelayModel | null {
    return ns === 0 ? null : new ConstantDelay(ns);
  }

  jitter(spec: JitterSpec): DelayModel {
    return new UniformJitter(this.stream('jitter'), spec.uniformNs);
  }

  loss(probability: number): LossModel | null {
    return probability === 0 ? null : new RandomLoss(this.stream('loss'), probability);
  }

  aggregation(frames: FrameStore, spec: AggregationSpec): Aggregation {
    if ('slotNs' in spec) return new Slots(frames, spec.slotNs, spec.offsetNs);
    return new Groups(frames, spec.frames, spec.waitNs);
  }

  private stream(kind: string): RandomStream {
    const known = this.streams.get(kind);
    if (known !== undefined) return known;
    const stream = this.rng.stream(`link.${this.name}.${kind}`);
    this.streams.set(kind, stream);
    return stream;
  }
}

/** The most that the rate ever is. */
export function peakBps(rate: number | RateSpec): number {
  if (typeof rate === 'number') return rate;
  if ('shaper' in rate) return rate.shaper.rateBps;
  return Math.max(...rate.steps.map((step) => step.bps));
}

export function buildLink(
  world: LinkWorld,
  sink: FrameSink,
  parts: LinkParts,
  spec: LinkSpec,
): LinkModel {
  const { frames, clock } = world;
  const drops = spec.drops ?? null;
  const queue: QueueSpec = {
    ...(spec.queueFrames === undefined ? {} : { limitFrames: spec.queueFrames }),
    ...(spec.queueBytes === undefined ? {} : { limitBytes: spec.queueBytes }),
    ...(spec.queue ?? { kind: 'drop-tail' }),
  };
  const { policer, jitter, aggregation } = spec;
  return new LinkModel(frames, clock, sink, {
    time: new LinkClock(),
    policer: policer === undefined ? null : new TokenBucket(policer.rateBps, policer.burstBytes),
    queue: makeQueue(queue, { frames, drops }),
    rate: parts.rate(spec.rateBps ?? Infinity),
    loss: parts.loss(spec.loss ?? 0),
    delay: parts.delay(spec.delayNs ?? 0),
    jitter: jitter === undefined ? null : parts.jitter(jitter),
    mayReorder: spec.mayReorder === true,
    aggregation: aggregation === undefined ? null : parts.aggregation(frames, aggregation),
    drops,
  });
}
