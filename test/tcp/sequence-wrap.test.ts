/**
 * Where sequence numbers, or timestamps, pass 2³¹ and 2³² nothing is different: whole traces, in numbers relative
 * to the first ones, are those of a connection that begins at 0.
 */
import t from 'tap';
import { MS } from '../../src/base/time.ts';
import { TcpHarness, type TcpHarnessOptions } from './tcp-harness.ts';

type Scenario = (h: TcpHarness) => void;

const SYN = (options: string, win = 65535): string => `
  0     listen
  0     < S 0:0(0) win ${win} <${options}>
  0.05  < . 1:1(0) ack 1 win ${win}`;

const PLAIN = 'mss 1000,sackOK';

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'text out, SACK, D-SACK, a tail lost, timeouts': (h) =>
    h.run(`${SYN(`${PLAIN},wscale 7`, 1000)}
      0.1   write 30000
      0.15  < . 1:1(0) ack 1 win 1000 <sack 2001:4001>
      0.151 < . 1:1(0) ack 1 win 1000 <sack 2001:5001 7001:9001>
      0.152 < . 1:1(0) ack 1001 win 1000 <sack 2001:5001 7001:10001>
      0.2   < . 1:1(0) ack 10001 win 1000
      0.25  < . 1:1(0) ack 12001 win 1000 <sack 1001:2001>
      3     < . 1:1(0) ack 15001 win 1000
      9     < . 1:1(0) ack 30001 win 1000`),
  'text out without SACK: duplicates, NewReno': (h) =>
    h.run(`${SYN('mss 1000')}
      0.1   write 30000
      0.15  < . 1:1(0) ack 1001
      0.151 < . 1:1(0) ack 1001
      0.152 < . 1:1(0) ack 1001
      0.153 < . 1:1(0) ack 1001
      0.2   < . 1:1(0) ack 5001
      0.25  < . 1:1(0) ack 9001
      2     < . 1:1(0) ack 30001`),
  'text in: gaps, overlaps, what came before, a FIN that is early': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1   < . 1:1001(1000) ack 1
      0.11  < . 2001:3001(1000) ack 1
      0.12  < . 4001:5001(1000) ack 1
      0.13  < P. 2901:4101(1200) ack 1
      0.131 < P. 3501:4501(1000) ack 1
      0.14  < . 1:1001(1000) ack 1
      0.15  < F. 6001:6501(500) ack 1
      0.16  < . 901:2201(1300) ack 1
      0.2   read 9000 = 5000
      0.3   < . 5001:6001(1000) ack 1
      0.4   read 9000 = 1500
      0.4   read 1 = 0
      0.5   < . 3:203(200) ack 1
      0.6   < R 6502:6502(0)
      0.6   state CLOSED`),
  'every text at once, far beyond the boundary': (h) => {
    h.isReading = true;
    h.run(SYN(`${PLAIN},wscale 7`));
    for (let i = 0; i < 60; i++) {
      h.run(`${0.1 + i / 100} < . ${1 + 1000 * i}:${1001 + 1000 * i}(1000) ack 1`);
    }
    h.run('2 readable 0');
  },
  'urgent data both ways': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1  < PU. 1:101(100) ack 1 urg 51
      0.2  read 200 = 50
      0.2  read 200 = 49
      0.3  < U. 101:101(0) ack 1 urg 200
      0.31 < . 101:301(200) ack 1
      0.4  read 400 = 199
      0.4  read 400 = EAGAIN
      0.5  write 500 oob
      0.52 write 500
      0.6  < . 301:301(0) ack 1001`),
  'a window that shuts, probes, slivers': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1  write 3000
      0.15 < . 1:1(0) ack 3001 win 0
      0.2  write 2500
      0.5  < . 1:1(0) ack 3001 win 0
      4    < . 1:1(0) ack 3001 win 300
      9    < . 1:1(0) ack 3301 win 5000
      9.1  < . 1:1(0) ack 5501 win 5000`),
  'a reader that is slow': (h) => {
    h.settings.change({ rcvbufBytes: 8000 });
    h.run(`${SYN(PLAIN)}
      0.1  < . 1:1001(1000) ack 1
      0.2  < . 1001:2001(1000) ack 1
      0.3  < . 2001:3001(1000) ack 1
      0.4  < . 3001:4001(1000) ack 1
      0.5  < . 4001:4002(1) ack 1
      0.6  < . 4000:4000(0) ack 1`);
    h.run('0.7 readable 4000');
    h.run('0.8 read 4000');
    h.run('1 < . 4001:5001(1000) ack 1');
  },
  'we close first, TIME-WAIT, and anew': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1  write 1500
      0.1  shutdown
      0.15 < . 1:1(0) ack 1502
      0.2  < F. 1:101(100) ack 1502
      0.3  < F. 1:101(100) ack 1502
      0.4  < . 102:102(0) ack 1503
      0.5  < S 50:50(0) <${PLAIN}>
      0.6  < R 200:200(0)
      2    < S 70000:70000(0) <${PLAIN}>
      2    state SYN-RECEIVED
      2.1  < R 70001:70001(0)`),
  'they close first': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1  < F. 1:501(500) ack 1
      0.2  read 500
      0.2  write 700
      0.25 shutdown
      0.3  < . 502:502(0) ack 701
      0.4  < . 502:502(0) ack 702
      0.4  state CLOSED`),
  'both close at once, and the FIN is lost': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1  shutdown
      0.12 < F. 1:1(0) ack 1
      1    < F. 1:1(0) ack 1
      2    < . 2:2(0) ack 2
      2    state TIME-WAIT`),
  'challenges and what is out of the window': (h) =>
    h.run(`${SYN(PLAIN)}
      0.1  < R 10:10(0)
      1    < S 0:0(0)
      2    < . 70000:70000(0) ack 1
      3    < . 1:1(0) ack 2
      4    < . 1:1(0) ack -100000
      5    < R 0:0(0)
      6    < R 1:1(0)
      6    state CLOSED`),
  'timestamps, PAWS': (h) =>
    h.run(`
      0     listen
      0     < S 0:0(0) <${PLAIN},TS val 4294966996 ecr 0>
      0.05  < . 1:1(0) ack 1 <TS val 4294967046 ecr 0>
      0.1  write 5000
      0.15 < . 1:1(0) ack 2965 <TS val 4294967146 ecr 100>
      0.2  < . 1:989(988) ack 2965 <TS val 4294967196 ecr 150>
      0.4  < . 989:1977(988) ack 5001 <TS val 100 ecr 150>
      0.5  < . 1:989(988) ack 2965 <TS val 4294967196 ecr 150>
      0.6  < . 1977:2965(988) ack 5001 <TS val 300 ecr 150>
      1    read 4000 = 2964
      1    write 100`),
};

function traceOf(scenario: Scenario, options: TcpHarnessOptions): string[] {
  const h = new TcpHarness({ ...options, tcp: { timestamps: 2 } });
  h.trace = [];
  scenario(h);
  h.run('120 nothing');
  const { trace } = h;
  h.connection?.release();
  h.rig.stop();
  return trace.concat(`${h.bytesRead} read`);
}

/** Before a boundary: so that a segment, a window, or the whole scenario lies across it. */
const BEFORE = [1, 2500, 20_000, 1_000_000];
const BOUNDARIES = [2 ** 31, 2 ** 32];

for (const [title, scenario] of Object.entries(SCENARIOS)) {
  t.test(title, async (t) => {
    const plain = traceOf(scenario, { iss: 1000, irs: 1000 });
    t.ok(plain.length > 3, `${plain.length} lines`);
    for (const boundary of BOUNDARIES) {
      for (const before of BEFORE) {
        const at = boundary - before;
        t.same(traceOf(scenario, { iss: at, irs: at }), plain, `both at ${boundary} - ${before}`);
      }
      t.same(traceOf(scenario, { iss: boundary - 250, irs: 7 }), plain, `ours below ${boundary}`);
      t.same(traceOf(scenario, { iss: 9e8, irs: boundary - 2 }), plain, `theirs below ${boundary}`);
    }
    // Our timestamp clock counts milliseconds.
    for (const boundary of BOUNDARIES) {
      const startNs = (boundary - 300) * MS;
      t.same(traceOf(scenario, { startNs, irs: 5 }), plain, `our clock passes ${boundary}`);
    }
  });
}
