/** A chart as an SVG file: no script, for papers and slides. */
import { type Chart, COLOURS } from './chart.ts';

const WIDTH = 720;
const HEIGHT = 300;
const LEFT = 64;
const RIGHT = 16;
const TOP = 40;
const BOTTOM = 44;
const ROW = 16;

/** Round numbers from 0 or `low` to `high`: about six of them. */
export function ticks(low: number, high: number): readonly number[] {
  const span = high - low || 1;
  let step = 1;
  while (step * 6 < span) step *= 10;
  while (step * 6 >= span * 10) step /= 10;
  const steps = [step / 5, step / 2, step].find((s) => span / s <= 7) ?? step;
  const first = Math.ceil(low / steps);
  const last = Math.floor(high / steps + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * steps).toPrecision(12)),
  );
}

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

export function svgOf(chart: Chart): string {
  const { series, times, title, unit } = chart;
  let most = 0;
  for (const { values } of series) for (const v of values) if (v > most) most = v;
  const high = most === 0 ? 1 : most * 1.05;
  const end = times.at(-1)!;
  const rows = Math.ceil(series.length / 3);
  const height = HEIGHT + rows * ROW;
  const x = (t: number) => LEFT + (t / end) * (WIDTH - LEFT - RIGHT);
  const y = (v: number) => HEIGHT - BOTTOM - (v / high) * (HEIGHT - TOP - BOTTOM);
  const parts: string[] = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${LEFT}" y="22" font-size="15" font-weight="600" fill="#222">${escapeXml(title)}</text>`,
  ];
  for (const v of ticks(0, high)) {
    const at = y(v).toFixed(1);
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#e3e3e3"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end" fill="#555">${v}</text>`);
  }
  for (const t of ticks(0, end)) {
    const at = x(t).toFixed(1);
    parts.push(
      `<text x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="#555">${t}</text>`,
    );
  }
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  parts.push(
    `<text x="16" y="${middle}" transform="rotate(-90 16 ${middle})" text-anchor="middle" fill="#555">${escapeXml(unit)}</text>`,
  );
  parts.push(
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 8}" text-anchor="middle" fill="#555">seconds</text>`,
  );
  for (const [i, s] of series.entries()) {
    const dash = s.isDashed ? ' stroke-dasharray="4 4"' : '';
    const colour = COLOURS[s.colour]!;
    const path = pathOf(chart, s.values, x, y);
    parts.push(`<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.3"${dash}/>`);
    const [col, row] = [i % 3, Math.floor(i / 3)];
    const at = LEFT + (col * (WIDTH - LEFT - RIGHT)) / 3;
    const line = HEIGHT + row * ROW + 4;
    parts.push(
      `<line x1="${at}" x2="${at + 18}" y1="${line}" y2="${line}" stroke="${colour}" stroke-width="2"${dash}/>`,
    );
    parts.push(`<text x="${at + 24}" y="${line}" dy="4" fill="#222">${escapeXml(s.label)}</text>`);
  }
  parts.push('</svg>');
  return `${parts.join('\n')}\n`;
}

function pathOf(
  { times, isStepped }: Chart,
  values: Float64Array,
  x: (t: number) => number,
  y: (v: number) => number,
): string {
  let path = '';
  let isDown = false;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (Number.isNaN(v)) {
      isDown = false;
      continue;
    }
    const at = x(times[i]!).toFixed(1);
    if (isDown && isStepped) path += `H${at}`;
    path += `${isDown ? (isStepped ? 'V' : `L${at} `) : `M${at} `}${y(v).toFixed(1)}`;
    isDown = true;
  }
  return path;
}
