/** An expectation of what ACKs tell: looked at with each of them, and no more kept than what it wants. */
import { NEVER, SEC } from '../../../base/time.ts';
import { INFINITE_SSTHRESH } from '../../../cc/cc-view.ts';
import { NO_SAMPLE } from '../../../cc/samples.ts';
import type { TcpConnection } from '../../../tcp/connection.ts';
import { FLOW_EVENT, type FlowEvent } from '../../../tcp/flow-watch.ts';
import { type AckQuantity, type AckSpec, isWithin, type Outcome } from './expectation.ts';
import { Tally } from './tally.ts';

/** More than anybody writes down; a module that changes its phase with each ACK has it cut off. */
const MOST_PHASES = 1000;

export class AckWatch {
  readonly spec: AckSpec;
  private readonly tally: Tally;
  /** One after the other, each once until it changes. */
  private readonly phases: string[] = [];
  private lastPhase: string | null = null;
  /** In the phase that is waited for; since when, or NEVER. */
  private spentNs = 0;
  private sinceNs = NEVER;
  private hasSeen = false;

  constructor(spec: AckSpec) {
    this.spec = spec;
    this.tally = new Tally(spec.take ?? 'each');
  }

  /** Within its time, and of its end of its flows. */
  see(c: TcpConnection, event: FlowEvent, nowNs: number): void {
    const { congestion } = c;
    const phase = congestion.cc.phaseName(congestion.view);
    this.hasSeen = true;
    if (phase !== this.lastPhase && phase !== null && this.phases.length < MOST_PHASES) {
      this.phases.push(phase);
    }
    this.lastPhase = phase;
    const { during, what } = this.spec;
    const isIn = during === undefined || phase === during;
    if (what === 'time') this.countTime(isIn, nowNs);
    if (!isIn || (event === FLOW_EVENT.ENDED && what !== 'time')) return;
    const value = readingOf(c, what, event, this.spec.name ?? '');
    if (!Number.isNaN(value)) this.tally.add(value);
  }

  end(nowNs: number): void {
    if (this.spec.what === 'time') this.countTime(false, nowNs);
  }

  outcome(): Outcome {
    const { spec, tally, phases } = this;
    const { what } = spec;
    if (what === 'phases' || what === 'never') {
      const isMet = what === 'phases' ? isSame(phases, spec.phases!) : this.hasNone(spec.phases!);
      return { expected: spec, isMet, least: null, most: null, phases };
    }
    if (what === 'time' && this.hasSeen) {
      const { spentNs } = this;
      return { expected: spec, isMet: isWithin(spec, spentNs), least: spentNs, most: spentNs };
    }
    if (tally.isEmpty) return { expected: spec, isMet: false, least: null, most: null };
    const { least, most } = tally;
    const isMet = isWithin(spec, least) && isWithin(spec, most);
    return { expected: spec, isMet, least, most };
  }

  private hasNone(words: readonly string[]): boolean {
    return this.hasSeen && this.phases.every((phase) => !words.includes(phase));
  }

  private countTime(isIn: boolean, nowNs: number): void {
    if (this.sinceNs !== NEVER) this.spentNs += nowNs - this.sinceNs;
    this.sinceNs = isIn ? nowNs : NEVER;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

/** NaN where there is none. */
function readingOf(c: TcpConnection, what: AckQuantity, event: FlowEvent, name: string): number {
  const { view } = c.congestion;
  const { rate, rtt } = c;
  switch (what) {
    case 'cwnd':
      return view.cwnd;
    case 'ssthresh':
      return view.ssthresh === INFINITE_SSTHRESH ? Number.NaN : view.ssthresh;
    case 'inFlight':
      return c.rtx.inFlight();
    case 'rtt': {
      const { rttNs } = c.tcp.rateSample;
      return event === FLOW_EVENT.ACK && rttNs !== NO_SAMPLE ? rttNs : Number.NaN;
    }
    case 'srtt':
      return rtt.srttNs === 0 ? Number.NaN : Math.round(rtt.srttNs);
    case 'pacing':
      return 8 * view.pacingRate;
    case 'rate':
      if (rate.bestIntervalNs === 0) return Number.NaN;
      return (8 * rate.bestDelivered * view.mss * SEC) / rate.bestIntervalNs;
    case 'info':
      return infoOf(c, name);
    default:
      return Number.NaN;
  }
}

/** A number of those that TCP_CC_INFO tells. */
function infoOf({ congestion }: TcpConnection, name: string): number {
  const info = congestion.cc.getInfo(congestion.view);
  if (info === null) return Number.NaN;
  const values: object = info.kind === 'other' ? info.values : info;
  const value = (values as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'number' ? value : Number.NaN;
}
