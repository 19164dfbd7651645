/** What a benchmark says of its rounds: the middle of them, and how far they lie apart. */

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The median, with the lowest and the highest: of few rounds. */
export function range(values: readonly number[], digits: number): string {
  const [low, middle, high] = [0, 0.5, 1].map((q) => quantile(values, q).toFixed(digits));
  return `${middle} (${low}–${high})`;
}

/** The median, with the 10 and 90 % quantiles. */
export function spread(values: readonly number[], digits: number): string {
  const [low, middle, high] = [0.1, 0.5, 0.9].map((q) => quantile(values, q).toFixed(digits));
  return `${middle} (${low}–${high})`;
}
