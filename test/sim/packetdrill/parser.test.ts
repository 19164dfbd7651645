/** The script language: what each form means, and what is said about a mistake, and where. */
import t from 'tap';
import { tokenize } from '../../../src/sim/packetdrill/lexer.ts';
import type { OptionSetting } from '../../../src/sim/packetdrill/options.ts';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import type {
  Action,
  CallAction,
  Expression,
  IcmpPacket,
  Script,
  TcpPacket,
} from '../../../src/sim/packetdrill/script.ts';
import { formatAddress } from '../../../src/wire/address-text.ts';
import { TCP_FLAG } from '../../../src/wire/tcp.ts';

const MS = 1_000_000;
const setting = (name: string, value: string | null = null): OptionSetting => ({
  name,
  value,
  quote: 'none',
});
const script = (text: string, ...options: OptionSetting[]): Script =>
  parseScript('x.pkt', text, options);
/** The only event's action. */
const action = (text: string, ...options: OptionSetting[]): Action =>
  script(`+0 ${text}`, ...options).events[0]!.action;
const tcp = (text: string): TcpPacket => action(text) as TcpPacket;

const kinds = (text: string): string =>
  tokenize('x.pkt', text)
    .slice(0, -1)
    .map(({ kind, text }) => `${kind}:${text}`)
    .join(' ');

const TOKENS: readonly (readonly [string, string, string])[] = [
  [
    'an integer and a float',
    '7 -7 .5 1.25 -.5',
    'integer:7 integer:-7 float:.5 float:1.25 float:-.5',
  ],
  ['an ellipsis between times', '0...0.1', 'integer:0 ellipsis:... float:0.1'],
  ['an ellipsis with blanks', '+.1 ... .2', 'char:+ float:.1 ellipsis:... float:.2'],
  [
    'a sequence is no IPv6 address',
    '1:1001(1000)',
    'integer:1 char:: integer:1001 char:( integer:1000 char:)',
  ],
  [
    'IPv6 in every form',
    '::1 2001:db8::5 ::ffff:1.2.3.4',
    'ipv6:::1 ipv6:2001:db8::5 ipv6:::ffff:1.2.3.4',
  ],
  ['IPv6 with seven colons', '1:2:3:4:5:6:7:8', 'ipv6:1:2:3:4:5:6:7:8'],
  ['IPv6 and one more colon', '2001:db8::5:', 'ipv6:2001:db8::5 char::'],
  ['IPv4 is longer than a float', '10.0.0.1 1.5', 'ipv4:10.0.0.1 float:1.5'],
  ['a blob that begins with digits is a word', '00abaaab 1313a2da', 'word:00abaaab word:1313a2da'],
  ['a blob of digits keeps its text', '00120034', 'integer:00120034'],
  ['hexadecimal', '0xFf', 'hex:0xFf'],
  ['flags, and flags with a counter', 'S. FP. S.5', 'word:S char:. word:FP char:. word:S float:.5'],
  ['options', '--mss=1000', 'option:--mss char:= integer:1000'],
  ['both kinds of comment', '1 // two\n/* three\n */ 4', 'integer:1 integer:4'],
  ['a comment sign inside quotes', '"a//b" `c # d`', 'string:a//b command:c # d'],
  ['an escaped quote does not close', '"a\\"b" `c\\`d`', 'string:a\\"b command:c\\`d'],
  ['code over lines', '%{ a\nb }%', 'code: a\nb '],
];

t.test('the longest token wins, then the first', async (t) => {
  for (const [what, text, expected] of TOKENS) t.equal(kinds(text), expected, what);
  const [, second] = tokenize('x.pkt', 'a\n  b');
  t.same(second!.at, { line: 2, column: 3 });
});

t.test('times of every form', async (t) => {
  const times = script(`
    0 close(3) = 0
    +.1 close(3) = 0
    1.25 > . 1:1(0) ack 1
    * > . 1:1(0) ack 1
    +.1~+.25 > . 1:1(0) ack 1
    2~2.5 > . 1:1(0) ack 1
    +.1...0.35 read(3, ..., 1) = 1
    3...4 read(3, ..., 1) = 1
    +0.0000014 close(3) = 0`).events.map((event) => event.time);
  const time = (anchor: string, fromMs: number, toMs = fromMs, returnMs: number | null = null) => ({
    anchor,
    fromNs: fromMs * MS,
    toNs: toMs * MS,
    returnNs: returnMs === null ? null : returnMs * MS,
  });
  t.same(times, [
    time('start', 0),
    time('previous', 100),
    time('start', 1250),
    { anchor: 'any', fromNs: 0, toNs: Infinity, returnNs: null },
    time('previous', 100, 250),
    time('start', 2000, 2500),
    time('previous', 100, 100, 350),
    time('start', 3000, 3000, 4000),
    time('previous', 0.001),
  ]);
});

t.test('the parts of a file, with their places', async (t) => {
  const parsed = script('--mss=900\n`first`\n0 `second`\n+0 %{ x }%\n`last`\n');
  t.equal(parsed.options.mss, 900);
  t.same(parsed.init, { kind: 'command', at: { line: 2, column: 1 }, text: 'first' });
  t.same(
    parsed.events.map(({ action }) => [action.kind, (action as { text: string }).text]),
    [
      ['command', 'second'],
      ['code', ' x '],
    ],
  );
  t.same(parsed.events[1]!.action.at, { line: 4, column: 4 });
  t.same(parsed.cleanup, { kind: 'command', at: { line: 5, column: 1 }, text: 'last' });
});

t.test('options: defaults, the script, the command line over it', async (t) => {
  const plain = script('0 close(3) = 0').options;
  t.same(
    [
      plain.ipVersion,
      plain.bindPort,
      plain.connectPort,
      plain.mtu,
      plain.mss,
      plain.tolerancePercent,
    ],
    ['ipv4', 8080, 8080, 1500, 0, 12.5],
  );
  t.same([plain.toleranceNs, plain.tsTickNs, plain.prefixBits], [4 * MS, 0, 16]);
  t.same(
    [formatAddress(plain.localIp), formatAddress(plain.remoteIp)],
    ['192.168.0.1', '192.0.2.1'],
  );
  t.notOk(
    plain.isStrictSegments || plain.isTsEcrScaled || plain.isDryRun || plain.nonFatal.size > 0,
  );

  const text = `--tolerance_usecs=7000 --tolerance_percent=5.5 --strict_segments --tcp_ts_ecr_scaled
    --tcp_ts_tick_usecs=1000 --non_fatal=packet,syscall --remote_ip=10.1.2.3/24 --netmask_ip=255.255.255.0
    --bind_port=80 --dry_run --speed=5
    0 close(3) = 0`;
  const own = script(text, setting('bind_port', '443')).options;
  t.same([own.toleranceNs, own.tolerancePercent, own.tsTickNs], [7 * MS, 5.5, MS]);
  t.ok(own.isStrictSegments && own.isTsEcrScaled && own.isDryRun);
  t.same([...own.nonFatal], ['packet', 'syscall']);
  t.same([own.prefixBits, own.bindPort, formatAddress(own.remoteIp)], [24, 443, '10.1.2.3']);

  const v6 = script('--ip_version=ipv6 --local_ip=fd::1 0 close(3) = 0').options;
  t.same([formatAddress(v6.localIp), formatAddress(v6.remoteIp)], ['fd::1', '2001:db8::1']);
  t.equal(
    script('--ip_version=ipv4-mapped-ipv6 0 close(3) = 0').options.ipVersion,
    'ipv4-mapped-ipv6',
  );
  t.match(script('--so_filename="x" 0 close(3) = 0').options.unsupported, /so_filename/);
});

t.test('a defined word is replaced, a reserved one never', async (t) => {
  const text = '--define SIZE=12 --define=LEN=30 --define=TEXT="a b" --define=CMD=`true`';
  t.throws(() => script(text), { message: /--define wants a value/ });
  const parsed = script(
    '--define=LEN=30 --define=TEXT="a b" --define=CMD=`true` --define=ack=7 --define=BLOB=12ab\n' +
      '0 f(LEN, TEXT, BLOB, ack) = 0\n+0 CMD\n+0 > S 0:0(0) <FO BLOB,nop,nop,nop,nop>',
    setting('define', 'LEN=31'),
  );
  const call = parsed.events[0]!.action as CallAction;
  t.match(call.args, [
    { kind: 'integer', value: 31 },
    { kind: 'string', bytes: 'a b' },
    { kind: 'symbol', name: '12ab' },
    { kind: 'symbol', name: 'ack' },
  ]);
  t.match(parsed.events[1]!.action, { kind: 'command', text: 'true' });
  t.match((parsed.events[2]!.action as TcpPacket).options![0], { kind: 'FO', bytes: '12ab' });
});

t.test('TCP packets', async (t) => {
  const plain = tcp('< P. 1:1001(1000) ack 5 win 257 urg 3');
  t.match(plain, {
    isInbound: true,
    flags: TCP_FLAG.PSH | TCP_FLAG.ACK,
    seq: { start: 1, len: 1000 },
    ack: 5,
    window: 257,
    urgent: 3,
    options: [],
    ports: null,
    encapsulations: [],
    ip: { ecn: null, tos: null, flowLabel: null, ttl: null },
  });
  const { SYN, ACK, ECE, CWR, AE, FIN, RST, URG } = TCP_FLAG;
  for (const [text, flags] of [
    ['-', 0],
    ['.', ACK],
    ['SEWA', SYN | ECE | CWR | AE],
    ['FRU', FIN | RST | URG],
    ['S.5', SYN | ACK | AE | ECE],
    ['.0', ACK],
    ['.7', ACK | AE | CWR | ECE],
    ['S2', SYN | CWR],
  ] as const) {
    t.equal(tcp(`> ${text} 0:0(0)`).flags, flags, text);
  }
  t.same(tcp('> 5000 > 80 . 4294967295:4(5) ack 1').ports, { source: 5000, destination: 80 });
  t.equal(tcp('> . 1:1(0) ack 1 <...>').options, null);
  t.equal(tcp('> . 1:1(0) ack 1').window, null, 'a window that is not written is not checked');
});

t.test('what may be said of the IP header', async (t) => {
  const ip = (text: string) => tcp(`> ${text} . 1:1(0) ack 1`).ip;
  const none = { ecn: null, tos: null, flowLabel: null, ttl: null };
  t.same(ip('(ect0)'), { ...none, ecn: 'ect0' });
  t.same(ip('[ect01]'), { ...none, ecn: 'ect01' });
  t.same(ip('(tos 0x10, flowlabel 0xfffff)'), { ...none, tos: 16, flowLabel: 0xfffff });
  t.same(ip('[noecn, ttl 64]'), { ...none, ecn: 'noecn', ttl: 64 });
});

t.test('every TCP option, in order', async (t) => {
  const options = (text: string) => tcp(`> . 1:1(0) ack 1 <${text}>`).options;
  t.same(options('mss 1460, sackOK,TS val 1 ecr 4294967295,nop,wscale 8'), [
    { kind: 'mss', value: 1460 },
    { kind: 'sackOK' },
    { kind: 'TS', val: 1, ecr: 4294967295 },
    { kind: 'nop' },
    { kind: 'wscale', value: 8 },
  ]);
  t.same(options('sack 1:2 30:40,nop,eol'), [
    {
      kind: 'sack',
      blocks: [
        { left: 1, right: 2 },
        { left: 30, right: 40 },
      ],
    },
    { kind: 'nop' },
    { kind: 'eol' },
  ]);
  t.same(options('FO,FOEXP,nop,nop'), [
    { kind: 'FO', bytes: '' },
    { kind: 'FOEXP', bytes: '' },
    { kind: 'nop' },
    { kind: 'nop' },
  ]);
  t.match(options('FO 12345678,nop,nop'), [{ kind: 'FO', bytes: '12345678' }, {}, {}]);
  t.match(options('FOEXP 00ABcd12'), [{ kind: 'FOEXP', bytes: '00abcd12' }]);
  t.match(options('md5 00112233445566778899aabbccddeeff,nop,nop'), [
    { kind: 'md5', bytes: '00112233445566778899aabbccddeeff' },
    {},
    {},
  ]);
  t.match(options('ECN e0b 1 ceb 2 e1b 16777215,nop'), [
    { kind: 'ECN', first: 0, counters: [1, 2, 16777215] },
    {},
  ]);
  t.match(options('ECN e1b 5 ceb 6'), [{ kind: 'ECN', first: 1, counters: [5, 6] }]);
});

t.test('UDP, ICMP and what is around a packet', async (t) => {
  t.match(action('< udp (1000)'), { kind: 'udp', len: 1000, ports: null });
  t.match(action('> udp 53 > 1024 (0)'), { ports: { source: 53, destination: 1024 } });
  const icmp = action('< icmp unreachable frag_needed mtu 1400 [1:1461(1460)]') as IcmpPacket;
  t.match(icmp, {
    icmp: { type: 3, code: 4 },
    mtu: 1400,
    id: null,
    quoted: { kind: 'tcp', seq: { start: 1, len: 1460 } },
  });
  t.match(action('< icmp unreachable'), { icmp: { type: 3, code: 0 }, quoted: null });
  t.match(action('< icmp type_9 code_7 [udp (8)]'), {
    icmp: { type: 9, code: 7 },
    quoted: { kind: 'udp', len: 8 },
  });
  t.match(action('< icmp echo_request id 5'), { icmp: { type: 8 }, id: 5 });
  t.match(action('< icmp redirect code_1 [raw (20)]'), { quoted: { kind: 'raw', len: 20 } });
  const v6 = setting('ip_version', 'ipv6');
  t.match(action('< icmp packet_too_big mtu 1300', v6), { icmp: { type: 2, code: 0 }, mtu: 1300 });
  t.match(action('< icmp unreachable port_unreachable', v6), { icmp: { type: 1, code: 4 } });

  const encapsulated = tcp('> encap psp spi 7 (ect0) P. 1:1001(1000) ack 1');
  t.same(encapsulated.encapsulations, ['psp']);
  t.match(encapsulated, { ip: { ecn: 'ect0' }, seq: { len: 1000 } });
  t.same(
    tcp('> ipv4 10.0.0.1 > 10.0.0.2: gre: ipv6 2001::1 > 2001::2: . 1:1(0) ack 1').encapsulations,
    ['ipv4', 'gre', 'ipv6'],
  );
});

/** Without positions: trees are compared by what they say. */
function bare(expression: Expression): unknown {
  return JSON.parse(JSON.stringify(expression, (key, value) => (key === 'at' ? undefined : value)));
}
const argument = (text: string): unknown => bare((action(`f(${text}) = 0`) as CallAction).args[0]!);
const int = (value: number) => ({ kind: 'integer', value });
const sym = (name: string) => ({ kind: 'symbol', name });

t.test('every form of argument', async (t) => {
  t.same(argument('...'), { kind: 'ellipsis' });
  t.same(argument('-1'), int(-1));
  t.same(argument('0xffffffff'), int(0xffffffff));
  t.same(argument('NULL'), sym('NULL'));
  t.same(argument('"a\\x62" "c\\n"'), { kind: 'string', bytes: 'abc\n' });
  t.same(argument('A|B | 4'), { kind: 'or', terms: [sym('A'), sym('B'), int(4)] });
  t.same(argument('[1, A|B]'), {
    kind: 'list',
    items: [int(1), { kind: 'or', terms: [sym('A'), sym('B')] }],
  });
  t.same(argument('[]'), { kind: 'list', items: [] });
  t.same(argument('{..., 10}'), { kind: 'buffer', base: { kind: 'ellipsis' }, len: int(10) });
  t.match(argument('{msg_name(...)=..., msg_iov(1)=[{..., 5}], msg_flags=MSG_EOR}'), {
    shape: 'msghdr',
    fields: [
      { name: 'msg_name', argument: { kind: 'ellipsis' }, value: { kind: 'ellipsis' } },
      { name: 'msg_iov', argument: int(1), value: { items: [{ kind: 'buffer', len: int(5) }] } },
      { name: 'msg_flags', argument: null, value: sym('MSG_EOR') },
    ],
  });
  for (const [text, shape] of [
    ['{cmsg_level=1, cmsg_type=2, cmsg_data=3}', 'cmsg'],
    ['{fd=4, events=POLLIN, revents=0}', 'pollfd'],
    ['{fd=4, events=POLLIN}', 'pollfd'],
    ['{events=EPOLLIN, fd=4}', 'epoll'],
    ['{events=0, ptr=0}', 'epoll'],
    ['{events=EPOLLET, u64=7}', 'epoll'],
    ['{onoff=1, linger=5}', 'linger'],
    ['{scm_sec=0, scm_nsec=5}', 'timestamp'],
    ['{ee_errno=0, ee_origin=1, ee_type=0, ee_code=0, ee_info=0, ee_data=2}', 'extended error'],
    ['{TCP_NLA_BUSY=1|TCP_NLA_SND_CWND=10}', 'statistics'],
    ['{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.1")}', 'sockaddr'],
  ] as const) {
    t.match(argument(text), { kind: 'record', shape }, text);
  }
});

t.test('results, errors and notes', async (t) => {
  const call = (text: string) => {
    const { result, errno, note } = action(`f() = ${text}`) as CallAction;
    return [bare(result), errno, note];
  };
  t.same(call('3'), [int(3), null, null]);
  t.same(call('0x2 (flags O_RDWR)'), [int(2), null, 'flags O_RDWR']);
  t.same(call("-1 EAGAIN (it's not (yet) there)"), [int(-1), 'EAGAIN', "it's not (yet) there"]);
  t.same(call('-1 (Bad)'), [int(-1), null, 'Bad']);
  t.equal(script('0 f() = 0 +0 g() = 0').events.length, 2, 'a line may hold two events');
});
