/** Links in virtual time: changed by hand under way, cut on one side, and the same bits on every engine. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { MemoryDevice } from '../../src/link/memory-device.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator } from '../../src/sim/simulator.ts';
import { FakeHost } from './fake-host.ts';

const SMALL = { slabBytes: 32 << 20, chunks: 16, cellBytes: 1 << 20 };

interface Node {
  readonly nic: MemoryDevice;
  readonly fake: FakeHost;
  readonly host: SimHost;
}

function node(sim: Simulator, name: string): Node {
  const nic = sim.nic(name, { rxFrames: 4096 });
  const fake = new FakeHost(sim.env(name), nic);
  return { nic, fake, host: sim.addHost(name, fake, [nic]) };
}

function pair(forth: LinkSpec, back: LinkSpec = forth, seed = 1) {
  const sim = new Simulator({ seed, memory: SMALL });
  const a = node(sim, 'a');
  const b = node(sim, 'b');
  return { sim, a, b, link: sim.connect(a.nic, b.nic, forth, back) };
}

t.test('a link changes under way: each call from its time on', async (t) => {
  const { sim, a, b, link } = pair({ rateBps: 8e6, delayNs: 10 * MS }, {});
  const { forth } = link;
  const changes: readonly (() => void)[] = [
    () => undefined,
    () => forth.setRate(80e6),
    () => forth.setDelay(20 * MS),
    () => forth.setLoss(1),
    () => forth.setLoss({ frames: [9] }),
    () => forth.setDuplication(1),
    () => forth.setCorruption(1),
    () => {
      forth.setCorruption(0);
      forth.setDuplication(0);
      forth.setJitter({ paretoNs: MS });
    },
    () => forth.setJitter(null),
    () => forth.cut(),
    () => forth.heal(),
  ];
  for (const [i, change] of changes.entries()) {
    sim.at(i * 100 * MS, change);
    a.host.after(i * 100 * MS, () => a.fake.request(b.nic.mac, i, 1000));
  }
  sim.run(5 * SEC);
  const tookMs = (n: number): number[] =>
    b.fake.seen.filter((s) => s.n === n).map((s) => (s.atNs - n * 100 * MS) / MS);
  t.same([0, 1, 2, 3, 4, 5].map(tookMs), [[11], [10.1], [20.1], [], [20.1], [20.1, 20.1]]);
  const { stats } = forth.model;
  t.equal(stats.get('corrupted'), 1);
  t.equal(stats.get('duplicated'), 2);
  t.ok(tookMs(7)[0]! > 20.1, 'jitter');
  t.same([8, 9, 10].map(tookMs), [[20.1], [], [20.1]]);
  t.match(stats.toObject(), { frames: 11, lost: 1, cut: 1, delivered: 11 });
  sim.end();
});

t.test('a partition of one direction: requests come, replies do not', async (t) => {
  const cut = { partitions: [{ cuts: [{ fromNs: SEC, toNs: 2 * SEC }] }] };
  const { sim, a, b } = pair({}, cut);
  for (let i = 0; i < 6; i++) a.host.after(i * 500 * MS, () => a.fake.request(b.nic.mac, i));
  sim.run(5 * SEC);
  t.equal(b.fake.seen.length, 6);
  t.same(a.fake.replies, [0, 1, 4, 5]);
  sim.end();
});

/** Every distribution, schedule and chain that draws or computes, at once. */
const RICH: readonly LinkSpec[] = [
  {
    name: 'one',
    rateBps: { onOff: { bps: 7.7e6, onNs: 30 * MS, offNs: 7 * MS } },
    delayNs: 10 * MS,
    jitter: { normalNs: 3 * MS },
    mayReorder: true,
    loss: { gilbertElliott: { toBad: 0.02, toGood: 0.3, lossInBad: 0.9, lossInGood: 0.001 } },
    partitions: [{ random: { upNs: 200 * MS, downNs: 5 * MS } }],
  },
  {
    name: 'two',
    rateBps: {
      markov: [
        { bps: 1.1e6, meanNs: 10 * MS },
        { bps: 13e6, meanNs: 20 * MS, to: [3, 0, 1] },
        { bps: 0, meanNs: 3 * MS },
      ],
    },
    jitter: { paretoNs: 2 * MS, shape: 2.5 },
    corruption: 0.02,
    duplication: 0.03,
    aggregation: { frames: 4, waitNs: 3 * MS },
  },
  {
    name: 'three',
    rateBps: { shaper: { rateBps: 3.3e6, burstBytes: 5000 } },
    delayNs: { steps: [{ atNs: 0, delayNs: 7 * MS }], repeatNs: SEC },
    jitter: { uniformNs: 4 * MS },
    loss: 0.03,
    policer: { rateBps: 9.1e6, burstBytes: 20_000 },
    aggregation: { slotNs: 2 * MS, offsetNs: 1 },
  },
];
/** Of the runs below, on Node 20. */
const HASHES = ['4c42f6563c2ac13b', 'ea6c6bc57e1d3fab', '89e1d4238f22770a'];

t.test('the same seed is the same run, on every engine; another seed is another', async (t) => {
  const run = (spec: LinkSpec, seed: number): string => {
    const { sim, a, b } = pair(spec, spec, seed);
    const random = sim.rng.stream('test');
    for (let i = 0; i < 3000; i++) {
      a.host.after(i * 0.7 * MS, () => a.fake.request(b.nic.mac, i, 60 + random.below(1400)));
    }
    sim.run(60 * SEC);
    sim.end();
    return sim.traceHash;
  };
  for (const [i, spec] of RICH.entries()) {
    const hash = run(spec, 1);
    t.equal(hash, HASHES[i], `${spec.name}: ${hash}`);
    t.equal(run(spec, 1), hash);
    t.not(run(spec, 2), hash);
  }
});
