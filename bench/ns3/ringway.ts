/**
 * Ringway's side of `npm run bench -- ns3`: the experiment as `ringway sim` runs it where it is compiled, with its meters and without
 * traces. `npm run build` comes before.
 *
 *     node --import=tsx bench/ns3/ringway.ts '{"flows": 10, …}'     (a Shape)
 */
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { cpuSeconds, framesAtHosts, scenarioOf } from '../experiment/dumbbell.ts';
import { median } from '../quantile.ts';
import type { RunFigures, Shape } from './shape.ts';

const COMPILED = new URL('../../dist/src/sim/experiment/', import.meta.url).href;
const { Experiment } = (await import(
  `${COMPILED}experiment.js`
)) as typeof import('../../src/sim/experiment/experiment.ts');
const { Meters } = (await import(
  `${COMPILED}meter.js`
)) as typeof import('../../src/sim/experiment/meter.ts');
const { runAndSummarize } = (await import(
  `${COMPILED}summary.js`
)) as typeof import('../../src/sim/experiment/summary.ts');

function run(shape: Shape): RunFigures {
  const experiment = new Experiment(scenarioOf(shape));
  const meters = new Meters(experiment.flows);
  for (const { tcp } of experiment.stacks) tcp.watch.add(meters);
  const startMs = performance.now();
  const setUpCpu = cpuSeconds();
  experiment.run(Math.floor(shape.durationNs / 2));
  const halfCpu = cpuSeconds();
  const halfMs = performance.now();
  const halfFrames = framesAtHosts(experiment);
  const summary = runAndSummarize(experiment, meters);
  const endCpu = cpuSeconds();
  const endMs = performance.now();
  const [bottleneck] = experiment.links[0]!;
  const frames = framesAtHosts(experiment);
  const figures = {
    setUpCpu,
    wall: (endMs - startMs) / 1000,
    cpu: endCpu - setUpCpu,
    lateWall: (endMs - halfMs) / 1000,
    lateCpu: endCpu - halfCpu,
    frames,
    lateFrames: frames - halfFrames,
    ...ofFlows(summary),
    dropped: bottleneck.model.queue.ledger.dropped,
    bottleneckBytes: bottleneck.model.stats.get('deliveredBytes'),
    events: experiment.sim.fired,
    peakRss: process.resourceUsage().maxRSS * 1024,
  };
  experiment.end();
  return figures;
}

function ofFlows({ flows }: Summary) {
  const failed = flows.reduce((n, flow) => n + flow.failed, 0);
  if (failed > 0) throw new Error(`${failed} connections failed`);
  return {
    delivered: flows.reduce((n, flow) => n + flow.delivered, 0),
    segments: flows.reduce((n, flow) => n + flow.sent, 0),
    retransmitted: flows.reduce((n, flow) => n + flow.retransmitted, 0),
    rttNs: median(flows.map(({ rtt }) => rtt?.p50 ?? 0)),
  };
}

console.log(JSON.stringify(run(JSON.parse(process.argv[2]!) as Shape)));
