/** CUBIC as RFC 9438 writes it (`rfc9438`), where that is not what Linux does. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import type { CcView } from '../../src/cc/cc-view.ts';
import type { CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubicWith } from '../../src/cc/cubic.ts';
import type { CubicParams } from '../../src/cc/cubic-params.ts';
import { CcRegistry } from '../../src/cc/registry.ts';
import { newView } from './rig.ts';

interface Rig {
  readonly v: CcView;
  readonly cc: CongestionControl;
}

function rig(changes: Partial<CubicParams> = {}): Rig {
  const v = newView();
  const cc = cubicWith('rfc', { rfc9438: true, ...changes }).create();
  cc.init(v);
  return { v, cc };
}

function info({ v, cc }: Rig, name: string): number {
  const told = cc.getInfo(v);
  return told?.kind === 'other' ? told.values[name]! : NaN;
}

function loseAt({ v, cc }: Rig, cwnd: number): void {
  v.setCwnd(cwnd);
  v.priorCwnd = cwnd;
  v.setSsthresh(cc.ssthresh(v));
  v.setCwnd(v.ssthresh);
}

/** Single ACKs, spread evenly, a window of them each `rttNs`, for so long. */
function run({ v, cc }: Rig, ns: number, rttNs: number): void {
  v.srttNs = rttNs;
  for (const end = v.nowNs + ns; v.nowNs < end; ) {
    v.nowNs = Math.min(end, v.nowNs + rttNs / v.cwnd);
    cc.congAvoid(v, 1);
  }
}

t.test('§4.2: K and W(t) for W_max = 100, within a piece', (t) => {
  const r = rig({ tcpFriendliness: false });
  loseAt(r, 100);
  run(r, MS, 10 * MS);
  const { epochNs } = { epochNs: info(r, 'epochNs') };
  t.ok(Math.abs(info(r, 'kSeconds') - 4.217) < 0.02, `K = ${info(r, 'kSeconds').toFixed(3)} s`);
  for (const [seconds, window] of [
    [2, 95.6],
    [4.217, 100],
    [6, 102.3],
    [8, 121.7],
  ] as const) {
    run(r, epochNs + seconds * SEC - r.v.nowNs, 10 * MS);
    t.ok(Math.abs(r.v.cwnd - window) <= 1.1, `W(${seconds} s) = ${r.v.cwnd}, ${window} by hand`);
  }
  t.end();
});

t.test(
  '§4.3: W_est gains 0.53 of a piece a round trip, and a whole one above the window of before',
  (t) => {
    const r = rig();
    loseAt(r, 20);
    const from = r.v.cwnd;
    // On so short a path W_cubic is below W_est: the window is W_est.
    run(r, 400 * MS, 40 * MS);
    const slow = (r.v.cwnd - from) / 10;
    t.ok(slow > 0.4 && slow < 0.6, `${slow.toFixed(2)} a round trip, 0.529 in the RFC`);
    while (r.v.cwnd < 21) run(r, 10 * MS, 10 * MS);
    const reached = r.v.cwnd;
    run(r, 100 * MS, 10 * MS);
    const fast = (r.v.cwnd - reached) / 10;
    t.ok(fast >= 0.9 && fast <= 1.1, `then ${fast.toFixed(2)}`);
    t.end();
  },
);

t.test('§4.2: no more than half a window a round trip', (t) => {
  const r = rig();
  loseAt(r, 200);
  run(r, SEC, SEC);
  r.v.nowNs += 60 * SEC; // far beyond K, where the curve is steep
  const before = r.v.cwnd;
  run(r, SEC, SEC);
  t.ok(r.v.cwnd <= 1.68 * before, `${before} to ${r.v.cwnd}`); // half of a window that grows: e to the half
  t.ok(r.v.cwnd >= 1.45 * before);
  t.end();
});

t.test('§4.7: fast convergence', (t) => {
  for (const [fastConvergence, second] of [
    [true, 76.5],
    [false, 90],
  ] as const) {
    const r = rig({ fastConvergence });
    loseAt(r, 100);
    loseAt(r, 90);
    t.ok(Math.abs(info(r, 'wMax') - second) < 0.1, `${info(r, 'wMax')}`);
    loseAt(r, 120);
    t.equal(info(r, 'wMax'), 120);
  }
  t.end();
});

t.test('§4.8: after a timeout the curve begins flat, at the window where avoidance begins', (t) => {
  const r = rig();
  loseAt(r, 100);
  r.cc.setState(r.v, CA_STATE.LOSS);
  r.v.setCwnd(50);
  r.v.setSsthresh(50);
  run(r, 10 * MS, 100 * MS);
  t.strictSame([info(r, 'origin'), info(r, 'kSeconds')], [50, 0]);
  t.end();
});

t.test('§4.9: a spurious reduction gives back W_max, K and the epoch', (t) => {
  const r = rig();
  loseAt(r, 100);
  run(r, 2 * SEC, 100 * MS);
  const names = ['wMax', 'origin', 'kSeconds', 'epochNs', 'wEst'];
  const before = names.map((name) => info(r, name));
  const cwnd = r.v.cwnd;
  loseAt(r, cwnd);
  t.not(info(r, 'wMax'), before[0], 'fast convergence has taken some of it');
  run(r, 100 * MS, 100 * MS);
  t.not(info(r, 'kSeconds'), before[2], 'and another epoch has begun');
  r.v.setCwnd(r.cc.undoCwnd(r.v));
  t.equal(r.v.cwnd, cwnd);
  t.strictSame(
    names.map((name) => info(r, name)),
    before,
  );
  run(r, 8 * SEC, 100 * MS);
  t.ok(r.v.cwnd > 110, `and the curve goes on where it was: ${r.v.cwnd}`);
  t.end();
});

t.test('§5.8: the time of a limited application is no time of the curve', (t) => {
  const r = rig();
  loseAt(r, 100);
  run(r, SEC, 100 * MS);
  const [cwnd, epochNs] = [r.v.cwnd, info(r, 'epochNs')];
  r.v.isCwndLimited = false;
  run(r, 20 * SEC, 100 * MS);
  t.equal(r.v.cwnd, cwnd, 'no growth meanwhile');
  r.v.lastSentNs = r.v.nowNs;
  r.v.nowNs += 5 * SEC;
  r.cc.cwndEvent(r.v, CA_EVENT.TX_START);
  r.v.isCwndLimited = true;
  run(r, 10 * MS, 100 * MS);
  t.ok(Math.abs(info(r, 'epochNs') - epochNs - 25 * SEC) < 10 * MS, '25 s later');
  t.ok(r.v.cwnd <= cwnd + 1);
  t.end();
});

t.test('parameters choose it, for the connections made from then on', (t) => {
  const modules = new CcRegistry(cubicWith('cubic', {}));
  t.equal(modules.setParameter('cubic', 'rfc9438', 1), 0);
  t.equal(modules.setParameter('cubic', 'rfc9438', 2), -22);
  const v = newView();
  const cc = modules.defaultModule.create();
  loseAt({ v, cc }, 100);
  run({ v, cc }, SEC, 100 * MS);
  t.ok(!Number.isInteger(info({ v, cc }, 'wEst')), 'real numbers');
  t.end();
});
