/** The results of a sweep for notebooks: a line for each flow, and for each group of flows, of each run. */
import type { GroupSummary } from '../../src/sim/experiment/group-summary.ts';
import { HARM_FIGURES, type HarmFigure } from '../../src/sim/experiment/harm.ts';
import type { FlowSummary, Quantiles, Summary } from '../../src/sim/experiment/summary.ts';
import { placesOf, type Run, shown } from './sweep-text.ts';

type Cells = readonly (string | number | null)[];

const QUANTILES = ['least', 'p50', 'p90', 'p95', 'p99'] as const;

const heads = (name: string): string[] => QUANTILES.map((q) => `${name}_${q}`);
const figures = (q: Quantiles | null): Cells => QUANTILES.map((key) => q?.[key] ?? null);

export function flowsCsv(runs: readonly Run[]): string {
  const head = [
    ...['flow', 'cc', 'goodput', 'late_goodput', 'sent', 'retransmitted', 'completed'],
    ...[...heads('rtt'), ...heads('time'), 'ideal', 'jain'],
  ];
  const row = (f: FlowSummary, { jain }: Summary): Cells => [
    ...[f.name, f.cc, f.goodput, f.lateGoodput, f.sent, f.retransmitted, f.completed],
    ...[...figures(f.rtt), ...figures(f.completion), f.ideal, jain],
  ];
  return csv(runs, head, (summary) => summary.flows.map((f) => row(f, summary)));
}

export function groupsCsv(runs: readonly Run[]): string {
  const head = [
    ...['group', 'ccs', 'flows', 'goodput', 'sent', 'retransmitted', 'completed', 'failed'],
    ...[...heads('rtt'), ...heads('time'), ...heads('slowdown')],
    ...['jain', 'convergence', 'convergence_fairness'],
    ...Object.keys(HARM_FIGURES).map((name) => `harm_${name}`),
  ];
  return csv(runs, head, (summary) => summary.groups.map((g) => groupRow(g, summary)));
}

function groupRow(g: GroupSummary, { jain, fairness, harm }: Summary): Cells {
  const last = fairness?.epochs.at(-1);
  const own = harm?.find(({ group }) => group === g.name);
  return [
    ...[g.name, g.ccs.join(' '), g.flows, g.goodput, g.sent, g.retransmitted, g.completed],
    ...[g.failed, ...figures(g.rtt), ...figures(g.completion), ...figures(g.slowdown)],
    ...[jain, last?.convergenceNs ?? null, last?.convergenceFairness ?? null],
    ...Object.keys(HARM_FIGURES).map((name) => own?.figures[name as HarmFigure].harm ?? null),
  ];
}

function csv(
  runs: readonly Run[],
  head: readonly string[],
  rowsOf: (summary: Summary) => readonly Cells[],
): string {
  const places = placesOf(runs);
  const lines: Cells[] = [[...places, 'seed', ...head]];
  for (const { changes, seed, answer } of runs) {
    if ('error' in answer) continue;
    const own = places.map((place) => (place in changes ? shown(changes[place]) : ''));
    for (const row of rowsOf(answer)) lines.push([...own, seed, ...row]);
  }
  return `${lines.map((line) => line.map(quoted).join(',')).join('\n')}\n`;
}

/** RFC 4180. */
function quoted(value: string | number | null): string {
  const text = String(value ?? '');
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
