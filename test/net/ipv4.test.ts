/** IPv4 as a host has to take and send it: RFC 791, RFC 1122 §3.2.1, §3.3.6. Fragments have a file of their own. */
import { IP } from '../../src/net/mib.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  data,
  echo4,
  type Ip4,
  icmp4,
  ip4,
  join,
  OUR_MAC,
  quoted,
  read,
  sum16,
  u32,
  udp,
} from './packets.ts';
import { dialogue, ip, type NetHarness } from './rig.ts';

const REPLY = '10.0.0.1 > 10.0.0.2 icmp reply id 7 seq 1 len 8';
const echo = (h: Ip4 = {}): Bytes => echo4(data(8), h);

/** Nothing is said about it, and nobody is told. */
function isSilent(h: NetHarness): boolean {
  return h.lines().length === 0;
}

dialogue('RFC 1122 §3.2.1.1: a version other than 4 is silently discarded', (t, h) => {
  for (const version of [0, 3, 5, 6, 15]) {
    t.equal(h.give(echo({ version }), { type: 0x0800 }), 'IP_BAD_VERSION', `${version}`);
  }
  t.ok(isSilent(h));
  t.equal(h.net.mib.ip4.get('InHdrErrors'), 5);
});

dialogue(
  'RFC 791 §3.1: header length and total length must fit each other and the frame',
  (t, h) => {
    const cases: [string, Ip4, string][] = [
      ['IHL 0', { ihl: 0 }, 'IP_BAD_HEADER'],
      ['IHL 4', { ihl: 4 }, 'IP_BAD_HEADER'],
      ['IHL beyond the total length', { ihl: 10, totalLen: 36 }, 'IP_BAD_HEADER'],
      ['total length 0', { totalLen: 0 }, 'IP_BAD_HEADER'],
      ['total length 19', { totalLen: 19 }, 'IP_BAD_HEADER'],
      ['one byte more than came', { totalLen: 37 }, 'IP_TRUNCATED'],
      ['total length 65,535', { totalLen: 65535 }, 'IP_TRUNCATED'],
    ];
    for (const [what, header, fate] of cases) t.equal(h.give(echo(header)), fate, what);
    const whole = echo();
    for (let len = 0; len < whole.length; len++) {
      t.equal(
        h.give(whole.slice(0, len), { type: 0x0800 }),
        len < 20 ? 'IP_BAD_HEADER' : 'IP_TRUNCATED',
        `${len} bytes`,
      );
    }
    t.ok(isSilent(h));
    t.equal(h.net.mib.ip4.get('InTruncatedPkts'), 2 + whole.length - 20);
  },
);

dialogue('RFC 1122 §3.2.1.2: a wrong header checksum is silently discarded', (t, h) => {
  t.equal(h.give(echo({ badChecksum: true })), 'IP_BAD_CHECKSUM');
  const good = echo({ options: [1, 1, 1, 0] });
  for (let at = 1; at < 24; at++) {
    const bad = good.slice();
    bad[at]! ^= 0x04;
    t.not(h.give(bad), 'accepted', `byte ${at}`);
  }
  t.ok(isSilent(h));
  t.equal(h.give(good), 'accepted');
});

dialogue('RFC 894: what follows the datagram in its frame is padding and ignored', (t, h) => {
  t.equal(h.give(echo4(new Uint8Array(0)), { pad: 18 }), 'accepted');
  t.equal(h.give(echo(), { pad: 500 }), 'accepted');
  t.same(h.lines(), ['10.0.0.1 > 10.0.0.2 icmp reply id 7 seq 1 len 0', REPLY]);
});

dialogue('RFC 1122 §3.2.1.7: a host does not discard because the TTL is 0 or 1', (t, h) => {
  for (const ttl of [0, 1, 2, 255]) t.equal(h.give(echo({ ttl })), 'accepted', `TTL ${ttl}`);
  t.same(h.lines(), [REPLY, REPLY, REPLY, REPLY]);
});

dialogue('RFC 1122 §3.2.1.7: what we send has TTL 64, or what was configured', (t, h) => {
  const s = h.echo();
  h.ping(s, '10.0.0.2');
  h.net.config.ttl4 = 17;
  h.ping(s, '10.0.0.2');
  s.ttl = 3;
  h.ping(s, '10.0.0.2');
  h.give(echo());
  t.same(
    h.sent().map((p) => p.ttl),
    [64, 17, 3, 17],
  );
});

dialogue('RFC 1122 §3.2.1.6: TOS passes both ways, ECN bits are counted', (t, h) => {
  const s = h.echo();
  s.tos = 0xb8;
  h.ping(s, '10.0.0.2');
  t.equal(h.sent()[0]!.tos, 0xb8);
  h.give(ip4({ tos: 0x2e }, icmp4({ type: 0, rest: s.id * 65536 + 1 }, data(8))));
  t.match(h.reply(s), { tos: 0x2e, seq: 1 });
  for (const tos of [0, 1, 2, 2, 3, 3, 3]) h.give(echo({ tos }));
  const { mib } = h.net;
  const names = ['InNoECTPkts', 'InECT1Pkts', 'InECT0Pkts', 'InCEPkts'] as const;
  t.same(
    names.map((n) => mib.ip4.get(n)),
    [1, 1, 3, 3],
  );
});

const IGNORED: [string, readonly number[]][] = [
  ['no operation', [1, 1, 1, 1]],
  ['end of list, whatever follows', [0, 0xff, 0xff, 0xff]],
  ['an unknown option', [0x9e, 4, 1, 2]],
  ['an unknown option without data', [0x15, 2, 1, 0]],
  ['a stream identifier', [136, 4, 0, 9]],
  ['security', [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['a record route with room', [7, 7, 4, 0, 0, 0, 0]],
  ['a full record route', [7, 7, 8, 10, 0, 0, 9]],
  ['a timestamp', [68, 8, 5, 0, 0, 0, 0, 0]],
  ['a timestamp with an address', [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['a full timestamp of named hosts', [68, 12, 13, 0xf3, 0, 0, 0, 0, 0, 0, 0, 0]],
  ['router alert', [148, 4, 0, 0]],
  ['forty bytes of them', new Array<number>(40).fill(1)],
];

dialogue('RFC 1122 §3.2.1.8: options that ask nothing of us are passed over', (t, h) => {
  for (const [what, options] of IGNORED) t.equal(h.give(echo({ options })), 'accepted', what);
  t.same(
    h.lines(),
    IGNORED.map(() => REPLY),
  );
});

const BAD_OPTIONS: [string, readonly number[], number][] = [
  ['no length behind the kind', [1, 1, 1, 0x9e], 23],
  ['length 0', [0x9e, 0, 0, 0], 20],
  ['length 1', [1, 0x9e, 1, 0], 21],
  ['a length beyond the header', [0x9e, 5, 0, 0], 20],
  ['a record route without a pointer', [7, 2, 0, 0], 21],
  ['a record route pointing before itself', [7, 7, 3, 0, 0, 0, 0], 22],
  ['a record route with room for less than an address', [7, 7, 5, 0, 0, 0, 0], 22],
  ['two record routes', [7, 3, 4, 7, 3, 4], 23],
  ['a timestamp pointing into its header', [68, 8, 4, 0, 0, 0, 0, 0], 22],
  ['a timestamp without overflow', [68, 3, 5, 0], 21],
  ['a timestamp with room for less than a time', [68, 8, 6, 0, 0, 0, 0, 0], 22],
  ['a timestamp with room for an address alone', [68, 8, 5, 1, 0, 0, 0, 0], 22],
  ['a timestamp with a flag that nobody knows', [68, 8, 5, 2, 0, 0, 0, 0], 23],
  ['a timestamp whose overflow is full', [68, 8, 9, 0xf0, 0, 0, 0, 0], 23],
  ['two timestamps', [68, 8, 5, 0, 0, 0, 0, 0, 68, 8, 5, 0, 0, 0, 0, 0], 28],
  ['router alert of another length', [148, 3, 0, 0], 21],
  ['two source routes', [131, 3, 4, 137, 3, 4], 23],
];

dialogue(
  'RFC 1122 §3.2.2.5: a bad option is answered with parameter problem, pointing at it',
  (t, h) => {
    for (const [what, options, pointer] of BAD_OPTIONS) {
      const packet = echo({ options });
      t.equal(h.give(packet), 'IP_BAD_OPTION', what);
      const [error, more] = h.sent();
      t.match(
        error?.line,
        new RegExp(`^10.0.0.1 > 10.0.0.2 icmp 12/0 rest ${pointer * 2 ** 24} `),
        what,
      );
      t.same(quoted(error!), packet, `${what}: quoted as received`);
      t.equal(more, undefined);
      h.advance(10);
    }
  },
);

dialogue('of an ICMP message that ends before its type nobody is told that it is bad', (t, h) => {
  t.equal(h.give(ip4({ protocol: 1, options: [7, 2, 0, 0] })), 'IP_BAD_OPTION');
  t.equal(h.give(ip4({ protocol: 6, options: [7, 2, 0, 0] })), 'IP_BAD_OPTION');
  t.match(h.lines(), [/icmp 12\/0/], 'one, of the segment');
});

dialogue('RFC 791 §3.1: a source route ends here, unanswered', (t, h) => {
  for (const kind of [131, 137]) {
    const fate = h.give(echo({ options: [kind, 7, 4, 10, 0, 0, 9, 0] }));
    t.equal(fate, 'IP_SOURCE_ROUTE', `${kind}`);
  }
  t.ok(isSilent(h));
});

const SOURCES: [string, string][] = [
  ['224.0.0.1', 'IP_MARTIAN_SOURCE'],
  ['239.255.255.255', 'IP_MARTIAN_SOURCE'],
  ['255.255.255.255', 'IP_MARTIAN_SOURCE'],
  ['10.0.0.255', 'IP_MARTIAN_SOURCE'],
  ['127.0.0.1', 'IP_MARTIAN_SOURCE'],
  ['127.255.0.9', 'IP_MARTIAN_SOURCE'],
  ['10.0.0.1', 'IP_MARTIAN_SOURCE'],
  ['0.0.0.0', 'IP_MARTIAN_SOURCE'],
  ['0.1.2.3', 'IP_MARTIAN_SOURCE'],
  ['10.0.0.254', 'accepted'],
  ['192.0.2.7', 'accepted'],
];

dialogue('RFC 1122 §3.2.1.3: sources that cannot be are silently discarded', (t, h) => {
  h.knows('10.0.0.254', '02:00:00:00:00:fe');
  for (const [src, fate] of SOURCES) t.equal(h.give(echo({ src })), fate, src);
  t.equal(h.sent().length, 2);
});

dialogue('RFC 1122 §3.2.1.3: 0.0.0.0 may ask all, and is never answered', (t, h) => {
  h.net.config.echoIgnoreBroadcasts = 0;
  const toAll = { src: '0.0.0.0', dst: '255.255.255.255' };
  t.equal(h.give(echo(toAll), { dst: BROADCAST_MAC }), 'IP_MARTIAN_SOURCE');
  const listener = h.stack.udp.open('ipv4');
  t.equal(h.stack.udp.bind(listener, ip('0.0.0.0'), 67), 0);
  const question = udp({ from: 68, to: 67 }, data(3), toAll.src, toAll.dst);
  t.equal(
    h.give(ip4({ ...toAll, protocol: 17 }, question), { dst: BROADCAST_MAC }),
    'IP_MARTIAN_SOURCE',
  );
  t.ok(isSilent(h));
});

const DESTINATIONS: [string, string, string][] = [
  ['10.0.0.1', OUR_MAC, 'accepted'],
  ['10.0.0.3', OUR_MAC, 'IP_NOT_LOCAL'],
  ['192.0.2.1', OUR_MAC, 'IP_NOT_LOCAL'],
  ['127.0.0.1', OUR_MAC, 'IP_MARTIAN_DESTINATION'],
  ['127.1.2.3', OUR_MAC, 'IP_MARTIAN_DESTINATION'],
  ['0.0.0.0', OUR_MAC, 'IP_NOT_LOCAL'],
  ['255.255.255.255', BROADCAST_MAC, 'ICMP_ECHO_IGNORED'],
  ['10.0.0.255', BROADCAST_MAC, 'ICMP_ECHO_IGNORED'],
  ['224.0.0.1', '01:00:5e:00:00:01', 'ICMP_ECHO_IGNORED'],
  ['224.0.0.251', '01:00:5e:00:00:fb', 'IP_NOT_MEMBER'],
  ['10.0.0.1', BROADCAST_MAC, 'IP_UNICAST_IN_LINK_GROUP'],
  ['10.0.0.1', '01:00:5e:00:00:01', 'IP_UNICAST_IN_LINK_GROUP'],
  ['10.0.0.1', '02:00:00:00:00:77', 'ETH_OTHER_HOST'],
];

dialogue(
  'RFC 1122 §3.2.1.3, §3.3.6: what is not for us is silently discarded, link-layer broadcasts of unicast too',
  (t, h) => {
    for (const [dst, mac, fate] of DESTINATIONS) {
      t.equal(h.give(echo({ dst }), { dst: mac }), fate, `${dst} at ${mac}`);
    }
    t.same(h.lines(), [REPLY]);
    t.equal(h.net.mib.ip4.get('InBcastPkts'), 2);
    t.equal(h.net.mib.ip4.get('InMcastPkts'), 1, 'of groups we are in');
  },
);

dialogue(
  'RFC 1122 §3.3.6: limited and directed broadcasts of every subnet of ours are recognised',
  (t, h) => {
    h.net.config.echoIgnoreBroadcasts = 0;
    const broadcasts = ['255.255.255.255', '10.0.0.255', '172.16.255.255', '192.0.2.7'];
    for (const dst of broadcasts) {
      t.equal(h.give(echo({ dst }), { dst: BROADCAST_MAC }), 'accepted', dst);
    }
    t.equal(h.give(echo({ dst: '198.51.100.1' })), 'IP_NOT_LOCAL', 'a /31 has none (RFC 3021)');
    t.same(
      h.lines(),
      broadcasts.map(() => REPLY),
      'answered from a unicast address',
    );
  },
  { addresses: ['10.0.0.1/24', '172.16.0.1/16', '192.0.2.6/30', '198.51.100.0/31'] },
);

dialogue('frames that are not whole, not ours, or not IP are counted and dropped', (t, h) => {
  t.equal(h.giveFrame(data(13)), 'ETH_TRUNCATED');
  t.equal(h.give(echo(), { src: '03:00:00:00:00:02' }), 'ETH_BAD_SOURCE');
  for (const type of [0x88b5, 0x88cc, 0x0600, 40]) {
    t.equal(h.give(echo(), { type }), 'ETH_UNKNOWN_TYPE', type.toString(16));
  }
  t.equal(h.give(echo(), { type: 0x86dd }), 'IP_BAD_HEADER', 'IPv4 in the type of IPv6');
  t.ok(isSilent(h));
});

dialogue('RFC 791 §3.1: what we send has a right header, and the reserved bit is zero', (t, h) => {
  const s = h.echo();
  for (const size of [0, 1, 100, 1472, 1473, 5000]) h.ping(s, '10.0.0.2', data(size));
  for (const p of h.sent()) {
    const header = p.frame.subarray(14, 34);
    t.equal(sum16(header), 0xffff);
    t.equal(header[6]! & 0x80, 0, 'reserved');
    t.notMatch(p.line, /BAD/);
  }
});

dialogue(
  'RFC 6864 §4.1: a datagram that may not be cut has no identification, others have',
  (t, h) => {
    const s = h.echo();
    h.ping(s, '10.0.0.2');
    s.pmtuDiscovery = 0;
    h.ping(s, '10.0.0.2');
    const [whole, cuttable] = h.sent();
    t.match(whole, { df: true, id: 0 });
    t.match(cuttable, { df: false });
    t.not(cuttable!.id, 0);
  },
);

dialogue(
  'RFC 1122 §3.3.6: IP broadcasts and multicasts leave as those of the link layer',
  (t, h) => {
    const s = h.echo();
    const to: [string, string][] = [
      ['255.255.255.255', BROADCAST_MAC],
      ['10.0.0.255', BROADCAST_MAC],
      ['224.0.0.1', '01:00:5e:00:00:01'],
      ['239.129.2.3', '01:00:5e:01:02:03'],
      ['10.0.0.2', '02:00:00:00:00:02'],
      ['192.0.2.1', '02:00:00:00:00:fe'],
    ];
    for (const [dst] of to) t.equal(h.ping(s, dst), 0, dst);
    t.same(
      h.sent().map((p) => [p.dst, p.to]),
      to,
    );
    t.equal(h.net.mib.ip4.get('OutBcastPkts'), 2);
    t.equal(h.net.mib.ip4.get('OutMcastPkts'), 2);
  },
);

dialogue('RFC 1122 §3.2.1.3: a loopback address never leaves the host', (t, h) => {
  const s = h.echo();
  for (const boundIndex of [0, h.port.iface.index]) {
    s.boundIndex = boundIndex;
    for (const to of ['127.0.0.1', '127.9.9.9']) {
      t.equal(h.ping(s, to), 0, to);
      t.match(h.reply(s), { from: to }, `${to} answers`);
    }
  }
  const u = h.stack.udp.open('ipv4');
  t.equal(h.stack.udp.bind(u, ip('127.0.0.1'), 5000), 0);
  t.ok(h.stack.udp.sendTo(u, data(4), ip('10.0.0.2'), 9) < 0, 'nor as a source');
  t.ok(isSilent(h));
});

dialogue('RFC 1122 §3.2.1.3: a broadcast address or a group is never a source', (t, h) => {
  for (const bound of ['10.0.0.255', '255.255.255.255', '224.0.0.1']) {
    const u = h.stack.udp.open('ipv4');
    if (h.stack.udp.bind(u, ip(bound), 7000) !== 0) continue; // refusing is right as well
    h.stack.udp.sendTo(u, data(2), ip('10.0.0.2'), 9);
    h.settle();
    t.match(h.lines(), [/^10.0.0.1 > 10.0.0.2 udp 7000 > 9/], bound);
    h.stack.udp.close(u);
  }
  for (const address of ['224.0.0.9/24', '255.255.255.255/32', '0.0.0.0/8']) {
    t.ok(h.addAddress(h.port, address) < 0, `${address} cannot be given to an interface`);
  }
});

dialogue(
  'every datagram received is accounted for: InReceives is the sum of what became of them',
  (t, h) => {
    const packets: Bytes[] = [
      echo(),
      echo({ version: 5 }),
      echo({ totalLen: 999 }),
      echo({ options: [0x9e, 0, 0, 0] }),
      echo({ src: '127.0.0.1' }),
      echo({ dst: '10.9.9.9' }),
      ip4({ protocol: 99 }, data(20)),
      ip4({ protocol: 17 }, udp({}, data(3))),
      ip4({ protocol: 17 }, udp({ checksum: 1 }, data(3))),
      ip4({ mf: true, id: 5, protocol: 17 }, data(16)),
      ip4({ offset: 16, id: 5, protocol: 17 }, data(16)),
      ip4({ mf: true, id: 6, protocol: 17 }, data(16)),
      ip4({ mf: true, id: 7, protocol: 17 }, data(15)),
    ];
    for (const p of packets) h.give(p, { type: 0x0800 });
    const m = h.net.mib.ip4;
    const [reqds, oks] = [m.get('ReasmReqds'), m.get('ReasmOKs')];
    const outcomes =
      m.values[IP.InHdrErrors]! +
      m.values[IP.InTruncatedPkts]! +
      m.values[IP.InAddrErrors]! +
      m.values[IP.InDiscards]! +
      m.values[IP.InUnknownProtos]! +
      m.values[IP.InDelivers]! +
      (reqds - oks);
    t.equal(m.get('InReceives'), packets.length);
    t.equal(outcomes, packets.length);
    t.equal(oks, 1);
    t.equal(
      m.get('InOctets'),
      packets.reduce((n, p) => n + p.length, 0),
    );
    t.equal(h.net.drops.accepted + h.net.drops.dropped, packets.length);
  },
);

dialogue('what leaves is counted: requests, transmits, octets', (t, h) => {
  const s = h.echo();
  h.ping(s, '10.0.0.2', data(100));
  h.ping(s, '10.0.0.2', data(4000));
  const m = h.net.mib.ip4;
  t.equal(m.get('OutRequests'), 2);
  t.equal(m.get('OutTransmits'), 4);
  t.equal(m.get('FragCreates'), 3);
  t.equal(m.get('FragOKs'), 1);
  t.equal(
    m.get('OutOctets'),
    h.sent().reduce((n, p) => n + p.length, 0),
  );
});

dialogue('the reading of the rig itself: a wrong sum or length of ours would show', (t, h) => {
  h.give(echo());
  const [good] = h.sent();
  for (const at of [14, 16, 24, 36, 40]) {
    const bad = good!.frame.slice();
    bad[at]! ^= 1;
    t.match(read(bad).line, /^BAD/, `byte ${at}`);
  }
  t.equal(read(good!.frame).line, REPLY);
  t.equal(u32(1).length + join([1]).length, 5);
});
