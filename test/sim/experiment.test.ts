/** Experiments: hosts, routers and links from a scenario, and flows of every kind of traffic over them. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import { Recorder } from '../../src/sim/experiment/recorder.ts';
import type { FlowSpec, Scenario, TrafficSpec } from '../../src/sim/experiment/scenario.ts';
import { runAndSummarize } from '../../src/sim/experiment/summary.ts';
import { dumbbell as dumbbellOf, pointToPoint } from '../../src/sim/experiment/topology.ts';

const FAST: LinkSpec = { rateBps: 1e9, delayNs: 1 * MS };

/** Two hosts on either side of a bottleneck of 10 Mbit/s and 20 ms. */
function dumbbell(flows: readonly FlowSpec[], bottleneck: LinkSpec = {}): Scenario {
  const slow: LinkSpec = {
    rateBps: 10e6,
    delayNs: 20 * MS,
    queue: { kind: 'drop-tail', limitFrames: 50 },
    ...bottleneck,
  };
  return {
    name: 'dumbbell',
    seed: 1,
    durationNs: 10 * SEC,
    hosts: ['a', 'b', 'c', 'd'].map((name) => ({ name })),
    routers: ['left', 'right'],
    links: [
      { between: ['a', 'left'], forth: FAST, back: FAST },
      { between: ['b', 'left'], forth: FAST, back: FAST },
      { between: ['left', 'right'], forth: slow, back: slow },
      { between: ['right', 'c'], forth: FAST, back: FAST },
      { between: ['right', 'd'], forth: FAST, back: FAST },
    ],
    flows,
  };
}

function flow(name: string, from: string, to: string, traffic: TrafficSpec, startNs = 0): FlowSpec {
  return { name, from, to, startNs, traffic };
}

t.test('two bulk flows share a bottleneck; the same seed gives the same run', (t) => {
  const scenario = dumbbell([
    flow('one', 'a', 'c', { kind: 'bulk' }),
    flow('two', 'b', 'd', { kind: 'bulk' }, 1 * SEC),
  ]);
  const hashes = [0, 1].map(() => {
    const x = new Experiment(scenario, { isHashed: true });
    x.run();
    const total = x.flows.reduce((sum, f) => sum + f.delivered, 0);
    const goodput = (total * 8) / 10;
    t.ok(goodput > 0.9 * 10e6 && goodput < 10e6, `${goodput} bit/s of 10 Mbit/s`);
    for (const f of x.flows) {
      t.ok(f.delivered > 0.2 * total, `${f.spec.name}: ${f.delivered} of ${total}`);
      t.same(f.failures, []);
    }
    t.ok(x.links[2]![0].model.queue.ledger.dropped > 0, 'its queue was full at times');
    t.equal(x.links[0]![0].model.queue.ledger.dropped, 0);
    for (const { stats } of x.routers) {
      t.ok(stats.get('forwarded') > 10_000);
      t.ok(stats.get('unroutable') <= 2, "a host's announcement of its address");
      t.equal(stats.get('forwarded') + stats.get('unroutable'), stats.get('frames'));
    }
    x.end();
    return x.sim.traceHash;
  });
  t.equal(hashes[0], hashes[1]);
  t.end();
});

t.test('a summary counts what a link drops, wherever it drops it', (t) => {
  const flows = [flow('one', 'a', 'c', { kind: 'bulk' })];
  const policer = { rateBps: 5e6, burstBytes: 20_000 };
  const partitions = [{ cuts: [{ fromNs: 4 * SEC, toNs: 4.05 * SEC }] }];
  const x = new Experiment(dumbbell(flows, { policer, partitions, loss: { every: 200 } }), {});
  const [link] = runAndSummarize(x, new Meters(x.flows)).links.filter((l) => l.dropped > 0);
  const { queue, stats } = x.links.flat().find(({ name }) => name === link!.name)!.model;
  t.ok(stats.get('policed') > 0 && stats.get('cut') > 0);
  t.equal(link!.dropped, stats.get('policed') + stats.get('cut') + queue.ledger.dropped);
  t.ok(link!.lost > 0 && link!.lost === stats.get('lost'));
  x.end();
  t.end();
});

t.test('a sample has what waits at its time, however late the link would find out', (t) => {
  const link = { rateBps: 10e6, delayNs: 200 * MS };
  const x = new Experiment({
    ...{ name: 'burst', seed: 1, durationNs: 0.5 * SEC },
    ...pointToPoint({ forth: link, back: link }),
    flows: [flow('f', 'a', 'b', { kind: 'bulk' })],
  });
  const samples: { t: number; link: string; packets: number; lost: number }[] = [];
  const sink = { line: (text: string) => samples.push(JSON.parse(text)) };
  new Recorder(x, sink, { acks: false, intervalNs: 1 * MS });
  x.run();
  // After two ways of a SYN ten segments come at once; the first of them does not wait.
  const fromNs = 400 * MS + 2 * 74 * 800;
  const during = samples.filter((s) => s.link === 'a>b' && s.t > fromNs && s.t < fromNs + 20 * MS);
  t.equal(during.length, 20);
  for (const { t: ns, packets } of during) {
    t.equal(packets, Math.max(0, 9 - Math.floor((ns - fromNs) / (1514 * 800))));
  }
  x.end();
  t.end();
});

interface TrafficCase {
  readonly title: string;
  readonly traffic: TrafficSpec;
  /** Bytes read by the end; completions; and the times of those, at least and at most, in ms. */
  readonly bytes: readonly [number, number];
  readonly completions: readonly [number, number];
  readonly ms?: readonly [number, number];
}

/** A round trip is 44 ms; 10 Mbit/s is 1.25 MB/s on the wire, some 1.19 MB/s of payload. */
const CASES: readonly TrafficCase[] = [
  {
    title: 'bulk of one segment: two round trips, one of them to connect',
    traffic: { kind: 'bulk', bytes: 1000 },
    bytes: [1000, 1000],
    completions: [1, 1],
    ms: [66, 70], // until it has arrived: the ACK does not count
  },
  {
    title: 'bulk of 5 MB',
    traffic: { kind: 'bulk', bytes: 5_000_000 },
    bytes: [5_000_000, 5_000_000],
    completions: [1, 1],
    ms: [4200, 5500],
  },
  {
    title: 'requests, one after the other, with a pause',
    traffic: {
      kind: 'requests',
      requestBytes: 100,
      responseBytes: 1000,
      thinkNs: 56 * MS,
      count: 20,
    },
    bytes: [20_000, 20_000],
    completions: [20, 20],
    ms: [44, 46],
  },
  {
    title: 'requests without end',
    traffic: { kind: 'requests', requestBytes: 100, responseBytes: 1000 },
    bytes: [200_000, 227_000],
    completions: [220, 227],
    ms: [44, 46],
  },
  {
    title: 'a constant rate',
    traffic: { kind: 'constant-rate', rateBps: 1e6 },
    bytes: [1_240_000, 1_250_000],
    completions: [0, 0],
  },
  {
    title: 'on and off, half of the time each',
    traffic: { kind: 'on-off', onNs: 200 * MS, offNs: 200 * MS },
    bytes: [3_000_000, 9_000_000],
    completions: [0, 0],
  },
  {
    title: 'silence, a rate, all that there is, and another rate',
    traffic: {
      kind: 'steps',
      steps: [
        { atNs: 1 * SEC, rateBps: 1e6 },
        { atNs: 3 * SEC },
        { atNs: 7 * SEC, rateBps: 0 },
        { atNs: 8 * SEC, rateBps: 2e6 },
      ],
    },
    bytes: [5_200_000, 5_700_000], // with what has left by 7 s, and comes later
    completions: [0, 0],
  },
  {
    title: 'a page: three round trips for the document, the rest in parallel',
    traffic: { kind: 'page', documentBytes: 10_000, objects: 12, objectBytes: 5000 },
    bytes: [70_000, 70_000],
    completions: [1, 1],
    ms: [200, 300],
  },
  {
    title: 'a page that is a document',
    traffic: { kind: 'page', documentBytes: 10_000, objects: 0, objectBytes: 0 },
    bytes: [10_000, 10_000],
    completions: [1, 1],
    ms: [88, 100],
  },
];

for (const { title, traffic, bytes, completions, ms } of CASES) {
  t.test(title, (t) => {
    const x = new Experiment(dumbbell([flow('it', 'a', 'd', traffic)]));
    x.run();
    const f = x.flows[0]!;
    t.ok(f.delivered >= bytes[0] && f.delivered <= bytes[1], `${f.delivered} bytes`);
    const { length } = f.completions;
    t.ok(length >= completions[0] && length <= completions[1], `${length} completions`);
    for (const ns of ms === undefined ? [] : f.completions) {
      t.ok(ns >= ms![0] * MS && ns <= ms![1] * MS, `complete after ${ns / MS} ms`);
    }
    t.same(f.failures, []);
    x.end();
    t.end();
  });
}

t.test('a hundred hosts; an MTU in the middle', (t) => {
  const link = {
    rateBps: 10e6,
    delayNs: 5 * MS,
    queue: { kind: 'drop-tail', limitFrames: 50 } as const,
  };
  const wide = dumbbellOf(50, { forth: link, back: link });
  const many = wide.hosts
    .slice(0, 50)
    .map((h, i) => flow(`f${i}`, h.name, `right${i + 1}`, { kind: 'bulk' }));
  const scenario = { name: 'wide', seed: 1, durationNs: 1 * SEC, ...wide, flows: many };
  const x = new Experiment(scenario);
  x.run();
  const served = x.flows.filter((f) => f.delivered > 0).length;
  t.ok(served > 25, `${served} of 50 flows got through in a second`);
  x.end();

  const narrow = dumbbellOf(1, { forth: link, back: link, mtu: 576 });
  const one = [flow('f', 'left1', 'right1', { kind: 'bulk' })];
  const y = new Experiment({ ...scenario, ...narrow, flows: one });
  y.run();
  t.equal(y.flows[0]!.delivered, 0, 'as where ICMP is filtered');
  t.ok(y.links[0]![0].model.stats.get('tooLong') > 0);
  y.end();
  t.end();
});

t.test('parameters of modules, and hosts that pace', (t) => {
  const msOf = (bytes: number, more: Partial<Scenario>): number => {
    const x = new Experiment({
      ...dumbbell([flow('it', 'a', 'd', { kind: 'bulk', bytes })]),
      ...more,
    });
    x.run();
    x.end();
    return x.flows[0]!.completions[0]! / MS;
  };
  const ms = msOf(200_000, {});
  const slowMs = msOf(200_000, { modules: { cubic: { hystart: 0, initial_ssthresh: 4 } } });
  t.ok(slowMs > 1.5 * ms, `${slowMs} ms without slow start, ${ms} ms with`);
  for (const modules of [{ cubic: { hysstart: 0 } }, { cubik: { hystart: 0 } }]) {
    const wrong = { modules: modules as NonNullable<Scenario['modules']> };
    t.throws(() => msOf(1, wrong), /errno 2$/);
  }
  // The second flight, 18 segments at two windows a round trip.
  const fast = dumbbell([flow('it', 'a', 'd', { kind: 'bulk', bytes: 40_000 })], { rateBps: 1e9 });
  const later = msOf(40_000, { ...fast, isPaced: true }) - msOf(40_000, fast);
  t.ok(later > 5 && later < 22, `${later} ms later than in a burst`);
  t.end();
});

t.test('a queue of fifty bandwidth-delay products, and two flows that fill it', (t) => {
  const queue = { kind: 'drop-tail', limitFrames: 6192 } as const;
  const deep = dumbbell(
    [flow('one', 'a', 'c', { kind: 'bulk' }), flow('two', 'b', 'd', { kind: 'bulk' })],
    { rateBps: 50e6, delayNs: 15 * MS, queue },
  );
  const most = '4096 131072 250000000';
  const sysctl = { 'net.ipv4.tcp_wmem': most, 'net.ipv4.tcp_rmem': most };
  const hosts = deep.hosts.map((host) => ({ ...host, sysctl }));
  const x = new Experiment({ ...deep, hosts, modules: { cubic: { hystart: 0 } } });
  t.ok(
    runAndSummarize(x, new Meters(x.flows)).links.some((l) => l.dropped > 0),
    'it was full',
  );
  x.end();
  t.end();
});
