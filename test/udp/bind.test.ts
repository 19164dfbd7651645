/**
 * Who may bind and connect to what, and what a socket is bound to afterwards. Every errno was compared with
 * Linux 6.18 on the same addresses; where we differ the title says so.
 */
import type { UdpFamily } from '../../src/udp/udp-socket.ts';
import { data } from '../net/packets.ts';
import { dialogue, named, UdpHarness } from './udp-rig.ts';

/** eth0 is interface 2, eth1 is 3; fe80::1 is on both, as it may be. */
function twoLinks(): UdpHarness {
  const h = new UdpHarness({
    addresses: ['10.0.0.1/24', '10.0.0.3/24', 'fd00::1/64', 'fe80::1/64'],
  });
  const other = h.addPort('eth1', '02:00:00:00:00:11');
  h.addAddress(other, '10.1.0.1/24');
  h.addAddress(other, 'fe80::1/64');
  h.knows('fd00::2', '02:00:00:00:00:02');
  h.settle();
  return h;
}

dialogue(
  'RFC 1122 §4.1.3.5: a socket binds to addresses of ours, groups and broadcasts, and to no other',
  (t, h) => {
    const cases: [UdpFamily, string, string][] = [
      ['ipv4', '0.0.0.0', 'ok'],
      ['ipv4', '127.0.0.1', 'ok'],
      ['ipv4', '127.0.0.2', 'ok'],
      ['ipv4', '10.0.0.1', 'ok'],
      ['ipv4', '10.0.0.9', 'EADDRNOTAVAIL'],
      ['ipv4', '10.0.0.0', 'EADDRNOTAVAIL'],
      ['ipv4', '10.0.0.255', 'ok'],
      ['ipv4', '255.255.255.255', 'ok'],
      ['ipv4', '224.0.0.1', 'ok'],
      ['ipv4', 'fd00::1', 'EAFNOSUPPORT'],
      ['ipv6', '::', 'ok'],
      ['ipv6', '::1', 'ok'],
      ['ipv6', 'fd00::1', 'ok'],
      ['ipv6', 'fd00::1%2', 'ok'],
      ['ipv6', 'fd00::9', 'EADDRNOTAVAIL'],
      ['ipv6', 'fe80::1', 'EINVAL'],
      ['ipv6', 'fe80::1%2', 'ok'],
      ['ipv6', 'fe80::9%2', 'EADDRNOTAVAIL'],
      ['ipv6', 'ff02::1', 'EINVAL'],
      ['ipv6', 'ff02::1%2', 'ok'],
      ['ipv6', 'ff0e::1', 'ok'],
      ['ipv6', '10.0.0.1', 'EINVAL'],
      ['ipv6', '0.0.0.0', 'EINVAL'],
      ['dual', '10.0.0.1', 'ok'],
      ['dual', '0.0.0.0', 'ok'],
      ['dual', '10.0.0.9', 'EADDRNOTAVAIL'],
      ['dual', '::', 'ok'],
      ['dual', '127.0.0.2', 'ok'],
    ];
    for (const [family, address, expected] of cases) {
      const s = h.open(family);
      t.equal(h.bind(s, address, 5000), expected, `${family} ${address}`);
      h.udp.close(s);
    }
  },
  twoLinks,
);

dialogue(
  'a tentative address cannot be bound (RFC 4862 §5.4)',
  (t, h) => {
    h.addAddress(h.port, 'fd00::5/64');
    t.equal(h.bind(h.open('ipv6'), 'fd00::5', 5000), 'EADDRNOTAVAIL');
    h.advance(5);
    t.equal(h.bind(h.open('ipv6'), 'fd00::5', 5000), 'ok');
  },
  { config: { dadTransmits: 1 }, addresses: ['10.0.0.1/24'] },
);

dialogue(
  'bind twice, a port out of range, a closed socket',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    t.equal(h.bind(s, '0.0.0.0', 5001), 'EINVAL');
    t.equal(h.bind(s, '10.9.9.9', 5001), 'EADDRNOTAVAIL', 'the address is looked at first');
    t.equal(h.bind(h.open(), '0.0.0.0', 65536), 'EINVAL');
    t.equal(h.bind(h.open(), '0.0.0.0', -1), 'EINVAL');
    h.udp.close(s);
    h.udp.close(s);
    t.equal(h.bind(s, '0.0.0.0', 5000), 'EBADF');
    t.equal(h.connect(s, '10.0.0.2', 7), 'EBADF');
    t.equal(named(h.udp.disconnect(s)), 'EBADF');
    t.equal(h.sendTo(s, data(1), '10.0.0.2', 7), 'EBADF');
    t.equal(h.send(s, data(1)), 'EBADF');
    t.equal(h.take(s), 'EBADF');
  },
  twoLinks,
);

/** x: the second bind to the same port is refused. Rows and columns in the order of BINDINGS; from Linux. */
const BINDINGS: readonly [UdpFamily, string][] = [
  ['ipv4', '0.0.0.0'],
  ['ipv4', '10.0.0.1'],
  ['ipv4', '10.0.0.3'],
  ['ipv4', '127.0.0.1'],
  ['ipv6', '::'],
  ['ipv6', 'fd00::1'],
  ['ipv6', 'fe80::1%2'],
  ['ipv6', 'fe80::1%3'],
  ['dual', '::'],
  ['dual', '10.0.0.1'],
  ['dual', '0.0.0.0'],
  ['dual', 'fd00::1'],
  ['ipv4', '0.0.0.0%2'],
  ['ipv4', '0.0.0.0%3'],
  ['ipv4', '10.0.0.1%2'],
  ['dual', '::%2'],
  ['ipv6', '::%3'],
];
const LINUX = `
xxxx....xxx.xxxx.
xx......xxx.xxxx.
x.x.....x.x.xx.x.
x..x....x.x.xx.x.
....xxxxx..x...xx
....xx..x..x...xx
....x.x.x......x.
....x..xx.......x
xxxxxxxxxxxxxxxxx
xx......xxx.xxxx.
xxxx....xxx.xxxx.
....xx..x..x...xx
xxxx....xxx.x.xx.
xxxx....xxx..x...
xx......xxx.x.xx.
xxxxxxx.xxxxx.xx.
....xx.xx..x....x`;

dialogue(
  'EADDRINUSE exactly where Linux says it: every pair of bindings to one port',
  (t, h) => {
    const rows = BINDINGS.map(([family, address]) =>
      BINDINGS.map(([family2, address2]) => {
        const first = h.bound(family, address, 5000);
        const second = h.open(family2);
        const result = h.bind(second, address2, 5000);
        h.udp.close(first);
        h.udp.close(second);
        return result === 'ok' ? '.' : result === 'EADDRINUSE' ? 'x' : '?';
      }).join(''),
    );
    t.equal(`\n${rows.join('\n')}`, LINUX);
    t.equal(h.bind(h.open(), '0.0.0.0', 5000), 'ok', 'all of them have let go');
  },
  twoLinks,
);

dialogue(
  'connect: where to, from where, and what is refused',
  (t, h) => {
    const cases: [UdpFamily, string, string][] = [
      ['ipv4', '10.0.0.2', '10.0.0.1'],
      ['ipv4', '0.0.0.0', '127.0.0.1'],
      ['ipv4', '10.1.0.2', '10.1.0.1'],
      ['ipv4', '10.0.0.255', 'EACCES'],
      ['ipv4', '255.255.255.255', 'EACCES'],
      ['ipv4', 'fd00::2', 'EAFNOSUPPORT'],
      ['ipv6', '::', '::1'],
      ['ipv6', 'fe80::2', 'EINVAL'],
      ['ipv6', 'fe80::2%3', 'fe80::1'],
      ['ipv6', 'ff02::1', 'EINVAL'],
      ['ipv6', 'ff02::1%2', 'fe80::1'],
      ['ipv6', '10.0.0.2', 'ENETUNREACH'],
      ['ipv6', 'fd00::2', 'fd00::1'],
      ['dual', '10.0.0.2', '10.0.0.1'],
      ['dual', '::', '::1'],
    ];
    for (const [family, address, expected] of cases) {
      const s = h.open(family);
      const result = h.connect(s, address, 7);
      const local = h.ends(s).split(' ')[0]!;
      if (expected !== 'fe80::1')
        t.equal(result === 'ok' ? local : result, expected, `${family} ${address}`);
      else t.match(local, /^fe80::/, `${family} ${address}`);
      t.equal(s.isConnected, result === 'ok');
      t.equal(s.localPort > 0, result === 'ok', 'a failure leaves no port behind');
      h.udp.close(s);
    }
    t.equal(h.connect(h.open(), '10.0.0.2', 65536), 'EINVAL');
  },
  twoLinks,
);

dialogue(
  'no route: connect and sendTo say ENETUNREACH',
  (t, h) => {
    t.equal(h.connect(h.open(), '8.8.8.8', 7), 'ENETUNREACH');
    t.equal(h.connect(h.open('ipv6'), '2001:db8:1::1', 7), 'ENETUNREACH');
    t.equal(h.sendTo(h.open(), data(1), '8.8.8.8', 7), 'ENETUNREACH');
    t.equal(h.sendTo(h.open('dual'), data(1), '2001:db8:1::1', 7), 'ENETUNREACH');
  },
  { gateway: false },
);

dialogue(
  'bound to an address of one family, a socket does not reach the other',
  (t, h) => {
    const cases: [string, string, string][] = [
      ['10.0.0.1', 'fd00::2', 'EAFNOSUPPORT'],
      ['fd00::1', '10.0.0.2', 'ENETUNREACH'],
      ['10.0.0.1', '::', 'ok'],
      ['fd00::1', '::', 'ok'],
    ];
    for (const [local, to, expected] of cases) {
      const s = h.bound('dual', local, 5000);
      const sent = h.sendTo(s, data(1), to, 7);
      t.equal(sent === 1 ? 'ok' : sent, expected, `${local} sends to ${to}`);
      t.equal(h.connect(s, to, 7), expected, `${local} connects to ${to}`);
      h.udp.close(s);
    }
    const s = h.open('dual');
    t.equal(h.connect(s, '10.0.0.2', 7), 'ok');
    t.equal(h.sendTo(s, data(1), 'fd00::2', 7), 'EAFNOSUPPORT', 'connected in one family');
    t.equal(h.connect(s, 'fd00::2', 7), 'EAFNOSUPPORT');
  },
  twoLinks,
);

dialogue(
  'RFC 1122 §3.2.1.3 (g): nothing leaves the host from a loopback address',
  (t, h) => {
    const s = h.bound('ipv4', '127.0.0.1', 5000);
    t.equal(h.sendTo(s, data(1), '10.0.0.2', 7), 'EINVAL');
    t.equal(h.connect(s, '10.0.0.2', 7), 'EINVAL');
    const six = h.bound('ipv6', '::1', 5000);
    t.equal(
      h.sendTo(six, data(1), 'fd00::2', 7),
      'EINVAL',
      'Linux sends it; RFC 4291 §2.5.3 forbids it',
    );
    t.same(h.lines(), []);
    t.equal(h.sendTo(s, data(1), '10.0.0.3', 7), 1, 'our own addresses are within the host');
    t.equal(h.connect(h.bound('ipv4', '10.0.0.1', 5000), '127.0.0.1', 7), 'ok');
  },
  twoLinks,
);

dialogue(
  'bound to a group or a broadcast address, a socket sends from an address of the interface',
  (t, h) => {
    for (const local of ['224.0.0.1', '10.0.0.255', '255.255.255.255']) {
      const s = h.bound('ipv4', local, 5000);
      t.equal(h.sendTo(s, data(3), '10.0.0.2', 7), 3);
      t.same(h.lines(), ['10.0.0.1 > 10.0.0.2 udp 5000 > 7 len 3']);
      t.equal(h.connect(s, '10.0.0.2', 7), 'ok');
      t.equal(h.ends(s), `${local} 5000 > 10.0.0.2 7`, 'and goes on listening there');
      t.equal(h.send(s, data(4)), 4);
      t.same(h.lines(), ['10.0.0.1 > 10.0.0.2 udp 5000 > 7 len 4']);
      h.udp.close(s);
    }
  },
  twoLinks,
);

dialogue(
  'disconnect takes back what connect chose and keeps what bind fixed',
  (t, h) => {
    const free = h.open();
    t.equal(h.connect(free, '10.0.0.2', 7), 'ok');
    const port = free.localPort;
    t.equal(h.connect(free, '10.0.0.9', 8), 'ok', 'to another peer');
    t.equal(h.ends(free), `10.0.0.1 ${port} > 10.0.0.9 8`);
    t.equal(named(h.udp.disconnect(free)), 'ok');
    t.equal(h.ends(free), '0.0.0.0 0');
    t.equal(named(h.udp.disconnect(free)), 'ok', 'twice does no harm');

    const toPort = h.bound('ipv4', '0.0.0.0', 5000);
    h.connect(toPort, '10.0.0.2', 7);
    t.equal(h.ends(toPort), '10.0.0.1 5000 > 10.0.0.2 7');
    h.udp.disconnect(toPort);
    t.equal(h.ends(toPort), '0.0.0.0 5000');

    const toAddress = h.bound('ipv4', '10.0.0.3', 0);
    h.connect(toAddress, '10.0.0.2', 7);
    h.udp.disconnect(toAddress);
    t.equal(h.ends(toAddress), '10.0.0.3 0');
    t.equal(h.bind(toAddress, '10.0.0.3', 5001), 'ok', 'and may be bound again');

    const link = h.open('ipv6');
    h.connect(link, 'fe80::2%3', 7);
    t.equal(link.boundIndex, 3);
    h.udp.disconnect(link);
    t.equal(link.boundIndex, 0);
  },
  twoLinks,
);

dialogue(
  'a connected socket gives way: its port is free at other addresses, not at its own',
  (t, h) => {
    const a = h.bound('ipv4', '0.0.0.0', 5000);
    t.equal(h.bind(h.open(), '10.0.0.3', 5000), 'EADDRINUSE');
    h.connect(a, '10.0.0.2', 7);
    const b = h.open();
    t.equal(h.bind(b, '10.0.0.3', 5000), 'ok');
    t.equal(h.bind(h.open(), '10.0.0.1', 5000), 'EADDRINUSE');
    h.udp.disconnect(a);
    h.arrives({ from: 7, to: 5000 }, data(1), '10.0.0.2', '10.0.0.3');
    h.arrives({ from: 7, to: 5000 }, data(2), '10.0.0.2', '10.0.0.1');
    t.equal(h.brief(b), '10.0.0.2 7 1', 'the address comes before the wildcard');
    t.equal(h.brief(a), '10.0.0.2 7 2');
  },
  twoLinks,
);

dialogue(
  'two sockets never have the same four ends',
  (t, h) => {
    const a = h.bound('ipv4', '0.0.0.0', 5000);
    h.connect(a, '10.0.0.2', 7);
    const b = h.bound('ipv4', '127.0.0.1', 5000);
    t.equal(h.connect(b, '127.0.0.1', 9), 'ok');
    h.udp.disconnect(a);
    t.equal(h.connect(a, '127.0.0.1', 9), 'EADDRINUSE');
    t.equal(h.ends(a), '0.0.0.0 5000', 'nothing has changed');
    h.udp.close(b);
    t.equal(h.connect(a, '127.0.0.1', 9), 'ok');
  },
  twoLinks,
);

dialogue(
  'connecting again to another peer: only the last one is heard',
  (t, h) => {
    const s = h.bound('ipv4', '0.0.0.0', 5000);
    h.arrives({ from: 9, to: 5000 }, data(1), '10.0.0.2');
    h.connect(s, '10.0.0.2', 7);
    t.equal(h.brief(s), '10.0.0.2 9 1', 'what came before stays');
    t.equal(h.arrives({ from: 9, to: 5000 }, data(2)), 'UDP_NO_PORT');
    t.equal(h.arrives({ from: 7, to: 5000 }, data(3)), 'accepted');
    h.connect(s, '10.0.0.2', 9);
    t.equal(h.arrives({ from: 7, to: 5000 }, data(4)), 'UDP_NO_PORT');
    t.equal(h.arrives({ from: 9, to: 5000 }, data(5)), 'accepted');
    t.equal(h.brief(s), '10.0.0.2 7 3');
    t.equal(h.brief(s), '10.0.0.2 9 5');
    t.equal(h.brief(s), 'EAGAIN');
  },
  twoLinks,
);

dialogue(
  'connect to port 0 finds the source address, as getaddrinfo does; nothing is sent there',
  (t, h) => {
    const s = h.open('dual');
    t.equal(h.connect(s, '10.1.0.2', 0), 'ok');
    t.match(h.ends(s), /^10\.1\.0\.1 /);
    t.equal(h.send(s, data(1)), 'EINVAL', 'Linux sends it: port 0 is nobody');
  },
  twoLinks,
);
