/** The highest value of a window of steps, in three samples. */
import fc from 'fast-check';
import t from 'tap';
import { WindowedMax } from '../../src/cc/windowed-max.ts';
import { holds } from '../support/property.ts';

t.test('the best is kept for as long as it was promised, then the next one takes over', (t) => {
  const max = new WindowedMax(10);
  t.equal(max.value, 0, 'nothing yet');
  const seen: number[] = [];
  for (const [value, step] of [
    [100, 0], // the best
    [90, 4], // the second
    [50, 7], // the third
    [60, 10], // 100 is in its last step
    [40, 11], // and gone
    [30, 14],
    [20, 15], // 90 is gone
    [10, 21], // 60 is gone, 40 in its last step
    [5, 100], // nothing for longer than the window: anew
    [5.5, 100],
  ] as const) {
    max.sample(value, step);
    seen.push(max.value);
  }
  t.strictSame(seen, [100, 100, 100, 100, 90, 90, 60, 40, 5, 5.5]);
  max.reset(3, 200);
  t.equal(max.value, 3, 'told so');
  t.end();
});

t.test('a window of one step: what BBR counts in probing cycles', (t) => {
  const max = new WindowedMax(1);
  const seen = [
    [7, 0],
    [5, 0],
    [4, 1],
    [3, 2],
    [2, 3],
  ].map(([value, step]) => {
    max.sample(value!, step!);
    return max.value;
  });
  t.strictSame(seen, [7, 7, 7, 4, 3], 'this step and the one before');
  t.end();
});

t.test(
  'it is of the window, never below the latest, and the true maximum till that leaves',
  (t) => {
    const samples = fc.array(
      fc.record({ gap: fc.nat(4), value: fc.double({ min: 0, max: 1e12, noNaN: true }) }),
      { maxLength: 120, size: 'max' },
    );
    const from = fc.constantFrom(0, 0x7ffffff0, 0xfffffff0);
    const property = fc.property(
      samples,
      from,
      fc.integer({ min: 1, max: 12 }),
      (list, at, steps) => {
        const max = new WindowedMax(steps);
        max.reset(0, at);
        let step: number = at;
        let best = { value: 0, step };
        const seen: { value: number; step: number }[] = [best];
        for (const { gap, value } of list) {
          step += gap;
          max.sample(value, step);
          seen.push({ value, step });
          if (value >= best.value) best = { value, step };
          const inWindow = seen.filter((s) => step - s.step <= steps).map((s) => s.value);
          if (!inWindow.includes(max.value) || max.value < value) return false;
          if (step - best.step <= steps && max.value !== best.value) return false;
          // Once it has left, what took over is what we follow.
          if (step - best.step > steps) best = seen.findLast((s) => s.value === max.value)!;
        }
        return true;
      },
    );
    holds(t, 'over the wrap of the step, too', property, 500);
    t.end();
  },
);

t.test('a window that changes: what was taken stays as long as the new one says', (t) => {
  const max = new WindowedMax(1);
  max.sample(9, 0);
  max.setSteps(10);
  max.sample(1, 8);
  t.equal(max.value, 9, 'longer');
  max.setSteps(1);
  max.sample(2, 9);
  t.equal(max.value, 2, 'shorter');
  t.end();
});
