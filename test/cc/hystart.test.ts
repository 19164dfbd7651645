/** HyStart's two signs at their thresholds, and slow start over a real bottleneck. */
import t from 'tap';
import { MS, US } from '../../src/base/time.ts';
import { CA_STATE } from '../../src/cc/ca-state.ts';
import { type CcView, INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import type { CongestionControl } from '../../src/cc/congestion-control.ts';
import { cubicWith } from '../../src/cc/cubic.ts';
import type { CubicParams } from '../../src/cc/cubic-params.ts';
import { AckSample } from '../../src/cc/samples.ts';
import { PathModel } from './path-model.ts';
import { newView } from './rig.ts';

const TRAIN = 1;
const DELAY = 2;

/** A connection in slow start at a window of 100, whose least RTT is known and whose round has just begun. */
class SlowStart {
  readonly v: CcView = newView();
  readonly cc: CongestionControl;
  private readonly sample = new AckSample();

  constructor(minRttNs: number, changes: Partial<CubicParams>) {
    this.cc = cubicWith('test', changes).create();
    this.v.gsoMaxBytes = 1448;
    this.cc.init(this.v);
    this.v.setCwnd(2);
    this.ack(0, minRttNs);
    this.v.setCwnd(100);
    this.round();
  }

  /** A round begins: all that was sent before is acknowledged by the next ACK. */
  round(): void {
    this.v.sndUna = this.v.sndNxt + 1448;
    this.v.sndNxt += 100 * 1448;
  }

  /** An ACK after some time, with this RTT; whether slow start goes on. */
  ack(afterNs: number, rttNs: number): boolean {
    this.v.nowNs += afterNs;
    this.sample.rttNs = rttNs;
    this.sample.pktsAcked = 1;
    this.cc.pktsAcked(this.v, this.sample);
    return this.v.ssthresh === INFINITE_SSTHRESH;
  }

  count(name: 'TCPHystartTrainDetect' | 'TCPHystartDelayDetect'): number {
    return this.v.stats.counters.get(name);
  }
}

for (const [minMs, riseMs] of [
  [100, 12.5],
  [8, 4],
  [32, 4],
  [64, 8],
  [128, 16],
  [200, 16],
] as const) {
  t.test(`delay: least RTT ${minMs} ms, slow start ends above ${minMs} + ${riseMs} ms`, (t) => {
    const at = (minMs + riseMs) * MS;
    const s = new SlowStart(minMs * MS, { hystartDetect: DELAY });
    for (let i = 0; i < 30; i++) if (!s.ack(5 * MS, at)) break;
    t.equal(s.v.ssthresh, INFINITE_SSTHRESH, 'not at the threshold itself');
    s.round();
    let samples = 0;
    while (s.ack(5 * MS, at + US) && samples < 100) samples++;
    t.equal(samples, 8, 'judged after 8 samples');
    t.equal(s.v.ssthresh, 100);
    t.strictSame([s.count('TCPHystartDelayDetect'), s.count('TCPHystartTrainDetect')], [1, 0]);
    t.equal(s.v.stats.counters.get('TCPHystartDelayCwnd'), 100);
    t.end();
  });
}

t.test('delay: one quick ACK in a round is enough to go on, but not one of the last round', (t) => {
  const s = new SlowStart(100 * MS, { hystartDetect: DELAY });
  s.ack(5 * MS, 110 * MS);
  for (let i = 0; i < 50; i++) s.ack(5 * MS, 150 * MS);
  t.equal(s.v.ssthresh, INFINITE_SSTHRESH);
  s.round();
  s.ack(5 * MS, 150 * MS);
  s.v.sndUna = s.v.sndNxt; // all of the round is acknowledged: it ends only with what is sent later
  for (let i = 0; i < 50; i++) s.ack(5 * MS, 150 * MS);
  t.equal(s.v.ssthresh, 100);
  t.end();
});

t.test('train: ACKs close together for more than half the least RTT', (t) => {
  const s = new SlowStart(100 * MS, { hystartDetect: TRAIN });
  s.ack(0, 100 * MS);
  for (let ms = 2; ms <= 50; ms += 2) t.ok(s.ack(2 * MS, 100 * MS), `${ms} ms`);
  t.notOk(s.ack(MS, 100 * MS), '51 ms');
  t.strictSame([s.v.ssthresh, s.count('TCPHystartTrainDetect')], [100, 1]);
  t.equal(s.v.stats.counters.get('TCPHystartTrainCwnd'), 100);
  t.end();
});

t.test('train: a gap of more than 2 ms ends it for the round', (t) => {
  const s = new SlowStart(100 * MS, { hystartDetect: TRAIN });
  s.ack(0, 100 * MS);
  s.ack(2 * MS + US, 100 * MS);
  for (let i = 0; i < 100; i++) s.ack(MS, 100 * MS);
  t.equal(s.v.ssthresh, INFINITE_SSTHRESH);
  s.round();
  s.ack(0, 100 * MS);
  for (let i = 0; i < 51; i++) s.ack(MS, 100 * MS);
  t.equal(s.v.ssthresh, 100, 'the next round is a new one');
  t.end();
});

t.test(
  'train: a paced flight stretches over a round trip, so the threshold is a whole one',
  (t) => {
    const s = new SlowStart(100 * MS, { hystartDetect: TRAIN });
    s.v.requirePacing();
    s.ack(0, 100 * MS);
    for (let ms = 1; ms <= 100; ms++) s.ack(MS, 100 * MS);
    t.equal(s.v.ssthresh, INFINITE_SSTHRESH, '100 ms');
    t.notOk(s.ack(MS, 100 * MS), '101 ms');
    t.end();
  },
);

t.test('train: super-frames may stretch it by four of the largest, 1 ms at most', (t) => {
  for (const [rate, allowedUs] of [
    [4 * 65536 * 2000, 500], // bytes a second at which four take 500 us
    [1e6, 1000],
    [Infinity, 0],
  ] as const) {
    const s = new SlowStart(2 * MS, { hystartDetect: TRAIN });
    s.v.gsoMaxBytes = 65536;
    s.v.setPacingRate(rate);
    s.ack(0, 2 * MS);
    const half = (2 * MS + allowedUs * US) / 2;
    t.ok(s.ack(half, 2 * MS), `${allowedUs} us: at the threshold`);
    t.notOk(s.ack(1, 2 * MS), `${allowedUs} us: beyond`);
  }
  t.end();
});

t.test('no sign counts below the low window, and none that is switched off', (t) => {
  const fill = (s: SlowStart): number => {
    s.ack(0, 100 * MS);
    for (let i = 0; i < 120; i++) s.ack(MS, 130 * MS);
    return s.v.ssthresh;
  };
  for (const [cwnd, changes, ends] of [
    [15, {}, INFINITE_SSTHRESH],
    [16, {}, 16],
    [29, { hystartLowWindow: 30 }, INFINITE_SSTHRESH],
    [30, { hystartLowWindow: 30 }, 30],
    [100, { hystartDetect: 0 }, INFINITE_SSTHRESH],
    [100, { hystart: false }, INFINITE_SSTHRESH],
  ] as const) {
    const s = new SlowStart(100 * MS, changes);
    s.v.setCwnd(cwnd);
    t.equal(fill(s), ends, `${cwnd} ${JSON.stringify(changes)}`);
  }
  t.end();
});

t.test('after a timeout slow start is watched again', (t) => {
  const s = new SlowStart(100 * MS, { hystartDetect: DELAY });
  const late = (): void => {
    for (let i = 0; i < 20; i++) s.ack(5 * MS, 150 * MS);
  };
  late();
  t.equal(s.v.ssthresh, 100);
  s.v.setSsthresh(200);
  late();
  t.equal(s.v.ssthresh, 200, 'once is enough');
  s.cc.setState(s.v, CA_STATE.LOSS);
  s.ack(0, 100 * MS);
  s.round();
  late();
  t.equal(s.v.ssthresh, 100);
  t.equal(s.count('TCPHystartDelayDetect'), 2);
  t.end();
});

interface Link {
  readonly rttMs: number;
  readonly mbit: number;
  readonly bufferBdp: number;
  readonly isPaced: boolean;
}

for (const link of [
  { rttMs: 100, mbit: 100, bufferBdp: 1, isPaced: false },
  { rttMs: 100, mbit: 100, bufferBdp: 2, isPaced: true },
  { rttMs: 20, mbit: 1000, bufferBdp: 1, isPaced: false },
  { rttMs: 200, mbit: 10, bufferBdp: 2, isPaced: true },
] as readonly Link[]) {
  const { rttMs, mbit, bufferBdp, isPaced } = link;
  const name = `${mbit} Mbit/s, ${rttMs} ms, buffer ${bufferBdp} BDP${isPaced ? ', paced' : ''}`;
  t.test(`${name}: slow start ends before the buffer overflows`, (t) => {
    const rate = (mbit * 1e6) / 8 / 1500;
    const bdp = (rate * rttMs) / 1000;
    const start = (changes: Partial<CubicParams>): PathModel => {
      const v = newView();
      v.mss = 1448;
      v.isPaced = isPaced;
      const options = { rttNs: rttMs * MS, rate, buffer: Math.floor(bufferBdp * bdp), isPaced };
      const model = new PathModel(v, cubicWith('test', changes), options);
      while (v.ssthresh === INFINITE_SSTHRESH) model.runFor(MS);
      // What the last window of slow start does shows within two round trips.
      model.runFor(2 * rttMs * MS);
      return model;
    };
    const { v, reductions, peakQueue } = start({});
    t.equal(v.lost, 0, 'nothing is lost');
    t.equal(reductions, 0);
    t.ok(
      v.ssthresh >= 0.4 * bdp && v.ssthresh <= (1 + bufferBdp) * bdp,
      `at ${v.ssthresh}, BDP ${bdp}`,
    );
    t.ok(peakQueue <= bufferBdp * bdp, `${peakQueue} waited`);
    t.ok(
      start({ hystart: false }).v.lost > 0.2 * bdp,
      'without it, a good part of a window is lost',
    );
    t.end();
  });
}
