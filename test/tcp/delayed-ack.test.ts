/** When we acknowledge: RFC 9293 §3.8.6.3, RFC 5681 §4.2, with Linux's quick ACKs, conversation and compression. */
import { dialogue, type TcpHarness } from './tcp-harness.ts';

/** So many segments, one a millisecond, from `at` on, each answered at once; all of them read. */
function quickly(h: TcpHarness, at: number, from: number, count: number, size: number): void {
  for (let i = 0; i < count; i++) {
    const seq = from + size * i;
    h.run(`
      ${at + i / 1000}  < . ${seq}:${seq + size}(${size}) ack 1
      +0  > . 1:1(0) ack ${seq + size}
      +0  read ${size}`);
  }
}

/** Sixteen segments, or half a window of them, are acknowledged at once; then an ACK waits for a second one. */
function pastQuick(h: TcpHarness): void {
  h.passive();
  quickly(h, 0.1, 1, 16, 1000);
}

dialogue('SHLD-19: every second full segment, a single one after 40 ms', (_, h) => {
  pastQuick(h);
  h.run(`
    0.12  < . 16001:17001(1000) ack 1
    0.12  read 1000
    0.121 < . 17001:18001(1000) ack 1
    0.121 > . 1:1(0) ack 18001
    0.121 read 1000
    0.2   < . 18001:19001(1000) ack 1
    0.24~0.4  > . 1:1(0) ack 19001`);
});

dialogue('a conversation: answers carry the ACKs', (_, h) => {
  h.passive();
  h.run(`
    0.1   < P. 1:11(10) ack 1
    0.1   > . 1:1(0) ack 11
    0.1   read 10
    0.101 write 20
    0.101 > P. 1:21(20) ack 11
    0.11  < P. 11:21(10) ack 21
    0.111 read 10
    0.112 write 20
    0.112 > P. 21:41(20) ack 21
    0.12  < P. 21:31(10) ack 41
    0.16  > . 41:41(0) ack 31
    0.17  < P. 31:41(10) ack 41
    0.17~0.22  > . 41:41(0) ack 41`);
});

dialogue('a gap: the first duplicates at once, then compressed to one a millisecond', (_, h) => {
  pastQuick(h);
  h.run(`
    0.2     < . 17001:18001(1000) ack 1
    0.2     > . 1:1(0) ack 16001 <sack 17001:18001>
    0.2001  < . 18001:19001(1000) ack 1
    0.2001  > . 1:1(0) ack 16001 <sack 17001:19001>
    0.2002  < . 19001:20001(1000) ack 1
    0.2002  > . 1:1(0) ack 16001 <sack 17001:20001>
    0.2003  < . 20001:21001(1000) ack 1
    0.2004  < . 21001:22001(1000) ack 1
    0.2003~0.2015  > . 1:1(0) ack 16001 <sack 17001:22001>
    0.21    mib TCPAckCompressed 1
    0.22    < . 16001:17001(1000) ack 1
    0.22    > . 1:1(0) ack 22001`);
});

dialogue('what was received twice is acknowledged at once, and tells so', (_, h) => {
  pastQuick(h);
  h.run(`
    0.2  < . 15001:16001(1000) ack 1
    0.2  > . 1:1(0) ack 16001 <sack 15001:16001>
    0.2  mib TCPDSACKOldSent 1`);
});

dialogue('the reader’s progress acknowledges what waited for it', (_, h) => {
  h.settings.change({ rcvbufBytes: 12000 });
  h.passive();
  h.run(`
    0.1   < . 1:1001(1000) ack 1
    0.1   > . 1:1(0) ack 1001
    0.101 < . 1001:2001(1000) ack 1
    0.102 < . 2001:3001(1000) ack 1
    0.11  read 3000
    0.11  > . 1:1(0) ack 3001`);
});

dialogue(
  'an ACK that nothing carried waits twice as long the next time, within a round trip',
  (_, h) => {
    h.passive({ rtt: 0.2 });
    quickly(h, 0.3, 1, 16, 1000);
    h.run(`
    0.4   < . 16001:17001(1000) ack 1
    0.44  > . 1:1(0) ack 17001
    0.44  read 1000
    0.5   < . 17001:18001(1000) ack 1
    0.58  > . 1:1(0) ack 18001
    0.58  read 1000
    0.6   mib DelayedACKs 2`);
  },
);
