import { Chance } from '../base/chance.ts';
import type { RandomStream } from '../base/rng.ts';
import type { FrameStore } from '../link/frame-store.ts';
import { RX, RX_STRIDE } from '../link/ring-layout.ts';

/** Flips one bit of a frame, now and then. */
export class Corruption {
  private readonly chance: Chance;
  private readonly bits: RandomStream;

  /** @param bits which one: a stream of its own, so that what else is lost does not shift which frames are met. */
  constructor(random: RandomStream, bits: RandomStream, probability: number) {
    this.chance = new Chance(random, probability);
    this.bits = bits;
  }

  /** Whether it meets the next frame. */
  happens(): boolean {
    return this.chance.happens();
  }

  /**
   * Flips one bit in a copy whose checksum is on the wire, so that the receiver can notice. A
   * super-frame is left alone: segmentation would compute good checksums over the bad bytes.
   *
   * @returns whether it did: no copy can be made without a free chunk.
   */
  flip(frames: FrameStore, frame: number): boolean {
    if (frames.words[frame * RX_STRIDE + RX.GSO] !== 0) return false;
    if (!frames.makeOwn(frame)) return false;
    const bit = this.bits.below(frames.lengthOf(frame) * 8);
    frames.slab.u8[frames.offsetOf(frame) + (bit >> 3)]! ^= 1 << (bit & 7);
    return true;
  }
}
