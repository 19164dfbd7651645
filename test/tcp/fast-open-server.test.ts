/** Fast Open as a server: RFC 7413 §4.1, §4.2.2 and §5.1, with Linux's limits, keys and ways out. */
import tap, { type Test } from 'tap';
import { SEC } from '../../src/base/time.ts';
import { FastOpenKeys } from '../../src/tcp/fast-open-keys.ts';
import { FAST_OPEN, FastOpenCookie } from '../../src/tcp/fast-open-option.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { connectionInfo, TCPI_OPT, TcpInfo } from '../../src/tcp/tcp-info.ts';
import { tcpListen } from '../../src/tcp/user-calls.ts';
import { ip } from '../net/rig.ts';
import { type TcpHarness, type TcpHarnessOptions, dialogue as talk } from './tcp-harness.ts';

const SERVER = { tcp: { fastOpen: FAST_OPEN.SERVER } };
const KEY = 'a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4';
const OTHER_KEY = '00000001-00000002-00000003-00000004';
const PLAIN = 'mss 1000,sackOK';
const FULL = 'mss 1000,sackOK,TS val 1 ecr 0,wscale 7';

/** The harness's peer's cookie, by the first key of `keys`. */
function cookie(h: TcpHarness, keys = KEY): string {
  const c = new FastOpenCookie();
  const flow = {
    local: ip(h.peer.us),
    remote: ip(h.peer.address),
    localPort: 0,
    remotePort: 0,
    boundIndex: 0,
  };
  FastOpenKeys.fromText(keys)!.bake(0, flow, c);
  return [...c.bytes.subarray(0, c.len)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

/** A dialogue with a listener that lets `queue` begin by their SYN. `run` gets the cookie. */
function dialogue(
  title: string,
  run: (t: Test, h: TcpHarness, good: string) => void,
  queue = 4,
  options: TcpHarnessOptions = SERVER,
): void {
  talk(
    title,
    (t, h) => {
      h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(KEY)!);
      h.run(`0 set fastOpenQueue ${queue}`);
      run(t, h, cookie(h));
    },
    options,
  );
}

const infoOf = (h: TcpHarness): TcpInfo => {
  const info = new TcpInfo();
  connectionInfo(h.flow, info);
  return info;
};

// ---- cookies ----

tap.test('RFC 7413 §4.1.2: cookies are those that Linux makes of the same key', (t) => {
  const c = new FastOpenCookie();
  for (const [key, peer, us, wanted] of [
    [KEY, '192.0.2.1', '192.168.0.1', '3021b9d889017eeb'],
    [KEY, 'fd3d:fa7b:d17d::1', 'fd3d:a0b:17d6::1', 'c1d1e9742a47a9bc'],
  ] as const) {
    const flow = { local: ip(us), remote: ip(peer), localPort: 1, remotePort: 2, boundIndex: 0 };
    FastOpenKeys.fromText(key)!.bake(0, flow, c);
    t.equal(Buffer.from(c.bytes.subarray(0, c.len)).toString('hex'), wanted);
  }
  t.end();
});

tap.test('keys as text and as bytes, one or two', (t) => {
  const two = `${KEY},${OTHER_KEY}`;
  for (const text of [KEY, two]) {
    const keys = FastOpenKeys.fromText(text)!;
    t.equal(FastOpenKeys.toText(keys), text);
    t.equal(FastOpenKeys.toText(FastOpenKeys.fromBytes(keys.toBytes())), text);
    t.equal(keys.count, text === two ? 2 : 1);
  }
  t.equal(FastOpenKeys.toText(FastOpenKeys.fromText('1-2-3-4')), OTHER_KEY);
  t.equal(FastOpenKeys.toText(null), '00000000-00000000-00000000-00000000');
  for (const bad of ['', '1-2-3', '1-2-3-4-5', `${KEY},`, '1-2-3-g', '123456789-2-3-4']) {
    t.equal(FastOpenKeys.fromText(bad), null, bad);
  }
  for (const len of [0, 15, 17, 31, 33]) t.equal(FastOpenKeys.fromBytes(new Uint8Array(len)), null);
  t.end();
});

dialogue(
  'RFC 7413 §4.2.2: a request brings a cookie, in the kind it was asked in',
  (_t, h, good) => {
    for (const [i, kind] of ['FO', 'FOEXP'].entries()) {
      h.run(`
      ${i}    ${i === 0 ? 'listen' : 'nothing'}
      ${i}    < S 0:0(0) win 1000 <${FULL},${kind}>
      ${i}    > S. 0:0(0) ack 1 <mss 1460,sackOK,TS val ${1000 * i} ecr 1,wscale 10,${kind} ${good}>
      ${i}    < R 1:1(0)
      ${i}    state LISTEN
      ${i}    mib TCPFastOpenCookieReqd ${i + 1}`);
    }
  },
);

dialogue(
  'RFC 7413 §4.2.2: text of a SYN with a bad cookie is not taken, and a good one comes',
  (t, h, good) => {
    h.run(`
    0     listen
    0     < S 0:100(100) win 1000 <${PLAIN},FO 0011223344556677>
    0     > S. 0:0(0) ack 1 <mss 1460,sackOK,FO ${good}>
    0     mib TCPFastOpenPassiveFail 1
    0.1   < P. 1:101(100) ack 1
    0.1   > . 1:1(0) ack 101
    0.1   read 100`);
    t.equal(infoOf(h).tcpi_options & (TCPI_OPT.SYN_DATA | TCPI_OPT.TFO_CHILD), 0);
  },
);

for (const [what, syn] of [
  ['shorter', 'FO 00112233'],
  ['too long to be one', 'FO 001122334455667788990011223344556677'],
] as const) {
  dialogue(`a cookie that is ${what} opens nothing`, (_t, h, good) => {
    const answer = what === 'shorter' ? `,FO ${good}` : '';
    h.run(`
      0  listen
      0  < S 0:0(0) win 1000 <mss 1000,${syn}>
      0  > S. 0:0(0) ack 1 <mss 1460${answer}>
      0  mib TCPFastOpenPassive 0`);
  });
}

dialogue(
  'a cookie of the backup key is good, and a new one comes with the SYN-ACK',
  (_t, h, good) => {
    h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(`${OTHER_KEY},${KEY}`)!);
    h.run(`
    0     listen
    0     < S 0:100(100) win 1000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <mss 1460,sackOK,FO ${cookie(h, OTHER_KEY)}>
    0     state SYN-RECEIVED
    0     read 100
    0     mib TCPFastOpenPassive 1
    0     mib TCPFastOpenPassiveAltKey 1`);
    h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(OTHER_KEY)!);
    h.run(`
    0.1   < R. 101:101(0) ack 1
    0.2   < S 0:100(100) win 1000 <${PLAIN},FO ${good}>
    0.2   > S. 0:0(0) ack 1 <mss 1460,sackOK,FO ${cookie(h, OTHER_KEY)}>`);
  },
);

dialogue('a listener may have keys of its own', (_t, h, good) => {
  h.tcp.fastOpenServer.setKeys(FastOpenKeys.fromText(OTHER_KEY)!);
  const settings = h.settings.own();
  settings.change({ fastOpenKeys: FastOpenKeys.fromText(KEY) });
  h.run(`
    0     listen
    0     < S 0:100(100) win 1000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <mss 1460,sackOK>
    0     read 100`);
});

// ---- the connection before its handshake is over ----

/** With a push every five segments, as super-frames of that size would have. */
const FIRST_TEN = Array.from({ length: 10 }, (_, i) => {
  const from = 1000 * i + 1;
  return `0.1 > ${i % 5 === 4 ? 'P.' : '.'} ${from}:${from + 1000}(1000) ack 101`;
}).join('\n');

/** The child is there, accepted and read; 100 bytes came with the SYN. */
const OPENED = (good: string, win = 10000, options = PLAIN): string => `
  0     listen
  0     < S 0:100(100) win ${win} <${options},FO ${good}>
  0     > S. 0:0(0) ack 101 <*>
  0     state SYN-RECEIVED
  0     read 100`;

dialogue(
  'RFC 7413 §4.2.2: text of the SYN is read and answered before the handshake is over',
  (t, h, good) => {
    h.run(OPENED(good, 10000, FULL));
    h.run(`
    0     mib CurrEstab 0
    0     mib PassiveOpens 1
    0.1   write 2000
    0.1   > . 1:989(988) ack 101
    0.1   > . 989:1977(988) ack 101
    0.1   > P. 1977:2001(24) ack 101
    0.2   < . 101:101(0) ack 1 win 100
    0.2   state ESTABLISHED
    0.2   mib CurrEstab 1
    0.3   < . 101:101(0) ack 2001 win 100`);
    const info = infoOf(h);
    t.equal(info.tcpi_options & (TCPI_OPT.SYN_DATA | TCPI_OPT.TFO_CHILD), 160);
    t.equal(info.tcpi_snd_wnd, 12800, 'the window of the SYN was not scaled');
    t.equal(info.tcpi_rtt, 200_000, 'of the SYN-ACK, then of the text');
    t.equal(info.tcpi_delivered, 4, 'the SYN counts for one');
    t.equal(info.tcpi_segs_in, 3);
    t.equal(info.tcpi_data_segs_in, 1);
    t.equal(info.tcpi_bytes_received, 100);
  },
);

dialogue('a SYN without text opens, too: a server may speak first', (t, h, good) => {
  h.run(`
    0     listen
    0     < S 0:0(0) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 1 <*>
    0     state SYN-RECEIVED
    0     write 10
    0     > P. 1:11(10) ack 1
    0.1   < . 1:1(0) ack 11
    0.1   state ESTABLISHED`);
  t.equal(infoOf(h).tcpi_options & (TCPI_OPT.SYN_DATA | TCPI_OPT.TFO_CHILD), TCPI_OPT.TFO_CHILD);
});

dialogue(
  'no more than the initial window leaves before the ACK, nor than the SYN offered',
  (_t, h, good) => {
    h.run(OPENED(good, 65535));
    h.run(`
    0.1   write 12000
    ${FIRST_TEN}
    0.2   < . 101:101(0) ack 1 win 65535
    0.3   < . 101:101(0) ack 10001 win 65535
    0.3   > . 10001:11001(1000) ack 101
    0.3   > P. 11001:12001(1000) ack 101`);
  },
);

dialogue('a SYN whose window is shut: what is written waits for the ACK', (_t, h, good) => {
  h.run(OPENED(good, 0));
  h.run(`
    0.1   write 500
    0.2   < . 101:101(0) ack 1 win 5000
    0.2   > P. 1:501(500) ack 101`);
});

dialogue(
  'RFC 7413 §4.2.2: the SYN-ACK alone is sent again, once more than of other handshakes',
  (_t, h, good) => {
    h.run(OPENED(good));
    h.run(`
    0.1   write 500
    0.1   > P. 1:501(500) ack 101
    1     > S. 0:0(0) ack 101 <*>
    3     > S. 0:0(0) ack 101 <*>
    7     > S. 0:0(0) ack 101 <*>
    15    > S. 0:0(0) ack 101 <*>
    31    > S. 0:0(0) ack 101 <*>
    63    > S. 0:0(0) ack 101 <*>
    127   closed ETIMEDOUT
    127   mib TCPAbortOnTimeout 1
    127   mib TCPSynRetrans 6
    127   mib AttemptFails 1`);
  },
);

dialogue('TCP_SYNCNT says how often instead', (_t, h, good) => {
  h.run('0 set synRetries 1');
  h.run(OPENED(good));
  h.run(`
    1     > S. 0:0(0) ack 101 <*>
    3     closed ETIMEDOUT`);
});

dialogue('what was lost before the ACK is sent again after it', (_t, h, good) => {
  h.run(OPENED(good));
  h.run(`
    0.1   write 500
    0.1   > P. 1:501(500) ack 101
    0.2   < . 101:101(0) ack 1
    0.8   > P. 1:501(500) ack 101          # RFC 6298: 200 ms measured, so 600
    0.9   < . 101:101(0) ack 501`);
});

dialogue('the SYN-ACK timed out twice: slow start from one segment', (t, h, good) => {
  h.run(OPENED(good));
  h.run(`
    1     > S. 0:0(0) ack 101 <*>
    3     > S. 0:0(0) ack 101 <*>
    3.1   < . 101:101(0) ack 1
    3.1   write 2000
    3.1   > . 1:1001(1000) ack 101
    3.2   < . 101:101(0) ack 1001
    3.2   > P. 1001:2001(1000) ack 101`);
  t.equal(infoOf(h).tcpi_total_retrans, 2);
  t.equal(infoOf(h).tcpi_total_rto, 2);
});

dialogue(
  'unless the echo shows that the first SYN-ACK had arrived (RFC 3522)',
  (_t, h, good) => {
    h.run(OPENED(good, 10000, FULL));
    h.run(`
    1     > S. 0:0(0) ack 101 <*>
    3     > S. 0:0(0) ack 101 <*>
    3.1   < . 101:101(0) ack 1 win 1000 <TS val 3 ecr 0>
    3.1   write 2000
    3.1   > . 1:989(988) ack 101
    3.1   > . 989:1977(988) ack 101
    3.1   > P. 1977:2001(24) ack 101`);
  },
  4,
  { ...SERVER, startNs: 1000.5 * SEC },
);

dialogue(
  'the SYN comes again: so does the SYN-ACK, without a cookie, and not too often',
  (_t, h, good) => {
    h.run(OPENED(good));
    h.run(`
    0.1   < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0.1   > S. 0:0(0) ack 101 <mss 1460,sackOK>
    0.2   < S 0:0(0) win 10000 <${PLAIN}>
    0.2   mib TCPACKSkippedSynRecv 1
    1     > S. 0:0(0) ack 101 <mss 1460,sackOK>
    1     state SYN-RECEIVED
    1     mib TCPFastOpenPassive 1`);
  },
);

dialogue('what the ACK brings is taken', (_t, h, good) => {
  h.run(OPENED(good));
  h.run(`
    0.1   < FP. 101:201(100) ack 1
    0.1   > . 1:1(0) ack 202
    0.1   read 100
    0.1   read 100 = 0
    0.1   state CLOSE-WAIT`);
});

dialogue(
  'text without an ACK, and an ACK of what was never sent, change nothing',
  (_t, h, good) => {
    h.run(OPENED(good));
    h.run(`
    0.1   < P 101:201(100)
    0.1   < P. 101:201(100) ack 2
    0.1   > R 2:2(0)
    0.1   < . 101:101(0) ack 0
    0.1   > R 0:0(0)
    0.1   < . 70101:70101(0) ack 1
    0.1   > . 1:1(0) ack 101
    0.1   state SYN-RECEIVED
    0.1   readable 0
    0.2   < . 101:101(0) ack 1
    0.2   state ESTABLISHED`);
  },
);

dialogue('a SYN with another number is refused, and ends nothing', (_t, h, good) => {
  h.run(OPENED(good));
  const zero = (0 - h.ourIsn!) | 0;
  h.run(`
    0.1   < S 500:500(0) win 1000 <${PLAIN}>
    0.1   > R. ${zero}:${zero}(0) ack 501
    0.1   state SYN-RECEIVED
    0.2   < . 101:101(0) ack 1
    0.2   state ESTABLISHED`);
});

// ---- ways out ----

dialogue(
  'RFC 5961 §3.2: only an exact RST ends it; what was received can be read',
  (_t, h, good) => {
    h.run(`
    0     listen
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <*>
    0.1   < R 150:150(0)
    0.1   > . 1:1(0) ack 101
    0.1   state SYN-RECEIVED
    0.1   < R 101:101(0)
    0.1   closed ECONNRESET
    0.1   mib AttemptFails 1
    0.1   mib EstabResets 0
    0.1   read 100
    0.1   read 100 = 0`);
  },
);

dialogue(
  'closed before the ACK: the FIN does not wait for it',
  (_t, h, good) => {
    h.run(OPENED(good));
    h.run(`
    0.1   write 100
    0.1   > P. 1:101(100) ack 101
    0.1   close
    0.1   > F. 101:101(0) ack 101
    0.1   state FIN-WAIT-1
    1     > S. 0:0(0) ack 101 <*>
    1.1   < . 101:101(0) ack 1
    2.1   > P. 1:101(100) ack 101
    2.2   < F. 101:101(0) ack 102
    2.2   > . 102:102(0) ack 102
    2.2   state TIME-WAIT`);
  },
  4,
  { tcp: { ...SERVER.tcp, earlyRetrans: 0 } },
);

dialogue('one ACK may be for the SYN, the text and the FIN', (_t, h, good) => {
  h.run(OPENED(good));
  h.run(`
    0.1   close
    0.1   > F. 1:1(0) ack 101
    0.2   < . 101:101(0) ack 2
    0.2   state FIN-WAIT-2`);
});

dialogue('shutdown before the ACK: the FIN waits for it', (_t, h, good) => {
  h.run(OPENED(good));
  h.run(`
    0.1   shutdown
    0.1   state SYN-RECEIVED
    0.2   < . 101:101(0) ack 1
    0.2   > F. 1:1(0) ack 101
    0.2   state FIN-WAIT-1`);
});

dialogue('closed with the text of the SYN unread: a reset', (_t, h, good) => {
  h.run(`
    0     listen
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <*>
    0.1   close
    0.1   > R. 1:1(0) ack 101
    0.1   mib TCPAbortOnClose 1`);
});

dialogue('the listener closes: who waited in it is reset', (_t, h, good) => {
  h.isAccepting = false;
  h.run(`
    0     listen
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <*>`);
  closeListener(h.tcp, h.listener!);
  h.run('0.1 > R. 1:1(0) ack 101'.replace('0.1', '0'));
});

dialogue('the listener closes, and another of its port has who waited in it', (t, h, good) => {
  h.isAccepting = false;
  h.tcp.config.migrateReq = 1;
  h.run('0 set isReusePort true\n0 listen');
  const { local, localPort: port, settings } = h.listener!;
  const from = { local, port, boundIndex: 0, settings };
  const other = tcpListen(h.tcp, from, 16, { acceptable: () => undefined }) as Listener;
  h.run(`
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <*>`);
  const [gone, heir] = h.listener!.waiting === 1 ? [h.listener!, other] : [other, h.listener!];
  closeListener(h.tcp, gone);
  t.same([gone.fastOpens.length, heir.fastOpens.length, heir.waiting], [0, 1, 1]);
  h.run('0.1 < . 101:101(0) ack 1\n0.1 state ESTABLISHED');
  t.equal(heir.fastOpens.length, 0);
});

dialogue('an ICMP error ends what nobody has accepted', (t, h, good) => {
  h.isAccepting = false;
  h.run(`
    0     listen
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 101 <*>
    0.1   < icmp host-unreachable 5000
    0.1   mib OutOfWindowIcmps 1
    0.1   state SYN-RECEIVED
    0.1   < icmp host-unreachable 0
    0.1   accept
    0.1   state CLOSED
    0.1   read 100`);
  t.equal(h.flow.error, 113, 'EHOSTUNREACH');
});

dialogue('and is only remembered of what was accepted', (_t, h, good) => {
  h.run(OPENED(good));
  h.run(`
    0.1   < icmp host-unreachable 0
    0.1   state SYN-RECEIVED
    0.2   < . 101:101(0) ack 1
    0.2   state ESTABLISHED`);
});

// ---- who may ----

dialogue(
  'RFC 7413 §5.1: no more than so many begin by their SYN; the others shake hands',
  (t, h, good) => {
    h.isAccepting = false;
    h.run('0 listen');
    for (let i = 0; i < 5; i++) {
      h.peer.port = 5000 + i;
      h.run(`
      0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
      0     > S. 0:0(0) ack ${i < 2 ? 101 : 1} <mss 1460,sackOK>`);
    }
    t.equal(h.listener!.fastOpens.length, 2);
    t.equal(h.mib('TCPFastOpenListenOverflow'), 3);
    h.peer.port = 5000;
    h.run('0.1 < R 101:101(0)');
    h.peer.port = 5005;
    h.run(`
    0.1   < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0.1   > S. 0:0(0) ack 101 <*>`);
  },
  2,
);

dialogue(
  'RFC 7413 §5.1: one that was accepted and reset counts for a minute',
  (t, h, good) => {
    h.run(OPENED(good));
    h.run('0.1 < R 101:101(0)');
    const syn = (at: number, ack: number): void =>
      h.run(`
      ${at}  < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
      ${at}  > S. 0:0(0) ack ${ack} <mss 1460,sackOK>
      ${at}  < R ${ack}:${ack}(0)`);
    syn(0.2, 1);
    syn(60, 1);
    syn(60.1, 101);
    t.equal(h.mib('TCPFastOpenListenOverflow'), 2);
  },
  1,
);

dialogue(
  'one that was reset before it was accepted counts in the accept queue',
  (t, h, good) => {
    h.isAccepting = false;
    h.run('0 listen 2');
    for (let i = 0; i < 3; i++) {
      h.run(`
        0  < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
        0  > S. 0:0(0) ack 101 <*>
        0  < R 101:101(0)`);
    }
    h.run(`0 < S 0:100(100) win 10000 <${PLAIN},FO ${good}>`);
    t.equal(h.listener!.fastOpens.length, 0);
    t.equal(h.mib('ListenOverflows'), 1);
  },
  1,
);

const NO_COOKIE = `< S 0:100(100) win 10000 <${PLAIN}>`;
for (const [what, fastOpen, setting, ack] of [
  ['without the bit for servers', FAST_OPEN.CLIENT, '', 1],
  ['no cookie, none wanted by the sysctl', FAST_OPEN.SERVER | FAST_OPEN.SERVER_NO_COOKIE, '', 101],
  ['no cookie, none wanted by the socket', FAST_OPEN.SERVER, '0 set isFastOpenNoCookie true', 101],
  ['no cookie, and one is wanted', FAST_OPEN.SERVER, '', 1],
  ['TCP_FASTOPEN was not set', FAST_OPEN.SERVER, '0 set fastOpenQueue 0', 1],
] as const) {
  dialogue(
    `whether text of a SYN is taken: ${what}`,
    (_t, h, good) => {
      const line = what.startsWith('no cookie')
        ? NO_COOKIE
        : NO_COOKIE.replace('>', `,FO ${good}>`);
      h.run(`
        ${setting}
        0  listen
        0  ${line}
        0  > S. 0:0(0) ack ${ack} <mss 1460,sackOK>`);
    },
    4,
    { tcp: { fastOpen } },
  );
}

dialogue('a SYN with a FIN opens nothing', (_t, h, good) => {
  h.run(`
    0  listen
    0  < SF 0:100(100) win 10000 <${PLAIN},FO ${good}>
    1  state LISTEN`);
});

dialogue('memory is short: the SYN alone is acknowledged, its text comes again', (t, h, good) => {
  const { pages } = h.rig.memory;
  const taken: number[] = [];
  while (pages.free > pages.capacity >> 3) taken.push(pages.take());
  h.run(`
    0     listen
    0     < S 0:100(100) win 10000 <${PLAIN},FO ${good}>
    0     > S. 0:0(0) ack 1 <*>
    0     state SYN-RECEIVED
    0.1   < P. 1:101(100) ack 1
    0.1   > . 1:1(0) ack 101
    0.1   read 100`);
  t.equal(infoOf(h).tcpi_options & (TCPI_OPT.SYN_DATA | TCPI_OPT.TFO_CHILD), TCPI_OPT.TFO_CHILD);
  for (const page of taken) pages.release(page);
});

dialogue(
  'RFC 7413 §5.1: a flood of SYNs with a good cookie costs what TCP_FASTOPEN says, and no more',
  (t, h, good) => {
    h.run('0 listen 2000');
    h.trace = [];
    for (let i = 0; i < 3000; i++) {
      h.peer.port = 2000 + i;
      h.run(`${(i / 1000).toFixed(3)} < S 0:100(100) win 10000 <${PLAIN},FO ${good}>`);
    }
    t.equal(h.listener!.fastOpens.length, 16);
    t.equal(h.mib('TCPFastOpenPassive'), 16);
    t.equal(h.rig.memory.pages.held, 16, 'a page for each');
  },
  16,
);

dialogue(
  'in IPv6 as well',
  (_t, h, good) => {
    h.run(OPENED(good));
    h.run('0.1 < . 101:101(0) ack 1\n0.1 state ESTABLISHED');
  },
  4,
  { ...SERVER, v6: true },
);
