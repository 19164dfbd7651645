/** Options that lie, scales at their edges, text on a SYN, crossing opens with text, FINs beyond the window. */
import { parseScript } from './script-text.ts';
import { DEFAULT_OPTIONS, dialogue, type TcpHarness } from './tcp-harness.ts';

dialogue('RFC 7323 §2.3: a shift beyond 14 is 14', (t, h) => {
  h.passive({ options: `${DEFAULT_OPTIONS},wscale 200`, win: 1000 });
  t.equal(h.flow.agreed.sndShift, 14);
  t.equal(h.flow.snd.wnd, 1000 * 2 ** 14);
});

dialogue('a shift of 14, and the largest window there is', (t, h) => {
  h.passive({ options: `${DEFAULT_OPTIONS},wscale 14`, win: 65535 });
  t.equal(h.flow.snd.wnd, 65535 * 2 ** 14);
  h.run(`
    0.1  write 100
    0.1  > P. 1:101(100) ack 1
    0.2  < . 1:1(0) ack 101 win 65535`);
});

dialogue('a shift of 0 agrees to scaling: ours counts', (t, h) => {
  h.passive({ options: `${DEFAULT_OPTIONS},wscale 0`, win: 500 });
  t.equal(h.flow.agreed.sndShift, 0);
  t.ok(h.flow.agreed.rcvShift > 0);
  t.equal(h.flow.snd.wnd, 500);
});

dialogue('without the option neither side scales', (t, h) => {
  h.passive({ win: 500 });
  t.equal(h.flow.agreed.rcvShift, 0);
  t.equal(h.flow.snd.wnd, 500);
});

dialogue('RFC 7323 §2.2: the window of a SYN is not scaled', (t, h) => {
  h.active({ options: `${DEFAULT_OPTIONS},wscale 7`, win: 4000 });
  t.equal(h.flow.snd.wnd, 4000);
  h.run(`
    0.1  write 100
    0.1  > P. 1:101(100) ack 1
    0.11 < . 1:1(0) ack 101 win 4000`);
  t.equal(h.flow.snd.wnd, 4000 * 2 ** 7);
});

const LIES = [
  'raw 08:02:00:00',
  'raw 08:ff:00:00',
  'raw 05:00:00:00',
  'raw 05:09:00:00:00:01:00:00:00:00:00:00',
  'raw fe:01:00:00',
  'raw 02:04:00:01',
  'raw 03:03:0e:00',
  'raw 04:02:00:00',
];

for (const lie of LIES) {
  dialogue(`MUST-7: text with an option that is none is text: ${lie}`, (_, h) => {
    h.passive();
    h.run(`
      0.1  < P. 1:101(100) ack 1 <${lie}>
      0.1  > . 1:1(0) ack 101
      0.1  readable 100
      0.2  write 100
      0.2  > P. 1:101(100) ack 101
      0.3  < . 101:101(0) ack 101 <${lie}>
      0.3  state ESTABLISHED`);
  });
}

dialogue('a SACK of what was never sent, or backwards, or empty, is none', (_, h) => {
  h.passive();
  h.run(`
    0.1  write 3000
    0.1  > . 1:1001(1000) ack 1
    0.1  > P. 1001:2001(1000) ack 1
    0.1  > P. 2001:3001(1000) ack 1
    0.11 < . 1:1(0) ack 1 <sack 5001:6001>
    0.11 < . 1:1(0) ack 1 <sack 2001:1001>
    0.11 < . 1:1(0) ack 1 <sack 2001:2001>
    0.11 < . 1:1(0) ack 1 <sack -5000:-4000>
    0.12 < . 1:1(0) ack 3001
    0.12 mib RetransSegs 0`);
});

dialogue('text on the SYN of a listener is not kept: it is sent again', (_, h) => {
  h.run(`
    0    listen
    0    < S 0:100(100) win 65535 <${DEFAULT_OPTIONS}>
    0    > S. 0:0(0) ack 1 <*>
    0.01 < . 1:1(0) ack 1
    0.01 state ESTABLISHED
    0.01 readable 0
    0.02 < P. 1:101(100) ack 1
    0.02 > . 1:1(0) ack 101
    0.02 read 100 = 100`);
});

/** A simultaneous open, at 0.2. */
function cross(h: TcpHarness): void {
  h.run(`
    0    connect
    0    > S 0:0(0) <*>
    0.1  < S 0:0(0) win 65535 <${DEFAULT_OPTIONS}>
    0.1  > S. 0:0(0) ack 1 <*>`);
}

dialogue('RFC 9293 figure 7, with text: the ACK that ends it may carry some', (_, h) => {
  cross(h);
  h.run(`
    0.2  < P. 1:101(100) ack 1
    0.2  > . 1:1(0) ack 101
    0.2  state ESTABLISHED
    0.2  readable 100
    0.3  write 50
    0.3  > P. 1:51(50) ack 101
    0.31 < . 101:101(0) ack 51`);
});

dialogue(
  'figure 7: the SYN-ACK that ends it repeats a SYN, which is told as a duplicate',
  (_, h) => {
    cross(h);
    h.run(`
    0.2  < S. 0:0(0) ack 1 <${DEFAULT_OPTIONS}>
    0.2  > . 1:1(0) ack 1 <sack 0:1>
    0.2  state ESTABLISHED`);
  },
);

dialogue(
  'crossing SYNs: the SYN again, or a RST elsewhere in the window, is challenged',
  (_, h) => {
    cross(h);
    h.run(`
    0.2  < S 0:0(0) <${DEFAULT_OPTIONS}>
    0.2  > . 1:1(0) ack 1
    0.2  mib TCPSYNChallenge 1
    0.8  < R 100:100(0)
    0.8  > . 1:1(0) ack 1
    0.8  mib TCPChallengeACK 2
    0.9  < R 1:1(0)
    0.9  closed ECONNRESET`);
  },
);

dialogue('a FIN beyond the window is refused, and its text; one at the edge is taken', (_, h) => {
  h.passive();
  const edge = 1 + h.flow.rcv.window();
  h.run(`
    0.1  < F. ${edge + 1}:${edge + 101}(100) ack 1
    0.1  > . 1:1(0) ack 1
    0.2  < F. ${edge + 1}:${edge + 1}(0) ack 1
    0.2  > . 1:1(0) ack 1
    0.3  < F. ${edge}:${edge}(0) ack 1
    0.3  > . 1:1(0) ack 1 <sack ${edge}:${edge + 1}>
    0.3  state ESTABLISHED`);
});

dialogue('a header length that lies: less than a header, or more than the segment', (t, h) => {
  h.passive();
  const [line] = parseScript('0.1 < P. 1:11(10) ack 1');
  for (const words of [0, 1, 4, 8, 15]) {
    h.inject(line!, { words });
    h.run(`
      +0.1  nothing
      +0    readable 0
      +0    state ESTABLISHED`);
  }
  t.equal(h.mib('InErrs'), 5);
  // Seven words are two of options and two bytes of text, which are not what they say.
  h.inject(line!, { words: 7 });
  h.run(`
    0.51  > . 1:1(0) ack 3
    0.51  readable 2`);
});

dialogue('reserved bits in a header change nothing', (_, h) => {
  h.passive();
  const [line] = parseScript('0.1 < P. 1:11(10) ack 1');
  h.inject(line!, { reserved: 7 });
  h.run(`
    0.01  > . 1:1(0) ack 11
    0.01  readable 10`);
});
