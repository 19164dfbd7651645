/** `ringway sim`: an experiment in virtual time, from a scenario file. */
import { basename, extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Experiment, type ExperimentOptions } from '../../src/sim/experiment/experiment.ts';
import { windowMistake } from '../../src/sim/experiment/fairness.ts';
import { type GroupHarm, harmTo } from '../../src/sim/experiment/harm.ts';
import { OutOfMemory } from '../../src/sim/experiment/memory-sizes.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import { Recorder } from '../../src/sim/experiment/recorder.ts';
import type { Scenario } from '../../src/sim/experiment/scenario.ts';
import type { PacketWish, TraceWish } from '../../src/sim/experiment/schema/read-scenario.ts';
import { runAndSummarize, type Summary } from '../../src/sim/experiment/summary.ts';
import { ccWordOf } from './cc-spec.ts';
import type { Command } from './command.ts';
import { missedOf } from './expect-text.ts';
import { EXIT, Failure, usageError } from './failure.ts';
import { timeText } from './figures.ts';
import { LineFile } from './line-file.ts';
import type { Options } from './options.ts';
import { PacketFile } from './packet-file.ts';
import { RunFolder } from './run-folder.ts';
import { type LoadedScenario, loadScenario, scenarioOf, scenarioSchema } from './scenario-file.ts';
import { summaryText } from './sim-text.ts';
import { CellStore, cellKey, codeKey, modulesKey } from './sweep-cache.ts';
import type { Answer, Job } from './sweep-workers.ts';

export const simCommand: Command = {
  name: 'sim',
  usage: '[OPTIONS] SCENARIO',
  options: [
    { name: 'seed', value: 'N', help: "instead of the scenario's" },
    { name: 'duration', value: 'SECONDS', help: "instead of the scenario's" },
    { name: 'cc', value: 'FILE|NAME', help: 'congestion control of flows that name none' },
    {
      name: 'out',
      value: 'DIR',
      help: 'write summary.json there, and trace.jsonl and packets.pcapng if the scenario wants them',
    },
    { name: 'acks', help: 'with --out: a line in the trace for each ACK and event of each sender' },
    {
      name: 'packets',
      help: 'with --out: each packet at each end of each link, as packets.pcapng',
    },
    { name: 'schema', help: 'print the JSON Schema of scenario files' },
    {
      name: 'solo',
      help: 'run each group of flows alone, too, and tell what the others do to it',
    },
    {
      name: 'lines',
      help: 'scenarios on stdin, {"file", "value"} a line; a summary or an error a line',
    },
  ],
  details: `
SCENARIO is a YAML file, or a TypeScript or JavaScript module whose default export says the same.
No root, no network: seconds of it take milliseconds, and the same seed gives the same run. See docs/experiments.md.`,
  run: sim,
};

async function sim(options: Options): Promise<number> {
  if (options.has('schema')) {
    console.log(JSON.stringify(scenarioSchema(), null, 2));
    return EXIT.OK;
  }
  if (options.has('lines')) return simLines();
  const [file, ...more] = options.words;
  if (file === undefined || more.length > 0) throw usageError('which scenario? one file');
  const cc = ccWordOf(options);
  const loaded = await loadScenario(file, basename(file, extname(file)), null, cc);
  const seed = options.integer('seed', 0, Number.MAX_SAFE_INTEGER) ?? loaded.scenario.seed;
  const seconds = options.decimal('duration', 1e-9, 1e6);
  const durationNs = seconds === undefined ? loaded.scenario.durationNs : Math.round(seconds * 1e9);
  const scenario = { ...loaded.scenario, seed, durationNs };
  const out = options.text('out');
  const acks = options.has('acks') || loaded.trace.acks;
  const { snaplen, ...wish } = loaded.trace.packets;
  const nodes = options.has('packets') ? null : wish.nodes;
  const wantsPackets = nodes?.length !== 0;
  if ((acks || wantsPackets) && out === undefined) {
    throw usageError('a trace goes to a folder: --out DIR');
  }
  if (seconds !== undefined) checkCut(loaded.scenario, durationNs);
  const folder = out === undefined ? null : new RunFolder(out);
  try {
    const packets = wantsPackets ? { nodes, snaplen } : null;
    const run = runInto(folder, file, { ...loaded, scenario }, { ...loaded.trace, acks }, packets);
    const harm = options.has('solo')
      ? await harmIn(file, run.summary, { seed, durationNs }, out, cc)
      : run.summary.harm;
    const summary = { ...run.summary, harm };
    folder?.end(summary);
    if (options.has('json')) console.log(JSON.stringify(summary));
    else console.log(summaryText(summary, run.tookMs));
    return missedOf(summary.expectations).length > 0 ? EXIT.NO : EXIT.OK;
  } catch (error) {
    folder?.abandon();
    throw error;
  }
}

/** What the scenario says for its own duration, and has no place in another one. */
function checkCut({ flows, fairness }: Scenario, durationNs: number): void {
  const late = flows.filter(({ startNs }) => startNs >= durationNs).map(({ name }) => name);
  if (late.length > 0) {
    const names = `${late.slice(0, 3).join(', ')}${late.length > 3 ? ' …' : ''}`;
    console.error(`--duration: the run is over before ${names} would begin`);
  }
  const mistake = fairness === undefined ? null : windowMistake(fairness.windowNs, durationNs);
  if (mistake === null) return;
  const text = `fairness.window of ${timeText(fairness!.windowNs)}: ${mistake}`;
  if (fairness!.windowNs < durationNs) throw usageError(`--duration: ${text}`);
  console.error(`--duration: no index by windows: ${text}`);
}

/** With what is to be written down on the way; without a folder nothing is. */
function runInto(
  folder: RunFolder | null,
  file: string,
  { scenario, modules }: LoadedScenario,
  wish: TraceWish,
  packets: PacketWish | null,
): { summary: Summary; tookMs: number } {
  const sink =
    folder === null || packets === null ? null : new PacketFile(folder.begin('packets.pcapng'));
  const seen = sink === null || packets === null ? {} : { packets: { sink, ...packets } };
  const experiment = openExperiment(file, scenario, { modules, ...seen });
  const meters = metersOf(experiment);
  const wantsTrace = folder !== null && (wish.acks || wish.intervalNs !== Infinity);
  const trace = wantsTrace ? new LineFile(folder.begin('trace.jsonl')) : null;
  if (trace !== null) new Recorder(experiment, trace, wish);
  const startMs = performance.now();
  const summary = summarized(file, experiment, meters);
  const tookMs = performance.now() - startMs;
  trace?.close();
  experiment.end();
  sink?.close();
  return { summary, tookMs };
}

function metersOf(experiment: Experiment): Meters {
  const meters = new Meters(experiment.flows);
  for (const { tcp } of experiment.stacks) tcp.watch.add(meters);
  return meters;
}

function runPlain(file: string, { scenario, modules }: LoadedScenario): Summary {
  const experiment = openExperiment(file, scenario, { modules });
  const summary = summarized(file, experiment, metersOf(experiment));
  experiment.end();
  return summary;
}

/** What the others do to each group. What has been run alone is in `out`, by its content, as cells of a sweep are. */
async function harmIn(
  file: string,
  together: Summary,
  own: Pick<Scenario, 'seed' | 'durationNs'>,
  out: string | undefined,
  cc: string | null,
): Promise<readonly GroupHarm[]> {
  if (together.groups.length < 2) return [];
  const store = out === undefined ? null : new CellStore(join(out, 'cells'));
  const code = codeKey();
  const all: GroupHarm[] = [];
  for (const group of together.groups) {
    const loaded = await loadScenario(file, together.name, group.name, cc);
    const scenario = { ...loaded.scenario, ...own };
    const key = cellKey(code, modulesKey(loaded.moduleFiles), scenario);
    const known = store?.read(key) ?? null;
    const summary = known ?? runPlain(file, { ...loaded, scenario });
    if (known === null) store?.write(key, summary);
    all.push(harmTo(group, summary.groups[0]!));
  }
  return all;
}

/** For whoever has many: `ringway sweep` shares them among processes of this kind. */
async function simLines(): Promise<number> {
  console.log = console.error; // what modules print is no answer
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === '') {
      process.stdout.write('\n'); // we are here
      continue;
    }
    process.stdout.write(`${JSON.stringify(await summaryOf(JSON.parse(line) as Job))}\n`);
  }
  return EXIT.OK;
}

async function summaryOf({ file, value, only }: Job): Promise<Answer> {
  try {
    const name = basename(file, extname(file));
    return runPlain(file, await scenarioOf(value, file, name, only));
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** What a scenario must not say beyond its shape: a rate of 0 for ever, a setting that no stack has. */
function openExperiment(file: string, scenario: Scenario, options: ExperimentOptions): Experiment {
  try {
    return new Experiment(scenario, options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Failure('ERR_SCENARIO', `${file}: ${error.message}`, EXIT.USAGE);
  }
}

function summarized(file: string, experiment: Experiment, meters: Meters): Summary {
  try {
    return runAndSummarize(experiment, meters);
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    throw new Failure('ENOMEM', `${file}: ${error.message}`);
  }
}
