import fc from 'fast-check';
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, NEVER } from '../../src/base/time.ts';
import { Pipe } from '../../src/link/pipe.ts';
import { RX, RX_FLAG } from '../../src/link/ring-layout.ts';
import { FaultDevice, type FaultOptions } from '../../src/path/fault.ts';
import type { FaultPath, FaultProfile } from '../../src/path/fault-path.ts';
import {
  commit,
  frameAt,
  MAC_A,
  MAC_B,
  makeRig,
  type Rig,
  receiveAll,
} from '../link/memory-rig.ts';

class Turn {
  nowNs = 0;
}

interface Faulty {
  readonly rig: Rig;
  readonly clock: Turn;
  readonly pipe: Pipe;
  /** The faulty side; its peer is pipe.b. */
  readonly a: FaultDevice;
}

const CAPS = { maxFrame: 65550, txChecksum: true, rxChecksum: true, tso4: true, gro: true };

function faulty(options: FaultOptions, seed = 1, rig = makeRig(), rxFrames = 4096): Faulty {
  const clock = new Turn();
  const a = { name: 'a', mac: MAC_A, caps: CAPS, rxFrames };
  const pipe = new Pipe(rig.frames, a, { name: 'b', mac: MAC_B, caps: CAPS, rxFrames });
  return {
    rig,
    clock,
    pipe,
    a: new FaultDevice(pipe.a, rig.frames, clock, new Rng(seed), options),
  };
}

/** A 64-byte frame that carries its number. */
function frame(n: number): Uint8Array {
  const bytes = new Uint8Array(64);
  new DataView(bytes.buffer).setUint32(20, n);
  return bytes;
}

const numberOf = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(20);

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Sends frames 0 … n-1 through the fault's transmit side and returns the numbers that arrive. */
function transmit(f: Faulty, n: number): number[] {
  const seen: number[] = [];
  for (let i = 0; i < n; i++) {
    commit(f.a, frame(i));
    f.a.txFlush();
    seen.push(...receiveAll(f.pipe.b).map(numberOf));
  }
  return seen;
}

/** The same through its receive side. */
function receive(f: Faulty, n: number): number[] {
  const seen: number[] = [];
  for (let i = 0; i < n; i++) {
    commit(f.pipe.b, frame(i));
    f.pipe.b.txFlush();
    seen.push(...receiveAll(f.a).map(numberOf));
  }
  return seen;
}

function end(f: Faulty): boolean {
  f.a.close();
  f.pipe.close();
  f.rig.frames.releaseChunk();
  return f.rig.memory.chunks.held === 0 && f.rig.frames.inUse === 0;
}

function conserves(path: FaultPath): boolean {
  const s = path.stats.toObject();
  return s.frames + s.duplicated === s.delivered + s.lost + s.discarded + path.count;
}

const WAYS = [
  ['tx', transmit],
  ['rx', receive],
] as const;

const pathOf = (f: Faulty, way: 'rx' | 'tx'): FaultPath => (way === 'rx' ? f.a.rxPath : f.a.txPath);

t.test('without a profile nothing happens: same frames, same order, no delay', async (t) => {
  for (const [way, run] of WAYS) {
    const f = faulty({});
    t.same(run(f, 500), upTo(500), way);
    t.equal(f.a.nextDeadlineNs(), NEVER);
    t.match(pathOf(f, way).stats.toObject(), { frames: 500, delivered: 500, delayed: 0 });
    t.ok(end(f));
  }
});

t.test('loss takes its share, and says which', async (t) => {
  for (const [way, run] of WAYS) {
    const lost: number[] = [];
    const drops = {
      frameDropped: (frames: Rig['frames'], id: number, reason: string): void => {
        t.equal(reason, 'fault: loss');
        lost.push(frames.slab.dv.getUint32(frames.offsetOf(id) + 20));
      },
    };
    const f = faulty({ [way]: { loss: 0.1 }, drops });
    const seen = run(f, 2000);
    const { stats } = pathOf(f, way);
    // 10 % of 2000 is 200; six standard deviations are 80.
    t.ok(Math.abs(stats.get('lost') - 200) < 80, `${stats.get('lost')} lost`);
    t.equal(seen.length, 2000 - stats.get('lost'));
    t.same(
      [...seen, ...lost].sort((a, b) => a - b),
      upTo(2000),
    );
    t.ok(end(f));
  }
});

t.test('everything, or nothing: rates 1 and 0 are exact', async (t) => {
  for (const [way, run] of WAYS) {
    const all = faulty({ [way]: { loss: 1 } });
    t.same(run(all, 100), []);
    const twice = faulty({ [way]: { duplication: 1, loss: 0 } });
    t.same(run(twice, 5), [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    t.ok(end(all) && end(twice));
  }
});

t.test('corruption flips one bit of that frame and of no copy of it', async (t) => {
  for (const [way] of WAYS) {
    const f = faulty({ [way]: { corruption: 1 } });
    const [from, to] = way === 'tx' ? [f.a, f.pipe.b] : [f.pipe.b, f.a];
    for (let i = 0; i < 50; i++) {
      commit(from, frame(i));
      from.txFlush();
      const [got] = receiveAll(to);
      let bits = 0;
      for (const [at, byte] of frame(i).entries()) {
        for (let x = byte ^ got![at]!; x !== 0; x &= x - 1) bits++;
      }
      t.equal(bits, 1);
    }
    t.ok(end(f));
  }
});

t.test('a corrupted frame never keeps the mark that its checksum is good', async (t) => {
  const f = faulty({ rx: { corruption: 1 } });
  const { tx } = f.pipe.b;
  tx.add(tx.begin(), 64);
  tx.setChecksum(34, 6);
  tx.commit();
  f.pipe.b.txFlush();
  t.equal(f.a.rxBatch(1), 1);
  t.equal(f.a.rx.desc[RX.FLAGS], 0);
  tx.add(tx.begin(), 64);
  tx.setChecksum(34, 6);
  tx.setGso(1, 20, 54);
  tx.commit();
  f.pipe.b.txFlush();
  t.equal(f.a.rxBatch(1), 1);
  t.equal(f.a.rx.desc[RX.FLAGS], RX_FLAG.CSUM_PARTIAL, 'a super-frame is left alone');
  t.equal(f.a.rxPath.stats.get('corrupted'), 1);
});

t.test(
  'reordering lets as many frames pass as asked, loses none, waits for ever for none',
  async (t) => {
    for (const [way, run] of WAYS) {
      const f = faulty({ [way]: { reordering: 0.1, reorderGap: 3, reorderHoldNs: 7 * MS } });
      const seen = run(f, 300);
      let late = 0;
      for (const [at, n] of seen.entries()) if (seen[at - 1]! > n) late++;
      t.ok(late > 10);
      const { stats } = pathOf(f, way);
      for (const [at, n] of seen.entries()) t.ok(at - n <= 3 && n - at <= 1, `${n} at ${at}`);
      if (seen.length < 300) {
        t.equal(f.a.nextDeadlineNs(), 7 * MS);
        f.clock.nowNs = 7 * MS;
        f.a.txFlush();
        seen.push(...receiveAll(way === 'tx' ? f.pipe.b : f.a).map(numberOf));
      }
      t.equal(stats.get('reordered'), late);
      t.same(
        [...seen].sort((a, b) => a - b),
        upTo(300),
      );
      t.ok(end(f));
    }
    const f = faulty({ tx: { reordering: 1, reorderHoldNs: 5 * MS } });
    t.same(transmit(f, 1), []);
    t.equal(f.a.nextDeadlineNs(), 5 * MS, 'nothing follows: it goes after a time');
    f.clock.nowNs = 5 * MS;
    t.equal(f.a.rxBatch(1), 0, 'any turn of the driver moves it');
    t.same(receiveAll(f.pipe.b).map(numberOf), [0]);
    t.equal(f.a.txPath.stats.get('reordered'), 0, 'nobody overtook it');
  },
);

t.test('delay and jitter keep the order; nextDeadlineNs says when', async (t) => {
  for (const [way] of WAYS) {
    const f = faulty({ [way]: { delayNs: 20 * MS, jitterNs: 5 * MS } });
    const [from, to] = way === 'tx' ? [f.a, f.pipe.b] : [f.pipe.b, f.a];
    const seen: number[] = [];
    const at: number[] = [];
    const poll = (): void => {
      f.a.txFlush();
      for (const bytes of receiveAll(to)) {
        seen.push(numberOf(bytes));
        at.push(f.clock.nowNs);
      }
    };
    for (let i = 0; i < 100; i++) {
      f.clock.nowNs = i * MS;
      commit(from, frame(i));
      from.txFlush();
      poll();
    }
    while (f.a.nextDeadlineNs() !== NEVER) {
      f.clock.nowNs = Math.max(f.clock.nowNs, f.a.nextDeadlineNs());
      poll();
    }
    t.same(seen, upTo(100), way);
    const late = at.slice(-10).map((ns, i) => ns - (90 + i) * MS);
    for (const ns of late) t.ok(ns >= 20 * MS && ns < 25 * MS, `${ns} ns`);
    t.ok(end(f));
  }
});

t.test('the same seed makes the same faults; one kind does not shift another', async (t) => {
  const profile = { loss: 0.05, duplication: 0.05, corruption: 0.1, reordering: 0.05 };
  const run = (rx: FaultProfile, seed: number): number[] => {
    const f = faulty({ rx }, seed);
    const seen = receive(f, 400);
    end(f);
    return seen;
  };
  t.same(run(profile, 7), run(profile, 7));
  t.notSame(run(profile, 7), run(profile, 8));
  const lostWith = (p: FaultProfile): number[] => {
    const seen = new Set(run(p, 7));
    return upTo(399).filter((n) => !seen.has(n));
  };
  t.same(lostWith({ loss: 0.05 }), lostWith({ loss: 0.05, duplication: 0.5, reordering: 0.2 }));
});

t.test(
  'a full wait holds back the sender, and a full device the wait: nothing else is lost',
  async (t) => {
    const f = faulty({ tx: { delayNs: MS }, rx: { delayNs: MS }, limit: 10 }, 1, makeRig(), 4);
    for (let i = 0; i < 16; i++) commit(f.a, frame(i));
    t.equal(f.a.txFlush(), 6);
    t.equal(f.a.nextDeadlineNs(), MS);
    f.clock.nowNs = MS;
    t.ok(f.a.txFlush() > 0, 'the peer takes four');
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      f.clock.nowNs += MS;
      seen.push(...receiveAll(f.pipe.b).map(numberOf));
      f.a.txFlush();
    }
    t.same(seen, upTo(16));
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 4; i++) commit(f.pipe.b, frame(round * 4 + i));
      f.pipe.b.txFlush();
      f.a.rxBatch(8);
    }
    t.equal(f.a.rxPath.count, 10);
    t.equal(f.a.nextDeadlineNs(), f.clock.nowNs + MS, 'full: not "at once"');
    const got: number[] = [];
    for (let i = 0; i < 5; i++) {
      f.clock.nowNs += MS;
      f.pipe.b.txFlush();
      const n = f.a.rxBatch(8);
      for (let k = 0; k < n; k++) got.push(numberOf(frameAt(f.a, k)));
    }
    t.same(got, upTo(16));
    t.ok(conserves(f.a.rxPath) && conserves(f.a.txPath));
    t.ok(end(f));
  },
);

t.test('closing gives everything back, whatever waits', async (t) => {
  const f = faulty({ tx: { delayNs: MS, reordering: 0.5 }, rx: { delayNs: MS } });
  transmit(f, 20);
  receive(f, 20);
  commit(f.a, frame(99));
  f.a.close();
  f.a.close();
  t.equal(f.a.txPath.stats.get('discarded'), 20);
  t.equal(f.a.rxPath.stats.get('discarded'), 20);
  t.equal(f.a.stats.get('txDropped'), 1);
  t.ok(end(f));
});

t.test('conservation: in + duplicates = out + lost + waiting, for any profile', async () => {
  const rate = fc.double({ min: 0, max: 1, noNaN: true });
  const profile = fc.record({
    loss: rate,
    duplication: rate,
    corruption: rate,
    reordering: rate,
    reorderGap: fc.integer({ min: 1, max: 5 }),
    reorderHoldNs: fc.integer({ min: 0, max: 10 * MS }),
    delayNs: fc.integer({ min: 0, max: 3 * MS }),
    jitterNs: fc.integer({ min: 0, max: 3 * MS }),
  });
  fc.assert(
    fc.property(profile, profile, fc.nat(), (rx, tx, seed) => {
      const f = faulty({ rx, tx }, seed);
      let out = 0;
      for (let i = 0; i < 60; i++) {
        f.clock.nowNs += 0.3 * MS;
        commit(f.a, frame(i));
        commit(f.pipe.b, frame(i));
        f.a.txFlush();
        f.pipe.b.txFlush();
        out += receiveAll(f.a).length + receiveAll(f.pipe.b).length;
        if (!conserves(f.a.rxPath) || !conserves(f.a.txPath)) return false;
      }
      const { rxPath, txPath } = f.a;
      const delivered = rxPath.stats.get('delivered') + txPath.stats.get('delivered');
      const isRight = out === delivered && rxPath.stats.get('frames') === 60;
      return end(f) && isRight && conserves(rxPath) && conserves(txPath);
    }),
    { seed: 3, numRuns: 20 },
  );
});
