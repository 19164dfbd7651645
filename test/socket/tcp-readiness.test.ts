/**
 * When a TCP socket is worth a call: edges and one shots of epoll, SO_RCVLOWAT, and two sockets that connect to each
 * other. What is expected was seen on a Linux 6.18, step by step.
 */
import { MS } from '../../src/base/time.ts';
import { EPOLL, EPOLLET, EPOLLONESHOT, MSG, POLL, SHUT, SO, SOL } from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { addr } from './socket-rig.ts';
import { CLIENT, dialogue, eventNames, SERVER, type Side, type TcpRig } from './tcp-rig.ts';

const { IN, OUT, RDHUP } = POLL;
/** More than a round trip and a delayed ACK. */
const SETTLE_MS = 100;

/** What epoll says once all is quiet: an entry for each event, by name. */
type Look = () => string;

function watch(r: TcpRig, side: Side, fd: number, events: number): [Look, number] {
  const ep = side.must((api) => api.epollCreate());
  side.must((api) => api.epollCtl(ep, EPOLL.ADD, fd, events));
  const out = new EpollEvents(4);
  const look = () => {
    r.ms(SETTLE_MS);
    const n = side.must((api) => api.epollWait(ep, out, 4));
    return [...out.events.subarray(0, n)].map(eventNames).join('; ');
  };
  return [look, ep];
}

const rearm = (side: Side, ep: number, fd: number, events: number): void => {
  side.must((api) => api.epollCtl(ep, EPOLL.MOD, fd, events));
};

dialogue('EPOLLET: once for each arrival, with all that holds', (t, r) => {
  const [c, s] = r.joined();
  const [look] = watch(r, r.b, s, IN | OUT | RDHUP | EPOLLET);
  t.equal(look(), 'OUT', 'as it is added');
  t.equal(look(), '');
  r.a.write(c, 'abc');
  t.equal(look(), 'IN OUT');
  t.equal(look(), '', 'nothing new');
  r.a.write(c, 'de');
  t.equal(look(), 'IN OUT', 'more, and nothing was read');
  t.equal(r.b.read(s, 2), 'ab');
  t.equal(look(), '', 'what is left is nothing new');
  t.equal(r.b.read(s), 'cde');
  t.equal(look(), '');
  r.b.write(s, 'x');
  t.equal(look(), '', 'acknowledged: there was room before');
  r.a.must((api) => api.shutdown(c, SHUT.WR));
  t.equal(look(), 'IN OUT RDHUP');
  t.equal(look(), '');
  r.b.must((api) => api.shutdown(s, SHUT.WR));
  t.equal(look(), 'IN OUT HUP RDHUP');
  t.equal(look(), '');
});

dialogue('EPOLLET: a reset, once', (t, r) => {
  const [c, s] = r.joined();
  const [look] = watch(r, r.b, s, IN | OUT | RDHUP | EPOLLET);
  t.equal(look(), 'OUT');
  const linger = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);
  r.a.must((api) => api.setsockopt(c, SOL.SOCKET, SO.LINGER, linger));
  r.a.must((api) => api.close(c));
  t.equal(look(), 'IN OUT ERR HUP RDHUP');
  t.equal(look(), '');
});

dialogue('EPOLLET: room to write is an edge only after there was none', (t, r) => {
  const [c, s] = r.joined();
  r.b.set(s, SOL.SOCKET, SO.SNDBUF, 20_000);
  r.a.set(c, SOL.SOCKET, SO.RCVBUF, 5000);
  const [look] = watch(r, r.b, s, OUT | EPOLLET);
  t.equal(look(), 'OUT');
  const send = () => r.b.call((api) => api.send(s, new Uint8Array(10_000), 0));
  let sent = 0;
  for (let n = send(); typeof n === 'number'; r.ms(SETTLE_MS), n = send()) sent += n;
  t.equal(look(), '', 'full');
  let got = 0;
  const take = (): number => {
    const n = r.a.call((api) => api.recv(c, new Uint8Array(4000), 0));
    r.ms(SETTLE_MS);
    return typeof n === 'number' ? n : 0;
  };
  got += take();
  t.equal(look(), '', 'a little room is none');
  while (got < sent) got += take();
  t.equal(look(), 'OUT');
  t.equal(look(), '');
});

dialogue('EPOLLONESHOT: reported once, and again when MOD arms it', (t, r) => {
  const [c, s] = r.joined();
  const [look, ep] = watch(r, r.b, s, IN | EPOLLONESHOT);
  t.equal(look(), '');
  r.a.write(c, 'a');
  t.equal(look(), 'IN');
  r.a.write(c, 'b');
  t.equal(look(), '', 'spent');
  rearm(r.b, ep, s, IN | EPOLLONESHOT);
  t.equal(look(), 'IN', 'for what is there');
  t.equal(look(), '');
  t.equal(r.b.read(s), 'ab');
  rearm(r.b, ep, s, IN | EPOLLONESHOT);
  t.equal(look(), '', 'for nothing');
  r.a.write(c, 'c');
  t.equal(look(), 'IN', 'armed all the time');
  r.a.must((api) => api.close(c));
  t.equal(look(), '', 'the end is not told to one that is spent');
  rearm(r.b, ep, s, IN | RDHUP | EPOLLONESHOT);
  t.equal(look(), 'IN RDHUP');
});

dialogue('EPOLLONESHOT with EPOLLET: both at once', (t, r) => {
  const [c, s] = r.joined();
  const [look, ep] = watch(r, r.b, s, IN | OUT | EPOLLONESHOT);
  t.equal(look(), 'OUT');
  r.a.write(c, 'a');
  t.equal(look(), '');
  rearm(r.b, ep, s, IN | OUT | EPOLLONESHOT | EPOLLET);
  t.equal(look(), 'IN OUT');
  r.a.write(c, 'b');
  t.equal(look(), '');
  rearm(r.b, ep, s, IN | EPOLLONESHOT | EPOLLET);
  t.equal(look(), 'IN');
});

dialogue('SO_RCVLOWAT: poll, level and edge wait for so many bytes', (t, r) => {
  const [c, s] = r.joined();
  const mark = (bytes: number) => r.b.set(s, SOL.SOCKET, SO.RCVLOWAT, bytes);
  mark(10);
  const [level] = watch(r, r.b, s, IN);
  const [edge] = watch(r, r.b, s, IN | EPOLLET);
  const both = () => [level(), edge(), r.b.poll(s, IN)];
  const [yes, no] = [
    ['IN', 'IN', 'IN'],
    ['', '', ''],
  ];
  r.a.write(c, '12345');
  t.same(both(), no, '5 of 10');
  r.a.write(c, '12345');
  t.same(both(), yes, '10 of 10');
  r.a.write(c, '1');
  t.same(both(), yes, '11');
  t.equal(r.b.read(s, 5), '12345');
  t.same(both(), no, '6 are left');
  r.a.write(c, '2');
  t.same(both(), no);
  mark(7);
  t.same(both(), yes, 'less is asked for, and is there');
  mark(8);
  t.same(both(), no, 'more is asked for');
  t.equal(r.b.read(s, 3), '123', 'a read that does not wait takes what there is');
  mark(100);
  r.a.must((api) => api.shutdown(c, SHUT.WR));
  t.same(both(), yes, 'the end of the stream');
});

dialogue('SO_RCVLOWAT: a read that waits takes no less, unless it asks for less', (t, r) => {
  const [c, s] = r.joined();
  r.b.set(s, SOL.SOCKET, SO.RCVLOWAT, 10);
  r.b.must((api) => api.fcntl(s, 4, 0));
  const limit = new Uint8Array(BigInt64Array.of(0n, 200_000n).buffer);
  r.b.must((api) => api.setsockopt(s, SOL.SOCKET, SO.RCVTIMEO, limit));
  const read = (room: number, flags = 0) => {
    const began = r.sim.nowNs / MS;
    const task = r.b.run((sys) => sys.recvfrom(s, new Uint8Array(room), flags));
    return () => [task.result, Math.round(task.atMs - began)];
  };
  r.a.write(c, '12345');
  r.ms(SETTLE_MS);
  const peek = read(100, MSG.PEEK);
  r.ms(300);
  t.same(peek(), [5, 200], 'its time is over');
  const few = read(3);
  r.ms(300);
  t.same(few(), [3, 0], 'no more is asked for than is there');
  const many = read(100);
  r.ms(50);
  t.equal(many()[0], undefined, '2 of 10');
  r.a.write(c, '12345678');
  r.ms(300);
  t.same(many(), [10, 200], 'what came since is less than the mark, and wakes nobody');
  r.a.write(c, '12');
  r.ms(SETTLE_MS);
  const whole = read(100);
  r.a.write(c, '1234567890');
  r.ms(50);
  t.equal(whole()[0], 12, 'as much as the mark wakes');
});

dialogue('SO_RCVLOWAT: the buffer has room for it, and the window opens for it', (t, r) => {
  const buffer = (fd: number) => r.b.get(fd, SOL.SOCKET, SO.RCVBUF);
  for (const [bytes, room] of [
    [1000, 131_072],
    [100_000, 200_000],
    [1_000_000, 2_000_000],
    [20_000_000, 33_554_432],
  ] as const) {
    const fd = r.b.tcp();
    r.b.set(fd, SOL.SOCKET, SO.RCVLOWAT, bytes);
    t.equal(buffer(fd), room, `${bytes}`);
    const own = r.b.tcp();
    r.b.set(own, SOL.SOCKET, SO.RCVBUF, 50_000);
    r.b.set(own, SOL.SOCKET, SO.RCVLOWAT, bytes);
    t.equal(buffer(own), 100_000, 'not one that the application chose');
    t.equal(r.b.get(own, SOL.SOCKET, SO.RCVLOWAT), Math.min(bytes, 50_000));
  }
  const [c, s] = r.joined();
  r.a.set(c, SOL.SOCKET, SO.SNDBUF, 2_000_000);
  r.b.set(s, SOL.SOCKET, SO.RCVLOWAT, 1_000_000);
  t.equal(buffer(s), 2_000_000);
  t.equal(
    r.a.call((api) => api.send(c, new Uint8Array(900_000), 0)),
    900_000,
  );
  r.sec(2);
  t.equal(r.b.poll(s, IN), '', 'some are missing');
  r.a.must((api) => api.send(c, new Uint8Array(100_000), 0));
  r.ms(SETTLE_MS);
  t.equal(r.b.poll(s, IN), 'IN');
  t.equal(
    r.b.call((api) => api.recv(s, new Uint8Array(2_000_000), 0)),
    1_000_000,
  );
});

dialogue('RFC 9293 §3.5: two sockets that connect to each other, and nobody accepts', (t, r) => {
  const [left, right] = [`${CLIENT}:1000`, `${SERVER}:2000`];
  const a = r.a.bound(left);
  const b = r.b.bound(right);
  const connect = (side: Side, fd: number, to: string) =>
    side.call((api) => api.connect(fd, addr(to)));
  t.equal(connect(r.a, a, right), 'EINPROGRESS');
  r.ms(4);
  t.equal(connect(r.b, b, left), 'EINPROGRESS', 'before the other SYN is here');
  t.equal(r.a.poll(a), '');
  t.equal(connect(r.a, a, right), 'EALREADY');
  r.ms(SETTLE_MS);
  for (const [side, fd, own, other] of [
    [r.a, a, left, right],
    [r.b, b, right, left],
  ] as const) {
    t.equal(side.poll(fd), 'OUT');
    t.equal(side.get(fd, SOL.SOCKET, SO.ERROR), 0);
    t.equal(connect(side, fd, other), 0, 'the one that was begun');
    t.equal(connect(side, fd, other), 'EISCONN');
    t.equal(side.name(fd), own);
    t.equal(side.peer(fd), other);
    t.equal(side.stack.tcp.mib.get('ActiveOpens'), 1);
    t.equal(side.stack.tcp.mib.get('PassiveOpens'), 0);
  }
  r.a.write(a, 'from the left');
  r.b.write(b, 'from the right');
  r.ms(SETTLE_MS);
  t.equal(r.b.read(b), 'from the left');
  t.equal(r.a.read(a), 'from the right');
});
