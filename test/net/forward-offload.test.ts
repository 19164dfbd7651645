/** What a router does with checksums that their sender left to a device, and with super-frames. */
import tap, { type Test } from 'tap';
import type { DeviceCaps } from '../../src/link/device.ts';
import { GSO, RX_FLAG } from '../../src/link/ring-layout.ts';
import { BEYOND4, FAR_MAC, FAR4, FAR6, Router } from './forward-rig.ts';
import {
  addressBytes,
  type Bytes,
  data,
  ip4,
  ip6,
  join,
  PEER4,
  PEER6,
  sameBytes,
  sum16,
  u16,
  u32,
} from './packets.ts';

const TCP = 6;
const UDP = 17;
const NEAR: { readonly caps: Partial<DeviceCaps> } = {
  caps: { rxChecksum: true, gro: true, maxFrame: 65550 },
};
const CAPS: Readonly<Record<string, Partial<DeviceCaps>>> = {
  'that does nothing': {},
  'that completes checksums': { txChecksum: true },
  'that segments': {
    ...{ txChecksum: true, tso4: true, tso6: true, tsoEcn: true, uso: true },
    maxFrame: 65550,
  },
};

interface Way {
  readonly v6: boolean;
  readonly src: string;
  readonly dst: string;
  readonly header: number;
}
const FOUR: Way = { v6: false, src: PEER4, dst: FAR4, header: 20 };
const SIX: Way = { v6: true, src: PEER6, dst: FAR6, header: 40 };
const FLAGS = 0x99; // CWR, ACK, PSH, FIN

const pseudo = (w: Way, protocol: number, len: number): Bytes =>
  join(addressBytes(w.src), addressBytes(w.dst), u32(len), u32(protocol));

/** With a timestamps option, and the pseudo-header's sum in place of the checksum. */
function tcp(w: Way, body: Bytes, df = true): Bytes {
  const header = join(
    u16(40000),
    u16(80),
    u32(0x7fffff00),
    u32(9),
    [0x80, FLAGS],
    u16(500),
    [0, 0, 0, 0],
  );
  const text = join(header, [1, 1, 8, 10], u32(1), u32(2), body);
  text.set(u16(sum16(pseudo(w, TCP, text.length))), 16);
  const ip = { src: w.src, dst: w.dst };
  if (w.v6) return ip6({ ...ip, next: TCP, hop: 9 }, text);
  return ip4({ ...ip, protocol: TCP, ttl: 9, df, id: 0xfffe }, text);
}

function udp(w: Way, body: Bytes): Bytes {
  const text = join(u16(4000), u16(5000), u16(8 + body.length), [0, 0], body);
  text.set(u16(sum16(pseudo(w, UDP, text.length))), 6);
  const ip = { src: w.src, dst: w.dst };
  if (w.v6) return ip6({ ...ip, next: UDP, hop: 9 }, text);
  return ip4({ ...ip, protocol: UDP, ttl: 9, id: 5 }, text);
}

/** How such a frame arrives: the checksum at `offset` of the transport header is not there yet. */
function partial(w: Way, offset: number, gso = 0) {
  return { flags: RX_FLAG.CSUM_PARTIAL, csum: ((14 + w.header) << 16) | offset, gso };
}

/** Packets that left on the far side, each with its checksums verified; and how they were marked. */
function sentOn(t: Test, r: Router, w: Way, protocol: number): { packets: Bytes[]; gso: number[] } {
  const packets = r.far.wire.frames.splice(0).map((f) => f.subarray(14));
  const gso = r.far.wire.gso.splice(0);
  for (const p of packets) {
    const transport = p.subarray(w.header);
    t.equal(sum16(pseudo(w, protocol, transport.length), transport), 0xffff, 'its checksum');
    t.equal(p[w.v6 ? 7 : 8], 8, 'one hop less');
    if (!w.v6) t.equal(sum16(p.subarray(0, 20)), 0xffff, 'and its header’s');
    t.equal(p.length, w.v6 ? 40 + p[4]! * 256 + p[5]! : p[2]! * 256 + p[3]!, 'and its length');
  }
  return { packets, gso };
}

function routed(
  title: string,
  caps: Partial<DeviceCaps>,
  run: (t: Test, r: Router) => void,
  mtu = 1500,
) {
  tap.test(title, async (t) => {
    const r = new Router(NEAR, { caps, mtu });
    r.far.wire.gso.length = 0;
    run(t, r);
    r.h.close(t);
  });
}

for (const [which, caps] of Object.entries(CAPS)) {
  routed(
    `an unfinished checksum is completed on the way out, by a device ${which}`,
    caps,
    (t, r) => {
      for (const w of [FOUR, SIX]) {
        for (const size of [0, 1, 733, 1400]) {
          const body = data(size);
          t.equal(r.h.give(tcp(w, body), partial(w, 16)), 'accepted');
          t.equal(r.h.give(udp(w, body), partial(w, 6)), 'accepted');
          t.equal(
            r.h.give(udp(w, body), { flags: RX_FLAG.CSUM_PARTIAL }),
            'accepted',
            'nobody says where',
          );
          const out = r.far.wire.frames.splice(0).map((f) => f.subarray(14));
          r.far.wire.frames.push(join(new Uint8Array(14), out[0]!));
          sentOn(t, r, w, TCP);
          for (const p of out.slice(1)) {
            const transport = p.subarray(w.header);
            t.equal(sum16(pseudo(w, UDP, transport.length), transport), 0xffff);
            t.ok(sameBytes(transport.subarray(8), body));
          }
        }
      }
    },
  );

  const segments = which !== 'that segments';
  routed(
    `a super-frame goes ${segments ? 'in segments' : 'on as one'}, to a device ${which}`,
    caps,
    (t, r) => {
      for (const w of [FOUR, SIX]) {
        const body = data(4001);
        const mark = ((w.v6 ? GSO.TCPV6 : GSO.TCPV4) << 16) | (GSO.ECN << 16) | 1000;
        for (const how of [partial(w, 16, mark), { flags: RX_FLAG.CSUM_VALID, gso: mark }]) {
          t.equal(r.h.give(tcp(w, body), how), 'accepted');
          const { packets, gso } = sentOn(t, r, w, TCP);
          const text = packets.map((p) => p.subarray(w.header + 32));
          t.ok(sameBytes(join(...text), body), 'the same text');
          t.strictSame(
            text.map((x) => x.length),
            segments ? [1000, 1000, 1000, 1000, 1] : [4001],
          );
          t.strictSame(gso, segments ? [0, 0, 0, 0, 0] : [mark]);
          const seq = packets.map((p) =>
            new DataView(p.buffer, p.byteOffset).getUint32(w.header + 4),
          );
          t.strictSame(
            seq,
            text.map((_, i) => 0x7fffff00 + i * 1000),
          );
          const flags = packets.map((p) => p[w.header + 13]);
          // CWR is for the first (RFC 3168 §6.1.2), PSH and FIN for the last.
          t.strictSame(flags, segments ? [0x90, 0x10, 0x10, 0x10, 0x19] : [FLAGS]);
          if (w.v6 || !segments) continue;
          const ids = packets.map((p) => p[4]! * 256 + p[5]!);
          t.strictSame(ids, [0xfffe, 0xffff, 0, 1, 2]);
        }
      }
      const { mib } = r.h.net;
      t.equal(mib.ip4.get('OutForwDatagrams'), 2, 'a super-frame is one datagram to a router');
    },
  );

  routed(
    `a UDP super-frame goes ${segments ? 'in datagrams' : 'on as one'}, to a device ${which}`,
    caps,
    (t, r) => {
      for (const w of [FOUR, SIX]) {
        const mark = (GSO.UDP_L4 << 16) | 700;
        t.equal(r.h.give(udp(w, data(1500)), partial(w, 6, mark)), 'accepted');
        const { packets, gso } = sentOn(t, r, w, UDP);
        const bodies = packets.map((p) => p.subarray(w.header + 8));
        t.ok(sameBytes(join(...bodies), data(1500)));
        t.strictSame(
          bodies.map((b) => b.length),
          segments ? [700, 700, 100] : [1500],
        );
        t.strictSame(gso, segments ? [0, 0, 0] : [mark]);
        const lengths = packets.map((p) => p[w.header + 4]! * 256 + p[w.header + 5]!);
        t.strictSame(
          lengths,
          bodies.map((b) => 8 + b.length),
        );
      }
    },
  );
}

routed('what waits for a neighbour waits in segments', CAPS['that segments']!, (t, r) => {
  const w = { ...FOUR, dst: '10.1.0.77' };
  const mark = (GSO.TCPV4 << 16) | 1000;
  t.equal(r.h.give(tcp(w, data(2500)), partial(w, 16, mark)), 'accepted');
  t.match(r.lines().join(), /^far arp$/);
  r.h.knows('10.1.0.77', FAR_MAC, r.far);
  r.h.settle();
  r.far.wire.gso.length = 0;
  const { packets } = sentOn(t, r, w, TCP);
  t.strictSame(
    packets.map((p) => p.length - 52),
    [1000, 1000, 500],
  );
});

routed(
  'segments that do not fit the next link: reported, or made smaller where they may be cut',
  {},
  (t, r) => {
    const mark = (type: number) => (type << 16) | 1448;
    const four = { ...FOUR, dst: BEYOND4 };
    t.strictSame(r.give(tcp(four, data(4000)), partial(four, 16, mark(GSO.TCPV4))), [
      'FORWARD_TOO_BIG',
      `near 10.0.0.1 > ${PEER4} icmp 3/4 rest 1300 quote 548 ttl 64`,
    ]);
    t.strictSame(r.give(tcp(SIX, data(4000)), partial(SIX, 16, mark(GSO.TCPV6))), [
      'FORWARD_TOO_BIG',
      'near 2001:db8::1 > 2001:db8::2 icmp6 2/0 rest 1300 quote 1232 ttl 64',
    ]);
    t.equal(r.h.give(tcp(FOUR, data(2600), false), partial(FOUR, 16, mark(GSO.TCPV4))), 'accepted');
    const { packets } = sentOn(t, r, FOUR, TCP);
    t.strictSame(
      packets.map((p) => p.length),
      [1300, 1300, 156],
    );
    const small = (GSO.TCPV4 << 16) | 1248;
    t.equal(
      r.h.give(tcp(FOUR, data(2600)), partial(FOUR, 16, small)),
      'accepted',
      'and those that fit',
    );
    t.equal(sentOn(t, r, FOUR, TCP).packets.length, 3);
  },
  1300,
);

routed(
  'an unfinished checksum is completed before the datagram is cut',
  {},
  (t, r) => {
    t.equal(r.h.give(udp(FOUR, data(1400)), partial(FOUR, 6)), 'accepted');
    const pieces = r.far.wire.frames.splice(0).map((f) => f.subarray(34));
    t.equal(pieces.length, 2);
    const whole = join(...pieces);
    t.equal(sum16(pseudo(FOUR, UDP, whole.length), whole), 0xffff);
  },
  1300,
);

routed('super-frames whose headers are not where they should be are dropped', {}, (t, r) => {
  const mark = (GSO.TCPV4 << 16) | 1000;
  const odd = tcp(FOUR, data(4000));
  odd[32] = 0x10; // a TCP header of 4 bytes
  t.equal(r.h.give(odd, partial(FOUR, 16, mark)), 'FORWARD_HEADERS');
  const icmp = ip4({ dst: FAR4, protocol: 1, ttl: 9 }, data(3000));
  t.equal(r.h.give(icmp, { flags: RX_FLAG.CSUM_VALID, gso: mark }), 'FORWARD_HEADERS');
  t.equal(
    r.h.give(ip4({ dst: FAR4, protocol: 1, ttl: 9 }, data(30)), { flags: RX_FLAG.CSUM_PARTIAL }),
    'FORWARD_HEADERS',
  );
  const outside = { flags: RX_FLAG.CSUM_PARTIAL, csum: (150 << 16) | 16 };
  t.equal(r.h.give(udp(FOUR, data(20)), outside), 'FORWARD_HEADERS');
  t.strictSame(r.lines(), []);
});

routed(
  'what is longer than its link was merged on the way, and goes on in segments',
  {},
  (t, r) => {
    for (const w of [FOUR, SIX]) {
      t.equal(r.h.give(tcp(w, data(4000)), { flags: RX_FLAG.CSUM_PARTIAL }), 'accepted');
      const { packets } = sentOn(t, r, w, TCP);
      const rest = 4000 - 2 * (1500 - w.header - 32);
      t.strictSame(
        packets.map((p) => p.length),
        [1500, 1500, w.header + 32 + rest],
      );
      t.ok(sameBytes(join(...packets.map((p) => p.subarray(w.header + 32))), data(4000)));
    }
  },
);

tap.test(
  'only what a device vouches for was merged: all else is one packet, as it came',
  async (t) => {
    const near = { ...NEAR, mtu: 1400 };
    const seen = (r: Router): Bytes[] => r.far.wire.frames.splice(0).map((f) => f.subarray(14));
    for (const w of [FOUR, SIX]) {
      const r = new Router(near, {});
      const spoilt = tcp(w, data(1500 - w.header - 32));
      spoilt[1000]! ^= 0xff; // its checksum was wrong, and stays so
      t.equal(r.h.give(spoilt), 'accepted');
      const [out, ...more] = seen(r);
      t.equal(more.length, 0);
      t.ok(sameBytes(out!.subarray(w.header), spoilt.subarray(w.header)), 'not cut, not blessed');
      const small = new Router(near, { mtu: 1400 });
      t.equal(small.h.give(spoilt), 'FORWARD_TOO_BIG');
      t.equal(small.h.give(tcp(w, data(1600)), { flags: RX_FLAG.CSUM_VALID }), 'accepted');
      t.strictSame(
        seen(small).map((p) => p.length),
        [1400, 2 * (w.header + 32) + 1600 - 1400],
      );
      small.h.close(t);
      r.h.close(t);
    }
    const r = new Router(near, { mtu: 1400 });
    const cut = join(u16(40000), u16(80), u32(7), u32(9), [0x50, 0x10], data(1466));
    for (const h of [{ mf: true }, { offset: 1480 }]) {
      const piece = ip4(
        { src: PEER4, dst: FAR4, protocol: TCP, ttl: 9, df: false, id: 7, ...h },
        cut,
      );
      t.equal(r.h.give(piece, { flags: RX_FLAG.CSUM_VALID }), 'accepted');
      const pieces = seen(r);
      t.ok(sameBytes(join(...pieces.map((p) => p.subarray(20))), cut), 'fragments of a fragment');
      t.strictSame(
        pieces.map((p) => (p[6]! & 0x1f) * 256 + p[7]!),
        h.offset === undefined ? [0, 172] : [185, 357],
      );
    }
    r.h.close(t);
    const v = new Router({ ...NEAR, mtu: 1500 }, { mtu: 1400 });
    const vlan = v.h.stack.addVlan(v.h.port.iface, 9, 'eth0.9', { mtu: 1300 });
    if (typeof vlan === 'number') throw new Error(`addVlan: ${vlan}`);
    const tagged = join([0, 9, 8, 0], tcp(FOUR, data(1448)));
    t.equal(
      v.h.give(tagged, { type: 0x8100, flags: RX_FLAG.CSUM_VALID }),
      'FORWARD_TOO_BIG',
      'its device carries 1500',
    );
    v.h.close(t);
  },
);
