/** The path's MTU is searched for with segments (RFC 4821; tcp_mtu_probing). */
import t, { type Test } from 'tap';
import { SEC } from '../../src/base/time.ts';
import { INFINITE_SSTHRESH } from '../../src/cc/cc-view.ts';
import type { Device } from '../../src/link/device.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';
import type { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { seqDiff } from '../../src/wire/seq.ts';
import { dialogue, type TcpHarness, type TcpHarnessOptions } from './tcp-harness.ts';
import { End, TcpPair } from './tcp-pair.ts';

/** Twelve segments of window, segments of 512 bytes to begin with, no super-frames, no tail-loss probes. */
const SEARCHING: Partial<TcpConfig> = {
  mtuProbing: 2,
  baseMss: 512,
  initialWindow: 12,
  earlyRetrans: 0,
  minTsoSegs: 1,
  tsoRttLog: 0,
};

function search(
  title: string,
  run: (t: Test, h: TcpHarness) => void,
  tcp: Partial<TcpConfig> = {},
  options: TcpHarnessOptions = {},
): void {
  const open = (t: Test, h: TcpHarness): void => {
    h.active({ rtt: 0.1, options: `mss ${options.v6 ? 1440 : 1460},sackOK` });
    run(t, h);
  };
  dialogue(title, open, { ...options, tcp: { ...SEARCHING, ...tcp } });
}

/** 8,000 bytes, of which the first segment is a probe of 986; all of it left. */
const FIRST_FLIGHT = `
  0.2   write 5000
  0.2   > . 1:987(986) ack 1
  0.2   > . 987:1499(512) ack 1
  0.2   > . 1499:2011(512) ack 1
  0.2   > . 2011:2523(512) ack 1
  0.2   > . 2523:3035(512) ack 1
  0.2   > . 3035:3547(512) ack 1
  0.2   > . 3547:4059(512) ack 1
  0.2   > . 4059:4571(512) ack 1
  0.2   > P. 4571:5001(430) ack 1`;

search(
  'RFC 4821 §7.3, §7.6.1: a probe is half-way up, and its arrival makes segments as large',
  (t, h) => {
    t.equal(h.flow.mss(), 512, 'tcp_base_mss');
    h.run(FIRST_FLIGHT);
    t.equal(h.flow.mss(), 512, 'until it is known to have arrived');
    h.run(`
    0.3   < . 1:1(0) ack 987
    0.3   mib TCPMTUPSuccess 1`);
    t.equal(h.flow.mss(), 986);
  },
);
search(
  'RFC 4821 §7.5: only the probe is lost: it goes again in smaller segments, and is no congestion',
  (t, h) => {
    h.run(FIRST_FLIGHT);
    h.run(`
    0.3   < . 1:1(0) ack 1 <sack 987:1499>
    0.3   < . 1:1(0) ack 1 <sack 987:2011>
    0.3   < . 1:1(0) ack 1 <sack 987:2523>
    0.3   > . 1:513(512) ack 1
    0.3   > . 513:987(474) ack 1
    0.3   mib TCPMTUPFail 1
    0.3   mib TCPSackRecovery 0`);
    const { cwnd, ssthresh } = h.flow.congestion.view;
    t.same([cwnd, ssthresh], [12, INFINITE_SSTHRESH]);
    h.run(`
    0.4   < . 1:1(0) ack 5001
    0.5   write 4000
    0.5   > . 5001:5749(748) ack 1     # half-way between 552 and 1025
    0.5   > . 5749:6261(512) ack 1
    0.5   > . 6261:6773(512) ack 1
    0.5   > . 6773:7285(512) ack 1
    0.5   > . 7285:7797(512) ack 1
    0.5   > . 7797:8309(512) ack 1
    0.5   > . 8309:8821(512) ack 1
    0.5   > P. 8821:9001(180) ack 1
    0.6   < . 1:1(0) ack 9001
    0.6   mib TCPMTUPSuccess 1`);
    t.equal(h.flow.mss(), 748);
  },
);

search('RFC 4821 §7.5: so it is when a wait for reordering finds the loss', (t, h) => {
  h.run(FIRST_FLIGHT);
  h.run(`
    0.3   < . 1:1(0) ack 1 <sack 987:1499>
    0.31~0.35 > . 1:513(512) ack 1
    +0    > . 513:987(474) ack 1
    0.4   < . 1:1(0) ack 5001
    0.4   mib TCPMTUPFail 1`);
  t.equal(h.flow.congestion.view.ssthresh, INFINITE_SSTHRESH);
});

dialogue(
  'RFC 4821 §7.5: without SACK three duplicate ACKs tell of it',
  (t, h) => {
    h.active({ rtt: 0.1, options: 'mss 1460' });
    h.run(FIRST_FLIGHT);
    h.run(`
    0.3   < . 1:1(0) ack 1            # its window is news
    0.3   < . 1:1(0) ack 1
    0.3   < . 1:1(0) ack 1
    0.3   < . 1:1(0) ack 1
    0.3   > . 1:513(512) ack 1
    0.3   > . 513:987(474) ack 1
    0.4   < . 1:1(0) ack 5001
    0.4   mib TCPMTUPFail 1`);
    t.equal(h.flow.congestion.view.ssthresh, INFINITE_SSTHRESH);
  },
  { tcp: SEARCHING },
);

search(
  'RFC 4821 §7.5: others are lost as well: congestion, and the probe has told nothing',
  (t, h) => {
    h.run(FIRST_FLIGHT);
    h.run(`
    0.3   < . 1:1(0) ack 1 <sack 1499:2011>
    0.3   < . 1:1(0) ack 1 <sack 1499:2523>
    0.3   < . 1:1(0) ack 1 <sack 1499:3547>
    0.3   > . 1:513(512) ack 1
    0.3   > . 513:987(474) ack 1
    0.3   mib TCPSackRecovery 1
    0.4   < . 1:1(0) ack 5001
    0.4   mib TCPMTUPFail 0
    0.4   mib TCPMTUPSuccess 0`);
    t.equal(h.flow.congestion.view.ssthresh, 7);
  },
);

search('RFC 4821 §7.5: neither has a probe that a timeout resends', (_, h) => {
  h.run(FIRST_FLIGHT);
  h.run(`
    0.5   > . 1:513(512) ack 1
    0.6   < . 1:1(0) ack 5001
    0.6   mib TCPMTUPFail 0
    0.6   mib TCPMTUPSuccess 0`);
});

search(
  'RFC 4821 §7.6.3: a router tells of the probe: what it says is believed, and goes smaller at once',
  (t, h) => {
    h.run(FIRST_FLIGHT);
    h.run(`
    0.21  < icmp frag-needed 800 1
    0.21  > . 1:513(512) ack 1
    0.21  > . 513:987(474) ack 1
    0.3   < . 1:1(0) ack 5001
    0.5   write 4000
    0.5   > . 5001:5637(636) ack 1     # half-way between 552 and 800
    0.5   > . 5637:6149(512) ack 1
    0.5   > . 6149:6661(512) ack 1
    0.5   > . 6661:7173(512) ack 1
    0.5   > . 7173:7685(512) ack 1
    0.5   > . 7685:8197(512) ack 1
    0.5   > . 8197:8709(512) ack 1
    0.5   > P. 8709:9001(292) ack 1
    0.6   < . 1:1(0) ack 9001`);
    t.equal(h.flow.congestion.view.ssthresh, INFINITE_SSTHRESH);
  },
);

/** What keeps a probe from being sent: then the first segment is one as always. */
const UNPROBED: Readonly<Record<string, Partial<TcpConfig>>> = {
  'tcp_mtu_probing 1, and no black hole': { mtuProbing: 1, minSndMss: 48 },
  'ten segments of window': { initialWindow: 10 },
  tcp_probe_threshold: { probeThreshold: 949 },
};
for (const [why, tcp] of Object.entries(UNPROBED)) {
  search(
    `no probe: ${why}`,
    (t, h) => {
      h.trace = [];
      h.run('0.2 write 5000');
      t.match(h.trace[0], `1:${1 + h.flow.mss()}(`);
      h.run('0.3 < . 1:1(0) ack 5001');
    },
    tcp,
  );
}

search('no probe: too little text for its loss to be told by others', (_, h) => {
  // 986 for the probe, and four times 512.
  h.run(`
    0.2   write 3033
    0.2   > . 1:513(512) ack 1
    0.2   > . 513:1025(512) ack 1
    0.2   > . 1025:1537(512) ack 1
    0.2   > . 1537:2049(512) ack 1
    0.2   > . 2049:2561(512) ack 1
    0.2   > P. 2561:3034(473) ack 1
    0.3   < . 1:1(0) ack 3034`);
});

search('no probe: a record ends inside it', (_, h) => {
  h.run(`
    0.2   write 600 eor
    0.2   > . 1:513(512) ack 1
    0.2   > P. 513:601(88) ack 1
    0.3   < . 1:1(0) ack 601`);
  h.trace = [];
  h.run('0.4 write 900 eor');
  h.run('0.5 < . 1:1(0) ack 1501');
});

search('RFC 4821 §7.3: text waits until the window has room for the probe', (t, h) => {
  h.run(`
    0.2   < . 1:1(0) ack 1 win 4000
    0.2   write 1500
    0.2   > . 1:513(512) ack 1
    0.2   > . 513:1025(512) ack 1
    0.2   > P. 1025:1501(476) ack 1
    0.21  write 4000                  # 2,500 of the window are free, 3,034 are needed
    0.29  nothing
    0.3   < . 1:1(0) ack 1501 win 4000
    0.3   > . 1501:2487(986) ack 1
    0.3   > . 2487:2999(512) ack 1
    0.3   > . 2999:3511(512) ack 1
    0.3   > . 3511:4023(512) ack 1
    0.3   > . 4023:4535(512) ack 1
    0.3   > . 4535:5047(512) ack 1
    0.3   > P. 5047:5501(454) ack 1
    0.4   < . 1:1(0) ack 5501`);
  t.equal(h.flow.mss(), 986);
});

search(
  'RFC 4821 §7.7, tcp_probe_interval: after a while it is searched again',
  (t, h) => {
    h.run(FIRST_FLIGHT);
    h.run(`
      0.3   < . 1:1(0) ack 1 <sack 987:1499>
      0.3   < . 1:1(0) ack 1 <sack 987:2011>
      0.3   < . 1:1(0) ack 1 <sack 987:2523>
      0.3   > . 1:513(512) ack 1
      0.3   > . 513:987(474) ack 1
      0.4   < . 1:1(0) ack 5001`);
    for (const [at, length] of [
      [1, 512], // what is left of the range is less than the threshold
      [5.5, 512],
      [6, 986],
    ] as const) {
      h.trace = [];
      h.run(`${at} write 5000`);
      t.match(h.trace[0], `(${length})`);
      const una = seqDiff(h.flow.snd.nxt, h.flow.snd.iss);
      h.run(`${at + 0.1} < . 1:1(0) ack ${una}`);
    }
  },
  { probeThreshold: 480, probeIntervalNs: 5 * SEC, slowStartAfterIdle: 0 },
);

dialogue(
  'RFC 4821 §7.3: with IPv6 and timestamps headers are longer, and a probe is as large a packet',
  (t, h) => {
    h.active({ rtt: 0.1, options: 'mss 1440,sackOK,TS val 0 ecr 0' });
    h.trace = [];
    h.run('0.2 write 5000');
    t.match(h.trace[0], '(970)', '512 + 72 and 1,500: 1,042 less 72');
    h.run('0.3 < . 1:1(0) ack 5001');
    t.equal(h.flow.mss(), 970);
  },
  { v6: true, tcp: SEARCHING },
);

/** Swallows what is longer without a word. */
class BlackHole implements Device {
  readonly name: string;
  readonly mac: Device['mac'];
  readonly caps: Device['caps'];
  readonly rx: Device['rx'];
  readonly tx: Device['tx'];
  readonly stats: Device['stats'];
  readonly mtu: number;
  private readonly inner: Device;
  private readonly most: number;

  constructor(inner: Device, most: number) {
    this.inner = inner;
    this.most = most;
    this.name = inner.name;
    this.mac = inner.mac;
    this.caps = inner.caps;
    this.rx = inner.rx;
    this.tx = inner.tx;
    this.stats = inner.stats;
    this.mtu = inner.mtu;
  }

  get isUp(): boolean {
    return this.inner.isUp;
  }

  rxBatch(budget: number): number {
    const n = this.inner.rxBatch(budget);
    const { desc } = this.rx;
    let kept = 0;
    for (let i = 0; i < n; i++) {
      if (desc[i * RX_STRIDE + RX.LEN]! - 14 > this.most) continue;
      desc.copyWithin(kept * RX_STRIDE, i * RX_STRIDE, (i + 1) * RX_STRIDE);
      kept++;
    }
    return Math.min(n, kept);
  }

  txFlush(): number {
    return this.inner.txFlush();
  }

  nextDeadlineNs(): number {
    return this.inner.nextDeadlineNs();
  }

  close(): void {
    this.inner.close();
  }
}

t.test('a silent black hole is got through, in segments nearly as large as it takes', async (t) => {
  for (const mtuProbing of [1, 2]) {
    const pair = new TcpPair({ seed: 1, rateBps: 20e6, wrap: (d) => new BlackHole(d, 1300) });
    pair.client.tcp.config.mtuProbing = mtuProbing;
    const bytes = 4e6;
    let mss = 0;
    const client = new End(bytes);
    const server = new End(0);
    pair.listen((c) => server.attach(c));
    pair.connect({ established: (c) => client.attach(c), failed: () => t.fail() });
    pair.sim.runUntil(
      () => {
        if (client.connection !== null && client.closedWith === null) mss = client.connection.mss();
        return client.closedWith !== null;
      },
      pair.sim.nowNs + 600 * SEC,
    );
    t.equal(server.received, bytes);
    t.ok(mss > 1300 - 52 - 2 * 8 && mss <= 1300 - 52, `${mss}`);
    const { mib } = pair.client.tcp;
    t.ok(mib.get('TCPMTUPSuccess') > 0 && mib.get('TCPMTUPFail') > 0);
    pair.end();
  }
});
