/** What a listener waits for: TCP_DEFER_ACCEPT, TCP_SYNCNT, and less when many do not answer. */
import tap from 'tap';
import { secondsOf, timeoutsFor } from '../../src/tcp/defer-accept.ts';
import { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { parseScript } from './script-text.ts';
import { dialogue, type TcpHarness } from './tcp-harness.ts';

const OPEN = `
  0     listen
  0     < S 0:0(0) win 1000 <mss 1000>
  0     > S. 0:0(0) ack 1 <mss 1460>`;

dialogue('TCP_DEFER_ACCEPT: a bare ACK opens nothing, text does', (t, h) => {
  h.run(`
    0     set deferTimeouts 3
    ${OPEN}
    0.1   < . 1:1(0) ack 1 win 1000
    0.1   state SYN-RECEIVED
    0.2   < . 1:1(0) ack 1 win 1000
    0.5   < P. 1:101(100) ack 1
    0.5   > . 1:1(0) ack 101
    0.5   state ESTABLISHED
    0.5   read 100`);
  t.equal(h.mib('TCPDeferAcceptDrop'), 2);
  t.equal(h.mib('PassiveOpens'), 1);
});

dialogue(
  'TCP_DEFER_ACCEPT: at its end the SYN-ACK leaves once more, and a bare ACK opens',
  (t, h) => {
    h.run(`
    0     set deferTimeouts 3
    ${OPEN}
    0.1   < . 1:1(0) ack 1 win 1000
    7     > S. 0:0(0) ack 1 <mss 1460>
    7.1   < . 1:1(0) ack 1 win 1000
    7.1   state ESTABLISHED`);
    t.equal(h.mib('TCPSynRetrans'), 1);
  },
);

dialogue('TCP_DEFER_ACCEPT: who has not heard is told again as ever', (_t, h) => {
  h.run(`
    0     set deferTimeouts 3
    ${OPEN}
    1     > S. 0:0(0) ack 1 <mss 1460>
    1.1   < . 1:1(0) ack 1 win 1000
    7     > S. 0:0(0) ack 1 <mss 1460>
    7.1   < . 1:1(0) ack 1 win 1000
    7.1   state ESTABLISHED`);
});

dialogue('TCP_DEFER_ACCEPT: a FIN is something to read', (_t, h) => {
  h.run(`
    0     set deferTimeouts 3
    ${OPEN}
    0.1   < F. 1:1(0) ack 1 win 1000
    0.1   > . 1:1(0) ack 2
    0.1   state CLOSE-WAIT`);
});

dialogue(
  'who opens with TCP_DEFER_ACCEPT answers the SYN-ACK with text, or 200 ms later',
  (_t, h) => {
    h.run(`
    0     set deferTimeouts 1
    0     connect
    0     > S 0:0(0) <*>
    0.1   < S. 0:0(0) ack 1 win 1000 <mss 1000>
    0.3   > . 1:1(0) ack 1`);
  },
);

dialogue('and with text', (_t, h) => {
  h.run(`
    0     set deferTimeouts 1
    0     connect
    0     > S 0:0(0) <*>
    0.1   < S. 0:0(0) ack 1 win 1000 <mss 1000>
    0.15  write 100
    0.15  > P. 1:101(100) ack 1`);
});

dialogue('TCP_SYNCNT counts for a listener, too', (t, h) => {
  h.run(`
    0     set synRetries 1
    ${OPEN}
    1     > S. 0:0(0) ack 1 <mss 1460>
    3     state LISTEN
    9     nothing`);
  t.equal(h.mib('TCPSynRetrans'), 1);
});

/** SYN-ACKs that so many SYNs are sent in all when nobody answers. */
function answers(h: TcpHarness, syns: number, backlog: number): number {
  const [syn] = parseScript('0 < S 0:0(0) win 1000 <mss 1000>');
  h.run(`0 listen ${backlog}`);
  h.trace = [];
  for (let i = 0; i < syns; i++) h.inject(syn!, { srcPort: 1024 + i });
  h.advanceTo(h.rig.net.env.nowNs + 200e9);
  const count = h.trace.length;
  h.trace = null;
  return count;
}

const QUEUES = [
  {
    title: 'of 8 SYNs in a queue of 16 that nobody answers none is waited for less',
    syns: 8,
    few: 0,
  },
  { title: 'of 9 one is: the queue is more than half full', syns: 9, few: 1 },
  { title: 'of 17 it is nine', syns: 17, few: 9 },
];
for (const { title, syns, few } of QUEUES) {
  dialogue(title, (t, h) => {
    t.equal(answers(h, syns, 16), 3 * few + 6 * (syns - few));
    t.equal(h.tcp.demux.size, 0);
  });
}

tap.test('seconds and timeouts of the SYN-ACK', (t) => {
  const config = new TcpConfig();
  const rows = [
    [-1, 0, 0],
    [0, 0, 0],
    [1, 1, 1],
    [2, 2, 3],
    [3, 2, 3],
    [4, 3, 7],
    [7, 3, 7],
    [10, 4, 15],
    [300, 9, 367],
    [100_000, 255, 29_887],
  ] as const;
  for (const [seconds, timeouts, back] of rows) {
    t.equal(timeoutsFor(seconds, config), timeouts, `${seconds} s`);
    t.equal(secondsOf(timeouts, config), back, `${timeouts} timeouts`);
  }
  t.end();
});

dialogue(
  'a stack that closes tells nobody who waits in a listener, and gives them to none',
  (t, h) => {
    h.isAccepting = false;
    h.tcp.config.migrateReq = 1;
    h.run('0 set isReusePort true\n0 listen');
    h.run(`
    0     < S 0:0(0) win 1000 <mss 1000>
    0     > S. 0:0(0) ack 1 <mss 1460>
    0.1   < . 1:1(0) ack 1 win 1000
    0.1   < P. 1:101(100) ack 1
    …     > . 1:1(0) ack 101
    1     listen`);
    h.tcp.closeAll();
    h.run('2 nothing');
    t.same([h.mib('OutRsts'), h.mib('TCPMigrateReqSuccess'), h.tcp.demux.size], [0, 0, 0]);
  },
);
