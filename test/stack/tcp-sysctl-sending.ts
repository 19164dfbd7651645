/** Proofs of the sysctls about what is sent, how large, and when; `tcp-sysctl-acts.test.ts` runs them. */
import { MS, SEC } from '../../src/base/time.ts';
import { deferral, segmentsPerFrame, WAIT } from '../../src/tcp/super-frame.ts';
import { TcpRig } from '../socket/tcp-rig.ts';
import { TcpHarness } from '../tcp/tcp-harness.ts';
import {
  type Act,
  byDefault,
  infoOf,
  joined,
  type Setter,
  setting,
  talk,
} from './tcp-sysctl-rig.ts';

/** Bytes in a segment once so many were sent, where the path's MTU is searched for from the start. */
function searched(set: Setter, bytes: number): number {
  const { client } = joined((tcp) => {
    setting('net.ipv4.tcp_mtu_probing', '2')(tcp);
    set(tcp);
  }, bytes);
  return infoOf(client).tcpi_snd_mss;
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

export const SENDING_ACTS: Readonly<Record<string, Act>> = {
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
    t.equal(searched(setting(name, '2'), 0), 1024, 'searched for from the start');
  },
  'net.ipv4.tcp_probe_interval': (t, name) => {
    /** What leaves first, six seconds after a probe that was lost and left little of the range to search. */
    const later = (set: Setter): string => {
      const h = new TcpHarness({ tcp: { initialWindow: 12, baseMss: 512, probeThreshold: 480 } });
      setting('net.ipv4.tcp_mtu_probing', '2')(h.tcp);
      set(h.tcp);
      h.active({ rtt: 0.1, options: 'mss 1460,sackOK' });
      h.trace = [];
      h.run(`
        0.2   write 5000
        0.3   < . 1:1(0) ack 1 <sack 987:3035>
        0.4   < . 1:1(0) ack 5001
        6     write 10
        6.1   < . 1:1(0) ack 5011
        6.2   write 5000`);
      t.equal(h.mib('TCPMTUPFail'), 1);
      return h.trace.find((line) => line.includes('5011:'))!.split(' ')[1]!;
    };
    t.equal(later(byDefault), '5011:5523(512)');
    t.equal(later(setting(name, '5')), '5011:5997(986)');
  },
  'net.ipv4.tcp_probe_threshold': (t, name) => {
    const exact = searched((tcp) => setting(name, '8')(tcp), 1e6);
    const rough = searched((tcp) => setting(name, '200')(tcp), 1e6);
    t.ok(exact > 1440 && rough < exact && rough > 1024, `${exact}, ${rough}`);
  },
  'net.ipv4.tcp_retries1': (t, name) => {
    t.equal(segmentAfter(20, setting(name, '10')), 1448, 'not suspected yet');
    t.ok(segmentAfter(20, setting(name, '2')) < 1448);
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
  'net.ipv4.tcp_wmem': (t, name) => {
    const buffer = (value: string, bytes: number): number =>
      joined(setting(name, value), bytes).client.connection!.sndbufBytes;
    t.equal(buffer('4096 20000 30000', 2_000_000), 30_000, 'it grew, and no further');
    t.equal(buffer('4096 200000 4194304', 0), 200_000);
  },
};
