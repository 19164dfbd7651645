/** The calls of the socket interface, one by one: what Linux answers. */
import {
  AF,
  F,
  FIONBIO,
  MSG,
  O_NONBLOCK,
  SHUT,
  SIOCINQ,
  SIOCOUTQ,
  SO,
  SOCK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL,
} from '../../src/socket/abi.ts';
import { Message } from '../../src/socket/message.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { data } from '../net/packets.ts';
import { addr, asked, dialogue, named } from './socket-rig.ts';

dialogue('socket: what there is, and the errno of what there is not', (t, h) => {
  const rows: [number, number, number, string | number][] = [
    [AF.INET, SOCK.DGRAM, 0, 3],
    [AF.INET, SOCK.DGRAM, 17, 4],
    [AF.INET6, SOCK.DGRAM | SOCK_NONBLOCK, 0, 5],
    [AF.INET, SOCK.STREAM, 0, 6],
    [AF.INET6, SOCK.STREAM, 6, 7],
    [AF.INET6, SOCK.STREAM, 17, 'EPROTONOSUPPORT'],
    [AF.INET, SOCK.DGRAM, 6, 'EPROTONOSUPPORT'],
    [AF.INET, SOCK.DGRAM, 256, 'EPROTONOSUPPORT'],
    [AF.INET, SOCK.DGRAM, 263, 'EINVAL'],
    [1, SOCK.DGRAM, 0, 'EAFNOSUPPORT'],
    [AF.UNSPEC, SOCK.DGRAM, 0, 'EAFNOSUPPORT'],
    [AF.INET, 9, 0, 'ESOCKTNOSUPPORT'],
    [AF.INET, SOCK.DGRAM | 0o40, 0, 'EINVAL'],
  ];
  for (const [domain, type, protocol, result] of rows) {
    t.equal(named(h.api.socket(domain, type, protocol)), result, `${domain} ${type} ${protocol}`);
  }
  t.equal(h.api.getInt(5, SOL.SOCKET, SO.DOMAIN), AF.INET6);
  t.equal(h.api.getInt(5, SOL.SOCKET, SO.TYPE), SOCK.DGRAM);
  t.equal(h.api.getInt(5, SOL.SOCKET, SO.PROTOCOL), 17);
  t.equal(h.api.getInt(5, SOL.SOCKET, SO.ACCEPTCONN), 0);
});

dialogue(
  'the lowest free descriptor, a limit, and copies that share one socket',
  (t, h) => {
    const { api } = h;
    const fds = [h.udp(), h.udp(), h.udp()];
    t.same(fds, [3, 4, 5]);
    t.equal(api.close(4), 0);
    t.equal(named(api.close(4)), 'EBADF');
    t.equal(h.udp(), 4, 'the lowest free');
    t.equal(api.dup(3), 6);
    t.equal(api.fcntl(3, F.DUPFD, 7), 7);
    t.equal(named(api.fcntl(3, F.DUPFD, 8)), 'EINVAL', 'beyond the limit');
    t.equal(named(api.fcntl(3, F.DUPFD, -1)), 'EINVAL');
    t.equal(named(h.udp()), 'EMFILE');
    t.equal(named(api.dup(3)), 'EMFILE');
    t.equal(named(api.dup(99)), 'EBADF');
    t.equal(api.dup2(3, 5), 5, 'onto an open one, which is closed');
    t.equal(h.stack.udp.list().length, 2);
    api.bind(3, addr('0.0.0.0:5000'));
    t.equal(h.name(6), '0.0.0.0:5000', 'one socket');
    for (const fd of [3, 5, 6]) api.close(fd);
    t.equal(h.name(7), '0.0.0.0:5000', 'until the last is closed');
    api.close(7);
    t.equal(h.stack.udp.list().length, 1);
  },
  { api: { maxFds: 8 } },
);

dialogue("fcntl: O_NONBLOCK is the socket's, FD_CLOEXEC the descriptor's", (t, h) => {
  const { api } = h;
  const a = h.udp(AF.INET, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const b = api.dup(a);
  t.equal(api.fcntl(a, F.GETFD), 1);
  t.equal(api.fcntl(b, F.GETFD), 0);
  t.equal(api.fcntl(b, F.GETFL), O_NONBLOCK | 2);
  api.fcntl(b, F.SETFL, 0);
  t.equal(api.fcntl(a, F.GETFL), 2);
  t.equal(api.ioctl(a, FIONBIO, Int32Array.of(1)), 0);
  t.equal(api.fcntl(b, F.GETFL), O_NONBLOCK | 2);
  t.equal(named(api.fcntl(a, 77)), 'EINVAL');
  t.equal(named(api.fcntl(77, F.GETFL)), 'EBADF');
  t.equal(named(api.ioctl(a, 77, new Int32Array(1))), 'ENOTTY');
  t.equal(named(api.ioctl(a, FIONBIO, null)), 'EFAULT');
  t.equal(named(api.ioctl(a, SIOCINQ, null)), 'EFAULT');
});

dialogue(
  'every call on a descriptor that is none is EBADF; on an epoll instance, ENOTSOCK',
  (t, h) => {
    const { api } = h;
    const ep = api.epollCreate();
    const a = new SockAddr();
    const m = new Message([new Uint8Array(1)]);
    const calls: Record<string, (fd: number) => number> = {
      bind: (fd) => api.bind(fd, a),
      connect: (fd) => api.connect(fd, a),
      listen: (fd) => api.listen(fd, 1),
      accept: (fd) => api.accept(fd),
      send: (fd) => api.send(fd, data(1), 0),
      sendmsg: (fd) => api.sendmsg(fd, m, 0),
      recv: (fd) => api.recv(fd, data(1), 0),
      recvmsg: (fd) => api.recvmsg(fd, m, 0),
      shutdown: (fd) => api.shutdown(fd, 0),
      getsockname: (fd) => api.getsockname(fd, a),
      getpeername: (fd) => api.getpeername(fd, a),
      getsockopt: (fd) => api.getInt(fd, 1, 1),
      setsockopt: (fd) => api.setInt(fd, 1, 1, 1),
    };
    for (const [name, call] of Object.entries(calls)) {
      t.equal(named(call(99)), 'EBADF', name);
      t.equal(named(call(-1)), 'EBADF', name);
      t.equal(named(call(ep)), 'ENOTSOCK', name);
    }
    for (const call of [
      () => api.read(99, data(1)),
      () => api.write(99, data(1)),
      () => api.readv(99, []),
      () => api.writev(99, []),
      () => api.close(99),
      () => api.ioctl(99, SIOCINQ, new Int32Array(1)),
    ]) {
      t.equal(named(call()), 'EBADF');
    }
    t.equal(named(api.read(ep, data(1))), 'EINVAL');
    t.equal(named(api.writev(ep, [])), 'EINVAL');
  },
);

dialogue('a buffer at a bad address is EFAULT', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  for (const call of [
    () => h.api.read(fd, null),
    () => h.api.write(fd, null),
    () => h.api.recv(fd, null, 0),
    () => h.api.send(fd, null, 0),
    () => h.api.getsockopt(fd, SOL.SOCKET, SO.TYPE, null),
    () => h.api.setsockopt(fd, SOL.SOCKET, SO.RCVBUF, null),
  ]) {
    t.equal(named(call()), 'EFAULT');
  }
});

dialogue('a datagram there and back: sendto, recvfrom, names', (t, h) => {
  const fd = h.udp();
  t.equal(h.name(fd), '0.0.0.0:0');
  t.equal(h.peer(fd), 'ENOTCONN');
  t.equal(h.sendto(fd, 5, null), 'EDESTADDRREQ');
  t.equal(h.sendto(fd, 5, '10.0.0.2:4000'), 5);
  const port = Number(h.name(fd).split(':')[1]);
  t.ok(port >= 32768, 'bound by sending');
  t.same(h.lines(), [`10.0.0.1 > 10.0.0.2 udp ${port} > 4000 len 5`]);
  h.arrives(7, port);
  t.equal(h.recv(fd), '10.0.0.2:4000 7');
  t.equal(h.recv(fd), 'EAGAIN');
});

dialogue('an IPv6 socket speaks both families; IPv4 shows as mapped', (t, h) => {
  const fd = h.bound('[::]:5000');
  h.arrives(3, 5000);
  h.arrives(4, 5000, '2001:db8::2', '2001:db8::1');
  h.arrives(5, 5000, 'fe80::2', 'fe80::ff:fe00:1');
  t.equal(h.recv(fd), '[::ffff:10.0.0.2]:4000 3');
  t.equal(h.recv(fd), '[2001:db8::2]:4000 4');
  t.equal(h.recv(fd), '[fe80::2%2]:4000 5');
  t.equal(h.sendto(fd, 1, '10.0.0.2:4000'), 1, 'an AF_INET address will do');
  t.equal(h.sendto(fd, 1, '[::ffff:10.0.0.2]:4000'), 1);
  t.equal(h.sendto(fd, 1, '[fe80::2%2]:4000'), 1);
  t.equal(h.sendto(fd, 1, '[fe80::2]:4000'), 'EINVAL', 'which link?');
  const four = h.udp();
  t.equal(h.sendto(four, 1, '[2001:db8::2]:4000'), 'EAFNOSUPPORT');
  t.equal(named(h.api.bind(four, addr('[::]:1'))), 'EAFNOSUPPORT');
  t.equal(named(h.api.bind(h.udp(AF.INET6), addr('0.0.0.0:1'))), 'EAFNOSUPPORT');
  t.equal(h.api.bind(four, new SockAddr()), 0, 'no family and no address: any, as on Linux');
});

dialogue('connect fixes the peer, AF_UNSPEC lets it go', (t, h) => {
  const fd = h.udp();
  t.equal(h.api.connect(fd, addr('10.0.0.2:4000')), 0);
  t.equal(h.peer(fd), '10.0.0.2:4000');
  t.match(h.name(fd), /^10\.0\.0\.1:/);
  t.equal(h.api.write(fd, data(9)), 9);
  const port = Number(h.name(fd).split(':')[1]);
  h.arrives(3, port);
  h.arrives(3, port, '10.0.0.254');
  t.equal(h.recv(fd), '10.0.0.2:4000 3');
  t.equal(h.recv(fd), 'EAGAIN', 'nobody else is heard');
  t.equal(h.api.connect(fd, new SockAddr()), 0);
  t.equal(h.peer(fd), 'ENOTCONN');
  t.equal(h.name(fd), '0.0.0.0:0');
  t.equal(named(h.api.connect(fd, addr('[2001:db8::2]:1'))), 'EAFNOSUPPORT');
  const six = h.udp(AF.INET6);
  h.api.setInt(six, SOL.IPV6, 26, 1);
  t.equal(named(h.api.connect(six, addr('10.0.0.2:1'))), 'EAFNOSUPPORT', 'IPV6_V6ONLY');
});

dialogue('listen and accept are not for datagrams', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  t.equal(named(h.api.listen(fd, 5)), 'EOPNOTSUPP');
  t.equal(named(h.api.accept(fd)), 'EOPNOTSUPP');
  t.equal(named(h.api.accept(fd, null, 1)), 'EINVAL');
});

dialogue('MSG_PEEK leaves the datagram, MSG_TRUNC tells its length', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  h.arrives(100, 5000);
  t.equal(h.recv(fd, MSG.PEEK, 10), '10.0.0.2:4000 10');
  t.equal(h.recv(fd, MSG.PEEK | MSG.TRUNC, 10), '10.0.0.2:4000 100');
  t.equal(asked(h.api, fd, SIOCINQ), 100);
  t.equal(asked(h.api, fd, SIOCOUTQ), 0);
  t.equal(h.recv(fd, MSG.TRUNC, 10), '10.0.0.2:4000 100');
  t.equal(asked(h.api, fd, SIOCINQ), 0);
  t.equal(h.recv(fd), 'EAGAIN');
});

dialogue('buffers in several pieces are one datagram, both ways', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  h.api.connect(fd, addr('10.0.0.2:4000'));
  t.equal(h.api.writev(fd, [data(3), new Uint8Array(0), data(4)]), 7);
  h.settle();
  const [sent] = h.sent();
  t.same([...sent!.payload.slice(8)], [...data(3), ...data(4)]);
  h.arrives(20, 5000);
  h.arrives(20, 5000);
  h.arrives(20, 5000);
  const iov = [new Uint8Array(8), new Uint8Array(8), new Uint8Array(8)];
  t.equal(h.api.readv(fd, iov), 20);
  t.same([...iov.flatMap((b) => [...b])].slice(0, 20), [...data(20)]);
  const m = new Message([new Uint8Array(8), new Uint8Array(4)]);
  t.equal(h.api.recvmsg(fd, m, 0), 12);
  t.equal(m.flags, MSG.TRUNC);
  t.equal(h.api.recvmsg(fd, m, MSG.TRUNC), 20);
  t.equal(named(h.api.recvmsg(fd, m, 0)), 'EAGAIN');
  t.equal(named(h.api.writev(fd, [new Uint8Array(65000), new Uint8Array(1000)])), 'EMSGSIZE');
});

dialogue('reading nothing takes nothing; writing nothing sends an empty datagram', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  h.api.connect(fd, addr('10.0.0.2:4000'));
  h.arrives(5, 5000);
  t.equal(h.api.read(fd, new Uint8Array(0)), 0);
  t.equal(h.api.readv(fd, []), 0);
  t.equal(asked(h.api, fd, SIOCINQ), 5);
  t.equal(h.api.recv(fd, new Uint8Array(0), 0), 0, 'recv takes it');
  t.equal(asked(h.api, fd, SIOCINQ), 0);
  t.equal(h.api.write(fd, new Uint8Array(0)), 0);
  h.settle();
  t.match(h.lines()[0], / 0$/);
});

dialogue('shutdown: ENOTCONN without a peer, and it happens all the same', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  t.equal(named(h.api.shutdown(fd, 3)), 'EINVAL');
  t.equal(named(h.api.shutdown(fd, SHUT.WR)), 'ENOTCONN');
  t.equal(h.sendto(fd, 1, '10.0.0.2:4000'), 'EPIPE');
  t.equal(h.sendto(fd, 1, null), 'EDESTADDRREQ');
  h.api.connect(fd, addr('10.0.0.2:4000'));
  t.equal(h.api.shutdown(fd, SHUT.RD), 0);
  t.equal(h.recv(fd), 'EAGAIN');
  h.arrives(4, 5000);
  t.equal(h.recv(fd), '10.0.0.2:4000 4', 'datagrams still come');
});

dialogue('flags that would change what is sent are refused', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  for (const flag of [MSG.OOB, MSG.MORE, MSG.ZEROCOPY, MSG.FASTOPEN]) {
    t.equal(h.sendto(fd, 1, '10.0.0.2:4000', flag), 'EOPNOTSUPP');
  }
  t.equal(h.sendto(fd, 1, '10.0.0.2:4000', MSG.NOSIGNAL | MSG.DONTWAIT | MSG.CONFIRM), 1);
});
