/** What is said about a mistake in a script, and where; and that nothing else ever happens. */
import fc from 'fast-check';
import t from 'tap';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import { ScriptError } from '../../../src/sim/packetdrill/script.ts';
import { findUnsupported } from '../../../src/sim/packetdrill/unsupported.ts';
import { holds } from '../../support/property.ts';

function error(text: string): string {
  try {
    parseScript('x.pkt', text);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  return 'no error';
}

const MISTAKES: readonly (readonly [string, string])[] = [
  ['', 'x.pkt:1: a script has at least one event'],
  ['--nonsense=1 0 f() = 0', 'x.pkt:1: unknown option --nonsense'],
  ['--mss=big 0 f() = 0', 'x.pkt:1: --mss wants a number from 0 to 65495, not big'],
  ['\n--strict_segments=1 0 f() = 0', 'x.pkt:2: --strict_segments takes no value'],
  ['--remote_ip=fd::1 0 f() = 0', 'x.pkt:1: the addresses are not IPv4'],
  ['1 f() = 0', 'x.pkt:1: the first event is at time 0'],
  ['0 f() = 0\n2 f() = 0\n1 f() = 0', 'x.pkt:3: this time is before that of an earlier event'],
  ['0 f() = 0\n* f() = 0', 'x.pkt:2: only an outbound packet may come at any time'],
  ['0 f() = 0\n+1~+2 f() = 0', 'x.pkt:2: only an outbound packet may have a time range'],
  ['0...1 < . 1:1(0) ack 1 win 1', 'x.pkt:1: only a system call can block'],
  ['0 f() = 0\n+.2~+.1 > . 1:1(0) ack 1', 'x.pkt:2: a range ends before it begins'],
  ['0 f() = 0\n+1~2 > . 1:1(0) ack 1', 'x.pkt:2: both ends of a range are relative, or neither is'],
  ['0 < . 1:1(0) ack 1', 'x.pkt:1: an inbound packet has a window'],
  ['0 > . 1:5(3) ack 1', 'x.pkt:1: 1:5(3): the end is not 4'],
  ['0 > X. 1:1(0) ack 1', "x.pkt:1: 'X' is not a TCP flag: they are FSRPUEWA and a dot"],
  ['0 > . 1:1(0) ack 1 <mss 1460,nop>', 'x.pkt:1: the options are 5 bytes: not a multiple of 4'],
  ['0 > . 1:1(0) ack 1 <mss MSS>', 'x.pkt:1: expected an MSS, not MSS'],
  ['0 > . 1:1(0) ack 1 <mss 70000>', 'x.pkt:1: an MSS is 70000, not from 0 to 65535'],
  ['0 > . 1:1(0) ack 1 <mmm 1>', "x.pkt:1: 'mmm' is not a TCP option"],
  ['0 > . 1:1(0) ack 1 <FO 123,nop>', 'x.pkt:1: a cookie is whole bytes in hexadecimal, not 123'],
  ['0 > . 1:1(0) ack 1 <md5 00>', 'x.pkt:1: an MD5 digest has 16 bytes, not 1'],
  [
    '0 > . 1:1(0) ack 1 <nop',
    "x.pkt:1: expected '>' behind the TCP options, not the end of the file",
  ],
  [
    '0 < . 1:1(0) ack 1 win 9 <...>',
    'x.pkt:1: <...> is for outbound packets: which options are they?',
  ],
  ['0 < [ect01] . 1:1(0) ack 1 win 9', 'x.pkt:1: ect01 is for outbound packets: which one is it?'],
  ['0 < icmp nothing', 'x.pkt:1: ICMP has no type nothing'],
  ['0 < icmp unreachable nowhere', 'x.pkt:1: ICMP unreachable has no code nowhere'],
  ['0 < icmp unreachable mtu 5', 'x.pkt:1: unreachable carries no MTU'],
  ['0 f(1 = 0', "x.pkt:1: expected ')' behind the arguments of f, not ="],
  ['0 f({fd=1, onoff=2}) = 0', 'x.pkt:1: {fd, onoff} is no record'],
  ['0 f() = 0 (never closed', "x.pkt:1: expected ')' behind the note"],
  ['0 f("\\q") = 0', 'x.pkt:1: unknown escape in a string: there are \\f \\n \\r \\t \\v \\xHH'],
  ["0 f(') = 0", "x.pkt:1: expected a value, not '"],
  ['0 f() = 0\n\n`open', 'x.pkt:3: this command has no end'],
  ['0 f() = 0\n"open', 'x.pkt:2: this string has no end'],
  ['0 %{ open', 'x.pkt:1: this code has no end'],
  ['/* open', 'x.pkt:1: this comment has no end'],
  ['0 f() = 0\n`a` `b`', 'x.pkt:2: a command without a time is the first or the last'],
  ['0 17', 'x.pkt:1: expected a packet, a call, a command or code, not 17'],
];

t.test('a mistake is told with file and line', async (t) => {
  for (const [text, expected] of MISTAKES) t.equal(error(text), expected);
});

/** Something of everything. */
const WHOLE = `--tolerance_usecs=10000 --define=X="a b"
\`sysctl -q net.ipv4.tcp_sack=1 # c
  echo "x" | grep -c y\`
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3 // one
+0...0.2 recvmsg(3, {msg_name(...)=..., msg_iov(1)=[{..., 9}], msg_flags=A|B}, 0) = -1 EAGAIN (Try again)
+.1~+.2 > [ect0] SEW. 0:0(0) ack 1 win 9 <mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 8,FO 00ff,nop,nop,nop,nop>
* > P. 1:101(100) ack 1 <nop,nop,sack 1:2 3:4>
+0 < icmp unreachable frag_needed mtu 1300 [1:11(10)] /* two */
+0 %{ assert 1 <= tcpi_rtt <= 2, 'rtt %d' % (tcpi_rtt) ; cwnd += 0x1f }%
\`true\``;

t.test('whatever the text, it is a script or a ScriptError', async (t) => {
  t.ok(parseScript('x.pkt', WHOLE));
  const pieces = [
    '',
    ' ',
    '(',
    ')',
    '{',
    '}',
    '<',
    '>',
    '`',
    '"',
    '%{',
    '}%',
    '...',
    '-',
    '+',
    '=',
    '0x',
    ':',
  ];
  const edit = fc.tuple(
    fc.nat(WHOLE.length),
    fc.nat(12),
    fc.constantFrom(...pieces, 'udp', 'S', '99999999999'),
  );
  holds(
    t,
    'a damaged script is refused, or is another script',
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let text = WHOLE;
      for (const [at, len, piece] of edits) text = text.slice(0, at) + piece + text.slice(at + len);
      try {
        findUnsupported(parseScript('x.pkt', text));
        return true;
      } catch (thrown) {
        return thrown instanceof ScriptError && /^x\.pkt:\d+: ./.test(thrown.message);
      }
    }),
    1000,
  );
});
