/** What happens to frames on their way: losses by number, time and state, corruption, duplication. */
import t from 'tap';
import { MS, SEC, US } from '../../src/base/time.ts';
import { type LossSpec, makeCorruption, makeDuplication } from '../../src/path/medium-spec.ts';
import { Bench, type Options } from './link-bench.ts';

/** The numbers of the frames that are lost out of `n` sent a millisecond apart; the first is 0. */
function lostOf(loss: LossSpec, n: number, options: Options = {}): number[] {
  const b = new Bench({ rateBps: 8e6, ...options, loss });
  for (let i = 0; i < n; i++) b.send(i * MS, 100);
  b.runTo(1e15);
  const seen = new Set(b.arrivals.seen.map((s) => s.n));
  const lost = Array.from({ length: n }, (_, i) => i).filter((i) => !seen.has(i));
  if (lost.length !== b.link.stats.get('lost') || !b.conserves() || !b.isHome()) {
    throw new Error('the account is wrong');
  }
  return lost;
}

t.test('losses that are not random are the ones that were asked for', async (t) => {
  const rows: readonly (readonly [string, LossSpec, readonly number[]])[] = [
    ['frames by number, from 1 on', { frames: [1, 3, 4, 12, 1000] }, [0, 2, 3, 11]],
    ['none', { frames: [] }, []],
    ['each fourth', { every: 4 }, [3, 7, 11, 15, 19]],
    ['each sixth and the two after it', { every: 6, length: 3 }, [5, 6, 7, 11, 12, 13, 17, 18, 19]],
    [
      'all from the second on',
      { every: 2, length: 2 },
      Array.from({ length: 19 }, (_, i) => i + 1),
    ],
    ['every one', { every: 1 }, Array.from({ length: 20 }, (_, i) => i)],
    // Sent at whole milliseconds: 0 is at 0; 2.5 ms meets frame 3; 7.0 frame 7; 7.1 frame 8; 7.2 the next, 9.
    ['one for each time', { timesNs: [0, 2.5 * MS, 7 * MS, 7.1 * MS, 7.2 * MS] }, [0, 3, 7, 8, 9]],
    ['nothing after the end', { timesNs: [SEC] }, []],
  ];
  for (const [says, loss, wanted] of rows) t.same(lostOf(loss, 20), wanted, says);
  for (const loss of [
    { frames: [0] },
    { frames: [2, 2] },
    { frames: [1.5] },
    { timesNs: [5, 4] },
    { every: 2, length: 3 },
    { every: 2, length: 0 },
    { gilbertElliott: { toBad: 2, toGood: 0 } },
    -1,
  ]) {
    t.throws(() => lostOf(loss, 1), JSON.stringify(loss));
  }
});

t.test(
  'a time of loss is met by what is being sent then, however late it is worked out',
  async (t) => {
    // A backlog over a long way: the transmitter is looked after at arrivals only, 100 ms later.
    const b = new Bench({ rateBps: 8e6, delayNs: 100 * MS, loss: { timesNs: [4.5 * MS] } });
    for (let i = 0; i < 10; i++) b.send(0, 1000); // sent at 0, 1, … 9 ms
    b.runTo(SEC);
    t.same(
      b.arrivals.seen.map((s) => s.n),
      [0, 1, 2, 3, 4, 6, 7, 8, 9],
    );
  },
);

t.test(
  'Gilbert and Elliott: stationary loss and bursts of the length that the rates say',
  async (t) => {
    const N = 50_000;
    const rows = [
      // π of the bad state = 0.01 / 0.26, all of it lost; bursts of 1 / 0.25 frames.
      { rates: { toBad: 0.01, toGood: 0.25 }, share: 0.01 / 0.26, burst: 4, exact: 1896 },
      // Half of what meets the bad state is lost, and 1 % of the rest.
      {
        rates: { toBad: 0.02, toGood: 0.08, lossInBad: 0.5, lossInGood: 0.01 },
        share: 0.2 * 0.5 + 0.8 * 0.01,
        burst: null,
        exact: 5411,
      },
      { rates: { toBad: 1, toGood: 1 }, share: 0.5, burst: 1, exact: N / 2 },
    ];
    for (const { rates, share, burst, exact } of rows) {
      const lost = lostOf({ gilbertElliott: rates }, N, { seed: 11 });
      // The losses of a burst come together: the deviation is that of N / 12 independent ones at most.
      const sigma = Math.sqrt((share * (1 - share) * 12) / N);
      const got = lost.length / N;
      t.ok(Math.abs(got - share) < 4 * sigma, `${got} lost, wanted ${share}`);
      t.equal(lost.length, exact, 'this seed loses these');
      if (burst === null) continue;
      const bursts = lost.filter((n, i) => i === 0 || lost[i - 1]! !== n - 1).length;
      t.ok(Math.abs(lost.length / bursts / burst - 1) < 0.12, `${lost.length / bursts} a burst`);
    }
  },
);

t.test('random loss: this seed loses these, another others', async (t) => {
  t.same(lostOf(0.05, 100, { seed: 1 }), lostOf(0.05, 100, { seed: 1 }));
  t.notSame(lostOf(0.05, 100, { seed: 1 }), lostOf(0.05, 100, { seed: 2 }));
  t.equal(lostOf(0.05, 10_000, { seed: 1 }).length, 501);
});

t.test('what one kind draws does not shift another', async (t) => {
  const loss = { gilbertElliott: { toBad: 0.05, toGood: 0.3 } };
  const alone = lostOf(loss, 2000);
  t.same(alone, lostOf(loss, 2000, { jitter: { normalNs: 10 * MS }, mayReorder: true }));
  t.same(alone, lostOf(loss, 2000, { duplication: 0.3 }));
  t.same(alone, lostOf(loss, 2000, { rateBps: { onOff: { bps: 1e8, onNs: MS, offNs: MS } } }));
});

t.test(
  'a corrupted frame has one bit that is another; its bytes elsewhere are whole',
  async (t) => {
    const b = new Bench({ corruption: 0.2, delayNs: MS });
    const { frames } = b.rig;
    const sent = new Uint8Array(200).fill(0x5a);
    const keep: number[] = [];
    for (let i = 0; i < 500; i++) {
      const frame = frames.fromBytes(sent);
      keep.push(frames.clone(frame)); // a flooded copy shares its bytes
      b.link.take(frame);
    }
    let flipped = 0;
    const bits: number[] = [];
    b.arrivals.watch = (frame) => {
      const at = frames.offsetOf(frame);
      for (let i = 0; i < 200; i++) {
        const differs = frames.slab.u8[at + i]! ^ 0x5a;
        if (differs !== 0) bits.push(differs);
      }
    };
    b.runTo(SEC);
    for (const differs of bits) {
      if ((differs & (differs - 1)) !== 0) t.fail('more than one bit');
      flipped++;
    }
    t.equal(flipped, b.link.stats.get('corrupted'));
    t.ok(Math.abs(flipped - 100) < 40, `${flipped} of 500`);
    for (const frame of keep) {
      const at = frames.offsetOf(frame);
      if (frames.slab.u8.subarray(at, at + 200).some((byte) => byte !== 0x5a)) t.fail('a copy');
      frames.release(frame);
    }
    t.ok(b.conserves() && b.isHome());
  },
);

t.test('a duplicate has a delay of its own and does not use the transmitter', async (t) => {
  const all = new Bench({ rateBps: 8e6, duplication: 1 });
  for (let i = 0; i < 3; i++) all.send(0, 1000);
  all.runTo(SEC);
  t.same(
    all.arrivals.seen.map((s) => [s.n, s.atNs / MS]),
    [
      [0, 1],
      [0, 1],
      [1, 2],
      [1, 2],
      [2, 3],
      [2, 3],
    ],
  );
  t.equal(all.link.stats.get('duplicated'), 3);
  const some = new Bench({ duplication: 0.1, jitter: { uniformNs: 5 * MS }, mayReorder: true });
  for (let i = 0; i < 1000; i++) some.send(i * 10 * US, 100);
  some.runTo(SEC);
  const times = new Map<number, number>();
  let apart = 0;
  for (const { n, atNs } of some.arrivals.seen) {
    if (times.has(n) && times.get(n) !== atNs) apart++;
    times.set(n, atNs);
  }
  const twice = some.link.stats.get('duplicated');
  t.equal(some.arrivals.seen.length, 1000 + twice);
  t.ok(twice > 60 && twice < 140 && apart > twice / 2, `${twice} twice, ${apart} apart`);
  t.ok(some.conserves() && some.isHome());
});

t.test('corruption and duplication change under way, too', async (t) => {
  const b = new Bench({});
  b.send(0);
  b.link.setCorruption(makeCorruption(1, b.streams));
  b.link.setDuplication(makeDuplication(1, b.streams));
  b.send(MS);
  b.link.setCorruption(null);
  b.link.setDuplication(null);
  b.send(2 * MS);
  b.runTo(SEC);
  t.match(b.link.stats.toObject(), { frames: 3, delivered: 4, corrupted: 1, duplicated: 1 });
});
