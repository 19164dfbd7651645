/** Datagrams out: RFC 768, RFC 1122 §4.1.4, RFC 8200 §8.1. What is sent, what is refused, and why. */
import { PMTUDISC } from '../../src/net/out-packet.ts';
import { data } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { dialogue } from './udp-rig.ts';

dialogue(
  'RFC 768: a send names the data, the port and the address; the source is filled in',
  (t, h) => {
    const s = h.bound('dual', '::', 5000);
    t.equal(h.sendTo(s, data(9), '10.0.0.2', 7), 9);
    t.equal(h.sendTo(s, data(9), '2001:db8::2', 8), 9);
    t.same(h.lines(), [
      '10.0.0.1 > 10.0.0.2 udp 5000 > 7 len 9',
      '2001:db8::1 > 2001:db8::2 udp 5000 > 8 len 9',
    ]);
    t.equal(h.net.mib.udp4.get('OutDatagrams'), 1);
    t.equal(h.net.mib.udp6.get('OutDatagrams'), 1);
  },
);

dialogue('RFC 1122 §4.1.3.5: bound to one of our addresses, a socket sends from it', (t, h) => {
  h.addAddress(h.port, '10.0.0.3/24');
  h.settle();
  h.lines();
  const s = h.bound('ipv4', '10.0.0.3', 5000);
  h.sendTo(s, data(1), '10.0.0.2', 7);
  t.same(h.lines(), ['10.0.0.3 > 10.0.0.2 udp 5000 > 7 len 1']);
});

dialogue('a datagram without data is sent, over either family', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  t.equal(h.sendTo(s, data(0), '10.0.0.2', 7), 0);
  t.equal(h.sendTo(s, data(0), '2001:db8::2', 7), 0);
  t.same(h.lines(), [
    '10.0.0.1 > 10.0.0.2 udp 5000 > 7 len 0',
    '2001:db8::1 > 2001:db8::2 udp 5000 > 7 len 0',
  ]);
});

/** Two bytes of data that make everything sum to 0xffff, so that the complement is 0. */
function nulling(check: number): Uint8Array {
  return Uint8Array.of(check >>> 8, check & 255);
}

dialogue('RFC 768: a checksum that comes out as zero is sent as all ones', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  for (const to of ['10.0.0.2', '2001:db8::2']) {
    const check = () => {
      const { payload } = h.sent()[0]!;
      return (payload[6]! << 8) | payload[7]!;
    };
    h.sendTo(s, Uint8Array.of(0, 0), to, 7);
    const plain = check();
    h.sendTo(s, nulling(plain), to, 7);
    t.equal(check(), 0xffff, to);
    h.sendTo(s, nulling(plain ^ 1), to, 7);
    t.not(check(), 0xffff, 'and only then');
  }
});

dialogue(
  'RFC 1122 §4.1.3.4: an application may send IPv4 without a checksum; IPv6 always has one',
  (t, h) => {
    const s = h.bound('dual', '::', 5000);
    s.isChecksumOff = true;
    h.sendTo(s, data(50), '10.0.0.2', 7);
    h.sendTo(s, data(50), '2001:db8::2', 7);
    const [four, six] = h.sent();
    t.same([...four!.payload.subarray(6, 8)], [0, 0]);
    t.equal(six!.line, '2001:db8::1 > 2001:db8::2 udp 5000 > 7 len 50', 'its checksum is good');
  },
);

dialogue(
  'the longest datagrams: 65,507 bytes over IPv4, 65,527 over IPv6; one more is EMSGSIZE',
  (t, h) => {
    const s = h.bound('dual', '::', 5000);
    const cases: [string, number, number | string][] = [
      ['10.0.0.2', 65_507, 65_507],
      ['10.0.0.2', 65_508, 'EMSGSIZE'],
      ['10.0.0.2', 65_536, 'EMSGSIZE'],
      ['2001:db8::2', 65_527, 65_527],
      ['2001:db8::2', 65_528, 'EMSGSIZE'],
      ['2001:db8::2', 1 << 20, 'EMSGSIZE'],
      ['127.0.0.1', 65_507, 65_507],
      ['::1', 65_508, 65_508],
    ];
    for (const [to, len, expected] of cases) {
      t.equal(h.sendTo(s, data(len), to, 5000), expected, `${len} to ${to}`);
      const bytes = h.sent().reduce((n, f) => n + f.payload.length, 0);
      const isAway = typeof expected === 'number' && !to.endsWith('.1') && to !== '::1';
      t.equal(bytes, isAway ? len + 8 : 0, 'all of it, or nothing');
    }
    t.match(h.take(s), { len: 65_507, body: data(65_507) });
    t.match(h.take(s), { len: 65_508, body: data(65_508) });
  },
);

dialogue('IP_MTU_DISCOVER: DF on what fits, fragments or EMSGSIZE for what does not', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  const cases: [keyof typeof PMTUDISC, string, number, string][] = [
    ['DONT', '10.0.0.2', 1472, '1 frame'],
    ['DONT', '10.0.0.2', 1473, '2 frames'],
    ['WANT', '10.0.0.2', 1472, '1 frame DF'],
    ['WANT', '10.0.0.2', 1473, '2 frames'],
    ['DO', '10.0.0.2', 1472, '1 frame DF'],
    ['DO', '10.0.0.2', 1473, 'EMSGSIZE'],
    ['PROBE', '10.0.0.2', 1472, '1 frame DF'],
    ['PROBE', '10.0.0.2', 1473, 'EMSGSIZE'],
    ['WANT', '2001:db8::2', 1452, '1 frame'],
    ['WANT', '2001:db8::2', 1453, '2 frames'],
    ['DO', '2001:db8::2', 1452, '1 frame'],
    ['DO', '2001:db8::2', 1453, 'EMSGSIZE'],
    ['PROBE', '2001:db8::2', 1453, 'EMSGSIZE'],
  ];
  for (const [how, to, len, expected] of cases) {
    s.pmtuDiscovery = PMTUDISC[how];
    const result = h.sendTo(s, data(len), to, 7);
    const seen = h.sent();
    const df = seen.some((f) => f.df) ? ' DF' : '';
    const what = `${seen.length} frame${seen.length === 1 ? '' : 's'}${df}`;
    t.equal(typeof result === 'string' ? result : what, expected, `${how} ${len} to ${to}`);
  }
});

dialogue('RFC 1122 §4.1.4: TTL, TOS and the TTL of groups are the application’s to set', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  const sentTo = (to: string) => {
    h.sendTo(s, data(1), to, 7);
    const { ttl, tos } = h.sent()[0]!;
    return [ttl, tos];
  };
  t.same(sentTo('10.0.0.2'), [64, 0], 'the defaults');
  t.same(sentTo('2001:db8::2'), [64, 0]);
  t.same(sentTo('224.0.0.5'), [1, 0], 'groups: this link only');
  t.same(sentTo('ff02::5'), [1, 0]);
  s.ttl = 7;
  s.tos = 0xb8;
  s.multicastTtl = 3;
  t.same(sentTo('10.0.0.2'), [7, 0xb8]);
  t.same(sentTo('2001:db8::2'), [7, 0xb8]);
  t.same(sentTo('224.0.0.5'), [3, 0xb8]);
  t.same(sentTo('ff02::5'), [3, 0xb8]);
  h.net.config.ttl4 = 99;
  s.ttl = 0;
  t.same(sentTo('10.0.0.2'), [99, 0xb8], 'the sysctl acts at once');
});

dialogue('RFC 1122 §4.1.4: the TTL and TOS of what was received are passed up', (t, h) => {
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  const sender = h.bound('ipv4', '127.0.0.1', 5001);
  sender.ttl = 5;
  sender.tos = 0x22;
  h.sendTo(sender, data(1), '127.0.0.1', 5000);
  t.match(h.take(s), { ttl: 5, tos: 0x22 });
});

dialogue('broadcasts need permission: EACCES without it', (t, h) => {
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  for (const to of ['255.255.255.255', '10.0.0.255']) {
    t.equal(h.sendTo(s, data(1), to, 7), 'EACCES');
    t.equal(h.connect(s, to, 7), 'EACCES');
  }
  s.isBroadcastAllowed = true;
  for (const to of ['255.255.255.255', '10.0.0.255']) {
    t.equal(h.sendTo(s, data(1), to, 7), 1);
    const [seen] = h.sent();
    t.equal(seen!.line, `10.0.0.1 > ${to} udp 5000 > 7 len 1`);
    t.equal(seen!.to, 'ff:ff:ff:ff:ff:ff');
    t.equal(h.connect(s, to, 7), 'ok');
    h.udp.disconnect(s);
  }
});

dialogue('groups go to their link-layer address, out of the interface that is named', (t, h) => {
  const other = h.addPort('eth1', '02:00:00:00:00:01');
  h.addAddress(other, '10.1.0.1/24');
  h.settle();
  other.lines();
  const s = h.bound('dual', '::', 5000);
  t.equal(h.sendTo(s, data(1), '239.129.2.3', 7), 1);
  t.equal(h.sent()[0]!.to, '01:00:5e:01:02:03');
  t.equal(h.sendTo(s, data(1), `239.1.2.3%${other.iface.index}`, 7), 1);
  t.same(other.lines(), ['10.1.0.1 > 239.1.2.3 udp 5000 > 7 len 1']);
  t.equal(h.sendTo(s, data(1), `ff02::1:3%${other.iface.index}`, 7), 1);
  t.equal(other.sent()[0]!.to, '33:33:00:01:00:03');
  t.same(h.lines(), []);
});

dialogue('a link-local address without its link is EINVAL; Linux guesses', (t, h) => {
  const s = h.bound('ipv6', '::', 5000);
  t.equal(h.sendTo(s, data(1), 'fe80::2', 7), 'EINVAL');
  t.equal(h.sendTo(s, data(1), `fe80::2%${h.port.iface.index}`, 7), 1);
  t.match(h.lines()[0], /^fe80::\S+ > fe80::2 udp 5000 > 7 len 1$/);
});

dialogue('wrong families, wrong ports, nobody to send to', (t, h) => {
  t.equal(h.sendTo(h.open('ipv4'), data(1), '2001:db8::2', 7), 'EAFNOSUPPORT');
  t.equal(h.sendTo(h.open('ipv6'), data(1), '10.0.0.2', 7), 'ENETUNREACH');
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  for (const port of [0, -1, 65_536]) t.equal(h.sendTo(s, data(1), '10.0.0.2', port), 'EINVAL');
  t.equal(h.send(s, data(1)), 'EDESTADDRREQ');
  t.same(h.lines(), []);
});

dialogue(
  'no address of the family on the way out: EADDRNOTAVAIL',
  (t, h) => {
    const s = h.open('ipv4');
    s.isBroadcastAllowed = true;
    t.equal(h.stack.addRoute(ip('10.9.0.0'), 16, null, h.port.iface), 0);
    t.equal(h.sendTo(s, data(1), '10.9.0.1', 7), 'EADDRNOTAVAIL');
    t.equal(h.connect(s, '10.9.0.1', 7), 'EADDRNOTAVAIL');
  },
  { addresses: ['2001:db8::1/64'], gateway: false },
);

dialogue('a connected socket may send to others, and hears the one it is connected to', (t, h) => {
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  h.connect(s, '10.0.0.2', 7);
  t.equal(h.sendTo(s, data(1), '10.0.0.2', 8), 1);
  t.equal(h.send(s, data(2)), 2);
  t.same(h.lines(), [
    '10.0.0.1 > 10.0.0.2 udp 5000 > 8 len 1',
    '10.0.0.1 > 10.0.0.2 udp 5000 > 7 len 2',
  ]);
});

dialogue('the unspecified address is this host', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  t.equal(h.sendTo(s, data(4), '0.0.0.0', 5000), 4);
  t.equal(h.sendTo(s, data(6), '::', 5000), 6);
  t.equal(h.brief(s), '127.0.0.1 5000 4');
  t.equal(h.brief(s), '::1 5000 6');
});

dialogue(
  'the address a socket is bound to goes away: ENETUNREACH; it comes back, and all is well',
  (t, h) => {
    h.addAddress(h.port, '2001:db8::1/64');
    const four = h.bound('ipv4', '10.0.0.1', 5000);
    const six = h.bound('ipv6', '2001:db8::1', 5000);
    for (const [s, own, peer] of [
      [four, '10.0.0.1', '10.0.0.2'],
      [six, '2001:db8::1', '2001:db8::2'],
    ] as const) {
      const length = peer.includes(':') ? 64 : 24;
      t.equal(h.sendTo(s, data(1), peer, 7), 1);
      t.equal(h.stack.removeAddress(h.port.iface, ip(own)), 0);
      h.addAddress(h.port, peer.includes(':') ? '2001:db8::7/64' : '10.0.0.7/24');
      h.lines();
      t.equal(h.sendTo(s, data(1), peer, 7), 'ENETUNREACH', 'Linux checks this over IPv4 only');
      t.same(h.lines(), []);
      h.addAddress(h.port, `${own}/${length}`);
      t.equal(h.sendTo(s, data(1), peer, 7), 1);
    }
  },
);

dialogue(
  'IPv6: no packet leaves without a checksum, whole, in fragments or done by the device',
  (t, h) => {
    const s = h.bound('ipv6', '::', 5000);
    for (const len of [0, 1, 1452]) {
      t.equal(h.sendTo(s, data(len), '2001:db8::2', 7), len);
      t.equal(h.lines()[0], `2001:db8::1 > 2001:db8::2 udp 5000 > 7 len ${len}`);
    }
    t.equal(h.sendTo(s, data(3000), '2001:db8::2', 7), 3000);
    const whole = h.sent().flatMap((f) => [...f.payload]);
    t.not((whole[6]! << 8) | whole[7]!, 0);
  },
);
