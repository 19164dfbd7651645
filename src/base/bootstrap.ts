/** How sure a median of a few runs is: the 95 % interval of medians of runs drawn from them again and again. */
import type { RandomStream } from './rng.ts';

const DRAWS = 1000;

export interface Estimate {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Of at least one value. */
export function medianWithInterval(values: readonly number[], random: RandomStream): Estimate {
  const medians = Array.from({ length: DRAWS }, () =>
    middle(values.map(() => values[random.below(values.length)]!)),
  ).sort((a, b) => a - b);
  return {
    median: middle(values),
    low: medians[Math.floor(0.025 * DRAWS)]!,
    high: medians[Math.ceil(0.975 * DRAWS) - 1]!,
  };
}

/** Of two in the middle, what lies between them. */
function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
