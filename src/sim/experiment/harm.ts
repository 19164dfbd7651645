/**
 * What the others do to a group of flows: its figures beside them, and alone on the same path with the same seed.
 * Ware, Mukerjee, Seshan and Sherry, "Beyond Jain's Fairness Index" (HotNets 2019): with x alone and y beside others,
 * harm is (x − y)/x where more is better, and (y − x)/y where less is better. 1 takes all, 0 does none, below 0 does good.
 */
import { round4 } from './fairness.ts';
import { type GroupSummary, groupOf } from './group-summary.ts';
import type { Scenario } from './scenario.ts';

/** In the order in which they are shown. */
export const HARM_FIGURES = {
  /** Bits a second. */
  goodput: { isMoreBetter: true, of: (g: GroupSummary) => g.goodput },
  /** Nanoseconds. */
  rtt50: { isMoreBetter: false, of: (g: GroupSummary) => g.rtt?.p50 ?? null },
  rtt95: { isMoreBetter: false, of: (g: GroupSummary) => g.rtt?.p95 ?? null },
  /** Of the segments sent. */
  retransmitted: {
    isMoreBetter: false,
    of: (g: GroupSummary) => (g.sent === 0 ? null : g.retransmitted / g.sent),
  },
  /** Completion times, nanoseconds. */
  time50: { isMoreBetter: false, of: (g: GroupSummary) => g.completion?.p50 ?? null },
  time99: { isMoreBetter: false, of: (g: GroupSummary) => g.completion?.p99 ?? null },
} as const;

export type HarmFigure = keyof typeof HARM_FIGURES;

export interface Harm {
  readonly alone: number | null;
  readonly together: number | null;
  /** Null where one of them is not known, or has no ratio. */
  readonly harm: number | null;
}

export interface GroupHarm {
  readonly group: string;
  readonly figures: Readonly<Record<HarmFigure, Harm>>;
}

export function groupsIn({ flows }: Pick<Scenario, 'flows'>): readonly string[] {
  return [...new Set(flows.map(groupOf))];
}

/** The same path, with the flows of one group only; what is expected is expected of all together. */
export function alone(scenario: Scenario, group: string): Scenario {
  const { expect: _, ...rest } = scenario;
  return { ...rest, flows: scenario.flows.filter((flow) => groupOf(flow) === group) };
}

export function harmTo(together: GroupSummary, alone: GroupSummary): GroupHarm {
  const figures = Object.entries(HARM_FIGURES).map(([name, { isMoreBetter, of }]) => {
    const [x, y] = [of(alone), of(together)];
    const harm = x === null || y === null ? null : harmOf(x, y, isMoreBetter);
    return [name, { alone: x, together: y, harm }];
  });
  return { group: together.name, figures: Object.fromEntries(figures) as GroupHarm['figures'] };
}

/** What is 0 both times has not been harmed; what was not there alone has no ratio. */
export function harmOf(alone: number, together: number, isMoreBetter: boolean): number | null {
  if (alone === together) return 0;
  const whole = isMoreBetter ? alone : together;
  if (whole === 0) return null;
  return round4((isMoreBetter ? alone - together : together - alone) / whole);
}
