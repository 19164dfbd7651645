/** CoDel and FQ-CoDel against the numbers and the pseudo-code of RFC 8289 and RFC 8290. */
import t from 'tap';
import { MS, SEC, US } from '../../src/base/time.ts';
import type { Codel } from '../../src/path/codel.ts';
import type { FqCodel } from '../../src/path/fq-codel.ts';
import { QueueBench, steady, type Taken } from './queue-bench.ts';

const ECT0 = 2;
const CE = 3;
const BIG = { limitFrames: 20_000 };

/** Takes one frame every millisecond. */
function takeEachMs(bench: QueueBench, fromMs: number, toMs: number): (Taken | null)[] {
  const all: (Taken | null)[] = [];
  for (let ms = fromMs; ms <= toMs; ms++) all.push(bench.take(ms * MS));
  return all;
}

/** 105 ms is target + interval; from there the interval over the root of 1, 2, 3 … (RFC 8289 §5.6). */
const DROPS_MS = [105, 205, 275.711, 333.446, 383.446, 428.167, 468.992, 506.788];

t.test('RFC 8289 §5.6: drops come an interval over the root of their number apart', async (t) => {
  const bench = new QueueBench<Codel>({ kind: 'codel', ...BIG });
  for (let i = 0; i < 2000; i++) bench.offer(0);
  takeEachMs(bench, 1, 510);
  t.same(
    bench.dropped.map((d) => d.atNs / MS),
    DROPS_MS.map(Math.ceil),
    'the first frame to leave at or after the time',
  );
  t.equal(bench.count('early'), DROPS_MS.length);
  t.ok(bench.isHome());
});

t.test('RFC 8289 §5.6: a wait below target ends it, at once', async (t) => {
  const bench = new QueueBench<Codel>({ kind: 'codel', ...BIG });
  for (let i = 0; i < 120; i++) bench.offer(0);
  takeEachMs(bench, 1, 104);
  for (let i = 0; i < 50; i++) bench.offer(101 * MS); // waits less than target when its turn comes
  for (let i = 0; i < 16; i++) bench.take(104 * MS);
  takeEachMs(bench, 105, 120);
  t.equal(bench.dropped.length, 0, 'above target for a nanosecond less than an interval');
});

t.test('RFC 8289 §5.6: what is no more than a frame is no queue', async (t) => {
  const bench = new QueueBench<Codel>({ kind: 'codel' });
  bench.offer(0, 1514);
  for (let i = 0; i < 50; i++) {
    bench.offer(i * SEC, 1514);
    t.equal(bench.take(i * SEC + 500 * MS)?.n, i, 'one stays');
  }
  t.equal(bench.queue.ledger.dropped, 0);
  const larger = new QueueBench<Codel>({ kind: 'codel', maxPacketBytes: 1000 });
  for (let i = 0; i < 50; i++) {
    for (let k = 0; k < 3; k++) larger.offer(i * SEC, 1514);
    for (let k = 0; k < 2; k++) larger.take(i * SEC + 900 * MS);
  }
  t.ok(larger.queue.ledger.dropped > 0, 'smaller frames: two are a queue');
});

t.test('RFC 8289 §5.5: who drops again soon goes on near the rate it had', async (t) => {
  const nextGapMs = (pauseMs: number): number => {
    const bench = new QueueBench<Codel>({ kind: 'codel', ...BIG });
    for (let i = 0; i < 1000; i++) bench.offer(0);
    takeEachMs(bench, 1, 430); // six drops: the count went from 1 to 6
    while (bench.queue.count > 0) bench.take(431 * MS);
    const had = bench.dropped.length;
    const again = 440 + pauseMs;
    for (let i = 0; i < 1000; i++) bench.offer(again * MS);
    takeEachMs(bench, again + 1, again + 300);
    const [first, second] = bench.dropped.slice(had);
    t.equal(first!.atNs / MS, again + 105);
    return (second!.atNs - first!.atNs) / MS;
  };
  t.equal(nextGapMs(0), Math.ceil(100 / Math.sqrt(5)), '6 less 1: the interval over the root of 5');
  t.equal(nextGapMs(2000), 100, 'after 16 intervals it begins anew');
});

t.test('a mark counts as a drop, and the frame is sent', async (t) => {
  const bench = new QueueBench<Codel>({ kind: 'codel', ecn: true, ...BIG });
  for (let i = 0; i < 2000; i++) bench.offer(0, 1000, 1, ECT0);
  const taken = takeEachMs(bench, 1, 510);
  t.same(
    taken.filter((x) => x?.ecn === CE).map((x) => x!.atNs / MS),
    DROPS_MS.map(Math.ceil),
  );
  t.same(
    taken.map((x) => x!.n),
    taken.map((_, i) => i),
    'none is missing',
  );
  t.equal(bench.count('marked'), DROPS_MS.length);
  t.equal(bench.queue.ledger.dropped, 0);
  const deaf = new QueueBench<Codel>({ kind: 'codel', ecn: true, ...BIG });
  for (let i = 0; i < 2000; i++) deaf.offer(0);
  takeEachMs(deaf, 1, 510);
  t.equal(deaf.count('early'), DROPS_MS.length, 'who knows no ECN is dropped');
});

t.test('ce_threshold marks what waited longer, if it is ECT', async (t) => {
  for (const kind of ['codel', 'fq-codel'] as const) {
    const bench = new QueueBench({ kind, ceThresholdNs: MS, ecn: false });
    for (let i = 0; i < 8; i++) bench.offer(0, 1000, 1, [0, 1, ECT0, CE][i & 3]);
    for (let i = 0; i < 4; i++) t.equal(bench.take(MS)?.ecn, [0, 1, ECT0, CE][i], 'not longer');
    for (let i = 0; i < 4; i++) t.equal(bench.take(MS + 1)?.ecn, [0, CE, CE, CE][i]);
    t.equal(bench.count('ceThreshold'), 2, 'those that were not marked before');
    t.equal(bench.count('marked') + bench.queue.ledger.dropped, 0);
  }
});

/** Who leaves, by flow, until the queue is empty. */
function order(bench: QueueBench): string {
  let flows = '';
  for (let x = bench.take(0); x !== null; x = bench.take(0)) flows += 'abcdefgh'[x.flow];
  return flows;
}

t.test('RFC 8290 §4.2: new flows first, a quantum each, then round robin', async (t) => {
  const fq = (): QueueBench => new QueueBench({ kind: 'fq-codel', quantumBytes: 1000 });
  const bench = fq();
  for (const flow of [0, 0, 0, 0, 1, 1, 2]) bench.offer(0, 500, flow);
  t.equal(order(bench), 'aabbcaa', 'two frames of 500 are a quantum');
  const late = fq();
  for (let i = 0; i < 6; i++) late.offer(0, 500, i & 1);
  t.equal(late.take(0)?.flow, 0);
  late.offer(0, 100, 5);
  t.equal(order(late), `a${'bb'}f${'a'}b`, 'the new one after those that are new, before the old');
  const uneven = fq();
  for (const flow of [0, 0, 0]) uneven.offer(0, 1500, flow);
  for (const flow of [1, 1, 1, 1, 1, 1]) uneven.offer(0, 750, flow);
  t.equal(order(uneven), 'abbabbabb', 'who overdraws waits until it is paid');
});

t.test(
  'RFC 8290 §4.2: a flow that was new goes through the old ones before it is new again',
  async (t) => {
    const bench = new QueueBench({ kind: 'fq-codel', quantumBytes: 1000 });
    for (let i = 0; i < 6; i++) bench.offer(0, 1000, (i & 1) * 2); // a and c: one frame is a turn
    t.equal(bench.take(0)?.flow, 0);
    t.equal(bench.take(0)?.flow, 2);
    bench.offer(0, 400, 1);
    t.equal(bench.take(0)?.flow, 1, 'new: at once');
    t.equal(bench.take(0)?.flow, 0);
    bench.offer(0, 400, 1); // its quantum is not used up, but it ran empty
    t.equal(order(bench), 'cbac', 'after the old ones that were there');
  },
);

t.test(
  'RFC 8290 §4.2: bulk flows have the same bytes, whatever the size of their frames',
  async (t) => {
    const bench = new QueueBench<FqCodel>({
      kind: 'fq-codel',
      limitFrames: 100_000,
      targetNs: SEC,
    });
    const lengths = [1514, 500, 100];
    for (const [flow, len] of lengths.entries()) {
      for (let sent = 0; sent < 600_000; sent += len) bench.offer(0, len, flow);
    }
    const bytes = [0, 0, 0];
    for (let sum = 0; sum < 900_000; ) {
      const x = bench.take(0)!;
      bytes[x.flow]! += x.len;
      sum += x.len;
    }
    const spread = Math.max(...bytes) - Math.min(...bytes);
    t.ok(spread <= 2 * 1514, `${bytes}: within a quantum and a frame`);
  },
);

t.test('RFC 8290 §1: a sparse flow does not wait for bulk flows', async (t) => {
  const rateBps = 10e6;
  const arrivals = [0, 1, 2, 3].flatMap((flow) => steady({ len: 1514, flow }, 4 * MS, 2 * SEC));
  const sparse = steady({ len: 200, flow: 9 }, 20 * MS, 2 * SEC);
  const longest = (kind: 'fq-codel' | 'codel' | 'drop-tail'): number => {
    const bench = new QueueBench({ kind, limitFrames: 500 });
    const taken = bench.serve([...arrivals, ...sparse], rateBps);
    const own = taken.filter((x) => x.flow === 9);
    if (kind === 'fq-codel') t.equal(own.length, sparse.length, 'none of them was dropped');
    t.ok(bench.isHome());
    const settled = own.filter((x) => x.atNs > 100 * MS); // at first all are new
    return Math.max(...settled.map((x) => x.waitedNs));
  };
  const frameNs = (1514 * 8e9) / rateBps;
  const alone = longest('fq-codel');
  t.ok(alone <= 2 * frameNs, `${alone / US} µs: what is being sent, and a turn of one that is new`);
  t.ok(longest('codel') > 20 * frameNs);
  t.ok(longest('drop-tail') > 200 * frameNs);
});

t.test(
  'RFC 8290 §4.1: without room the longest flow loses its oldest, half of them or 64 at once',
  async (t) => {
    const bench = new QueueBench<FqCodel>({ kind: 'fq-codel', limitFrames: 20 });
    for (let i = 0; i < 10; i++) bench.offer(0, 200, 1);
    for (let i = 0; i < 10; i++) bench.offer(0, 1000, 2);
    t.equal(bench.dropped.length, 0);
    bench.offer(0, 200, 1);
    t.same(
      bench.dropped.map((d) => d.n),
      [10, 11, 12, 13, 14],
      'half the bytes of the flow that holds most bytes, from its head',
    );
    t.ok(bench.dropped.every((d) => d.why === 'queue: over limit'));
    t.equal(bench.count('overlimit'), 5);
    t.equal(bench.queue.count, 16);
    t.equal(bench.queue.bytes, 11 * 200 + 5 * 1000);
    const wide = new QueueBench<FqCodel>({ kind: 'fq-codel', limitFrames: 300 });
    for (let i = 0; i <= 300; i++) wide.offer(0, 200, 1);
    t.equal(wide.count('overlimit'), 64);
    const heavy = new QueueBench<FqCodel>({ kind: 'fq-codel', limitBytes: 5000 });
    for (let i = 0; i < 6; i++) heavy.offer(0, 1000, 1);
    t.ok(heavy.queue.bytes <= 5000 && heavy.count('overlimit') === 3, 'bytes limit likewise');
    t.ok(bench.isHome() && wide.isHome() && heavy.isHome());
  },
);

t.test('a queue that runs empty forgets who was new', async (t) => {
  const bench = new QueueBench({ kind: 'fq-codel', quantumBytes: 1000 });
  for (let i = 0; i < 3; i++) {
    bench.offer(0, 1000, 0);
    t.equal(bench.take(0)?.flow, 0);
  }
  bench.offer(0, 1000, 0);
  bench.offer(0, 1000, 1);
  bench.offer(0, 1000, 0);
  t.equal(order(bench), 'aba');
});
