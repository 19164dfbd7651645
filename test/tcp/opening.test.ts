/** How connections begin: SYN and SYN-ACK, lost, late, repeated, or too many. */
import { ip4, ip6, PEER4, PEER6, US4, US6 } from '../net/packets.ts';
import { NetHarness } from '../net/rig.ts';
import { tcpBytes } from './segment-text.ts';
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

dialogue('RFC 7323 §4.3: text that overtakes other text does not make that one old', (t, h) => {
  h.run(`
    0      listen
    0      < S 0:0(0) win 1000 <mss 1000,sackOK,TS val 100 ecr 0>
    0      > S. 0:0(0) ack 1 <*>
    0.05   < . 1001:2001(1000) ack 1 win 1000 <TS val 102 ecr 0>
    0.05   > . 1:1(0) ack 1 <*>
    0.051  < . 1:1001(1000) ack 1 win 1000 <TS val 101 ecr 0>
    0.051  > . 1:1(0) ack 2001 <*>
    0.051  read 2000`);
  t.equal(h.mib('PAWSEstab'), 0);
});

dialogue('an accept queue that is full gives nobody more time (Linux)', (t, h) => {
  h.run(`
    0      listen 0
    0      < S 0:0(0) win 1000 <mss 1000>
    0      > S. 0:0(0) ack 1 <mss 1460>`);
  Object.defineProperty(h.listener!, 'isAcceptQueueFull', { get: () => true });
  h.trace = [];
  for (let s = 1; s <= 70; s++) h.run(`${s - 0.1} < . 1:1(0) ack 1 win 1000`);
  t.equal(h.trace.filter((line) => line.includes('S.')).length, 5, 'the SYN-ACK is sent again');
  h.trace = null;
  t.equal(h.tcp.demux.size, 0);
});

dialogue('the reset for a port where nobody listens has the DSCP of what it answers', (t) => {
  const h = new NetHarness();
  for (const [tos, answer] of [
    [0, 0],
    [3, 0],
    [0xb9, 0xb8],
    [0xff, 0xfc],
  ] as const) {
    const syn = { srcPort: 4000, dstPort: 79, seq: 1, ack: 0, flags: 'S', win: 100 };
    h.give(ip4({ protocol: 6, tos }, tcpBytes(syn, PEER4, US4)));
    h.give(ip6({ next: 6, tc: tos }, tcpBytes(syn, PEER6, US6)));
    t.same(
      h.sent().map((p) => p.tos),
      [answer, answer],
      `${tos}`,
    );
  }
});
