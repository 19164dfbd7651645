/** What each discipline makes of TCP in virtual time: how long frames wait, what it costs, and that marks replace losses. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { QueueSpec } from '../../src/path/queue-spec.ts';
import { PathRig } from '../tcp/path-rig.ts';

const RATE = 20e6;
const RTT = 50 * MS;
const SECONDS = 6;

interface Steady {
  readonly meanMs: number;
  /** The standing queue: the least that waits within an interval of 100 ms, on average. */
  readonly standingMs: number;
  /** Of the link, in bytes of text. */
  readonly used: number;
  readonly marked: number;
  readonly dropped: number;
}

/** Flows of Reno, from the tenth second on. */
function steady(queue: QueueSpec, flows: number, ecn: number, superFrames = false): Steady {
  const tcp = { ecn };
  const rig = new PathRig({
    rateBps: RATE,
    delayNs: RTT / 2,
    queue: { limitFrames: 1000, ...queue },
    tcp,
    superFrames,
  });
  const ends = Array.from({ length: flows }, () => rig.open({ congestion: 'reno' }));
  for (const { near } of ends) rig.write(near, 60e6);
  rig.run(10 * SEC);
  const received = (): number => ends.reduce((sum, { far }) => sum + far.received, 0);
  const { queue: q } = rig.forth.model;
  const before = {
    bytes: received(),
    dropped: q.ledger.dropped,
    marked: q.ledger.stats.get('marked'),
  };
  let sum = 0;
  let standing = 0;
  for (let i = 0; i < SECONDS * 10; i++) {
    let least = Infinity;
    for (let k = 0; k < 20; k++) {
      rig.run(5 * MS);
      const waitMs = (q.bytes * 8e3) / RATE;
      sum += waitMs;
      least = Math.min(least, waitMs);
    }
    standing += least;
  }
  const result = {
    meanMs: sum / (SECONDS * 200),
    standingMs: standing / (SECONDS * 10),
    used: ((received() - before.bytes) * 8) / SECONDS / RATE,
    marked: q.ledger.stats.get('marked') - before.marked,
    dropped: q.ledger.dropped - before.dropped,
  };
  rig.close();
  return result;
}
interface Case {
  readonly queue: QueueSpec;
  /** Bounds of the mean wait, and of the standing queue, in milliseconds. */
  readonly mean: readonly [number, number];
  readonly standing: readonly [number, number];
  readonly used: number;
}

/** Eight flows of Reno, 20 Mbit/s, 50 ms; the text is 0.956 of the bytes of full frames. */
const CASES: readonly Case[] = [
  { queue: { kind: 'codel', ecn: true }, mean: [5, 15], standing: [3, 8], used: 0.9 },
  { queue: { kind: 'fq-codel' }, mean: [5, 15], standing: [3, 8], used: 0.85 },
  { queue: { kind: 'pie', ecn: true }, mean: [12, 20], standing: [8, 17], used: 0.93 },
  { queue: { kind: 'dualpi2' }, mean: [12, 19], standing: [8, 17], used: 0.93 },
  { queue: { kind: 'red', ecn: true }, mean: [3, 12], standing: [1, 9], used: 0.8 },
];

for (const { queue, mean, standing, used } of CASES) {
  t.test(`eight TCP flows through ${queue.kind}: the wait is what it aims at`, async (t) => {
    for (const ecn of [0, 1]) {
      const got = steady(queue, 8, ecn);
      const told = JSON.stringify(got);
      t.ok(got.meanMs >= mean[0] && got.meanMs <= mean[1], told);
      t.ok(got.standingMs >= standing[0] && got.standingMs <= standing[1], told);
      t.ok(got.used >= used, told);
      t.ok(ecn === 1 ? got.marked > 20 : got.dropped > 20, told);
      t.equal(ecn === 1 ? got.dropped : got.marked, 0, 'ECN: marks instead of losses');
    }
  });
}

t.test('without a discipline they fill what there is', async (t) => {
  const got = steady({ kind: 'drop-tail' }, 8, 1);
  t.ok(got.meanMs > 300 && got.marked === 0, JSON.stringify(got));
});

t.test('super-frames are marked, too, and their checksums hold', async (t) => {
  const got = steady({ kind: 'codel', ecn: true }, 8, 1, true);
  t.ok(got.used > 0.9 && got.marked > 20 && got.dropped === 0, JSON.stringify(got));
});
