/**
 * The whole sender against theory, in virtual time: Reno's and CUBIC's law, fairness, HyStart. Each figure has its bound from a paper or an RFC beside it; the seeds are fixed.
 */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { goodput, PathRig } from './path-rig.ts';

const MSS = 1448;
const HEADERS = 66;

t.test('Reno’s law: a window of sqrt(1.5 / p), within a third', (t) => {
  for (const p of [1e-2, 1e-3]) {
    const rig = new PathRig({ rateBps: 1e9, delayNs: 10 * MS, loss: p, seed: 3 });
    const { near, far } = rig.open({ congestion: 'reno' });
    rig.write(near, 1e10);
    rig.run(5 * SEC);
    const window = (goodput(rig, far, 40 * SEC) * 0.02) / MSS;
    const law = Math.sqrt(1.5 / p);
    t.ok(
      window > law / 1.5 && window < law * 1.33,
      `p ${p}: ${window.toFixed(1)} of ${law.toFixed(1)}`,
    );
    rig.close();
  }
  t.end();
});

t.test('RFC 9438 §5.1: CUBIC on a long path is larger than Reno', (t) => {
  const windows = ['reno', 'cubic'].map((congestion) => {
    const rig = new PathRig({
      rateBps: 1e9,
      delayNs: 50 * MS,
      loss: 1e-4,
      seed: 5,
      superFrames: false,
    });
    const { near, far } = rig.open({ congestion });
    rig.write(near, 1e10);
    rig.run(10 * SEC);
    const window = (goodput(rig, far, 30 * SEC) * 0.1) / MSS;
    rig.close();
    return window;
  });
  const [reno, cubic] = windows as [number, number];
  t.ok(
    cubic > 1.25 * reno,
    `187 to 120 in the RFC's table: ${cubic.toFixed(0)} to ${reno.toFixed(0)}`,
  );
  t.ok(cubic > 187 / 1.5 && cubic < 187 * 1.5, 'and near its own');
  t.end();
});

t.test('HyStart leaves slow start before the buffer overflows', (t) => {
  const rig = new PathRig({ rateBps: 100e6, delayNs: 25 * MS, queueBytes: 1.25e6 });
  const { near } = rig.open({ congestion: 'cubic' });
  const { view } = near.connection!.congestion;
  rig.write(near, 1e9);
  rig.run(SEC);
  const bdp = ((100e6 / 8) * 0.05) / MSS;
  t.notOk(view.isInSlowStart());
  t.ok(
    view.ssthresh > 0.5 * bdp && view.ssthresh < 2 * bdp,
    `${view.ssthresh} of a BDP of ${bdp.toFixed(0)}`,
  );
  t.equal(rig.client.tcp.mib.get('RetransSegs'), 0, 'and without a loss');
  const { counters } = rig.client.tcp.ccStats;
  const signs = counters.get('TCPHystartDelayDetect') + counters.get('TCPHystartTrainDetect');
  t.equal(signs, 1, 'by one sign or the other');
  rig.close();
  const reno = new PathRig({ rateBps: 100e6, delayNs: 25 * MS, queueBytes: 300_000 });
  const other = reno.open({ congestion: 'reno' });
  reno.write(other.near, 1e9);
  reno.run(SEC);
  t.ok(reno.client.tcp.mib.get('RetransSegs') > 100, 'without it the buffer overflows');
  reno.close();
  t.end();
});

t.test('Jain’s index of four flows of the same kind is at least 0.9 after 15 seconds', (t) => {
  for (const congestion of ['reno', 'cubic']) {
    const rig = new PathRig({ rateBps: 20e6, delayNs: 10 * MS, queueBytes: 50_000 });
    const ends = [0, 1, 2, 3].map((i) => {
      const pair = rig.open({ congestion });
      rig.write(pair.near, 1e9);
      rig.run((i + 1) * 300 * MS);
      return pair;
    });
    rig.run(15 * SEC);
    const before = ends.map(({ far }) => far.received);
    rig.run(25 * SEC);
    const got = ends.map(({ far }, i) => far.received - before[i]!);
    const sum = got.reduce((a, b) => a + b, 0);
    const index = (sum * sum) / (4 * got.reduce((a, b) => a + b * b, 0));
    t.ok(index >= 0.9, `${congestion}: ${index.toFixed(3)}`);
    t.ok(sum > 0.95 * 25 * 2.5e6 * (MSS / (MSS + HEADERS)), 'and they fill the link');
    rig.close();
  }
  t.end();
});
