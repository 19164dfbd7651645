/** Who gets into a link, and when: cuts by schedule and by hand, for all and for some; the MTU. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { GSO } from '../../src/link/ring-layout.ts';
import { TxRing } from '../../src/link/tx-ring.ts';
import type { FlowSpec } from '../../src/path/flow-filter.ts';
import type { LinkSpec } from '../../src/path/link-spec.ts';
import { makeFilter, type PartitionSpec } from '../../src/path/partition-spec.ts';
import { writeV6 } from '../../src/wire/address.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { writeArp } from '../../src/wire/arp.ts';
import { writeIpv4 } from '../../src/wire/ipv4.ts';
import { Bench } from './link-bench.ts';
import { burst, type Row, testRows } from './link-rows.ts';

const each = (n: number): (readonly [number, number])[] =>
  Array.from({ length: n }, (_, i) => [i, 100] as const);
const at = (...times: number[]): (readonly [number, number])[] => times.map((n) => [n, n] as const);
const cut = (partition: PartitionSpec): LinkSpec => ({ partitions: [partition] });

const ROWS: readonly Row[] = [
  {
    says: 'a cut lasts from its first nanosecond to the one before its end',
    spec: cut({ cuts: [{ fromNs: 2 * MS, toNs: 4 * MS }] }),
    sends: each(6),
    arrive: at(0, 1, 4, 5),
  },
  {
    says: 'cuts may follow each other at once, begin at 0 and never end',
    spec: cut({
      cuts: [
        { fromNs: 0, toNs: MS },
        { fromNs: MS, toNs: 2 * MS },
        { fromNs: 4 * MS, toNs: Infinity },
      ],
    }),
    sends: each(8),
    arrive: at(2, 3),
  },
  {
    says: 'cuts repeat',
    spec: cut({ cuts: [{ fromNs: 3 * MS, toNs: 4 * MS }], repeatNs: 4 * MS }),
    sends: each(10),
    arrive: at(0, 1, 2, 4, 5, 6, 8, 9),
  },
  {
    says: 'a link flaps',
    spec: cut({ flapping: { upNs: 3 * MS, downNs: 2 * MS } }),
    sends: each(11),
    arrive: at(0, 1, 2, 5, 6, 7, 10),
  },
  {
    says: 'several rules: what any of them cuts is cut',
    spec: {
      partitions: [
        { cuts: [{ fromNs: 1 * MS, toNs: 2 * MS }] },
        { cuts: [{ fromNs: 5 * MS, toNs: 6 * MS }] },
      ],
    },
    sends: each(7),
    arrive: at(0, 2, 3, 4, 6),
  },
  {
    says: 'what is inside when the link is cut goes on',
    spec: { rateBps: 8e6, delayNs: 5 * MS, ...cut({ cuts: [{ fromNs: MS, toNs: 90 * MS }] }) },
    sends: [...burst(0, 3), ...burst(2, 1)],
    arrive: [
      [0, 6],
      [1, 7],
      [2, 8],
    ],
  },
  {
    says: 'what is longer than the MTU does not pass: 14 bytes of Ethernet do not count',
    spec: { mtu: 1000 },
    sends: [
      [0, 1014],
      [1, 1015],
      [2, 60],
    ],
    arrive: at(0, 2),
  },
];

testRows(ROWS);

t.test('random flaps take their share of time, and are the same again', async (t) => {
  const run = (seed: number): Bench => {
    const b = new Bench({ ...cut({ random: { upNs: 30 * MS, downNs: 10 * MS } }), seed });
    for (let i = 0; i < 20_000; i++) b.send(i * MS, 100);
    b.runTo(100 * SEC);
    t.ok(b.conserves() && b.isHome());
    return b;
  };
  const b = run(5);
  // 500 cycles, a quarter of the time: three sigma are 1/10 of it or so.
  t.ok(Math.abs(b.link.stats.get('cut') - 5000) < 700, `${b.link.stats.get('cut')}`);
  t.same(run(5).arrivals.seen, b.arrivals.seen);
  t.not(run(6).link.stats.get('cut'), b.link.stats.get('cut'));
  t.equal(b.dropped[0], 'link: partitioned');
});

t.test('a cut that is none, and flows without addresses, are refused', async (t) => {
  for (const partition of [
    { cuts: [{ fromNs: 5, toNs: 5 }] },
    { cuts: [{ fromNs: 5, toNs: 9 }], repeatNs: 8 },
    { flapping: { upNs: 5, downNs: 0 } },
    { random: { upNs: 0, downNs: 5 } },
    { cuts: [], flows: [{ from: '10.0.0.256' }] },
    { cuts: [], flows: [] },
  ]) {
    t.throws(() => new Bench(cut(partition)), JSON.stringify(partition));
  }
});

const TCP = 6;
const UDP = 17;

/** A frame of 200 bytes between two addresses, with ports where the protocol has some. */
function packet(
  from: string,
  to: string,
  protocol = UDP,
  fromPort = 1000,
  toPort = 53,
): Uint8Array {
  const bytes = new Uint8Array(200);
  const dv = new DataView(bytes.buffer);
  const a = parseAddress(from)!;
  const b = parseAddress(to)!;
  let ports = 34;
  if (from.includes(':')) {
    dv.setUint16(12, 0x86dd);
    dv.setUint32(14, 0x60000000);
    dv.setUint8(20, protocol);
    writeV6(a, dv, 22);
    writeV6(b, dv, 38);
    ports = 54;
  } else {
    dv.setUint16(12, 0x0800);
    writeIpv4(dv, 14, 0, 186, 1, 0, 64, protocol, a.w3, b.w3);
  }
  dv.setUint16(ports, fromPort);
  dv.setUint16(ports + 2, toPort);
  return bytes;
}

function tagged(bytes: Uint8Array): Uint8Array {
  const frame = new Uint8Array(bytes.length + 4);
  frame.set(bytes.subarray(0, 12));
  frame.set([0x81, 0, 0, 7], 12);
  frame.set(bytes.subarray(12), 16);
  return frame;
}

function later(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint16(20, 100); // fragment offset
  return bytes;
}

function arp(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(60);
  const dv = new DataView(bytes.buffer);
  dv.setUint16(12, 0x0806);
  writeArp(dv, 14, 1, 0, 1, from, 0, 0, to);
  return bytes;
}

t.test(
  'a partial cut is for the flows that it names, and all that is said of one counts',
  async (t) => {
    const ab = packet('10.0.0.1', '10.0.0.2');
    const tcp = packet('10.0.0.1', '10.0.0.2', TCP, 5000, 80);
    const v6 = packet('fd00::1', 'fd00::2', TCP, 5000, 80);
    const rows: readonly (readonly [string, readonly FlowSpec[], Uint8Array, boolean])[] = [
      ['from', [{ from: '10.0.0.1' }], ab, true],
      ['from another', [{ from: '10.0.0.3' }], ab, false],
      ['from, but it is the other side', [{ from: '10.0.0.2' }], ab, false],
      ['to', [{ to: '10.0.0.2' }], ab, true],
      ['both', [{ from: '10.0.0.1', to: '10.0.0.2' }], ab, true],
      ['both, and one is another', [{ from: '10.0.0.1', to: '10.0.0.3' }], ab, false],
      ['any of several', [{ from: '10.9.9.9' }, { to: '10.0.0.2' }], ab, true],
      ['a prefix', [{ from: '10.0.0.0/30' }], ab, true],
      ['beside the prefix', [{ from: '10.0.0.4/30' }], ab, false],
      ['all of IPv4', [{ from: '0.0.0.0/0' }], ab, true],
      ['IPv6 is none of IPv4', [{ from: '0.0.0.0/0' }], v6, false],
      ['everything with an address', [{}], v6, true],
      ['IPv6', [{ from: 'fd00::1', to: 'fd00::/64' }], v6, true],
      ['another IPv6', [{ from: 'fd00::3' }], v6, false],
      ['a port', [{ toPort: 80 }], tcp, true],
      ['a port of IPv6', [{ fromPort: 5000, toPort: 80 }], v6, true],
      ['another port', [{ toPort: 81 }], tcp, false],
      ['the ports the other way', [{ fromPort: 80 }], tcp, false],
      ['a port of UDP', [{ fromPort: 1000 }], ab, true],
      ['no ports in ICMP', [{ fromPort: 1000 }], packet('10.0.0.1', '10.0.0.2', 1), false],
      ['nor in a later fragment', [{ fromPort: 1000 }], later(ab.slice()), false],
      ['whose addresses count', [{ from: '10.0.0.1' }], later(ab.slice()), true],
      ['behind a tag', [{ from: '10.0.0.1', toPort: 53 }], tagged(ab), true],
      ['ARP, by its sender', [{ from: '10.0.0.1' }], arp(0x0a000001, 0x0a000002), true],
      ['and its target', [{ to: '10.0.0.2' }], arp(0x0a000001, 0x0a000002), true],
      ['another ARP', [{ from: '10.0.0.2' }], arp(0x0a000001, 0x0a000002), false],
      ['what has no address is nobody’s', [{}], new Uint8Array(60), false],
      ['nor what is cut short', [{}], ab.slice(0, 30), false],
    ];
    for (const [says, flows, bytes, isCut] of rows) {
      const b = new Bench({ partitions: [{ cuts: [{ fromNs: 0, toNs: SEC }], flows }] });
      b.link.take(b.rig.frames.fromBytes(bytes));
      t.equal(b.link.stats.get('cut'), isCut ? 1 : 0, says);
      b.link.close();
      b.link.cut(makeFilter(flows));
      b.clock.nowNs = 2 * SEC;
      b.link.take(b.rig.frames.fromBytes(bytes));
      t.equal(b.link.stats.get('cut'), isCut ? 2 : 0, `${says}, by hand`);
      b.link.heal();
      b.link.take(b.rig.frames.fromBytes(bytes));
      t.equal(b.link.stats.get('cut'), isCut ? 2 : 0, 'healed');
      b.link.close();
      t.ok(b.conserves() && b.isHome());
    }
  },
);

t.test('the MTU judges what a super-frame is cut into, and no tag', async (t) => {
  const b = new Bench({ mtu: 1000 });
  const { frames } = b.rig;
  const tx = new TxRing(frames.slab, frames.chunks, 4, 1 << 16);
  const send = (headerLen: number, segment: number): void => {
    const payload = tx.reserve(9000);
    tx.add(tx.begin(), headerLen);
    tx.add(payload, 9000);
    tx.setGso(GSO.TCPV4, segment, headerLen);
    tx.commit();
    b.link.take(frames.fromTx(tx, 0));
    tx.complete(1);
  };
  send(14 + 40, 960);
  t.equal(b.link.stats.get('tooLong'), 0);
  send(14 + 40, 961);
  t.equal(b.link.stats.get('tooLong'), 1);
  b.link.take(frames.fromBytes(tagged(new Uint8Array(1014))));
  t.equal(b.link.stats.get('tooLong'), 1);
  b.link.take(frames.fromBytes(tagged(new Uint8Array(1015))));
  t.equal(b.link.stats.get('tooLong'), 2);
  b.link.close();
  t.ok(b.conserves() && b.isHome());
});
