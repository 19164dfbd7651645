/** `ringway report`: runs as one HTML file, and their figures as SVG. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asFile, type Figure } from '../report/figure.ts';
import { figuresOf, pageOf } from '../report/page.ts';
import { folderNames, type RunData, readRun, readSummary } from '../report/run-data.ts';
import { isSweep, readSweepFolder } from '../report/sweep-data.ts';
import { SweepReport } from '../report/sweep-page.ts';
import type { Command } from './command.ts';
import { EXIT, Failure, usageError } from './failure.ts';
import { makeFolder } from './make-folder.ts';
import type { Options } from './options.ts';

export const reportCommand: Command = {
  name: 'report',
  usage: '[OPTIONS] DIR…',
  options: [
    { name: 'out', value: 'FILE', help: 'the HTML file (report.html in the first DIR)' },
    { name: 'svg', value: 'DIR', help: 'write each figure as an SVG file there, too' },
  ],
  details: `
DIR is what \`ringway sim --out DIR\` wrote; of several, the charts are also laid over each other. Or it is what
\`ringway sweep --out DIR\` wrote: then it is medians with 95 % intervals against what varies. The file has everything
in it and needs no network. See docs/experiments.md.`,
  run: report,
};

async function report(options: Options): Promise<number> {
  const folders = options.words;
  if (folders.length === 0) throw usageError('which runs? folders that `ringway sim --out` wrote');
  const sweeps = folders.filter(isSweep);
  if (sweeps.length > 0) return reportSweep(folders, options);
  const longestNs = Math.max(...folders.map((folder) => readSummary(folder).durationNs));
  const names = folderNames(folders);
  const runs: RunData[] = [];
  for (const [i, folder] of folders.entries())
    runs.push(await readRun(folder, names[i]!, longestNs));
  return write(folders[0]!, pageOf(runs), () => figuresOf(runs), options);
}

function reportSweep(folders: readonly string[], options: Options): number {
  const [folder, ...more] = folders;
  if (more.length > 0) throw usageError('one sweep at a time, and no runs beside it');
  const data = readSweepFolder(folder!);
  if (data.cells.length === 0) {
    const why = data.errors[0] ?? 'it is empty';
    throw new Failure('ERR_REPORT', `${folder}: no cell has results: ${why}`, EXIT.USAGE);
  }
  const sweep = new SweepReport(data);
  return write(folder!, sweep.page(), () => sweep.files(), options);
}

function write(
  folder: string,
  page: string,
  figures: () => ReadonlyMap<string, Figure>,
  options: Options,
): number {
  const file = options.text('out') ?? join(folder, 'report.html');
  writeFileSync(file, page);
  const svg = options.text('svg');
  const written = [file, ...(svg === undefined ? [] : writeFigures(figures(), svg))];
  console.log(options.has('json') ? JSON.stringify({ written }) : written.join('\n'));
  return EXIT.OK;
}

function writeFigures(figures: ReadonlyMap<string, Figure>, folder: string): readonly string[] {
  makeFolder(folder);
  return [...figures].map(([name, figure]) => {
    const path = join(folder, `${name}.svg`);
    writeFileSync(path, asFile(figure));
    return path;
  });
}
