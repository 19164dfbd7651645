/** What an ICMP error may do to a connection, and what it may not: RFC 5927, RFC 1122 §4.2.3.9, by Linux's rules. */
import tap from 'tap';
import { PMTUDISC } from '../../src/net/out-packet.ts';
import type { Seen } from '../net/packets.ts';
import { DEFAULT_OPTIONS, dialogue, TcpHarness } from './tcp-harness.ts';

const FULL = { rtt: 0.1, options: 'mss 1460,sackOK' };
/** Two full segments under way. */
const TWO = `
  0.2   write 2920
  0.2   > . 1:1461(1460) ack 1
  0.2   > P. 1461:2921(1460) ack 1`;

/** Whatever leaves from now on is noted as well. */
function watch({ rig }: TcpHarness): Seen[] {
  const noted: Seen[] = [];
  const sent = rig.port.sent.bind(rig.port);
  rig.port.sent = () => {
    const now = sent();
    noted.push(...now);
    return now;
  };
  return noted;
}

const isUncut = (noted: Seen[]): boolean[] => noted.splice(0).map(({ df }) => df);

/** RFC 9293 §3.9.2.2 for a handshake: which error ends it. Columns: an open of ours; what a listener answered. */
const OPENINGS: readonly (readonly [string, string, string])[] = [
  ['net-unreachable', 'ENETUNREACH', 'LISTEN'],
  ['host-unreachable', 'EHOSTUNREACH', 'LISTEN'],
  ['protocol-unreachable', 'ENOPROTOOPT', 'SYN-RECEIVED'],
  ['port-unreachable', 'ECONNREFUSED', 'SYN-RECEIVED'],
  ['ttl-exceeded', 'EHOSTUNREACH', 'LISTEN'],
  ['parameter-problem', 'EPROTO', 'LISTEN'],
];

dialogue('RFC 5927 §6: no ICMP error ends a connection that stands', (_, h) => {
  h.passive(FULL);
  h.run(TWO);
  for (const [name] of OPENINGS) h.run(`0.25 < icmp ${name} 1\n0.25 < icmp ${name} 1461`);
  h.run(`
    0.25 state ESTABLISHED
    0.3  < . 1:1(0) ack 2921
    0.3  mib OutOfWindowIcmps 0`);
});

/** Each says that what is under way was too large, and is not believed: nothing is resent, no segment gets smaller. */
const LIES: readonly (readonly [title: string, icmp: string])[] = [
  ['RFC 5927 §7: an MTU that is larger than what was sent is not believed', 'frag-needed 1500 1'],
  [
    'RFC 5927 §7: an MTU that is as large as what was sent is not believed',
    'frag-needed 1500 1461',
  ],
  ['RFC 5927 §7: an MTU is not believed when it quotes a smaller segment', 'frag-needed 600 2921'],
  ['RFC 5927 §7: an MTU is not believed of what begins at SND.NXT', 'frag-needed 1000 3021'],
  ['RFC 5927 §7: an MTU is not believed of what is acknowledged', 'frag-needed 1000 0'],
  ['RFC 5927 §7: an MTU is not believed of what was not sent', 'frag-needed 1000 3022'],
];

for (const [title, icmp] of LIES) {
  dialogue(title, (t, h) => {
    h.passive(FULL);
    h.run(`${TWO}
      0.21  write 100
      0.21  > P. 2921:3021(100) ack 1
      0.25  < icmp ${icmp}
      0.26  nothing
      0.3   < . 1:1(0) ack 3021`);
    t.equal(h.flow.mss(), 1460);
  });
}

dialogue(
  'RFC 5927 §7: what was sent without DF is cut on its way, and nobody complains',
  (t, h) => {
    h.settings = h.settings.own();
    h.settings.change({ pmtuDiscovery: PMTUDISC.DONT });
    h.passive(FULL);
    h.run(`${TWO}
    0.25  < icmp frag-needed 1000 1
    0.26  nothing
    0.3   < . 1:1(0) ack 2921`);
    t.equal(h.flow.mss(), 1460);
  },
);

dialogue('RFC 1191 §3: below min_pmtu nothing is believed, and DF goes instead', (t, h) => {
  h.passive(FULL);
  const seen = watch(h);
  h.run(TWO);
  t.same(isUncut(seen), [true, true]);
  h.run(`
    0.25  < icmp frag-needed 300 1
    0.25  > . 1:513(512) ack 1
    0.25  > P. 513:1025(512) ack 1
    0.25  > . 1025:1537(512) ack 1
    0.25  > P. 1537:2049(512) ack 1
    0.25  > . 2049:2561(512) ack 1
    0.25  > P. 2561:2921(360) ack 1
    0.26  < icmp frag-needed 300 1
    0.27  < icmp frag-needed 68 1025
    0.27  nothing
    0.3   < . 1:1(0) ack 2921`);
  t.same(isUncut(seen), [false, false, false, false, false, false]);
  t.equal(h.flow.mss(), 512);
});

dialogue(
  'RFC 8201 §4: an MTU below 1,280 is not believed by a connection',
  (t, h) => {
    h.passive({ rtt: 0.1, options: 'mss 1440,sackOK' });
    h.run(`
      0.2   write 1440
      0.2   > P. 1:1441(1440) ack 1
      0.25  < icmp frag-needed 1279 1
      0.26  nothing
      0.26  < icmp frag-needed 1280 1
      0.26  > . 1:1221(1220) ack 1
      0.26  > P. 1221:1441(220) ack 1
      0.3   < . 1:1(0) ack 1441`);
    t.equal(h.flow.mss(), 1220);
  },
  { v6: true },
);

dialogue('an MTU is news once: what else comes about a window’s segments costs no walk', (t, h) => {
  h.passive(FULL);
  h.run(`${TWO}
    0.25  < icmp frag-needed 1000 1
    0.25  > . 1:961(960) ack 1
    0.25  > P. 961:1921(960) ack 1
    0.25  > . 1921:2881(960) ack 1
    0.25  > P. 2881:2921(40) ack 1`);
  const { steps } = h.flow.rtx;
  const at = '< icmp frag-needed 1000 1\n';
  h.run(`0.26 ${at}`.repeat(50));
  t.ok(h.flow.rtx.steps - steps <= 2 * 50, `${h.flow.rtx.steps - steps} records looked at`);
  h.run('0.35  < . 1:1(0) ack 2921');
});

/** A dialogue for each row. */
function openings(title: string, script: (row: (typeof OPENINGS)[number]) => string): void {
  tap.test(title, async (t) => {
    for (const row of OPENINGS) {
      const h = new TcpHarness();
      t.doesNotThrow(() => h.run(script(row)), row[0]);
      h.end(t);
    }
  });
}

openings(
  'RFC 5927 §4: an ICMP error ends an opening only with the number of its SYN',
  ([name, errno]) => `
    0    connect
    0    > S 0:0(0) <*>
    0.1  < icmp ${name} 1
    0.1  < icmp ${name} -1
    0.1  state SYN-SENT
    0.1  mib OutOfWindowIcmps 2
    0.2  < icmp ${name} 0
    0.2  closed ${errno}`,
);

openings(
  'RFC 5927 §4: what a listener has answered ends when no host is there',
  ([name, , left]) => `
    0    listen
    0    < S 0:0(0) win 65535 <${DEFAULT_OPTIONS}>
    0    > S. 0:0(0) ack 1 <*>
    0.1  < icmp ${name} 1
    0.1  state SYN-RECEIVED
    0.1  mib OutOfWindowIcmps 1
    0.2  < icmp ${name} 0
    0.2  state ${left}`,
);

dialogue('TIME-WAIT hears no ICMP error', (_, h) => {
  h.passive();
  h.run(`
    0.1   close
    0.1   > F. 1:1(0) ack 1
    0.2   < F. 1:1(0) ack 2
    0.2   > . 2:2(0) ack 2
    0.3   < icmp port-unreachable 1
    0.3   < icmp frag-needed 600 1
    0.3   state TIME-WAIT`);
});

/** An MTU of 552 is believed for ten minutes. What is sent at their end is of two segments, and then of one. */
function growing(h: TcpHarness, options: string, script: string): string[] {
  h.passive({ rtt: 0.05, options, win: 60000 });
  h.trace = [];
  h.run(`
    0.1     write 3000
    0.12    < icmp frag-needed 552 1
    0.2     < . 1:1(0) ack 3001 win 60000`);
  const before = h.trace.length;
  h.run(script);
  const sent = h.trace.slice(before);
  h.trace = null;
  return sent;
}

dialogue('a tail-loss probe when the MSS has grown: the record is one segment now', (t, h) => {
  const sent = growing(h, 'mss 1460,sackOK', '600.1 write 1024\n 600.3 nothing');
  t.equal(h.tcp.mib.get('TCPLossProbes'), 1);
  t.match(sent.at(-1), /P\. 3001:4025\(1024\)/);
  t.equal(h.flow.inFlight(), 1);
});

dialogue('three duplicate ACKs when the MSS has grown, without SACK', (t, h) => {
  const sent = growing(
    h,
    'mss 1460',
    `1       write 1000
     1.05    < . 1:1(0) ack 4001 win 60000
     600.11  write 1024
     600.111 write 1024
     600.112 write 1024
     600.13  < . 1:1(0) ack 4001 win 60000
     600.14  < . 1:1(0) ack 4001 win 60000
     600.15  < . 1:1(0) ack 4001 win 60000
     600.16  < . 1:1(0) ack 4001 win 60000`,
  );
  t.equal(h.mib('TCPRenoRecovery'), 1);
  t.match(sent.at(-1), /4001:5025\(1024\)/);
});
