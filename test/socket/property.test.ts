/** Random programs of socket calls: they do what a simple model says, and nothing is left when they end. */
import fc from 'fast-check';
import t from 'tap';
import { errnoName } from '../../src/base/errno.ts';
import {
  AF,
  EPOLL,
  EPOLLET,
  EPOLLONESHOT,
  MSG,
  POLL,
  SHUT,
  SOCK,
  SOL,
} from '../../src/socket/abi.ts';
import { EpollEvents } from '../../src/socket/epoll.ts';
import { Message } from '../../src/socket/message.ts';
import { PollFd } from '../../src/socket/poll.ts';
import { SockAddr } from '../../src/socket/sock-addr.ts';
import { udpOptions } from '../../src/socket/udp-options.ts';
import { data } from '../net/packets.ts';
import { holds } from '../support/property.ts';
import { Model } from './socket-model.ts';
import { addr, named, SocketHarness } from './socket-rig.ts';

const FIRST_FD = 3;
const MAX_FDS = 10;
const PORTS = [5000, 5001, 5002];

const anyFd = fc.oneof(
  { arbitrary: fc.integer({ min: FIRST_FD, max: FIRST_FD + 3 }), weight: 4 },
  { arbitrary: fc.integer({ min: FIRST_FD - 1, max: MAX_FDS }), weight: 1 },
);
const anyPort = fc.constantFrom(...PORTS);
const anyLen = fc.constantFrom(0, 1, 50, 703, 705, 3000);
const anyHow = fc.constantFrom(SHUT.RD, SHUT.WR, SHUT.RDWR);
const anyOp = fc.constantFrom(EPOLL.ADD, EPOLL.ADD, EPOLL.MOD, EPOLL.DEL);
const anyEvents = fc
  .tuple(fc.subarray([POLL.IN, POLL.OUT, POLL.RDHUP]), fc.boolean())
  .map(([bits, isOneShot]) => bits.reduce((a, b) => a | b, isOneShot ? EPOLLONESHOT : 0));

/** One call: what the stack answers, and what the model says. */
type Step = (h: SocketHarness, m: Model) => [unknown, unknown];

/** With a text that a counterexample is read by. */
function step(text: string, run: Step): Step {
  return Object.assign(run, { [fc.toStringMethod]: () => text });
}

const local = (port: number) => addr(`127.0.0.1:${port}`);

/** The port of a socket as the stack has it: the model cannot know which one was free. */
function portOf(h: SocketHarness, fd: number): number {
  const name = new SockAddr();
  return h.api.getsockname(fd, name) < 0 ? 0 : name.port;
}

/** Calls on a socket: the model's word for a descriptor that is none comes first. */
function onSocket(
  text: string,
  fd: number,
  call: (h: SocketHarness) => number,
  model: (m: Model, s: Parameters<Model['bind']>[0], h: SocketHarness) => number | string,
): Step {
  return step(`${text} on ${fd}`, (h, m) => {
    const s = m.socket(fd);
    const result = named(call(h));
    h.settle();
    return [result, typeof s === 'string' ? s : model(m, s, h)];
  });
}

const openStep = fc.constant(
  step('socket', (h, m) => [named(h.api.socket(AF.INET, SOCK.DGRAM, 0)), m.open(m.newSocket())]),
);
const epollStep = fc.constant(
  step('epoll', (h, m) => [named(h.api.epollCreate()), m.open({ kind: 'epoll', watched: [] })]),
);
const closeStep = anyFd.map((fd) =>
  step(`close ${fd}`, (h, m) => [named(h.api.close(fd)), m.close(fd)]),
);
const dupStep = anyFd.map((fd) => step(`dup ${fd}`, (h, m) => [named(h.api.dup(fd)), m.dup(fd)]));
const dup2Step = fc
  .tuple(anyFd, anyFd)
  .map(([fd, onto]) =>
    step(`dup2 ${fd} ${onto}`, (h, m) => [named(h.api.dup2(fd, onto)), m.dup2(fd, onto)]),
  );
const bindStep = fc.tuple(anyFd, anyPort).map(([fd, port]) =>
  onSocket(
    `bind ${port}`,
    fd,
    (h) => h.api.bind(fd, local(port)),
    (m, s) => m.bind(s, port),
  ),
);
const connectStep = fc.tuple(anyFd, anyPort).map(([fd, port]) =>
  onSocket(
    `connect ${port}`,
    fd,
    (h) => h.api.connect(fd, local(port)),
    (m, s, h) => m.connect(s, port, portOf(h, fd)),
  ),
);
const disconnectStep = anyFd.map((fd) =>
  onSocket(
    'disconnect',
    fd,
    (h) => h.api.connect(fd, new SockAddr()),
    (m, s) => m.disconnect(s),
  ),
);
const sendStep = fc.tuple(anyFd, fc.constantFrom(0, ...PORTS), anyLen).map(([fd, port, len]) =>
  onSocket(
    `send ${len} to ${port}`,
    fd,
    (h) => h.api.sendto(fd, data(len), 0, port === 0 ? null : local(port)),
    (m, s, h) => m.send(s, port, len, portOf(h, fd)),
  ),
);
const shutdownStep = fc.tuple(anyFd, anyHow).map(([fd, how]) =>
  onSocket(
    `shutdown ${how}`,
    fd,
    (h) => h.api.shutdown(fd, how),
    (m, s) => m.shutdown(s, how),
  ),
);
const errorStep = anyFd.map((fd) =>
  onSocket(
    'SO_ERROR',
    fd,
    (h) => h.api.getInt(fd, SOL.SOCKET, 4),
    (m, s) => m.takeError(s),
  ),
);
const receiveStep = fc
  .tuple(anyFd, anyLen, fc.boolean(), fc.boolean())
  .map(([fd, room, isPeek, isTrunc]) =>
    step(`recv ${room}${isPeek ? ' peek' : ''}${isTrunc ? ' trunc' : ''} on ${fd}`, (h, m) => {
      const flags = (isPeek ? MSG.PEEK : 0) | (isTrunc ? MSG.TRUNC : 0);
      const from = new SockAddr();
      const n = h.api.recvfrom(fd, new Uint8Array(room), flags, from);
      const s = m.socket(fd);
      const expected = typeof s === 'string' ? s : m.receive(s, room, isPeek, isTrunc);
      return [n < 0 ? errnoName(n) : `${n} ${from.port}`, expected];
    }),
  );
const controlStep = fc.tuple(anyFd, anyOp, anyFd, anyEvents).map(([ep, op, fd, events]) =>
  step(`epoll ${ep} op ${op} fd ${fd} for ${events.toString(16)}`, (h, m) => {
    // Nesting has tests of its own.
    if (m.fds.get(fd)?.kind === 'epoll' && m.fds.get(ep)?.kind === 'epoll') return [0, 0];
    return [named(h.api.epollCtl(ep, op, fd, events, fd)), m.control(ep, op, fd, events)];
  }),
);
const waitStep = anyFd.map((fd) =>
  step(`epoll wait on ${fd}`, (h, m) => {
    const epoll = m.fds.get(fd);
    const found = h.epoll(fd, 16).sort();
    if (epoll === undefined) return [found, ['EBADF']];
    return [found, epoll.kind === 'epoll' ? m.wait(epoll) : ['EINVAL']];
  }),
);

const anyStep = fc.oneof(
  { arbitrary: openStep, weight: 2 },
  { arbitrary: epollStep, weight: 1 },
  { arbitrary: closeStep, weight: 1 },
  { arbitrary: dupStep, weight: 1 },
  { arbitrary: dup2Step, weight: 1 },
  { arbitrary: bindStep, weight: 5 },
  { arbitrary: connectStep, weight: 3 },
  { arbitrary: disconnectStep, weight: 1 },
  { arbitrary: sendStep, weight: 9 },
  { arbitrary: receiveStep, weight: 8 },
  { arbitrary: shutdownStep, weight: 1 },
  { arbitrary: errorStep, weight: 1 },
  { arbitrary: controlStep, weight: 5 },
  { arbitrary: waitStep, weight: 5 },
);

/** Where programs start: four sockets, three of them bound, and one epoll instance that watches them. */
const start: fc.Arbitrary<Step[]> = fc
  .tuple(
    ...[openStep, openStep, openStep, epollStep, openStep],
    ...PORTS.map((port, i) =>
      fc.constant(
        onSocket(
          `bind ${port}`,
          FIRST_FD + i,
          (h) => h.api.bind(FIRST_FD + i, local(port)),
          (m, s) => m.bind(s, port),
        ),
      ),
    ),
    ...PORTS.map(
      (_, i): fc.Arbitrary<Step> =>
        fc.constant((h, m) => [
          named(h.api.epollCtl(FIRST_FD + 3, EPOLL.ADD, FIRST_FD + i, POLL.IN, FIRST_FD + i)),
          m.control(FIRST_FD + 3, EPOLL.ADD, FIRST_FD + i, POLL.IN),
        ]),
    ),
  )
  .map((steps) => [...steps]);
const anyProgram = fc
  .tuple(start, fc.array(anyStep, { minLength: 20, maxLength: 80 }))
  .map(([first, rest]) => [...first, ...rest]);

/** Everything is closed: is anything left? */
function leftovers(h: SocketHarness): string[] {
  h.api.closeAll();
  h.settle();
  const left: string[] = [];
  const sees = (what: string, n: number) => n === 0 || left.push(`${n} ${what}`);
  sees('descriptors', h.api.files.size);
  sees('sockets', h.stack.udp.list().length);
  sees('places in the table', h.stack.udp.demux.size);
  sees('datagrams', h.net.datagrams.size);
  sees('cells', h.memory.cells.held);
  return left;
}

t.test('random programs over loopback do what the model says', async (t) => {
  const h = new SocketHarness({ api: { firstFd: FIRST_FD, maxFds: MAX_FDS } });
  let calls = 0;
  let served = 0;
  const runAll = (steps: readonly Step[]): string[] => {
    const model = new Model(FIRST_FD, MAX_FDS);
    const wrong: string[] = [];
    for (const [i, step] of steps.entries()) {
      const [seen, expected] = step(h, model);
      h.settle();
      const is = JSON.stringify(seen);
      if (is !== JSON.stringify(expected))
        wrong.push(`call ${i}: ${is}, not ${JSON.stringify(expected)}`);
      calls++;
      if (typeof seen === 'string' && / /.test(seen)) served++;
    }
    return [...wrong, ...leftovers(h)];
  };
  const program = fc.property(anyProgram, (steps) => {
    const wrong = runAll(steps);
    if (wrong.length > 0) throw new Error(wrong.join('; '));
  });
  holds(t, 'as the model says', program, 300);
  t.ok(calls > 10_000 && served > 300, `${calls} calls, ${served} datagrams read`);
  h.end(t);
});

const anyInt = fc.oneof(fc.integer({ min: -3, max: 40 }), fc.integer());
const anyBytes = fc.uint8Array({ maxLength: 40 });
const OPTIONS = udpOptions(AF.INET6);
const anyOption = fc.nat({ max: OPTIONS.length - 1 }).map((i) => OPTIONS[i]!);

function wild(h: SocketHarness): fc.Arbitrary<() => unknown> {
  const { api } = h;
  const anyAddress = fc
    .tuple(
      fc.constantFrom<number>(AF.UNSPEC, AF.INET, AF.INET6, 77),
      fc.constantFrom(
        '0.0.0.0',
        '127.0.0.1',
        '10.0.0.2',
        '::',
        '::1',
        'fe80::2',
        'ff02::1',
        '239.1.1.1',
        '255.255.255.255',
      ),
      fc.constantFrom(0, 1, 5000, 5001, 65535, -1, 65536),
      fc.constantFrom(0, 1, 2, 9),
    )
    .map(([family, text, port, scope]) => {
      const a = addr(text.includes(':') ? `[${text}]:0` : `${text}:0`);
      return a.set(family, a.address, port, scope);
    });
  const message = (bytes: Uint8Array, name: SockAddr) => {
    const m = new Message([bytes.slice(0, 9), bytes]);
    m.name.copy(name);
    return m;
  };
  return fc.oneof(
    fc.tuple(anyInt, anyInt, anyInt).map(
      ([a, b, c]) =>
        () =>
          api.socket(a, b, c),
    ),
    fc.boolean().map((six) => () => api.socket(six ? AF.INET6 : AF.INET, SOCK.DGRAM, 0)),
    fc.constant(() => api.epollCreate()),
    fc.tuple(anyFd, anyAddress).map(
      ([fd, a]) =>
        () =>
          api.bind(fd, a),
    ),
    fc.tuple(anyFd, anyAddress).map(
      ([fd, a]) =>
        () =>
          api.connect(fd, a),
    ),
    fc.tuple(anyFd, anyBytes, anyInt, anyAddress).map(
      ([fd, b, flags, a]) =>
        () =>
          api.sendto(fd, b, flags, a),
    ),
    fc.tuple(anyFd, anyBytes, anyInt, anyAddress).map(
      ([fd, b, flags, a]) =>
        () =>
          api.sendmsg(fd, message(b, a), flags),
    ),
    fc.tuple(anyFd, anyBytes, anyInt).map(
      ([fd, b, flags]) =>
        () =>
          api.recvmsg(fd, new Message([b]), flags),
    ),
    fc.tuple(anyFd, anyBytes, anyInt).map(
      ([fd, b, flags]) =>
        () =>
          api.recv(fd, b, flags),
    ),
    fc.tuple(anyFd, anyOption, anyBytes).map(
      ([fd, o, b]) =>
        () =>
          api.setsockopt(fd, o.level, o.number, b),
    ),
    fc.tuple(anyFd, anyOption, anyInt).map(
      ([fd, o, n]) =>
        () =>
          api.setInt(fd, o.level, o.number, n),
    ),
    fc.tuple(anyFd, anyOption, anyBytes).map(
      ([fd, o, b]) =>
        () =>
          api.getsockopt(fd, o.level, o.number, b),
    ),
    fc.tuple(anyFd, anyInt, anyInt).map(
      ([fd, a, b]) =>
        () =>
          api.fcntl(fd, a, b),
    ),
    fc.tuple(anyFd, anyInt, fc.constantFrom(null, new Int32Array(1))).map(
      ([fd, a, to]) =>
        () =>
          api.ioctl(fd, a, to),
    ),
    fc.tuple(anyFd, anyInt, anyFd, anyInt).map(
      ([ep, op, fd, e]) =>
        () =>
          api.epollCtl(ep, op, fd, e),
    ),
    fc.tuple(anyFd, anyFd).map(
      ([ep, fd]) =>
        () =>
          api.epollCtl(ep, EPOLL.ADD, fd, POLL.IN | EPOLLET),
    ),
    fc.tuple(anyFd, anyInt).map(
      ([ep, max]) =>
        () =>
          api.epollWait(ep, new EpollEvents(8), max),
    ),
    fc.tuple(anyFd, anyFd, anyInt).map(
      ([a, b, e]) =>
        () =>
          api.poll([new PollFd(a, e), new PollFd(b, e)]),
    ),
    fc.tuple(anyFd, anyInt).map(
      ([fd, how]) =>
        () =>
          api.shutdown(fd, how),
    ),
    anyFd.map((fd) => () => api.close(fd)),
    fc.tuple(anyFd, anyFd).map(
      ([a, b]) =>
        () =>
          api.dup2(a, b),
    ),
    anyFd.map((fd) => () => h.run((sys) => sys.recvfrom(fd, new Uint8Array(40), 0)) && 0),
    fc.tuple(anyFd, anyFd).map(
      ([a, b]) =>
        () =>
          h.run((sys) => sys.poll([new PollFd(a, 5), new PollFd(b, 1)], 20)) && 0,
    ),
    anyFd.map((fd) => () => h.run((sys) => sys.epollWait(fd, new EpollEvents(4), 4, 30)) && 0),
    anyPortArrival(h),
  );
}

function anyPortArrival(h: SocketHarness): fc.Arbitrary<() => unknown> {
  return fc.tuple(anyPort, anyLen).map(([port, len]) => () => {
    h.arrives(Math.min(len, 1400), port);
    h.advance(0.01);
    return 0;
  });
}

t.test('whatever the arguments: an int comes back, nothing throws, nothing is left', async (t) => {
  const h = new SocketHarness({ api: { maxFds: MAX_FDS } });
  const results = new Set<number>();
  const program = fc.property(fc.array(wild(h), { minLength: 20, maxLength: 60 }), (calls) => {
    for (const call of calls) {
      const result = call();
      if (typeof result !== 'number' || !Number.isInteger(result)) throw new Error(String(result));
      if (result < 0 && errnoName(result).startsWith('errno')) throw new Error(`errno ${result}`);
      results.add(result);
      h.settle();
    }
    const left = leftovers(h);
    h.advance(1);
    h.forgetTasks();
    if (left.length > 0) throw new Error(left.join(', '));
  });
  holds(t, 'ints and no leak', program, 300);
  const errnos = [...results].filter((n) => n < 0).map(errnoName);
  t.ok(errnos.length >= 12, `errnos seen: ${errnos.sort().join(' ')}`);
  h.end(t);
});
