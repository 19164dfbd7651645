/** What all queues do: limits, who goes when there is no room, and nothing is lost uncounted. */
import fc from 'fast-check';
import t from 'tap';
import { MS } from '../../src/base/time.ts';
import type { QueueSpec } from '../../src/path/queue-spec.ts';
import { type Arrival, QueueBench, type Taken } from './queue-bench.ts';

interface Full {
  readonly spec: QueueSpec;
  readonly lengths: readonly number[];
  readonly stays: readonly number[];
  readonly goes: readonly number[];
  readonly why: 'tail' | 'head';
}

const FULL: Full[] = [
  {
    spec: { kind: 'drop-tail', limitFrames: 3 },
    lengths: [100, 100, 100, 100, 100],
    stays: [0, 1, 2],
    goes: [3, 4],
    why: 'tail',
  },
  {
    spec: { kind: 'drop-head', limitFrames: 3 },
    lengths: [100, 100, 100, 100, 100],
    stays: [2, 3, 4],
    goes: [0, 1],
    why: 'head',
  },
  {
    spec: { kind: 'drop-tail', limitBytes: 1000 },
    lengths: [400, 400, 400, 200, 100],
    stays: [0, 1, 3],
    goes: [2, 4],
    why: 'tail',
  },
  {
    spec: { kind: 'drop-head', limitBytes: 1000 },
    lengths: [400, 400, 400, 200, 900],
    stays: [4],
    goes: [0, 1, 2, 3],
    why: 'head',
  },
  {
    spec: { kind: 'drop-tail', limitBytes: 50 },
    lengths: [400, 60],
    stays: [0],
    goes: [1],
    why: 'tail',
  },
  {
    spec: { kind: 'drop-head', limitBytes: 50, limitFrames: 0 },
    lengths: [400, 60],
    stays: [1],
    goes: [0],
    why: 'head',
  },
];

for (const kind of ['codel', 'pie', 'dualpi2', 'red'] as const) {
  FULL.push({
    spec: { kind, limitFrames: 9, limitBytes: 1000 },
    lengths: [400, 400, 400, 200, 100],
    stays: [0, 1, 3],
    goes: [2, 4],
    why: 'tail',
  });
}

for (const { spec, lengths, stays, goes, why } of FULL) {
  t.test(`a full queue: ${JSON.stringify(spec)} of ${lengths}`, async (t) => {
    const bench = new QueueBench(spec);
    for (const len of lengths) bench.offer(1, len);
    t.same(
      bench.dropped.map((d) => d.n),
      goes,
    );
    t.ok(bench.dropped.every((d) => d.why === `queue: ${why} drop`));
    const bytes = (numbers: readonly number[]): number =>
      numbers.reduce((sum, n) => sum + lengths[n]!, 0);
    t.equal(bench.queue.count, stays.length);
    t.equal(bench.queue.bytes, bytes(stays));
    t.equal(bench.count(why), goes.length);
    t.equal(bench.count('droppedBytes'), bytes(goes));
    t.equal(bench.queue.ledger.dropped, goes.length);
    for (const n of stays.slice(0, 1)) t.equal(bench.take(10)?.n, n, 'in order');
    t.ok(bench.isHome());
  });
}

const KINDS: readonly QueueSpec[] = [
  { kind: 'drop-tail' },
  { kind: 'drop-head' },
  { kind: 'red', ecn: true, weight: 0.1 },
  { kind: 'codel', ecn: true, targetNs: MS, intervalNs: 10 * MS, ceThresholdNs: 5 * MS },
  { kind: 'codel', targetNs: MS, intervalNs: 10 * MS },
  { kind: 'fq-codel', flows: 8, targetNs: MS, intervalNs: 10 * MS, quantumBytes: 300 },
  { kind: 'pie', targetNs: 2 * MS, updateNs: 2 * MS, burstNs: 5 * MS, alphaHz: 50 },
  { kind: 'dualpi2', targetNs: 2 * MS, maxRttNs: 10 * MS },
];

for (const spec of KINDS) {
  t.test(
    `any traffic through ${JSON.stringify(spec)}: all is counted, and the same again`,
    async (t) => {
      const arrival = fc.record({
        gapNs: fc.oneof(fc.constant(0), fc.nat({ max: MS }), fc.nat({ max: 50 * MS })),
        len: fc.integer({ min: 46, max: 1514 }),
        flow: fc.nat({ max: 20 }),
        ecn: fc.nat({ max: 3 }),
      });
      const limits = fc.record({
        limitFrames: fc.integer({ min: 1, max: 200 }),
        limitBytes: fc.integer({ min: 1, max: 300_000 }),
      });
      let signals = 0;
      const run = (arrivals: readonly Arrival[], own: object): Taken[] => {
        const bench = new QueueBench({ ...spec, ...own }, 10e6, 8);
        const taken = bench.serve(arrivals, 10e6);
        const { dropped } = bench.queue.ledger;
        signals += dropped + bench.count('marked');
        if (taken.length + dropped !== arrivals.length) throw new Error('a frame is missing');
        if (bench.dropped.length !== dropped) throw new Error('not all drops were told');
        if (new Set([...taken, ...bench.dropped].map((x) => x.n)).size !== arrivals.length) {
          throw new Error('a frame came twice');
        }
        if (bench.queue.count !== 0 || bench.queue.bytes !== 0) throw new Error('not empty');
        for (let i = 0; i < 20; i++) bench.offer(1e12, 500, i, i & 3);
        if (!bench.isHome()) throw new Error('memory is held');
        return taken;
      };
      fc.assert(
        fc.property(
          fc.array(arrival, { minLength: 50, maxLength: 250, size: 'max' }),
          limits,
          (gaps, own) => {
            let atNs = 0;
            const arrivals = gaps.map(({ gapNs, ...rest }) => {
              atNs += gapNs;
              return { ...rest, atNs };
            });
            const taken = run(arrivals, own);
            const perFlow = new Map<number, number>();
            for (const { n, flow, ecn } of taken) {
              const key = spec.kind === 'dualpi2' ? ecn & arrivals[n]!.ecn & 1 : flow;
              if (spec.kind !== 'dualpi2' && n < (perFlow.get(key) ?? -1)) return false;
              perFlow.set(key, n);
              const was = arrivals[n]!.ecn;
              if (ecn !== was && (ecn !== 3 || was === 0)) return false;
            }
            return JSON.stringify(run(arrivals, own)) === JSON.stringify(taken);
          },
        ),
        { seed: 6, numRuns: 20 },
      );
      t.ok(signals > 100, `${signals} drops and marks`);
    },
  );
}
