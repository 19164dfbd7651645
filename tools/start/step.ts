import type { Peer } from './peer.ts';

/** What the steps of the tour work with: both ends of the wire. */
export interface Tour {
  readonly us: Peer;
  readonly them: Peer;
  /** What a bulk transfer carries. */
  readonly bulkBytes: number;
}

export interface StepResult {
  readonly isPassed: boolean;
  /** What was measured. */
  readonly measured: string;
}

/** One line of the demo's table. */
export interface Step {
  title(tour: Tour): string;
  run(tour: Tour): Promise<StepResult>;
}
