/** A run's folder, as `ringway sim --out` leaves it: its summary, and its trace in so many steps of time. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { EXIT, Failure } from '../command/failure.ts';

/** Steps of a run: as many points as a chart has pixels, about. */
export const STEPS = 1000;

/** One value a step; NaN where there is none. */
export type Steps = Float64Array;

/** What was followed of one end of a flow. */
export interface FlowSteps {
  readonly name: string;
  /** Segments: the last of each step, the most in flight. */
  readonly cwnd: Steps;
  readonly ssthresh: Steps;
  readonly inFlight: Steps;
  /** Milliseconds, the last of each step. */
  readonly srtt: Steps;
  /** Mbit/s. */
  readonly pacing: Steps;
  /** Retransmissions so far. */
  readonly retrans: Steps;
  /** The step in which the connection ended, or STEPS. */
  endStep: number;
}

export interface RunData {
  readonly name: string;
  readonly folder: string;
  readonly summary: Summary;
  /** The end of each step, in seconds. */
  readonly times: Steps;
  readonly flows: readonly FlowSteps[];
  /** By flow's name: Mbit/s that its application read in each step between samples. */
  readonly goodput: ReadonlyMap<string, Steps>;
  /** By link's name: packets that wait; drops so far. */
  readonly queues: ReadonlyMap<string, { readonly packets: Steps; readonly dropped: Steps }>;
}

interface Line {
  readonly t: number;
  readonly flow?: string;
  readonly link?: string;
  readonly event: string;
  readonly [field: string]: number | string | null | undefined;
}

const empty = (): Steps => new Float64Array(STEPS).fill(Number.NaN);

/** By name; made when it is first asked for. */
class Table<T> extends Map<string, T> {
  private readonly make: (name: string) => T;

  constructor(make: (name: string) => T) {
    super();
    this.make = make;
  }

  at(name: string): T {
    const there = this.get(name);
    if (there !== undefined) return there;
    const made = this.make(name);
    this.set(name, made);
    return made;
  }
}

class Reader {
  readonly flows = new Table<FlowSteps>((name) => ({
    name,
    cwnd: empty(),
    ssthresh: empty(),
    inFlight: empty(),
    srtt: empty(),
    pacing: empty(),
    retrans: empty(),
    endStep: STEPS,
  }));
  readonly goodput = new Table(() => empty());
  readonly queues = new Table(() => ({ packets: empty(), dropped: empty() }));
  private readonly samples = new Map<string, { t: number; delivered: number }>();
  private readonly durationNs: number;

  constructor(durationNs: number) {
    this.durationNs = durationNs;
  }

  take(line: Line): void {
    const step = Math.min(STEPS - 1, Math.floor((line.t / this.durationNs) * STEPS));
    if (line.link !== undefined) this.takeLink(line, line.link, step);
    else if (line.flow !== undefined && line.event === 'sample')
      this.takeSample(line, line.flow, step);
    else if (line.flow !== undefined) this.takeEvent(line, line.flow, step);
  }

  private takeLink(line: Line, name: string, step: number): void {
    const { packets, dropped } = this.queues.at(name);
    packets[step] = Math.max(packets[step] || 0, Number(line.packets));
    dropped[step] = Number(line.dropped);
  }

  private takeSample(line: Line, name: string, step: number): void {
    const delivered = Number(line.delivered);
    const before = this.samples.get(name);
    this.samples.set(name, { t: line.t, delivered });
    if (before === undefined) return;
    const ns = line.t - before.t;
    this.goodput.at(name)[step] = ((delivered - before.delivered) * 8e3) / ns;
  }

  private takeEvent(line: Line, name: string, step: number): void {
    const f = this.flows.at(name);
    f.cwnd[step] = Number(line.cwnd);
    if (line.ssthresh !== null) f.ssthresh[step] = Number(line.ssthresh);
    f.inFlight[step] = Math.max(f.inFlight[step] || 0, Number(line.inFlight));
    if (line.srtt !== null) f.srtt[step] = Number(line.srtt) / 1e6;
    if (line.pacing !== null) f.pacing[step] = (Number(line.pacing) * 8) / 1e6;
    f.retrans[step] = Number(line.retrans);
    if (line.event === 'ended') f.endStep = step;
  }
}

export function readSummary(folder: string): Summary {
  const file = join(folder, 'summary.json');
  if (!existsSync(file)) {
    const message = `${folder}: no summary.json; \`ringway sim --out ${folder} …\` makes one`;
    throw new Failure('ERR_REPORT', message, EXIT.USAGE);
  }
  const summary = parsed(readFileSync(file, 'utf8'), file) as Partial<Summary> | null;
  if (Array.isArray(summary?.flows) && Array.isArray(summary.links)) return summary as Summary;
  throw new Failure('ERR_REPORT', `${file}: no summary of a run`, EXIT.USAGE);
}

/** What a file says that a run may have left in the middle. */
function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('ERR_REPORT', `${where}: ${(error as Error).message}`, EXIT.USAGE);
  }
}

/** @param durationNs of the charts: that of the longest run beside it. */
export async function readRun(folder: string, durationNs: number): Promise<RunData> {
  const summary = readSummary(folder);
  const reader = new Reader(durationNs);
  const trace = join(folder, 'trace.jsonl');
  if (existsSync(trace)) {
    let n = 0;
    for await (const text of createInterface({ input: createReadStream(trace) })) {
      const line = parsed(text, `${trace}:${++n}`) as Line | null;
      if (typeof line?.t === 'number') reader.take(line);
    }
  }
  const seconds = durationNs / 1e9;
  return {
    name: summary.name,
    folder: basename(folder),
    summary,
    times: Float64Array.from({ length: STEPS }, (_, i) => ((i + 1) * seconds) / STEPS),
    flows: [...reader.flows.values()].filter(hasText),
    goodput: reader.goodput,
    queues: reader.queues,
  };
}

/** An end that only answers, or asks, has a segment in flight now and then. */
function hasText(f: FlowSteps): boolean {
  return f.inFlight.some((n) => n > 1);
}
