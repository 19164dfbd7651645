/** What waits while nothing can leave, or nobody answers: it goes when it can, and ends when it should. */
import { closeListener } from '../../src/tcp/listener-close.ts';
import { tcpPeek, tcpReadUrgent } from '../../src/tcp/user-calls.ts';
import { data, US4 } from '../net/packets.ts';
import { ip } from '../net/rig.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const QUICK = { tcp: { maxRtoNs: 1e9, orphanRetries: 2 } };
/** Without our address there is no way out. */
const ONE_WAY = { gateway: false };

/** The route to the peer goes with our address. */
function verbs(h: TcpHarness): void {
  h.verb('unroute', () => h.rig.stack.removeAddress(h.rig.port.iface, ip(US4)));
  h.verb('route', () => h.rig.addAddress(h.rig.port, `${US4}/24`));
}

dialogue(
  'a peer that shuts its window over text in flight and is never heard again is given up',
  (_, h) => {
    h.passive();
    h.run(`
      0.1   write 1000
      0.1   > P. 1:1001(1000) ack 1
      0.11  < . 1:1(0) ack 1 win 0
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      …     closed ETIMEDOUT`);
  },
  QUICK,
);
dialogue('with TCP_USER_TIMEOUT it is given up after that', (_, h) => {
  h.passive();
  h.run(`
      0.1   set userTimeoutMs 500
      0.1   write 1000
      0.1   > P. 1:1001(1000) ack 1
      0.11  < . 1:1(0) ack 1 win 0
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      …     closed ETIMEDOUT`);
});
dialogue(
  'nobody waits for a shut window when the application has closed',
  (_, h) => {
    h.passive();
    h.run(`
      0.1   write 1000
      0.1   > P. 1:1001(1000) ack 1
      0.11  < . 1:1(0) ack 1 win 0
      0.12  close
      0.12  > F. 1001:1001(0) ack 1
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      …     > P. 1:1001(1000) ack 1
      200   state CLOSED`);
  },
  QUICK,
);
dialogue(
  'a route that is away when the timer fires does not end the connection',
  (_, h) => {
    verbs(h);
    h.passive();
    h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.11  unroute
    9     state ESTABLISHED
    9     route
    …     > P. 1:1001(1000) ack 1`);
  },
  ONE_WAY,
);
dialogue(
  'text that found no route leaves when there is one again',
  (_, h) => {
    verbs(h);
    h.passive();
    h.run(`
    0.1   unroute
    0.1   write 1000
    0.3   route
    …     > P. 1:1001(1000) ack 1
    +0.01 < . 1:1(0) ack 1001`);
  },
  ONE_WAY,
);
dialogue(
  'so does a FIN',
  (_, h) => {
    verbs(h);
    h.passive();
    h.run(`
    0.1   unroute
    0.1   shutdown
    0.3   route
    …     > F. 1:1(0) ack 1
    +0.01 < . 1:1(0) ack 2`);
  },
  ONE_WAY,
);
dialogue(
  'a FIN that never finds a route is given up when the application has closed',
  (t, h) => {
    verbs(h);
    h.passive();
    h.run(`
    0.1   unroute
    0.1   close
    1500  state CLOSED`);
    t.equal(h.tcp.demux.size, 0, 'nothing is left of it');
  },
  ONE_WAY,
);
dialogue('what a listener that closes had not handed over is forgotten, ended or not', (t, h) => {
  h.passive({});
  const { listener, tcp } = h;
  h.peer.port = 40001;
  listener!.acceptor.acceptable = () => undefined;
  h.run(`
    0.1   < S 0:0(0) win 65535 <mss 1000>
    0.1   > S. 0:0(0) ack 1 <*>
    0.2   < P. 1:101(100) ack 1
    0.2   > . 1:1(0) ack 101
    0.3   < R. 101:101(0) ack 1`);
  h.peer.port = 40002;
  h.run(`
    0.4   < S 0:0(0) win 65535 <mss 1000>
    0.4   > S. 0:0(0) ack 1 <*>
    0.5   < P. 1:101(100) ack 1
    0.5   > . 1:1(0) ack 101`);
  t.equal(listener!.waiting, 2);
  const before = tcp.totals.live;
  closeListener(tcp, listener!);
  h.run('0.5  > R. 1:1(0) ack 101');
  t.equal(tcp.totals.live, before - 2);
  t.equal(tcp.env.memory.pages.held, 0);
});
dialogue('MSG_PEEK at the urgent mark looks past the byte and leaves it', (t, h) => {
  h.passive();
  h.run(`
    0.1  < U. 1:11(10) ack 1 urg 1
    0.1  > . 1:1(0) ack 11`);
  const into = new Uint8Array(20);
  t.equal(tcpPeek(h.flow, into), 9);
  t.same(into.subarray(0, 9), data(9, 1));
  t.equal(tcpReadUrgent(h.flow, into, false), 1, 'it can still be read');
  t.same(into.subarray(0, 1), data(1, 0));
});
dialogue(
  'once SND.UNA has gone round, an ACK from a little before is no older than others',
  (_, h) => {
    h.passive();
    h.run(`
      0.1   write 1000
      0.1   > P. 1:1001(1000) ack 1
      0.11  < . 1:1(0) ack 1001`);
    h.flow.totals.acknowledged(2 ** 32);
    h.run(`
      0.2   < . 1:101(100) ack -1
      0.2   > . 1001:1001(0) ack 101
      0.2   mib TCPChallengeACK 0`);
  },
);
dialogue('without SACK, duplicates stand for none of what a router found too large', (t, h) => {
  h.passive({ options: 'mss 1000' });
  h.run(`
    0.1   write 4000
    0.1   > . 1:1001(1000) ack 1
    0.1   > P. 1001:2001(1000) ack 1
    0.1   > . 2001:3001(1000) ack 1
    0.1   > P. 3001:4001(1000) ack 1
    0.11  < . 1:1(0) ack 1
    0.11  < . 1:1(0) ack 1`);
  const { rtx } = h.flow;
  t.equal(rtx.sackedOut, 2);
  h.rig.port.wire.isFull = true;
  h.run('0.12  < icmp frag-needed 576 1');
  t.equal(rtx.lostOut, rtx.packetsOut, 'all of it goes again');
  t.equal(rtx.sackedOut, 0);
  h.run('0.12  abort');
});
dialogue(
  'a tail-loss probe does not resend what has been SACKed',
  (_, h) => {
    h.tcp.config.earlyRetrans = 0;
    h.run(`
      0     listen
      0     < SEW 0:0(0) win 65535 <mss 1000,sackOK>
      0     > SE. 0:0(0) ack 1 <*>
      0.01  < . 1:1(0) ack 1
      0.1   write 2000
      0.1   > . 1:1001(1000) ack 1
      0.1   > P. 1001:2001(1000) ack 1
      …     > . 1:1001(1000) ack 1`);
    h.tcp.config.earlyRetrans = 3;
    // F-RTO takes the timeout back, the echo leads to CWR, where probes are sent.
    h.run(`
      +0.01 < E. 1:1(0) ack 1 <sack 1001:2001>
      …     > . 1:1001(1000) ack 1
      +0.01 < . 1:1(0) ack 2001`);
  },
  { tcp: { ecn: 1 } },
);
