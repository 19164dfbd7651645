/**
 * BBR over an ideal path in virtual time: what its authors say it does (ACM Queue 14-5; draft-cardwell-iccrg-bbr-congestion-
 * control-00), with a bound beside each figure. Bandwidths are of pieces of 1,500 bytes.
 */
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { AckAggregation } from '../../src/cc/ack-aggregation.ts';
import { bbr } from '../../src/cc/bbr.ts';
import { BbrRate } from '../../src/cc/bbr-rate.ts';
import { CA_EVENT, CA_STATE } from '../../src/cc/ca-state.ts';
import { type CcView, INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import type { CongestionControl } from '../../src/cc/congestion-control.ts';
import { RateSample } from '../../src/cc/samples.ts';
import { independent } from './loss-process.ts';
import { PathModel, type PathOptions } from './path-model.ts';
import { newView } from './rig.ts';

const mbit = (n: number): number => (n * 1e6) / 8 / 1500;
const RTT = 40 * MS;
const STARTUP = 739;
const DRAIN = 88;
const UNIT = 256;

function path(options: Partial<PathOptions> & { rate: number }, seed: number = 1): PathModel {
  const v = newView(seed);
  v.mss = 1500;
  return new PathModel(v, bbr, { rttNs: RTT, ...options });
}

function info(cc: CongestionControl, v: CcView) {
  const told = cc.getInfo(v);
  if (told?.kind !== 'bbr') throw new Error('bbr tells what it knows');
  return told;
}

const gainOf = (m: PathModel): number => info(m.cc, m.v).pacingGain;
const bwOf = (m: PathModel): number => info(m.cc, m.v).bytesPerSecond / 1500;

/** Until it is true, looked at after each ACK; how many nanoseconds that took. */
function until(m: PathModel, what: () => boolean, mostNs: number = 20 * SEC): number {
  const from = m.v.nowNs;
  let at = -1;
  m.onAck = () => {
    if (at < 0 && what()) at = m.v.nowNs;
  };
  while (at < 0 && m.v.nowNs < from + mostNs) m.runFor(MS);
  m.onAck = () => undefined;
  return at < 0 ? Infinity : at - from;
}

t.test(
  'startup finds the rate in log2(BDP) round trips, and drain empties the queue at once',
  (t) => {
    for (const [rate, rttNs] of [
      [10, 40 * MS],
      [100, 40 * MS],
      [1000, 10 * MS],
      [100, 200 * MS],
    ] as const) {
      const m = path({ rate: mbit(rate), rttNs });
      const bdp = (mbit(rate) * rttNs) / SEC;
      const what = `${rate} Mbit/s, ${rttNs / MS} ms`;
      const found = until(m, () => bwOf(m) > 0.98 * mbit(rate)) / rttNs;
      // The rate doubles each round trip; the window's first ten pieces, and one to see the last of it.
      const most = Math.log2(bdp / 10) * 1.35 + 3;
      t.ok(
        found <= most,
        `${what}: found in ${found.toFixed(1)} round trips of ${most.toFixed(1)}`,
      );
      until(m, () => gainOf(m) === DRAIN);
      t.ok(
        m.peakQueue < 2.2 * bdp + 20,
        `at most two BDPs waited: ${(m.peakQueue / bdp).toFixed(2)}`,
      );
      const drained = until(m, () => gainOf(m) !== DRAIN) / rttNs;
      t.ok(drained < 3.5, `drained in ${drained.toFixed(1)} round trips`);
      t.ok(m.queue < 0.1 * bdp + 10, `${m.queue} wait then, of a BDP of ${bdp.toFixed(0)}`);
      t.ok(Math.abs(bwOf(m) / mbit(rate) - 1) < 0.01, 'and the rate is right within 1 %');
      t.not(m.v.ssthresh, INFINITE_SSTHRESH, 'ssthresh says where startup ended');
    }
    t.end();
  },
);

t.test(
  'startup goes on as long as a round trip brings a quarter more, and three are forgiven',
  (t) => {
    // Small buffers drop what startup sends too much: the rate is found all the same.
    const m = path({ rate: mbit(50), buffer: 100 });
    until(m, () => gainOf(m) !== STARTUP);
    t.ok(Math.abs(bwOf(m) / mbit(50) - 1) < 0.02, `${bwOf(m)} of ${mbit(50)}`);
    t.end();
  },
);

interface Phase {
  readonly gain: number;
  readonly fromNs: number;
  readonly queue: number;
}

function phases(m: PathModel, ns: number): Phase[] {
  const seen: Phase[] = [];
  m.onAck = () => {
    const gain = gainOf(m);
    if (seen.at(-1)?.gain !== gain) seen.push({ gain, fromNs: m.v.nowNs, queue: m.queue });
  };
  m.runFor(ns);
  m.onAck = () => undefined;
  return seen;
}

t.test('a cycle of eight phases: a quarter more, a quarter less, six round trips as it is', (t) => {
  const m = path({ rate: mbit(100) });
  m.runFor(3 * SEC);
  const seen = phases(m, 5 * SEC);
  const first = seen.findIndex(({ gain }) => gain === 320);
  const cycles = Math.floor((seen.length - first - 1) / 3);
  t.ok(cycles >= 10, `${cycles} cycles`);
  for (let i = 0; i < cycles; i++) {
    const [up, down, cruise, next] = seen.slice(first + 3 * i, first + 3 * i + 4);
    t.strictSame([up!.gain, down!.gain, cruise!.gain], [320, 192, 256]);
    const lasted = [down!.fromNs - up!.fromNs, cruise!.fromNs - down!.fromNs].map((ns) => ns / RTT);
    t.ok(lasted[0]! > 1 && lasted[0]! < 1.5, `probing for ${lasted[0]!.toFixed(2)} round trips`);
    t.ok(lasted[1]! <= 1.1, `draining for ${lasted[1]!.toFixed(2)}`);
    const cruised = (next!.fromNs - cruise!.fromNs) / RTT;
    t.ok(cruised > 5.9 && cruised < 6.3, `cruising for ${cruised.toFixed(2)}`);
    t.ok(cruise!.queue < 0.1 * 333, 'what the probe queued is gone');
  }
  t.end();
});

t.test('the first phase is any but the draining one, by the connection’s own chance', (t) => {
  const firsts = new Set<string>();
  for (let seed = 1; seed <= 24; seed++) {
    const m = path({ rate: mbit(10) }, seed);
    until(m, () => gainOf(m) === DRAIN);
    until(m, () => gainOf(m) !== DRAIN);
    if (gainOf(m) === 192) t.fail(`seed ${seed} begins with draining`);
    const left = gainOf(m) === 320 ? 0 : Math.round(until(m, () => gainOf(m) === 320) / RTT);
    firsts.add(`${left}`);
  }
  t.ok(firsts.size >= 5, `so many round trips until the first probe: ${[...firsts].sort()}`);
  t.end();
});

t.test('ProbeRTT: four pieces for 200 ms every ten seconds, and then the window is back', (t) => {
  const m = path({ rate: mbit(100) });
  m.runFor(9 * SEC);
  const window = m.v.cwnd;
  const spells: { fromNs: number; ns: number }[] = [];
  let since = 0;
  m.onAck = () => {
    if (m.v.cwnd <= 4 && since === 0) since = m.v.nowNs;
    else if (m.v.cwnd > 4 && since > 0) {
      spells.push({ fromNs: since, ns: m.v.nowNs - since });
      since = 0;
      t.ok(m.v.cwnd >= 0.9 * window, `${m.v.cwnd} again, of ${window}`);
    }
  };
  m.runFor(34 * SEC);
  t.equal(spells.length, 4, 'one each ten seconds');
  for (const { ns } of spells) t.ok(ns >= 200 * MS && ns <= 200 * MS + 3 * RTT, `${ns / MS} ms`);
  for (let i = 1; i < spells.length; i++) {
    const apart = (spells[i]!.fromNs - spells[i - 1]!.fromNs) / SEC;
    t.ok(apart >= 10 && apart <= 10.4, `${apart.toFixed(2)} s apart`);
  }
  t.ok(Math.abs(bwOf(m) / mbit(100) - 1) < 0.02, 'samples of so small a flight lower no estimate');
  t.end();
});

t.test(
  'bandwidth steps: up by a quarter each cycle, down when ten round trips have forgotten',
  (t) => {
    const up = path({ rate: mbit(10) });
    up.runFor(5 * SEC);
    up.setRate(mbit(20));
    // ln 2 / ln 1.25 = 3.1 cycles of eight round trips.
    const found = until(up, () => bwOf(up) > 0.98 * mbit(20)) / RTT;
    t.ok(found < 3.2 * 8 + 2, `10 to 20 Mbit/s in ${found.toFixed(1)} round trips`);

    const down = path({ rate: mbit(20) });
    down.runFor(5 * SEC);
    down.setRate(mbit(10));
    let most = 0;
    const forgotten = until(down, () => {
      most = Math.max(most, down.queue);
      return bwOf(down) < 1.02 * mbit(10);
    });
    // The window bounds the queue: two BDPs of before, of which one is of the path now; each round trip is that long.
    const bdp = (mbit(20) * RTT) / SEC;
    t.ok(most < 1.7 * bdp, `${most} waited meanwhile, two BDPs are ${2 * bdp}`);
    const rounds = forgotten / (RTT + (most * SEC) / mbit(10));
    t.ok(rounds > 8 && rounds < 12.5, `20 to 10 Mbit/s after ${rounds.toFixed(1)} round trips`);
    down.runFor(15 * RTT);
    down.peakQueue = 0;
    down.runFor(SEC);
    t.ok(down.peakQueue < 0.8 * bdp, `and the queue is small again: ${down.peakQueue}`);
    t.end();
  },
);

t.test(
  'a policer is noticed: its rate is kept to, and only every 48 round trips is more tried',
  (t) => {
    const m = path({ rate: mbit(100), policer: { rate: mbit(10), burst: 200 } });
    until(m, () => m.v.lost > 0);
    const found =
      until(m, () => Math.abs(bwOf(m) / mbit(10) - 1) < 0.05 && gainOf(m) === UNIT) / RTT;
    t.ok(found < 4 * 4 + 4, `two intervals after the first loss: ${found.toFixed(1)} round trips`);
    m.runFor(10 * RTT);
    const [delivered, lost] = [m.v.delivered, m.v.lost];
    m.runFor(30 * RTT);
    t.equal(m.v.lost, lost, 'nothing is dropped any more');
    const rate = ((m.v.delivered - delivered) * SEC) / (30 * RTT);
    t.ok(rate > 0.97 * mbit(10), `and all of its rate is used: ${(rate / mbit(10)).toFixed(3)}`);
    t.ok(until(m, () => gainOf(m) > UNIT) / RTT < 20, 'then it looks again');
    const before = [m.v.delivered, m.v.lost] as const;
    m.runFor(8 * SEC);
    const gone = (m.v.lost - before[1]) / (m.v.delivered - before[0] + m.v.lost - before[1]);
    t.ok(gone < 0.15, `at the price of ${(100 * gone).toFixed(1)} % of loss`);
    t.end();
  },
);

// ---- by hand ----

interface Rig {
  readonly v: CcView;
  readonly cc: CongestionControl;
  readonly rs: RateSample;
}

/** A window of 100 in flight over 100 ms, at 1,000 pieces a second. */
function rig(): Rig {
  const v = newView();
  v.mss = 1500;
  v.delivered = 1000;
  v.sndNxt = 1;
  const cc = bbr.create();
  cc.init(v);
  return { v, cc, rs: new RateSample() };
}

function ack({ v, cc, rs }: Rig, acked: number, inFlight: number, losses: number = 0): void {
  v.nowNs += acked * MS;
  v.delivered += acked;
  v.lost += losses;
  v.inFlight = inFlight;
  rs.ackedSacked = acked;
  rs.losses = losses;
  rs.priorInFlight = inFlight + acked + losses;
  rs.priorDelivered = v.delivered - 100;
  rs.delivered = 100;
  rs.intervalNs = 100 * MS;
  rs.rttNs = 100 * MS;
  cc.congControl(v, rs, 0);
}

t.test(
  'it starts at 2.885 windows a round trip, or in a millisecond where none was measured',
  (t) => {
    const { v } = rig();
    t.ok(v.isPaced);
    t.ok(Math.abs(v.pacingRate / ((2.885 * 10 * 1500) / 0.1) - 0.99) < 0.002, `${v.pacingRate}`);
    const fresh = newView();
    fresh.srttNs = 0;
    const r = { v: fresh, cc: bbr.create(), rs: new RateSample() };
    r.cc.init(fresh);
    t.ok(fresh.pacingRate > 2.8 * 10 * 1460 * 1000 * 0.99);
    fresh.srttNs = 100 * MS;
    ack(r, 10, 0);
    t.ok(fresh.pacingRate < 2.9 * 20 * 1460 * 50, 'the first round trip puts that right');
    t.equal(r.cc.sndbufExpand(fresh), 3);
    t.end();
  },
);

t.test('super-frames of one segment below 1.2 Mbit/s', (t) => {
  const { v, cc } = rig();
  v.setPacingRate(149_999);
  t.equal(cc.minTsoSegs(v), 1);
  v.setPacingRate(150_000);
  t.equal(cc.minTsoSegs(v), 2);
  t.end();
});

t.test('recovery: a round trip of packet conservation, growth, and the window of before', (t) => {
  const r = rig();
  for (let i = 0; i < 20; i++) ack(r, 10, 90);
  const before = r.v.cwnd;
  t.ok(before > 100);
  r.v.setSsthresh(r.cc.ssthresh(r.v));
  r.cc.setState(r.v, CA_STATE.RECOVERY);
  r.v.caState = CA_STATE.RECOVERY;
  ack(r, 3, 60, 5);
  t.equal(r.v.cwnd, 63, 'what is in flight and what was delivered');
  ack(r, 4, 58, 2);
  t.equal(r.v.cwnd, 62, 'a loss takes its place away, a delivery gives one');
  for (let i = 0; i < 9; i++) ack(r, 10, 52);
  t.equal(r.v.cwnd, 62, 'for a round trip');
  for (let i = 0; i < 5; i++) ack(r, 10, 52);
  t.ok(r.v.cwnd > 80 && r.v.cwnd < before, `then it grows by what is delivered: ${r.v.cwnd}`);
  r.v.caState = CA_STATE.OPEN;
  ack(r, 1, 60);
  t.ok(r.v.cwnd >= before, `${r.v.cwnd}, it was ${before}`);
  t.end();
});

t.test(
  'a spurious reduction: the window stays for the end of recovery, and a pipe that was full is',
  (t) => {
    const r = rig();
    for (let i = 0; i < 60; i++) ack(r, 10, 90);
    t.equal(info(r.cc, r.v).pacingGain < STARTUP, true, 'the pipe was full');
    const rates = new Set<number>();
    for (let i = 0; i < 100; i++) {
      r.v.setSsthresh(r.cc.ssthresh(r.v));
      t.equal(r.cc.undoCwnd(r.v), r.v.cwnd);
      ack(r, 10, 140);
      rates.add(Math.round(r.v.pacingRate / 1500));
    }
    t.same([...rates].sort(), [1238, 743, 990], 'the cycle goes on, downwards too');
    t.end();
  },
);

t.test('after a pause it sends at the rate it knows, without a probe', (t) => {
  const m = path({ rate: mbit(100) });
  m.runFor(3 * SEC);
  const rate = bwOf(m);
  until(m, () => gainOf(m) === 320);
  m.idle(2 * SEC);
  m.peakQueue = 0;
  m.v.isAppLimited = true;
  m.cc.cwndEvent(m.v, CA_EVENT.TX_START);
  t.ok(Math.abs(m.v.pacingRate / (rate * 1500) - 0.99) < 0.001, 'a gain of one');
  m.runFor(RTT);
  t.ok(m.peakQueue < 60, `${m.peakQueue} waited in the first round trip`);
  t.equal(bwOf(m), rate, 'and nothing is forgotten');
  // Ten seconds are over: that the path was idle is as good as a ProbeRTT.
  const idle = path({ rate: mbit(100) });
  idle.runFor(3 * SEC);
  idle.idle(12 * SEC);
  let least = Infinity;
  idle.onAck = () => {
    least = Math.min(least, idle.v.cwnd);
  };
  idle.runFor(5 * RTT);
  t.ok(least > 100, `no ProbeRTT after a pause: ${least}`);
  t.end();
});

t.test('ACKs that come together add to the window, by at most 100 ms of the rate', (t) => {
  const v = newView();
  v.cwnd = 10_000;
  v.delivered = 100;
  const rate = new BbrRate();
  const aggregation = new AckAggregation();
  rate.start(v);
  aggregation.restart(v);
  const rs = new RateSample();
  /** `pieces` at once after `ms`; each a round trip, at a rate of one a millisecond. */
  const arrive = (pieces: number, ms: number): void => {
    v.nowNs += ms * MS;
    v.delivered += pieces;
    rs.ackedSacked = pieces;
    rs.priorDelivered = v.delivered;
    rs.delivered = 100;
    rs.intervalNs = 100 * MS;
    rate.countRound(v, rs);
    rate.take(rs);
    aggregation.update(v, rs, rate);
  };
  for (let i = 0; i < 20; i++) arrive(10, 10);
  t.equal(aggregation.surplus(rate), 10, 'an even stream: the ACK that begins an epoch');
  arrive(60, 60);
  t.equal(aggregation.surplus(rate), 60, 'a burst');
  arrive(10, 70);
  for (let i = 0; i < 3; i++) arrive(10, 10);
  t.equal(aggregation.surplus(rate), 60, 'is remembered for five to ten round trips');
  for (let i = 0; i < 6; i++) arrive(10, 10);
  t.equal(aggregation.surplus(rate), 10);
  arrive(500, 500);
  t.equal(aggregation.surplus(rate), 100, '100 ms at a piece a millisecond');
  t.end();
});

t.test('TCP_CC_INFO has the rate, the least round trip, and the gains in 1/256', (t) => {
  const r = rig();
  ack(r, 10, 90);
  t.strictSame(r.cc.getInfo(r.v), {
    kind: 'bbr',
    bytesPerSecond: 1_500_000,
    minRttUs: 100_000,
    pacingGain: STARTUP,
    cwndGain: STARTUP,
  });
  t.end();
});

t.test('losses that are no policer’s: a twentieth by chance, and the cycle goes on', (t) => {
  const loss = independent(0.05, new Rng(5).stream('loss'));
  const m = path({ rate: mbit(10), loss });
  m.runFor(5 * SEC);
  const gains = phases(m, 4 * SEC).map(({ gain }) => gain);
  const probes = gains.filter((gain) => gain === 320).length;
  t.ok(probes > 6, `${probes} probes in 100 round trips`);
  t.end();
});

t.test(
  'the window: two BDPs, three super-frames, an even number; two more while it probes',
  (t) => {
    const r = rig();
    for (let i = 0; i < 60; i++) ack(r, 10, 90);
    const windows = new Map<number, Set<number>>();
    for (let i = 0; i < 300; i++) {
      ack(r, 10, 200);
      const { pacingGain } = info(r.cc, r.v);
      const seen = windows.get(pacingGain) ?? new Set();
      windows.set(pacingGain, seen.add(r.v.cwnd));
    }
    // 1,000 pieces a second over 100 ms; super-frames of two; ten come together in an ACK.
    t.strictSame([...windows.get(320)!], [2 * 100 + 3 * 2 + 10 + 2]);
    t.strictSame([...windows.get(256)!], [2 * 100 + 3 * 2 + 10]);
    t.end();
  },
);
