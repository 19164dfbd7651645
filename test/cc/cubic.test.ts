/** CUBIC's window function and its epochs (RFC 9438), with the numbers worked by hand. */
import fc from 'fast-check';
import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import type { CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubic, cubicWith } from '../../src/cc/cubic.ts';
import { ticksTo } from '../../src/cc/cubic-curve.ts';
import { type CubicParams, LINUX_CUBIC } from '../../src/cc/cubic-params.ts';
import { reno } from '../../src/cc/reno.ts';
import { AckSample } from '../../src/cc/samples.ts';
import { holds } from '../support/property.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

/** With this C a piece is a cube of one tick. */
const wholeCubeRoot = (a: number): number => ticksTo(a, 2 ** 40);

interface Rig {
  readonly v: CcView;
  readonly cc: CongestionControl;
}

function rig(changes: Partial<CubicParams> = {}): Rig {
  const v = newView();
  const cc = cubicWith('test', changes).create();
  cc.init(v);
  return { v, cc };
}

function info(cc: CongestionControl, name: string): number {
  const all = cc.getInfo(newView());
  if (all?.kind !== 'other') throw new Error('cubic tells what it knows');
  const value = all.values[name];
  if (value === undefined) throw new Error(`no ${name}`);
  return value;
}

/** A reduction at this window, as recovery does it. */
function loseAt({ v, cc }: Rig, cwnd: number): void {
  v.setCwnd(cwnd);
  v.setSsthresh(cc.ssthresh(v));
  v.setCwnd(v.ssthresh);
}

/** One round trip of single ACKs, spread evenly. */
function round({ v, cc }: Rig, rttNs: number, acks: number = v.cwnd): void {
  const start = v.nowNs;
  for (let i = 1; i <= acks; i++) {
    v.nowNs = start + Math.floor((rttNs * i) / acks);
    cc.congAvoid(v, 1);
  }
}

t.test('RFC 8511 §3.1: a mark takes less of the window than a loss', (t) => {
  const after = (cc: CongestionControl, isGentle: boolean): number => {
    const v = newView();
    v.setCwnd(100);
    v.isGentle = isGentle;
    return cc.ssthresh(v);
  };
  t.same(
    [false, true].map((is) => after(cubic.create(), is)),
    [70, 85],
  );
  t.same(
    [false, true].map((is) => after(reno.create(), is)),
    [50, 80],
  );
  t.equal(
    after(cubicWith('test', { beta: 1000 }).create(), true),
    97,
    'never more than a loss does',
  );
  t.end();
});

t.test('the parameters are those of Linux', (t) => {
  t.strictSame(LINUX_CUBIC, {
    beta: 717,
    bicScale: 41,
    fastConvergence: true,
    tcpFriendliness: true,
    hystart: true,
    hystartDetect: 3,
    hystartLowWindow: 16,
    hystartAckDeltaUs: 2000,
    initialSsthresh: 0,
    rfc9438: false,
    hystartPlus: false,
  });
  t.throws(() => rig({ beta: 1024 }), InvariantError);
  t.throws(() => rig({ bicScale: 0 }), InvariantError);
  t.end();
});

t.test('the cube root is the whole part, exactly', (t) => {
  for (const root of [0, 1, 2, 3, 100, 4217, 208063]) {
    const cube = root ** 3;
    t.equal(wholeCubeRoot(cube), root, `of ${cube}`);
    if (cube > 1) t.equal(wholeCubeRoot(cube - 1), root - 1, `of ${cube} - 1`);
  }
  const isExact = (a: number): boolean => {
    const r = BigInt(wholeCubeRoot(a));
    return r ** 3n <= BigInt(a) && (r + 1n) ** 3n > BigInt(a);
  };
  holds(t, 'up to 2^53', fc.property(fc.maxSafeNat(), isExact), 2000);
  const isNear = (a: number): boolean => {
    const r = BigInt(wholeCubeRoot(a));
    return (r - 1n) ** 3n <= BigInt(a) && (r + 2n) ** 3n > BigInt(a);
  };
  const large = fc.double({ min: 2 ** 53, max: 2 ** 63, noNaN: true }).map(Math.floor);
  holds(t, 'one off at most up to 2^63', fc.property(large, isNear), 2000);
  t.end();
});

t.test('K and W(t) for Wmax = 100: 70, 95.6, 100, 102.3, 121.7', (t) => {
  let losses = 0;
  const once = { lostAmong: () => (losses++ === 0 ? 1 : 0) };
  const v = newView();
  v.setCwnd(100);
  v.setSsthresh(100);
  const module = cubicWith('pure', { tcpFriendliness: false });
  const model = new PathModel(v, module, { rttNs: 10 * MS, loss: once });
  while (model.reductions === 0 || v.caState !== CA_STATE.OPEN) model.runFor(MS);
  t.equal(v.priorCwnd, 100);
  t.equal(v.cwnd, 70);
  const k = info(model.cc, 'kSeconds');
  t.ok(Math.abs(k - Math.cbrt(30 / 0.4)) < 0.005, `K = ${k.toFixed(3)} s, 4.217 in the RFC's C`);
  const epochNs = info(model.cc, 'epochNs');
  const seen: number[] = [];
  for (const [seconds, window] of [
    [2, 95.6],
    [4.217, 100],
    [6, 102.3],
    [8, 121.7],
  ] as const) {
    model.runUntil(epochNs + seconds * SEC);
    seen.push(v.cwnd);
    t.ok(Math.abs(v.cwnd - window) <= 1.3, `W(${seconds} s) = ${v.cwnd}, ${window} by hand`);
  }
  t.ok(seen[1]! - seen[0]! < 6 && seen[2]! - seen[1]! < 4 && seen[3]! - seen[2]! > 15, 'a plateau');
  t.end();
});

t.test('a reduction goes to 717/1024, and never below 2', (t) => {
  for (const [cwnd, after] of [
    [100, 70],
    [1000, 700],
    [1024, 717],
    [10, 7],
    [3, 2],
    [2, 2],
    [1, 2],
  ] as const) {
    const { v, cc } = rig();
    v.setCwnd(cwnd);
    t.equal(cc.ssthresh(v), after, `${cwnd}`);
  }
  t.end();
});

t.test('fast convergence: a window that did not come back gives up Wmax', (t) => {
  for (const [fastConvergence, second] of [
    [true, 76], // 90 (1 + beta) / 2 = 76.5
    [false, 90],
  ] as const) {
    const r = rig({ fastConvergence });
    loseAt(r, 100);
    t.equal(info(r.cc, 'wMax'), 100);
    loseAt(r, 90);
    t.equal(info(r.cc, 'wMax'), second, `${fastConvergence}`);
    loseAt(r, 120);
    t.equal(info(r.cc, 'wMax'), 120, 'a window that grew is the new Wmax');
  }
  t.end();
});

t.test('the Reno-friendly region: 8/15 of a piece a round trip on short paths', (t) => {
  const r = rig();
  loseAt(r, 100);
  const before = r.v.cwnd;
  for (let i = 0; i < 60; i++) round(r, 10 * MS);
  // 60 * 8 / 15 = 32; the curve alone is at 81.6 after 0.6 s.
  const gained = r.v.cwnd - before;
  t.ok(gained >= 28 && gained <= 33, `${gained} pieces in 60 round trips`);
  const pure = rig({ tcpFriendliness: false });
  loseAt(pure, 100);
  for (let i = 0; i < 60; i++) round(pure, 10 * MS);
  t.ok(pure.v.cwnd - before <= 13, `${pure.v.cwnd - before} without it`);
  t.end();
});

t.test('W_est: one piece once more than 15/8 of the window is acknowledged', (t) => {
  const r = rig();
  loseAt(r, 100);
  const { v, cc } = r;
  const ackedAt70 = (acked: number): number => {
    v.setCwnd(70);
    v.nowNs += 40 * MS;
    cc.congAvoid(v, acked);
    return info(cc, 'wEst');
  };
  t.equal(ackedAt70(1), 70, 'the first ACK starts the epoch, and counts');
  t.equal(ackedAt70(130), 70, '131 = 70 * 15 / 8');
  t.equal(ackedAt70(1), 71);
  t.equal(ackedAt70(130), 71);
  t.equal(ackedAt70(262), 73, 'several at once: 393 is not more than three times 131');
  t.equal(ackedAt70(1), 74);
  t.end();
});

t.test('the window aims at the curve one round trip from now', (t) => {
  const speeds = [1, 200].map((rttMs) => {
    const r = rig({ tcpFriendliness: false });
    const sample = new AckSample();
    sample.rttNs = rttMs * MS;
    r.cc.pktsAcked(r.v, sample);
    loseAt(r, 1000);
    r.cc.congAvoid(r.v, 1);
    return info(r.cc, 'ackedPerPiece');
  });
  // K = 9.08 s: W(1 ms) = 700 and a bit, W(200 ms) = 700 + 3 C K^2 * 0.2 = 719.
  t.equal(speeds[0], 700);
  t.equal(speeds[1], 35, 'distances are cut to whole pieces: 720');
  t.end();
});

t.test(
  'growth is limited: a piece for every second acknowledged, one in 20 before any loss',
  (t) => {
    const late = rig();
    loseAt(late, 100);
    round(late, 100 * MS);
    late.v.nowNs += 60 * SEC;
    const before = late.v.cwnd;
    round(late, 100 * MS);
    const gained = late.v.cwnd - before;
    t.ok(gained > before * 0.45 && gained <= before / 2 + 1, `${before} + ${gained} far beyond K`);
    const fresh = rig();
    fresh.v.setCwnd(200);
    fresh.v.setSsthresh(200);
    round(fresh, 100 * MS);
    t.equal(fresh.v.cwnd, 210, 'no loss known: 5 % a round trip');
    t.end();
  },
);

t.test('the window is computed once a tick, and while it stays the same once in 31 ms', (t) => {
  const r = rig({ tcpFriendliness: false });
  loseAt(r, 1000);
  r.cc.congAvoid(r.v, 1);
  const first = info(r.cc, 'ackedPerPiece');
  r.v.nowNs += 31 * MS;
  r.cc.congAvoid(r.v, 1);
  t.equal(info(r.cc, 'ackedPerPiece'), first, '31 ms later, same window');
  r.v.nowNs += 2 * MS;
  r.cc.congAvoid(r.v, 1);
  const second = info(r.cc, 'ackedPerPiece');
  t.not(second, first, '33 ms later');
  r.v.setCwnd(r.v.cwnd + 2);
  r.v.nowNs += MS / 2;
  r.cc.congAvoid(r.v, 1);
  t.equal(info(r.cc, 'ackedPerPiece'), second, 'another window in the same tick');
  r.v.nowNs += MS / 2;
  r.cc.congAvoid(r.v, 1);
  t.not(info(r.cc, 'ackedPerPiece'), second, 'in the next');
  t.end();
});

t.test('idle time is no time of the epoch', (t) => {
  const r = rig({ tcpFriendliness: false });
  loseAt(r, 100);
  for (let i = 0; i < 10; i++) round(r, 100 * MS);
  const epochNs = info(r.cc, 'epochNs');
  const before = r.v.cwnd;
  r.v.lastSentNs = r.v.nowNs;
  r.v.nowNs += 20 * SEC;
  r.cc.cwndEvent(r.v, CA_EVENT.CWND_RESTART);
  t.equal(info(r.cc, 'epochNs'), epochNs, 'only the first transmission counts');
  r.cc.cwndEvent(r.v, CA_EVENT.TX_START);
  t.equal(info(r.cc, 'epochNs'), epochNs + 20 * SEC);
  round(r, 100 * MS);
  t.ok(r.v.cwnd - before <= 5, `${before}, then ${r.v.cwnd}: no burst after 20 s of silence`);
  r.v.lastSentNs = 0;
  r.cc.cwndEvent(r.v, CA_EVENT.TX_START);
  t.equal(info(r.cc, 'epochNs'), r.v.nowNs, 'an epoch does not begin in the future');
  loseAt(r, 50);
  r.cc.cwndEvent(r.v, CA_EVENT.TX_START);
  t.equal(info(r.cc, 'epochNs'), Infinity, 'no epoch, nothing to shift');
  t.end();
});

t.test('a timeout forgets everything; other states do not', (t) => {
  const r = rig();
  loseAt(r, 100);
  const sample = new AckSample();
  sample.rttNs = 50 * MS;
  r.cc.pktsAcked(r.v, sample);
  t.equal(info(r.cc, 'minDelayNs'), 50 * MS);
  round(r, 100 * MS);
  for (const state of [CA_STATE.OPEN, CA_STATE.DISORDER, CA_STATE.CWR, CA_STATE.RECOVERY]) {
    r.cc.setState(r.v, state);
    t.equal(info(r.cc, 'wMax'), 100, `state ${state}`);
  }
  r.cc.setState(r.v, CA_STATE.LOSS);
  t.strictSame(
    ['wMax', 'origin', 'kSeconds', 'epochNs', 'minDelayNs'].map((name) => info(r.cc, name)),
    [0, 0, 0, Infinity, 0],
  );
  t.end();
});

t.test('delays measured in the first second of an epoch do not count', (t) => {
  const { v, cc } = rig();
  const sample = new AckSample();
  const take = (rttNs: number): number => {
    sample.rttNs = rttNs;
    cc.pktsAcked(v, sample);
    return info(cc, 'minDelayNs');
  };
  t.equal(take(-1), 0, 'no sample');
  t.equal(take(50 * MS), 50 * MS);
  t.equal(take(70 * MS), 50 * MS, 'the least');
  loseAt({ v, cc }, 100);
  t.equal(take(45 * MS), 45 * MS, 'no epoch yet');
  cc.congAvoid(v, 1);
  v.nowNs += SEC - MS;
  t.equal(take(40 * MS), 45 * MS, 'within the second');
  v.nowNs += MS;
  t.equal(take(40 * MS), 40 * MS);
  t.end();
});

t.test('an undo gives the window back, and the threshold', (t) => {
  const v = newView();
  v.setCwnd(80);
  v.setSsthresh(80);
  let losses = 0;
  const once = { lostAmong: () => (losses++ === 0 ? 1 : 0) };
  const model = new PathModel(v, cubic, { rttNs: 50 * MS, loss: once });
  while (model.reductions === 0) model.runFor(MS);
  t.ok(v.cwnd < 60);
  model.undo();
  t.strictSame([v.cwnd, v.ssthresh], [v.priorCwnd, v.priorSsthresh]);
  t.ok(v.cwnd >= 80);
  t.end();
});

t.test('without HyStart slow start ends where it is told', (t) => {
  t.equal(rig({ hystart: false, initialSsthresh: 64 }).v.ssthresh, 64);
  t.equal(rig({ hystart: false }).v.ssthresh, 0x7fffffff);
  t.equal(rig({ initialSsthresh: 64 }).v.ssthresh, 0x7fffffff, 'HyStart finds it');
  t.end();
});
