/** CellStore.loadInto copies by cells, by words and by bytes: every length, into every kind of array. */
import t from 'tap';
import { CELL_BYTES, CellStore } from '../../src/base/cell-store.ts';
import { Slab } from '../../src/base/slab.ts';

/** ES2024, which Node has and the type checker's library has not. */
const Resizable = ArrayBuffer as unknown as new (
  length: number,
  options: { maxByteLength: number },
) => ArrayBuffer & { resize(length: number): void };

const MOST = 3 * CELL_BYTES + 9;

function filled(): { store: CellStore; source: Uint8Array; at: number } {
  const slab = new Slab(1 << 20);
  const store = new CellStore(slab, 16);
  const at = slab.carve(MOST);
  const source = Uint8Array.from({ length: MOST }, (_, i) => (i * 31 + (i >>> 8)) & 255);
  slab.u8.set(source, at);
  return { store, source, at };
}

t.test('every length arrives, and not a byte more, wherever the array begins', async (t) => {
  const { store, source, at } = filled();
  const buffer = new ArrayBuffer(MOST + 16);
  const near = (n: number) => [0, 1, 2, 3, 4, 5, 7, 8, 9].map((d) => n + d - 4);
  const lengths = [0, 1, 2, 3, 4, 5, 61, ...near(CELL_BYTES), ...near(2 * CELL_BYTES), MOST];
  for (let start = 0; start < 6; start++) {
    const target = new Uint8Array(buffer, start, MOST + 8);
    for (const len of lengths) {
      const chain = store.store(at, len);
      target.fill(0xee);
      store.loadInto(chain, len, target);
      store.release(chain);
      const isWhole = target.subarray(0, len).every((b, i) => b === source[i]);
      const isAll = target.subarray(len).every((b) => b === 0xee);
      if (!isWhole || !isAll) t.fail(`${len} bytes from offset ${start}`);
    }
  }
  t.equal(store.held, 0);
});

t.test(
  'a cell that is used again gives the new bytes, and so does an array that has grown',
  async (t) => {
    const { store, source, at } = filled();
    const target = new Uint8Array(MOST);
    for (let round = 0; round < 3; round++) {
      const chain = store.store(at + round, 2 * CELL_BYTES);
      store.loadInto(chain, 2 * CELL_BYTES, target);
      t.same(target.subarray(0, 2 * CELL_BYTES), source.subarray(round, round + 2 * CELL_BYTES));
      store.release(chain);
    }
    const growing = new Resizable(8, { maxByteLength: 4096 });
    const view = new Uint8Array(growing);
    for (const size of [8, 100, 64]) {
      growing.resize(size);
      const chain = store.store(at, size);
      store.loadInto(chain, size, view);
      t.same(view, source.subarray(0, size));
      store.release(chain);
    }
  },
);

t.test('an array that is just long enough, or one of shared memory, is no other', async (t) => {
  const { store, source, at } = filled();
  for (const target of [new Uint8Array(707), new Uint8Array(new SharedArrayBuffer(707))]) {
    const chain = store.store(at, 707);
    store.loadInto(chain, 707, target);
    t.same([...target], [...source.subarray(0, 707)]);
    store.release(chain);
  }
});
