/**
 * Runs the scenarios of this folder and prints what comes out of each, as sums: of every frame that arrived anywhere
 * (bytes, link, time), of the trace with a line for each ACK, of the packets' headers, and of the summary.
 *
 * `npm run pin` writes the first two to pinned.json, for a change that is meant to change what happens: its commit shows
 * in which scenarios. Every version of Node and every kind of processor must come to the same; where one does not, that
 * is a mistake to find (src/base/elementary.ts tells what engines do as they like), and no reason to pin.
 */
import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Experiment } from '../../../src/sim/experiment/experiment.ts';
import { Meters } from '../../../src/sim/experiment/meter.ts';
import { Recorder } from '../../../src/sim/experiment/recorder.ts';
import { runAndSummarize } from '../../../src/sim/experiment/summary.ts';
import { loadScenario } from '../../../tools/command/scenario-file.ts';

export interface Sums {
  readonly frames: string;
  readonly trace: string;
  readonly packets: string;
  readonly summary: string;
}

const FOLDER = new URL('./', import.meta.url);

export function scenarioFiles(): readonly string[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => fileURLToPath(new URL(name, FOLDER)));
}

async function sumsOf(file: string): Promise<Sums> {
  const { scenario, modules } = await loadScenario(file, 'a scenario');
  const packets = createHash('sha256');
  const sink = {
    write: (u8: Uint8Array, off: number, len: number) => {
      packets.update(u8.subarray(off, off + len));
      return 0;
    },
  };
  const written = { sink, nodes: null, snaplen: 96 };
  const experiment = new Experiment(scenario, { modules, isHashed: true, packets: written });
  const meters = new Meters(experiment.flows);
  for (const { tcp } of experiment.stacks) tcp.watch.add(meters);
  const trace = createHash('sha256');
  new Recorder(
    experiment,
    { line: (text) => trace.update(text).update('\n') },
    { acks: true, intervalNs: 100e6 },
  );
  const summary = JSON.stringify(runAndSummarize(experiment, meters));
  const frames = experiment.sim.traceHash;
  experiment.end();
  return {
    frames,
    trace: trace.digest('hex'),
    packets: packets.digest('hex'),
    summary: createHash('sha256').update(summary).digest('hex'),
  };
}

export async function allSums(): Promise<Record<string, Sums>> {
  const all: Record<string, Sums> = {};
  for (const file of scenarioFiles()) {
    all[file.slice(file.lastIndexOf('/') + 1)] = await sumsOf(file);
  }
  return all;
}

/** What stands in pinned.json. */
export function pinnedOf(
  all: Record<string, Sums>,
): Record<string, Pick<Sums, 'frames' | 'trace'>> {
  return Object.fromEntries(
    Object.entries(all).map(([name, { frames, trace }]) => [name, { frames, trace }]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const all = await allSums();
  const isPin = process.argv.includes('--pin');
  const text = `${JSON.stringify(isPin ? pinnedOf(all) : all, null, 2)}\n`;
  if (isPin) writeFileSync(new URL('pinned.json', FOLDER), text);
  else process.stdout.write(text);
}
