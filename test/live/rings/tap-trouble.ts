/** Run by ../rings.test.ts in a network namespace of its own: TAP when things go wrong. */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readlinkSync } from 'node:fs';
import t, { type Test } from 'tap';
import { NO_BLOCK } from '../../../src/base/block-pool.ts';
import { EBADF, EFAULT, ENODEV } from '../../../src/base/errno.ts';
import { Memory } from '../../../src/base/memory.ts';
import { CTRL, OFFER, TX, TX_FLAG, TX_STRIDE } from '../../../src/link/ring-layout.ts';
import type { TxRing } from '../../../src/link/tx-ring.ts';
import { loadAddon, type NativeRing } from '../../../src/live/addon.ts';
import { PacketDevice } from '../../../src/live/packet-device.ts';
import { type NativeMemory, RingHalf } from '../../../src/live/ring-device.ts';
import { TapDevice, type TapOptions } from '../../../src/live/tap-device.ts';
import {
  batch,
  codeOf,
  counter,
  hasInterface,
  ip,
  isEqual,
  isTransportValid,
  makeVeth,
  OTHER,
  OURS,
  queue,
  quietKernel,
  randomFrame,
  receive,
  send,
  smallMemory,
} from './rig.ts';

interface Rig {
  readonly memory: Memory;
  readonly tap: TapDevice;
  readonly kernel: PacketDevice;
}

function rig(t: Test, options: TapOptions = {}, chunks = 32): Rig {
  const memory = smallMemory(chunks);
  const tap = new TapDevice(memory, { name: 'tap0', mac: OURS, ...options });
  const kernel = new PacketDevice(smallMemory(), {
    interface: 'tap0',
    promiscuous: true,
    ringBytes: 4 << 20,
  });
  t.teardown(() => {
    kernel.close();
    tap.close();
  });
  return { memory, tap, kernel };
}

function commit(tap: { readonly tx: TxRing }, count: number): void {
  for (let i = 0; i < count; i++) {
    if (!queue(tap, randomFrame(100, OTHER))) throw new Error('the transmit ring is full');
    tap.tx.commit();
  }
}

quietKernel();

t.test('frames held by an upper layer keep their bytes; unheld memory is used again', async (t) => {
  const { memory, tap, kernel } = rig(t);
  send(kernel, randomFrame(300));
  const [first] = receive(tap, 1);
  send(kernel, randomFrame(300));
  const [second] = receive(tap, 1);
  t.equal(second!.off, first!.off, 'the hot place again: nobody held it');
  tap.rx.chunks.hold(second!.chunk);
  send(kernel, randomFrame(300));
  const [third] = receive(tap, 1);
  t.not(third!.off, second!.off, 'behind what is held');
  const kept = memory.slab.u8.subarray(second!.off, second!.off + 300);
  t.same(kept, second!.bytes);
  t.equal(tap.rxBatch(1), 0, 'the batch is given back');
  tap.rx.chunks.release(second!.chunk);
  tap.rxBatch(1);
  tap.close();
  t.equal(memory.chunks.held, 0, 'nothing leaks');
});

t.test('no chunk free: frames wait in the kernel, and it is counted', async (t) => {
  const { memory, tap, kernel } = rig(t, {}, 4);
  const taken: number[] = [];
  for (let chunk = memory.chunks.take(); chunk !== NO_BLOCK; chunk = memory.chunks.take()) {
    taken.push(chunk);
  }
  t.equal(tap.rxBatch(8), 0);
  t.equal(counter(tap, 'rxStalls'), 0, 'nothing waits: no stall');
  const sent = [randomFrame(500), randomFrame(600)];
  for (const frame of sent) send(kernel, frame);
  t.equal(tap.rxBatch(8), 0);
  t.equal(counter(tap, 'rxStalls'), 1);
  memory.chunks.release(taken.pop()!);
  t.ok(isEqual(receive(tap, 2), sent));
  for (const chunk of taken) memory.chunks.release(chunk);
});

t.test('few chunks free: a batch ends early, and the next one goes on', async (t) => {
  const { memory, tap, kernel } = rig(t, {}, 1);
  const sent = Array.from({ length: 300 }, () => randomFrame(1514));
  for (const frame of sent) send(kernel, frame);
  const first = batch(tap, 256);
  t.ok(first.length > 100 && first.length < 256, `${first.length} frames fill a chunk`);
  t.equal(memory.chunks.free, 0);
  t.ok(isEqual([...first, ...receive(tap, 300 - first.length)], sent));
});

t.test('a full transmit ring is back-pressure; a flush makes room', async (t) => {
  const { tap, kernel } = rig(t, { txFrames: 8 });
  commit(tap, 8);
  t.equal(tap.tx.begin(), -1);
  t.equal(tap.txFlush(), 0);
  t.equal(tap.tx.inFlight, 0);
  t.not(tap.tx.begin(), -1);
  t.equal(receive(kernel, 8).length, 8);
  t.equal(counter(tap, 'txBatches'), 1);
  t.equal(tap.txFlush(), 0, 'nothing to do');
  t.equal(counter(tap, 'txBatches'), 1, 'and no batch');
});

t.test('what the kernel dropped before we came is counted', async (t) => {
  const { tap, kernel } = rig(t, { txQueueLen: 10 });
  for (let i = 0; i < 50; i++) send(kernel, randomFrame(100));
  let got = 0;
  for (let n = tap.rxBatch(64); n > 0; n = tap.rxBatch(64)) got += n;
  t.ok(got < 50, `${got} were queued`);
  tap.refreshStats();
  t.equal(got + counter(tap, 'rxDropped'), 50);
  tap.refreshStats();
  t.equal(got + counter(tap, 'rxDropped'), 50, 'each once');
});

t.test('link down: frames are dropped and counted; up again: they pass', async (t) => {
  const { tap, kernel } = rig(t);
  t.ok(tap.isUp);
  ip('link set tap0 down');
  commit(tap, 3);
  t.equal(tap.txFlush(), 0);
  t.notOk(tap.isUp, 'found out by sending');
  t.equal(counter(tap, 'txDropped'), 3);
  t.equal(tap.rxBatch(8), 0, 'receiving goes on');
  ip('link set tap0 up');
  t.equal(tap.refreshLink(), 0);
  t.ok(tap.isUp, 'found out by asking');
  send(tap, randomFrame(100, OTHER));
  t.equal(receive(kernel, 1).length, 1);
  t.equal(counter(tap, 'txFrames'), 1);
});

t.test(
  'no carrier: frames are dropped and counted; sending finds out that it is back',
  async (t) => {
    const { tap, kernel } = rig(t);
    ip('link set tap0 carrier off');
    tap.refreshLink();
    t.notOk(tap.isUp);
    commit(tap, 2);
    t.equal(tap.txFlush(), 0);
    t.notOk(tap.isUp);
    t.equal(counter(tap, 'txDropped'), 2);
    ip('link set tap0 carrier on');
    send(tap, randomFrame(100, OTHER));
    t.ok(tap.isUp);
    t.equal(receive(kernel, 1).length, 1);
  },
);

t.test('a device that moves to another namespace goes on, and can be asked for', async (t) => {
  const { tap } = rig(t);
  const there = spawn('unshare', ['-n', 'sleep', '600'], { stdio: 'ignore' });
  t.teardown(() => void there.kill());
  const ours = readlinkSync('/proc/self/ns/net');
  const isThere = () => readlinkSync(`/proc/${there.pid}/ns/net`) !== ours;
  while (!isThere()) await new Promise((done) => setTimeout(done, 5));
  ip(`link set tap0 netns ${there.pid}`);
  t.equal(tap.refreshLink(), 0);
  execFileSync('nsenter', ['-t', `${there.pid}`, '-n', 'ip', 'link', 'set', 'tap0', 'up']);
  send(tap, randomFrame(100, OTHER));
  t.equal(counter(tap, 'txFrames'), 1);
  t.ok(tap.isUp);
});

for (const order of ['receiving', 'sending', 'asking'] as const) {
  t.test(`the device is deleted while open: ${order} says so, for good`, async (t) => {
    const { memory, tap } = rig(t);
    ip('link delete tap0');
    commit(tap, 2);
    if (order === 'receiving') t.equal(tap.rxBatch(8), -ENODEV);
    if (order === 'sending') t.equal(tap.txFlush(), -ENODEV);
    if (order === 'asking') t.equal(tap.refreshLink(), -ENODEV);
    t.notOk(tap.isUp);
    t.equal(tap.txFlush(), -ENODEV);
    t.equal(counter(tap, 'txDropped'), 2);
    commit(tap, 1);
    t.equal(tap.txFlush(), -ENODEV);
    t.equal(counter(tap, 'txDropped'), 3, 'what comes later, too');
    t.equal(tap.rxBatch(8), -ENODEV);
    tap.close();
    t.equal(memory.chunks.held, 0);
  });
}

t.test('a renamed device is still the same', async (t) => {
  const { tap } = rig(t);
  ip('link set tap0 down');
  ip('link set tap0 name other0');
  ip('link set other0 up');
  t.equal(tap.refreshLink(), 0);
  t.ok(tap.isUp);
});

t.test('close: twice is once, and frames in flight are dropped and counted', async (t) => {
  const { memory, tap } = rig(t);
  const chunk = memory.chunks.take();
  tap.tx.begin();
  tap.tx.addHeld(memory.chunks.offsetOf(chunk), 100, chunk);
  tap.tx.commit();
  memory.chunks.release(chunk);
  commit(tap, 4);
  tap.close();
  tap.close();
  t.equal(counter(tap, 'txDropped'), 5);
  t.equal(tap.tx.inFlight, 0);
  t.equal(memory.chunks.held, 0, 'what the frames held is free');
  t.equal(tap.fd, -1);
  t.notOk(tap.isUp);
  t.notOk(hasInterface('tap0'), 'a device that is not persistent goes with its last user');
  t.equal(tap.rxBatch(1), -EBADF);
  commit(tap, 1);
  t.equal(tap.txFlush(), -EBADF);
  t.equal(counter(tap, 'txDropped'), 6);
  t.equal(tap.refreshLink(), -EBADF);
});

/** The native half alone, with memory that a test may spoil. */
function nativeHalf(
  t: Test,
  options: TapOptions = {},
): { half: RingHalf; native: NativeRing; memory: NativeMemory } {
  // JavaScript's own memory can be transferred to another thread; that of the addon never leaves.
  const half = new RingHalf(
    new Memory({ slabBytes: 96 << 20, chunks: 32, cellBytes: 1 << 20 }),
    {},
  );
  const memory = half.forNative();
  const addon = loadAddon<{ TapRing: new (m: NativeMemory, o: object) => NativeRing }>();
  const native = new addon.TapRing(memory, { name: 'tap0', ...options });
  t.teardown(() => native.close());
  return { half, native, memory };
}

t.test('corrupt descriptors are counted, and the frames around them pass', async (t) => {
  const { half, native } = nativeHalf(t, { vnet: false });
  const { tx, stats } = half;
  const kernel = new PacketDevice(smallMemory(), { interface: 'tap0', promiscuous: true });
  t.teardown(() => kernel.close());
  const end = tx.slab.u8.length;
  const corruptions: readonly (readonly [string, number, number])[] = [
    ['no pieces', TX.PIECES, 0],
    ['negative pieces', TX.PIECES, -1],
    ['too many pieces', TX.PIECES, 9],
    ['a huge number of pieces', TX.PIECES, 0x7fffffff],
    ['a piece before the slab', TX.PIECE, -1],
    ['a piece far before the slab', TX.PIECE, -0x80000000],
    ['a piece at the end of the slab', TX.PIECE, end],
    ['a piece across the end of the slab', TX.PIECE, end - 99],
    ['a piece of negative length', TX.PIECE + 1, -1],
    ['a piece of enormous length', TX.PIECE + 1, 0x7fffffff],
    ['a length that is not the sum of the pieces', TX.LEN, 99],
    ['a negative length', TX.LEN, -100],
    ['a frame shorter than its header', TX.PIECE + 1, 13],
    ['a frame longer than any', TX.PIECE + 1, 70_000],
    ['segmentation without a vnet header', TX.GSO, (1 << 16) | 1448],
  ];
  for (const [what, word, value] of corruptions) {
    commit(half, 3);
    const middle = tx.descAt(1);
    tx.desc[middle + word] = value;
    if (what.startsWith('a frame')) tx.desc[middle + TX.LEN] = value;
    const errors = stats.get('txErrors');
    t.equal(native.txFlush(), 0, what);
    t.equal(stats.get('txErrors'), errors + 1);
    t.equal(receive(kernel, 2).length, 2);
    tx.desc[middle + TX.PIECES] = 1; // what the ring itself believes
    tx.releaseCompleted();
  }
  for (const [start, offset] of [
    [99, 0],
    [65_535, 65_535],
    [0, 99],
    [98, 2],
  ] as const) {
    commit(half, 1);
    tx.desc[tx.descAt(0) + TX.FLAGS] = TX_FLAG.CSUM;
    tx.desc[tx.descAt(0) + TX.CSUM] = (start << 16) | offset;
    const errors = stats.get('txErrors');
    t.equal(native.txFlush(), 0, `checksum at ${start} + ${offset}`);
    t.equal(stats.get('txErrors'), errors + 1);
  }
  tx.ctrl[CTRL.TX_HEAD] = (tx.ctrl[CTRL.TX_HEAD]! + 1_000_000) | 0;
  const errors = stats.get('txErrors');
  t.equal(native.txFlush(), 0, 'a head beyond the ring');
  t.equal(stats.get('txErrors'), errors + 1);
});

t.test('random descriptors never fault', async (t) => {
  const { half, native } = nativeHalf(t);
  const { tx, stats } = half;
  let state = 12_345;
  for (let round = 0; round < 2000; round++) {
    const at = tx.descAt(0);
    for (let word = 0; word < TX_STRIDE; word++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
      const small = (state >>> 16) % 200;
      tx.desc[at + word] = (state & 3) === 0 ? state : small;
    }
    tx.ctrl[CTRL.TX_HEAD] = (tx.ctrl[CTRL.TX_HEAD]! + 1) | 0;
    if (native.txFlush() < 0) break;
    tx.desc[at + TX.PIECES] = 1;
    tx.releaseCompleted();
  }
  const done = stats.get('txFrames') + stats.get('txDropped') + stats.get('txErrors');
  t.equal(done, 2000, 'each frame is sent, refused by the kernel, or refused by us');
});

t.test('a corrupt offer of chunks never faults, and takes nothing', async (t) => {
  const { half, native } = nativeHalf(t);
  const kernel = new PacketDevice(smallMemory(), { interface: 'tap0', promiscuous: true });
  t.teardown(() => kernel.close());
  send(kernel, randomFrame(100));
  for (const [count, current, fill, chunk] of [
    [1_000_000, 0, 0, 0],
    [-1, 0, 0, 0],
    [1, 0, 0, -1],
    [1, 0, 0, 32],
    [1, 0, 0, 0x7fffffff],
    [1, 0, 0x7fffffff, 0],
    [1, 0x7fffffff, 0, 0],
  ] as const) {
    half.offer.set([count, current, fill, 0, chunk]);
    t.equal(native.rxBatch(8), 0, `${[count, current, fill, chunk]}`);
  }
  half.offer.set([1, -7, -9, 0, 3], OFFER.COUNT);
  t.equal(native.rxBatch(8), 1, 'a sound chunk at a negative place: from its start');
});

t.test('memory taken away is an error, not a fault', async (t) => {
  const { native, memory } = nativeHalf(t);
  structuredClone(memory.slab, { transfer: [memory.slab] });
  t.equal(native.rxBatch(8), -EFAULT);
  t.equal(native.txFlush(), -EFAULT);
  native.close();
});

t.test('a slab of native memory is zeroes, of the size asked for, or is refused', async (t) => {
  const { allocateSlab } = loadAddon();
  for (const size of [1, 4096, (2 << 20) + 1]) {
    const slab = new Uint8Array(allocateSlab(size));
    t.equal(slab.length, size);
    t.ok(slab.every((byte) => byte === 0));
    t.ok(slab.fill(0xff).every((byte) => byte === 0xff));
  }
  for (const size of [0, -1, 2 ** 31, Number.NaN]) {
    t.throws(() => allocateSlab(size), TypeError, String(size));
  }
});

t.test('memory that does not fit is refused', async (t) => {
  const good = new RingHalf(smallMemory(), {}).forNative();
  const { TapRing } = loadAddon<{ TapRing: new (m: object, o: object) => NativeRing }>();
  for (const [what, bad] of Object.entries({
    slab: { slab: new Uint8Array(9) },
    chunks: { chunkCount: 1e6 },
    base: { chunkBase: -64 },
    rxDesc: { rxDesc: new Float64Array(8) },
    txDesc: { txDesc: new Int32Array(3 * TX_STRIDE) },
    ctrl: { ctrl: new Int32Array(3) },
    stats: { stats: new Float64Array(3) },
    missing: { rxOffer: undefined },
  })) {
    t.throws(() => new TapRing({ ...good, ...bad }, { name: 'tap0' }), TypeError, what);
  }
  t.throws(() => Reflect.construct(TapRing, []), TypeError);
  t.notOk(hasInterface('tap0'));
});

t.test('what cannot be opened says why, and what to do', async (t) => {
  const memory = smallMemory();
  makeVeth('v0', 'v1');
  t.teardown(() => ip('link delete v0'));
  const single = new TapDevice(memory, { name: 'single0' });
  const several = new TapDevice(memory, { name: 'several0', multiQueue: true });
  t.teardown(() => {
    single.close();
    several.close();
  });
  const cases: readonly (readonly [TapOptions, string, RegExp])[] = [
    [{ name: 'no such' }, 'EINVAL', /not an interface name/],
    [{ name: 'a/b' }, 'EINVAL', /not an interface name/],
    [{ name: 'a-name-too-long-for-linux' }, 'EINVAL', /not an interface name/],
    [{ name: 'absent0', mustExist: true }, 'ENODEV', /ip tuntap add absent0 mode tap/],
    [{ name: 'v0' }, 'EINVAL', /not a TAP device/],
    [{ name: 'single0' }, 'EBUSY', /in use/],
    [{ name: 'single0', exclusive: true }, 'EBUSY', /exists already/],
    [{ name: 'several0' }, 'EINVAL', /multiQueue/],
    [{ name: 'new0', mtu: 17 }, 'EINVAL', /mtu/],
    [{ name: 'new0', kernelMac: { toString: () => 'x' } as never }, 'EINVAL', /kernelMac/],
  ];
  for (const [options, code, message] of cases) {
    const got = codeOf(() => new TapDevice(memory, options));
    t.equal(got.code, code, got.message);
    t.match(got.message, message);
  }
  t.notOk(hasInterface('new0'), 'a device half made is gone again');
});

t.test('settings reach the kernel', async (t) => {
  const kernelMac = OTHER;
  const tap = new TapDevice(smallMemory(), {
    name: 'set%d',
    mtu: 9000,
    kernelMac,
    txQueueLen: 77,
    sendBuffer: 1 << 20,
    up: false,
  });
  t.teardown(() => tap.close());
  t.equal(tap.name, 'set0', 'the kernel chose');
  t.same([tap.mtu, tap.facts.txQueueLen], [9000, 77]);
  t.equal(tap.facts.kernelMac, kernelMac.toString());
  t.match(ip('link show set0'), /mtu 9000 .*link\/ether 02:00:00:00:bb:02/s);
  t.notOk(tap.isUp);
  t.not(tap.mac.toString(), kernelMac.toString(), 'our end has an address of its own');
});

t.test(
  'what an earlier user agreed with the kernel is over when the next has no vnet header',
  async (t) => {
    const memory = smallMemory();
    const first = new TapDevice(memory, { name: 'tap5', persist: true });
    t.ok(first.facts.tso4 && first.facts.checksum);
    first.close();
    const next = new TapDevice(memory, { name: 'tap5', mac: OURS, vnet: false, persist: false });
    t.teardown(() => next.close());
    ip('address add 198.18.5.1/24 dev tap5');
    ip(`neighbour add 198.18.5.2 lladdr ${OURS} dev tap5`);
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    await new Promise((done) => socket.send(Buffer.alloc(999, 'ringway'), 9, '198.18.5.2', done));
    const [got] = receive(next, 1);
    t.ok(isTransportValid(got!.bytes), 'its checksum is done');
  },
);

t.test('a persistent device outlives us, and can be joined and ended', async (t) => {
  new TapDevice(smallMemory(), { name: 'stay0', persist: true }).close();
  t.ok(hasInterface('stay0'));
  const again = new TapDevice(smallMemory(), { name: 'stay0', mustExist: true });
  t.equal(again.name, 'stay0');
  again.close();
  t.ok(hasInterface('stay0'), 'as it was');
  new TapDevice(smallMemory(), { name: 'stay0', persist: false }).close();
  t.notOk(hasInterface('stay0'));
});
