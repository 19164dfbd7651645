/** Goodput against delay, a point for each flow of each run: up and to the left is better. */
import { rateText, timeText } from '../command/figures.ts';
import { Looks } from './chart.ts';
import type { Figure, Key } from './figure.ts';
import { escapeXml, Frame } from './frame.ts';
import { lookOf } from './palette.ts';
import type { RunData } from './run-data.ts';

const WIDTH = 620;
const HEIGHT = 320;
const BOX = { left: 64, right: WIDTH - 20, top: 12, bottom: HEIGHT - 44 };

interface Point {
  readonly label: string;
  readonly key: string;
  readonly ms: number;
  readonly mbits: number;
}

/** More runs than this have the colours of their modules. */
const MOST_RUNS = 8;

/** Flows that complete something ask for a time, not for a rate. */
function pointsOf(runs: readonly RunData[]): readonly Point[] {
  const isOne = runs.length === 1;
  return runs.flatMap((run) => {
    const { folder, summary } = run;
    const looks = new Looks(run);
    return summary.flows.flatMap(({ name, cc, goodput, rtt, completion }) => {
      if (rtt === null || completion !== null) return [];
      const label = isOne ? `${name} (${cc})` : `${folder}: ${name} (${cc})`;
      const key = isOne ? looks.key(name) : runs.length <= MOST_RUNS ? folder : cc;
      return [{ label, key, ms: rtt.p50 / 1e6, mbits: goodput / 1e6 }];
    });
  });
}

/** Null for fewer than two points. Colours are those of the charts: of flows, of runs, or of modules. */
export function scatterOf(runs: readonly RunData[]): Figure | null {
  const points = pointsOf(runs);
  if (points.length < 2) return null;
  const names = [...new Set(points.map(({ key }) => key))];
  const looks = runs.length === 1 ? new Looks(runs[0]!) : null;
  const keys: Key[] = names.map((label, i) => ({ label, look: looks?.look(label) ?? lookOf(i) }));
  const frame = new Frame(
    BOX,
    { label: 'median round trip, ms', low: 0, high: Math.max(...points.map((p) => p.ms)) * 1.08 },
    { label: 'goodput, Mbit/s', low: 0, high: Math.max(...points.map((p) => p.mbits)) * 1.1 || 1 },
  );
  frame.axes();
  const radius = points.length > 60 ? 3 : 5;
  for (const { label, key, ms, mbits } of points) {
    const place = names.indexOf(key);
    const told = `${label}: ${rateText(mbits * 1e6)}, ${timeText(ms * 1e6)}`;
    frame.add(
      `<circle class="dot f${keys[place]!.look.colour} k${place}" cx="${frame.x(ms).toFixed(1)}" cy="${frame.y(mbits).toFixed(1)}" r="${radius}" fill-opacity="0.85"><title>${escapeXml(told)}</title></circle>`,
    );
  }
  return {
    ...{ id: 'scatter', title: 'Goodput against delay', width: WIDTH, height: HEIGHT },
    said: 'A point for each flow that goes on; up and to the left is better.',
    ...{ parts: frame.parts, keys },
  };
}
