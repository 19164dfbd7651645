/** What a chart shows, before anybody draws it: in a browser (page.ts) or as SVG (svg.ts). */
import type { RunData, Steps } from './run-data.ts';

export interface Series {
  readonly label: string;
  readonly values: Steps;
  /** Index into COLOURS. */
  readonly colour: number;
  readonly isDashed: boolean;
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** Of the vertical axis. */
  readonly unit: string;
  readonly times: Steps;
  readonly series: readonly Series[];
  /** Lines that are not drawn, for there are too many. */
  readonly hidden: number;
  /** Values hold until the next one; else a line from point to point. */
  readonly isStepped: boolean;
}

/** Told apart by people with any kind of colour vision (Okabe and Ito, 2008), and by order. */
export const COLOURS: readonly string[] = [
  ...['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#b8a800'],
];

/** More lines than this nobody reads; the tables have all. */
const MOST_SERIES = 12;

/** Those that say most: with values in the most steps. In their order. */
function busiest<T extends { readonly values: Steps }>(lines: readonly T[]): readonly T[] {
  if (lines.length <= MOST_SERIES) return lines;
  const said = (line: T) => line.values.reduce((n, v) => n + (Number.isNaN(v) ? 0 : 1), 0);
  const kept = new Set([...lines].sort((a, b) => said(b) - said(a)).slice(0, MOST_SERIES));
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

interface Line {
  readonly label: string;
  readonly values: Steps;
  readonly colour: number;
  readonly isDashed?: boolean;
  /** The step after which there is nothing. */
  readonly end?: number;
}

function chart(
  run: RunData,
  id: string,
  title: string,
  unit: string,
  lines: readonly Line[],
  isStepped: boolean,
): Chart[] {
  const some = lines.filter(({ values }) => values.some((v) => !Number.isNaN(v)));
  const series = busiest(some).map(
    ({ label, values, colour, isDashed = false, end = values.length }) => ({
      ...{ label, colour, isDashed },
      values: isStepped ? held(values, end) : joined(values),
    }),
  );
  const hidden = some.length - series.length;
  if (series.length === 0) return [];
  return [{ id, title, unit, times: run.times, series, hidden, isStepped }];
}

/** All there is to see of a run. A flow has the same colour everywhere. */
export function chartsOf(run: RunData): readonly Chart[] {
  const names = run.summary.flows.map(({ name }) => name);
  const colourOf = (name: string) =>
    Math.max(0, names.indexOf(name.replace(/:back|#\d+/g, ''))) % COLOURS.length;
  const flows = run.flows.map((f) => ({ ...f, label: f.name, colour: colourOf(f.name) }));
  const links = [...run.queues]
    .filter(([name]) => isBusy(run, name))
    .map(([label, q], i) => ({ label, ...q, colour: i % COLOURS.length }));
  const goodput = [...run.goodput].map(([label, values]) => ({
    label,
    values,
    colour: colourOf(label),
  }));
  const of = (key: 'cwnd' | 'ssthresh' | 'inFlight' | 'srtt' | 'pacing' | 'retrans') =>
    flows.map((f) => ({ label: f.label, values: f[key], colour: f.colour, end: f.endStep }));
  const thresholds = of('ssthresh').map((s) => ({
    ...s,
    label: `${s.label} ssthresh`,
    isDashed: true,
  }));
  return [
    ...chart(run, 'goodput', 'Goodput', 'Mbit/s', goodput, false),
    ...chart(
      run,
      'cwnd',
      'Congestion window',
      'segments',
      [...of('cwnd'), ...(flows.length <= 4 ? thresholds : [])],
      true,
    ),
    ...chart(run, 'rtt', 'Smoothed round trip', 'ms', of('srtt'), true),
    ...chart(run, 'inflight', 'In flight', 'segments', of('inFlight'), true),
    ...chart(
      run,
      'queue',
      'Queue',
      'packets',
      links.map((l) => ({ ...l, values: l.packets })),
      false,
    ),
    ...chart(
      run,
      'drops',
      'Drops so far',
      'packets',
      links.map((l) => ({ ...l, values: l.dropped })),
      true,
    ),
    ...chart(run, 'retrans', 'Retransmissions so far', 'segments', of('retrans'), true),
    ...chart(run, 'pacing', 'Pacing rate', 'Mbit/s', of('pacing'), true),
  ];
}

/** A link that dropped, or worked for more than a tenth of the time. */
function isBusy(run: RunData, name: string): boolean {
  const link = run.summary.links.find((l) => l.name === name);
  return link !== undefined && (link.dropped > 0 || (link.utilization ?? 0) > 0.5);
}

/** The same charts of several runs in one: each run has its dashes, and its name before each line's. */
export function overlaid(runs: readonly RunData[]): readonly Chart[] {
  const all = runs.map((run) => chartsOf(run));
  const ids = [...new Set(all.flat().map(({ id }) => id))];
  return ids.map((id) => {
    const charts = all.map((own) => own.find((c) => c.id === id));
    const series = charts.flatMap((c, i) =>
      (c?.series ?? []).map((s) => ({
        ...s,
        label: `${runs[i]!.folder}: ${s.label}`,
        colour: (s.colour + i) % COLOURS.length,
        isDashed: i % 2 === 1,
      })),
    );
    const first = charts.find((c) => c !== undefined)!;
    const drawn = busiest(series);
    const hidden = series.length - drawn.length + charts.reduce((n, c) => n + (c?.hidden ?? 0), 0);
    return { ...first, id: `all-${id}`, series: drawn, hidden };
  });
}
