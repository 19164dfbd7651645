/** Text beyond a gap: right, and cheap, whatever order a peer sends it in (SegmentSmack, CVE-2018-5390). */
import fc from 'fast-check';
import t from 'tap';
import { BlockPool, NO_BLOCK } from '../../src/base/block-pool.ts';
import { Slab } from '../../src/base/slab.ts';
import { WordArrays } from '../../src/base/word-arrays.ts';
import { OutOfOrder } from '../../src/tcp/out-of-order.ts';
import { TextStore } from '../../src/tcp/text-store.ts';
import { seqAdd, seqDiff, seqOf } from '../../src/wire/seq.ts';
import { holds } from '../support/property.ts';
import { memoryOf } from './memory-rig.ts';

/** Arrays that count how often a word is read or written. */
class CountingArrays extends WordArrays {
  accesses = 0;

  override take(length: number): Int32Array {
    return new Proxy(super.take(length), {
      get: (array, key) => {
        this.accesses++;
        return Reflect.get(array, key) as unknown;
      },
      set: (array, key, value) => {
        this.accesses++;
        return Reflect.set(array, key, value);
      },
    });
  }
}

class Rig {
  readonly arrays: CountingArrays | WordArrays;
  private readonly slab = new Slab(16 << 20);
  readonly pages = new BlockPool(this.slab, 4096, 1024);
  readonly text: OutOfOrder;
  private readonly source = this.slab.carve(4096);

  constructor(arrays: WordArrays = new WordArrays()) {
    this.arrays = arrays;
    const memory = memoryOf(new BlockPool(this.slab, 64, 1), this.pages);
    this.text = new OutOfOrder(new TextStore(memory), arrays);
  }

  insert(at: number, len: number): void {
    this.text.insert(seqOf(at), this.source, len, NO_BLOCK, 0);
  }

  /** What it holds, from the front, as `left-right` of each stretch that comes out whole; then nothing is left. */
  drain(store: BlockPool): string[] {
    const out: string[] = [];
    let from = 0;
    let end = 0;
    while (!this.text.isEmpty) {
      const left = seqDiff(this.text.left, seqOf(0));
      if (left !== end && end > from) out.push(`${from}-${end}`);
      if (left !== end) from = left;
      this.text.takeFirst();
      end = left + this.text.len;
      store.release(~this.text.block);
    }
    if (end > from) out.push(`${from}-${end}`);
    return out;
  }
}

/** The same with a flag for each byte. */
class Model {
  readonly has = new Uint8Array(4096);
  duplicate = '';

  insert(at: number, len: number): number {
    let fresh = 0;
    let from = -1;
    this.duplicate = '';
    for (let i = at; i <= at + len; i++) {
      const isOld = i < at + len && this.has[i] === 1;
      if (isOld && from < 0) from = i;
      if (!isOld && from >= 0 && this.duplicate === '') this.duplicate = `${from}-${i}`;
      if (i === at + len) break;
      if (!isOld) fresh++;
    }
    this.has.fill(1, at, at + len);
    return fresh;
  }

  stretchAround(at: number): string {
    let left = at;
    let right = at;
    while (left > 0 && this.has[left - 1] === 1) left--;
    while (this.has[right] === 1) right++;
    return `${left}-${right}`;
  }

  stretches(): string[] {
    const out: string[] = [];
    for (let i = 1; i < this.has.length; i++) {
      if (this.has[i] === 1 && this.has[i - 1] === 0) out.push(this.stretchAround(i));
    }
    return out;
  }

  dropFrom(at: number): void {
    this.has.fill(0, at);
  }
}

t.test('stretches, duplicates and what is pruned are those of a plain model', (t) => {
  const event = fc.oneof(
    {
      weight: 9,
      arbitrary: fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 60 })),
    },
    { weight: 1, arbitrary: fc.constant('drop' as const) },
  );
  const around = { left: seqOf(0), right: seqOf(0) };
  const property = fc.property(fc.array(event, { maxLength: 120, size: 'max' }), (events) => {
    const rig = new Rig();
    const model = new Model();
    for (const e of events) {
      if (e === 'drop') {
        if (rig.text.isEmpty) continue;
        const right = seqDiff(rig.text.right, seqOf(0));
        const n = rig.text.dropLast();
        model.dropFrom(right - n);
        continue;
      }
      const [at, len] = e;
      const fresh = model.insert(at, len);
      rig.insert(at, len);
      const { text } = rig;
      if (text.newBytes !== fresh) return false;
      const [l, r] = [text.duplicateLeft, text.duplicateRight].map((s) => seqDiff(s, seqOf(0)));
      if ((l === r ? '' : `${l}-${r}`) !== model.duplicate) return false;
      text.stretchAround(seqAdd(seqOf(at), len - 1), around);
      const is = `${seqDiff(around.left, seqOf(0))}-${seqDiff(around.right, seqOf(0))}`;
      if (is !== model.stretchAround(at)) return false;
      if (text.has(seqOf(3500), 1) || !text.has(seqOf(at), 1)) return false;
    }
    const left = rig.drain(rig.pages);
    return left.join() === model.stretches().join() && rig.pages.held <= 1;
  });
  holds(t, 'random text', property, 300);
  t.end();
});

type Order = (i: number, n: number) => number;
const mix = (i: number, n: number): number =>
  Math.floor(((Math.imul(i, 0x9e3779b1) >>> 0) / 2 ** 32) * n);
/** Where the i-th of n one-byte segments is. */
const ORDERS: Readonly<Record<string, Order>> = {
  'in order beyond a gap': (i) => 1 + i,
  'from the far end': (i, n) => n - i,
  'with a gap before each': (i) => 2 * i + 1,
  'with a gap before each, from the far end': (i, n) => 2 * (n - i),
  'from both ends': (i, n) => (i % 2 === 0 ? i + 1 : 2 * n - i),
  'zigzag from the middle': (i, n) => 2 * (n + (i % 2 === 0 ? i : -i)),
  'at random, gaps between': (i, n) => 1 + 2 * mix(i, n),
  'every other, then what is between': (i, n) => (i < n / 2 ? 2 * i + 1 : 2 * (n - i)),
};

/** A proxy makes every access slow. */
const MANY = process.env.LONG === '1' ? 100_000 : 10_000;

/** Words read or written for each of n segments of a byte. */
function work(order: Order, n: number): number {
  const arrays = new CountingArrays();
  const rig = new Rig(arrays);
  for (let i = 0; i < n; i++) rig.insert(order(i, n), 1);
  rig.drain(rig.pages);
  return arrays.accesses / n;
}

for (const [name, order] of Object.entries(ORDERS)) {
  t.test(
    `CVE-2018-5390: work per segment beyond a gap does not grow with what waits: ${name}`,
    (t) => {
      const few = work(order, 100);
      const many = work(order, MANY);
      const logs = Math.log(MANY) / Math.log(100);
      t.ok(
        many <= few * logs * 1.5,
        `100: ${few.toFixed(1)} words each, ${MANY}: ${many.toFixed(1)}`,
      );
      t.end();
    },
  );
}

t.test('nothing waits: no array, no page but the last', (t) => {
  const arrays = new CountingArrays();
  const rig = new Rig(arrays);
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 100; i++) rig.insert(mix(i, 5000), 3);
    rig.drain(rig.pages);
    t.ok(rig.text.isEmpty);
    t.equal(rig.text.bytes, 0);
    t.ok(rig.pages.held <= 1);
    const before = arrays.accesses;
    t.notOk(rig.text.has(seqOf(1), 1));
    t.equal(arrays.accesses, before, 'there is nothing to look into');
  }
  t.end();
});
