/** Scenario files: what they may say. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { MS, NEVER, SEC } from '../../src/base/time.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Graph } from '../../src/sim/experiment/graph.ts';
import { jsonSchemaOf } from '../../src/sim/experiment/schema/json-schema.ts';
import { readQuantity } from '../../src/sim/experiment/schema/quantity.ts';
import { QUEUE_SHAPE } from '../../src/sim/experiment/schema/queue-shape.ts';
import { readScenario } from '../../src/sim/experiment/schema/read-scenario.ts';
import { SCENARIO_SHAPE } from '../../src/sim/experiment/schema/scenario-shape.ts';
import type { Fields, Shape } from '../../src/sim/experiment/schema/shape.ts';
import { suggestion } from '../../src/sim/experiment/schema/suggest.ts';
import { parkingLot, pointToPoint } from '../../src/sim/experiment/topology.ts';

const LINK = { rate: '10 Mbit/s', delay: '5 ms' };
const DUMBBELL = { kind: 'dumbbell', pairs: 2, bottleneck: LINK };
const FLOW = { from: 'left1', to: 'right1' };
const WHOLE = { duration: '1 s', topology: DUMBBELL, flows: [FLOW] };

t.test('quantities', (t) => {
  for (const [text, unit, wanted] of [
    ['10 ms', 'time', 10 * MS],
    ['1.5s', 'time', 1.5 * SEC],
    ['.5 µs', 'time', 500],
    ['2 min', 'time', 120 * SEC],
    [0, 'time', 0],
    ['100 Mbit/s', 'rate', 1e8],
    ['64 kB', 'size', 64_000],
    ['64 KiB', 'size', 65_536],
    [1500, 'size', 1500],
  ] as const) {
    t.equal(readQuantity(text, unit), wanted, `${text}`);
  }
  for (const [value, unit, wanted] of [
    [10, 'time', 'a time has a unit: 10 ms?'],
    [10, 'rate', 'a rate has a unit: 10 Mbit/s?'],
    ['fast', 'rate', 'a rate is a number and a unit, as 10 Mbit/s; not "fast"'],
    ['-1 ms', 'time', 'a time is a number and a unit, as 10 ms; not "-1 ms"'],
    [['x'], 'size', 'a size is a number and a unit, as 10 kB'],
    [1.5, 'size', 'a size has a unit: 1.5 kB?'],
    ['1 Mb', 'rate', 'no unit of a rate: Mb; there are bit/s, kbit/s, Mbit/s, Gbit/s, Tbit/s'],
  ] as const) {
    t.equal(readQuantity(value, unit), wanted);
  }
  t.end();
});

t.test('suggestions', (t) => {
  const words = ['dumbbell', 'parking-lot', 'graph'];
  t.equal(suggestion('dumbell', words), 'did you mean "dumbbell"?');
  t.equal(suggestion('grpah', words), 'did you mean "graph"?', 'two letters changed places');
  t.equal(suggestion('star', words), 'there are dumbbell, parking-lot, graph');
  t.equal(suggestion('x', []), 'there are none');
  t.end();
});

t.test('what is left out has its default', (t) => {
  const { scenario, trace, problems } = readScenario(WHOLE, 'a-file');
  t.same(problems, []);
  const packets = { nodes: [], snaplen: 262_144 };
  t.same(trace, { acks: false, intervalNs: NEVER, packets });
  const s = scenario!;
  t.equal(s.name, 'a-file');
  t.equal(s.seed, 1);
  t.equal(s.durationNs, 1 * SEC);
  t.same(
    s.hosts.map(({ name }) => name),
    ['left1', 'left2', 'right1', 'right2'],
  );
  t.same(s.flows, [{ ...FLOW, name: 'flow1', ip: 4, startNs: 0, traffic: { kind: 'bulk' } }]);
  t.same(s.links[0]!.forth, { rateBps: 10e6, delayNs: 5 * MS });
  t.same(s.links[0]!.back, s.links[0]!.forth, 'the other direction is alike');
  t.same(s.links[1]!.forth, { rateBps: 1e9, delayNs: 1 * MS }, 'access links are fast');
  t.end();
});

t.test('what is said', (t) => {
  const { scenario, trace, problems } = readScenario(
    {
      ...WHOLE,
      seed: 7,
      sysctl: { 'net.ipv4.tcp_sack': '0' },
      topology: {
        kind: 'graph',
        hosts: ['a', { name: 'b', sysctl: { 'net.ipv4.tcp_sack': '1' } }],
        routers: ['r'],
        links: [
          { between: ['a', 'r'], ...LINK, back: { rate: '1 Mbit/s' }, mtu: 9000 },
          {
            between: ['r', 'b'],
            delay: '1 ms',
            queue: { kind: 'drop-head', frames: 5 },
            loss: 0.01,
          },
        ],
      },
      flows: [
        { from: 'a', to: 'b', name: 'web', count: 2, every: '3 ms', start: '1 ms', cc: 'reno' },
        { from: 'b', to: 'a', traffic: { kind: 'bulk', bytes: '1 MB' } },
      ],
      trace: { acks: true, interval: '10 ms', packets: ['r'], snaplen: '60 B' },
    },
    '',
  );
  t.same(problems, []);
  const s = scenario!;
  const packets = { nodes: ['r'], snaplen: 60 };
  t.same(trace, { acks: true, intervalNs: 10 * MS, packets });
  t.same(s.hosts, [
    { name: 'a', sysctl: { 'net.ipv4.tcp_sack': '0' } },
    { name: 'b', sysctl: { 'net.ipv4.tcp_sack': '1' } },
  ]);
  t.same(s.links[0], {
    between: ['a', 'r'],
    forth: { rateBps: 10e6, delayNs: 5 * MS },
    back: { rateBps: 1e6, delayNs: 5 * MS },
    mtu: 9000,
  });
  t.same(s.links[1]!.forth, {
    delayNs: 1e6,
    queue: { kind: 'drop-head', limitFrames: 5 },
    loss: 0.01,
  });
  t.same(
    s.flows.map(({ name, startNs, cc }) => [name, startNs, cc]),
    [
      ['web.1', 1 * MS, 'reno'],
      ['web.2', 4 * MS, 'reno'],
      ['flow2', 0, undefined],
    ],
  );
  t.same(s.flows[2]!.traffic, { kind: 'bulk', bytes: 1e6 });
  const x = new Experiment({ ...s, durationNs: 1 * SEC });
  t.equal(x.stacks[0]!.tcp.config.sack, 0, 'settings act');
  t.equal(x.stacks[1]!.tcp.config.sack, 1);
  x.run();
  t.ok(x.flows[2]!.delivered > 0);
  x.end();
  t.end();
});

t.test('routes: the fewest links, of equals the first, never through a host', (t) => {
  const link = { forth: {}, back: {} };
  const lot = new Graph(parkingLot(3, link));
  const next = (from: string, to: string) => {
    const node = lot.node(from);
    const place = lot.towards(lot.node(to))[node]!;
    return lot.names[lot.edges[node]![place]!.to];
  };
  t.equal(next('begin', 'end'), 'r1');
  t.equal(next('r1', 'end'), 'r2');
  t.equal(next('r4', 'begin'), 'r3');
  t.equal(next('r2', 'out1'), 'out1');
  t.equal(next('in3', 'out3'), 'r3');
  const two = new Graph(pointToPoint(link));
  t.same([...two.towards(0)], [-1, 0]);
  const hosts = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];
  const chain = new Graph({
    ...{ hosts, routers: [] },
    links: [
      { between: ['a', 'b'], ...link },
      { between: ['b', 'c'], ...link },
    ],
  });
  t.same([...chain.towards(2)], [-1, 1, -1], 'b is no router');
  t.end();
});

/** What a file says of a link, and the LinkSpec that it is. */
const LINKS: readonly (readonly [object, object])[] = [
  [
    { rate: { steps: [{ at: '1 s', rate: '5 Mbit/s' }], repeat: '2 s' } },
    { rateBps: { steps: [{ atNs: 1e9, bps: 5e6 }], repeatNs: 2e9 } },
  ],
  [{ rate: { trace: 'x.up' } }, { rateBps: { trace: 'x.up' } }],
  [
    { rate: { onOff: { rate: '1 Mbit/s', on: '1 s', off: '2 s' } } },
    { rateBps: { onOff: { bps: 1e6, onNs: 1e9, offNs: 2e9 } } },
  ],
  [
    {
      rate: {
        markov: [
          { rate: '1 Mbit/s', mean: '1 s', to: [0, 1] },
          { rate: '2 Mbit/s', mean: '1 s' },
        ],
      },
    },
    {
      rateBps: {
        markov: [
          { bps: 1e6, meanNs: 1e9, to: [0, 1] },
          { bps: 2e6, meanNs: 1e9 },
        ],
      },
    },
  ],
  [
    { rate: { shaper: { rate: '1 Mbit/s', burst: '10 kB' } } },
    { rateBps: { shaper: { rateBps: 1e6, burstBytes: 10_000 } } },
  ],
  [
    { delay: { steps: [{ at: 0, delay: '5 ms' }] } },
    { delayNs: { steps: [{ atNs: 0, delayNs: 5e6 }] } },
  ],
  [
    { jitter: { uniform: '1 ms' }, reorder: true },
    { jitter: { uniformNs: 1e6 }, mayReorder: true },
  ],
  [{ jitter: { normal: '1 ms' } }, { jitter: { normalNs: 1e6 } }],
  [{ jitter: { pareto: '1 ms', shape: 2 } }, { jitter: { paretoNs: 1e6, shape: 2 } }],
  [
    { loss: { gilbertElliott: { toBad: 0.1, toGood: 0.5, lossInBad: 0.9 } } },
    { loss: { gilbertElliott: { toBad: 0.1, toGood: 0.5, lossInBad: 0.9 } } },
  ],
  [{ loss: { frames: [3, 5] } }, { loss: { frames: [3, 5] } }],
  [{ loss: { times: ['1 s'] } }, { loss: { timesNs: [1e9] } }],
  [{ loss: { every: 100, length: 2 } }, { loss: { every: 100, length: 2 } }],
  [
    { corruption: 0.1, duplication: 0.2 },
    { corruption: 0.1, duplication: 0.2 },
  ],
  [
    { policer: { rate: '1 Mbit/s', burst: '10 kB' } },
    { policer: { rateBps: 1e6, burstBytes: 10_000 } },
  ],
  [
    { aggregation: { slot: '2 ms', offset: '1 ms' } },
    { aggregation: { slotNs: 2e6, offsetNs: 1e6 } },
  ],
  [{ aggregation: { frames: 8, wait: '2 ms' } }, { aggregation: { frames: 8, waitNs: 2e6 } }],
  [
    { partitions: [{ cuts: [{ from: '1 s', to: '2 s' }] }] },
    { partitions: [{ cuts: [{ fromNs: 1e9, toNs: 2e9 }] }] },
  ],
  [
    { partitions: [{ flapping: { up: '1 s', down: '2 s' }, hosts: ['b'] }] },
    {
      partitions: [
        {
          flapping: { upNs: 1e9, downNs: 2e9 },
          flows: ['10.0.0.2', 'fd00::2'].flatMap((a) => [{ from: a }, { to: a }]),
        },
      ],
    },
  ],
  [
    { partitions: [{ random: { up: '1 s', down: '2 s' } }] },
    { partitions: [{ random: { upNs: 1e9, downNs: 2e9 } }] },
  ],
  [
    { queue: { kind: 'red', minThreshold: 5, ecn: true } },
    { queue: { kind: 'red', minThreshold: 5, ecn: true } },
  ],
  [
    { queue: { kind: 'codel', target: '3 ms', ceThreshold: '1 ms' } },
    { queue: { kind: 'codel', targetNs: 3e6, ceThresholdNs: 1e6 } },
  ],
  [
    { queue: { kind: 'fq-codel', quantum: '300 B', frames: 100 } },
    { queue: { kind: 'fq-codel', quantumBytes: 300, limitFrames: 100 } },
  ],
  [
    { queue: { kind: 'pie', burst: 0, alpha: 0.1 } },
    { queue: { kind: 'pie', burstNs: 0, alphaHz: 0.1 } },
  ],
  [
    { queue: { kind: 'dualpi2', ramp: 0, coupling: 2 } },
    { queue: { kind: 'dualpi2', rampNs: 0, coupling: 2 } },
  ],
];

t.test('links: every kind of rate, delay, loss and queue reaches the model, and runs', (t) => {
  for (const [said, wanted] of LINKS) {
    const link = { rate: '2 Mbit/s', ...said };
    const topology = { kind: 'point-to-point', link };
    const { scenario, problems } = readScenario(
      { ...WHOLE, duration: '3 s', topology, flows: [{ from: 'a', to: 'b' }] },
      'x',
    );
    t.same(problems, []);
    const { forth, back } = scenario!.links[0]!;
    t.same(forth, { rateBps: 2e6, ...wanted }, JSON.stringify(said));
    t.same(back, forth);
    if (typeof forth.rateBps === 'object' && 'trace' in forth.rateBps) continue; // read from a file
    const x = new Experiment(scenario!);
    x.run();
    t.ok(x.flows[0]!.delivered > 20_000, `${x.flows[0]!.delivered} bytes`);
    x.end();
  }
  t.end();
});

t.test('the JSON Schema says the same', (t) => {
  const schema = jsonSchemaOf(SCENARIO_SHAPE) as {
    properties: Record<string, object>;
    required: string[];
  };
  t.same(schema.required, ['duration', 'topology', 'flows']);
  t.same(Object.keys(schema.properties), [
    ...[
      'name',
      'seed',
      'duration',
      'topology',
      'flows',
      'ip',
      'sysctl',
      'paced',
      'modules',
      'trace',
      'fairness',
      'expect',
    ],
  ]);
  t.end();
});

/** Every name of a field or a kind, at any depth. */
function namesIn(shape: Shape): readonly string[] {
  const inFields = (fields: Fields) =>
    Object.entries(fields).flatMap(([name, field]) => [name, ...namesIn(field.shape)]);
  switch (shape.type) {
    case 'record':
      return inFields(shape.fields);
    case 'variant':
      return Object.entries(shape.kinds).flatMap(([kind, fields]) => [kind, ...inFields(fields)]);
    case 'list':
    case 'map':
      return namesIn(shape.of);
    case 'forms':
      return Object.values(shape.forms).flatMap(inFields);
    case 'either':
      return namesIn(shape.other);
    default:
      return [];
  }
}

t.test('docs/experiments.md and docs/path.md have every field and kind', (t) => {
  const text = ['experiments', 'path']
    .map((name) => readFileSync(`docs/${name}.md`, 'utf8'))
    .join();
  const names = new Set(namesIn(SCENARIO_SHAPE));
  t.ok(names.size > 30);
  t.same(
    [...names].filter((name) => !text.includes(`\`${name}\``)),
    [],
  );
  t.end();
});

const CODEL = { target: '4 ms', interval: '80 ms', maxPacket: 1400, ceThreshold: '1 ms' };
const CODEL_SPEC = {
  targetNs: 4 * MS,
  intervalNs: 80 * MS,
  maxPacketBytes: 1400,
  ceThresholdNs: MS,
};
const GAINS = { alpha: 0.2, beta: 2 };
const GAINS_SPEC = { alphaHz: 0.2, betaHz: 2 };

/** Each kind with everything that it can be told, but its limits; and what that is in the program. */
const QUEUES: Readonly<Record<string, readonly [object, object]>> = {
  'drop-tail': [{}, {}],
  'drop-head': [{}, {}],
  red: [
    {
      ...{ unit: 'bytes', minThreshold: 9000, maxThreshold: 30_000, weight: 0.01, ecn: true },
      ...{ maxProbability: 0.1, gentle: false, hardDrop: true, meanFrame: 700, idleFrame: '1 ms' },
    },
    {
      ...{ unit: 'bytes', minThreshold: 9000, maxThreshold: 30_000, weight: 0.01, ecn: true },
      ...{ maxProbability: 0.1, gentle: false, hardDrop: true },
      ...{ meanFrameBytes: 700, idleFrameNs: MS },
    },
  ],
  codel: [
    { ...CODEL, ecn: true },
    { ...CODEL_SPEC, ecn: true },
  ],
  'fq-codel': [
    { ...CODEL, ecn: false, flows: 64, quantum: 300 },
    { ...CODEL_SPEC, ecn: false, flows: 64, quantumBytes: 300 },
  ],
  pie: [
    { ...GAINS, target: '20 ms', update: '10 ms', burst: '50 ms', ecn: true, byBytes: true },
    {
      ...{ ...GAINS_SPEC, targetNs: 20 * MS, updateNs: 10 * MS, burstNs: 50 * MS },
      ...{ ecn: true, byBytes: true },
    },
  ],
  dualpi2: [
    {
      ...{ ...GAINS, target: '20 ms', maxRtt: '60 ms', update: '10 ms', coupling: 1.5 },
      ...{ rampFrom: '1 ms', ramp: 0, rampFrames: 2, classicShare: 0.2 },
    },
    {
      ...{ ...GAINS_SPEC, targetNs: 20 * MS, maxRttNs: 60 * MS, updateNs: 10 * MS, coupling: 1.5 },
      ...{ rampFromNs: MS, rampNs: 0, rampFrames: 2, classicShare: 0.2 },
    },
  ],
};

t.test('every kind of queue, with all that it can be told', (t) => {
  const { kinds } = QUEUE_SHAPE;
  t.same(Object.keys(QUEUES), Object.keys(kinds));
  const told = readFileSync('docs/path.md', 'utf8');
  for (const [kind, [said, spec]] of Object.entries(QUEUES)) {
    const limits = { frames: 60, bytes: '90 kB' };
    const bottleneck = { ...LINK, queue: { kind, ...limits, ...said } };
    const read = readScenario({ ...WHOLE, topology: { ...DUMBBELL, bottleneck } }, '');
    t.same(read.problems, []);
    const { scenario } = read;
    const queue = { kind, limitFrames: 60, limitBytes: 90_000, ...spec };
    t.same(scenario!.links[0]!.forth.queue, queue);
    const fields = Object.keys(kinds[kind]!);
    t.same(fields.toSorted(), ['frames', 'bytes', ...Object.keys(said)].toSorted(), 'all fields');
    for (const name of Object.keys(spec))
      t.ok(told.includes(`\`${name}\``), `docs/path.md: ${name}`);
    const x = new Experiment({ ...scenario!, durationNs: 2 * SEC });
    x.run();
    t.ok(x.flows[0]!.delivered > 500_000, `${kind}: ${x.flows[0]!.delivered}`);
    x.end();
  }
  t.end();
});
