/** Throughput against delay, a point for each flow of each run: up and to the left is better. */
import { COLOURS } from './chart.ts';
import type { RunData } from './run-data.ts';
import { escapeXml, ticks } from './svg.ts';

const WIDTH = 560;
const HEIGHT = 320;
const LEFT = 60;
const BOTTOM = 44;
const TOP = 12;
const RIGHT = 12;

interface Point {
  readonly label: string;
  readonly cc: string;
  readonly ms: number;
  readonly mbits: number;
}

function pointsOf(runs: readonly RunData[]): readonly Point[] {
  return runs.flatMap(({ folder, summary }) =>
    summary.flows.flatMap(({ name, cc, goodput, rtt }) =>
      rtt === null
        ? []
        : [{ label: `${folder}: ${name}`, cc, ms: rtt.p50 / 1e6, mbits: goodput / 1e6 }],
    ),
  );
}

/** Nothing for fewer than two points. Colours tell congestion controls apart. */
export function scatterOf(runs: readonly RunData[]): string {
  const points = pointsOf(runs);
  if (points.length < 2) return '';
  const names = [...new Set(points.map(({ cc }) => cc))].sort();
  const mostMs = Math.max(...points.map(({ ms }) => ms)) * 1.08;
  const mostMbits = Math.max(...points.map(({ mbits }) => mbits)) * 1.08 || 1;
  const x = (ms: number) => LEFT + (ms / mostMs) * (WIDTH - LEFT - RIGHT);
  const y = (mbits: number) => HEIGHT - BOTTOM - (mbits / mostMbits) * (HEIGHT - BOTTOM - TOP);
  const parts = [
    `<svg class="scatter" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="goodput against delay">`,
  ];
  for (const v of ticks(0, mostMbits)) {
    const at = y(v).toFixed(1);
    parts.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`);
    parts.push(`<text x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end">${v}</text>`);
  }
  for (const v of ticks(0, mostMs)) {
    const at = x(v).toFixed(1);
    parts.push(`<line class="grid" x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`);
    parts.push(`<text x="${at}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${v}</text>`);
  }
  parts.push(
    `<text x="${(LEFT + WIDTH) / 2}" y="${HEIGHT - 6}" text-anchor="middle">median round trip, ms</text>`,
  );
  parts.push(
    `<text x="14" y="${HEIGHT / 2}" transform="rotate(-90 14 ${HEIGHT / 2})" text-anchor="middle">goodput, Mbit/s</text>`,
  );
  for (const p of points) {
    const colour = COLOURS[names.indexOf(p.cc) % COLOURS.length]!;
    const title = escapeXml(
      `${p.label} (${p.cc}): ${p.mbits.toFixed(2)} Mbit/s, ${p.ms.toFixed(1)} ms`,
    );
    parts.push(
      `<circle cx="${x(p.ms).toFixed(1)}" cy="${y(p.mbits).toFixed(1)}" r="5" fill="${colour}" fill-opacity="0.75"><title>${title}</title></circle>`,
    );
  }
  parts.push('</svg>');
  const legend = names.map(
    (name, i) =>
      `<span><i style="background:${COLOURS[i % COLOURS.length]!}"></i>${escapeXml(name)}</span>`,
  );
  return `<h3>Goodput against delay</h3><p class="legend">${legend.join(' ')}</p>${parts.join('\n')}`;
}
