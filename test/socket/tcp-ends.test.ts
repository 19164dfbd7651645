/** How connections end as sockets see it: errnos, half closes, resets, lingering, and nothing left behind. */
import { EHOSTUNREACH, ETIMEDOUT } from '../../src/base/errno.ts';
import { MSG, O_NONBLOCK, SHUT, SO, SOL, TCP_OPTION } from '../../src/socket/abi.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { ip } from '../net/rig.ts';
import { addr, int32 } from './socket-rig.ts';
import { dialogue, SERVER, SERVER6, type Side } from './tcp-rig.ts';

const PORT = `${SERVER}:80`;

function linger(side: Side, fd: number, seconds: number): void {
  const value = new Uint8Array([...int32(1), ...int32(seconds)]);
  side.must((api) => api.setsockopt(fd, SOL.SOCKET, SO.LINGER, value));
}

dialogue('calls on a socket that is nothing yet', (t, r) => {
  const { a } = r;
  const c = a.tcp();
  t.equal(a.poll(c), 'OUT HUP');
  t.equal(a.read(c), 'ENOTCONN');
  t.equal(a.write(c, 'x'), 'EPIPE');
  t.equal(a.peer(c), 'ENOTCONN');
  t.equal(a.name(c), '0.0.0.0:0');
  t.equal(
    a.call((api) => api.accept(c)),
    'EINVAL',
  );
  t.equal(
    a.call((api) => api.shutdown(c, 3)),
    'EINVAL',
  );
  t.equal(
    a.call((api) => api.shutdown(a.tcp(), SHUT.RDWR)),
    'ENOTCONN',
  );
  t.equal(
    a.call((api) => api.connect(c, addr(`[${SERVER6}]:80`))),
    'EAFNOSUPPORT',
  );
  t.equal(
    a.call((api) => api.connect(c, addr('224.0.0.1:80'))),
    'ENETUNREACH',
  );
  t.equal(
    a.call((api) => api.connect(c, addr('192.0.2.1:80'))),
    'ENETUNREACH',
    'no route',
  );
  const l = a.listening('0.0.0.0:99');
  t.equal(a.read(l), 'ENOTCONN');
  t.equal(a.write(l, 'x'), 'EPIPE');
  t.equal(
    a.call((api) => api.connect(l, addr(PORT))),
    'EISCONN',
  );
  t.equal(a.get(l, SOL.SOCKET, SO.ACCEPTCONN), 1);
});

dialogue('refused: SO_ERROR and connect tell it once, then it may begin anew', (t, r) => {
  const { a, b } = r;
  const c = r.connect(PORT);
  r.ms(50);
  t.equal(a.poll(c), 'IN OUT ERR HUP RDHUP');
  t.equal(a.get(c, SOL.SOCKET, SO.ERROR), 111);
  t.equal(a.get(c, SOL.SOCKET, SO.ERROR), 0);
  t.equal(
    a.call((api) => api.connect(c, addr(PORT))),
    'ECONNABORTED',
    'the error was taken',
  );
  b.listening(PORT);
  t.equal(
    a.call((api) => api.connect(c, addr(PORT))),
    'EINPROGRESS',
  );
  r.ms(50);
  t.equal(a.poll(c), 'OUT');
  const d = r.connect(`${SERVER}:81`);
  r.ms(50);
  t.equal(
    a.call((api) => api.connect(d, addr(PORT))),
    'ECONNREFUSED',
  );
});

dialogue('a reset: what came before it can be read, then the error, once', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  b.write(s, 'last words');
  r.ms(50);
  linger(b, s, 0);
  b.must((api) => api.close(s));
  r.ms(50);
  t.equal(a.poll(c), 'IN OUT ERR HUP RDHUP');
  t.equal(a.read(c), 'last words');
  t.equal(a.read(c), 'ECONNRESET');
  t.equal(a.read(c), '');
  t.equal(a.write(c, 'x'), 'EPIPE');
  t.equal(a.peer(c), 'ENOTCONN');
});

dialogue('close with unread bytes resets; a write after that is ECONNRESET or EPIPE', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  a.write(c, 'unread');
  r.ms(50);
  b.must((api) => api.close(s));
  r.ms(50);
  t.equal(a.write(c, 'x'), 'ECONNRESET');
  t.equal(a.write(c, 'x'), 'EPIPE');
});

dialogue('half closes: SHUT_WR, SHUT_RD, and both', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  t.equal(
    a.call((api) => api.shutdown(c, SHUT.WR)),
    0,
  );
  t.equal(a.write(c, 'x'), 'EPIPE');
  t.equal(a.poll(c), 'OUT');
  r.ms(50);
  t.equal(b.poll(s), 'IN OUT RDHUP');
  t.equal(b.write(s, 'going on'), 8);
  r.ms(50);
  t.equal(a.read(c), 'going on');
  t.equal(
    a.call((api) => api.shutdown(c, SHUT.RD)),
    0,
  );
  t.equal(a.read(c), '');
  t.equal(a.poll(c), 'IN OUT HUP RDHUP');
});

dialogue('a connection that ends while it waits to be accepted', (t, r) => {
  const { a, b } = r;
  const l = b.listening(PORT);
  const c = r.connect(PORT);
  r.ms(50);
  linger(a, c, 0);
  a.write(c, 'bye');
  r.ms(50);
  a.must((api) => api.close(c));
  r.ms(50);
  const peer = new SockAddr();
  const s = b.must((api) => api.accept(l, peer, O_NONBLOCK));
  t.not(peer.port, 0, 'who it was is known');
  t.equal(b.read(s), 'bye');
  t.equal(b.read(s), 'ECONNRESET');
});

dialogue('connect to AF_UNSPEC disconnects, and the socket can be used again', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  t.equal(
    a.call((api) => api.connect(c, new SockAddr())),
    0,
  );
  t.equal(a.name(c), '0.0.0.0:0');
  t.equal(a.get(c, SOL.SOCKET, SO.ERROR), 104);
  r.ms(50);
  t.equal(b.read(s), 'ECONNRESET');
  t.equal(
    a.call((api) => api.connect(c, addr(PORT))),
    'EINPROGRESS',
  );
  r.ms(50);
  t.equal(a.poll(c), 'OUT');
});

dialogue('a listener that is shut for reading listens no more', (t, r) => {
  const { a, b } = r;
  const l = b.listening(PORT);
  t.equal(
    b.call((api) => api.shutdown(l, SHUT.WR)),
    0,
  );
  t.equal(b.get(l, SOL.SOCKET, SO.ACCEPTCONN), 1);
  t.equal(
    b.call((api) => api.shutdown(l, SHUT.RD)),
    0,
  );
  t.equal(b.get(l, SOL.SOCKET, SO.ACCEPTCONN), 0);
  t.equal(b.name(l), PORT, 'its port stays');
  const c = r.connect(PORT);
  r.ms(50);
  t.equal(a.get(c, SOL.SOCKET, SO.ERROR), 111);
  t.equal(
    b.call((api) => api.listen(l, 5)),
    0,
  );
});

dialogue('SO_LINGER: close waits for the last acknowledgement', (t, r) => {
  const { a } = r;
  const [c] = r.joined();
  linger(a, c, 5);
  const closing = a.run(function* (sys) {
    yield* sys.write(c, new Uint8Array(1000));
    return yield* sys.close(c);
  });
  t.equal(closing.result, undefined);
  r.ms(10);
  t.equal(closing.result, undefined);
  r.ms(15);
  t.equal(closing.result, 0);
});

dialogue('MSG_PEEK, SO_PEEK_OFF, MSG_TRUNC', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  a.write(c, 'abcdefgh');
  r.ms(50);
  t.equal(b.read(s, 3, MSG.PEEK), 'abc');
  t.equal(b.read(s, 3, MSG.PEEK), 'abc');
  b.set(s, SOL.SOCKET, SO.PEEK_OFF, 1);
  t.equal(b.read(s, 3, MSG.PEEK), 'bcd');
  t.equal(b.read(s, 3, MSG.PEEK), 'efg');
  t.equal(
    b.call((api) => api.recv(s, new Uint8Array(2), MSG.TRUNC)),
    2,
    'dropped',
  );
  t.equal(b.read(s, 3, MSG.PEEK), 'h', 'the offset counts from what is left');
  t.equal(b.read(s), 'cdefgh');
});

dialogue('an IPv6 socket that talks IPv4', (t, r) => {
  const { a, b } = r;
  const l = b.listening('[::]:80');
  const c = r.connect(`[::ffff:${SERVER}]:80`);
  r.ms(50);
  t.match(a.name(c), /^\[::ffff:10\.0\.0\.1\]:/);
  const s = b.must((api) => api.accept(l));
  t.equal(b.peer(s), a.name(c));
  t.equal(b.name(s), `[::ffff:${SERVER}]:80`);
  const six = r.connect(`[${SERVER6}]:80`);
  r.ms(50);
  t.equal(a.poll(six), 'OUT');
});

for (const limitMs of [0, 3000]) {
  dialogue(`the peer is gone, TCP_USER_TIMEOUT ${limitMs} ms`, (t, r) => {
    const { a, b } = r;
    const [c] = r.joined();
    t.equal(a.set(c, SOL.TCP, TCP_OPTION.USER_TIMEOUT, limitMs), 0);
    const eth0 = b.stack.interfaceByName('eth0')!;
    b.stack.removeAddress(eth0, ip(SERVER));
    a.write(c, 'to nobody');
    r.sec(2);
    t.equal(a.poll(c), 'OUT');
    r.sec(20);
    t.equal(a.get(c, SOL.SOCKET, SO.ERROR), limitMs === 0 ? EHOSTUNREACH : ETIMEDOUT);
    t.equal(a.poll(c) === 'OUT', limitMs === 0, 'the first of them does not end it');
    b.stack.addAddress(eth0, ip(SERVER), 24);
  });
}

dialogue('3,000 connections, one after the other: nothing is left', (t, r) => {
  const { a, b } = r;
  b.stack.tcp.config.timeWaitNs = 1e8;
  a.stack.tcp.config.timeWaitNs = 1e8;
  const l = b.listening(PORT, 64);
  let done = 0;
  b.run(function* (sys) {
    b.must((api) => api.fcntl(l, 4, 0));
    for (;;) {
      const s = yield* sys.accept(l);
      if (s < 0) return s; // the listener is closed
      sys.api.close(s);
    }
  });
  a.run(function* (sys) {
    for (; done < 3000; done++) {
      const c = sys.api.socket(2, 1, 0);
      const result = yield* sys.connect(c, addr(PORT));
      if (result !== 0) return result;
      sys.api.close(c);
    }
    return done;
  });
  r.sec(100);
  t.equal(done, 3000);
});
