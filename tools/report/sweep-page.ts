/** The report over a sweep: figures with intervals, and a table of all cells. */
import type { Figure } from './figure.ts';
import { escapeXml } from './frame.ts';
import { card, whole } from './page.ts';
import { stillPanel } from './panels.ts';
import { SweepCharts } from './sweep-charts.ts';
import { type SweepData, valueAt } from './sweep-data.ts';
import { METRICS } from './sweep-metrics.ts';
import { Estimates, type Plan, planOf, shortPlace, type Told } from './sweep-plan.ts';
import { type CellText, table } from './tables.ts';

const MOST_ERRORS = 20;

export class SweepReport {
  private readonly data: SweepData;
  private readonly plan: Plan;
  private readonly estimates = new Estimates();
  private readonly figures: readonly Figure[];

  constructor(data: SweepData) {
    this.data = data;
    this.plan = planOf(data);
    this.figures = new SweepCharts(this.plan, this.estimates).all();
  }

  page(): string {
    const { name } = this.data;
    const charts = this.figures.map(stillPanel).join('\n');
    const hidden =
      this.plan.hidden === 0
        ? ''
        : `<p class="note">${this.plan.hidden} more combinations are in the table only.</p>`;
    const body = `${this.facts()}${this.errors()}<div class="charts">${charts}</div>${hidden}${this.cells()}`;
    return whole(`${name}: a sweep`, body, null);
  }

  files(): ReadonlyMap<string, Figure> {
    return new Map(this.figures.map((figure) => [figure.id, figure]));
  }

  private facts(): string {
    const { cells, errors, parameters } = this.data;
    const runs = cells.reduce((n, c) => n + c.runs.length, 0);
    const cards = [
      card(String(cells.length), 'cells'),
      card(String(runs), 'runs'),
      card(String(errors.length), 'failed, or not as expected'),
      ...parameters.map((p) => card(String(p.values.length), `values of ${p.place}`)),
    ];
    const what = parameters.map(
      ({ place, values }) => `${shortPlace(place)}: ${values.join(', ')}`,
    );
    return `<p class="facts">${escapeXml(what.join(' · '))}</p><div class="cards">${cards.join('')}</div>`;
  }

  private errors(): string {
    const { errors } = this.data;
    const told = errors.slice(0, MOST_ERRORS).map((e) => `<p class="bad">${escapeXml(e)}</p>`);
    const more = errors.length - told.length;
    return told.join('') + (more > 0 ? `<p class="bad">… and ${more} more</p>` : '');
  }

  /** A line for each group of each cell; only metrics that any of them has. */
  private cells(): string {
    const { cells, parameters } = this.data;
    const rows = cells.flatMap((cell) =>
      cell.runs[0]!.groups.map(({ name, ccs }) => ({
        head: [
          ...parameters.map(({ place }) => valueAt(cell.changes, place)),
          ...[name, ccs.join(' '), String(cell.runs.length)],
        ],
        told: METRICS.map((metric) => {
          const key = metric.isOfAll ? metric.id : `${metric.id} ${name}`;
          return this.estimates.of(cell, key, (run) => metric.of(run, name));
        }),
      })),
    );
    const known = METRICS.flatMap((_, i) => (rows.some((row) => row.told[i] !== null) ? [i] : []));
    const head = [
      ...parameters.map(({ place }) => shortPlace(place)),
      ...['group', 'module', 'runs', ...known.map((i) => METRICS[i]!.title)],
    ];
    const body = rows.map(({ head: own, told }) => [
      ...own,
      ...known.map((i) => told[i] && estimateCell(told[i], METRICS[i]!.text)).map((c) => c ?? ''),
    ]);
    const texts = Math.min(4, parameters.length + 2);
    return `<h2>All cells</h2><p class="note">Medians over seeds; in small print their 95 % intervals, by percentile bootstrap.</p>${table(head, body, texts)}`;
  }
}

function estimateCell({ median, low, high }: Told, text: (x: number) => string): CellText {
  const own = (x: number) => escapeXml(x === Infinity ? 'not' : text(x));
  if (low === high) return { html: own(median) };
  return { html: `${own(median)} <small>${own(low)} – ${own(high)}</small>` };
}
