/** A chart over time as a figure that does not move. */
import type { Chart } from './chart.ts';
import { dashText, type Figure, type Key } from './figure.ts';
import { Frame } from './frame.ts';

const WIDTH = 760;
const HEIGHT = 280;
const BOX = { left: 64, right: WIDTH - 16, top: 10, bottom: HEIGHT - 44 };
/** From so many lines on they are thin. */
const MANY = 8;

export function timeFigure(chart: Chart): Figure {
  const { id, title, said, series, times, unit, isStepped, level } = chart;
  let most = level ?? 0;
  for (const { values } of series) for (const v of values) if (v > most) most = v;
  const high = most === 0 ? 1 : most * 1.05;
  const frame = new Frame(
    BOX,
    { label: 'time, s', low: 0, high: times.at(-1)! },
    { label: unit, low: 0, high },
  );
  frame.axes();
  if (level !== null) {
    const y = frame.y(level).toFixed(1);
    frame.add(`<line class="mark" x1="${BOX.left}" x2="${BOX.right}" y1="${y}" y2="${y}"/>`);
  }
  const keys: Key[] = [];
  const thin = series.length > MANY ? ' thin' : '';
  for (const { key, look, values } of series) {
    let place = keys.findIndex(({ label }) => label === key);
    if (place < 0) place = keys.push({ label: key, look }) - 1;
    const path = pathOf(frame, times, values, isStepped);
    frame.add(`<path class="line${thin} s${look.colour} k${place}" d="${path}"${dashText(look)}/>`);
  }
  return { id, title, said, width: WIDTH, height: HEIGHT, parts: frame.parts, keys };
}

function pathOf(
  frame: Frame,
  times: Float64Array,
  values: Float64Array,
  isStepped: boolean,
): string {
  let path = '';
  let isDown = false;
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (isDown && v === values[i - 1] && v === values[i + 1]) continue; // on a flat line
    if (Number.isNaN(v)) {
      isDown = false;
      continue;
    }
    const x = frame.x(times[i]!).toFixed(1);
    if (isDown && isStepped) path += `H${x}`;
    path += `${isDown ? (isStepped ? 'V' : `L${x} `) : `M${x} `}${frame.y(v).toFixed(1)}`;
    isDown = true;
  }
  return path;
}
