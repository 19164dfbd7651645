/** A run's figures as HTML tables. */
import type { FlowSummary, Quantiles } from '../../src/sim/experiment/summary.ts';
import { rateText, timeText } from '../command/figures.ts';
import type { RunData } from './run-data.ts';
import { escapeXml } from './svg.ts';

const cell = (text: string, isHead = false): string =>
  isHead ? `<th>${escapeXml(text)}</th>` : `<td>${escapeXml(text)}</td>`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], isHead: boolean) =>
    `<tr>${cells.map((text) => cell(text, isHead)).join('')}</tr>`;
  const body = rows.map((row) => line(row, false)).join('\n');
  return `<div class="table"><table><thead>${line(head, true)}</thead><tbody>\n${body}\n</tbody></table></div>`;
}

const time = (q: Quantiles | null, key: keyof Quantiles): string =>
  q === null ? '–' : timeText(q[key]);

const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(2)} %`;

export function flowTable(run: RunData): string {
  const rows = run.summary.flows.map((f) => [
    f.name,
    f.cc,
    rateText(f.goodput),
    rateText(f.lateGoodput),
    percent(f.retransmitted, f.sent),
    ...(['least', 'p50', 'p95', 'p99'] as const).map((key) => time(f.rtt, key)),
  ]);
  const head = [
    'flow',
    'cc',
    'goodput',
    '2nd half',
    'retransmitted',
    'RTT least',
    '50 %',
    '95 %',
    '99 %',
  ];
  return table(head, rows);
}

/** Nothing when no flow completes anything. */
export function completionTable(run: RunData): string {
  const flows = run.summary.flows.filter((f) => f.completion !== null);
  if (flows.length === 0) return '';
  const rows = flows.map((f) => [
    f.name,
    String(f.completed),
    ...(['least', 'p50', 'p95', 'p99'] as const).map((key) => time(f.completion, key)),
  ]);
  const head = ['flow', 'completed', 'least', '50 %', '95 %', '99 %'];
  return `<h3>Completion times</h3>${table(head, rows)}`;
}

export function linkTable(run: RunData): string {
  const links = run.summary.links.filter((l) => l.delivered > 0);
  const rows = links.map((l) => [
    l.name,
    rateText((l.delivered * 8e9) / run.summary.durationNs),
    l.utilization === null ? '–' : `${(100 * l.utilization).toFixed(1)} %`,
    String(l.dropped),
    String(l.lost),
  ]);
  return table(['link', 'carried', 'of its rate', 'dropped', 'lost'], rows);
}

/** One line a run. */
export function runTable(runs: readonly RunData[]): string {
  const rows = runs.map(({ folder, summary }) => {
    const { flows } = summary;
    const sum = (of: (f: FlowSummary) => number) => flows.reduce((n, f) => n + of(f), 0);
    const delays = flows.flatMap((f) => (f.rtt === null ? [] : [f.rtt.p50])).sort((a, b) => a - b);
    return [
      folder,
      summary.name,
      String(summary.seed),
      String(flows.length),
      rateText((sum((f) => f.delivered) * 8e9) / summary.durationNs),
      percent(
        sum((f) => f.retransmitted),
        sum((f) => f.sent),
      ),
      delays.length === 0 ? '–' : timeText(delays[delays.length >> 1]!),
      summary.jain === null ? '–' : summary.jain.toFixed(3),
    ];
  });
  const head = [
    'run',
    'scenario',
    'seed',
    'flows',
    'goodput in all',
    'retransmitted',
    'median RTT',
    "Jain's index",
  ];
  return table(head, rows);
}
