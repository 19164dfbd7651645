/** Scenario files that are wrong: what is said of them, and where. */
import t from 'tap';
import { readScenario } from '../../src/sim/experiment/schema/read-scenario.ts';

const DUMBBELL = { kind: 'dumbbell', pairs: 2, bottleneck: { rate: '10 Mbit/s', delay: '5 ms' } };
const FLOW = { from: 'left1', to: 'right1' };
const WHOLE = { duration: '1 s', topology: DUMBBELL, flows: [FLOW] };
const BACKWARDS = { kind: 'steps', steps: [{ at: '1 s' }, { at: 0, rate: '1 Mbit/s' }] };
const withFlows = (...flows: readonly object[]) => ({ ...WHOLE, flows });

const GRAPH = (hosts: unknown[], links: unknown[]) => ({
  kind: 'graph',
  ...{ hosts, routers: ['r'], links },
});
const JOIN = (a: string, b: string) => ({ between: [a, b], delay: '1 ms' });

const withLink = (link: object) => ({
  ...WHOLE,
  topology: { ...DUMBBELL, bottleneck: { ...DUMBBELL.bottleneck, ...link } },
});

/** What would never come to an end, or lose its last digits. */
const ENDLESS: readonly (readonly [object, string, string])[] = [
  [{ ...WHOLE, duration: '300 h' }, 'duration', '"300 h" is too much: at most 1000000 s'],
  [{ ...WHOLE, seed: Number.NaN }, 'seed', 'a whole number from 0 to 9007199254740991, not NaN'],
  [
    withFlows({ ...FLOW, traffic: { kind: 'on-off', on: '1 ns', off: '1 s' } }),
    'flows.0.traffic.on',
    '"1 ns" is too little: at least 1 us',
  ],
  [
    withFlows({ ...FLOW, traffic: { kind: 'constant-rate', rate: '1000000 Tbit/s' } }),
    'flows.0.traffic.rate',
    '"1000000 Tbit/s" is too much: at most 1 Tbit/s',
  ],
  [
    withFlows({ ...FLOW, traffic: { kind: 'bulk', bytes: `1${'0'.repeat(400)} B` } }),
    'flows.0.traffic.bytes',
    `"1${'0'.repeat(400)} B" is too much: at most 1000000 GB`,
  ],
  [
    withLink({ rate: '1.1 Tbit/s' }),
    'topology.bottleneck.rate',
    '"1.1 Tbit/s" is too much: at most 1 Tbit/s',
  ],
  ...(
    [
      ['rate.onOff.on', { rate: { onOff: { rate: '1 Mbit/s', on: '999 ns', off: '1 s' } } }],
      ['rate.markov.0.mean', { rate: { markov: [{ rate: '1 Mbit/s', mean: '999 ns' }] } }],
      ['rate.repeat', { rate: { steps: [{ at: 0, rate: '1 Mbit/s' }], repeat: '999 ns' } }],
      ['delay.repeat', { delay: { steps: [{ at: 0, delay: '1 ms' }], repeat: '999 ns' } }],
      ['partitions.0.flapping.up', { partitions: [{ flapping: { up: '999 ns', down: '1 s' } }] }],
      ['partitions.0.random.down', { partitions: [{ random: { up: '1 s', down: '999 ns' } }] }],
      ['queue.update', { queue: { kind: 'pie', update: '999 ns' } }],
      ['queue.target', { queue: { kind: 'dualpi2', target: '999 ns' } }],
    ] as const
  ).map(
    ([path, link]) =>
      [
        withLink(link),
        `topology.bottleneck.${path}`,
        '"999 ns" is too little: at least 1 us',
      ] as const,
  ),
  [
    withLink({ queue: { kind: 'dualpi2', maxRtt: '1 us' } }),
    'topology.bottleneck.queue.maxRtt',
    '"1 us" is too little: at least 3 us',
  ],
  [
    { ...WHOLE, trace: { interval: '1 ns' } },
    'trace.interval',
    '"1 ns" is too little: at least 1 us',
  ],
  [
    { ...WHOLE, expect: [{ goodput: { min: 0 }, every: '1 ns' }] },
    'expect.0.every',
    '"1 ns" is too little: at least 1 us',
  ],
];

/** What is wrong; where; what is said of it. */
const WRONG: readonly (readonly [object, string, string])[] = [
  [{ ...WHOLE, duration: undefined }, 'duration', 'a time is a number and a unit, as 10 ms'],
  [{ topology: DUMBBELL, flows: [FLOW] }, '', 'the field "duration" is missing'],
  [
    { ...WHOLE, constructor: 1 },
    'constructor',
    'no field "constructor" here: there are name, seed, duration, topology, flows, ip, sysctl, paced, modules, trace, fairness, expect',
  ],
  [{ ...WHOLE, seeds: 1 }, 'seeds', 'no field "seeds" here: did you mean "seed"?'],
  [{ ...WHOLE, seed: -1 }, 'seed', 'a whole number from 0 to 9007199254740991, not -1'],
  [{ ...WHOLE, seed: 1.5 }, 'seed', 'a whole number from 0 to 9007199254740991, not 1.5'],
  [{ ...WHOLE, flows: [] }, 'flows', 'a list of at least 1, not of 0'],
  [
    { ...WHOLE, flows: Array.from({ length: 27_001 }, () => FLOW) },
    'flows',
    'a list of at most 27000, not of 27001',
  ],
  [{ ...WHOLE, flows: FLOW }, 'flows', 'a list, not fields'],
  [{ ...WHOLE, flows: [{ from: 'left1' }] }, 'flows.0', 'the field "to" is missing'],
  [
    { ...WHOLE, flows: [{ ...FLOW, to: 'rigth1' }] },
    'flows.0.to',
    'no host "rigth1": did you mean "right1"?',
  ],
  [
    { ...WHOLE, flows: [{ ...FLOW, start: '1 s', stop: '1 s' }] },
    'flows.0.stop',
    'it stops before it starts',
  ],
  [
    { ...WHOLE, topology: { ...DUMBBELL, bottleneck: { delay: 0 } } },
    '',
    'left–right: a link has a rate or a delay',
  ],
  [{ ...WHOLE, flows: [{ ...FLOW, to: 'left1' }] }, 'flows.0.to', 'a flow is between two hosts'],
  [
    { ...WHOLE, flows: [{ ...FLOW, traffic: { kind: 'bluk' } }] },
    'flows.0.traffic.kind',
    'no kind "bluk": did you mean "bulk"?',
  ],
  [
    { ...WHOLE, flows: [{ ...FLOW, traffic: {} }] },
    'flows.0.traffic',
    'which kind? there are bulk, requests, on-off, constant-rate, steps, page',
  ],
  [
    withFlows({ ...FLOW, name: 'x' }, { ...FLOW, name: 'x' }),
    'flows',
    '"x" is the name of two flows',
  ],
  [
    withFlows({ ...FLOW, name: 'x', count: 3 }, { ...FLOW, name: 'x' }),
    'flows.1.name',
    '"x" is the name of a group, too (x.1 …): "x-alone"?',
  ],
  [
    withFlows({ ...FLOW, name: 'y', group: 'flow2' }, { ...FLOW, group: 'z' }),
    'flows.1.name',
    '"flow2" is the name of a group, too (y): "flow2-alone"?',
  ],
  [
    withFlows(FLOW, { ...FLOW, name: 'x', count: 2 }, { ...FLOW, name: 'y', group: 'x.2' }),
    'flows.1.name',
    '"x.2" is the name of a group, too (y): "x-alone"?',
  ],
  [withFlows({ ...FLOW, start: '1 s' }), 'flows.0.start', 'the experiment is over by then'],
  [
    withFlows(FLOW, { ...FLOW, count: 5, start: '700 ms', every: '100 ms' }),
    'flows.1.every',
    'the experiment is over when 3 of 5 have begun',
  ],
  [
    withFlows({ ...FLOW, traffic: BACKWARDS }),
    'flows.0.traffic.steps',
    'steps are in the order of time',
  ],
  [
    withFlows({ ...FLOW, count: 20_000 }, { ...FLOW, count: 7_001 }),
    'flows',
    '27000 at most, not 27001',
  ],
  [
    { ...WHOLE, sysctl: { 'net.ipv4.ip_local_port_range': '5001 40000' } },
    '',
    'host "left1": net.ipv4.ip_local_port_range begins above the flows\' ports: 5002',
  ],
  [
    { ...WHOLE, topology: { ...DUMBBELL, bottleneck: { rate: '0 bit/s' } } },
    'topology.bottleneck.rate',
    '"0 bit/s" is too little: at least 1 bit/s',
  ],
  [
    {
      ...WHOLE,
      topology: { ...DUMBBELL, bottleneck: { jitter: { uniform: '1 ms', normal: '1 ms' } } },
    },
    'topology.bottleneck.jitter',
    'one of uniform, normal, pareto, not uniform and normal',
  ],
  [
    { ...WHOLE, topology: { ...DUMBBELL, bottleneck: { aggregation: {} } } },
    'topology.bottleneck.aggregation',
    'one of slot, frames, not fields',
  ],
  [
    {
      ...WHOLE,
      topology: {
        ...DUMBBELL,
        bottleneck: { partitions: [{ flapping: { up: '1 s', down: '1 s' }, hosts: ['x'] }] },
      },
    },
    'topology',
    'left–right: partitions: no host "x": there are left1, left2, right1, right2',
  ],
  [
    { ...WHOLE, topology: { ...DUMBBELL, bottleneck: { loss: 2 } } },
    'topology.bottleneck.loss',
    'a number from 0 to 1, not 2',
  ],
  [
    {
      ...WHOLE,
      topology: GRAPH(['a', 'b'], [{ between: ['a'] }]),
      flows: [{ from: 'a', to: 'b' }],
    },
    'topology.links.0.between',
    'a list of 2, not of 1',
  ],
  [
    { ...WHOLE, topology: GRAPH(['a', 'a'], [JOIN('a', 'r')]), flows: [{ from: 'a', to: 'a' }] },
    'topology',
    '"a" is there twice',
  ],
  [
    { ...WHOLE, topology: GRAPH(['a', 'b'], [JOIN('a', 'q')]), flows: [{ from: 'a', to: 'b' }] },
    'topology.links.0.between',
    'no "q": there are a, b, r',
  ],
  [
    { ...WHOLE, topology: GRAPH(['a', 'b'], [JOIN('a', 'r')]), flows: [{ from: 'a', to: 'b' }] },
    'topology.links',
    'host "b" has one link, not 0',
  ],
  [
    {
      ...WHOLE,
      topology: GRAPH(['a', 'b'], [JOIN('a', 'r'), JOIN('r', 'b'), JOIN('b', 'r')]),
      flows: [{ from: 'a', to: 'b' }],
    },
    'topology.links.2.between',
    'these have a link, which all packets would take',
  ],
  [
    {
      ...WHOLE,
      topology: {
        kind: 'graph',
        hosts: ['a', 'b'],
        routers: ['r', 's'],
        links: [JOIN('a', 'r'), JOIN('b', 's')],
      },
      flows: [{ from: 'a', to: 'b' }],
    },
    'flows.0',
    'no way from a to b',
  ],
  [
    { ...WHOLE, duration: '101 s', fairness: { window: '1 ms' } },
    'fairness.window',
    'more than 100000 of them in the run',
  ],
  [{ ...WHOLE, fairness: { window: '1.1 s' } }, 'fairness.window', 'longer than the run'],
];

t.test('a group may have the name of its only flow, and several counts', (t) => {
  const flows = [
    { ...FLOW, name: 'one', group: 'one' },
    { ...FLOW, name: 'few', count: 2 },
    { ...FLOW, name: 'more', count: 2, group: 'few' },
  ];
  t.same(readScenario(withFlows(...flows), 'x').problems, []);
  t.end();
});

t.test('what is wrong is told with its place', (t) => {
  for (const [value, path, message] of [...WRONG, ...ENDLESS]) {
    const { scenario, problems } = readScenario(value, 'x');
    t.equal(scenario, null);
    const found = problems.find((p) => p.path.join('.') === path && p.message === message);
    t.ok(found, `${path}: ${message}`) ||
      t.comment(problems.map((p) => `${p.path.join('.')}: ${p.message}`).join('\n'));
  }
  for (const value of [undefined, null, 3, 'x', []]) {
    t.equal(readScenario(value, 'x').problems.length, 1, `${value} as a whole`);
  }
  const many = readScenario({ duration: 1, topology: {}, flows: [{ form: 1 }] }, 'x').problems;
  t.equal(many.length, 5, 'all of it at once');
  t.end();
});
