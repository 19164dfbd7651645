/** What a link does, in words that a scenario can use. */
import type { Rng } from '../base/rng.ts';
import type { Clock, DropListener, FrameSink } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { type Aggregation, Groups, Slots } from './aggregation.ts';
import { type DelaySpec, type JitterSpec, makeDelay, makeJitter } from './delay-spec.ts';
import { Gate, NO_MTU } from './gate.ts';
import { LinkClock } from './link-clock.ts';
import { LinkModel } from './link-model.ts';
import { type LossSpec, makeMedium } from './medium-spec.ts';
import { makePartition, type PartitionSpec } from './partition-spec.ts';
import type { PathStreams } from './path-streams.ts';
import { makeQueue, type QueueSpec } from './queue-spec.ts';
import { type BucketSpec, makeBucket, makeRate, type RateSpec } from './rate-spec.ts';

/** One direction of a link. What is left out does not limit. */
export interface LinkSpec {
  /** Names its random streams, `link.<name>.<kind>`. Default: its number. */
  readonly name?: string;
  /** The longest IP packet that passes. */
  readonly mtu?: number;
  /** When the link is cut, and for whom; by several rules where there are several. */
  readonly partitions?: readonly PartitionSpec[];
  readonly rateBps?: RateSpec;
  readonly delayNs?: DelaySpec;
  readonly jitter?: JitterSpec;
  /** Whether a frame that has less delay than one before it overtakes it. Default false: it arrives with it. */
  readonly mayReorder?: boolean;
  /** Who waits, who is dropped, who is marked. Default: drop-tail. */
  readonly queue?: QueueSpec;
  readonly loss?: LossSpec;
  /** Probability per frame that one of its bits is another. Super-frames are left alone. */
  readonly corruption?: number;
  /** Probability per frame that it arrives twice, each with a delay of its own. */
  readonly duplication?: number;
  /** Drops what comes faster than this. */
  readonly policer?: BucketSpec;
  readonly aggregation?: AggregationSpec;
  /** Told of each frame the link loses or drops; a link in virtual time tells it when it happens. */
  readonly drops?: DropListener;
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

export function buildLink(
  world: LinkWorld,
  sink: FrameSink,
  streams: PathStreams,
  spec: LinkSpec,
): LinkModel {
  const { frames, clock } = world;
  const drops = spec.drops ?? null;
  const partitions = (spec.partitions ?? []).map((one) => makePartition(one, streams));
  const { policer, jitter, aggregation } = spec;
  return new LinkModel(frames, clock, sink, {
    time: new LinkClock(),
    gate: new Gate(spec.mtu ?? NO_MTU, partitions),
    policer: policer === undefined ? null : makeBucket(policer),
    queue: makeQueue(spec.queue ?? { kind: 'drop-tail' }, {
      ...{ frames, drops, streams },
      rateBps: constantRate(spec),
    }),
    rate: makeRate(spec.rateBps ?? Infinity, streams),
    medium: makeMedium(spec, streams),
    delay: makeDelay(spec.delayNs ?? 0),
    jitter: jitter === undefined ? null : makeJitter(jitter, streams),
    mayReorder: spec.mayReorder === true,
    aggregation: aggregation === undefined ? null : makeAggregation(frames, aggregation),
    drops,
  });
}

function constantRate({ rateBps }: LinkSpec): number {
  return typeof rateBps === 'number' ? rateBps : Infinity;
}

function makeAggregation(frames: FrameStore, spec: AggregationSpec): Aggregation {
  if ('slotNs' in spec) return new Slots(frames, spec.slotNs, spec.offsetNs);
  return new Groups(frames, spec.frames, spec.waitNs);
}
