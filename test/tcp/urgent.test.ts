/** Urgent data in dialogues: RFC 9293 §3.8.5, RFC 6093, with the one mark and the one byte that applications know. */
import { dialogue } from './tcp-harness.ts';

dialogue(
  'MUST-62: the pointer points behind the urgent byte, in each segment before it',
  (_, h) => {
    h.passive();
    h.run(`
    0.1   write 2500 oob
    0.1   > U. 1:1001(1000) ack 1 urg 2500
    0.1   > U. 1001:2001(1000) ack 1 urg 1500
    0.1   > PU. 2001:2501(500) ack 1 urg 500
    0.11  < . 1:1(0) ack 2501
    0.2   write 10
    0.2   > P. 2501:2511(10) ack 1
    0.21  < . 1:1(0) ack 2511`);
  },
);

dialogue('urgent text does not wait for Nagle', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 100
    0.1   > P. 1:101(100) ack 1
    0.1   write 100
    0.102 write 1 oob
    0.102 > PU. 101:202(101) ack 1 urg 101
    0.11  < . 1:1(0) ack 202`);
});

dialogue('a shut window: the probe tells that there is urgent data', (_, h) => {
  h.passive();
  h.run(`
    0.1   write 100
    0.1   > P. 1:101(100) ack 1
    0.11  < . 1:1(0) ack 101 win 0
    0.2   write 10 oob
    0.2~0.42  > U. 100:100(0) ack 1 urg 11
    0.43  < . 1:1(0) ack 101 win 1000
    0.43  > PU. 101:111(10) ack 1 urg 10
    0.44  < . 1:1(0) ack 111`);
});

dialogue('a read stops at the mark, and steps over the byte that is out of band', (_, h) => {
  h.passive();
  h.run(`
    0.1  < PU. 1:101(100) ack 1 urg 51
    0.1  > . 1:1(0) ack 101
    0.1  mark not
    0.1  read 200 = 50
    0.1  mark here
    0.1  oob 51
    0.1  oob 51 = EINVAL
    0.1  read 200 = 49
    0.1  read 200 = EAGAIN`);
});

dialogue(
  'in line: the urgent byte is read with the others; the mark still stops a read',
  (_, h) => {
    h.settings.change({ isUrgentInline: true });
    h.passive();
    h.run(`
    0.1  < PU. 1:101(100) ack 1 urg 51
    0.1  > . 1:1(0) ack 101
    0.1  oob 51 = EINVAL
    0.1  read 200 = 50
    0.1  mark here
    0.1  read 200 = 50
    0.1  mark not`);
  },
);

dialogue('a pointer may come before its byte', (_, h) => {
  h.passive();
  h.run(`
    0.1  < U. 1:1(0) ack 1 urg 100
    0.1  oob 100 = EAGAIN
    0.2  < P. 1:151(150) ack 1
    0.2  > . 1:1(0) ack 151
    0.2  oob 100
    0.2  read 200 = 99
    0.2  read 200 = 50`);
});

dialogue('a newer pointer takes the place of an older one, whose byte is text again', (_, h) => {
  h.passive();
  h.run(`
    0.1  < PU. 1:11(10) ack 1 urg 10
    0.1  > . 1:1(0) ack 11
    0.2  < PU. 11:21(10) ack 1 urg 10
    0.2  > . 1:1(0) ack 21
    0.2  oob 20
    0.2  read 100 = 19
    0.2  read 100 = EAGAIN`);
});

dialogue('a pointer to what was read says nothing', (_, h) => {
  h.passive();
  h.run(`
    0.1  < P. 1:101(100) ack 1
    0.1  > . 1:1(0) ack 101
    0.1  read 100
    0.3  < PU. 1:101(100) ack 1 urg 50
    0.3  > . 1:1(0) ack 101 <sack 1:101>
    0.3  oob 50 = EINVAL`);
});

dialogue('tcp_stdurg: the pointer is that of RFC 1122, at the byte', (_, h) => {
  h.tcp.config.stdurg = 1;
  h.passive();
  h.run(`
    0.1  < PU. 1:101(100) ack 1 urg 50
    0.1  > . 1:1(0) ack 101
    0.1  oob 51`);
});
