/** A frame with two axes, to draw into: what all SVG figures share. */

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Round numbers from `low` to `high`: about six of them. */
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

/** Powers of ten, and between few of them their halves and fifths. */
export function logTicks(low: number, high: number): readonly number[] {
  const all: number[] = [];
  const isWide = high / low > 1e3;
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const m of isWide ? [1] : [1, 2, 5]) all.push(Number(`${m}e${power}`));
  }
  return all.filter((v) => v >= low * 0.999 && v <= high * 1.001);
}

/** `0.05`, `1200`, `2e-5`, `3M`: as short as an axis needs. */
export function tickText(v: number): string {
  const size = Math.abs(v);
  if (v === 0) return '0';
  if (size >= 1e9) return `${Number((v / 1e9).toPrecision(6))}G`;
  if (size >= 1e6) return `${Number((v / 1e6).toPrecision(6))}M`;
  if (size >= 1e4) return `${Number((v / 1e3).toPrecision(6))}k`;
  return size < 1e-3 ? v.toExponential().replace('e-', 'e−') : String(Number(v.toPrecision(6)));
}

export interface Axis {
  readonly label: string;
  readonly low: number;
  readonly high: number;
  readonly isLog?: boolean;
  /** Places with names instead of numbers: 0, 1, 2 …. */
  readonly names?: readonly string[];
  /** Marks at these values rather than at round ones. */
  readonly at?: readonly number[];
}

export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const share = (axis: Axis, v: number): number =>
  axis.isLog === true
    ? Math.log(v / axis.low) / Math.log(axis.high / axis.low)
    : (v - axis.low) / (axis.high - axis.low || 1);

/** Where text would be wider than this many pixels, it is cut. */
export function fitted(text: string, pixels: number): string {
  const most = Math.max(3, Math.floor(pixels / 6.6));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

export class Frame {
  readonly parts: string[] = [];
  readonly box: Box;
  private readonly across: Axis;
  private readonly up: Axis;

  constructor(box: Box, across: Axis, up: Axis) {
    this.box = box;
    this.across = across;
    this.up = up;
  }

  x(v: number): number {
    return this.box.left + share(this.across, v) * (this.box.right - this.box.left);
  }

  y(v: number): number {
    return this.box.bottom - share(this.up, v) * (this.box.bottom - this.box.top);
  }

  at(x: number, y: number): string {
    return `${this.x(x).toFixed(1)} ${this.y(y).toFixed(1)}`;
  }

  add(part: string): void {
    this.parts.push(part);
  }

  /** Of several side by side only the outer ones say what the axes are. */
  axes(hasUpLabel = true, hasAcrossLabel = true): void {
    const { left, right, top, bottom } = this.box;
    for (const v of marksOf(this.up)) {
      const y = this.y(v).toFixed(1);
      this.add(`<line class="grid" x1="${left}" x2="${right}" y1="${y}" y2="${y}"/>`);
      this.add(
        `<text class="soft" x="${left - 7}" y="${y}" dy="4" text-anchor="end">${nameOf(this.up, v)}</text>`,
      );
    }
    const marks = marksOf(this.across);
    // Labels that would touch are left out, their marks stay.
    let free = -Infinity;
    for (const v of marks) {
      const x = this.x(v);
      const text = fitted(
        nameOf(this.across, v),
        this.across.names === undefined ? 80 : (right - left) / marks.length + 12,
      );
      this.add(
        `<line class="axis" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${bottom}" y2="${bottom + 4}"/>`,
      );
      const half = text.length * 3.4;
      if (x - half < free) continue;
      free = x + half + 6;
      this.add(
        `<text class="soft" x="${x.toFixed(1)}" y="${bottom + 17}" text-anchor="middle">${escapeXml(text)}</text>`,
      );
    }
    this.add(`<line class="axis" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`);
    if (hasAcrossLabel) {
      this.add(
        `<text class="soft" x="${((left + right) / 2).toFixed(1)}" y="${bottom + 35}" text-anchor="middle">${escapeXml(this.across.label)}</text>`,
      );
    }
    if (hasUpLabel) {
      const middle = ((top + bottom) / 2).toFixed(1);
      const x = left - 46;
      this.add(
        `<text class="soft" x="${x}" y="${middle}" transform="rotate(-90 ${x} ${middle})" text-anchor="middle">${escapeXml(this.up.label)}</text>`,
      );
    }
  }
}

function marksOf(axis: Axis): readonly number[] {
  if (axis.names !== undefined) return axis.names.map((_, i) => i);
  if (axis.at !== undefined) return axis.at;
  return axis.isLog === true ? logTicks(axis.low, axis.high) : ticks(axis.low, axis.high);
}

const nameOf = (axis: Axis, v: number): string => axis.names?.[v] ?? tickText(v);
