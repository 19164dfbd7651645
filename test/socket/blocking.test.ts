/** Calls that wait: coroutines in virtual time, resumed when a file is ready, is closed, or time has passed. */
import {
  AF,
  EPOLL,
  EPOLLET,
  MSG,
  POLL,
  SHUT,
  SO,
  SOCK,
  SOCK_NONBLOCK,
  SOL,
} from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { Message } from '../../src/socket/message.ts';
import { PollFd } from '../../src/socket/poll.ts';
import { data } from '../net/packets.ts';
import { FakeStreams } from './fake-stream.ts';
import { addr, dialogue, type SocketHarness } from './socket-rig.ts';

/** struct timeval */
function timeval(ms: number): Uint8Array {
  const sec = Math.floor(ms / 1000);
  return new Uint8Array(new BigInt64Array([BigInt(sec), BigInt((ms - sec * 1000) * 1000)]).buffer);
}

function setTimeout_(h: SocketHarness, fd: number, option: number, ms: number): void {
  if (h.api.setsockopt(fd, SOL.SOCKET, option, timeval(ms)) !== 0) throw new Error('timeout');
}

dialogue('recvfrom waits for a datagram, for ever if need be', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  const task = h.run((sys) => sys.recvfrom(fd, new Uint8Array(99), 0));
  h.advance(3600);
  t.equal(task.result, undefined);
  h.arrives(7, 5000);
  t.equal(task.result, 7);
  t.equal(task.atMs, 3600_000);
});

dialogue('every call that reads waits alike; none does with O_NONBLOCK or MSG_DONTWAIT', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  const m = () => new Message([new Uint8Array(9)]);
  const tasks = [
    h.run((sys) => sys.recvfrom(fd, new Uint8Array(9), 0)),
    h.run((sys) => sys.recvmsg(fd, m(), 0)),
    h.run((sys) => sys.read(fd, new Uint8Array(9))),
    h.run((sys) => sys.readv(fd, [new Uint8Array(1), new Uint8Array(8)])),
  ];
  t.equal(h.run((sys) => sys.recvfrom(fd, data(1), MSG.DONTWAIT)).result, 'EAGAIN');
  t.equal(h.run((sys) => sys.recvmsg(fd, m(), MSG.ERRQUEUE)).result, 'EAGAIN', 'errors neither');
  h.arrives(1, 5000);
  t.same(
    tasks.map((x) => x.result).filter((x) => x === undefined).length,
    3,
    'one datagram, one call',
  );
  for (let i = 0; i < 3; i++) h.arrives(1, 5000);
  t.same(
    tasks.map((x) => x.result),
    [1, 1, 1, 1],
  );
  h.api.fcntl(fd, 4, 0o4000);
  t.equal(h.run((sys) => sys.read(fd, data(1))).result, 'EAGAIN');
  t.equal(h.run((sys) => sys.recvmsg(fd, m(), 0)).result, 'EAGAIN');
  t.equal(h.run((sys) => sys.readv(fd, [data(1)])).result, 'EAGAIN');
  t.equal(h.run((sys) => sys.recvfrom(fd, null, 0)).result, 'EFAULT');
  t.equal(h.run((sys) => sys.recvfrom(99, data(1), 0)).result, 'EBADF');
});

dialogue('SO_RCVTIMEO: EAGAIN when the time has passed, to the nanosecond', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  setTimeout_(h, fd, SO.RCVTIMEO, 1500);
  const task = h.run((sys) => sys.recvfrom(fd, new Uint8Array(9), 0));
  h.advance(1.4);
  t.equal(task.result, undefined);
  h.advance(1);
  t.equal(task.result, 'EAGAIN');
  t.equal(task.atMs, 1500);
  const next = h.run((sys) => sys.read(fd, new Uint8Array(9)));
  h.advance(1);
  h.arrives(2, 5000);
  t.equal(next.result, 2, 'in time');
  h.advance(10);
  const out = new Uint8Array(16);
  t.equal(h.api.getsockopt(fd, SOL.SOCKET, SO.RCVTIMEO, out), 16);
  t.same(out, timeval(1500));
  t.equal(h.api.setsockopt(fd, SOL.SOCKET, SO.RCVTIMEO, data(8)), -22);
  const wrong = new Uint8Array(new BigInt64Array([1n, 1_000_000n]).buffer);
  t.equal(h.api.setsockopt(fd, SOL.SOCKET, SO.RCVTIMEO, wrong), -33, 'EDOM');
  const past = new Uint8Array(new BigInt64Array([-1n, 0n]).buffer);
  t.equal(h.api.setsockopt(fd, SOL.SOCKET, SO.RCVTIMEO, past), 0);
  t.equal(h.run((sys) => sys.read(fd, new Uint8Array(9))).result, 'EAGAIN', 'not at all');
});

dialogue('a waiting reader hears of errors, of shutdown and of close', (t, h) => {
  const fd = h.udp();
  h.api.connect(fd, addr('10.0.0.2:4000'));
  const failed = h.run((sys) => sys.recvfrom(fd, new Uint8Array(9), 0));
  h.stack.udp.setError(h.stack.udp.list()[0]!, 111);
  h.settle();
  t.equal(failed.result, 'ECONNREFUSED');
  const ended = h.run((sys) => sys.recvfrom(fd, new Uint8Array(9), 0));
  h.api.shutdown(fd, SHUT.RD);
  h.settle();
  t.equal(ended.result, 0);
  t.equal(h.run((sys) => sys.read(fd, new Uint8Array(9))).result, 0, 'nor does it begin to wait');
  const other = h.bound('0.0.0.0:5000');
  const copy = h.api.dup(other);
  const closed = h.run((sys) => sys.read(other, new Uint8Array(9)));
  h.api.close(other);
  h.settle();
  t.equal(closed.result, undefined, 'the file is still open');
  const stranger = h.udp();
  t.equal(stranger, other, 'the number stands for another socket');
  h.arrives(3, 5000);
  t.equal(closed.result, 3, 'the call goes on with its own');
  const last = h.run((sys) => sys.read(copy, new Uint8Array(9)));
  h.api.close(copy);
  h.settle();
  t.equal(last.result, 'EBADF');
});

dialogue(
  'a send waits for room in the device; SO_SNDTIMEO limits it',
  (t, h) => {
    const fd = h.udp();
    h.api.connect(fd, addr('10.0.0.2:4000'));
    h.port.wire.isFull = true;
    while (h.api.send(fd, data(100), 0) > 0);
    const m = new Message([data(5)]);
    const tasks = [
      h.run((sys) => sys.sendto(fd, data(5), 0)),
      h.run((sys) => sys.sendmsg(fd, m, 0)),
      h.run((sys) => sys.write(fd, data(5))),
      h.run((sys) => sys.writev(fd, [data(2), data(3)])),
    ];
    setTimeout_(h, fd, SO.SNDTIMEO, 40);
    const timed = h.run((sys) => sys.write(fd, data(5)));
    t.equal(h.run((sys) => sys.sendto(fd, data(5), MSG.DONTWAIT)).result, 'EAGAIN');
    h.advance(1);
    t.same(
      tasks.map((x) => x.result),
      [undefined, undefined, undefined, undefined],
    );
    t.equal(timed.result, 'EAGAIN');
    t.equal(timed.atMs, 40);
    h.port.wire.isFull = false;
    h.settle();
    h.settle();
    t.same(
      tasks.map((x) => x.result),
      [5, 5, 5, 5],
    );
  },
  { txFrames: 16 },
);

dialogue('poll waits for the first of several, for so many milliseconds', (t, h) => {
  const a = h.bound('0.0.0.0:5000');
  const b = h.bound('0.0.0.0:5001');
  const entries = () => [new PollFd(a, POLL.IN), new PollFd(b, POLL.IN), new PollFd(a, POLL.IN)];
  t.equal(h.run((sys) => sys.poll(entries(), 0)).result, 0);
  const first = entries();
  const task = h.run((sys) => sys.poll(first, -1));
  const timed = h.run((sys) => sys.poll(entries(), 20));
  h.advance(0.5);
  t.equal(timed.result, 0);
  t.equal(timed.atMs, 20);
  h.arrives(1, 5001);
  t.equal(task.result, 1);
  t.same(
    first.map((e) => e.revents),
    [0, 1, 0],
  );
  h.recv(b);
  const both = entries();
  const twice = h.run((sys) => sys.poll(both, -1));
  h.arrives(1, 5000);
  t.equal(twice.result, 2, 'the same socket twice');
  h.recv(a);
  const gone = entries();
  const lost = h.run((sys) => sys.poll(gone, -1));
  h.api.close(a);
  h.settle();
  t.equal(lost.result, 2, 'closed under way');
  t.same(
    gone.map((e) => e.revents),
    [POLL.NVAL, 0, POLL.NVAL],
  );
});

dialogue('epollWait waits; level, edge, time-out, close', (t, h) => {
  const { api } = h;
  const ep = api.epollCreate();
  const fd = h.bound('0.0.0.0:5000');
  api.epollCtl(ep, EPOLL.ADD, fd, POLL.IN | EPOLLET, fd);
  const out = new EpollEvents(4);
  const task = h.run((sys) => sys.epollWait(ep, out, 4, -1));
  h.advance(5);
  t.equal(task.result, undefined);
  h.arrives(1, 5000);
  t.equal(task.result, 1);
  t.equal(out.events[0], POLL.IN);
  const edge = h.run((sys) => sys.epollWait(ep, out, 4, 250));
  h.advance(1);
  t.equal(edge.result, 0);
  t.equal(edge.atMs, 5250);
  const added = h.run((sys) => sys.epollWait(ep, out, 4, -1));
  const other = h.udp();
  api.epollCtl(ep, EPOLL.ADD, other, POLL.OUT, other);
  h.settle();
  t.equal(added.result, 1, 'a socket added while it waits');
  api.close(other);
  const closed = h.run((sys) => sys.epollWait(ep, out, 4, -1));
  api.close(ep);
  h.settle();
  t.equal(closed.result, 'EBADF');
  t.equal(h.run((sys) => sys.epollWait(fd, out, 4, -1)).result, 'EINVAL');
  t.equal(h.run((sys) => sys.epollWait(99, out, 4, -1)).result, 'EBADF');
});

dialogue('an event that is taken by another waiter leaves the rest waiting', (t, h) => {
  const { api } = h;
  const ep = api.epollCreate();
  const fd = h.bound('0.0.0.0:5000');
  api.epollCtl(ep, EPOLL.ADD, fd, POLL.IN | EPOLLET, fd);
  const tasks = [1, 2].map(() => h.run((sys) => sys.epollWait(ep, new EpollEvents(4), 4, -1)));
  h.arrives(1, 5000);
  t.same(
    tasks.map((x) => x.result),
    [1, undefined],
  );
  h.arrives(1, 5000);
  t.same(
    tasks.map((x) => x.result),
    [1, 1],
  );
});

dialogue('a coroutine sleeps, and one that is cancelled leaves nothing behind', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  const task = h.run(function* (sys) {
    yield* sys.sleep(3_000_000);
    return yield* sys.recvfrom(fd, new Uint8Array(9), 0);
  });
  h.advance(0.002);
  h.arrives(4, 5000);
  t.equal(task.result, undefined);
  h.advance(0.001);
  t.equal(task.result, 4);
  const gone = h.run((sys) => sys.recvfrom(fd, new Uint8Array(9), 0));
  gone.sys.cancel();
  t.equal(h.stack.nextDeadlineNs(), Number.POSITIVE_INFINITY);
});

dialogue('a stack that closes ends every call, and wants no turn', (t, h) => {
  const fd = h.bound('0.0.0.0:5000');
  const mreq = new Uint8Array([239, 1, 1, 1, 10, 0, 0, 1]);
  h.api.setsockopt(fd, SOL.IP, 35, mreq);
  setTimeout_(h, fd, SO.RCVTIMEO, 5000);
  const ep = h.api.epollCreate();
  const told: string[] = [];
  const wait = h.api.newWait({ resume: () => told.push(h.recv(fd)) });
  wait.watch(h.api.files.get(fd)!, POLL.IN);
  wait.start(h.net.env.nowNs + 1e9);
  const tasks = [
    h.run((sys) => sys.read(fd, new Uint8Array(9))),
    h.run((sys) => sys.epollWait(ep, new EpollEvents(1), 1, 9000)),
  ];
  h.stack.close();
  t.same(told, ['EBADF']);
  t.equal(h.stack.nextDeadlineNs(), Number.POSITIVE_INFINITY);
  for (const task of tasks) task.step();
  t.same(
    tasks.map((x) => x.result),
    ['EBADF', 'EBADF'],
  );
});

dialogue('connect and accept wait, on a stream that plugs in', (t, h) => {
  const { api } = h;
  const world = new FakeStreams();
  api.register(SOCK.STREAM, 6, world, true);
  const server = api.socket(AF.INET, SOCK.STREAM, 0);
  api.bind(server, addr('0.0.0.0:80'));
  api.listen(server, 5);
  const accepting = h.run((sys) => sys.accept(server));
  const client = api.socket(AF.INET, SOCK.STREAM, 0);
  const connecting = h.run((sys) => sys.connect(client, addr('10.0.0.2:80')));
  h.advance(2);
  t.same([connecting.result, accepting.result], [undefined, undefined]);
  world.establish();
  h.settle();
  t.same([connecting.result, connecting.atMs], [0, 2000]);
  const child = accepting.result as number;
  t.ok(child > client);
  const writing = h.run((sys) => sys.write(client, new Uint8Array(10)));
  const more = h.run((sys) => sys.write(client, new Uint8Array(3)));
  t.same([writing.result, more.result], [10, undefined]);
  t.equal(h.run((sys) => sys.read(child, new Uint8Array(4))).result, 4);
  t.equal(more.result, 3, 'room was made');
  const refused = api.socket(AF.INET, SOCK.STREAM, 0);
  const refusal = h.run((sys) => sys.connect(refused, addr('10.0.0.2:81')));
  const patient = api.socket(AF.INET, SOCK.STREAM, 0);
  setTimeout_(h, patient, SO.SNDTIMEO, 100);
  const timed = h.run((sys) => sys.connect(patient, addr('10.0.0.2:81')));
  h.advance(0.2);
  t.same([timed.result, timed.atMs], ['EINPROGRESS', 2100]);
  world.establish();
  h.settle();
  t.equal(refusal.result, 'ECONNREFUSED');
  const nb = api.socket(AF.INET, SOCK.STREAM | SOCK_NONBLOCK, 0);
  t.equal(h.run((sys) => sys.connect(nb, addr('10.0.0.2:80'))).result, 'EINPROGRESS');
  const closed = api.socket(AF.INET, SOCK.STREAM, 0);
  const closing = h.run((sys) => sys.connect(closed, addr('10.0.0.2:80')));
  api.close(closed);
  h.settle();
  t.equal(closing.result, 'EBADF');
});
