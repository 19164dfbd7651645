/**
 * Experiments of many flows, many hosts and much virtual time: processor time and memory of `ringway sim` without traces.
 *
 *     npm run bench -- experiment [time] [flows] [memory] [--rounds N]
 *
 * `time`: 60 s of ten CUBIC flows on 100 Mbit/s, from the first event to the last, with V8 still to compile all. `flows`: one to a thousand of them over at
 * most ten pairs of hosts, and a thousand over as many pairs. `memory`: two flows on 5 Mbit/s for an hour of virtual time, which fails when
 * the heap after collection, arrays or pools have grown by more than a tenth since the first minute. (Beside ns-3: `npm run bench -- ns3`.)
 *
 * Seconds are the processor's, user and system with all of V8's threads, but for `wall`. A process for each run.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tableText } from '../tools/command/figures.ts';
import type { Look } from './experiment/measure.ts';
import { type Shape, shapeOf } from './ns3/shape.ts';
import { range } from './quantile.ts';

const HERE = dirname(fileURLToPath(import.meta.url));
const RUN_LIMIT_MS = 600_000;
const MIB = 2 ** 20;

function looksOf(shape: Shape, stops: readonly number[]): readonly Look[] {
  const args = ['--expose-gc', '--import=tsx', join(HERE, 'experiment/measure.ts')];
  const options = { encoding: 'utf8', timeout: RUN_LIMIT_MS } as const;
  const run = spawnSync(process.execPath, [...args, JSON.stringify({ shape, stops })], options);
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout) as Look[];
}

function print(rows: readonly (readonly string[])[]): void {
  for (const line of tableText(rows)) console.log(line);
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(1);

function time(rounds: number): void {
  const shape = shapeOf(10, 100e6, 60, 'cubic');
  const runs = Array.from({ length: rounds }, () => looksOf(shape, [60])[0]!);
  const of = (what: (look: Look) => number, digits: number) => range(runs.map(what), digits);
  const cpu = `${of((r) => r.cpu, 2)} s of processor time, ${of((r) => r.wall, 2)} s on the wall`;
  console.log(`60 s, 100 Mbit/s, 10 flows: ${cpu}, ${rounds} rounds`);
  console.log(
    `${runs[0]!.frames} frames, ${of((r) => r.frames / r.cpu / 1e3, 0)} thousand a second`,
  );
}

/** Flows, pairs of hosts, bottleneck, virtual seconds. */
const CASES: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 100e6, 40],
  [10, 10, 100e6, 40],
  [100, 10, 100e6, 40],
  [10, 10, 1e9, 4],
  [100, 10, 1e9, 4],
  [1000, 10, 1e9, 4],
  [1000, 1000, 1e9, 4],
];

/** The first half is slow start, and V8's compiler. */
function flows(rounds: number): void {
  const rows = [
    ['flows', 'pairs', 'bottleneck', 'thousand frames/s', 'events/frame', 'KiB a flow', 'RSS MiB'],
  ];
  for (const [n, pairs, bps, seconds] of CASES) {
    const shape = { ...shapeOf(n, bps, seconds, 'cubic'), pairs };
    const runs = Array.from({ length: rounds }, () => looksOf(shape, [0, seconds / 2, seconds]));
    const [idle, , end] = runs[0]! as [Look, Look, Look];
    const grown = end.heapBytes + end.arrayBytes + end.poolBytes - idle.heapBytes - idle.arrayBytes;
    const speeds = runs.map((looks) => looks[2]!.frames / looks[2]!.cpu / 1e3);
    rows.push([
      String(n),
      String(pairs),
      `${bps / 1e6} Mbit/s`,
      range(speeds, 0),
      (end.events / end.frames).toFixed(2),
      (grown / n / 1024).toFixed(0),
      mib(end.rssBytes),
    ]);
  }
  print(rows);
}

function memory(): boolean {
  const stops = [60, 600, 1800, 3600];
  const looks = looksOf(shapeOf(2, 5e6, stops.at(-1)!, 'cubic'), stops);
  const rows = [['virtual s', 'frames', 'CPU s', 'heap MiB', 'arrays', 'pools', 'RSS']];
  for (const look of looks) {
    const { seconds, frames, cpu, heapBytes, arrayBytes, poolBytes, rssBytes } = look;
    const sizes = [heapBytes, arrayBytes, poolBytes, rssBytes].map(mib);
    rows.push([String(seconds), String(frames), cpu.toFixed(2), ...sizes]);
  }
  print(rows);
  const [first, last] = [looks[0]!, looks.at(-1)!];
  const grown = (['heapBytes', 'arrayBytes', 'poolBytes'] as const).filter(
    (what) => last[what] > 1.1 * first[what],
  );
  for (const what of grown) console.error(`${what}: ${first[what]}, then ${last[what]}`);
  return grown.length === 0;
}

function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { rounds: { type: 'string' } },
  });
  const rounds = Number(values.rounds ?? 3);
  const wants = (part: string) => positionals.length === 0 || positionals.includes(part);
  if (wants('time')) time(rounds);
  if (wants('flows')) flows(rounds);
  return wants('memory') && !memory() ? 1 : 0;
}

process.exitCode = main(process.argv.slice(2));
