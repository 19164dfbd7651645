/** Run by ../rings.test.ts in a network namespace of its own: frames over TAP, both ways. */
import { createSocket } from 'node:dgram';
import t, { type Test } from 'tap';
import type { Memory } from '../../../src/base/memory.ts';
import { Rng } from '../../../src/base/rng.ts';
import { FrameStore } from '../../../src/link/frame-store.ts';
import { CTRL, GSO, MAX_PIECES, RX_FLAG } from '../../../src/link/ring-layout.ts';
import { PacketDevice } from '../../../src/live/packet-device.ts';
import { TapDevice } from '../../../src/live/tap-device.ts';
import { FaultDevice } from '../../../src/path/fault.ts';
import {
  batch,
  counter,
  ip,
  isEqual,
  isTransportValid,
  MSS,
  naiveSum,
  OTHER,
  OURS,
  pseudoSum,
  queue,
  quietKernel,
  randomFrame,
  receive,
  send,
  sendSuper,
  smallMemory,
  tcpFrame,
} from './rig.ts';

const TCP_PAYLOAD = 20_000;

interface Pair {
  readonly memory: Memory;
  readonly tap: TapDevice;
  readonly kernel: PacketDevice;
}

/** A TAP device of ours, and a socket on the kernel's end of its wire. */
function pair(t: Test, vnet: boolean, options = {}): Pair {
  const memory = smallMemory();
  const tap = new TapDevice(memory, { name: 'tap0', mac: OURS, vnet, ...options });
  const kernel = new PacketDevice(memory, {
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

quietKernel();

for (const vnet of [false, true]) {
  const kind = vnet ? 'with a vnet header' : 'plain';

  t.test(`TAP ${kind}: frames from the kernel arrive whole, summed, in order`, async (t) => {
    const { tap, kernel } = pair(t, vnet);
    const sizes = [14, 15, 60, 61, 62, 63, 64, 65, 127, 128, 129, 1000, 1513, 1514];
    const sent = sizes.map((len) => randomFrame(len));
    for (const frame of sent) send(kernel, frame);
    const got = receive(tap, sent.length);
    t.ok(isEqual(got, sent));
    t.same(
      got.map((r) => r.sum),
      sent.map((f) => naiveSum(f, 14)),
      'equal to the naive sum',
    );
    t.ok(got.every((r) => r.flags === RX_FLAG.CSUM_COMPLETE && r.gso === 0));
    t.ok(
      got.every((r) => r.off % 64 === 0),
      'each on a cache line of its own',
    );
    t.equal(counter(tap, 'rxFrames'), sent.length);
    t.equal(
      counter(tap, 'rxBytes'),
      sizes.reduce((a, b) => a + b),
    );
    t.equal(tap.tx.ctrl[CTRL.RX_COUNT], sent.length);
  });

  t.test(`TAP ${kind}: gathered frames reach the kernel whole, in order`, async (t) => {
    const { tap, kernel } = pair(t, vnet);
    const sent = [60, 61, 333, 1514].map((len) => randomFrame(len, OTHER));
    const cuts = [[], [14], [1, 2, 3, 5, 8, 13, 200], [14, 14, 77]];
    for (const [i, frame] of sent.entries()) send(tap, frame, cuts[i]);
    t.equal(cuts[2]!.length + 1, MAX_PIECES);
    t.ok(isEqual(receive(kernel, sent.length), sent));
    t.equal(counter(tap, 'txFrames'), sent.length);
    t.equal(counter(tap, 'txBytes'), 60 + 61 + 333 + 1514);
    t.equal(tap.tx.inFlight, 0);
  });

  t.test(
    `TAP ${kind}: what the kernel's own UDP sends has a checksum, or says where`,
    async (t) => {
      const { tap } = pair(t, vnet);
      ip('address add 198.18.0.1/24 dev tap0');
      ip(`neighbour add 198.18.0.2 lladdr ${OURS} dev tap0`);
      const socket = createSocket('udp4');
      t.teardown(() => socket.close());
      const payload = Buffer.alloc(1001, 'ringway');
      await new Promise((done) => socket.send(payload, 9, '198.18.0.2', done));
      const [got] = receive(tap, 1);
      const frame = got!.bytes;
      t.same(frame.subarray(42), payload);
      if (!vnet) {
        t.equal(got!.flags, RX_FLAG.CSUM_COMPLETE);
        t.ok(isTransportValid(frame));
        return;
      }
      t.equal(got!.flags, RX_FLAG.CSUM_PARTIAL);
      t.equal(got!.csum, (34 << 16) | 6);
      t.equal((frame[40]! << 8) | frame[41]!, pseudoSum(frame, frame.length - 34));
    },
  );

  t.test(`TAP ${kind}: an unfinished checksum is finished, by us or by the kernel`, async (t) => {
    const { tap, kernel } = pair(t, vnet);
    for (const cuts of [[], [54], [54, 55], [34, 41, 60, 61, 100]]) {
      const frame = tcpFrame(777);
      queue(tap, frame, cuts);
      tap.tx.setChecksum(34, 16);
      tap.tx.commit();
      t.equal(tap.txFlush(), 0);
      const [got] = receive(kernel, 1);
      if (vnet) {
        t.equal(got!.flags, RX_FLAG.CSUM_PARTIAL, 'left to whoever needs it on a wire');
        t.equal(got!.csum, (34 << 16) | 16);
        t.ok(isEqual([got!], [frame]));
      } else {
        t.ok(isTransportValid(got!.bytes), `cut at ${cuts}`);
        frame.set(got!.bytes.subarray(50, 52), 50);
        t.ok(isEqual([got!], [frame]), 'nothing else is touched');
      }
    }
  });
}

t.test('TAP plain: a duplicated frame has a good checksum twice', async (t) => {
  const { memory, tap, kernel } = pair(t, false);
  const clock = { nowNs: 0 };
  const faults = new FaultDevice(tap, new FrameStore(memory), clock, new Rng(1), {
    tx: { duplication: 1 },
  });
  for (const payload of [10, 1000]) {
    queue(faults, tcpFrame(payload));
    faults.tx.setChecksum(34, 16);
    faults.tx.commit();
    t.equal(faults.txFlush(), 0);
    const got = receive(kernel, 2);
    t.ok(isEqual([got[0]!], [got[1]!.bytes]));
    t.ok(isTransportValid(got[0]!.bytes));
  }
  faults.close();
});

t.test('TAP plain: a checksum of zero is sent as 0xffff', async (t) => {
  const { tap, kernel } = pair(t, false);
  const frame = randomFrame(60, OTHER);
  frame.fill(0, 14);
  frame.set([0xff, 0xff], 20); // everything sums to 0xffff, whose complement is 0
  queue(tap, frame);
  tap.tx.setChecksum(14, 16);
  tap.tx.commit();
  tap.txFlush();
  t.same(receive(kernel, 1)[0]!.bytes.subarray(30, 32), [0xff, 0xff]);
});

t.test('TAP with a vnet header: super-frames pass in one piece, both ways', async (t) => {
  const { tap, kernel } = pair(t, true);
  t.ok(tap.facts.tso4 && tap.facts.tso6 && tap.facts.checksum, 'agreed with the kernel');
  t.ok(tap.caps.tso4 && tap.caps.gro);
  for (const [from, to] of [
    [kernel, tap],
    [tap, kernel],
  ] as const) {
    for (const payload of [TCP_PAYLOAD, from.caps.maxFrame - 54]) {
      const frame = tcpFrame(payload);
      sendSuper(from, frame);
      const [got] = receive(to, 1);
      t.ok(isEqual([got!], [frame]));
      t.equal(got!.gso, (GSO.TCPV4 << 16) | MSS);
      t.equal(got!.flags, RX_FLAG.CSUM_PARTIAL);
      t.equal(got!.csum, (34 << 16) | 16);
    }
  }
});

/** What the kernel reads of a super-frame before it believes the vnet header. */
const KINDS = [
  { name: 'TCP over IPv6', gso: GSO.TCPV6, type: 0x86dd, headers: 74, transport: 54, field: 16 },
  {
    name: 'TCP with ECN',
    gso: GSO.TCPV4 | GSO.ECN,
    type: 0x0800,
    headers: 54,
    transport: 34,
    field: 16,
  },
  { name: 'UDP over IPv4', gso: GSO.UDP_L4, type: 0x0800, headers: 42, transport: 34, field: 6 },
  { name: 'UDP over IPv6', gso: GSO.UDP_L4, type: 0x86dd, headers: 62, transport: 54, field: 6 },
];

function superOf(kind: (typeof KINDS)[number]): Uint8Array {
  const frame = randomFrame(kind.headers + TCP_PAYLOAD, OURS, kind.type);
  const dv = new DataView(frame.buffer);
  const protocol = kind.gso === GSO.UDP_L4 ? 17 : 6;
  if (kind.type === 0x0800) {
    frame.set([0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, protocol], 14);
    dv.setUint16(16, frame.length - 14);
  } else {
    frame.set([0x60, 0, 0, 0, 0, 0, protocol, 64], 14);
    dv.setUint16(18, frame.length - 54);
  }
  if (protocol === 6) frame[kind.transport + 12] = 0x50;
  else dv.setUint16(kind.transport + 4, frame.length - kind.transport);
  return frame;
}

t.test('TAP with a vnet header: TSO6, TSO_ECN and USO pass in one piece, both ways', async (t) => {
  const { tap, kernel } = pair(t, true);
  for (const kind of KINDS) {
    if (kind.gso === GSO.UDP_L4 && !tap.facts.uso) continue; // before Linux 6.2
    for (const [from, to] of [
      [kernel, tap],
      [tap, kernel],
    ] as const) {
      const frame = superOf(kind);
      queue(from, frame, [kind.headers]);
      from.tx.setChecksum(kind.transport, kind.field);
      from.tx.setGso(kind.gso, 1400, kind.headers);
      from.tx.commit();
      t.equal(from.txFlush(), 0);
      const [got] = receive(to, 1);
      t.ok(isEqual([got!], [frame]), kind.name);
      t.equal(got!.gso, (kind.gso << 16) | 1400);
      t.equal(got!.csum, (kind.transport << 16) | kind.field);
    }
  }
});

t.test('TAP plain: the kernel cuts our kind of super-frame into valid segments', async (t) => {
  const { tap, kernel } = pair(t, false);
  t.notOk(tap.caps.tso4);
  const frame = tcpFrame(TCP_PAYLOAD);
  sendSuper(kernel, frame);
  const got = receive(tap, Math.ceil(TCP_PAYLOAD / MSS));
  t.ok(
    got.every((r) => isTransportValid(r.bytes)),
    'each with a checksum of its own',
  );
  t.same(Buffer.concat(got.map((r) => r.bytes.subarray(54))), Buffer.from(frame.subarray(54)));
});

t.test('TAP: what is not offered is not used', async (t) => {
  const { tap, kernel } = pair(t, true, { tso: false, uso: false });
  t.same([tap.facts.checksum, tap.facts.tso4, tap.facts.uso], [true, false, false]);
  sendSuper(kernel, tcpFrame(TCP_PAYLOAD));
  const got = receive(tap, Math.ceil(TCP_PAYLOAD / MSS));
  t.ok(got.every((r) => r.gso === 0 && r.bytes.length <= 1514));
});

t.test('TAP: a small budget takes part of what waits, and the rest keeps its order', async (t) => {
  const { tap, kernel } = pair(t, true);
  const sent = Array.from({ length: 10 }, () => randomFrame(200));
  for (const frame of sent) send(kernel, frame);
  const batches = [batch(tap, 3), batch(tap, 3), batch(tap, 3), batch(tap, 3), batch(tap, 3)];
  t.same(
    batches.map((b) => b.length),
    [3, 3, 3, 1, 0],
  );
  t.ok(isEqual(batches.flat(), sent));
  t.equal(counter(tap, 'rxBatches'), 4);
  t.equal(tap.rxBatch(0), 0, 'no budget, no frames');
  t.equal(tap.rxBatch(-5), 0);
});

t.test('TAP: every queue of a multi-queue device has its share, and none is lost', async (t) => {
  const memory = smallMemory();
  const options = { name: 'tap0', multiQueue: true };
  const queues = [0, 1].map(() => new TapDevice(memory, { ...options, mac: OURS }));
  const kernel = new PacketDevice(memory, { interface: 'tap0', promiscuous: true });
  t.teardown(() => {
    for (const device of [...queues, kernel]) device.close();
  });
  const flows = 64;
  for (let flow = 0; flow < flows; flow++) {
    const frame = tcpFrame(100);
    frame[35] = flow; // the source port spreads the flows over the queues
    send(kernel, frame);
  }
  const got = queues.map((q) => receive(q, flows, 256).length);
  t.equal(got[0]! + got[1]!, flows);
  t.ok(got[0]! > 0 && got[1]! > 0, `${got}`);
  for (const q of queues) send(q, randomFrame(100, OTHER));
  t.equal(receive(kernel, 2).length, 2, 'both may send');
});
