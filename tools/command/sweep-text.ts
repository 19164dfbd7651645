/** The results of a sweep, for people. */
import { type Estimate, medianWithInterval } from '../../src/base/bootstrap.ts';
import { type RandomStream, Rng } from '../../src/base/rng.ts';
import { HARM_FIGURES, type HarmFigure } from '../../src/sim/experiment/harm.ts';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import type { Changes } from '../../src/sim/experiment/sweep.ts';
import { countText, missedOf, outcomeText } from './expect-text.ts';
import { rateText, tableText, timeText } from './figures.ts';
import { HARM_HEADS } from './sim-text.ts';
import type { Answer } from './sweep-workers.ts';

export interface Run {
  readonly changes: Changes;
  readonly seed: number;
  readonly answer: Answer;
  /** What went wrong with its groups alone. */
  readonly soloErrors: readonly string[];
}

export const shown = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

export function placesOf(runs: readonly Run[]): readonly string[] {
  return [...new Set(runs.flatMap(({ changes }) => Object.keys(changes)))];
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
  const harms: string[][] = [];
  for (const cell of cellsOf(runs)) {
    const { changes } = cell[0]!;
    const own = places.map((place) => (place in changes ? shown(changes[place]) : ''));
    const good = cell.flatMap(({ answer }) => ('error' in answer ? [] : [answer]));
    for (const { seed, answer, soloErrors } of cell) {
      errors.push(...soloErrors.map((e) => `failed: ${[...own, `seed ${seed}`].join(' ')}: ${e}`));
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
    harms.push(...harmRows(own, good, random));
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
  return [...tableText(rows), ...harmTable(places, harms), ...errors, ...counted].join('\n');
}

/** A line for each group of a cell that has been run alone: medians of harm over its seeds. */
function harmRows(
  own: readonly string[],
  good: readonly Summary[],
  random: RandomStream,
): readonly string[][] {
  return (good[0]?.harm ?? []).map(({ group }) => {
    const all = good.flatMap(({ harm }) => (harm ?? []).filter((h) => h.group === group));
    const figures = Object.keys(HARM_FIGURES).map((name) => {
      const values = all.flatMap(({ figures }) => figures[name as HarmFigure].harm ?? []);
      if (values.length === 0) return '';
      return estimate(medianWithInterval(values, random), (x) => x.toFixed(3));
    });
    return [...own, group, ...figures];
  });
}

function harmTable(places: readonly string[], rows: readonly string[][]): readonly string[] {
  if (rows.length === 0) return [];
  return ['', ...tableText([[...places, 'harm by the others to', ...HARM_HEADS], ...rows])];
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
