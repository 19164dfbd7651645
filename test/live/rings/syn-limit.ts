/** Run by ../rings.test.ts in a network namespace of its own: the limit of SYNs before a device's queue. */
import { spawnSync } from 'node:child_process';
import t, { type Test } from 'tap';
import { PacketDevice } from '../../../src/live/packet-device.ts';
import type { RingDevice } from '../../../src/live/ring-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import {
  codeOf,
  counter,
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
/** SYNs that pass at once: native/syn_limit.h; one more is due when they have. */
const BURST = 513;
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
  const tap = new TapDevice(smallMemory(), { name: 'tap0', mac: OURS, synRate, txQueueLen: 4000 });
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

for (const [name, open] of [
  ['TAP', tapWire],
  ['AF_PACKET', vethWire],
] as const) {
  t.test(`${name}: SYNs beyond the burst and the rate are dropped, each is counted`, async (t) => {
    const [ours, kernel] = open(t, 1);
    t.equal(ours.facts.synRate, 1);
    const kinds = [{}, { v6: true }, { optionBytes: 40 }, { flags: SYN | 0xc0 }];
    const syns = kinds.flatMap((kind) => many(200, kind));
    const { got, more } = meanwhile(1, () => arrived(ours, kernel, syns));
    t.ok(got >= BURST && got <= BURST + more, `${got} of 800`);
    ours.refreshStats();
    t.equal(ours.synDropped, 800 - got);
    t.equal(counter(ours, 'rxDropped'), 800 - got, 'which are drops like any other');
    ours.refreshStats();
    t.equal(counter(ours, 'rxDropped'), 800 - got, 'each once');
  });

  t.test(`${name}: nothing but a SYN is ever dropped by the limit`, async (t) => {
    const [ours, kernel] = open(t, 1);
    arrived(ours, kernel, many(600));
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
      arrived(ours, kernel, many(600));
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

t.test('a device that stays has no limit once its owner has gone', async (t) => {
  const first = new TapDevice(smallMemory(), { name: 'tap0', persist: true, synRate: 1 });
  first.close();
  const [tap, kernel] = tapWire(t, 0);
  t.equal(arrived(tap, kernel, many(800)), 800);
  spawnSync('ip', ['link', 'delete', 'tap0']);
});
