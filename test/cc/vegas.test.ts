/** Vegas: alpha to beta pieces in the queue, the way out of slow start, and Reno where it knows nothing. */
import t from 'tap';
import { EINVAL, ENOENT } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import { type CcView, INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import type { CongestionControl } from '../../src/cc/congestion-control.ts';
import { CcRegistry } from '../../src/cc/registry.ts';
import { reno } from '../../src/cc/reno.ts';
import { AckSample } from '../../src/cc/samples.ts';
import { vegas } from '../../src/cc/vegas.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

interface Rig {
  readonly v: CcView;
  readonly cc: CongestionControl;
}

function rig(cwnd: number, ssthresh: number): Rig {
  const v = newView();
  const cc = vegas.create();
  cc.init(v);
  v.setCwnd(cwnd);
  v.setSsthresh(ssthresh);
  round({ v, cc }, 100 - 0.001, 0); // less the microsecond that is added
  v.setCwnd(cwnd);
  v.setSsthresh(ssthresh);
  return { v, cc };
}

/** A round trip with so many samples of this delay, and the ACK that ends it. */
function round({ v, cc }: Rig, ms: number, samples: number = 3): void {
  const sample = new AckSample();
  sample.rttNs = ms * MS;
  for (let i = 0; i < Math.max(1, samples); i++) cc.pktsAcked(v, sample);
  v.sndUna = v.sndNxt + 1;
  v.sndNxt = v.sndUna + v.cwnd;
  cc.congAvoid(v, 1);
}

t.test(
  'congestion avoidance: fewer than alpha, a piece more; more than beta, a piece less',
  (t) => {
    // A window of 50 over 100 ms: each 2 ms of delay are a piece in the queue.
    for (const [ms, cwnd] of [
      [100, 51],
      [103, 51],
      [104.1, 50],
      [108, 50],
      [109.9, 50],
      [110.1, 49],
      [200, 49],
    ] as const) {
      const r = rig(50, 10);
      round(r, ms);
      t.equal(r.v.cwnd, cwnd, `${ms} ms`);
      t.ok(r.v.ssthresh <= 10 || r.v.ssthresh === (cwnd >> 1) + (cwnd >> 2), `${r.v.ssthresh}`);
    }
    t.end();
  },
);

t.test('slow start ends when more than gamma wait, at the window that the path holds', (t) => {
  const r = rig(50, INFINITE_SSTHRESH);
  round(r, 103);
  t.strictSame([r.v.cwnd, r.v.ssthresh], [51, INFINITE_SSTHRESH], 'one waits: it goes on');
  round(r, 150);
  t.equal(r.v.cwnd, 34, '51 / 1.5, a microsecond less, and one');
  t.notOk(r.v.isInSlowStart());
  t.end();
});

t.test('with no more than two samples, and while something is wrong, it is Reno', (t) => {
  const r = rig(10, 10);
  for (let i = 0; i < 10; i++) round(r, 300, 2);
  t.equal(r.v.cwnd, 11, 'a piece a window, whatever the delay');
  r.cc.setState(r.v, CA_STATE.DISORDER);
  for (let i = 0; i < 11; i++) round(r, 300, 5);
  t.equal(r.v.cwnd, 12);
  r.cc.setState(r.v, CA_STATE.OPEN);
  round(r, 300, 5);
  t.equal(r.v.cwnd, 11, 'back');
  t.equal(r.cc.ssthresh(r.v), 5);
  t.equal(r.cc.ssthresh(rig(2, 2).v), 2);
  t.end();
});

t.test('after a pause the path is measured anew', (t) => {
  for (const event of [CA_EVENT.TX_START, CA_EVENT.CWND_RESTART]) {
    const r = rig(50, 10);
    r.cc.cwndEvent(r.v, event);
    round(r, 300);
    t.equal(r.v.cwnd, 51, 'a longer way, not a queue');
  }
  const r = rig(50, 10);
  r.cc.cwndEvent(r.v, CA_EVENT.COMPLETE_CWR);
  round(r, 300);
  t.equal(r.v.cwnd, 49);
  t.end();
});

t.test(
  'over a bottleneck: the link is full and two to four pieces wait, where Reno fills the buffer',
  (t) => {
    for (const [mbit, rttMs] of [
      [10, 50],
      [50, 20],
    ] as const) {
      const rate = (mbit * 1e6) / 8 / 1500;
      const [quiet, loud] = [vegas, reno].map((module) => {
        const v = newView();
        v.mss = 1500;
        const m = new PathModel(v, module, { rttNs: rttMs * MS, rate, buffer: 200 });
        m.runFor(20 * SEC);
        const before = v.delivered;
        const gone = v.lost;
        m.peakQueue = 0;
        m.runFor(10 * SEC);
        return {
          used: (v.delivered - before) / (10 * rate),
          queue: m.peakQueue,
          lost: v.lost - gone,
        };
      });
      t.ok(quiet!.used > 0.99, `${mbit} Mbit/s: ${(100 * quiet!.used).toFixed(1)} %`);
      t.ok(quiet!.queue >= 2 && quiet!.queue <= 6, `${quiet!.queue} waited`);
      t.equal(quiet!.lost, 0, 'and nothing is lost any more');
      t.ok(loud!.queue > 150, `Reno: ${loud!.queue}`);
    }
    t.end();
  },
);

t.test('TCP_CC_INFO and parameters', (t) => {
  const r = rig(50, 10);
  const sample = new AckSample();
  t.strictSame(r.cc.getInfo(r.v), {
    kind: 'vegas',
    enabled: 1,
    rttCount: 0,
    rttUs: 100_000,
    minRttUs: 0x7fffffff,
  });
  sample.rttNs = 120 * MS;
  r.cc.pktsAcked(r.v, sample);
  sample.rttNs = -1;
  r.cc.pktsAcked(r.v, sample);
  r.cc.setState(r.v, CA_STATE.LOSS);
  t.strictSame(r.cc.getInfo(r.v), {
    kind: 'vegas',
    enabled: 0,
    rttCount: 1,
    rttUs: 100_000,
    minRttUs: 120_001,
  });
  const modules = new CcRegistry(vegas);
  t.equal(modules.setParameter('vegas', 'alpha', 1.5), -EINVAL);
  t.equal(modules.setParameter('vegas', 'toString', 1), -ENOENT);
  t.equal(modules.setParameter('vegas', 'beta', 20), 0);
  const v = newView();
  const cc = modules.defaultModule.create();
  cc.init(v);
  v.setCwnd(50);
  v.setSsthresh(10);
  for (const ms of [100, 130]) round({ v, cc }, ms);
  t.equal(v.cwnd, 51, 'fifteen pieces are not too many then');
  t.end();
});
