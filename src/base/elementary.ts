/**
 * Logarithm, exponential and cube root that are the same in every engine.
 *
 * ECMAScript leaves the last bits of Math.log, exp, pow, cbrt and sin to the engine, and an experiment whose figures
 * hang on them is another one with the next version of Node. What is here is made of +, -, *, / and Math.floor alone,
 * which IEEE 754 rounds in one way. (So is Math.sqrt.) Within some units in the last place.
 */
import { assert } from './assert.ts';

/** ln 2 in two parts: the first has so few bits that its product with an exponent is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const SQRT_HALF = Math.SQRT1_2;
/** Beyond these an exponential overflows, or is nothing. */
const MOST = 709.78;
const LEAST = -745;

/** The natural logarithm of a number greater than 0 that is not Infinity. */
export function ln(x: number): number {
  assert(x > 0 && x < Infinity, 'a logarithm is of a positive number');
  let m = x;
  let exponent = 0;
  for (; m >= 2 ** 32; exponent += 32) m /= 2 ** 32;
  for (; m < 2 ** -32; exponent -= 32) m *= 2 ** 32;
  for (; m >= 2 * SQRT_HALF; exponent++) m /= 2;
  for (; m < SQRT_HALF; exponent--) m *= 2;
  // ln m = 2 artanh s, and s is at most 0.172.
  const s = (m - 1) / (m + 1);
  const s2 = s * s;
  let sum = 0;
  for (let k = 23; k >= 3; k -= 2) sum = (sum + 1 / k) * s2;
  return exponent * LN2_HIGH + (2 * s * sum + (exponent * LN2_LOW + 2 * s));
}

/** e to the power of x. */
export function exp(x: number): number {
  if (x > MOST) return Infinity;
  if (x < LEAST) return 0;
  const exponent = Math.floor(x / (LN2_HIGH + LN2_LOW) + 0.5);
  const r = x - exponent * LN2_HIGH - exponent * LN2_LOW; // at most 0.35 either way
  let sum = 1;
  for (let k = 18; k >= 1; k--) sum = 1 + (sum * r) / k;
  return scale(sum, exponent);
}

/** For any finite x; of what is no cube within a unit in the last place. */
export function cubeRoot(x: number): number {
  if (x === 0) return x;
  let m = Math.abs(x);
  let unit = x < 0 ? -1 : 1;
  for (; m >= 8; unit *= 2) m /= 8;
  for (; m < 1; unit /= 2) m *= 8;
  // Newton's way from a line through both ends: each step doubles the digits, of which the first has one.
  let root = (m + 6) / 7;
  for (let k = 0; k < 5; k++) root -= (root - m / (root * root)) / 3;
  return unit * root;
}

/** x · 2ⁿ, in steps that no part of overflows. */
export function scale(x: number, n: number): number {
  let y = x;
  let left = n;
  for (; left > 0; left--) y *= 2;
  for (; left < 0; left++) y /= 2;
  return y;
}

/** x to the power of y, for x > 0; for any x where y is a whole number, by multiplication. */
export function power(x: number, y: number): number {
  if (!Number.isSafeInteger(y)) return exp(y * ln(x));
  let product = 1;
  let square = x;
  for (let left = Math.abs(y); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) product *= square;
    square *= square;
  }
  return y < 0 ? 1 / product : product;
}

const SQRT_TWO_PI = 2.5066282746310002;
const MOST_STEPS = 200;

/**
 * Below how much a standard normal variable is with probability p, 0 < p < 1: good to twelve digits within 4 sigma.
 *
 * @param from for 0.5 <= p: a smaller quantile that is known, from which it is not as far.
 */
export function normalQuantile(p: number, from = 0): number {
  assert(p > 0 && p < 1, 'a probability is between 0 and 1');
  if (p < 0.5) return -normalQuantile(1 - p);
  // Newton's steps on a concave function come from the left, shorter and shorter.
  let x = from;
  for (let i = 0; i < MOST_STEPS; i++) {
    const density = exp((-x * x) / 2) / SQRT_TWO_PI;
    const step = (p - 0.5) / density - normalSum(x);
    if (step <= 1e-13 * x) break;
    x += step;
  }
  return x;
}

/** The normal distribution between 0 and x, over its density at x: x + x³/3 + x⁵/(3·5) + … */
function normalSum(x: number): number {
  let term = x;
  let sum = 0;
  for (let k = 3; sum + term !== sum; k += 2) {
    sum += term;
    term *= (x * x) / k;
  }
  return sum;
}
