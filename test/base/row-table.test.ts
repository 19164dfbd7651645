/** Rows of numbers: zero when taken, apart from each other, and used again. */
import t from 'tap';
import { RowTable } from '../../src/base/row-table.ts';

t.test('a row starts as zeros, also one that was used before', async (t) => {
  const table = new RowTable(3);
  const row = table.take();
  table.values.fill(7, row, row + 3);
  table.give(row);
  const again = table.take();
  t.equal(again, row);
  t.same([...table.values.subarray(again, again + 3)], [0, 0, 0]);
});

t.test('growing keeps what the rows hold', async (t) => {
  const table = new RowTable(2);
  const rows = Array.from({ length: 100 }, () => table.take());
  for (const [i, row] of rows.entries()) table.values[row + 1] = i;
  t.same(
    rows.map((row) => table.values[row + 1]),
    rows.map((_, i) => i),
  );
  t.equal(new Set(rows).size, 100);
  t.equal(table.live, 100);
});

t.test('giving back more than was taken is our fault', async (t) => {
  const table = new RowTable(1);
  table.give(table.take());
  t.throws(() => table.give(0), { name: 'InvariantError' });
});
