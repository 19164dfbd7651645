import fc from 'fast-check';
import t from 'tap';
import { MS, NEVER, SEC, US } from '../../src/base/time.ts';
import type { LossSpec } from '../../src/path/medium-spec.ts';
import type { PartitionSpec } from '../../src/path/partition-spec.ts';
import type { QueueSpec } from '../../src/path/queue-spec.ts';
import { Bench, type Options } from './link-bench.ts';

t.test('a frame arrives after its own length at the rate, and the delay', async (t) => {
  const b = new Bench({ rateBps: 8e6, delayNs: 10 * MS }); // 1 byte a microsecond
  b.send(5 * MS, 1000);
  t.equal(b.link.dueNs, 5 * MS + 1000 * US + 10 * MS);
  b.runTo(SEC);
  t.same(b.arrivals.seen, [{ n: 0, atNs: 16 * MS }]);
  t.equal(b.link.dueNs, NEVER);
  const free = new Bench({ delayNs: 7 });
  free.send(0);
  free.send(0);
  free.runTo(SEC);
  t.same(
    free.arrivals.seen.map((s) => s.atNs),
    [7, 7],
    'no rate: only the delay',
  );
});

t.test(
  'a burst leaves one after the other, at exactly the rate over any length of time',
  async (t) => {
    // 1514 bytes at 10 Gbit/s take 1211.2 ns: the fifths must not be lost.
    const b = new Bench({
      rateBps: 10e9,
      delayNs: 0,
      queue: { kind: 'drop-tail', limitFrames: 5000 },
    });
    for (let i = 0; i < 5000; i++) b.send(0, 1514);
    b.runTo(SEC);
    t.equal(b.arrivals.seen.length, 5000);
    for (const i of [0, 1, 4, 99, 4999]) {
      const exact = (i + 1) * 1211.2;
      t.equal(b.arrivals.seen[i]!.atNs, Math.floor(exact + 1e-6), `${i}`);
    }
  },
);

t.test(
  'the queue is limited in frames and in bytes; what is beyond is dropped and said',
  async (t) => {
    const byFrames = new Bench({ rateBps: 8e6, queue: { kind: 'drop-tail', limitFrames: 3 } });
    for (let i = 0; i < 6; i++) byFrames.send(0);
    t.equal(byFrames.link.queue.count, 3, 'besides the one being sent');
    t.same(byFrames.dropped, ['queue: tail drop', 'queue: tail drop']);
    byFrames.send(MS);
    byFrames.runTo(SEC);
    t.same(
      byFrames.arrivals.seen.map((s) => s.n),
      [0, 1, 2, 3, 6],
    );
    t.ok(byFrames.conserves() && byFrames.isHome());
    const byBytes = new Bench({ rateBps: 8e6, queue: { kind: 'drop-tail', limitBytes: 2500 } });
    byBytes.send(0, 1000);
    for (const len of [1000, 1000, 1000, 500]) byBytes.send(0, len);
    t.equal(byBytes.link.queue.bytes, 2500, 'a small one still fits where a large one did not');
    t.equal(byBytes.link.queue.ledger.dropped, 1);
    t.equal(byBytes.link.queue.ledger.stats.get('droppedBytes'), 1000);
    byBytes.link.close();
    t.equal(byBytes.link.stats.get('discarded'), 4);
    t.ok(byBytes.conserves() && byBytes.isHome());
  },
);

t.test(
  'room in the queue is counted at the time of arrival, although nobody advanced the link',
  async (t) => {
    const b = new Bench({
      rateBps: 8e6,
      delayNs: SEC,
      queue: { kind: 'drop-tail', limitFrames: 2 },
    });
    for (let i = 0; i < 3; i++) b.send(0); // 1 ms each: sending at 0, 1, 2 ms
    t.equal(b.link.dueNs, SEC + MS, 'the next event is an arrival');
    b.send(1 * MS - 1);
    t.equal(b.link.queue.ledger.dropped, 1, 'the second has not left yet');
    b.send(1 * MS);
    t.equal(b.link.queue.ledger.dropped, 1, 'now it has');
    t.equal(b.link.queue.count, 2);
  },
);

t.test('a lost frame has used the link; the others arrive in order', async (t) => {
  const b = new Bench({
    rateBps: 8e6,
    loss: 0.2,
    queue: { kind: 'drop-tail', limitFrames: 2000 },
    seed: 5,
  });
  for (let i = 0; i < 2000; i++) b.send(0);
  b.runTo(10 * SEC);
  const lost = b.link.stats.get('lost');
  t.ok(Math.abs(lost - 400) < 6 * Math.sqrt(320), `${lost} of 2000`);
  t.equal(b.arrivals.seen.length, 2000 - lost);
  for (const { n, atNs } of b.arrivals.seen) t.equal(atNs, (n + 1) * MS);
  t.equal(b.dropped.filter((r) => r === 'link: loss').length, lost);
  t.ok(b.conserves() && b.isHome());
  const none = new Bench({ rateBps: 8e6, loss: 1 });
  none.send(0);
  none.send(0);
  t.equal(none.link.dueNs, MS, 'nothing in flight, one queued');
  none.runTo(SEC);
  t.equal(none.link.stats.get('lost'), 2);
});

t.test('a receiver without room loses frames by name, not in silence', async (t) => {
  const b = new Bench({});
  b.arrivals.free = 0;
  b.send(0);
  b.runTo(0);
  t.equal(b.link.stats.get('refused'), 1);
  t.same(b.dropped, ['link: the receiver has no room']);
  t.ok(b.conserves() && b.isHome());
});

t.test('a backlog over a long link costs one event a frame', async (t) => {
  const b = new Bench({ rateBps: 8e6, delayNs: 50 * MS });
  for (let i = 0; i < 500; i++) b.send(0);
  t.equal(b.runTo(10 * SEC), 500);
});

const TRAFFIC = fc.array(
  fc.record({ gapNs: fc.nat({ max: 3 * MS }), len: fc.integer({ min: 60, max: 1514 }) }),
  { maxLength: 80 },
);
/** One of these, with little room. */
const anyQueue = (...kinds: readonly QueueSpec[]) =>
  fc
    .record({
      queue: fc.constantFrom(...kinds),
      limitFrames: fc.integer({ min: 1, max: 20 }),
      limitBytes: fc.nat({ max: 20000 }),
    })
    .map(({ queue, ...limits }): QueueSpec => ({ ...queue, ...limits }));
const LIMITED = {
  rateBps: fc.constantFrom(1e6, 8e6, 1e9, Infinity),
  delayNs: fc.nat({ max: 20 * MS }),
  queue: anyQueue({ kind: 'drop-tail' }),
  loss: fc.constantFrom(0, 0.1, 0.5),
  seed: fc.nat(),
};

type Sends = readonly { gapNs: number; len: number }[];

/** Runs the traffic; with `looks`, somebody brings the link up to date at other times, too. */
function runTraffic(o: Options, sends: Sends, looks = false, b = new Bench(o)): Bench {
  let at = 0;
  for (const { gapNs, len } of sends) {
    if (looks) {
      b.runTo(at + gapNs / 3);
      b.clock.nowNs = Math.max(b.clock.nowNs, Math.floor(at + gapNs / 3));
      b.link.advance();
    }
    at += gapNs;
    b.send(at, len);
    if (!b.conserves()) throw new Error('not conserved');
  }
  b.runTo(1e15);
  return b;
}

t.test('any traffic: conserved, in order, never faster than the rate, same again', async () => {
  fc.assert(
    fc.property(fc.record(LIMITED), TRAFFIC, (o, sends) => {
      const b = runTraffic(o, sends);
      const { seen } = b.arrivals;
      for (let i = 1; i < seen.length; i++) {
        const before = seen[i - 1]!;
        const here = seen[i]!;
        const ownNs = (sends[here.n]!.len * 8e9) / o.rateBps;
        if (here.n <= before.n || here.atNs - before.atNs < Math.floor(ownNs) - 1) return false;
      }
      const again = JSON.stringify(runTraffic(o, sends).arrivals.seen);
      return JSON.stringify(seen) === again && b.conserves() && b.isHome();
    }),
    { seed: 4, numRuns: 40 },
  );
});

const some = <T>(a: fc.Arbitrary<T>) => fc.option(a, { nil: undefined });
const BUCKET = fc.record({
  rateBps: fc.constantFrom(1e6, 7e6, 1e9),
  burstBytes: fc.integer({ min: 60, max: 20000 }),
});
/** Everything that a link may have, at once or not. */
const ANY_LINK = fc.record({
  ...LIMITED,
  rateBps: fc.oneof(
    LIMITED.rateBps,
    fc.record({ shaper: BUCKET }),
    fc.constantFrom({ trace: '1\n' }, { trace: '0\n4\n4\n9' }),
    fc.constant({ onOff: { bps: 8e6, onNs: 3 * MS, offNs: MS } }),
    fc.constant({
      steps: [
        { atNs: 0, bps: 3e6 },
        { atNs: 7 * MS, bps: 0 },
        { atNs: 20 * MS, bps: 1e8 },
      ],
      repeatNs: 30 * MS,
    }),
  ),
  delayNs: fc.oneof(
    LIMITED.delayNs,
    fc.constant({
      steps: [
        { atNs: 0, delayNs: 9 * MS },
        { atNs: 20 * MS, delayNs: MS },
      ],
    }),
  ),
  jitter: some(
    fc.oneof(
      fc.record({ uniformNs: fc.nat({ max: 10 * MS }) }),
      fc.record({ normalNs: fc.nat({ max: 10 * MS }) }),
      fc.record({ paretoNs: fc.nat({ max: 10 * MS }) }),
    ),
  ),
  mayReorder: fc.boolean(),
  queue: anyQueue(
    { kind: 'drop-tail' },
    { kind: 'drop-head' },
    { kind: 'fq-codel' },
    { kind: 'dualpi2' },
    { kind: 'red', minThreshold: 1, weight: 0.2 },
    { kind: 'codel', targetNs: MS, intervalNs: 5 * MS },
    { kind: 'pie', targetNs: MS },
  ),
  loss: fc.constantFrom<LossSpec>(
    0,
    0.3,
    { gilbertElliott: { toBad: 0.1, toGood: 0.4 } },
    { frames: [1, 5, 6, 30] },
    { timesNs: [0, 3 * MS, 3 * MS + 1, 40 * MS] },
    { every: 5, length: 2 },
  ),
  mtu: some(fc.constantFrom(1500, 900)),
  partitions: fc.constantFrom<readonly PartitionSpec[]>(
    [],
    [{ flapping: { upNs: 9 * MS, downNs: 4 * MS } }],
    [{ random: { upNs: 9 * MS, downNs: 4 * MS } }, { cuts: [{ fromNs: 0, toNs: MS }] }],
  ),
  corruption: fc.constantFrom(0, 0.2),
  duplication: fc.constantFrom(0, 0.2, 1),
  policer: some(BUCKET),
  aggregation: some(
    fc.oneof(
      fc.record({ slotNs: fc.integer({ min: 1, max: 5 * MS }) }),
      fc.record({ frames: fc.integer({ min: 1, max: 9 }), waitNs: fc.nat({ max: 5 * MS }) }),
    ),
  ),
});

const LATER = 1e17;

/** The same link, where each frame goes through the gate, the queue and the medium: they have something to do, but later. */
function longWay(o: Options): Bench {
  const partitions = [...(o.partitions ?? []), { cuts: [{ fromNs: LATER, toNs: 2 * LATER }] }];
  const b = new Bench({ ...o, partitions, loss: o.loss || { timesNs: [LATER] } });
  Object.defineProperty(b.link.queue, 'isTransparent', { value: false });
  return b;
}

function outcomeOf({ arrivals, dropped, link }: Bench): string {
  return JSON.stringify([
    arrivals.seen,
    dropped,
    link.stats.values,
    link.queue.ledger.stats.values,
  ]);
}

t.test(
  'any link: a frame that finds it idle may take the short way, and all is the same',
  async () => {
    fc.assert(
      fc.property(ANY_LINK, TRAFFIC, (o, sends) => {
        const spec = JSON.parse(JSON.stringify(o)) as Options;
        const links = { ...spec, ...(o.rateBps === Infinity ? { rateBps: Infinity } : {}) };
        const long = runTraffic(links, sends, false, longWay(links));
        return outcomeOf(runTraffic(links, sends)) === outcomeOf(long) && long.isHome();
      }),
      { seed: 4, numRuns: 150 },
    );
  },
);

t.test(
  'any link: every frame is accounted for, and nothing depends on who looks when',
  async () => {
    fc.assert(
      fc.property(ANY_LINK, TRAFFIC, (o, sends) => {
        const spec = JSON.parse(JSON.stringify(o)) as Options; // without what is undefined
        const links = { ...spec, ...(o.rateBps === Infinity ? { rateBps: Infinity } : {}) };
        const b = runTraffic(links, sends);
        const looked = runTraffic(links, sends, true);
        const same = JSON.stringify(b.arrivals.seen) === JSON.stringify(looked.arrivals.seen);
        return same && b.link.inside === 0 && b.conserves() && b.isHome() && looked.isHome();
      }),
      { seed: 4, numRuns: 150 },
    );
  },
);
