/** A value from a file, checked against a shape and turned into what the program uses. */
import { quantityText, readQuantity } from './quantity.ts';
import type { Fields, FormsShape, PlainShape, Shape, VariantShape } from './shape.ts';
import { suggestion } from './suggest.ts';

/** Where in a file: names of fields and places in lists, from the outside. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly message: string;
}

/** Collects what is wrong, so that one run tells all of it. */
export class Problems {
  readonly all: Problem[] = [];

  add(path: Path, message: string): void {
    this.all.push({ path, message });
  }
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$/;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Undefined, and a problem, when it is not of that shape. */
export function readShape(shape: Shape, value: unknown, path: Path, problems: Problems): unknown {
  switch (shape.type) {
    case 'any':
      return value;
    case 'list':
      return readList(shape.of, shape.least ?? 0, shape.most ?? Infinity, value, path, problems);
    case 'map':
      return readMap(shape.of, value, path, problems);
    case 'record':
      if (isRecord(value)) return readFields(shape.fields, value, path, problems);
      problems.add(path, `fields with values, not ${shown(value)}`);
      return undefined;
    case 'variant':
      return readVariant(shape, value, path, problems);
    case 'forms':
      return readForm(shape, value, path, problems);
    case 'either': {
      const own = typeof value === 'object' && value !== null ? shape.other : shape.plain;
      return readShape(own, value, path, problems);
    }
    default: {
      const read = readPlain(shape, value);
      if (!(read instanceof Wrong)) return read;
      problems.add(path, read.message);
      return undefined;
    }
  }
}

class Wrong {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** What has no parts. */
function readPlain(shape: PlainShape, value: unknown): string | number | boolean | Wrong {
  switch (shape.type) {
    case 'text':
      return typeof value === 'string' ? value : new Wrong(`a text, not ${shown(value)}`);
    case 'name':
      if (typeof value === 'string' && NAME.test(value)) return value;
      if (typeof value === 'number' && NAME.test(String(value))) return String(value);
      return new Wrong(`a name of letters, digits and _ . + -, not ${shown(value)}`);
    case 'flag':
      return typeof value === 'boolean' ? value : new Wrong(`true or false, not ${shown(value)}`);
    case 'choice':
      if (shape.values.some((one) => one === value)) return value as string | number;
      return new Wrong(
        `not ${shown(value)}: ${suggestion(String(value), shape.values.map(String))}`,
      );
    case 'quantity': {
      const n = readQuantity(value, shape.unit);
      if (typeof n === 'string') return new Wrong(n);
      const { unit, least, most = Infinity } = shape;
      if (n < least)
        return new Wrong(`${shown(value)} is too little: at least ${quantityText(least, unit)}`);
      return n > most
        ? new Wrong(`${shown(value)} is too much: at most ${quantityText(most, unit)}`)
        : n;
    }
    default: {
      const { least, most, type } = shape;
      const isOne = typeof value === 'number' && (type === 'number' || Number.isInteger(value));
      if (isOne && value >= least && value <= most) return value;
      const what = type === 'whole' ? 'a whole number' : 'a number';
      return new Wrong(`${what} from ${least} to ${most}, not ${shown(value)}`);
    }
  }
}

function readMap(of: Shape, value: unknown, path: Path, problems: Problems): unknown {
  if (!isRecord(value)) {
    problems.add(path, `names with values, not ${shown(value)}`);
    return undefined;
  }
  const entries = Object.entries(value).map(([name, v]) => [
    name,
    readShape(of, v, [...path, name], problems),
  ]);
  return Object.fromEntries(entries);
}

function readForm({ forms }: FormsShape, value: unknown, path: Path, problems: Problems): unknown {
  const names = Object.keys(forms);
  const given = isRecord(value) ? names.filter((name) => Object.hasOwn(value, name)) : [];
  if (isRecord(value) && given.length === 1) {
    return readFields(forms[given[0]!]!, value, path, problems);
  }
  problems.add(path, `one of ${names.join(', ')}, not ${given.join(' and ') || shown(value)}`);
  return undefined;
}

function readVariant(
  { kinds }: VariantShape,
  value: unknown,
  path: Path,
  problems: Problems,
): unknown {
  if (!isRecord(value)) {
    problems.add(path, `fields with values, "kind" among them, not ${shown(value)}`);
    return undefined;
  }
  const names = Object.keys(kinds);
  const { kind, ...rest } = value;
  if (kind === undefined) {
    problems.add(path, `which kind? ${suggestion('', names)}`);
    return undefined;
  }
  const fields = typeof kind === 'string' && names.includes(kind) ? kinds[kind] : undefined;
  if (fields === undefined) {
    const message = `no kind ${shown(kind)}: ${suggestion(String(kind), names)}`;
    problems.add([...path, 'kind'], message);
    return undefined;
  }
  return { kind, ...readFields(fields, rest, path, problems) };
}

function readList(
  of: Shape,
  least: number,
  most: number,
  value: unknown,
  path: Path,
  problems: Problems,
): unknown {
  if (!Array.isArray(value)) {
    problems.add(path, `a list, not ${shown(value)}`);
    return undefined;
  }
  if (value.length < least || value.length > most) {
    const bound = value.length < least ? `at least ${least}` : `at most ${most}`;
    const many = least === most ? `${least}` : bound;
    problems.add(path, `a list of ${many}, not of ${value.length}`);
  }
  return value.map((v, i) => readShape(of, v, [...path, i], problems));
}

function readFields(
  fields: Fields,
  value: Record<string, unknown>,
  path: Path,
  problems: Problems,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [name, v] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      problems.add(
        [...path, name],
        `no field "${name}" here: ${suggestion(name, Object.keys(fields))}`,
      );
      continue;
    }
    const own = readShape(field.shape, v, [...path, name], problems);
    if (own !== undefined) read[field.as ?? name] = own;
  }
  for (const [name, { isRequired }] of Object.entries(fields)) {
    if (isRequired === true && !(name in value))
      problems.add(path, `the field "${name}" is missing`);
  }
  return read;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'fields';
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
