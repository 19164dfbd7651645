/**
 * `tcp_mem`: what all connections of a stack hold together. Attackers hold what they can; memory stays below the limit
 * and one page for each that holds any, somebody who behaves goes on, and everything that was acknowledged is
 * delivered. LONG=1: a thousand of them.
 */
import t, { type Test } from 'tap';
import { EAGAIN } from '../../src/base/errno.ts';
import { PAGE_BYTES } from '../../src/base/memory.ts';
import { MS, SEC } from '../../src/base/time.ts';
import { RX, RX_FLAG, RX_STRIDE } from '../../src/link/ring-layout.ts';
import { isRoomForMore } from '../../src/socket/tcp-readiness.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { writeTcpSysctl } from '../../src/stack/tcp-sysctl.ts';
import type { TcpConnection } from '../../src/tcp/connection.ts';
import { tcpAbort, tcpClose, tcpWrite } from '../../src/tcp/user-calls.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { seqBits } from '../../src/wire/seq.ts';
import { ethernet, ip4 } from '../net/packets.ts';
import { tcpBytes } from './segment-text.ts';
import { dialogue } from './tcp-harness.ts';
import { byteAt, End, TcpPair } from './tcp-pair.ts';

const COUNT = process.env.LONG === '1' ? 1000 : 100;
const EMPTY = { pages: 0, cells: 0, records: 0, flows: 0 };
const BYTES = 100_000;
const GOOD_BYTES = 2_000_000;
const SEGMENT = 1000;

t.setTimeout(600_000);

/** Reads when it is told to. */
class Reader extends End {
  constructor(bytes: number, isReading: boolean) {
    super(bytes, true);
    this.isReading = isReading;
  }

  begin(): void {
    this.isReading = true;
    this.readable();
  }
}

class Crowd {
  readonly pair: TcpPair;
  readonly clients: End[] = [];
  readonly servers: Reader[] = [];
  /** The stack whose account is short, and the most that it held. */
  readonly short: Stack;
  most = 0;
  private isReading = false;

  /** `pages`: tcp_mem's last value, in pages of 16 KiB; a half and two thirds of it are the others. */
  constructor(side: 'client' | 'server', pages: number, poolPages = 1024 + 12 * COUNT) {
    const slabBytes = (64 << 20) + poolPages * PAGE_BYTES;
    this.pair = new TcpPair({ seed: 5, rateBps: 1e9, delayNs: MS, pages: poolPages, slabBytes });
    this.short = this.pair[side];
    const { memory } = this.short.tcp;
    const four = 4 * pages;
    const value = `${four >> 1} ${Math.floor((four * 2) / 3)} ${four}`;
    writeTcpSysctl(this.short.tcp, 'net.ipv4.tcp_mem', value);
    const charge = memory.charge.bind(memory);
    memory.charge = (bytes) => {
      charge(bytes);
      this.most = Math.max(this.most, memory.bytes);
    };
    this.pair.listen((c) => {
      const server = new Reader(0, this.isReading);
      this.servers.push(server);
      server.attach(c);
    }, 4096);
  }

  connect(n: number, bytes: number): void {
    for (let i = 0; i < n; i++) {
      const client = new End(bytes, true);
      this.clients.push(client);
      this.pair.hosts[0]!.after(i * 100_000, () => {
        this.pair.connectNow({ established: (c) => client.attach(c), failed: () => undefined });
      });
    }
    this.run(5000);
  }

  run(ms: number): void {
    this.pair.sim.run(this.pair.sim.nowNs + ms * MS);
  }

  /** Somebody whose peer reads sends `GOOD_BYTES`; how many have arrived after so long. */
  wellBehaved(ms: number): number {
    this.isReading = true;
    const { clients, servers } = this;
    const before = servers.length;
    const client = new End(GOOD_BYTES, true);
    clients.push(client);
    this.pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
    this.run(ms);
    return servers[before]!.received;
  }

  begin(): void {
    this.pair.hosts[1]!.after(0, () => {
      for (const server of this.servers) server.begin();
    });
  }

  get received(): number {
    return this.servers.reduce((sum, s) => sum + s.received, 0);
  }

  mib(name: Parameters<Stack['tcp']['mib']['get']>[0]): number {
    return this.short.tcp.mib.get(name);
  }

  /** All of it arrives, pressure is over, nothing is left. `bytes`: of each but the one who behaved. */
  ends(t: Test, bytes: number): void {
    const wanted = (this.servers.length - 1) * bytes + GOOD_BYTES;
    this.pair.sim.runUntil(() => this.received === wanted, this.pair.sim.nowNs + 600 * SEC);
    t.equal(this.received, wanted, 'all bytes arrive');
    t.ok(
      this.servers.every((s) => s.wrong < 0 && s.closedWith === null),
      'and are those sent',
    );
    this.run(1000);
    const { memory } = this.short.tcp;
    t.equal(memory.bytes, 0, 'nothing is held');
    t.notOk(memory.isPressed, 'pressure is over');
    t.ok(this.mib('TCPMemoryPressures') > 0);
    t.ok(this.mib('TCPMemoryPressuresChrono') > 1000, 'and has lasted for seconds');
    for (const end of [...this.servers, ...this.clients]) tcpAbort(end.connection!);
    t.same(this.pair.end(), EMPTY);
  }
}

t.test('peers send to readers that do not read', (t) => {
  const pages = COUNT;
  const all = new Crowd('server', pages);
  all.connect(COUNT, BYTES);
  const { memory } = all.short.tcp;
  t.ok(memory.isPressed);
  const good = all.wellBehaved(2000);
  t.ok(good > 200_000, `${good} bytes of who behaves`);
  const bound = (pages + COUNT) * PAGE_BYTES;
  t.ok(all.most <= bound, `${all.most} of ${bound} bytes`);
  t.ok(all.mib('TCPRcvQDrop') > 0, 'text found no memory');
  t.ok(all.mib('TCPToZeroWindowAdv') > 0);
  all.begin();
  all.ends(t, BYTES);
  t.end();
});

t.test('writers to peers that take nothing', (t) => {
  const pages = COUNT;
  const all = new Crowd('client', pages);
  const { config } = all.pair.server.tcp;
  config.rmemDefault = 8192;
  config.moderateRcvbuf = 0;
  all.connect(COUNT, BYTES);
  t.ok(all.short.tcp.memory.isPressed);
  const good = all.wellBehaved(2000);
  t.ok(good > 200_000, `${good} bytes of who behaves`);
  const bound = (pages + COUNT) * PAGE_BYTES;
  t.ok(all.most <= bound, `${all.most} of ${bound} bytes`);
  all.begin();
  all.ends(t, BYTES);
  t.end();
});

t.test('writers, when both the account and the pool are short', (t) => {
  const all = new Crowd('client', COUNT >> 2, COUNT >> 1);
  const { config } = all.pair.server.tcp;
  config.rmemDefault = 8192;
  config.moderateRcvbuf = 0;
  all.connect(COUNT, BYTES);
  t.ok(all.short.tcp.memory.isPressed);
  all.begin();
  all.wellBehaved(2000);
  all.ends(t, BYTES);
  t.end();
});

/** A segment of the stream that `c` is to receive. */
function text(pair: TcpPair, c: TcpConnection, offset: number): void {
  const len = Math.min(SEGMENT, BYTES - offset);
  const us = formatAddress(c.local);
  const peer = formatAddress(c.remote);
  const fields = {
    srcPort: c.remotePort,
    dstPort: c.localPort,
    seq: (seqBits(c.rcv.irs) + 1 + offset) | 0,
    ack: seqBits(c.snd.nxt),
    win: 500,
    urg: 0,
    flags: '.',
    options: [],
    text: new Uint8Array(len).map((_, i) => byteAt(offset + i)),
  };
  const ip = { protocol: 6, df: true, src: peer, dst: us };
  const bytes = ethernet(ip4(ip, tcpBytes(fields, peer, us)));
  const dv = new DataView(bytes.buffer);
  const { high, low } = pair.nics[1]!.mac;
  dv.setUint16(0, high);
  dv.setUint32(2, low);
  const frame = pair.sim.frames.fromBytes(bytes);
  pair.sim.frames.words[frame * RX_STRIDE + RX.FLAGS] = RX_FLAG.CSUM_VALID;
  pair.nics[1]!.take(frame);
}

t.test('floods of text beyond a gap, over many connections', (t) => {
  const count = COUNT >> 1;
  const pages = count;
  const all = new Crowd('server', pages);
  for (const { tcp } of [all.pair.client, all.pair.server]) tcp.config.timestamps = 0;
  all.connect(count, 0);
  const { sim } = all.pair;
  for (let k = 1; k < 60; k++) {
    sim.at(sim.nowNs, () => {
      for (const { connection } of all.servers) text(all.pair, connection!, k * SEGMENT);
    });
    all.run(10);
  }
  t.ok(all.short.tcp.memory.isPressed);
  const good = all.wellBehaved(2000);
  t.ok(good > 200_000, `${good} bytes of who behaves`);
  const bound = (pages + 8) * PAGE_BYTES;
  t.ok(all.most <= bound, `${all.most} of ${bound} bytes`);
  t.ok(all.mib('TCPOFODrop') > 0, 'text beyond a gap was refused');
  all.begin();
  // Then they send all of it, each time what is wanted.
  const flooders = all.servers.slice(0, count);
  for (let i = 0; i < 300 && flooders.some((s) => s.received < BYTES); i++) {
    sim.at(sim.nowNs, () => {
      for (const s of flooders) if (s.received < BYTES) text(all.pair, s.connection!, s.received);
    });
    all.run(10);
  }
  all.ends(t, BYTES);
  t.end();
});

t.test('a writer that is refused for the account is told when there is room', (t) => {
  const all = new Crowd('client', 8);
  const { config } = all.pair.server.tcp;
  config.rmemDefault = 8192;
  config.moderateRcvbuf = 0;
  all.connect(8, BYTES);
  const { memory, pageWait } = all.short.tcp;
  const c = all.clients.at(-1)!.connection!;
  t.ok(memory.isPressed);
  t.equal(tcpWrite(c, new Uint8Array(PAGE_BYTES)), -EAGAIN);
  t.equal(pageWait.allowance(c), 0);
  t.notOk(isRoomForMore(c), 'nor does poll say so');
  t.notOk(pageWait.canRetry(), 'nobody is woken for nothing');
  writeTcpSysctl(all.short.tcp, 'net.ipv4.tcp_mem', '10000 20000 30000');
  all.run(200);
  t.notOk(memory.isPressed, 'a limit that is raised acts');
  t.ok(c.sendQueue.pageCount > 1, 'it has written more');
  all.wellBehaved(1000);
  all.begin();
  all.ends(t, BYTES);
  t.end();
});

t.test('above the limit a connection that is closed with text unsent is reset', (t) => {
  const all = new Crowd('client', 64);
  const { config } = all.pair.server.tcp;
  config.rmemDefault = 8192;
  config.moderateRcvbuf = 0;
  all.connect(16, BYTES);
  const { tcp } = all.short;
  all.pair.hosts[0]!.after(0, () => tcpClose(all.clients[0]!.connection!));
  all.run(10);
  t.equal(tcp.orphans.count, 1, 'below it, it becomes an orphan');
  writeTcpSysctl(tcp, 'net.ipv4.tcp_mem', '4 8 16');
  all.pair.hosts[0]!.after(0, () => tcpClose(all.clients[1]!.connection!));
  all.run(10);
  t.equal(tcp.orphans.count, 1);
  t.equal(tcp.mib.get('TCPAbortOnMemory'), 1);
  all.run(130_000);
  t.equal(tcp.orphans.count, 0, 'one that was an orphan before is reset by its timer');
  t.equal(tcp.mib.get('TCPAbortOnMemory'), 2);
  for (const end of [...all.clients.slice(2), ...all.servers]) tcpClose(end.connection!);
  t.same(all.pair.end(), EMPTY);
  t.end();
});

t.test('under pressure windows and buffers do not grow', (t) => {
  /** Of both ends, after four megabytes over a long path: buffers, and the most that was offered. */
  const grown = (short: 'client' | 'server' | null): readonly number[] => {
    const pair = new TcpPair({ seed: 6, rateBps: 1e8, delayNs: 50 * MS });
    if (short !== null) writeTcpSysctl(pair[short].tcp, 'net.ipv4.tcp_mem', '0 0 300000');
    const [client, server] = [new End(4_000_000, true), new End(0, true)];
    pair.listen((c) => server.attach(c));
    pair.connect({ established: (c) => client.attach(c), failed: () => undefined });
    pair.sim.run(pair.sim.nowNs + 20 * SEC);
    t.equal(server.received, 4_000_000);
    const sizes = [
      server.connection!.rcvbufBytes,
      server.connection!.sizing.threshold,
      client.connection!.sndbufBytes,
    ];
    for (const end of [client, server]) tcpAbort(end.connection!);
    t.same(pair.end(), EMPTY);
    return sizes;
  };
  const [rcvbuf, threshold, sndbuf] = grown(null);
  const [rcvbufShort, thresholdShort] = grown('server');
  const [, , sndbufShort] = grown('client');
  t.equal(rcvbufShort, 131072);
  t.ok(rcvbuf! > 4 * rcvbufShort!, `${rcvbuf}`);
  t.ok(threshold! > 4 * thresholdShort!, `${threshold}, ${thresholdShort}`);
  t.ok(sndbuf! > 2 * sndbufShort!, `${sndbuf}, ${sndbufShort}`);
  t.end();
});

dialogue('above the limit text in order takes the place of what lies beyond the gap', (t, h) => {
  h.passive();
  h.trace = [];
  for (let at = 2001; at < 18001; at += 1000) h.run(`+0 < . ${at}:${at + 1000}(1000) ack 1`);
  t.equal(h.flow.received.beyondBytes, 16_000);
  t.equal(writeTcpSysctl(h.tcp, 'net.ipv4.tcp_mem', '0 0 0'), 0);
  h.run('+0 < . 1:1001(1000) ack 1');
  t.equal(h.flow.received.readyBytes, 1000);
  t.equal(h.flow.received.beyondBytes, 0);
  t.ok(h.mib('OfoPruned') > 0);
  // A page is what it may hold.
  for (let at = 1001; at < 17001; at += 1000) h.run(`+0 < . ${at}:${at + 1000}(1000) ack 1`);
  t.equal(h.flow.received.readyBytes, 16_000);
  t.match(h.trace.at(-1), /ack 16001 /);
  t.equal(h.flow.rcv.window(), 0, 'the window is shut');
  h.run('+0 read 16000');
  t.ok(h.flow.rcv.window() > 0, 'who has read all may go on');
  h.run('+0 < . 16001:17001(1000) ack 1');
  t.equal(h.flow.received.readyBytes, 1000);
  h.run('+0 read 1000\n+0 abort');
  t.equal(h.tcp.memory.bytes, 0);
});

dialogue('above the limit text beyond the gap is refused', (t, h) => {
  h.passive();
  h.trace = [];
  t.equal(writeTcpSysctl(h.tcp, 'net.ipv4.tcp_mem', '0 0 0'), 0);
  h.run('+0 < . 2001:3001(1000) ack 1');
  t.equal(h.flow.received.beyondBytes, 0);
  t.equal(h.mib('TCPOFODrop'), 1);
  h.run('+0 abort');
});

dialogue('under pressure a slow reader is offered four segments', (t, h) => {
  h.passive();
  h.trace = [];
  const { sizing } = h.flow;
  const text = (at: number) => h.run(`+0.05 < . ${at}:${at + 1000}(1000) ack 1`);
  for (let at = 1; at < 40_000; at += 1000) text(at);
  t.ok(sizing.threshold > 40_000);
  t.equal(writeTcpSysctl(h.tcp, 'net.ipv4.tcp_mem', '0 0 100000'), 0);
  for (let at = 40_001; at < 60_000; at += 1000) text(at);
  t.equal(sizing.threshold, 4 * h.tcp.ourMss(h.flow));
  h.run('+0 read 60000\n+0 abort');
});

t.test('under pressure a writer takes no more than his share', (t) => {
  const all = new Crowd('client', 64);
  const { config } = all.short.tcp;
  config.wmemDefault = 1 << 20;
  all.pair.server.tcp.config.rmemDefault = 8192;
  all.pair.server.tcp.config.moderateRcvbuf = 0;
  writeTcpSysctl(all.short.tcp, 'net.ipv4.tcp_mem', `0 0 ${64 * 4}`);
  all.connect(8, 0);
  for (const client of all.clients) client.send(1_000_000);
  const shares = all.clients.map((c) => c.connection!.sendQueue.pageCount);
  const share = Math.floor((64 * 16384) / PAGE_BYTES / 8);
  t.same(shares, Array(8).fill(share));
  for (const end of [...all.servers, ...all.clients]) tcpAbort(end.connection!);
  t.same(all.pair.end(), EMPTY);
  t.end();
});
