/** ICMP and ICMPv6: echo, and errors about what we received. RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3.2.8, RFC 4443. */
import {
  EADDRNOTAVAIL,
  EAGAIN,
  EHOSTUNREACH,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
} from '../../src/base/errno.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  data,
  echo4,
  echo6,
  fragment6,
  icmp4,
  icmp6,
  ip4,
  ip6,
  join,
  optionsHeader,
  quoted,
  sameBytes,
  udp,
} from './packets.ts';
import { dialogue, ip, type NetHarness } from './rig.ts';

const P6 = '2001:db8::2';
const U6 = '2001:db8::1';
const toNobody = (src?: string, size: number = 20): Bytes =>
  ip4({ protocol: 17, ...(src === undefined ? {} : { src }) }, udp({ to: 9 }, data(size), src));
const toNobody6 = (src: string = P6, size: number = 20): Bytes =>
  ip6({ next: 17, src }, udp({ to: 9 }, data(size), src, U6));

dialogue('RFC 1122 §3.2.2.6: echo returns identifier, sequence number and all data', (t, h) => {
  for (const size of [0, 1, 2, 56, 57, 1471, 1472]) {
    const body = data(size);
    t.equal(h.give(echo4(body, {}, 0xfffe, 0x8001)), 'accepted');
    const [answer] = h.sent();
    t.match(answer?.line, `10.0.0.1 > 10.0.0.2 icmp reply id 65534 seq 32769 len ${size}`);
    t.ok(sameBytes(quoted(answer!), body), `${size} bytes`);
  }
});

dialogue('RFC 4443 §4.2: echo returns identifier, sequence number and all data', (t, h) => {
  for (const size of [0, 1, 2, 56, 57, 1451, 1452]) {
    const body = data(size);
    t.equal(h.give(echo6(body, {}, 0xfffe, 0x8001)), 'accepted');
    const [answer] = h.sent();
    t.match(answer?.line, `${U6} > ${P6} icmp6 reply id 65534 seq 32769 len ${size}`);
    t.ok(sameBytes(quoted(answer!), body), `${size} bytes`);
  }
});

dialogue('an echo request’s code comes back, as from Linux', (t, h) => {
  for (const code of [0, 1, 255]) {
    h.give(ip4({}, icmp4({ type: 8, code, rest: 7 }, data(3))));
    h.give(ip6({}, icmp6({ type: 128, code, rest: 7 }, data(3))));
    const [four, six] = h.sent();
    t.same([...four!.payload.subarray(0, 2), ...six!.payload.subarray(0, 2)], [0, code, 129, code]);
    t.notMatch([four!.line, six!.line], [/BAD/, /BAD/], 'the checksum too is right');
  }
});

dialogue(
  'RFC 1812 §4.3.2.5: an error has the TOS of its packet, and precedence of its own',
  (t, h) => {
    for (const [tos, answer] of [
      [0, 0xc0],
      [1, 0xc0],
      [2, 0xc2],
      [0x10, 0xd0],
      [0xb8, 0xd8],
      [0xff, 0xde],
    ] as const) {
      h.give(ip4({ protocol: 17, tos }, udp({ to: 9 }, data(4))));
      t.equal(h.sent()[0]?.tos, answer, `${tos}`);
      h.advance(1);
    }
  },
);

dialogue('an answer of nothing but zeros has a checksum all the same', (t, h) => {
  for (const size of [0, 1, 8, 56]) {
    h.give(echo4(new Uint8Array(size), {}, 0, 0));
    t.match(h.lines(), [`10.0.0.1 > 10.0.0.2 icmp reply id 0 seq 0 len ${size}`]);
  }
});

dialogue(
  'RFC 1122 §3.2.2.6: the answer comes from the address that was asked',
  (t, h) => {
    for (const dst of ['10.0.0.1', '10.0.0.9', '172.16.0.1']) {
      h.give(echo4(data(4), { dst }));
      t.match(h.lines(), [`${dst} > 10.0.0.2 icmp reply`]);
    }
    for (const dst of [U6, '2001:db8:5::1', 'fe80::ff:fe00:1']) {
      h.give(echo6(data(4), { dst }));
      t.match(h.lines(), [`${dst} > ${P6} icmp6 reply`]);
    }
  },
  {
    addresses: [
      '10.0.0.1/24',
      '10.0.0.9/24',
      '172.16.0.1/16',
      '2001:db8::1/64',
      '2001:db8:5::1/64',
    ],
  },
);

dialogue(
  'RFC 4443 §4.2: echo to a multicast address is answered from a unicast address',
  (t, h) => {
    const all = { dst: '33:33:00:00:00:01' };
    t.equal(h.give(echo6(data(4), { dst: 'ff02::1' }), all), 'accepted');
    t.match(h.lines(), [`${U6} > ${P6} icmp6 reply`]);
    t.equal(h.give(echo6(data(4), { dst: 'ff02::1', src: 'fe80::2' }), all), 'accepted');
    t.match(h.lines(), ['fe80::ff:fe00:1 > fe80::2 icmp6 reply']);
    h.net.config.echoIgnoreMulticast6 = 1;
    t.equal(h.give(echo6(data(4), { dst: 'ff02::1' }), all), 'ICMP_ECHO_IGNORED');
    t.same(h.lines(), []);
  },
);

dialogue(
  'RFC 1122 §3.2.2.6: echo to a broadcast is ignored unless allowed; all can be ignored',
  (t, h) => {
    const ask = (dst: string): string => h.give(echo4(data(4), { dst }), { dst: BROADCAST_MAC });
    t.equal(ask('10.0.0.255'), 'ICMP_ECHO_IGNORED');
    h.net.config.echoIgnoreBroadcasts = 0;
    t.equal(ask('10.0.0.255'), 'accepted');
    t.match(h.lines(), ['10.0.0.1 > 10.0.0.2 icmp reply']);
    h.net.config.echoIgnoreAll4 = 1;
    h.net.config.echoIgnoreAll6 = 1;
    t.equal(h.give(echo4(data(4))), 'ICMP_ECHO_IGNORED');
    t.equal(h.give(echo6(data(4))), 'ICMP_ECHO_IGNORED');
    t.same(h.lines(), []);
  },
);

dialogue('echo from no address is not answered', (t, h) => {
  t.equal(h.give(echo6(data(4), { src: '::' })), 'IP_MARTIAN_SOURCE');
  t.equal(h.give(echo4(data(4), { src: '0.0.0.0' })), 'IP_MARTIAN_SOURCE');
  t.same(h.lines(), []);
});

dialogue(
  'an answer without a way back is counted',
  (t, h) => {
    t.equal(h.give(echo4(data(4), { src: '192.0.2.1' })), 'REPLY_NO_ROUTE');
    t.equal(h.give(echo6(data(4), { src: '2001:db8:9::1' })), 'REPLY_NO_ROUTE');
    t.equal(h.net.mib.ip4.get('OutNoRoutes'), 1);
    t.equal(h.net.mib.ip6.get('OutNoRoutes'), 1);
    t.equal(h.net.mib.icmp4.get('OutErrors'), 1);
  },
  { gateway: false },
);

dialogue(
  'RFC 792: messages that are cut, or whose checksum fails, are discarded and counted',
  (t, h) => {
    for (let len = 0; len < 8; len++) {
      t.equal(h.give(ip4({}, icmp4({ type: 8 }).slice(0, len))), 'ICMP_TRUNCATED');
      t.equal(h.give(ip6({}, icmp6({ type: 128 }).slice(0, len))), 'ICMP_TRUNCATED');
    }
    t.equal(h.give(ip4({}, icmp4({ type: 8, badChecksum: true }, data(9)))), 'ICMP_BAD_CHECKSUM');
    t.equal(h.give(ip6({}, icmp6({ type: 128, badChecksum: true }, data(9)))), 'ICMP_BAD_CHECKSUM');
    const other = icmp6({ type: 128 }, data(9), P6, 'fe80::ff:fe00:1');
    t.equal(h.give(ip6({}, other)), 'ICMP_BAD_CHECKSUM', 'RFC 4443 §2.3: the addresses count');
    const none = icmp6({ type: 128 }, data(9));
    none.set([0, 0], 2);
    t.equal(h.give(ip6({}, none)), 'ICMP_BAD_CHECKSUM', 'zero is no excuse');
    t.same(h.lines(), []);
    const { icmp4: m4, icmp6: m6 } = h.net.mib;
    t.same([m4.get('InMsgs'), m4.get('InErrors'), m4.get('InCsumErrors')], [9, 9, 1]);
    t.same([m6.get('InMsgs'), m6.get('InErrors'), m6.get('InCsumErrors')], [11, 11, 3]);
  },
);

dialogue('RFC 1122 §3.2.2: unknown types are silently discarded', (t, h) => {
  for (const type of [1, 2, 4, 6, 7, 9, 10, 13, 14, 15, 17, 19, 40, 255]) {
    t.equal(h.give(ip4({}, icmp4({ type }, data(40)))), 'ICMP_UNKNOWN_TYPE', `type ${type}`);
  }
  for (const type of [138, 200, 255]) {
    t.equal(h.give(ip6({}, icmp6({ type }, data(40)))), 'ICMP_UNKNOWN_TYPE', `type ${type}`);
  }
  t.same(h.lines(), []);
});

dialogue(
  'RFC 1122 §3.2.2.1: nobody listens: port unreachable; no such protocol: protocol unreachable',
  (t, h) => {
    const toPort = toNobody();
    t.equal(h.give(toPort), 'UDP_NO_PORT');
    const [port] = h.sent();
    t.equal(port?.line, '10.0.0.1 > 10.0.0.2 icmp 3/3 quote 48');
    t.same(quoted(port!), toPort, 'RFC 1122 §3.2.2: quoted as it was received');
    const strange = ip4({ protocol: 99 }, data(30));
    t.equal(h.give(strange), 'IP_UNKNOWN_PROTOCOL');
    const [protocol] = h.sent();
    t.equal(protocol?.line, '10.0.0.1 > 10.0.0.2 icmp 3/2 quote 50');
    t.same(quoted(protocol!), strange);
  },
);

dialogue(
  'RFC 4443 §3.1, §3.4: nobody listens: unreachable code 4; unknown next header: parameter problem code 1',
  (t, h) => {
    const toPort = toNobody6();
    t.equal(h.give(toPort), 'UDP_NO_PORT');
    const [port] = h.sent();
    t.equal(port?.line, `${U6} > ${P6} icmp6 1/4 quote 68`);
    t.same(quoted(port!), toPort);
    const strange = ip6({ next: 99 }, data(30));
    t.equal(h.give(strange), 'IP_UNKNOWN_PROTOCOL');
    const [header] = h.sent();
    t.equal(header?.line, `${U6} > ${P6} icmp6 4/1 rest 6 quote 70`);
    t.same(quoted(header!), strange);
  },
);

dialogue(
  'errors quote what fits into 576 bytes over IPv4, 1,280 over IPv6',
  (t, h) => {
    for (const size of [0, 500, 519, 520, 521, 1400]) h.give(toNobody(undefined, size));
    t.same(
      h.sent().map((p) => p.length),
      [28, 528, 547, 548, 549, 1428].map((n) => Math.min(576, n + 28)),
    );
    for (const size of [0, 1183, 1184, 1185, 1400]) h.give(toNobody6(P6, size));
    t.same(
      h.sent().map((p) => p.length),
      [48, 1231, 1232, 1233, 1448].map((n) => Math.min(1280, n + 48)),
    );
  },
  { config: { icmpRate4Ns: 0, icmpRate6Ns: 0 } },
);

const QUIET_SOURCES: [string, string][] = [
  ['0.0.0.0', 'IP_MARTIAN_SOURCE'],
  ['0.0.0.7', 'IP_MARTIAN_SOURCE'],
  ['127.0.0.1', 'IP_MARTIAN_SOURCE'],
  ['10.0.0.255', 'IP_MARTIAN_SOURCE'],
  ['255.255.255.255', 'IP_MARTIAN_SOURCE'],
  ['224.0.0.5', 'IP_MARTIAN_SOURCE'],
  ['240.0.0.1', 'UDP_NO_PORT'],
  ['250.1.2.3', 'UDP_NO_PORT'],
];

dialogue('RFC 1122 §3.2.2: no error to a source that is not one host', (t, h) => {
  for (const [src, fate] of QUIET_SOURCES) {
    t.equal(h.give(toNobody(src)), fate, src);
    t.same(h.lines(), [], src);
  }
  for (const src of ['::', 'ff02::1', '::1', '::ffff:10.0.0.2']) {
    const packet = ip6({ next: 99, src }, data(8));
    t.match(h.give(packet), src === '::' ? 'IP_UNKNOWN_PROTOCOL' : 'IP_MARTIAN_SOURCE', src);
    t.same(h.lines(), [], src);
  }
});

dialogue(
  'RFC 1122 §3.2.2, RFC 4443 §2.4: no error about a broadcast, a multicast, a link-layer broadcast',
  (t, h) => {
    const strange = (dst: string): Bytes => ip4({ protocol: 99, dst }, data(8));
    const cases: [Bytes, string][] = [
      [strange('10.0.0.255'), BROADCAST_MAC],
      [strange('255.255.255.255'), BROADCAST_MAC],
      [strange('224.0.0.1'), '01:00:5e:00:00:01'],
      [strange('10.0.0.1'), BROADCAST_MAC],
      [ip6({ next: 99, dst: 'ff02::1' }, data(8)), '33:33:00:00:00:01'],
      [ip6({ next: 99 }, data(8)), '33:33:00:00:00:01'],
      [ip4({ dst: '10.0.0.255', options: [0x9e, 0] }, data(8)), BROADCAST_MAC],
      [
        ip4({ protocol: 17, dst: '10.0.0.255' }, udp({ to: 9 }, data(8), undefined, '10.0.0.255')),
        BROADCAST_MAC,
      ],
    ];
    for (const [packet, mac] of cases) t.not(h.give(packet, { dst: mac }), 'accepted');
    t.same(h.lines(), []);
  },
);

dialogue('RFC 1122 §3.2.2: no error about a fragment other than the first', (t, h) => {
  const bad = { options: [0x9e, 0, 0, 0], protocol: 99 };
  t.equal(h.give(ip4({ ...bad, offset: 8, mf: true }, data(16))), 'IP_BAD_OPTION');
  t.same(h.lines(), []);
  t.equal(h.give(ip4({ ...bad, offset: 0, mf: true }, data(16))), 'IP_BAD_OPTION');
  t.match(h.lines(), [/icmp 12\/0/]);
});

dialogue(
  'RFC 1122 §3.2.2, RFC 4443 §2.4 (e.1): no error about an ICMP error, wherever it stands',
  (t, h) => {
    for (const type of [3, 4, 5, 11, 12]) {
      const error = icmp4({ type, code: 0 }, data(40));
      t.equal(h.give(ip4({ options: [0x9e, 0, 0, 0] }, error)), 'IP_BAD_OPTION', `${type}`);
    }
    t.same(h.lines(), []);
    const error = icmp6({ type: 1, code: 4 }, data(48));
    const unknown = [0x80, 0];
    const chains: [string, Bytes][] = [
      ['behind hop-by-hop options', ip6({ next: 0 }, join(optionsHeader(58, unknown), error))],
      ['behind destination options', ip6({ next: 60 }, join(optionsHeader(58, unknown), error))],
      [
        'behind two headers',
        ip6({ next: 60 }, join(optionsHeader(60, unknown), optionsHeader(58, []), error)),
      ],
      [
        'in a first fragment',
        ip6({ next: 60 }, join(optionsHeader(44, unknown), fragment6(58, 0, true, 1), error)),
      ],
    ];
    for (const [what, packet] of chains) t.equal(h.give(packet), 'IP_BAD_OPTION', what);
    t.same(h.lines(), []);
    const redirect = icmp6({ type: 137 }, data(48));
    h.give(ip6({ next: 60 }, join(optionsHeader(58, unknown), redirect)));
    t.same(h.lines(), [], 'RFC 4443 §2.4 (e.2): nor about a redirect');
    const question = icmp6({ type: 128 }, data(48));
    h.give(ip6({ next: 60 }, join(optionsHeader(58, unknown), question)));
    t.match(h.lines(), [/icmp6 4\/2/], 'about a question there is');
  },
);

dialogue(
  'errors have our default TTL, and IPv4 errors the precedence of network control',
  (t, h) => {
    h.give(toNobody());
    h.give(toNobody6());
    t.match(h.sent(), [
      { ttl: 64, tos: 0xc0, df: false },
      { ttl: 64, tos: 0 },
    ]);
  },
);

/** How many errors come back to `n` datagrams at once. */
function burst(h: NetHarness, n: number, packet: (i: number) => Bytes): number {
  for (let i = 0; i < n; i++) h.give(packet(i));
  return h.sent().length;
}

dialogue(
  'RFC 1812 §4.3.2.8: one destination gets six errors at once, then one a second',
  (t, h) => {
    t.equal(
      burst(h, 20, () => toNobody()),
      6,
    );
    h.advance(0.999);
    t.equal(
      burst(h, 5, () => toNobody()),
      0,
    );
    h.advance(0.001);
    t.equal(
      burst(h, 5, () => toNobody()),
      1,
    );
    h.advance(2.5);
    t.equal(
      burst(h, 5, () => toNobody()),
      2,
    );
    h.advance(0.5);
    t.equal(
      burst(h, 5, () => toNobody()),
      1,
      'the half second was not lost',
    );
    h.advance(3600);
    t.equal(
      burst(h, 20, () => toNobody()),
      6,
      'no more than six are saved up',
    );
    t.equal(h.net.mib.icmp4.get('OutRateLimitHost'), 14 + 5 + 4 + 3 + 4 + 14);
    t.equal(
      burst(h, 20, () => toNobody6()),
      6,
      'RFC 4443 §2.4 (f): IPv6 likewise',
    );
    t.equal(
      burst(h, 20, () => echo4(data(4))),
      20,
      'echo replies are not errors',
    );
  },
);

dialogue(
  'RFC 1812 §4.3.2.8: all destinations together get fifty at once, then a thousand a second',
  (t, h) => {
    const from = (i: number): Bytes => toNobody(`192.0.${2 + (i >> 8)}.${i & 255}`);
    const known = h.net.paths.size;
    t.equal(burst(h, 80, from), 50);
    t.equal(h.net.mib.icmp4.get('OutRateLimitGlobal'), 30);
    t.equal(h.net.paths.size, known + 50, 'nobody looks for the way to those who are not told');
    h.advance(0.01);
    t.equal(
      burst(h, 80, (i) => from(i + 100)),
      10,
    );
    h.advance(1);
    t.equal(
      burst(h, 80, (i) => from(i + 200)),
      50,
    );
  },
);

dialogue('a flood from one source does not use up what others may be told', (t, h) => {
  t.equal(
    burst(h, 1000, () => toNobody()),
    6,
  );
  t.equal(
    burst(h, 44, (i) => toNobody(`192.0.2.${i + 1}`)),
    44,
    'the rest of the fifty',
  );
  t.equal(h.net.mib.icmp4.get('OutRateLimitGlobal'), 0);
  t.equal(
    burst(h, 10, (i) => toNobody(`192.0.2.${i + 101}`)),
    0,
  );
  h.advance(0.01);
  t.equal(
    burst(h, 10, (i) => toNobody(`192.0.2.${i + 101}`)),
    10,
    'nor do those who were refused',
  );
});

dialogue(
  'limits can be set: an interval of zero means none',
  (t, h) => {
    t.equal(
      burst(h, 200, () => toNobody()),
      200,
    );
  },
  { config: { icmpRate4Ns: 0, icmpRate6Ns: 0, icmpMessagesPerSec: 0 } },
);

// Echo as a client.

dialogue('RFC 1122 §3.2.2.6: replies reach the socket that asked, and only it', (t, h) => {
  const [a, b] = [h.echo(), h.echo()];
  t.not(a.id, b.id);
  t.equal(h.ping(a, '10.0.0.2', data(100), 5), 0);
  t.match(h.lines(), [`10.0.0.1 > 10.0.0.2 icmp request id ${a.id} seq 5 len 100`]);
  const reply = (id: number): Bytes => ip4({}, icmp4({ type: 0, rest: id * 65536 + 5 }, data(100)));
  t.equal(h.give(reply(a.id)), 'accepted');
  t.match(h.reply(a), { from: '10.0.0.2', seq: 5 });
  t.equal(h.reply(b), -EAGAIN);
  t.equal(h.give(reply((a.id + 1) & 0xffff)), 'ICMP_NO_SOCKET');
  h.net.echoes.close(a);
  t.equal(h.give(reply(a.id)), 'ICMP_NO_SOCKET');
  t.equal(h.net.echoes.send(a, ip('10.0.0.2'), 1, data(1)), -EINVAL);
  h.give(ip6({}, icmp6({ type: 129, rest: b.id * 65536 + 6 }, data(3))));
  t.match(h.reply(b), { from: P6, seq: 6 });
});

dialogue(
  'a request that cannot be sent says why',
  (t, h) => {
    const s = h.echo();
    t.equal(h.ping(s, '192.0.2.1'), -ENETUNREACH);
    t.equal(h.ping(s, '2001:db8:9::1'), -ENETUNREACH);
    t.equal(h.net.mib.ip4.get('OutNoRoutes'), 1);
    t.equal(h.net.mib.ip6.get('OutNoRoutes'), 1);
    t.equal(h.ping(s, '10.0.0.2', data(65508)), -EMSGSIZE);
    t.equal(h.ping(s, 'fe80::2'), -EINVAL, 'which link?');
    s.boundIndex = h.port.iface.index;
    t.equal(h.ping(s, 'fe80::2'), 0);
    const bare = h.addPort('eth1', '02:00:00:00:01:01');
    s.boundIndex = bare.iface.index;
    t.equal(h.ping(s, '255.255.255.255'), 0, 'from an address of eth0');
    t.equal(h.stack.removeAddress(h.port.iface, ip('10.0.0.1')), 0);
    t.equal(h.ping(s, '255.255.255.255'), -EADDRNOTAVAIL);
    const u = h.stack.udp.open('dual');
    t.equal(h.stack.udp.sendTo(u, data(1), ip('192.0.2.1'), 9), -ENETUNREACH);
    t.equal(h.net.mib.ip4.get('OutNoRoutes'), 2, 'UDP counts too');
    t.equal(h.lines().length, 1);
  },
  { gateway: false },
);

dialogue(
  'RFC 4443 §3.1, RFC 1122 §2.4: nobody answers for the next hop: the socket hears it after three questions',
  (t, h) => {
    const s = h.echo();
    const u = h.stack.udp.open('dual');
    t.equal(h.stack.udp.connect(u, ip('10.0.0.77'), 9), 0);
    for (const to of ['10.0.0.77', '2001:db8::77']) t.equal(h.ping(s, to), 0);
    t.equal(h.stack.udp.send(u, data(3)), 3);
    h.advance(2.999);
    t.same(s.errors, [], 'not before');
    h.advance(0.001);
    const codes = s.errors.map((e) => [e.type, e.code, e.errno, formatAddress(e.from)]);
    t.same(codes, [
      [3, 1, EHOSTUNREACH, '10.0.0.1'],
      [1, 3, EHOSTUNREACH, U6],
    ]);
    t.equal(h.net.mib.ip4.get('OutDiscards'), 2);
  },
);

dialogue('replies that nobody reads are bounded and counted', (t, h) => {
  const s = h.echo();
  s.rcvbufBytes = 4 * 768;
  const reply = ip4({}, icmp4({ type: 0, rest: s.id * 65536 }, data(100)));
  t.same(h.giveAll([reply, reply, reply, reply, reply]), [
    'accepted',
    'accepted',
    'accepted',
    'accepted',
    'ICMP_RCVBUF',
  ]);
  t.equal(s.repliesLost, 1);
});

dialogue('every address of ours answers us, link-local ones too', (t, h) => {
  const s = h.echo();
  const all = ['10.0.0.1', '127.0.0.1', '127.1.2.3', '::1', U6, 'fe80::ff:fe00:1'];
  for (const to of all) {
    s.boundIndex = to.startsWith('fe80') ? h.port.iface.index : 0;
    t.equal(h.ping(s, to, data(2000), 3), 0, to);
    const answer = h.reply(s);
    t.match(answer, { from: to, seq: 3 });
  }
  const u = h.stack.udp.open('ipv6');
  t.equal(h.stack.udp.connect(u, ip('fe80::ff:fe00:1'), 9, h.port.iface.index), 0);
  h.stack.udp.send(u, data(3));
  h.settle();
  t.not(u.pendingError, 0, 'and tells us of errors');
  t.same(h.lines(), []);
});

dialogue('messages are counted in and out, by type', (t, h) => {
  h.give(echo4(data(1)));
  h.give(toNobody());
  h.ping(h.echo(), '10.0.0.2');
  h.give(ip4({}, icmp4({ type: 0 })));
  h.give(ip4({}, icmp4({ type: 13 })));
  const { icmp4: m } = h.net.mib;
  t.same([m.inType[8], m.inType[0], m.inType[13]], [1, 1, 1]);
  t.same([m.outType[0], m.outType[3], m.outType[8]], [1, 1, 1]);
  t.equal(m.get('InMsgs'), 3);
  t.equal(m.get('OutMsgs'), 3);
  h.give(echo6(data(1)));
  h.give(toNobody6());
  const { icmp6: m6 } = h.net.mib;
  t.same([m6.inType[128], m6.outType[129], m6.outType[1]], [1, 1, 1]);
  t.equal(
    m6.get('InMsgs'),
    m6.inType.reduce((a, b) => a + b, 0),
  );
  t.equal(
    m6.get('OutMsgs'),
    m6.outType.reduce((a, b) => a + b, 0),
  );
});

dialogue(
  'no room in the device: the answer is given up and counted, memory is not',
  (t, h) => {
    h.port.wire.isFull = true;
    const fates = Array.from({ length: 40 }, () => h.give(echo4(data(64))));
    t.equal(fates.filter((f) => f === 'accepted').length, 16, 'as many as the ring holds');
    t.equal(fates.filter((f) => f === 'REPLY_NO_ROOM').length, 24);
    h.port.wire.isFull = false;
    h.settle();
    t.equal(h.lines().length, 16);
    t.equal(h.give(echo4(data(64))), 'accepted');
  },
  { txFrames: 16 },
);
dialogue('RFC 1122 §3.2.1.3, RFC 4291 §2.5.2: nothing leaves for 0/8 and ::', (t, h) => {
  for (const [to, from] of [
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
  ] as const) {
    const s = h.echo();
    t.equal(h.ping(s, to), 0);
    t.match(h.reply(s), { from }, 'as on Linux it is this host');
  }
  t.ok(h.ping(h.echo(), '0.0.0.5') < 0);
  const s = h.echo();
  s.boundIndex = h.port.iface.index;
  t.ok(h.ping(s, '0.0.0.5') < 0, 'nor by an interface without a route');
  t.same(h.lines(), []);
});
