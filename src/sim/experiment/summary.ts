/** The figures of a run: what researchers compare. */
import { NEVER, SEC } from '../../base/time.ts';
import type { Outcome } from './expect/expectation.ts';
import { Expectations } from './expect/expectations.ts';
import type { Experiment } from './experiment.ts';
import {
  DEFAULT_FAIRNESS,
  FairnessMeter,
  type FairnessSummary,
  isEndless,
  jain4,
  round4,
} from './fairness.ts';
import type { Flow } from './flow.ts';
import { type GroupSummary, groupOf, type Member, summariesByGroup } from './group-summary.ts';
import type { GroupHarm } from './harm.ts';
import { Ideals } from './ideal.ts';
import type { Meters } from './meter.ts';
import { type Quantiles, quantilesIn, quantilesOf } from './quantiles.ts';
import type { FlowSpec } from './scenario.ts';

export type { Quantiles } from './quantiles.ts';

export interface Summary {
  readonly name: string;
  readonly seed: number;
  readonly durationNs: number;
  readonly flows: readonly FlowSummary[];
  readonly links: readonly LinkSummary[];
  /** Flows that belong together, in the order of their first ones. */
  readonly groups: readonly GroupSummary[];
  /**
   * Jain's index of the goodput in the second half of the endless bulk flows that are there all the time of it: 1 is
   * equal shares. Null for fewer than two, and where none of them has anything.
   */
  readonly jain: number | null;
  /** The same window by window. Null where there never were two of them for a window. */
  readonly fairness: FairnessSummary | null;
  /** What the others did to each group; null where nobody ran it alone. */
  readonly harm: readonly GroupHarm[] | null;
  /** Mistakes of users' congestion control: on how many connections, and the first. Those went on with Reno. */
  readonly faults: readonly {
    readonly module: string;
    readonly count: number;
    readonly first: string;
  }[];
  /** What the scenario says of its results, in its order, and whether it was so. */
  readonly expectations: readonly Outcome[];
  /** Frames that hosts have received. */
  readonly frames: number;
}

/** Times in nanoseconds; null where there is nothing to measure. */
export interface FlowSummary {
  readonly name: string;
  readonly group: string;
  readonly cc: string;
  /** Bytes that the application has read. */
  readonly delivered: number;
  /** Bits a second, from the flow's start to its end; and in the second half of the run, or what it saw of that. */
  readonly goodput: number;
  readonly lateGoodput: number;
  readonly sent: number;
  readonly retransmitted: number;
  readonly rtt: Quantiles | null;
  /** Transfers, answers or pages that came whole, and how long they took. */
  readonly completed: number;
  readonly completion: Quantiles | null;
  /** What one could have taken at best: alone, at the path's rate, without queues and losses. */
  readonly ideal: number | null;
  /** Connections that failed. */
  readonly failed: number;
}

export interface LinkSummary {
  readonly name: string;
  readonly delivered: number;
  /** Of its rate; null where that is none, or not always the same. */
  readonly utilization: number | null;
  /** By its queue, policer, MTU or a cut. */
  readonly dropped: number;
  readonly lost: number;
}

/** Runs it to its end and says what came of it. */
export function runAndSummarize(experiment: Experiment, meters: Meters): Summary {
  const { scenario, flows } = experiment;
  const expectations = new Expectations(experiment, meters);
  const { durationNs } = scenario;
  const fairness = new FairnessMeter(flows, scenario.fairness ?? DEFAULT_FAIRNESS, durationNs);
  const halfNs = Math.floor(durationNs / 2);
  let half: readonly number[] = [];
  const times = new Set([...fairness.times, halfNs, durationNs]);
  for (const ns of [...times].sort((a, b) => a - b)) {
    if (ns > 0) experiment.run(ns);
    fairness.look(ns);
    if (ns === halfNs) half = flows.map((f) => f.delivered);
  }
  const ends = flows.map((flow) => endOf(flow, durationNs));
  const late = flows.map((f, i) => {
    const ns = ends[i]! - Math.max(halfNs, f.spec.startNs);
    return ns <= 0 ? 0 : ((f.delivered - half[i]!) * 8 * SEC) / ns;
  });
  const shares = flows
    .filter(({ spec }) => isEndless(spec) && spec.startNs <= halfNs)
    .filter(({ spec }) => (spec.stopNs ?? durationNs) >= durationNs)
    .map((f) => late[f.index]!);
  const ideals = new Ideals(scenario, experiment.graph);
  const members = flows.map((flow, i): Member => {
    const { spec, completions } = flow;
    return {
      flow,
      meter: meters.all[i]!,
      cc: spec.cc ?? experiment.stackOf(spec.from).tcp.ccModules.defaultModule.name,
      idealNs: completions.length === 0 ? null : ideals.ns(spec),
      endNs: ends[i]!,
    };
  });
  return {
    name: scenario.name,
    seed: scenario.seed,
    durationNs,
    flows: members.map((member, i) => flowSummary(member, late[i]!)),
    links: linkSummaries(experiment),
    groups: summariesByGroup(members),
    jain: shares.length < 2 ? null : jain4(shares),
    fairness: fairness.summary(),
    harm: null,
    faults: experiment.faults
      .filter(({ count }) => count > 0)
      .map(({ module, count, first }) => ({ module, count, first })),
    expectations: expectations.outcomes(),
    frames: experiment.stacks.reduce((n, s) => n + s.devices.at(-1)!.stats.get('rxFrames'), 0),
  };
}

/** Its last byte once it has done what it had to, or was told to stop; what is silent before that has not ended. */
function endOf({ spec, completions, lastNs }: Flow, durationNs: number): number {
  if (completions.length >= tasksOf(spec)) return lastNs;
  const stopNs = Math.min(spec.stopNs ?? durationNs, durationNs);
  return lastNs === NEVER ? stopNs : Math.max(stopNs, lastNs);
}

/** What there is to complete, until it has ended by itself. */
function tasksOf({ traffic }: FlowSpec): number {
  if (traffic.kind === 'page') return 1;
  if (traffic.kind === 'requests') return traffic.count ?? Infinity;
  return traffic.kind === 'bulk' && traffic.bytes !== undefined ? 1 : Infinity;
}

function flowSummary({ flow, meter, cc, idealNs, endNs }: Member, late: number): FlowSummary {
  const { spec, delivered, completions, failures }: Flow = flow;
  const ns = Math.max(1, endNs - spec.startNs);
  return {
    name: spec.name,
    group: groupOf(spec),
    cc,
    delivered,
    goodput: Math.round((delivered * 8 * SEC) / ns),
    lateGoodput: Math.round(late),
    sent: meter.segmentsSent,
    retransmitted: meter.segmentsRetransmitted,
    rtt: quantilesIn(meter.rtt),
    completed: completions.length,
    completion: quantilesOf([...completions].sort((a, b) => a - b)),
    ideal: idealNs,
    failed: failures.length,
  };
}

function linkSummaries({ scenario, links }: Experiment): readonly LinkSummary[] {
  return links.flat().map((link, i) => {
    const model = link.settled();
    const { forth, back } = scenario.links[i >> 1]!;
    const { rateBps } = i % 2 === 0 ? forth : back;
    const delivered = model.stats.get('deliveredBytes');
    const bits = (delivered * 8 * SEC) / scenario.durationNs;
    return {
      name: link.name,
      delivered,
      utilization: typeof rateBps === 'number' ? round4(bits / rateBps) : null,
      dropped: model.dropped,
      lost: model.stats.get('lost'),
    };
  });
}
