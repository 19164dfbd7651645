/** Values as Python prints them, and its `%` formatting. */
import type { CodeValue } from './code-evaluator.ts';

export function textOf(value: CodeValue): string {
  return typeof value === 'string' ? value : written(value);
}

/** As it would be written in a program. */
function written(value: CodeValue): string {
  if (value === null) return 'None';
  switch (typeof value) {
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return Number.isInteger(value) && Math.abs(value) < 1e16 ? value.toFixed(1) : String(value);
    case 'string':
      return `'${value}'`;
    case 'bigint':
      return String(value);
    default:
      return value.length === 1 ? `(${written(value[0]!)},)` : `(${value.map(written).join(', ')})`;
  }
}

const CONVERSION = /%([-+ 0#]*)(\d*)(?:\.(\d+))?([diuxXofFeEgGsrc%])/g;

/** Null when the values are too many, too few, or not what the template wants. */
export function formatText(template: string, values: readonly CodeValue[]): string | null {
  let used = 0;
  let isGood = true;
  const text = template.replace(CONVERSION, (_all, flags, width, precision, letter) => {
    if (letter === '%') return '%';
    const value = values[used];
    used++;
    const body = value === undefined ? null : converted(value, letter, precision);
    if (body === null) isGood = false;
    return padded(body ?? '', flags, Number(width));
  });
  return isGood && used === values.length ? text : null;
}

function converted(value: CodeValue, letter: string, precision: string | undefined): string | null {
  const digits = precision === undefined ? 6 : Number(precision);
  if (letter === 's' || letter === 'r') {
    const text = letter === 's' ? textOf(value) : written(value);
    return precision === undefined ? text : text.slice(0, digits);
  }
  if (typeof value !== 'bigint' && typeof value !== 'number' && typeof value !== 'boolean') {
    return null;
  }
  switch (letter) {
    case 'd':
    case 'i':
    case 'u':
      return String(typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value))));
    case 'x':
    case 'X':
    case 'o':
      return inBase(value, letter);
    case 'c':
      return String.fromCharCode(Number(value));
    case 'e':
    case 'E':
      return Number(value).toExponential(digits);
    case 'g':
    case 'G':
      return String(Number(Number(value).toPrecision(Math.max(1, digits))));
    default:
      return Number(value).toFixed(digits);
  }
}

/** Only integers have digits in another base. */
function inBase(value: bigint | number | boolean, letter: string): string | null {
  if (typeof value !== 'bigint') return null;
  const text = value.toString(letter === 'o' ? 8 : 16);
  return letter === 'X' ? text.toUpperCase() : text;
}

function padded(body: string, flags: string, width: number): string {
  const signed = flags.includes('+') && !body.startsWith('-') ? `+${body}` : body;
  if (flags.includes('-')) return signed.padEnd(width);
  if (!flags.includes('0')) return signed.padStart(width);
  const sign = /^[-+]/.exec(signed)?.[0] ?? '';
  return sign + signed.slice(sign.length).padStart(width - sign.length, '0');
}
