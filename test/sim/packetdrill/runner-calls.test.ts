/** Whole scripts: calls that block, results, code, commands, and what is not run at all. */
import t from 'tap';
import {
  afterOpen,
  OPEN,
  OPEN_CALLS,
  PEER,
  type Performance,
  perform,
  SERVER,
  SERVER_CALLS,
  SYN_ACK,
  verdict,
} from './fake-system.ts';

t.test('an event that comes too late fails', async (t) => {
  const text = '.12 > F. 1:1(0) ack 1\n.13 close(4) = 0\n';
  t.equal(afterOpen(text, [[123, 'F. 1:1(0) ack 1 win 9']], [['close', 0]]), 'pass');
  const slow = '+0 read(4, ..., 10) = 10\n.13 close(4) = 0\n';
  t.equal(
    afterOpen(
      slow,
      [],
      [
        ['read', 10, undefined, 160],
        ['close', 0],
      ],
    ),
    '9: late: due at 0.130000 s, it was 0.160000 s',
    'a call that was not said to block',
  );
  t.equal(
    afterOpen(
      slow,
      [],
      [
        ['read', 10, undefined, 9e9],
        ['close', 0],
      ],
    ),
    '8: the call does not return',
  );
});

t.test('blocking calls return when they should', async (t) => {
  const read = '+.1...0.3 read(4, ..., 100) = 100\n';
  const ends = (doneMs: number | undefined, rest = '+.4 close(4) = 0\n') =>
    afterOpen(
      read + rest,
      [],
      [
        ['read', 100, undefined, doneMs],
        ['close', 0],
      ],
    );
  t.equal(ends(400), 'pass', 'on the anchor of its start');
  t.equal(ends(425), 'pass', '12.5 % of 200 ms');
  t.equal(ends(426), '8: returned late: due at 0.400000 s, it was 0.426000 s');
  t.equal(ends(374), '8: returned early: due at 0.400000 s, it was 0.374000 s');
  t.match(ends(undefined), /^8: returned early/, 'it did not block at all');
  t.equal(ends(9000, '+0 < . 1:1(0) ack 1 win 9\n'), '8: the call has not returned');
  t.equal(ends(9000), '8: the call still blocks when the next one is made');
  t.equal(
    ends(400, '+.1 close(4) = 0\n'),
    '9: late: due at 0.300000 s, it was 0.400000 s',
    'the next call waits for it',
  );
  t.equal(ends(400, '+.198 close(4) = 0\n'), 'pass');
});

t.test('a blocking call is served by packets that come meanwhile', async (t) => {
  const text = `${SERVER}+0...0.2 accept(3, ..., ...) = 4
+.1 < S 500:500(0) win 9
+0 > S. 0:0(0) ack 501
+.1 < . 1:1(0) ack 1 win 9
+.1 write(4, ..., 1) = 1
`;
  const { report, sut } = perform(text, {
    peerIsn: 500,
    packets: [[100, 'S. 5:5(0) ack 501 win 9']],
    calls: [...SERVER_CALLS, ['accept', 33, PEER, 200], ['write', 1]],
  });
  t.same(report.result, { status: 'pass' });
  t.match(sut.requests[4], { name: 'write', fd: 33 });
});

t.test('a connection that blocks in connect', async (t) => {
  const text = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0...0.1 connect(3, ..., ...) = 0
+0 > S 0:0(0) <...>
+.1 < S. 0:0(0) ack 1 win 9
+0 > . 1:1(0) ack 1
`;
  const performance: Performance = {
    ports: [40404, 8080],
    packets: [
      [0, 'S 77:77(0) win 9 <mss 1460>'],
      [100, '. 1:1(0) ack 1 win 9'],
    ],
    calls: [
      ['socket', 3],
      ['connect', 0, undefined, 100],
    ],
  };
  t.equal(verdict(text, performance), 'pass');
});

const RESULTS: readonly (readonly [string, number, string])[] = [
  ['5', 5, 'pass'],
  ['5', 6, '8: read: result differs [5] [6]'],
  ['5', -11, '8: read: result differs [5] [-1 EAGAIN]'],
  ['-1 EAGAIN (Try again)', -11, 'pass'],
  ['-1 EAGAIN', -32, '8: read: result differs [-1 EAGAIN] [-1 EPIPE]'],
  ['-1 EAGAIN', 0, '8: read: result differs [-1 EAGAIN] [0]'],
  ['-1', -32, 'pass'],
  ['-1 (whatever)', 5, '8: read: result differs [-1] [5]'],
  ['-99', -93, '8: read: result differs [-99] [-1 EPROTONOSUPPORT]'],
  ['...', 5, 'pass'],
  ['-1 ENOTHING', -1, '8: x.pkt:8: ENOTHING is not an error'],
];

t.test('results of calls', async (t) => {
  for (const [expected, value, outcome] of RESULTS) {
    const text = `+0 read(4, ..., 10) = ${expected}\n`;
    t.equal(afterOpen(text, [], [['read', value]]), outcome, `= ${expected}, was ${value}`);
  }
  t.equal(
    verdict('0 socket(..., SOCK_STREAM, IPPROTO_UDP) = 3', { calls: [['socket', -93]] }),
    '1: socket: result differs [3] [-1 EPROTONOSUPPORT]',
  );
});

t.test('code is asked at its time and judged at the end', async (t) => {
  const text = `+0 %{ print(tcpi_snd_cwnd); assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd }%\n`;
  const info = { tcpi_snd_cwnd: 10 };
  t.equal(afterOpen(text, [], [], { info }), 'pass');
  t.equal(afterOpen(text, [], [], { info: { tcpi_snd_cwnd: 9 } }), '8: assertion failed: 9');
  const wrongCall = `${text}+0 close(4) = 1\n`;
  t.equal(
    afterOpen(wrongCall, [], [['close', 0]], { info: { tcpi_snd_cwnd: 9 } }),
    '9: close: result differs [1] [0]',
    'what fails in the run comes first',
  );
  const { report } = perform(OPEN + text, {
    peerIsn: 500,
    packets: [SYN_ACK],
    calls: OPEN_CALLS,
    info,
  });
  t.same(report.printed, ['10']);
  t.equal(
    verdict(`${SERVER}+0 < S 0:0(0) win 9\n${text}`, { calls: SERVER_CALLS }),
    '5: there is no socket to ask',
  );
});

t.test('commands: first, in the midst, and last whatever happened', async (t) => {
  const text =
    '`sysctl -q a.a=1`\n0 `sysctl -q a.b=2`\n+1 socket(..., 1, 0) = 3\n`sysctl -q a.c=3`\n';
  const { report, sut } = perform(text, { calls: [['socket', -93]] });
  t.match(report.result, { status: 'fail', line: 3 });
  t.same(sut.shell.log, ['a.a=1', 'a.b=2', 'a.c=3']);
  t.equal(verdict('0 `false`'), '1: exit status 1: false');
  t.equal(verdict('`false`\n0 `true`'), '1: exit status 1: false');
  t.equal(verdict('0 `true`\n`false`'), '2: exit status 1: false');
  t.equal(verdict('0 `sysctl -q nonsense=1`'), '1 unsupported: sysctl nonsense');
});

const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['0 cap_set(0) = 0', '1 unsupported: system call cap_set'],
  ['0 `true`\n+0 psp_rx_assoc(4, [7]) = 0', '2 unsupported: system call psp_rx_assoc'],
  ['0 `true`\n+0 > encap psp spi 7 . 1:1(0) ack 1', '2 unsupported: encapsulation psp'],
  ['0 `reboot`', '1 unsupported: command reboot'],
  ['0 `true`\n`reboot`', '2 unsupported: command reboot'],
  [
    '0 `true`\n+0 %{\nimport os }%',
    '3 unsupported: code: import is beyond the Python that is understood here',
  ],
  ['--wire_client\n0 `true`', '1 unsupported: option --wire_client'],
];

t.test('what cannot be run is said before anything is', async (t) => {
  for (const [text, expected] of UNSUPPORTED) t.equal(verdict(text), expected);
  t.same(perform('0 `sysctl -q a.b=1`\n+0 cap_set(0) = 0').sut.shell.log, []);
});

t.test('non-fatal mismatches are warnings; a dry run runs nothing', async (t) => {
  const text = `--non_fatal=packet,syscall\n${OPEN}+0 read(4, ..., 5) = 5\n+0 > . 1:1(0) ack 2\n`;
  const { report } = perform(text, {
    peerIsn: 500,
    packets: [SYN_ACK, [100, '. 1:1(0) ack 1 win 9']],
    calls: [...OPEN_CALLS, ['read', 6]],
  });
  t.same(report.result, { status: 'pass' });
  t.match(report.warnings, [
    { line: 9, message: 'read: result differs' },
    { line: 10, message: 'ack differs' },
  ]);
  t.equal(verdict(`--dry_run\n${OPEN}`), 'pass');
});

t.test('mistakes that only a run shows', async (t) => {
  t.equal(
    afterOpen('+0 < . 1:1(0) ack 1 win 9 <nop,nop,TS val 1 ecr 77>\n'),
    '8: no outbound packet before this one had TS val 77',
  );
  t.equal(verdict('0 close(NOTHING) = 0'), '1: x.pkt:1: NOTHING is not known');
  t.equal(verdict('0 close(1, 2) = 0'), '1: x.pkt:1: close has 1 arguments, not 2');
  t.equal(verdict('0 < icmp unreachable'), '1: there is no socket that it could be for');
});
