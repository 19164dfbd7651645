import type { Clock } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import type { FlowFilter } from './flow-filter.ts';
import type { Timeline } from './timeline.ts';

/** Where a link is cut, for all frames or for some, by a schedule: what comes then does not enter it. */
export class Partition {
  /** Above 0 while the link is cut. */
  private readonly cut: Timeline;
  /** Null: everybody. */
  private readonly whose: FlowFilter | null;

  constructor(cut: Timeline, whose: FlowFilter | null) {
    this.cut = cut;
    this.whose = whose;
  }

  stops(frames: FrameStore, frame: number, time: Clock): boolean {
    const line = this.cut;
    while (line.untilNs <= time.nowNs) line.next();
    return line.value > 0 && (this.whose === null || this.whose.matches(frames, frame));
  }
}
