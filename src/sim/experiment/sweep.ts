/** The cells of a sweep: what each of them changes in the scenario, and with which seed it runs. */
import { Rng } from '../../base/rng.ts';

/** Places in a scenario file, as `flows.0.cc`, and what stands there instead. */
export type Changes = Readonly<Record<string, unknown>>;

export interface SweepSpec {
  readonly scenario: string;
  readonly repeats?: number;
  /** Each group of flows also alone. */
  readonly solo?: boolean;
  /** Of real time, for each run. */
  readonly limitNs?: number;
  readonly grid?: Readonly<Record<string, readonly unknown[]>>;
  readonly cells?: readonly Changes[];
  readonly random?: {
    readonly samples: number;
    readonly seed?: number;
    readonly of: Readonly<Record<string, readonly unknown[]>>;
  };
}

/**
 * One for each combination of a grid, times those of a list, times those drawn; without any of them one that
 * changes nothing. What comes up twice is one: the same runs over again would make a median look surer than it is.
 */
export function changesOf(spec: SweepSpec): readonly Changes[] {
  let all: Changes[] = [{}];
  for (const [place, values] of Object.entries(spec.grid ?? {})) {
    all = all.flatMap((changes) => values.map((value) => ({ ...changes, [place]: value })));
  }
  const { cells } = spec;
  if (cells !== undefined) {
    all = all.flatMap((changes) => cells.map((cell) => ({ ...changes, ...cell })));
  }
  const drawn = drawnOf(spec);
  if (drawn !== null) all = all.flatMap((changes) => drawn.map((d) => ({ ...changes, ...d })));
  return [...new Map(all.map((changes) => [JSON.stringify(changes), changes])).values()];
}

/** How many runs that is at most: what comes up twice counts twice. */
export function runsOf({ grid = {}, cells, random, repeats = 1 }: SweepSpec): number {
  const values = Object.values(grid).reduce((n, { length }) => n * length, 1);
  return values * (cells?.length ?? 1) * (random?.samples ?? 1) * repeats;
}

function drawnOf({ random }: SweepSpec): readonly Changes[] | null {
  if (random === undefined) return null;
  const stream = new Rng(random.seed ?? 1).stream('sweep');
  return Array.from({ length: random.samples }, () =>
    Object.fromEntries(
      Object.entries(random.of).map(([place, values]) => [
        place,
        values[stream.below(values.length)],
      ]),
    ),
  );
}

/** The file's value with the changes; or the place that is not in it. */
export function changed(
  value: unknown,
  changes: Changes,
): { value: unknown } | { noPlace: string } {
  const copy = copyOf(value);
  for (const [place, to] of Object.entries(changes)) {
    const path = place.split('.');
    const last = path.pop()!;
    let at: unknown = copy;
    for (const part of path) {
      at = isParent(at) && Object.hasOwn(at, part) ? at[part] : undefined;
    }
    if (!isParent(at) || !isPlace(at, last)) return { noPlace: place };
    at[last] = to;
  }
  return { value: copy };
}

/** A field that was left out may be set; a list gets no new places, and its length is none. */
function isPlace(at: object, name: string): boolean {
  if (Array.isArray(at)) return Object.hasOwn(at, name) && name !== 'length';
  return name !== '__proto__'; // the one name that is no field
}

/** Of what a file says: lists, records, and what has no parts. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isParent(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, own]) => [name, copyOf(own)]));
}

const isParent = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
