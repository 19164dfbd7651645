/** Where datagrams go: routes, interfaces, gateways, sources. RFC 1122 §3.3.1, §3.3.4, RFC 6724 §5. */
import fc from 'fast-check';
import t from 'tap';
import { EACCES, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV } from '../../src/base/errno.ts';
import { NO_FACTS, NO_METRICS, Route, type RouteType } from '../../src/net/route-table.ts';
import type { Opener } from '../../src/tcp/handshake.ts';
import { plainFrom, tcpConnect } from '../../src/tcp/user-calls.ts';
import { ANY4, prefixEquals } from '../../src/wire/address.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { holds } from '../support/property.ts';
import { data, echo4, echo6, OUR_MAC2 } from './packets.ts';
import { dialogue, ip, NetHarness, type Port } from './rig.ts';

const NOBODY: Opener = { established: () => undefined, failed: () => undefined };

/** By which interface, to which next hop, from which source. */
function way(h: NetHarness, to: string, bound: number = 0): string {
  const path = h.net.paths.lookup(ip(to), bound);
  if (path === null) return 'no route';
  return `${path.iface.name} ${formatAddress(path.nextHop)} from ${formatAddress(path.source)}`;
}

/** A second interface with an address of either family. */
function second(h: NetHarness, ...addresses: string[]): Port {
  const port = h.addPort('eth1', OUR_MAC2);
  for (const a of addresses) h.addAddress(port, a);
  return port;
}

dialogue(
  'RFC 1122 §3.3.1.1: what is on the subnet goes there directly, the rest to the gateway',
  (t, h) => {
    const cases: [string, string][] = [
      ['10.0.0.2', 'eth0 10.0.0.2 from 10.0.0.1'],
      ['10.0.0.200', 'eth0 10.0.0.200 from 10.0.0.1'],
      ['10.0.1.2', 'eth0 10.0.0.254 from 10.0.0.1'],
      ['192.0.2.1', 'eth0 10.0.0.254 from 10.0.0.1'],
      ['2001:db8::2', 'eth0 2001:db8::2 from 2001:db8::1'],
      ['2001:db8:0:1::2', 'eth0 2001:db8::fe from 2001:db8::1'],
    ];
    for (const [to, expected] of cases) t.equal(way(h, to), expected, to);
    const s = h.echo();
    h.ping(s, '192.0.2.1');
    h.ping(s, '2001:db8:9::1');
    t.same(
      h.sent().map((p) => p.to),
      ['02:00:00:00:00:fe', '02:00:00:00:00:fe'],
      'resolved by its own address',
    );
  },
);

dialogue(
  'RFC 1122 §3.3.1.1: a network without gateways works',
  (t, h) => {
    t.equal(way(h, '10.0.0.9'), 'eth0 10.0.0.9 from 10.0.0.1');
    t.equal(way(h, '192.0.2.1'), 'no route');
    t.equal(way(h, '2001:db8:9::1'), 'no route');
  },
  { gateway: false },
);

dialogue('the longest prefix wins, then the smallest metric', (t, h) => {
  const eth1 = second(h, '172.16.0.1/16', '2001:db8:1::1/64');
  const add = (prefix: string, bits: number, gateway: string, metric = 0): number =>
    h.stack.addRoute(ip(prefix), bits, ip(gateway), null, metric);
  t.equal(add('192.0.0.0', 8, '172.16.0.9'), 0);
  t.equal(way(h, '192.0.2.1'), 'eth1 172.16.0.9 from 172.16.0.1', '/8 before the default');
  t.equal(add('192.0.2.0', 24, '10.0.0.9'), 0);
  t.equal(way(h, '192.0.2.1'), 'eth0 10.0.0.9 from 10.0.0.1', '/24 before /8');
  t.equal(add('192.0.2.1', 32, '172.16.0.8', 50), 0);
  t.equal(way(h, '192.0.2.1'), 'eth1 172.16.0.8 from 172.16.0.1', 'a host before its subnet');
  t.equal(add('192.0.2.1', 32, '10.0.0.8', 10), 0);
  t.equal(way(h, '192.0.2.1'), 'eth0 10.0.0.8 from 10.0.0.1', 'the smaller metric');
  t.equal(way(h, '192.0.2.2'), 'eth0 10.0.0.9 from 10.0.0.1');
  t.equal(way(h, '192.9.9.9'), 'eth1 172.16.0.9 from 172.16.0.1');
  t.equal(way(h, '193.0.0.1'), 'eth0 10.0.0.254 from 10.0.0.1');
  t.equal(add('2001:db8:9::', 48, '2001:db8:1::9'), 0);
  t.equal(way(h, '2001:db8:9:5::1'), 'eth1 2001:db8:1::9 from 2001:db8:1::1');
  t.equal(way(h, '2001:db8:a::1'), 'eth0 2001:db8::fe from 2001:db8::1');
  t.equal(
    way(h, '192.0.2.1', eth1.iface.index),
    'eth1 172.16.0.8 from 172.16.0.1',
    'bound to eth1',
  );
});

t.test('the longest prefix wins, whatever is in the table', async (t) => {
  const h = new NetHarness();
  const { routes } = h.net;
  const route = fc.record({
    word: fc.integer(),
    bits: fc.nat({ max: 32 }),
    metric: fc.nat({ max: 3 }),
  });
  holds(
    t,
    'as by looking at every route',
    fc.property(
      fc.array(route, { maxLength: 30 }),
      fc.array(fc.integer(), { maxLength: 20 }),
      (table, words) => {
        routes.removeWhere(() => true);
        for (const r of table) {
          const prefix = ip('0.0.0.0').setV4(r.word);
          routes.add(new Route(prefix, 96 + r.bits, null, h.port.iface, r.metric));
        }
        return [...words, ...table.map((r) => r.word ^ 1)].every((word) => {
          const to = ip('0.0.0.0').setV4(word);
          const fitting = routes.routes.filter((r) => prefixEquals(r.prefix, to, r.bits));
          const best = fitting.reduce<Route | null>((a, b) => {
            if (a === null) return b;
            return b.bits > a.bits || (b.bits === a.bits && b.metric < a.metric) ? b : a;
          }, null);
          const found = routes.lookup(to, null);
          return found?.bits === best?.bits && found?.metric === best?.metric;
        });
      },
    ),
  );
  h.close(t);
});

dialogue(
  'RFC 1122 §3.3.1.5: a link that goes down is passed over, and taken again when it is back',
  (t, h) => {
    const eth1 = second(h, '172.16.0.1/16');
    t.equal(h.stack.addRoute(ip('0.0.0.0'), 0, ip('172.16.0.254'), null, 100), 0);
    t.equal(way(h, '192.0.2.1'), 'eth0 10.0.0.254 from 10.0.0.1');
    h.port.wire.isDown = true;
    t.equal(way(h, '192.0.2.1'), 'eth1 172.16.0.254 from 172.16.0.1', 'the other gateway');
    t.equal(way(h, '10.0.0.2'), 'eth1 172.16.0.254 from 172.16.0.1', 'the subnet is elsewhere now');
    eth1.wire.isDown = true;
    t.equal(way(h, '192.0.2.1'), 'no route');
    eth1.wire.isDown = false;
    t.equal(way(h, '192.0.2.1'), 'eth1 172.16.0.254 from 172.16.0.1');
    h.port.wire.isDown = false;
    t.equal(way(h, '192.0.2.1'), 'eth0 10.0.0.254 from 10.0.0.1', 'back to the better one');
    t.equal(way(h, '10.0.0.2'), 'eth0 10.0.0.2 from 10.0.0.1');
  },
);

dialogue(
  'an address that goes takes its subnet with it, and what was known of ways there',
  (t, h) => {
    const s = h.echo();
    t.equal(h.ping(s, '10.0.0.2'), 0);
    t.equal(h.addAddress(h.port, '10.0.0.7/24'), 0);
    h.sent();
    t.equal(h.stack.removeAddress(h.port.iface, ip('10.0.0.7')), 0);
    t.equal(way(h, '10.0.0.2'), 'eth0 10.0.0.2 from 10.0.0.1', 'another address has the subnet');
    t.equal(h.stack.removeAddress(h.port.iface, ip('10.0.0.1')), 0);
    t.equal(way(h, '10.0.0.2'), 'no route');
    t.equal(h.ping(s, '10.0.0.2'), -ENETUNREACH);
    t.equal(h.give(echo4(data(4))), 'IP_NOT_LOCAL');
    t.equal(
      h.give(echo4(data(4), { dst: '10.0.0.255' }), { dst: 'ff:ff:ff:ff:ff:ff' }),
      'IP_NOT_LOCAL',
    );
    t.equal(h.stack.removeAddress(h.port.iface, ip('2001:db8::1')), 0);
    t.equal(way(h, '2001:db8::2'), 'no route');
    t.equal(h.give(echo6(data(4))), 'IP_NOT_LOCAL');
    t.same(h.sent(), []);
  },
  { gateway: false },
);

dialogue(
  'our own addresses are reached through loopback, but not by way of another interface',
  (t, h) => {
    const eth1 = second(h, '172.16.0.1/16');
    for (const to of ['10.0.0.1', '172.16.0.1', '2001:db8::1']) {
      t.equal(way(h, to), `lo ${to} from ${to}`);
      const owner = h.net.locals.ownerOf(ip(to), 0)!;
      t.equal(way(h, to, owner.index), `lo ${to} from ${to}`);
    }
    t.equal(way(h, '10.0.0.1', eth1.iface.index), 'eth1 10.0.0.1 from 172.16.0.1');
    t.equal(way(h, '2001:db8::1', eth1.iface.index), 'no route');
    t.equal(way(h, '127.0.0.1'), 'lo 127.0.0.1 from 127.0.0.1');
    t.equal(way(h, '127.4.5.6'), 'lo 127.4.5.6 from 127.0.0.1');
    t.equal(way(h, '127.4.5.6', eth1.iface.index), 'lo 127.4.5.6 from 127.0.0.1');
    t.equal(way(h, '::1'), 'lo ::1 from ::1');
    const local = 'fe80::ff:fe00:1';
    t.equal(way(h, local, h.port.iface.index), `lo ${local} from ${local}`);
    t.not(
      way(h, local, eth1.iface.index),
      `lo ${local} from ${local}`,
      'on that link it is somebody else',
    );
  },
);

dialogue(
  'broadcasts and groups leave by their subnet, the default, or the interface that was asked for',
  (t, h) => {
    const eth1 = second(h, '172.16.0.1/16');
    const cases: [string, number, string][] = [
      ['10.0.0.255', 0, 'eth0 10.0.0.255 from 10.0.0.1'],
      ['172.16.255.255', 0, 'eth1 172.16.255.255 from 172.16.0.1'],
      ['255.255.255.255', 0, 'eth0 255.255.255.255 from 10.0.0.1'],
      ['255.255.255.255', eth1.iface.index, 'eth1 255.255.255.255 from 172.16.0.1'],
      ['224.0.0.251', 0, 'eth0 224.0.0.251 from 10.0.0.1'],
      ['224.0.0.251', eth1.iface.index, 'eth1 224.0.0.251 from 172.16.0.1'],
      ['ff02::1', h.port.iface.index, 'eth0 ff02::1 from fe80::ff:fe00:1'],
      ['ff02::1', eth1.iface.index, 'eth1 ff02::1 from fe80::ff:fe00:101'],
      ['ff0e::1', h.port.iface.index, 'eth0 ff0e::1 from 2001:db8::1'],
    ];
    for (const [to, bound, expected] of cases)
      t.equal(way(h, to, bound), expected, `${to} ${bound}`);
  },
);

dialogue(
  'without any route a broadcast still leaves by an interface that has an address',
  (t, h) => {
    h.net.routes.removeWhere((r) => !r.iface.isLoopback);
    t.equal(way(h, '255.255.255.255'), 'eth0 255.255.255.255 from 10.0.0.1');
    t.equal(way(h, '224.0.0.1'), 'eth0 224.0.0.1 from 10.0.0.1');
  },
  { gateway: false },
);

const SOURCES: [string, string][] = [
  ['10.0.0.9', '10.0.0.1'],
  ['10.0.0.130', '10.0.0.129'],
  ['192.168.7.9', '192.168.7.1'],
  ['192.200.0.1', '10.0.0.129'],
  ['2001:db8::9', '2001:db8::1'],
  ['2001:db8:5::9', '2001:db8:5::1'],
  ['2001:db8:5:1::9', '2001:db8:5::1'],
  ['fd00::9', 'fd00::1'],
  ['fe80::9', 'fe80::ff:fe00:1'],
  ['ff02::5', 'fe80::ff:fe00:1'],
  ['ff05::5', '2001:db8::1'],
];

dialogue(
  'RFC 1122 §3.3.4.3, RFC 6724 §5: the source fits the way: on the subnet of the next hop, of the same scope',
  (t, h) => {
    for (const [to, source] of SOURCES) {
      const path = h.net.paths.lookup(ip(to), to.startsWith('f') ? h.port.iface.index : 0);
      t.equal(path === null ? 'no route' : formatAddress(path.source), source, to);
    }
  },
  {
    addresses: [
      '10.0.0.1/25',
      '10.0.0.129/25',
      '192.168.7.1/24',
      '2001:db8::1/64',
      '2001:db8:5::1/64',
      'fd00::1/64',
    ],
  },
);

dialogue(
  'RFC 1122 §3.3.4.2: an answer leaves by the way to the asker, from the address that was asked',
  (t, h) => {
    const eth1 = second(h, '172.16.0.1/16');
    h.knows('172.16.0.2', '02:00:00:00:01:02', eth1);
    eth1.sent();
    t.equal(h.give(echo4(data(4), { src: '172.16.0.2', dst: '10.0.0.1' })), 'accepted');
    t.same(h.sent(), []);
    t.match(eth1.lines(), [/^10.0.0.1 > 172.16.0.2 icmp reply/]);
    t.equal(
      h.give(echo4(data(4), { src: '10.0.0.2', dst: '172.16.0.1' })),
      'accepted',
      'weak host: any address of ours',
    );
    t.match(h.lines(), [/^172.16.0.1 > 10.0.0.2 icmp reply/]);
  },
);

dialogue('a gateway must be on a link of ours, and of the same family', (t, h) => {
  const { stack } = h;
  const prefix = ip('198.51.100.0');
  t.equal(stack.addRoute(prefix, 24, ip('192.0.2.1'), null), -ENETUNREACH, 'not on a link');
  t.equal(stack.addRoute(prefix, 24, ip('2001:db8::9'), null), -EINVAL, 'of the other family');
  t.equal(stack.addRoute(prefix, 24, ip('10.0.0.1'), null), -EINVAL, 'ourselves');
  for (const nobody of ['10.0.0.255', '255.255.255.255', '224.0.0.9', '0.0.0.0', 'ff02::1', '::']) {
    const bits = nobody.includes(':') ? ip('2001:db8:9::') : prefix;
    t.equal(stack.addRoute(bits, 24, ip(nobody), h.port.iface), -EINVAL, `${nobody} is no host’s`);
  }
  t.equal(stack.addRoute(prefix, 33, ip('10.0.0.9'), null), -EINVAL, 'too long a prefix');
  t.equal(stack.addRoute(prefix, 24, null, null), -ENODEV, 'neither gateway nor interface');
  t.equal(stack.addRoute(prefix, 24, ip('10.0.0.9'), null), 0);
  t.equal(stack.addRoute(prefix, 24, ip('10.0.0.9'), null), -EEXIST);
});

dialogue('a route that leads nowhere says why: to whoever sends, pings and connects', (t, h) => {
  const { stack } = h;
  const lo = stack.interfaceByName('lo')!;
  const closed = (prefix: string, bits: number, type: RouteType) => {
    const facts = { ...NO_FACTS, type };
    h.net.routes.add(new Route(ip(prefix), bits, null, lo, 0, NO_METRICS, null, facts));
  };
  closed('198.18.0.0', 112, 'blackhole');
  closed('198.19.0.0', 112, 'unreachable');
  closed('198.20.0.0', 112, 'prohibit');
  closed('198.21.0.0', 112, 'throw');
  closed('2001:db8:18::', 48, 'blackhole');
  closed('2001:db8:19::', 48, 'unreachable');
  closed('2001:db8:20::', 48, 'prohibit');
  closed('2001:db8:21::', 48, 'throw');
  const u = stack.udp.open('dual');
  const heard = (to: string) => [
    h.ping(h.echo(), to),
    stack.udp.sendTo(u, data(1), ip(to), 9),
    stack.udp.connect(stack.udp.open('dual'), ip(to), 9),
    tcpConnect(stack.tcp, ip(to), 9, plainFrom(stack.tcp, ANY4, 0), NOBODY),
  ];
  const whys = [-EINVAL, -EHOSTUNREACH, -EACCES, -ENETUNREACH];
  for (const [i, why] of whys.entries()) {
    t.same(heard(`198.${18 + i}.0.9`), [why, why, why, why], `198.${18 + i}.0.9`);
    t.same(heard(`2001:db8:${18 + i}::9`), [why, why, why, why], `2001:db8:${18 + i}::9`);
  }
  t.same(h.lines(), []);
  t.equal(way(h, '198.18.0.9'), 'no route');
  const { index } = h.port.iface;
  t.equal(way(h, '198.18.0.9', index), 'eth0 198.18.0.9 from 10.0.0.1', 'as without a route');
  t.equal(way(h, '2001:db8:18::9', index), 'eth0 2001:db8::fe from 2001:db8::1', 'passed over');
  stack.addRoute(ip('198.18.7.0'), 24, null, h.port.iface);
  t.equal(way(h, '198.18.7.9'), 'eth0 198.18.7.9 from 10.0.0.1', 'a longer prefix');
  t.equal(stack.addRoute(ip('10.7.0.0'), 24, ip('198.18.0.1'), null), -ENETUNREACH, 'a gateway');
  closed('224.0.0.0', 100, 'prohibit');
  t.equal(h.ping(h.echo(), '224.0.0.9'), -EACCES, 'a group');
  t.equal(way(h, '255.255.255.255'), 'eth0 255.255.255.255 from 10.0.0.1', 'no broadcast');
});

dialogue('the cache of paths is bounded, and follows every change of the table', (t, h) => {
  for (let i = 0; i < 10000; i++) h.net.paths.lookup(ip(`198.18.${i >> 8}.${i & 255}`), 0);
  t.equal(h.net.paths.size, 4096);
  t.equal(way(h, '198.18.0.1'), 'eth0 10.0.0.254 from 10.0.0.1');
  h.stack.addRoute(ip('198.18.0.0'), 15, ip('10.0.0.9'), null);
  t.equal(way(h, '198.18.0.1'), 'eth0 10.0.0.9 from 10.0.0.1');
  h.net.routes.removeWhere((r) => r.gateway !== null);
  t.equal(way(h, '198.18.0.1'), 'no route');
  t.equal(way(h, '198.18.77.1'), 'no route', 'also where nothing was cached');
  for (let i = 0; i < 10000; i++) h.net.paths.lookup(ip(`10.0.0.${i & 127}`), 0);
  t.equal(way(h, '10.0.0.99'), 'eth0 10.0.0.99 from 10.0.0.1', 'failures cost no place');
});

dialogue('a place that was emptied for nothing knows no way', (t, { net }) => {
  const [first, nobody] = [ip('198.18.0.0'), ip('0.0.0.9')];
  for (let i = 0; i < 4096; i++) net.paths.lookup(ip(`198.18.${i >> 8}.${i & 255}`), 0);
  t.equal(net.paths.lookup(first, 0)?.destination.w3, first.w3, 'found last, and the oldest');
  t.ok(net.paths.lookup(nobody, 0) === null, 'no way there');
  t.ok(net.paths.find(first, 0) === null, 'it had to go');
  t.ok(net.paths.find(nobody, 0) === null, 'and nothing has come');
});
