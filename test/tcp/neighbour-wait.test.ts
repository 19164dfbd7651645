/** Segments wait while the neighbour's address is asked for (RFC 1122 §2.3.2.2), and the connection hears when nobody has it. */
import { PEER_MAC, PEER4 } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const forget = (h: TcpHarness): void => {
  h.rig.port.iface.neighbours.remove(ip(PEER4));
};
/** At the next line: the address is known from then on. */
const answers = (h: TcpHarness): void =>
  h.verb('answers', () => {
    h.rig.knows(PEER4, PEER_MAC);
    return 0;
  });

dialogue('a SYN leaves as soon as the neighbour has answered', (_, h) => {
  forget(h);
  answers(h);
  h.run(`
    0     connect
    0.3   answers
    0.3   > S 0:0(0) <*>
    0.31  < S. 0:0(0) ack 1 <mss 1000,sackOK>
    0.31  > . 1:1(0) ack 1`);
});

dialogue('text of a standing connection waits with its bytes as they were', (_, h) => {
  h.passive();
  forget(h);
  answers(h);
  h.run(`
    0.1   write 300
    0.12  answers
    0.12  > P. 1:301(300) ack 1
    0.13  < . 1:1(0) ack 301`);
});

dialogue(
  'nobody answers: an attempt to open ends with EHOSTUNREACH, as with an ICMP error',
  (_, h) => {
    forget(h);
    h.run(`
    0       connect
    2~4     closed EHOSTUNREACH`);
  },
);

dialogue('nobody answers: a standing connection goes on, and ends by its timeout', (_, h) => {
  h.passive();
  h.tcp.config.earlyRetrans = 0;
  forget(h);
  answers(h);
  h.run(`
    0.1   write 300
    6     state ESTABLISHED`);
  h.run(`
    6.1   answers
    6.1~60 > P. 1:301(300) ack 1
    +0.01 < . 1:1(0) ack 301`);
});

dialogue(
  'RFC 3168 §6.1.2: a super-frame that waits says CWR once',
  (_, h) => {
    h.tcp.config.earlyRetrans = 0;
    h.run(`
      0     listen
      0     < SEW 0:0(0) win 65535 <mss 1000,sackOK>
      0     > S.E 0:0(0) ack 1 <*>
      0.01  < . 1:1(0) ack 1
      0.1   write 1000
      0.1   > P. 1:1001(1000) ack 1
      0.11  < .E 1:1(0) ack 1001`);
    h.flow.congestion.view.setCwnd(10); // as if it had grown: for frames of two segments
    forget(h);
    answers(h);
    h.run(`
      0.2   write 2000
      0.22  answers
      0.22  > .W 1001:2001(1000) ack 1
      0.22  > P. 2001:3001(1000) ack 1
      0.23  < . 1:1(0) ack 3001`);
  },
  { caps: { tso4: true, txChecksum: true, maxFrame: 65549 } },
);
