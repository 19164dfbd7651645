/** A stranger who knows everything but the numbers: RFC 5961, by Linux's rules and one of ours. */
import { dialogue } from './tcp-harness.ts';

dialogue(
  'RFC 5961 §5.2: text outside the window is answered twice a second when its ACK is a guess',
  (_, h) => {
    h.passive();
    h.run(`
      0.1  < P. 900001:900101(100) ack 777777
      0.1  > . 1:1(0) ack 1
      0.2  < P. 900001:900101(100) ack 777777
      0.3  < P 900001:900101(100)
      0.4  < F. -900001:-900001(0) ack -777777
      0.5  < PU. 900001:900101(100) ack 777777 urg 5
      0.5  mib TCPACKSkippedSeq 4
      0.5  < P. 900001:900101(100) ack 1
      0.5  > . 1:1(0) ack 1
      0.6  < P. 900001:900101(100) ack 777777
      0.6  > . 1:1(0) ack 1`);
  },
);
