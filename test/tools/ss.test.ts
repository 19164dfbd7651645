/** `ringway ss`: what it shows of a stack's sockets, in iproute2's format. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { tcpClose, tcpShutdown } from '../../src/tcp/user-calls.ts';
import { ANY4, ANY6 } from '../../src/wire/address.ts';
import { listSockets, socketSummary } from '../../tools/command/socket-handlers.ts';
import type { SocketView } from '../../tools/command/socket-views.ts';
import { summaryText } from '../../tools/command/ss.ts';
import { ALL_STATES, parseFilter } from '../../tools/command/ss-filter.ts';
import { type Shown, socketsText } from '../../tools/command/ss-text.ts';
import { End, TcpPair } from '../tcp/tcp-pair.ts';

const PLAIN: Shown = {
  hasNetid: true,
  hasState: true,
  hasHeader: true,
  timers: false,
  extended: false,
  memory: false,
  info: false,
};

const view = (more: Partial<SocketView>): SocketView => ({
  netid: 'tcp',
  state: 'ESTAB',
  recvQ: 0,
  sendQ: 0,
  local: '127.0.0.1',
  localPort: 35248,
  peer: '127.0.0.1',
  peerPort: 80,
  family: 'inet',
  isOpenIn: true,
  isOpenOut: true,
  ...more,
});

t.test('the table is iproute2’s: columns as wide as they must be', async (t) => {
  // As `ss -tuan` of iproute2 6.1 prints the like, apart from blanks at the ends of lines.
  const sockets = [
    view({
      netid: 'udp',
      state: 'UNCONN',
      recvQ: 832,
      local: '0.0.0.0',
      localPort: 7,
      peer: '0.0.0.0',
      peerPort: 0,
    }),
    view({}),
    view({ state: 'LISTEN', sendQ: 7, local: '*', localPort: 80, peer: '*', peerPort: 0 }),
    view({ state: 'FIN-WAIT-2', local: '[::1]', localPort: 33912, peer: '[::1]' }),
  ];
  t.same(socketsText(sockets, PLAIN), [
    'Netid State      Recv-Q Send-Q Local Address:Port  Peer Address:Port Process',
    'udp   UNCONN     832    0            0.0.0.0:7          0.0.0.0:*',
    'tcp   ESTAB      0      0          127.0.0.1:35248    127.0.0.1:80',
    'tcp   LISTEN     0      7                  *:80               *:*',
    'tcp   FIN-WAIT-2 0      0              [::1]:33912        [::1]:80',
  ]);
  const bare = { ...PLAIN, hasNetid: false, hasState: false, hasHeader: false };
  t.same(socketsText(sockets.slice(1, 2), bare), [
    '0      0          127.0.0.1:35248    127.0.0.1:80',
  ]);
});

t.test('timers show the units that matter', async (t) => {
  const text = (ms: number): string => {
    const timer = { name: 'on', ms, retrans: 3 } as const;
    return socketsText([view({ timer })], { ...PLAIN, timers: true })[1]!
      .split(' ')
      .at(-1)!;
  };
  const table: readonly (readonly [number, string])[] = [
    [824, '824ms'],
    [7, '007ms'],
    [1200, '1.200ms'],
    [2000, '2sec'],
    [59_900, '59sec'],
    [119_000, '1min59sec'],
    [7_199_000, '119min'],
  ];
  for (const [ms, expected] of table) t.equal(text(ms), `timer:(on,${expected},3)`);
});

t.test('filters choose by state and by either end', async (t) => {
  const all = [
    view({ state: 'LISTEN', local: '*', localPort: 80, peer: '*', peerPort: 0 }),
    view({ local: '10.1.2.3', localPort: 5000, peer: '10.9.9.9', peerPort: 443 }),
    view({
      state: 'TIME-WAIT',
      local: '[fd00::1]',
      localPort: 6000,
      peer: '[fd00::2]',
      peerPort: 80,
    }),
  ];
  const table: readonly (readonly [string, readonly number[]])[] = [
    ['sport = :80', [80]],
    ['dport = :443 or dport = 80', [5000, 6000]],
    ['sport >= :5000 and sport < :6000', [5000]],
    ['sport ge :5000 sport lt :6000', [5000]],
    ['src 10.0.0.0/8', [5000]],
    ['dst 10.9.9.9:443', [5000]],
    ['dst != 10.9.9.9', [80, 6000]],
    ['dst fd00::/64', [6000]],
    ['dst [fd00::2]:80', [6000]],
    ['dst :80', [6000]],
    ['not ( dport = :443 or sport = :80 )', [6000]],
    ['!(dport=:443)', [80, 6000]],
    ['state time-wait', [6000]],
    ['state established state listening', [80, 5000]],
    ['exclude time-wait', [80, 5000]],
    ['state connected dport = :80', [6000]],
    ['state bucket', [6000]],
  ];
  for (const [text, ports] of table) {
    const { states, test } = parseFilter(text.split(' '));
    const chosen = all.filter((s) => (states === null || states.has(s.state)) && test(s));
    t.same(
      chosen.map((s) => s.localPort),
      ports,
      text,
    );
  }
});

t.test('a filter that makes no sense is a usage error', async (t) => {
  for (const text of [
    'state up',
    'sport = x',
    'sport = :70000',
    'dport',
    'src < 10.0.0.1',
    'src 10.0.0.1/33',
    'foo',
    '( sport = 1',
    'sport = 1 )',
  ]) {
    t.throws(() => parseFilter(text.split(' ')), { code: 'ERR_USAGE' }, text);
  }
});

const lines = (pair: TcpPair, which: 'client' | 'server', shown: Partial<Shown> = {}): string[] => {
  pair.tellTime();
  const { sockets } = listSockets(pair[which], ['udp', 'tcp'], ALL_STATES);
  return socketsText(sockets, { ...PLAIN, hasHeader: false, hasNetid: false, ...shown }).map((l) =>
    l.replace(/ +/g, ' '),
  );
};

t.test('a connection from SYN-SENT to TIME-WAIT', async (t) => {
  const pair = new TcpPair({ seed: 7, delayNs: 50 * MS });
  const client = new End(30_000, true);
  const server = new End(0, true);
  server.isReading = false;
  pair.listen((c) => server.attach(c), 5);
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + 10 * MS);
  t.match(lines(pair, 'client', { timers: true }), [
    /^SYN-SENT 0 1 10\.0\.0\.1:\d+ 10\.0\.0\.2:80 timer:\(on,9\d\dms,0\)$/,
  ]);
  t.same(lines(pair, 'server'), ['LISTEN 0 5 *:80 *:*']);
  pair.sim.run(pair.sim.nowNs + 190 * MS);
  t.match(
    lines(pair, 'server', { timers: true })[1],
    /^SYN-RECV 0 0 10\.0\.0\.2:80 .* timer:\(on,/,
  );
  pair.sim.run(pair.sim.nowNs + 2 * SEC);
  t.match(lines(pair, 'client'), [/^ESTAB 0 0 /]);
  t.match(lines(pair, 'server')[1], /^ESTAB 30000 0 10\.0\.0\.2:80 10\.0\.0\.1:\d+$/);
  pair.hosts[0]!.after(0, () => tcpShutdown(client.connection!));
  pair.sim.run(pair.sim.nowNs + SEC);
  t.match(lines(pair, 'client', { extended: true }), [/^FIN-WAIT-2 0 0 .* <--$/]);
  t.match(lines(pair, 'server', { extended: true })[1], /^CLOSE-WAIT 30000 0 .* -->$/);
  server.isReading = true;
  pair.hosts[1]!.after(0, () => {
    server.readable();
    tcpClose(server.connection!);
  });
  pair.sim.run(pair.sim.nowNs + SEC);
  t.match(lines(pair, 'client', { timers: true }), [
    /^TIME-WAIT 0 0 .* timer:\(timewait,59sec,0\)$/,
  ]);
  t.same(lines(pair, 'server'), ['LISTEN 0 5 *:80 *:*']);
});

t.test('-i has the items of iproute2 in its order', async (t) => {
  const pair = new TcpPair({ seed: 8, faults: { loss: 0.01 } });
  const client = new End(500_000, true);
  const server = new End(0, true);
  pair.listen((c) => server.attach(c));
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + 5 * SEC);
  const text = lines(pair, 'client', { info: true, memory: true })[1]!;
  t.match(
    text,
    /^\t skmem:\(r0,rb\d+,t0,tb\d+,f0,w0,o0,bl0,d0\) ts sack cubic wscale:\d+,\d+ rto:\d/,
  );
  const items = text
    .trim()
    .split(' ')
    .map((word) => word.replace(/:.*/, ''));
  // FORMATS of iproute2 6.1, misc/ss.c: the order in which tcp_stats_print prints.
  const order =
    'skmem ts sack cubic wscale rto rtt ato mss pmtu rcvmss advmss cwnd ssthresh bytes_sent bytes_retrans bytes_acked bytes_received segs_out segs_in data_segs_out data_segs_in send lastsnd lastrcv lastack pacing_rate delivery_rate delivered app_limited busy rwnd_limited sndbuf_limited unacked retrans lost sacked dsack_dups reordering reord_seen rcv_rtt rcv_space rcv_ssthresh notsent minrtt rcv_ooopack snd_wnd'.split(
      ' ',
    );
  const known = items.filter((item) => order.includes(item));
  t.same(
    known,
    order.filter((item) => known.includes(item)),
    'in order',
  );
  t.same(
    items.filter((item) => !order.includes(item) && !/^\d+bps(\/|$)/.test(item)),
    [],
    'no others',
  );
  t.match(text, / bytes_acked:500001 /);
  t.match(text, / retrans:0\/\d+ /);
});

t.test('-i: what a module tells of itself, where ss has it', async (t) => {
  const line = (near: string, far: string): string | undefined => {
    const pair = new TcpPair({ seed: 8 });
    const client = new End(2_000_000, true);
    const server = new End(0, true);
    pair.client.tcp.ccModules.setDefault(near);
    pair.server.tcp.ccModules.setDefault(far);
    pair.server.tcp.config.ecn = 0;
    pair.listen((c) => server.attach(c));
    pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
    pair.sim.run(pair.sim.nowNs + 100 * MS);
    return lines(pair, 'client', { info: true })[1];
  };
  // As `ss -tin` of iproute2 6.1 prints it of a kernel's connection in startup.
  t.match(
    line('bbr', 'cubic'),
    / bbr wscale:.* data_segs_out:\d+ bbr:\(bw:\d+bps,mrtt:10\.\d+,pacing_gain:2\.88672,cwnd_gain:2\.88672\) send /,
  );
  // iproute2's FORMAT: ce_state, alpha, ab_ecn and ab_tot; or that the peer did not agree.
  t.match(
    line('dctcp', 'dctcp'),
    / ecn dctcp wscale:.* data_segs_out:\d+ dctcp:\(ce_state:0,alpha:\d+,ab_ecn:0,ab_tot:\d+\) send /,
  );
  t.match(line('vegas', 'cubic'), / vegas wscale:\S+ rto:2\d\d\.\d+ rtt:10\.\d+\/\d/);
  t.match(line('dctcp', 'cubic'), / dctcp wscale:.* data_segs_out:\d+ dctcp:fallback_mode send /);
});

t.test('UDP sockets: without a peer, with one, what waits in them', async (t) => {
  const pair = new TcpPair({ seed: 9 });
  const { udp } = pair.client;
  const dual = udp.open('dual');
  udp.bind(dual, ANY6, 9);
  const v4 = udp.open('ipv4');
  udp.bind(v4, ANY4, 7);
  t.same(lines(pair, 'client', { hasNetid: true }), [
    'udp UNCONN 0 0 *:9 *:*',
    'udp UNCONN 0 0 0.0.0.0:7 0.0.0.0:*',
  ]);
  t.match(lines(pair, 'client', { memory: true })[1], /^\t skmem:\(r0,rb212992,t0,tb212992,/);
});

t.test('-s counts by state and family', async (t) => {
  const pair = new TcpPair({ seed: 10 });
  const ends = [new End(0, true), new End(0), new End(0, true)];
  pair.listen((c) => new End(0).attach(c));
  for (const end of ends) {
    pair.connect({ established: (c) => end.attach(c), failed: () => undefined });
  }
  pair.client.udp.bind(pair.client.udp.open('dual'), ANY6, 9);
  pair.sim.run(pair.sim.nowNs + 5 * SEC);
  const text = summaryText(socketSummary(pair.client)).split('\n');
  t.equal(text[0], 'Total: 3');
  t.equal(text[1], 'TCP:   3 (estab 2, closed 1, orphaned 0, timewait 1)');
  t.ok(text.some((l) => /^UDP\t {2}1 {9}0 {9}1/.test(l)));
  t.ok(text.some((l) => /^TCP\t {2}2 {9}2 {9}0/.test(l)));
  t.ok(text.includes('TCP memory: 0 pages of 4096 bytes'));
  t.ok(text.some((l) => /^INET\t {2}3 {9}2 {9}1/.test(l)));
});
