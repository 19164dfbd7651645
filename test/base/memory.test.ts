import fc from 'fast-check';
import t from 'tap';
import { BlockPool, NO_BLOCK } from '../../src/base/block-pool.ts';
import { CELL_BYTES, CellStore, cellsFor, NO_CELL } from '../../src/base/cell-store.ts';
import { CHUNK_BYTES, Memory } from '../../src/base/memory.ts';
import { Slab } from '../../src/base/slab.ts';
import { holds } from '../support/property.ts';

t.test('slab', (t) => {
  t.test('regions are 64-byte aligned, apart from each other, and never at offset 0', (t) => {
    const property = fc.property(fc.array(fc.nat(3000), { maxLength: 40 }), (sizes) => {
      const slab = new Slab(1 << 18);
      let end = 1;
      for (const size of sizes) {
        const at = slab.carve(size);
        if (at % 64 !== 0 || at < end) return false;
        end = at + size;
      }
      return slab.freeBytes <= slab.u8.length - end;
    });
    holds(t, 'regions', property);
    t.end();
  });

  t.test('what does not fit is refused, and the rest stays usable', (t) => {
    const slab = new Slab(1024);
    t.throws(() => slab.carve(1024), RangeError);
    t.equal(slab.freeBytes, 960);
    t.equal(slab.carve(960), 64);
    t.equal(slab.freeBytes, 0);
    t.throws(() => slab.carve(1), RangeError);
    t.end();
  });

  t.test('the views show the same bytes', (t) => {
    const slab = new Slab(128);
    slab.dv.setInt32(64, 0x01020304);
    t.strictSame([...slab.u8.subarray(64, 68)], [1, 2, 3, 4]);
    t.end();
  });

  t.test('sizes that offsets could not reach are our own mistake', (t) => {
    t.throws(() => new Slab(0), { name: 'InvariantError' });
    t.throws(() => new Slab(2 ** 31), { name: 'InvariantError' });
    t.end();
  });
  t.end();
});

type PoolOp = { readonly op: 'take' | 'hold' | 'release'; readonly pick: number };
const poolOps = fc.array(
  fc.record({ op: fc.constantFrom('take', 'take', 'hold', 'release', 'release'), pick: fc.nat() }),
  { maxLength: 200, size: 'max' },
) as fc.Arbitrary<PoolOp[]>;

/** A model that is a list of free blocks and a count for each held one. */
function poolFollows(ops: readonly PoolOp[]): boolean {
  const capacity = 5;
  const pool = new BlockPool(new Slab(1 << 16), 192, capacity);
  const refs = new Map<number, number>();
  const freed: number[] = [];
  for (const { op, pick } of ops) {
    const held = [...refs.keys()];
    const block = held[pick % held.length];
    if (op === 'take') {
      const got = pool.take();
      if ((got === NO_BLOCK) !== (held.length === capacity)) return false;
      if (got === NO_BLOCK) continue;
      if (refs.has(got)) return false;
      if (freed.length > 0 && got !== freed.pop()) return false; // the hottest first
      refs.set(got, 1);
    } else if (block !== undefined) {
      const left = refs.get(block)! + (op === 'hold' ? 1 : -1);
      pool[op](block);
      refs.set(block, left);
      if (left > 0) continue;
      refs.delete(block);
      freed.push(block);
    }
    if (pool.held !== refs.size || pool.free !== capacity - refs.size) return false;
    for (const [b, n] of refs) if (pool.references(b) !== n) return false;
  }
  return true;
}

t.test('block pool', (t) => {
  t.test('blocks are counted, and the one released last goes out first', (t) => {
    holds(t, 'as a list of counts', fc.property(poolOps, poolFollows), 500);
    t.end();
  });

  t.test('every byte of a block belongs to that block and to no other', (t) => {
    const slab = new Slab(1 << 16);
    slab.carve(1);
    const pool = new BlockPool(slab, 320, 7);
    for (let block = 0; block < 7; block++) {
      const at = pool.offsetOf(block);
      t.strictSame([pool.blockAt(at), pool.blockAt(at + 319)], [block, block], `block ${block}`);
    }
    t.equal(pool.blockAt(pool.base - 1), NO_BLOCK);
    t.equal(pool.blockAt(pool.base + 7 * 320), NO_BLOCK);
    t.end();
  });

  t.test('holding or releasing a free block is our own mistake', (t) => {
    const pool = new BlockPool(new Slab(4096), 64, 2);
    t.throws(() => pool.hold(0), { name: 'InvariantError' });
    t.throws(() => pool.release(0), { name: 'InvariantError' });
    const block = pool.take();
    pool.release(block);
    t.throws(() => pool.release(block), { name: 'InvariantError' }, 'twice');
    t.throws(() => new BlockPool(new Slab(4096), 100, 2), { name: 'InvariantError' });
    t.end();
  });
  t.end();
});

const CELLS = 24;
type CellOp = { readonly op: 'store' | 'release'; readonly len: number; readonly pick: number };
const cellOps = fc.array(
  fc.record({
    op: fc.constantFrom('store', 'store', 'release'),
    len: fc.oneof(
      fc.constantFrom(0, 1, CELL_BYTES - 1, CELL_BYTES, CELL_BYTES + 1, CELL_BYTES * 5),
      fc.nat(CELL_BYTES * 8),
    ),
    pick: fc.nat(),
  }),
  { maxLength: 60, size: 'max' },
) as fc.Arbitrary<CellOp[]>;

function patternByte(tag: number, i: number): number {
  return (Math.imul(tag + 1, 2654435761) + Math.imul(i, 40503)) >>> 24;
}

/** Every chain reads back as it was stored, in any part, however chains come and go. */
function cellsFollow(ops: readonly CellOp[]): boolean {
  const slab = new Slab(1 << 18);
  const from = slab.carve(CELL_BYTES * 8);
  const to = slab.carve(CELL_BYTES * 8);
  const store = new CellStore(slab, CELLS);
  const chains: { first: number; len: number; tag: number }[] = [];
  for (const [tag, { op, len, pick }] of ops.entries()) {
    if (op === 'store') {
      for (let i = 0; i < len; i++) slab.u8[from + i] = patternByte(tag, i);
      const fits = store.free >= cellsFor(len);
      const first = store.store(from, len);
      slab.u8.fill(0xee, from, from + len);
      if ((first !== NO_CELL) !== fits) return false;
      if (fits) chains.push({ first, len, tag });
    } else if (chains.length > 0) {
      const [gone] = chains.splice(pick % chains.length, 1);
      store.release(gone!.first);
    }
    const used = chains.reduce((sum, c) => sum + cellsFor(c.len), 0);
    if (store.held !== used || store.free !== CELLS - used) return false;
    for (const c of chains) if (!readsBack(slab, store, c, to, pick)) return false;
  }
  return true;
}

function readsBack(
  slab: Slab,
  store: CellStore,
  chain: { first: number; len: number; tag: number },
  to: number,
  pick: number,
): boolean {
  const { first, len, tag } = chain;
  const start = pick % (len + 1);
  slab.u8.fill(0, to, to + len);
  store.load(first, start, len - start, to);
  for (let i = start; i < len; i++) {
    if (slab.u8[to + i - start] !== patternByte(tag, i)) return false;
  }
  const whole = new Uint8Array(len);
  store.loadInto(first, len, whole);
  return whole.every((byte, i) => byte === patternByte(tag, i));
}

t.test('cell store', (t) => {
  t.test('what was stored reads back, and an owner pins exactly what it is charged for', (t) => {
    holds(t, 'as copies kept apart', fc.property(cellOps, cellsFollow), 150);
    t.end();
  });

  t.test('a payload that does not fit takes nothing', (t) => {
    const slab = new Slab(1 << 16);
    const store = new CellStore(slab, 3);
    t.equal(store.store(64, CELL_BYTES * 3 + 1), NO_CELL);
    t.equal(store.free, 3);
    const first = store.store(64, CELL_BYTES * 3);
    t.equal(store.free, 0);
    t.equal(store.store(64, 0), NO_CELL, 'an empty payload takes a place too');
    store.release(first);
    store.release(NO_CELL);
    t.equal(store.free, 3);
    t.end();
  });

  t.test('cells needed', (t) => {
    const table = [0, 1, CELL_BYTES, CELL_BYTES + 1, CELL_BYTES * 31 + 1].map((len) =>
      cellsFor(len),
    );
    t.strictSame(table, [1, 1, 1, 2, 32]);
    t.end();
  });
  t.end();
});

t.test('memory of a thread: the pools lie in the slab, one behind the other', (t) => {
  const memory = new Memory({ slabBytes: 4 << 20, chunks: 4, cellBytes: 1 << 20 });
  t.equal(memory.chunks.capacity, 4);
  t.equal(memory.chunks.blockBytes, CHUNK_BYTES);
  t.equal(memory.cells.free, Math.floor((1 << 20) / CELL_BYTES));
  t.ok(memory.slab.freeBytes < (4 << 20) - 4 * CHUNK_BYTES - memory.cells.free * CELL_BYTES);
  t.throws(() => new Memory({ slabBytes: 1 << 20, chunks: 4 }), RangeError, 'what cannot fit');
  t.end();
});
