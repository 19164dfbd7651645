/** `ringway sweep`: a scenario with many values and seeds, on all cores; what has been run is not run again. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { groupsIn, harmTo } from '../../src/sim/experiment/harm.ts';
import { Problems, readShape } from '../../src/sim/experiment/schema/read-shape.ts';
import { MOST_CELLS, SWEEP_SHAPE } from '../../src/sim/experiment/schema/sweep-shape.ts';
import {
  type Changes,
  changed,
  changesOf,
  runsOf,
  type SweepSpec,
} from '../../src/sim/experiment/sweep.ts';
import type { Command } from './command.ts';
import { missedOf, outcomeText } from './expect-text.ts';
import { EXIT, Failure, usageError } from './failure.ts';
import { makeFolder } from './make-folder.ts';
import type { Options } from './options.ts';
import { scenarioOf } from './scenario-file.ts';
import { CODE, readSpec, specFailure } from './spec-file.ts';
import { CellStore, cellKey, codeKey, modulesKey } from './sweep-cache.ts';
import { flowsCsv, groupsCsv } from './sweep-csv.ts';
import { type Run, sweepText } from './sweep-text.ts';
import { type Answer, type Job, runJobs } from './sweep-workers.ts';

export const sweepCommand: Command = {
  name: 'sweep',
  usage: '[OPTIONS] SWEEP',
  options: [
    {
      name: 'out',
      value: 'DIR',
      help: 'where results go, and what has been run is found (required)',
    },
    { name: 'jobs', value: 'N', help: 'processes (one for each core)' },
  ],
  details: `
SWEEP is a YAML file or a module: a scenario, and a grid, a list or a draw of what is different in each cell; see
docs/experiments.md. After a kill the same command goes on where it was. A cell that fails is told, and the rest runs; then
the exit code is 1, as where a scenario's expectations were missed.`,
  run: sweep,
};

interface Cell {
  readonly changes: Changes;
  readonly seed: number;
  readonly own: Unit;
  /** Its groups of flows, each alone. */
  readonly solos: readonly Unit[];
}

/** What is run once, and found again by its key. */
interface Unit {
  readonly key: string;
  readonly job: Job;
}

async function sweep(options: Options): Promise<number> {
  const [file, ...more] = options.words;
  const out = options.text('out');
  if (file === undefined || more.length > 0) throw usageError('which sweep? one file');
  if (out === undefined) throw usageError('where do results go? --out DIR');
  const processes = options.integer('jobs', 1, 256) ?? availableParallelism();
  const [spec, scenarioFile] = await readSweep(file);
  const cells = await cellsOf(spec, scenarioFile);
  makeFolder(out);
  const store = new CellStore(join(out, 'cells'));
  const limitNs = spec.limitNs ?? Infinity;
  const answers = await answersOf(cells, store, processes, limitNs);
  const runs = cells.map((cell) => runOf(cell, answers));
  writeFileSync(join(out, 'flows.csv'), flowsCsv(runs));
  writeFileSync(join(out, 'groups.csv'), groupsCsv(runs));
  const entries = runs.map(({ changes, seed, answer }, i) => ({
    ...{ changes, seed, cell: `cells/${cells[i]!.own.key}.json` },
    ...('error' in answer ? {} : { harm: answer.harm }),
    ...failed(answer),
  }));
  writeFileSync(join(out, 'sweep.json'), `${JSON.stringify(entries, null, 2)}\n`);
  console.log(options.has('json') ? JSON.stringify(runs) : sweepText(runs));
  return runs.every(isGood) ? EXIT.OK : EXIT.NO;
}

/** Those that are there, and then those that are run. */
async function answersOf(
  cells: readonly Cell[],
  store: CellStore,
  processes: number,
  limitNs: number,
): Promise<ReadonlyMap<string, Answer>> {
  const units = new Map(cells.flatMap(({ own, solos }) => [own, ...solos]).map((u) => [u.key, u]));
  const answers = new Map<string, Answer>();
  const missing: Unit[] = [];
  for (const unit of units.values()) {
    const known = store.read(unit.key);
    if (known === null) missing.push(unit);
    else answers.set(unit.key, known);
  }
  const progress = new Progress(missing.length, answers.size, processes);
  const jobs = missing.map(({ job }) => job);
  await runJobs(jobs, processes, limitNs, (index, answer) => {
    const { key } = missing[index]!;
    answers.set(key, answer);
    if (!('error' in answer)) store.write(key, answer);
    progress.done('error' in answer);
  });
  progress.end();
  return answers;
}

function runOf({ changes, seed, own, solos }: Cell, answers: ReadonlyMap<string, Answer>): Run {
  const answer = answers.get(own.key)!;
  if ('error' in answer || solos.length === 0) return { changes, seed, answer, soloErrors: [] };
  const soloErrors: string[] = [];
  const harm = solos.flatMap(({ key, job }) => {
    const solo = answers.get(key)!;
    const group = answer.groups.find(({ name }) => name === job.only)!;
    if (!('error' in solo)) return [harmTo(group, solo.groups[0]!)];
    soloErrors.push(`${job.only} alone: ${solo.error}`);
    return [];
  });
  return { changes, seed, answer: { ...answer, harm }, soloErrors };
}

const isGood = ({ answer, soloErrors }: Run): boolean =>
  !('error' in answer) && missedOf(answer.expectations).length === 0 && soloErrors.length === 0;

/** What is wrong with it, if anything. */
function failed(answer: Answer): object {
  if ('error' in answer) return { error: answer.error };
  const missed = missedOf(answer.expectations).map(outcomeText);
  return missed.length === 0 ? {} : { missed };
}

async function readSweep(file: string): Promise<[SweepSpec, string]> {
  const [value, place] = await readSpec(file);
  const problems = new Problems();
  const spec = readShape(SWEEP_SHAPE, value, [], problems) as SweepSpec;
  if (problems.all.length > 0) throw specFailure(file, problems.all, place);
  const runs = runsOf(spec);
  if (runs > MOST_CELLS) {
    throw new Failure(CODE, `${file}: ${runs} runs: ${MOST_CELLS} at most`, EXIT.USAGE);
  }
  return [spec, resolve(dirname(file), spec.scenario)];
}

/** All of them are read before the first one runs: what is wrong is told at once. */
async function cellsOf(spec: SweepSpec, file: string): Promise<readonly Cell[]> {
  const [base] = await readSpec(file);
  const name = basename(file, extname(file));
  const code = codeKey();
  const cells: Cell[] = [];
  for (const changes of changesOf(spec)) {
    const changedBase = changed(base, changes);
    if ('noPlace' in changedBase) {
      throw new Failure(CODE, `${file}: no place "${changedBase.noPlace}" to change`, EXIT.USAGE);
    }
    const { value } = changedBase;
    const whole = await scenarioOf(value, file, name);
    const { seed: first } = whole.scenario;
    const { repeats = 1 } = spec;
    if (!Number.isSafeInteger(first + (repeats - 1))) {
      const message = `${file}: no ${repeats} seeds from ${first} on`;
      throw new Failure(CODE, message, EXIT.USAGE);
    }
    const groups = spec.solo === true ? groupsIn(whole.scenario) : [];
    const solos = await Promise.all(
      (groups.length < 2 ? [] : groups).map(async (only) => ({
        only,
        loaded: await scenarioOf(value, file, name, only),
      })),
    );
    const parts = [{ only: null, loaded: whole }, ...solos].map(
      ({ only, loaded: { scenario, moduleFiles } }) => ({
        ...{ only, scenario },
        modules: modulesKey(moduleFiles),
      }),
    );
    for (let seed = first; seed < first + repeats; seed++) {
      const [own, ...alone] = parts.map(
        ({ only, scenario, modules }): Unit => ({
          key: cellKey(code, modules, { ...scenario, seed }),
          job: { file, value: { ...(value as object), seed }, only },
        }),
      );
      cells.push({ changes, seed, own: own!, solos: alone });
    }
  }
  return cells;
}

/** One line on stderr, written over where that is a terminal. */
class Progress {
  private readonly total: number;
  private readonly startMs = performance.now();
  private shownMs = 0;
  private finished = 0;
  private failures = 0;

  constructor(total: number, cached: number, processes: number) {
    this.total = total;
    const known = cached === 0 ? '' : `${cached} are there already; `;
    console.error(`${known}${total} to run, ${Math.min(processes, total)} at a time`);
  }

  done(hasFailed: boolean): void {
    this.finished++;
    if (hasFailed) this.failures++;
    const now = performance.now();
    if (now - this.shownMs < 1000 && this.finished < this.total) return;
    this.shownMs = now;
    const leftMs = ((now - this.startMs) / this.finished) * (this.total - this.finished);
    const wrong = this.failures === 0 ? '' : `, ${this.failures} failed`;
    const text = `${this.finished} of ${this.total}${wrong}, ${Math.ceil(leftMs / 1000)} s left`;
    process.stderr.write(process.stderr.isTTY ? `\r${text.padEnd(60)}` : `${text}\n`);
  }

  end(): void {
    if (process.stderr.isTTY && this.total > 0) process.stderr.write('\n');
  }
}
