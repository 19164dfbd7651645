/**
 * Who may share a port: SO_REUSEADDR and SO_REUSEPORT of two sockets, in every state of the first. What is
 * expected was asked of Linux 6.18, case by case.
 */
import { AF, IPV6_OPT, O_NONBLOCK, SHUT, SO, SOL } from '../../src/socket/abi.ts';
import { addr } from './socket-rig.ts';
import { CLIENT, CLIENT6, dialogue, SERVER, SERVER6, type Side, type TcpRig } from './tcp-rig.ts';

/** One address of ours, another, any of IPv4, any of both families, any of IPv6, the first as IPv6 says it. */
const ADDRESS = {
  one: SERVER,
  other: '127.0.0.1',
  any4: '0.0.0.0',
  dual: '[::]',
  only6: '[::]',
  mapped: `[::ffff:${SERVER}]`,
} as const;
type Kind = keyof typeof ADDRESS;
/** - none, a SO_REUSEADDR, p SO_REUSEPORT, x both: of the first and of the second. */
const OPTIONS = ['--', 'a-', '-a', 'aa', 'p-', '-p', 'pp', 'ap', 'pa', 'xx'] as const;

/** Which addresses meet: `until` a connection has fixed the first one's. */
const PAIRS: readonly (readonly [Kind, Kind, 'always' | 'until' | 'never'])[] = [
  ['one', 'one', 'always'],
  ['any4', 'one', 'always'],
  ['one', 'any4', 'always'],
  ['any4', 'any4', 'always'],
  ['dual', 'any4', 'always'],
  ['any4', 'dual', 'always'],
  ['dual', 'dual', 'always'],
  ['only6', 'dual', 'always'],
  ['dual', 'mapped', 'always'],
  ['any4', 'other', 'until'],
  ['dual', 'other', 'until'],
  ['one', 'other', 'never'],
  ['only6', 'any4', 'never'],
  ['any4', 'only6', 'never'],
  ['only6', 'mapped', 'never'],
];

/** For each of OPTIONS: B is EADDRINUSE at bind, a dot is that it can be bound, and then listen. */
const MEETS = 'BBB.BB.BB.';
const MEETS_LISTENER = 'BBBBBB.BB.';
const FREE = '..........';

const STATES = {
  bound: MEETS,
  listening: MEETS_LISTENER,
  connected: MEETS,
  accepted: MEETS,
  'FIN-WAIT-2': MEETS,
  'a child closed in FIN-WAIT-2': MEETS,
  'TIME-WAIT': MEETS,
} as const;
type State = keyof typeof STATES;

function socket(side: Side, kind: Kind, option: string): number {
  const fd = side.tcp(ADDRESS[kind].startsWith('[') ? AF.INET6 : AF.INET);
  if ('ax'.includes(option)) side.set(fd, SOL.SOCKET, SO.REUSEADDR, 1);
  if ('px'.includes(option)) side.set(fd, SOL.SOCKET, SO.REUSEPORT, 1);
  if (kind === 'only6') side.set(fd, SOL.IPV6, IPV6_OPT.V6ONLY, 1);
  return fd;
}

const bind = (side: Side, fd: number, kind: Kind, port: number): number | string =>
  side.call((api) => api.bind(fd, addr(`${ADDRESS[kind]}:${port}`)));

class Bench {
  private readonly r: TcpRig;
  private readonly peers: number;
  private port = 1000;

  constructor(r: TcpRig) {
    this.r = r;
    this.peers = r.a.listening('[::]:9', 100);
  }

  /** Leaves the port in that state. */
  private first(state: State, kind: Kind, option: string, port: number): void {
    const { r } = this;
    const { a, b } = r;
    const fd = socket(b, kind, option);
    if (bind(b, fd, kind, port) !== 0) throw new Error('the first one has its port');
    if (state === 'bound') return;
    if (state === 'listening' || state === 'accepted' || state.startsWith('a child')) {
      b.must((api) => api.listen(fd, 5));
      if (state === 'listening') return;
      r.connect(kind === 'only6' ? `[${SERVER6}]:${port}` : `${SERVER}:${port}`);
      r.ms(100);
      const child = b.must((api) => api.accept(fd, null, O_NONBLOCK));
      if (state !== 'accepted') {
        b.must((api) => api.shutdown(child, SHUT.WR));
        b.must((api) => api.close(child));
      }
      b.must((api) => api.close(fd));
      r.ms(100);
      return;
    }
    const to = { dual: `[::ffff:${CLIENT}]`, only6: `[${CLIENT6}]` }[kind as string] ?? CLIENT;
    b.do((api) => api.connect(fd, addr(`${to}:9`)));
    r.ms(100);
    const peer = a.must((api) => api.accept(this.peers, null, O_NONBLOCK));
    if (state === 'connected') return;
    b.must((api) => api.close(fd));
    r.ms(100);
    if (state === 'TIME-WAIT') a.must((api) => api.close(peer));
    r.ms(100);
  }

  try(state: State, first: Kind, second: Kind, options: string): string {
    const { b } = this.r;
    const port = this.port++;
    this.first(state, first, options[0]!, port);
    const fd = socket(b, second, options[1]!);
    const result = bind(b, fd, second, port);
    if (result !== 0) return result === 'EADDRINUSE' ? 'B' : `${result}`;
    return b.call((api) => api.listen(fd, 5)) === 0 ? '.' : 'L';
  }
}

for (const state of Object.keys(STATES) as State[]) {
  dialogue(`two sockets on one port, the first is ${state}`, (t, r) => {
    const bench = new Bench(r);
    const isFixed = state !== 'bound' && state !== 'listening';
    for (const [first, second, meet] of PAIRS) {
      const got = OPTIONS.map((options) => bench.try(state, first, second, options)).join('');
      const isFree = meet === 'never' || (meet === 'until' && isFixed);
      t.equal(got, isFree ? FREE : STATES[state], `${first}, then ${second}`);
      r.b.do((api) => api.closeAll());
    }
  });
}

dialogue('two that share a port by SO_REUSEADDR: when one listens the other cannot', (t, r) => {
  const [first, second] = [0, 1].map(() => socket(r.b, 'one', 'a')) as [number, number];
  for (const fd of [first, second]) t.equal(bind(r.b, fd, 'one', 80), 0);
  t.equal(
    r.b.call((api) => api.listen(first, 5)),
    0,
  );
  t.equal(
    r.b.call((api) => api.listen(second, 5)),
    'EADDRINUSE',
  );
});

dialogue('port 0 is never a shared one', (t, r) => {
  const { config } = r.b.stack.net;
  config.localPortFirst = 5000;
  config.localPortLast = 5001;
  for (let i = 0; i < 2; i++) t.equal(bind(r.b, socket(r.b, 'one', 'x'), 'one', 0), 0);
  t.equal(bind(r.b, socket(r.b, 'one', 'x'), 'one', 0), 'EADDRINUSE');
  t.equal(bind(r.b, socket(r.b, 'one', 'x'), 'one', 5000), 0, 'who asks for it has it');
});

dialogue('a disconnected socket has the address it was bound to, again', (t, r) => {
  const fd = socket(r.b, 'any4', '-');
  t.equal(bind(r.b, fd, 'any4', 80), 0);
  r.a.listening(`${CLIENT}:9`);
  r.b.do((api) => api.connect(fd, addr(`${CLIENT}:9`)));
  r.ms(50);
  t.equal(r.b.name(fd), `${SERVER}:80`);
  const other = socket(r.b, 'other', '-');
  t.equal(bind(r.b, other, 'other', 80), 0, 'while it is connected');
  r.b.must((api) => api.close(other));
  const unspecified = addr('0.0.0.0:0');
  unspecified.family = AF.UNSPEC;
  t.equal(
    r.b.call((api) => api.connect(fd, unspecified)),
    0,
  );
  t.equal(r.b.name(fd), '0.0.0.0:80');
  t.equal(bind(r.b, socket(r.b, 'other', '-'), 'other', 80), 'EADDRINUSE');
});

/** As many listeners as asked for, on one port; and whom each of so many connections goes to. */
class Group {
  readonly fds: number[];
  readonly r: TcpRig;

  constructor(r: TcpRig, count: number, kinds: readonly Kind[] = ['one']) {
    this.r = r;
    this.fds = Array.from({ length: count }, (_, i) => this.open(kinds[i % kinds.length]!));
  }

  open(kind: Kind = 'one'): number {
    const { b } = this.r;
    const fd = socket(b, kind, 'p');
    b.must((api) => api.bind(fd, addr(`${ADDRESS[kind]}:80`)));
    b.must((api) => api.listen(fd, 1000));
    return fd;
  }

  /** How many each has got of so many. */
  shares(connections: number, to = SERVER): number[] {
    const clients = Array.from({ length: connections }, () => this.r.connect(`${to}:80`));
    this.r.ms(1500); // neighbours are found, lost SYNs come again
    const shares = this.fds.map((fd) => this.drain(fd));
    for (const c of clients) this.r.a.must((api) => api.close(c));
    this.r.ms(100);
    return shares;
  }

  private drain(fd: number): number {
    const { b } = this.r;
    for (let n = 0; ; n++) {
      const c = b.do((api) => api.accept(fd, null, O_NONBLOCK));
      if (c < 0) return n;
      b.must((api) => api.close(c));
    }
  }
}

dialogue('SO_REUSEPORT: connections are spread over the listeners', (t, r) => {
  const group = new Group(r, 4);
  const shares = group.shares(400);
  t.equal(
    shares.reduce((a, n) => a + n, 0),
    400,
  );
  t.ok(Math.min(...shares) > 65 && Math.max(...shares) < 140, shares.join(' '));
  const gone = group.fds.pop()!;
  r.b.must((api) => api.close(gone));
  const fewer = group.shares(300);
  t.ok(Math.min(...fewer) > 65, `one is gone: ${fewer.join(' ')}`);
  group.fds.push(group.open(), group.open());
  const more = group.shares(500);
  t.equal(more.length, 5);
  t.ok(Math.min(...more) > 65, `two have come: ${more.join(' ')}`);
});

dialogue('a group is of one address: the particular one goes first', (t, r) => {
  const group = new Group(r, 3, ['one', 'any4', 'dual']);
  t.same(group.shares(30), [30, 0, 0]);
  r.b.must((api) => api.close(group.fds.shift()!));
  t.same(group.shares(30), [30, 0], 'then the wildcard of the family');
  r.b.must((api) => api.close(group.fds.shift()!));
  t.same(group.shares(30), [30], 'then that of both');
});

dialogue('IPv6: :: of one family and of both may share a port', (t, r) => {
  const group = new Group(r, 2, ['only6', 'dual']);
  t.same(group.shares(20), [0, 20], 'IPv4 is for the one that has it');
  const shares = group.shares(20, `[${SERVER6}]`);
  t.equal(shares[0]! + shares[1]!, 20);
});

for (const migrate of [0, 1]) {
  dialogue(`tcp_migrate_req ${migrate}: a listener closes, what waits in it`, (t, r) => {
    const { a, b } = r;
    b.stack.tcp.config.migrateReq = migrate;
    const group = new Group(r, 2);
    const clients = Array.from({ length: 40 }, () => r.connect(`${SERVER}:80`));
    r.ms(50); // they wait to be accepted
    clients.push(...Array.from({ length: 40 }, () => r.connect(`${SERVER}:80`)));
    r.ms(15); // and the SYNs of these have come
    const before = b.stack.tcp.demux.size;
    t.equal(before, 80);
    b.must((api) => api.close(group.fds.shift()!));
    r.ms(100);
    const reset = clients.filter((c) => a.get(c, SOL.SOCKET, SO.ERROR) !== 0).length;
    const { mib } = b.stack.tcp;
    const [moved, lost] = [mib.get('TCPMigrateReqSuccess'), mib.get('TCPMigrateReqFailure')];
    t.ok(moved + lost > 20 && moved + lost < 60, `${moved + lost} were its own`);
    t.equal(reset, migrate === 1 ? 0 : lost);
    t.equal(migrate === 1 ? lost : moved, 0);
    let accepted = 0;
    while (b.do((api) => api.accept(group.fds[0]!, null, O_NONBLOCK)) >= 0) accepted++;
    t.equal(accepted, 80 - reset);
  });
}

dialogue('SO_REUSEPORT can be asked for', (t, r) => {
  const fd = r.b.tcp();
  t.equal(r.b.get(fd, SOL.SOCKET, SO.REUSEPORT), 0);
  t.equal(r.b.set(fd, SOL.SOCKET, SO.REUSEPORT, 7), 0);
  t.equal(r.b.get(fd, SOL.SOCKET, SO.REUSEPORT), 1);
});
