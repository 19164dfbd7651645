/** The cells of a sweep, and how sure a median is. */
import t from 'tap';
import { medianWithInterval } from '../../src/base/bootstrap.ts';
import { Rng } from '../../src/base/rng.ts';
import { changed, changesOf, runsOf } from '../../src/sim/experiment/sweep.ts';

t.test('cells', (t) => {
  t.same(changesOf({ scenario: 'x' }), [{}], 'one that changes nothing');
  t.same(changesOf({ scenario: 'x', grid: { a: [1, 2], b: ['p', 'q'] } }), [
    { a: 1, b: 'p' },
    { a: 1, b: 'q' },
    { a: 2, b: 'p' },
    { a: 2, b: 'q' },
  ]);
  t.same(changesOf({ scenario: 'x', grid: { a: [1, 2] }, cells: [{ b: 1 }, { c: 2 }] }), [
    { a: 1, b: 1 },
    { a: 1, c: 2 },
    { a: 2, b: 1 },
    { a: 2, c: 2 },
  ]);
  const few = changesOf({ scenario: 'x', random: { samples: 50, of: { a: [1, 2, 3] } } });
  t.same(few.map(({ a }) => a).sort(), [1, 2, 3], 'each once');
  t.same(changesOf({ scenario: 'x', grid: { a: [1, 2] }, cells: [{ a: 3 }] }), [{ a: 3 }]);
  const random = { samples: 5, of: { a: Array.from({ length: 1000 }, (_, i) => i) } };
  const drawn = changesOf({ scenario: 'x', random });
  t.equal(drawn.length, 5);
  t.same(drawn, changesOf({ scenario: 'x', random }), 'the same seed draws the same');
  t.notSame(drawn, changesOf({ scenario: 'x', random: { ...random, seed: 2 } }));
  t.end();
});

t.test('runs are counted before they are made', (t) => {
  const grid = { a: [1, 2, 3], b: [1, 2] };
  const random = { samples: 5, of: { c: [1, 2, 3] } };
  t.equal(runsOf({ scenario: 'x' }), 1);
  t.equal(runsOf({ scenario: 'x', repeats: 7, grid, cells: [{ d: 1 }, { d: 2 }], random }), 420);
  t.end();
});

t.test('what a change changes', (t) => {
  const value = { topology: { link: { rate: 1 } }, flows: [{ cc: 'reno' }, {}] };
  const copy = structuredClone(value);
  t.same(changed(value, { 'topology.link.rate': 2, 'flows.1.cc': 'bbr' }), {
    value: { topology: { link: { rate: 2 } }, flows: [{ cc: 'reno' }, { cc: 'bbr' }] },
  });
  t.same(value, copy, "the scenario's own value stays");
  for (const noPlace of [
    'flows.2.cc',
    'flows.2',
    'topology.nothing.rate',
    'flows.0.cc.x',
    '__proto__.x',
    '__proto__',
    'flows.0.__proto__',
    'flows.length',
  ]) {
    t.same(changed(value, { [noPlace]: 1 }), { noPlace });
  }
  t.end();
});

t.test('a median and its interval', (t) => {
  const random = () => new Rng(1).stream('x');
  t.same(medianWithInterval([5], random()), { median: 5, low: 5, high: 5 });
  t.equal(medianWithInterval([1, 2, 3, 10], random()).median, 2.5);
  const stream = new Rng(2).stream('y');
  const values = Array.from({ length: 101 }, () => stream.unit());
  const { median, low, high } = medianWithInterval(values, random());
  t.ok(low < median && median < high);
  // Of 101 uniform values the median's 95 % interval is about 0.1 to either side.
  t.ok(high - low > 0.1 && high - low < 0.35, `${low}–${high}`);
  t.same(medianWithInterval(values, random()), { median, low, high });
  t.end();
});
