/** Whole scripts against a stack that does what the test says: flows, packets and their times. */
import t from 'tap';
import type { LiveTcp } from '../../../src/sim/packetdrill/live-packet.ts';
import type { CallOutput } from '../../../src/sim/packetdrill/system-under-test.ts';
import {
  afterOpen,
  OPEN,
  OPEN_CALLS,
  PEER,
  perform,
  SERVER,
  SERVER_CALLS,
  SYN_ACK,
  verdict,
} from './fake-system.ts';

t.test('a server, from socket to close', async (t) => {
  const { report, sut } = perform(
    `${OPEN}+.1 write(4, ..., 100) = 100
+0 > P. 1:101(100) ack 1
+.1 < . 1:1(0) ack 101 win 257 <nop,nop,sack 51:101>
+0 close(4) = 0
+0 > F. 101:101(0) ack 1
`,
    {
      peerIsn: 500,
      packets: [SYN_ACK, [200, 'P. 1:101(100) ack 1 win 9'], [300, 'F. 101:101(0) ack 1 win 9']],
      calls: [...OPEN_CALLS, ['write', 100], ['close', 0]],
    },
  );
  t.same(report.result, { status: 'pass' });
  const seen = sut.injected.map(({ transport }) => transport as LiveTcp);
  t.same(
    seen.map(({ srcPort, dstPort, seq, ack }) => [srcPort, dstPort, seq, ack]),
    [
      [40000, 8080, 500, 0],
      [40000, 8080, 501, 90001],
      [40000, 8080, 501, 90101],
    ],
    'ports and sequence numbers are live ones',
  );
  t.match(seen[2]!.options[2], { blocks: [{ left: 90051, right: 90101 }] });
  t.same(
    sut.requests.map((request) => [request.name, 'fd' in request ? request.fd : null]),
    [
      ['socket', null],
      ['bind', 17],
      ['listen', 17],
      ['accept', 17],
      ['write', 21],
      ['close', 21],
    ],
    'descriptors are those that the stack chose',
  );
  t.match(sut.requests[0], { domain: 2, type: 1, protocol: 6 });
  t.match(sut.requests[1], { address: { port: 8080, address: { w3: 0xc0a80001 | 0 } } });
});

t.test('a client: the port it chose, timestamps that are echoed', async (t) => {
  const { report, sut } = perform(
    `0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)
+0 > S 0:0(0) <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 8>
+.01 < S. 70:70(0) ack 1 win 5792 <mss 1460,sackOK,TS val 700 ecr 100,nop,wscale 7>
+0 > . 1:1(0) ack 1 <nop,nop,TS val 110 ecr 700>
+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
`,
    {
      ports: [51234, 8080],
      peerIsn: 70,
      packets: [
        [0, 'S 4294967295:4294967295(0) win 9 <mss 1460,sackOK,TS val 123456 ecr 0,nop,wscale 8>'],
        [10, '. 1:1(0) ack 1 win 9 <nop,nop,TS val 123466 ecr 700>'],
      ],
      calls: [
        ['socket', 5],
        ['connect', -115],
        ['getsockopt', 0, { option: new Uint8Array(4) }],
      ],
    },
  );
  t.same(report.result, { status: 'pass' });
  const [synack] = sut.injected;
  t.match(synack!.transport, { srcPort: 8080, dstPort: 51234, seq: 70, ack: 0 });
  t.match((synack!.transport as LiveTcp).options[2], { val: 700, ecr: 123456 });
  t.match(sut.requests[0], { type: 0x801 });
  t.match(sut.requests[1], { address: { port: 8080 } });
});

t.test('an outbound packet that is not the expected one', async (t) => {
  const write = '+.1 write(4, ..., 100) = 100\n';
  const calls = [['write', 100]] as const;
  const line = '+0 > P. 1:101(100) ack 1\n';
  const sent = (packet: string, ms = 200) => afterOpen(write + line, [[ms, packet]], calls);
  t.equal(sent('P. 1:101(100) ack 1 win 9'), 'pass');
  t.equal(
    sent('. 1:101(100) ack 1 win 9'),
    '9: flags differs [> P. 1:101(100) ack 1] [> . 1:101(100) ack 1]',
  );
  t.equal(
    sent('P. 2:102(100) ack 9 win 9 <nop,nop,sack 5:6>'),
    '9: sequence number, ack, options differs ' +
      '[> P. 1:101(100) ack 1] [> P. 2:102(100) ack 9 <nop,nop,sack 5:6>]',
  );
  t.match(sent('P. 1:102(101) ack 1 win 9'), /^9: length differs/);
  t.equal(sent('P. 1:101(100) ack 1 win 9', 204), 'pass');
  t.equal(sent('P. 1:101(100) ack 1 win 9', 196), 'pass');
  t.equal(
    sent('P. 1:101(100) ack 1 win 9', 205),
    '9: late: due at 0.200000 s, it came at 0.205000 s',
  );
  t.equal(
    sent('P. 1:101(100) ack 1 win 9', 195),
    '9: early: due at 0.200000 s, it came at 0.195000 s',
  );
  t.equal(
    afterOpen(write + line, [], calls),
    '9: no packet came until 2.200000 s [> P. 1:101(100) ack 1] [nothing]',
  );
});

t.test(
  'a packet that nobody expects meets the next line, and is forgiven at the end',
  async (t) => {
    const extra = [150, '. 1:1(0) ack 1 win 9'] as const;
    const calls = [['write', 100]] as const;
    const text = '+.1 write(4, ..., 100) = 100\n+0 > P. 1:101(100) ack 1\n';
    t.match(
      afterOpen(text, [extra, [200, 'P. 1:101(100) ack 1 win 9']], calls),
      /^9: flags, length/,
    );
    t.equal(afterOpen('+.1 write(4, ..., 100) = 100\n', [extra], calls), 'pass');
  },
);

t.test('packets of other flows, and ICMP, are not looked at', async (t) => {
  const { report } = perform(`${OPEN}+.1 > F. 1:1(0) ack 1\n`, {
    peerIsn: 500,
    packets: [
      SYN_ACK,
      [120, '8081 > 40000 . 1:1(0) ack 1 win 9'],
      [130, '8080 > 40001 . 1:1(0) ack 1 win 9'],
      [140, 'icmp unreachable'],
      [150, 'udp (3)'],
      [200, 'F. 1:1(0) ack 1 win 9'],
    ],
    calls: OPEN_CALLS,
  });
  t.same(report.result, { status: 'pass' });
});

t.test('a new socket is a new flow, and each child has a port of its own', async (t) => {
  const again = `${SERVER.replace('0 socket', '+.1 socket')}+0 < S 7:7(0) win 9
+0 > S. 0:0(0) ack 8
+0 < . 1:1(0) ack 1 win 9
`;
  const { report, sut } = perform(`${SERVER}+0 < S 5:5(0) win 9\n${again}`, {
    ports: [8080, 40001],
    peerIsn: 7,
    packets: [[100, 'S. 333:333(0) ack 8 win 9']],
    calls: [...SERVER_CALLS, ...SERVER_CALLS],
  });
  t.same(report.result, { status: 'pass' });
  t.same(
    sut.injected.map(({ transport }) => (transport as LiveTcp).srcPort),
    [40000, 40001, 40001],
  );
  t.match(sut.injected[2]!.transport, { seq: 8, ack: 334 });
});

t.test('accept of another child does not make it the one the script is about', async (t) => {
  const text = `${SERVER}+0 < S 5:5(0) win 9
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 5
+0 bind(5, ..., ...) = 0
+0 listen(5, 1) = 0
+0 < S 6:6(0) win 9
+0 accept(3, ..., ...) = 4
+0 %{ assert True }%
`;
  const accepts = (peer: CallOutput) =>
    verdict(text, {
      calls: [...SERVER_CALLS, ['socket', 18], ['bind', 0], ['listen', 0], ['accept', 21, peer]],
    });
  const from = (port: number): CallOutput => ({ peer: { ...PEER.peer, port } });
  t.equal(accepts(from(40000)), '10: there is no socket to ask');
  t.equal(accepts({}), '10: there is no socket to ask');
  t.equal(accepts(from(40001)), 'pass');
});

t.test('a client that is bound first', async (t) => {
  const text = `--connect_port=99
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS
+0 > 8080 > 99 S 0:0(0)
+0 < S. 0:0(0) ack 1 win 9
`;
  const { report, sut } = perform(text, {
    ports: [8080, 99],
    packets: [[0, 'S 5:5(0) win 9']],
    calls: [
      ['socket', 3],
      ['bind', 0],
      ['connect', -115],
    ],
  });
  t.same(report.result, { status: 'pass' });
  t.match(sut.injected[0]!.transport, { srcPort: 99, dstPort: 8080, ack: 6 });
});

t.test('a connection that is dissolved begins anew', async (t) => {
  const text = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 connect(3, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0)
+0 connect(3, AF_UNSPEC, ...) = 0
+.1 connect(3, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0)
+0 < S. 0:0(0) ack 1 win 9
`;
  const { report, sut } = perform(text, {
    ports: [50000, 8080],
    packets: [
      [0, 'S 5:5(0) win 9'],
      [100, 'S 70:70(0) win 9'],
    ],
    calls: [
      ['socket', 3],
      ['connect', -115],
      ['connect', 0],
      ['connect', -115],
    ],
  });
  t.same(report.result, { status: 'pass' });
  t.match(sut.injected[0]!.transport, { ack: 71 });
});

t.test('segments of one MSS meet a line for a super-segment', async (t) => {
  const text = '+.1 write(4, ..., 2500) = 2500\n+0 > P. 1:2501(2500) ack 1\n';
  const calls = [['write', 2500]] as const;
  const burst = (...packets: readonly string[]) =>
    afterOpen(
      text,
      packets.map((line) => [200, line] as const),
      calls,
    );
  const [a, b, c] = [
    '. 1:1001(1000) ack 1 win 9',
    '. 1001:2001(1000) ack 1 win 9',
    'P. 2001:2501(500) ack 1 win 9',
  ] as const;
  t.equal(burst(a, b, c), 'pass');
  t.equal(burst('P. 1:2501(2500) ack 1 win 9'), 'pass');
  t.match(burst(a, b, '. 2001:2501(500) ack 1 win 9'), /^9: flags differs/, 'PSH on the last');
  t.equal(
    burst(a, b),
    '9: the burst ends too early [> P. 1:2501(2500) ack 1] [> . 1:2001(2000) ack 1]',
  );
  t.match(burst(a, c), /^9: the next packet does not follow/);
  t.match(burst(a, b, 'P. 2001:2601(600) ack 1 win 9'), /^9: length differs/);
  t.match(burst('. 1:1(0) ack 1 win 9', a, b, c), /^9: flags, length differs/);
  t.equal(
    afterOpen(
      text,
      [
        [200, a],
        [201, b],
        [203, c],
      ],
      calls,
    ),
    'pass',
    'paced: the last one has the time of the line',
  );
  t.match(
    afterOpen(
      text,
      [
        [200, a],
        [200, b],
        [240, c],
      ],
      calls,
    ),
    /^9: late/,
  );
  const strict = `--strict_segments\n${OPEN}${text}`;
  const performance = {
    peerIsn: 500,
    packets: [SYN_ACK, [200, a], [200, b], [200, c]] as const,
    calls: [...OPEN_CALLS, ...calls],
  };
  t.match(verdict(strict, performance), /^10: flags, length differs/);
});

t.test('times: ranges, and any time', async (t) => {
  const fin = (ms: number) => [[ms, 'F. 1:1(0) ack 1 win 9']] as const;
  t.equal(afterOpen('+.1~+.3 > F. 1:1(0) ack 1\n', fin(390)), 'pass');
  t.match(afterOpen('+.1~+.3 > F. 1:1(0) ack 1\n', fin(420)), /^8: late: due at 0.2.* to 0.4/);
  t.match(afterOpen('+.1~+.3 > F. 1:1(0) ack 1\n', fin(180)), /^8: early/);
  t.equal(afterOpen('* > F. 1:1(0) ack 1\n', fin(99_000)), 'pass');
  const then = '* > F. 1:1(0) ack 1\n+.1 write(4, ..., 1) = -1 EPIPE\n99.3 close(4) = 0\n';
  t.equal(
    afterOpen(then, fin(99_000), [
      ['write', -32],
      ['close', 0],
    ]),
    'pass',
  );
});

t.test('ICMP goes to the flow', async (t) => {
  const { report, sut } = perform(`${OPEN}+0 < icmp unreachable port_unreachable [5:6(1)]\n`, {
    peerIsn: 500,
    packets: [SYN_ACK],
    calls: OPEN_CALLS,
  });
  t.same(report.result, { status: 'pass' });
  t.match(sut.injected[2], { problem: null, transport: { kind: 'icmp', type: 3, code: 3 } });
});

t.test('UDP, in IPv6', async (t) => {
  const text = `--ip_version=ipv6
0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 sendto(3, ..., 10, 0, ..., ...) = 10
+0 > udp (10)
+.1 < udp (20)
`;
  const { report, sut } = perform(text, {
    ports: [55555, 8080],
    packets: [[0, 'udp (10)']],
    calls: [
      ['socket', 3],
      ['sendto', 10],
    ],
  });
  t.same(report.result, { status: 'pass' });
  t.match(sut.requests[0], { domain: 10, type: 2 });
  t.match(sut.injected[0], { isV4: false, transport: { srcPort: 8080, dstPort: 55555, len: 20 } });
});
