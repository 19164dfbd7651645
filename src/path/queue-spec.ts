import { assertNever } from '../base/assert.ts';
import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { Codel, type CodelSpec } from './codel.ts';
import { DropHead } from './drop-head.ts';
import { DropTail } from './drop-tail.ts';
import { DualPi2, type DualPi2Spec } from './dual-pi2.ts';
import { FqCodel, type FqCodelSpec } from './fq-codel.ts';
import type { PathStreams } from './path-streams.ts';
import { Pie, type PieSpec } from './pie.ts';
import type { QueueDiscipline, QueueLimits } from './queue.ts';
import { Red, type RedSpec } from './red.ts';

/** A discipline by name, and what it is asked for; what is left out is the default (docs/path.md). */
export type QueueSpec =
  | ({ readonly kind: 'drop-tail' } & QueueLimits)
  | ({ readonly kind: 'drop-head' } & QueueLimits)
  | ({ readonly kind: 'red' } & RedSpec)
  | ({ readonly kind: 'codel' } & CodelSpec)
  | ({ readonly kind: 'fq-codel' } & FqCodelSpec)
  | ({ readonly kind: 'pie' } & PieSpec)
  | ({ readonly kind: 'dualpi2' } & DualPi2Spec);

/** What a discipline needs of the link it serves. */
export interface QueueWorld {
  readonly frames: FrameStore;
  /** Told of each frame dropped, or null. */
  readonly drops: DropListener | null;
  /** A discipline that draws does so from `queue`. */
  readonly streams: PathStreams;
  /** Infinity when it takes no time, or is no constant. */
  readonly rateBps: number;
}

export function makeQueue(spec: QueueSpec, world: QueueWorld): QueueDiscipline {
  const { frames, drops, rateBps } = world;
  switch (spec.kind) {
    case 'drop-tail':
      return new DropTail(frames, spec, drops);
    case 'drop-head':
      return new DropHead(frames, spec, drops);
    case 'red':
      return new Red(frames, world.streams.of('queue'), rateBps, spec, drops);
    case 'codel':
      return new Codel(frames, spec, drops);
    case 'fq-codel':
      return new FqCodel(frames, world.streams.of('queue'), spec, drops);
    case 'pie':
      return new Pie(frames, world.streams.of('queue'), spec, drops);
    case 'dualpi2':
      return new DualPi2(frames, spec, drops);
    default:
      return assertNever(spec);
  }
}
