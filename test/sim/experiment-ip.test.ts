/** The same experiments over IPv4 and IPv6: a packet is 20 bytes longer, and nothing else is different. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import type { QueueSpec } from '../../src/path/queue-spec.ts';
import { Experiment } from '../../src/sim/experiment/experiment.ts';
import { Meters } from '../../src/sim/experiment/meter.ts';
import type { FlowSpec, Scenario, TrafficSpec } from '../../src/sim/experiment/scenario.ts';
import { readScenario } from '../../src/sim/experiment/schema/read-scenario.ts';
import { runAndSummarize, type Summary } from '../../src/sim/experiment/summary.ts';
import {
  dumbbell,
  parkingLot,
  pointToPoint,
  type Topology,
} from '../../src/sim/experiment/topology.ts';
import { type Packet, readPcapng } from '../link/pcapng-reader.ts';

type Ip = 4 | 6;
/** Text in a packet of 1,500 bytes, timestamps on. */
const MSS = { 4: 1448, 6: 1428 } as const;

const flow = (
  name: string,
  from: string,
  to: string,
  ip: Ip,
  traffic: TrafficSpec = { kind: 'bulk' },
): FlowSpec => ({ name, from, to, ip, startNs: 0, traffic });

const scenario = (
  topology: Topology,
  flows: readonly FlowSpec[],
  durationNs: number,
): Scenario => ({
  ...{ name: 'families', seed: 3, durationNs },
  ...topology,
  flows,
});

const both = (spec: LinkSpec) => ({ forth: spec, back: spec });

function run(s: Scenario): { x: Experiment; summary: Summary } {
  const x = new Experiment(s);
  const meters = new Meters(x.flows);
  for (const { tcp } of x.stacks) tcp.watch.add(meters);
  const summary = runAndSummarize(x, meters);
  x.end();
  t.ok(
    summary.flows.every(({ failed }) => failed === 0),
    'no connection failed',
  );
  return { x, summary };
}

/** When and how long, but for announcements of addresses: ARP's, and ICMPv6. */
function packetsOf(ip: Ip): [number, number][] {
  const parts: Uint8Array[] = [];
  const sink = {
    write: (u8: Uint8Array, off: number, len: number) => {
      parts.push(u8.slice(off, off + len));
      return 0;
    },
  };
  const traffic = { kind: 'requests', requestBytes: 100, responseBytes: 1000 } as const;
  const topology = pointToPoint(both({ delayNs: 10 * MS }));
  const s = scenario(topology, [flow('web', 'a', 'b', ip, traffic)], 2 * SEC);
  const x = new Experiment(s, { packets: { sink, nodes: null, snaplen: 256 } });
  x.run();
  x.end();
  const { packets } = readPcapng(Buffer.concat(parts));
  const protocolAt = { 4: 23, 6: 20 }[ip];
  const isOurs = ({ bytes }: Packet) => bytes[14]! >> 4 === ip && bytes[protocolAt] === 6;
  t.ok(packets.filter((p) => !isOurs(p)).length <= 8, 'two hosts announce themselves, twice');
  return packets.filter(isOurs).map((p) => [p.timeNs, p.originalLen]);
}

t.test('packet by packet at the same times, 20 bytes longer', (t) => {
  const [four, six] = [packetsOf(4), packetsOf(6)];
  t.ok(four.length > 400);
  t.same(
    six,
    four.map(([ns, len]) => [ns, len + 20]),
  );
  t.end();
});

const QUEUE = { kind: 'drop-tail', limitFrames: 60 } as const;
const SLOW: LinkSpec = { rateBps: 10e6, delayNs: 10 * MS, queue: QUEUE };
const FAST: LinkSpec = { rateBps: 100e6, delayNs: 1 * MS };
const GRAPH: Topology = {
  hosts: [{ name: 'a' }, { name: 'b' }, { name: 'c' }],
  routers: ['x', 'y', 'z'],
  links: [
    { between: ['a', 'x'], ...both(FAST) },
    { between: ['x', 'y'], ...both(SLOW) },
    { between: ['x', 'z'], ...both(SLOW) },
    { between: ['y', 'b'], ...both(FAST) },
    { between: ['z', 'c'], ...both(FAST) },
  ],
};

for (const { title, topology, pairs } of [
  {
    title: 'a dumbbell',
    topology: dumbbell(2, both(SLOW)),
    pairs: [
      ['left1', 'right1'],
      ['right2', 'left2'],
    ],
  },
  {
    title: 'a parking lot',
    topology: parkingLot(2, both(SLOW)),
    pairs: [
      ['in1', 'out1'],
      ['in2', 'out2'],
    ],
  },
  {
    title: 'a graph',
    topology: GRAPH,
    pairs: [
      ['a', 'b'],
      ['c', 'a'],
    ],
  },
] as const) {
  t.test(`${title}: a full bottleneck, less text in its packets`, (t) => {
    const flows = (ip: Ip) => pairs.map(([a, b], i) => flow(`f${i}`, a, b, ip));
    const [four, six] = ([4, 6] as const).map((ip) => run(scenario(topology, flows(ip), 8 * SEC)));
    for (const [i, f] of four!.summary.flows.entries()) {
      const g = six!.summary.flows[i]!;
      const ratio = g.lateGoodput / f.lateGoodput / (MSS[6] / MSS[4]);
      t.ok(Math.abs(ratio - 1) < 0.02, `${f.name}: ${ratio} of what theory says`);
      const rate = (f.lateGoodput / 10e6) * (1514 / MSS[4]);
      t.ok(rate > 0.95 && rate < 1.001, `${rate} of the link's rate`);
    }
    const lost = six!.x.routers.map(({ stats }) => stats.get('unroutable'));
    t.ok(Math.max(...lost) <= 2, "hosts' announcements of their addresses");
    t.end();
  });
}

t.test('queues: marks instead of drops, flows apart, both families on one link', (t) => {
  const rate = { kind: 'constant-rate', rateBps: 200e3, writeBytes: 500 } as const;
  const shared = (ips: readonly [Ip, Ip, Ip], queue: QueueSpec) => {
    const { hosts, ...rest } = dumbbell(3, both({ ...SLOW, queue }));
    const sysctl = { 'net.ipv4.tcp_ecn': '1' };
    const topology = { ...rest, hosts: hosts.map((h) => ({ ...h, sysctl })) };
    const flows = [
      flow('one', 'left1', 'right1', ips[0]),
      flow('two', 'left2', 'right2', ips[1]),
      flow('voice', 'left3', 'right3', ips[2], rate),
    ];
    const { x, summary } = run(scenario(topology, flows, 8 * SEC));
    const { ledger } = x.links[0]![0].model.queue;
    return { summary, ledger, voice: summary.flows[2]!.rtt!.p95 };
  };
  const fifo = shared([6, 6, 6], QUEUE);
  t.ok(fifo.voice > 50 * MS, `behind the others: ${fifo.voice / MS} ms`);
  for (const ips of [
    [4, 4, 4],
    [6, 6, 6],
    [4, 6, 6],
  ] as const) {
    const { summary, ledger, voice } = shared(ips, { kind: 'fq-codel', limitFrames: 1000 });
    t.ok(voice < 28 * MS, `IPv${ips}: a queue of its own: ${voice / MS} ms`);
    t.ok(ledger.stats.get('marked') > 10, `${ledger.stats.get('marked')} marks`);
    t.equal(ledger.dropped, 0);
    t.equal(summary.flows[0]!.retransmitted, 0);
    const [one, two] = summary.flows.map((f) => f.lateGoodput);
    t.ok(Math.abs(one! / two! - 1) < 0.06, `shares are alike: ${one! / two!}`);
  }
  t.end();
});

t.test('what is flipped is not taken, what is cut waits, and both are got over', (t) => {
  const partitions = [{ cuts: [{ fromNs: 1 * SEC, toNs: 1.5 * SEC }] }];
  const link: LinkSpec = { ...SLOW, corruption: 0.003, duplication: 0.003, partitions };
  const traffic = { kind: 'bulk', bytes: 3_000_000 } as const;
  const topology = pointToPoint(both(link));
  const { x, summary } = run(scenario(topology, [flow('f', 'a', 'b', 6, traffic)], 20 * SEC));
  const { stats } = x.links[0]![0].model;
  t.ok(stats.get('corrupted') > 3 && stats.get('duplicated') > 3 && stats.get('cut') > 0);
  t.equal(summary.flows[0]!.completed, 1);
  t.equal(summary.flows[0]!.delivered, 3_000_000);
  t.ok(x.stacks[1]!.tcp.mib.get('InCsumErrors') > 0);
  t.end();
});

t.test('a file says which: for all flows, or for one; and whom a partition is for', (t) => {
  const link = { rate: '10 Mbit/s', delay: '10 ms' };
  const partition = { hosts: ['left1'], cuts: [{ from: '1 s', to: '10 s' }] };
  const file = {
    duration: '3 s',
    ip: 6,
    topology: {
      kind: 'dumbbell',
      pairs: 2,
      bottleneck: { ...link, partitions: [partition] },
    },
    flows: [
      { name: 'six', from: 'left1', to: 'right1' },
      { name: 'four', from: 'left1', to: 'right2', ip: 4 },
      { name: 'other', from: 'left2', to: 'right2' },
    ],
  };
  const { scenario: read, problems } = readScenario(file, 'families');
  t.same(problems, []);
  t.same(
    read!.flows.map(({ ip }) => ip),
    [6, 4, 6],
  );
  const x = new Experiment(read!);
  x.run(1.2 * SEC);
  const early = x.flows.map((f) => f.delivered);
  x.run();
  const late = x.flows.map((f, i) => f.delivered - early[i]!);
  t.ok(early.every((bytes) => bytes > 10_000));
  t.same(late.slice(0, 2), [0, 0], 'neither family of a host that is cut off gets through');
  t.ok(late[2]! > 1_000_000);
  x.end();

  const wrong = { ...file, topology: { kind: 'point-to-point', link: { ...link, mtu: 1279 } } };
  const flows = [{ from: 'a', to: 'b' }];
  t.same(readScenario({ ...wrong, flows }, 'x').problems, [
    { path: ['flows', 0], message: 'IPv6 needs an MTU of 1280: that of a is 1279' },
  ]);
  t.same(readScenario({ ...wrong, ip: 4, flows }, 'x').problems, []);
  t.same(readScenario({ ...file, ip: 5 }, 'x').problems, [
    { path: ['ip'], message: 'not 5: there are 4, 6' },
  ]);
  t.end();
});
