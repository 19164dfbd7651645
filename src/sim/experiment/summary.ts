/** The figures of a run: what researchers compare. */
import { NEVER, SEC } from '../../base/time.ts';
import type { Experiment } from './experiment.ts';
import type { Meters } from './meter.ts';

export interface Summary {
  readonly name: string;
  readonly seed: number;
  readonly durationNs: number;
  readonly flows: readonly FlowSummary[];
  readonly links: readonly LinkSummary[];
  /** Jain's index of the endless bulk flows' goodput in the second half: 1 is equal shares. Null for fewer than two. */
  readonly jain: number | null;
  /** Mistakes of users' congestion control: on how many connections, and the first. Those went on with Reno. */
  readonly faults: readonly {
    readonly module: string;
    readonly count: number;
    readonly first: string;
  }[];
  /** Frames that hosts have received. */
  readonly frames: number;
}

/** Times in nanoseconds; null where there is nothing to measure. */
export interface FlowSummary {
  readonly name: string;
  readonly cc: string;
  /** Bytes that the application has read. */
  readonly delivered: number;
  /** Bits a second, from the flow's start to its end; and in the second half of the run. */
  readonly goodput: number;
  readonly lateGoodput: number;
  readonly sent: number;
  readonly retransmitted: number;
  readonly rtt: Quantiles | null;
  /** Transfers, answers or pages that came whole, and how long they took. */
  readonly completed: number;
  readonly completion: Quantiles | null;
  /** Connections that failed. */
  readonly failed: number;
}

export interface Quantiles {
  readonly least: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
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
  const halfNs = Math.floor(scenario.durationNs / 2);
  experiment.run(halfNs);
  const half = flows.map((f) => f.delivered);
  experiment.run();
  const late = flows.map(
    (f, i) => ((f.delivered - half[i]!) * 8 * SEC) / (scenario.durationNs - halfNs),
  );
  const bulk = flows.filter(
    ({ spec }) => spec.traffic.kind === 'bulk' && spec.traffic.bytes === undefined,
  );
  const shares = bulk.filter(({ spec }) => spec.stopNs === undefined).map((f) => late[f.index]!);
  return {
    name: scenario.name,
    seed: scenario.seed,
    durationNs: scenario.durationNs,
    flows: flows.map((flow, i) => {
      const { spec, delivered, completions, failures, lastNs } = flow;
      const meter = meters.all[i]!;
      const isEndless = completions.length === 0 && spec.stopNs === undefined;
      const endNs = isEndless || lastNs === NEVER ? scenario.durationNs : lastNs;
      const ns = Math.max(1, endNs - spec.startNs);
      return {
        name: spec.name,
        cc: spec.cc ?? experiment.stackOf(spec.from).tcp.ccModules.defaultModule.name,
        delivered,
        goodput: Math.round((delivered * 8 * SEC) / ns),
        lateGoodput: Math.round(late[i]!),
        sent: meter.segmentsSent,
        retransmitted: meter.segmentsRetransmitted,
        rtt: meter.rtt.count === 0 ? null : rttOf(meter.rtt),
        completed: completions.length,
        completion: completions.length === 0 ? null : quantilesOf(completions),
        failed: failures.length,
      };
    }),
    links: experiment.links.flat().map(({ name, model }, i) => {
      const link = scenario.links[i >> 1]!;
      const { rateBps } = i % 2 === 0 ? link.forth : link.back;
      const delivered = model.stats.get('deliveredBytes');
      const bits = (delivered * 8 * SEC) / scenario.durationNs;
      return {
        name,
        delivered,
        utilization: typeof rateBps === 'number' ? round(bits / rateBps) : null,
        dropped: model.dropped,
        lost: model.stats.get('lost'),
      };
    }),
    jain: shares.length < 2 ? null : round(jain(shares)),
    faults: experiment.faults
      .filter(({ count }) => count > 0)
      .map(({ module, count, first }) => ({ module, count, first })),
    frames: experiment.stacks.reduce((n, s) => n + s.devices.at(-1)!.stats.get('rxFrames'), 0),
  };
}

/** (Σx)² / (n·Σx²): 1 for equal shares, 1/n when one has it all. */
export function jain(shares: readonly number[]): number {
  let sum = 0;
  let squares = 0;
  for (const x of shares) {
    sum += x;
    squares += x * x;
  }
  return squares === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

function quantilesOf(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)]!;
  return { least: sorted[0]!, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function rttOf(rtt: { readonly least: number; quantile(q: number): number }): Quantiles {
  const at = (q: number) => Math.round(rtt.quantile(q));
  return { least: rtt.least, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Four digits are enough for people, and the same everywhere. */
const round = (x: number): number => Math.round(x * 1e4) / 1e4;
