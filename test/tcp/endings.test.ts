/** How connections end, in dialogues: close in every order, orphans, linger, resets, TIME-WAIT. */
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const TS = 'mss 1000,sackOK,TS val 1 ecr 0';

/** FIN-WAIT-2: our FIN at 0.1 is acknowledged; `how` is shutdown (somebody still reads) or close. */
function half(h: TcpHarness, how: 'shutdown' | 'close', options = 'mss 1000,sackOK'): void {
  h.passive({ options });
  h.run(`
    0.1  ${how}
    0.1  > F. 1:1(0) ack 1
    0.2  < . 1:1(0) ack 2
    0.2  state FIN-WAIT-2`);
}

/** TIME-WAIT since 0.3. */
function done(h: TcpHarness, options = 'mss 1000,sackOK'): void {
  half(h, 'close', options);
  h.run(`
    0.3  < F. 1:1(0) ack 2
    0.3  > . 2:2(0) ack 2
    0.3  state TIME-WAIT`);
}

dialogue('RFC 9293 §3.6: the peer closes first, we follow', (_, h) => {
  h.passive();
  h.run(`
    0.1  < F. 1:1(0) ack 1
    0.1  > . 1:1(0) ack 2          # nothing was ever received: no delay to speak of
    0.1  state CLOSE-WAIT
    0.1  read 10 = 0
    0.2  write 100
    0.2  > P. 1:101(100) ack 2
    0.3  shutdown
    0.3  > F. 101:101(0) ack 2
    0.3  state LAST-ACK
    0.32 < . 2:2(0) ack 102
    0.32 closed 0
    0.32 state CLOSED`);
});

dialogue('a FIN that finds us answering waits for our FIN to carry the ACK, 40 ms', (_, h) => {
  h.passive();
  h.run(`
    0.1   < P. 1:101(100) ack 1
    0.1   > . 1:1(0) ack 101
    0.1   read 100
    0.2   < F. 101:101(0) ack 1
    0.24  > . 1:1(0) ack 102
    0.3   close
    0.3   > F. 1:1(0) ack 102
    0.31  < . 102:102(0) ack 2`);
});

dialogue('RFC 9293 figure 13: both close at once', (_, h) => {
  h.passive();
  h.run(`
    0.1   shutdown
    0.1   > F. 1:1(0) ack 1
    0.11  < F. 1:1(0) ack 1
    0.11  > . 2:2(0) ack 2
    0.11  state CLOSING
    0.2   < . 2:2(0) ack 2
    0.2   state TIME-WAIT
    0.2   closed 0`);
});

dialogue('a FIN that overtakes text ends the stream where it stands', (_, h) => {
  h.passive();
  h.run(`
    0.1  < F. 1001:1501(500) ack 1
    0.1  > . 1:1(0) ack 1 <sack 1001:1502>
    0.1  state ESTABLISHED
    0.2  < . 1:1001(1000) ack 1
    0.2  > . 1:1(0) ack 1502
    0.2  state CLOSE-WAIT
    0.2  read 3000 = 1500
    0.2  read 10 = 0`);
});

dialogue('half-closed: text still arrives, and is acknowledged', (_, h) => {
  half(h, 'shutdown');
  h.run(`
    0.3  < P. 1:501(500) ack 2
    0.3  > . 2:2(0) ack 501
    0.3  read 500
    900  state FIN-WAIT-2           # as long as somebody reads`);
});

dialogue(
  'an orphan in FIN-WAIT-2 waits tcp_fin_timeout as a small record, then is gone',
  (_, h) => {
    half(h, 'close');
    h.run(`
    60.1  state FIN-WAIT-2
    60.3  state CLOSED`);
  },
);

dialogue('TCP_LINGER2 shortens that; -1 ends it at once', (_, h) => {
  h.passive();
  h.run(`
    0.1  set linger2Sec 5
    0.1  close
    0.1  > F. 1:1(0) ack 1
    0.2  < . 1:1(0) ack 2
    5.1  state FIN-WAIT-2
    5.3  state CLOSED`);
});

dialogue('TCP_LINGER2 -1: the ACK of our FIN is answered by a reset', (_, h) => {
  h.passive();
  h.run(`
    0.1  set linger2Sec -1
    0.1  close
    0.1  > F. 1:1(0) ack 1
    0.2  < . 1:1(0) ack 2
    0.2  > R 2:2(0)
    0.2  mib TCPAbortOnData 1
    0.2  state CLOSED`);
});

dialogue('TCP_LINGER2 -1 and a close in FIN-WAIT-2', (_, h) => {
  half(h, 'shutdown');
  h.run(`
    0.3  set linger2Sec -1
    0.3  close
    0.3  > R. 2:2(0) ack 1
    0.3  mib TCPAbortOnLinger 1
    0.3  state CLOSED`);
});

dialogue('a tcp_fin_timeout beyond 60 s is waited for in two parts', (_, h) => {
  h.tcp.config.finTimeoutNs = 100e9;
  half(h, 'close');
  h.run(`
    100.1  state FIN-WAIT-2
    100.3  state CLOSED`);
});

dialogue('RFC 1122 §4.2.2.13: text for an orphan resets the connection', (_, h) => {
  half(h, 'close');
  h.run(`
    0.3  < P. 1:101(100) ack 2
    0.3  > R 2:2(0)
    0.3  state CLOSED`);
});

dialogue('text for an orphan whose FIN is not acknowledged yet: TCPAbortOnData', (_, h) => {
  h.passive();
  h.run(`
    0.1  close
    0.1  > F. 1:1(0) ack 1
    0.2  < P. 1:101(100) ack 1
    0.2  > R 1:1(0)
    0.2  mib TCPAbortOnData 1
    0.2  state CLOSED`);
});

dialogue('RFC 2525 §2.17: closing with text unread resets', (_, h) => {
  h.passive();
  h.run(`
    0.1  < P. 1:101(100) ack 1
    0.1  > . 1:1(0) ack 101
    0.2  close
    0.2  > R. 1:1(0) ack 101
    0.2  mib TCPAbortOnClose 1
    0.2  state CLOSED`);
});

dialogue('SO_LINGER 0: close is an abort', (_, h) => {
  h.passive();
  h.run(`
    0.1  set lingerSec 0
    0.1  write 500
    0.1  > P. 1:501(500) ack 1
    0.2  close
    0.2  > R. 501:501(0) ack 1
    0.2  mib TCPAbortOnData 1
    0.2  state CLOSED`);
});

// ---- RST (RFC 5961 §3) ----

dialogue(
  'a RST at the edge resets; within the window it is challenged; outside it is ignored',
  (_, h) => {
    h.passive();
    h.run(`
    0.1  < R 2:2(0)
    0.1  > . 1:1(0) ack 1
    0.1  mib TCPChallengeACK 1
    0.2  < R 3:3(0)
    0.2  mib TCPACKSkippedChallenge 1
    0.3  < R 90000:90000(0)
    0.4  < R 0:0(0)
    1    < R 1:1(0)
    1    closed ECONNRESET
    1    mib EstabResets 1`);
  },
);

dialogue('a RST at the end of what is SACKed counts as exact', (_, h) => {
  h.passive();
  h.run(`
    0.1  < . 1001:2001(1000) ack 1
    0.1  > . 1:1(0) ack 1 <sack 1001:2001>
    0.2  < R 2001:2001(0)
    0.2  closed ECONNRESET`);
});

dialogue('a RST in CLOSE-WAIT is EPIPE, also from in front of the FIN', (_, h) => {
  h.passive();
  h.run(`
    0.1  < F. 1:1(0) ack 1
    0.1  > . 1:1(0) ack 2
    0.2  < R 1:1(0)
    0.2  closed EPIPE`);
});

dialogue('RFC 5961 §4.2: a SYN in the window is challenged, whatever it says', (_, h) => {
  h.passive();
  h.run(`
    0.1  < S 0:0(0)
    0.1  > . 1:1(0) ack 1
    1    < S 5000:5000(0)
    1    > . 1:1(0) ack 1
    2    < S. 90000:90000(0) ack 1
    2    > . 1:1(0) ack 1
    2    mib TCPSYNChallenge 3
    2    mib TCPChallengeACK 3
    2    state ESTABLISHED`);
});

// ---- TIME-WAIT ----

dialogue('TIME-WAIT acknowledges the FIN again, and begins anew', (_, h) => {
  done(h);
  h.run(`
    30.3  < F. 1:1(0) ack 2
    30.3  > . 2:2(0) ack 2
    90.2  state TIME-WAIT
    90.4  state CLOSED`);
});

dialogue('TIME-WAIT has our timestamps and the peer’s', (_, h) => {
  done(h, TS);
  h.run(`
    10.3  < F. 1:1(0) ack 2 <TS val 5000 ecr 300>
    10.3  > . 2:2(0) ack 2 <TS val 10300 ecr 300>`);
});

dialogue(
  'TIME-WAIT: out of window is acknowledged, twice a second at most without text',
  (_, h) => {
    done(h);
    h.run(`
    1    < . 5000:5000(0) ack 2
    1    > . 2:2(0) ack 2
    1.2  < . 5000:5000(0) ack 2
    1.2  mib TCPACKSkippedTimeWait 1
    1.3  < P. 1:11(10) ack 2
    1.3  > . 2:2(0) ack 2`);
  },
);

dialogue('RFC 1337: a RST at the edge ends TIME-WAIT, as on Linux', (_, h) => {
  done(h);
  h.run(`
    1  < R 5000:5000(0)
    1  state TIME-WAIT
    1  < R 2:2(0)
    1  state CLOSED`);
});

dialogue('tcp_rfc1337: it does not', (_, h) => {
  h.tcp.config.rfc1337 = 1;
  done(h);
  h.run(`
    1  < R 2:2(0)
    1  state TIME-WAIT`);
});

dialogue('RFC 6191: a SYN beyond the old stream opens anew, with a larger ISN', (t, h) => {
  done(h);
  const old = h.ourIsn!;
  h.run(`
    1  < S 70000:70000(0) win 65535 <mss 1000>
    1  > S. 0:0(0) ack 70001 <*>
    1  state SYN-RECEIVED`);
  t.equal((h.ourIsn! - old) | 0, 2 + 65537);
});

dialogue('a SYN below the old stream does not, unless its timestamp is newer', (_, h) => {
  done(h, TS);
  h.run(`
    1    < S -5000:-5000(0) win 65535 <mss 1000,TS val 10 ecr 0>
    1    > . 2:2(0) ack 2 <TS val 1000 ecr 300>
    1    mib PAWSTimewait 1
    1.6  < S -5000:-5000(0) win 65535 <mss 1000,TS val 2000 ecr 0>
    1.6  > S. 0:0(0) ack -4999 <*>`);
});

dialogue('without a listener the new SYN is only acknowledged', (_, h) => {
  h.active();
  h.run(`
    0.1  close
    0.1  > F. 1:1(0) ack 1
    0.2  < F. 1:1(0) ack 2
    0.2  > . 2:2(0) ack 2
    1    < S 70000:70000(0)
    1    > . 2:2(0) ack 2
    1    state TIME-WAIT`);
});

dialogue('the record in FIN-WAIT-2: FIN, RST, and what is out of the window', (_, h) => {
  half(h, 'close');
  h.run(`
    0.3   < . 90000:90000(0) ack 2
    0.3   > . 2:2(0) ack 1
    0.4   < . 90000:90000(0) ack 2
    0.4   mib TCPACKSkippedFinWait2 1
    0.5   < . 1:1(0) ack 2
    1     < F. 1:1(0) ack 2
    1     > . 2:2(0) ack 2
    1     state TIME-WAIT
    60.9  state TIME-WAIT
    61.1  state CLOSED`);
});

dialogue('the record in FIN-WAIT-2: a RST in the window ends it', (_, h) => {
  half(h, 'close');
  h.run(`
    0.3  < R 500:500(0)
    0.3  state CLOSED`);
});

dialogue('a FIN that overtakes text alone takes a sequence number there, too', (t, h) => {
  h.passive();
  h.run(`
    0.1  < F. 1001:1001(0) ack 1
    0.1  > . 1:1(0) ack 1 <sack 1001:1002>
    0.15 < . 501:1001(500) ack 1
    0.15 > . 1:1(0) ack 1 <sack 501:1002>
    0.16 < F. 1001:1001(0) ack 1
    0.16 > . 1:1(0) ack 1 <sack 1001:1002 501:1002>
    0.2  < . 1:501(500) ack 1
    0.2  > . 1:1(0) ack 1002
    0.2  state CLOSE-WAIT`);
  t.equal(h.mib('TCPOFOQueue'), 3);
  t.equal(h.mib('TCPOFOMerge'), 1);
});

dialogue('a FIN that comes again is acknowledged again, and reported (RFC 2883)', (t, h) => {
  h.passive();
  h.run(`
    0.1  < F. 1:1(0) ack 1
    …    > . 1:1(0) ack 2
    0.4  < F. 1:1(0) ack 1
    0.4  > . 1:1(0) ack 2 <sack 1:2>`);
  t.equal(h.mib('DelayedACKLost'), 1);
});
