/** Fast Open of whoever connects (RFC 7413): what the cache keeps, when it pauses, and openings that go wrong. */
import t from 'tap';
import { SEC } from '../../src/base/time.ts';
import { FastOpenCache, TRIAL } from '../../src/tcp/fast-open-cache.ts';
import { FastOpenCookie } from '../../src/tcp/fast-open-option.ts';
import { connectionInfo, handshakeInfo, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { tcpConnectFast } from '../../src/tcp/user-calls.ts';
import type { IpAddress } from '../../src/wire/address.ts';
import { seqBits } from '../../src/wire/seq.ts';
import { ip, NetHarness } from '../net/rig.ts';
import { LOCAL_PORT } from './scripted-peer.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** `open N`: a connection with so many bytes for its SYN; 0 = none is written before it stands. */
function opener(h: TcpHarness, isDeferred = false): void {
  h.verb('open', ([n]) => {
    h.peer.port = LOCAL_PORT;
    h.connection = null;
    const from = { local: ip(h.peer.us), port: 0, boundIndex: 0, settings: h.settings };
    const opening = tcpConnectFast(h.tcp, ip(h.peer.address), LOCAL_PORT, from, {
      established: (c) => {
        h.connection = c;
        c.setOwner(h);
      },
      failed: (errno) => h.closed(errno),
    });
    if (typeof opening === 'number') return opening;
    h.opening = opening;
    h.bytesWritten = 0;
    return isDeferred ? 0 : h.wrote(opening.startWith([h.pattern(Number(n))]));
  });
}

/** As after an earlier connection. */
function know(h: TcpHarness, mss = 1000): void {
  const cookie = new FastOpenCookie();
  cookie.bytes.set(COOKIE);
  cookie.set(COOKIE.length, false);
  h.tcp.fastOpenCache.entry(ip(h.peer.us), ip(h.peer.address)).learn(mss, cookie, TRIAL.NONE);
}

const pausing = (sec: number): { tcp: { fastOpenBlackholeNs: number } } => ({
  tcp: { fastOpenBlackholeNs: sec * SEC },
});

// ---- what is known of servers ----

function address(n: number): IpAddress {
  return ip(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`) as IpAddress;
}

t.test('the cache is bounded, and what is used stays', (t) => {
  const cache = new FastOpenCache(new NetHarness().net.env);
  const us = ip('192.0.2.1');
  for (let n = 0; n < 4096; n++) cache.entry(us, address(n)).learn(n + 1, new FastOpenCookie(), 0);
  t.equal(cache.size, 4096);
  for (let n = 4096; n < 12_000; n++) {
    cache.entry(us, address(n));
    t.equal(cache.find(us, address(7))?.mss ?? 0, 8, `after ${n}`);
    if (cache.find(us, address(7))?.mss !== 8) break;
  }
  t.equal(cache.size, 4096);
  t.equal(cache.find(us, address(11_999))?.mss, 0, 'a place that is used again has forgotten');
  t.equal(cache.find(ip('192.0.2.2'), address(7)), null, 'each address of ours has its own');
  cache.clear();
  t.equal(cache.find(us, address(7)), null);
  t.equal(cache.size, 0);
  t.end();
});

t.test('RFC 7413 §4.1.3.1: a cookie is replaced by a newer one only; trials go one way', (t) => {
  const cache = new FastOpenCache(new NetHarness().net.env);
  const server = cache.entry(ip('192.0.2.1'), ip('192.0.2.2'));
  const none = new FastOpenCookie();
  const some = new FastOpenCookie();
  server.learn(1000, none, TRIAL.EXPERIMENT);
  t.ok(server.isExperimentDue());
  server.learn(0, none, TRIAL.OVER);
  server.learn(0, none, TRIAL.EXPERIMENT);
  t.notOk(server.isExperimentDue(), 'once');
  t.equal(server.mss, 1000);
  some.bytes.set(COOKIE);
  some.set(8, true);
  server.learn(900, some, TRIAL.NONE);
  server.learn(0, none, TRIAL.NONE);
  t.same([server.cookie.len, server.cookie.isExperimental, server.mss], [8, true, 900]);
  server.noteLoss(true, 5 * SEC);
  server.noteLoss(true, 6 * SEC);
  t.same([server.synLosses, server.lastLossNs], [2, 6 * SEC]);
  server.noteLoss(false, 7 * SEC);
  t.equal(server.synLosses, 0);
  t.end();
});

// ---- openings ----

const info = new TcpInfo();

dialogue(
  'TCP_INFO and counters: the SYN and its data are two that wait, and one that arrives',
  (t, h) => {
    know(h);
    opener(h);
    h.run(`
    0      open 500 = 500
    0      > S 0:500(500) <*>`);
    handshakeInfo(h.opening!, info);
    t.same([info.tcpi_unacked, info.tcpi_fastopen_client_fail], [2, 0]);
    h.run(`
    0.02   < S. 0:0(0) ack 501 win 8000 <mss 1000,sackOK>
    0.02   > . 501:501(0) ack 1
    0.02   mib TCPFastOpenActive 1
    0.02   mib TCPFastOpenActiveFail 0
    0.02   mib TCPOrigDataSent 1`);
    connectionInfo(h.flow, info);
    t.same([info.tcpi_delivered, info.tcpi_bytes_acked, info.tcpi_unacked], [1, 501, 0]);
    t.same([info.tcpi_data_segs_out, info.tcpi_bytes_sent, info.tcpi_segs_out], [1, 500, 2]);
    t.equal(info.tcpi_rtt, 20_000);
    h.run('0.1    abort\n0.1    > R. 501:501(0) ack 1');
  },
);

dialogue('nothing of the data arrives: it counts as failed, is resent, and says why', (t, h) => {
  know(h);
  opener(h);
  h.run(`
    0      open 2500 = 960
    0      > S 0:960(960) <*>
    0.02   < S. 0:0(0) ack 1 win 8000 <mss 600,sackOK>
    0.02   > . 1:601(600) ack 1
    0.02   > P. 601:961(360) ack 1
    0.02   mib TCPFastOpenActiveFail 1
    0.02   mib TCPFastOpenActive 0`);
  connectionInfo(h.flow, info);
  t.same([info.tcpi_fastopen_client_fail, info.tcpi_options & 32, info.tcpi_delivered], [2, 0, 1]);
  t.equal(info.tcpi_snd_cwnd, 10, 'that is no congestion');
  h.run(`
    0.04   < . 1:1(0) ack 961
    0.1    abort
    0.1    > R. 961:961(0) ack 1`);
});

dialogue(
  'SYNs with data that cross: what the answer does not acknowledge waits for the timeout',
  (_t, h) => {
    know(h);
    opener(h);
    h.run(`
    0      open 500 = 500
    0      > S 0:500(500) <*>
    0.01   < S 0:300(300) win 8000 <mss 1000,sackOK>
    0.01   > S. 0:0(0) ack 1 <*>
    0.02   < S. 0:0(0) ack 1 win 8000 <mss 1000,sackOK>
    0.02   > . 501:501(0) ack 1 <sack 0:1>
    …      > P. 1:501(500) ack 1
    +0.01  < . 1:1(0) ack 501
    +0.1   abort
    +0     > R. 501:501(0) ack 1`);
  },
);

dialogue('RFC 7413 §4.2.1: a server that refuses gives the memory of the data back', (_t, h) => {
  know(h);
  opener(h);
  h.run(`
    0      open 500 = 500
    0      > S 0:500(500) <*>
    0.02   < R. 0:0(0) ack 501
    …      closed ECONNREFUSED`);
});

dialogue('before the first write nothing is out: what comes is for nobody', (t, h) => {
  know(h);
  opener(h, true);
  h.run('0      open 0');
  h.peer.ourPort = h.opening!.localPort;
  h.peer.ourIsn = seqBits(h.opening!.iss);
  t.equal(h.mib('OutSegs'), 0);
  h.run(`
    0.01   < S. 0:0(0) ack 1 win 8000 <mss 1000>
    0.01   > R 1:1(0)
    0.02   state SYN-SENT`);
  handshakeInfo(h.opening!, info);
  t.equal(info.tcpi_unacked, 0);
  h.opening!.abort();
});

dialogue('a router finds the SYN too large: it goes again without its data, once', (_t, h) => {
  know(h, 1400);
  opener(h);
  h.run(`
    0      open 2000 = 1360
    0      > S 0:1360(1360) <*>
    0.01   < icmp frag-needed 1400 0
    0.02   < icmp frag-needed 1300 0
    0.02   > S 0:0(0) <mss 1260,sackOK,TS val 20 ecr 0,wscale 10>
    0.03   < icmp frag-needed 1200 0
    0.04   < S. 0:0(0) ack 1 win 8000 <mss 1400,sackOK>
    0.04   > . 1:1161(1160) ack 1
    0.04   > P. 1161:1361(200) ack 1
    0.05   abort
    0.05   > R. 1361:1361(0) ack 1`);
});

dialogue('without a page for the data the SYN asks for a cookie', (t, h) => {
  know(h);
  opener(h);
  const { pages } = h.rig.net.env.memory;
  const taken: number[] = [];
  while (pages.free > pages.capacity >> 2) taken.push(pages.take());
  h.run(`
    0      open 500 = 0
    0      > S 0:0(0) <*>`);
  for (const page of taken) pages.release(page);
  t.equal(h.mib('TCPOrigDataSent'), 0);
  h.opening!.abort();
});

// ---- pauses ----

dialogue(
  'RFC 7413 §7.3: three timeouts in a row pause Fast Open, each sign in a row for twice as long',
  (t, h) => {
    know(h);
    opener(h);
    const pause = h.tcp.fastOpenPause;
    h.run(`
      0      open 500 = 500
      0      > S 0:500(500) <*>
      1      > S 0:0(0) <*>
      2      > S 0:0(0) <*>
      2      mib TCPFastOpenBlackhole 0
      3      > S 0:0(0) <*>
      3      mib TCPFastOpenBlackhole 1`);
    h.opening!.abort();
    h.run(`
      5      open 500 = 0
      5      > S 0:0(0) <mss 1460,sackOK,TS val 5000 ecr 0,wscale 10>`);
    t.ok(pause.isOn());
    h.run(`
      5.01   < S. 0:0(0) ack 1 win 8000 <mss 1000,sackOK>
      5.01   > . 1:1(0) ack 1`);
    t.equal(h.flow.fastOpen, null, 'timeouts of this one say nothing of Fast Open');
    h.run('5.02  abort\n5.02  > R. 1:1(0) ack 1');
    h.run(`
      13     open 500 = 500
      13     > S 0:500(500) <*>
      14     > S 0:0(0) <*>
      15     > S 0:0(0) <*>
      16     > S 0:0(0) <*>
      16     mib TCPFastOpenBlackhole 2`);
    h.opening!.abort();
    h.advanceTo((1000 + 35) * SEC);
    t.ok(pause.isOn(), 'twenty seconds');
    h.advanceTo((1000 + 36.1) * SEC);
    t.notOk(pause.isOn());
    h.tcp.config.fastOpenBlackholeNs = 5 * SEC;
    pause.noteSign();
    t.ok(pause.isOn());
    h.advanceTo((1000 + 41.2) * SEC);
    t.notOk(pause.isOn(), 'another setting begins anew');
  },
  pausing(10),
);

/** An opening whose data was taken, up to what `lines` say of it then. */
function opened(h: TcpHarness, lines: string): void {
  know(h);
  opener(h);
  h.run(`
    0      open 500 = 500
    0      > S 0:500(500) <*>
    0.02   < S. 0:0(0) ack 501 win 8000 <mss 1000,sackOK>
    0.02   > . 501:501(0) ack 1
    ${lines}`);
}

dialogue(
  'a RST that is out of order, before any data, is a sign',
  (_t, h) =>
    opened(
      h,
      `0.03   < R 100:100(0)
    0.03   > . 501:501(0) ack 1
    0.03   mib TCPFastOpenBlackhole 1
    0.04   abort
    0.04   > R. 501:501(0) ack 1`,
    ),
  pausing(10),
);

dialogue(
  'a FIN that comes early, and nothing before it, is a sign when all is over',
  (_t, h) =>
    opened(
      h,
      `0.03   < F. 1000:1000(0) ack 501
    0.03   > . 501:501(0) ack 1 <sack 1000:1001>
    0.04   abort
    0.04   > R. 501:501(0) ack 1
    0.04   mib TCPFastOpenBlackhole 1`,
    ),
  pausing(10),
);

dialogue(
  'the first that works after a pause ends the count of signs',
  (t, h) => {
    const pause = h.tcp.fastOpenPause;
    pause.noteSign();
    h.advanceTo((1000 + 11) * SEC);
    know(h);
    opener(h);
    h.run(`
    12     open 500 = 500
    12     > S 0:500(500) <*>
    12.02  < S. 0:0(0) ack 501 win 8000 <mss 1000,sackOK>
    12.02  > . 501:501(0) ack 1
    12.03  < P. 1:101(100) ack 501
    12.03  > . 501:501(0) ack 101
    12.03  read 100`);
    t.ok(pause.hasSigns());
    h.run('12.04  abort\n12.04  > R. 501:501(0) ack 101');
    t.notOk(pause.hasSigns());
  },
  pausing(10),
);
