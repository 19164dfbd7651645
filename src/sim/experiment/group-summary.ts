/** The figures of flows that belong together: those of a `count`, or of one `group`. */
import { LogHistogram } from '../../base/log-histogram.ts';
import { NEVER, SEC } from '../../base/time.ts';
import type { Flow } from './flow.ts';
import type { FlowMeter } from './meter.ts';
import { type Quantiles, quantilesIn, quantilesOf } from './quantiles.ts';
import type { FlowSpec } from './scenario.ts';

export interface GroupSummary {
  readonly name: string;
  /** Each one once. */
  readonly ccs: readonly string[];
  readonly flows: number;
  /** Bytes that applications have read; bits a second from the first start to the last byte, or the run's end. */
  readonly delivered: number;
  readonly goodput: number;
  readonly sent: number;
  readonly retransmitted: number;
  readonly rtt: Quantiles | null;
  readonly completed: number;
  readonly failed: number;
  readonly completion: Quantiles | null;
  /** What they took, divided by what they could have taken at best. */
  readonly slowdown: Quantiles | null;
  /** What they took, in order; of more than MOST_COMPLETIONS so many, evenly spread from the least to the most. */
  readonly completions: readonly number[];
}

export const MOST_COMPLETIONS = 200;

export const groupOf = ({ group, name }: FlowSpec): string => group ?? name;

/** A flow, what its sender met, and what was worked out of both. */
export interface Member {
  readonly flow: Flow;
  readonly meter: FlowMeter;
  readonly cc: string;
  readonly idealNs: number | null;
  /** When it began, and ended. */
  readonly endNs: number;
}

export function summariesByGroup(members: readonly Member[]): readonly GroupSummary[] {
  const groups = byGroup(members, ({ flow }) => flow.spec);
  return [...groups].map(([name, own]) => groupSummary(name, own));
}

/** In the order in which groups begin. */
export function byGroup<T>(
  all: readonly T[],
  specOf: (one: T) => FlowSpec,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const name = groupOf(specOf(one));
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [one]);
    else group.push(one);
  }
  return groups;
}

function groupSummary(name: string, members: readonly Member[]): GroupSummary {
  const rtt = new LogHistogram();
  const took: number[] = [];
  const slowdowns: number[] = [];
  let [delivered, sent, retransmitted, failed] = [0, 0, 0, 0];
  let [startNs, endNs] = [NEVER, 0];
  for (const { flow, meter, idealNs, endNs: ownEndNs } of members) {
    rtt.addAll(meter.rtt);
    delivered += flow.delivered;
    sent += meter.segmentsSent;
    retransmitted += meter.segmentsRetransmitted;
    failed += flow.failures.length;
    startNs = Math.min(startNs, flow.spec.startNs);
    endNs = Math.max(endNs, ownEndNs);
    for (const ns of flow.completions) {
      took.push(ns);
      if (idealNs !== null && idealNs > 0) slowdowns.push(ns / idealNs);
    }
  }
  took.sort((a, b) => a - b);
  const slowdown = quantilesOf(slowdowns.sort((a, b) => a - b));
  return {
    name,
    ccs: [...new Set(members.map(({ cc }) => cc))],
    flows: members.length,
    delivered,
    goodput: Math.round((delivered * 8 * SEC) / Math.max(1, endNs - startNs)),
    sent,
    retransmitted,
    rtt: quantilesIn(rtt),
    completed: took.length,
    failed,
    completion: quantilesOf(took),
    slowdown: slowdown === null ? null : rounded(slowdown),
    completions: thinned(took),
  };
}

/** Three digits behind the point. */
function rounded(q: Quantiles): Quantiles {
  const [least, p50, p90, p95, p99] = [q.least, q.p50, q.p90, q.p95, q.p99].map(
    (x) => Math.round(x * 1e3) / 1e3,
  ) as [number, number, number, number, number];
  return { least, p50, p90, p95, p99 };
}

function thinned(sorted: readonly number[]): readonly number[] {
  if (sorted.length <= MOST_COMPLETIONS) return sorted;
  const last = MOST_COMPLETIONS - 1;
  return Array.from(
    { length: MOST_COMPLETIONS },
    (_, i) => sorted[Math.round((i * (sorted.length - 1)) / last)]!,
  );
}
