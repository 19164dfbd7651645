/** What happens to frames on their way, in words that a scenario can use. */
import { Chance } from '../base/chance.ts';
import { Corruption } from './corruption.ts';
import {
  GilbertElliott,
  LossAtTimes,
  type LossModel,
  LossOfBursts,
  LossOfFrames,
  RandomLoss,
} from './loss.ts';
import { Medium } from './medium.ts';
import type { PathStreams } from './path-streams.ts';

/** What is left out does not happen. */
export interface MediumSpec {
  readonly loss?: LossSpec;
  /** Probability per frame that one of its bits is another. */
  readonly corruption?: number;
  /** Probability per frame that it comes twice. */
  readonly duplication?: number;
}

export type LossSpec =
  /** The probability of each frame, on its own. */
  | number
  /** In bursts, by two states. Default: all is lost in the bad one, nothing in the good one. */
  | { readonly gilbertElliott: GilbertElliottSpec }
  /** These frames: the first that is sent is 1. */
  | { readonly frames: readonly number[] }
  /** At each of these times, the next frame that begins to be sent. */
  | { readonly timesNs: readonly number[] }
  /** Each n-th frame, and so many in all from there on: 1 by default. */
  | { readonly every: number; readonly length?: number };

/** Probabilities per frame. */
export interface GilbertElliottSpec {
  readonly toBad: number;
  readonly toGood: number;
  readonly lossInBad?: number;
  readonly lossInGood?: number;
}

/** Each kind draws from `<name>.<kind>`. */
export function makeMedium(spec: MediumSpec, streams: PathStreams): Medium {
  return new Medium(
    makeLoss(spec.loss ?? 0, streams),
    makeCorruption(spec.corruption ?? 0, streams),
    makeDuplication(spec.duplication ?? 0, streams),
  );
}

/** @returns null for no loss. */
export function makeLoss(spec: LossSpec, streams: PathStreams): LossModel | null {
  if (typeof spec === 'number') {
    return spec === 0 ? null : new RandomLoss(streams.of('loss'), spec);
  }
  if ('frames' in spec) return new LossOfFrames(spec.frames);
  if ('timesNs' in spec) return new LossAtTimes(spec.timesNs);
  if ('every' in spec) return new LossOfBursts(spec.every, spec.length ?? 1);
  const rates = { lossInBad: 1, lossInGood: 0, ...spec.gilbertElliott };
  return new GilbertElliott(streams.of('loss'), rates);
}

export function makeCorruption(probability: number, streams: PathStreams): Corruption | null {
  if (probability === 0) return null;
  return new Corruption(streams.of('corruption'), streams.of('bits'), probability);
}

export function makeDuplication(probability: number, streams: PathStreams): Chance | null {
  return probability === 0 ? null : new Chance(streams.of('duplication'), probability);
}
