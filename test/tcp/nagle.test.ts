/** When small text leaves: Nagle with Minshall's test, cork, MSG_MORE, records, silly windows (RFC 9293 §3.7.4, §3.8.6.2). */
import { tcpWrite } from '../../src/tcp/user-calls.ts';
import { dialogue } from './tcp-harness.ts';

dialogue('Minshall: a small segment waits for a small one, not for full ones', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 1000
    0.1   > P. 1:1001(1000) ack 1
    0.101 write 10
    0.101 > P. 1001:1011(10) ack 1
    0.102 write 10
    0.103 write 10
    0.11  < . 1:1(0) ack 1001
    0.12  < . 1:1(0) ack 1011
    0.12  > P. 1011:1031(20) ack 1
    0.13  < . 1:1(0) ack 1031`);
});

dialogue('what fills a segment does not wait', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 10
    0.1   > P. 1:11(10) ack 1
    0.101 write 600
    0.102 write 600
    0.102 > . 11:1011(1000) ack 1
    0.11  < . 1:1(0) ack 1011
    0.11  > P. 1011:1211(200) ack 1
    0.12  < . 1:1(0) ack 1211`);
});

dialogue('TCP_NODELAY: everything goes; set later, what waits goes', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 10
    0.1   > P. 1:11(10) ack 1
    0.101 write 10
    0.102 set isNoDelay true
    0.102 > P. 11:21(10) ack 1
    0.103 write 10
    0.103 > P. 21:31(10) ack 1
    0.11  < . 1:1(0) ack 31`);
});

dialogue(
  'MSG_MORE: the rest of a segment waits for more, 200 ms when nothing is in flight',
  (_, h) => {
    h.passive();
    h.run(`
    0.1   write 100 more
    0.2   write 100
    0.2   > P. 1:201(200) ack 1
    0.21  < . 1:1(0) ack 201
    0.3   write 1300 more
    0.3   > . 201:1201(1000) ack 1
    0.31  < . 1:1(0) ack 1201
    0.31  > . 1201:1501(300) ack 1    # as soon as Nagle lets it; it was not the end of a write
    0.32  < . 1:1(0) ack 1501
    0.4   write 100 more
    0.61  > P. 1501:1601(100) ack 1
    0.62  < . 1:1(0) ack 1601`);
  },
);

dialogue('a cork: full segments go, the rest when it is pulled or the FIN comes', (_, h) => {
  h.passive();
  h.run(`
    0.1   set isCorked true
    0.1   write 2300
    0.1   > . 1:1001(1000) ack 1
    0.1   > P. 1001:2001(1000) ack 1  # the end of a frame of two
    0.11  < . 1:1(0) ack 2001
    0.12  set isCorked false
    0.12  > P. 2001:2301(300) ack 1
    0.13  < . 1:1(0) ack 2301
    0.2   set isCorked true
    0.2   write 50
    0.21  shutdown
    0.21  > FP. 2301:2351(50) ack 1
    0.22  < . 1:1(0) ack 2352`);
});

dialogue('MSG_EOR: nothing joins the text before it, in retransmissions either', (_, h) => {
  h.passive();
  h.tcp.config.earlyRetrans = 0;
  h.run(`
    0.1   write 300 eor
    0.1   > P. 1:301(300) ack 1
    0.101 write 300 eor
    0.102 write 300
    0.102 > P. 301:601(300) ack 1     # nothing can join it any more
    0.11  < . 1:1(0) ack 301
    0.12  < . 1:1(0) ack 601
    0.12  > P. 601:901(300) ack 1
    0.13  < . 1:1(0) ack 901`);
});

dialogue(
  '§3.9.1.2: a write of more than half a window is pushed on its way, too',
  (_, h) => {
    // Frames of one segment: what is cut has PSH at its end anyway.
    h.passive({ win: 4000, rtt: 0.1 });
    h.run(`
    0.2   write 13000
    0.2   > . 1:1001(1000) ack 1
    +0    > . 1001:2001(1000) ack 1
    +0    > . 2001:3001(1000) ack 1
    +0    > P. 3001:4001(1000) ack 1      # the first buffer that ends beyond half of 4000
    0.3  < . 1:1(0) ack 4001 win 4000
    0.3  > . 4001:5001(1000) ack 1
    +0    > . 5001:6001(1000) ack 1
    +0    > . 6001:7001(1000) ack 1
    +0    > P. 7001:8001(1000) ack 1      # and then every second buffer
    0.4   < . 1:1(0) ack 8001 win 4000
    0.4   > . 8001:9001(1000) ack 1
    +0    > . 9001:10001(1000) ack 1
    +0    > . 10001:11001(1000) ack 1
    +0    > P. 11001:12001(1000) ack 1
    0.5  < . 1:1(0) ack 12001 win 4000
    0.5  > P. 12001:13001(1000) ack 1    # the end of what was written
    0.6   < . 1:1(0) ack 13001 win 4000
  `);
  },
  { tcp: { minTsoSegs: 1 } },
);

dialogue(
  '§3.8.6.2.2: a receiver’s window opens by two segments or half the buffer, not by slivers',
  (t, h) => {
    h.settings.change({ rcvbufBytes: 8000 });
    h.passive();
    h.run('0.05 readable 0');
    for (let i = 0; i < 4; i++) {
      h.run(`
      ${0.1 + i / 10}   < P. ${1 + 1000 * i}:${1001 + 1000 * i}(1000) ack 1
      +0~+0.04  > . 1:1(0) ack ${1001 + 1000 * i}`);
    }
    const windowAt = (): number => h.flow.rcv.window();
    t.ok(windowAt() <= 1000, `${windowAt()} left`);
    h.run(`
    0.6  read 100
    0.7  read 100
    0.8  read 100`);
    t.ok(windowAt() <= 1000, 'three slivers are no news');
  },
);

for (const [what, win, mtu, taken] of [
  ['the window was small', 600, 1500, 2 * 32000 + 10000],
  ['the link took longer ones', 65535, 620, 2 * 32480 + 5800],
] as const) {
  dialogue(
    `who has only received counts a first write in segments as they are: ${what}`,
    (t, h) => {
      h.passive({ rtt: 0.05, options: 'mss 1000,sackOK', win });
      h.rig.port.iface.limitMtu(mtu);
      h.run(`
      0.1   < . 1:101(100) ack 1 win 65535
      …     > . 1:1(0) ack 101`);
      t.equal(tcpWrite(h.flow, new Uint8Array(1 << 20)), taken);
      h.flow.release();
    },
  );
}

for (const [how, options] of [
  ['a plain ACK', ''],
  ['one with a SACK block', '<sack 1:2>'],
] as const) {
  dialogue(
    `what is written in the turn of ${how} is counted in segments of the path as it is`,
    (t, h) => {
      h.passive({ rtt: 0.05, options: 'mss 1000,sackOK' });
      h.run(`
      0.1   write 100
      0.1   > P. 1:101(100) ack 1
      0.15  < . 1:1(0) ack 101`);
      h.rig.port.iface.limitMtu(620);
      let segment = 0;
      h.flow.setOwner({
        readable: () => {
          tcpWrite(h.flow, new Uint8Array(1));
          segment = h.flow.congestion.view.mss;
        },
        writable: () => undefined,
        closed: () => undefined,
      });
      h.run(`0.2   << . 1:101(100) ack 101 ${options}`);
      h.rig.settle();
      t.equal(segment, 580);
      h.flow.release();
    },
  );
}
