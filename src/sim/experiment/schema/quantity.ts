/** `10 ms`, `100 Mbit/s`, `1.5 MB`: a number and a unit, as text, and as what the program counts in. */

export type Unit = 'time' | 'rate' | 'size';

/** To nanoseconds, bits a second, bytes. Prefixes are powers of ten; with an i, of two. */
const UNITS: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  time: { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, min: 60e9, h: 3600e9 },
  rate: { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9, 'Tbit/s': 1e12 },
  size: {
    ...{ B: 1, kB: 1e3, MB: 1e6, GB: 1e9 },
    ...{ KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 },
  },
};

/** For whoever has forgotten it. */
const EXAMPLE: Readonly<Record<Unit, string>> = { time: 'ms', rate: 'Mbit/s', size: 'kB' };

const WHAT: Readonly<Record<Unit, string>> = { time: 'a time', rate: 'a rate', size: 'a size' };

const PATTERN = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(\S+)\s*$/;

export function unitsOf(unit: Unit): readonly string[] {
  return Object.keys(UNITS[unit]);
}

/** The number of what the program counts in, or what is wrong with it. */
export function readQuantity(value: unknown, unit: Unit): number | string {
  if (value === 0 || value === '0') return 0;
  const what = WHAT[unit];
  if (typeof value === 'number') {
    if (unit === 'size' && Number.isSafeInteger(value) && value > 0) return value;
    return `${what} has a unit: ${value} ${EXAMPLE[unit]}?`;
  }
  if (typeof value !== 'string') return `${what} is a number and a unit, as 10 ${EXAMPLE[unit]}`;
  const [, number, name] = PATTERN.exec(value) ?? [];
  if (number === undefined || name === undefined) {
    return `${what} is a number and a unit, as 10 ${EXAMPLE[unit]}; not "${value}"`;
  }
  const factor = UNITS[unit][name];
  if (factor === undefined)
    return `no unit of ${what}: ${name}; there are ${unitsOf(unit).join(', ')}`;
  return Math.round(Number(number) * factor);
}

/** In the largest unit of which it is a whole number. */
export function quantityText(value: number, unit: Unit): string {
  const whole = Object.entries(UNITS[unit]).filter(([, factor]) => value % factor === 0);
  const [name, factor] = whole.reduce((most, one) => (one[1] > most[1] ? one : most));
  return `${value / factor} ${name}`;
}
