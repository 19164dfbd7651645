/** The harness itself: that its notation says what happens, and that it can fail. */
import t from 'tap';
import { DEFAULT_OPTIONS, dialogue, TcpHarness } from './tcp-harness.ts';

for (const v6 of [false, true]) {
  const family = v6 ? 'IPv6' : 'IPv4';
  dialogue(
    `${family}: open, text both ways, close`,
    (_, h) => {
      h.passive({ rtt: 0.05, options: `${DEFAULT_OPTIONS},TS val 0 ecr 0,wscale 7`, win: 1000 });
      h.run(`
        0.1    write 2500
        0.1    > . 1:989(988) ack 1
        0.1    > P. 989:1977(988) ack 1
        0.1    > P. 1977:2501(524) ack 1
        0.15   < . 1:1(0) ack 2501
        0.2    < P. 1:501(500) ack 2501
        0.2    > . 2501:2501(0) ack 501 <TS val 200 ecr 200>
        0.2    read 1000 = 500
        0.3    shutdown
        0.3    > F. 2501:2501(0) ack 501
        0.3    state FIN-WAIT-1
        0.35   < F. 501:501(0) ack 2502
        0.35   > . 2502:2502(0) ack 502
        0.35   closed 0
        0.35   state TIME-WAIT
        60.35  state CLOSED`);
    },
    { v6 },
  );
}

t.test('what is wrong in a script is found', async (t) => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['a segment that nobody expects', '0.1 write 100', /nobody expects "P\. 1:101\(100\) ack 1/],
    ['a segment that does not come', '0.1 > . 1:1(0) ack 1', /nothing was sent/],
    ['another length', '0.1 write 100\n0.1 > P. 1:100(99) ack 1', /sent "P\. 1:101\(100\) ack 1"/],
    ['another time', '0.1 write 100\n0.2 > P. 1:101(100) ack 1', /sent at 0\.100000/],
    ['an option', '0.1 write 100\n0.1 > P. 1:101(100) ack 1 <mss 1>', /ack 1 <>"/],
    ['another result', '0.1 read 100', /it is EAGAIN, not 100/],
    ['another state', '0.1 state CLOSED', /it is ESTABLISHED/],
    ['a counter', '0.1 mib TCPTimeouts 1', /it is 0/],
    ['an end that does not come', '0.1 closed 0', /it is open/],
    ['time that has passed', '0.001 nothing', /passed already/],
    ['a mistake in the line', '0.1 < . 1:2(0) ack 1', /is not 0 bytes/],
  ];
  for (const [says, script, error] of cases) {
    const h = new TcpHarness();
    h.passive();
    t.throws(() => h.run(script), error, says);
    h.end(t);
  }
});

for (const iss of [0, 0x7fffffff, 0xffffffff]) {
  dialogue(
    `a first sequence number near ${iss}`,
    (t, h) => {
      h.passive();
      t.ok(Math.abs((h.ourIsn! - iss) | 0) <= 250, `${h.ourIsn}`);
    },
    { iss },
  );
}
