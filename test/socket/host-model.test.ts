/**
 * A host with two interfaces (RFC 1122 §3.3.4): what leaves where and from which address, and whose what arrives is.
 * The answers are those of a Linux 6.18 that was asked the same, with two links and a default route by the first.
 *
 *     eth0  10.0.0.1/24  2001:db8::1/64      default routes: 10.0.0.254, 2001:db8::fe
 *     eth1  10.1.0.1/24  2001:db8:1::1/64    AFAR is behind no route of it, but on its link
 */
import type { Test } from 'tap';
import { AF, IP_OPT, IPV6_OPT, SO, SOCK, SOL } from '../../src/socket/abi.ts';
import type { ControlMessage } from '../../src/socket/control-message.ts';
import { Message } from '../../src/socket/message.ts';
import { writeAnySysctl } from '../../src/stack/all-sysctls.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { arpBytes } from '../net/link-rig.ts';
import {
  BROADCAST_MAC,
  data,
  ethernet,
  ip4,
  ip6,
  OUR_MAC2,
  PEER_MAC,
  u32,
  udp,
} from '../net/packets.ts';
import { ip, type Port } from '../net/rig.ts';
import { type TcpFields, tcpBytes } from '../tcp/segment-text.ts';
import { addr, named, type SocketHarness, dialogue as single } from './socket-rig.ts';

const AFAR = '192.0.2.7';
const AFAR6 = '2001:db8:ffff::7';
const ETH0 = 2;
const ETH1 = 3;
const ON_ETH1 = { dst: OUR_MAC2 };

function dialogue(title: string, run: (t: Test, h: SocketHarness, eth1: Port) => void): void {
  single(title, (t, h) => {
    const eth1 = h.addPort('eth1', OUR_MAC2);
    h.addAddress(eth1, '10.1.0.1/24');
    h.addAddress(eth1, '2001:db8:1::1/64');
    for (const known of ['10.1.0.9', '10.0.0.9', AFAR, '2001:db8:1::9', 'fe80::9']) {
      h.knows(known, '02:00:00:00:00:09', eth1);
    }
    h.knows('10.0.0.9', '02:00:00:00:00:19');
    left(h);
    run(t, h, eth1);
  });
}

/** What has left, by the interface: `eth1 10.1.0.1 > 192.0.2.7`, or `eth1 arp`. */
function left(h: SocketHarness): string[] {
  h.settle();
  return h.ports.flatMap((port, i) =>
    port.sent().map((s) => `eth${i} ${s.kind === 'arp' ? 'arp' : `${s.src} > ${s.dst}`}`),
  );
}

const tie = (h: SocketHarness, fd: number, name: string): number =>
  h.api.setsockopt(
    fd,
    SOL.SOCKET,
    SO.BINDTODEVICE,
    Uint8Array.from(name, (c) => c.charCodeAt(0)),
  );

function tied(h: SocketHarness, name: string, to: string): number {
  const address = addr(to);
  const fd = h.udp(address.family);
  tie(h, fd, name);
  h.api.bind(fd, address);
  return fd;
}

function message(source: string, ifIndex: number): ControlMessage {
  const is6 = source.includes(':');
  const address = ip(source);
  const type = is6 ? IPV6_OPT.PKTINFO : IP_OPT.PKTINFO;
  const level = is6 ? SOL.IPV6 : SOL.IP;
  return { level, type, kind: 'pktinfo', ifIndex, address, source: address };
}

/** Sends with a source and an interface: the result, or what left. */
function sendAs(
  h: SocketHarness,
  fd: number,
  to: string,
  source: string,
  ifIndex: number,
): number | string {
  const m = new Message([data(4)]);
  m.name.copy(addr(to));
  m.control.push(message(source, ifIndex));
  const n = named(h.api.sendmsg(fd, m, 0));
  const lines = left(h);
  return n === 4 ? lines.join() : n;
}

/** What IP_PKTINFO or IPV6_RECVPKTINFO says of the next datagram: interface, and address it came to. */
function told(h: SocketHarness, fd: number): string {
  const m = new Message([new Uint8Array(64)], 64);
  const n = named(h.api.recvmsg(fd, m, 0));
  const [c] = m.control;
  if (c?.kind !== 'pktinfo') return String(n);
  return `${c.ifIndex} ${formatAddress(c.address)} ${formatAddress(c.source)}`;
}

const arrives = (h: SocketHarness, port: Port, src: string, dst: string, to: number): string => {
  const dstMac = port === h.port ? {} : ON_ETH1;
  return h.give(ip4({ src, dst, protocol: 17 }, udp({ to }, data(4), src, dst)), dstMac, port);
};

dialogue(
  'RFC 1122 §3.3.4.2: the weak host takes what is for any of its addresses, anywhere',
  (t, h, eth1) => {
    const fd = h.bound('0.0.0.0:5000');
    h.api.setInt(fd, SOL.IP, IP_OPT.PKTINFO, 1);
    t.equal(arrives(h, eth1, '10.1.0.9', '10.0.0.1', 5000), 'accepted');
    t.equal(told(h, fd), `${ETH1} 10.0.0.1 10.0.0.1`, 'and says where it came from');
    t.equal(arrives(h, h.port, '10.0.0.2', '10.0.0.1', 5000), 'accepted');
    t.equal(told(h, fd), `${ETH0} 10.0.0.1 10.0.0.1`);
  },
);

dialogue(
  'RFC 1122 §3.3.4.2: SO_BINDTODEVICE is a strong end: one interface’s datagrams, either way',
  (t, h, eth1) => {
    const fd = tied(h, 'eth0', '10.0.0.1:5000');
    t.equal(arrives(h, eth1, '10.1.0.9', '10.0.0.1', 5000), 'UDP_NO_PORT');
    t.same(left(h), ['eth1 10.0.0.1 > 10.1.0.9'], 'port unreachable');
    t.equal(arrives(h, h.port, '10.0.0.2', '10.0.0.1', 5000), 'accepted');
    t.equal(h.sendto(fd, 4, `${AFAR}:9`), 4);
    t.same(left(h), [`eth0 10.0.0.1 > ${AFAR}`]);
  },
);

dialogue(
  'as on Linux an IPv4 destination without a route is on the link of the device that was asked for',
  (t, h) => {
    const four = tied(h, 'eth1', '0.0.0.0:0');
    t.equal(h.sendto(four, 4, `${AFAR}:9`), 4);
    t.same(left(h), [`eth1 10.1.0.1 > ${AFAR}`]);
    t.equal(h.sendto(four, 4, '198.51.100.1:9'), 4);
    t.same(left(h), ['eth1 arp']);
    const six = tied(h, 'eth1', '[::]:0');
    t.equal(h.sendto(six, 4, `[${AFAR6}]:9`), 'ENETUNREACH', 'an IPv6 one is nowhere');
    t.equal(h.sendto(six, 4, '[2001:db8:1::9]:9'), 4);
    t.same(left(h), ['eth1 2001:db8:1::1 > 2001:db8:1::9']);
  },
);

dialogue('an address of ours is not behind another interface of ours', (t, h) => {
  const seen = h.bound('0.0.0.0:6000');
  h.api.setInt(seen, SOL.IP, IP_OPT.PKTINFO, 1);
  t.equal(h.sendto(h.udp(), 4, '10.0.0.1:6000'), 4);
  t.equal(told(h, seen), `${ETH0} 10.0.0.1 10.0.0.1`, 'it comes by way of who has the address');
  t.equal(h.sendto(tied(h, 'eth0', '0.0.0.0:0'), 4, '10.0.0.1:6000'), 4);
  t.equal(told(h, seen), `${ETH0} 10.0.0.1 10.0.0.1`);
  h.api.close(seen);
  const own = tied(h, 'eth0', '0.0.0.0:6000');
  h.sendto(h.udp(), 4, '10.0.0.1:6000');
  t.match(h.recv(own), /^10\.0\.0\.1:\d+ 4$/);
  t.equal(h.sendto(tied(h, 'eth1', '0.0.0.0:0'), 4, '10.0.0.1:6000'), 4);
  t.same(left(h), ['eth1 arp'], 'asked for on eth1 it is somebody else’s');
  t.equal(h.sendto(tied(h, 'eth1', '[::]:0'), 4, '[2001:db8::1]:6000'), 'ENETUNREACH');
});

dialogue(
  'IP_PKTINFO sent: source and interface of one datagram, whatever the socket has',
  (t, h) => {
    const to = `${AFAR}:9`;
    const cases: readonly (readonly [number, string, number, string])[] = [
      [h.udp(), '0.0.0.0', ETH1, `eth1 10.1.0.1 > ${AFAR}`],
      [h.udp(), '10.1.0.1', 0, `eth0 10.1.0.1 > ${AFAR}`],
      [h.udp(), '10.1.0.1', ETH0, `eth0 10.1.0.1 > ${AFAR}`],
      [h.bound('10.0.0.1:0'), '10.1.0.1', 0, `eth0 10.1.0.1 > ${AFAR}`],
      [tied(h, 'eth0', '0.0.0.0:0'), '0.0.0.0', ETH1, `eth1 10.1.0.1 > ${AFAR}`],
      [h.udp(), '10.1.0.77', 0, 'ENETUNREACH'],
      [h.udp(), '0.0.0.0', 9, 'ENODEV'],
    ];
    for (const [fd, source, index, expected] of cases) {
      t.equal(sendAs(h, fd, to, source, index), expected, `${source} ${index}`);
    }
  },
);

dialogue('IPV6_PKTINFO sent: an interface that agrees with the socket’s and the scope', (t, h) => {
  const cases: readonly (readonly [number, string, string, number, string])[] = [
    [h.udp(AF.INET6), `[${AFAR6}]:9`, '::', ETH1, 'ENETUNREACH'],
    [h.udp(AF.INET6), '[2001:db8:1::9]:9', '::', ETH1, 'eth1 2001:db8:1::1 > 2001:db8:1::9'],
    [h.udp(AF.INET6), `[${AFAR6}]:9`, '2001:db8:1::1', 0, `eth0 2001:db8:1::1 > ${AFAR6}`],
    [h.udp(AF.INET6), `[${AFAR6}]:9`, '2001:db8:1::1', ETH0, `eth0 2001:db8:1::1 > ${AFAR6}`],
    [h.udp(AF.INET6), `[${AFAR6}]:9`, '2001:db8:1::77', 0, 'EINVAL'],
    [tied(h, 'eth0', '[::]:0'), '[2001:db8:1::9]:9', '::', ETH1, 'EINVAL'],
    [h.udp(AF.INET6), '[fe80::9%3]:9', '::', ETH0, 'EINVAL'],
    [h.udp(AF.INET6), '[fe80::9]:9', '::', ETH1, 'eth1 fe80::ff:fe00:101 > fe80::9'],
  ];
  for (const [fd, to, source, index, expected] of cases) {
    t.equal(sendAs(h, fd, to, source, index), expected, `${to} ${source} ${index}`);
  }
});

dialogue(
  'IPV6_RECVPKTINFO and the scope of a link-local peer say which link it was',
  (t, h, eth1) => {
    const fd = h.bound('[::]:5000');
    h.api.setInt(fd, SOL.IPV6, IPV6_OPT.RECVPKTINFO, 1);
    const give = (port: Port, dst: string): string => {
      const packet = ip6(
        { src: 'fe80::2', dst, next: 17 },
        udp({ to: 5000 }, data(4), 'fe80::2', dst),
      );
      return h.give(packet, port === eth1 ? ON_ETH1 : {}, port);
    };
    t.equal(give(h.port, 'fe80::ff:fe00:1'), 'accepted');
    t.match(h.recv(fd), /^\[fe80::2%2\]:4000 4$/);
    t.equal(give(eth1, 'fe80::ff:fe00:101'), 'accepted');
    t.equal(told(h, fd), `${ETH1} fe80::ff:fe00:101 fe80::ff:fe00:101`);
    t.equal(give(eth1, '2001:db8::1'), 'accepted', 'a global address is the host’s');
    t.match(h.recv(fd), /^\[fe80::2%3\]:4000 4$/);
    t.equal(give(h.port, 'fe80::ff:fe00:101'), 'IP_NOT_LOCAL', 'a link-local one its link’s');
    t.equal(h.sendto(fd, 4, '[fe80::9]:9'), 'EINVAL', 'without a scope nobody knows which');
    t.equal(h.sendto(fd, 4, '[fe80::9%3]:9'), 4);
    t.same(left(h), ['eth1 fe80::ff:fe00:101 > fe80::9']);
    const one = h.bound('[fe80::ff:fe00:101%3]:5001');
    t.equal(h.name(one), '[fe80::ff:fe00:101%3]:5001');
    t.equal(
      named(h.api.bind(h.udp(AF.INET6), addr('[fe80::ff:fe00:101%2]:5002'))),
      'EADDRNOTAVAIL',
    );
  },
);

dialogue('strong by sysctl: rp_filter 1, arp_ignore 1, arp_announce 2', (t, h, eth1) => {
  const fd = h.bound('0.0.0.0:5000');
  const ask = (): number => {
    const request = arpBytes({ op: 1, sender: '10.1.0.9', from: PEER_MAC, target: '10.0.0.1' });
    h.giveFrame(ethernet(request, { dst: BROADCAST_MAC, type: 0x0806 }), {}, eth1);
    return left(h).length;
  };
  const take = (): string => arrives(h, eth1, '10.0.0.9', '10.0.0.1', 5000);
  t.same([ask(), take()], [1, 'accepted']);
  t.equal(h.recv(fd), '10.0.0.9:4000 4');
  for (const [name, value] of Object.entries({ rp_filter: 1, arp_ignore: 1, arp_announce: 2 })) {
    t.equal(writeAnySysctl(h.stack, `net.ipv4.conf.all.${name}`, String(value)), 0);
  }
  t.same([ask(), take()], [0, 'IP_RPFILTER']);
  t.equal(arrives(h, h.port, '10.0.0.9', '10.0.0.1', 5000), 'accepted');
  t.equal(h.recv(fd), '10.0.0.9:4000 4');
});

const unicast = (h: SocketHarness, fd: number, index: number, is6 = false): number | string => {
  const [level, name] = is6 ? [SOL.IPV6, IPV6_OPT.UNICAST_IF] : [SOL.IP, IP_OPT.UNICAST_IF];
  return named(h.api.setsockopt(fd, level, name, Uint8Array.from(u32(index))));
};

dialogue('IP_UNICAST_IF: where datagrams to one host and broadcasts leave', (t, h) => {
  const fd = h.udp();
  t.equal(unicast(h, fd, ETH1), 0);
  t.equal(h.api.getInt(fd, SOL.IP, IP_OPT.UNICAST_IF), ETH1 << 24, 'in network order');
  h.sendto(fd, 4, `${AFAR}:9`);
  t.same(left(h), [`eth1 10.1.0.1 > ${AFAR}`]);
  h.api.setInt(fd, SOL.SOCKET, SO.BROADCAST, 1);
  h.sendto(fd, 4, '255.255.255.255:9');
  t.same(left(h), ['eth1 10.1.0.1 > 255.255.255.255']);
  h.sendto(fd, 4, '239.1.1.1:9');
  t.same(left(h), ['eth0 10.0.0.1 > 239.1.1.1'], 'groups have IP_MULTICAST_IF');
  t.equal(h.api.connect(fd, addr(`${AFAR}:9`)), 0);
  t.match(h.name(fd), /^10\.1\.0\.1:/);
  h.sendto(fd, 4, null);
  t.same(left(h), [`eth1 10.1.0.1 > ${AFAR}`]);
  const own = tied(h, 'eth0', '0.0.0.0:0');
  t.same(
    [unicast(h, own, ETH1), unicast(h, own, ETH0), unicast(h, own, 0)],
    ['EINVAL', 'EINVAL', 0],
  );
  const later = h.udp();
  unicast(h, later, ETH1);
  tie(h, later, 'eth0');
  h.sendto(later, 4, `${AFAR}:9`);
  t.same(left(h), [`eth0 10.0.0.1 > ${AFAR}`], 'SO_BINDTODEVICE goes first');
  t.equal(unicast(h, later, 99), 'EADDRNOTAVAIL');
  t.equal(named(h.api.setsockopt(later, SOL.IP, IP_OPT.UNICAST_IF, new Uint8Array(1))), 'EINVAL');
});

dialogue('IPV6_UNICAST_IF: likewise, and it says which link a link-local address is on', (t, h) => {
  const fd = h.udp(AF.INET6);
  t.equal(unicast(h, fd, ETH1, true), 0);
  t.equal(h.api.getInt(fd, SOL.IPV6, IPV6_OPT.UNICAST_IF), ETH1 << 24);
  t.equal(h.sendto(fd, 4, `[${AFAR6}]:9`), 'ENETUNREACH');
  h.sendto(fd, 4, '[2001:db8:1::9]:9');
  h.sendto(fd, 4, '[fe80::9]:9');
  t.same(left(h), ['eth1 2001:db8:1::1 > 2001:db8:1::9', 'eth1 fe80::ff:fe00:101 > fe80::9']);
  t.equal(named(h.api.connect(fd, addr('[fe80::9]:9'))), 'EINVAL', 'but not to connect');
  h.sendto(fd, 4, `[::ffff:${AFAR}]:9`);
  t.same(left(h), [`eth0 10.0.0.1 > ${AFAR}`], 'over IPv4 IP_UNICAST_IF says');
});

dialogue(
  'of no interface in particular, IPv4 groups and broadcasts leave by their source’s',
  (t, h) => {
    const fd = h.bound('10.1.0.1:0');
    h.api.setInt(fd, SOL.SOCKET, SO.BROADCAST, 1);
    for (const to of ['255.255.255.255', '239.1.1.1']) h.sendto(fd, 4, `${to}:9`);
    t.same(left(h), ['eth1 10.1.0.1 > 255.255.255.255', 'eth1 10.1.0.1 > 239.1.1.1']);
    t.equal(sendAs(h, h.udp(), '239.1.1.1:9', '10.1.0.1', 0), 'eth1 10.1.0.1 > 239.1.1.1');
  },
);

dialogue(
  'RFC 6724 §5 over two interfaces: the source is of the interface that the route leaves by',
  (t, h) => {
    const sourceTo = (to: string): string => {
      const fd = h.udp(AF.INET6);
      t.equal(h.api.connect(fd, addr(`[${to}]:9`)), 0);
      return h.name(fd).replace(/:\d+$/, '');
    };
    t.equal(sourceTo(AFAR6), '[2001:db8::1]', 'rule 5');
    h.stack.addRoute(ip('2001:db8:ffff::'), 48, ip('2001:db8:1::9'), null);
    t.equal(sourceTo(AFAR6), '[2001:db8:1::1]');
    t.equal(sourceTo('fe80::9%3'), '[fe80::ff:fe00:101%3]', 'rule 2: the scope');
    h.stack.removeAddress(h.ports[1]!.iface, ip('2001:db8:1::1'));
    t.equal(
      sourceTo(AFAR6),
      '[2001:db8::1]',
      'with none there another’s, rather than a link-local one',
    );
    t.equal(sourceTo('2001:db8::1'), '[2001:db8::1]', 'rule 1: itself');
  },
);

dialogue('an interface without an IPv4 address asks and sends in another’s name', (t, h) => {
  const eth2 = h.addPort('eth2', '02:00:00:00:02:01');
  h.stack.addRoute(ip('198.51.100.0'), 24, null, eth2.iface);
  h.sendto(h.udp(), 4, '198.51.100.1:9');
  // Another MAC address than the reader knows.
  const arp = eth2.sent().find((s) => s.frame[12] === 8 && s.frame[13] === 6);
  t.equal(arp!.frame.subarray(28, 32).join('.'), '10.0.0.1');
});

// ---- TCP ----

function segment(f: Partial<TcpFields>, src: string, dst: string): Uint8Array {
  const fields = { srcPort: 1111, dstPort: 8080, seq: 1, ack: 0, flags: 'S', win: 65535, ...f };
  return ip4({ src, dst, protocol: 6 }, tcpBytes(fields, src, dst));
}

/** `eth0 10.0.0.1 > 10.0.0.9 SA`, by the flags. */
function segments(h: SocketHarness): string[] {
  h.settle();
  return h.ports.flatMap((port, i) =>
    port.sent().flatMap((s) => {
      if (s.kind === 'arp') return [`eth${i} arp`];
      const bits = s.payload[13]!;
      const flags = [...'FSRPA'].filter((_, b) => (bits & (1 << b)) !== 0).join('');
      return [`eth${i} ${s.src} > ${s.dst} ${flags}`];
    }),
  );
}

function listening(h: SocketHarness, device: string | null): number {
  const fd = h.api.socket(AF.INET, SOCK.STREAM, 0);
  if (device !== null) tie(h, fd, device);
  if (h.api.bind(fd, addr('0.0.0.0:8080')) !== 0) throw new Error('bind');
  h.api.listen(fd, 8);
  return fd;
}

dialogue('TCP: a listener of a device hears its SYNs, and answers there', (t, h, eth1) => {
  const far = listening(h, 'eth1');
  t.equal(h.give(segment({}, '10.0.0.9', '10.0.0.1')), 'TCP_NO_PORT');
  t.same(segments(h), ['eth0 10.0.0.1 > 10.0.0.9 RA']);
  t.equal(h.give(segment({}, AFAR, '10.0.0.1'), ON_ETH1, eth1), 'accepted');
  t.same(segments(h), [`eth1 10.0.0.1 > ${AFAR} SA`], 'whatever the routes say');
  const near = listening(h, 'eth0');
  t.ok(near > far, 'two listeners of one port');
  t.equal(h.give(segment({ srcPort: 2 }, '10.0.0.9', '10.1.0.1')), 'accepted');
  t.same(segments(h), ['eth0 10.1.0.1 > 10.0.0.9 SA'], 'the weak host has all its addresses there');
});

dialogue('TCP: a connection of a device is not reached by way of another', (t, h, eth1) => {
  const fd = h.api.socket(AF.INET, SOCK.STREAM, 0);
  tie(h, fd, 'eth0');
  h.api.bind(fd, addr('10.0.0.1:4444'));
  h.api.connect(fd, addr('10.0.0.9:8080'));
  h.settle();
  const syn = h.sent()[0]!.payload;
  const isn = new DataView(syn.buffer, syn.byteOffset).getUint32(4);
  const answer = segment(
    { srcPort: 8080, dstPort: 4444, seq: 100, ack: isn + 1, flags: 'S.' },
    '10.0.0.9',
    '10.0.0.1',
  );
  t.equal(h.give(answer, ON_ETH1, eth1), 'TCP_NO_PORT');
  t.same(segments(h), ['eth0 10.0.0.1 > 10.0.0.9 R'], 'of nobody');
  t.equal(h.give(answer), 'accepted');
  t.same(segments(h), ['eth0 10.0.0.1 > 10.0.0.9 A']);
  const text = segment(
    { srcPort: 8080, dstPort: 4444, seq: 101, ack: isn + 1, flags: 'P.', text: data(5) },
    '10.0.0.9',
    '10.0.0.1',
  );
  t.equal(h.give(text, ON_ETH1, eth1), 'TCP_NO_PORT');
  segments(h);
  t.equal(h.give(text), 'accepted');
  t.equal(h.api.recv(fd, new Uint8Array(9), 0), 5);
});

dialogue(
  'TCP: a new connection of a 4-tuple that a device has waits for that one to end',
  (t, h, eth1) => {
    for (const device of ['eth0', 'eth1']) listening(h, device);
    const open = segment({}, '10.0.0.9', '10.0.0.1');
    t.equal(h.give(open), 'accepted');
    segments(h);
    t.equal(h.give(open, ON_ETH1, eth1), 'TCP_NO_PORT', 'Linux has two');
    t.same(segments(h), []);
  },
);

dialogue('TCP: connect by device, and to our own address', (t, h) => {
  const connect = (device: string, to: string): string[] => {
    const fd = h.api.socket(AF.INET, SOCK.STREAM, 0);
    tie(h, fd, device);
    h.api.connect(fd, addr(to));
    return segments(h);
  };
  t.same(connect('eth1', `${AFAR}:80`), [`eth1 10.1.0.1 > ${AFAR} S`]);
  t.same(connect('eth0', `${AFAR}:80`), [`eth0 10.0.0.1 > ${AFAR} S`]);
  t.same(connect('eth1', '10.0.0.1:8080'), ['eth1 arp']);
  const l = listening(h, null);
  t.same(connect('eth0', '10.0.0.1:8080'), [], 'it stays in the host');
  t.ok(h.api.accept(l, null, 0) > 0);
});
