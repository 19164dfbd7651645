/** Buffers that size themselves: both ends grow to what a long fat pipe needs. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { goodput, PathRig } from './path-rig.ts';

t.test('10 Gbit/s over 100 ms is filled: 125 MB in flight, tcp_rmem and tcp_wmem raised', (t) => {
  const rig = new PathRig({
    rateBps: 10e9,
    delayNs: 50 * MS,
    queueBytes: 60e6,
    superFrames: true,
    tcp: { rmemMax: 320 << 20, wmemMax: 200 << 20 },
    memory: { slabBytes: 800 << 20, chunks: 1200, cellBytes: 8 << 20, pages: 14_000 },
  });
  const { near, far } = rig.open({}, 1 << 20);
  const c = near.connection!;
  t.equal(c.sndbufBytes, 87_040, 'ten segments twice, as Linux counts them');
  rig.write(near, 1e12);
  rig.run(1.7 * SEC);
  const rate = (goodput(rig, far, 0.2 * SEC) * 8) / 1e9;
  t.ok(rate > 9 && rate <= 10, `${rate} Gbit/s`);
  const inFlight = c.rtx.packetsOut * c.mss();
  t.ok(inFlight >= 110e6, `${inFlight / 1e6} MB in flight`);
  t.equal(rig.client.tcp.mib.get('RetransSegs'), 0, 'without a loss');
  rig.close();
  t.end();
});

t.test(
  'with the defaults the window ends at half of tcp_rmem, the send buffer at tcp_wmem',
  (t) => {
    const rig = new PathRig({ rateBps: 10e9, delayNs: 50 * MS, superFrames: true });
    const { near, far } = rig.open({}, 1 << 20);
    rig.write(near, 1e12);
    rig.run(3 * SEC);
    const c = near.connection!;
    t.equal(c.sndbufBytes, 4 << 20);
    t.ok(c.rtx.packetsOut * c.mss() <= 4 << 20, 'no more than that in flight');
    const law = (4 << 20) / 0.1;
    const rate = goodput(rig, far, SEC);
    t.ok(
      rate > 0.66 * law && rate <= 1.01 * law,
      `${rate} of ${law} bytes a second: two thirds of a buffer a round trip, where the application is told of room, to all of it`,
    );
    t.ok(far.connection!.rcvbufBytes <= 32 << 20);
    rig.close();
    t.end();
  },
);

t.test('SO_SNDBUF ends autotuning', (t) => {
  const rig = new PathRig({ rateBps: 1e9, delayNs: 10 * MS, superFrames: true });
  const { near, far } = rig.open({ sndbufBytes: 100_000 });
  rig.write(near, 1e9);
  rig.run(SEC);
  t.equal(near.connection!.sndbufBytes, 100_000);
  // A write may go past the limit by what one super-frame holds, as on Linux.
  // Frames of two segments, each charged with 832 bytes besides, are the smallest.
  const least = (100_000 * 2896) / (2896 + 832) / 0.02;
  const most = (100_000 + 65_536) / 0.02;
  const rate = goodput(rig, far, SEC);
  t.ok(rate > 0.7 * least && rate < 1.01 * most, `${rate} of ${least} to ${most} bytes a second`);
  rig.close();
  t.end();
});

t.test('a buffer that is not the limit does not grow', (t) => {
  const rig = new PathRig({ rateBps: 10e6, delayNs: 10 * MS, queueBytes: 30_000 });
  const { near } = rig.open();
  for (let i = 0; i < 100; i++) {
    rig.write(near, 5000);
    rig.run(20 * MS);
  }
  t.equal(near.connection!.sndbufBytes, 87_040, 'nobody was ever refused');
  rig.close();
  t.end();
});
