/** The dumbbell of a Shape as a scenario, and what is counted of it. */
import type { LinkSpec } from '../../src/path/link-spec.ts';
import type { Experiment } from '../../src/sim/experiment/experiment.ts';
import type { Scenario } from '../../src/sim/experiment/scenario.ts';
import { dumbbell } from '../../src/sim/experiment/topology.ts';
import type { Shape } from '../ns3/shape.ts';

export function scenarioOf(shape: Shape): Scenario {
  const bottleneck: LinkSpec = {
    rateBps: shape.bottleneckBps,
    delayNs: shape.bottleneckDelayNs,
    queue: { kind: 'drop-tail', limitFrames: shape.bottleneckQueue },
  };
  const access: LinkSpec = {
    rateBps: shape.accessBps,
    delayNs: shape.accessDelayNs,
    queue: { kind: 'drop-tail', limitFrames: shape.accessQueue },
  };
  return {
    name: 'dumbbell',
    seed: 1,
    durationNs: shape.durationNs,
    ...dumbbell(
      shape.pairs,
      { forth: bottleneck, back: bottleneck },
      { forth: access, back: access },
    ),
    flows: Array.from({ length: shape.flows }, (_, i) => {
      const pair = (i % shape.pairs) + 1;
      const ends = { from: `left${pair}`, to: `right${pair}` };
      const startNs = i * shape.everyNs;
      return { name: `flow${i}`, ...ends, cc: shape.cc, startNs, traffic: { kind: 'bulk' } };
    }),
  };
}

/** IP packets that have arrived at any host. */
export const framesAtHosts = ({ stacks }: Experiment): number =>
  stacks.reduce((n, stack) => n + stack.devices.at(-1)!.stats.get('rxFrames'), 0);

/** User and system, all threads. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
