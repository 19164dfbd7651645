import type { Peer } from './peer.ts';

export type Family = 'v4' | 'v6';

/** The addresses of one family at both ends of the wire. */
export interface Ends {
  readonly ours: string;
  readonly theirs: string;
}

/** Null: this wire has nothing of the family. */
export type WireEnds = Readonly<Record<Family, Ends | null>>;

/** What the steps of the tour work with: both ends of the wire. */
export interface Tour {
  readonly us: Peer;
  readonly them: Peer;
  readonly ends: WireEnds;
  /** What a bulk transfer carries. */
  readonly bulkBytes: number;
}

export interface StepResult {
  readonly isPassed: boolean;
  /** What was measured. */
  readonly measured: string;
}

/** One line of the demo's table, left out where the wire has nothing of its family. */
export interface Step {
  readonly family: Family;
  title(tour: Tour, ends: Ends): string;
  run(tour: Tour, ends: Ends): Promise<StepResult>;
}
