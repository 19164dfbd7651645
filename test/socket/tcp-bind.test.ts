/** Who may have a port: EADDRINUSE as Linux decides it. */
import { AF, IPV6_OPT, SO, SOL } from '../../src/socket/abi.ts';
import { ip } from '../net/rig.ts';
import { addr } from './socket-rig.ts';
import { CLIENT, dialogue, SERVER, SERVER6, type Side } from './tcp-rig.ts';

interface Want {
  readonly to: string;
  readonly reuse?: boolean;
  readonly v6only?: boolean;
  readonly listen?: boolean;
}

function open(side: Side, want: Want): number | string {
  const to = addr(want.to);
  const fd = side.tcp(to.family);
  if (want.reuse === true) side.set(fd, SOL.SOCKET, SO.REUSEADDR, 1);
  if (want.v6only === true) side.set(fd, SOL.IPV6, IPV6_OPT.V6ONLY, 1);
  const bound = side.call((api) => api.bind(fd, to));
  if (bound !== 0) return bound;
  const result = want.listen === true ? side.call((api) => api.listen(fd, 5)) : 0;
  return result === 0 ? 'ok' : `listen: ${result}`;
}

const ANY4 = '0.0.0.0:80';
const ONE4 = `${SERVER}:80`;
const LO4 = '127.0.0.1:80';
const ANY6 = '[::]:80';
const ONE6 = `[${SERVER6}]:80`;
const MAPPED = `[::ffff:${SERVER}]:80`;
const reuse = true;
const listen = true;
const v6only = true;

const ROWS: readonly (readonly [Want, Want, string])[] = [
  [{ to: ONE4 }, { to: ONE4 }, 'EADDRINUSE'],
  [{ to: ONE4 }, { to: LO4 }, 'ok'],
  [{ to: ONE4 }, { to: `${SERVER}:81` }, 'ok'],
  [{ to: ANY4 }, { to: ONE4 }, 'EADDRINUSE'],
  [{ to: ONE4 }, { to: ANY4 }, 'EADDRINUSE'],
  [{ to: ANY4, reuse }, { to: ONE4 }, 'EADDRINUSE'],
  [{ to: ANY4 }, { to: ONE4, reuse }, 'EADDRINUSE'],
  [{ to: ANY4, reuse }, { to: ONE4, reuse }, 'ok'],
  [{ to: ONE4, reuse }, { to: ONE4, reuse }, 'ok'],
  [{ to: ONE4, reuse, listen }, { to: ONE4, reuse }, 'EADDRINUSE'],
  [{ to: ONE4, reuse, listen }, { to: ANY4, reuse }, 'EADDRINUSE'],
  [{ to: ONE4, reuse, listen }, { to: LO4, reuse, listen }, 'ok'],
  [{ to: ANY6 }, { to: ANY4 }, 'EADDRINUSE'],
  [{ to: ANY4 }, { to: ANY6 }, 'EADDRINUSE'],
  [{ to: ANY4 }, { to: ANY6, v6only }, 'ok'],
  [{ to: ANY6, v6only }, { to: ANY4 }, 'ok'],
  [{ to: ANY6, v6only, listen }, { to: ANY4, listen }, 'ok'],
  [{ to: ANY6, v6only }, { to: ANY6 }, 'EADDRINUSE'],
  [{ to: ANY6 }, { to: ONE6 }, 'EADDRINUSE'],
  [{ to: ONE6 }, { to: ANY4 }, 'ok'],
  [{ to: ONE6 }, { to: ONE4 }, 'ok'],
  [{ to: MAPPED }, { to: ONE4 }, 'EADDRINUSE'],
  [{ to: MAPPED }, { to: ANY4 }, 'EADDRINUSE'],
  [{ to: MAPPED }, { to: LO4 }, 'ok'],
  [{ to: ANY6 }, { to: MAPPED }, 'EADDRINUSE'],
  [{ to: ANY6, v6only }, { to: MAPPED }, 'ok'],
];

dialogue('two binds to one port', (t, r) => {
  const { b } = r;
  for (const [first, second, wanted] of ROWS) {
    const title = `${JSON.stringify(first)}, then ${JSON.stringify(second)}`;
    t.equal(open(b, first), 'ok', title);
    t.equal(open(b, second), wanted, title);
    b.do((api) => api.closeAll());
    t.equal(b.stack.tcp.demux.holds.size, 0, 'all ports are given back');
  }
});

dialogue('two sockets that share a port: one of them may listen', (t, r) => {
  const { b } = r;
  const fds = [0, 1].map(() => {
    const fd = b.tcp();
    b.set(fd, SOL.SOCKET, SO.REUSEADDR, 1);
    b.must((api) => api.bind(fd, addr(ONE4)));
    return fd;
  });
  t.equal(
    b.call((api) => api.listen(fds[0]!, 5)),
    0,
  );
  t.equal(
    b.call((api) => api.listen(fds[1]!, 5)),
    'EADDRINUSE',
  );
  b.must((api) => api.close(fds[0]!));
  t.equal(
    b.call((api) => api.listen(fds[1]!, 5)),
    0,
    'when the first is gone',
  );
});

dialogue('bind: addresses and the order of errors', (t, r) => {
  const { a } = r;
  const rows: [number, string, string | number][] = [
    [AF.INET, '10.9.9.9:80', 'EADDRNOTAVAIL'],
    [AF.INET, `[${SERVER6}]:80`, 'EAFNOSUPPORT'],
    [AF.INET6, `${CLIENT}:80`, 'EAFNOSUPPORT'],
    [AF.INET6, `[${SERVER6}]:80`, 'EADDRNOTAVAIL'],
    [AF.INET6, '[fe80::1]:80', 'EINVAL'],
    [AF.INET6, '[ff02::1]:80', 'EINVAL'],
    [AF.INET, '127.3.2.1:80', 0],
    [AF.INET, '255.255.255.255:80', 0],
  ];
  for (const [domain, to, wanted] of rows) {
    const fd = a.tcp(domain);
    t.equal(
      a.call((api) => api.bind(fd, addr(to))),
      wanted,
      to,
    );
    a.must((api) => api.close(fd));
  }
  const fd = a.bound(`${CLIENT}:80`);
  t.equal(
    a.call((api) => api.bind(fd, addr(`${CLIENT}:81`))),
    'EINVAL',
    'bound already',
  );
  t.equal(a.set(a.bound('[::]:81'), SOL.IPV6, IPV6_OPT.V6ONLY, 1), 'EINVAL', 'too late');
});

dialogue('port 0: one of ip_local_port_range, until there is none', (t, r) => {
  const { a } = r;
  const { config } = a.stack.net;
  config.localPortFirst = 40000;
  config.localPortLast = 40002;
  const names = [0, 1, 2].map(() => a.name(a.bound(`${CLIENT}:0`))).sort();
  t.same(names, [`${CLIENT}:40000`, `${CLIENT}:40001`, `${CLIENT}:40002`]);
  t.throws(() => a.bound(`${CLIENT}:0`), /EADDRINUSE/);
  t.match(a.name(a.bound('127.0.0.1:0')), /^127\.0\.0\.1:4000[012]$/, 'another address');
  const c = a.tcp();
  t.equal(
    a.call((api) => api.connect(c, addr(ONE4))),
    'EADDRNOTAVAIL',
  );
  t.equal(
    a.call((api) => api.listen(a.tcp(), 1)),
    'EADDRINUSE',
  );
});

dialogue('IP_BIND_ADDRESS_NO_PORT: connect chooses the port', (t, r) => {
  const { a, b } = r;
  b.listening(ONE4);
  const c = a.tcp();
  t.equal(a.set(c, SOL.IP, 24, 1), 0);
  a.must((api) => api.bind(c, addr('10.0.0.3:0')));
  t.equal(a.name(c), '10.0.0.3:0');
  a.do((api) => api.connect(c, addr(ONE4)));
  r.ms(50);
  t.match(a.name(c), /^10\.0\.0\.3:[1-9]/);
  t.equal(a.poll(c), 'OUT');
});

for (const isReuse of [false, true]) {
  dialogue(
    `TIME-WAIT holds the port, SO_REUSEADDR ${isReuse ? 'on' : 'off'} both sockets`,
    (t, r) => {
      const { a, b } = r;
      const l = b.tcp();
      if (isReuse) b.set(l, SOL.SOCKET, SO.REUSEADDR, 1);
      b.must((api) => api.bind(l, addr(ONE4)));
      b.must((api) => api.listen(l, 5));
      const c = r.connect(ONE4);
      r.ms(50);
      const s = b.must((api) => api.accept(l));
      b.must((api) => api.close(s));
      r.ms(50);
      a.must((api) => api.close(c));
      b.must((api) => api.close(l));
      r.ms(50);
      t.equal(b.stack.tcp.demux.size, 1, 'one TIME-WAIT is left');
      const wanted = isReuse ? 'ok' : 'EADDRINUSE';
      t.equal(open(b, { to: ONE4, reuse: isReuse, listen }), wanted);
      r.sec(61);
      t.equal(open(b, { to: `127.0.0.1:80`, listen }), 'ok');
    },
  );
}

dialogue(
  'an outgoing connection holds its port against bind, and not the other way round',
  (t, r) => {
    const { a, b } = r;
    b.listening(ONE4);
    const c = r.connect(ONE4);
    r.ms(50);
    const port = Number(a.name(c).split(':')[1]);
    t.equal(open(a, { to: `${CLIENT}:${port}` }), 'EADDRINUSE');
    t.equal(
      open(a, { to: `${CLIENT}:${port}`, reuse }),
      'EADDRINUSE',
      'it has no SO_REUSEADDR itself',
    );
    t.equal(open(a, { to: `10.0.0.3:${port}` }), 'ok', 'another address');
  },
);

dialogue('link-local addresses: the answer leaves by the interface the SYN came by', (t, r) => {
  const [client, server] = ['fe80::a', 'fe80::b'];
  const sides = [r.a, r.b];
  for (const [i, own] of [client, server].entries()) {
    const { stack } = sides[i]!;
    // Another link with the same prefix, too.
    const other = stack.addInterface('eth1', r.sim.nic(`o${i}`, { mtu: 1500 }), {
      groupReports: false,
    });
    stack.addAddress(other, ip(`fe80::${i}f`), 64);
    stack.addAddress(stack.net.interfaces[1]!, ip(own), 64);
  }
  const [c, s] = r.joined(`[${server}%2]:80`);
  t.equal(r.a.write(c, 'hello'), 5);
  r.ms(50);
  t.equal(r.b.read(s), 'hello');
  t.equal(r.b.peer(s).replace(/\]:\d+$/, ''), `[${client}%2`);
});
