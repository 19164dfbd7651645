/** A sweep's figures: each metric against the parameter that varies, with 95 % intervals; and goodput against delay. */
import { dashText, type Figure, type Key } from './figure.ts';
import { type Axis, type Box, escapeXml, Frame, fitted } from './frame.ts';
import type { Cell } from './sweep-data.ts';
import { GOODPUT, METRICS, type Metric, RTT } from './sweep-metrics.ts';
import {
  axisOf,
  type Estimates,
  type Facet,
  type Line,
  type Plan,
  type Told,
  variantOf,
  xOf,
} from './sweep-plan.ts';

const LEFT = 64;
const GAP = 28;
const HEAD = 26;
const FOOT = 44;

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly columns: number;
}

/** One large chart, or small ones in rows of three. */
function layoutOf(n: number): Layout {
  if (n === 1) {
    const box = { left: LEFT, right: 604, top: 12, bottom: 276 };
    return { width: 620, height: 320, boxes: [box], columns: 1 };
  }
  const columns = Math.min(n, 3);
  const width = 1240;
  const wide = (width - LEFT - 16 - GAP * (columns - 1)) / columns;
  const tall = 190;
  const boxes = Array.from({ length: n }, (_, i) => {
    const left = LEFT + (i % columns) * (wide + GAP);
    const top = HEAD + Math.floor(i / columns) * (tall + HEAD + GAP);
    return { left, right: left + wide, top, bottom: top + tall };
  });
  const rows = Math.ceil(n / columns);
  return { width, height: rows * (tall + HEAD + GAP) - GAP + FOOT, boxes, columns };
}

interface Point {
  readonly cell: Cell;
  readonly x: number;
  readonly told: Told;
}

/** A place in goodput against delay. */
interface Pair {
  readonly x: number;
  readonly rtt: Told;
  readonly goodput: Told;
}

export class SweepCharts {
  private readonly plan: Plan;
  private readonly estimates: Estimates;

  constructor(plan: Plan, estimates: Estimates) {
    this.plan = plan;
    this.estimates = estimates;
  }

  /** Every figure in which there is something. */
  all(): readonly Figure[] {
    const scatter = this.scatter();
    const metrics = METRICS.flatMap((metric) => this.figure(metric) ?? []);
    return scatter === null ? metrics : [...metrics.slice(0, 2), scatter, ...metrics.slice(2)];
  }

  /** Of the lines of a metric, those that have values in any of the charts. */
  private linesOf(metric: Metric): readonly Line[] {
    const { lines, variants, groups } = this.plan;
    if (!metric.isOfAll) return lines;
    return lines
      .filter(({ group }) => group === groups[0])
      .map((line) => ({ ...line, label: variants.length < 2 ? 'all flows' : line.variant }));
  }

  private points({ cells }: Facet, line: Line, metric: Metric): readonly Point[] {
    const { x, modules } = this.plan;
    return cells
      .filter((cell) => variantOf(cell, modules) === line.variant)
      .flatMap((cell) => {
        const name = metric.isOfAll ? metric.id : `${metric.id} ${line.group}`;
        const told = this.estimates.of(cell, name, (run) => metric.of(run, line.group));
        return told === null || !Number.isFinite(told.median)
          ? []
          : [{ cell, x: xOf(cell, x), told }];
      })
      .sort((a, b) => a.x - b.x);
  }

  private figure(metric: Metric): Figure | null {
    const { plan } = this;
    const wanted = this.linesOf(metric);
    const all = plan.facets.map((facet) => wanted.map((line) => this.points(facet, line, metric)));
    const lines = wanted.filter((_, i) => all.some((own) => own[i]!.length > 0));
    const told = all.flat(2).map((p) => p.told);
    if (told.length === 0 || told.every(({ low, high }) => low === 0 && high === 0)) return null;
    const up = axisFor(metric, told);
    const layout = layoutOf(plan.facets.length);
    const isJoined = plan.x?.numbers != null;
    const isOwnPlace = plan.x !== null && plan.modules.includes(plan.x);
    const parts: string[] = [];
    for (const [i, facet] of plan.facets.entries()) {
      const frame = framed(layout, i, plan.facets.length, axisOf(plan.x), up, facet);
      for (const [k, line] of lines.entries()) {
        const points = all[i]![wanted.indexOf(line)]!;
        const [place, n] = isOwnPlace
          ? [plan.groups.indexOf(line.group), plan.groups.length]
          : [k, lines.length];
        const shift = (place - (n - 1) / 2) * Math.min(7, 40 / n);
        frame.add(drawn(frame, points, line, k, shift, metric, up, isJoined));
      }
      parts.push(...frame.parts);
    }
    const keys: readonly Key[] = lines;
    const { id, title } = metric;
    const said = `${this.best(metric, all, wanted)}${this.never(metric)}Medians with 95 % intervals.`;
    return { id, title, said, width: layout.width, height: layout.height, parts, keys };
  }

  /** Which module does best, at how many of the points at which several can be compared. */
  private best(
    metric: Metric,
    all: readonly (readonly (readonly Point[])[])[],
    lines: readonly Line[],
  ): string {
    const { variants, groups } = this.plan;
    if (variants.length < 2) return '';
    const wins = new Map<string, number>();
    let compared = 0;
    for (const own of all) {
      const first = lines.flatMap((line, i) => (line.group === groups[0] ? own[i]! : []));
      for (const x of new Set(first.map((p) => p.x))) {
        const there = lines.flatMap((line, i) =>
          line.group !== groups[0]
            ? []
            : own[i]!.filter((p) => p.x === x).map((p) => ({ line, median: p.told.median })),
        );
        if (there.length < 2) continue;
        compared++;
        const sign = metric.isMoreBetter ? -1 : 1;
        const [a, b] = there.sort((p, q) => sign * (p.median - q.median));
        if (a!.median === b!.median) continue;
        wins.set(a!.line.variant, (wins.get(a!.line.variant) ?? 0) + 1);
      }
    }
    const [top] = [...wins].sort((a, b) => b[1] - a[1]);
    if (top === undefined) return '';
    const what = metric.isMoreBetter ? 'Most' : 'Least';
    const whose = groups.length < 2 || metric.isOfAll ? '' : ` for ${groups[0]}`;
    return `${what}${whose} with ${top[0]} at ${top[1]} of ${compared} points. `;
  }

  /** Cells of which at least half never came so far have no point. */
  private never(metric: Metric): string {
    if (metric.id !== 'convergence') return '';
    const told = this.plan.facets
      .flatMap(({ cells }) => cells)
      .flatMap((cell) => this.estimates.of(cell, metric.id, (run) => metric.of(run, '')) ?? []);
    const never = told.filter(({ median }) => median === Infinity).length;
    return never === 0 ? '' : `Not converged at ${never} of ${told.length} points. `;
  }

  /** Of flows that go on: those that complete something ask for a time, not for a rate. */
  private pairs(facet: Facet, line: Line): readonly Pair[] {
    const goodput = this.points(facet, line, GOODPUT);
    return this.points(facet, line, RTT).flatMap(({ cell, x, told }) => {
      const other = goodput.find((p) => p.cell === cell);
      const completes = cell.runs.some(({ groups }) =>
        groups.some((g) => g.name === line.group && g.completed > 0),
      );
      return other === undefined || completes ? [] : [{ x, rtt: told, goodput: other.told }];
    });
  }

  /** A point for each cell and line; a ring of one standard deviation where there are seeds enough. */
  private scatter(): Figure | null {
    const { plan } = this;
    const lines = plan.lines;
    const all = plan.facets.map((facet) => lines.map((line) => this.pairs(facet, line)));
    const flat = all.flat(2);
    if (flat.length < 2) return null;
    const across = {
      ...axisFor(
        RTT,
        flat.map((p) => p.rtt),
      ),
      label: 'median round trip, ms',
    };
    const up = {
      ...axisFor(
        GOODPUT,
        flat.map((p) => p.goodput),
      ),
      label: 'goodput, Mbit/s',
    };
    const layout = layoutOf(plan.facets.length);
    const shown = lines.filter((_, i) => all.some((own) => own[i]!.length > 0));
    const parts: string[] = [];
    for (const [i, facet] of plan.facets.entries()) {
      const frame = framed(layout, i, plan.facets.length, across, up, facet);
      for (const [k, line] of shown.entries()) {
        const points = all[i]![lines.indexOf(line)]!;
        const { colour } = line.look;
        const path = points.map((p) => frame.at(p.rtt.median / 1e6, p.goodput.median / 1e6));
        const body = points.map(({ rtt, goodput }, at) => {
          const told = `${line.label}${pointName(plan, points[at]!.x)}: ${GOODPUT.text(goodput.median)}, ${RTT.text(rtt.median)}`;
          return `${ring(frame, rtt, goodput, colour)}${cross(frame, rtt, goodput, colour)}<circle class="dot f${colour}" cx="${frame.x(rtt.median / 1e6).toFixed(1)}" cy="${frame.y(goodput.median / 1e6).toFixed(1)}" r="4.5"><title>${escapeXml(told)}</title></circle>`;
        });
        const joint =
          path.length < 2 || plan.x?.numbers == null
            ? ''
            : `<path class="line thin s${colour}" d="M${path.join('L')}"${dashText(line.look)}/>`;
        frame.add(`<g class="k k${k}">${joint}${body.join('')}</g>`);
      }
      parts.push(...frame.parts);
    }
    const along = plan.x?.numbers == null ? '' : ` Lines follow ${axisOf(plan.x).label}.`;
    return {
      ...{ id: 'scatter', title: 'Goodput against delay', parts, keys: shown },
      said: `Up and to the left is better. Crosses: 95 % intervals of medians; rings: one standard deviation over seeds.${along}`,
      ...{ width: layout.width, height: layout.height },
    };
  }
}

function pointName({ x }: Plan, at: number): string {
  if (x === null) return '';
  const place = x.numbers === null ? at : x.numbers.indexOf(at);
  return `, ${axisOf({ ...x, unit: '' }).label} ${x.values[place]}`;
}

/** From 0 to the highest end of an interval, or below 0 where there is something; powers where the least is far below the most. */
function axisFor(metric: Metric, told: readonly Told[]): Axis {
  const ends = told.flatMap(({ low, median, high }) => [low, median, high]);
  const known = ends.filter((v) => Number.isFinite(v)).map((v) => v / metric.factor);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const label = metric.unit;
  if (metric.factor === 1e6 && least > 0 && most / least > 60) {
    return { label, low: least / 1.3, high: most * 1.3, isLog: true };
  }
  if (metric.unit === 'harm')
    return { label, low: Math.max(-2, Math.min(0, least * 1.08)), high: 1 };
  return {
    label,
    low: Math.min(0, least * 1.08),
    high: metric.unit === 'index' ? 1.02 : most * 1.08 || 1,
  };
}

function framed(layout: Layout, i: number, n: number, across: Axis, up: Axis, facet: Facet): Frame {
  const box = layout.boxes[i]!;
  const frame = new Frame(box, across, up);
  frame.axes(i % layout.columns === 0, i + layout.columns >= n);
  if (facet.title !== '') {
    const middle = ((box.left + box.right) / 2).toFixed(1);
    const text = fitted(facet.title, box.right - box.left);
    frame.add(
      `<text class="ink" x="${middle}" y="${box.top - 9}" text-anchor="middle">${escapeXml(text)}<title>${escapeXml(facet.title)}</title></text>`,
    );
  }
  return frame;
}

function drawn(
  frame: Frame,
  points: readonly Point[],
  { label, look }: Line,
  key: number,
  shift: number,
  { factor, text }: Metric,
  up: Axis,
  isJoined: boolean,
): string {
  const { colour } = look;
  const y = (v: number) => frame.y(Math.min(up.high, Math.max(up.low, v / factor))).toFixed(1);
  const x = (v: number) => (frame.x(v) + shift).toFixed(1);
  const line = points.map((p) => `${x(p.x)} ${y(p.told.median)}`).join('L');
  const band = [
    ...points.map((p) => `${x(p.x)} ${y(p.told.high)}`),
    ...[...points].reverse().map((p) => `${x(p.x)} ${y(p.told.low)}`),
  ].join('L');
  const marks = points.map(({ x: at, told }) => {
    const { low, median, high, runs } = told;
    const range =
      low === high ? '' : ` (${text(low)} to ${high === Infinity ? 'never' : text(high)})`;
    const name = `${label}: ${text(median)}${range}, ${runs} ${runs === 1 ? 'run' : 'runs'}`;
    const whisker =
      low === high ? '' : `<path class="whisker s${colour}" d="M${x(at)} ${y(low)}V${y(high)}"/>`;
    return `${whisker}<circle class="dot f${colour}" cx="${x(at)}" cy="${y(median)}" r="4"><title>${escapeXml(name)}</title></circle>`;
  });
  // Between names there is nothing.
  const shape =
    points.length < 2 || !isJoined
      ? ''
      : `<path class="band f${colour}" d="M${band}Z"/><path class="line s${colour}" d="M${line}"${dashText(look)}/>`;
  return `<g class="k k${key}">${shape}${marks.join('')}</g>`;
}

function cross(frame: Frame, rtt: Told, goodput: Told, colour: number): string {
  const at = (x: number, y: number) => frame.at(x / 1e6, y / 1e6);
  if (rtt.low === rtt.high && goodput.low === goodput.high) return '';
  return `<path class="whisker s${colour}" d="M${at(rtt.low, goodput.median)}L${at(rtt.high, goodput.median)}M${at(rtt.median, goodput.low)}L${at(rtt.median, goodput.high)}"/>`;
}

const mean = (values: readonly number[]): number =>
  values.reduce((n, v) => n + v, 0) / values.length;

/** The ellipse of the seeds' covariance, in pixels. */
function ring(frame: Frame, rtt: Told, goodput: Told, colour: number): string {
  if (rtt.runs < 3 || rtt.runs !== goodput.runs) return '';
  const xs = rtt.values.map((v) => frame.x(v / 1e6));
  const ys = goodput.values.map((v) => frame.y(v / 1e6));
  const [mx, my] = [mean(xs), mean(ys)];
  const xx = mean(xs.map((x) => (x - mx) ** 2));
  const yy = mean(ys.map((y) => (y - my) ** 2));
  const xy = mean(xs.map((x, i) => (x - mx) * (ys[i]! - my)));
  const middle = (xx + yy) / 2;
  const apart = Math.hypot((xx - yy) / 2, xy);
  const [large, small] = [Math.sqrt(middle + apart), Math.sqrt(Math.max(0, middle - apart))];
  if (large < 1) return '';
  const degrees = (Math.atan2(2 * xy, xx - yy) * 90) / Math.PI;
  return `<ellipse class="ring f${colour} s${colour}" rx="${large.toFixed(1)}" ry="${Math.max(1, small).toFixed(1)}" transform="translate(${mx.toFixed(1)} ${my.toFixed(1)}) rotate(${degrees.toFixed(1)})"/>`;
}
