/** Run by ../rings.test.ts in a network namespace of its own: AF_PACKET when things go wrong. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { NO_BLOCK } from '../../../src/base/block-pool.ts';
import { EBADF, ENODEV } from '../../../src/base/errno.ts';
import { CTRL, TX } from '../../../src/link/ring-layout.ts';
import { PacketDevice, type PacketOptions } from '../../../src/live/packet-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import { MacAddress } from '../../../src/wire/mac.ts';
import {
  batch,
  codeOf,
  counter,
  ip,
  isEqual,
  makeVeth,
  OTHER,
  OURS,
  queue,
  quietKernel,
  type Received,
  randomFrame,
  receive,
  send,
  sendSuper,
  smallMemory,
  tc,
  tcpFrame,
} from './rig.ts';

function pair(t: Test, options: Partial<PacketOptions> = {}): [PacketDevice, PacketDevice] {
  makeVeth('v0', 'v1');
  const ringBytes = 4 << 20;
  const left = new PacketDevice(smallMemory(4), {
    interface: 'v0',
    mac: OURS,
    ringBytes,
    ...options,
  });
  const right = new PacketDevice(smallMemory(), { interface: 'v1', mac: OTHER, ringBytes });
  t.teardown(() => {
    left.close();
    right.close();
    spawnSync('ip', ['link', 'delete', 'v0']);
  });
  return [left, right];
}

function commit(device: PacketDevice, count: number, len = 100): void {
  for (let i = 0; i < count; i++) {
    if (!queue(device, randomFrame(len, OTHER))) throw new Error('the transmit ring is full');
    device.tx.commit();
  }
}

function superFrame(payload: number): Uint8Array {
  const frame = tcpFrame(payload);
  frame.set([0x02, 0, 0, 0, 0xaa, 0x01]);
  return frame;
}

quietKernel();

/** Returns when the kernel has dealt with them all: the frame to nobody comes after them. */
function sendAll(from: PacketDevice, witness: PacketDevice, frames: readonly Uint8Array[]): void {
  for (const frame of frames) send(from, frame);
  send(from, randomFrame(100, OTHER));
  receive(witness, frames.length + 1);
}

t.test('a full ring: what the kernel dropped is counted, each frame once', async (t) => {
  const [left, right] = pair(t, { ringBytes: 1 << 20 });
  const witness = new PacketDevice(smallMemory(), { interface: 'v0', promiscuous: true });
  t.teardown(() => witness.close());
  const slots = left.facts.ringFrames;
  const frames = Array.from({ length: slots + 25 }, () => randomFrame(100));
  sendAll(right, witness, frames);
  left.refreshStats();
  t.equal(counter(left, 'rxDropped'), 25);
  t.ok(isEqual(receive(left, slots), frames.slice(0, slots)));
  sendAll(right, witness, frames.slice(20));
  t.equal(receive(left, slots).length, slots);
  sendAll(right, witness, [frames[0]!]);
  t.equal(receive(left, 1).length, 1);
  t.equal(counter(left, 'rxDropped'), 30, 'a frame after the loss says so by itself');
  left.refreshStats();
  t.equal(counter(left, 'rxDropped'), 30);
});

t.test('what the kernel dropped last is counted when the socket is closed', async (t) => {
  const [left, right] = pair(t, { ringBytes: 1 << 20 });
  const witness = new PacketDevice(smallMemory(), { interface: 'v0', promiscuous: true });
  t.teardown(() => witness.close());
  const slots = left.facts.ringFrames;
  const frames = Array.from({ length: slots + 25 }, () => randomFrame(100));
  sendAll(right, witness, frames);
  t.equal(receive(left, slots).length, slots);
  t.equal(counter(left, 'rxDropped'), 0, 'nothing has come after the loss');
  left.close();
  t.equal(counter(left, 'rxDropped'), 25);
});

t.test('a full queue of super-frames: the loss is counted, small frames pass', async (t) => {
  const [left, right] = pair(t, { receiveBuffer: 2 << 20 });
  const witness = new PacketDevice(smallMemory(), { interface: 'v0', promiscuous: true });
  t.teardown(() => witness.close());
  t.ok(left.facts.superFrameQueue, 'the kernel doubles what is asked for');
  const large = Array.from({ length: 100 }, () => superFrame(60_000));
  for (const frame of large) sendSuper(right, frame);
  const small = randomFrame(100);
  sendAll(right, witness, [small]);
  const got: Received[] = [];
  while (got.at(-1)?.bytes.length !== 100) got.push(...receive(left, 1));
  const kept = got.length - 1;
  t.ok(kept > 10 && kept < 100, `${kept} super-frames fitted`);
  t.ok(isEqual(got, [...large.slice(0, kept), small]));
  t.equal(counter(left, 'rxDropped'), 100 - kept);
  sendSuper(right, large[99]!);
  t.ok(isEqual(receive(left, 1), [large[99]!]), 'room again');
});

t.test('without the right to a large queue, super-frames pass through the ring', async (t) => {
  const [left, right] = pair(t, { receiveBuffer: 1 << 20, ringBytes: 8 << 20 });
  t.notOk(left.facts.superFrameQueue);
  t.equal(left.facts.ringFrames, 8 * 15);
  const large = Array.from({ length: 50 }, () => superFrame(60_000));
  for (const frame of large) sendSuper(right, frame);
  t.ok(isEqual(receive(left, 50, 7), large));
});

t.test('no chunk free: frames wait in the ring, and it is counted', async (t) => {
  const [left, right] = pair(t);
  const { chunks } = left.rx;
  const taken: number[] = [];
  for (let chunk = chunks.take(); chunk !== NO_BLOCK; chunk = chunks.take()) taken.push(chunk);
  const sent = [randomFrame(500), randomFrame(600)];
  for (const frame of sent) send(right, frame);
  t.equal(left.rxBatch(8), 0);
  t.equal(counter(left, 'rxStalls'), 1);
  for (const chunk of taken) chunks.release(chunk);
  t.ok(isEqual(receive(left, 2), sent));
});

t.test('partial batches keep the order across the end of the ring', async (t) => {
  const [left, right] = pair(t, { ringBytes: 1 << 20 });
  for (let round = 0; round < 5; round++) {
    const sent = Array.from({ length: 260 }, () => randomFrame(200));
    for (const frame of sent) send(right, frame);
    const got = [...receive(left, 100, 4), ...receive(left, 160, 33)];
    t.ok(isEqual(got, sent));
  }
});

t.test('EAGAIN: frames stay, and leave when there is room', async (t) => {
  const [left, right] = pair(t, { sendBuffer: 4096 });
  tc('qdisc add dev v0 root tbf rate 8kbit burst 1600 limit 1000000');
  commit(left, 30, 1000);
  const remaining = left.txFlush();
  t.ok(remaining > 0 && remaining < 30, `${remaining} remain`);
  t.equal(counter(left, 'txBusy'), 1);
  t.equal(left.tx.inFlight, remaining);
  tc('qdisc del dev v0 root'); // drops what it queued
  while (left.txFlush() > 0);
  t.equal(left.tx.inFlight, 0);
  t.equal(counter(left, 'txFrames'), 30);
  t.ok(receive(right, remaining).length >= remaining);
});

t.test('ENOBUFS: what a full queue refused is tried again, not lost', async (t) => {
  const [left, right] = pair(t);
  tc('qdisc add dev v0 root tbf rate 8kbit burst 1600 limit 3000');
  commit(left, 10, 1000);
  const remaining = left.txFlush();
  t.ok(remaining > 0 && remaining < 10, `${remaining} remain`);
  t.ok(left.isUp);
  t.equal(counter(left, 'txBusy'), 1);
  tc('qdisc del dev v0 root');
  t.equal(left.txFlush(), 0);
  t.equal(counter(left, 'txDropped'), 0);
  t.ok(receive(right, remaining).length >= remaining);
});

t.test('link down, no carrier, up again', async (t) => {
  const [left, right] = pair(t);
  ip('link set v1 down');
  t.equal(left.refreshLink(), 0);
  t.notOk(left.isUp, 'no carrier: the other end is down');
  commit(left, 2);
  t.equal(left.txFlush(), 0);
  t.equal(counter(left, 'txDropped'), 2, 'the kernel would take them and say nothing');
  t.equal(counter(left, 'txFrames'), 0);
  t.notOk(left.isUp);
  ip('link set v1 up');
  send(left, randomFrame(90, OTHER));
  t.ok(left.isUp, 'sending finds out that it is back');
  // The kernel opens its queue a moment after the carrier is there.
  while (receive(right, 1).length === 0) send(left, randomFrame(90, OTHER));
  ip('link set v0 down');
  commit(left, 3);
  t.equal(left.txFlush(), 0);
  t.notOk(left.isUp);
  t.equal(counter(left, 'txDropped'), 5);
  t.equal(left.rxBatch(8), 0);
  ip('link set v0 up');
  left.refreshLink();
  t.ok(left.isUp);
  while (batch(right).length > 0);
  send(left, randomFrame(90, OTHER));
  t.equal(receive(right, 1).length, 1);
});

t.test('a link that was down while nobody looked loses nothing', async (t) => {
  const [left, right] = pair(t);
  ip('link set v0 down');
  ip('link set v0 up');
  commit(left, 3);
  t.ok(left.txFlush() >= 0, 'told of what is over');
  t.equal(left.txFlush(), 0);
  t.ok(left.isUp);
  t.equal(receive(right, 3).length, 3);
  t.equal(counter(left, 'txDropped'), 0);
});

t.test('receiving notices that the interface went down', async (t) => {
  const [left] = pair(t);
  ip('link set v0 down');
  t.equal(left.rxBatch(8), 0);
  t.notOk(left.isUp);
});

for (const order of ['receiving', 'sending', 'asking'] as const) {
  t.test(`the interface is deleted while open: ${order} says so, for good`, async (t) => {
    const [left] = pair(t);
    ip('link delete v0');
    commit(left, 2);
    if (order === 'receiving') t.equal(left.rxBatch(8), -ENODEV);
    if (order === 'sending') t.equal(left.txFlush(), -ENODEV);
    if (order === 'asking') t.equal(left.refreshLink(), -ENODEV);
    t.notOk(left.isUp);
    t.equal(left.txFlush(), -ENODEV);
    t.equal(counter(left, 'txDropped'), 2);
    t.equal(left.rxBatch(8), -ENODEV);
    left.close();
    t.equal(left.rx.chunks.held, 0);
  });
}

t.test('close: twice is once, and frames in flight are dropped and counted', async (t) => {
  const [left, right] = pair(t);
  send(right, randomFrame(100));
  receive(left, 1);
  commit(left, 4);
  left.close();
  left.close();
  t.equal(counter(left, 'txDropped'), 4);
  t.equal(left.tx.inFlight, 0);
  t.equal(left.rx.chunks.held, 0);
  t.same(
    [left.fd, left.rxBatch(1), left.txFlush(), left.refreshLink()],
    [-1, -EBADF, -EBADF, -EBADF],
  );
  left.refreshStats();
});

t.test('a corrupt descriptor in a batch is counted, and the frames around it pass', async (t) => {
  const [left, right] = pair(t);
  for (const bad of [0, 1, 4]) {
    commit(left, 5);
    left.tx.desc[left.tx.descAt(bad) + TX.LEN] = 7;
    const errors = counter(left, 'txErrors');
    t.equal(left.txFlush(), 0);
    t.equal(counter(left, 'txErrors'), errors + 1);
    t.equal(receive(right, 4).length, 4);
  }
  left.tx.ctrl[CTRL.TX_TAIL] = (left.tx.ctrl[CTRL.TX_TAIL]! - 999_999) | 0;
  const errors = counter(left, 'txErrors');
  left.tx.ctrl[CTRL.TX_HEAD] = (left.tx.ctrl[CTRL.TX_HEAD]! + 1) | 0;
  left.tx.ctrl[CTRL.TX_TAIL] = (left.tx.ctrl[CTRL.TX_HEAD]! - 999_999) | 0;
  t.equal(left.txFlush(), 0);
  t.equal(counter(left, 'txErrors'), errors + 1);
});

t.test('a frame that the kernel refuses is dropped and counted; the next passes', async (t) => {
  const [left, right] = pair(t);
  commit(left, 1, 3000); // longer than the MTU, and no segmentation asked for
  commit(left, 1, 100);
  t.equal(left.txFlush(), 0);
  t.equal(counter(left, 'txDropped'), 1);
  t.same(
    receive(right, 1).map((r) => r.bytes.length),
    [100],
  );
});

t.test('what cannot be opened says why, and what to do', async (t) => {
  const memory = smallMemory();
  makeVeth('v0', 'v1');
  t.teardown(() => ip('link delete v0'));
  const group = MacAddress.parse('33:33:00:00:00:01')!;
  const joined = new PacketDevice(memory, { interface: 'v0', fanout: { group: 3, mode: 'hash' } });
  t.teardown(() => joined.close());
  const cases: readonly (readonly [PacketOptions, string, RegExp])[] = [
    [{ interface: 'absent0' }, 'ENODEV', /`ip link` lists them/],
    [{ interface: '' }, 'ENODEV', /no such interface/],
    [{ interface: 'a/b' }, 'ENODEV', /no such interface/],
    [{ interface: 'v0', mac: group }, 'EINVAL', /not a unicast address/],
    [{ interface: 'v0', fanout: { group: 3, mode: 'cpu' } }, 'EINVAL', /another mode/],
  ];
  for (const [options, code, message] of cases) {
    const got = codeOf(() => new PacketDevice(memory, options));
    t.equal(got.code, code, got.message);
    t.match(got.message, message);
  }
});

t.test('without rights: the error names them', async (t) => {
  const script = fileURLToPath(new URL('unprivileged.ts', import.meta.url));
  const as = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath];
  const run = spawnSync('setpriv', [...as, '--import=tsx', script], { encoding: 'utf8' });
  t.match(run.stdout, /tap EACCES .*run as root/, run.stderr);
  t.match(run.stdout, /packet EPERM .*CAP_NET_RAW/);
});

t.test('a TAP device and a packet socket on it do not disturb each other', async (t) => {
  const memory = smallMemory();
  const tap = new TapDevice(memory, { name: 'tap0', mac: OURS });
  const kernel = new PacketDevice(memory, { interface: 'tap0', mac: OTHER });
  t.teardown(() => tap.close());
  kernel.close();
  t.equal(tap.rxBatch(1), 0);
  t.equal(batch(tap).length, 0);
  t.ok(tap.isUp);
});
