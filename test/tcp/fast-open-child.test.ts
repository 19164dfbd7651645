/** A connection that its SYN has opened, until its handshake is over: RFC 7413 §4.2.2, with Linux's ways out. */
import { SEC } from '../../src/base/time.ts';
import type { Listener } from '../../src/tcp/listener.ts';
import { closeListener } from '../../src/tcp/listener-close.ts';
import { TCPI_OPT } from '../../src/tcp/tcp-info.ts';
import { tcpListen } from '../../src/tcp/user-calls.ts';
import { dialogue, FULL, infoOf, OPENED, PLAIN, SERVER } from './fast-open-rig.ts';

// ---- the connection before its handshake is over ----

/** With a push every five segments, as super-frames of that size would have. */
const FIRST_TEN = Array.from({ length: 10 }, (_, i) => {
  const from = 1000 * i + 1;
  return `0.1 > ${i % 5 === 4 ? 'P.' : '.'} ${from}:${from + 1000}(1000) ack 101`;
}).join('\n');

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
    1     > S. 0:0(0) ack 101 <*>          # and no probe of its window
    2.5   < . 101:101(0) ack 1 win 5000
    2.5   > P. 1:501(500) ack 101`);
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

dialogue(
  'what is written after two timeouts may leave; what was sent before them waits',
  (t, h, good) => {
    h.run(OPENED(good));
    h.run(`
    0.1   write 500
    0.1   > P. 1:501(500) ack 101
    1     > S. 0:0(0) ack 101 <*>
    3     > S. 0:0(0) ack 101 <*>
    3.5   write 1000
    3.5   > P. 501:1501(1000) ack 101
    3.6   < . 101:101(0) ack 1`);
    t.equal(infoOf(h).tcpi_retransmits, 0);
  },
);

dialogue('a SYN with an older timestamp is not the first one again', (_t, h, good) => {
  h.run(OPENED(good, 10000, FULL));
  h.run(`
    0.1   < S 0:0(0) win 10000 <mss 1000,sackOK,TS val 0 ecr 0,wscale 7>
    0.1   > . 1:1(0) ack 101 <*>`);
});

dialogue('timestamps and windows count from behind the text of the SYN', (t, h, good) => {
  h.run(OPENED(good, 10000, FULL));
  t.equal(h.flow.rcv.acceptable(), h.flow.rcv.wnd);
  h.run(`
    0.2   < . 101:101(0) ack 1 win 100 <TS val 150 ecr 0>
    0.3   write 10
    0.3   > P. 1:11(10) ack 101 <TS val 300 ecr 150>`);
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
