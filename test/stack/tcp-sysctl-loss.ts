/** Proofs of the sysctls about timers, silence and loss; `tcp-sysctl-acts.test.ts` runs them. */
import { MS, SEC } from '../../src/base/time.ts';
import type { TcpSettings } from '../../src/tcp/tcp-settings.ts';
import { tcpClose } from '../../src/tcp/user-calls.ts';
import { TcpHarness } from '../tcp/tcp-harness.ts';
import {
  type Act,
  byDefault,
  infoOf,
  joined,
  PLAIN,
  type Setter,
  setting,
  talk,
} from './tcp-sysctl-rig.ts';

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

export const LOSS_ACTS: Readonly<Record<string, Act>> = {
  'net.ringway.tcp_abe': (t, name) => {
    /** ssthresh of a window of 20 after a mark, in congestion avoidance or in slow start. */
    const after = (set: Setter, cc: string, ssthresh: number): number => {
      const h = new TcpHarness();
      set(h.tcp);
      h.settings = Object.assign(h.settings.own(), { congestion: cc });
      h.run(`
        0     listen
        0     < SEW 0:0(0) win 65535 <mss 1000,sackOK>
        0     > S.E 0:0(0) ack 1 <*>
        0.01  < . 1:1(0) ack 1
        0.1   write 1000
        0.1   > P. 1:1001(1000) ack 1`);
      const v = h.flow.congestion.view;
      v.setCwnd(20);
      v.setSsthresh(ssthresh);
      h.run('0.11 < .E 1:1(0) ack 1001');
      return v.ssthresh;
    };
    const thresholds = (set: Setter): number[] =>
      ['reno', 'cubic'].flatMap((cc) => [after(set, cc, 10), after(set, cc, 1000)]);
    t.same(thresholds(byDefault), [10, 10, 14, 14]);
    t.same(thresholds(setting(name, '1')), [16, 10, 17, 14], 'RFC 8511 §3.1: 0.8 and 0.85');
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
  'net.ipv4.tcp_orphan_retries': (t, name) => {
    const few = givesUp(setting(name, '3'), true);
    const usual = givesUp(byDefault, true);
    t.ok(few.seconds > 2 && few.seconds < 10, `3: after ${few.seconds} s`);
    t.ok(usual.seconds > 90 && usual.seconds < 220, `0 is 8: after ${usual.seconds} s`);
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
  'net.ipv4.tcp_thin_linear_timeouts': (t, name) => {
    const fourth = (set: Setter): number => {
      const at = timeoutsAt(set);
      return Math.round((at[3]! - at[2]!) / (at[1]! - at[0]!));
    };
    t.equal(fourth(byDefault), 4);
    t.equal(fourth(setting(name, '1')), 1);
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
};
