/** Codepoints of RFC 3168 in the frames that pass a queue, and which flow a frame belongs to. */
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import type { FrameStore } from '../../src/link/frame-store.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { ecnOf, markCe } from '../../src/path/ecn-mark.ts';
import { FlowHash } from '../../src/path/flow-hash.ts';
import { IpAddress } from '../../src/wire/address.ts';
import { foldChecksum, sumBytes } from '../../src/wire/checksum.ts';
import { writeIpv4 } from '../../src/wire/ipv4.ts';
import { writeFragmentHeader, writeIpv6 } from '../../src/wire/ipv6.ts';
import { makeRig } from '../link/memory-rig.ts';
import { datagram } from './queue-bench.ts';

const UDP = 17;
const TCP = 6;
const CE = 3;

interface Ip6 {
  readonly ecn?: number;
  readonly from?: number;
  readonly ports?: number;
  readonly label?: number;
  readonly protocol?: number;
  /** Of headers between: hop-by-hop 0, destination options 60, fragment 44. */
  readonly chain?: readonly number[];
}

function packet6({ ecn = 0, from = 1, ports = 1, label = 0x54321, ...rest }: Ip6): Uint8Array {
  const { chain = [], protocol = UDP } = rest;
  const bytes = new Uint8Array(14 + 40 + 8 * chain.length + 24);
  const dv = new DataView(bytes.buffer);
  const src = new IpAddress().set(0x20010db8, 0, 0, from);
  const dst = new IpAddress().set(0x20010db8, 0, 0, 2);
  const types = [...chain, protocol];
  dv.setUint16(12, 0x86dd);
  writeIpv6(dv, 14, 0xb8 | ecn, label, bytes.length - 54, types[0]!, 64, src, dst);
  for (let i = 0; i < chain.length; i++) {
    const at = 54 + 8 * i;
    if (chain[i] === 44) writeFragmentHeader(dv, at, types[i + 1]!, 0, 1, 99);
    else dv.setUint8(at, types[i + 1]!);
  }
  dv.setInt32(54 + 8 * chain.length, ports);
  return bytes;
}

function tagged(frame: Uint8Array, type = 0x8100): Uint8Array {
  const bytes = new Uint8Array(frame.length + 4);
  bytes.set(frame.subarray(0, 12));
  bytes.set([type >> 8, type & 255, 0x20, 7], 12);
  bytes.set(frame.subarray(12), 16);
  return bytes;
}

function bytesOf(frames: FrameStore, frame: number): Uint8Array {
  const off = frames.offsetOf(frame);
  return frames.slab.u8.slice(off, off + frames.lengthOf(frame));
}

const FORMS: Readonly<Record<string, (ecn: number) => Uint8Array>> = {
  IPv4: (ecn) => datagram(5, 100, 1, ecn | 0xb8),
  'IPv4, 802.1Q': (ecn) => tagged(datagram(5, 100, 1, ecn)),
  'IPv4, 802.1ad': (ecn) => tagged(datagram(5, 100, 1, ecn), 0x88a8),
  IPv6: (ecn) => packet6({ ecn }),
  'IPv6, 802.1Q': (ecn) => tagged(packet6({ ecn })),
};

for (const [name, make] of Object.entries(FORMS)) {
  t.test(`RFC 3168 §5: ${name}: ECT becomes CE, and nothing else changes`, async (t) => {
    const { frames } = makeRig();
    for (const ecn of [0, 1, 2, 3]) {
      const bytes = make(ecn);
      const frame = frames.fromBytes(bytes);
      const twin = frames.clone(frame);
      t.equal(ecnOf(frames, frame), ecn);
      t.equal(markCe(frames, frame), ecn !== 0);
      t.same(bytesOf(frames, frame), ecn === 0 ? bytes : make(CE), 'checksum included');
      t.same(bytesOf(frames, twin), bytes, 'who shares the bytes has them as they were');
      frames.release(frame);
      frames.release(twin);
    }
    frames.releaseChunk();
    t.equal(frames.inUse + frames.chunks.held, 0);
  });
}

t.test('RFC 1624: the mended IPv4 checksum is right for every header', async (t) => {
  const { frames } = makeRig();
  for (let i = 0; i < 3000; i++) {
    const bytes = new Uint8Array(60);
    const dv = new DataView(bytes.buffer);
    dv.setUint16(12, 0x0800);
    writeIpv4(
      dv,
      14,
      (i & 0xfc) | (1 + (i & 1)),
      46,
      (i * 7919) & 0xffff,
      0,
      64,
      UDP,
      i * 65537,
      -i,
    );
    const frame = frames.fromBytes(bytes);
    markCe(frames, frame);
    const off = frames.offsetOf(frame);
    if (foldChecksum(sumBytes(frames.slab.dv, off + 14, 20, 0)) !== 0) t.fail(`${i}`);
    frames.release(frame);
  }
});

t.test('what cannot be marked is left alone', async (t) => {
  const { frames, memory } = makeRig(4);
  const arp = new Uint8Array(60);
  arp.set([0x08, 0x06], 12);
  const lie = datagram(1, 60, 1, 2);
  lie[14] = 0x65; // version 6 under the type of IPv4
  for (const bytes of [
    arp,
    lie,
    packet6({ ecn: 2 }).subarray(0, 50),
    tagged(arp),
    arp.subarray(0, 13),
  ]) {
    const frame = frames.fromBytes(bytes);
    t.equal(ecnOf(frames, frame), 0);
    t.notOk(markCe(frames, frame));
    t.same(bytesOf(frames, frame), bytes);
    frames.release(frame);
  }
  const frame = frames.fromBytes(datagram(1, 60_000, 1, 2));
  const held: number[] = [];
  for (let next = frames.fromBytes(new Uint8Array(200_000)); next >= 0; ) {
    held.push(next);
    next = frames.fromBytes(new Uint8Array(200_000));
  }
  t.notOk(markCe(frames, frame), 'no chunk is free');
  t.equal(ecnOf(frames, frame), 2);
  for (const f of [frame, ...held]) frames.release(f);
  frames.releaseChunk();
  t.equal(memory.chunks.held, 0);
});

t.test('what a device said of a frame is true of the marked one', async (t) => {
  const { frames } = makeRig();
  const flagsOf = (bytes: Uint8Array, flags: number): number => {
    const frame = frames.fromBytes(bytes);
    const { words, slab } = frames;
    const w = frame * RX_STRIDE;
    const sum = (): number =>
      sumBytes(slab.dv, words[w + RX.OFF]! + 14, words[w + RX.LEN]! - 14, 0);
    words[w + RX.FLAGS] = flags;
    words[w + RX.CSUM] = (34 << 16) | 6;
    words[w + RX.SUM] = sum();
    markCe(frames, frame);
    const after = words[w + RX.FLAGS]!;
    if ((after & RX_FLAG.CSUM_COMPLETE) !== 0) {
      t.equal(foldChecksum(words[w + RX.SUM]!), foldChecksum(sum()), 'the sum of the whole packet');
    }
    t.equal(words[w + RX.CSUM], (34 << 16) | 6);
    frames.release(frame);
    return after;
  };
  const { CSUM_COMPLETE, CSUM_PARTIAL, CSUM_VALID } = RX_FLAG;
  for (const flag of [CSUM_PARTIAL, CSUM_VALID]) {
    t.equal(flagsOf(datagram(1, 100, 1, 2), flag), flag);
    t.equal(flagsOf(packet6({ ecn: 2 }), flag), flag);
  }
  t.equal(flagsOf(datagram(1, 100, 1, 2), CSUM_COMPLETE), CSUM_COMPLETE, 'IPv4 makes up for it');
  t.equal(flagsOf(packet6({ ecn: 2 }), CSUM_COMPLETE), 0, 'IPv6 does not');
});

t.test(
  'RFC 8290 §4.1: addresses, protocol and ports tell flows apart, and nothing else does',
  async (t) => {
    const { frames } = makeRig();
    const hash = new FlowHash(new Rng(7).stream('queue'));
    const bucket = (bytes: Uint8Array, of = hash): number => {
      const frame = frames.fromBytes(bytes);
      const b = of.bucketOf(frames, frame, 1 << 20);
      frames.release(frame);
      return b;
    };
    const first = datagram(1, 100, 5);
    t.equal(
      bucket(datagram(2, 1400, 5, 3)),
      bucket(first),
      'length, identification, ECN: the same flow',
    );
    t.not(bucket(datagram(1, 100, 6)), bucket(first), 'another port');
    t.equal(bucket(packet6({ ecn: 1 })), bucket(packet6({ ecn: 2 })));
    t.equal(bucket(packet6({ chain: [0, 60] })), bucket(packet6({})), 'behind extension headers');
    const others = [{ from: 9 }, { ports: 9 }, { protocol: TCP }];
    for (const other of others)
      t.not(bucket(packet6(other)), bucket(packet6({})), `${Object.keys(other)}`);
    const fragment = datagram(1, 100, 5);
    fragment[20] = 0x20; // more follow: the next has no ports
    const last = datagram(1, 100, 77);
    last[21] = 5;
    t.equal(bucket(fragment), bucket(last), 'all fragments of a flow go one way');
    t.equal(bucket(packet6({ chain: [44], ports: 1 })), bucket(packet6({ chain: [44], ports: 2 })));
    const arp = new Uint8Array(60);
    arp.set([0x08, 0x06], 12);
    t.equal(bucket(arp), bucket(arp.slice()));
    const otherKey = new FlowHash(new Rng(8).stream('queue'));
    t.not(bucket(first, otherKey), bucket(first), 'another key, other collisions');
    const used = new Set<number>();
    for (let port = 0; port < 1000; port++) {
      const frame = frames.fromBytes(datagram(1, 60, port));
      used.add(hash.bucketOf(frames, frame, 1024));
      frames.release(frame);
    }
    const expected = 1024 * (1 - (1023 / 1024) ** 1000);
    t.ok(Math.abs(used.size - expected) < 40, `${used.size} buckets of ${expected.toFixed(0)}`);
  },
);
