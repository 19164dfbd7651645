/** TCP_INFO: the fields of Linux's struct, and what they say of a connection's life. */
import t from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { CA_STATE } from '../../src/cc/ca-state.ts';
import type { Handshake } from '../../src/tcp/handshake.ts';
import {
  connectionInfo,
  handshakeInfo,
  listenerInfo,
  TCPI_OPT,
  TcpInfo,
} from '../../src/tcp/tcp-info.ts';
import { TCP_INFO_LAYOUT, TCP_INFO_LEN, writeTcpInfo } from '../../src/tcp/tcp-info-layout.ts';
import { STATE } from '../../src/tcp/tcp-state.ts';
import { End, type PairOptions, TcpPair } from './tcp-pair.ts';

t.test('the binary form is laid out as struct tcp_info of Linux 6.18', async (t) => {
  t.test('each of its 280 bytes belongs to one field', async (t) => {
    const owners = new Array<number>(TCP_INFO_LEN).fill(0);
    for (const [, at, width] of TCP_INFO_LAYOUT) {
      t.equal(at % width, 0, 'aligned');
      for (let i = 0; i < width; i++) owners[at + i]!++;
    }
    owners[6]!++; // two window scales
    owners[7]!++; // delivery_rate_app_limited, fastopen_client_fail
    t.same(owners, new Array<number>(TCP_INFO_LEN).fill(1));
    t.equal(TCP_INFO_LAYOUT.length + 4, Object.keys(new TcpInfo()).length, 'no field is left out');
  });

  t.test('numbers are little-endian, wrap at their width, and no limit is all ones', async (t) => {
    const info = new TcpInfo();
    info.tcpi_rto = 0x01020304;
    info.tcpi_bytes_acked = 2 ** 40 + 5;
    info.tcpi_segs_in = 2 ** 32 + 7;
    info.tcpi_pacing_rate = Infinity;
    info.tcpi_snd_wscale = 7;
    info.tcpi_rcv_wscale = 10;
    info.tcpi_delivery_rate_app_limited = 1;
    const bytes = new Uint8Array(300);
    t.equal(writeTcpInfo(info, bytes), 280);
    const dv = new DataView(bytes.buffer);
    t.equal(dv.getUint32(8, true), 0x01020304);
    t.equal(dv.getBigUint64(120, true), 2n ** 40n + 5n);
    t.equal(dv.getUint32(140, true), 7);
    t.equal(dv.getBigUint64(104, true), 2n ** 64n - 1n);
    t.equal(bytes[6], 0xa7);
    t.equal(bytes[7], 1);
  });

  t.test('a caller of an older struct gets the part that it knows', async (t) => {
    const info = new TcpInfo();
    info.tcpi_state = STATE.CLOSE_WAIT;
    info.tcpi_rto = 200_000;
    const bytes = new Uint8Array(10);
    t.equal(writeTcpInfo(info, bytes), 10);
    t.same([...bytes], [8, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x0d]);
  });
});

t.test('a listener lends unacked and sacked to its accept queue', async (t) => {
  const pair = new TcpPair({ seed: 1 });
  const l = pair.listen(() => undefined, 7, false);
  const info = new TcpInfo();
  for (let n = 0; n < 2; n++) {
    pair.connect({ established: () => undefined, failed: () => undefined });
  }
  pair.sim.run(pair.sim.nowNs + SEC);
  listenerInfo(l, pair.server.tcp, info);
  t.match(info, {
    tcpi_state: STATE.LISTEN,
    tcpi_unacked: 2,
    tcpi_sacked: 7,
    tcpi_snd_cwnd: 10,
    tcpi_reordering: 3,
    tcpi_pacing_rate: Infinity,
  });
});

t.test('a SYN without an answer: in flight, then lost and sent again', async (t) => {
  const pair = new TcpPair({ seed: 1 });
  pair.cut();
  pair.connect({ established: () => undefined, failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + MS);
  const info = new TcpInfo();
  const h = pair.client.tcp.demux.all()[0] as Handshake;
  handshakeInfo(h, info);
  t.match(info, {
    tcpi_state: STATE.SYN_SENT,
    tcpi_ca_state: CA_STATE.OPEN,
    tcpi_rto: 1_000_000,
    tcpi_unacked: 1,
    tcpi_retrans: 0,
    tcpi_segs_out: 1,
    tcpi_pmtu: 1500,
    tcpi_advmss: 1460,
    tcpi_snd_cwnd: 10,
    tcpi_rttvar: 250_000,
    tcpi_min_rtt: 0xffffffff,
  });
  pair.sim.run(pair.sim.nowNs + 1.5 * SEC);
  handshakeInfo(h, info);
  t.match(info, {
    tcpi_state: STATE.SYN_SENT,
    tcpi_ca_state: CA_STATE.LOSS,
    tcpi_retransmits: 1,
    tcpi_retrans: 1,
    tcpi_lost: 1,
    tcpi_total_retrans: 1,
    tcpi_segs_out: 2,
    tcpi_snd_cwnd: 1,
  });
});

interface Ends {
  readonly pair: TcpPair;
  readonly client: End;
  readonly server: End;
}

/** A connection on a link of 100 Mbit/s and 10 ms both ways together. */
function established(seed: number): Ends {
  const pair = new TcpPair({ seed, rateBps: 100e6, delayNs: 5 * MS });
  const client = new End(0, true);
  const server = new End(0, true);
  pair.listen((c) => server.attach(c));
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + SEC);
  return { pair, client, server };
}

t.test('what the handshake agreed on is there at once', async (t) => {
  const { client } = established(1);
  const info = new TcpInfo();
  connectionInfo(client.connection!, info);
  t.match(info, {
    tcpi_state: STATE.ESTABLISHED,
    tcpi_options: TCPI_OPT.TIMESTAMPS | TCPI_OPT.SACK | TCPI_OPT.WSCALE,
    tcpi_snd_mss: 1448,
    tcpi_advmss: 1448,
    tcpi_pmtu: 1500,
    tcpi_snd_cwnd: 10,
    tcpi_unacked: 0,
    tcpi_notsent_bytes: 0,
  });
  t.equal(info.tcpi_snd_wscale, info.tcpi_rcv_wscale);
});

const infoOf = (end: End): TcpInfo => {
  const info = new TcpInfo();
  connectionInfo(end.connection!, info);
  return info;
};

/** The client sends so much and both stay open; runs until all of it is acknowledged. */
function sent(bytes: number, options: Partial<PairOptions> = {}): Ends {
  const pair = new TcpPair({ seed: 3, rateBps: 100e6, delayNs: 5 * MS, ...options });
  const client = new End(bytes, true);
  const server = new End(0, true);
  pair.listen((c) => server.attach(c));
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  const isDone = () => client.connection !== null && infoOf(client).tcpi_bytes_acked > bytes;
  pair.sim.runUntil(isDone, pair.sim.nowNs + 100 * SEC);
  pair.sim.run(pair.sim.nowNs + 300 * MS);
  pair.tellTime();
  return { pair, client, server };
}

t.test('the totals of both ends agree when nothing is lost', async (t) => {
  const bytes = 1_000_000;
  const { client, server } = sent(bytes);
  const a = infoOf(client);
  const b = infoOf(server);
  t.equal(server.received, bytes);
  t.equal(a.tcpi_bytes_sent, bytes);
  t.equal(a.tcpi_bytes_acked, bytes + 1, 'the SYN counts');
  t.equal(b.tcpi_bytes_received, bytes);
  t.equal(a.tcpi_data_segs_out, b.tcpi_data_segs_in);
  t.equal(a.tcpi_segs_out, b.tcpi_segs_in, 'SYN, ACKs and text');
  t.equal(b.tcpi_segs_out + 1, a.tcpi_segs_in, 'the SYN-ACK was the handshake’s');
  t.equal(a.tcpi_delivered, a.tcpi_data_segs_out + 1, 'the SYN counts');
  t.match(a, { tcpi_unacked: 0, tcpi_lost: 0, tcpi_total_retrans: 0, tcpi_notsent_bytes: 0 });
  t.match(b, { tcpi_bytes_acked: 0, tcpi_data_segs_out: 0, tcpi_rcv_ooopack: 0 });
});

t.test('times and rates are those of the path', async (t) => {
  const { client, server } = sent(1_000_000, { rateBps: 20e6 });
  const a = infoOf(client);
  t.ok(a.tcpi_min_rtt >= 10_000 && a.tcpi_min_rtt < 11_000, `min_rtt ${a.tcpi_min_rtt}`);
  t.ok(a.tcpi_rtt >= a.tcpi_min_rtt);
  t.ok(a.tcpi_rto >= 200_000 + a.tcpi_rtt && a.tcpi_rto < 500_000, `rto ${a.tcpi_rto}`);
  // 20 Mbit/s of frames with 66 bytes of headers to 1448 of text; the last ACK of 0.4 s may be 40 ms late.
  t.ok(a.tcpi_delivery_rate > 1e6 && a.tcpi_delivery_rate <= 2.5e6, `${a.tcpi_delivery_rate}`);
  const seconds = a.tcpi_busy_time / 1e6;
  t.ok(seconds > 1e6 / 2.5e6 && seconds < 0.6, `busy ${seconds} s`);
  t.ok(a.tcpi_last_data_sent >= 300 + a.tcpi_rtt / 1000 - 50, `${a.tcpi_last_data_sent} ms`);
  t.ok(infoOf(server).tcpi_last_data_recv >= 300);
});

for (const timestamps of [1, 0]) {
  t.test(`the receiver knows the round trip too, with timestamps ${timestamps}`, async (t) => {
    const pair = new TcpPair({ seed: 4, delayNs: 20 * MS });
    pair.client.tcp.config.timestamps = timestamps;
    const client = new End(3_000_000, true);
    const server = new End(0, true);
    pair.listen((c) => server.attach(c));
    pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
    pair.sim.run(pair.sim.nowNs + 5 * SEC);
    const b = infoOf(server);
    t.equal(b.tcpi_bytes_received, 3_000_000);
    const most = timestamps === 1 ? 200_000 : 1_000_000;
    t.ok(b.tcpi_rcv_rtt >= 40_000 && b.tcpi_rcv_rtt < most, `${b.tcpi_rcv_rtt} us`);
    t.ok(b.tcpi_rcv_space > 14_600, `${b.tcpi_rcv_space} bytes in one round trip`);
    t.equal(infoOf(client).tcpi_rcv_rtt, 0, 'who receives nothing measures nothing');
  });
}

t.test('what was lost is counted by who sent it again and who got it out of order', async (t) => {
  const { client, server } = sent(2_000_000, { faults: { loss: 0.02 } });
  const a = infoOf(client);
  const b = infoOf(server);
  t.ok(a.tcpi_total_retrans > 5, `${a.tcpi_total_retrans} sent again`);
  t.equal(a.tcpi_bytes_sent - a.tcpi_bytes_retrans, 2_000_000);
  t.equal(b.tcpi_bytes_received, 2_000_000);
  t.ok(b.tcpi_rcv_ooopack > 0);
  t.ok(b.tcpi_data_segs_in < a.tcpi_data_segs_out, 'some never arrived');
  t.equal(a.tcpi_retrans + a.tcpi_lost + a.tcpi_sacked + a.tcpi_unacked, 0, 'all is over');
});

t.test('timeouts: how many, in how many runs, for how long', async (t) => {
  const { pair, client } = established(2);
  pair.cut();
  pair.hosts[0]!.after(0, () => client.send(1000));
  pair.sim.run(pair.sim.nowNs + 8 * SEC);
  pair.tellTime();
  const a = infoOf(client);
  t.equal(a.tcpi_ca_state, CA_STATE.LOSS);
  t.equal(a.tcpi_total_rto, a.tcpi_retransmits);
  t.ok(a.tcpi_total_rto >= 3);
  t.equal(a.tcpi_total_rto_recoveries, 1);
  t.ok(a.tcpi_total_rto_time > 3000 && a.tcpi_total_rto_time < 8000, `${a.tcpi_total_rto_time} ms`);
  t.equal(a.tcpi_backoff, a.tcpi_retransmits);
});

t.test('a peer that does not read: the time is the window’s', async (t) => {
  const pair = new TcpPair({ seed: 5 });
  const client = new End(1_000_000, true);
  const server = new End(0, true);
  server.isReading = false;
  pair.listen((c) => server.attach(c));
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + 3 * SEC);
  pair.tellTime();
  const a = infoOf(client);
  t.equal(a.tcpi_snd_wnd, 0);
  t.ok(a.tcpi_rwnd_limited > 2e6 && a.tcpi_rwnd_limited <= a.tcpi_busy_time, 'most of 3 s');
  t.equal(a.tcpi_sndbuf_limited, 0);
  t.ok(a.tcpi_notsent_bytes > 0);
});

t.test('a send buffer smaller than the path: the time is the buffer’s', async (t) => {
  const pair = new TcpPair({ seed: 5, delayNs: 50 * MS });
  pair.client.tcp.config.wmemMax = 16384;
  const client = new End(200_000, true);
  const server = new End(0, true);
  pair.listen((c) => server.attach(c));
  pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
  pair.sim.run(pair.sim.nowNs + 1 * SEC);
  pair.tellTime();
  const a = infoOf(client);
  t.ok(a.tcpi_sndbuf_limited > 0.5e6, `${a.tcpi_sndbuf_limited} of ${a.tcpi_busy_time} us`);
  t.equal(a.tcpi_rwnd_limited, 0);
});
