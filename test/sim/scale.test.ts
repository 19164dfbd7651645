/** Many flows, many hosts, much time: counted in operations and in memory, never in seconds. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { memoryFor } from '../../src/sim/experiment/memory-sizes.ts';
import type { Scenario, TrafficSpec } from '../../src/sim/experiment/scenario.ts';
import { dumbbell } from '../../src/sim/experiment/topology.ts';

interface Size {
  readonly flows: number;
  readonly pairs: number;
  readonly rateBps: number;
  readonly seconds: number;
  readonly traffic?: TrafficSpec;
}

/** 44 ms of round trip, a queue as long as the pipe; the flows begin within a quarter of a second. */
function scenarioOf({ flows, pairs, rateBps, seconds, traffic }: Size): Scenario {
  const limitFrames = Math.max(50, Math.round((rateBps * 0.044) / 8 / 1500));
  const queue = { kind: 'drop-tail', limitFrames } as const;
  const bottleneck = { rateBps, delayNs: 20 * MS, queue };
  const access = { rateBps: 10e9, delayNs: MS };
  return {
    name: 'scale',
    seed: 1,
    durationNs: seconds * SEC,
    ...dumbbell(pairs, { forth: bottleneck, back: bottleneck }, { forth: access, back: access }),
    flows: Array.from({ length: flows }, (_, i) => ({
      name: `flow${i}`,
      from: `left${(i % pairs) + 1}`,
      to: `right${(i % pairs) + 1}`,
      startNs: Math.round((i * SEC) / 4 / flows),
      traffic: traffic ?? { kind: 'bulk' },
    })),
  };
}

const framesAtHosts = ({ stacks }: Experiment): number =>
  stacks.reduce((n, stack) => n + stack.devices.at(-1)!.stats.get('rxFrames'), 0);

interface Operations {
  readonly events: number;
  /** Of the heaps of events and of the stacks' deadlines. */
  readonly heapMoves: number;
}

/** For each frame that reaches a host. */
function operationsOf(size: Size): Operations {
  const x = new Experiment(scenarioOf(size));
  x.run();
  const frames = framesAtHosts(x);
  const inStacks = x.stacks.reduce((n, { deadlines }) => n + deadlines.moves, 0);
  const operations = {
    events: x.sim.fired / frames,
    heapMoves: (x.sim.events.moves + inStacks) / frames,
  };
  x.end();
  return operations;
}

t.test('a frame costs as many events with a thousand flows as with ten', (t) => {
  const few = operationsOf({ flows: 10, pairs: 10, rateBps: 300e6, seconds: 0.7 });
  const many = operationsOf({ flows: 1000, pairs: 10, rateBps: 300e6, seconds: 0.7 });
  t.ok(many.events < 1.2 * few.events, `${few.events} and ${many.events} events a frame`);
  const moves = `${few.heapMoves} and ${many.heapMoves} moves in heaps a frame`;
  t.ok(many.heapMoves < 2 * few.heapMoves, moves);
  t.end();
});

t.test('with ten times the hosts the heap of events is a few places deeper', (t) => {
  const few = operationsOf({ flows: 10, pairs: 10, rateBps: 100e6, seconds: 0.7 });
  const many = operationsOf({ flows: 100, pairs: 100, rateBps: 100e6, seconds: 0.7 });
  t.ok(many.events < 1.2 * few.events, `${few.events} and ${many.events} events a frame`);
  // log2(640) / log2(64) is 1.6
  const moves = `${few.heapMoves} and ${many.heapMoves} moves in heaps a frame`;
  t.ok(many.heapMoves < 2.5 * few.heapMoves, moves);
  t.end();
});

const KINDS: readonly TrafficSpec[] = [
  { kind: 'bulk' },
  { kind: 'requests', requestBytes: 100, responseBytes: 5000, thinkNs: 20 * MS },
  { kind: 'on-off', onNs: SEC / 2, offNs: SEC / 2 },
  { kind: 'constant-rate', rateBps: 300e3 },
];

t.test('what an experiment holds does not grow with its time', (t) => {
  for (const traffic of KINDS) {
    const size = { flows: 4, pairs: 2, rateBps: 2e6, seconds: 60, traffic };
    const x = new Experiment(scenarioOf(size));
    const { chunks, pages } = x.sim.memory;
    const held = () => ({
      frames: x.sim.frames.next.length,
      chunks: chunks.capacity - chunks.leastFree,
      pages: pages.capacity - pages.leastFree,
      deadlines: x.stacks.reduce((n, { deadlines }) => n + deadlines.size, x.sim.events.size),
      connections: x.stacks.reduce((n, { tcp }) => n + tcp.demux.size, 0),
    });
    x.run(20 * SEC);
    const early = held();
    x.run(60 * SEC);
    const late = held();
    for (const what of ['frames', 'chunks', 'pages', 'deadlines', 'connections'] as const) {
      const most = early[what] + 2 + early[what] / 4;
      t.ok(late[what] <= most, `${traffic.kind}: ${what} ${early[what]}, then ${late[what]}`);
    }
    x.end();
  }
  t.end();
});

t.test(
  'a thousand pairs of hosts have a place in memory, and each takes what it was given',
  (t) => {
    const most = 1.9 * 2 ** 30;
    const thousand = scenarioOf({ flows: 1000, pairs: 1000, rateBps: 1e9, seconds: 1 });
    const { slabBytes, chunks, pages } = memoryFor(thousand, 0) as Required<
      ReturnType<typeof memoryFor>
    >;
    t.ok(slabBytes <= most, `${slabBytes} bytes`);
    t.ok(chunks * 2 ** 18 > 256 * 2 ** 20, `${chunks} chunks for packets`);
    t.ok(pages * 2 ** 14 > 256 * 2 ** 20, `${pages} pages for buffers`);
    t.throws(
      () => memoryFor(scenarioOf({ flows: 1, pairs: 5000, rateBps: 1e9, seconds: 1 }), 0),
      /10000 hosts would need .* GiB of memory, more than 1\.9/,
    );
    const x = new Experiment(scenarioOf({ flows: 50, pairs: 50, rateBps: 10e6, seconds: 0.1 }));
    const left = x.sim.memory.slab.freeBytes;
    t.ok(left >= 16 << 20 && left < 24 << 20, `${left} bytes are left`);
    x.run();
    x.end();
    t.end();
  },
);

t.test(
  'an experiment that has too little memory for its links fails, rather than wait for it',
  (t) => {
    const scenario = scenarioOf({ flows: 4, pairs: 2, rateBps: 100e6, seconds: 1 });
    const room = { slabBytes: 64 << 20, cellBytes: 8 << 20 };
    for (const sizes of [
      { chunks: 2, pages: 1000 },
      { chunks: 64, pages: 60 },
    ]) {
      const x = new Experiment(scenario, { memory: { ...room, ...sizes } });
      t.throws(() => x.run(), /holds more than there is memory for/, JSON.stringify(sizes));
      x.end();
    }
    t.end();
  },
);
