/** Scripts against the production stack: calls, time, packets, commands; nothing is left behind. */
import t from 'tap';
import { readPacket } from '../../../src/sim/packetdrill/live-packet.ts';
import { parseScript } from '../../../src/sim/packetdrill/parser.ts';
import { RingwaySystem } from '../../../src/sim/packetdrill/ringway-system.ts';
import { runText } from '../../../src/sim/packetdrill/run-text.ts';

/** `pass`, or the line and what is wrong. */
function verdict(text: string): string {
  const { status, line, message, expected, actual } = runText('x.pkt', text);
  if (status === 'pass') return 'pass';
  const sides = expected === null ? '' : ` [${expected}] [${actual}]`;
  return `${line}: ${status === 'fail' ? '' : `${status}: `}${message}${sides}`;
}

const VERSIONS = ['ipv4', 'ipv6', 'ipv4-mapped-ipv6'];
const UDP = '0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n';

for (const version of VERSIONS) {
  t.test(`datagrams both ways, ${version}`, async (t) => {
    const text = `--ip_version=${version}
${UDP}+0 bind(3, ..., ...) = 0
+0 connect(3, ..., ...) = 0
+0 write(3, ..., 1000) = 1000
+0 > udp (1000)
+.1 < udp (500)
+0 read(3, ..., 1000) = 500
+.5 < udp (7)
+0 recv(3, ..., 1000, MSG_PEEK) = 7
+0 ioctl(3, SIOCINQ, [7]) = 0
+0 readv(3, [{..., 4}, {..., 100}], 2) = 7
+0 read(3, ..., 1000) = -1 EAGAIN
`;
    t.equal(verdict(text.replace('SOCK_DGRAM', 'SOCK_DGRAM|SOCK_NONBLOCK')), 'pass');
  });

  t.test(`an ICMP error is the next call's, ${version}`, async (t) => {
    const text = `--ip_version=${version}
${UDP}+0 connect(3, ..., ...) = 0
+0 write(3, ..., 10) = 10
+0 > udp (10)
+.1 < icmp unreachable port_unreachable [udp (10)]
+0 write(3, ..., 10) = -1 ECONNREFUSED
`;
    t.equal(verdict(text), 'pass');
  });
}

t.test('a call that blocks returns at the instant of what it waits for', async (t) => {
  const text = (end: string, got = 20) => `${UDP}+0 bind(3, ..., ...) = 0
+0 connect(3, ..., ...) = 0
+.1...${end} read(3, ..., 1000) = 20
+.2 < udp (${got})
`;
  t.equal(verdict(text('0.3')), 'pass');
  t.match(verdict(text('0.5')), /^4: returned early: due at 0\.5\d+ s, it was 0\.3\d+ s/);
  t.match(verdict(text('0.2')), /^4: returned late: due at 0\.2\d+ s, it was 0\.3\d+ s/);
  t.equal(verdict(text('0.3', 19)), '4: read: result differs [20] [19]');
});

t.test('poll and epoll wait for their time', async (t) => {
  const text = `${UDP}+0 bind(3, ..., ...) = 0
+0 connect(3, ..., ...) = 0
+0...0.25 poll([{fd=3, events=POLLIN, revents=0}], 1, 250) = 0
+.25 epoll_create(1) = 4
+0 epoll_ctl(4, EPOLL_CTL_ADD, 3, {events=EPOLLIN, u32=77}) = 0
+0...0.1 epoll_wait(4, {events=EPOLLIN, u32=77}, 1, 500) = 1
+.1 < udp (3)
+0 close(3) = 0
+0 close(4) = 0
`;
  t.equal(verdict(text), 'pass');
});

t.test('a pipe takes from a socket what a splice moves', async (t) => {
  const text = `${UDP}+0 bind(3, ..., ...) = 0
+0 connect(3, ..., ...) = 0
+0 pipe([4, 5]) = 0
+0 write(5, ..., 100) = 100
+0 splice(4, NULL, 3, NULL, 60, 0) = 60
+0 > udp (60)
+0 read(4, ..., 100) = 40
+.1 < udp (30)
+0 splice(3, NULL, 5, NULL, 100, 0) = 30
+0 read(4, ..., 100) = 30
`;
  t.equal(verdict(text), 'pass');
});

t.test('commands change the stack of the script', async (t) => {
  const text = `\`sysctl -q net.ipv4.ip_default_ttl=33
ip tcp_metrics flush all\`
${UDP}+0 connect(3, ..., ...) = 0
+0 write(3, ..., 10) = 10
+0 > (ttl 33) udp (10)
+0 \`nstat | grep UdpOutDatagrams\`
+0 \`nstat | grep -v Udp\`
+0 \`tc qdisc replace dev tun0 root pfifo limit 0\`
+0 write(3, ..., 10) = 10
`;
  t.equal(verdict(text), 'pass');
  const lost = `${text}+0 > (ttl 33) udp (10)\n`;
  t.match(verdict(lost), /^11: no packet came/, 'a queue without a place drops');
  t.equal(verdict(`${lost.replace('pfifo limit 0', 'pfifo limit 1')}`), 'pass');
  t.equal(
    verdict(`${UDP}+0 \`sysctl -q net.ipv4.tcp_nonsense=1\``),
    '2: unsupported: sysctl net.ipv4.tcp_nonsense',
  );
});

const TCP = `0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1000,sackOK,nop,nop>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`;

t.test('tc qdisc … fq: the second window leaves in frames at its own rate', async (t) => {
  const text = (qdisc: string): string => `--tolerance_usecs=500
\`tc qdisc replace dev tun0 root ${qdisc}\`
${TCP}+0 write(4, ..., 30000) = 30000
+0 > P. 1:10001(10000) ack 1
+.1 < . 1:1(0) ack 10001 win 65535
+0 > P. 10001:12001(2000) ack 1
+.0025 > P. 12001:14001(2000) ack 1
+.005 > P. 14001:16001(2000) ack 1
`;
  // Twice 20 segments in 100 ms: 400,000 bytes a second. Half of the first gap is credit for the pause.
  t.equal(verdict(text('fq')), 'pass');
  t.not(verdict(text('pfifo')), 'pass', 'pfifo: all of it at once');
});

const ROUTES = [
  ['ipv4', '1500', 40, '192.0.2.1', 'unreachable frag_needed mtu 600'],
  ['ipv6', '1520', 60, '2001:db8::1', 'packet_too_big mtu 1280'],
] as const;

for (const [version, linkMtu, headers, peer, tooBig] of ROUTES) {
  t.test(`ip route: advmss, mtu lock, initcwnd, ${version}`, async (t) => {
    const route = (words: string): string => `\`ip route change ${peer} dev tun0 ${words}\``;
    const open = (words: string, offered: number): string => `--ip_version=${version}
--mtu=${linkMtu}
--strict_segments
${route(words)}
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 \`ethtool -K tun0 tso off\`
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460>
+0 > S. 0:0(0) ack 1 <mss ${offered}>
+.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
`;
    const text = `${open(`advmss 500 mtu lock ${1300 + headers} initcwnd 3`, 500)}
+0 write(4, ..., 6000) = 6000
+0 > . 1:1301(1300) ack 1
+0 > . 1301:2601(1300) ack 1
+0 > . 2601:3901(1300) ack 1
+.01 < icmp ${tooBig} [1:1301(1300)]
+0 %{ assert tcpi_snd_mss == 1300 and tcpi_lost == 0; assert tcpi_advmss == 500 }%
+0 ${route('mtu 1300')}
+.09 < . 1:1(0) ack 3901 win 65535
+0 > . 3901:${3901 + 1300 - headers}(${1300 - headers}) ack 1
`;
    t.equal(verdict(text), 'pass');
    t.not(verdict(text.replace('lock ', '')), 'pass', 'without a lock the router is believed');
    t.equal(verdict(open('mtu 1300', 1300 - headers)), 'pass', 'the MTU bounds the offer');
  });
}

t.test(
  'what is lost in this host is tried again every 500 ms; the peer is not to blame',
  async (t) => {
    const text = `${TCP}+0 \`tc qdisc replace dev tun0 root pfifo limit 0\`
+0 write(4, ..., 100) = 100
+10 %{ assert tcpi_probes == 20, tcpi_probes; assert tcpi_backoff == 0 }%
+0 %{ assert tcpi_unacked == 0 and tcpi_notsent_bytes == 100 }%
+0 \`tc qdisc replace dev tun0 root pfifo\`
+.3~+.31 > P. 1:101(100) ack 1
+.1 < . 1:1(0) ack 101 win 65535
+0 %{ assert tcpi_probes == 0, tcpi_probes }%
`;
    t.equal(verdict(text), 'pass');
  },
);

t.test('a script that must fail', async (t) => {
  const wrong = `// Failure: expected result\n0 socket(..., SOCK_STREAM, IPPROTO_UDP) = 3\n`;
  t.equal(verdict(wrong), 'pass');
  t.equal(verdict(`// Failure: never\n${UDP}`), '0: it must fail, and it passes');
  t.equal(
    verdict(wrong.replace('// Failure: ', '// ')),
    '2: socket: result differs [3] [-1 EPROTONOSUPPORT]',
  );
});

t.test('a SYN that an earlier socket sends again is nobody’s', async (t) => {
  const text = [3, 4].map(
    (fd) => `
+.6 socket(..., SOCK_STREAM, IPPROTO_TCP) = ${fd}
+0 fcntl(${fd}, F_SETFL, O_RDWR|O_NONBLOCK) = 0
+.6 connect(${fd}, ..., ...) = -1 EINPROGRESS
+0 > S 0:0(0) <...>`,
  );
  t.equal(verdict(`0 \`true\`${text.join('')}`), 'pass');
});

t.test('what cannot be parsed is a failure with its line', async (t) => {
  t.match(verdict(`${UDP}+0 > nonsense`), /^2: /);
});

t.test('runs of a script are alike, and leave no memory behind', async (t) => {
  const { options } = parseScript('x', UDP);
  const ports = [1, 1, 2].map((seed) => {
    const sut = new RingwaySystem(options, seed);
    const fd = sut.call({ name: 'socket', domain: 2, type: 2, protocol: 17 }).result.value;
    const address = { address: options.remoteIp, port: 9 };
    sut.call({ name: 'connect', fd, address });
    const send = { name: 'write', fd, buffers: [5], len: 5, flags: 0, address: null } as const;
    t.same(sut.call(send).result, { value: 5 });
    sut.run(sut.nowNs, () => false);
    const packet = readPacket(sut.takeOutbound()!.bytes);
    sut.close(); // asserts that all memory is back
    return packet.transport.kind === 'udp' ? packet.transport.srcPort : 0;
  });
  t.equal(ports[0], ports[1]);
  t.not(ports[0], ports[2]);
});
