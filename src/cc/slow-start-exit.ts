import type { CcView } from './cc-view.ts';
import type { AckSample } from './samples.ts';

/** A way to leave slow start before it overflows the bottleneck. */
export interface SlowStartExit {
  /** It has ended slow start. */
  readonly isFound: boolean;
  /** The least delay since the start or the last timeout; 0 before the first sample. */
  readonly minDelayNs: number;
  /** A timeout, or the start: everything is open again. */
  reset(v: CcView): void;
  /** Each sample of a delay. */
  measure(sample: AckSample): void;
  /** A measured sample, in slow start. */
  update(v: CcView, sample: AckSample): void;
  /** What slow start may add for so many pieces acknowledged. */
  allowance(v: CcView, acked: number): number;
}
