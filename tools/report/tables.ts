/** A run's figures as HTML tables. */
import { HARM_FIGURES } from '../../src/sim/experiment/harm.ts';
import type { FlowSummary, Quantiles, Summary } from '../../src/sim/experiment/summary.ts';
import { convergedText, percent, rateText, timeText } from '../command/figures.ts';
import { HARM_HEADS } from '../command/sim-text.ts';
import { Looks } from './chart.ts';
import { escapeXml } from './frame.ts';
import type { RunData } from './run-data.ts';

/** Markup, as opposed to a text that is to be escaped. */
export interface Markup {
  readonly html: string;
}
export type CellText = string | Markup;

const DASH = '–';
/** Longer tables are folded. */
const MOST_ROWS = 60;

function cell(text: CellText, isHead: boolean): string {
  const inside = typeof text === 'string' ? escapeXml(text === '' ? DASH : text) : text.html;
  return isHead ? `<th scope="col">${inside}</th>` : `<td>${inside}</td>`;
}

/** @param texts so many columns on the left are no figures. */
export function table(
  head: readonly string[],
  rows: readonly (readonly CellText[])[],
  texts = 1,
): string {
  const line = (cells: readonly CellText[], isHead: boolean) =>
    `<tr>${cells.map((text) => cell(text, isHead)).join('')}</tr>`;
  const body = rows.map((row) => line(row, false)).join('\n');
  const whole = `<div class="table t${texts}"><table><thead>${line(head, true)}</thead><tbody>\n${body}\n</tbody></table></div>`;
  if (rows.length <= MOST_ROWS) return whole;
  return `<details><summary>${rows.length} rows</summary>${whole}</details>`;
}

const time = (q: Quantiles | null, key: keyof Quantiles): string =>
  q === null ? '' : timeText(q[key]);

/** A name with the colour that it has in the charts. */
function named(looks: Looks, name: string): Markup {
  const { colour } = looks.look(name);
  return { html: `<i class="b${colour}"></i>${escapeXml(name)}` };
}

export function flowTable(run: RunData): string {
  const looks = new Looks(run);
  const rows = run.summary.flows.map((f) => [
    ...[named(looks, f.name), f.cc, rateText(f.goodput), rateText(f.lateGoodput)],
    percent(f.retransmitted, f.sent),
    ...(['least', 'p50', 'p95', 'p99'] as const).map((key) => time(f.rtt, key)),
    f.failed === 0 ? '' : String(f.failed),
  ]);
  const head = [
    ...['flow', 'module', 'goodput', '2nd half', 'retransmitted'],
    ...['RTT least', '50 %', '95 %', '99 %', 'failed'],
  ];
  return `<h3>Flows</h3>${table(head, rows, 2)}`;
}

/** Nothing when no flow completes anything. */
export function completionTable({ summary }: RunData): string {
  const groups = summary.groups.filter(({ completion }) => completion !== null);
  if (groups.length === 0) return '';
  const rows = groups.map(({ name, completed, completion, slowdown }) => [
    ...[name, String(completed)],
    ...(['least', 'p50', 'p90', 'p95', 'p99'] as const).map((key) => time(completion, key)),
    ...(['p50', 'p90', 'p99'] as const).map((key) => slowdown?.[key].toFixed(2) ?? ''),
  ]);
  const head = [
    ...['group', 'completed', 'least', '50 %', '90 %', '95 %', '99 %'],
    ...['slowdown 50 %', '90 %', '99 %'],
  ];
  return `<h3>Completion times</h3><p class="note">Slowdown: against what size and path allow, alone and without queues.</p>${table(head, rows)}`;
}

/** Nothing where flows never shared. */
export function fairnessTable({ summary: { fairness } }: RunData): string {
  if (fairness === null) return '';
  const { threshold, windowNs, epochs } = fairness;
  const rows = epochs.map(({ fromNs, toNs, flows, jain, convergenceNs, convergenceFairness }) => {
    const known = jain.filter((x) => x !== null);
    const fair = known.filter((x) => x >= threshold).length;
    return [
      ...[`${timeText(fromNs)} to ${timeText(toNs)}`, String(flows)],
      convergedText(convergenceNs),
      convergenceFairness === null ? '' : convergenceFairness.toFixed(3),
      known.length === 0 ? '' : Math.min(...known).toFixed(3),
      `${fair} of ${jain.length}`,
    ];
  });
  const head = [
    ...['from start or stop to the next', 'flows', 'converged after', 'least index then'],
    ...['least of all', `windows with ${threshold}`],
  ];
  const what = `Jain's index of the endless flows, in windows of ${timeText(windowNs)}; converged when all windows that follow have ${threshold}.`;
  return `<h3>Fairness and convergence</h3><p class="note">${escapeXml(what)}</p>${table(head, rows)}`;
}

/** The darker, the more harm. */
function harmCell(harm: number | null, told: string): CellText {
  if (harm === null) return '';
  const shade = Math.round(Math.max(0, Math.min(1, harm)) * 60);
  return {
    html: `<span class="harm" style="background:color-mix(in srgb, #d55e00 ${shade}%, transparent)" title="${escapeXml(told)}">${harm.toFixed(2)}</span>`,
  };
}

const HARM_TEXTS: Readonly<Record<string, (x: number) => string>> = {
  goodput: rateText,
  retransmitted: (x) => `${(100 * x).toFixed(2)} %`,
};

/** Nothing where no group was run alone. */
export function harmTable({ summary: { harm } }: { readonly summary: Summary }): string {
  if (harm === null || harm.length === 0) return '';
  const rows = harm.map(({ group, figures }) => [
    group,
    ...Object.keys(HARM_FIGURES).map((name) => {
      const { alone, together, harm: own } = figures[name as keyof typeof figures];
      const text = HARM_TEXTS[name] ?? timeText;
      if (alone === null || together === null) return '';
      return harmCell(own, `alone ${text(alone)}, beside the others ${text(together)}`);
    }),
  ]);
  return `<h3>Harm by the others</h3><p class="note">With x alone on the same path and y beside the others: (x − y)/x where more is better, (y − x)/y where less is (Ware et al., HotNets 2019). 0: none; 1: all is taken; below 0: they do good.</p>${table(['to', ...HARM_HEADS], rows)}`;
}

export function linkTable(run: RunData): string {
  const links = run.summary.links.filter((l) => l.delivered > 0);
  const rows = links.map((l) => [
    l.name,
    rateText((l.delivered * 8e9) / run.summary.durationNs),
    l.utilization === null ? '' : `${(100 * l.utilization).toFixed(1)} %`,
    String(l.dropped),
    String(l.lost),
  ]);
  return `<h3>Links</h3>${table(['link', 'carried', 'of its rate', 'dropped', 'lost'], rows)}`;
}

/** One line a run. */
export function runTable(runs: readonly RunData[]): string {
  const rows = runs.map(({ folder, summary }) => {
    const { flows, fairness, jain } = summary;
    const sum = (of: (f: FlowSummary) => number) => flows.reduce((n, f) => n + of(f), 0);
    const delays = flows.flatMap((f) => (f.rtt === null ? [] : [f.rtt.p50])).sort((a, b) => a - b);
    const last = fairness?.epochs.at(-1);
    return [
      ...[folder, summary.name, String(summary.seed), String(flows.length)],
      rateText((sum((f) => f.delivered) * 8e9) / summary.durationNs),
      percent(
        sum((f) => f.retransmitted),
        sum((f) => f.sent),
      ),
      delays.length === 0 ? '' : timeText(delays[delays.length >> 1]!),
      jain === null ? '' : jain.toFixed(3),
      last === undefined ? '' : convergedText(last.convergenceNs),
    ];
  });
  const head = [
    ...['run', 'scenario', 'seed', 'flows', 'goodput in all', 'retransmitted', 'median RTT'],
    ...["Jain's index", 'converged after'],
  ];
  return table(head, rows, 2);
}
