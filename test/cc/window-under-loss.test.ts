/**
 * The mean window under loss against the closed forms: Reno's law sqrt(1.5 / p), and the table of RFC 9438 for
 * CUBIC, 1.054 (RTT / p)^0.75 or Reno's law where that is larger. Both are for a loss at every 1/p-th piece. What a
 * module is measured by is the pieces delivered a round trip.
 */
import t, { type Test } from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS } from '../../src/base/time.ts';
import type { CcModule } from '../../src/cc/congestion-control.ts';
import { cubic, cubicWith } from '../../src/cc/cubic.ts';
import { reno } from '../../src/cc/reno.ts';
import { everyNth, independent, type LossProcess } from './loss-process.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

function renoLaw(p: number): number {
  return Math.sqrt(1.5 / p);
}

/** RFC 9438 §5.1 with its beta = 0.7: 1.054 for C = 0.4. */
function cubicLaw(p: number, rttMs: number, c: number = 0.4): number {
  return ((c * 3.7) / 1.2) ** 0.25 * (rttMs / 1000 / p) ** 0.75;
}

/** Starts at the expected window, settles for some losses, and is measured over as many as asked. */
function meanWindow(
  module: CcModule,
  rttMs: number,
  p: number,
  near: number,
  losses: number,
  loss: LossProcess = everyNth(Math.round(1 / p)),
  settle: number = 4,
): number {
  const v = newView();
  v.setSsthresh(near);
  v.setCwnd(near);
  const model = new PathModel(v, module, { rttNs: rttMs * MS, loss });
  const cycleNs = ((rttMs / near) * MS) / p;
  model.runFor(settle * cycleNs);
  return model.meanWindow(losses * cycleNs);
}

function isWithin(t: Test, got: number, want: number, low: number, high: number): void {
  const share = got / want;
  const text = `${got.toFixed(1)} for ${want.toFixed(1)}: ${share.toFixed(3)} in [${low}, ${high}]`;
  t.ok(share >= low && share <= high, text);
}

/**
 * Reno's sawtooth in whole round trips: from a to 2a by one, one more before the loss at its top is known, and one at
 * a while recovery lasts: 1.5 a^2 + 2.5 a pieces in a + 2 round trips. sqrt(1.5 / p) is its limit for large windows.
 */
function renoSawtooth(p: number): number {
  const a = (Math.sqrt(6.25 + 6 / p) - 2.5) / 3;
  return 1 / p / (a + 2);
}

const isLong = process.env.LONG === '1';
const REACH = isLong ? [2, 3, 4, 5, 6, 7, 8] : [2, 3, 4, 5, 6];

t.test('Reno: sqrt(1.5 / p)', (t) => {
  for (const e of REACH) {
    const p = 10 ** -e;
    const got = meanWindow(reno, 100, p, renoLaw(p), 6);
    // Below 20 pieces, half a piece lost to rounding and the round trip of recovery count.
    isWithin(t, got, renoLaw(p), e === 2 ? 0.8 : 0.9, 1.1);
    isWithin(t, got, renoSawtooth(p), 0.92, 1.03);
  }
  t.end();
});

t.test('Reno: the same law when each piece is lost on its own', (t) => {
  for (const e of [2, 3, 4]) {
    const p = 10 ** -e;
    const loss = independent(p, new Rng(20261).stream('loss'));
    const got = meanWindow(reno, 100, p, renoLaw(p), 400, loss);
    isWithin(t, got, renoSawtooth(p), 0.9, 1.1);
  }
  t.end();
});

t.test('Reno does not care for the round-trip time', (t) => {
  const p = 1e-4;
  const [short, long] = [5, 300].map((rtt) => meanWindow(reno, rtt, p, renoLaw(p), 6));
  isWithin(t, short!, long!, 0.98, 1.02);
  t.end();
});

interface Cell {
  readonly rttMs: number;
  readonly e: number;
  /** The RFC's, in pieces. */
  readonly table: number;
  readonly low?: number;
  readonly high?: number;
  readonly why?: string;
}

const SMALL =
  'whole pieces: rounding takes half a piece of twelve, and recovery a round trip of nine';
const HELD =
  'a window that has not changed is not computed again for 31 ms, three round trips here';
const CROSSING =
  'the larger of two curves at every moment, with distances rounded towards Wmax: more than either mean';

const TABLE: readonly Cell[] = [
  { rttMs: 100, e: 2, table: 12, low: 0.8, why: SMALL },
  { rttMs: 100, e: 3, table: 38, high: 1.2, why: CROSSING },
  { rttMs: 100, e: 4, table: 187, high: 1.2, why: CROSSING },
  { rttMs: 100, e: 5, table: 1054 },
  { rttMs: 100, e: 6, table: 5926 },
  { rttMs: 100, e: 7, table: 33325 },
  { rttMs: 100, e: 8, table: 187400 },
  { rttMs: 10, e: 2, table: 12, low: 0.7, why: `${SMALL}; ${HELD}` },
  { rttMs: 10, e: 3, table: 38 },
  { rttMs: 10, e: 4, table: 120 },
  { rttMs: 10, e: 5, table: 379 },
  { rttMs: 10, e: 6, table: 1200 },
  { rttMs: 10, e: 7, table: 5926 },
  { rttMs: 10, e: 8, table: 33325 },
];

t.test('CUBIC: the table of RFC 9438', (t) => {
  for (const { rttMs, e, table, low = 0.9, high = 1.1, why } of TABLE) {
    if (!isLong && e > 7) continue;
    const p = 10 ** -e;
    t.comment(`RTT ${rttMs} ms, p = 1e-${e}${why === undefined ? '' : `: ${why}`}`);
    isWithin(t, meanWindow(cubic, rttMs, p, table, 8), table, low, high);
  }
  t.end();
});

/**
 * As RFC 9438 writes it: the table's model has no fast convergence, without which any W_max near the right one keeps itself
 * for many losses. With it a window that comes back a piece too low gives up a seventh.
 */
t.test('CUBIC by RFC 9438: its table, and what fast convergence takes from it', (t) => {
  const plain = cubicWith('plain', { rfc9438: true, fastConvergence: false });
  const whole = cubicWith('whole', { rfc9438: true });
  for (const { rttMs, e, table } of TABLE) {
    if (!isLong && (e > 7 || (rttMs === 10 && e > 5))) continue;
    const p = 10 ** -e;
    const loss = (): LossProcess => everyNth(10 ** e);
    t.comment(`RTT ${rttMs} ms, p = 1e-${e}`);
    const low = e === 2 ? 0.8 : 0.9; // twelve pieces: half a piece of rounding, and the round trip of recovery
    isWithin(t, meanWindow(plain, rttMs, p, table, 8, loss(), 60), table, low, 1.1);
    isWithin(t, meanWindow(whole, rttMs, p, table, 16, loss(), 20), table, 0.8, 1.1);
  }
  t.end();
});

t.test('CUBIC: other values of C', (t) => {
  for (const [c, bicScale] of [
    [0.04, 4.1],
    [0.4, 41],
    [4, 410],
  ] as const) {
    for (const e of [6, 7]) {
      const law = cubicLaw(10 ** -e, 100, c);
      const module = cubicWith('c', { bicScale });
      t.comment(`C = ${c}, RTT 100 ms, p = 1e-${e}`);
      isWithin(t, meanWindow(module, 100, 10 ** -e, law, 8), law, 0.9, 1.1);
    }
  }
  t.end();
});

t.test('CUBIC is as large as Reno where Reno rules: short paths, the same losses', (t) => {
  const p = 1e-4;
  const windows = [reno, cubic].map((module) => {
    const loss = independent(p, new Rng(20262).stream('loss'));
    return meanWindow(module, 10, p, renoLaw(p), 300, loss);
  });
  isWithin(t, windows[1]!, windows[0]!, 0.9, 1.1);
  t.end();
});
