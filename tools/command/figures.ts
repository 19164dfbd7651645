/** Rates, times, shares and tables as people read them. */

/** `9.45 Mbit/s`: three digits. */
export function rateText(bps: number): string {
  for (const [unit, factor] of [
    ['Gbit/s', 1e9],
    ['Mbit/s', 1e6],
    ['kbit/s', 1e3],
  ] as const) {
    if (bps >= factor) return `${digits(bps / factor)} ${unit}`;
  }
  return `${Math.round(bps)} bit/s`;
}

export function timeText(ns: number): string {
  for (const [unit, factor] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['µs', 1e3],
  ] as const) {
    if (ns >= factor) return `${digits(ns / factor)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
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
