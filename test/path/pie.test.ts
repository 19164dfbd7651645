/** PIE and DualPI2 against the numbers and the pseudo-code of RFC 8033 and RFC 9332. */
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC, US } from '../../src/base/time.ts';
import type { DualPi2, DualPi2Spec } from '../../src/path/dual-pi2.ts';
import type { Pie, PieSpec } from '../../src/path/pie.ts';
import { type Arrival, QueueBench, steady, type Taken } from './queue-bench.ts';

const ECT1 = 1;
const ECT0 = 2;
const CE = 3;
const PERIOD = 15 * MS;

const pie = (spec: PieSpec = {}): QueueBench<Pie> =>
  new QueueBench<Pie>({ kind: 'pie', limitFrames: 30_000, ...spec });
const dual = (spec: DualPi2Spec = {}): QueueBench<DualPi2> =>
  new QueueBench<DualPi2>({ kind: 'dualpi2', limitFrames: 30_000, ...spec });

/** As an update finds it at `n` periods, and all before. */
function runPeriods(bench: QueueBench<Pie> | QueueBench<DualPi2>, n: number): void {
  bench.queue.clock.advanceTo(n * PERIOD);
  bench.queue.catchUp();
}

/** A standing queue from time 0, of which one frame leaves a millisecond before each update. */
function standing(bench: QueueBench<Pie>, periods: number): number[] {
  for (let i = 0; i < 2 * periods; i++) bench.offer(0);
  const seen: number[] = [];
  for (let n = 1; n <= periods; n++) {
    bench.take(n * PERIOD - MS);
    runPeriods(bench, n);
    seen.push(bench.queue.probability);
  }
  return seen;
}

/**
 * The steps α (w − 15 ms) + β (w − w before) for w = 14, 29, 44 … ms over the divisors of §4.2's table
 * (the second column: what p is divided by at the p before).
 */
const STEPS: readonly (readonly [number, number])[] = [
  [0.125 * -0.001 + 1.25 * 0.014, 2048],
  [0.125 * 0.014 + 1.25 * 0.015, 512], // p = 8.5e-6
  [0.125 * 0.029 + 1.25 * 0.015, 128], // 4.9e-5
  [0.125 * 0.044 + 1.25 * 0.015, 32], // 2.2e-4
  [0.125 * 0.059 + 1.25 * 0.015, 32], // 9.8e-4
  [0.125 * 0.074 + 1.25 * 0.015, 8], // 1.8e-3
  [0.125 * 0.089 + 1.25 * 0.015, 8],
  [0.125 * 0.104 + 1.25 * 0.015, 8],
  [0.125 * 0.119 + 1.25 * 0.015, 2], // 1.3e-2
  [0.125 * 0.134 + 1.25 * 0.015, 2],
  [0.125 * 0.149 + 1.25 * 0.015, 2],
  [0.125 * 0.164 + 1.25 * 0.015, 2],
  [0.125 * 0.179 + 1.25 * 0.015, 2], // 8.9e-2
  [0.02, 1], // 0.11: α 0.194 + β 0.015 is 0.043, capped (§5.5)
  [0.02, 1],
];

t.test('RFC 8033 §4.2: the drop probability, by the formula and its scaling table', async (t) => {
  let p = 0;
  const expected = STEPS.map(([step, divisor]) => {
    p += step / divisor;
    return p;
  });
  const seen = standing(pie(), STEPS.length);
  for (const [i, want] of expected.entries()) {
    t.ok(Math.abs(seen[i]! - want) < 1e-12, `${i + 1}: ${seen[i]} is ${want}`);
  }
  t.ok(seen[11]! < 0.1 && seen[12]! > 0.1, 'the cap of §5.5 begins at a tenth');
});

t.test('RFC 8033 §4.2: where nothing waits, the probability decays', async (t) => {
  const bench = pie({ alphaHz: 0.5, betaHz: 0 });
  const [high] = standing(bench, 25).slice(-1);
  t.ok(high! > 0.2, `${high}`);
  while (bench.queue.count > 0) bench.take(25 * PERIOD);
  let p = high! - 0.5 * 0.015; // there was a wait at the update before: no decay yet
  for (let n = 26; n < 32; n++) {
    runPeriods(bench, n);
    t.ok(Math.abs(bench.queue.probability - p) < 1e-12, `${bench.queue.probability} is ${p}`);
    p = (p - 0.5 * 0.015) * 0.98;
  }
  runPeriods(bench, 100_000_000);
  t.equal(bench.queue.probability, 0, 'and after weeks of silence, at once');
});

t.test('RFC 8033 §4.4: a burst of 150 ms passes, and after a quiet time the next', async (t) => {
  const bench = pie();
  const burst = (fromNs: number): number => {
    const had = bench.dropped.length;
    for (let i = 0; i < 400; i++) bench.offer(fromNs);
    let firstNs = 0;
    for (let ms = 1; ms <= 600; ms++) {
      bench.take(fromNs + ms * MS);
      for (let k = 0; k < 3; k++) bench.offer(fromNs + ms * MS);
      if (firstNs === 0 && bench.dropped.length > had) firstNs = ms * MS;
    }
    while (bench.queue.count > 0) bench.take(fromNs + 600 * MS);
    return firstNs;
  };
  t.ok(burst(0) >= 150 * MS, 'the probability is far above 0 by then');
  const second = burst(100 * SEC);
  t.ok(second >= 150 * MS && second < 250 * MS, `${second / MS} ms`);
});

/** A bench whose probability is `p` or a little more, for the rest of the period. */
function at(p: number, spec: PieSpec = {}): QueueBench<Pie> {
  const bench = pie({ alphaHz: p / 2, betaHz: 0, ...spec });
  for (let i = 0; i < 3000; i++) bench.offer(0);
  for (let n = 1; bench.queue.probability < p || n <= 11; n++) {
    bench.take(n * PERIOD - MS);
    runPeriods(bench, n);
  }
  return bench;
}

t.test('RFC 8033 §5.4: drops are neither too close nor too far apart', async (t) => {
  const bench = at(0.02);
  const p = bench.queue.probability;
  const gaps: number[] = [];
  let last = -1;
  const { nowNs } = bench.queue.clock;
  for (let i = 0; i < 20_000; i++) {
    const had = bench.dropped.length;
    bench.offer(nowNs, 100);
    if (bench.dropped.length === had) continue;
    if (last >= 0) gaps.push(i - last);
    last = i;
  }
  t.ok(gaps.length > 100);
  t.ok(
    Math.min(...gaps) >= Math.ceil(0.85 / p),
    `${Math.min(...gaps)}: 0.85 of a drop is due at least`,
  );
  t.ok(Math.max(...gaps) <= Math.ceil(8.5 / p), `${Math.max(...gaps)}`);
  const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  const expected = 0.85 / p + 1 / p;
  t.ok(Math.abs(mean - expected) < 0.15 * expected, `${mean}: then with p each`);
});

t.test('RFC 8033 §5.4: where chance spares them, one is dropped for certain', async (t) => {
  const bench = at(0.1);
  Object.assign(bench.queue, { random: { int32: () => -1 } }); // spares all
  const { nowNs } = bench.queue.clock;
  const { offered } = bench;
  for (let i = 0; i < 500; i++) bench.offer(nowNs, 100);
  const gap = Math.ceil(8.5 / bench.queue.probability);
  t.equal(bench.dropped[0]?.n, offered + gap - 1);
  t.equal(bench.dropped[1]?.n, offered + 2 * gap - 1);
});

t.test(
  'RFC 8033 §4.1: nothing is dropped where the wait is short and the chance low',
  async (t) => {
    for (const [p, isDropped] of [
      [0.15, false],
      [0.3, true],
    ] as const) {
      const bench = at(p, { burstNs: 0 });
      const nowNs = bench.queue.clock.nowNs + MS;
      while (bench.queue.count > 0) bench.take(nowNs);
      const had = bench.dropped.length;
      for (let i = 0; i < 5; i++) bench.offer(nowNs);
      bench.take(nowNs + MS);
      bench.queue.clock.advanceTo(nowNs + PERIOD); // its update saw a wait of a millisecond
      bench.queue.catchUp();
      for (let i = 0; i < 300; i++) bench.offer(nowNs + PERIOD);
      t.ok(bench.queue.probability > 0.1);
      t.equal(bench.dropped.length > had, isDropped, `${bench.queue.probability}`);
    }
  },
);

t.test('RFC 8033 §5.1: marks below a tenth, drops above', async (t) => {
  for (const [p, isMarked] of [
    [0.05, true],
    [0.15, false],
  ] as const) {
    const bench = at(p, { ecn: true });
    const { nowNs } = bench.queue.clock;
    const before = bench.queue.count;
    for (let i = 0; i < 1000; i++) bench.offer(nowNs, 1000, 1, ECT0);
    t.ok(isMarked ? bench.queue.probability < 0.1 : bench.queue.probability > 0.1);
    t.equal(bench.count('marked') > 0, isMarked);
    t.equal(bench.count('overload') > 0, !isMarked);
    t.equal(bench.count('early'), 0);
    t.equal(bench.queue.count - before + bench.count('overload'), 1000);
    for (let i = 0; i < 1000; i++) bench.offer(nowNs);
    t.ok(bench.count('early') > 0, 'who knows no ECN is dropped');
  }
});

t.test('RFC 8033 §4.1: two frames are no queue', async (t) => {
  const bench = at(0.5);
  const { nowNs } = bench.queue.clock;
  while (bench.queue.bytes > 2 * 1514) bench.take(nowNs);
  for (let i = 0; i < 500; i++) {
    bench.offer(nowNs);
    bench.take(nowNs);
  }
  t.equal(bench.dropped.length, 0);
  for (let i = 0; i < 50; i++) bench.offer(nowNs);
  t.ok(bench.dropped.length > 0);
});

t.test('byBytes: small frames are dropped less, in proportion', async (t) => {
  const share = (len: number, byBytes: boolean): number => {
    const bench = at(0.1, { byBytes });
    for (let i = 0; i < 5000; i++) bench.offer(bench.queue.clock.nowNs, len);
    return bench.dropped.length / 5000;
  };
  const ratio = share(1514, true) / share(151, true);
  t.ok(ratio > 8 && ratio < 12, `${ratio}`);
  t.ok(Math.abs(share(1514, false) / share(151, false) - 1) < 0.1);
});

/** Bursts, pauses of seconds, all sizes and codepoints. */
function wild(seed: number): Arrival[] {
  const draw = new Rng(seed).stream('traffic');
  const all: Arrival[] = [];
  let atNs = 0;
  for (let i = 0; i < 6000; i++) {
    const kind = draw.below(2000);
    if (kind === 0) atNs += draw.below(2 * SEC);
    else if (kind < 1500) atNs += draw.below(1200 * US);
    all.push({ atNs, len: 60 + draw.below(1454), flow: draw.below(9), ecn: draw.below(4) });
  }
  return all;
}

for (const kind of ['pie', 'dualpi2'] as const) {
  t.test(`${kind}: updates done late are those done on time`, async (t) => {
    for (const seed of [1, 2, 3]) {
      const traffic = wild(seed);
      const late = new QueueBench<Pie | DualPi2>({
        kind,
        ...(kind === 'pie' ? { ecn: true } : {}),
      });
      const onTime = new QueueBench<Pie | DualPi2>({
        kind,
        ...(kind === 'pie' ? { ecn: true } : {}),
      });
      const { queue } = onTime;
      const tick = (untilNs: number): void => {
        for (let n = Math.floor(queue.clock.nowNs / PERIOD) + 1; n * PERIOD < untilNs; n++) {
          queue.clock.advanceTo(n * PERIOD);
          queue.catchUp();
        }
      };
      const offer = onTime.offer.bind(onTime);
      const take = onTime.take.bind(onTime);
      onTime.offer = (atNs, ...rest) => {
        tick(atNs);
        offer(atNs, ...rest);
      };
      onTime.take = (atNs) => {
        tick(atNs);
        return take(atNs);
      };
      const one = late.serve(traffic, 10e6);
      t.same(one, onTime.serve(traffic, 10e6));
      t.same(late.dropped, onTime.dropped);
      t.ok(
        late.queue.ledger.dropped > 10 && late.count('marked') > 10,
        `${late.queue.ledger.dropped} dropped, ${late.count('marked')} marked`,
      );
      t.equal(one.length + late.dropped.length, traffic.length);
      t.ok(late.isHome() && onTime.isHome());
    }
  });
}

t.test("RFC 9332 §2.1, A.1: p_CL = 2 p' and p_C = p'², with α = 0.15 and β = 3", async (t) => {
  const bench = dual();
  for (let i = 0; i < 100; i++) bench.offer(0);
  let p = 0;
  let before = 0;
  for (let n = 1; n <= 8; n++) {
    bench.take(n * PERIOD - MS);
    runPeriods(bench, n);
    const wait = (n * PERIOD) / 1e9; // of the oldest that waits, to this very moment
    p += 0.15 * (wait - 0.015) + 3 * (wait - before);
    before = wait;
    const { base, classicProbability, coupledProbability } = bench.queue;
    t.ok(Math.abs(base - p) < 1e-12, `${n}: ${base} is ${p}`);
    t.equal(coupledProbability, Math.min(1, 2 * base));
    t.ok(Math.abs(classicProbability - (2 * base * 2 * base) / 4) < 1e-12, '(p_CL / k)²');
  }
  const other = dual({ maxRttNs: 30 * MS, coupling: 3 });
  for (let i = 0; i < 10; i++) other.offer(0);
  other.queue.clock.advanceTo(10 * MS); // Tupdate = RTT_max / 3
  other.queue.catchUp();
  const alpha = (0.1 * 0.01) / 0.03 ** 2;
  t.ok(Math.abs(other.queue.base - (alpha * -0.005 + (0.3 / 0.03) * 0.01)) < 1e-12);
  t.equal(other.queue.coupledProbability, 3 * other.queue.base);
});

/** Which of 40 frames are marked when each has waited so long; `company`: others wait behind. */
function marks(waitNs: number, spec: DualPi2Spec, company: number): number {
  const bench = dual({ updateNs: 100 * SEC, ...spec });
  let marked = 0;
  for (let i = 0; i < 40 + company; i++) bench.offer(0, 1000, 1, ECT1);
  for (let i = 0; i < 40; i++) {
    const x: Taken = bench.take(waitNs)!;
    if (x.ecn === CE) marked++;
  }
  return marked;
}

t.test('RFC 9332 A.1: the ramp of L from 800 µs, over 400 µs', async (t) => {
  t.equal(marks(800 * US, {}, 5), 0);
  t.equal(marks(900 * US, {}, 5), 9, 'a quarter, less what the first owes');
  t.equal(marks(1000 * US, {}, 5), 19);
  t.equal(marks(1200 * US, {}, 5), 39);
  t.equal(marks(1200 * US, {}, 0), 38, 'the last is alone: no queue');
  t.equal(marks(1200 * US, { rampFrames: 20 }, 0), 19);
  const step = { rampFromNs: MS, rampNs: 0 };
  t.equal(marks(MS - 1, step, 5), 0);
  t.equal(marks(MS, step, 5), 39, 'a step');
});

t.test(
  'RFC 9332 §2.3, §2.5: ECT(1) and CE go before the others, which have their share',
  async (t) => {
    const bench = dual();
    bench.offer(0, 1000, 1, 0);
    bench.offer(0, 1000, 1, ECT0);
    bench.offer(0, 1000, 1, ECT1);
    bench.offer(0, 1000, 1, CE);
    t.same(
      [0, 1, 2, 3].map(() => bench.take(0)!.n),
      [2, 3, 0, 1],
    );
    for (const [share, len] of [
      [0.1, 1000],
      [0.1, 200],
      [0.5, 1000],
      [0, 1000],
    ] as const) {
      const both = dual({ classicShare: share });
      for (let i = 0; i < 3000; i++) {
        both.offer(0, 1000, 1, ECT1);
        both.offer(0, len, 2, 0);
      }
      const bytes = [0, 0];
      for (let i = 0; i < 2000; i++) {
        const x = both.take(0)!;
        bytes[x.flow - 1]! += x.len;
      }
      const [low, classic] = bytes as [number, number];
      const error = Math.abs(classic - share * (low + classic));
      t.ok(error <= 3000, `${classic} of ${low + classic} is ${share}`);
    }
  },
);

t.test(
  'RFC 9332 A.2: in overload L is dropped like C, and C although it could be marked',
  async (t) => {
    const bench = dual();
    for (let i = 0; i < 2500; i++) bench.offer(0, 1000, 1, ECT1);
    for (let i = 0; i < 2500; i++) bench.offer(0, 1000, 2, ECT0);
    runPeriods(bench, 14); // 210 ms: p' is 0.84
    const { base, classicProbability } = bench.queue;
    t.ok(base > 0.5 && base < 1);
    t.equal(bench.queue.coupledProbability, 1);
    const taken: Taken[] = [];
    for (let x = bench.take(14 * PERIOD); x !== null; x = bench.take(14 * PERIOD)) taken.push(x);
    const share = (flow: number): number => 1 - taken.filter((x) => x.flow === flow).length / 2500;
    t.ok(Math.abs(share(1) - classicProbability) < 0.01, `L: ${share(1)} is p_C`);
    t.ok(Math.abs(share(2) - classicProbability) < 0.01, `C: ${share(2)}`);
    t.equal(bench.count('overload'), bench.dropped.length);
    const low = taken.filter((x) => x.flow === 1);
    t.ok(low.filter((x) => x.ecn === CE).length > 0.99 * low.length, 'those that stay are marked');
    t.ok(taken.every((x) => x.flow === 1 || x.ecn === ECT0));
  },
);

t.test('RFC 9332 §2.1: below overload C is marked with the square, L with k times', async (t) => {
  const bench = dual({ rampFromNs: SEC });
  for (let i = 0; i < 4000; i++) bench.offer(0, 1000, 1, ECT1);
  for (let i = 0; i < 8000; i++) bench.offer(0, 1000, 2, i & 1 ? ECT0 : 0);
  runPeriods(bench, 6);
  const { base } = bench.queue;
  t.ok(base > 0.2 && base < 0.5, `${base}`);
  const taken: Taken[] = [];
  for (let x = bench.take(6 * PERIOD); x !== null; x = bench.take(6 * PERIOD)) taken.push(x);
  const low = taken.filter((x) => x.flow === 1);
  t.equal(low.length, 4000, 'L loses nothing');
  const marked = low.filter((x) => x.ecn === CE).length / 4000;
  t.ok(Math.abs(marked - 2 * base) < 0.001, `${marked} is 2 p'`);
  const signals = bench.count('early') + taken.filter((x) => x.flow === 2 && x.ecn === CE).length;
  t.ok(Math.abs(signals / 8000 - base * base) < 0.001, `${signals / 8000} is p'²`);
  t.ok(bench.count('early') > 0 && bench.count('overload') === 0);
});

t.test('RFC 9332 §1: L waits less than a millisecond beside a C that is full', async (t) => {
  const rateBps = 40e6;
  const classic = steady({ len: 1514, flow: 2, ecn: 0 }, 378 * US, 3 * SEC); // 32 Mbit/s
  const low = steady({ len: 1000, flow: 1, ecn: ECT1 }, 700 * US, 3 * SEC); // 11 Mbit/s
  const bench = new QueueBench({ kind: 'dualpi2' });
  const taken = bench.serve([...classic, ...low], rateBps);
  const waits = (flow: number): number[] =>
    taken.filter((x) => x.flow === flow).map((x) => x.waitedNs);
  const lowWaits = waits(1);
  t.ok(Math.max(...lowWaits) < MS, `${Math.max(...lowWaits) / US} µs`);
  t.ok(Math.min(...waits(2).slice(2000)) > 5 * MS, 'the others wait');
  t.equal(lowWaits.length, low.length);
});
