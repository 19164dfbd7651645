/** How many bytes a write takes, when there is room again, and who is told: SO_SNDBUF, TCP_NOTSENT_LOWAT. */
import { EPOLL, EPOLLET, POLL, SIOCOUTQNSD, SO, SOL, TCP_OPTION } from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { addr, asked } from './socket-rig.ts';
import { dialogue, eventNames, SERVER, type Side } from './tcp-rig.ts';

const MSS = 1448;
/** A buffer: whole segments of a super-frame, or of half the peer's window. */
const MOST_IN_BUFFER = 65_215;

const write = (side: Side, fd: number, bytes: number): number | string =>
  side.call((api) => api.send(fd, new Uint8Array(bytes), 0));

const unsent = (side: Side, fd: number): number =>
  Number(side.do((api) => asked(api, fd, SIOCOUTQNSD)));

dialogue('SO_SNDBUF: doubled, and passed by less than one buffer', (t, r) => {
  const { a } = r;
  const [c] = r.joined();
  t.equal(a.set(c, SOL.SOCKET, SO.SNDBUF, 21_000), 0);
  t.equal(a.get(c, SOL.SOCKET, SO.SNDBUF), 42_000);
  const taken = Number(write(a, c, 1_000_000));
  t.ok(taken >= 42_000 && taken < 42_000 + MOST_IN_BUFFER, `${taken}`);
  t.equal(write(a, c, 1), 'EAGAIN');
  t.equal(a.poll(c), '');
});

dialogue('SO_SNDBUF: a buffer is charged with more than its bytes', (t, r) => {
  const { a } = r;
  const [c] = r.joined();
  t.equal(a.set(c, SOL.TCP, TCP_OPTION.NODELAY, 1), 0);
  t.equal(a.set(c, SOL.SOCKET, SO.SNDBUF, 0), 0);
  t.equal(a.get(c, SOL.SOCKET, SO.SNDBUF), 4608, 'the least');
  // Each byte leaves in a segment of its own: six of 833 bytes are the first that pass 4608.
  const results = Array.from({ length: 8 }, () => {
    const n = write(a, c, 1);
    r.ms(1);
    return n;
  });
  t.same(results, [1, 1, 1, 1, 1, 1, 'EAGAIN', 'EAGAIN']);
  t.equal(a.poll(c), '');
  r.ms(200);
  t.equal(a.poll(c), 'OUT', 'all of it is acknowledged');
});

dialogue('TCP_NOTSENT_LOWAT: a wake-up when what waits has left', (t, r) => {
  const { a, b } = r;
  const [c, s] = r.joined();
  const low = 10 * MSS;
  t.equal(a.set(c, SOL.TCP, TCP_OPTION.NOTSENT_LOWAT, low), 0);
  const ep = a.must((api) => api.epollCreate());
  const out = new EpollEvents(4);
  a.do((api) => api.epollCtl(ep, EPOLL.ADD, c, POLL.OUT | EPOLLET, 7));
  const events = (): string => {
    const n = a.do((api) => api.epollWait(ep, out, 4));
    return n === 0 ? '' : `${out.data[0]} ${eventNames(out.events[0]!)}`;
  };
  t.equal(events(), '7 OUT');
  let total = Number(write(a, c, 1_000_000));
  t.ok(total >= low && total < low + 10 * MSS + MOST_IN_BUFFER, `${total}`);
  t.equal(events(), '', 'edge-triggered, and full');
  let wakes = 0;
  for (let i = 0; i < 40; i++) {
    r.ms(5);
    b.do((api) => api.recv(s, new Uint8Array(1 << 20), 0));
    if (events() === '') continue;
    wakes++;
    t.ok(unsent(a, c) * 2 < low, 'less than half of it waits');
    total += Number(write(a, c, 1_000_000));
    r.ms(1);
    // A buffer more, and a frame that waits for the next ACK because it would be cut short.
    t.ok(unsent(a, c) < low + 2 * MOST_IN_BUFFER);
  }
  t.ok(wakes >= 3, `${wakes} times`);
  t.ok(total > 200_000, `${total}`);
});

for (const bindTo of ['0.0.0.0:80', `${SERVER}:80`, '[::]:80']) {
  for (const isReuse of [0, 1]) {
    dialogue(`listening on ${bindTo} again after a close, SO_REUSEADDR ${isReuse}`, (t, r) => {
      const { a, b } = r;
      const to = addr(bindTo);
      const open = (): [number, number | string] => {
        const fd = b.tcp(to.family);
        b.set(fd, SOL.SOCKET, SO.REUSEADDR, isReuse);
        const result = b.call((api) => api.bind(fd, to));
        return [fd, result === 0 ? b.call((api) => api.listen(fd, 5)) : result];
      };
      const expected = isReuse === 1 ? 0 : 'EADDRINUSE';
      const [l] = open();
      const c = r.connect(`${SERVER}:80`);
      r.ms(50);
      const s = b.must((api) => api.accept(l));
      b.must((api) => api.close(s));
      b.must((api) => api.close(l));
      const [second, atOnce] = open();
      t.equal(atOnce, expected, 'FIN-WAIT');
      b.must((api) => api.close(second));
      a.must((api) => api.close(c));
      r.ms(100);
      const [third, later] = open();
      t.equal(later, expected, 'TIME-WAIT');
      b.must((api) => api.close(third));
      r.sec(70);
      t.equal(open()[1], 0, 'the port is free');
    });
  }
}
