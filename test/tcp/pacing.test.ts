/** When frames leave and how large they are: pacing, super-frames, deferral (Linux's rules, RFC 9293 §3.7.4). */
import t from 'tap';
import { MS, SEC, US } from '../../src/base/time.ts';
import { rateModel } from '../cc/other-modules.ts';
import { type Departure, PathRig } from './path-rig.ts';

const MSS = 1448;
const PATH = { rateBps: 100e6, delayNs: 20 * MS, superFrames: true };

/** Bytes a second of the text that left within a stretch of time. */
function rateOf(seen: readonly Departure[], fromNs: number, toNs: number): number {
  const part = seen.filter((d) => d.atNs >= fromNs && d.atNs < toNs);
  const bytes = part.reduce((sum, d) => sum + d.len, 0);
  return (bytes * SEC) / (toNs - fromNs);
}

t.test('SO_MAX_PACING_RATE: departures follow each other at the rate, after ten segments', (t) => {
  const rig = new PathRig({ ...PATH, superFrames: false });
  const { near } = rig.open({ maxPacingRate: 1e6 });
  const startNs = rig.sim.nowNs;
  rig.write(near, 10e6);
  t.equal(rig.departures.length, 10, 'the initial window leaves at once');
  rig.run(5 * SEC);
  const rate = rateOf(rig.departures, startNs + SEC, startNs + 5 * SEC);
  t.ok(rate > 0.99e6 && rate <= 1.001e6, `${rate} bytes a second`);
  const late = rig.departures.filter((d) => d.atNs > startNs + SEC);
  const frames = new Map<number, number>();
  for (const d of late) frames.set(d.atNs, (frames.get(d.atNs) ?? 0) + d.len);
  const times = [...frames.keys()];
  for (let i = 1; i < times.length; i++) {
    const gapNs = times[i]! - times[i - 1]!;
    const takesNs = (frames.get(times[i - 1]!)! * SEC) / 1e6;
    if (gapNs < takesNs / 2 || gapNs > takesNs * 1.5) {
      t.fail(`${frames.get(times[i - 1]!)} bytes, then ${gapNs / US} us`);
      break;
    }
  }
  t.ok(Math.max(...frames.values()) <= 2 * MSS, 'bursts of tcp_min_tso_segs at most');
  rig.close();
  t.end();
});

t.test('the limit can be changed while data flows', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open({ maxPacingRate: 2e6 });
  rig.write(near, 100e6);
  rig.run(2 * SEC);
  const c = near.connection!;
  const settings = c.settings.own();
  settings.change({ maxPacingRate: 5e5 });
  rig.inTurn(() => c.setSettings(settings));
  t.equal(c.congestion.view.pacingRate, 5e5, 'it acts at once');
  const fromNs = rig.sim.nowNs;
  rig.run(4 * SEC);
  const rate = rateOf(rig.departures, fromNs + SEC, fromNs + 4 * SEC);
  t.ok(rate > 0.97e5 * 5 && rate < 1.01e5 * 5, `${rate} bytes a second`);
  rig.close();
  t.end();
});

t.test('the rate is kept without pacing: twice the window a round trip, then 1.2 times', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open({ congestion: 'reno' });
  const c = near.connection!;
  const { view } = c.congestion;
  rig.write(near, 100e6);
  rig.run(100 * MS);
  t.ok(view.isInSlowStart(), 'slow start');
  const window = (): number => Math.max(view.cwnd, c.rtx.packetsOut) * view.mss;
  const share = (): number => (view.pacingRate * view.srttNs) / SEC / window();
  t.ok(Math.abs(share() - 2) < 0.1, `${share()} windows a round trip`);
  c.congestion.view.setSsthresh(view.cwnd); // the next ACK is one of congestion avoidance
  rig.run(60 * MS);
  t.ok(Math.abs(share() - 1.2) < 0.05, `${share()} windows a round trip`);
  t.notOk(view.isPaced, 'and nothing is held back');
  rig.close();
  t.end();
});

t.test('super-frames: whole segments, half of cwnd, what the rate sends in a millisecond', (t) => {
  const rig = new PathRig(PATH);
  const { near } = rig.open();
  rig.write(near, 100e6);
  t.strictSame(
    rig.departures.map((d) => d.len / MSS),
    [2, 2, 2, 2, 2],
    'the round trip of the handshake gives a rate, and so frames of two for the initial window',
  );
  rig.run(SEC);
  const steady = rig.departures.filter((d) => d.atNs > rig.sim.nowNs - 500 * MS);
  t.ok(
    steady.every((d) => d.len % MSS === 0),
    'no partial segment while more is queued',
  );
  // 1.2 times 12.5 MB/s in 1/1024 s are 10 segments; 40 ms are too long a path for more.
  const most = Math.max(...steady.map((d) => d.len / MSS));
  t.ok(most >= 8 && most <= 11, `${most} segments in the largest`);
  rig.close();
  t.end();
});

t.test('super-frames: no more than half of the largest window the peer offered', (t) => {
  // A short path would allow frames of 44 segments.
  const tcp = { rmemDefault: 40_000, rmemMax: 40_000 };
  const rig = new PathRig({ ...PATH, delayNs: 50 * US, tcp });
  const { near } = rig.open({ congestion: 'reno' });
  rig.write(near, 1e6);
  rig.run(SEC);
  const half = near.connection!.snd.maxWnd / 2;
  const most = Math.max(...rig.departures.map((d) => d.len));
  t.ok(half < 22_000, `half of the window is ${half}`);
  t.ok(most > half - MSS && most <= half, `${most} in the largest frame`);
  rig.close();
  t.end();
});

t.test('tcp_tso_rtt_log: on a short path bursts are larger', (t) => {
  for (const [tsoRttLog, least, most] of [
    [9, 44, 45],
    [0, 2, 44],
  ] as const) {
    const rig = new PathRig({
      rateBps: 100e6,
      delayNs: 50 * US,
      superFrames: true,
      tcp: { tsoRttLog },
      queueBytes: 2_000_000,
    });
    const { near } = rig.open();
    rig.write(near, 20e6);
    rig.run(SEC);
    const largest = Math.max(...rig.departures.map((d) => d.len / MSS));
    t.ok(largest >= least && largest <= most, `${tsoRttLog}: ${largest} segments`);
    rig.close();
  }
  t.end();
});

t.test('a device without offloads: the same flights, cut by us', (t) => {
  const traces = [true, false].map((superFrames) => {
    const rig = new PathRig({ rateBps: 1e12, delayNs: 20 * MS, superFrames });
    const { near, far } = rig.open();
    const { records } = near.connection!.tcp;
    rig.write(near, 500_000);
    t.equal(records.live, 5, 'a record is a super-frame, whoever cuts it');
    t.equal(near.connection!.rtx.packetsOut, 10);
    rig.run(SEC);
    t.equal(far.received, 500_000);
    const at = rig.departures[0]!.atNs;
    const first = rig.departures.filter((d) => d.atNs === at);
    rig.close();
    return first.map((d) => d.len / MSS);
  });
  t.strictSame(traces, [
    [2, 2, 2, 2, 2],
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  ]);
  t.end();
});

t.test('tcp_tso_win_divisor: a frame that cwnd would cut short waits for the next ACK', (t) => {
  const segments = [3, 0].map((tsoWinDivisor) => {
    const rig = new PathRig({
      rateBps: 1e9,
      delayNs: 100 * US,
      superFrames: true,
      tcp: { tsoWinDivisor },
    });
    const { near } = rig.open();
    rig.write(near, 30e6);
    rig.run(100 * MS);
    const mean = rig.departures.reduce((s, d) => s + d.len, 0) / rig.departures.length / MSS;
    rig.close();
    return mean;
  });
  t.ok(
    segments[0]! >= segments[1]!,
    `${segments[0]} segments a frame with it, ${segments[1]} without`,
  );
  t.end();
});

t.test('a module that paces sets the rate, and it is kept on the wire', (t) => {
  const rig = new PathRig({ ...PATH, modules: [rateModel] });
  const { near } = rig.open({ congestion: rateModel.name });
  const c = near.connection!;
  rig.write(near, 100e6);
  rig.run(3 * SEC);
  t.ok(c.congestion.view.isPaced, 'it asked for pacing');
  const fromNs = rig.sim.nowNs;
  rig.run(SEC);
  const rate = rateOf(rig.departures, fromNs, fromNs + SEC);
  t.ok(rate > 0.9 * 12.0e6 && rate < 1.02 * 12.5e6, `${rate} bytes a second: the link's`);
  rig.close();
  t.end();
});
