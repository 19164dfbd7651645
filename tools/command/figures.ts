/** Rates, times, shares and tables as people read them. */

type Units = readonly (readonly [string, number])[];

const RATES: Units = [
  ['Gbit/s', 1e9],
  ['Mbit/s', 1e6],
  ['kbit/s', 1e3],
];
const TIMES: Units = [
  ['s', 1e9],
  ['ms', 1e6],
  ['µs', 1e3],
];

/** `9.45 Mbit/s`: three digits. */
export const rateText = (bps: number): string => inUnits(bps, RATES, 'bit/s');

export const timeText = (ns: number): string => inUnits(ns, TIMES, 'ns');

/** In the largest unit of which it is one or more; a whole number of the least. */
function inUnits(value: number, units: Units, least: string): string {
  for (const [unit, factor] of units) {
    if (value >= factor) return `${digits(value / factor)} ${unit}`;
  }
  return `${Math.round(value)} ${least}`;
}

/** How long after a change shares were equal for good. */
export function convergedText(ns: number | null): string {
  return ns === null ? 'not' : ns === 0 ? 'at once' : timeText(ns);
}

function digits(x: number): string {
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}

export const percent = (part: number, whole: number): string =>
  whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)} %`;

export function tableText(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
