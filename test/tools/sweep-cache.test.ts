/** A cell that somebody has spoilt is run again. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Summary } from '../../src/sim/experiment/summary.ts';
import { CellStore } from '../../tools/command/sweep-cache.ts';

t.test('only a whole summary is one that is there already', (t) => {
  const folder = t.testdir();
  const store = new CellStore(folder);
  t.equal(store.read('x'), null);
  const summary = { name: 'x', flows: [] } as unknown as Summary;
  store.write('x', summary);
  t.same(store.read('x'), summary);
  t.same(readdirSync(folder), ['x.json'], 'and nothing beside it');
  for (const text of ['', '{"flows": [', '{}', 'null', '5']) {
    writeFileSync(join(folder, 'x.json'), text);
    t.equal(store.read('x'), null, text);
  }
  t.end();
});

t.test('what cannot be written leaves nothing', (t) => {
  const folder = t.testdir({ 'x.json': {} });
  const summary = { name: 'x', flows: [] } as unknown as Summary;
  t.throws(() => new CellStore(folder).write('x', summary), { code: 'EISDIR' });
  t.same(readdirSync(folder), ['x.json']);
  t.end();
});
