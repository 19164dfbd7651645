/** Panels of a page: charts that a browser draws, and figures that stand still; each with its keys. */
import { type Chart, strideOf } from './chart.ts';
import { dashText, type Figure, inPage, type Key } from './figure.ts';
import { escapeXml } from './frame.ts';
import { DARK, DASHES, LIGHT, type Look } from './palette.ts';
import type { Steps } from './run-data.ts';

/** Values in a page: some two megabytes of text. */
const MOST_VALUES = 360_000;

function keyButtons(keys: readonly Key[], isLive: boolean): string {
  if (keys.length === 0 || (keys.length === 1 && !isLive)) return '';
  const all = keys.map(
    ({ label, look }) =>
      `<button type="button" aria-pressed="true" title="${escapeXml(label)}"><svg viewBox="0 0 22 8"><line x1="0" x2="22" y1="4" y2="4" stroke-width="2.5" class="s${look.colour}"${dashText(look)}/></svg><span>${escapeXml(label)}</span>${isLive ? '<output></output>' : ''}</button>`,
  );
  return `<div class="keys" role="group" aria-label="lines">${all.join('')}</div>`;
}

/** A figure that stands still. */
export function stillPanel(figure: Figure | null): string {
  if (figure === null) return '';
  const wide = figure.width > 800 ? ' wide' : '';
  return `<figure class="panel still${wide}"><h4>${escapeXml(figure.title)}</h4><p>${escapeXml(figure.said)}</p>${inPage(figure)}${keyButtons(figure.keys, false)}</figure>`;
}

interface LiveSeries {
  readonly label: string;
  /** Its place among the keys. */
  readonly key: number;
  readonly look: readonly [colour: number, dash: number];
  readonly values?: readonly (number | null)[];
  /** The chart and the series that have the same values. */
  readonly of?: readonly [number, number];
}

/** Four digits: a chart has fewer pixels. */
const short = (v: number): number | null => (Number.isNaN(v) ? null : Number(v.toPrecision(4)));
const exact = (v: number): number => Number(v.toPrecision(9));

/** Everything that the browser draws. */
export class Live {
  private readonly charts: object[] = [];
  private readonly places = new Map<Steps, readonly [number, number]>();
  private readonly stride: number;
  private readonly times: Steps;

  constructor(times: Steps, charts: readonly Chart[]) {
    this.times = times;
    this.stride = strideOf(charts, MOST_VALUES);
  }

  /** Of several charts in one place, and figures after them; `group` is of those whose cursors move together. */
  panels(charts: readonly Chart[], group: string, still: readonly (Figure | null)[]): string {
    const panels = [...charts.map((chart) => this.panel(chart, group)), ...still.map(stillPanel)];
    const some = panels.filter((panel) => panel !== '');
    return some.length === 0 ? '' : `<div class="charts">${some.join('\n')}</div>`;
  }

  private panel(chart: Chart, group: string): string {
    const id = `${group}-${chart.id}`;
    const keys: { label: string; look: Look }[] = [];
    const place = this.charts.length;
    const series = chart.series.map(({ label, key, look, values }, i): LiveSeries => {
      let k = keys.findIndex((known) => known.label === key);
      if (k < 0) k = keys.push({ label: key, look }) - 1;
      const known = this.places.get(values);
      if (known === undefined) this.places.set(values, [place, i]);
      const own = { label, key: k, look: [look.colour, look.dash] as const };
      return known === undefined ? { ...own, values: this.values(values) } : { ...own, of: known };
    });
    const { title, unit, level, isStepped, said, hidden } = chart;
    this.charts.push({ id, group, unit, level, stepped: isStepped, series });
    const more = hidden === 0 ? '' : ` ${hidden} shorter lines are not drawn.`;
    return `<figure class="panel live" id="${escapeXml(id)}"><h4>${escapeXml(title)}<time></time></h4><p>${escapeXml(said + more)}</p><div class="plot" role="img" aria-label="${escapeXml(`${title}, ${unit}`)}"></div>${keyButtons(keys, true)}</figure>`;
  }

  private values(values: Steps, text: typeof short = short): readonly (number | null)[] {
    const kept: (number | null)[] = [];
    for (let i = this.stride - 1; i < values.length; i += this.stride) kept.push(text(values[i]!));
    return kept;
  }

  /** JSON that cannot end the script that it is in. */
  data(): string {
    const whole = {
      times: this.values(this.times, exact),
      charts: this.charts,
      ...{ light: LIGHT, dark: DARK, dashes: DASHES },
    };
    return JSON.stringify(whole).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028');
  }
}
