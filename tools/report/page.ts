/** The report: one HTML file with everything in it, which asks nothing of any network. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeText } from '../command/figures.ts';
import { type Chart, COLOURS, chartsOf, overlaid } from './chart.ts';
import type { RunData } from './run-data.ts';
import { scatterOf } from './scatter.ts';
import { escapeXml } from './svg.ts';
import { completionTable, flowTable, linkTable, runTable } from './tables.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6675; --line: #e2e6ec; --card: #fff; --page: #f5f7fa; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b4; --line: #303845; --card: #1a2029; --page: #12161d; --accent: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1440px; margin: 0 auto; padding: 28px 24px 64px; }
h1 { font-size: 27px; margin: 0 0 4px; letter-spacing: -0.01em; } h2 { font-size: 20px; margin: 40px 0 12px; } h3 { font-size: 15px; margin: 22px 0 8px; }
.facts { color: var(--soft); margin: 0 0 20px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 0 0 20px; }
.card, .panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.card b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; } .card span { color: var(--soft); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(620px, 100%), 1fr)); gap: 16px; margin-top: 16px; }
.panel h3 { margin: 0 0 6px; } .panel small { color: var(--soft); font-weight: 400; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { padding: 6px 14px; text-align: right; white-space: nowrap; } th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
th { color: var(--soft); font-weight: 600; border-bottom: 1px solid var(--line); } tbody tr + tr td { border-top: 1px solid var(--line); }
.scatter { width: 100%; max-width: 640px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.scatter text { fill: var(--soft); font-size: 12px; } .scatter .grid { stroke: var(--line); }
.legend span { margin-right: 14px; } .legend i { display: inline-block; width: 10px; height: 10px; border-radius: 5px; margin-right: 5px; }
.u-legend { font-size: 12px; color: var(--soft); } footer { margin-top: 40px; color: var(--soft); font-size: 13px; }
`;

/** Runs in the browser: draws what is in CHARTS, redraws when the window's width or the colour scheme changes. */
const SCRIPT = `
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plots = [];
  function draw(at, chart) {
    const ink = css('--soft'), grid = { stroke: css('--line'), width: 1 };
    const axis = { stroke: ink, grid, ticks: grid, font: '12px system-ui' };
    const stepped = chart.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined;
    const options = {
      width: at.clientWidth, height: 260, cursor: { sync: { key: chart.group } },
      scales: { x: { time: false }, y: { range: (u, low, high) => [0, (high || 1) * 1.05] } },
      axes: [{ ...axis, values: (u, v) => v.map((t) => t + ' s') }, { ...axis, size: 64 }],
      series: [{ label: 's', value: (u, v) => v == null ? '' : v.toFixed(3) }].concat(chart.series.map((s) => ({
        label: s.label, stroke: s.colour, width: 1.4, dash: s.dashed ? [4, 4] : undefined, paths: stepped,
        points: { show: false }, value: (u, v) => v == null ? '–' : String(+v.toPrecision(4)),
      }))),
    };
    return new uPlot(options, [chart.times].concat(chart.series.map((s) => s.values)), at);
  }
  function all() {
    for (const p of plots.splice(0)) p.destroy();
    for (const chart of CHARTS) plots.push(draw(document.getElementById(chart.id), chart));
  }
  all();
  let timer = 0;
  addEventListener('resize', () => { clearTimeout(timer); timer = setTimeout(all, 150); });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', all);
})();
`;

/** uPlot's own files, from its package. */
function library(): { script: string; style: string } {
  const folder = dirname(fileURLToPath(import.meta.resolve('uplot')));
  return {
    script: readFileSync(join(folder, 'uPlot.iife.min.js'), 'utf8'),
    style: readFileSync(join(folder, 'uPlot.min.css'), 'utf8'),
  };
}

/** Four digits: a chart has fewer pixels. */
const short = (v: number): number | null => (Number.isNaN(v) ? null : Number(v.toPrecision(5)));

function dataOf(chart: Chart, id: string, group: string): object {
  return {
    ...{ id, group, stepped: chart.isStepped },
    times: Array.from(chart.times, short),
    series: chart.series.map((s) => ({
      label: s.label,
      colour: COLOURS[s.colour]!,
      dashed: s.isDashed,
      values: Array.from(s.values, short),
    })),
  };
}

/** JSON that cannot end the script that it is in. */
const inScript = (value: unknown): string =>
  JSON.stringify(value).replaceAll('<', '\\\\u003c').replaceAll('\\u2028', '\\\\u2028');

function panels(charts: readonly Chart[], group: string, data: object[]): string {
  const all = charts.map((chart) => {
    const id = `${group}-${chart.id}`;
    data.push(dataOf(chart, id, group));
    return `<div class="panel"><h3>${escapeXml(chart.title)} <small>${escapeXml(chart.unit)}${more(chart)}</small></h3><div id="${id}"></div></div>`;
  });
  return all.length === 0 ? '' : `<div class="charts">${all.join('\n')}</div>`;
}

function more({ hidden }: Chart): string {
  return hidden === 0 ? '' : ` · ${hidden} shorter lines are not drawn`;
}

function card(value: string, what: string): string {
  return `<div class="card"><b>${escapeXml(value)}</b><span>${escapeXml(what)}</span></div>`;
}

function runSection(run: RunData, index: number, isOnly: boolean, data: object[]): string {
  const { summary } = run;
  const { flows, links, jain } = summary;
  const mbits = (flows.reduce((n, f) => n + f.delivered, 0) * 8e3) / summary.durationNs;
  const sent = flows.reduce((n, f) => n + f.sent, 0);
  const again = flows.reduce((n, f) => n + f.retransmitted, 0);
  const drops = links.reduce((n, l) => n + l.dropped + l.lost, 0);
  const cards = [
    card(`${mbits.toPrecision(4)} Mbit/s`, 'goodput of all flows'),
    card(sent === 0 ? '–' : `${((100 * again) / sent).toFixed(2)} %`, 'segments retransmitted'),
    card(String(drops), 'packets dropped or lost'),
    ...(jain === null ? [] : [card(jain.toFixed(3), "Jain's index, 2nd half")]),
    card(String(flows.length), flows.length === 1 ? 'flow' : 'flows'),
  ];
  const facts = `seed ${summary.seed}, ${timeText(summary.durationNs)}, ${summary.frames} frames delivered to hosts`;
  const title = isOnly ? '' : `<h2>${escapeXml(run.folder)}: ${escapeXml(run.name)}</h2>`;
  return `<section>${title}<p class="facts">${facts}</p><div class="cards">${cards.join('')}</div>
${flowTable(run)}${completionTable(run)}${isOnly ? scatterOf([run]) : ''}
${panels(chartsOf(run), `run${index}`, data)}
<h3>Links</h3>${linkTable(run)}</section>`;
}

export function pageOf(runs: readonly RunData[]): string {
  const { script, style } = library();
  const data: object[] = [];
  const isOnly = runs.length === 1;
  const title = isOnly ? runs[0]!.name : `${runs.length} runs`;
  const together = isOnly
    ? ''
    : `${runTable(runs)}${scatterOf(runs)}<h2>All runs together</h2>${panels(overlaid(runs), 'all', data)}`;
  const sections = runs.map((run, i) => runSection(run, i, isOnly, data)).join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title><style>${style}${STYLE}</style></head>
<body><main><h1>${escapeXml(title)}</h1>
${together}${sections}
<footer>Charts have a value for each thousandth of the run: the last of windows and round trips, the most of what is in flight or waits. Drag to look closer, double-click to go back. Made by <code>ringway report</code>; charts by uPlot (MIT).</footer>
</main><script>${script}</script><script>const CHARTS = ${inScript(data)};${SCRIPT}</script></body></html>
`;
}
