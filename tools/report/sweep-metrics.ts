/** What a sweep is looked at for. */
import type { GroupSummary } from '../../src/sim/experiment/group-summary.ts';
import type { HarmFigure } from '../../src/sim/experiment/harm.ts';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { rateText, timeText } from '../command/figures.ts';

export interface Metric {
  readonly id: string;
  readonly title: string;
  /** Of the axis, and by which values are divided for it. */
  readonly unit: string;
  readonly factor: number;
  readonly isMoreBetter: boolean;
  /** Of a group of flows, or of all of them together. */
  readonly isOfAll: boolean;
  readonly text: (value: number) => string;
  readonly of: (run: Summary, group: string) => number | null;
}

type OfGroup = (group: GroupSummary) => number | null | undefined;

const ofGroup =
  (of: OfGroup) =>
  (run: Summary, name: string): number | null => {
    const group = run.groups.find((g) => g.name === name);
    return group === undefined ? null : (of(group) ?? null);
  };

const ofHarm =
  (figure: HarmFigure) =>
  (run: Summary, name: string): number | null =>
    run.harm?.find(({ group }) => group === name)?.figures[figure].harm ?? null;

const GROUP = { isOfAll: false } as const;
const MS = { unit: 'ms', factor: 1e6, isMoreBetter: false, text: timeText, ...GROUP } as const;
const number = (digits: number) => (x: number) => x.toFixed(digits);
const HARM = { unit: 'harm', factor: 1, isMoreBetter: false, text: number(2), ...GROUP } as const;
const percent = (x: number): string => `${(100 * x).toFixed(2)} %`;

export const GOODPUT: Metric = {
  ...{ id: 'goodput', title: 'Goodput', unit: 'Mbit/s', factor: 1e6, isMoreBetter: true },
  ...{ ...GROUP, text: rateText, of: ofGroup((g) => g.goodput) },
};

export const RTT: Metric = {
  ...{ ...MS, id: 'rtt50', title: 'Median round trip', of: ofGroup((g) => g.rtt?.p50) },
};

export const METRICS: readonly Metric[] = [
  GOODPUT,
  RTT,
  { ...MS, id: 'rtt95', title: 'Round trip, 95 %', of: ofGroup((g) => g.rtt?.p95) },
  {
    ...{ id: 'retrans', title: 'Segments retransmitted', unit: '%', factor: 0.01, text: percent },
    ...{ ...GROUP, isMoreBetter: false },
    of: ofGroup((g) => (g.sent === 0 ? null : g.retransmitted / g.sent)),
  },
  { ...MS, id: 'time50', title: 'Completion time, median', of: ofGroup((g) => g.completion?.p50) },
  { ...MS, id: 'time99', title: 'Completion time, 99 %', of: ofGroup((g) => g.completion?.p99) },
  {
    ...{ id: 'slowdown', title: 'Slowdown, median', unit: '× the ideal', factor: 1 },
    ...{ ...GROUP, isMoreBetter: false, text: number(2), of: ofGroup((g) => g.slowdown?.p50) },
  },
  {
    ...{ id: 'jain', title: "Jain's index, 2nd half", unit: 'index', factor: 1, text: number(3) },
    ...{ isOfAll: true, isMoreBetter: true, of: ({ jain }) => jain },
  },
  {
    ...{ id: 'convergence', title: 'Convergence time', unit: 's', factor: 1e9, text: timeText },
    ...{ isOfAll: true, isMoreBetter: false },
    // Never is later than any time.
    of: ({ fairness }) => {
      const last = fairness?.epochs.at(-1);
      return last === undefined ? null : (last.convergenceNs ?? Infinity);
    },
  },
  {
    ...{ id: 'utilization', title: 'Of the busiest link used', unit: '%', factor: 0.01 },
    ...{ isOfAll: true, isMoreBetter: true, text: percent },
    of: ({ links }) => {
      const known = links.flatMap(({ utilization }) => utilization ?? []);
      return known.length === 0 ? null : Math.max(...known);
    },
  },
  { ...HARM, id: 'harm-goodput', title: 'Harm in goodput', of: ofHarm('goodput') },
  { ...HARM, id: 'harm-rtt', title: 'Harm in the median round trip', of: ofHarm('rtt50') },
  { ...HARM, id: 'harm-time', title: 'Harm in completion times, 99 %', of: ofHarm('time99') },
];
