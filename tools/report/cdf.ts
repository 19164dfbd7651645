/** Which share of transfers, answers or pages had come after which time: a line for each group of each run. */
import { timeText } from '../command/figures.ts';
import { Looks } from './chart.ts';
import { dashText, type Figure, type Key } from './figure.ts';
import { escapeXml, Frame } from './frame.ts';
import { lookOf } from './palette.ts';
import type { RunData } from './run-data.ts';

const WIDTH = 620;
const HEIGHT = 320;
const BOX = { left: 64, right: WIDTH - 20, top: 12, bottom: HEIGHT - 44 };
/** More lines than this nobody tells apart. */
const MOST_LINES = 24;

/** Null where no group has completed two things. */
export function cdfOf(runs: readonly RunData[]): Figure | null {
  const lines = runs
    .flatMap(({ folder, summary }, run) =>
      summary.groups.map((group, place) => ({ folder, group, run, place })),
    )
    .filter(({ group }) => group.completions.length >= 2)
    .slice(0, MOST_LINES);
  if (lines.length === 0) return null;
  const all = lines.flatMap(({ group }) => [group.completions[0]!, group.completions.at(-1)!]);
  const [least, most] = [Math.min(...all) / 1e6, Math.max(...all) / 1e6];
  const isLog = most / least > 8;
  const frame = new Frame(
    BOX,
    { label: 'completion time, ms', low: isLog ? least / 1.1 : 0, high: most * 1.05, isLog },
    { label: 'share, %', low: 0, high: 100 },
  );
  frame.axes();
  const isOne = runs.length === 1;
  const looks = isOne ? new Looks(runs[0]!) : null;
  const hasOneGroup = new Set(lines.map(({ group }) => group.name)).size === 1;
  const keys: Key[] = lines.map(({ folder, group, run, place }) => ({
    label: isOne ? group.name : hasOneGroup ? folder : `${folder}: ${group.name}`,
    look: looks?.look(firstOf(runs[run]!, group.name)) ?? lookOf(run, hasOneGroup ? 0 : place),
  }));
  for (const [i, { group }] of lines.entries()) {
    const { label, look } = keys[i]!;
    const { completion, completions } = group;
    const told = `${label}: 50 % within ${timeText(completion!.p50)}, 90 % within ${timeText(completion!.p90)}, 99 % within ${timeText(completion!.p99)}`;
    frame.add(
      `<path class="line s${look.colour} k${i}" d="${pathOf(frame, completions)}"${dashText(look)}><title>${escapeXml(told)}</title></path>`,
    );
  }
  return {
    ...{ id: 'cdf', title: 'Completion times', width: WIDTH, height: HEIGHT },
    said: saidOf(lines.map(({ group }) => group)),
    ...{ parts: frame.parts, keys },
  };
}

/** A flow of the group, which has the group's colour or its own. */
function firstOf({ summary }: RunData, group: string): string {
  return summary.flows.find((f) => f.group === group)?.name ?? group;
}

function saidOf(groups: readonly RunData['summary']['groups'][0][]): string {
  const slow = groups.reduce((a, b) => ((b.slowdown?.p50 ?? 0) > (a.slowdown?.p50 ?? 0) ? b : a));
  const failed = groups.reduce((n, g) => n + g.failed, 0);
  const tail = failed === 0 ? '' : ` ${failed} connections failed.`;
  if (slow.slowdown === null) return `Cumulative share.${tail}`;
  const whose = groups.length === 1 ? 'The median' : `The median of ${slow.name}`;
  return `${whose} is ${slow.slowdown.p50.toFixed(1)} times what the path allows.${tail}`;
}

/** Rises at each time; the figures are all of them, or so many evenly spread. */
function pathOf(frame: Frame, sorted: readonly number[]): string {
  const n = sorted.length;
  let path = `M${frame.at(sorted[0]! / 1e6, 0)}`;
  for (const [i, ns] of sorted.entries()) {
    path += `H${frame.x(ns / 1e6).toFixed(1)}V${frame.y((100 * (i + 1)) / n).toFixed(1)}`;
  }
  return path;
}
