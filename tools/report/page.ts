/** The report: one HTML file with everything in it, which asks nothing of any network. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countText, missedOf, outcomeText } from '../command/expect-text.ts';
import { convergedText, percent, rateText, timeText } from '../command/figures.ts';
import { cdfOf } from './cdf.ts';
import { type Chart, chartsOf, overlaid } from './chart.ts';
import type { Figure } from './figure.ts';
import { escapeXml } from './frame.ts';
import { Live } from './panels.ts';
import type { RunData } from './run-data.ts';
import { scatterOf } from './scatter.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';
import { timeFigure } from './svg.ts';
import * as tables from './tables.ts';

/** uPlot's own files, from its package. */
function library(): { script: string; style: string } {
  const folder = dirname(fileURLToPath(import.meta.resolve('uplot')));
  return {
    script: readFileSync(join(folder, 'uPlot.iife.min.js'), 'utf8'),
    style: readFileSync(join(folder, 'uPlot.min.css'), 'utf8'),
  };
}

export function card(value: string, what: string): string {
  return `<div class="card"><b>${escapeXml(value)}</b><span>${escapeXml(what)}</span></div>`;
}

/** What went wrong, and whether what was expected came true. */
function warnings({ summary }: RunData): string {
  const { faults, flows, expectations = [] } = summary;
  const failed = flows.reduce((n, f) => n + f.failed, 0);
  const bad = [
    ...faults.map(
      (f) => `${f.module} failed on ${f.count} connections, and Reno went on: ${f.first}`,
    ),
    ...(failed === 0 ? [] : [`${failed} connections failed.`]),
    ...missedOf(expectations).map(outcomeText),
  ].map((text) => `<p class="bad">${escapeXml(text)}</p>`);
  const good =
    expectations.length === 0 ? '' : `<p class="good">${escapeXml(countText(expectations))}</p>`;
  return bad.join('') + good;
}

function cards({ summary }: RunData): string {
  const { flows, links, jain, fairness, groups } = summary;
  const sum = (of: (f: (typeof flows)[0]) => number) => flows.reduce((n, f) => n + of(f), 0);
  const busiest = links.reduce((most, l) => Math.max(most, l.utilization ?? 0), 0);
  const delays = flows
    .flatMap(({ rtt }) => (rtt === null ? [] : [rtt]))
    .sort((a, b) => a.p50 - b.p50);
  const least = Math.min(...delays.map((q) => q.least));
  const again = percent(
    sum((f) => f.retransmitted),
    sum((f) => f.sent),
  );
  const last = fairness?.epochs.at(-1);
  const slow = groups.find(({ slowdown }) => slowdown !== null)?.slowdown;
  const all = [
    card(rateText((sum((f) => f.delivered) * 8e9) / summary.durationNs), 'goodput of all flows'),
    ...(busiest > 0 ? [card(`${(100 * busiest).toFixed(1)} %`, 'of the busiest link used')] : []),
    ...(delays.length > 0
      ? [
          card(
            timeText(delays[delays.length >> 1]!.p50),
            `median round trip (least ${timeText(least)})`,
          ),
        ]
      : []),
    card(again === '' ? '–' : again, 'of segments retransmitted'),
    ...(jain === null ? [] : [card(jain.toFixed(3), "Jain's index, 2nd half")]),
    ...(last === undefined
      ? []
      : [card(convergedText(last.convergenceNs), 'converged after the last change')]),
    ...(slow == null ? [] : [card(`${slow.p50.toFixed(1)} ×`, 'slowdown of completions, median')]),
  ];
  return `<div class="cards">${all.join('')}</div>`;
}

function runSection(
  run: RunData,
  charts: readonly Chart[],
  live: Live,
  group: string,
  isOnly: boolean,
): string {
  const { summary } = run;
  const facts = `${escapeXml(isOnly ? '' : `${run.name}, `)}seed ${summary.seed}, ${timeText(summary.durationNs)}, ${summary.flows.length} ${summary.flows.length === 1 ? 'flow' : 'flows'}, ${summary.frames} frames delivered to hosts`;
  const untraced = run.hasTrace
    ? ''
    : '<p class="note">Without a trace there are few charts over time: <code>--acks</code>, or <code>trace: { acks: true, interval: 100 ms }</code> in the scenario.</p>';
  const more =
    run.unfollowed === 0
      ? ''
      : `<p class="note">${run.unfollowed} short connections of the trace are in the tables only.</p>`;
  return `<p class="facts">${facts}</p>${warnings(run)}${cards(run)}${untraced}
${live.panels(charts, group, isOnly ? [scatterOf([run]), cdfOf([run])] : [])}${more}
${tables.flowTable(run)}${tables.completionTable(run)}${tables.fairnessTable(run)}${tables.harmTable(run)}${tables.linkTable(run)}`;
}

/** Runs beyond so many are folded. */
const MOST_OPEN = 2;

export function pageOf(runs: readonly RunData[]): string {
  const own = runs.map(chartsOf);
  const live = new Live(runs[0]!.times, own.flat());
  const isOnly = runs.length === 1;
  if (isOnly) {
    const [run] = runs as [RunData];
    const section = runSection(run, own[0]!, live, 'run0', true);
    return whole(run.name, `<section>${section}</section>`, live.data());
  }
  const together = `${tables.runTable(runs)}${live.panels(overlaid(runs, own), 'all', [scatterOf(runs), cdfOf(runs)])}`;
  const open = runs.length <= MOST_OPEN ? ' open' : '';
  const sections = runs.map((run, i) => {
    const inside = runSection(run, own[i]!, live, `run${i}`, false);
    return `<section><details${open}><summary><h2>${escapeXml(run.folder)}</h2></summary>${inside}</details></section>`;
  });
  const names = [...new Set(runs.map(({ name }) => name))];
  const title = names.length === 1 ? `${names[0]}: ${runs.length} runs` : `${runs.length} runs`;
  return whole(title, `${together}${sections.join('\n')}`, live.data());
}

const CHARTS_TOLD =
  'Charts over time, by uPlot (MIT), have a value for each thousandth of the run, or a few of them: the last of windows and round trips, the most of what is in flight or waits. Drag to look closer, double-click to go back. ';

/** @param data what the browser draws; null: nothing moves. */
export function whole(title: string, body: string, data: string | null): string {
  const { script, style } = data === null ? { script: '', style: '' } : library();
  const told = data === null ? '' : CHARTS_TOLD;
  const nothing = '{"times":[],"charts":[],"light":[],"dark":[],"dashes":[]}';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title><style>${style}${STYLE}</style></head>
<body><main><h1>${escapeXml(title)}</h1>
${body}
<footer>${told}Point at a name to bring it out, press it to take it away. Made by <code>ringway report</code>.</footer>
</main><script>${script}</script><script>const REPORT = ${data ?? nothing};${SCRIPT}</script></body></html>
`;
}

/** Every figure of the page, by the name of its file. */
export function figuresOf(runs: readonly RunData[]): ReadonlyMap<string, Figure> {
  const files = new Map<string, Figure>();
  const own = runs.map(chartsOf);
  const add = (prefix: string, figures: readonly (Figure | null)[]) => {
    for (const figure of figures) if (figure !== null) files.set(prefix + figure.id, figure);
  };
  for (const [i, run] of runs.entries()) {
    const prefix = runs.length === 1 ? '' : `${run.folder.replaceAll(/[^\w.+-]+/g, '-')}-`;
    const still = runs.length === 1 ? [scatterOf([run]), cdfOf([run])] : [];
    add(prefix, [...own[i]!.map(timeFigure), ...still]);
  }
  if (runs.length === 1) return files;
  const still = [scatterOf(runs), cdfOf(runs)].map((f) => f && { ...f, id: `all-${f.id}` });
  add('', [...overlaid(runs, own).map(timeFigure), ...still]);
  return files;
}
