/** Socket options: each acts, is kept, or is refused; docs/sockets.md says which. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import { AF, IP_OPT, IPV6_OPT, SO, SOL } from '../../src/socket/abi.ts';
import type { SocketOption } from '../../src/socket/option.ts';
import { tcpOptions } from '../../src/socket/tcp-socket-options.ts';
import { udpOptions } from '../../src/socket/udp-options.ts';
import { data, ip4, udp } from '../net/packets.ts';
import { addr, dialogue, int32, named, type SocketHarness } from './socket-rig.ts';

const DOCUMENT = new URL('../../docs/sockets.md', import.meta.url);
const LEVELS: Readonly<Record<number, string>> = {
  [SOL.IP]: 'SOL_IP',
  [SOL.SOCKET]: 'SOL_SOCKET',
  [SOL.TCP]: 'SOL_TCP',
  [SOL.UDP]: 'SOL_UDP',
  [SOL.IPV6]: 'SOL_IPV6',
};

/** A heading of the document, and the options below it. */
const TABLES: readonly (readonly [string, (domain: number) => readonly SocketOption<never>[]])[] = [
  ['Of UDP sockets', udpOptions],
  ['Of TCP sockets', tcpOptions],
];

function row(o: SocketOption<never>): string {
  const status = o.status === 'refused' ? `refused: ${errnoName(o.errno)}` : o.status;
  return `| ${LEVELS[o.level]} | ${o.name} | ${status} | ${o.note} |`;
}

t.test('docs/sockets.md lists every option with what becomes of it', async (t) => {
  const text = readFileSync(DOCUMENT, 'utf8');
  for (const [title, optionsOf] of TABLES) {
    const section = text.split('### ').find((part) => part.startsWith(title)) ?? '';
    const rows = section.split('\n').filter((line) => /^\| SOL_/.test(line));
    const all = optionsOf(AF.INET6);
    t.same(rows, all.map(row), title);
    for (const status of ['implemented', 'advisory', 'refused'] as const) {
      const count = all.filter((o) => o.status === status).length;
      t.match(section, new RegExp(`\\b${count} ${status}\\b`), `${title}: ${count} ${status}`);
    }
    const four = optionsOf(AF.INET);
    const six = four.filter((o) => o.level === SOL.IPV6);
    t.same(six, [], 'an AF_INET socket has none of IPv6');
  }
});

dialogue('a refused option answers its errno, to be set and to be read', (t, h) => {
  const fd = h.udp(AF.INET6);
  for (const o of udpOptions(AF.INET6).filter((x) => x.status === 'refused')) {
    t.equal(named(h.api.setInt(fd, o.level, o.number, 1)), errnoName(o.errno), o.name);
    t.equal(named(h.api.getInt(fd, o.level, o.number)), errnoName(o.errno), o.name);
  }
  t.equal(named(h.api.getInt(fd, SOL.IP, 9999)), 'ENOPROTOOPT', 'nobody knows it');
  t.equal(named(h.api.setInt(fd, 250, 1, 1)), 'ENOPROTOOPT');
  t.equal(named(h.api.setInt(h.udp(), SOL.IPV6, IPV6_OPT.UNICAST_HOPS, 5)), 'ENOPROTOOPT');
});

/** Level, option, value set, result, value read: as a Linux 6.18 answers, taken from one. */
const VALUES: [string, number, number, number, string | number, number][] = [
  ['SO_RCVBUF: doubled', SOL.SOCKET, SO.RCVBUF, 50_000, 0, 100_000],
  ['SO_RCVBUF: at least', SOL.SOCKET, SO.RCVBUF, 100, 0, 2304],
  ['SO_RCVBUF: at most twice rmem_max', SOL.SOCKET, SO.RCVBUF, 1e9, 0, 8_388_608],
  ['SO_RCVBUF: negative is huge', SOL.SOCKET, SO.RCVBUF, -1, 0, 8_388_608],
  ['SO_SNDBUF: at least', SOL.SOCKET, SO.SNDBUF, 0, 0, 4608],
  ['SO_SNDBUF: doubled', SOL.SOCKET, SO.SNDBUF, 50_000, 0, 100_000],
  ['SO_SNDBUF: negative is huge', SOL.SOCKET, SO.SNDBUF, -1, 0, 8_388_608],
  ['SO_BROADCAST', SOL.SOCKET, SO.BROADCAST, 7, 0, 1],
  ['SO_NO_CHECK', SOL.SOCKET, SO.NO_CHECK, 1, 0, 1],
  ['SO_PRIORITY', SOL.SOCKET, SO.PRIORITY, 5, 0, 5],
  ['SO_MARK', SOL.SOCKET, SO.MARK, 99, 0, 99],
  ['SO_TIMESTAMP', SOL.SOCKET, SO.TIMESTAMP, 1, 0, 1],
  ['SO_RXQ_OVFL', SOL.SOCKET, SO.RXQ_OVFL, 1, 0, 1],
  ['SO_TYPE', SOL.SOCKET, SO.TYPE, 1, 'ENOPROTOOPT', 2],
  ['SO_ERROR', SOL.SOCKET, SO.ERROR, 1, 'ENOPROTOOPT', 0],
  ['SO_BINDTOIFINDEX', SOL.SOCKET, SO.BINDTOIFINDEX, 99, 'ENODEV', 0],
  ['IP_TTL', SOL.IP, IP_OPT.TTL, 1, 0, 1],
  ['IP_TTL: 0', SOL.IP, IP_OPT.TTL, 0, 'EINVAL', 1],
  ['IP_TTL: 256', SOL.IP, IP_OPT.TTL, 256, 'EINVAL', 1],
  ['IP_TTL: -1 is the default', SOL.IP, IP_OPT.TTL, -1, 0, 64],
  ['IP_TOS', SOL.IP, IP_OPT.TOS, 0xb9, 0, 0xb9],
  ['IP_TOS: a byte', SOL.IP, IP_OPT.TOS, 256, 0, 0],
  ['IP_TOS: -1', SOL.IP, IP_OPT.TOS, -1, 0, 255],
  ['IP_MULTICAST_TTL: 0', SOL.IP, IP_OPT.MULTICAST_TTL, 0, 0, 0],
  ['IP_MULTICAST_TTL: 256', SOL.IP, IP_OPT.MULTICAST_TTL, 256, 'EINVAL', 0],
  ['IP_MULTICAST_TTL: -1', SOL.IP, IP_OPT.MULTICAST_TTL, -1, 0, 1],
  ['IP_MULTICAST_LOOP', SOL.IP, IP_OPT.MULTICAST_LOOP, 2, 0, 1],
  ['IP_MULTICAST_LOOP: 0', SOL.IP, IP_OPT.MULTICAST_LOOP, 0, 0, 0],
  ['IP_MTU_DISCOVER', SOL.IP, IP_OPT.MTU_DISCOVER, 3, 0, 3],
  ['IP_MTU_DISCOVER: -1', SOL.IP, IP_OPT.MTU_DISCOVER, -1, 'EINVAL', 3],
  ['IP_MTU_DISCOVER: 6', SOL.IP, IP_OPT.MTU_DISCOVER, 6, 'EINVAL', 3],
  ['IP_RECVERR', SOL.IP, IP_OPT.RECVERR, 1, 0, 1],
  ['IP_PKTINFO', SOL.IP, IP_OPT.PKTINFO, 1, 0, 1],
  ['IP_RECVTTL', SOL.IP, IP_OPT.RECVTTL, 1, 0, 1],
  ['IP_RECVTOS', SOL.IP, IP_OPT.RECVTOS, 1, 0, 1],
  ['IPV6_UNICAST_HOPS', SOL.IPV6, IPV6_OPT.UNICAST_HOPS, 255, 0, 255],
  ['IPV6_UNICAST_HOPS: -1', SOL.IPV6, IPV6_OPT.UNICAST_HOPS, -1, 0, 64],
  ['IPV6_UNICAST_HOPS: 256', SOL.IPV6, IPV6_OPT.UNICAST_HOPS, 256, 'EINVAL', 64],
  ['IPV6_MULTICAST_HOPS', SOL.IPV6, IPV6_OPT.MULTICAST_HOPS, 9, 0, 9],
  ['IPV6_MULTICAST_IF: none such', SOL.IPV6, IPV6_OPT.MULTICAST_IF, 999, 'ENODEV', 0],
  ['IPV6_MULTICAST_IF', SOL.IPV6, IPV6_OPT.MULTICAST_IF, 2, 0, 2],
  ['IPV6_TCLASS', SOL.IPV6, IPV6_OPT.TCLASS, 255, 0, 255],
  ['IPV6_TCLASS: 256', SOL.IPV6, IPV6_OPT.TCLASS, 256, 'EINVAL', 255],
  ['IPV6_TCLASS: -1', SOL.IPV6, IPV6_OPT.TCLASS, -1, 0, 0],
  ['IPV6_MTU_DISCOVER', SOL.IPV6, IPV6_OPT.MTU_DISCOVER, 2, 0, 2],
  ['IPV6_RECVERR', SOL.IPV6, IPV6_OPT.RECVERR, 1, 0, 1],
  ['IPV6_RECVPKTINFO', SOL.IPV6, IPV6_OPT.RECVPKTINFO, 1, 0, 1],
  ['IPV6_RECVHOPLIMIT', SOL.IPV6, IPV6_OPT.RECVHOPLIMIT, 1, 0, 1],
  ['IPV6_RECVTCLASS', SOL.IPV6, IPV6_OPT.RECVTCLASS, 1, 0, 1],
  ['IPV6_ADDR_PREFERENCES: 0x1', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x1, 0, 0x401],
  ['IPV6_ADDR_PREFERENCES: 0x400', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x400, 0, 0x500],
  ['IPV6_ADDR_PREFERENCES: 0x2', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x2, 0, 0x402],
  ['IPV6_ADDR_PREFERENCES: 0x3', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x3, 'EINVAL', 0x402],
  ['IPV6_ADDR_PREFERENCES: 0x4', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x4, 0, 0x104],
  ['IPV6_ADDR_PREFERENCES: 0x404', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x404, 'EINVAL', 0x104],
  ['IPV6_ADDR_PREFERENCES: 0x808', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x808, 'EINVAL', 0x104],
  ['IPV6_ADDR_PREFERENCES: 0x8', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x8, 0, 0x500],
  ['IPV6_ADDR_PREFERENCES: 0x101', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x101, 'EINVAL', 0x500],
  ['IPV6_ADDR_PREFERENCES: 0x0', SOL.IPV6, IPV6_OPT.ADDR_PREFERENCES, 0x0, 0, 0x500],
  ['IPV6_V6ONLY', SOL.IPV6, IPV6_OPT.V6ONLY, 1, 0, 1],
];

dialogue("what is set is read back, in Linux's bounds", (t, h) => {
  const fd = h.udp(AF.INET6);
  for (const [title, level, name, value, result, now] of VALUES) {
    t.equal(named(h.api.setInt(fd, level, name, value)), result, title);
    t.equal(h.api.getInt(fd, level, name), now, title);
  }
  const settable = udpOptions(AF.INET6).filter((o) => o.status !== 'refused');
  t.ok(settable.length > 40);
});

dialogue('values of other lengths', (t, h) => {
  const fd = h.udp();
  const { api } = h;
  t.equal(named(api.setsockopt(fd, SOL.SOCKET, SO.RCVBUF, new Uint8Array([1]))), 'EINVAL');
  t.equal(api.setsockopt(fd, SOL.IP, IP_OPT.TTL, new Uint8Array([5])), 0, 'a byte will do');
  t.equal(named(api.setsockopt(fd, SOL.IP, IP_OPT.TTL, new Uint8Array(0))), 'EINVAL');
  const room = (n: number, level: number, name: number): [number, number[]] => {
    const into = new Uint8Array(n);
    const result = api.getsockopt(fd, level, name, into);
    return [result, [...into]];
  };
  t.same(room(2, SOL.SOCKET, SO.TYPE), [2, [2, 0]]);
  t.same(room(2, SOL.IP, IP_OPT.TTL), [1, [5, 0]], 'an IP option as a byte');
  t.same(room(8, SOL.IP, IP_OPT.TTL), [4, [5, 0, 0, 0, 0, 0, 0, 0]]);
});

dialogue('TTL, TOS and the checksum are those of the socket', (t, h) => {
  const fd = h.udp();
  h.api.setInt(fd, SOL.IP, IP_OPT.TTL, 9);
  h.api.setInt(fd, SOL.IP, IP_OPT.TOS, 0x20);
  h.api.setInt(fd, SOL.SOCKET, SO.NO_CHECK, 1);
  h.sendto(fd, 4, '10.0.0.2:4000');
  const [sent] = h.sent();
  t.equal(sent!.ttl, 9);
  t.equal(sent!.tos, 0x20);
  t.same([...sent!.payload.subarray(6, 8)], [0, 0]);
});

dialogue('broadcasts want SO_BROADCAST', (t, h) => {
  const fd = h.udp();
  t.equal(h.sendto(fd, 4, '10.0.0.255:9'), 'EACCES');
  h.api.setInt(fd, SOL.SOCKET, SO.BROADCAST, 1);
  t.equal(h.sendto(fd, 4, '10.0.0.255:9'), 4);
});

dialogue('IPV6_V6ONLY: no IPv4, and only before bind', (t, h) => {
  const fd = h.udp(AF.INET6);
  h.api.setInt(fd, SOL.IPV6, IPV6_OPT.V6ONLY, 1);
  t.equal(h.api.bind(fd, addr('[::]:5000')), 0);
  t.equal(named(h.api.setInt(fd, SOL.IPV6, IPV6_OPT.V6ONLY, 0)), 'EINVAL');
  const four = h.udp();
  t.equal(h.api.bind(four, addr('0.0.0.0:5000')), 0, 'there is room beside it');
  h.arrives(1, 5000);
  t.equal(h.recv(fd), 'EAGAIN');
  t.equal(h.recv(four), '10.0.0.2:4000 1');
  t.equal(h.sendto(fd, 1, '10.0.0.2:9'), 'ENETUNREACH');
  t.equal(h.sendto(fd, 1, '[::ffff:10.0.0.2]:9'), 'ENETUNREACH');
});

function twoPorts(h: SocketHarness): void {
  const second = h.addPort('eth1', '02:00:00:00:01:01');
  h.addAddress(second, '10.1.0.1/24');
  h.knows('10.1.0.2', '02:00:00:00:00:02', second);
  second.wire.frames.length = 0;
}

dialogue('SO_BINDTODEVICE ties a socket to an interface, bound or not', (t, h) => {
  twoPorts(h);
  const { api } = h;
  const name = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  const device = (fd: number) => {
    const into = new Uint8Array(16);
    return String.fromCharCode(
      ...into.subarray(0, api.getsockopt(fd, SOL.SOCKET, SO.BINDTODEVICE, into)),
    );
  };
  const fd = h.bound('0.0.0.0:5000');
  t.equal(named(api.setsockopt(fd, SOL.SOCKET, SO.BINDTODEVICE, name('nope\0'))), 'ENODEV');
  t.equal(device(fd), '');
  t.equal(api.setsockopt(fd, SOL.SOCKET, SO.BINDTODEVICE, name('eth1\0')), 0);
  t.equal(device(fd), 'eth1\0');
  t.equal(named(api.getsockopt(fd, SOL.SOCKET, SO.BINDTODEVICE, new Uint8Array(4))), 'EINVAL');
  t.equal(api.getInt(fd, SOL.SOCKET, SO.BINDTOIFINDEX), 3);
  t.equal(h.arrives(1, 5000), 'UDP_NO_PORT', 'not by eth0');
  h.sent();
  const other = h.udp();
  api.setsockopt(other, SOL.SOCKET, SO.BINDTODEVICE, name('eth0'));
  t.equal(api.bind(other, addr('0.0.0.0:5000')), 0, 'the same port elsewhere');
  t.equal(h.arrives(1, 5000), 'accepted');
  t.equal(named(api.setsockopt(other, SOL.SOCKET, SO.BINDTODEVICE, name(''))), 'EADDRINUSE');
  t.equal(device(other), 'eth0\0', 'nothing has changed');
  t.equal(h.sendto(fd, 1, '10.1.0.2:9'), 1);
  t.equal(h.ports[1]!.lines().length, 1);
  api.close(other);
  t.equal(api.setInt(fd, SOL.SOCKET, SO.BINDTOIFINDEX, 0), 0);
  t.equal(h.arrives(1, 5000), 'accepted');
});

const group = (host: number) => new Uint8Array([239, 1, 1, 1, 10, 0, 0, host]);

dialogue('groups: joined on this host, left one by one or with the socket', (t, h) => {
  twoPorts(h);
  const { api } = h;
  const fd = h.bound('0.0.0.0:5000');
  const arrive = () => {
    const packet = ip4(
      { dst: '239.1.1.1', protocol: 17 },
      udp({ to: 5000 }, data(1), '10.0.0.2', '239.1.1.1'),
    );
    return h.give(packet, { dst: '01:00:5e:01:01:01' });
  };
  const set = (name: number, value: Uint8Array) => named(api.setsockopt(fd, SOL.IP, name, value));
  const { ADD_MEMBERSHIP: ADD, DROP_MEMBERSHIP: DROP } = IP_OPT;
  t.equal(arrive(), 'IP_NOT_MEMBER');
  t.equal(set(ADD, group(1)), 0);
  t.equal(set(ADD, group(1)), 'EADDRINUSE');
  t.equal(set(ADD, group(77)), 'ENODEV', 'no interface has this address');
  t.equal(set(ADD, new Uint8Array([10, 0, 0, 1, 0, 0, 0, 0])), 'EINVAL', 'no group');
  t.equal(set(ADD, new Uint8Array(7)), 'EINVAL');
  t.equal(arrive(), 'accepted');
  const mreqn = new Uint8Array([239, 1, 1, 1, 0, 0, 0, 0, 3, 0, 0, 0]);
  t.equal(set(ADD, mreqn), 0, 'on eth1 too');
  t.equal(set(DROP, group(1)), 0);
  t.equal(arrive(), 'IP_NOT_MEMBER');
  t.equal(set(DROP, group(1)), 'EADDRNOTAVAIL');
  set(ADD, group(1));
  for (let i = 0; i < 18; i++) t.equal(set(ADD, new Uint8Array([239, 2, 2, i, 10, 0, 0, 1])), 0);
  t.equal(set(ADD, new Uint8Array([239, 2, 2, 99, 10, 0, 0, 1])), 'ENOBUFS', 'twenty are enough');
  api.close(fd);
  t.equal(arrive(), 'IP_NOT_MEMBER');
  const six = h.bound('[::]:5001');
  const mreq6 = new Uint8Array(20);
  mreq6.set([0xff, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 2]);
  t.equal(api.setsockopt(six, SOL.IPV6, IPV6_OPT.ADD_MEMBERSHIP, mreq6), 0);
  t.equal(h.port.iface.isMember({ w0: 0xff050000 | 0, w1: 0, w2: 0, w3: 9 }), true);
  t.equal(api.setsockopt(six, SOL.IPV6, IPV6_OPT.DROP_MEMBERSHIP, mreq6), 0);
  t.equal(named(api.setsockopt(six, SOL.IPV6, IPV6_OPT.DROP_MEMBERSHIP, mreq6)), 'EADDRNOTAVAIL');
  t.equal(h.port.iface.isMember({ w0: 0xff050000 | 0, w1: 0, w2: 0, w3: 9 }), false);
});

dialogue('IP_MULTICAST_IF and IP_MULTICAST_TTL: where groups are sent, and how far', (t, h) => {
  twoPorts(h);
  const { api } = h;
  const fd = h.udp();
  const where = () => {
    h.sendto(fd, 1, '239.1.1.1:9');
    return h.ports.map((p) => p.sent().map((s) => `${s.src} ${s.ttl}`));
  };
  t.same(where(), [['10.0.0.1 1'], []]);
  t.equal(api.setsockopt(fd, SOL.IP, IP_OPT.MULTICAST_IF, new Uint8Array([10, 1, 0, 1])), 0);
  api.setInt(fd, SOL.IP, IP_OPT.MULTICAST_TTL, 7);
  t.same(where(), [[], ['10.1.0.1 7']]);
  const into = new Uint8Array(4);
  api.getsockopt(fd, SOL.IP, IP_OPT.MULTICAST_IF, into);
  t.same([...into], [10, 1, 0, 1]);
  const set = (...bytes: number[]) =>
    named(api.setsockopt(fd, SOL.IP, IP_OPT.MULTICAST_IF, new Uint8Array(bytes)));
  t.equal(set(9, 9, 9, 9), 'EADDRNOTAVAIL');
  t.equal(set(0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0), 'EADDRNOTAVAIL');
  t.equal(set(1), 'EINVAL');
  t.equal(set(0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0), 0);
  t.equal(set(0, 0, 0, 0), 0, 'by route again');
  t.same(where(), [['10.0.0.1 7'], []]);
  api.setInt(fd, SOL.SOCKET, SO.BINDTOIFINDEX, 3);
  t.equal(set(10, 0, 0, 1), 'EINVAL', 'tied to another one');
});

dialogue('IP_MTU: of a connected socket', (t, h) => {
  const fd = h.udp(AF.INET6);
  t.equal(named(h.api.getInt(fd, SOL.IPV6, IPV6_OPT.MTU)), 'ENOTCONN');
  t.equal(named(h.api.setsockopt(fd, SOL.IPV6, IPV6_OPT.MTU, int32(1))), 'ENOPROTOOPT');
  h.api.connect(fd, addr('[2001:db8::2]:9'));
  t.equal(h.api.getInt(fd, SOL.IPV6, IPV6_OPT.MTU), 1500);
  t.equal(h.api.getInt(fd, SOL.IP, IP_OPT.MTU), 1500);
});
