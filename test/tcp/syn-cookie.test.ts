/** SYN cookies: RFC 4987 §3.6, with Linux's tcp_syncookies and its bits in the timestamp. */
import tap from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { SEC } from '../../src/base/time.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { cookieTimestamp, SynCookies } from '../../src/tcp/syn-cookie.ts';
import { type Seq, seqAdd, seqBits, seqOf } from '../../src/wire/seq.ts';
import { ip } from '../net/rig.ts';
import { parseScript } from './script-text.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const ALWAYS = { tcp: { syncookies: 2 } };
const FULL = 'mss 1400,sackOK,TS val 500 ecr 0,nop,wscale 7';

function agreed(h: TcpHarness): unknown {
  const { peerMss, hasTimestamps, hasSack, sndShift, rcvShift, hasEcn } = h.flow.agreed;
  return { peerMss, hasTimestamps, hasSack, sndShift, rcvShift, hasEcn };
}

dialogue(
  'timestamps carry SACK, window scale and ECN back; the cookie itself the MSS',
  (t, h) => {
    h.run(`
      0      listen
      0      < SEW 0:0(0) win 1000 <${FULL}>
      0      > SE. 0:0(0) ack 1 <*>
      0      state LISTEN
      0.05   < . 1:1(0) ack 1 win 1000
      0.05   state ESTABLISHED
      0.1    < P. 1:501(500) ack 1
      0.1    > . 1:1(0) ack 501 <*>
      0.1    read 500`);
    t.same(agreed(h), {
      peerMss: 1380, // the largest of ours that is not above
      hasTimestamps: true,
      hasSack: true,
      sndShift: 7,
      rcvShift: 10,
      hasEcn: true,
    });
    t.equal(h.flow.snd.wnd, 1000 << 7);
    t.equal(h.mib('SyncookiesSent'), 1);
    t.equal(h.mib('SyncookiesRecv'), 1);
    t.equal(h.mib('PassiveOpens'), 1);
  },
  ALWAYS,
);

for (const isGroup of [true, false]) {
  dialogue(
    `a cookie is good at whoever listens when it comes back: ${isGroup ? 'SO_REUSEPORT' : 'started again'}`,
    (t, h) => {
      h.run(`
        0      set isReusePort ${isGroup}
        0      listen
        0      < S 0:0(0) win 1000 <mss 1460>
        0      > S. 0:0(0) ack 1 <mss 1460>`);
      const first = h.listener!; // it has just been made
      if (!isGroup) closeListener(h.tcp, first);
      h.run('0.01 listen');
      if (isGroup) closeListener(h.tcp, first);
      h.run(`
        0.05   < . 1:1(0) ack 1 win 1000
        0.05   state ESTABLISHED`);
      t.equal(h.mib('SyncookiesRecv'), 1);
    },
    ALWAYS,
  );
}

dialogue(
  'without timestamps nothing is agreed to that would be forgotten',
  (t, h) => {
    h.run(`
      0      listen
      0      < SEW 0:0(0) win 1000 <mss 1460,nop,nop,sackOK,nop,wscale 7>
      0      > S. 0:0(0) ack 1 <mss 1460>
      0.05   < . 1:1(0) ack 1 win 1000
      0.05   state ESTABLISHED`);
    t.same(agreed(h), {
      peerMss: 1460,
      hasTimestamps: false,
      hasSack: false,
      sndShift: 0,
      rcvShift: 0,
      hasEcn: false,
    });
  },
  ALWAYS,
);

dialogue(
  'the ACK may be lost: text brings the cookie as well, and nobody knows the round trip',
  (t, h) => {
    h.run(`
      0      listen
      0      < S 0:0(0) win 1000 <mss 1000>
      0      > S. 0:0(0) ack 1 <mss 1460>
      0.5    < P. 1:101(100) ack 1 win 1000
      0.5    > . 1:1(0) ack 101
      0.5    read 100
      0.5    write 10
      0.5    > P. 1:11(10) ack 101
      3.5    > P. 1:11(10) ack 101         # RFC 6298 §5.7`);
    t.equal(h.flow.rtt.srttNs, 0);
  },
  { tcp: { syncookies: 2, earlyRetrans: 0 } },
);

dialogue(
  'for a minute more than the one it was made in a cookie is good',
  (t, h) => {
    // The script begins 40 seconds into a minute.
    h.run(`
      0      listen
      0      < S 0:0(0) win 1000 <mss 1000>
      0      > S. 0:0(0) ack 1 <mss 1460>
      80.1   < . 1:1(0) ack 1 win 1000
      80.1   > R 1:1(0)
      80.1   state LISTEN
      80.1   < S 0:0(0) win 1000 <mss 1000>
      80.1   > S. 0:0(0) ack 1 <mss 1460>
      199.9  < . 1:1(0) ack 1 win 1000
      199.9  state ESTABLISHED`);
    t.equal(h.mib('SyncookiesFailed'), 1);
    t.equal(h.mib('SyncookiesSent'), 2);
  },
  ALWAYS,
);

dialogue(
  'a number that is none of ours is reset; before a cookie has left, without a look at it',
  (_t, h) => {
    h.run(`
      0      listen
      0      < . 1:1(0) ack 77 win 1000
      0      > R 77:77(0)
      0      mib SyncookiesFailed 0
      0      < S 0:0(0) win 1000 <mss 1000>
      0      > S. 0:0(0) ack 1 <mss 1460>
      0.1    < . 1:1(0) ack 2 win 1000
      0.1    > R 2:2(0)
      0.1    mib SyncookiesFailed 1
      0.1    < . 2:2(0) ack 1 win 1000
      0.1    > R 1:1(0)
      0.1    mib SyncookiesFailed 2
      0.1    < R 1:1(0)
      0.2    < . 1:1(0) ack 1 win 1000
      0.2    state ESTABLISHED`);
  },
  ALWAYS,
);

dialogue(
  'options that we no longer agree to make it no cookie of ours',
  (_t, h) => {
    h.run(`
      0      listen
      0      < S 0:0(0) win 1000 <${FULL}>
      0      > S. 0:0(0) ack 1 <*>`);
    h.tcp.config.sack = 0;
    h.run(`
      0.05   < . 1:1(0) ack 1 win 1000
      0.05   > R 1:1(0)
      0.05   mib SyncookiesFailed 1`);
  },
  ALWAYS,
);

/** SYNs of other ports of the peer's. */
function flood(h: TcpHarness, count: number): void {
  const [syn] = parseScript('0 < S 0:0(0) win 1000 <mss 1000>');
  for (let i = 0; i < count; i++) h.inject(syn!, { srcPort: 1024 + i, seq: i * 7919 });
}

dialogue(
  'once the SYN queue is full nothing more is remembered of 5,000 SYNs, and peers still get in',
  (t, h) => {
    h.run('0 listen 8');
    h.trace = [];
    flood(h, 5000);
    h.advanceTo(h.rig.net.env.nowNs);
    t.equal(h.trace.length, 5000);
    h.trace = null;
    t.equal(h.tcp.demux.size, 9); // more than the backlog: then it is full
    t.equal(h.mib('TCPReqQFullDoCookies'), 4991);
    t.equal(h.mib('SyncookiesSent'), 4991);
    h.run(`
    0.1    < S 0:0(0) win 1000 <mss 1000>
    0.1    > S. 0:0(0) ack 1 <mss 1460>
    0.2    < . 1:1(0) ack 1 win 1000
    0.2    state ESTABLISHED`);
  },
);

dialogue(
  'a cookie that cannot leave is a drop with its reason',
  (t, h) => {
    h.run('0 listen');
    const { drops } = h.rig.net;
    const reasons = () => [drops.get('REPLY_NO_ROOM'), drops.get('REPLY_NO_ROUTE')];
    h.rig.port.iface.setDropping(true);
    flood(h, 2);
    h.advanceTo(h.rig.net.env.nowNs);
    t.same(reasons(), [2, 0]);
    h.rig.port.iface.setDropping(false);
    h.rig.net.routes.removeWhere(() => true);
    flood(h, 3);
    h.advanceTo(h.rig.net.env.nowNs);
    t.same(reasons(), [2, 3]);
    t.equal(h.mib('SyncookiesSent'), 5); // as Linux counts them: when they are made
  },
  ALWAYS,
);

tap.test('which sizes come back', (t) => {
  const cookies = new SynCookies(new Rng(1).stream('cookies'));
  const id = (address: string) => ({
    local: ip(address),
    localPort: 80,
    remote: ip(address),
    remotePort: 999,
    boundIndex: 0,
  });
  const back = (address: string, mss: number): number =>
    cookies.check(id(address), seqOf(5), cookies.make(id(address), seqOf(5), mss, SEC), 2 * SEC);
  const v4 = [48, 535, 536, 1219, 1220, 1300, 1400, 1440, 1459, 1460, 8959, 8960, 65535];
  t.same(
    v4.map((mss) => back('10.0.0.1', mss)),
    [48, 48, 536, 536, 1220, 1300, 1380, 1440, 1440, 1460, 1460, 8960, 8960],
  );
  const v6 = [48, 1219, 1220, 1440, 8940];
  t.same(
    v6.map((mss) => back('2001:db8::1', mss)),
    [48, 48, 1220, 1440, 8940],
  );
  t.end();
});

tap.test('no bit of a cookie can be changed, nor anything that it was made of', (t) => {
  const cookies = new SynCookies(new Rng(1).stream('cookies'));
  const id = { local: ip('10.0.0.1'), localPort: 80, remote: ip('10.0.0.2'), remotePort: 999 };
  const flow = { ...id, boundIndex: 0 };
  const isn = seqOf(0x12345678);
  const cookie = cookies.make(flow, isn, 1460, 0);
  t.equal(cookies.check(flow, isn, cookie, 0), 1460);
  for (let bit = 0; bit < 32; bit++) {
    const other: Seq = seqOf(seqBits(cookie) ^ (1 << bit));
    t.equal(cookies.check(flow, isn, other, 0), 0, `bit ${bit}`);
  }
  t.equal(cookies.check(flow, seqAdd(isn, 1), cookie, 0), 0);
  t.equal(cookies.check({ ...flow, remotePort: 998 }, isn, cookie, 0), 0);
  t.equal(cookies.check({ ...flow, localPort: 81 }, isn, cookie, 0), 0);
  t.equal(cookies.check({ ...flow, remote: ip('10.0.0.3') }, isn, cookie, 0), 0);
  t.equal(cookies.check({ ...flow, local: ip('10.0.0.3') }, isn, cookie, 0), 0);
  t.equal(cookies.check(flow, isn, cookie, 119 * SEC), 1460);
  t.equal(cookies.check(flow, isn, cookie, 120 * SEC), 0);
  // A minute's key is its own: what an older one made does not come out again.
  t.not(seqBits(cookies.make(flow, isn, 1460, 120 * SEC)), seqBits(cookie));
  t.equal(cookies.check(flow, isn, cookie, 121 * SEC), 0);
  t.end();
});

tap.test('the options stand in the clock, which is never ahead of itself', (t) => {
  for (const clock of [0, 1, 63, 64, 1000, 0x7fffffff, -1, -64]) {
    for (const shift of [-1, 0, 7, 14]) {
      const ts = cookieTimestamp(clock, shift, true, false);
      t.equal(ts & 63, (shift < 0 ? 15 : shift) | 16);
      const behind = (clock - ts) | 0;
      t.ok(behind >= 0 && behind < 64, `${clock}, ${shift}: ${behind} behind`);
    }
  }
  t.end();
});
