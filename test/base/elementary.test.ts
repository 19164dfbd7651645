/** Logarithm and exponential: right to some units in the last place, and the same bits everywhere. */
import t from 'tap';
import { cubeRoot, exp, ln, normalQuantile, power } from '../../src/base/elementary.ts';
import { Rng } from '../../src/base/rng.ts';

/** Of all results below, computed on Node 20. */
const HASH = 1441477476;

/** Known values, from tables. */
const LOGARITHMS: readonly (readonly [number, number])[] = [
  [1, 0],
  [2, Math.LN2],
  [10, Math.LN10],
  [0.5, -Math.LN2],
  [1e-300, -690.7755278982137],
  [1e300, 690.7755278982137],
  [Math.E, 1],
  [1.0000001, 9.9999995058387e-8],
  [5e-324, -744.4400719213812],
];
const EXPONENTIALS: readonly (readonly [number, number])[] = [
  [0, 1],
  [1, Math.E],
  [-1, 0.36787944117144233],
  [10, 22026.465794806718],
  [-700, 9.8596765437597708e-305],
  [700, 1.0142320547350045e304],
  [0.5, 1.6487212707001282],
];

function near(got: number, wanted: number): boolean {
  return Math.abs(got - wanted) <= 4 * Number.EPSILON * Math.abs(wanted);
}

t.test('cube roots: exact of cubes, and right to the last place of all else', (t) => {
  for (let n = 0; n <= 2000; n++) {
    if (cubeRoot(n * n * n) !== n || cubeRoot(-n * n * n) !== -n + 0) t.fail(`of ${n} cubed`);
  }
  const random = new Rng(2).stream('cubes');
  let worst = 0;
  for (let i = 0; i < 20_000; i++) {
    const x = (random.unit() + 0.001) * 2 ** (random.below(600) - 300);
    const root = cubeRoot(x);
    worst = Math.max(worst, Math.abs(root * root * root - x) / x);
  }
  t.ok(worst < 6 * Number.EPSILON, `${worst / Number.EPSILON} units of the cube`);
  t.equal(cubeRoot(0), 0);
  t.equal(cubeRoot(1e-300), 1e-100);
  t.end();
});

t.test('known values', (t) => {
  for (const [x, wanted] of LOGARITHMS) {
    // Next to 1 the argument's own rounding is most of the error.
    const isNear = Math.abs(x - 1) < 1e-6 ? Math.abs(ln(x) - wanted) < 1e-16 : near(ln(x), wanted);
    t.ok(isNear, `ln ${x}: ${ln(x)}, wanted ${wanted}`);
  }
  for (const [x, wanted] of EXPONENTIALS) {
    t.ok(
      Math.abs(exp(x) - wanted) <= 200 * Number.EPSILON * wanted,
      `exp ${x}: ${exp(x)}, wanted ${wanted}`,
    );
  }
  t.equal(exp(710), Infinity);
  t.equal(exp(-800), 0);
  t.equal(power(2, 10), 1024);
  t.equal(power(-3, 3), -27);
  t.equal(power(10, -2), 0.01);
  t.equal(power(1.5, 1e15), Infinity);
  t.ok(near(power(0.7, 0.5), Math.sqrt(0.7)));
  t.throws(() => ln(0));
  t.throws(() => ln(-1));
  t.throws(() => ln(Number.NaN));
  t.end();
});

t.test('quantiles of the normal distribution, from tables', (t) => {
  for (const [p, wanted] of [
    [0.5, 0],
    [0.6, 0.2533471031357997],
    [0.8413447460685429, 1],
    [0.975, 1.959963984540054],
    [0.999, 3.090232306167813],
    [0.9999683287581669, 4],
    [0.025, -1.959963984540054],
  ] as const) {
    const got = normalQuantile(p);
    t.ok(Math.abs(got - wanted) < 1e-11, `${p}: ${got}, wanted ${wanted}`);
    if (p > 0.5) t.ok(Math.abs(normalQuantile(p, wanted - 0.01) - got) < 1e-11, 'from near');
  }
  t.throws(() => normalQuantile(0));
  t.throws(() => normalQuantile(1));
  t.end();
});

t.test('against the engine, and the same bits on every engine', (t) => {
  const random = new Rng(1).stream('elementary');
  const bits = new DataView(new ArrayBuffer(8));
  let hash = 0;
  const add = (x: number) => {
    bits.setFloat64(0, x);
    hash = Math.imul(hash ^ bits.getInt32(0), 0x01000193);
    hash = Math.imul(hash ^ bits.getInt32(4), 0x01000193);
  };
  let worst = 0;
  for (let i = 0; i < 20_000; i++) {
    const u = random.unit() + 2 ** -33;
    const x = (random.unit() - 0.5) * 60;
    add(ln(u));
    add(exp(x));
    worst = Math.max(worst, Math.abs(ln(u) / Math.log(u) - 1), Math.abs(exp(x) / Math.exp(x) - 1));
  }
  t.ok(worst < 1e-14, `relative error ${worst}`);
  t.equal(hash, HASH, String(hash));
  t.end();
});
