/** epoll and poll: what is reported, when, and to whom. */
import {
  AF,
  EPOLL,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  MSG,
  POLL,
  SHUT,
  SOCK,
} from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { PollFd } from '../../src/socket/poll.ts';
import type { Wait } from '../../src/socket/wait.ts';
import { FakeStreams } from './fake-stream.ts';
import { addr, dialogue, named, type SocketHarness } from './socket-rig.ts';

const { IN, OUT, ERR, HUP, RDHUP } = POLL;
const { ADD, MOD, DEL } = EPOLL;

/** A socket on port 5000 and an epoll instance that watches it. */
function watched(h: SocketHarness, events: number, port: number = 5000): [number, number] {
  const ep = h.api.epollCreate();
  const fd = h.bound(`0.0.0.0:${port}`);
  h.api.epollCtl(ep, ADD, fd, events, fd);
  return [ep, fd];
}

dialogue('level: reported as long as it holds', (t, h) => {
  const [ep, fd] = watched(h, IN);
  t.same(h.epoll(ep), []);
  h.arrives(1, 5000);
  h.arrives(2, 5000);
  t.same(h.epoll(ep), [`${fd}:1`]);
  h.recv(fd);
  t.same(h.epoll(ep), [`${fd}:1`], 'one more is there');
  h.recv(fd);
  t.same(h.epoll(ep), []);
});

dialogue('edge: reported once for each arrival, whatever was read', (t, h) => {
  const [ep, fd] = watched(h, IN | EPOLLET);
  h.arrives(1, 5000);
  t.same(h.epoll(ep), [`${fd}:1`]);
  t.same(h.epoll(ep), []);
  h.arrives(1, 5000);
  t.same(h.epoll(ep), [`${fd}:1`], 'another one came');
  h.arrives(1, 5000);
  while (h.recv(fd) !== 'EAGAIN');
  t.same(h.epoll(ep), [], 'read before it was looked at');
  h.arrives(1, 5000);
  h.epoll(ep);
  h.api.epollCtl(ep, MOD, fd, IN | EPOLLET, fd);
  t.same(h.epoll(ep), [`${fd}:1`], 'MOD looks again');
});

dialogue('one shot: reported once, until it is armed again; errors included', (t, h) => {
  const [ep, fd] = watched(h, IN | EPOLLONESHOT);
  h.arrives(1, 5000);
  t.same(h.epoll(ep), [`${fd}:1`]);
  h.arrives(1, 5000);
  h.api.shutdown(fd, SHUT.RDWR);
  t.same(h.epoll(ep), []);
  t.equal(h.api.epollCtl(ep, MOD, fd, IN | EPOLLONESHOT, 77), 0);
  t.same(h.epoll(ep), [`77:${(IN | HUP).toString(16)}`], 'with the new data');
  t.same(h.epoll(ep), []);
});

dialogue('one shot for nothing: a hang-up is reported all the same, once', (t, h) => {
  const [ep, fd] = watched(h, EPOLLONESHOT);
  h.arrives(1, 5000);
  t.same(h.epoll(ep), []);
  h.api.shutdown(fd, SHUT.RDWR);
  t.same(h.epoll(ep), [`${fd}:10`]);
  t.same(h.epoll(ep), []);
});

dialogue('only what is asked for, and errors and hang-ups always', (t, h) => {
  const [ep, fd] = watched(h, 0);
  h.arrives(1, 5000);
  t.same(h.epoll(ep), []);
  h.api.epollCtl(ep, MOD, fd, OUT, fd);
  t.same(h.epoll(ep), [`${fd}:4`]);
  h.api.epollCtl(ep, MOD, fd, IN | OUT | RDHUP, fd);
  t.same(h.epoll(ep), [`${fd}:5`]);
  h.api.shutdown(fd, SHUT.RD);
  t.same(h.epoll(ep), [`${fd}:2005`], 'RDHUP');
  h.api.shutdown(fd, SHUT.WR);
  t.same(h.epoll(ep), [`${fd}:2015`], 'HUP');
});

dialogue('an error wakes, and SO_ERROR takes it away', (t, h) => {
  const [ep, fd] = watched(h, IN);
  h.api.connect(fd, addr('10.0.0.2:4000'));
  h.stack.udp.setError(h.stack.udp.list()[0]!, 111);
  h.settle();
  t.same(h.epoll(ep), [`${fd}:8`]);
  t.equal(h.api.getInt(fd, 1, 4), 111);
  t.same(h.epoll(ep), []);
});

dialogue('EPOLL_CTL: the errno of each mistake', (t, h) => {
  const { api } = h;
  const [ep, fd] = watched(h, IN);
  t.equal(named(api.epollCtl(ep, ADD, fd, IN)), 'EEXIST');
  t.equal(named(api.epollCtl(ep, MOD, api.dup(fd), IN)), 'ENOENT', 'another descriptor');
  t.equal(api.epollCtl(ep, DEL, fd), 0);
  t.equal(named(api.epollCtl(ep, DEL, fd)), 'ENOENT');
  t.equal(named(api.epollCtl(ep, ADD, 99, IN)), 'EBADF');
  t.equal(named(api.epollCtl(99, ADD, fd, IN)), 'EBADF');
  t.equal(named(api.epollCtl(fd, ADD, ep, IN)), 'EINVAL', 'a socket is no epoll instance');
  t.equal(named(api.epollCtl(ep, ADD, ep, IN)), 'EINVAL');
  t.equal(named(api.epollCtl(ep, 7, fd, IN)), 'EINVAL');
  const hup = IN | POLL.RDHUP | EPOLLEXCLUSIVE;
  t.equal(named(api.epollCtl(ep, ADD, fd, hup)), 'EINVAL', 'not exclusively');
  t.equal(named(api.epollCtl(ep, ADD, api.epollCreate(), IN | EPOLLEXCLUSIVE)), 'EINVAL');
  t.equal(api.epollCtl(ep, ADD, fd, IN | EPOLLEXCLUSIVE), 0);
  t.equal(named(api.epollCtl(ep, MOD, fd, IN)), 'EINVAL', 'exclusive, once and for all');
  t.equal(named(api.epollCtl(ep, MOD, fd, IN | EPOLLEXCLUSIVE)), 'EINVAL');
  t.equal(named(api.epollCreate(1)), 'EINVAL');
  const out = new EpollEvents(2);
  t.equal(named(api.epollWait(ep, out, 0)), 'EINVAL');
  t.equal(named(api.epollWait(ep, out, 3)), 'EINVAL', 'no room for so many');
  t.equal(named(api.epollWait(99, out, 1)), 'EBADF');
  t.equal(named(api.epollWait(fd, out, 1)), 'EINVAL');
});

dialogue('with more ready than room, all have their turn', (t, h) => {
  const ep = h.api.epollCreate();
  for (let i = 0; i < 5; i++) {
    const fd = h.bound(`0.0.0.0:${6000 + i}`);
    h.api.epollCtl(ep, ADD, fd, IN, i);
    h.arrives(1, 6000 + i);
  }
  const seen = [h.epoll(ep, 2), h.epoll(ep, 2), h.epoll(ep, 2)].flat();
  t.same(seen, ['0:1', '1:1', '2:1', '3:1', '4:1', '0:1']);
});

dialogue('a closed socket leaves every epoll instance, a copy keeps it there', (t, h) => {
  const [ep, fd] = watched(h, IN);
  const copy = h.api.dup(fd);
  h.arrives(1, 5000);
  h.api.close(fd);
  t.same(h.epoll(ep), [`${fd}:1`], 'as on Linux: the file is still there');
  t.equal(named(h.api.epollCtl(ep, DEL, fd)), 'EBADF', 'though it cannot be named any more');
  h.api.close(copy);
  t.same(h.epoll(ep), []);
  const again = h.bound('0.0.0.0:5000');
  t.equal(again, fd, 'the number comes again');
  t.equal(h.api.epollCtl(ep, ADD, again, IN, 9), 0, 'and is not watched');
  h.arrives(1, 5000);
  t.same(h.epoll(ep), ['9:1']);
  h.api.close(ep);
  h.arrives(1, 5000);
  t.equal(h.recv(again), '10.0.0.2:4000 1');
});

dialogue('epoll instances watch each other, but not in a circle', (t, h) => {
  const { api } = h;
  const [inner, fd] = watched(h, IN);
  const outer = api.epollCreate();
  t.equal(api.epollCtl(outer, ADD, inner, IN, inner), 0);
  t.equal(named(api.epollCtl(inner, ADD, outer, IN)), 'ELOOP');
  t.same(h.epoll(outer), []);
  h.arrives(1, 5000);
  t.same(h.epoll(outer), [`${inner}:1`]);
  t.same(h.epoll(inner), [`${fd}:1`]);
  h.recv(fd);
  t.same(h.epoll(outer), []);
  let top = outer;
  const results: (string | number)[] = [];
  for (let i = 0; i < 5; i++) {
    const next = api.epollCreate();
    results.push(named(api.epollCtl(next, ADD, top, IN)));
    top = next;
  }
  t.same(results, [0, 0, 0, 'ELOOP', 0], 'no deeper than five');
});

dialogue('a listener is told within drainReady, once, and never from input', (t, h) => {
  const [ep, fd] = watched(h, IN);
  const told: string[] = [];
  const file = h.api.files.get(ep)!;
  let wait: Wait;
  const again = () => {
    wait.watch(file, IN);
    wait.start(Infinity);
  };
  wait = h.api.newWait({
    resume: () => {
      told.push(...h.epoll(ep));
      while (h.recv(fd) !== 'EAGAIN');
      again();
    },
  });
  again();
  h.arrives(1, 5000);
  h.arrives(1, 5000);
  t.same(told, [`${fd}:1`, `${fd}:1`]);
  t.equal(wait.isOver, false);
  h.api.sendto(fd, new Uint8Array(1), 0, addr('10.0.0.1:5000'));
  t.equal(told.length, 2, 'nothing before the turn');
  h.settle();
  t.equal(told.length, 3);
  wait.cancel();
  h.arrives(1, 5000);
  t.equal(told.length, 3);
});

dialogue('poll: counts, NVAL, and descriptors passed over', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  const entries = [new PollFd(fd, IN), new PollFd(-1, IN), new PollFd(99, IN), new PollFd(fd, OUT)];
  t.equal(h.api.poll(entries), 2);
  t.same(
    entries.map((e) => e.revents),
    [0, 0, POLL.NVAL, OUT],
  );
  h.arrives(1, 5000);
  t.equal(h.api.poll(entries), 3);
  t.same(
    entries.map((e) => e.revents),
    [IN, 0, POLL.NVAL, OUT],
  );
});

dialogue(
  'a socket that found no room in the device is not writable until there is some',
  (t, h) => {
    const [ep, fd] = watched(h, OUT | EPOLLET);
    h.api.connect(fd, addr('10.0.0.2:4000'));
    t.same(h.epoll(ep), [`${fd}:4`]);
    h.port.wire.isFull = true;
    let sent = 0;
    while (h.api.send(fd, new Uint8Array(100), MSG.DONTWAIT) > 0) sent++;
    t.ok(sent > 0);
    h.settle();
    t.same(h.epoll(ep), []);
    h.port.wire.isFull = false;
    h.settle();
    h.settle();
    t.same(h.epoll(ep), [`${fd}:4`]);
  },
  { txFrames: 16 },
);

dialogue('a stream plugs in: refused, accepted, half closed, closed', (t, h) => {
  const { api } = h;
  const world = new FakeStreams();
  api.register(SOCK.STREAM, 6, world, true);
  const ep = api.epollCreate();
  const client = api.socket(AF.INET, SOCK.STREAM, 0);
  api.epollCtl(ep, ADD, client, IN | OUT | RDHUP, 1);
  t.equal(named(api.connect(client, addr('10.0.0.2:80'))), 'EINPROGRESS');
  t.same(h.epoll(ep), []);
  world.establish();
  t.same(h.epoll(ep), [`1:${(OUT | ERR | HUP).toString(16)}`]);
  t.equal(api.getInt(client, 1, 4), 111);
  const server = api.socket(AF.INET, SOCK.STREAM, 6);
  api.bind(server, addr('0.0.0.0:80'));
  t.equal(named(api.accept(server)), 'EINVAL');
  t.equal(api.listen(server, 5), 0);
  t.equal(api.getInt(server, 1, 30), 1, 'SO_ACCEPTCONN');
  api.epollCtl(ep, ADD, server, IN, 2);
  t.equal(named(api.accept(server)), 'EAGAIN');
  api.connect(client, addr('10.0.0.2:80'));
  world.establish();
  t.same(h.epoll(ep).sort(), ['1:4', '2:1']);
  const child = api.accept(server, null, 0o4000);
  t.equal(api.fcntl(child, 3), 0o4002);
  t.equal(api.write(child, new Uint8Array(12)), 10);
  t.equal(named(api.write(child, new Uint8Array(2))), 'EAGAIN');
  api.shutdown(child, SHUT.WR);
  t.same(h.epoll(ep), [`1:${(IN | OUT | RDHUP).toString(16)}`]);
  api.close(child);
  t.equal(api.read(client, new Uint8Array(20)), 10);
  t.equal(api.read(client, new Uint8Array(20)), 0, 'the end');
  api.shutdown(client, SHUT.WR);
  t.same(h.epoll(ep), [`1:${(IN | OUT | RDHUP | HUP).toString(16)}`]);
});
