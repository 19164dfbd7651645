/** Rates from traces and chains, delays from files, jitter by distribution. At 8 Mbit/s a byte takes a microsecond. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { parseDelays } from '../../src/path/delay-file.ts';
import { normalTable, paretoTable } from '../../src/path/jitter.ts';
import { parseMahimahi } from '../../src/path/mahimahi.ts';
import { peakBps, type RateSpec } from '../../src/path/rate-spec.ts';
import { Bench, type Options } from './link-bench.ts';
import { burst, type Row, testRows } from './link-rows.ts';

/** A frame whose IP packet has 1,500 bytes, and one whose packet fills half an opportunity with its 4 bytes more. */
const FULL = 1514;
const HALF = 762;

const ROWS: readonly Row[] = [
  {
    says: 'a trace of one opportunity a millisecond is a packet of 1,500 bytes a millisecond',
    spec: { rateBps: { trace: '1\n' }, delayNs: MS },
    sends: burst(0, 3, FULL),
    arrive: [
      [0, 2],
      [1, 3],
      [2, 4],
    ],
  },
  {
    says: 'an opportunity that comes twice is two; the trace repeats, from its last on',
    spec: { rateBps: { trace: '2\n2\n5' } },
    sends: burst(0, 7, FULL),
    arrive: [
      [0, 2],
      [1, 2],
      [2, 5],
      [3, 7],
      [4, 7],
      [5, 10],
      [6, 12],
    ],
  },
  {
    says: 'small frames share an opportunity, and a large one goes on in the next',
    spec: { rateBps: { trace: '10' } },
    // 752 + 752 fill the first; 1504 the second; 752 and half of the next frame the third.
    sends: [...burst(0, 2, HALF), ...burst(0, 1, FULL), ...burst(0, 1, HALF), ...burst(0, 1, FULL)],
    arrive: [
      [0, 10],
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
    ],
  },
  {
    says: 'what is left of an opportunity is lost when nothing waits, and one serves what came before it',
    spec: { rateBps: { trace: '10' } },
    sends: [
      ...burst(9, 1, HALF),
      ...burst(10, 1, HALF),
      ...burst(20, 1, HALF),
      ...burst(35, 2, HALF),
    ],
    arrive: [
      [0, 10],
      [1, 20],
      [2, 30],
      [3, 40],
      [4, 40],
    ],
  },
  {
    says: 'also within a round of the trace',
    spec: { rateBps: { trace: '5\n10' } },
    sends: [...burst(4, 1, HALF), ...burst(5, 1, HALF)],
    arrive: [
      [0, 5],
      [1, 10],
    ],
  },
  {
    says: 'a trace is where it is after any number of rounds that nobody saw',
    spec: { rateBps: { trace: '3\n10' } },
    sends: [...burst(9_999, 1, FULL), ...burst(10_004, 1, FULL)],
    arrive: [
      [0, 10_000],
      [1, 10_010],
    ],
  },
  {
    says: 'a frame leaves the queue at its opportunity, not before: the queue is as full as mm-link’s',
    spec: { rateBps: { trace: '10' }, queue: { kind: 'drop-tail', limitFrames: 2 } },
    sends: [...burst(0, 3, FULL), ...burst(11, 2, FULL)],
    arrive: [
      [0, 10],
      [1, 20],
      [3, 30],
    ],
  },
  {
    says: 'delays from a file hold from their time on; nobody overtakes',
    spec: { delayNs: { steps: parseDelays('0 10\n1.0 50 # worse\n\n2.0, 2.5\n') } },
    sends: [
      ...burst(999, 1),
      ...burst(1000, 1),
      ...burst(1990, 1),
      ...burst(2001, 1),
      ...burst(2050, 1),
    ],
    arrive: [
      [0, 1009],
      [1, 1050],
      [2, 2040],
      [3, 2040],
      [4, 2052.5],
    ],
  },
  {
    says: 'who arrives with the one before it also waits from then on, where frames are gathered',
    spec: {
      delayNs: { steps: parseDelays('0 10\n0.005 2') },
      aggregation: { frames: 2, waitNs: 4 * MS },
    },
    sends: [...burst(3, 1), ...burst(4, 1), ...burst(5, 1)],
    arrive: [
      [0, 14],
      [1, 14],
      [2, 18],
    ],
  },
  {
    says: 'or they overtake, where the link may reorder',
    spec: { delayNs: { steps: parseDelays('0 10\n0.005 2') }, mayReorder: true },
    sends: [...burst(4, 1), ...burst(5, 1)],
    arrive: [
      [1, 7],
      [0, 14],
    ],
  },
];

testRows(ROWS);

t.test('what is no trace is refused, with its line', async (t) => {
  for (const [text, says] of [
    ['', /line 1/],
    ['0\n0\n', /line 2 is the length of the trace, and 0/],
    ['1\n\n2\n', /line 2 is empty/],
    ['1\nx\n', /line 2 is not a whole number: x/],
    ['1\n2.5\n', /line 2/],
    ['5\n4\n', /line 2 goes back in time: 4 after 5/],
  ] as const) {
    t.throws(() => parseMahimahi(text), { message: says }, JSON.stringify(text));
  }
  t.same([...parseMahimahi('0\r\n1\r\n1')], [0, MS, MS]);
  for (const [text, says] of [
    ['', /none/],
    ['1 2\n1 3', /line 2/],
    ['0 5\n-1 3', /line 2/],
    ['0 5\n3', /line 2/],
  ] as const) {
    t.throws(() => parseDelays(text), { message: says }, JSON.stringify(text));
  }
});

/** Bytes a second through a link that always has something to send. */
function throughput(options: Options, seconds: number): number {
  const b = new Bench({ ...options, queue: { kind: 'drop-tail', limitFrames: 4 } });
  const { link, clock } = b;
  for (let i = 0; i < 5; i++) b.send(0, 1000);
  while (clock.nowNs < seconds * SEC) {
    b.runTo(clock.nowNs + 5e5);
    while (link.queue.count < 4) b.send(clock.nowNs, 1000);
    clock.nowNs += 5e5;
  }
  link.close();
  return link.stats.get('deliveredBytes') / seconds;
}

t.test('chains are in each state for the share of time that their means say', async (t) => {
  const specs: readonly (readonly [RateSpec, number])[] = [
    [{ onOff: { bps: 8e6, onNs: 30 * MS, offNs: 10 * MS } }, 0.75e6],
    [
      {
        markov: [
          { bps: 8e6, meanNs: 10 * MS },
          { bps: 4e6, meanNs: 20 * MS },
          { bps: 0, meanNs: 10 * MS },
        ],
      },
      // Visits alike: the times are as the means, 1 : 2 : 1.
      0.5e6,
    ],
    [
      {
        markov: [
          { bps: 8e6, meanNs: 10 * MS, to: [0, 3, 1] },
          { bps: 0, meanNs: 10 * MS, to: [1, 0, 0] },
          { bps: 2e6, meanNs: 20 * MS, to: [1, 0, 0] },
        ],
      },
      // Visits 4 : 3 : 1, times 40 : 30 : 20; (40 · 8 + 20 · 2) / 90 Mbit/s.
      0.5e6,
    ],
  ];
  for (const [rateBps, wanted] of specs) {
    const seconds = 60;
    const got = throughput({ rateBps, seed: 3 }, seconds);
    // About 1,500 cycles of 40 ms, each with a deviation of about its mean: three sigma are 8 %.
    t.ok(Math.abs(got / wanted - 1) < 0.08, `${got} bytes a second, wanted ${wanted}`);
    t.equal(throughput({ rateBps, seed: 3 }, 5), throughput({ rateBps, seed: 3 }, 5));
    t.not(throughput({ rateBps, seed: 3 }, 5), throughput({ rateBps, seed: 4 }, 5));
    t.equal(peakBps(rateBps), 8e6);
  }
  t.equal(peakBps({ trace: '1' }), 1504 * 8 * 1000);
});

t.test('a chain whose frames would wait for ever is refused', async (t) => {
  const off = { bps: 0, meanNs: MS };
  const on = { bps: 1e6, meanNs: MS };
  for (const markov of [
    [off, off],
    [on],
    [on, { ...off, to: [0, 1] }],
    [on, { ...off, to: [1] }],
    [on, { ...off, to: [0, 0] }],
    [on, { ...off, meanNs: 0 }],
  ]) {
    t.throws(() => new Bench({ rateBps: { markov } }), JSON.stringify(markov));
  }
  t.ok(new Bench({ rateBps: { markov: [on, { ...off, to: [0, 0, 1] }, off] } }));
});

t.test('jitter is distributed as asked', async (t) => {
  const N = 20_000;
  const delays = (options: Options): Float64Array => {
    const b = new Bench({ ...options, mayReorder: true });
    const sent: number[] = [];
    for (let i = 0; i < N; i++) {
      b.send(i * 1e4, 64);
      sent.push(i * 1e4);
    }
    b.runTo(1e15);
    const got = Float64Array.from(b.arrivals.seen, ({ n, atNs }) => atNs - sent[n]!);
    t.ok(b.conserves() && b.isHome() && got.length === N);
    return got.sort();
  };
  const mean = (all: Float64Array): number => all.reduce((sum, x) => sum + x, 0) / all.length;
  const at = (all: Float64Array, p: number): number => all[Math.floor(p * all.length)]!;

  const normal = delays({ delayNs: 10 * MS, jitter: { normalNs: MS } });
  t.ok(Math.abs(mean(normal) / MS - 10) < 0.03);
  for (const [p, sigmas] of [
    [0.0228, -2],
    [0.1587, -1],
    [0.5, 0],
    [0.8413, 1],
    [0.9772, 2],
  ] as const) {
    t.ok(Math.abs(at(normal, p) / MS - 10 - sigmas) < 0.08, `${sigmas} sigma`);
  }
  const pareto = delays({ jitter: { paretoNs: MS, shape: 3 } });
  t.ok(Math.abs(mean(pareto) / MS - 1) < 0.06, `${mean(pareto)}`);
  // Above x with probability (1 + x/2)⁻³ for a mean of 1.
  t.ok(Math.abs(at(pareto, 0.5) / MS - 0.5198) < 0.02);
  t.ok(Math.abs(at(pareto, 0.99) / MS - 7.283) < 0.7);
  const clamped = delays({ rateBps: 80e6, delayNs: MS, jitter: { normalNs: 5 * MS } });
  t.equal(clamped[0], 6400, 'no delay is negative: what 64 bytes take to be sent is the least');
});

t.test('the tables are what they say, value by value', async (t) => {
  const sum = (all: Float64Array): number => all.reduce((total, x) => total + x, 0);
  const normal = normalTable(1e6);
  t.equal(normal.length, 4096);
  t.equal(sum(normal), 0, 'both sides alike');
  t.equal(normal[4095], 3_668_329, 'the quantile of 8191/8192');
  const deviation = Math.sqrt(normal.reduce((total, x) => total + x * x, 0) / 4096);
  t.ok(deviation > 0.998e6 && deviation < 1e6, `${deviation}`);
  const pareto = paretoTable(1e6, 2);
  // (8192/4096)^(1/2) - 1 in the middle, (8192)^(1/2) - 1 at the end, for a scale of 1 ms.
  t.ok(Math.abs(pareto[2048]! - 1e6 * (Math.sqrt(8192 / 4095) - 1)) <= 1);
  t.ok(Math.abs(pareto[4095]! - 1e6 * (Math.sqrt(8192) - 1)) <= 1);
  t.throws(() => paretoTable(1, 1));
});
