/** Run by ../rings.test.ts in a network namespace of its own: frames over AF_PACKET, both ways. */
import t, { type Test } from 'tap';
import { GSO, RX_FLAG } from '../../../src/link/ring-layout.ts';
import { PacketDevice, type PacketOptions } from '../../../src/live/packet-device.ts';
import { MacAddress } from '../../../src/wire/mac.ts';
import {
  batch,
  counter,
  ip,
  isEqual,
  isTransportValid,
  MSS,
  makeVeth,
  naiveSum,
  OTHER,
  OURS,
  queue,
  quietKernel,
  randomFrame,
  receive,
  send,
  sendSuper,
  smallMemory,
  tcpFrame,
} from './rig.ts';

const BROADCAST = MacAddress.parse('ff:ff:ff:ff:ff:ff')!;
const GROUP = MacAddress.parse('33:33:00:00:00:01')!;

/** Two sockets of ours, one at each end of a cable; `left` has what the test asks for. */
function pair(t: Test, options: Partial<PacketOptions> = {}): [PacketDevice, PacketDevice] {
  makeVeth('v0', 'v1');
  const ringBytes = 16 << 20;
  const left = new PacketDevice(smallMemory(), {
    interface: 'v0',
    mac: OURS,
    ringBytes,
    ...options,
  });
  const right = new PacketDevice(smallMemory(), { interface: 'v1', mac: OTHER, ringBytes });
  t.teardown(() => {
    left.close();
    right.close();
    ip('link delete v0');
  });
  return [left, right];
}

function tagFrame(inner: Uint8Array): Uint8Array {
  const frame = new Uint8Array(inner.length + 4);
  frame.set(inner.subarray(0, 12));
  frame.set([0x81, 0x00, 0x00, 0x05], 12);
  frame.set(inner.subarray(12), 16);
  return frame;
}

quietKernel();

for (const vnet of [false, true]) {
  const kind = vnet ? 'with a vnet header' : 'plain';

  t.test(`AF_PACKET ${kind}: frames pass whole, in order, both ways, summed`, async (t) => {
    const [left, right] = pair(t, { vnet });
    t.equal(left.facts.vnet, vnet);
    t.ok(left.isUp);
    for (const [from, to, mac] of [
      [right, left, OURS],
      [left, right, OTHER],
    ] as const) {
      const sent = [60, 61, 63, 64, 65, 1000, 1513, 1514].map((len) => randomFrame(len, mac));
      for (const frame of sent) send(from, frame, [14, 20]);
      const got = receive(to, sent.length);
      t.ok(isEqual(got, sent));
      for (const r of got.filter((r) => r.flags === RX_FLAG.CSUM_COMPLETE)) {
        t.equal(r.sum, naiveSum(r.bytes, 14));
      }
      t.ok(got.every((r) => r.flags !== 0 && r.off % 64 === 0));
      t.equal(counter(from, 'txFrames'), sent.length);
      t.equal(counter(to, 'rxFrames'), sent.length);
    }
  });

  t.test(`AF_PACKET ${kind}: many frames in one flush`, async (t) => {
    const [left, right] = pair(t, { vnet });
    const sent = Array.from({ length: 200 }, () => randomFrame(100, OTHER));
    for (const frame of sent) {
      queue(left, frame, [50]);
      left.tx.commit();
    }
    t.equal(left.txFlush(), 0);
    t.equal(counter(left, 'txBatches'), 1);
    t.ok(isEqual(receive(right, 200, 256), sent));
  });

  t.test(`AF_PACKET ${kind}: an unfinished checksum is finished, or says where`, async (t) => {
    const [left, right] = pair(t, { vnet });
    const frame = tcpFrame(333);
    frame.set([0x02, 0, 0, 0, 0xbb, 0x02]);
    queue(left, frame, [54, 55]);
    left.tx.setChecksum(34, 16);
    left.tx.commit();
    t.equal(left.txFlush(), 0);
    const [got] = receive(right, 1);
    if (vnet) t.equal(got!.csum, (34 << 16) | 16);
    else t.ok(isTransportValid(got!.bytes));
  });

  t.test(`AF_PACKET ${kind}: a VLAN tag that the kernel took out is put back`, async (t) => {
    const [left, right] = pair(t, { vnet });
    const tagged = randomFrame(300, OURS, 0x8100);
    tagged.set([0x81, 0x00, 0x60, 0x05, 0x88, 0xb5], 12);
    const service = randomFrame(301, OURS, 0x88a8);
    service.set([0x88, 0xa8, 0x10, 0x07, 0x88, 0xb5], 12);
    for (const frame of [tagged, service]) send(right, frame);
    const got = receive(left, 2);
    t.ok(isEqual(got, [tagged, service]));
    t.same(
      got.map((r) => r.sum),
      [naiveSum(tagged, 14), naiveSum(service, 14)],
    );
  });
}

t.test('AF_PACKET: the place of an unfinished checksum moves with the VLAN tag', async (t) => {
  const [left, right] = pair(t);
  const frame = tagFrame(tcpFrame(200));
  queue(right, frame);
  right.tx.setChecksum(38, 16);
  right.tx.commit();
  t.equal(right.txFlush(), 0);
  const [got] = receive(left, 1);
  t.ok(isEqual([got!], [frame]));
  t.equal(got!.csum, (38 << 16) | 16);
});

t.test('AF_PACKET: super-frames pass in one piece, both ways', async (t) => {
  const [left, right] = pair(t);
  t.ok(left.caps.tso4 && left.caps.gro);
  for (const [from, to, mac] of [
    [left, right, OTHER],
    [right, left, OURS],
  ] as const) {
    const frame = tcpFrame(from.caps.maxFrame - 54);
    new DataView(frame.buffer).setUint16(0, mac.high);
    new DataView(frame.buffer).setInt32(2, mac.low);
    sendSuper(from, frame);
    const [got] = receive(to, 1);
    t.ok(isEqual([got!], [frame]));
    t.equal(got!.gso, (GSO.TCPV4 << 16) | MSS);
    t.equal(got!.flags, RX_FLAG.CSUM_PARTIAL);
  }
});

t.test('AF_PACKET plain: a super-frame of the kernel is not cut', async (t) => {
  const [left, right] = pair(t, { vnet: false });
  const frame = tcpFrame(40_000);
  sendSuper(right, frame);
  const [got] = receive(left, 1);
  t.ok(isEqual([got!], [frame]));
  t.ok((got!.flags & RX_FLAG.CSUM_PARTIAL) !== 0, 'known to be unfinished');
  t.equal(got!.csum, 0, 'but not where');
});

t.test('AF_PACKET: super-frames and small ones keep their order, tags included', async (t) => {
  const [left, right] = pair(t);
  t.ok(left.facts.superFrameQueue);
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 40; i++) {
    const inner = tcpFrame(i % 3 === 0 ? 30_000 + i : 100 + i);
    const frame = i % 2 === 0 ? inner : tagFrame(inner);
    const start = i % 2 === 0 ? 34 : 38;
    queue(right, frame);
    right.tx.setChecksum(start, 16);
    if (i % 3 === 0) right.tx.setGso(GSO.TCPV4, MSS, start + 20);
    right.tx.commit();
    sent.push(frame);
  }
  t.equal(right.txFlush(), 0);
  const got = receive(left, 40, 7);
  t.ok(isEqual(got, sent));
  const starts = got.map((r) => r.csum >> 16);
  t.same(
    starts,
    sent.map((_, i) => (i % 2 === 0 ? 34 : 38)),
  );
});

t.test('AF_PACKET: only frames to our address and to groups come in', async (t) => {
  const [left, right] = pair(t);
  const near = MacAddress.parse('02:00:00:01:aa:01')!;
  const nearHigh = MacAddress.parse('02:02:00:00:aa:01')!;
  for (const mac of [OTHER, near, nearHigh, OURS, OTHER, GROUP, near, BROADCAST]) {
    send(right, randomFrame(99, mac));
  }
  const got = receive(left, 3);
  t.same(
    got.map((r) => r.bytes[0]),
    [0x02, 0x33, 0xff],
  );
  t.equal(batch(left).length, 0, 'the broadcast was the last');
});

t.test('AF_PACKET promiscuous: every frame comes in', async (t) => {
  const [left, right] = pair(t, { promiscuous: true });
  for (const mac of [OTHER, OURS, GROUP]) send(right, randomFrame(99, mac));
  t.equal(receive(left, 3).length, 3);
});

for (const ignoreOutgoing of [true, false]) {
  const what = ignoreOutgoing ? 'not seen' : 'seen when asked for';
  t.test(`AF_PACKET: what others send on the interface is ${what}`, async (t) => {
    const [left, right] = pair(t, { promiscuous: true, ignoreOutgoing });
    const neighbour = new PacketDevice(smallMemory(), { interface: 'v0', ringBytes: 1 << 20 });
    t.teardown(() => neighbour.close());
    send(neighbour, randomFrame(77, BROADCAST));
    send(right, randomFrame(99, BROADCAST));
    const sizes = receive(left, ignoreOutgoing ? 1 : 2).map((r) => r.bytes.length);
    t.same(sizes, ignoreOutgoing ? [99] : [77, 99]);
  });
}

t.test("AF_PACKET: the kernel's own super-frames do not disturb a fan-out group", async (t) => {
  const [left, right] = pair(t, { fanout: { group: 8 } });
  const neighbour = new PacketDevice(smallMemory(), { interface: 'v0', ringBytes: 1 << 20 });
  t.teardown(() => neighbour.close());
  sendSuper(neighbour, tcpFrame(30_000));
  const sent = [20_001, 20_002, 20_003].map(tcpFrame);
  for (const frame of sent) sendSuper(right, frame);
  t.ok(isEqual(receive(left, sent.length), sent));
  t.equal(counter(left, 'rxErrors') + counter(left, 'rxDropped'), 0);
});

t.test('AF_PACKET: a fan-out group shares the frames, each to one member', async (t) => {
  const [left, right] = pair(t, { fanout: { group: 7, mode: 'lb' } });
  const second = new PacketDevice(smallMemory(), {
    interface: 'v0',
    mac: OURS,
    ringBytes: 8 << 20,
    fanout: { group: 7, mode: 'lb' },
  });
  t.teardown(() => second.close());
  for (let i = 0; i < 20; i++) send(right, randomFrame(100 + i));
  const a = receive(left, 10);
  const b = receive(second, 10);
  const sizes = [...a, ...b].map((r) => r.bytes.length).sort((x, y) => x - y);
  t.same(
    sizes,
    Array.from({ length: 20 }, (_, i) => 100 + i),
  );
  t.equal(batch(left).length + batch(second).length, 0);
});
