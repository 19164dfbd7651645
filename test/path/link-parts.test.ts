/** Each part of a link against numbers worked out by hand. At 8 Mbit/s a byte takes a microsecond. */
import t from 'tap';
import { MS, SEC, US } from '../../src/base/time.ts';
import { makeDelay, makeJitter } from '../../src/path/delay-spec.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { makeDuplication, makeLoss } from '../../src/path/medium-spec.ts';
import { makeRate } from '../../src/path/rate-spec.ts';
import { Bench } from './link-bench.ts';
import { burst, type Row, testRows } from './link-rows.ts';

const MBIT8 = 8e6;
const SLOW_AT_2 = [
  { atNs: 0, bps: MBIT8 },
  { atNs: 2 * MS, bps: MBIT8 / 10 },
];
const OFF_FROM_1_TO_5 = [
  { atNs: 0, bps: MBIT8 },
  { atNs: MS, bps: 0 },
  { atNs: 5 * MS, bps: MBIT8 },
];

const ROWS: readonly Row[] = [
  {
    says: 'a step of the rate counts from its time on, for the frame that is being sent as well',
    spec: { rateBps: { steps: SLOW_AT_2 } },
    sends: [...burst(0, 1), ...burst(1.5, 2)],
    // The second has half of its bytes sent at 2 ms; the other 500 take 5 ms.
    arrive: [
      [0, 1],
      [1, 7],
      [2, 17],
    ],
  },
  {
    says: 'a rate of 0 holds the frame that is being sent, and those behind it',
    spec: { rateBps: { steps: OFF_FROM_1_TO_5 }, delayNs: MS },
    sends: [...burst(0.25, 2), ...burst(3, 1)],
    arrive: [
      [0, 6.25],
      [1, 7.25],
      [2, 8.25],
    ],
  },
  {
    says: 'steps that repeat begin again, over as many rounds as nobody looked',
    spec: { rateBps: { steps: OFF_FROM_1_TO_5, repeatNs: 10 * MS } },
    // 1 ms on, 4 off, 5 on: a round is 6 ms of sending.
    sends: [...burst(0, 7), ...burst(1000.5, 1)],
    arrive: [
      [0, 1],
      [1, 6],
      [2, 7],
      [3, 8],
      [4, 9],
      [5, 10],
      [6, 11],
      [7, 1005.5],
    ],
  },
  {
    says: 'before its first time a schedule has its first value',
    spec: { rateBps: { steps: [{ atNs: 5 * MS, bps: MBIT8 }] } },
    sends: burst(1, 1),
    arrive: [[0, 2]],
  },
  {
    says: 'a policer passes its burst, and then what tokens have come for',
    spec: { policer: { rateBps: MBIT8, burstBytes: 3000 } },
    // Full: three. Then 999 tokens at 0.999 ms, 1000 at 1 ms; at 10 ms no more than 3000.
    sends: [...burst(0, 4), ...burst(0.999, 1), ...burst(1, 2), ...burst(10, 4), [10, 4]],
    arrive: [
      [0, 0],
      [1, 0],
      [2, 0],
      [5, 1],
      [7, 10],
      [8, 10],
      [9, 10],
    ],
  },
  {
    says: 'what the policer drops costs no tokens: a shorter frame may pass',
    spec: { policer: { rateBps: MBIT8, burstBytes: 1000 } },
    sends: [
      [0, 600],
      [0, 600],
      [0, 400],
    ],
    arrive: [
      [0, 0],
      [2, 0],
    ],
  },
  {
    says: 'a shaper passes its burst and queues the rest, at its rate',
    spec: {
      rateBps: { shaper: { rateBps: MBIT8, burstBytes: 3000 } },
      queue: { kind: 'drop-tail', limitFrames: 3 },
    },
    // 0, 1, 2 at once; 3 waits for tokens in the transmitter, 4, 5, 6 in the queue, 7 finds it full.
    sends: [...burst(0, 8), ...burst(20, 2)],
    arrive: [
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 1],
      [4, 2],
      [5, 3],
      [6, 4],
      [8, 20],
      [9, 20],
    ],
  },
  {
    says: 'a frame longer than the shaper’s bucket leaves when that is full, and is paid for after',
    spec: { rateBps: { shaper: { rateBps: MBIT8, burstBytes: 500 } } },
    sends: [
      [0, 1500],
      [0, 100],
    ],
    // 1000 tokens short at 0; 100 there are at 1.1 ms.
    arrive: [
      [0, 0],
      [1, 1.1],
    ],
  },
  {
    says: 'slots hand over at their times, everything that has arrived by then',
    spec: { rateBps: MBIT8, delayNs: MS, aggregation: { slotNs: 4 * MS } },
    // Arrive at 2, 3, 4, 5, 6 and 20 ms.
    sends: [...burst(0, 5), ...burst(18, 1)],
    arrive: [
      [0, 4],
      [1, 4],
      [2, 4],
      [3, 8],
      [4, 8],
      [5, 20],
    ],
  },
  {
    says: 'slots may be offset',
    spec: { aggregation: { slotNs: 4 * MS, offsetNs: MS } },
    sends: [...burst(0, 1), ...burst(1, 1), ...burst(1.5, 1), ...burst(9, 1)],
    arrive: [
      [0, 1],
      [1, 1],
      [2, 5],
      [3, 9],
    ],
  },
  {
    says: 'groups go when they are complete',
    spec: { rateBps: MBIT8, aggregation: { frames: 3, waitNs: SEC } },
    sends: burst(0, 7),
    arrive: [
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 6],
      [4, 6],
      [5, 6],
      [6, 1007],
    ],
  },
  {
    says: 'or when the first of them has waited long enough; the next waits anew',
    spec: { delayNs: MS, aggregation: { frames: 3, waitNs: 4 * MS } },
    sends: [...burst(0, 1), ...burst(2, 1), ...burst(6, 1), ...burst(20, 3)],
    arrive: [
      [0, 5],
      [1, 5],
      [2, 11],
      [3, 21],
      [4, 21],
      [5, 21],
    ],
  },
];

testRows(ROWS);

t.test('what the policer drops is counted, and said', async (t) => {
  const b = new Bench({ policer: { rateBps: MBIT8, burstBytes: 1500 } });
  for (let i = 0; i < 5; i++) b.send(0);
  t.equal(b.link.stats.get('policed'), 4);
  t.same(new Set(b.dropped), new Set(['link: policed']));
});

t.test('slots cost one event each, not one a frame', async (t) => {
  const b = new Bench({ rateBps: MBIT8, aggregation: { slotNs: 10 * MS } });
  for (let i = 0; i < 100; i++) b.send(0);
  t.equal(b.runTo(SEC), 10);
});

t.test(
  'jitter without reordering keeps the order, with it does not; both are within bounds',
  async (t) => {
    const spec: LinkSpec = {
      delayNs: 5 * MS,
      jitter: { uniformNs: 10 * MS },
      queue: { kind: 'drop-tail', limitFrames: 2000 },
    };
    const arrivals = (mayReorder: boolean) => {
      const b = new Bench({ ...spec, mayReorder });
      for (let i = 0; i < 1000; i++) b.send(i * 100 * US, 100);
      b.runTo(10 * SEC);
      t.ok(b.conserves() && b.isHome());
      return b.arrivals.seen;
    };
    const inOrder = arrivals(false);
    t.same(
      inOrder.map((s) => s.n),
      Array.from({ length: 1000 }, (_, n) => n),
    );
    const mixed = arrivals(true);
    const own = new Float64Array(1000);
    for (const [i, { n, atNs }] of mixed.entries()) {
      own[n] = atNs;
      const late = atNs - n * 100 * US;
      if (late < 5 * MS || late >= 15 * MS) t.fail(`${n} took ${late} ns`);
      if (i > 0 && mixed[i - 1]!.atNs > atNs) t.fail('time goes back');
    }
    const overtaken = mixed.filter(({ n }, i) => i > 0 && n < mixed[i - 1]!.n).length;
    t.ok(overtaken > 300, `${overtaken} came late`);
    // The same draws: in order, each arrives when the last of those before it has.
    let lastNs = 0;
    for (const { n, atNs } of inOrder) {
      lastNs = Math.max(lastNs, own[n]!);
      if (atNs !== lastNs) t.fail(`${n} at ${atNs}, not ${lastNs}`);
    }
  },
);

t.test('frames that arrive at one instant do so in the order in which they left', async (t) => {
  const b = new Bench({ delayNs: MS, mayReorder: true });
  for (let i = 0; i < 500; i++) b.send(0, 100);
  b.runTo(SEC);
  t.same(
    b.arrivals.seen.map((s) => s.n),
    Array.from({ length: 500 }, (_, n) => n),
  );
});

t.test(
  'what is set by hand counts for the frames that begin to be sent from then on',
  async (t) => {
    const b = new Bench({ rateBps: MBIT8, delayNs: 10 * MS });
    for (let i = 0; i < 4; i++) b.send(0); // sent at 1, 2, 3, 4 ms
    b.runTo(1.5 * MS);
    b.clock.nowNs = 1.5 * MS;
    b.link.setRate(makeRate(MBIT8 * 2, b.streams));
    b.link.setDelay(makeDelay(20 * MS));
    b.runTo(SEC);
    t.same(
      b.arrivals.seen.map((s) => s.atNs / MS),
      [11, 12, 22.5, 23],
    );
    b.clock.nowNs = SEC;
    b.link.setLoss(makeLoss(1, b.streams));
    b.send(SEC);
    b.link.setLoss(null);
    b.link.setDelay(null);
    b.link.setRate(null);
    b.send(2 * SEC);
    b.runTo(2 * SEC);
    t.equal(b.link.stats.get('lost'), 1);
    t.same(b.arrivals.seen[4], { n: 5, atNs: 2 * SEC });
  },
);

t.test('a shorter delay set by hand lets nobody overtake, unless the link may', async (t) => {
  const run = (mayReorder: boolean) => {
    const b = new Bench({ delayNs: 10 * MS, mayReorder });
    b.send(0);
    b.link.setDelay(makeDelay(2 * MS));
    b.send(MS);
    b.runTo(SEC);
    return b.arrivals.seen.map((s) => [s.n, s.atNs / MS]);
  };
  t.same(run(false), [
    [0, 10],
    [1, 10],
  ]);
  t.same(run(true), [
    [1, 3],
    [0, 10],
  ]);
});

t.test(
  'what was sent before a change, though nobody had looked, was sent as it was then',
  async (t) => {
    const changes: readonly ((b: Bench) => void)[] = [
      (b) => b.link.setRate(null),
      (b) => b.link.setDelay(null),
      (b) => b.link.setJitter(makeJitter({ uniformNs: SEC }, b.streams)),
      (b) => b.link.setLoss(makeLoss(1, b.streams)),
      (b) => b.link.setDuplication(makeDuplication(1, b.streams)),
    ];
    for (const [i, change] of changes.entries()) {
      const b = new Bench({ rateBps: MBIT8, delayNs: 100 * MS });
      for (let n = 0; n < 6; n++) b.send(0); // sent at 0, 1, … 5 ms
      b.clock.nowNs = 3.5 * MS;
      change(b);
      b.runTo(10 * SEC);
      t.same(
        b.arrivals.seen.slice(0, 4).map((s) => [s.n, s.atNs / MS]),
        [
          [0, 101],
          [1, 102],
          [2, 103],
          [3, 104],
        ],
        `change ${i}`,
      );
      const rest = JSON.stringify(b.arrivals.seen.slice(4).map((s) => [s.n, s.atNs / MS]));
      t.not(rest, '[[4,105],[5,106]]', `change ${i} changes something`);
      t.ok(b.conserves() && b.isHome());
    }
  },
);

t.test('a trace that takes over goes on where its opportunities are by then', async (t) => {
  const b = new Bench({ rateBps: MBIT8 });
  for (let n = 0; n < 4; n++) b.send(0, 1514); // sent at 0, 1.514, …
  b.runTo(2 * MS);
  b.clock.nowNs = 2 * MS;
  b.link.setRate(makeRate({ trace: '2\n4\n7' }, b.streams));
  b.runTo(SEC);
  // The second is sent by 3.028 ms; opportunities come at 4, 7, 9 ms.
  t.same(
    b.arrivals.seen.map((s) => s.atNs / MS),
    [1.514, 3.028, 4, 7],
  );
});

t.test('a group that nobody looked after in time has left without who came later', async (t) => {
  const b = new Bench({ delayNs: 5 * MS, aggregation: { frames: 3, waitNs: 4 * MS } });
  b.send(0);
  b.send(5 * MS); // the first arrives now
  b.clock.nowNs = 12 * MS; // and left at 9, before the second came at 10
  b.link.advance();
  t.same(
    b.arrivals.seen.map((s) => s.n),
    [0],
  );
  b.runTo(SEC);
  t.same(b.arrivals.seen[1], { n: 1, atNs: 14 * MS });
});

t.test('a part that is made anew draws on from its stream', async (t) => {
  const b = new Bench({ jitter: { uniformNs: SEC } });
  b.send(0);
  b.link.setJitter(makeJitter({ uniformNs: SEC }, b.streams));
  b.send(0);
  b.runTo(10 * SEC);
  const [first, second] = b.arrivals.seen;
  t.not(first!.atNs, second!.atNs);
});

t.test('a rate that is 0 for ever is refused, and schedules out of order', async (t) => {
  const { streams } = new Bench({});
  const step = (atNs: number, bps: number) => ({ atNs, bps });
  for (const steps of [
    [],
    [step(0, 1), step(1, 0)],
    [step(1, 1), step(1, 2)],
    [step(-1, 1)],
    [step(0, -1), step(1, 1)],
  ]) {
    t.throws(() => makeRate({ steps }, streams), JSON.stringify(steps));
  }
  t.throws(() => makeRate({ steps: [step(0, 1), step(5, 2)], repeatNs: 5 }, streams));
  t.throws(() => makeRate(0, streams));
});
