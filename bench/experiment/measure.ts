/**
 * An experiment in a process of its own, as `ringway sim` runs it, looked at when so many virtual seconds are over:
 *
 *     node --expose-gc --import=tsx bench/experiment/measure.ts '{"shape": {…}, "stops": [60, 600]}'
 */
import { SEC } from '../../src/base/time.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import type { Shape } from '../ns3/shape.ts';
import { cpuSeconds, framesAtHosts, scenarioOf } from './dumbbell.ts';

export interface Look {
  readonly seconds: number;
  /** Since the look before. */
  readonly cpu: number;
  readonly wall: number;
  readonly frames: number;
  readonly events: number;
  /** After collection; array buffers without the slab; what of the slab's pools was ever taken. */
  readonly heapBytes: number;
  readonly arrayBytes: number;
  readonly poolBytes: number;
  readonly rssBytes: number;
  readonly delivered: number;
}

function run(shape: Shape, stops: readonly number[]): Look[] {
  const experiment = new Experiment(scenarioOf(shape));
  const meters = new Meters(experiment.flows);
  for (const { tcp } of experiment.stacks) tcp.watch.add(meters);
  const looks: Look[] = [];
  let [frames, events] = [0, 0];
  for (const seconds of stops) {
    const startMs = performance.now();
    const before = cpuSeconds();
    experiment.run(seconds * SEC);
    const times = { cpu: cpuSeconds() - before, wall: (performance.now() - startMs) / 1000 };
    const counts = { frames: framesAtHosts(experiment), events: experiment.sim.fired };
    const delivered = experiment.flows.reduce((n, flow) => n + flow.delivered, 0);
    looks.push({
      seconds,
      ...times,
      frames: counts.frames - frames,
      events: counts.events - events,
      ...memoryOf(experiment),
      delivered,
    });
    ({ frames, events } = counts);
  }
  experiment.end();
  return looks;
}

function memoryOf({ sim }: Experiment) {
  const collect = globalThis.gc as (() => void) | undefined;
  if (collect === undefined) throw new Error('run with --expose-gc');
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const { slab, chunks, pages } = sim.memory;
  const taken = [chunks, pages].map((p) => (p.capacity - p.leastFree) * p.blockBytes);
  return {
    heapBytes: heapUsed,
    arrayBytes: arrayBuffers - slab.buffer.byteLength,
    poolBytes: taken[0]! + taken[1]!,
    rssBytes: rss,
  };
}

const { shape, stops } = JSON.parse(process.argv[2]!) as { shape: Shape; stops: number[] };
console.log(JSON.stringify(run(shape, stops)));
