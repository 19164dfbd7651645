/** PAWS and timestamps: RFC 7323 §4, §5, in dialogues. */
import { dialogue } from './tcp-harness.ts';

const TS = { options: 'mss 1000,sackOK,TS val 1 ecr 0' };
const DAY = 24 * 3600;

dialogue('§5.3: an old timestamp makes a duplicate of what the window would admit', (_, h) => {
  h.passive(TS);
  h.run(`
    1     < P. 1:101(100) ack 1 <TS val 2000 ecr 0>
    1     > . 1:1(0) ack 101 <TS val 1000 ecr 2000>
    1     read 100
    2     < P. 101:201(100) ack 1 <TS val 1999 ecr 0>
    2     > . 1:1(0) ack 101 <TS val 2000 ecr 2000>
    2     mib PAWSEstab 1
    2     readable 0
    3     < P. 101:201(100) ack 1 <TS val 2000 ecr 0>
    3     > . 1:1(0) ack 201 <TS val 3000 ecr 2000>
    3     readable 100`);
});

dialogue('§5.5: after 24 days of silence no timestamp is old', (_, h) => {
  h.passive(TS);
  h.run(`
    1      < P. 1:101(100) ack 1 <TS val 2000 ecr 0>
    1      > . 1:1(0) ack 101 <TS val 1000 ecr 2000>
    1      read 100
    ${24 * DAY - 1}  < P. 101:201(100) ack 1 <TS val 500 ecr 0>
    +0     > . 1:1(0) ack 101 <*>
    ${24 * DAY + 2}  < P. 101:201(100) ack 1 <TS val 500 ecr 0>
    +0     > . 1:1(0) ack 201 <*>
    +0     mib PAWSEstab 1`);
});

dialogue('§5.2: a RST is not judged by its timestamp', (_, h) => {
  h.passive(TS);
  h.run(`
    1     < P. 1:101(100) ack 1 <TS val 2000 ecr 0>
    1     > . 1:1(0) ack 101 <TS val 1000 ecr 2000>
    2     < R 101:101(0) <TS val 1 ecr 0>
    2     closed ECONNRESET`);
});

dialogue('§3.2: a segment without the option is taken, as Linux does', (_, h) => {
  h.passive(TS);
  h.run(`
    1     < P. 1:101(100) ack 1 <noTS>
    1     > . 1:1(0) ack 101 <TS val 1000 ecr 10>
    1     readable 100`);
});

dialogue('§4.3: what came too early does not become TS.Recent', (_, h) => {
  h.passive(TS);
  h.run(`
    1     < . 101:201(100) ack 1 <TS val 5000 ecr 0>
    1     > . 1:1(0) ack 1 <TS val 1000 ecr 10,sack 101:201>
    1.1   < P. 1:101(100) ack 1 <TS val 4000 ecr 0>
    1.1   > . 1:1(0) ack 201 <TS val 1100 ecr 4000>`);
});

dialogue('§4.3: an ACK that was delayed echoes the first of the segments it answers', (_, h) => {
  h.tcp.config.delackMaxNs = 40e6;
  h.passive(TS);
  h.run(`
    1      < P. 1:101(100) ack 1 <TS val 2000 ecr 0>
    1      > . 1:1(0) ack 101 <TS val 1000 ecr 2000>
    1.01   write 100
    1.01   > P. 1:101(100) ack 101 <TS val 1010 ecr 2000>
    1.02   < P. 101:201(100) ack 101 <TS val 2020 ecr 1010>
    1.03   < P. 201:301(100) ack 101 <TS val 2030 ecr 1010>
    1.06   > . 101:101(0) ack 301 <TS val 1060 ecr 2020>`);
});
