import fc from 'fast-check';
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { MS, NEVER, SEC, US } from '../../src/base/time.ts';
import type { FrameSink } from '../../src/link/frame-sink.ts';
import type { FrameStore } from '../../src/link/frame-store.ts';
import { DropTail } from '../../src/path/drop-tail.ts';
import { LinkModel } from '../../src/path/link-model.ts';
import { RandomLoss } from '../../src/path/loss.ts';
import type { QueueLimits } from '../../src/path/queue.ts';
import { makeRig, type Rig } from '../link/memory-rig.ts';

class Turn {
  nowNs = 0;
}

class Arrivals implements FrameSink {
  readonly seen: { n: number; atNs: number }[] = [];
  free = 0x7fffffff;
  private readonly frames: FrameStore;
  private readonly clock: Turn;

  constructor(frames: FrameStore, clock: Turn) {
    this.frames = frames;
    this.clock = clock;
  }

  room(): number {
    return this.free;
  }

  take(frame: number): void {
    const n = this.frames.slab.dv.getUint32(this.frames.offsetOf(frame));
    this.seen.push({ n, atNs: this.clock.nowNs });
    this.frames.release(frame);
  }
}

interface Options {
  readonly rateBps?: number;
  readonly delayNs?: number;
  readonly limits?: QueueLimits;
  readonly loss?: number;
  readonly seed?: number;
}

class Bench {
  readonly rig: Rig = makeRig(48);
  readonly clock = new Turn();
  readonly arrivals = new Arrivals(this.rig.frames, this.clock);
  readonly dropped: string[] = [];
  readonly link: LinkModel;
  private sent = 0;

  constructor(options: Options) {
    const drops = { frameDropped: (_: FrameStore, __: number, r: string) => this.dropped.push(r) };
    const { frames } = this.rig;
    const random = new Rng(options.seed ?? 1).stream('loss');
    this.link = new LinkModel(frames, this.clock, this.arrivals, {
      rateBps: options.rateBps ?? Infinity,
      delayNs: options.delayNs ?? 0,
      queue: new DropTail(frames, options.limits, drops),
      loss: options.loss === undefined ? null : new RandomLoss(random, options.loss),
      drops,
    });
  }

  send(atNs: number, len = 1000): void {
    this.runTo(atNs);
    this.clock.nowNs = atNs;
    const bytes = new Uint8Array(len);
    new DataView(bytes.buffer).setUint32(0, this.sent++);
    this.link.take(this.rig.frames.fromBytes(bytes));
  }

  runTo(untilNs: number): number {
    let events = 0;
    while (this.link.dueNs <= untilNs) {
      this.clock.nowNs = Math.max(this.clock.nowNs, this.link.dueNs);
      this.link.advance();
      events++;
    }
    return events;
  }

  conserves(): boolean {
    const s = this.link.stats.toObject();
    const out = s.delivered + s.lost + s.refused + s.discarded + this.link.queue.ledger.dropped;
    return s.frames === out + this.link.inside;
  }

  isHome(): boolean {
    this.rig.frames.releaseChunk();
    return this.rig.frames.inUse === 0 && this.rig.memory.chunks.held === 0;
  }
}

t.test('a frame arrives after its own length at the rate, and the delay', async (t) => {
  const b = new Bench({ rateBps: 8e6, delayNs: 10 * MS }); // 1 byte a microsecond
  b.send(5 * MS, 1000);
  t.equal(b.link.dueNs, 5 * MS + 1000 * US + 10 * MS);
  b.runTo(SEC);
  t.same(b.arrivals.seen, [{ n: 0, atNs: 16 * MS }]);
  t.equal(b.link.dueNs, NEVER);
  const free = new Bench({ delayNs: 7 });
  free.send(0);
  free.send(0);
  free.runTo(SEC);
  t.same(
    free.arrivals.seen.map((s) => s.atNs),
    [7, 7],
    'no rate: only the delay',
  );
});

t.test(
  'a burst leaves one after the other, at exactly the rate over any length of time',
  async (t) => {
    // 1514 bytes at 10 Gbit/s take 1211.2 ns: the fifths must not be lost.
    const b = new Bench({ rateBps: 10e9, delayNs: 0, limits: { limitFrames: 5000 } });
    for (let i = 0; i < 5000; i++) b.send(0, 1514);
    b.runTo(SEC);
    t.equal(b.arrivals.seen.length, 5000);
    for (const i of [0, 1, 4, 99, 4999]) {
      const exact = (i + 1) * 1211.2;
      t.equal(b.arrivals.seen[i]!.atNs, Math.floor(exact + 1e-6), `${i}`);
    }
  },
);

t.test(
  'the queue is limited in frames and in bytes; what is beyond is dropped and said',
  async (t) => {
    const byFrames = new Bench({ rateBps: 8e6, limits: { limitFrames: 3 } });
    for (let i = 0; i < 6; i++) byFrames.send(0);
    t.equal(byFrames.link.queue.count, 3, 'besides the one being sent');
    t.same(byFrames.dropped, ['queue: tail drop', 'queue: tail drop']);
    byFrames.send(MS);
    byFrames.runTo(SEC);
    t.same(
      byFrames.arrivals.seen.map((s) => s.n),
      [0, 1, 2, 3, 6],
    );
    t.ok(byFrames.conserves() && byFrames.isHome());
    const byBytes = new Bench({ rateBps: 8e6, limits: { limitBytes: 2500 } });
    byBytes.send(0, 1000);
    for (const len of [1000, 1000, 1000, 500]) byBytes.send(0, len);
    t.equal(byBytes.link.queue.bytes, 2500, 'a small one still fits where a large one did not');
    t.equal(byBytes.link.queue.ledger.dropped, 1);
    t.equal(byBytes.link.queue.ledger.stats.get('droppedBytes'), 1000);
    byBytes.link.close();
    t.equal(byBytes.link.stats.get('discarded'), 4);
    t.ok(byBytes.conserves() && byBytes.isHome());
  },
);

t.test(
  'room in the queue is counted at the time of arrival, although nobody advanced the link',
  async (t) => {
    const b = new Bench({ rateBps: 8e6, delayNs: SEC, limits: { limitFrames: 2 } });
    for (let i = 0; i < 3; i++) b.send(0); // 1 ms each: sending at 0, 1, 2 ms
    t.equal(b.link.dueNs, SEC + MS, 'the next event is an arrival');
    b.send(1 * MS - 1);
    t.equal(b.link.queue.ledger.dropped, 1, 'the second has not left yet');
    b.send(1 * MS);
    t.equal(b.link.queue.ledger.dropped, 1, 'now it has');
    t.equal(b.link.queue.count, 2);
  },
);

t.test('a lost frame has used the link; the others arrive in order', async (t) => {
  const b = new Bench({ rateBps: 8e6, loss: 0.2, limits: { limitFrames: 2000 }, seed: 5 });
  for (let i = 0; i < 2000; i++) b.send(0);
  b.runTo(10 * SEC);
  const lost = b.link.stats.get('lost');
  t.ok(Math.abs(lost - 400) < 6 * Math.sqrt(320), `${lost} of 2000`);
  t.equal(b.arrivals.seen.length, 2000 - lost);
  for (const { n, atNs } of b.arrivals.seen) t.equal(atNs, (n + 1) * MS);
  t.equal(b.dropped.filter((r) => r === 'link: loss').length, lost);
  t.ok(b.conserves() && b.isHome());
  const none = new Bench({ rateBps: 8e6, loss: 1 });
  none.send(0);
  none.send(0);
  t.equal(none.link.dueNs, MS, 'nothing in flight, one queued');
  none.runTo(SEC);
  t.equal(none.link.stats.get('lost'), 2);
});

t.test('a receiver without room loses frames by name, not in silence', async (t) => {
  const b = new Bench({});
  b.arrivals.free = 0;
  b.send(0);
  b.runTo(0);
  t.equal(b.link.stats.get('refused'), 1);
  t.same(b.dropped, ['link: the receiver has no room']);
  t.ok(b.conserves() && b.isHome());
});

t.test('a backlog over a long link costs one event a frame', async (t) => {
  const b = new Bench({ rateBps: 8e6, delayNs: 50 * MS });
  for (let i = 0; i < 500; i++) b.send(0);
  t.equal(b.runTo(10 * SEC), 500);
});

t.test('any traffic: conserved, in order, never faster than the rate, same again', async () => {
  const traffic = fc.array(
    fc.record({ gapNs: fc.nat({ max: 3 * MS }), len: fc.integer({ min: 60, max: 1514 }) }),
    { maxLength: 80 },
  );
  const options = fc.record({
    rateBps: fc.constantFrom(1e6, 8e6, 1e9, Infinity),
    delayNs: fc.nat({ max: 20 * MS }),
    limits: fc.record({
      limitFrames: fc.integer({ min: 1, max: 20 }),
      limitBytes: fc.nat({ max: 20000 }),
    }),
    loss: fc.constantFrom(0, 0.1, 0.5),
    seed: fc.nat(),
  });
  const run = (o: Options, sends: readonly { gapNs: number; len: number }[]): Bench => {
    const b = new Bench(o);
    let at = 0;
    for (const { gapNs, len } of sends) {
      at += gapNs;
      b.send(at, len);
      if (!b.conserves()) throw new Error('not conserved');
    }
    b.runTo(1e15);
    return b;
  };
  fc.assert(
    fc.property(options, traffic, (o, sends) => {
      const b = run(o, sends);
      const { seen } = b.arrivals;
      for (let i = 1; i < seen.length; i++) {
        const before = seen[i - 1]!;
        const here = seen[i]!;
        const ownNs = (sends[here.n]!.len * 8e9) / (o.rateBps ?? Infinity);
        if (here.n <= before.n || here.atNs - before.atNs < Math.floor(ownNs) - 1) return false;
      }
      const again = JSON.stringify(run(o, sends).arrivals.seen);
      return JSON.stringify(seen) === again && b.conserves() && b.isHome();
    }),
    { seed: 4, numRuns: 40 },
  );
});
