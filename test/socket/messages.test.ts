/** Control messages and the error queue: what arrives beside the bytes, what a send may ask for, what went wrong. */
import {
  AF,
  EE_ORIGIN,
  EPOLL,
  EPOLLET,
  IP_OPT,
  IPV6_OPT,
  MSG,
  POLL,
  SO,
  SOL,
} from '../../src/socket/abi.ts';
import {
  type ControlMessage,
  controlLength,
  controlSpace,
  decodeControl,
  encodeControl,
} from '../../src/socket/control-message.ts';
import { Message } from '../../src/socket/message.ts';
import { formatSockAddr, SockAddr } from '../../src/socket/sock-addr.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { data, icmp4, icmp6, ip4, ip6, udp } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { addr, dialogue, named, type SocketHarness } from './socket-rig.ts';

/** The messages of a control list, in a line each. */
const lines = (messages: readonly ControlMessage[]): string[] => messages.map(line);

function line(m: ControlMessage): string {
  const head = `${m.level}/${m.type}`;
  switch (m.kind) {
    case 'int':
      return `${head} ${m.value}`;
    case 'time':
      return `${head} ${m.sec} s ${m.fraction}`;
    case 'pktinfo':
      return `${head} if ${m.ifIndex} ${formatAddress(m.address)} ${formatAddress(m.source)}`;
    case 'error': {
      const e = m.error;
      return `${head} ${e.errno} ${e.origin} ${e.type}/${e.code} ${e.info} ${e.data} ${formatSockAddr(e.offender)}`;
    }
    case 'bytes':
      return `${head} [${m.bytes}]`;
  }
}

function received(h: SocketHarness, fd: number, flags = 0, room = 2048): Message {
  const m = new Message([new Uint8Array(room)]);
  const n = h.api.recvmsg(fd, m, flags);
  if (n < 0) throw new Error(String(named(n)));
  return m;
}

const ALL4: [number, number][] = [
  [SOL.SOCKET, SO.TIMESTAMPNS],
  [SOL.SOCKET, SO.RXQ_OVFL],
  [SOL.IP, IP_OPT.PKTINFO],
  [SOL.IP, IP_OPT.RECVTTL],
  [SOL.IP, IP_OPT.RECVTOS],
];
const ALL6: [number, number][] = [
  [SOL.IPV6, IPV6_OPT.RECVPKTINFO],
  [SOL.IPV6, IPV6_OPT.RECVHOPLIMIT],
  [SOL.IPV6, IPV6_OPT.RECVTCLASS],
];

dialogue(
  "IPv4: time, interface and addresses, TTL and TOS, in Linux's order",
  (t, h) => {
    const fd = h.bound('0.0.0.0:5000');
    h.arrives(3, 5000);
    t.same(lines(received(h, fd).control), [], 'nothing unless asked for');
    for (const [level, name] of ALL4) t.equal(h.api.setInt(fd, level, name, 1), 0);
    h.advance(2.5);
    const packet = ip4({ protocol: 17, ttl: 9, tos: 0xb8 }, udp({ to: 5000 }, data(3)));
    h.give(packet);
    const m = received(h, fd);
    t.same(lines(m.control), [
      '1/35 1700000002 s 500000000',
      '0/8 if 2 10.0.0.1 10.0.0.1',
      '0/2 9',
      '0/1 184',
    ]);
    t.equal(formatSockAddr(m.name), '10.0.0.2:4000');
    const group = '239.1.1.1';
    const mreq = new Uint8Array([239, 1, 1, 1, 10, 0, 0, 1]);
    t.equal(h.api.setsockopt(fd, SOL.IP, IP_OPT.ADD_MEMBERSHIP, mreq), 0);
    const there = udp({ to: 5000 }, data(3), '10.0.0.2', group);
    h.give(ip4({ dst: group, protocol: 17 }, there), { dst: '01:00:5e:01:01:01' });
    t.equal(
      lines(received(h, fd).control)[1],
      '0/8 if 2 239.1.1.1 10.0.0.1',
      'where to answer from',
    );
    h.api.setInt(fd, SOL.SOCKET, SO.TIMESTAMP, 1);
    h.arrives(1, 5000);
    t.equal(lines(received(h, fd).control)[0], '1/29 1700000002 s 500000');
  },
  { api: { epochNs: 1_700_000_000 * 1e9 + 0 } },
);

dialogue('IPv6, and IPv4 that comes to an IPv6 socket', (t, h) => {
  const fd = h.bound('[::]:5000');
  for (const [level, name] of [...ALL4.slice(2), ...ALL6]) h.api.setInt(fd, level, name, 1);
  h.give(ip6({ next: 17, hop: 7 }, udp({ to: 5000 }, data(3), '2001:db8::2', '2001:db8::1')));
  t.same(lines(received(h, fd).control), [
    '41/50 if 2 2001:db8::1 2001:db8::1',
    '41/52 7',
    '41/67 0',
  ]);
  h.arrives(3, 5000);
  t.same(lines(received(h, fd).control), [
    '41/50 if 2 10.0.0.1 10.0.0.1',
    '0/8 if 2 10.0.0.1 10.0.0.1',
    '0/2 64',
    '0/1 0',
  ]);
});

dialogue(
  'SO_RXQ_OVFL counts what found no room; a short control buffer says MSG_CTRUNC',
  (t, h) => {
    const fd = h.bound('0.0.0.0:5000');
    h.api.setInt(fd, SOL.SOCKET, SO.RCVBUF, 1);
    h.api.setInt(fd, SOL.SOCKET, SO.RXQ_OVFL, 1);
    for (let i = 0; i < 9; i++) h.arrives(1, 5000);
    t.same(lines(received(h, fd).control), ['1/40 5']);
    h.api.setInt(fd, SOL.IP, IP_OPT.PKTINFO, 1);
    const m = new Message([new Uint8Array(9)], 24);
    h.api.recvmsg(fd, m, 0);
    t.same([lines(m.control), m.flags], [['1/40 5'], MSG.CTRUNC]);
  },
);

dialogue('a send says its TTL, TOS, source and interface', (t, h) => {
  h.addAddress(h.port, '10.0.0.7/24');
  h.sent(); // the announcement
  const fd = h.udp();
  const m = new Message([data(4)]);
  m.name.copy(addr('10.0.0.2:4000'));
  m.control.push(
    { level: SOL.IP, type: IP_OPT.TTL, kind: 'int', value: 3 },
    { level: SOL.IP, type: IP_OPT.TOS, kind: 'int', value: 0x10 },
    {
      level: SOL.IP,
      type: IP_OPT.PKTINFO,
      kind: 'pktinfo',
      ifIndex: 2,
      source: ip('10.0.0.7'),
      address: ip('0.0.0.0'),
    },
  );
  t.equal(h.api.sendmsg(fd, m, 0), 4);
  h.settle();
  const [seen] = h.sent();
  t.match(seen!.line, /^10\.0\.0\.7 > 10\.0\.0\.2 udp/);
  t.equal(seen!.ttl, 3);
  t.equal(seen!.tos, 0x10);
  h.sendto(fd, 4, '10.0.0.2:4000');
  const [next] = h.sent();
  t.match(next!.line, /^10\.0\.0\.1 >/, 'for that one send');
  t.equal(next!.ttl, 64);
});

dialogue('what a send may not ask for', (t, h) => {
  const fd = h.udp(AF.INET6);
  const tries: [ControlMessage, string | number][] = [
    [{ level: SOL.IP, type: IP_OPT.TTL, kind: 'int', value: 0 }, 'EINVAL'],
    [{ level: SOL.IP, type: IP_OPT.TOS, kind: 'int', value: 256 }, 'EINVAL'],
    [{ level: SOL.IPV6, type: IPV6_OPT.HOPLIMIT, kind: 'int', value: -1 }, 4],
    [{ level: SOL.IPV6, type: IPV6_OPT.TCLASS, kind: 'int', value: -1 }, 4],
    [{ level: SOL.IPV6, type: IPV6_OPT.TCLASS, kind: 'int', value: -2 }, 'EINVAL'],
    [{ level: SOL.IP, type: 99, kind: 'int', value: 1 }, 'EINVAL'],
    [{ level: SOL.IP, type: IP_OPT.TTL, kind: 'bytes', bytes: data(2) }, 'EINVAL'],
    [{ level: SOL.SOCKET, type: 99, kind: 'int', value: 1 }, 'EINVAL'],
    [{ level: SOL.UDP, type: 103, kind: 'int', value: 100 }, 'EINVAL'],
    [{ level: 77, type: 1, kind: 'int', value: 1 }, 4],
    [pktinfo6('2001:db8::9', 0), 'EINVAL'],
    [pktinfo6('2001:db8::1', 0), 4],
    [pktinfo6('::', 9), 'ENODEV'],
    [pktinfo6('ff02::1', 2), 'EINVAL'],
  ];
  for (const [control, result] of tries) {
    const m = new Message([data(4)]);
    m.name.copy(addr('[2001:db8::2]:4000'));
    m.control.push(control);
    t.equal(named(h.api.sendmsg(fd, m, 0)), result, line(control));
  }
  h.settle();
});

function pktinfo6(source: string, ifIndex: number): ControlMessage {
  const address = ip(source);
  return {
    level: SOL.IPV6,
    type: IPV6_OPT.PKTINFO,
    kind: 'pktinfo',
    ifIndex,
    address,
    source: address,
  };
}

/** Somebody answers our datagram with an error. */
function unreachable(h: SocketHarness, from: string, code: number, mtu = 0): void {
  const [sent] = h.sent();
  h.give(ip4({ src: from }, icmp4({ type: 3, code, rest: mtu }, sent!.frame.slice(14))));
}

dialogue('IP_RECVERR: every error is kept, with who says so and what it is about', (t, h) => {
  const fd = h.bound('10.0.0.1:5000');
  const ep = h.api.epollCreate();
  h.api.epollCtl(ep, EPOLL.ADD, fd, POLL.IN | EPOLLET, 1);
  h.sendto(fd, 12, '10.9.0.2:4000');
  unreachable(h, '10.0.0.254', 1);
  t.equal(h.recv(fd), 'EAGAIN', 'nobody asked');
  h.api.setInt(fd, SOL.IP, IP_OPT.RECVERR, 1);
  h.sendto(fd, 12, '10.9.0.2:4000');
  unreachable(h, '10.0.0.254', 1);
  t.equal(h.sendto(fd, 5, '10.9.0.3:77'), 'EHOSTUNREACH', 'a send reports it too, once');
  h.sendto(fd, 5, '10.9.0.3:77');
  unreachable(h, '10.9.0.3', 3);
  t.same(h.epoll(ep), [`1:${POLL.ERR.toString(16)}`]);
  t.equal(h.recv(fd), 'ECONNREFUSED', 'the last one, as by any call');
  const m = received(h, fd, MSG.ERRQUEUE);
  t.same(lines(m.control), ['0/11 113 2 3/1 0 0 10.0.0.254:0']);
  t.equal(formatSockAddr(m.name), '10.9.0.2:4000', 'where it was going');
  t.equal(m.flags, MSG.ERRQUEUE);
  h.settle();
  t.same(h.epoll(ep), [`1:${POLL.ERR.toString(16)}`], 'an edge for the next one');
  t.equal(h.api.getInt(fd, SOL.SOCKET, SO.ERROR), 111, 'which is pending');
  const next = received(h, fd, MSG.ERRQUEUE, 3);
  t.same(lines(next.control), ['0/11 111 2 3/3 0 0 10.9.0.3:0']);
  t.equal(next.flags, MSG.ERRQUEUE | MSG.TRUNC);
  t.equal(named(h.api.recvmsg(fd, next, MSG.ERRQUEUE)), 'EAGAIN');
  t.equal(h.api.poll([]), 0);
  t.same(h.epoll(ep), []);
});

dialogue('the payload of the datagram comes back with the error', (t, h) => {
  const fd = h.udp();
  h.api.setInt(fd, SOL.IP, IP_OPT.RECVERR, 1);
  h.sendto(fd, 30, '10.9.0.2:4000');
  unreachable(h, '10.0.0.254', 1);
  const into = new Uint8Array(64);
  const m = new Message([into]);
  t.equal(h.api.recvmsg(fd, m, MSG.ERRQUEUE), 30);
  t.same(into.slice(0, 30), data(30));
});

dialogue('too big: the MTU, from a router and from ourselves', (t, h) => {
  const fd = h.udp();
  h.api.setInt(fd, SOL.IP, IP_OPT.RECVERR, 1);
  h.api.setInt(fd, SOL.IP, IP_OPT.MTU_DISCOVER, 2);
  h.sendto(fd, 1400, '10.9.0.2:4000');
  unreachable(h, '10.0.0.254', 4, 1300);
  t.same(lines(received(h, fd, MSG.ERRQUEUE).control), ['0/11 90 2 3/4 1300 0 10.0.0.254:0']);
  t.equal(h.sendto(fd, 1400, '10.9.0.2:4000'), 'EMSGSIZE');
  const m = received(h, fd, MSG.ERRQUEUE);
  t.same(lines(m.control), ['0/11 90 1 0/0 1300 0 unspecified']);
  t.equal(formatSockAddr(m.name), '10.9.0.2:0', 'of no peer');
  h.api.connect(fd, addr('10.9.0.2:4000'));
  t.equal(h.api.getInt(fd, SOL.IP, IP_OPT.MTU), 1300);
});

dialogue('IPv6 errors, and IPv4 ones of an IPv6 socket, as IPV6_RECVERR', (t, h) => {
  const fd = h.bound('[::]:5000');
  h.api.setInt(fd, SOL.IPV6, IPV6_OPT.RECVERR, 1);
  h.api.setInt(fd, SOL.IP, IP_OPT.RECVERR, 1);
  h.sendto(fd, 12, '[2001:db8:9::2]:4000');
  const [sent] = h.sent();
  h.give(
    ip6(
      { src: '2001:db8::fe', next: 58 },
      icmp6({ type: 1, code: 0 }, sent!.frame.slice(14), '2001:db8::fe', '2001:db8::1'),
    ),
  );
  const m = received(h, fd, MSG.ERRQUEUE);
  t.same(lines(m.control), [`41/25 101 ${EE_ORIGIN.ICMP6} 1/0 0 0 [2001:db8::fe]:0`]);
  t.equal(formatSockAddr(m.name), '[2001:db8:9::2]:4000');
  h.sendto(fd, 12, '10.9.0.2:4000');
  unreachable(h, '10.0.0.254', 3);
  const four = received(h, fd, MSG.ERRQUEUE);
  t.same(lines(four.control), ['41/25 111 2 3/3 0 0 [::ffff:10.0.0.254]:0']);
  t.equal(formatSockAddr(four.name), '[::ffff:10.9.0.2]:4000');
});

dialogue(
  'the error queue is bounded by the receive buffer, and emptied when it is turned off',
  (t, h) => {
    const fd = h.bound('10.0.0.1:5000');
    h.api.setInt(fd, SOL.IP, IP_OPT.RECVERR, 1);
    h.api.setInt(fd, SOL.SOCKET, SO.RCVBUF, 0);
    for (let i = 0; i < 9; i++) {
      h.api.getInt(fd, SOL.SOCKET, SO.ERROR);
      h.sendto(fd, 12, '10.9.0.2:4000');
      unreachable(h, '10.0.0.254', 1);
    }
    const [s] = h.stack.udp.list();
    t.equal(s!.errors!.lost, 7, 'two fit into 2,304 bytes');
    t.ok(h.api.poll([]) === 0 && s!.errors!.chargedBytes <= 2304);
    h.api.setInt(fd, SOL.IP, IP_OPT.RECVERR, 0);
    h.api.getInt(fd, SOL.SOCKET, SO.ERROR);
    t.equal(named(h.api.recvmsg(fd, new Message(), MSG.ERRQUEUE)), 'EAGAIN');
  },
);

const EXAMPLES: [string, ControlMessage, string][] = [
  [
    'IP_TTL',
    { level: SOL.IP, type: IP_OPT.TTL, kind: 'int', value: 64 },
    '1400000000000000 00000000 02000000 40000000 00000000',
  ],
  [
    'IP_TOS, one byte',
    { level: SOL.IP, type: IP_OPT.TOS, kind: 'int', value: 0xb8 },
    '1100000000000000 00000000 01000000 b800000000000000',
  ],
  [
    'IP_PKTINFO',
    {
      level: SOL.IP,
      type: IP_OPT.PKTINFO,
      kind: 'pktinfo',
      ifIndex: 2,
      source: ip('10.0.0.1'),
      address: ip('239.1.1.1'),
    },
    '1c00000000000000 00000000 08000000 02000000 0a000001 ef010101 00000000',
  ],
  [
    'IPV6_PKTINFO',
    pktinfo6('2001:db8::1', 3),
    '2400000000000000 29000000 32000000 20010db8000000000000000000000001 03000000 00000000',
  ],
  [
    'SO_TIMESTAMPNS',
    {
      level: SOL.SOCKET,
      type: SO.TIMESTAMPNS,
      kind: 'time',
      sec: 1_700_000_000,
      fraction: 999_999_999,
    },
    '2000000000000000 01000000 23000000 00f1536500000000 ffc99a3b00000000',
  ],
  [
    'IP_RECVERR',
    {
      level: SOL.IP,
      type: IP_OPT.RECVERR,
      kind: 'error',
      error: {
        errno: 113,
        origin: 2,
        type: 3,
        code: 1,
        info: 1300,
        data: 0,
        offender: new SockAddr().set(AF.INET, ip('10.0.0.254'), 0),
      },
    },
    '3000000000000000 00000000 0b000000 71000000 02030100 14050000 00000000 02000000 0a0000fe 0000000000000000',
  ],
  [
    'something unknown',
    { level: 77, type: 5, kind: 'bytes', bytes: new Uint8Array([1, 2, 3]) },
    '1300000000000000 4d000000 05000000 0102030000000000',
  ],
];

dialogue('the bytes of control messages are those of Linux x86-64, both ways', (t) => {
  for (const [title, m, hex] of EXAMPLES) {
    const bytes = encodeControl([m]);
    t.equal(
      Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(''),
      hex.replaceAll(' ', ''),
      title,
    );
    t.equal(bytes.length, controlSpace(m));
    t.equal(bytes[0], controlLength(m));
    t.same(lines(decodeControl(bytes) as ControlMessage[]), lines([m]), `${title}, read`);
  }
  const all = EXAMPLES.map(([, m]) => m);
  t.same(lines(decodeControl(encodeControl(all)) as ControlMessage[]), lines(all));
  for (const length of [0, 15, 99]) {
    const bytes = encodeControl([all[0]!]);
    bytes[0] = length;
    t.equal(decodeControl(bytes), -22, `length ${length}`);
  }
  t.same(decodeControl(new Uint8Array(9)), []);
});

dialogue('socket addresses are sockaddr_in and sockaddr_in6', (t) => {
  const dv = new DataView(new ArrayBuffer(28));
  const a = new SockAddr();
  for (const text of [
    '10.1.2.3:80',
    '[2001:db8::1]:65535',
    '[fe80::1%7]:1',
    '[::ffff:1.2.3.4]:9',
  ]) {
    const from = addr(text);
    const len = from.encode(dv, 0);
    t.equal(len, from.family === AF.INET ? 16 : 28);
    t.equal(a.decode(dv, 0, len), 0);
    t.equal(formatSockAddr(a), text);
    t.equal(a.decode(dv, 0, len - 1), -22);
  }
  addr('10.1.2.3:80').encode(dv, 0);
  const bytes = [...new Uint8Array(dv.buffer).subarray(0, 8)];
  t.same(bytes, [2, 0, 0, 80, 10, 1, 2, 3]);
  t.equal(a.decode(dv, 0, 1), -22);
  dv.setUint16(0, 1, true);
  t.equal(a.decode(dv, 0, 28), -97);
});
