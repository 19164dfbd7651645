/** What a benchmark does to frames on their way: loses or overtakes every so-many-th one that carries text. */
import type { FrameSink } from '../../src/link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../../src/link/frame-store.ts';

/** Frames shorter than this carry no text: pure ACKs pass untouched. */
const TEXT_FRAME_BYTES = 120;

export interface WireFaults {
  /** Every so-many-th frame with text is lost; 0: none. */
  readonly loseEvery?: number;
  /** Every so-many-th is overtaken by the one behind it; 0: none. */
  readonly swapEvery?: number;
}

/** One direction between two memory devices. */
export class Wire implements FrameSink {
  frames = 0;
  textFrames = 0;
  lost = 0;
  swapped = 0;
  /** Nothing passes. */
  isCut = false;
  private late = NO_FRAME;
  private readonly loseEvery: number;
  private readonly swapEvery: number;
  private readonly store: FrameStore;
  private readonly to: FrameSink;

  constructor(store: FrameStore, to: FrameSink, faults: WireFaults) {
    this.store = store;
    this.to = to;
    this.loseEvery = faults.loseEvery ?? 0;
    this.swapEvery = faults.swapEvery ?? 0;
  }

  setCut(isCut: boolean): void {
    this.isCut = isCut;
  }

  room(): number {
    return this.to.room();
  }

  take(frame: number): void {
    this.frames++;
    const hasText = this.store.lengthOf(frame) >= TEXT_FRAME_BYTES;
    if (hasText) this.textFrames++;
    const n = this.textFrames;
    if (this.isCut || (hasText && this.loseEvery > 0 && n % this.loseEvery === 0)) {
      this.lost++;
      this.store.release(frame);
      return;
    }
    if (hasText && this.swapEvery > 0 && n % this.swapEvery === 0 && this.late === NO_FRAME) {
      this.late = frame;
      this.swapped++;
      return;
    }
    this.to.take(frame);
    if (this.late === NO_FRAME) return;
    const { late } = this;
    this.late = NO_FRAME;
    this.to.take(late);
  }
}
