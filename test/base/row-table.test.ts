/** Rows of numbers: zero when taken, apart from each other, and used again. */
import t from 'tap';
import { inBlock, RowTable } from '../../src/base/row-table.ts';

t.test('a row starts as zeros, also one that was used before', async (t) => {
  const table = new RowTable(3);
  const row = table.take();
  const at = inBlock(row);
  table.block(row).fill(7, at, at + 3);
  table.give(row);
  const again = table.take();
  t.equal(again, row);
  t.same([...table.block(again).subarray(at, at + 3)], [0, 0, 0]);
});

t.test('growing moves no row, and none lies in two blocks', async (t) => {
  const table = new RowTable(3);
  const rows = Array.from({ length: 2000 }, () => table.take());
  const first = table.block(rows[0]!);
  for (const [i, row] of rows.entries()) table.block(row).fill(i, inBlock(row), inBlock(row) + 3);
  t.equal(table.block(rows[0]!), first);
  const sums = rows.map((row) => {
    const cells = table.block(row).subarray(inBlock(row), inBlock(row) + 3);
    return cells.reduce((sum, cell) => sum + cell, 0);
  });
  t.same(
    sums,
    rows.map((_, i) => 3 * i),
  );
  t.equal(table.live, 2000);
});

t.test('giving back more than was taken is our fault', async (t) => {
  const table = new RowTable(1);
  table.give(table.take());
  t.throws(() => table.give(0), { name: 'InvariantError' });
});
