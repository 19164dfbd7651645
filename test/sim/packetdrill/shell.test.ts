/** Commands of scripts: what they change, how they fail, and which are not for us. */
import t from 'tap';
import { runShell, shellProblem } from '../../../src/sim/packetdrill/shell.ts';
import { FakeShell } from './fake-shell.ts';

/** What the commands did, or how they ended. */
function run(text: string, host = new FakeShell()): readonly string[] {
  const outcome = runShell(text, host);
  return outcome.kind === 'done' ? host.log : [outcome.kind, outcome.what];
}

const DONE: readonly (readonly [string, readonly string[]])[] = [
  ['sysctl -q net.ipv4.tcp_sack=0', ['net.ipv4.tcp_sack=0']],
  ['sysctl -w net.ipv4.tcp_rmem="4096 8192 16384"', ['net.ipv4.tcp_rmem=4096 8192 16384']],
  ['sysctl -e -q net.ipv4.nonsense=1', []],
  ['/usr/sbin/sysctl -q net/ipv4/tcp_ecn=2', ['net.ipv4.tcp_ecn=2']],
  [
    '../a/set_sysctls.py /proc/sys/net/ipv4/tcp_ecn=1 \\\n  /proc/sys/net/ipv4/tcp_sack=0',
    ['net.ipv4.tcp_ecn=1', 'net.ipv4.tcp_sack=0'],
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's
  ['/tmp/sysctl_restore_${PPID}.sh', []],
  ['echo 1 > /proc/sys/net/ipv4/tcp_sack', ['net.ipv4.tcp_sack=1']],
  ['echo 3 >/sys/module/tcp_cubic/parameters/hystart_detect', ['tcp_cubic.hystart_detect=3']],
  ['echo whatever', []],
  ['tc qdisc replace dev tun0 root fq', ['qdisc fq null']],
  ['tc qdisc replace dev tun0 root pfifo limit 0', ['qdisc pfifo 0']],
  ['tc qdisc del dev tun0 root 2>/dev/null', ['qdisc default null']],
  ['ethtool -K tun0 tso off gso on', ['tso false', 'gso true']],
  ['ip tcp_metrics flush all > /dev/null 2>&1', ['flush metrics']],
  ['ip tcp_metrics flush &> /dev/null', ['flush metrics']],
  [
    'ip route change 192.0.2.1 via 192.168.0.2 dev tun0 advmss 600 mtu lock 640 initcwnd 11',
    ['route 192.0.2.1/32 mtu 640 true advmss 600 cwnd 11'],
  ],
  [
    'ip -6 route replace 2001:db8::/32 dev tun0 mtu 1400',
    ['route 2001:db8::/32 mtu 1400 false advmss 0 cwnd 0'],
  ],
  ["sysctl -q 'a.b=1 # 2' a.c=\\ 3 a.\\\nd=4", ['a.b=1 # 2', 'a.c= 3', 'a.d=4']],
  ['sysctl -q "a.b=\\"\\$5\\"" > /dev/null', ['a.b="$5"']],
  ['sysctl -q a.b=1 2>&1 | grep nothing || sysctl -q a.c=1', ['a.b=1', 'a.c=1']],
  ['sysctl -q net.ipv4.nonsense=1 &> /dev/null ||\n sysctl -q a.c=1', ['a.c=1']],
  ['nstat > /dev/null', []],
  ['# only a comment\n\n', []],
  ['sysctl -q a.b=1; sysctl -q a.c=2 # and more', ['a.b=1', 'a.c=2']],
  ['false; sysctl -q a.b=1', ['a.b=1']],
  ['false || sysctl -q a.b=1', ['a.b=1']],
  ['true || sysctl -q a.b=1', []],
  ['false && sysctl -q a.b=1; true', []],
  ['true &&\n sysctl -q a.b=1', ['a.b=1']],
];

t.test('commands change the stack under test', async (t) => {
  for (const [text, expected] of DONE) t.same(run(text), expected, text);
});

const FAILED: readonly (readonly [string, string])[] = [
  ['false', 'exit status 1: false'],
  ['true; false', 'exit status 1: false'],
  ['nstat | grep TcpExtNothing > /dev/null', 'exit status 1: nstat | grep TcpExtNothing'],
  ['rm file', 'exit status 1: rm file'],
  ['grep " 0A " /proc/net/tcp', 'exit status 1: grep  0A  /proc/net/tcp'],
];

t.test('the last command decides', async (t) => {
  for (const [text, what] of FAILED) t.same(run(text), ['failed', what], text);
});

const UNSUPPORTED: readonly (readonly [string, string])[] = [
  ['sysctl -q net.ipv4.nonsense=1', 'sysctl net.ipv4.nonsense'],
  ['/x/set_sysctls.py /proc/sys/net/ipv4/nonsense=1', 'sysctl net.ipv4.nonsense'],
  ['sysctl net.ipv4.tcp_sack', 'sysctl net.ipv4.tcp_sack'],
  ['sysctl -w net.inet.tcp.sack.enable=1', 'sysctl net.inet.tcp.sack.enable, of FreeBSD'],
  ['kldload cc_cubic', 'command kldload, of FreeBSD'],
  ['tcpdrop -a', 'command tcpdrop, of FreeBSD'],
  ['python3 -c 1', 'command python3'],
  ['tc qdisc add dev tun0 root netem delay 5ms', 'tc qdisc add dev tun0 root netem delay 5ms'],
  ['tc qdisc add dev tun0 root hfsc', 'qdisc hfsc'],
  ['ethtool -S tun0', 'ethtool -S tun0'],
  ['ip link set tun0 up', 'ip link set tun0 up'],
  ['ip route change 192.0.2.1 rto_min 5ms', 'ip route change 192.0.2.1 rto_min 5ms'],
  ['echo 1 > /etc/passwd', 'echo into /etc/passwd'],
  ['echo 1 > /sys/module/tcp_x/parameters/y', 'parameter tcp_x.y'],
  ['grep x /etc/passwd', 'grep in /etc/passwd'],
  ['grep -P x', 'grep -P x'],
  ['nstat | grep "[x"', 'grep [x'],
  ['dd if=/dev/urandom of=x bs=1 count=1', 'dd if=/dev/urandom of=x bs=1 count=1'],
  ['sysctl -q a.b=$(cat x)', 'shell syntax: $'],
  ['sleep 1 &', 'shell syntax: &'],
  ['grep x < y', 'shell syntax: <'],
];

t.test('anything else is unsupported, with what it was', async (t) => {
  for (const [text, what] of UNSUPPORTED) t.same(run(text), ['unsupported', what], text);
  t.equal(shellProblem('sysctl -q a.b=1\nrm -f x'), null);
  t.equal(
    shellProblem('sysctl -q a.b=1\nreboot'),
    'command reboot',
    'known before anything is run',
  );
  const host = new FakeShell();
  runShell('sysctl -q a.b=1\nreboot', host);
  t.same(host.log, []);
});

t.test('the defaults of the suites', async (t) => {
  const log = run('../../common/defaults.sh');
  for (const line of [
    'flush metrics',
    'net.ipv4.tcp_rmem=4096 540000 15728640',
    'net.ipv4.tcp_ecn=0',
    'net.ipv4.tcp_fastopen=0x70403',
    'qdisc pfifo null',
  ]) {
    t.ok(log.includes(line), line);
  }
});

t.test('counters since last time', async (t) => {
  const host = new FakeShell();
  host.counters.push(['TcpExtOutOfWindowIcmps', 2]);
  t.same(run('nstat | grep TcpExtOutOfWindowIcmps > /dev/null', host), []);
  t.equal(run('nstat | grep TcpExtOutOfWindowIcmps > /dev/null', host)[0], 'failed');
});

t.test('tables of sockets', async (t) => {
  const host = new FakeShell();
  host.sockets = [
    { isV4: true, localPort: 8080, remotePort: 0, state: 10 },
    { isV4: true, localPort: 8080, remotePort: 40000, state: 1 },
    { isV4: false, localPort: 8080, remotePort: 40000, state: 6 },
  ];
  const ends = (text: string): string => runShell(text, host).kind;
  t.equal(ends('grep " 0A " /proc/net/tcp /proc/net/tcp6 | grep ":1F90"'), 'done');
  t.equal(ends('grep " 0A " /proc/net/tcp6 | grep ":1F90"'), 'failed');
  t.equal(ends('sockstat -4 -P tcp -p 8080 -s | grep -c ESTABLISHED | grep 1'), 'done');
  t.equal(ends('sockstat -6 -P tcp -p 8080 -s | grep -c ESTABLISHED | grep 0'), 'done');
  t.equal(ends('sockstat -6 -P tcp -p 8080 -s | grep -c TIME_WAIT | grep 1'), 'done');
  t.equal(ends('sockstat -4 -P tcp -p 9 -s | grep -q LISTEN'), 'failed');
  t.equal(ends('sockstat -4 -P tcp -p 8080 -s | grep -v -i -E "listen|state|(est)"'), 'failed');
  t.equal(ends('sockstat -4 -P tcp -p 8080 -s | grep -F "*:8080 *:40000"'), 'done');
  t.equal(ends('sockstat -4 -P tcp -p 8080 -s | grep "4 .:80\\(80\\|81\\)"'), 'done');
});

t.test('files of zeros', async (t) => {
  const host = new FakeShell();
  t.same(run('rm -f x; dd bs=2k count=3 if=/dev/zero of=x status=none', host), []);
  t.equal(host.files.get('x'), 6144);
  t.same(run('rm x', host), []);
  t.equal(host.files.size, 0);
});
