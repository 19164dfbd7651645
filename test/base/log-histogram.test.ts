/** Quantiles from counts by size. */
import t from 'tap';
import { LogHistogram } from '../../src/base/log-histogram.ts';

t.test('quantiles within 1/32 of the value, over twelve decades', (t) => {
  const h = new LogHistogram();
  t.ok(Number.isNaN(h.quantile(0.5)), 'without numbers there is none');
  const values: number[] = [];
  for (let x = 1; x < 1e12; x *= 1.01) values.push(Math.floor(x));
  for (const x of values) h.add(x);
  t.equal(h.count, values.length);
  t.equal(h.least, 1);
  t.equal(h.most, values.at(-1));
  for (const q of [0.001, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1]) {
    const exact = values[Math.ceil(q * values.length) - 1]!;
    t.ok(Math.abs(h.quantile(q) / exact - 1) <= 1 / 32, `${q}: ${h.quantile(q)}, exactly ${exact}`);
  }
  t.end();
});

t.test('one number is every quantile; the largest has a bucket', (t) => {
  const h = new LogHistogram();
  h.add(2 ** 62.9);
  t.equal(h.quantile(0), 2 ** 62.9);
  t.equal(h.quantile(1), 2 ** 62.9);
  t.end();
});
