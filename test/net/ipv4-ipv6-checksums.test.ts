/**
 * Transport checksums, whatever the device says of them: RFC 768, RFC 1071, RFC 8200 §8.1. A frame must have
 * the same fate whether we add up, or the device gave us the sum of all that follows the Ethernet header.
 */
import fc from 'fast-check';
import t from 'tap';
import { RX_FLAG } from '../../src/link/ring-layout.ts';
import { holds } from '../support/property.ts';
import {
  type Bytes,
  data,
  echo4,
  echo6,
  ethernet,
  fragment6,
  fragments4,
  fragments6,
  icmp6,
  ip4,
  ip6,
  join,
  optionsHeader,
  quoted,
  routing,
  sameBytes,
  sum16,
  udp,
} from './packets.ts';
import { type Arrival, dialogue, ip, NetHarness } from './rig.ts';

const P6 = '2001:db8::2';
const U6 = '2001:db8::1';
const UNKNOWN: Arrival = {};
const VALID: Arrival = { flags: RX_FLAG.CSUM_VALID };

/** As a device with CSUM_COMPLETE would hand it over: the sum of bytes 14 … LEN, padding included. */
function complete(packet: Bytes, pad: number = 0): Arrival {
  const sum = sum16(ethernet(packet, { pad }).slice(14));
  return { flags: RX_FLAG.CSUM_COMPLETE, sum, pad };
}

const udp6 = (body: Bytes, checksum?: number): Bytes =>
  udp({ to: 5000, ...(checksum === undefined ? {} : { checksum }) }, body, P6, U6);

/** Packets with a checksum of every kind, good as they are; for bad ones a bit of the last byte is turned. */
const PACKETS: [string, Bytes][] = [
  ['ICMP', echo4(data(57))],
  ['ICMP behind options', echo4(data(56), { options: [1, 1, 7, 3, 4] })],
  ['UDP', ip4({ protocol: 17 }, udp({}, data(31)))],
  [
    'UDP behind the longest header',
    ip4({ protocol: 17, options: new Array<number>(40).fill(1) }, udp({}, data(30))),
  ],
  ['ICMPv6', echo6(data(57))],
  ['UDP over IPv6', ip6({ next: 17 }, udp6(data(31)))],
  [
    'ICMPv6 behind hop-by-hop options',
    ip6({ next: 0 }, join(optionsHeader(58, [0x1e, 3, 9, 8, 7]), icmp6({ type: 128 }, data(9)))),
  ],
  [
    'UDP behind four headers',
    ip6(
      { next: 0, tc: 0xff, flow: 0xabcde },
      join(
        optionsHeader(60, []),
        optionsHeader(43, [0x1e, 1, 0xff]),
        routing(44, 3, 0),
        fragment6(17, 0, false, 0x12345678),
        udp6(data(77)),
      ),
    ),
  ],
];

const spoilt = (packet: Bytes): Bytes => {
  const bad = packet.slice();
  bad[bad.length - 1]! ^= 0x10;
  return bad;
};

function listening(h: NetHarness): void {
  const s = h.stack.udp.open('dual');
  s.rcvbufBytes = 1 << 24;
  h.stack.udp.bind(s, ip('::'), 5000);
}

dialogue('a wrong checksum is dropped and counted, whether we add up or the device did', (t, h) => {
  listening(h);
  for (const [what, packet] of PACKETS) {
    for (const pad of [0, 1, 2, 17, 46]) {
      t.equal(h.give(packet, { pad }), 'accepted', `${what}, ${pad} bytes of padding`);
      t.equal(h.give(packet, complete(packet, pad)), 'accepted', `${what}, summed`);
      const bad = spoilt(packet);
      t.match(h.give(bad, { pad }), /^(UDP|ICMP)_BAD_CHECKSUM$/, `${what}, spoilt`);
      t.match(
        h.give(bad, complete(bad, pad)),
        /^(UDP|ICMP)_BAD_CHECKSUM$/,
        `${what}, spoilt and summed`,
      );
    }
  }
  const { udp4, udp6: u6, icmp4, icmp6: i6 } = h.net.mib;
  t.same(
    [udp4, icmp4, u6, i6].map((m) => m.values[m.names.indexOf('InCsumErrors' as never)]),
    [20, 20, 20, 20],
  );
});

dialogue('a checksum that the device vouches for is not looked at', (t, h) => {
  listening(h);
  for (const [what, packet] of PACKETS) {
    t.equal(h.give(spoilt(packet), VALID), 'accepted', what);
  }
  for (const p of h.sent()) t.notMatch(p.line, /BAD/, 'and what we answer has a right one');
});

dialogue(
  'a checksum that was left undone on trusted memory is accepted and completed in the answer',
  (t, h) => {
    const request = echo4(data(33));
    request.set([0, 0], 22);
    const partial = { flags: RX_FLAG.CSUM_PARTIAL, csum: (34 << 16) | 2 };
    t.equal(h.give(request, partial), 'accepted');
    t.match(h.lines(), ['10.0.0.1 > 10.0.0.2 icmp reply id 7 seq 1 len 33']);
    const request6 = echo6(data(33));
    request6.set([0x12, 0x34], 42);
    t.equal(h.give(request6, { flags: RX_FLAG.CSUM_PARTIAL, csum: (54 << 16) | 2 }), 'accepted');
    t.match(h.lines(), [`${U6} > ${P6} icmp6 reply id 7 seq 1 len 33`]);
  },
  { caps: { rxChecksum: true } },
);

dialogue(
  'RFC 768: over IPv4 zero says that there is no checksum; RFC 8200 §8.1: over IPv6 there must be one',
  (t, h) => {
    listening(h);
    const none4 = ip4({ protocol: 17 }, udp({ checksum: 0 }, data(9)));
    const none6 = ip6({ next: 17 }, udp6(data(9), 0));
    for (const how of [UNKNOWN, VALID]) t.equal(h.give(none4, how), 'accepted');
    t.equal(h.give(none4, complete(none4)), 'accepted');
    for (const how of [UNKNOWN, VALID, complete(none6)]) {
      t.equal(h.give(none6, how), 'UDP_BAD_CHECKSUM');
    }
  },
);

dialogue(
  'pieces summed by the device, and pieces that we add up, make the same datagram',
  (t, h) => {
    listening(h);
    const cases: [string, Bytes[]][] = [
      ['UDP', fragments4(ip4({ protocol: 17 }, udp({}, data(3001))), 1000, { id: 9 })],
      ['UDP over IPv6', fragments6(ip6({ next: 17 }, udp6(data(3001))), 1000, 9)],
      ['ICMP', fragments4(echo4(data(2999)), 1400, { id: 8 })],
      ['ICMPv6', fragments6(echo6(data(2999)), 1400, 8)],
    ];
    for (const [what, pieces] of cases) {
      for (const pad of [0, 3]) {
        const fates = pieces.map((p, i) => h.give(p, i % 2 === 0 ? complete(p, pad) : { pad }));
        t.equal(fates.at(-1), 'accepted', what);
        const bad = pieces.map((p, i) => (i === 1 ? spoilt(p) : p));
        const spoiltFates = bad.map((p) => h.give(p, complete(p, pad)));
        t.match(spoiltFates.at(-1), /BAD_CHECKSUM/, `${what}, spoilt`);
      }
    }
  },
);

for (const caps of [{}, { txChecksum: true, rxChecksum: true }]) {
  const how = 'txChecksum' in caps ? 'by the device' : 'by us';
  dialogue(
    `what we send has right checksums, completed ${how}`,
    (t, h) => {
      const s = h.echo();
      const u = h.stack.udp.open('dual');
      for (const to of ['10.0.0.2', P6]) {
        for (const size of [0, 1, 2, 3, 1000, 1453, 9001]) {
          h.ping(s, to, data(size));
          t.equal(h.stack.udp.sendTo(u, data(size), ip(to), 99), size);
        }
      }
      h.settle();
      const sent = h.sent();
      // 9,001 bytes are 7 pieces; 1,453 fit over IPv4 and are 2 over IPv6.
      t.equal(sent.length, 2 * (6 + 7) + 2 * (5 + 2 + 7));
      for (const p of sent) t.notMatch(p.line, /BAD/);
    },
    { caps },
  );
}

t.test('the same fate for every packet, summed or not, padded or not', async (t) => {
  const h = new NetHarness();
  listening(h);
  holds(
    t,
    'spoilt anywhere behind the IP header',
    fc.property(
      fc.nat({ max: PACKETS.length - 1 }),
      fc.nat({ max: 1500 }),
      fc.nat({ max: 255 }),
      fc.nat({ max: 60 }),
      (which, at, mask, pad) => {
        const packet = PACKETS[which]![1].slice();
        const header = packet[0]! >>> 4 === 4 ? 20 : 40;
        packet[header + (at % (packet.length - header))]! ^= mask;
        const fate = h.give(packet, { pad });
        const answers = h.sent();
        h.net.reassembly6.clear(); // what became a piece would now be a repetition
        const summed = h.give(packet, complete(packet, pad));
        const others = h.sent();
        h.net.reassembly6.clear();
        h.advance(2); // error limits
        return (
          fate === summed &&
          answers.length === others.length &&
          answers.every((p, i) => sameBytes(quoted(p), quoted(others[i]!)))
        );
      },
    ),
    1000,
  );
  h.close(t);
});
