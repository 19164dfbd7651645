/** Script lines to bytes, bytes to script lines, and what counts as the same. */
import fc from 'fast-check';
import t from 'tap';
import { Flow } from '../../../src/sim/packetdrill/flow.ts';
import { type LivePacket, readPacket } from '../../../src/sim/packetdrill/live-packet.ts';
import type { ScriptOptions } from '../../../src/sim/packetdrill/options.ts';
import { buildIcmp, buildTcp, buildUdp } from '../../../src/sim/packetdrill/packet-build.ts';
import { comparePacket, type Difference } from '../../../src/sim/packetdrill/packet-compare.ts';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import type { IcmpPacket, PacketAction, TcpPacket } from '../../../src/sim/packetdrill/script.ts';
import { joinSegments } from '../../../src/sim/packetdrill/segment-joiner.ts';
import { holds } from '../../support/property.ts';

const V6 = '--ip_version=ipv6 ';

function parse(line: string, flags = ''): { packet: PacketAction; options: ScriptOptions } {
  const script = parseScript('x.pkt', `${flags} 0 ${line}`);
  return { packet: script.events[0]!.action as PacketAction, options: script.options };
}

/** Ports of the stack and of its peer. */
const flowOf = (protocol: 'tcp' | 'udp' = 'tcp'): Flow => new Flow(protocol, true, 8080, 40000);

function inject(line: string, flow: Flow, flags = ''): readonly Uint8Array[] | string {
  const { packet, options } = parse(line, flags);
  return buildTcp(packet as TcpPacket, flow, options);
}

/**
 * A packet as the stack would send it, with the numbers as they are on the wire: built as an inbound one
 * of a flow that looks from the other side.
 */
function sent(line: string, flags = ''): Uint8Array {
  const { packet, options } = parse(`< ${line}`, flags);
  const { localIp, remoteIp } = options;
  const mirrored = { ...options, localIp: remoteIp, remoteIp: localIp };
  const mirror = new Flow('tcp', false, 40000, 8080);
  // So that, scaled, an echoed timestamp stands for itself.
  mirror.recordStamp(0, 0);
  const built = buildTcp({ ...(packet as TcpPacket), isInbound: true }, mirror, {
    ...mirrored,
    isTsEcrScaled: true,
  });
  if (typeof built === 'string') throw new Error(built);
  return built[0]!;
}

function compare(
  line: string,
  live: LivePacket,
  flow: Flow,
  flags = '',
  elapsedNs = 0,
): Difference | null {
  const { packet, options } = parse(`> ${line}`, flags);
  return comparePacket(packet, live, flow, options, elapsedNs);
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');

t.test('an injected segment, byte by byte', async (t) => {
  const flow = flowOf();
  const syn = inject('< (ect1) SW 5:8(3) win 258 <mss 1460,nop,wscale 7>', flow) as Uint8Array[];
  t.equal(
    hex(syn[0]!),
    '45010033000000' + // TOS with ECT(1), 51 bytes, identification 0
      '00ff063919' + // no DF, TTL 255, TCP, header checksum
      'c0000201c0a80001' +
      '9c401f90' + // ports
      '0000000500000000' + // the ISN as written, no ack
      '70820102' + // 28 bytes, SYN and CWR, the window as written
      '44130000' + // checksum
      '020405b401030307' +
      '000000',
  );
  const ack = inject('< . 4:4(0) ack 2 win 65535', flow) as Uint8Array[];
  t.equal(hex(ack[0]!).slice(48, 64), '0000000900000002', 'relative to the ISN of the SYN');
  const v6 = inject('< (flowlabel 0x12345, ttl 1) - 0:0(0) win 0', flowOf(), V6) as Uint8Array[];
  t.equal(hex(v6[0]!).slice(0, 16), '6001234500140601');
  t.equal(readPacket(v6[0]!).problem, null, 'the checksum is good');
});

t.test('what is not written about an injected packet', async (t) => {
  const bytes = (inject('< . 1:1(0) ack 1 win 9', flowOf()) as Uint8Array[])[0]!;
  t.match(readPacket(bytes), { tos: 0, ttl: 255, problem: null });
  const ttl = (inject('< (ttl 3) . 1:1(0) ack 1 win 9', flowOf()) as Uint8Array[])[0]!;
  t.match(readPacket(ttl), { ttl: 3 });
  const ports = (inject('< 7 > 9 . 1:1(0) ack 1 win 9', flowOf()) as Uint8Array[])[0]!;
  t.match(readPacket(ports).transport, { srcPort: 7, dstPort: 9 });
});

t.test('sequence numbers map by the ISNs of both sides', async (t) => {
  for (const live of [0, 1000, 0x7ffffff0, 0xfffffff0]) {
    const flow = flowOf();
    const synack = sent(`S. ${live}:${live}(0) ack 124 win 9`);
    inject('< S 123:123(0) win 9', flow);
    flow.learnLocalIsn(7, live);
    t.equal(compare('S. 7:7(0) ack 124', readPacket(synack), flow), null);
    const [data] = inject('< . 1:101(100) ack 1 win 9 <nop,nop,sack 11:21>', flow) as Uint8Array[];
    const { transport } = readPacket(data!);
    t.match(transport, { seq: 124, ack: (live + 1) >>> 0 });
    t.match((transport as unknown as { options: unknown[] }).options[2], {
      blocks: [{ left: (live + 11) >>> 0, right: (live + 21) >>> 0 }],
    });
    const seq = (live + 1) >>> 0;
    const reply = sent(`. ${seq}:${seq}(0) ack 224 win 9 <nop,nop,sack 234:244>`);
    t.equal(compare('. 1:1(0) ack 101 <nop,nop,sack 111:121>', readPacket(reply), flow), null);
    flow.learnLocalIsn(9, 5);
    t.equal(compare('. 1:1(0) ack 101 <...>', readPacket(reply), flow), null, 'learned once');
  }
});

t.test('an ack is mapped only under the ACK flag', async (t) => {
  const flow = flowOf();
  flow.learnLocalIsn(0, 5000);
  const [reset] = inject('< R 1:1(0) ack 7 win 0', flow) as Uint8Array[];
  t.match(readPacket(reset!).transport, { ack: 7 });
  t.equal(compare('R 1:1(0)', readPacket(sent('R 5001:5001(0) win 0')), flow), null);
  const odd = compare('R 1:1(0)', readPacket(sent('R 5001:5001(0) ack 3 win 0')), flow);
  t.match(odd, { what: 'ack', actual: '> R 1:1(0) ack 3' });
});

t.test('timestamps: an echo is of a value seen, or scaled', async (t) => {
  const flow = flowOf();
  const stamped = (val: number) =>
    readPacket(sent(`. 1:1(0) ack 1 win 9 <nop,nop,TS val ${val} ecr 0>`));
  t.equal(
    inject('< . 1:1(0) ack 1 win 9 <nop,nop,TS val 5 ecr 100>', flow),
    'no outbound packet before this one had TS val 100',
  );
  t.equal(compare('. 1:1(0) ack 1 <nop,nop,TS val 100 ecr 3>', stamped(777000), flow), null);
  const echoOf = (line: string, flags = ''): unknown => {
    const [bytes] = inject(line, flow, flags) as Uint8Array[];
    const { options } = readPacket(bytes!).transport as unknown as { options: { ecr: number }[] };
    return options[2]!.ecr;
  };
  t.equal(echoOf('< . 1:1(0) ack 1 win 9 <nop,nop,TS val 5 ecr 100>'), 777000);
  t.equal(echoOf('< S 1:1(0) win 9 <nop,nop,TS val 5 ecr 42>'), 42, 'without ACK as written');
  t.equal(
    echoOf('< . 1:1(0) ack 1 win 9 <nop,nop,TS val 5 ecr 130>', '--tcp_ts_ecr_scaled'),
    777030,
  );
});

t.test('timestamps: values are checked when a tick has a length', async (t) => {
  const stamped = (val: number) =>
    readPacket(sent(`. 1:1(0) ack 1 win 9 <nop,nop,TS val ${val} ecr 0>`));
  const line = (val: number) => `. 1:1(0) ack 1 <nop,nop,TS val ${val} ecr 0>`;
  const tick = '--tcp_ts_tick_usecs=1000';
  const flow = flowOf();
  t.equal(compare(line(100), stamped(5000), flow, tick), null, 'the first sets the offset');
  t.equal(compare(line(200), stamped(5104), flow, tick), null, '4 ms of tolerance');
  t.match(compare(line(200), stamped(5105), flow, tick), {
    what: 'TS val (0.005000 s off, 0.004000 s allowed)',
  });
  t.equal(compare(line(200), stamped(5105), flow, tick, 40e6), null, '12.5 % of 40 ms is 5 ms');
  t.equal(compare(line(200), stamped(99999), flow), null, 'unchecked by default');
});

const FIELDS: readonly (readonly [string, string, string, string | null])[] = [
  ['the same', 'P. 1:101(100) ack 1 win 9', 'P. 1:101(100) ack 1 win 9', null],
  ['an unwritten window', '. 1:1(0) ack 1', '. 1:1(0) ack 1 win 9', null],
  ['a window', '. 1:1(0) ack 1 win 8', '. 1:1(0) ack 1 win 9', 'window'],
  ['PSH', '. 1:101(100) ack 1', 'P. 1:101(100) ack 1 win 9', 'flags'],
  ['a bit of AccECN', '.0 1:1(0) ack 1', 'A. 1:1(0) ack 1 win 9', 'flags'],
  ['a sequence number', '. 2:2(0) ack 1', '. 1:1(0) ack 1 win 9', 'sequence number'],
  ['an ack', '. 1:1(0) ack 2', '. 1:1(0) ack 1 win 9', 'ack'],
  ['an urgent pointer', '. 1:1(0) ack 1', '. 1:1(0) ack 1 win 9 urg 4', 'urgent pointer'],
  ['more text', '. 1:11(10) ack 1', '. 1:12(11) ack 1 win 9', 'length'],
  [
    'options in another order',
    '. 1:1(0) ack 1 <nop,nop,sackOK>',
    '. 1:1(0) ack 1 win 9 <sackOK,nop,nop>',
    'options',
  ],
  [
    'eol is not nop',
    '. 1:1(0) ack 1 <sackOK,nop,nop>',
    '. 1:1(0) ack 1 win 9 <sackOK,nop,eol>',
    'options',
  ],
  ['a missing option', '. 1:1(0) ack 1 <mss 5>', '. 1:1(0) ack 1 win 9', 'options'],
  ['a cookie', '. 1:1(0) ack 1 <FO 1234>', '. 1:1(0) ack 1 win 9 <FO 1235>', 'options'],
  ['any options', '. 1:1(0) ack 1 <...>', '. 1:1(0) ack 1 win 9 <mss 5>', null],
  [
    'timestamps whatever they are',
    '. 1:1(0) ack 1 <nop,nop,TS val 1 ecr 2>',
    '. 1:1(0) ack 1 win 9 <nop,nop,TS val 8 ecr 0>',
    null,
  ],
  ['ECN as written', '(ect0) . 1:1(0) ack 1', '(ect0) . 1:1(0) ack 1 win 9', null],
  ['ECN otherwise', '(noecn) . 1:1(0) ack 1', '(ect0) . 1:1(0) ack 1 win 9', 'ECN'],
  ['either ECT', '[ect01] . 1:1(0) ack 1', '(ect1) . 1:1(0) ack 1 win 9', null],
  ['neither ECT', '[ect01] . 1:1(0) ack 1', '(ce) . 1:1(0) ack 1 win 9', 'ECN'],
  ['TOS', '(tos 0x12) . 1:1(0) ack 1', '(tos 0x10) . 1:1(0) ack 1 win 9', 'TOS'],
  ['TTL', '(ttl 64) . 1:1(0) ack 1', '(ttl 63) . 1:1(0) ack 1 win 9', 'TTL'],
  ['unwritten IP fields', '. 1:1(0) ack 1', '(tos 0x10, ttl 3) . 1:1(0) ack 1 win 9', null],
  ['ports', '8080 > 40000 . 1:1(0) ack 1', '. 1:1(0) ack 1 win 9', null],
  ['another port', '80 > 40000 . 1:1(0) ack 1', '. 1:1(0) ack 1 win 9', 'source port'],
  ['two things', '. 1:1(0) ack 2 win 8', '. 1:1(0) ack 1 win 9', 'ack, window'],
];

t.test('what is compared, in both versions of IP', async (t) => {
  for (const flags of ['', V6]) {
    for (const [what, line, packet, expected] of FIELDS) {
      const found = compare(line, readPacket(sent(packet, flags)), flowOf(), flags);
      t.equal(found?.what ?? null, expected, `${flags}${what}`);
    }
  }
});

t.test('a difference is shown side by side, in the notation of scripts', async (t) => {
  const flow = flowOf();
  inject('< S 500:500(0) win 9', flow);
  flow.learnLocalIsn(0, 0x90000000);
  const seen = sent('P. 2415919105:2415919205(100) ack 601 win 77 <nop,nop,sack 701:801>');
  t.same(compare('. 1:101(100) ack 1 win 70 <nop,nop,sack 1:2>', readPacket(seen), flow), {
    what: 'flags, ack, window, options',
    expected: '> . 1:101(100) ack 1 win 70 <nop,nop,sack 1:2>',
    actual: '> P. 1:101(100) ack 101 win 77 <nop,nop,sack 201:301>',
  });
});

t.test('the same label in the script is the same label on the wire', async (t) => {
  const flow = flowOf();
  const labelled = (label: string) =>
    readPacket(sent(`(flowlabel ${label}) . 1:1(0) ack 1 win 9`, V6));
  const line = (label: string) => `(flowlabel ${label}) . 1:1(0) ack 1`;
  t.equal(compare(line('0x1'), labelled('0xabcde'), flow, V6), null);
  t.equal(compare(line('0x1'), labelled('0xabcde'), flow, V6), null);
  t.equal(compare(line('0x2'), labelled('0x12345'), flow, V6), null);
  t.equal(compare(line('0x1'), labelled('0x12345'), flow, V6)?.what, 'flow label');
});

t.test('a damaged packet is not the expected one', async (t) => {
  const cases: readonly (readonly [string, number, number, RegExp])[] = [
    ['', 10, 1, /IP header checksum/],
    ['', 3, 1, /total length/],
    ['', 0, 0x03, /IP header of 24 bytes/],
    ['', 36, 1, /transport checksum/],
    ['', 45, 1, /transport checksum/],
    [V6, 5, 1, /payload length/],
    ['', 32, 0x02, /reserved TCP bits/],
    ['', 32, 0xa0, /TCP header of/],
  ];
  for (const [flags, at, bits, problem] of cases) {
    const bytes = sent('. 1:11(10) ack 1 win 9', flags);
    bytes[at]! ^= bits;
    const found = compare('. 1:11(10) ack 1', readPacket(bytes), flowOf(), flags);
    t.match(found?.what ?? 'nothing', problem);
  }
  const text = sent('. 1:11(10) ack 1 win 9');
  text[44] = 1;
  text[46] = 0xff;
  text[45] = 0xff;
  t.not(readPacket(text).problem, null);
});

t.test('nothing that arrives makes the reader fail', async (t) => {
  holds(
    t,
    'random bytes are read',
    fc.property(
      fc.uint8Array({ maxLength: 90 }),
      fc.constantFrom(0x45, 0x60, 0x4f),
      (bytes, first) => {
        if (bytes.length > 0) bytes[0] = first;
        if (bytes.length > 9) bytes[first === 0x60 ? 6 : 9] = 6;
        return readPacket(bytes).transport.kind.length > 0;
      },
    ),
    1000,
  );
});

t.test('--mss: an injected segment becomes pieces', async (t) => {
  const flow = flowOf();
  const pieces = inject('< FPW. 1:2501(2500) ack 1 win 9', flow, '--mss=1000') as Uint8Array[];
  const seen = pieces.map((bytes) => {
    const { transport, problem } = readPacket(bytes);
    return [
      problem,
      (transport as { seq: number }).seq,
      (transport as { len: number }).len,
      (transport as { flags: number }).flags,
    ];
  });
  t.same(seen, [
    [null, 1, 1000, 0x90],
    [null, 1001, 1000, 0x10],
    [null, 2001, 500, 0x19],
  ]);
});

const joined = (a: string, b: string, pieceLen = 100, wantedLen = 900): LivePacket | string =>
  joinSegments(readPacket(sent(a)), readPacket(sent(b)), pieceLen, wantedLen);

t.test('segments of a burst are one packet', async (t) => {
  const burst = joined(
    'W. 1:101(100) ack 1 win 9 <nop,nop,TS val 1 ecr 1>',
    'P. 101:151(50) ack 1 win 9 <nop,nop,TS val 2 ecr 1>',
    100,
    150,
  ) as LivePacket;
  t.equal(compare('PW. 1:151(150) ack 1 <nop,nop,TS val 1 ecr 1>', burst, flowOf()), null);
  for (const [what, next, pieceLen] of [
    ['does not follow', '. 102:202(100) ack 1 win 9', 100],
    ['another ack', '. 101:201(100) ack 2 win 9', 100],
    ['another window', '. 101:201(100) ack 1 win 8', 100],
    ['other flags', 'U. 101:201(100) ack 1 win 9', 100],
    ['no text', '. 101:101(0) ack 1 win 9', 100],
    ['another length', '. 101:301(200) ack 1 win 9', 100],
    ['another length', '. 101:161(60) ack 1 win 9', 100],
  ] as const) {
    t.match(joined('. 1:101(100) ack 1 win 9', next, pieceLen), new RegExp(what), what);
  }
  const last = joined('. 1:101(100) ack 1 win 9', '. 101:301(200) ack 1 win 9', 100, 300);
  t.match(last, { transport: { seq: 1, len: 300 } }, 'the last may be longer');
});

t.test('UDP', async (t) => {
  for (const flags of ['', V6]) {
    const { packet, options } = parse('< udp (10)', flags);
    const bytes = buildUdp(packet as never, flowOf('udp'), options);
    const live = readPacket(bytes);
    t.match(live, {
      problem: null,
      transport: { kind: 'udp', srcPort: 40000, dstPort: 8080, len: 10 },
    });
    t.equal(compare('udp (10)', live, flowOf('udp'), flags), null);
    t.equal(compare('udp (11)', live, flowOf('udp'), flags)?.what, 'length');
    t.equal(compare('. 1:1(0) ack 1', live, flowOf(), flags)?.what, 'protocol');
  }
});

t.test('ICMP errors quote the flow; what comes out is compared by type and code', async (t) => {
  const flow = flowOf();
  flow.learnLocalIsn(0, 1000);
  const icmp = (line: string, flags = ''): Uint8Array => {
    const { packet, options } = parse(line, flags);
    return buildIcmp(packet as IcmpPacket, flow, options);
  };
  const big = icmp('< icmp unreachable frag_needed mtu 1400 [1:1461(1460)]');
  t.equal(
    hex(big.subarray(20)).replace(/^(.{4}).{4}/, '$1 '),
    '0304 00000578' + // the MTU in the low half
      '450005dc00000000ff063371' + // the quoted header: 1500 bytes
      'c0a80001c0000201' + // from the stack to its peer
      '1f909c40000003e9', // ports, and 1 after the live ISN
  );
  t.match(readPacket(big), { problem: null, transport: { kind: 'icmp', type: 3, code: 4 } });
  t.equal(compare('icmp unreachable frag_needed', readPacket(big), flow), null);
  t.match(compare('icmp unreachable port_unreachable', readPacket(big), flow), {
    what: 'code',
    expected: '> icmp unreachable port_unreachable',
    actual: '> icmp unreachable frag_needed',
  });
  const v6 = icmp('< icmp packet_too_big mtu 1300', V6);
  t.match(readPacket(v6), { problem: null, transport: { type: 2, code: 0 } });
  t.equal(v6.length, 40 + 8 + 40 + 8);
  t.equal(hex(v6).slice(96, 104), '60000000');
  t.equal(hex(v6.subarray(44, 48)), '00000514');
  const udp = icmp('< icmp unreachable [udp (100)]');
  t.equal(hex(udp.subarray(48)), '1f909c40006c0000');
  const raw = icmp('< icmp unreachable [raw (4)]');
  t.equal(hex(raw.subarray(28, 52)).slice(0, 20), '450000180000' + '0000' + 'fffd');
  const echo = icmp('< icmp echo_request id 258');
  t.equal(hex(echo.subarray(24)), '01020000');
});
