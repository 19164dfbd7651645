/**
 * How a sweep is laid out: one parameter along the axis, a line for each module and group of flows, and a small chart for
 * each combination of what else differs.
 */
import { type Estimate, medianWithInterval } from '../../src/base/bootstrap.ts';
import { type RandomStream, Rng } from '../../src/base/rng.ts';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import type { Axis } from './frame.ts';
import { type Look, lookOf } from './palette.ts';
import { type Cell, type Parameter, type SweepData, valueAt } from './sweep-data.ts';

/** One of them in each figure, or all of a sweep's cells in one. */
export interface Facet {
  readonly title: string;
  readonly cells: readonly Cell[];
}

/** Who is looked at: a group of flows, in cells in which modules are these. */
export interface Line {
  readonly label: string;
  readonly look: Look;
  readonly group: string;
  /** The value of each parameter that is a module, as the cell has it. */
  readonly variant: string;
}

export interface Plan {
  /** A module where nothing else differs: then each line is a point at its name. */
  readonly x: Parameter | null;
  readonly facets: readonly Facet[];
  /** More facets than anybody looks at are in the table only. */
  readonly hidden: number;
  readonly variants: readonly string[];
  readonly groups: readonly string[];
  readonly lines: readonly Line[];
  readonly modules: readonly Parameter[];
}

const MOST_FACETS = 12;

const isModule = ({ place, numbers }: Parameter): boolean =>
  numbers === null && /(^|\.)cc$/.test(place);

/** `queue bytes`, `flows 0 cc`: what a place is called on an axis. */
export function shortPlace(place: string): string {
  const parts = place.split('.');
  return parts.slice(/^\d+$/.test(parts.at(-2) ?? '') ? -3 : -2).join(' ');
}

export function variantOf(cell: Cell, modules: readonly Parameter[]): string {
  return modules.map(({ place }) => valueAt(cell.changes, place)).join(' / ');
}

export function planOf({ cells, parameters }: SweepData): Plan {
  const others = parameters.filter((p) => !isModule(p));
  const modules = parameters.filter(isModule);
  // The one with the most values; of equals one with numbers.
  const rank = (p: Parameter) => p.values.length + (p.numbers === null ? 0 : 0.5);
  const x = [...others].sort((a, b) => rank(b) - rank(a))[0] ?? modules[0] ?? null;
  const rest = others.filter((p) => p !== x);
  const facets = facetsOf(cells, rest);
  const variants = [...new Set(cells.map((cell) => variantOf(cell, modules)))];
  const groups = [...new Set(cells.flatMap(({ runs }) => runs[0]!.groups.map(({ name }) => name)))];
  const lines = variants.flatMap((variant, v) =>
    groups.map((group, g) => ({
      label: labelOf(variant, group, variants.length, groups.length),
      look: variants.length > 1 ? lookOf(v, g) : lookOf(g),
      ...{ group, variant },
    })),
  );
  const hidden = Math.max(0, facets.length - MOST_FACETS);
  return { x, facets: facets.slice(0, MOST_FACETS), hidden, variants, groups, lines, modules };
}

function labelOf(variant: string, group: string, variants: number, groups: number): string {
  if (variants < 2) return group;
  return groups < 2 ? variant : `${group}, with ${variant}`;
}

function facetsOf(cells: readonly Cell[], rest: readonly Parameter[]): readonly Facet[] {
  const facets = new Map<string, Cell[]>();
  for (const cell of cells) {
    const title = rest
      .map(({ place }) => `${shortPlace(place)} ${valueAt(cell.changes, place) || '–'}`)
      .join(', ');
    const known = facets.get(title);
    if (known === undefined) facets.set(title, [cell]);
    else known.push(cell);
  }
  return [...facets].map(([title, own]) => ({ title, cells: own }));
}

export function axisOf(x: Parameter | null): Axis {
  if (x === null) return { label: '', low: -0.5, high: 0.5, names: [''] };
  const label = shortPlace(x.place) + (x.unit === '' ? '' : `, ${x.unit}`);
  const { numbers } = x;
  if (numbers === null) {
    return { label, low: -0.5, high: x.values.length - 0.5, names: x.values };
  }
  const [low, high] = [numbers[0]!, numbers.at(-1)!];
  if (low > 0 && high / low >= 8) {
    const room = (high / low) ** 0.07;
    return { label, low: low / room, high: high * room, isLog: true, at: numbers };
  }
  const room = 0.07 * (high - low);
  return { label, low: low - room, high: high + room, at: numbers };
}

/** Where a cell is along the axis. */
export function xOf(cell: Cell, x: Parameter | null): number {
  if (x === null) return 0;
  const place = x.values.indexOf(valueAt(cell.changes, x.place));
  return x.numbers?.[place] ?? place;
}

export interface Told extends Estimate {
  /** Of so many runs. */
  readonly runs: number;
  readonly values: readonly number[];
}

/** Medians over seeds, each worked out once. */
export class Estimates {
  private readonly random: RandomStream = new Rng(1).stream('bootstrap');
  private readonly known = new Map<Cell, Map<string, Told | null>>();

  /** Null where no run has one. */
  of(cell: Cell, name: string, value: (run: Summary) => number | null): Told | null {
    const own = this.known.get(cell) ?? new Map<string, Told | null>();
    this.known.set(cell, own);
    const known = own.get(name);
    if (known !== undefined) return known;
    const values = cell.runs.flatMap((run) => value(run) ?? []);
    const told =
      values.length === 0
        ? null
        : { ...medianWithInterval(values, this.random), runs: values.length, values };
    own.set(name, told);
    return told;
  }
}
