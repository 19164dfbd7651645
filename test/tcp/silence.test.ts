/** Peers that do not answer: retransmission limits, user timeout, zero-window probes, keepalive, ICMP. */
import { dialogue } from './tcp-harness.ts';

dialogue(
  'tcp_retries2 is a time: 15 are 924.6 s from the first timeout, and no reset ends it',
  (_, h) => {
    h.passive();
    h.tcp.config.earlyRetrans = 0;
    h.run(`
    0.1     write 100
    0.1     > P. 1:101(100) ack 1
    0.31    > P. 1:101(100) ack 1
    0.73    > P. 1:101(100) ack 1
    1.57    > P. 1:101(100) ack 1
    3.25    > P. 1:101(100) ack 1
    6.61    > P. 1:101(100) ack 1
    13.33   > P. 1:101(100) ack 1
    26.77   > P. 1:101(100) ack 1
    53.65   > P. 1:101(100) ack 1
    107.41  > P. 1:101(100) ack 1
    214.93  > P. 1:101(100) ack 1
    334.93  > P. 1:101(100) ack 1
    454.93  > P. 1:101(100) ack 1
    574.93  > P. 1:101(100) ack 1
    694.93  > P. 1:101(100) ack 1
    814.93  > P. 1:101(100) ack 1
    934.93  closed ETIMEDOUT
    935     mib TCPAbortOnTimeout 1
    935     mib OutRsts 0`);
  },
);

dialogue('RFC 5482: TCP_USER_TIMEOUT ends it to the millisecond', (_, h) => {
  h.passive();
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    0.1   set userTimeoutMs 3000
    0.1   write 100
    0.1   > P. 1:101(100) ack 1
    0.31  > P. 1:101(100) ack 1
    0.73  > P. 1:101(100) ack 1
    1.57  > P. 1:101(100) ack 1
    3.25  > P. 1:101(100) ack 1
    3.31  closed ETIMEDOUT`);
});

dialogue('an orphan is kept for eight retries', (_, h) => {
  h.passive();
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    0.1    close
    0.1    > F. 1:1(0) ack 1
    0.31   > F. 1:1(0) ack 1
    0.73   > F. 1:1(0) ack 1
    1.57   > F. 1:1(0) ack 1
    3.25   > F. 1:1(0) ack 1
    6.61   > F. 1:1(0) ack 1
    13.33  > F. 1:1(0) ack 1
    26.77  > F. 1:1(0) ack 1
    53.65  > F. 1:1(0) ack 1
    107.3  state FIN-WAIT-1
    107.5  state CLOSED`);
});

dialogue('RFC 1122 §4.2.3.9: what ICMP said is why it timed out', (_, h) => {
  h.passive();
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    0.1   set userTimeoutMs 500
    0.1   write 100
    0.1   > P. 1:101(100) ack 1
    0.2   < icmp host-unreachable 1
    0.2   state ESTABLISHED
    0.31  > P. 1:101(100) ack 1
    0.73  > P. 1:101(100) ack 1
    0.81  closed EHOSTUNREACH`);
});

dialogue('RFC 5927: ICMP about what is not in flight is not believed', (_, h) => {
  h.passive();
  h.run(`
    0.1  < icmp frag-needed 600 5000
    0.1  mib OutOfWindowIcmps 1
    0.2  write 1000
    0.2  > P. 1:1001(1000) ack 1
    0.21 < . 1:1(0) ack 1001`);
});

// ---- zero-window probes ----

dialogue(
  'RFC 9293 §3.8.6.1: a shut window is probed, twice as late each time, for as long as it is answered',
  (_, h) => {
    h.passive();
    h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 0
    0.2   write 500
    0.41  > . 1000:1000(0) ack 1
    0.42  < . 1:1(0) ack 1001 win 0
    0.84  > . 1000:1000(0) ack 1
    0.85  < . 1:1(0) ack 1001 win 0
    1.69  > . 1000:1000(0) ack 1
    1.7   < . 1:1(0) ack 1001 win 0
    3.38  > . 1000:1000(0) ack 1
    3.39  < . 1:1(0) ack 1001 win 5000
    3.39  > P. 1001:1501(500) ack 1
    3.4   < . 1:1(0) ack 1501
    3.4   mib TCPWinProbe 4
    3.4   mib TCPTimeouts 0`);
  },
);

dialogue('silly windows: a sliver is used only when nothing else happens', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 300
    0.2   write 1000
    0.41  > P. 1001:1301(300) ack 1
    0.42  < . 1:1(0) ack 1301 win 5000
    0.42  > P. 1301:2001(700) ack 1
    0.43  < . 1:1(0) ack 2001`);
});

/** A window that shut and was probed for two seconds admits less than a segment; then the link takes shorter ones. */
dialogue('silly windows: to a segment of the path as it is now the window is open', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 0
    0.2   write 5000
    0.41  > . 1000:1000(0) ack 1
    0.42  < . 1:1(0) ack 1001 win 0
    0.84  > . 1000:1000(0) ack 1
    0.85  < . 1:1(0) ack 1001 win 0
    1.69  > . 1000:1000(0) ack 1
    1.7   < . 1:1(0) ack 1001 win 600`);
  h.rig.port.iface.limitMtu(640);
  h.run(`
    1.8   < . 1:1(0) ack 1001 win 600
    1.8   > . 1001:1601(600) ack 1
    1.9   < . 1:1(0) ack 1601 win 0
    2.121 > . 1600:1600(0) ack 1               # the first wait of a new silence
    2.2   abort
    2.2   > R. 1601:1601(0) ack 1`);
});

dialogue('a user timeout ends the probing of a window that never opens', (_, h) => {
  h.passive();
  h.run(`
    0.1   set userTimeoutMs 1000
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 0
    0.2   write 500
    0.41  > . 1000:1000(0) ack 1
    0.42  < . 1:1(0) ack 1001 win 0
    0.84  > . 1000:1000(0) ack 1
    0.85  < . 1:1(0) ack 1001 win 0
    1.41  closed ETIMEDOUT`);
});

dialogue('a cork holds a last part back for a timeout, no longer', (_, h) => {
  h.passive();
  h.run(`
    0.1   set isCorked true
    0.1   write 1500
    0.1   > . 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001
    0.32  > P. 1001:1501(500) ack 1
    0.33  < . 1:1(0) ack 1501
    0.4   write 10
    0.45  set isCorked false
    0.45  > P. 1501:1511(10) ack 1
    0.46  < . 1:1(0) ack 1511`);
});

const THIN = `
    0.1   write 100
    0.1   > P. 1:101(100) ack 1
    0.31  > P. 1:101(100) ack 1
    0.52  > P. 1:101(100) ack 1
    0.73  > P. 1:101(100) ack 1
    0.94  > P. 1:101(100) ack 1
    1.15  > P. 1:101(100) ack 1
    1.36  > P. 1:101(100) ack 1
    1.57  > P. 1:101(100) ack 1
    1.99  > P. 1:101(100) ack 1
    2     < . 1:1(0) ack 101`;

dialogue('TCP_THIN_LINEAR_TIMEOUTS: six timeouts of a thin stream do not double', (_, h) => {
  h.tcp.config.earlyRetrans = 0;
  h.passive();
  h.run(`0.1 set isThinLinear true\n${THIN}`);
});

dialogue('TCP_THIN_LINEAR_TIMEOUTS: with four segments in flight a stream is not thin', (_, h) => {
  h.tcp.config.earlyRetrans = 0;
  h.passive();
  h.run(`
    0.1   set isThinLinear true
    0.1   set isNoDelay true`);
  for (let at = 1; at <= 301; at += 100) {
    h.run(`0.1 write 100\n0.1 > P. ${at}:${at + 100}(100) ack 1`);
  }
  h.run(`
    0.31  > P. 1:101(100) ack 1
    0.73  > P. 1:101(100) ack 1
    1.57  > P. 1:101(100) ack 1
    1.6   < . 1:1(0) ack 401`);
});

// ---- keepalive ----

dialogue('keepalive: idle, probes, and the end with a reset', (_, h) => {
  h.passive();
  h.run(`
    1   set keepIdleSec 10
    1   set keepIntervalSec 5
    1   set keepProbes 3
    1   set isKeepalive true
    11     > . 0:0(0) ack 1
    11.01  < . 1:1(0) ack 1
    21.01  > . 0:0(0) ack 1
    26.01  > . 0:0(0) ack 1
    31.01  > . 0:0(0) ack 1
    36.01  > R. 1:1(0) ack 1
    36.01  closed ETIMEDOUT
    37     mib TCPKeepAlive 4`);
});

dialogue('keepalive: TCP_USER_TIMEOUT decides instead of the number of probes', (_, h) => {
  h.passive();
  h.run(`
    1   set keepIdleSec 10
    1   set keepIntervalSec 5
    1   set userTimeoutMs 12000
    1   set isKeepalive true
    11  > . 0:0(0) ack 1
    16  > R. 1:1(0) ack 1
    16  closed ETIMEDOUT`);
});

dialogue('keepalive waits while text is on its way', (_, h) => {
  h.passive();
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    1    set keepIdleSec 2
    1    set isKeepalive true
    1.5  write 10
    1.5  > P. 1:11(10) ack 1
    1.71 > P. 1:11(10) ack 1
    2.13 > P. 1:11(10) ack 1
    2.97 > P. 1:11(10) ack 1
    3    < . 1:1(0) ack 11
    5    > . 10:10(0) ack 1
    5.1  < . 1:1(0) ack 11`);
});

// ---- before the connection stands ----

dialogue(
  'tcp_syn_retries, tcp_syn_linear_timeouts: the first SYNs at an even pace, then doubling',
  (_, h) => {
    h.run(`
    0    connect
    0    > S 0:0(0) <*>
    1    > S 0:0(0) <*>
    2    > S 0:0(0) <*>
    3    > S 0:0(0) <*>
    4    > S 0:0(0) <*>
    5    > S 0:0(0) <*>
    7    > S 0:0(0) <*>
    11   > S 0:0(0) <*>
    19   > S 0:0(0) <*>
    35   > S 0:0(0) <*>
    67   > S 0:0(0) <*>
    131  closed ETIMEDOUT`);
  },
);

dialogue('tcp_synack_retries: a SYN-ACK five times more, then it is forgotten', (_, h) => {
  h.run(`
    0   listen
    0   < S 0:0(0) win 1000 <mss 1000>
    0   > S. 0:0(0) ack 1 <*>
    1   > S. 0:0(0) ack 1 <*>
    3   > S. 0:0(0) ack 1 <*>
    7   > S. 0:0(0) ack 1 <*>
    15  > S. 0:0(0) ack 1 <*>
    31  > S. 0:0(0) ack 1 <*>
    62.9  state SYN-RECEIVED
    63.1  state LISTEN`);
});

dialogue('RFC 9293 figure 7: simultaneous open', (_, h) => {
  h.run(`
    0    connect
    0    > S 0:0(0) <*>
    0.1  < S 0:0(0) win 1000 <mss 1000>
    0.1  > S. 0:0(0) ack 1 <*>
    0.1  state SYN-RECEIVED
    0.2  < S. 0:0(0) ack 1
    0.2  > . 1:1(0) ack 1           # or its SYN-ACK would come again
    0.2  state ESTABLISHED`);
});

dialogue('an ICMP error ends an attempt to open, soft or hard', (_, h) => {
  h.run(`
    0    connect
    0    > S 0:0(0) <*>
    0.1  < icmp host-unreachable 0
    0.1  closed EHOSTUNREACH`);
});

// ---- a shut window after we have closed ----

dialogue('FIN-WAIT-1 with text behind a shut window: probes, then the text and the FIN', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 0
    0.2   write 500
    0.2   shutdown
    0.2   state FIN-WAIT-1
    0.41  > . 1000:1000(0) ack 1
    0.42  < . 1:1(0) ack 1001 win 0
    0.84  > . 1000:1000(0) ack 1
    0.85  < . 1:1(0) ack 1001 win 5000
    0.85  > FP. 1001:1501(500) ack 1
    0.86  < . 1:1(0) ack 1502
    0.86  state FIN-WAIT-2`);
});

dialogue('LAST-ACK with text behind a shut window', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < F. 1:1(0) ack 1001 win 0
    0.11~0.16  > . 1001:1001(0) ack 2
    0.2   write 500
    0.2   shutdown
    0.2   state LAST-ACK
    0.41  > . 1000:1000(0) ack 2
    0.42  < . 2:2(0) ack 1001 win 5000
    0.42  > FP. 1001:1501(500) ack 2
    0.43  < . 2:2(0) ack 1502
    0.43  closed 0`);
});

dialogue('CLOSING with text behind a shut window', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 0
    0.2   write 500
    0.2   shutdown
    0.3   < F. 1:1(0) ack 1001 win 0
    0.3   > . 1001:1001(0) ack 2
    0.3   state CLOSING
    0.3~0.6  > . 1000:1000(0) ack 2
    +0.01 < . 2:2(0) ack 1001 win 5000
    +0    > FP. 1001:1501(500) ack 2
    +0.01 < . 2:2(0) ack 1502
    +0    state TIME-WAIT`);
});

dialogue('an orphan behind a window that stays shut is given up, without a word', (_, h) => {
  h.passive();
  h.tcp.config.orphanRetries = 2;
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  < . 1:1(0) ack 1001 win 0
    0.2   write 500
    0.2   close
    0.41  > . 1000:1000(0) ack 1
    0.83  > . 1000:1000(0) ack 1
    1.6   state FIN-WAIT-1
    1.8   state CLOSED
    1.8   mib TCPAbortOnTimeout 1`);
});
