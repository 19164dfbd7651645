/** What is told of many figures. */
import type { LogHistogram } from '../../base/log-histogram.ts';

export interface Quantiles {
  readonly least: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
}

/** Of numbers in order: the least one of which so many are no greater. Null for none. */
export function quantilesOf(sorted: readonly number[]): Quantiles | null {
  if (sorted.length === 0) return null;
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;
  return { least: sorted[0]!, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) };
}

/** To some per cent. */
export function quantilesIn(histogram: LogHistogram): Quantiles | null {
  if (histogram.count === 0) return null;
  const at = (q: number) => Math.round(histogram.quantile(q));
  return { least: histogram.least, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) };
}
