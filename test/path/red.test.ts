/** RED against the formulas of Floyd and Jacobson (1993), figure 2 and section 7. */
import t from 'tap';
import { MS, SEC, US } from '../../src/base/time.ts';
import type { Red, RedSpec } from '../../src/path/red.ts';
import { QueueBench } from './queue-bench.ts';

const ECT0 = 2;

const red = (spec: RedSpec = {}, rateBps = 8e6): QueueBench<Red> =>
  new QueueBench<Red>({ kind: 'red', limitFrames: 500, ...spec }, rateBps);

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-9;

t.test('avg = (1 - w) avg + w q at each arrival, with w = 0.002', async (t) => {
  const bench = red({ minThreshold: 200 });
  let avg = 0;
  for (let i = 0; i < 400; i++) {
    bench.offer(0);
    avg += 0.002 * (i - avg); // the queue as the frame finds it
    if (bench.queue.count !== i + 1) throw new Error('a drop below min_th');
  }
  t.ok(near(bench.queue.average, avg), `${bench.queue.average}`);
  const inBytes = red({ unit: 'bytes', minThreshold: 1e6, weight: 0.5 });
  for (const len of [400, 600, 100]) inBytes.offer(0, len);
  t.ok(near(inBytes.queue.average, 0.5 * (0.5 * 400) + 0.5 * 1000));
});

t.test('idle, the average falls as if small frames had left: avg = (1 - w)^m avg', async (t) => {
  const bench = red({ minThreshold: 50, weight: 0.1 }); // 500 bytes are 500 µs
  for (let i = 0; i < 40; i++) bench.offer(0);
  const { average } = bench.queue;
  for (let i = 0; i < 40; i++) bench.take(10 * MS);
  bench.offer(10 * MS + 6 * MS + 499 * US);
  let after = average;
  for (let m = 0; m < 12; m++) after *= 0.9;
  t.ok(near(bench.queue.average, after), `${bench.queue.average} of ${average}`);
  bench.take(20 * MS);
  bench.offer(1000 * SEC);
  t.ok(bench.queue.average < 1e-100);
  const fast = red({ minThreshold: 50, weight: 0.1 }, Infinity);
  for (let i = 0; i < 40; i++) fast.offer(0);
  while (fast.queue.count > 0) fast.take(0);
  fast.offer(0);
  t.equal(fast.queue.average, 0);
  const told = red({ minThreshold: 50, weight: 0.1, idleFrameNs: 5 }, Infinity);
  for (let i = 0; i < 3; i++) told.offer(0); // 0, 0.1, 0.29
  while (told.queue.count > 0) told.take(0);
  told.offer(12);
  t.ok(near(told.queue.average, 0.29 * 0.81));
});

/** §7: the gap X has P[X = n] such that marks are evenly spread; how many of all frames that makes. */
function share(base: number): number {
  let mean = 0;
  let none = 1;
  for (let n = 0; none > 1e-12; n++) {
    mean += none;
    const rest = 1 - n * base;
    none *= rest <= base ? 0 : 1 - base / rest;
  }
  return 1 / mean;
}

const SLOPES: readonly (readonly [number, RedSpec, number])[] = [
  [4, {}, 0], // below min_th
  [5, {}, 0],
  [10, {}, 0.01], // halfway to max_th: half of max_p
  [14, {}, 0.018],
  [10, { maxProbability: 0.5 }, 0.25],
  [15, {}, 0.02], // gentle from here
  [18, {}, 0.02 + (0.98 * 3) / 15],
  [24, {}, 0.02 + (0.98 * 9) / 15],
  [30, {}, 1],
  [14, { gentle: false }, 0.018],
  [15, { gentle: false }, 1],
];

/** How many of 20,000 frames are dropped or marked that each find `length` frames (w = 1: that is the average). */
function signals(length: number, spec: RedSpec, len = 1000, ecn = 0): QueueBench<Red> {
  const bench = red({ weight: 1, ...spec });
  while (bench.queue.count < length) bench.offer(0, len);
  bench.queue.ledger.stats.values.fill(0);
  for (let i = 0; i < 20_000; i++) {
    bench.offer(0, len, 1, ecn);
    if (bench.queue.count > length) bench.take(0);
  }
  return bench;
}

for (const [length, spec, base] of SLOPES) {
  t.test(`at ${length} frames ${JSON.stringify(spec)} p_b is ${base.toFixed(3)}`, async (t) => {
    const dropped = signals(length, spec).count('early') / 20_000;
    const expected = base === 0 ? 0 : share(base);
    t.ok(Math.abs(dropped - expected) <= 0.05 * expected, `${dropped} is ${expected}`);
  });
}

t.test('in bytes, the chance of a frame is in proportion to its length', async (t) => {
  const spec: RedSpec = { unit: 'bytes', maxProbability: 0.2 };
  const of = (len: number): number => {
    const inQueue = Math.round(5000 / len); // halfway between 2,500 and 7,500
    return signals(inQueue, spec, len).count('early') / 20_000;
  };
  for (const len of [100, 500, 1000]) {
    const expected = share((0.1 * len) / 1514);
    t.ok(Math.abs(of(len) - expected) <= 0.06 * expected, `${len}: ${of(len)} is ${expected}`);
  }
});

t.test('marks instead of drops, where it can and may', async (t) => {
  const at = (length: number, spec: RedSpec, ecn: number): Record<string, number> => {
    const { early, marked, overload } = signals(
      length,
      { ecn: true, ...spec },
      1000,
      ecn,
    ).queue.ledger.stats.toObject() as Record<string, number>;
    return { early: early!, marked: marked!, overload: overload! };
  };
  const part = at(10, {}, ECT0);
  t.ok(part.marked! > 100 && part.early === 0 && part.overload === 0);
  t.ok(at(10, {}, 0).early! > 100, 'who knows no ECN is dropped');
  const all = { early: 0, marked: 20_000, overload: 0 };
  t.same(
    at(15, { gentle: false }, ECT0),
    all,
    'as Linux: ECT is marked even where all are dropped',
  );
  const hard = { early: 0, marked: 0, overload: 20_000 };
  t.same(at(15, { gentle: false, hardDrop: true }, ECT0), hard, 'RFC 3168 §7: or dropped');
  t.same(at(15, { gentle: false, hardDrop: true }, 0), { early: 20_000, marked: 0, overload: 0 });
  const off = signals(15, { gentle: false }, 1000, ECT0);
  t.equal(off.count('early'), 20_000, 'ecn is off unless asked for');
});

t.test('a full queue drops at its tail, whatever the average', async (t) => {
  const bench = red({ limitFrames: 3, limitBytes: 2500 });
  for (let i = 0; i < 5; i++) bench.offer(0);
  t.equal(bench.count('tail'), 3);
  bench.offer(0, 500);
  t.equal(bench.queue.count, 3);
  t.ok(bench.isHome());
});
