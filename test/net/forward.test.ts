/** The stack as a router: RFC 1812 §4, §5; RFC 8200 §3; RFC 4443 §2.4, §3. */
import tap, { type Test } from 'tap';
import { EINVAL } from '../../src/base/errno.ts';
import { CONF4 } from '../../src/net/ipv4-conf.ts';
import { IP } from '../../src/net/mib.ts';
import { NO_FACTS, NO_METRICS, Route, type RouteType } from '../../src/net/route-table.ts';
import { BEYOND4, FAR_MAC, FAR4, FAR6, Router } from './forward-rig.ts';
import {
  BROADCAST_MAC,
  type Bytes,
  data,
  echo4,
  icmp4,
  ip4,
  ip6,
  join,
  optionsHeader,
  PEER_MAC,
  PEER4,
  PEER6,
  quoted,
  sameBytes,
  sum16,
  US4,
  udp,
} from './packets.ts';
import { ip, NetHarness, type RigOptions } from './rig.ts';

const UDP = 17;

function routed(
  title: string,
  run: (t: Test, r: Router) => void,
  near: RigOptions = {},
  far: RigOptions = {},
): void {
  tap.test(title, async (t) => {
    const r = new Router(near, far);
    run(t, r);
    r.h.close(t);
  });
}

const datagram4 = (body: number, h: object = {}, dst = FAR4): Bytes =>
  ip4({ dst, protocol: UDP, ttl: 9, ...h }, udp({}, data(body), PEER4, dst));
const datagram6 = (body: number, h: object = {}, dst = FAR6): Bytes =>
  ip6({ dst, next: UDP, hop: 9, ...h }, udp({}, data(body), PEER6, dst));
const counted = (r: Router, name: keyof typeof IP): [number, number] => {
  const { ip4: four, ip6: six } = r.h.net.mib;
  return [
    four.values[IP[name]]! - r.before4[IP[name]]!,
    six.values[IP[name]]! - r.before6[IP[name]]!,
  ];
};

routed('RFC 1812 §5.2, RFC 8200 §3: a packet for another host goes on, one hop poorer', (t, r) => {
  t.strictSame(r.give(datagram4(100, { tos: 0xb9, id: 77 })), [
    'accepted',
    `far ${PEER4} > ${FAR4} udp 4000 > 5000 len 100 ttl 8`,
  ]);
  t.strictSame(r.give(datagram6(100, { tc: 0xb9, flow: 0x12345 })), [
    'accepted',
    `far ${PEER6} > ${FAR6} udp 4000 > 5000 len 100 ttl 8`,
  ]);
  t.strictSame(r.give(datagram4(0, {}, BEYOND4)).slice(1), [
    `far ${PEER4} > ${BEYOND4} udp 4000 > 5000 len 0 ttl 8`,
  ]);
  t.strictSame(counted(r, 'OutForwDatagrams'), [2, 1]);
  t.strictSame(counted(r, 'OutTransmits'), [2, 1]);
  t.strictSame(counted(r, 'OutRequests'), [0, 0], 'they are not ours');
  t.strictSame(counted(r, 'InDelivers'), [0, 0]);
});

routed(
  'RFC 1624 §3: but for the hop, its bytes are what they were, whatever the checksum was',
  (t, r) => {
    // Identifications that bring the header's sum to every corner: 0x0000, 0xffff, carries from the TTL.
    for (let id = 0; id < 65536; id += 251) {
      const packet = datagram4(3, { id, ttl: 1 + (id % 200) + 1, tos: id & 255 });
      r.h.give(packet, { pad: 20 });
      const [out] = r.far.sent();
      const expected = packet.slice();
      expected[8]!--;
      const got = out!.frame.subarray(14);
      const isSame = got.every((b, i) => i === 10 || i === 11 || b === expected[i]);
      if (!isSame || got.length !== packet.length || sum16(got.subarray(0, 20)) !== 0xffff) {
        t.fail(`id ${id}: ${out!.line}`);
      }
    }
    r.h.give(datagram6(33, { flow: 0xabcde, tc: 7 }));
    const six = datagram6(33, { flow: 0xabcde, tc: 7, hop: 8 });
    t.ok(sameBytes(r.far.sent()[0]!.frame.subarray(14), six));
  },
);

routed('the next hop is asked for, and what waited goes on', (t, r) => {
  const [fate, question] = r.give(datagram4(10, {}, '10.1.0.77'));
  t.equal(fate, 'accepted');
  t.match(question, /^far arp/);
  r.h.knows('10.1.0.77', FAR_MAC, r.far);
  r.h.settle();
  t.strictSame(r.lines(), [`far ${PEER4} > 10.1.0.77 udp 4000 > 5000 len 10 ttl 8`]);
});

routed(
  'RFC 1812 §5.2.7.1, RFC 4443 §3.1: nobody answers for the next hop: host unreachable',
  (t, r) => {
    r.give(datagram4(1300, {}, '10.1.0.77'));
    r.give(datagram6(1200, {}, '2001:db8:1::77'));
    r.h.advance(4);
    const near = r.h.port.sent();
    t.strictSame(
      near.map((s) => s.line),
      [`${US4} > ${PEER4} icmp 3/1 quote 548`, '2001:db8::1 > 2001:db8::2 icmp6 1/3 quote 1232'],
    );
    t.ok(sameBytes(quoted(near[0]!), datagram4(1300, { ttl: 8 }, '10.1.0.77').subarray(0, 548)));
    r.far.sent();
  },
);

routed('RFC 1812 §5.3.1, RFC 4443 §3.3: the last hop: time exceeded', (t, r) => {
  for (const ttl of [0, 1]) {
    t.strictSame(r.give(datagram4(8, { ttl })), [
      'FORWARD_TTL',
      `near ${US4} > ${PEER4} icmp 11/0 quote 36 ttl 64`,
    ]);
    t.strictSame(r.give(datagram6(8, { hop: ttl })), [
      'FORWARD_TTL',
      'near 2001:db8::1 > 2001:db8::2 icmp6 3/0 quote 56 ttl 64',
    ]);
  }
  t.strictSame(counted(r, 'InHdrErrors'), [2, 2]);
  t.strictSame(r.give(echo4(data(8), { ttl: 1 }))[0], 'accepted', 'for us a TTL of 1 is enough');
  r.lines();
});

routed('RFC 1812 §5.2.7.1, RFC 4443 §3.1: no route: net unreachable', (t, r) => {
  t.strictSame(r.give(datagram4(8, {}, '192.0.2.1')), [
    'FORWARD_NO_ROUTE',
    `near ${US4} > ${PEER4} icmp 3/0 quote 36 ttl 64`,
  ]);
  t.strictSame(r.give(datagram6(8, {}, '2001:db8:9::1')), [
    'FORWARD_NO_ROUTE',
    'near 2001:db8::1 > 2001:db8::2 icmp6 1/0 quote 56 ttl 64',
  ]);
  t.strictSame(counted(r, 'InNoRoutes'), [1, 1]);
  t.strictSame(counted(r, 'InAddrErrors'), [0, 0]);
  const error = ip4({ dst: '192.0.2.1' }, icmp4({ type: 3, code: 1 }, datagram4(8)));
  t.strictSame(r.give(error), ['FORWARD_NO_ROUTE'], 'an error about an error is not sent');
});

routed(
  'RFC 1812 §5.2.7.1, RFC 4443 §3.1: a route that leads nowhere: silence, host unreachable, prohibited',
  (t, r) => {
    const { net } = r.h;
    const closed = (prefix: string, bits: number, type: RouteType) => {
      const facts = { ...NO_FACTS, type };
      const lo = net.interfaces[0]!;
      net.routes.add(new Route(ip(prefix), bits, null, lo, 0, NO_METRICS, null, facts));
    };
    const rows: readonly [RouteType, string, string, string][] = [
      ['blackhole', 'FORWARD_REFUSED', '', ''],
      ['unreachable', 'FORWARD_REFUSED', '3/1', '1/0'],
      ['prohibit', 'FORWARD_REFUSED', '3/13', '1/1'],
      ['throw', 'FORWARD_NO_ROUTE', '3/0', '1/0'],
    ];
    for (const [i, [type, fate, code4, code6]] of rows.entries()) {
      closed(`198.${18 + i}.0.0`, 112, type);
      closed(`2001:db8:${18 + i}::`, 48, type);
      const four = code4 === '' ? [] : [`near ${US4} > ${PEER4} icmp ${code4} quote 36 ttl 64`];
      const six =
        code6 === '' ? [] : [`near 2001:db8::1 > ${PEER6} icmp6 ${code6} quote 56 ttl 64`];
      t.strictSame(r.give(datagram4(8, {}, `198.${18 + i}.0.1`)), [fate, ...four], type);
      t.strictSame(r.give(datagram6(8, {}, `2001:db8:${18 + i}::1`)), [fate, ...six], type);
    }
    t.strictSame(counted(r, 'InNoRoutes'), [1, 3], 'as Linux counts');
    net.config.conf4.all.set(CONF4.RP_FILTER, 2);
    const forged = ip4({ src: '198.18.0.9', dst: FAR4, protocol: UDP }, data(8));
    t.strictSame(r.give(forged), ['IP_RPFILTER'], 'and from there nobody comes');
  },
);

routed(
  'RFC 1812 §5.2.6, RFC 1191 §4, RFC 4443 §3.2: what does not fit is cut, or reported with the size that does',
  (t, r) => {
    t.strictSame(r.give(datagram4(1272, { df: true })).slice(1), [
      `far ${PEER4} > ${FAR4} udp 4000 > 5000 len 1272 ttl 8`,
    ]);
    t.strictSame(r.give(datagram4(1273, { df: true })), [
      'FORWARD_TOO_BIG',
      `near ${US4} > ${PEER4} icmp 3/4 rest 1300 quote 548 ttl 64`,
    ]);
    t.strictSame(r.give(datagram4(1273, { id: 5 })), [
      'accepted',
      `far ${PEER4} > ${FAR4} frag 1280@0+ ttl 8`,
      `far ${PEER4} > ${FAR4} frag 1@1280 ttl 8`,
    ]);
    t.strictSame(r.give(datagram6(1252)).slice(1), [
      `far ${PEER6} > ${FAR6} udp 4000 > 5000 len 1252 ttl 8`,
    ]);
    t.strictSame(r.give(datagram6(1253)), [
      'FORWARD_TOO_BIG',
      'near 2001:db8::1 > 2001:db8::2 icmp6 2/0 rest 1300 quote 1232 ttl 64',
    ]);
    t.strictSame(counted(r, 'FragOKs'), [1, 0]);
    t.strictSame(counted(r, 'FragCreates'), [2, 0]);
    t.strictSame(counted(r, 'FragFails'), [1, 1]);
    t.strictSame(counted(r, 'InTooBigErrors'), [0, 1]);
  },
  {},
  { mtu: 1300 },
);

routed(
  'RFC 791 §3.2: a fragment is cut again, and options with the copied flag go into each piece',
  (t, r) => {
    const body = data(1400);
    const options = [7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0]; // record route, not copied; router alert, copied
    const how = { id: 9, offset: 800, protocol: UDP, dst: FAR4, options, ttl: 9 };
    for (const mf of [false, true]) {
      t.equal(r.h.give(ip4({ ...how, mf }, body)), 'accepted');
      const out = r.far.wire.frames.splice(0).map((f) => f.subarray(14));
      t.equal(out.length, 2);
      const flags = out.map((p) => p[6]! * 256 + p[7]!);
      t.strictSame(flags, [0x2000 | 100, (mf ? 0x2000 : 0) | (100 + 1264 / 8)]);
      t.ok(
        out.every((p) => sum16(p.subarray(0, 32)) === 0xffff && p.length === p[2]! * 256 + p[3]!),
      );
      t.ok(sameBytes(join(...out.map((p) => p.subarray(32))), body));
      t.strictSame([...out[0]!.subarray(20, 32)], [...options, 0], 'left as they are');
      t.strictSame([...out[1]!.subarray(20, 32)], [1, 1, 1, 1, 1, 1, 1, 0x94, 4, 0, 0, 0]);
    }
  },
  {},
  { mtu: 1300 },
);

routed('a fragment goes on as it is, and is put together by nobody on the way', (t, r) => {
  t.strictSame(r.give(ip4({ dst: FAR4, mf: true, protocol: UDP, ttl: 9 }, data(800))), [
    'accepted',
    `far ${PEER4} > ${FAR4} frag 800@0+ ttl 8`,
  ]);
  t.strictSame(counted(r, 'ReasmReqds'), [0, 0]);
});

routed('what a router does not send on, by reason', (t, r) => {
  const far = { dst: FAR4, protocol: UDP };
  const body = udp({}, data(8));
  const FATES: readonly [string, Bytes, string, object?][] = [
    [
      'in a broadcast of the link',
      ip4(far, body),
      'IP_UNICAST_IN_LINK_GROUP',
      { dst: BROADCAST_MAC },
    ],
    ['in a multicast', datagram6(8), 'IP_UNICAST_IN_LINK_GROUP', { dst: '33:33:00:00:00:01' }],
    ['to a group', datagram4(8, {}, '239.1.2.3'), 'IP_NOT_MEMBER', { dst: '01:00:5e:01:02:03' }],
    [
      'to a group, IPv6',
      datagram6(8, {}, 'ff0e::5'),
      'IP_NOT_MEMBER',
      { dst: '33:33:00:00:00:05' },
    ],
    ['link-local, IPv4', datagram4(8, {}, '169.254.1.1'), 'FORWARD_SCOPE'],
    ['from link-local, IPv4', ip4({ ...far, src: '169.254.1.1' }, body), 'FORWARD_SCOPE'],
    ['link-local, IPv6', datagram6(8, {}, 'fe80::99'), 'IP_NOT_LOCAL'],
    ['to 0/8', datagram4(8, {}, '0.1.2.3'), 'IP_MARTIAN_DESTINATION'],
    ['to loopback', datagram4(8, {}, '127.0.0.9'), 'IP_MARTIAN_DESTINATION'],
    ['from us', ip4({ ...far, src: US4 }, body), 'IP_MARTIAN_SOURCE'],
    ['from us, IPv6', datagram6(8, { src: '2001:db8:1::1' }), 'IP_MARTIAN_SOURCE'],
    ['from nobody, IPv6', datagram6(8, { src: '::' }), 'IP_MARTIAN_SOURCE'],
    ['from a group', ip4({ ...far, src: '224.1.1.1' }, body), 'IP_MARTIAN_SOURCE'],
    [
      'with a source route',
      ip4({ ...far, options: [131, 7, 4, 10, 1, 0, 9] }, body),
      'IP_SOURCE_ROUTE',
    ],
    ['a bad header', ip4({ ...far, badChecksum: true }, body), 'IP_BAD_CHECKSUM'],
  ];
  for (const [what, packet, fate, how] of FATES) t.strictSame(r.give(packet, how), [fate], what);
  t.strictSame(counted(r, 'OutForwDatagrams'), [0, 0]);
  t.strictSame(
    r.give(datagram4(8, {}, '10.1.0.255'))[0],
    'UDP_NO_PORT',
    'a broadcast of the far link is ours',
  );
  t.strictSame(r.give(datagram6(8, { src: 'fe80::2' })), [
    'FORWARD_SCOPE',
    'near fe80::ff:fe00:1 > fe80::2 icmp6 1/2 quote 56 ttl 64',
  ]);
  t.strictSame(r.give(ip4({ ...far, options: [68, 8, 3, 0] }, body)), [
    'IP_BAD_OPTION',
    `near ${US4} > ${PEER4} icmp 12/0 rest ${20 * 2 ** 24} quote 40 ttl 64`,
  ]);
});

routed(
  'RFC 8200 §4.3: hop-by-hop options are a router’s affair, destination options are not',
  (t, r) => {
    const body = udp({}, data(8), PEER6, FAR6);
    const behind = (header: number, ...option: number[]): Bytes => {
      const options = option.length > 1 ? option : [...option, 0];
      return ip6({ dst: FAR6, next: header, hop: 9 }, join(optionsHeader(UDP, options), body));
    };
    t.equal(r.h.give(behind(0, 5, 2, 0, 0)), 'accepted', 'router alert');
    t.equal(r.h.give(behind(0, 0x1e)), 'accepted', 'unknown: skip');
    t.equal(r.h.give(behind(60, 0xde)), 'accepted', 'for the destination to judge');
    t.equal(r.far.sent().length, 3);
    t.equal(r.h.give(behind(0, 0x5e)), 'IP_BAD_OPTION');
    t.strictSame(r.lines(), []);
    t.strictSame(r.give(behind(0, 0xde)), [
      'IP_BAD_OPTION',
      'near 2001:db8::1 > 2001:db8::2 icmp6 4/2 rest 42 quote 64 ttl 64',
    ]);
  },
);

tap.test('RFC 3704 §2.2, §2.4: rp_filter off, strict and loose', async (t) => {
  const SOURCES: readonly [string, readonly string[]][] = [
    [PEER4, ['accepted', 'accepted', 'accepted']],
    ['10.1.0.9', ['accepted', 'IP_RPFILTER', 'accepted']],
    ['192.0.2.1', ['accepted', 'IP_RPFILTER', 'IP_RPFILTER']],
    ['198.51.100.1', ['accepted', 'accepted', 'accepted']],
  ];
  for (const mode of [0, 1, 2]) {
    const r = new Router();
    r.h.net.config.conf4.all.set(CONF4.RP_FILTER, mode);
    for (const [src, fates] of SOURCES) {
      const body = udp({}, data(8), src, FAR4);
      t.equal(
        r.h.give(ip4({ src, dst: FAR4, protocol: UDP }, body)),
        fates[mode],
        `${mode} ${src}`,
      );
      r.lines();
    }
    const local = r.h.give(echo4(data(8), { src: '10.1.0.9' }));
    t.equal(local, mode === 1 ? 'IP_RPFILTER' : 'accepted', 'what is for us is looked at as well');
    r.lines();
    const group = r.h.give(echo4(data(8), { src: '10.1.0.9', dst: '224.0.0.1' }), {
      dst: '01:00:5e:00:00:01',
    });
    t.equal(group, 'ICMP_ECHO_IGNORED', 'and what is for a group is not');
    r.h.close(t);
  }
});

tap.test('RFC 8200 §5: a link of less than 1,280 bytes is no way for IPv6', async (t) => {
  const r = new Router({}, { mtu: 700 });
  t.equal(r.h.addAddress(r.far, '2001:db8:9::1/64'), -EINVAL);
  t.equal(r.h.stack.addRoute(ip('2001:db8:9::'), 64, null, r.far.iface), 0);
  r.h.knows('2001:db8:9::2', FAR_MAC, r.far);
  for (const size of [8, 1192]) {
    const [fate, ...lines] = r.give(datagram6(size, {}, '2001:db8:9::2'));
    t.equal(fate, 'FORWARD_SMALL_LINK');
    t.match(lines, [/^near 2001:db8::1 > 2001:db8::2 icmp6 1\/0 /]);
    t.equal(lines.length, 1);
  }
  t.equal(r.give(datagram4(1192))[0], 'accepted', 'IPv4 is cut');
  const floor = { mtu: 67, isMtuLocked: false, advmss: 0, initcwnd: 0 };
  const route = (mtu: number): number =>
    r.h.stack.addRoute(ip('192.0.2.0'), 24, ip(FAR4), null, 0, { ...floor, mtu });
  t.strictSame([route(67), route(68)], [-EINVAL, 0], 'nor is a route for less than 68');
  r.h.close(t);
});

routed(
  'what fits is said as often as it is asked for, and takes nothing from the limit on errors',
  (t, r) => {
    const told = (packet: Bytes) => {
      for (let i = 0; i < 100; i++) r.h.give(packet);
      return r.lines().length;
    };
    t.equal(told(datagram4(1273, { df: true })), 100);
    t.equal(told(datagram6(1253)), 100);
    t.equal(told(datagram4(8, {}, '192.0.2.1')), 6, 'net unreachable is limited');
    t.equal(told(datagram6(8, {}, '2001:db8:9::1')), 6);
    t.equal(told(datagram4(1273, { df: true })), 100, 'and the limit does not touch the others');
  },
  {},
  { mtu: 1300 },
);

tap.test('off, as it is at first: a host sends nothing on', async (t) => {
  const h = new NetHarness();
  t.equal(h.give(datagram4(8)), 'IP_NOT_LOCAL');
  t.equal(h.give(datagram6(8)), 'IP_NOT_LOCAL');
  t.strictSame(h.lines(), []);
  t.equal(h.net.mib.ip4.values[IP.InAddrErrors], 1);
  h.close(t);
});

routed('RFC 1812 §5.2.7.2: who has a better first hop on its own link is told so', (t, r) => {
  t.strictSame(r.give(datagram4(8, {}, '198.51.100.1')), [
    'accepted',
    `near ${PEER4} > 198.51.100.1 udp 4000 > 5000 len 8 ttl 8`,
    `near ${US4} > ${PEER4} icmp 5/1 rest ${10 * 2 ** 24 + 254} quote 36 ttl 64`,
  ]);
  const foreign = ip4({ src: '198.51.100.7', dst: '198.51.100.1', protocol: UDP }, data(8));
  t.equal(r.give(foreign).length, 2, 'one that is not on the link learns nothing');
  const { all, otherwise } = r.h.net.config.conf4;
  for (const conf of [all, otherwise]) conf.set(CONF4.SEND_REDIRECTS, 0);
  t.equal(r.give(datagram4(8, {}, '198.51.100.2')).length, 2, 'send_redirects');
  all.set(CONF4.SEND_REDIRECTS, 1);
  for (let i = 0; i < 20; i++) r.h.give(datagram4(8, {}, '198.51.100.1'));
  const lines = r.lines();
  t.equal(
    lines.filter((l) => l.includes('icmp 5/1')).length,
    5,
    'no more than the limit on errors',
  );
  t.equal(lines.length, 25);
});

routed(
  'RFC 4861 §4.5, §8.2: a redirect names the target and its link-layer address, and quotes the packet',
  (t, r) => {
    const packet = datagram6(1400, {}, '2001:db8:f::1');
    t.equal(r.h.give(packet), 'accepted');
    const [on, redirect] = r.h.port.sent();
    t.equal(on!.ttl, 8);
    t.equal(redirect!.src, 'fe80::ff:fe00:1');
    t.equal(redirect!.dst, PEER6);
    t.equal(redirect!.ttl, 255);
    t.equal(redirect!.length, 1280, 'no more than the least MTU');
    const m = redirect!.payload;
    t.equal(m[0], 137);
    t.match(redirect!.line, /icmp6 137\/0/, 'its checksum is right');
    t.strictSame([...m.subarray(8, 24)], [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe]);
    t.ok(sameBytes(m.subarray(24, 40), packet.subarray(24, 40)), 'the destination');
    t.strictSame([...m.subarray(40, 48)], [2, 1, 2, 0, 0, 0, 0, 0xfe]);
    t.strictSame([...m.subarray(48, 56)], [4, (m.length - 48) / 8, 0, 0, 0, 0, 0, 0]);
    t.ok(sameBytes(m.subarray(56), packet.subarray(0, m.length - 56)));
    r.h.give(datagram6(8, {}, '2001:db8::77'));
    const [asked, two] = r.h.port.sent();
    t.match(asked!.line, /icmp6 135/, 'a destination on the link is its own target');
    t.strictSame([...two!.payload.subarray(8, 24)], [...two!.payload.subarray(24, 40)]);
    t.equal(two!.payload[40], 4, 'without a link-layer address while it is not known');
    r.h.give(datagram6(8, { src: '2001:db8:5::1' }, '2001:db8:f::1'));
    t.equal(r.h.port.sent().length, 1, 'one that is not on the link learns nothing');
  },
);

routed(
  'a device without room drops what it cannot take, counted',
  (t, r) => {
    r.far.wire.isFull = true;
    const fates = Array.from({ length: 10 }, () => r.h.give(datagram4(8)));
    t.strictSame(fates, [...Array(8).fill('accepted'), 'FORWARD_NO_ROOM', 'FORWARD_NO_ROOM']);
    t.strictSame(counted(r, 'OutDiscards'), [2, 0]);
    r.far.wire.isFull = false;
    r.h.settle();
    t.equal(r.lines().length, 8);
    r.far.iface.setDropping(true);
    t.equal(r.h.give(datagram4(8)), 'FORWARD_NO_ROOM', 'nor does one that drops');
  },
  {},
  { txFrames: 8 },
);

routed('RFC 4861 §4.4: a router’s advertisements say so', (t, r) => {
  const solicit = ip6(
    { src: PEER6, dst: 'ff02::1:ff00:1', hop: 255 },
    // Type 135 for 2001:db8::1, with our neighbour's address.
    (() => {
      const target = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
      const option = [1, 1, ...PEER_MAC.split(':').map((x) => Number.parseInt(x, 16))];
      const body = [135, 0, 0, 0, 0, 0, 0, 0, ...target, ...option];
      const packet = ip6({ src: PEER6, dst: 'ff02::1:ff00:1' }, Uint8Array.from(body));
      const sum = ~sum16(packet.subarray(8, 40), [0, 0, 0, 32, 0, 0, 0, 58], body) & 0xffff;
      body[2] = sum >>> 8;
      body[3] = sum & 255;
      return Uint8Array.from(body);
    })(),
  );
  for (const [forwarding, flags] of [
    [1, 0xe0],
    [0, 0x60],
  ] as const) {
    r.h.net.config.forwarding6 = forwarding;
    t.equal(r.h.give(solicit, { dst: '33:33:ff:00:00:01' }), 'accepted');
    t.equal(r.h.port.sent()[0]!.payload[4], flags);
  }
});
