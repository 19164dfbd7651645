import type { DropListener } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { DropHead } from './drop-head.ts';
import { DropTail } from './drop-tail.ts';
import type { QueueDiscipline, QueueLimits } from './queue.ts';

/** A discipline by name, and what it is asked for; what is left out is the default (docs/path.md). */
export type QueueSpec =
  | ({ readonly kind: 'drop-tail' } & QueueLimits)
  | ({ readonly kind: 'drop-head' } & QueueLimits);

/** What a discipline needs of the link it serves. */
export interface QueueWorld {
  readonly frames: FrameStore;
  /** Told of each frame dropped, or null. */
  readonly drops: DropListener | null;
}

export function makeQueue(spec: QueueSpec, world: QueueWorld): QueueDiscipline {
  const { frames, drops } = world;
  switch (spec.kind) {
    case 'drop-tail':
      return new DropTail(frames, spec, drops);
    case 'drop-head':
      return new DropHead(frames, spec, drops);
  }
}
