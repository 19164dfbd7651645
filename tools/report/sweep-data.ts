/** A sweep's folder, as `ringway sweep --out` leaves it: its cells, what differs between them, and along which axis. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GroupHarm } from '../../src/sim/experiment/harm.ts';
import { readQuantity, type Unit } from '../../src/sim/experiment/schema/quantity.ts';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import type { Changes } from '../../src/sim/experiment/sweep.ts';
import { EXIT, Failure } from '../command/failure.ts';
import { shown } from '../command/sweep-text.ts';
import { readSummaryFile } from './run-data.ts';

/** A cell: what is different in it, and its runs, one for each seed. */
export interface Cell {
  readonly changes: Changes;
  readonly runs: readonly Summary[];
}

/** Values of a place in the scenario, in order: numbers where all of them are. */
export interface Parameter {
  readonly place: string;
  readonly values: readonly string[];
  /** Of each value; null where they are names. */
  readonly numbers: readonly number[] | null;
  /** What the numbers are shown in. */
  readonly unit: string;
}

export interface SweepData {
  readonly name: string;
  readonly cells: readonly Cell[];
  /** What went wrong. */
  readonly errors: readonly string[];
  readonly parameters: readonly Parameter[];
}

interface Entry {
  readonly changes: Changes;
  readonly seed: number;
  readonly cell: string;
  readonly error?: string;
  readonly missed?: readonly string[];
  readonly harm?: readonly GroupHarm[] | null;
}

export const isSweep = (folder: string): boolean => existsSync(join(folder, 'sweep.json'));

export function readSweepFolder(folder: string): SweepData {
  const file = join(folder, 'sweep.json');
  let entries: readonly Entry[];
  try {
    entries = JSON.parse(readFileSync(file, 'utf8')) as readonly Entry[];
  } catch (error) {
    throw new Failure('ERR_REPORT', `${file}: ${(error as Error).message}`, EXIT.USAGE);
  }
  if (!Array.isArray(entries) || entries.some((e) => typeof e?.changes !== 'object')) {
    throw new Failure('ERR_REPORT', `${file}: no results of a sweep`, EXIT.USAGE);
  }
  const cells = new Map<string, { changes: Changes; runs: Summary[] }>();
  const errors: string[] = [];
  for (const { changes, seed, cell, error, missed = [], harm = null } of entries) {
    const where = [...Object.entries(changes).map(([k, v]) => `${k} ${shown(v)}`), `seed ${seed}`];
    for (const what of error === undefined ? missed : [error]) {
      errors.push(`${where.join(', ')}: ${what}`);
    }
    if (error !== undefined) continue;
    const key = JSON.stringify(changes);
    // Of thousands of runs only what is shown is kept.
    const summary = { ...readSummaryFile(join(folder, cell)), flows: [], harm };
    const known = cells.get(key);
    if (known === undefined) cells.set(key, { changes, runs: [summary] });
    else known.runs.push(summary);
  }
  const all = [...cells.values()];
  return {
    name: all[0]?.runs[0]?.name ?? folder,
    cells: all,
    errors,
    parameters: parametersOf(all.map(({ changes }) => changes)),
  };
}

/** Places with more than one value. */
function parametersOf(all: readonly Changes[]): readonly Parameter[] {
  const places = [...new Set(all.flatMap((changes) => Object.keys(changes)))];
  return places.flatMap((place) => {
    const values = [...new Set(all.map((changes) => valueAt(changes, place)))];
    return values.length < 2 ? [] : [parameterOf(place, values)];
  });
}

export const valueAt = (changes: Changes, place: string): string =>
  place in changes ? shown(changes[place]) : '';

/** What each unit counts in, and is shown in, from the largest that the least value has one of. */
const SHOWN: Readonly<Record<Unit, readonly (readonly [string, number])[]>> = {
  time: [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
    ['ns', 1],
  ],
  rate: [
    ['Gbit/s', 1e9],
    ['Mbit/s', 1e6],
    ['kbit/s', 1e3],
    ['bit/s', 1],
  ],
  size: [
    ['MB', 1e6],
    ['kB', 1e3],
    ['B', 1],
  ],
};

function parameterOf(place: string, values: readonly string[]): Parameter {
  if (values.every((v) => v !== '' && Number.isFinite(Number(v)))) {
    return ordered(place, values, values.map(Number), '');
  }
  for (const unit of ['time', 'rate', 'size'] as const) {
    const numbers = values.map((v) => readQuantity(v, unit));
    if (numbers.some((n) => typeof n === 'string')) continue;
    const counts = numbers as number[];
    const least = Math.min(...counts.filter((n) => n > 0));
    const [name, factor] = SHOWN[unit].find(([, f]) => least >= f) ?? SHOWN[unit].at(-1)!;
    return ordered(
      place,
      values,
      counts.map((n) => n / factor),
      name,
    );
  }
  return { place, values, numbers: null, unit: '' };
}

function ordered(
  place: string,
  values: readonly string[],
  numbers: readonly number[],
  unit: string,
): Parameter {
  const order = values.map((_, i) => i).sort((a, b) => numbers[a]! - numbers[b]!);
  const sorted = { values: order.map((i) => values[i]!), numbers: order.map((i) => numbers[i]!) };
  return { place, ...sorted, unit };
}
