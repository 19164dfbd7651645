/**
 * BBR in a whole stack, over a bottleneck in virtual time, against what its authors measured (ACM Queue 14-5): rates, delays
 * and what it remembers. The module alone is in test/cc/bbr.test.ts.
 */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { goodput, PathRig } from './path-rig.ts';

const MSS = 1448;
const FRAME = MSS + 66;
/** The send buffer holds three windows and what is SACKed meanwhile. */
const TCP = { wmemMax: 32 << 20 };

function info(c: TcpConnection) {
  const told = c.congestion.cc.getInfo(c.congestion.view);
  if (told?.kind !== 'bbr') throw new Error('it has bbr');
  return told;
}

t.test('1 % of loss on 100 Mbit/s over 100 ms: 95 Mbit/s, and CUBIC has 1.4', (t) => {
  const [bbr, cubic] = ['bbr', 'cubic'].map((congestion) => {
    const path = { rateBps: 100e6, delayNs: 50 * MS, queueBytes: 1.25e6, loss: 0.01, seed: 7 };
    const rig = new PathRig({ ...path, superFrames: true, tcp: TCP });
    const { near, far } = rig.open({ congestion });
    rig.write(near, 1e10);
    rig.run(congestion === 'bbr' ? 3 * SEC : 15 * SEC);
    const rate = 8 * goodput(rig, far, congestion === 'bbr' ? 9 * SEC : 40 * SEC);
    rig.close();
    return rate;
  });
  // Of 100 Mbit/s on the wire a hundredth is lost, a hundredth is BBR's margin, and headers are a twentieth.
  const most = 100e6 * 0.99 * (MSS / FRAME);
  t.ok(bbr! > 0.95 * most, `BBR ${(bbr! / 1e6).toFixed(1)} of ${(most / 1e6).toFixed(1)} Mbit/s`);
  t.ok(bbr! * (FRAME / MSS) > 95e6 * 0.99, 'which is 95 Mbit/s on the wire');
  t.ok(cubic! < 2e6, `CUBIC ${(cubic! / 1e6).toFixed(2)}: sqrt(1.5 / p) is 1.4`);
  t.end();
});

t.test(
  '10 Mbit/s, 40 ms, a buffer of 1,000 packets: the same rate, and a tenth of the delay',
  (t) => {
    const [bbr, cubic] = ['bbr', 'cubic'].map((congestion) => {
      const rig = new PathRig({
        rateBps: 10e6,
        delayNs: 20 * MS,
        queue: { kind: 'drop-tail', limitFrames: 1000 },
        seed: 8,
      });
      const { near, far } = rig.open({ congestion });
      rig.write(near, 1e10);
      rig.run(5 * SEC);
      const before = far.received;
      const delays: number[] = [];
      for (let i = 0; i < 150; i++) {
        rig.run(100 * MS);
        delays.push(near.connection!.rtt.srttNs / MS);
      }
      delays.sort((a, b) => a - b);
      const rate = ((far.received - before) * 8) / 15 / (10e6 * (MSS / FRAME));
      rig.close();
      return { rate, median: delays[75]! };
    });
    t.ok(
      bbr!.rate > 0.95 && cubic!.rate > 0.95,
      `${bbr!.rate.toFixed(3)} and ${cubic!.rate.toFixed(3)} of the link`,
    );
    t.ok(bbr!.median < 52, `a median of ${bbr!.median.toFixed(1)} ms; 43 was measured`);
    t.ok(
      cubic!.median > 10 * bbr!.median,
      `CUBIC fills the buffer: ${cubic!.median.toFixed(0)} ms`,
    );
    t.end();
  },
);

t.test(
  'an application that sends little, or pauses, makes it forget nothing, and no burst follows',
  (t) => {
    const rig = new PathRig({ rateBps: 50e6, delayNs: 20 * MS, queueBytes: 1e6, seed: 9 });
    const { near, far } = rig.open({ congestion: 'bbr' });
    const c = near.connection!;
    const link = (50e6 / 8) * (MSS / FRAME);
    rig.write(near, 20e6);
    rig.run(4 * SEC);
    t.equal(far.received, 20e6, 'all arrived');
    const known = info(c).bytesPerSecond;
    t.ok(
      Math.abs(known / link - 1) < 0.02,
      `${(known / link).toFixed(3)} of the link's rate is known`,
    );
    for (let i = 0; i < 40; i++) {
      rig.write(near, 3000);
      rig.run(50 * MS);
    }
    t.equal(info(c).bytesPerSecond, known, 'forty round trips of a trickle');
    rig.run(3 * SEC);
    const before = rig.departures.length;
    rig.write(near, 5e6);
    t.ok(c.congestion.view.pacingRate < 1.001 * 0.99 * known, 'the pause ends at a gain of one');
    rig.run(10 * MS);
    const left = rig.departures.length - before;
    const even = (0.01 * link) / MSS;
    t.ok(
      left > 0.7 * even && left < 1.4 * even + 4,
      `${left} segments in 10 ms, ${even.toFixed(0)} at the rate`,
    );
    t.ok(goodput(rig, far, 500 * MS) > 0.9 * link, 'and the link is full at once');
    rig.close();
    t.end();
  },
);

t.test('what ProbeRTT sends is marked: its samples lower no estimate, TCP_INFO shows none', (t) => {
  const rig = new PathRig({ rateBps: 20e6, delayNs: 20 * MS, queueBytes: 1e6, superFrames: true });
  const { near, far } = rig.open({ congestion: 'bbr' });
  const c = near.connection!;
  const { view } = c.congestion;
  rig.write(near, 1e9);
  rig.run(8 * SEC);
  const rate = info(c).bytesPerSecond;
  const isInProbe = () => view.cwnd === 4 && view.inFlight <= 4;
  t.ok(rig.sim.runUntil(isInProbe, rig.sim.nowNs + 5 * SEC), 'there it is');
  const from = rig.sim.nowNs;
  rig.run(150 * MS);
  t.ok(isInProbe() && c.rate.isAppLimited);
  t.ok(
    rig.sim.runUntil(() => view.cwnd > 4, rig.sim.nowNs + SEC),
    'and gone',
  );
  const lasted = (rig.sim.nowNs - from) / MS;
  t.ok(lasted >= 195 && lasted < 320, `${lasted.toFixed(0)} ms`);
  t.equal(info(c).bytesPerSecond, rate);
  t.ok(goodput(rig, far, SEC) > 0.93 * (20e6 / 8) * (MSS / FRAME), 'the link is full again');
  t.ok(view.isPaced);
  rig.close();
  t.end();
});

t.test(
  'bandwidth steps of the link: 10 to 20 Mbit/s and back, with little queue in between',
  (t) => {
    const rig = new PathRig({ rateBps: 10e6, delayNs: 20 * MS, queueBytes: 1e6, seed: 10 });
    const { near, far } = rig.open({ congestion: 'bbr' });
    const c = near.connection!;
    rig.write(near, 1e10);
    for (const [mbit, settleNs] of [
      [10, 3 * SEC],
      [20, 3 * SEC], // 3.1 cycles of eight round trips: a second
      [10, 5 * SEC], // ten round trips through a queue of a BDP and more
      [100, 3 * SEC],
    ] as const) {
      rig.forth.setRate(mbit * 1e6);
      rig.run(settleNs);
      const rate = (8 * goodput(rig, far, SEC) * FRAME) / MSS / 1e6;
      t.ok(rate > 0.93 * mbit && rate <= 1.01 * mbit, `${rate.toFixed(1)} of ${mbit} Mbit/s`);
      const delay = c.rtt.srttNs / MS;
      t.ok(delay < 60, `${delay.toFixed(1)} ms of 40`);
    }
    rig.close();
    t.end();
  },
);

t.test('a token-bucket policer is kept to: little is lost, and its rate is used', (t) => {
  const policer = { rateBps: 10e6, burstBytes: 200_000 };
  const path = { rateBps: 100e6, delayNs: 20 * MS, queueBytes: 1e6, seed: 11 };
  const rig = new PathRig({ ...path, forth: { policer } });
  const { near, far } = rig.open({ congestion: 'bbr' });
  const { view } = near.connection!.congestion;
  rig.write(near, 1e10);
  rig.run(3 * SEC);
  const [lost, delivered] = [view.lost, view.delivered];
  const rate = (8 * goodput(rig, far, 15 * SEC) * FRAME) / MSS;
  t.ok(rate > 9e6 && rate < 10.2e6, `${(rate / 1e6).toFixed(2)} of 10 Mbit/s`);
  const share = (view.lost - lost) / (view.delivered - delivered + view.lost - lost);
  t.ok(share < 0.12, `${(100 * share).toFixed(1)} % lost: each 48 round trips more is tried`);
  rig.close();
  t.end();
});

t.test('two flows share a link: ProbeRTT brings the later one its half', (t) => {
  const path = { rateBps: 20e6, delayNs: 10 * MS, queueBytes: 500_000, seed: 12 };
  const rig = new PathRig({ ...path, superFrames: true });
  const ends = [0, 1].map(() => {
    const pair = rig.open({ congestion: 'bbr' });
    rig.write(pair.near, 1e10);
    rig.run(2 * SEC);
    return pair;
  });
  rig.run(30 * SEC);
  const before = ends.map(({ far }) => far.received);
  rig.run(20 * SEC);
  const [a, b] = ends.map(({ far }, i) => far.received - before[i]!) as [number, number];
  const index = (a + b) ** 2 / (2 * (a * a + b * b));
  t.ok(index > 0.9, `Jain's index ${index.toFixed(3)}`);
  t.ok((8 * (a + b) * FRAME) / MSS > 0.94 * 20 * 20e6, 'and the link is full');
  rig.close();
  t.end();
});

t.test('ACKs that come together every 20 ms on a path of 10 ms do not stall it', (t) => {
  const path = { rateBps: 50e6, delayNs: 5 * MS, queueBytes: 1e6, seed: 13, superFrames: true };
  const rig = new PathRig({ ...path, back: { aggregation: { slotNs: 20 * MS } } });
  const { near, far } = rig.open({ congestion: 'bbr' });
  rig.write(near, 1e10);
  rig.run(4 * SEC);
  const rate = (8 * goodput(rig, far, 5 * SEC) * FRAME) / MSS;
  t.ok(rate > 0.95 * 50e6, `${(rate / 1e6).toFixed(1)} of 50 Mbit/s`);
  rig.close();
  t.end();
});
