/**
 * Command lines as GNU tools take them: `-c 5`, `-c5`, `-qn`, `--count 5`, `--count=5`, `--`.
 * An option that was not declared is an error; so is a value that is missing, given twice or not sensible.
 */
import { usageError } from './failure.ts';

export interface OptionSpec {
  /** Without the dashes. What the program asks for. */
  readonly name: string;
  readonly short?: string;
  /** What the value stands for in the help text; none: a switch. */
  readonly value?: string;
  readonly isRepeatable?: boolean;
  readonly help: string;
}

/** Every subcommand has these. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: 'json', short: 'j', help: 'print JSON, errors too' },
  { name: 'help', short: 'h', help: 'show this text' },
];

export class Options {
  /** What is not an option, in order. */
  readonly words: string[] = [];
  private readonly given = new Map<string, string[]>();

  add(name: string, value: string): void {
    const values = this.given.get(name);
    if (values === undefined) this.given.set(name, [value]);
    else values.push(value);
  }

  has(name: string): boolean {
    return this.given.has(name);
  }

  text(name: string): string | undefined {
    return this.given.get(name)?.[0];
  }

  list(name: string): readonly string[] {
    return this.given.get(name) ?? [];
  }

  integer(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const n = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= least && n <= most)) {
      throw usageError(`${dashed(name)}: ${text} is not a whole number from ${least} to ${most}`);
    }
    return n;
  }

  /** A decimal number, as in seconds. */
  decimal(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const n = /^(\d{1,15}(\.\d*)?|\.\d+)$/.test(text) ? Number(text) : Number.NaN;
    if (!(n >= least && n <= most)) {
      throw usageError(`${dashed(name)}: ${text} is not a number from ${least} to ${most}`);
    }
    return n;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = choices.find((c) => c === text);
    if (found === undefined) {
      throw usageError(`${dashed(name)}: ${text} is none of ${choices.join(', ')}`);
    }
    return found;
  }

  /** At most `most` words. */
  atMost(most: number): void {
    const extra = this.words[most];
    if (extra !== undefined) throw usageError(`what is "${extra}"? see --help`);
  }

  /** Of options that exclude each other, no more than one. */
  notTogether(...names: readonly string[]): void {
    const given = names.filter((name) => this.has(name));
    if (given.length > 1) throw usageError(`${given.map(dashed).join(' and ')} exclude each other`);
  }
}

export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

export function parseOptions(specs: readonly OptionSpec[], argv: readonly string[]): Options {
  const options = new Options();
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === '--') {
      options.words.push(...argv.slice(i + 1));
      break;
    }
    const next = argv[i + 1];
    if (arg.startsWith('--')) i += parseLong(specs, options, arg, next);
    else if (arg.startsWith('-') && arg.length > 1) i += parseShort(specs, options, arg, next);
    else options.words.push(arg);
  }
  return options;
}

/** Returns how many further arguments it used. */
function parseLong(
  specs: readonly OptionSpec[],
  options: Options,
  arg: string,
  next: string | undefined,
): number {
  const equals = arg.indexOf('=');
  const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
  const spec = specs.find((s) => s.name === name && s.name.length > 1);
  if (spec === undefined) throw usageError(`unknown option --${name}; see --help`);
  if (spec.value === undefined) {
    if (equals >= 0) throw usageError(`--${name} takes no value`);
    take(options, spec, '');
    return 0;
  }
  if (equals >= 0) {
    take(options, spec, arg.slice(equals + 1));
    return 0;
  }
  if (next === undefined) throw usageError(`--${name} needs a value: ${spec.value}`);
  take(options, spec, next);
  return 1;
}

function parseShort(
  specs: readonly OptionSpec[],
  options: Options,
  arg: string,
  next: string | undefined,
): number {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at]!;
    const spec = specs.find((s) => s.short === letter || s.name === letter);
    if (spec === undefined) throw usageError(`unknown option -${letter}; see --help`);
    if (spec.value === undefined) {
      take(options, spec, '');
      continue;
    }
    if (at + 1 < arg.length) {
      take(options, spec, arg.slice(at + 1));
      return 0;
    }
    if (next === undefined) throw usageError(`-${letter} needs a value: ${spec.value}`);
    take(options, spec, next);
    return 1;
  }
  return 0;
}

function take(options: Options, spec: OptionSpec, value: string): void {
  const mayRepeat = spec.isRepeatable === true || spec.value === undefined;
  if (options.has(spec.name) && !mayRepeat) {
    throw usageError(`${dashed(spec.name)} is given twice`);
  }
  options.add(spec.name, value);
}

/** The option part of a help text. */
export function optionHelp(specs: readonly OptionSpec[]): string {
  const rows = specs.map((s) => {
    const value = s.value === undefined ? '' : ` ${s.value}`;
    const names = s.short === undefined ? dashed(s.name) : `-${s.short}, ${dashed(s.name)}`;
    return [`${names}${value}`, s.help] as const;
  });
  const width = Math.min(30, Math.max(...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) =>
      left.length > width
        ? `  ${left}\n  ${' '.repeat(width)}  ${right}`
        : `  ${left.padEnd(width)}  ${right}`,
    )
    .join('\n');
}
