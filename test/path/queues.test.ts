/** What queues without an opinion do: limits, and who goes when there is no room. */
import t from 'tap';
import type { QueueSpec } from '../../src/path/queue-spec.ts';
import { QueueBench } from './queue-bench.ts';

interface Full {
  readonly spec: QueueSpec;
  readonly lengths: readonly number[];
  readonly stays: readonly number[];
  readonly goes: readonly number[];
  readonly why: 'tail' | 'head';
}

const FULL: readonly Full[] = [
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
