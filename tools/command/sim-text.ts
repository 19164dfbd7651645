/** The figures of a run for people. */
import type { Harm } from '../../src/sim/experiment/harm.ts';
import type { Quantiles, Summary } from '../../src/sim/experiment/summary.ts';
import { countText, outcomeText } from './expect-text.ts';
import { percent, rateText, tableText, timeText } from './figures.ts';

const spread = (q: Quantiles | null): string =>
  q === null ? '' : `${timeText(q.p50)} (${timeText(q.least)}–${timeText(q.p99)})`;

/** Flows beyond so many are in the summary file. */
const MOST_FLOWS = 40;

export function summaryText(summary: Summary, tookMs: number): string {
  const { flows, durationNs, frames } = summary;
  const rows = [
    [
      'flow',
      'cc',
      'goodput',
      '2nd half',
      'retransmitted',
      'RTT (least–p99)',
      'completed',
      'time (least–p99)',
    ],
    ...flows
      .slice(0, MOST_FLOWS)
      .map((f) => [
        f.name,
        f.cc,
        rateText(f.goodput),
        rateText(f.lateGoodput),
        percent(f.retransmitted, f.sent),
        spread(f.rtt),
        f.completed === 0 ? '' : String(f.completed),
        spread(f.completion),
      ]),
  ];
  const lines = [...tableText(rows)];
  if (flows.length > MOST_FLOWS) lines.push(`… and ${flows.length - MOST_FLOWS} more`);
  const failed = flows.reduce((n, f) => n + f.failed, 0);
  if (failed > 0) lines.push(`${failed} connections failed`);
  for (const { module, count, first } of summary.faults) {
    lines.push(
      `${module} failed on ${count} ${count === 1 ? 'connection' : 'connections'}, and Reno went on: ${first}`,
    );
  }
  if (summary.jain !== null)
    lines.push(`Jain's index of the bulk flows, 2nd half: ${summary.jain}`);
  lines.push(...convergenceLines(summary));
  lines.push(...completionLines(summary));
  lines.push(...harmLines(summary));
  lines.push(...linkLines(summary));
  if (summary.expectations.length > 0) {
    lines.push('', ...summary.expectations.map(outcomeText), countText(summary.expectations));
  }
  const seconds = (durationNs / 1e9).toFixed(durationNs < 1e9 ? 3 : 0);
  lines.push(
    '',
    `${seconds} s in ${(tookMs / 1000).toFixed(2)} s; ${frames} frames delivered to hosts`,
  );
  return lines.join('\n');
}

/** A line for each time between two changes, of the last so many. */
const MOST_EPOCHS = 5;

function convergenceLines({ fairness }: Summary): readonly string[] {
  if (fairness === null) return [];
  const { epochs, threshold } = fairness;
  const shown = epochs.slice(-MOST_EPOCHS).map(({ fromNs, flows, convergenceNs }) => {
    const what =
      convergenceNs === null
        ? 'equal shares not reached'
        : convergenceNs === 0
          ? 'equal shares at once'
          : `equal shares ${timeText(convergenceNs)} later`;
    return `${flows} flows from ${timeText(fromNs)} on: ${what} (Jain ≥ ${threshold} to the end of it)`;
  });
  const hidden = epochs.length - shown.length;
  return hidden === 0 ? shown : [`… ${hidden} changes before`, ...shown];
}

const harmText = ({ harm }: Harm): string => (harm === null ? '' : harm.toFixed(3));

export const HARM_HEADS = [
  'goodput',
  'RTT 50 %',
  'RTT 95 %',
  'retransmitted',
  'time 50 %',
  'time 99 %',
];

/** A line for each group that has been run alone. */
function harmLines({ harm }: Summary): readonly string[] {
  if (harm === null || harm.length === 0) return [];
  const rows = harm.map(({ group, figures }) => [group, ...Object.values(figures).map(harmText)]);
  return ['', ...tableText([['harm by the others to', ...HARM_HEADS], ...rows])];
}

/** Those that dropped something, or worked hard. */
function linkLines({ links }: Summary): readonly string[] {
  const busy = links.filter((l) => l.dropped > 0 || l.lost > 0 || (l.utilization ?? 0) > 0.5);
  if (busy.length === 0) return [];
  const rows = busy.map((l) => [
    l.name,
    l.utilization === null ? '' : `${(100 * l.utilization).toFixed(1)} %`,
    String(l.dropped),
    String(l.lost),
  ]);
  return ['', ...tableText([['link', 'of its rate', 'dropped', 'lost'], ...rows])];
}

/** Of groups in which more than one thing came whole. */
function completionLines({ groups }: Summary): readonly string[] {
  const rows = groups.flatMap(({ name, completed, completion, slowdown }) =>
    completion === null || completed < 2
      ? []
      : [
          [
            ...[name, String(completed)],
            ...[completion.p50, completion.p90, completion.p95, completion.p99].map(timeText),
            slowdown === null ? '' : `${slowdown.p50.toFixed(1)} (${slowdown.p99.toFixed(1)})`,
          ],
        ],
  );
  const head = ['group', 'completed', '50 %', '90 %', '95 %', '99 %', 'slowdown 50 % (99 %)'];
  return rows.length === 0 ? [] : ['', ...tableText([head, ...rows])];
}
