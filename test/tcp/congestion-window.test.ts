/** How cwnd is used, grows and shrinks, in virtual time (RFC 5681, RFC 2861; Linux's rules). */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { PathRig } from './path-rig.ts';

const PATH = { rateBps: 100e6, delayNs: 20 * MS, queueBytes: 1 << 20 };

t.test('RFC 5681 §3.1: a window that is in use doubles each round trip', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open();
  const { view } = near.connection!.congestion;
  t.equal(view.cwnd, 10);
  rig.write(near, 10e6);
  rig.run(50 * MS);
  t.ok(view.cwnd >= 19 && view.cwnd <= 20, `${view.cwnd} after one round trip`);
  rig.run(40 * MS);
  t.ok(view.cwnd >= 36 && view.cwnd <= 40, `${view.cwnd} after two`);
  rig.close();
  t.end();
});

t.test('a window that is not needed does not grow', (t) => {
  const rig = new PathRig(PATH);
  const { near, far } = rig.open();
  const { view } = near.connection!.congestion;
  for (let i = 0; i < 50; i++) {
    rig.write(near, 1448);
    rig.run(50 * MS);
  }
  t.equal(far.received, 50 * 1448, 'all arrived');
  t.equal(view.cwnd, 10, 'one segment a round trip: as it was');
  for (let i = 0; i < 50; i++) {
    rig.write(near, 12 * 1448);
    rig.run(60 * MS);
  }
  t.ok(view.cwnd > 10 && view.cwnd <= 24, `twelve segments a round trip: ${view.cwnd}`);
  rig.close();
  t.end();
});

t.test('RFC 2861: a window that was too large for an RTO comes down towards what was used', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open();
  const { view } = near.connection!.congestion;
  rig.write(near, 4e6);
  rig.run(600 * MS);
  const grown = view.cwnd;
  t.ok(grown > 100, `it has grown to ${grown}`);
  // A trickle that never pauses for an RTO.
  for (let i = 0; i < 40; i++) {
    rig.write(near, 1448);
    rig.run(50 * MS);
  }
  t.ok(view.cwnd < grown / 4, `${view.cwnd}: halved towards the initial window each RTO`);
  t.ok(view.cwnd >= 10, 'not below it');
  t.ok(view.ssthresh >= (grown * 3) / 4 - 1, 'slow start finds the way back');
  rig.close();
  t.end();
});

t.test('RFC 5681 §4.1, tcp_slow_start_after_idle: the window restarts after idleness', (t) => {
  for (const isOn of [1, 0]) {
    const rig = new PathRig({ ...PATH, tcp: { slowStartAfterIdle: isOn } });
    const { near } = rig.open();
    const { view } = near.connection!.congestion;
    rig.write(near, 4e6);
    rig.run(2 * SEC);
    const grown = view.cwnd;
    rig.run(10 * SEC);
    t.equal(view.cwnd, grown, 'nothing happens while nothing is written');
    const before = rig.departures.length;
    rig.write(near, 1e6);
    const burst = rig.departures.length - before;
    if (isOn === 1) {
      t.equal(view.cwnd, 10, 'the initial window');
      t.equal(burst, 10, 'is what leaves');
      t.ok(
        view.ssthresh >= Math.floor((grown * 3) / 4),
        'and slow start goes on to three quarters',
      );
    } else t.equal(view.cwnd, grown, 'it stays when that is off');
    rig.close();
  }
  t.end();
});

t.test('an RTO of idleness halves, it does not restart at once', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open();
  const c = near.connection!;
  const { view } = c.congestion;
  rig.write(near, 4e6);
  rig.run(600 * MS);
  const grown = view.cwnd;
  rig.run(c.lastSentNs + 2.5 * c.rtt.rtoNs - rig.sim.nowNs);
  rig.write(near, 1448);
  t.equal(view.cwnd, grown >> 2, `${grown} after two and a half timeouts`);
  rig.close();
  t.end();
});

t.test('samples are marked while the application is the limit, and not afterwards', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open();
  const c = near.connection!;
  for (let i = 0; i < 5; i++) {
    rig.write(near, 3000);
    rig.run(60 * MS);
  }
  t.ok(c.rate.isBestAppLimited, 'a few segments a round trip');
  rig.write(near, 20e6);
  rig.run(1 * SEC);
  t.notOk(c.rate.isAppLimited, 'more than a window is queued');
  t.notOk(c.rate.isBestAppLimited);
  const rate = (c.rate.bestDelivered * 1448 * SEC) / c.rate.bestIntervalNs;
  t.ok(rate > 0.9 * 12.0e6 && rate < 1.1 * 12.5e6, `${rate} bytes a second: the link's`);
  rig.close();
  t.end();
});
