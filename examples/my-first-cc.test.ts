/**
 * Tests of my-first-cc.ts: what every module has to keep, and what this one is meant to do.
 *
 *     npx tsx examples/my-first-cc.test.ts
 */
import t from 'tap';
import { reno } from '../src/cc/reno.ts';
import { obeysTheLaws } from '../test/cc/laws.ts';
import { newView } from '../test/cc/rig.ts';
import { myFirst } from './my-first-cc.ts';

t.test('it keeps the laws', (t) => {
  obeysTheLaws(t, { module: myFirst, beta: 0.7 }, [reno]);
  t.end();
});

t.test('a loss leaves 70 % of the window, two segments at least', (t) => {
  const v = newView();
  const cc = myFirst.create();
  for (const [cwnd, ssthresh] of [
    [100, 70],
    [3, 2],
    [1, 2],
  ] as const) {
    v.setCwnd(cwnd);
    t.equal(cc.ssthresh(v), ssthresh);
  }
  t.end();
});

t.test('two round trips make the window one segment larger', (t) => {
  const v = newView();
  const cc = myFirst.create();
  v.setCwnd(100);
  v.setSsthresh(50); // slow start is over
  for (let acked = 0; acked < 200; acked += 2) cc.congAvoid(v, 2);
  t.equal(v.cwnd, 101);
  t.end();
});
