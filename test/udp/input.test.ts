/** Datagrams in: RFC 768, RFC 1122 §4.1.3, RFC 8200 §8.1. Whose they are, and what becomes of bad ones. */
import { GSO, RX, RX_FLAG, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { UDP } from '../../src/net/mib.ts';
import { READY } from '../../src/udp/udp-socket.ts';
import {
  data,
  ethernet,
  fragments4,
  fragments6,
  ip4,
  ip6,
  join,
  sum16,
  udp,
} from '../net/packets.ts';
import { datagram, dialogue, UdpHarness } from './udp-rig.ts';

const BOTH = [
  { family: 'ipv4', any: '0.0.0.0', us: '10.0.0.1', peer: '10.0.0.2', other: '10.0.0.9' },
  { family: 'ipv6', any: '::', us: '2001:db8::1', peer: '2001:db8::2', other: '2001:db8::9' },
] as const;

dialogue('RFC 768: a receive returns the data, the source address and the source port', (t, h) => {
  for (const { family, any, us, peer } of BOTH) {
    const s = h.bound(family, any, 5000);
    h.advance(1.5);
    t.equal(h.arrives({ from: 4001 }, data(37), peer, us), 'accepted');
    const r = h.take(s);
    t.match(r, {
      from: `${peer} 4001`,
      to: us,
      iface: h.port.iface.index,
      len: 37,
      ttl: 64,
      atNs: h.net.env.nowNs,
    });
    t.same(typeof r === 'string' ? r : r.body, data(37));
    t.equal(h.brief(s), 'EAGAIN');
    h.udp.close(s);
  }
});

dialogue('RFC 768: source port 0 means that no reply is expected, and is accepted', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  t.equal(h.arrives({ from: 0 }, data(5)), 'accepted');
  t.equal(h.brief(s), '10.0.0.2 0 5');
  t.equal(h.sendTo(s, data(1), '10.0.0.2', 0), 'EINVAL', 'and none can be sent');
});

dialogue('a datagram without data is delivered, and is no end of anything', (t, h) => {
  for (const { family, any, us, peer } of BOTH) {
    const s = h.bound(family, any, 5000);
    h.arrives({}, data(0), peer, us);
    h.arrives({}, data(1), peer, us);
    t.match(h.take(s), { len: 0, body: data(0) });
    t.match(h.take(s), { len: 1 });
    h.udp.close(s);
  }
});

dialogue(
  'a reader with less room gets the beginning; the rest is lost, and the length tells',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    for (const len of [100, 1400, 3]) h.arrives({}, data(len));
    t.match(h.take(s, 10), { len: 100, body: data(10) });
    t.match(h.take(s, 900), { len: 1400, body: data(900) });
    t.match(h.take(s, 0), { len: 3, body: data(0) });
    t.equal(h.brief(s), 'EAGAIN');
    t.equal(h.memory.cells.held, 0);
  },
);

dialogue(
  'RFC 768: a length shorter than the IP payload: what follows is padding, and not summed',
  (t, h) => {
    for (const { family, any, us, peer } of BOTH) {
      const s = h.bound(family, any, 5000);
      const message = join(udp({}, data(9), peer, us), [1, 2, 3, 4, 5]);
      const packet =
        family === 'ipv4' ? ip4({ protocol: 17 }, message) : ip6({ next: 17 }, message);
      t.equal(h.give(packet), 'accepted');
      const summed = { flags: RX_FLAG.CSUM_COMPLETE, sum: sum16(packet) };
      t.equal(h.give(packet, summed), 'accepted', 'the device has summed the padding too');
      t.match(h.take(s), { len: 9, body: data(9) });
      t.match(h.take(s), { len: 9, body: data(9) });
      h.udp.close(s);
    }
  },
);

dialogue(
  'RFC 768: a length below 8, or beyond the IP payload, is an error and is dropped',
  (t, h) => {
    for (const { family, any, us, peer } of BOTH) {
      const s = h.bound(family, any, 5000);
      const mib = family === 'ipv4' ? h.net.mib.udp4 : h.net.mib.udp6;
      const wrap = (m: Uint8Array) =>
        family === 'ipv4' ? ip4({ protocol: 17 }, m) : ip6({ next: 17 }, m);
      for (const len of [0, 1, 7, 18, 65535]) {
        const message = udp({}, data(9), peer, us);
        message[4] = len >>> 8;
        message[5] = len & 255;
        t.equal(h.give(wrap(message)), 'UDP_TRUNCATED', `length ${len}`);
      }
      t.equal(
        h.give(wrap(udp({}, data(9), peer, us).slice(0, 7))),
        'UDP_TRUNCATED',
        'no whole header',
      );
      t.equal(mib.get('InErrors'), 6);
      t.equal(h.brief(s), 'EAGAIN');
      h.udp.close(s);
    }
  },
);

dialogue('RFC 1122 §4.1.3.4: a wrong checksum is dropped silently and counted', (t, h) => {
  for (const { family, any, us, peer } of BOTH) {
    const s = h.bound(family, any, 5000);
    const mib = family === 'ipv4' ? h.net.mib.udp4 : h.net.mib.udp6;
    for (let bit = 0; bit < 8 * 30; bit++) {
      const packet = datagram({}, data(22), peer, us);
      const header = family === 'ipv4' ? 20 : 40;
      packet[header + (bit >> 3)]! ^= 1 << (bit & 7);
      const isLength = bit >> 3 === 4 || bit >> 3 === 5;
      const fate = h.give(packet);
      if (fate !== 'UDP_BAD_CHECKSUM' && !(isLength && fate === 'UDP_TRUNCATED')) {
        t.fail(`bit ${bit} flipped: ${fate}`);
      }
    }
    t.equal(mib.get('InErrors'), 240);
    t.ok(mib.get('InCsumErrors') >= 224);
    t.same(h.lines(), [], 'no answer: not even a port unreachable');
    t.equal(h.brief(s), 'EAGAIN');
    h.udp.close(s);
  }
});

dialogue('RFC 768: checksum 0 means that there is none: accepted over IPv4', (t, h) => {
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  t.equal(h.arrives({ checksum: 0 }, data(10)), 'accepted');
  t.equal(h.brief(s), '10.0.0.2 4000 10');
});

dialogue('RFC 8200 §8.1: checksum 0 over IPv6 is dropped', (t, h) => {
  const s = h.bound('ipv6', '::', 5000);
  t.equal(h.arrives({ checksum: 0 }, data(10), '2001:db8::2', '2001:db8::1'), 'UDP_BAD_CHECKSUM');
  t.equal(h.net.mib.udp6.get('InCsumErrors'), 1);
  t.equal(h.brief(s), 'EAGAIN');
});

dialogue(
  'the device vouches, sums, or leaves the sum out: the same datagrams arrive',
  (t, h) => {
    const s = h.bound('dual', '::', 5000);
    for (const { us, peer } of BOTH) {
      for (const len of [0, 1, 2, 99, 1400]) {
        const packet = datagram({}, data(len), peer, us);
        const wrong = packet.slice();
        wrong[packet.length - 1]! ^= 0x40;
        const complete = (p: Uint8Array) => ({ flags: RX_FLAG.CSUM_COMPLETE, sum: sum16(p) });
        t.equal(h.give(packet, complete(packet)), 'accepted', `summed, ${len}`);
        t.equal(
          h.give(packet, { ...complete(packet), pad: 9 }),
          'accepted',
          'padding spoils the sum',
        );
        t.equal(h.give(packet, { flags: RX_FLAG.CSUM_VALID }), 'accepted');
        t.equal(h.give(packet, { flags: RX_FLAG.CSUM_PARTIAL, csum: 0 }), 'accepted');
        for (let i = 0; i < 4; i++) t.match(h.take(s), { len });
        if (len > 0) t.equal(h.give(wrong, complete(wrong)), 'UDP_BAD_CHECKSUM');
      }
    }
  },
  { caps: { rxChecksum: true } },
);

dialogue(
  'RFC 1122 §4.1.3.1: nobody at the port: port unreachable, with the datagram in it',
  (t, h) => {
    for (const { us, peer } of BOTH) {
      const packet = datagram({ to: 9 }, data(20), peer, us);
      t.equal(h.give(packet), 'UDP_NO_PORT');
      const [seen] = h.sent();
      const kind = us.includes(':') ? 'icmp6 1/4' : 'icmp 3/3';
      t.equal(seen!.line, `${us} > ${peer} ${kind} quote ${packet.length}`);
      t.same(seen!.payload.subarray(8), packet);
    }
    t.equal(h.net.mib.udp4.get('NoPorts'), 1);
    t.equal(h.net.mib.udp6.get('NoPorts'), 1);
  },
);

dialogue('RFC 1122 §3.2.2: no error is sent about a broadcast or a group datagram', (t, h) => {
  h.port.iface.join({ w0: 0, w1: 0, w2: 0xffff, w3: 0xef010203 | 0 });
  const cases: [string, string, string][] = [
    ['10.0.0.2', '10.0.0.255', 'ff:ff:ff:ff:ff:ff'],
    ['10.0.0.2', '255.255.255.255', 'ff:ff:ff:ff:ff:ff'],
    ['10.0.0.2', '239.1.2.3', '01:00:5e:01:02:03'],
    ['2001:db8::2', 'ff02::1', '33:33:00:00:00:01'],
  ];
  for (const [src, dst, mac] of cases) {
    t.equal(h.give(datagram({ to: 9 }, data(1), src, dst), { dst: mac }), 'UDP_NO_PORT', dst);
  }
  t.same(h.lines(), []);
  t.equal(h.net.mib.udp4.get('IgnoredMulti') + h.net.mib.udp6.get('IgnoredMulti'), 4);
  t.equal(h.net.mib.udp4.get('NoPorts'), 0);
});

dialogue(
  'the most particular socket gets the datagram: connected, then bound, then the wildcard',
  (t, h) => {
    for (const { family, any, us, peer, other } of BOTH) {
      const dual = family === 'ipv6' ? null : h.bound('dual', '::', 6000);
      const wild = h.bound(family, any, 5000);
      h.connect(wild, other, 4000); // so that others can take the port at the same address
      const connected = h.bound(family, us === '10.0.0.1' ? '127.0.0.1' : '::1', 5000);
      h.udp.disconnect(wild);
      t.equal(h.arrives({ from: 4000 }, data(1), peer, us), 'accepted');
      t.equal(h.brief(wild), `${peer} 4000 1`);
      t.equal(h.brief(connected), 'EAGAIN', 'bound elsewhere');
      h.connect(wild, peer, 4000);
      t.equal(h.arrives({ from: 4000 }, data(2), peer, us), 'accepted');
      t.equal(h.arrives({ from: 4001 }, data(3), peer, us), 'UDP_NO_PORT', 'another port');
      t.equal(h.arrives({ from: 4000 }, data(4), other, us), 'UDP_NO_PORT', 'another host');
      t.equal(h.brief(wild), `${peer} 4000 2`);
      t.equal(h.brief(wild), 'EAGAIN');
      h.lines();
      for (const s of [dual, wild, connected]) if (s !== null) h.udp.close(s);
    }
  },
);

dialogue('a socket of both families takes what no socket of one family is there for', (t, h) => {
  const four = h.bound('ipv4', '10.0.0.1', 5000);
  const six = h.bound('ipv6', '::', 5000);
  const dual = h.open('dual');
  t.equal(h.bind(dual, '::', 5000), 'EADDRINUSE');
  t.equal(h.bind(dual, '0.0.0.0', 5000), 'EADDRINUSE');
  t.equal(h.bind(dual, '127.0.0.1', 5000), 'ok');
  h.arrives({}, data(4));
  h.arrives({}, data(6), '2001:db8::2', '2001:db8::1');
  t.equal(h.brief(four), '10.0.0.2 4000 4');
  t.equal(h.brief(six), '2001:db8::2 4000 6');
  const both = h.bound('dual', '::', 5001);
  h.arrives({ to: 5001 }, data(4));
  h.arrives({ to: 5001 }, data(6), '2001:db8::2', '2001:db8::1');
  t.equal(h.brief(both), '10.0.0.2 4000 4');
  t.equal(h.brief(both), '2001:db8::2 4000 6');
  const mapped = h.bound('dual', '0.0.0.0', 5002);
  t.equal(h.arrives({ to: 5002 }, data(6), '2001:db8::2', '2001:db8::1'), 'UDP_NO_PORT');
  t.equal(h.arrives({ to: 5002 }, data(4)), 'accepted');
  t.equal(h.brief(mapped), '10.0.0.2 4000 4');
});

dialogue('sockets bound to interfaces share a port, and each hears its own', (t, h) => {
  const other = h.addPort('eth1', '02:00:00:00:00:01');
  h.addAddress(other, '10.1.0.1/24');
  h.addAddress(other, 'fe80::7/64');
  h.addAddress(h.port, 'fe80::7/64');
  h.settle();
  const [first, second] = [h.port.iface.index, other.iface.index];
  const a = h.bound('ipv4', `0.0.0.0%${first}`, 5000);
  const b = h.bound('ipv4', `0.0.0.0%${second}`, 5000);
  t.equal(h.give(datagram({}, data(1))), 'accepted');
  t.equal(h.give(datagram({}, data(2), '10.1.0.2', '10.1.0.1'), {}, other), 'accepted');
  t.equal(
    h.give(datagram({}, data(3), '10.1.0.2', '10.0.0.1'), {}, other),
    'accepted',
    'by arrival',
  );
  t.equal(h.brief(a), '10.0.0.2 4000 1');
  t.equal(h.brief(b), '10.1.0.2 4000 2');
  t.equal(h.brief(b), '10.1.0.2 4000 3');
  h.udp.close(a);
  t.equal(h.give(datagram({}, data(1))), 'UDP_NO_PORT');
  const links = [first, second].map((index) => h.bound('ipv6', `fe80::7%${index}`, 5000));
  t.equal(h.give(datagram({}, data(1), 'fe80::2', 'fe80::7')), 'accepted');
  t.equal(h.give(datagram({}, data(2), 'fe80::2', 'fe80::7'), {}, other), 'accepted');
  t.match(h.take(links[0]!), { len: 1, iface: first });
  t.match(h.take(links[1]!), { len: 2, iface: second });
});

dialogue(
  'to our own link-local address: in through loopback, but it belongs to the link',
  (t, h) => {
    const index = h.port.iface.index;
    h.addAddress(h.port, 'fe80::7/64');
    const s = h.bound('ipv6', `fe80::7%${index}`, 5000);
    const from = h.bound('ipv6', `fe80::7%${index}`, 5001);
    t.equal(h.sendTo(from, data(9), `fe80::7%${index}`, 5000), 9);
    t.match(h.take(s), { from: 'fe80::7 5001', iface: index, len: 9 });
    const global = h.bound('ipv6', `::%${index}`, 5002);
    t.equal(h.sendTo(from, data(3), `2001:db8::1`, 5002), 3);
    t.match(h.take(global), { iface: index, len: 3 });
  },
);

dialogue(
  'broadcasts reach the wildcard and sockets bound to that broadcast, not those of an address',
  (t, h) => {
    const wild = h.bound('ipv4', '0.0.0.0', 5000);
    const subnet = h.bound('ipv4', '10.0.0.255', 5001);
    const limited = h.bound('ipv4', '255.255.255.255', 5001);
    const host = h.bound('ipv4', '10.0.0.1', 5002);
    const how = { dst: 'ff:ff:ff:ff:ff:ff' };
    const give = (to: number, dst: string) =>
      h.give(datagram({ to }, data(to & 3), '10.0.0.2', dst), how);
    t.equal(give(5000, '10.0.0.255'), 'accepted');
    t.equal(give(5000, '255.255.255.255'), 'accepted');
    t.equal(give(5001, '10.0.0.255'), 'accepted');
    t.equal(give(5001, '255.255.255.255'), 'accepted');
    t.equal(give(5002, '10.0.0.255'), 'UDP_NO_PORT');
    t.match(h.take(wild), { to: '10.0.0.255' });
    t.match(h.take(wild), { to: '255.255.255.255' });
    t.match(h.take(subnet), { to: '10.0.0.255' });
    t.match(h.take(limited), { to: '255.255.255.255' });
    t.equal(h.brief(host), 'EAGAIN');
  },
);

dialogue(
  'groups: only what the interface has joined, to the wildcard and to who bound the group',
  (t, h) => {
    const other = h.addPort('eth1', '02:00:00:00:00:01');
    h.addAddress(other, '10.1.0.1/24');
    h.settle();
    const group = { w0: 0, w1: 0, w2: 0xffff, w3: 0xef010203 | 0 };
    h.port.iface.join(group);
    const wild = h.bound('ipv4', '0.0.0.0', 5000);
    const member = h.bound('ipv4', '239.1.2.3', 5001);
    const how = { dst: '01:00:5e:01:02:03' };
    const to = (port: number, dst = '239.1.2.3') =>
      datagram({ to: port }, data(1), '10.0.0.2', dst);
    t.equal(h.give(to(5000), how), 'accepted');
    t.equal(h.give(to(5001), how), 'accepted');
    t.equal(h.give(to(5000, '239.1.2.4'), how), 'IP_NOT_MEMBER');
    t.equal(h.give(to(5000), how, other), 'IP_NOT_MEMBER', 'joined on the other interface only');
    t.equal(h.arrives({ to: 5001 }, data(1)), 'UDP_NO_PORT', 'not what is sent to the host');
    t.match(h.take(wild), { to: '239.1.2.3' });
    t.match(h.take(member), { to: '239.1.2.3' });
    h.port.iface.leave(group);
    t.equal(h.give(to(5000), how), 'IP_NOT_MEMBER');
    t.equal(h.brief(wild), 'EAGAIN');
  },
);

dialogue(
  'the receive queue is bounded in bytes: 277 datagrams of one byte fit, and one goes over',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    t.equal(s.rcvbufBytes, 212_992);
    const fates = Array.from({ length: 300 }, () => h.arrives({}, data(1)));
    const fits = Math.floor(212_992 / 768);
    t.equal(fits, 277);
    t.equal(fates.filter((f) => f === 'accepted').length, fits + 1);
    t.equal(fates.indexOf('UDP_RCVBUF'), fits + 1, 'the newest are refused, none is pushed out');
    const lost = 300 - fits - 1;
    t.equal(s.droppedFull, lost);
    t.equal(h.net.mib.udp4.values[UDP.RcvbufErrors], lost);
    t.equal(h.net.mib.udp4.get('InErrors'), lost);
    t.equal(h.net.mib.udp4.get('InDatagrams'), fits + 1);
    t.equal(h.net.drops.get('UDP_RCVBUF'), lost);
    h.take(s);
    t.equal(h.arrives({}, data(1)), 'accepted', 'one read makes room for one');
    t.equal(h.arrives({}, data(1)), 'UDP_RCVBUF');
  },
);

dialogue(
  'one datagram fits any queue, however small, and an empty datagram is charged too',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    s.rcvbufBytes = 0;
    const pieces = fragments4(datagram({}, data(60_000)), 1480, { id: 5 });
    t.equal(h.giveAll(pieces).at(-1), 'accepted');
    t.equal(h.arrives({}, data(0)), 'UDP_RCVBUF');
    t.match(h.take(s), { len: 60_000, body: data(60_000) });
    s.rcvbufBytes = 4 * 768;
    const fates = Array.from({ length: 8 }, () => h.arrives({}, data(0)));
    t.equal(fates.filter((f) => f === 'accepted').length, 5);
  },
);

dialogue(
  'no memory left in the whole stack: dropped, counted as such, and the socket knows',
  (t, h) => {
    const sockets = Array.from({ length: 4 }, (_, i) => h.bound('ipv4', '0.0.0.0', 5000 + i));
    const fates: string[] = [];
    for (let i = 0; i < 120; i++) fates.push(h.arrives({ to: 5000 + (i & 3) }, data(1400)));
    const lost = fates.filter((f) => f === 'UDP_NO_MEMORY').length;
    t.ok(lost > 0);
    t.equal(fates.length - lost, fates.filter((f) => f === 'accepted').length);
    t.equal(h.net.mib.udp4.get('MemErrors'), lost);
    t.equal(h.net.mib.udp4.get('InErrors'), lost);
    t.equal(h.net.mib.udp4.get('RcvbufErrors'), 0);
    t.equal(
      sockets.reduce((n, s) => n + s.droppedNoMemory, 0),
      lost,
    );
    t.equal(h.take(sockets[0]!) === 'EAGAIN', false);
    t.equal(h.arrives({ to: 5000 }, data(1400)), 'accepted', 'what was read makes room');
  },
  { cellBytes: 64 * 704 },
);

dialogue('a datagram in fragments, and one whose length lies in them', (t, h) => {
  const s = h.bound('dual', '::', 5000);
  const four = fragments4(datagram({}, data(5000)), 1480, { id: 1 });
  t.equal(h.giveAll(four).at(-1), 'accepted');
  const six = fragments6(datagram({}, data(5000), '2001:db8::2', '2001:db8::1'), 1448, 2);
  t.equal(h.giveAll([...six].reverse()).at(-1), 'accepted');
  for (let i = 0; i < 2; i++) t.match(h.take(s), { len: 5000, body: data(5000) });
  const wrong = datagram({}, data(3000));
  wrong[2000]! ^= 1;
  t.equal(h.giveAll(fragments4(wrong, 1480, { id: 3 })).at(-1), 'UDP_BAD_CHECKSUM');
});

/** A super-frame: one header, data of several datagrams of `size` bytes behind it. */
function superFrame(h: UdpHarness, size: number, len: number, to = 5000): string {
  const bytes = ethernet(datagram({ to }, data(len)));
  const frame = h.frames.fromBytes(bytes);
  const w = frame * RX_STRIDE;
  h.frames.words[w + RX.FLAGS] = RX_FLAG.CSUM_PARTIAL;
  h.frames.words[w + RX.CSUM] = (34 << 16) | 6;
  h.frames.words[w + RX.GSO] = (GSO.UDP_L4 << 16) | size;
  h.port.device.take(frame);
  const before = h.net.drops.accepted;
  h.settle();
  return h.net.drops.accepted > before ? 'accepted' : 'dropped';
}

dialogue(
  'USO: a super-frame is as many datagrams as it holds, the last one shorter',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    t.equal(superFrame(h, 100, 950), 'accepted');
    for (let i = 0; i < 10; i++) {
      t.match(h.take(s), {
        from: '10.0.0.2 4000',
        len: i < 9 ? 100 : 50,
        body: data(i < 9 ? 100 : 50, i * 100),
      });
    }
    t.equal(h.brief(s), 'EAGAIN');
    t.equal(h.net.mib.udp4.get('InDatagrams'), 10);
    s.rcvbufBytes = 768;
    t.equal(superFrame(h, 100, 500), 'dropped', 'some of it');
    t.equal(s.queue.count, 2);
    t.equal(s.droppedFull, 3);
    t.equal(superFrame(h, 100, 500, 9), 'dropped');
    t.same(h.lines().length, 1, 'one port unreachable for all of it');
  },
  () => new UdpHarness({ caps: { rxChecksum: true, gro: true, maxFrame: 65_549 } }),
);

dialogue(
  'READY.IN once a turn, however many arrive; what an application does then is the next turn',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    const heard: number[] = [];
    s.listener = { onReady: (bits) => heard.push(bits) };
    for (let i = 0; i < 3; i++)
      h.port.device.take(h.frames.fromBytes(ethernet(datagram({}, data(i)))));
    h.settle();
    t.same(heard, [READY.IN]);
    t.equal(s.queue.count, 3);
    h.udp.close(s);
    h.arrives({}, data(1));
    t.same(heard, [READY.IN], 'a closed socket hears nothing');
  },
);

dialogue('an application that throws keeps nobody else from being told', (t, h) => {
  const heard: string[] = [];
  const names = ['a', 'b', 'c'];
  const sockets = names.map((name, i) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000 + i);
    s.listener = {
      onReady: () => {
        heard.push(name);
        if (name === 'b') throw new Error('application');
      },
    };
    return s;
  });
  for (let i = 0; i < 3; i++)
    h.port.device.take(h.frames.fromBytes(ethernet(datagram({ to: 5000 + i }, data(1)))));
  t.throws(() => h.settle(), { message: 'application' });
  t.same(heard, ['a', 'b']);
  t.equal(h.stack.nextDeadlineNs(), h.net.env.nowNs, 'there is somebody left');
  h.settle();
  t.same(heard, names);
  t.equal(sockets[1]!.queue.count, 1);
});
