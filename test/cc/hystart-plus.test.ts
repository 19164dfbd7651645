/** HyStart++ (RFC 9406): its thresholds, its conservative phase, the ways out of it, and a real bottleneck. */
import t from 'tap';
import { MS } from '../../src/base/time.ts';
import { type CcView, INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import type { CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubicWith } from '../../src/cc/cubic.ts';
import { AckSample } from '../../src/cc/samples.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

const MSS = 1460;
const plus = cubicWith('plus', { hystartPlus: true });

class SlowStart {
  readonly v: CcView = newView();
  readonly cc: CongestionControl = plus.create();
  private readonly sample = new AckSample();

  constructor(isPaced: boolean = true) {
    this.cc.init(this.v);
    if (isPaced) this.v.requirePacing();
    this.v.setCwnd(100);
  }

  ack(rttMs: number, acked: number = 1): void {
    const { v, cc, sample } = this;
    v.sndUna += acked * MSS;
    sample.rttNs = rttMs * MS;
    sample.pktsAcked = acked;
    cc.pktsAcked(v, sample);
    cc.congAvoid(v, acked);
    v.sndNxt = Math.max(v.sndNxt, v.sndUna + v.cwnd * MSS);
  }

  /** A whole round trip with one RTT: how much the window has grown, as a factor. */
  round(rttMs: number, samples: number = 8): number {
    const { v } = this;
    const before = v.cwnd;
    const end = v.sndNxt;
    const each = Math.floor((end - v.sndUna) / MSS / samples);
    for (let i = 1; i < samples; i++) this.ack(rttMs, each);
    this.ack(rttMs, Math.ceil((end - v.sndUna) / MSS));
    return v.cwnd / before;
  }

  get isOver(): boolean {
    return this.v.ssthresh !== INFINITE_SSTHRESH;
  }
}

const isFull = (factor: number): boolean => factor > 1.9;
const isSlow = (factor: number): boolean => factor > 1.2 && factor < 1.3;

for (const [baseMs, riseMs] of [
  [100, 12.5],
  [8, 4],
  [32, 4],
  [64, 8],
  [128, 16],
  [200, 16],
] as const) {
  t.test(
    `§4.3: last round ${baseMs} ms, the conservative phase begins at ${riseMs} ms more`,
    (t) => {
      const s = new SlowStart();
      s.round(baseMs);
      s.round(baseMs);
      t.ok(isFull(s.round(baseMs + riseMs - 0.01)), 'just below: the window doubles');
      t.ok(isFull(s.round(baseMs)));
      s.round(baseMs + riseMs);
      t.ok(isSlow(s.round(baseMs + riseMs)), 'a quarter as fast');
      t.notOk(s.isOver);
      t.end();
    },
  );
}

t.test('§4.2: eight samples of a round are needed', (t) => {
  const s = new SlowStart();
  s.round(100);
  s.round(100);
  s.round(200, 7);
  t.ok(isFull(s.round(200)), 'seven are none; and the next round compares with 200 ms');
  s.round(230);
  t.ok(isSlow(s.round(230)), 'eight are enough');
  t.end();
});

t.test('§4.2: five rounds of it, the first one a part, and slow start is over', (t) => {
  const s = new SlowStart();
  s.round(100);
  s.round(100);
  s.round(120); // enters with the eighth sample
  for (let i = 0; i < 4; i++) t.ok(isSlow(s.round(120)), `${i + 2}`);
  t.notOk(s.isOver);
  const { cwnd } = s.v;
  s.ack(120);
  t.ok(s.isOver);
  t.equal(s.v.ssthresh, cwnd);
  t.equal(s.v.stats.counters.get('TCPHystartDelayDetect'), 1);
  t.end();
});

t.test('§4.2: a passing delay: slow start goes on, and may end again', (t) => {
  const s = new SlowStart();
  s.round(100);
  s.round(100);
  s.round(120);
  t.ok(isSlow(s.round(120)));
  s.round(119); // below the round that began it
  t.ok(isFull(s.round(119)));
  t.notOk(s.isOver);
  s.round(140);
  t.ok(isSlow(s.round(140)));
  t.end();
});

t.test('§4.3: a stretched ACK adds eight pieces, unless departures are paced', (t) => {
  for (const [isPaced, grown] of [
    [true, 130],
    [false, 108],
  ] as const) {
    const s = new SlowStart(isPaced);
    s.ack(100, 30);
    t.equal(s.v.cwnd, grown);
  }
  t.end();
});

t.test('§4.3: only the first slow start is watched', (t) => {
  const s = new SlowStart();
  s.v.setSsthresh(100_000);
  s.round(100);
  s.round(100);
  s.round(200);
  t.ok(isFull(s.round(200)));
  t.end();
});

t.test('over a bottleneck with a deep buffer: slow start ends without a loss', (t) => {
  // The first ACKs of a round are of an empty queue until the window is two BDPs: seen a round later, and 1.25^5 follow.
  const rate = 100e6 / 8 / 1500;
  for (const rttMs of [20, 50, 100]) {
    const bdp = (rate * rttMs) / 1000;
    const [watched, plain] = [plus, cubicWith('none', { hystart: false })].map((module) => {
      const v = newView();
      v.mss = 1500;
      const m = new PathModel(v, module, { rttNs: rttMs * MS, rate, buffer: Math.ceil(12 * bdp) });
      while (v.ssthresh === INFINITE_SSTHRESH) m.runFor(MS);
      m.runFor(16 * rttMs * MS); // the losses of the last round are known
      return { lost: v.lost, left: v.ssthresh / bdp };
    });
    t.equal(watched!.lost, 0, `${rttMs} ms: left at ${watched!.left.toFixed(1)} BDPs`);
    t.ok(watched!.left > 1 && watched!.left < 12);
    t.ok(plain!.lost > 5 * bdp, `${plain!.lost} without, of a BDP of ${bdp.toFixed(0)}`);
  }
  t.end();
});
