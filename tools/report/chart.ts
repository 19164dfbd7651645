/** What a chart over time shows, before anybody draws it: in a browser (page.ts) or as SVG (svg.ts). */

import { type Look, lookOf } from './palette.ts';
import { type FlowSteps, GOODPUT_STEPS, type RunData, STEPS, type Steps } from './run-data.ts';
import * as said from './said.ts';

export interface Series {
  readonly label: string;
  /** Whose colour it has in the legend: its own label, or its group's. */
  readonly key: string;
  readonly values: Steps;
  readonly look: Look;
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One sentence: what there is to see. */
  readonly said: string;
  /** Of the vertical axis. */
  readonly unit: string;
  readonly times: Steps;
  readonly series: readonly Series[];
  /** Lines that are not drawn, for there are too many. */
  readonly hidden: number;
  /** Values hold until the next one; else a line from point to point. */
  readonly isStepped: boolean;
  /** A level to compare with. */
  readonly level: number | null;
}

/** More flows than this have the colour of their group. */
const MOST_NAMED = 10;
/** More lines than this nobody reads; the tables have all. */
const MOST_SERIES = 40;

interface Line extends Omit<Series, 'values'> {
  readonly values: Steps;
  /** The step after which there is nothing. */
  readonly end?: number;
}

/** Those that say most: with values in the most steps. In their order. */
function busiest<T extends { readonly values: Steps }>(lines: readonly T[]): readonly T[] {
  if (lines.length <= MOST_SERIES) return lines;
  const told = (line: T) => line.values.reduce((n, v) => n + (Number.isNaN(v) ? 0 : 1), 0);
  const kept = new Set([...lines].sort((a, b) => told(b) - told(a)).slice(0, MOST_SERIES));
  return lines.filter((line) => kept.has(line));
}

/** A value stays until there is another, or `end`; none before the first. */
function held(values: Steps, end: number): Steps {
  const out = values.slice();
  for (let i = 1; i <= end && i < out.length; i++) if (Number.isNaN(out[i]!)) out[i] = out[i - 1]!;
  return out;
}

/** From one value to the next in a straight line. */
function joined(values: Steps): Steps {
  const out = values.slice();
  let last = -1;
  for (let i = 0; i < out.length; i++) {
    if (Number.isNaN(out[i]!)) continue;
    for (let k = last + 1; last >= 0 && k < i; k++) {
      out[k] = out[last]! + ((out[i]! - out[last]!) * (k - last)) / (i - last);
    }
    last = i;
  }
  return out;
}

type Kind = Omit<Chart, 'times' | 'series' | 'hidden' | 'level'>;

function chart(run: RunData, kind: Kind, lines: readonly Line[], level: number | null): Chart[] {
  const some = lines.filter(({ values }) => values.some((v) => !Number.isNaN(v)));
  const series = busiest(some).map(({ end = STEPS, ...line }) => ({
    ...line,
    values: kind.isStepped ? held(line.values, end) : joined(line.values),
  }));
  if (series.length === 0) return [];
  const hidden = some.length - series.length;
  return [{ ...kind, times: run.times, series, hidden, level }];
}

/** The flow of `web:back` and `web#2`. */
export const flowNameOf = (connection: string): string => connection.replace(/:back|#\d+/g, '');

/** Of each flow and connection, everywhere the same: a colour of its own, or, of many, of its group. */
export class Looks {
  private readonly keys = new Map<string, string>();
  private readonly names: readonly string[];

  constructor({ summary }: RunData) {
    const { flows } = summary;
    const hasOwn = flows.length <= MOST_NAMED;
    for (const { name, group } of flows) this.keys.set(name, hasOwn ? name : group);
    this.names = [...new Set(this.keys.values())];
  }

  key(name: string): string {
    return this.keys.get(flowNameOf(name)) ?? name;
  }

  /** Of a flow, a connection, or a key. */
  look(name: string): Look {
    return lookOf(Math.max(0, this.names.indexOf(this.key(name))));
  }
}

/** As the scenario has them; connections of one flow as they came. */
function inOrder<T>(
  { summary }: RunData,
  named: readonly (readonly [string, T])[],
): readonly (readonly [string, T])[] {
  const places = new Map(summary.flows.map(({ name }, i) => [name, i]));
  const place = (name: string) => places.get(flowNameOf(name)) ?? places.size;
  return [...named].sort(([a], [b]) => place(a) - place(b));
}

const stepped = (id: string, title: string, unit: string, what: string): Kind => {
  return { id, title, unit, said: what, isStepped: true };
};

const straight = (id: string, title: string, unit: string, what: string): Kind => {
  return { id, title, unit, said: what, isStepped: false };
};

/** Before the first byte and after the last there is no line at 0. */
function trimmed(values: Steps): Steps {
  const isSome = (v: number) => v > 0;
  const [first, last] = [values.findIndex(isSome), values.findLastIndex(isSome)];
  const out = values.slice();
  for (let i = 0; i < out.length; i++) {
    if (out[i] !== 0) continue;
    const isNear = i >= first - GOODPUT_STEPS && i <= last + GOODPUT_STEPS;
    if (first < 0 || !isNear) out[i] = Number.NaN;
  }
  return out;
}

/** All there is to see of a run over time. */
export function chartsOf(run: RunData): readonly Chart[] {
  const looks = new Looks(run);
  const { summary } = run;
  const followed = inOrder(
    run,
    run.flows.map((f) => [f.name, f] as const),
  ).map(([, f]) => f);
  const line = (name: string, values: Steps): Line => ({
    ...{ label: name, key: looks.key(name), values, look: looks.look(name) },
  });
  const of = (field: 'cwnd' | 'ssthresh' | 'inFlight' | 'srtt' | 'pacing' | 'retrans') =>
    followed.map((f) => ({ ...line(f.name, f[field]), end: f.endStep }));
  const link = (field: 'packets' | 'dropped') =>
    [...run.queues].map(([label, q], i) => ({
      label,
      key: label,
      values: q[field],
      look: lookOf(i),
    }));
  const goodput = inOrder(run, [...run.goodput]).map(([name, values]) =>
    line(name, trimmed(values)),
  );
  return [
    ...chart(run, straight('goodput', 'Goodput', 'Mbit/s', said.goodput(summary)), goodput, null),
    ...fairnessChart(run),
    ...chart(
      run,
      stepped('cwnd', 'Congestion window', 'segments', said.most(run.flows, 'cwnd', 'segments')),
      [...of('cwnd'), ...(followed.length <= 3 ? thresholds(followed, line) : [])],
      null,
    ),
    ...chart(run, stepped('rtt', 'Smoothed round trip', 'ms', said.rtt(summary)), of('srtt'), null),
    ...chart(
      run,
      stepped('inflight', 'In flight', 'segments', said.most(run.flows, 'inFlight', 'segments')),
      of('inFlight'),
      null,
    ),
    ...chart(run, straight('queue', 'Queue', 'packets', said.queue(run)), link('packets'), null),
    ...chart(
      run,
      stepped('drops', 'Drops so far', 'packets', said.drops(summary)),
      link('dropped'),
      null,
    ),
    ...chart(
      run,
      stepped('retrans', 'Retransmissions so far', 'segments', said.retransmitted(summary)),
      of('retrans'),
      null,
    ),
    ...chart(
      run,
      stepped('pacing', 'Pacing rate', 'Mbit/s', said.most(run.flows, 'pacing', 'Mbit/s')),
      of('pacing'),
      null,
    ),
  ];
}

/** Dashed, beside their windows. */
function thresholds(
  flows: readonly FlowSteps[],
  line: (name: string, values: Steps) => Line,
): readonly Line[] {
  return flows.map((f) => {
    const own = line(f.name, f.ssthresh);
    const label = `${f.name} ssthresh`;
    return { ...own, label, key: label, look: { ...own.look, dash: 1 }, end: f.endStep };
  });
}

/** Jain's index, held for each window; nothing where fewer than two flows share. */
function fairnessChart(run: RunData): Chart[] {
  const { fairness } = run.summary;
  if (fairness === null) return [];
  const values = new Float64Array(STEPS).fill(Number.NaN);
  for (const { fromNs, jain } of fairness.epochs) {
    for (const [i, index] of jain.entries()) {
      const beginS = (fromNs + i * fairness.windowNs) / 1e9;
      const endS = beginS + fairness.windowNs / 1e9;
      if (index === null) continue;
      for (let k = 0; k < STEPS; k++) {
        const t = run.times[k]!;
        if (t > beginS && t <= endS * (1 + 1e-12)) values[k] = index;
      }
    }
  }
  const kind = { id: 'jain', title: "Jain's fairness index", unit: 'index', isStepped: true };
  const line = { label: 'index', key: 'index', values, look: lookOf(0), end: 0 };
  return chart(run, { ...kind, said: said.fairness(fairness) }, [line], fairness.threshold);
}

/** The same charts of several runs in one; `all` are each run's own: a colour for each run, dashes for the lines of one. */
export function overlaid(
  runs: readonly RunData[],
  all: readonly (readonly Chart[])[],
): readonly Chart[] {
  const ids = [...new Set(all.flat().map(({ id }) => id))];
  return ids.map((id) => {
    const charts = all.map((own) => own.find((c) => c.id === id));
    const series = charts.flatMap((c, i) => {
      const own = (c?.series ?? []).filter(({ label }) => isCompared(runs[i]!, label));
      const keys = [...new Set(own.map(({ key }) => key))];
      const run = runs[i]!.folder;
      return own.map((s) => ({
        ...s,
        label: keys.length < 2 ? run : `${run}: ${s.label}`,
        key: keys.length < 2 ? run : `${run}: ${s.key}`,
        look: lookOf(i, keys.indexOf(s.key)),
      }));
    });
    const first = charts.find((c) => c !== undefined)!;
    const drawn = busiest(series);
    const hidden = series.length - drawn.length + charts.reduce((n, c) => n + (c?.hidden ?? 0), 0);
    return { ...first, id: `all-${id}`, said: '', series: drawn, hidden };
  });
}

/** Beside flows that go on, those that come and go would hide what there is to compare. */
function isCompared({ summary: { flows } }: RunData, label: string): boolean {
  if (label.endsWith(' ssthresh')) return false;
  const flow = flows.find(({ name }) => name === flowNameOf(label));
  return (flow?.completed ?? 0) === 0 || flows.every(({ completed }) => completed > 0);
}

/** What a page can hold: where there are more values, of so many steps one is kept. */
export function strideOf(charts: readonly Chart[], most: number): number {
  const lines = charts.reduce((n, { series }) => n + series.length, 0);
  let stride = 1;
  while ((lines * STEPS) / stride > most && stride < 8) stride *= 2;
  return stride;
}
