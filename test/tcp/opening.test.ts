/** How connections begin: SYN and SYN-ACK, lost, late, repeated, or too many. */
import { dialogue } from './tcp-harness.ts';

dialogue('a SYN that comes again is answered again, twice a second at most; no timeout', (t, h) => {
  h.run(`
    0     listen
    0     < S 0:0(0) win 1000 <mss 1000>
    0     > S. 0:0(0) ack 1 <mss 1460>
    0.1   < S 0:0(0) win 1000 <mss 1000>
    0.1   > S. 0:0(0) ack 1 <mss 1460>
    0.2   < S 0:0(0) win 1000 <mss 1000>
    0.2   < S 0:0(0) win 1000 <mss 1000>
    0.7   < S 0:0(0) win 1000 <mss 1000>
    0.7   > S. 0:0(0) ack 1 <mss 1460>
    1.7   > S. 0:0(0) ack 1 <mss 1460>
    1.8   < . 1:1(0) ack 1 win 1000
    1.8   state ESTABLISHED`);
  t.equal(h.mib('TCPACKSkippedSynRecv'), 2);
  t.equal(h.mib('TCPSynRetrans'), 3);
  t.equal(h.mib('TCPTimeouts'), 1);
});

dialogue('a SYN-ACK that echoes a timestamp of no SYN of ours is reset (PAWSActive)', (t, h) => {
  h.run(`
    0    connect
    0    > S 0:0(0) <*>
    0.1  < S. 0:0(0) ack 1 win 1000 <mss 1000,sackOK,TS val 1 ecr 999999>
    0.1  > R 1:1(0)
    0.2  < S. 0:0(0) ack 1 win 1000 <mss 1000,sackOK,TS val 1 ecr 0>
    0.2  > . 1:1(0) ack 1 <*>
    0.2  state ESTABLISHED`);
  t.equal(h.mib('PAWSActive'), 1);
});

dialogue('of SYNs that were sent again any may be echoed', (t, h) => {
  h.run(`
    0    connect
    0    > S 0:0(0) <*>
    1    > S 0:0(0) <*>
    1.1  < S. 0:0(0) ack 1 win 1000 <mss 1000,sackOK,TS val 1 ecr 1000>
    1.1  > . 1:1(0) ack 1 <*>
    1.1  state ESTABLISHED`);
  t.equal(h.mib('PAWSActive'), 0);
});
