/** The stack as its owner sees it: interfaces, addresses, routes, loopback, close, and the driver's contract. */
import t from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { NEVER, SEC } from '../../src/base/time.ts';
import type { Route } from '../../src/net/route-table.ts';
import { parsePrefix } from '../../src/wire/address-text.ts';
import { data, echo4, fragments4 } from '../net/packets.ts';
import { ip, NetHarness, type Port } from '../net/rig.ts';
import { UdpHarness } from '../udp/udp-rig.ts';

const named = (result: number): string => (result === 0 ? 'ok' : errnoName(result));

function route(
  h: NetHarness,
  prefix: string,
  gateway: string | null,
  port: Port | null,
  metric?: number,
): string {
  const { address, bits } = parsePrefix(prefix)!;
  const out = port === null ? null : port.iface;
  return named(h.stack.addRoute(address, bits, gateway === null ? null : ip(gateway), out, metric));
}

/** The interface that a datagram to `to` leaves by, and its source and next hop. */
function way(h: NetHarness, to: string): string {
  const path = h.net.paths.lookup(ip(to), 0);
  if (path === null) return 'none';
  const hop =
    [path.nextHop.w0, path.nextHop.w3].join() === [ip(to).w0, ip(to).w3].join()
      ? 'direct'
      : 'gateway';
  return `${path.iface.name} ${hop}`;
}

t.test(
  'addresses: what no interface can have is EINVAL, what one has already EEXIST',
  async (t) => {
    const h = new NetHarness();
    const other = h.addPort('eth1', '02:00:00:00:00:01');
    const cases: [Port, string, string][] = [
      [h.port, '10.0.0.1/24', 'EEXIST'],
      [other, '10.0.0.1/24', 'EADDRNOTAVAIL'],
      [other, '2001:db8::1/64', 'EADDRNOTAVAIL'],
      [h.port, '224.0.0.1/4', 'EINVAL'],
      [h.port, '255.255.255.255/32', 'EINVAL'],
      [h.port, '0.0.0.0/0', 'EINVAL'],
      [h.port, '127.0.0.5/8', 'EINVAL'],
      [h.port, '::1/128', 'EINVAL'],
      [h.port, '::/0', 'EINVAL'],
      [h.port, 'ff02::5/64', 'EINVAL'],
      [h.port, '10.0.0.5/24', 'ok'],
      [h.port, '10.0.0.6/32', 'ok'],
      [other, 'fe80::1/64', 'ok'],
      [h.port, 'fe80::1/64', 'ok'],
    ];
    for (const [port, text, expected] of cases) {
      t.equal(named(h.addAddress(port, text)), expected, `${port.iface.name} ${text}`);
    }
    t.equal(named(h.stack.addAddress(h.port.iface, ip('10.3.0.1'), 33)), 'EINVAL');
    t.equal(named(h.stack.addAddress(h.port.iface, ip('10.3.0.1'), -1)), 'EINVAL');
    t.equal(named(h.stack.addAddress(h.port.iface, ip('fd00::1'), 129)), 'EINVAL');
    t.equal(named(h.stack.removeAddress(h.port.iface, ip('10.3.0.1'))), 'EADDRNOTAVAIL');
    h.settle();
    h.close(t);
  },
);

t.test('the subnet’s route comes with its first address and goes with its last', async (t) => {
  const h = new NetHarness({ gateway: false });
  t.equal(way(h, '10.5.0.9'), 'none');
  h.addAddress(h.port, '10.5.0.1/24');
  h.addAddress(h.port, '10.5.0.2/24');
  t.equal(way(h, '10.5.0.9'), 'eth0 direct');
  t.equal(h.stack.removeAddress(h.port.iface, ip('10.5.0.1')), 0);
  t.equal(way(h, '10.5.0.9'), 'eth0 direct');
  t.equal(h.stack.removeAddress(h.port.iface, ip('10.5.0.2')), 0);
  t.equal(way(h, '10.5.0.9'), 'none');
  t.equal(h.give(echo4(data(8), { dst: '10.5.0.1' })), 'IP_NOT_LOCAL', 'it is not ours any more');
  h.close(t);
});

t.test('routes: longest prefix, then smallest metric; gateways have to be on a link', async (t) => {
  const h = new NetHarness({ gateway: false });
  const other = h.addPort('eth1', '02:00:00:00:00:01');
  h.addAddress(other, '10.1.0.1/24');
  t.equal(route(h, '0.0.0.0/0', '10.0.0.254', null), 'ok');
  t.equal(route(h, '0.0.0.0/0', '10.0.0.254', null), 'EEXIST');
  t.equal(route(h, '0.0.0.0/0', '10.9.0.1', null), 'ENETUNREACH', 'a gateway behind a gateway');
  t.equal(route(h, '0.0.0.0/0', '10.0.0.1', null), 'EINVAL', 'a gateway that is us');
  t.equal(route(h, '0.0.0.0/0', '2001:db8::fe', null), 'EINVAL', 'a gateway of the other family');
  t.equal(route(h, '10.9.0.0/16', null, null), 'ENODEV');
  t.equal(named(h.stack.addRoute(ip('10.9.0.0'), 33, null, h.port.iface)), 'EINVAL');
  t.equal(route(h, '10.8.0.0/16', '10.0.0.254', null, 20), 'ok');
  t.equal(route(h, '10.8.0.0/16', '10.1.0.254', null, 10), 'ok');
  t.equal(route(h, '10.8.7.0/24', null, h.port, 900), 'ok');
  t.equal(way(h, '8.8.8.8'), 'eth0 gateway');
  t.equal(way(h, '10.8.1.1'), 'eth1 gateway', 'the smaller metric');
  t.equal(way(h, '10.8.7.1'), 'eth0 direct', 'the longer prefix, whatever its metric');
  t.equal(way(h, '10.1.0.9'), 'eth1 direct');
  t.equal(way(h, '2001:db9::1'), 'none', 'one family’s default is not the other’s');
  other.wire.isDown = true;
  t.equal(way(h, '10.8.1.1'), 'eth0 gateway', 'its link is down');
  other.wire.isDown = false;
  t.equal(way(h, '10.8.1.1'), 'eth1 gateway', 'and up again');
  h.net.routes.removeWhere((r: Route) => r.metric === 10);
  t.equal(way(h, '10.8.1.1'), 'eth0 gateway');
  h.settle();
  h.close(t);
});

t.test('two interfaces: each answers on its own, and an address is ours on either', async (t) => {
  const h = new NetHarness();
  const other = h.addPort('eth1', '02:00:00:00:00:01');
  h.addAddress(other, '10.1.0.1/24');
  h.knows('10.1.0.2', '02:00:00:00:00:02', other);
  h.settle();
  h.lines();
  other.lines();
  t.equal(h.give(echo4(data(4))), 'accepted');
  t.equal(h.give(echo4(data(4), { src: '10.1.0.2', dst: '10.1.0.1' }), {}, other), 'accepted');
  t.equal(h.give(echo4(data(4), { src: '10.1.0.2', dst: '10.0.0.1' }), {}, other), 'accepted');
  t.same(h.lines(), ['10.0.0.1 > 10.0.0.2 icmp reply id 7 seq 1 len 4']);
  t.same(other.lines(), [
    '10.1.0.1 > 10.1.0.2 icmp reply id 7 seq 1 len 4',
    '10.0.0.1 > 10.1.0.2 icmp reply id 7 seq 1 len 4',
  ]);
  t.equal(h.stack.interfaceByName('eth1'), other.iface);
  t.equal(h.stack.interfaceByName('eth9'), null);
  h.close(t);
});

t.test('what is sent to ourselves never sees a wire', async (t) => {
  const h = new NetHarness();
  const s = h.echo();
  for (const to of ['127.0.0.1', '127.1.2.3', '10.0.0.1', '::1', '2001:db8::1']) {
    for (const len of [0, 1, 1472, 60_000]) {
      t.equal(h.ping(s, to, data(len)), 0);
      t.match(h.reply(s), { body: data(len) }, `${to} ${len}`);
    }
  }
  t.same(h.lines(), []);
  h.close(t);
});

t.test(
  'close gives everything back: sockets, fragments, packets that wait, detection under way',
  async (t) => {
    const h = new UdpHarness({ config: { dadTransmits: 1 } });
    const s = h.bound('dual', '::', 5000);
    const heard: number[] = [];
    s.listener = { onReady: (bits) => heard.push(bits) };
    for (let i = 0; i < 20; i++) h.arrives({}, data(900));
    h.give(fragments4(echo4(data(4000)), 1480, { id: 3 })[0]!);
    h.udp.sendTo(s, data(2000), ip('10.0.0.77'), 7);
    h.udp.sendTo(s, data(2000), ip('127.0.0.1'), 5000);
    h.ping(h.echo(), '10.0.0.78');
    h.addAddress(h.port, 'fd00::1/64');
    t.ok(h.memory.cells.held > 20);
    t.ok(h.stack.nextDeadlineNs() < NEVER);
    const count = heard.length;
    h.close(t);
    t.equal(h.stack.nextDeadlineNs(), NEVER, 'it wants no turn');
    t.equal(h.stack.deadlines.size, 0);
    t.equal(h.udp.demux.size, 0);
    t.equal(h.udp.sendTo(s, data(1), ip('10.0.0.2'), 7), -9);
    h.stack.close();
    h.stack.fireTimers();
    h.stack.drainReady();
    t.equal(h.stack.nextDeadlineNs(), NEVER);
    t.equal(heard.length, count, 'a closed socket hears nothing');
  },
);

t.test('an application may close the stack while it is being told something', async (t) => {
  const h = new UdpHarness();
  const heard: string[] = [];
  for (const [i, name] of ['a', 'b', 'c'].entries()) {
    const s = h.bound('ipv4', '127.0.0.1', 5000 + i);
    s.listener = {
      onReady: () => {
        heard.push(name);
        if (name === 'b') h.stack.close();
      },
    };
  }
  const sender = h.bound('ipv4', '127.0.0.1', 6000);
  for (let i = 0; i < 3; i++) h.udp.sendTo(sender, data(1), ip('127.0.0.1'), 5000 + i);
  h.settle();
  t.same(heard, ['a', 'b']);
  t.equal(h.stack.nextDeadlineNs(), NEVER);
  h.close(t);
});

t.test(
  'nextDeadlineNs: now while somebody is to be told, then the next timer, then never',
  async (t) => {
    const h = new UdpHarness({ gateway: false });
    const { stack } = h;
    t.equal(stack.nextDeadlineNs(), NEVER, 'a stack at rest sleeps');
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    let turns = 0;
    s.listener = { onReady: () => turns++ };
    stack.env.nowNs = 7 * SEC;
    h.udp.setError(s, 111);
    t.equal(stack.nextDeadlineNs(), 7 * SEC);
    stack.drainReady();
    t.equal(turns, 1);
    h.udp.takeError(s);
    t.equal(stack.nextDeadlineNs(), NEVER);
    h.udp.sendTo(s, data(1), ip('10.0.0.77'), 7);
    t.equal(stack.nextDeadlineNs(), 0, 'the question of ARP waits in the device');
    h.settle();
    t.equal(stack.nextDeadlineNs(), 8 * SEC, 'the next question');
    h.close(t);
  },
);

t.test('what an application makes ready while it is told waits for the next turn', async (t) => {
  const h = new UdpHarness();
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  let times = 0;
  s.listener = {
    onReady: () => {
      times++;
      if (times < 5) h.udp.setError(s, 111);
    },
  };
  h.udp.setError(s, 111);
  for (let turn = 1; turn <= 6; turn++) {
    h.stack.drainReady();
    t.equal(times, Math.min(turn, 5));
  }
  t.equal(h.stack.nextDeadlineNs(), NEVER);
  h.close(t);
});

t.test('an hour without traffic costs a bounded number of turns', async (t) => {
  const h = new UdpHarness({ config: { dadTransmits: 1 } });
  const s = h.bound('ipv4', '0.0.0.0', 5000);
  h.udp.sendTo(s, data(1), ip('10.0.0.77'), 7);
  let turns = 0;
  const { stack } = h;
  for (; stack.nextDeadlineNs() < 3600 * SEC; turns++) {
    stack.env.nowNs = Math.max(stack.env.nowNs, stack.nextDeadlineNs());
    h.settle();
    if (turns > 100) break;
  }
  t.ok(turns < 20, `${turns} turns: detection, and three questions of ARP`);
  h.close(t);
});

t.test('listeners hear of each address whose detection ends', async (t) => {
  const h = new NetHarness({ config: { dadTransmits: 1 } });
  const heard: string[] = [];
  h.stack.onAddress({ dadDone: (iface, entry) => heard.push(`${iface.name} ${entry.state}`) });
  h.addAddress(h.port, 'fd00::5/64');
  h.advance(5);
  t.ok(heard.includes('eth0 preferred'));
  h.close(t);
});
