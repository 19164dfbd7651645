/** IPv6 as a host has to take and send it: RFC 8200 §3, §4, RFC 4291 §2.5, §2.7. Fragments have a file of their own. */
import { IP } from '../../src/net/mib.ts';
import {
  type Bytes,
  data,
  echo6,
  fragment6,
  type Ip6,
  icmp6,
  ip6,
  join,
  optionsHeader,
  quoted,
  routing,
  udp,
} from './packets.ts';
import { dialogue, ip, type NetHarness } from './rig.ts';

const P6 = '2001:db8::2';
const U6 = '2001:db8::1';
const REPLY = `${U6} > ${P6} icmp6 reply id 7 seq 1 len 8`;
const message = icmp6({ type: 128, rest: 0x70001 }, data(8));
const echo = (h: Ip6 = {}): Bytes => echo6(data(8), h);
/** An echo request behind extension headers; `first` names the first of them. */
const behind = (first: number, ...headers: Bytes[]): Bytes =>
  ip6({ next: first }, join(...headers, message));
const HOP = 0;
const DST = 60;
const ROUTING = 43;
const FRAGMENT = 44;
const NONE = 59;
const ICMP = 58;

function isSilent(h: NetHarness): boolean {
  return h.lines().length === 0;
}

dialogue(
  'RFC 8200 §3: another version, or less than the payload length says, is discarded',
  (t, h) => {
    for (const version of [0, 4, 5, 7, 15]) {
      t.equal(h.give(echo({ version }), { type: 0x86dd }), 'IP_BAD_VERSION', `${version}`);
    }
    const packet = echo();
    for (let len = 0; len < packet.length; len++) {
      t.equal(
        h.give(packet.slice(0, len), { type: 0x86dd }),
        len < 40 ? 'IP_BAD_HEADER' : 'IP_TRUNCATED',
        `${len} bytes`,
      );
    }
    t.equal(h.give(echo({ payloadLen: 17 })), 'IP_TRUNCATED');
    t.ok(isSilent(h));
    t.equal(h.give(packet, { pad: 40 }), 'accepted', 'more is padding');
    t.same(h.lines(), [REPLY]);
  },
);

dialogue('RFC 8200 §3: a host does not discard because the hop limit is 0', (t, h) => {
  for (const hop of [0, 1, 255]) t.equal(h.give(echo({ hop })), 'accepted', `${hop}`);
  t.same(h.lines(), [REPLY, REPLY, REPLY]);
});

dialogue(
  'RFC 8200 §7: the traffic class passes both ways; hop limit and flow label are ours to set',
  (t, h) => {
    const s = h.echo();
    s.tos = 0xb9;
    s.ttl = 5;
    h.ping(s, P6);
    t.match(h.sent(), [{ tos: 0xb9, ttl: 5 }]);
    h.give(
      ip6({ tc: 0x4a, hop: 9, flow: 0xfffff }, icmp6({ type: 129, rest: s.id * 65536 }, data(3))),
    );
    t.match(h.reply(s), { tos: 0x4a, ttl: 9 });
    s.ttl = 0;
    h.net.config.hopLimit6 = 99;
    h.ping(s, P6);
    t.match(h.sent(), [{ ttl: 99 }]);
    const names = ['InNoECTPkts', 'InECT1Pkts', 'InECT0Pkts', 'InCEPkts'] as const;
    for (const tc of [0, 1, 2, 3]) h.give(echo({ tc }));
    t.same(
      names.map((n) => h.net.mib.ip6.get(n)),
      [1, 1, 2, 1],
    );
  },
);

const ADDRESSES: [string, Ip6, string, string][] = [
  ['a multicast source', { src: 'ff02::5' }, '', 'IP_MARTIAN_SOURCE'],
  ['a loopback source', { src: '::1' }, '', 'IP_MARTIAN_SOURCE'],
  ['a mapped IPv4 source', { src: '::ffff:10.0.0.2' }, '', 'IP_MARTIAN_SOURCE'],
  ['a loopback destination', { dst: '::1' }, '', 'IP_MARTIAN_DESTINATION'],
  ['a mapped destination', { dst: '::ffff:10.0.0.1' }, '', 'IP_MARTIAN_DESTINATION'],
  ['no destination', { dst: '::' }, '', 'IP_MARTIAN_DESTINATION'],
  ['a stranger', { dst: '2001:db8::77' }, '', 'IP_NOT_LOCAL'],
  ['a group we are not in', { dst: 'ff02::fb' }, '33:33:00:00:00:fb', 'IP_NOT_MEMBER'],
  ['a reserved scope', { dst: 'ff00::1' }, '33:33:00:00:00:01', 'IP_MARTIAN_DESTINATION'],
  ['unicast in a multicast frame', {}, '33:33:00:00:00:01', 'IP_UNICAST_IN_LINK_GROUP'],
  ['unicast in a broadcast frame', {}, 'ff:ff:ff:ff:ff:ff', 'IP_UNICAST_IN_LINK_GROUP'],
  ['all nodes', { dst: 'ff02::1' }, '33:33:00:00:00:01', 'accepted'],
  ['our solicited-node group', { dst: 'ff02::1:ff00:1' }, '33:33:ff:00:00:01', 'accepted'],
  ['our link-local address', { src: 'fe80::2', dst: 'fe80::ff:fe00:1' }, '', 'accepted'],
];

dialogue(
  'RFC 4291 §2.5, §2.7: addresses that cannot be, or are not ours, are silently discarded',
  (t, h) => {
    for (const [what, header, mac, fate] of ADDRESSES) {
      t.equal(h.give(echo(header), mac === '' ? {} : { dst: mac }), fate, what);
    }
    t.same(
      h.sent().map((p) => p.src),
      [U6, U6, 'fe80::ff:fe00:1'],
    );
  },
);

dialogue('our own address does not come from a wire', (t, h) => {
  const s = h.stack.udp.open('dual');
  t.equal(h.stack.udp.bind(s, ip('::'), 5000), 0);
  const from = (src: string): Bytes => ip6({ next: 17, src }, udp({}, data(4), src, U6));
  t.equal(h.give(from(U6)), 'IP_MARTIAN_SOURCE');
  t.equal(h.give(from('::')), 'IP_MARTIAN_SOURCE');
  t.equal(h.net.mib.ip6.get('InDiscards'), 2);
  t.equal(h.give(from(P6)), 'accepted');
});

dialogue('an address that is tentative takes nothing and sends nothing', (t, h) => {
  h.net.config.dadTransmits = 1;
  h.addAddress(h.port, '2001:db8::5/64');
  const request = echo6(data(8), { dst: '2001:db8::5' });
  t.equal(h.give(request), 'IP_NOT_LOCAL');
  h.advance(3);
  h.sent();
  t.equal(h.give(request), 'accepted');
  t.match(h.lines(), [/^2001:db8::5 > 2001:db8::2 icmp6 reply/]);
});

const skippable = (count: number): number[] => new Array<number[]>(count).fill([0x1e, 0]).flat();

const PASSED: [string, Bytes][] = [
  ['hop-by-hop options', behind(HOP, optionsHeader(ICMP, []))],
  ['router alert', behind(HOP, optionsHeader(ICMP, [5, 2, 0, 0]))],
  ['destination options', behind(DST, optionsHeader(ICMP, []))],
  [
    'a long header',
    behind(DST, optionsHeader(ICMP, [0x1e, 255, ...new Array<number>(255).fill(0)])),
  ],
  ['only Pad1', behind(DST, optionsHeader(ICMP, [0, 0, 0, 0, 0, 0]))],
  [
    'PadN of every length',
    behind(
      DST,
      optionsHeader(
        ICMP,
        [1, 0, 1, 1, 0, 0x1e, 0, 1, 2, 0, 0, 0x1e, 0, 1, 5, 0, 0, 0, 0, 0, 0x1e, 0],
      ),
    ),
  ],
  ['eight options', behind(DST, optionsHeader(ICMP, skippable(8)))],
  ['an unknown option that may be skipped', behind(DST, optionsHeader(ICMP, [0x1e, 3, 1, 2, 3]))],
  ['the same in hop-by-hop', behind(HOP, optionsHeader(ICMP, [0x3e, 0]))],
  ['routing, type 0, no segments left', behind(ROUTING, routing(ICMP, 0, 0))],
  ['routing, unknown type, none left', behind(ROUTING, routing(ICMP, 200, 0))],
  ['an atomic fragment', behind(FRAGMENT, fragment6(ICMP, 0, false, 1))],
  [
    'all in the recommended order',
    behind(
      HOP,
      optionsHeader(DST, []),
      optionsHeader(ROUTING, []),
      routing(FRAGMENT, 4, 0),
      fragment6(DST, 0, false, 2),
      optionsHeader(ICMP, []),
    ),
  ],
  [
    'in another order, and twice',
    behind(
      ROUTING,
      routing(DST, 3, 0),
      optionsHeader(DST, []),
      optionsHeader(ROUTING, []),
      routing(ICMP, 3, 0),
    ),
  ],
];

dialogue('RFC 8200 §4.1: extension headers are accepted in any order and number', (t, h) => {
  for (const [what, packet] of PASSED) {
    t.equal(h.give(packet), 'accepted', what);
    t.same(h.lines(), [REPLY], `${what}: and the answer has none of them (§8.4)`);
  }
});

const PROBLEMS: [string, Bytes, number, number, string][] = [
  ['unknown next header', ip6({ next: 201 }, data(8)), 1, 6, 'IP_UNKNOWN_PROTOCOL'],
  [
    'unknown next header behind options',
    ip6({ next: DST }, join(optionsHeader(201, []), data(8))),
    1,
    40,
    'IP_UNKNOWN_PROTOCOL',
  ],
  [
    'unknown next header behind three',
    ip6(
      { next: HOP },
      join(optionsHeader(ROUTING, []), routing(DST, 9, 0), optionsHeader(201, []), data(8)),
    ),
    1,
    56,
    'IP_UNKNOWN_PROTOCOL',
  ],
  ['ICMP of IPv4', ip6({ next: 1 }, data(8)), 1, 6, 'IP_UNKNOWN_PROTOCOL'],
  [
    'authentication, which we do not have',
    ip6({ next: 51 }, data(24)),
    1,
    6,
    'IP_UNKNOWN_PROTOCOL',
  ],
  [
    'hop-by-hop after destination options',
    behind(DST, optionsHeader(HOP, []), optionsHeader(ICMP, [])),
    1,
    40,
    'IP6_BAD_EXTENSION',
  ],
  [
    'hop-by-hop twice',
    behind(HOP, optionsHeader(HOP, []), optionsHeader(ICMP, [])),
    1,
    40,
    'IP6_BAD_EXTENSION',
  ],
  [
    'routing type 0 with segments left',
    behind(ROUTING, routing(ICMP, 0, 1)),
    0,
    42,
    'IP6_BAD_EXTENSION',
  ],
  [
    'unknown routing with segments left',
    behind(DST, optionsHeader(ROUTING, []), routing(ICMP, 77, 255)),
    0,
    50,
    'IP6_BAD_EXTENSION',
  ],
  ['option 10…', behind(DST, optionsHeader(ICMP, [0x8f, 0])), 2, 42, 'IP_BAD_OPTION'],
  ['option 11…', behind(DST, optionsHeader(ICMP, [1, 2, 0, 0, 0xcf, 0])), 2, 46, 'IP_BAD_OPTION'],
  [
    'a jumbo payload of a packet that has a length',
    behind(HOP, optionsHeader(ICMP, [0xc2, 4, 0, 1, 0, 0])),
    0,
    42,
    'IP_BAD_OPTION',
  ],
  [
    'a jumbo payload that is none: RFC 2675 §3',
    behind(HOP, optionsHeader(ICMP, [0xc2, 4, 0, 0, 0xff, 0xff])),
    0,
    44,
    'IP_BAD_OPTION',
  ],
  [
    'a jumbo payload as a destination option',
    behind(DST, optionsHeader(ICMP, [0xc2, 4, 0, 1, 0, 0])),
    2,
    42,
    'IP_BAD_OPTION',
  ],
  [
    'a fragment header cut off',
    ip6({ next: DST }, join(optionsHeader(FRAGMENT, []), data(7))),
    0,
    48,
    'IP6_BAD_EXTENSION',
  ],
  [
    'a piece’s fragment header cut off, of an ICMP message',
    ip6({ next: FRAGMENT }, join([ICMP, 0, 0, 1, 0])),
    0,
    40,
    'IP6_BAD_EXTENSION',
  ],
  [
    'a fragment of a fragment',
    behind(FRAGMENT, fragment6(FRAGMENT, 0, false, 1), fragment6(ICMP, 0, false, 1)),
    0,
    48,
    'IP6_BAD_EXTENSION',
  ],
  [
    'a first fragment that neither holds its headers nor is a multiple of eight',
    ip6({ next: FRAGMENT }, join(fragment6(ICMP, 0, true, 1), message.slice(0, 7))),
    3,
    0,
    'IP6_BAD_EXTENSION',
  ],
  [
    'option in the second header',
    behind(HOP, optionsHeader(DST, []), optionsHeader(ICMP, [0, 0x8f, 1, 0])),
    2,
    51,
    'IP_BAD_OPTION',
  ],
];

dialogue(
  'RFC 8200 §4, §4.2, §4.4: what is unknown is answered with parameter problem, pointing at it',
  (t, h) => {
    for (const [what, packet, code, pointer, fate] of PROBLEMS) {
      t.equal(h.give(packet), fate, what);
      const [error, more] = h.sent();
      t.equal(
        error?.line,
        `${U6} > ${P6} icmp6 4/${code}${pointer === 0 ? '' : ` rest ${pointer}`} quote ${packet.length}`,
        what,
      );
      t.same(quoted(error!), packet, `${what}: quoted as received`);
      t.equal(more, undefined);
      h.advance(10);
    }
  },
);

dialogue(
  'RFC 8200 §4.2: an unknown option says by its two highest bits what becomes of the packet',
  (t, h) => {
    const all = { dst: '33:33:00:00:00:01' };
    const make = (type: number, dst: string): Bytes =>
      ip6(
        { next: DST, dst },
        join(optionsHeader(ICMP, [type, 0]), icmp6({ type: 128, rest: 0x70001 }, data(8), P6, dst)),
      );
    const unicast: (string | RegExp)[][] = [];
    const multicast: (string | RegExp)[][] = [];
    for (const type of [0x2f, 0x6f, 0xaf, 0xef]) {
      unicast.push([h.give(make(type, U6)), ...h.lines()]);
      multicast.push([h.give(make(type, 'ff02::1'), all), ...h.lines()]);
    }
    const problem = `${U6} > ${P6} icmp6 4/2 rest 42 quote 64`;
    t.same(unicast, [
      ['accepted', REPLY],
      ['IP_BAD_OPTION'],
      ['IP_BAD_OPTION', problem],
      ['IP_BAD_OPTION', problem],
    ]);
    t.same(multicast, [
      ['accepted', REPLY],
      ['IP_BAD_OPTION'],
      ['IP_BAD_OPTION', problem],
      ['IP_BAD_OPTION'],
    ]);
  },
);

const CUT: [string, Bytes][] = [
  [
    'a whole ICMP message’s fragment header cut off',
    ip6({ next: FRAGMENT }, join([ICMP, 0, 0, 0, 0])),
  ],
  ['no room for a header', ip6({ next: DST }, data(7))],
  ['a header longer than the packet', ip6({ next: DST }, join([ICMP, 1], data(6)))],
  ['the longest header', ip6({ next: HOP }, join([ICMP, 255], data(100)))],
  ['routing cut off', ip6({ next: ROUTING }, data(4))],
  [
    'an option beyond its header',
    ip6({ next: DST }, join([ICMP, 0, 0x1e, 5, 0, 0, 0, 0], message)),
  ],
  ['an option without a length', ip6({ next: DST }, join([ICMP, 0, 1, 3, 0, 0, 0, 0x1e], message))],
  ['PadN beyond its header', ip6({ next: HOP }, join([ICMP, 0, 1, 7, 0, 0, 0, 0], message))],
];

dialogue(
  'RFC 8200 §4.2: headers and options that leave their packet or header are discarded',
  (t, h) => {
    for (const [what, packet] of CUT) t.equal(h.give(packet), 'IP6_BAD_EXTENSION', what);
    t.ok(isSilent(h));
  },
);

const EXCESSIVE: [string, readonly number[]][] = [
  ['nine options', skippable(9)],
  ['a hundred', skippable(100)],
  ['eight bytes of padding', [1, 6, 0, 0, 0, 0, 0, 0]],
  ['and one by one', [0, 0, 0, 0, 0, 0, 0, 0]],
  ['and mixed, between options', [0x1e, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0x1e, 0]],
  ['padding that says something', [1, 4, 0, 0, 1, 0]],
];

dialogue('RFC 8504 §5.3: options and padding beyond all use are discarded, silently', (t, h) => {
  for (const header of [HOP, DST]) {
    for (const [what, options] of EXCESSIVE) {
      t.equal(h.give(behind(header, optionsHeader(ICMP, options))), 'IP_BAD_OPTION', what);
    }
  }
  t.ok(isSilent(h));
  t.equal(h.net.mib.ip6.get('InHdrErrors'), 2 * EXCESSIVE.length);
});

dialogue(
  'RFC 2711 §2.1: a router alert of another length is none, and none behind routers',
  (t, h) => {
    for (const len of [0, 4, 6]) {
      const alert = [5, len, ...new Array<number>(len).fill(0)];
      t.equal(h.give(behind(HOP, optionsHeader(ICMP, alert))), 'IP_BAD_OPTION', `${len} bytes`);
      t.equal(h.give(behind(DST, optionsHeader(ICMP, alert))), 'accepted', 'a destination option');
    }
  },
);

const unmeasured = (options: number[]): Bytes =>
  ip6({ next: HOP, payloadLen: 0 }, join(optionsHeader(ICMP, options), message));

dialogue(
  'RFC 2675 §3: where the length is 0 the jumbo payload says it, and no frame is so long',
  (t, h) => {
    t.equal(h.give(unmeasured([0xc2, 4, 0, 1, 0, 0])), 'IP_TRUNCATED', '65,536 bytes');
    t.equal(h.give(unmeasured([0xc2, 0])), 'IP_BAD_OPTION', 'not four bytes of a length');
    t.equal(h.give(unmeasured([0, 0xc2, 4, 0, 1, 0, 0])), 'IP_BAD_OPTION', 'nor at 4n + 2');
    t.ok(isSilent(h));
    h.give(unmeasured([0xc2, 4, 0, 0, 0xff, 0xff]));
    t.match(h.lines(), [/icmp6 4\/0 rest 44 /]);
    t.equal(h.give(unmeasured([])), 'accepted', 'no length at all: the frame’s, as on Linux');
    t.same(h.lines(), [REPLY]);
    h.give(
      ip6(
        { next: HOP, payloadLen: 0 },
        join(optionsHeader(FRAGMENT, []), fragment6(ICMP, 0, false, 1), message),
      ),
    );
    t.match(h.lines(), [/icmp6 4\/0 rest 48 /], 'a jumbogram has no fragments');
  },
);

dialogue('RFC 8200 §4.7: nothing is looked at behind "no next header"', (t, h) => {
  t.equal(h.give(ip6({ next: NONE }, data(40))), 'IP_NO_NEXT_HEADER');
  t.equal(h.give(ip6({ next: NONE })), 'IP_NO_NEXT_HEADER');
  t.equal(h.give(behind(DST, optionsHeader(NONE, []))), 'IP_NO_NEXT_HEADER');
  t.ok(isSilent(h));
});

dialogue('RFC 2464 §7, RFC 4861: groups are mapped to 33:33, unicast to the neighbour', (t, h) => {
  const s = h.echo();
  s.boundIndex = h.port.iface.index;
  const to: [string, string][] = [
    ['ff02::1', '33:33:00:00:00:01'],
    ['ff02::1:ff12:3456', '33:33:ff:12:34:56'],
    ['ff0e::abcd:1234', '33:33:ab:cd:12:34'],
    [P6, '02:00:00:00:00:02'],
    ['2001:db8:9::1', '02:00:00:00:00:fe'],
  ];
  for (const [dst] of to) t.equal(h.ping(s, dst), 0, dst);
  t.same(
    h.sent().map((p) => [p.dst, p.to]),
    to,
  );
  t.equal(h.net.mib.ip6.get('OutMcastPkts'), 3 + 2, 'two more in duplicate address detection');
});

dialogue(
  'every packet received is accounted for: Ip6InReceives is the sum of what became of them',
  (t, h) => {
    const packets: Bytes[] = [
      echo(),
      echo({ version: 5 }),
      echo({ payloadLen: 999 }),
      echo({ src: '::1' }),
      echo({ dst: '2001:db8::9' }),
      ip6({ next: 99 }, data(20)),
      ip6({ next: NONE }),
      ip6({ next: 17 }, udp({}, data(3), P6, U6)),
      ip6({ next: 17 }, udp({ checksum: 0 }, data(3), P6, U6)),
      ip6({ next: 17, src: U6 }, udp({}, data(3), U6, U6)),
      ip6({ next: FRAGMENT }, join(fragment6(17, 0, true, 5), data(16))),
      ip6({ next: FRAGMENT }, join(fragment6(17, 16, false, 5), data(16))),
      ip6({ next: FRAGMENT }, join(fragment6(17, 0, true, 6), data(16))),
      ip6({ next: FRAGMENT }, join(fragment6(17, 0, true, 7), data(15))),
      ip6({ next: FRAGMENT }, join(fragment6(FRAGMENT, 0, true, 8), fragment6(17, 0, true, 1))),
      ip6({ next: FRAGMENT }, join(fragment6(17, 8, false, 8), data(9))),
      ...PASSED.map(([, p]) => p),
      ...PROBLEMS.map(([, p]) => p),
      ...CUT.map(([, p]) => p),
    ];
    for (const p of packets) h.give(p, { type: 0x86dd });
    const m = h.net.mib.ip6;
    const outcomes =
      m.values[IP.InHdrErrors]! +
      m.values[IP.InTruncatedPkts]! +
      m.values[IP.InAddrErrors]! +
      m.values[IP.InDiscards]! +
      m.values[IP.InUnknownProtos]! +
      m.values[IP.InDelivers]! +
      (m.values[IP.ReasmReqds]! - m.values[IP.ReasmOKs]!);
    t.equal(m.get('InReceives'), packets.length);
    t.equal(outcomes, packets.length);
    t.equal(h.net.drops.accepted + h.net.drops.dropped, packets.length);
  },
);

dialogue(
  'RFC 6437 §3: a flow has a label, the same in all its packets, and others have others',
  (t, h) => {
    const labels = (): number[] =>
      h.sent().map(({ frame }) => ((frame[15]! & 15) << 16) | (frame[16]! << 8) | frame[17]!);
    const udpFrom = (port: number, size: number, to: string): void => {
      const s = h.stack.udp.open('dual');
      t.equal(h.stack.udp.bind(s, ip('::'), port), 0);
      t.equal(h.stack.udp.sendTo(s, data(size), ip(to), 9), size);
      h.settle();
      h.stack.udp.close(s);
    };
    udpFrom(5000, 8, P6);
    udpFrom(5000, 4000, P6);
    const [first, ...again] = labels();
    t.not(first, 0);
    t.same(again, [first, first, first]);
    udpFrom(5001, 8, P6);
    h.give(echo());
    h.give(ip6({ next: 201 }, data(8)));
    const [port, reply, error] = labels();
    t.equal(new Set([first, port, reply]).size, 3, 'another port, another protocol');
    t.equal(reply, error, 'ICMP has no ports');
  },
);
