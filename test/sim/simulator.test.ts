import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { MS, NEVER, SEC, US } from '../../src/base/time.ts';
import type { MemoryDevice } from '../../src/link/memory-device.ts';
import { FaultDevice } from '../../src/path/fault.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import type { Application } from '../../src/sim/application.ts';
import type { SimHost } from '../../src/sim/sim-host.ts';
import { Simulator, type SimulatorOptions } from '../../src/sim/simulator.ts';
import { FakeHost } from './fake-host.ts';

const SMALL = { slabBytes: 32 << 20, chunks: 16, cellBytes: 1 << 20 };

interface Node {
  readonly nic: MemoryDevice;
  readonly fake: FakeHost;
  readonly host: SimHost;
}

function node(sim: Simulator, name: string): Node {
  const nic = sim.nic(name);
  const fake = new FakeHost(sim.env(name), nic);
  return { nic, fake, host: sim.addHost(name, fake, [nic]) };
}

function pair(spec: LinkSpec, back?: LinkSpec, options: Partial<SimulatorOptions> = {}) {
  const sim = new Simulator({ seed: 1, memory: SMALL, ...options });
  const a = node(sim, 'a');
  const b = node(sim, 'b');
  const link = sim.connect(a.nic, b.nic, spec, back);
  return { sim, a, b, link };
}

t.test('a request and its reply take the time of the links, and none besides', async (t) => {
  const spec = { rateBps: 8e6, delayNs: 10 * MS };
  const { sim, a, b } = pair(spec, { ...spec, delayNs: 30 * MS });
  a.host.after(5 * MS, () => a.fake.request(b.nic.mac, 7, 500));
  sim.run(SEC);
  t.same(
    b.fake.seen.map((s) => [s.n, s.atNs]),
    [[7, 5 * MS + 500 * US + 10 * MS]],
  );
  t.same(
    a.fake.seen.map((s) => [s.n, s.atNs]),
    [[7, 46 * MS]],
  );
  t.equal(sim.nowNs, SEC, 'the clock shows what was asked for');
  sim.end();
});

t.test('a host’s timers fire at their time, and a turn at rest costs nothing', async (t) => {
  const { sim, a } = pair({});
  const fired: number[] = [];
  for (const atNs of [3 * MS, MS, 2 * MS]) {
    a.fake.timers.push({ atNs, what: () => fired.push(a.fake.env.nowNs) });
  }
  sim.run(SEC);
  t.same(fired, [MS, 2 * MS, 3 * MS]);
  const { turns } = a.host;
  sim.run(100 * SEC);
  t.equal(a.host.turns, turns);
  sim.end();
});

t.test('a turn sees all frames of its instant, in the order in which they came', async (t) => {
  const { sim, a, b } = pair({ delayNs: MS });
  a.host.after(0, () => {
    for (let n = 0; n < 20; n++) a.fake.request(b.nic.mac, n);
  });
  sim.run(MS);
  t.same(b.fake.turnBatches, [20]);
  t.same(
    b.fake.seen.map((s) => s.n),
    Array.from({ length: 20 }, (_, n) => n),
  );
  sim.run(SEC);
  t.equal(a.fake.replies.length, 20);
  sim.end();
});

t.test('applications sleep, wait for conditions, and stop the run when they throw', async (t) => {
  const { sim, a, b } = pair({ delayNs: 5 * MS });
  const rtts: number[] = [];
  const pinger = function* (): Application {
    for (let n = 0; n < 3; n++) {
      const sentNs = sim.nowNs;
      a.fake.request(b.nic.mac, n);
      yield () => a.fake.replies.includes(n);
      rtts.push(sim.nowNs - sentNs);
      yield 100 * MS;
    }
  };
  const task = a.host.run(pinger());
  t.equal(
    sim.runUntil(() => task.isDone, SEC),
    true,
  );
  t.same(rtts, [10 * MS, 10 * MS, 10 * MS]);
  t.equal(sim.nowNs, 3 * 110 * MS);
  t.equal(
    sim.runUntil(() => false, NEVER),
    false,
    'nothing is left',
  );
  const never = a.host.run(
    (function* (): Application {
      yield () => false;
    })(),
  );
  sim.run(SEC);
  t.equal(never.isDone, false);
  a.host.after(0, () => {
    throw new RangeError('from the application');
  });
  t.throws(() => sim.run(NEVER), new RangeError('from the application'));
  sim.end();
  t.equal(never.isDone, true, 'the end cancels it');
});

t.test('applications that wait for what is always true are found out', async (t) => {
  const { sim, a } = pair({});
  a.host.run(
    (function* (): Application {
      while (true) yield () => true;
    })(),
  );
  t.throws(() => sim.run(MS), InvariantError);
});

t.test('what is due at one instant happens in the order in which it was armed', async (t) => {
  const { sim, a, b } = pair({});
  const order: string[] = [];
  sim.at(MS, () => order.push('first'));
  b.host.after(MS, () => order.push('second'));
  a.host.after(MS, () => order.push('third'));
  sim.run(0);
  sim.at(MS, () => order.push('fourth'));
  sim.run(SEC);
  // Turns come after all alarms of the instant that asked for them; a's host was there first.
  t.same(order, ['first', 'fourth', 'third', 'second']);
  t.throws(() => sim.at(0, () => order.push('never')), InvariantError);
  sim.end();
});

/** Random traffic over a lossy, slow, limited link with faults in front of it. */
function chaos(seed: number, isHashed = true): { hash: string; story: string; events: number } {
  const sim = new Simulator({ seed, memory: SMALL, isHashed });
  const random = sim.rng.stream('test');
  const a = node(sim, 'a');
  const nic = sim.nic('b');
  const env = sim.env('b');
  const faulty = new FaultDevice(nic, sim.frames, env, env.rng, {
    rx: { duplication: 0.05, reordering: 0.1 },
    tx: { delayNs: MS, jitterNs: MS, corruption: 0.1 },
  });
  const fake = new FakeHost(env, faulty);
  sim.addHost('b', fake, [nic]);
  sim.connect(a.nic, nic, {
    rateBps: 2e6,
    delayNs: 3 * MS,
    queue: { kind: 'drop-tail', limitFrames: 8 },
    loss: 0.05,
  });
  a.host.run(
    (function* (): Application {
      for (let n = 0; n < 500; n++) {
        a.fake.request(nic.mac, n, 60 + random.below(1400));
        if (random.below(4) === 0) yield random.below(20) * MS;
      }
    })(),
  );
  sim.run(100 * SEC);
  const story = JSON.stringify([a.fake.seen, fake.seen]);
  const result = { hash: sim.traceHash, story, events: sim.fired };
  sim.end();
  return result;
}

t.test('same seed, same hash, same story; another seed, another', async (t) => {
  const one = chaos(42);
  t.same(chaos(42), one);
  t.match(one.hash, /^[0-9a-f]{16}$/);
  const other = chaos(43);
  t.not(other.hash, one.hash);
  t.not(other.story, one.story);
  const silent = chaos(42, false);
  t.equal(silent.hash, '');
  t.equal(silent.story, one.story, 'hashing changes nothing');
});

t.test('the hash notices one bit and one nanosecond', async (t) => {
  const run = (n: number, atNs: number): string => {
    const { sim, a, b } = pair({ delayNs: MS });
    a.host.after(atNs, () => a.fake.request(b.nic.mac, n));
    sim.run(SEC);
    sim.end();
    return sim.traceHash;
  };
  t.equal(run(8, MS), run(8, MS));
  t.not(run(8, MS), run(9, MS));
  t.not(run(8, MS), run(8, MS + 1));
});

t.test(
  'the heap holds one entry per link direction and host, however many frames fly',
  async (t) => {
    const { sim, a, b } = pair({ rateBps: 1e9, delayNs: 100 * MS });
    a.host.run(
      (function* (): Application {
        for (let n = 0; n < 1000; n++) {
          a.fake.request(b.nic.mac, n);
          yield 10 * US;
        }
      })(),
    );
    sim.run(50 * MS);
    t.equal(sim.frames.inUse, 1000);
    t.ok(sim.events.size <= 5, `${sim.events.size} entries`);
    sim.run(SEC);
    t.equal(a.fake.replies.length, 1000);
    sim.end();
  },
);

t.test(
  'without chunks hosts wait and go on; without hope the run ends with the reason',
  async (t) => {
    const memory = { ...SMALL, chunks: 1 };
    const spec: LinkSpec = {
      rateBps: 1e9,
      delayNs: MS,
      queue: { kind: 'drop-tail', limitFrames: 10000 },
    };
    const { sim, a, b } = pair(spec, spec, { memory });
    let sent = 0;
    a.host.run(
      (function* (): Application {
        while (sent < 1000) {
          while (sent < 1000 && a.fake.request(b.nic.mac, sent, 1500)) sent++;
          yield 100 * US;
        }
      })(),
    );
    sim.run(SEC);
    t.ok(a.nic.stats.get('txBusy') > 0, 'it had to wait');
    t.equal(b.fake.seen.length, 1000);
    t.equal(a.fake.replies.length, 1000);
    sim.assertQuiescent();
    const taken = sim.memory.chunks.take();
    a.host.after(0, () => a.fake.request(b.nic.mac, 1));
    t.throws(() => sim.run(2 * SEC), /out of chunks/);
    sim.memory.chunks.release(taken);
    sim.run(3 * SEC);
    t.equal(a.fake.replies.length, 1001, 'and goes on when somebody gave one back');
    sim.end();
  },
);

t.test(
  'two hosts on a bare pipe, without links, with a queue shorter than the burst',
  async (t) => {
    const sim = new Simulator({ seed: 1, memory: SMALL });
    const a = node(sim, 'a');
    const nic = sim.nic('b', { rxFrames: 3 });
    const b = new FakeHost(sim.env('b'), nic);
    sim.addHost('b', b, [nic]);
    a.nic.connect(nic);
    nic.connect(a.nic);
    a.host.after(MS, () => {
      for (let n = 0; n < 100; n++) a.fake.request(nic.mac, n);
    });
    sim.run(SEC);
    t.equal(a.fake.replies.length, 100);
    sim.end();
  },
);

t.test('what leaks is found at the end', async (t) => {
  const { sim, a, b } = pair({ delayNs: MS });
  a.host.after(0, () => a.fake.request(b.nic.mac, 1));
  sim.run(SEC);
  const cell = sim.memory.cells.store(64, 10);
  t.throws(() => sim.assertQuiescent(), /1 cells are still held/);
  sim.memory.cells.release(cell);
  const chunk = sim.memory.chunks.take();
  t.throws(() => sim.assertQuiescent(), /1 chunks are still held/);
  sim.memory.chunks.release(chunk);
  sim.end();
});

t.test('two simulations in one process do not meet', async (t) => {
  const alone = chaos(5);
  const other = pair({ delayNs: MS, loss: 0.5 });
  for (let n = 0; n < 50; n++) other.a.fake.request(other.b.nic.mac, n);
  other.sim.run(MS / 2);
  t.same(chaos(5), alone);
  other.sim.run(SEC);
  other.sim.end();
});
