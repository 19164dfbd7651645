/** The results of a sweep: a table for people, and a line for each flow of each run for notebooks. */
import { type Estimate, medianWithInterval } from '../../src/base/bootstrap.ts';
import { Rng } from '../../src/base/rng.ts';
import type { Changes } from '../../src/sim/experiment/sweep.ts';
import { countText, missedOf, outcomeText } from './expect-text.ts';
import { rateText, tableText, timeText } from './figures.ts';
import type { Answer } from './sweep-workers.ts';

export interface Run {
  readonly changes: Changes;
  readonly seed: number;
  readonly answer: Answer;
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

function placesOf(runs: readonly Run[]): readonly string[] {
  return [...new Set(runs.flatMap(({ changes }) => Object.keys(changes)))];
}

/** RFC 4180. */
const quoted = (text: string): string =>
  /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

export function csvOf(runs: readonly Run[]): string {
  const places = placesOf(runs);
  const head = [
    ...places,
    ...['seed', 'flow', 'cc', 'goodput', 'late_goodput', 'sent', 'retransmitted', 'completed'],
    ...['rtt_least', 'rtt_p50', 'rtt_p95', 'rtt_p99', 'time_p50', 'time_p95', 'time_p99', 'jain'],
  ];
  const lines = [head];
  for (const { changes, seed, answer } of runs) {
    if ('error' in answer) continue;
    const own = places.map((place) => (place in changes ? shown(changes[place]) : ''));
    for (const f of answer.flows) {
      const rtt =
        f.rtt === null ? ['', '', '', ''] : [f.rtt.least, f.rtt.p50, f.rtt.p95, f.rtt.p99];
      const time =
        f.completion === null
          ? ['', '', '']
          : [f.completion.p50, f.completion.p95, f.completion.p99];
      const figures = [
        f.goodput,
        f.lateGoodput,
        f.sent,
        f.retransmitted,
        f.completed,
        ...rtt,
        ...time,
      ];
      lines.push([
        ...own,
        String(seed),
        f.name,
        f.cc,
        ...figures.map(String),
        String(answer.jain ?? ''),
      ]);
    }
  }
  return `${lines.map((line) => line.map(quoted).join(',')).join('\n')}\n`;
}

/** A line for each flow of each cell: medians over its seeds, with 95 % intervals by bootstrap. */
export function sweepText(runs: readonly Run[]): string {
  const places = placesOf(runs);
  const random = new Rng(1).stream('bootstrap');
  const rows: string[][] = [
    [
      ...places,
      'runs',
      'flow',
      'cc',
      'goodput (95 %)',
      '2nd half (95 %)',
      'retransmitted',
      'RTT 50 % (95 %)',
    ],
  ];
  const errors: string[] = [];
  for (const cell of cellsOf(runs)) {
    const { changes } = cell[0]!;
    const own = places.map((place) => (place in changes ? shown(changes[place]) : ''));
    const good = cell.flatMap(({ answer }) => ('error' in answer ? [] : [answer]));
    for (const { seed, answer } of cell) {
      for (const { module, first } of 'error' in answer ? [] : answer.faults) {
        errors.push(
          `${module} failed, and Reno went on: ${[...own, `seed ${seed}`].join(' ')}: ${first}`,
        );
      }
      for (const missed of 'error' in answer ? [] : missedOf(answer.expectations)) {
        errors.push(`${[...own, `seed ${seed}`].join(' ')}: ${outcomeText(missed)}`);
      }
      if ('error' in answer)
        errors.push(`failed: ${[...own, `seed ${seed}`].join(' ')}: ${answer.error}`);
    }
    for (const [i, { name, cc }] of (good[0]?.flows ?? []).entries()) {
      const flows = good.map((summary) => summary.flows[i]!);
      const of = (values: readonly number[]) => medianWithInterval(values, random);
      const rtts = flows.flatMap(({ rtt }) => (rtt === null ? [] : [rtt.p50]));
      const again = flows.map((f) => (f.sent === 0 ? 0 : (100 * f.retransmitted) / f.sent));
      rows.push([
        ...own,
        String(good.length),
        name,
        cc,
        estimate(of(flows.map((f) => f.goodput)), rateText),
        estimate(of(flows.map((f) => f.lateGoodput)), rateText),
        `${of(again).median.toFixed(2)} %`,
        rtts.length === 0 ? '' : estimate(of(rtts), timeText),
      ]);
    }
  }
  const outcomes = runs.flatMap(({ answer }) => ('error' in answer ? [] : answer.expectations));
  const counted = outcomes.length === 0 ? [] : [countText(outcomes)];
  return [...tableText(rows), ...errors, ...counted].join('\n');
}

function cellsOf(runs: readonly Run[]): readonly (readonly Run[])[] {
  const cells = new Map<string, Run[]>();
  for (const run of runs) {
    const key = JSON.stringify(run.changes);
    const cell = cells.get(key);
    if (cell === undefined) cells.set(key, [run]);
    else cell.push(run);
  }
  return [...cells.values()];
}

/** One run has no interval. */
function estimate({ median, low, high }: Estimate, text: (x: number) => string): string {
  return low === high ? text(median) : `${text(median)} (${text(low)}–${text(high)})`;
}
