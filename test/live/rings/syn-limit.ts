/** Run by ../rings.test.ts in a network namespace of its own: the limit of SYNs before a device's queue. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { kernelDrops } from '../../../src/live/kernel-drops.ts';
import { PacketDevice } from '../../../src/live/packet-device.ts';
import type { RingDevice } from '../../../src/live/ring-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import {
  codeOf,
  counter,
  ip,
  makeVeth,
  OURS,
  quietKernel,
  randomFrame,
  receive,
  send,
  smallMemory,
} from './rig.ts';

quietKernel();

type Limited = TapDevice | PacketDevice;
const SYN = 0x02;
const ACK = 0x10;

interface Segment {
  readonly v6?: boolean;
  readonly flags?: number;
  readonly optionBytes?: number;
  readonly protocol?: number;
  /** In units of 8 bytes. */
  readonly fragment?: number;
}

/** Made-up addresses, ports and number; what the limit does not look at is random. */
function segment(s: Segment = {}): Uint8Array {
  const options = s.optionBytes ?? 0;
  const at = s.v6 ? 14 + 40 : 14 + 20 + options;
  const frame = randomFrame(at + 20, OURS, s.v6 ? 0x86dd : 0x0800);
  frame[14] = s.v6 ? 0x60 : 0x45 + options / 4;
  frame[s.v6 ? 20 : 23] = s.protocol ?? 6;
  if (!s.v6) new DataView(frame.buffer).setUint16(20, s.fragment ?? 0);
  frame[at + 13] = s.flags ?? SYN;
  return frame;
}

const many = (count: number, s?: Segment) => Array.from({ length: count }, () => segment(s));

/** Sends them, and returns how many arrived: a frame of another kind follows them. */
function arrived(to: Limited, from: RingDevice, frames: readonly Uint8Array[]): number {
  const end = randomFrame(60);
  let got = 0;
  let isOver = false;
  const take = () => {
    for (const frame of receive(to, 1, 256)) {
      if (Buffer.compare(frame.bytes, end) === 0) isOver = true;
      else got++;
    }
  };
  for (const frame of frames) send(from, frame);
  send(from, end);
  while (!isOver) take();
  return got;
}

function tapWire(t: Test, synRate: number): [Limited, RingDevice] {
  const tap = new TapDevice(smallMemory(), { name: 'tap0', mac: OURS, synRate });
  const kernel = new PacketDevice(smallMemory(), { interface: 'tap0', promiscuous: true });
  t.teardown(() => {
    kernel.close();
    tap.close();
  });
  return [tap, kernel];
}

function vethWire(t: Test, synRate: number): [Limited, RingDevice] {
  makeVeth('v0', 'v1');
  const left = new PacketDevice(smallMemory(), { interface: 'v0', mac: OURS, synRate });
  const right = new PacketDevice(smallMemory(), { interface: 'v1' });
  t.teardown(() => {
    left.close();
    right.close();
    spawnSync('ip', ['link', 'delete', 'v0']);
  });
  return [left, right];
}

/** Runs it, and says how many SYNs a second may have passed meanwhile at this rate. */
function meanwhile(synRate: number, run: () => number): { got: number; more: number } {
  const start = performance.now();
  const got = run();
  return { got, more: Math.ceil(((performance.now() - start) / 1000) * synRate) };
}

// A TAP device that we make holds 1512 frames, the ring 2520: at least 1000 are left to others.
for (const [name, open, burst] of [
  ['TAP', tapWire, 512],
  ['AF_PACKET', vethWire, 512],
] as const) {
  t.test(`${name}: SYNs beyond the burst and the rate are dropped, each is counted`, async (t) => {
    const [ours, kernel] = open(t, 1);
    t.equal(ours.facts.synRate, 1);
    const kinds = [{}, { v6: true }, { optionBytes: 40 }, { flags: SYN | 0xc0 }];
    t.equal(ours.facts.synBurst, burst);
    const some = burst / 4 + 50;
    const syns = kinds.flatMap((kind) => many(some, kind));
    const { got, more } = meanwhile(1, () => arrived(ours, kernel, syns));
    // One more is due when a whole burst has passed.
    t.ok(got > burst && got <= burst + 1 + more, `${got} of ${syns.length}`);
    ours.refreshStats();
    const lost = syns.length - got;
    t.equal(ours.synDropped, lost);
    t.equal(counter(ours, 'rxDropped'), lost, 'which are drops like any other');
    ours.refreshStats();
    t.equal(counter(ours, 'rxDropped'), lost, 'each once');
  });

  t.test(`${name}: nothing but a SYN is ever dropped by the limit`, async (t) => {
    const [ours, kernel] = open(t, 1);
    arrived(ours, kernel, many(burst + 50));
    const others = [
      ...[ACK, SYN | ACK, 0x04, 0x14, 0x18, 0x11, 0].map((flags) => ({ flags })),
      ...[{ v6: true, flags: ACK }, { protocol: 17 }, { v6: true, protocol: 17 }, { fragment: 9 }],
      { optionBytes: 40, flags: ACK },
    ].flatMap((kind) => many(20, kind));
    const cut = [14, 20, 34, 40, 47, 53].map((len) => segment().subarray(0, len));
    const frames = [...others, ...cut.map((c) => Uint8Array.from(c)), randomFrame(900)];
    t.equal(arrived(ours, kernel, frames), frames.length);
  });

  t.test(
    `${name}: a SYN that comes again after a second passes at a rate of its own`,
    async (t) => {
      const [ours, kernel] = open(t, 1);
      const again = many(20);
      arrived(ours, kernel, many(burst + 50));
      t.ok(arrived(ours, kernel, again) < 20, 'they were dropped');
      t.ok(arrived(ours, kernel, again) < 20, 'and are when they come again at once');
      await new Promise((done) => setTimeout(done, 1000));
      t.ok(
        arrived(ours, kernel, again) >= 18,
        'not so when they come like those of a peer that is there',
      );
      const { got, more } = meanwhile(1, () => arrived(ours, kernel, many(20)));
      t.ok(got <= 1 + more, `made-up ones do not pass with them: ${got}`);
    },
  );

  t.test(`${name}: a rate of 0 is no limit`, async (t) => {
    const [ours, kernel] = open(t, 0);
    t.equal(ours.facts.synRate, 0);
    t.equal(arrived(ours, kernel, many(800)), 800);
    ours.refreshStats();
    t.equal(ours.synDropped, 0);
  });
}

t.test('a limit that makes no sense is refused', async (t) => {
  t.equal(codeOf(() => new TapDevice(smallMemory(), { name: 'tap0', synRate: -1 })).code, 'EINVAL');
});

t.test('a TAP device that was there keeps the length of its queue', async (t) => {
  ip('tuntap add tap0 mode tap');
  const tap = new TapDevice(smallMemory(), { name: 'tap0', synRate: 1 });
  t.same([tap.facts.txQueueLen, tap.facts.synBurst], [1000, 500], 'half of which is for others');
  tap.close();
  const short = new TapDevice(smallMemory(), { name: 'tap0', synRate: 1, txQueueLen: 1 });
  t.same([short.facts.txQueueLen, short.facts.synBurst], [1, 1]);
  short.close();
  ip('link delete tap0');
});

/** It takes 46 seconds. */
if (process.env.LONG === '1') {
  const title = 'a SYN refused twice counts from then on, and one that waited 32 seconds is known';
  t.test(title, { timeout: 120_000 }, async (t) => {
    const [ours, kernel] = tapWire(t, 1);
    const burst = ours.facts.synBurst;
    const [twice, slow] = [many(10), many(10)];
    const takers = many(burst + 50);
    arrived(ours, kernel, many(burst + 50));
    // Meanwhile one may pass.
    for (const some of [takers, twice, slow]) t.ok(arrived(ours, kernel, some) <= 1, 'no room');
    await new Promise((done) => setTimeout(done, 10_000));
    t.ok(arrived(ours, kernel, takers) > burst, 'others take the second rate');
    t.ok(arrived(ours, kernel, twice) <= 1, 'so these are refused again');
    await new Promise((done) => setTimeout(done, 23_000));
    arrived(ours, kernel, many(60)); // what the first rate has saved by now
    t.ok(arrived(ours, kernel, slow) >= 8, 'after 33 seconds');
    await new Promise((done) => setTimeout(done, 13_000));
    arrived(ours, kernel, many(60));
    t.ok(arrived(ours, kernel, twice) >= 8, '36 after the second time, 46 after the first');
  });
}

t.test('a device that stays has no limit once its owner has gone', async (t) => {
  const first = new TapDevice(smallMemory(), { name: 'tap0', persist: true, synRate: 1 });
  first.close();
  const [tap, kernel] = tapWire(t, 0);
  t.equal(arrived(tap, kernel, many(800)), 800);
  spawnSync('ip', ['link', 'delete', 'tap0']);
});

/** Another process with tap0 open, until it is killed; resolves to the rate it says it has. */
async function owner(t: Test, options: object, before: readonly string[]) {
  const code = `
    const { TapDevice } = await import('./src/live/tap-device.ts');
    const { openMemory } = await import('./src/live/native-sum.ts');
    const tap = new TapDevice(openMemory(), { name: 'tap0', ...${JSON.stringify(options)} });
    console.log(tap.facts.synRate);
    setInterval(() => tap.fd, 1000);`;
  const node = [process.execPath, '--import=tsx', '--input-type=module', '-e', code];
  const [command, ...words] = [...before, ...node];
  const child = spawn(command!, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  return { child, rate: Number(line) };
}

t.test('who may have no limit does not keep that of an owner who was killed', async (t) => {
  const first = await owner(t, { persist: true, synRate: 1, txQueueLen: 4 }, []);
  t.equal(first.rate, 1);
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  const noBpf = ['setpriv', '--bounding-set', '-bpf,-sys_admin'];
  const second = await owner(t, { txQueueLen: 100 }, noBpf);
  t.equal(second.rate, 0);
  const kernel = new PacketDevice(smallMemory(), { interface: 'tap0', promiscuous: true });
  for (const frame of many(20)) send(kernel, frame);
  t.equal(kernelDrops('tap0', 'tx'), 0);
  kernel.close();
  ip('link delete tap0');
});
