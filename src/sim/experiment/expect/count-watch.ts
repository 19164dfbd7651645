/** An expectation of what flows and links count: read at the beginning and at the end of its time. */
import { SEC } from '../../../base/time.ts';
import type { SimLink } from '../../sim-link.ts';
import { jain } from '../fairness.ts';
import type { Flow } from '../flow.ts';
import type { FlowMeter } from '../meter.ts';
import { type FlowCountSpec, isWithin, type LinkCountSpec, type Outcome } from './expectation.ts';
import { Tally } from './tally.ts';

/** The counters that it is made of, and what they say together once they have grown by so much in so long. */
export interface Gauge {
  read(): readonly number[];
  value(grown: readonly number[], ns: number): number;
}

export class CountWatch {
  readonly spec: FlowCountSpec | LinkCountSpec;
  private readonly gauge: Gauge;
  private readonly tally = new Tally('each');
  private before: readonly number[] = [];
  private sinceNs = 0;

  constructor(spec: FlowCountSpec | LinkCountSpec, gauge: Gauge) {
    this.spec = spec;
    this.gauge = gauge;
  }

  begin(nowNs: number): void {
    this.before = this.gauge.read();
    this.sinceNs = nowNs;
  }

  /** Of an interval, or of all. */
  end(nowNs: number): void {
    const ns = nowNs - this.sinceNs;
    if (ns === 0) return;
    const now = this.gauge.read();
    const value = this.gauge.value(
      now.map((x, i) => x - this.before[i]!),
      ns,
    );
    if (!Number.isNaN(value)) this.tally.add(value);
    this.before = now;
    this.sinceNs = nowNs;
  }

  outcome(): Outcome {
    const { spec, tally } = this;
    if (tally.isEmpty) return { expected: spec, isMet: false, least: null, most: null };
    const { least, most } = tally;
    return { expected: spec, isMet: isWithin(spec, least) && isWithin(spec, most), least, most };
  }
}

/** How long transfers, answers or pages took that came whole within its time. */
export class CompletionWatch {
  readonly spec: FlowCountSpec;
  private readonly flows: readonly Flow[];
  private readonly tally: Tally;
  private before: readonly number[] = [];

  constructor(spec: FlowCountSpec, flows: readonly Flow[]) {
    this.spec = spec;
    this.flows = flows;
    this.tally = new Tally(spec.take ?? 'each');
  }

  begin(): void {
    this.before = this.flows.map(({ completions }) => completions.length);
  }

  end(): void {
    for (const [i, { completions }] of this.flows.entries()) {
      for (let k = this.before[i]!; k < completions.length; k++) this.tally.add(completions[k]!);
    }
  }

  outcome(): Outcome {
    const { spec, tally } = this;
    if (tally.isEmpty) return { expected: spec, isMet: false, least: null, most: null };
    const { least, most } = tally;
    return { expected: spec, isMet: isWithin(spec, least) && isWithin(spec, most), least, most };
  }
}

const sum = (values: readonly number[]): number => values.reduce((n, x) => n + x, 0);
/** Of nothing there is no share: 0 would be as good as it gets. */
const part = (some: number, all: number): number => (all === 0 ? Number.NaN : some / all);

/** @param mine what it is about; `all` of the scenario's. */
export function flowGauge(
  what: Exclude<FlowCountSpec['what'], 'completion'>,
  mine: readonly Flow[],
  all: readonly Flow[],
  meters: readonly FlowMeter[],
): Gauge {
  const delivered = (flows: readonly Flow[]) => sum(flows.map((f) => f.delivered));
  switch (what) {
    case 'goodput':
      return { read: () => [delivered(mine)], value: ([n], ns) => (n! * 8 * SEC) / ns };
    case 'share':
      return { read: () => [delivered(mine), delivered(all)], value: ([n, m]) => part(n!, m!) };
    case 'retransmitted':
      return {
        read: () => [
          sum(mine.map((f) => meters[f.index]!.segmentsRetransmitted)),
          sum(mine.map((f) => meters[f.index]!.segmentsSent)),
        ],
        value: ([n, m]) => part(n!, m!),
      };
    case 'completed':
      return { read: () => [sum(mine.map((f) => f.completions.length))], value: ([n]) => n! };
    case 'failed':
      return { read: () => [sum(mine.map((f) => f.failures.length))], value: ([n]) => n! };
    case 'jain':
      return {
        read: () => mine.map((f) => f.delivered),
        value: (grown) => jain(grown) ?? Number.NaN,
      };
  }
}

export function linkGauge(what: LinkCountSpec['what'], link: SimLink): Gauge {
  const { stats, queue } = link.model;
  const frames = () => stats.get('frames');
  switch (what) {
    case 'throughput':
      return {
        read: () => [stats.get('deliveredBytes')],
        value: ([n], ns) => (n! * 8 * SEC) / ns,
      };
    case 'dropped':
      return { read: () => [link.settled().dropped, frames()], value: ([n, m]) => part(n!, m!) };
    case 'lost':
      return {
        read: () => [link.settled().stats.get('lost'), frames()],
        value: ([n, m]) => part(n!, m!),
      };
    case 'marked': {
      const marks = queue.ledger.stats;
      const marked = () => marks.get('marked') + marks.get('ceThreshold');
      return {
        read: () => {
          link.settled();
          return [marked(), frames()];
        },
        value: ([n, m]) => part(n!, m!),
      };
    }
  }
}
