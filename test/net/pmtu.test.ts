/** Path MTU discovery and other errors about what we sent: RFC 1191, RFC 5927, RFC 8201, RFC 1122 §3.2.2, §3.3.3. */
import {
  EACCES,
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
  errnoName,
} from '../../src/base/errno.ts';
import type { EchoSocket } from '../../src/net/echo-socket.ts';
import { type Bytes, data, icmp4, icmp6, ip4, ip6, join, type Seen, udp } from './packets.ts';
import { dialogue, ip, type NetHarness } from './rig.ts';

const FAR4 = '192.0.2.1';
const FAR6 = '2001:db8:9::1';
const ROUTER4 = '10.0.0.254';
const ROUTER6 = '2001:db8::fe';

/** "Fragmentation needed" from the gateway, quoting the start of a packet of ours. */
function tooBig4(sent: Seen, mtu: number, quote: number = 28): Bytes {
  return error4(sent.frame.slice(14, 14 + quote), 3, 4, mtu);
}

function error4(quoted: Bytes, type: number, code: number, rest: number = 0): Bytes {
  return ip4({ src: ROUTER4 }, icmp4({ type, code, rest }, quoted));
}

function tooBig6(sent: Seen, mtu: number, quote: number = 1232): Bytes {
  return error6(sent.frame.slice(14, 14 + quote), 2, 0, mtu);
}

function error6(quoted: Bytes, type: number, code: number, rest: number = 0): Bytes {
  const message = icmp6({ type, code, rest }, quoted, ROUTER6, '2001:db8::1');
  return ip6({ src: ROUTER6 }, message);
}

/** Sends `size` bytes of IP packet to somebody far away. */
function send(h: NetHarness, s: EchoSocket, to: string, size: number = 1500): Seen[] {
  h.ping(s, to, data(size - (to.includes(':') ? 48 : 28)));
  return h.sent();
}

/** From port 53 to port 1024. */
const QUERY = udp({ from: 53, to: 1024 }, data(8));

const lengths = (seen: readonly Seen[]): number[] => seen.map((p) => p.length);
const mtuTo = (h: NetHarness, to: string): number => h.net.paths.lookup(ip(to), 0)!.mtu(h.net.env);

dialogue(
  'RFC 1191 §3, RFC 8201 §3: the first estimate is the MTU of the first hop, and DF is set',
  (t, h) => {
    const s = h.echo();
    t.equal(mtuTo(h, FAR4), 1500);
    t.equal(mtuTo(h, FAR6), 1500);
    t.match(send(h, s, FAR4), [{ df: true, length: 1500 }]);
    t.match(send(h, s, FAR6), [{ length: 1500 }]);
  },
);

dialogue(
  'RFC 1191 §3: fragmentation needed lowers the estimate; what is larger goes in pieces',
  (t, h) => {
    const s = h.echo();
    t.equal(h.give(tooBig4(send(h, s, FAR4)[0]!, 1400)), 'accepted');
    t.equal(mtuTo(h, FAR4), 1400);
    t.match(s.errors, [{ errno: EMSGSIZE, mtu: 1400, seq: 1 }], 'the application hears of it');
    t.same(lengths(send(h, s, FAR4)), [1396, 124]);
    t.match(send(h, s, FAR4, 1400), [{ df: true, length: 1400 }]);
    t.equal(mtuTo(h, '192.0.2.2'), 1500, 'other destinations keep theirs');
    s.pmtuDiscovery = 2;
    t.equal(h.ping(s, FAR4, data(1373)), -EMSGSIZE, 'an application that forbids pieces is told');
    t.equal(h.ping(s, FAR4, data(1372)), 0);
  },
);

dialogue(
  'RFC 8201 §4: packet too big lowers the estimate; what is larger is cut at the source',
  (t, h) => {
    const s = h.echo();
    t.equal(h.give(tooBig6(send(h, s, FAR6)[0]!, 1400)), 'accepted');
    t.equal(mtuTo(h, FAR6), 1400);
    t.match(s.errors, [{ errno: EMSGSIZE, mtu: 1400 }]);
    const pieces = send(h, s, FAR6);
    t.same(lengths(pieces), [1400, 156]);
    t.ok(
      pieces.every((p) => p.offset >= 0),
      'with fragment headers',
    );
    t.equal(h.give(tooBig6(pieces[0]!, 1280)), 'accepted', 'a piece is a packet of ours too');
    t.same(lengths(send(h, s, FAR6)), [1280, 276]);
  },
);

dialogue(
  'RFC 1191 §7.1: a router that names no MTU: the next plateau below what was sent',
  (t, h) => {
    const s = h.echo();
    const steps: number[] = [];
    for (let i = 0; i < 5; i++) {
      const size = mtuTo(h, FAR4);
      h.give(tooBig4(send(h, s, FAR4, size)[0]!, 0));
      steps.push(mtuTo(h, FAR4));
    }
    t.same(steps, [8166, 4352, 2002, 1492, 1006]);
  },
  { mtu: 9000 },
);

dialogue(
  'RFC 1191 §3: below 552 the estimate does not fall; what is sent may then be cut on its way',
  (t, h) => {
    const s = h.echo();
    t.equal(h.give(tooBig4(send(h, s, FAR4)[0]!, 296)), 'accepted');
    t.equal(mtuTo(h, FAR4), 552);
    t.match(send(h, s, FAR4, 552), [{ df: false, length: 552 }], 'with DF it would never arrive');
    t.not(send(h, s, FAR4, 552)[0]!.id, 0);
    t.match(send(h, s, '192.0.2.9', 552), [{ df: true }], 'elsewhere as ever');
    h.advance(601);
    t.match(send(h, s, FAR4, 552), [{ df: true }], 'and not for ever');
    h.give(tooBig4(send(h, s, FAR4)[0]!, 552));
    t.match(send(h, s, FAR4, 552), [{ df: true }], '552 itself is believed');
    h.give(tooBig4(send(h, s, FAR4, 552)[0]!, 68));
    t.match(send(h, s, FAR4, 552), [{ df: false }]);
  },
);

dialogue('RFC 8201 §4: a message that names less than 1,280 is discarded', (t, h) => {
  const s = h.echo();
  const [p] = send(h, s, FAR6);
  for (const mtu of [0, 1, 68, 1279, 0x80000000, 0xffffffff]) {
    h.give(tooBig6(p!, mtu));
    t.equal(mtuTo(h, FAR6), 1500, `${mtu}`);
  }
  h.give(tooBig6(p!, 1280));
  t.equal(mtuTo(h, FAR6), 1280);
});

dialogue('RFC 1191 §3, RFC 8201 §4: no message raises the estimate', (t, h) => {
  const s = h.echo();
  const [a] = send(h, s, FAR4);
  const [b] = send(h, s, FAR6);
  h.give(tooBig4(a!, 1300));
  h.give(tooBig6(b!, 1300));
  for (const mtu of [1300, 1301, 1400, 1500, 9000, 65535]) {
    h.give(tooBig4(a!, mtu));
    h.give(tooBig6(b!, mtu));
    t.same([mtuTo(h, FAR4), mtuTo(h, FAR6)], [1300, 1300], `${mtu}`);
  }
});

dialogue(
  'RFC 1191 §6.3, RFC 8201 §5.3: an estimate is dropped ten minutes after the last message',
  (t, h) => {
    const s = h.echo();
    const [a] = send(h, s, FAR4);
    const [b] = send(h, s, FAR6);
    h.give(tooBig4(a!, 1300));
    h.give(tooBig6(b!, 1300));
    h.advance(599.999);
    t.same([mtuTo(h, FAR4), mtuTo(h, FAR6)], [1300, 1300]);
    h.advance(0.001);
    t.same([mtuTo(h, FAR4), mtuTo(h, FAR6)], [1500, 1500]);
    h.give(tooBig4(a!, 1400));
    t.equal(mtuTo(h, FAR4), 1400, 'a new one may be larger than the old one was');
  },
);

dialogue(
  'RFC 5927 §7: an error that quotes what we have not sent changes nothing',
  (t, h) => {
    const s = h.echo();
    const [p4] = send(h, s, FAR4);
    const [p6] = send(h, s, FAR6);
    const packet4 = p4!.frame.slice(14);
    const packet6 = p6!.frame.slice(14);
    const with4 = (at: number, ...bytes: number[]): Bytes => {
      const q = packet4.slice();
      q.set(bytes, at);
      return error4(q.slice(0, 28), 3, 4, 1000);
    };
    const with6 = (at: number, ...bytes: number[]): Bytes => {
      const q = packet6.slice();
      q.set(bytes, at);
      return error6(q.slice(0, 100), 2, 0, 1300);
    };
    const beyond = ip6({ src: '2001:db8::1', dst: FAR6, next: 60 }, join([58, 9], data(54)));
    const endless = ip6({ src: '2001:db8::1', dst: FAR6, next: 60 }, join([60, 9], data(54)));
    const forged: [string, Bytes, string][] = [
      ['another source', with4(12, 10, 0, 0, 3), 'ICMP_NO_SOCKET'],
      [
        'another address of ours than the error was sent to',
        with4(12, 172, 16, 0, 1),
        'ICMP_NO_SOCKET',
      ],
      ['another identifier', with4(24, (s.id >>> 8) ^ 1), 'ICMP_NO_SOCKET'],
      ['an echo reply', with4(20, 0), 'ICMP_NO_SOCKET'],
      ['a type of the other family', with4(20, 128), 'ICMP_NO_SOCKET'],
      ['UDP of nobody', with4(9, 17), 'ICMP_NO_SOCKET'],
      ['ICMPv6 over IPv4', with4(9, 58), 'ICMP_NO_SOCKET'],
      ['a protocol that we do not have', with4(9, 132), 'ICMP_NO_SOCKET'],
      ['a later fragment', with4(6, 0, 9), 'ICMP_MALFORMED'],
      ['another version', with4(0, 0x65), 'ICMP_MALFORMED'],
      ['a header length of 16', with4(0, 0x44), 'ICMP_MALFORMED'],
      ['a header beyond the quotation', with4(0, 0x4f), 'ICMP_MALFORMED'],
      ['another IPv6 source', with6(23, 9), 'ICMP_NO_SOCKET'],
      ['another IPv6 identifier', with6(44, (s.id >>> 8) ^ 1), 'ICMP_NO_SOCKET'],
      ['an IPv6 type of the other family', with6(40, 8), 'ICMP_NO_SOCKET'],
      ['ICMP over IPv6', with6(6, 1), 'ICMP_NO_SOCKET'],
      ['a header that ends beyond the quotation', error6(beyond, 2, 0, 1300), 'ICMP_MALFORMED'],
      ['headers without end', error6(endless, 2, 0, 1300), 'ICMP_MALFORMED'],
    ];
    for (const [what, packet, fate] of forged) t.equal(h.give(packet), fate, what);
    for (let n = 0; n < 28; n++) {
      t.equal(
        h.give(error4(packet4.slice(0, n), 3, 4, 1000)),
        'ICMP_MALFORMED',
        `${n} bytes quoted`,
      );
    }
    for (let n = 0; n < 48; n++) {
      t.equal(
        h.give(error6(packet6.slice(0, n), 2, 0, 1300)),
        'ICMP_MALFORMED',
        `${n} bytes quoted`,
      );
    }
    t.same([mtuTo(h, FAR4), mtuTo(h, FAR6)], [1500, 1500]);
    t.same(s.errors, []);
    t.equal(h.give(error4(packet4.slice(0, 28), 3, 4, 1000)), 'accepted', 'the truth is believed');
    t.equal(h.give(error6(packet6.slice(0, 48), 2, 0, 1300)), 'accepted');
    t.same([mtuTo(h, FAR4), mtuTo(h, FAR6)], [1000, 1300]);
  },
  { addresses: ['10.0.0.1/24', '172.16.0.1/16', '2001:db8::1/64'] },
);

dialogue('RFC 5927 §4: a datagram of a socket that is closed now changes nothing', (t, h) => {
  const s = h.echo();
  const [p] = send(h, s, FAR4);
  h.net.echoes.close(s);
  t.equal(h.give(tooBig4(p!, 1000)), 'ICMP_NO_SOCKET');
  t.equal(mtuTo(h, FAR4), 1500);
});

dialogue(
  'RFC 8201 §5.2: the estimate belongs to the destination; link-local ones to the link',
  (t, h) => {
    const s = h.echo();
    s.boundIndex = h.port.iface.index;
    h.ping(s, 'fe80::2', data(1452));
    const [p] = h.sent();
    const message = icmp6(
      { type: 2, rest: 1300 },
      p!.frame.slice(14, 214),
      'fe80::2',
      'fe80::ff:fe00:1',
    );
    t.equal(h.give(ip6({ src: 'fe80::2', dst: 'fe80::ff:fe00:1' }, message)), 'accepted');
    const { paths, env } = h.net;
    t.equal(paths.lookup(ip('fe80::2'), h.port.iface.index)!.mtu(env), 1300);
    const other = h.addPort('eth1', '02:00:00:00:01:01');
    t.equal(paths.lookup(ip('fe80::2'), other.iface.index)!.mtu(env), 1500);
  },
);

dialogue('RFC 8201 §5.2: a group has the smallest estimate of all its paths', (t, h) => {
  const s = h.echo();
  s.boundIndex = h.port.iface.index;
  const mtu = (): number => h.net.paths.lookup(ip('ff0e::1'), s.boundIndex)!.mtu(h.net.env);
  const [p] = send(h, s, 'ff0e::1');
  const seen = [1450, 1300, 1400].map((reported) => {
    t.equal(h.give(tooBig6(p!, reported)), 'accepted');
    return mtu();
  });
  t.same(seen, [1450, 1300, 1300]);
});

dialogue(
  'RFC 1191 §6.6: discovery can be left out: no DF, pieces on the way are for routers',
  (t, h) => {
    const s = h.echo();
    h.give(tooBig4(send(h, s, FAR4)[0]!, 1000));
    s.pmtuDiscovery = 0;
    t.match(send(h, s, FAR4), [{ df: false, length: 1500 }]);
    s.pmtuDiscovery = 3;
    t.match(send(h, s, FAR4), [{ df: true, length: 1500 }], 'a probe ignores the estimate');
  },
);

dialogue('a flood of destinations does not make us forget an estimate', (t, h) => {
  const s = h.echo();
  h.give(tooBig4(send(h, s, FAR4)[0]!, 1000));
  for (let i = 0; i < 20000; i++)
    h.net.paths.lookup(ip(`198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`), 0);
  t.ok(h.net.paths.size <= 4096, `${h.net.paths.size} paths`);
  t.equal(mtuTo(h, FAR4), 1000);
});

dialogue(
  'thousands of estimates, true or forged, do not make a new destination expensive',
  (t, h) => {
    const many = (net: number, i: number) => ip(`198.${net}.${i >> 8}.${i & 255}`);
    for (let i = 0; i < 4096; i++) h.net.paths.learnMtu(h.net.paths.lookup(many(18, i), 0)!, 1000);
    const before = h.net.paths.looks;
    for (let i = 0; i < 1000; i++) h.net.paths.lookup(many(19, i), 0);
    t.ok(h.net.paths.looks - before <= 32 * 1000, `${h.net.paths.looks - before} looks`);
  },
);

dialogue('an error about where we never sent makes no path, though a socket owns it', (t, h) => {
  const { udp, net } = h.stack;
  const s = udp.open('dual');
  t.equal(udp.bind(s, ip('::'), 53), 0);
  const size = net.paths.size;
  for (let i = 1; i < 200; i++) {
    const quoted = ip4({ src: '10.0.0.1', dst: `192.0.2.${i}`, protocol: 17 }, QUERY);
    t.equal(h.give(error4(quoted, 3, 4, 1000)), 'accepted');
  }
  t.equal(net.paths.size, size);
  t.equal(mtuTo(h, FAR4), 1500, 'and nothing is learned for the day that we do');
});

const CODES4: [number, number, number][] = [
  [3, 0, ENETUNREACH],
  [3, 1, EHOSTUNREACH],
  [3, 2, ENOPROTOOPT],
  [3, 3, ECONNREFUSED],
  [3, 5, EOPNOTSUPP],
  [3, 6, ENETUNREACH],
  [3, 7, EHOSTDOWN],
  [3, 8, ENONET],
  [3, 9, ENETUNREACH],
  [3, 10, EHOSTUNREACH],
  [3, 11, ENETUNREACH],
  [3, 12, EHOSTUNREACH],
  [3, 13, EHOSTUNREACH],
  [3, 14, EHOSTUNREACH],
  [3, 15, EHOSTUNREACH],
  [11, 0, EHOSTUNREACH],
  [11, 1, EHOSTUNREACH],
  [12, 0, EPROTO],
];
const CODES6: [number, number, number][] = [
  [1, 0, ENETUNREACH],
  [1, 1, EACCES],
  [1, 2, EHOSTUNREACH],
  [1, 3, EHOSTUNREACH],
  [1, 4, ECONNREFUSED],
  [1, 5, EACCES],
  [1, 6, EACCES],
  [1, 99, EHOSTUNREACH],
  [3, 0, EHOSTUNREACH],
  [3, 1, EHOSTUNREACH],
  [4, 0, EPROTO],
  [4, 1, EPROTO],
  [100, 0, EPROTO],
];

dialogue(
  'RFC 792, RFC 1122 §3.2.2: a received error goes to the socket whose packet it quotes, and to no other',
  (t, h) => {
    const [s, other] = [h.echo(), h.echo()];
    const [p] = send(h, s, FAR4, 100);
    for (const [type, code, errno] of CODES4) {
      t.equal(h.give(error4(p!.frame.slice(14), type, code)), 'accepted', `${type}/${code}`);
      const expected = { errno, type, code, seq: 1 };
      t.match(s.errors.splice(0), [expected], `${type}/${code} ${errnoName(errno)}`);
    }
    t.equal(h.give(error4(p!.frame.slice(14), 3, 16)), 'ICMP_MALFORMED', 'no such code');
    t.same(other.errors, []);
  },
);

dialogue(
  'RFC 4443 §2.4 (a, d), §3: a received error goes to the socket whose packet it quotes, unknown ones too',
  (t, h) => {
    const [s, other] = [h.echo(), h.echo()];
    const [p] = send(h, s, FAR6, 100);
    for (const [type, code, errno] of CODES6) {
      t.equal(h.give(error6(p!.frame.slice(14), type, code)), 'accepted', `${type}/${code}`);
      t.match(s.errors.splice(0), [{ errno, type, code, seq: 1 }], `${type}/${code}`);
    }
    t.same(other.errors, []);
  },
);

dialogue('errors that nobody reads are bounded and counted', (t, h) => {
  const s = h.echo();
  const [p] = send(h, s, FAR4, 100);
  for (let i = 0; i < 100; i++) h.give(error4(p!.frame.slice(14), 3, 1));
  t.equal(s.errors.length, 64);
  t.equal(s.errorsLost, 36);
});

dialogue('RFC 1122 §4.1.3.3: a UDP socket hears of errors about its own datagrams', (t, h) => {
  const u = h.stack.udp.open('dual');
  t.equal(h.stack.udp.connect(u, ip(FAR4), 53), 0);
  t.equal(h.stack.udp.send(u, data(30)), 30);
  h.settle();
  const quote = h.sent()[0]!.frame.slice(14, 42);
  const elsewhere = quote.slice();
  elsewhere[23] = 54;
  t.equal(h.give(error4(elsewhere, 3, 3)), 'ICMP_NO_SOCKET', 'another port');
  t.equal(u.pendingError, 0);
  t.equal(h.give(error4(quote, 3, 3)), 'accepted');
  t.equal(u.pendingError, ECONNREFUSED);
});

dialogue('no route learns from a source quench', (t, h) => {
  const s = h.echo();
  const [p] = send(h, s, FAR4, 100);
  t.equal(h.give(error4(p!.frame.slice(14), 4, 0)), 'ICMP_UNKNOWN_TYPE', 'RFC 6633 §3');
  t.match(send(h, s, FAR4, 100), [{ to: '02:00:00:00:00:fe' }]);
  t.same(s.errors, []);
});
