import type { Chance } from '../base/chance.ts';
import type { Clock } from '../link/frame-sink.ts';
import type { FrameStore } from '../link/frame-store.ts';
import type { Corruption } from './corruption.ts';
import type { LossModel } from './loss.ts';

/** What a frame met on its way: bits. One that is lost meets nothing else. */
export const MET = { NOTHING: 0, LOSS: 1, CORRUPTION: 2, DUPLICATION: 4 } as const;

/**
 * What can happen to a frame between two places besides taking time. Each kind draws for every frame, from a
 * stream of its own, so that the corrupted frames are the same ones with and without loss.
 */
export class Medium {
  private loss: LossModel | null;
  private corruption: Corruption | null;
  private duplication: Chance | null;

  constructor(loss: LossModel | null, corruption: Corruption | null, duplication: Chance | null) {
    this.loss = loss;
    this.corruption = corruption;
    this.duplication = duplication;
  }

  /** Nothing happens to anybody. */
  get isClear(): boolean {
    return this.loss === null && this.corruption === null && this.duplication === null;
  }

  setLoss(loss: LossModel | null): void {
    this.loss = loss;
  }

  setCorruption(corruption: Corruption | null): void {
    this.corruption = corruption;
  }

  setDuplication(duplication: Chance | null): void {
    this.duplication = duplication;
  }

  /** Corrupts the frame if it is to be; what else it met is left to the caller. */
  meet(frames: FrameStore, frame: number, time: Clock): number {
    const { loss, corruption, duplication } = this;
    const isLost = loss?.isLost(time) === true;
    const isCorrupted = corruption?.happens() === true;
    const isDuplicated = duplication?.happens() === true;
    if (isLost) return MET.LOSS;
    const met = isDuplicated ? MET.DUPLICATION : MET.NOTHING;
    return isCorrupted && corruption.flip(frames, frame) ? met | MET.CORRUPTION : met;
  }
}
