/** Many values, of which an expectation wants one, or the least and the most. */
import { LogHistogram } from '../../../base/log-histogram.ts';
import type { Take } from './expectation.ts';

const QUANTILES: Readonly<Partial<Record<Take, number>>> = { p50: 0.5, p95: 0.95, p99: 0.99 };

export class Tally {
  private readonly take: Take;
  /** For quantiles alone: within 3 %. */
  private readonly histogram: LogHistogram | null;
  private count = 0;
  private first = 0;
  private last = 0;
  private smallest = Infinity;
  private largest = -Infinity;

  constructor(take: Take) {
    this.take = take;
    this.histogram = take in QUANTILES ? new LogHistogram() : null;
  }

  get isEmpty(): boolean {
    return this.count === 0;
  }

  add(value: number): void {
    if (this.count++ === 0) this.first = value;
    this.last = value;
    if (value < this.smallest) this.smallest = value;
    if (value > this.largest) this.largest = value;
    if (this.histogram !== null) this.histogram.add(Math.max(1, value));
  }

  get least(): number {
    return this.take === 'each' ? this.smallest : this.taken;
  }

  get most(): number {
    return this.take === 'each' ? this.largest : this.taken;
  }

  private get taken(): number {
    if (this.take === 'first') return this.first;
    if (this.take === 'last') return this.last;
    if (this.take === 'least') return this.smallest;
    if (this.take === 'most') return this.largest;
    return Math.round(this.histogram!.quantile(QUANTILES[this.take]!));
  }
}
