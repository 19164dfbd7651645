/** `ringway report`: runs as one HTML file, and their charts as SVG. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chartsOf } from '../report/chart.ts';
import { pageOf } from '../report/page.ts';
import { type RunData, readRun, readSummary } from '../report/run-data.ts';
import { svgOf } from '../report/svg.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import type { Options } from './options.ts';

export const reportCommand: Command = {
  name: 'report',
  usage: '[OPTIONS] DIR…',
  options: [
    { name: 'out', value: 'FILE', help: 'the HTML file (report.html in the first DIR)' },
    { name: 'svg', value: 'DIR', help: 'write each chart as an SVG file there, too' },
  ],
  details: `
DIR is what \`ringway sim --out DIR\` wrote; of several, the charts are also laid over each other. The file has everything
in it and needs no network. See docs/experiments.md.`,
  run: report,
};

async function report(options: Options): Promise<number> {
  const folders = options.words;
  if (folders.length === 0) throw usageError('which runs? folders that `ringway sim --out` wrote');
  const longestNs = Math.max(...folders.map((folder) => readSummary(folder).durationNs));
  const runs: RunData[] = [];
  for (const folder of folders) runs.push(await readRun(folder, longestNs));
  const file = options.text('out') ?? join(folders[0]!, 'report.html');
  writeFileSync(file, pageOf(runs));
  const written = [file];
  const svg = options.text('svg');
  if (svg !== undefined) {
    mkdirSync(svg, { recursive: true });
    for (const run of runs) {
      for (const chart of chartsOf(run)) {
        const name = runs.length === 1 ? chart.id : `${basename(run.folder)}-${chart.id}`;
        const path = join(svg, `${name}.svg`);
        writeFileSync(path, svgOf(chart));
        written.push(path);
      }
    }
  }
  console.log(options.has('json') ? JSON.stringify({ written }) : written.join('\n'));
  return EXIT.OK;
}
