/** Each of TCP's sysctls acts: what it changes can be seen from outside, in Linux's units. */
import t from 'tap';
import { ECONNRESET } from '../../src/base/errno.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { TCP_SYSCTLS } from '../../src/stack/tcp-sysctl.ts';
import { deferral, segmentsPerFrame, WAIT } from '../../src/tcp/super-frame.ts';
import { TCPI_OPT } from '../../src/tcp/tcp-info.ts';
import type { TcpSettings } from '../../src/tcp/tcp-settings.ts';
import { tcpClose, tcpReadable } from '../../src/tcp/user-calls.ts';
import { listSockets } from '../../tools/command/socket-handlers.ts';
import { ALL_STATES } from '../../tools/command/ss-filter.ts';
import { TcpRig } from '../socket/tcp-rig.ts';
import { TcpHarness } from '../tcp/tcp-harness.ts';
import { End, TcpPair } from '../tcp/tcp-pair.ts';
import { PORT_SYSCTLS } from './port-sysctls.ts';
import { ATTACK_ACTS } from './tcp-sysctl-attacks.ts';
import {
  type Act,
  byDefault,
  FULL,
  infoOf,
  joined,
  PLAIN,
  type Setter,
  setting,
  talk,
} from './tcp-sysctl-rig.ts';

/** What was agreed with a peer that offers everything. */
function agreedOptions(set: Setter): number {
  const h = new TcpHarness();
  set(h.tcp);
  h.passive({ options: FULL });
  return infoOf(h).tcpi_options;
}

/** How long, in seconds, and with how many timeouts a sender waits for a peer that has vanished. */
function givesUp(set: Setter, isOrphan: boolean): { seconds: number; timeouts: number } {
  const { pair, client } = joined(set, 0);
  const { mib, demux } = pair.client.tcp;
  const before = mib.get('TCPTimeouts');
  pair.cut();
  const startNs = pair.sim.nowNs;
  pair.hosts[0]!.after(0, () => {
    client.send(100);
    if (isOrphan) tcpClose(client.connection!);
  });
  pair.sim.runUntil(() => demux.size === 0, startNs + 4000 * SEC);
  return {
    seconds: (pair.sim.nowNs - startNs) / SEC,
    timeouts: mib.get('TCPTimeouts') - before,
  };
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

/** Bytes in a segment when a peer has not answered for so long; probing of the path's MTU is on. */
function segmentAfter(seconds: number, set: Setter): number {
  const { pair, client } = joined((tcp) => {
    setting('net.ipv4.tcp_mtu_probing', '1')(tcp);
    set(tcp);
  }, 0);
  pair.cut();
  pair.hosts[0]!.after(0, () => client.send(10_000));
  pair.sim.run(pair.sim.nowNs + seconds * SEC);
  return infoOf(client).tcpi_snd_mss;
}

/** When the third of three timeouts is, in ms after the write; without tail-loss probes. */
function timeoutsAt(set: Setter): number[] {
  const { pair, client } = joined((tcp) => {
    setting('net.ipv4.tcp_early_retrans', '0')(tcp);
    set(tcp);
  }, 1000);
  pair.cut();
  const startNs = pair.sim.nowNs;
  pair.hosts[0]!.after(0, () => client.send(100));
  const times: number[] = [];
  const { mib } = pair.client.tcp;
  const before = mib.get('TCPTimeouts');
  for (let n = 1; n <= 6; n++) {
    pair.sim.runUntil(() => mib.get('TCPTimeouts') - before >= n, startNs + 1000 * SEC);
    times.push((pair.sim.nowNs - startNs) / MS);
  }
  return times;
}

/** Ten segments, of which the first is overtaken by the three behind it: when it is sent again, in ms after. */
const OVERTAKEN = `
  0.1    write 4000
  0.1    > . 1:1001(1000) ack 1
  0.1    > P. 1001:2001(1000) ack 1
  0.1    > . 2001:3001(1000) ack 1
  0.1    > P. 3001:4001(1000) ack 1
  0.15   < . 1:1(0) ack 1 <sack 1001:2001>
  0.15   < . 1:1(0) ack 1 <sack 1001:3001>
  0.15   < . 1:1(0) ack 1 <sack 1001:4001>`;

const KEEPALIVE: Act = (t) => {
  const h = new TcpHarness();
  setting('net.ipv4.tcp_keepalive_time', '10')(h.tcp);
  setting('net.ipv4.tcp_keepalive_intvl', '3')(h.tcp);
  setting('net.ipv4.tcp_keepalive_probes', '2')(h.tcp);
  h.settings = Object.assign(h.settings.own(), {
    isKeepalive: true,
  } satisfies Partial<TcpSettings>);
  h.passive({ rtt: 0.05 });
  h.run(`
    10.05 > . 0:0(0) ack 1
    13.05 > . 0:0(0) ack 1
    16.05 > R. 1:1(0) ack 1
    16.05 closed ETIMEDOUT`);
  t.equal(h.mib('TCPKeepAlive'), 2);
};

const resendsAfter =
  (seconds: string): ((set: Setter) => void) =>
  (set) =>
    talk(set, PLAIN, `${OVERTAKEN}\n${seconds} > . 1:1001(1000) ack 1`);

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

/** SYNs that a listener takes of six that come at once and are not answered yet. */
function remembered(set: Setter): { taken: number; drops: number } {
  const pair = new TcpPair({ seed: 1, backDelayNs: 50 * MS });
  set(pair.server.tcp);
  const l = pair.listen(() => undefined);
  for (let i = 0; i < 6; i++) {
    pair.connect({ established: () => undefined, failed: () => undefined });
  }
  pair.sim.run(pair.sim.nowNs + 100 * MS);
  return { taken: l.halfOpen, drops: pair.server.tcp.mib.get('ListenDrops') };
}

/** Text beyond a gap, when nobody waits for quick ACKs: what answers the fourth of them. */
function compressed(set: Setter, fourth: string): void {
  const h = new TcpHarness();
  set(h.tcp);
  h.passive({ rtt: 0.05, options: PLAIN });
  h.flow.delack.setInteractive(true);
  h.run(`
    0.1   < . 1001:2001(1000) ack 1
    0.1   > . 1:1(0) ack 1 <sack 1001:2001>
    0.11  < . 2001:3001(1000) ack 1
    0.11  > . 1:1(0) ack 1 <sack 1001:3001>
    0.12  < . 3001:4001(1000) ack 1
    0.12  > . 1:1(0) ack 1 <sack 1001:4001>
    0.13  < . 4001:5001(1000) ack 1
    ${fourth} > . 1:1(0) ack 1 <sack 1001:5001>`);
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

const ACTS: Readonly<Record<string, Act>> = {
  ...ATTACK_ACTS,
  ...PORT_SYSCTLS,
  'net.ipv4.tcp_abort_on_overflow': (t, name) => {
    t.same(overflow(byDefault), { closedWith: null, resets: 0, drops: 1 });
    t.same(overflow(setting(name, '1')), { closedWith: ECONNRESET, resets: 1, drops: 1 });
  },
  'net.ipv4.tcp_comp_sack_delay_ns': (_t, name) => {
    compressed(byDefault, '0.131');
    compressed(setting(name, '2000000'), '0.132');
  },
  'net.ipv4.tcp_comp_sack_nr': (_t, name) => {
    compressed(setting(name, '1'), '0.131');
    compressed(setting(name, '0'), '0.13');
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
  'net.ipv4.tcp_ecn_fallback': (_t, name) => {
    secondSyn(byDefault, 'S');
    secondSyn(setting(name, '0'), 'SEW');
  },
  'net.ipv4.tcp_max_syn_backlog': (t, name) => {
    t.same(remembered(byDefault), { taken: 6, drops: 0 });
    t.same(remembered(setting(name, '4')), { taken: 4, drops: 2 });
  },
  'net.ipv4.tcp_notsent_lowat': (t, name) => {
    const written = (set: Setter): { bytes: number | string; events: string } => {
      const rig = new TcpRig();
      const [c] = rig.joined();
      set(rig.a.stack.tcp);
      const bytes = rig.a.call((api) => api.send(c, new Uint8Array(30_000), 0));
      const events = rig.a.poll(c);
      rig.end(t);
      return { bytes, events };
    };
    t.same(written(byDefault), { bytes: 30_000, events: 'OUT' });
    t.same(written(setting(name, '3000')), { bytes: 30_000, events: '' }); // a buffer is taken whole
  },
  'net.ipv4.tcp_stdurg': (t, name) => {
    /** Bytes in front of the urgent one, where the pointer says 5. */
    const ahead = (set: Setter): number => {
      const h = new TcpHarness();
      set(h.tcp);
      h.passive();
      h.run('0.1 < PU. 1:11(10) ack 1 urg 5\n0.1 > . 1:1(0) ack 11');
      return tcpReadable(h.flow);
    };
    t.equal(ahead(byDefault), 4);
    t.equal(ahead(setting(name, '1')), 5);
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
  'net.ipv4.tcp_base_mss': (t, name) => {
    const large = segmentAfter(60, setting(name, '1200'));
    const small = segmentAfter(60, setting(name, '600'));
    t.ok(small < large && large < 1448, `${small}, ${large}`);
  },
  'net.ipv4.tcp_mtu_probe_floor': (t, name) => {
    const least = segmentAfter(800, setting(name, '400'));
    t.ok(least >= 400 - 12 && least > segmentAfter(800, byDefault), `${least}`);
  },
  'net.ipv4.tcp_mtu_probing': (t, name) => {
    t.equal(segmentAfter(60, setting(name, '0')), 1448);
    t.ok(segmentAfter(60, byDefault) < 1448);
  },
  'net.ipv4.tcp_retries1': (t, name) => {
    t.equal(segmentAfter(20, setting(name, '10')), 1448, 'not suspected yet');
    t.ok(segmentAfter(20, setting(name, '2')) < 1448);
  },
  'net.ipv4.tcp_dsack': (_t, name) => {
    const twice = (block: string) => `
      0.1 < P. 1:501(500) ack 1
      0.1 > . 1:1(0) ack 501
      0.2 < P. 1:501(500) ack 1
      0.2 > . 1:1(0) ack 501 ${block}`;
    talk(byDefault, PLAIN, twice('<sack 1:501>'));
    talk(setting(name, '0'), PLAIN, twice(''));
  },
  'net.ipv4.tcp_early_retrans': (t, name) => {
    const probes = (set: Setter): number => {
      const { pair, client } = joined(set, 1000);
      pair.cut();
      pair.hosts[0]!.after(0, () => client.send(4000));
      pair.sim.run(pair.sim.nowNs + SEC);
      return pair.client.tcp.mib.get('TCPLossProbes');
    };
    t.equal(probes(byDefault), 1);
    t.equal(probes(setting(name, '0')), 0);
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
  'net.ipv4.tcp_frto': (_t, name) => {
    const script = (next: string) => `
      0.1    write 5000
      0.1    > . 1:1001(1000) ack 1
      0.1    > . 1001:2001(1000) ack 1
      0.1    > . 2001:3001(1000) ack 1
      …      > . 1:1001(1000) ack 1
      +0.01  < . 1:1(0) ack 1001
      ${next}`;
    const talkAtTimeout = (set: Setter, next: string): void => {
      const h = new TcpHarness({ tcp: { initialWindow: 3, earlyRetrans: 0 } });
      set(h.tcp);
      h.passive({ rtt: 0.05 });
      h.run(script(next));
    };
    talkAtTimeout(byDefault, '+0 > . 3001:4001(1000) ack 1\n+0 > P. 4001:5001(1000) ack 1');
    talkAtTimeout(setting(name, '0'), '+0 > . 1001:2001(1000) ack 1\n+0 > . 2001:3001(1000) ack 1');
  },
  'net.ipv4.tcp_keepalive_intvl': KEEPALIVE,
  'net.ipv4.tcp_keepalive_probes': KEEPALIVE,
  'net.ipv4.tcp_keepalive_time': KEEPALIVE,
  'net.ipv4.tcp_max_reordering': (t, name) => {
    const reordering = (set: Setter): number => {
      const faults = { reordering: 0.02, reorderGap: 20, reorderHoldNs: 8 * MS };
      const { client } = joined(set, 2_000_000, { faults }, 20_000);
      return infoOf(client).tcpi_reordering;
    };
    t.equal(reordering(setting(name, '5')), 5);
    t.ok(reordering(byDefault) > 5);
  },
  'net.ipv4.tcp_min_rtt_wlen': (t, name) => {
    const minRtt = (set: Setter): number => {
      const h = new TcpHarness();
      set(h.tcp);
      h.passive({ rtt: 0.05 });
      h.run(`
        3   write 2000
        3   > . 1:1001(1000) ack 1
        3   > P. 1001:2001(1000) ack 1
        3.1 < . 1:1(0) ack 2001`);
      return infoOf(h).tcpi_min_rtt;
    };
    t.equal(minRtt(byDefault), 50_000);
    t.equal(minRtt(setting(name, '1')), 100_000, 'the old one is forgotten');
  },
  'net.ipv4.tcp_min_snd_mss': (_t, name) => {
    talk(
      setting(name, '300'),
      'mss 100',
      '0.1 write 300\n0.1 > P. 1:301(300) ack 1\n0.15 < . 1:1(0) ack 301',
    );
  },
  'net.ipv4.tcp_min_tso_segs': (t, name) => {
    const segments = (set: Setter): number => {
      const { client } = joined(set, 100_000, { delayNs: 100 * MS });
      return segmentsPerFrame(client.connection!);
    };
    t.equal(segments(byDefault), 2);
    t.equal(segments(setting(name, '9')), 9);
  },
  'net.ipv4.tcp_moderate_rcvbuf': (t, name) => {
    const buffer = (set: Setter): number => {
      const pair = new TcpPair({ seed: 1, delayNs: 20 * MS });
      set(pair.server.tcp);
      const [client, server] = [new End(5_000_000, true), new End(0, true)];
      pair.listen((c) => server.attach(c));
      pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
      pair.sim.run(pair.sim.nowNs + 5 * SEC);
      return server.connection!.rcvbufBytes;
    };
    t.equal(buffer(setting(name, '0')), 131072);
    t.ok(buffer(byDefault) > 131072);
  },
  'net.ipv4.tcp_orphan_retries': (t, name) => {
    const few = givesUp(setting(name, '3'), true);
    const usual = givesUp(byDefault, true);
    t.ok(few.seconds > 2 && few.seconds < 10, `3: after ${few.seconds} s`);
    t.ok(usual.seconds > 90 && usual.seconds < 220, `0 is 8: after ${usual.seconds} s`);
  },
  'net.ipv4.tcp_pacing_ca_ratio': (t, name) => {
    const percent = (set: Setter): number => {
      const { client } = joined(set, 3_000_000, { queueBytes: 60_000, rateBps: 20e6 });
      const i = infoOf(client);
      return (100 * i.tcpi_pacing_rate * i.tcpi_rtt) / (i.tcpi_snd_cwnd * i.tcpi_snd_mss * 1e6);
    };
    t.ok(Math.abs(percent(byDefault) - 120) < 12);
    t.ok(Math.abs(percent(setting(name, '300')) - 300) < 30);
  },
  'net.ipv4.tcp_pacing_ss_ratio': (t, name) => {
    const percent = (set: Setter): number => {
      const { client } = joined(set, 20_000);
      const i = infoOf(client);
      return (100 * i.tcpi_pacing_rate * i.tcpi_rtt) / (i.tcpi_snd_cwnd * i.tcpi_snd_mss * 1e6);
    };
    t.ok(Math.abs(percent(byDefault) - 200) < 20);
    t.ok(Math.abs(percent(setting(name, '500')) - 500) < 50);
  },
  'net.ipv4.tcp_recovery': (_t, name) => {
    resendsAfter('0.15')(byDefault);
    resendsAfter('0.16~0.17')(setting(name, '5')); // a quarter of the round trip, as no number of SACKs is proof
  },
  'net.ipv4.tcp_reordering': (_t, name) => {
    resendsAfter('0.15')(byDefault);
    resendsAfter('0.16~0.17')(setting(name, '5'));
  },
  'net.ipv4.tcp_retries2': (t, name) => {
    const { seconds } = givesUp(setting(name, '4'), false);
    t.ok(seconds > 6 && seconds < 14, `after ${seconds} s`);
  },
  'net.ipv4.tcp_rmem': (t, name) => {
    const { client } = joined(setting(name, '4096 50000 60000'), 0);
    t.equal(client.connection!.rcvbufBytes, 50_000);
  },
  'net.ipv4.tcp_rto_max_ms': (t, name) => {
    const at = timeoutsAt(setting(name, '1000'));
    t.ok(Math.abs(at[5]! - at[4]! - 1000) < 1, 'the sixth comes a second after the fifth');
  },
  'net.ipv4.tcp_rto_min_us': (t, name) => {
    const timeout = (set: Setter): number => {
      const h = new TcpHarness();
      set(h.tcp);
      h.passive({ rtt: 0.05 });
      return infoOf(h).tcpi_rto;
    };
    t.equal(timeout(byDefault), 250_000);
    t.equal(timeout(setting(name, '5000')), 150_000, 'RFC 6298: SRTT + 4 * RTTVAR');
  },
  'net.ipv4.tcp_sack': (t, name) => {
    t.not(agreedOptions(byDefault) & TCPI_OPT.SACK, 0);
    t.equal(agreedOptions(setting(name, '0')) & TCPI_OPT.SACK, 0);
  },
  'net.ipv4.tcp_slow_start_after_idle': (t, name) => {
    const window = (set: Setter): number => {
      const { pair, client } = joined(set, 200_000);
      pair.sim.run(pair.sim.nowNs + 20 * SEC);
      pair.hosts[0]!.after(0, () => client.send(100));
      pair.sim.run(pair.sim.nowNs + 10 * MS);
      return infoOf(client).tcpi_snd_cwnd;
    };
    t.equal(window(byDefault), 10);
    t.ok(window(setting(name, '0')) > 20);
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
    t.equal(plain.flow.agreed.tsOffset, 0, '2: without a random offset');
  },
  'net.ipv4.tcp_tso_rtt_log': (t, name) => {
    const segments = (set: Setter): number => {
      const { client } = joined(set, 20_000, { delayNs: MS / 10 });
      return segmentsPerFrame(client.connection!);
    };
    t.ok(segments(byDefault) > 20, 'a short path takes large bursts');
    t.ok(segments(setting(name, '0')) <= 20, 'but not when each microsecond halves them');
  },
  'net.ipv4.tcp_tso_win_divisor': (t, name) => {
    const { pair, client } = joined(byDefault, 2_000_000, {}, 150);
    const c = client.connection!;
    const { mss } = c.congestion.view;
    const isDeferred = () => deferral(c, 10 * mss, false, 4 * mss, 40) === WAIT.CWND;
    const hasRoom = () => c.congestion.view.cwnd > c.inFlight();
    const hasCome = pair.sim.runUntil(() => hasRoom() && isDeferred(), pair.sim.nowNs + SEC);
    t.ok(hasCome, 'in the middle of a transfer, less than a third of the window waits for more');
    setting(name, '1000')(pair.client.tcp);
    t.notOk(isDeferred());
  },
  'net.ipv4.tcp_window_scaling': (t, name) => {
    t.not(agreedOptions(byDefault) & TCPI_OPT.WSCALE, 0);
    t.equal(agreedOptions(setting(name, '0')) & TCPI_OPT.WSCALE, 0);
  },
  'net.ipv4.tcp_wmem': (t, name) => {
    const buffer = (value: string, bytes: number): number =>
      joined(setting(name, value), bytes).client.connection!.sndbufBytes;
    t.equal(buffer('4096 20000 30000', 2_000_000), 30_000, 'it grew, and no further');
    t.equal(buffer('4096 200000 4194304', 0), 200_000);
  },
};

t.test('every TCP sysctl has a proof', async (t) => {
  t.same(Object.keys(ACTS).sort(), TCP_SYSCTLS.map((s) => s.name).sort());
});

for (const [name, act] of Object.entries(ACTS)) {
  t.test(name, async (t) => act(t, name));
}
