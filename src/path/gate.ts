import type { Clock } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import type { FlowFilter } from './flow-filter.ts';
import type { Partition } from './partition.ts';

/** What a gate says of a frame. */
export const GATE = { OPEN: 0, CUT: 1, TOO_LONG: 2 } as const;

/** An MTU that no packet exceeds. */
export const NO_MTU = 0x7fffffff;

/** Where frames enter a link: it may be cut, by schedules and by hand, and it has an MTU. */
export class Gate {
  private readonly mtu: number;
  private readonly partitions: readonly Partition[];
  /** By hand: whether, and for whom; null for everybody. */
  private isCut = false;
  private whose: FlowFilter | null = null;

  /** @param mtu the longest network packet that passes, or NO_MTU. */
  constructor(mtu: number, partitions: readonly Partition[]) {
    this.mtu = mtu;
    this.partitions = partitions;
  }

  cut(whose: FlowFilter | null): void {
    this.isCut = true;
    this.whose = whose;
  }

  heal(): void {
    this.isCut = false;
  }

  /** Whoever comes may enter. */
  get isOpen(): boolean {
    return !this.isCut && this.partitions.length === 0 && this.mtu === NO_MTU;
  }

  /** One of GATE. */
  judge(frames: FrameStore, frame: number, time: Clock): number {
    if (this.isCut && (this.whose === null || this.whose.matches(frames, frame))) return GATE.CUT;
    for (let i = 0; i < this.partitions.length; i++) {
      if (this.partitions[i]!.stops(frames, frame, time)) return GATE.CUT;
    }
    const isTooLong = this.mtu !== NO_MTU && frames.packetLengthOf(frame) > this.mtu;
    return isTooLong ? GATE.TOO_LONG : GATE.OPEN;
  }
}
