/** `ringway report`: runs as one HTML file, and their figures as SVG. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asFile, type Figure } from '../report/figure.ts';
import { figuresOf, pageOf } from '../report/page.ts';
import { folderNames, type RunData, readRun, readSummary } from '../report/run-data.ts';
import type { Command } from './command.ts';
import { EXIT, usageError } from './failure.ts';
import type { Options } from './options.ts';

export const reportCommand: Command = {
  name: 'report',
  usage: '[OPTIONS] DIR…',
  options: [
    { name: 'out', value: 'FILE', help: 'the HTML file (report.html in the first DIR)' },
    { name: 'svg', value: 'DIR', help: 'write each figure as an SVG file there, too' },
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
  const names = folderNames(folders);
  const runs: RunData[] = [];
  for (const [i, folder] of folders.entries())
    runs.push(await readRun(folder, names[i]!, longestNs));
  const file = options.text('out') ?? join(folders[0]!, 'report.html');
  writeFileSync(file, pageOf(runs));
  const svg = options.text('svg');
  const written = [file, ...(svg === undefined ? [] : writeFigures(figuresOf(runs), svg))];
  console.log(options.has('json') ? JSON.stringify({ written }) : written.join('\n'));
  return EXIT.OK;
}

function writeFigures(figures: ReadonlyMap<string, Figure>, folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true });
  return [...figures].map(([name, figure]) => {
    const path = join(folder, `${name}.svg`);
    writeFileSync(path, asFile(figure));
    return path;
  });
}
