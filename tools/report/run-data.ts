/** A run's folder, as `ringway sim --out` leaves it: its summary, and its trace in so many steps of time. */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { createInterface } from 'node:readline';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { EXIT, Failure } from '../command/failure.ts';

/** Steps of a run: as many points as a chart has pixels, about. */
export const STEPS = 1000;
/** Goodput is told of so many of them together: single steps would show packets. */
export const GOODPUT_STEPS = 5;
/** Connections, and flows, that are followed at once; the memory for a trace of any length. */
const MOST_FOLLOWED = 256;

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
  /** How much the trace says of it. */
  events: number;
}

export interface RunData {
  readonly name: string;
  /** What tells its folder from those of other runs. */
  readonly folder: string;
  readonly summary: Summary;
  /** Whether there is one, and not only the summary. */
  readonly hasTrace: boolean;
  /** The end of each step, in seconds. */
  readonly times: Steps;
  readonly flows: readonly FlowSteps[];
  /** Connections of the trace that were too many to follow. */
  readonly unfollowed: number;
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

const newFlow = (name: string): FlowSteps => ({
  name,
  cwnd: empty(),
  ssthresh: empty(),
  inFlight: empty(),
  srtt: empty(),
  pacing: empty(),
  retrans: empty(),
  endStep: STEPS,
  events: 0,
});

/** What a flow had delivered when its latest bin of steps began. */
interface Anchor {
  bin: number;
  t: number;
  delivered: number;
  lastT: number;
  lastDelivered: number;
}

class Reader {
  readonly flows = new Map<string, FlowSteps>();
  readonly goodput = new Map<string, Steps>();
  readonly queues = new Map<string, { packets: Steps; dropped: Steps }>();
  unfollowed = 0;
  private readonly anchors = new Map<string, Anchor>();
  private readonly durationNs: number;

  /** @param links whose queues are of interest. */
  constructor(durationNs: number, links: readonly string[]) {
    this.durationNs = durationNs;
    for (const name of links) this.queues.set(name, { packets: empty(), dropped: empty() });
  }

  take(line: Line): void {
    const step = Math.min(STEPS - 1, Math.floor((line.t / this.durationNs) * STEPS));
    if (line.link !== undefined) this.takeLink(line, line.link, step);
    else if (line.flow !== undefined && line.event === 'sample')
      this.takeSample(line, line.flow, step);
    else if (line.flow !== undefined) this.takeEvent(line, line.flow, step);
  }

  private takeLink(line: Line, name: string, step: number): void {
    const queue = this.queues.get(name);
    if (queue === undefined) return;
    queue.packets[step] = Math.max(queue.packets[step] || 0, Number(line.packets));
    queue.dropped[step] = Number(line.dropped);
  }

  private takeSample(line: Line, name: string, step: number): void {
    const { t } = line;
    const delivered = Number(line.delivered);
    const bin = Math.floor(step / GOODPUT_STEPS);
    const anchor = this.anchors.get(name);
    if (anchor === undefined) {
      if (this.anchors.size >= MOST_FOLLOWED) return;
      this.anchors.set(name, { bin, t, delivered, lastT: t, lastDelivered: delivered });
      this.goodput.set(name, empty());
      return;
    }
    if (bin !== anchor.bin) {
      Object.assign(anchor, { bin, t: anchor.lastT, delivered: anchor.lastDelivered });
    }
    const place = Math.min(STEPS, (bin + 1) * GOODPUT_STEPS) - 1;
    this.goodput.get(name)![place] = ((delivered - anchor.delivered) * 8e3) / (t - anchor.t);
    anchor.lastT = t;
    anchor.lastDelivered = delivered;
  }

  private takeEvent(line: Line, name: string, step: number): void {
    const f = this.followed(name, line.event);
    if (f === null) return;
    f.events++;
    f.cwnd[step] = Number(line.cwnd);
    if (line.ssthresh !== null) f.ssthresh[step] = Number(line.ssthresh);
    f.inFlight[step] = Math.max(f.inFlight[step] || 0, Number(line.inFlight));
    if (line.srtt !== null) f.srtt[step] = Number(line.srtt) / 1e6;
    if (line.pacing !== null) f.pacing[step] = (Number(line.pacing) * 8) / 1e6;
    f.retrans[step] = Number(line.retrans);
    if (line.event === 'ended') f.endStep = step;
  }

  /** One that has ended, and of which least is known, makes room for a new one. */
  private followed(name: string, event: string): FlowSteps | null {
    const known = this.flows.get(name);
    if (known !== undefined) return known;
    if (this.flows.size >= MOST_FOLLOWED) {
      let least: FlowSteps | null = null;
      for (const f of this.flows.values()) {
        if (f.endStep < STEPS && (least === null || f.events < least.events)) least = f;
      }
      if (least !== null || event === 'established') this.unfollowed++;
      if (least === null) return null;
      this.flows.delete(least.name);
    }
    const made = newFlow(name);
    this.flows.set(name, made);
    return made;
  }
}

export function readSummary(folder: string): Summary {
  const file = join(folder, 'summary.json');
  if (!existsSync(file)) {
    const message = `${folder}: no summary.json; \`ringway sim --out ${folder} …\` makes one`;
    throw new Failure('ERR_REPORT', message, EXIT.USAGE);
  }
  return readSummaryFile(file);
}

export function readSummaryFile(file: string): Summary {
  if (!existsSync(file)) throw new Failure('ERR_REPORT', `${file}: not there`, EXIT.USAGE);
  const summary = parsed(readFileSync(file, 'utf8'), file) as Partial<Summary> | null;
  if (isSummary(summary)) return summary;
  throw new Failure('ERR_REPORT', `${file}: no summary of a run`, EXIT.USAGE);
}

export function isSummary(value: Partial<Summary> | null): value is Summary {
  const { flows, groups, links } = value ?? {};
  return [flows, groups, links].every(Array.isArray);
}

/** What a file says that a run may have left in the middle. */
function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('ERR_REPORT', `${where}: ${(error as Error).message}`, EXIT.USAGE);
  }
}

/** A link that dropped, or worked for more than half of the time. */
export function busyLinks({ links }: Summary): readonly string[] {
  return links.filter((l) => l.dropped > 0 || (l.utilization ?? 0) > 0.5).map(({ name }) => name);
}

/** The shortest ends of their paths that tell them apart. */
export function folderNames(folders: readonly string[]): readonly string[] {
  const paths = folders.map((folder) => resolve(folder).split(sep));
  const most = Math.max(...paths.map(({ length }) => length));
  for (let n = 1; n < most; n++) {
    const names = paths.map((path) => path.slice(-n).join('/'));
    if (new Set(names).size === names.length) return names;
  }
  return folders;
}

/** @param durationNs of the charts: that of the longest run beside it. */
export async function readRun(folder: string, name: string, durationNs: number): Promise<RunData> {
  const summary = readSummary(folder);
  const reader = new Reader(durationNs, busyLinks(summary).slice(0, MOST_FOLLOWED));
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
    folder: name,
    summary,
    hasTrace: existsSync(trace),
    times: Float64Array.from({ length: STEPS }, (_, i) => ((i + 1) * seconds) / STEPS),
    flows: [...reader.flows.values()].filter(hasText),
    unfollowed: reader.unfollowed,
    goodput: reader.goodput,
    queues: reader.queues,
  };
}

/** An end that only answers, or asks, has a segment in flight now and then. */
function hasText(f: FlowSteps): boolean {
  return f.inFlight.some((n) => n > 1);
}
