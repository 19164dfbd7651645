import { Chance } from '../base/chance.ts';
import type { RandomStream } from '../base/rng.ts';

/** Which frames the medium loses; asked once per frame, in the order of transmission. */
export interface LossModel {
  isLost(): boolean;
}

/** Each frame on its own, with the same probability. */
export class RandomLoss implements LossModel {
  private readonly chance: Chance;

  constructor(random: RandomStream, probability: number) {
    this.chance = new Chance(random, probability);
  }

  isLost(): boolean {
    return this.chance.happens();
  }
}
