/** Proofs of the sysctls about opening and closing; `tcp-sysctl-acts.test.ts` runs them. */
import t from 'tap';
import { ECONNRESET } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { runText } from '../../src/sim/packetdrill/run-text.ts';
import { TCPI_OPT } from '../../src/tcp/tcp-info.ts';
import { tcpClose } from '../../src/tcp/user-calls.ts';
import { listSockets } from '../../tools/command/socket-handlers.ts';
import { ALL_STATES } from '../../tools/command/ss-filter.ts';
import { TcpHarness } from '../tcp/tcp-harness.ts';
import { End, TcpPair } from '../tcp/tcp-pair.ts';
import {
  type Act,
  byDefault,
  FULL,
  infoOf,
  joined,
  type Setter,
  setting,
} from './tcp-sysctl-rig.ts';

/** What was agreed with a peer that offers everything. */
function agreedOptions(set: Setter): number {
  const h = new TcpHarness();
  set(h.tcp);
  h.passive({ options: FULL });
  return infoOf(h).tcpi_options;
}

/** SYNs that a client sends to nobody, or SYN-ACKs that a listener sends to a client that is gone. */
function openingsSent(set: Setter, isPassive: boolean): number {
  if (isPassive) {
    const h = new TcpHarness();
    set(h.tcp);
    h.run('0 listen\n0 < S 0:0(0) win 1000 <mss 1000>\n0 > S. 0:0(0) ack 1 <*>');
    let sent = 0;
    for (let s = 1; s < 200; s++) {
      h.advanceTo((1000 + s) * SEC);
      sent = h.mib('TCPSynRetrans');
    }
    return sent;
  }
  const pair = new TcpPair({ seed: 1 });
  set(pair.client.tcp);
  pair.cut();
  pair.connect({ established: () => undefined, failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + 300 * SEC);
  return pair.client.tcp.mib.get('TCPSynRetrans');
}

/** Of three connections of which two fill the accept queue, what becomes of the last: it opens, and then? */
function overflow(set: Setter): { closedWith: number | null; resets: number; drops: number } {
  const pair = new TcpPair({ seed: 1 });
  set(pair.server.tcp);
  pair.listen(() => undefined, 1, false);
  const ends = [0, 12, 21].map((ms) => {
    const end = new End(0, true);
    pair.hosts[0]!.after(ms * MS, () =>
      pair.connectNow({ established: (c) => end.attach(c), failed: () => undefined }),
    );
    return end;
  });
  pair.sim.run(pair.sim.nowNs + 100 * MS);
  const { mib } = pair.server.tcp;
  t.equal(mib.get('ListenOverflows'), 1);
  const [resets, drops] = [mib.get('EmbryonicRsts'), mib.get('ListenDrops')];
  return { closedWith: ends[2]!.closedWith, resets, drops };
}

const both =
  (first: Setter, second: Setter): Setter =>
  (tcp) => {
    first(tcp);
    second(tcp);
  };

/** SYNs that a listener takes of six that come at once and are not answered yet. */
function remembered(set: Setter, backlog = 16): { taken: number; drops: number } {
  const pair = new TcpPair({ seed: 1, backDelayNs: 50 * MS });
  set(pair.server.tcp);
  const l = pair.listen(() => undefined, backlog);
  for (let i = 0; i < 6; i++) {
    pair.connect({ established: () => undefined, failed: () => undefined });
  }
  pair.sim.run(pair.sim.nowNs + 100 * MS);
  return { taken: l.halfOpen, drops: pair.server.tcp.mib.get('ListenDrops') };
}

/** In an opening that is asked to use ECN, what the second SYN says. */
function secondSyn(set: Setter, syn: string): void {
  const h = new TcpHarness();
  setting('net.ipv4.tcp_ecn', '1')(h.tcp);
  set(h.tcp);
  h.run(`
    0  connect
    0  > SEW 0:0(0) <*>
    1  > ${syn} 0:0(0) <*>`);
}

/** Whether both use ECN when the client and the server have these values. */
function usesEcn(client: string, server: string): boolean {
  const pair = new TcpPair({ seed: 1 });
  setting('net.ipv4.tcp_ecn', client)(pair.client.tcp);
  setting('net.ipv4.tcp_ecn', server)(pair.server.tcp);
  const end = new End(0, true);
  pair.listen(() => undefined);
  pair.connect({ established: (c) => end.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + SEC);
  return (infoOf(end).tcpi_options & TCPI_OPT.ECN) !== 0;
}

/** What `sendto` with MSG_FASTOPEN, and setting TCP_FASTOPEN_CONNECT, come to in a script under these settings. */
function fastOpens(settings: string, rest: string): string {
  const script = `
    0 \`sysctl -q net.ipv4.tcp_timestamps=0 ${settings}\`
    +0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
    +0 fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0
    ${rest}`;
  const { status, message } = runText('fast-open.pkt', script);
  return status === 'pass' ? status : String(message);
}

/** Three timeouts of a SYN with data, and what the next opening does ten seconds later. */
const AFTER_TIMEOUTS = (next: string): string => `
  +0 sendto(3, ..., 9, MSG_FASTOPEN, ..., ...) = 9
  +0 > S 0:9(9) <...>
  +1 > S 0:0(0) <...>
  +1 > S 0:0(0) <...>
  +1 > S 0:0(0) <...>
  +0 close(3) = 0
  +10 socket(..., SOCK_STREAM, IPPROTO_TCP) = 4
  +0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
  +0 sendto(4, ..., 9, MSG_FASTOPEN, ..., ...) = ${next}`;

/** Of a SYN with 100 bytes for a listener with Fast Open. */
function acknowledgedOfSyn(set: Setter): number {
  const h = new TcpHarness();
  h.trace = [];
  set(h.tcp);
  h.run('0 set fastOpenQueue 4\n0 listen\n0 < S 0:100(100) win 1000 <mss 1000>');
  return Number(/ ack (\d+)/.exec(h.trace[0]!)![1]);
}

export const OPENING_ACTS: Readonly<Record<string, Act>> = {
  'net.ipv4.tcp_fastopen': (t, name) => {
    const send = (result: string): string =>
      `+0 sendto(3, ..., 9, MSG_FASTOPEN, ..., ...) = ${result}`;
    t.equal(fastOpens(`${name}=0`, send('-1 EOPNOTSUPP')), 'pass');
    t.equal(fastOpens(`${name}=1`, send('-1 EINPROGRESS')), 'pass', 'a cookie is asked for');
    t.equal(fastOpens(`${name}=5`, send('9')), 'pass', 'no cookie is needed');
    t.equal(acknowledgedOfSyn(byDefault), 1);
    t.equal(acknowledgedOfSyn(setting(name, '0x202')), 101);
    t.equal(acknowledgedOfSyn(setting(name, '0x2')), 1, 'a cookie is wanted');
    t.equal(acknowledgedOfSyn(setting(name, '0x200')), 1, 'servers do not take part');
  },
  'net.ipv4.tcp_fastopen_blackhole_timeout_sec': (t, name) => {
    const settings = 'net.ipv4.tcp_fastopen=5';
    t.equal(fastOpens(settings, AFTER_TIMEOUTS('9')), 'pass', 'by default there is no pause');
    t.equal(fastOpens(`${settings} ${name}=8`, AFTER_TIMEOUTS('9')), 'pass');
    t.equal(fastOpens(`${settings} ${name}=12`, AFTER_TIMEOUTS('-1 EINPROGRESS')), 'pass');
  },
  'net.ipv4.tcp_abort_on_overflow': (t, name) => {
    t.same(overflow(byDefault), { closedWith: null, resets: 0, drops: 1 });
    t.same(overflow(setting(name, '1')), { closedWith: ECONNRESET, resets: 1, drops: 1 });
  },
  'net.ipv4.tcp_ecn': (t) => {
    t.same(
      ['0', '1', '2'].map((client) => ['0', '1', '2'].map((server) => usesEcn(client, server))),
      [
        [false, false, false],
        [false, true, true],
        [false, false, false],
      ],
    );
  },
  'net.ringway.tcp_ecn_synack': (t, name) => {
    /** Packets that a client which asks for ECN gets as ECT, while the connection opens. */
    const marked = (set: Setter): number => {
      const pair = new TcpPair({ seed: 1 });
      setting('net.ipv4.tcp_ecn', '1')(pair.client.tcp);
      set(pair.server.tcp);
      pair.listen(() => undefined);
      pair.connect({ established: () => undefined, failed: () => undefined });
      pair.sim.run(pair.sim.nowNs + SEC);
      return pair.client.net.mib.ip4.get('InECT0Pkts');
    };
    t.equal(marked(byDefault), 0);
    t.equal(marked(setting(name, '1')), 1);
  },
  'net.ipv4.tcp_ecn_fallback': (_t, name) => {
    secondSyn(byDefault, 'S');
    secondSyn(setting(name, '0'), 'SEW');
  },
  'net.ipv4.tcp_max_syn_backlog': (t, name) => {
    const without = setting('net.ipv4.tcp_syncookies', '0');
    t.same(remembered(without), { taken: 6, drops: 0 });
    t.same(remembered(both(without, setting(name, '4'))), { taken: 4, drops: 2 });
    t.same(remembered(setting(name, '4')), { taken: 6, drops: 0 });
  },
  'net.ipv4.tcp_syncookies': (t, name) => {
    t.same(remembered(byDefault, 2), { taken: 3, drops: 0 });
    t.same(remembered(setting(name, '0'), 2), { taken: 3, drops: 3 });
    t.same(remembered(setting(name, '2'), 2), { taken: 0, drops: 0 });
  },
  'net.ipv4.tcp_syn_linear_timeouts': (_t, name) => {
    const h = new TcpHarness();
    setting(name, '2')(h.tcp);
    const syns = [0, 1, 2, 3, 5, 9].map((s) => `${s} > S 0:0(0) <*>`);
    h.run(`0 connect\n${syns.join('\n')}`);
  },
  'net.core.somaxconn': (t, name) => {
    for (const [value, backlog] of [
      ['3', 3],
      ['4096', 16],
    ] as const) {
      const pair = new TcpPair({ seed: 1 });
      setting(name, value)(pair.server.tcp);
      t.equal(pair.listen(() => undefined, 16).backlog, backlog);
    }
  },
  'net.ipv4.tcp_fin_timeout': (t, name) => {
    /** What is left of a closed connection whose peer stays open, 6.5 and 7.5 s later. */
    const remains = (set: Setter): string[] => {
      const { pair, client } = joined(set, 0);
      pair.hosts[0]!.after(0, () => tcpClose(client.connection!));
      return [6500, 1000].map((ms) => {
        pair.sim.run(pair.sim.nowNs + ms * MS);
        return listSockets(pair.client, ['tcp'], ALL_STATES)
          .sockets.map((s) => s.state)
          .join();
      });
    };
    t.same(remains(byDefault), ['FIN-WAIT-2', 'FIN-WAIT-2']);
    const [before, after] = remains(setting(name, '7'));
    t.equal(before, 'FIN-WAIT-2');
    t.not(after, 'FIN-WAIT-2');
  },
  'net.ipv4.tcp_sack': (t, name) => {
    t.not(agreedOptions(byDefault) & TCPI_OPT.SACK, 0);
    t.equal(agreedOptions(setting(name, '0')) & TCPI_OPT.SACK, 0);
  },
  'net.ipv4.tcp_syn_retries': (t, name) => {
    t.equal(openingsSent(setting(name, '2'), false), 2);
  },
  'net.ipv4.tcp_synack_retries': (t, name) => {
    t.equal(openingsSent(setting(name, '2'), true), 2);
  },
  'net.ipv4.tcp_timestamps': (t, name) => {
    t.not(agreedOptions(byDefault) & TCPI_OPT.TIMESTAMPS, 0);
    t.equal(agreedOptions(setting(name, '0')) & TCPI_OPT.TIMESTAMPS, 0);
    const plain = new TcpHarness();
    setting(name, '2')(plain.tcp);
    plain.passive({ options: FULL });
    t.equal(plain.flow.tsOffset, 0, '2: without a random offset');
  },
  'net.ipv4.tcp_window_scaling': (t, name) => {
    t.not(agreedOptions(byDefault) & TCPI_OPT.WSCALE, 0);
    t.equal(agreedOptions(setting(name, '0')) & TCPI_OPT.WSCALE, 0);
  },
};
