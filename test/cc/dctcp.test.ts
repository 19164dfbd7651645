/** DCTCP: alpha, the window, the echo (RFC 8257), and the queue it keeps (Alizadeh et al., 2010). */
import t from 'tap';
import { EINVAL, ENOENT } from '../../src/base/errno.ts';
import { SEC, US } from '../../src/base/time.ts';
import { CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import { type CcView, ECN_ECHO } from '../../src/cc/cc-view.ts';
import { CC_FLAG, type CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubic } from '../../src/cc/cubic.ts';
import { dctcp } from '../../src/cc/dctcp.ts';
import { CcRegistry, swapModule } from '../../src/cc/registry.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

interface Rig {
  readonly v: CcView;
  readonly cc: CongestionControl;
}

function rig(): Rig {
  const v = newView();
  v.mss = 1000;
  v.sndNxt = 10_000;
  const cc = dctcp.create();
  cc.init(v);
  return { v, cc };
}

function info(cc: CongestionControl, v: CcView) {
  const told = cc.getInfo(v);
  if (told?.kind !== 'dctcp') throw new Error('dctcp tells what it knows');
  return told;
}

/** A window of ten pieces is acknowledged, so many of them marked; ten more are under way. */
function round({ v, cc }: Rig, marked: number): number {
  v.delivered += 10;
  v.deliveredCe += marked;
  v.sndUna = v.sndNxt;
  v.sndNxt += 10_000;
  cc.inAckEvent(v, 0);
  return info(cc, v).alpha;
}

t.test(
  'RFC 8257 §3.3: alpha is 1 at first, and moves by a sixteenth of what a round trip says',
  (t) => {
    const r = rig();
    t.equal(info(r.cc, r.v).alpha, 1024);
    t.equal(round(r, 0), 960);
    t.equal(round(r, 5), 932, '960 - 60 + 32');
    t.equal(round(r, 10), 938, '932 - 58 + 64');
    for (let i = 0; i < 100; i++) round(r, 0);
    t.equal(round(r, 0), 0, 'down to nothing');
    for (let i = 0; i < 200; i++) round(r, 10);
    t.equal(round(r, 10), 1024, 'and up to one');
    const before = info(r.cc, r.v).alpha;
    r.v.sndUna += 5000;
    r.v.delivered += 5;
    r.cc.inAckEvent(r.v, 0);
    t.equal(info(r.cc, r.v).alpha, before, 'not within a round trip');
    t.equal(info(r.cc, r.v).abTot, 5000, 'what it has seen of this one');
    t.end();
  },
);

t.test('RFC 8257 §3.3: a mark takes alpha / 2 of the window; §3.4: a loss takes half', (t) => {
  const r = rig();
  for (const [alpha, left] of [
    [1024, 50],
    [960, 54],
    [900, 57],
  ] as const) {
    r.v.setCwnd(100);
    t.equal(info(r.cc, r.v).alpha, alpha);
    t.equal(r.cc.ssthresh(r.v), left, `alpha ${alpha}`);
    round(r, 0);
  }
  r.v.setCwnd(3);
  t.equal(r.cc.ssthresh(r.v), 2, 'never below 2');
  r.v.setCwnd(100);
  r.v.setSsthresh(r.cc.ssthresh(r.v));
  r.cc.setState(r.v, CA_STATE.CWR);
  t.equal(r.v.ssthresh, 59, 'for a mark');
  r.v.caState = CA_STATE.CWR;
  r.cc.setState(r.v, CA_STATE.RECOVERY);
  t.equal(r.v.ssthresh, 50, 'a loss in the same round trip');
  r.v.setCwnd(50);
  t.equal(r.cc.undoCwnd(r.v), 100, 'which may be taken back');
  r.v.setCwnd(80);
  r.cc.cwndEvent(r.v, CA_EVENT.LOSS);
  t.equal(r.v.ssthresh, 40, 'and a timeout');
  t.end();
});

t.test('RFC 8257 §3.2: the echo follows the marks, and is given back', (t) => {
  t.equal(dctcp.flags, CC_FLAG.NEEDS_ECN, 'restricted, as on Linux');
  const { v, cc } = rig();
  t.equal(v.ecnEcho, ECN_ECHO.OFF);
  cc.cwndEvent(v, CA_EVENT.ECN_IS_CE);
  t.strictSame([v.ecnEcho, info(cc, v).ceState], [ECN_ECHO.ON, 1]);
  cc.cwndEvent(v, CA_EVENT.ECN_NO_CE);
  t.strictSame([v.ecnEcho, info(cc, v).ceState], [ECN_ECHO.OFF, 0]);
  cc.cwndEvent(v, CA_EVENT.TX_START);
  swapModule(v, cc, cubic);
  t.equal(v.ecnEcho, ECN_ECHO.RFC3168);
  t.end();
});

t.test('without ECN it is Reno', (t) => {
  const v = newView();
  v.forbidEcn();
  const cc = dctcp.create();
  cc.init(v);
  t.equal(info(cc, v).enabled, 0);
  v.setCwnd(101);
  t.equal(cc.ssthresh(v), 50);
  cc.setState(v, CA_STATE.RECOVERY);
  t.equal(v.ssthresh, 0x7fffffff, 'the sender sets it');
  cc.release(v);
  t.notOk(v.hasEcn, 'and ECN does not come by changing modules');
  v.setSsthresh(50);
  v.setCwnd(50);
  cc.congAvoid(v, 50);
  t.equal(v.cwnd, 51);
  t.end();
});

t.test('parameters, as files under /sys/module/tcp_dctcp', (t) => {
  for (const [name, value, result] of [
    ['dctcp_shift_g', 10, 0],
    ['dctcp_shift_g', 11, -EINVAL],
    ['dctcp_shift_g', 0.5, -EINVAL],
    ['dctcp_alpha_on_init', 5000, 0],
    ['dctcp_alpha_on_init', -1, -EINVAL],
    ['dctcp_alpha_on_init', 2 ** 32, -EINVAL],
    ['beta', 1, -ENOENT],
  ] as const) {
    t.equal(new CcRegistry(dctcp).setParameter('dctcp', name, value), result, `${name} ${value}`);
  }
  const modules = new CcRegistry(dctcp);
  modules.setParameter('dctcp', 'dctcp_shift_g', 1);
  modules.setParameter('dctcp', 'dctcp_alpha_on_init', 512);
  const v = newView();
  const cc = modules.defaultModule.create();
  cc.init(v);
  t.equal(info(cc, v).alpha, 512);
  t.equal(round({ v, cc }, 10), 768, 'half of it is the last round trip');
  t.end();
});

t.test('it holds the queue at the mark, with the alpha of theory', (t) => {
  // 10 Gbit/s, 100 us: 83 pieces; the model of Alizadeh et al. for one flow and threshold K.
  const rate = 10e9 / 8 / 1500;
  const pipe = rate * 100e-6;
  const mark = 40;
  const v = newView();
  const options = { rttNs: 100 * US, rate, markAbove: mark, isPaced: true };
  const model = new PathModel(v, dctcp, options);
  model.runFor(SEC / 5);
  const before = v.delivered;
  model.peakQueue = 0;
  let alpha = 0;
  let rounds = 0;
  for (; rounds < 1000; rounds++) {
    model.runFor(100 * US);
    alpha += info(model.cc, v).alpha / 1024;
  }
  const used = (v.delivered - before) / (rate * rounds * 100e-6);
  const theory = Math.sqrt(2 / (pipe + mark));
  const share = alpha / rounds / theory;
  t.ok(used > 0.99, `${(100 * used).toFixed(1)} % of the link`);
  t.ok(share > 0.7 && share < 1.3, `alpha ${(alpha / rounds).toFixed(3)} for ${theory.toFixed(3)}`);
  t.ok(model.peakQueue <= mark + 4, `${model.peakQueue} waited, marked above ${mark}`);
  t.equal(v.lost, 0);
  t.end();
});
