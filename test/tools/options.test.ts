/** Command lines: what is understood, and that the rest is refused with what was wrong. */
import t from 'tap';
import { type OptionSpec, parseOptions } from '../../tools/command/options.ts';
import { PING_OPTIONS, pingRequestOf } from '../../tools/command/ping-request.ts';
import { STACK_OPTIONS, stackSpecOf } from '../../tools/command/stack-spec.ts';

const SPECS: readonly OptionSpec[] = [
  { name: 'count', short: 'c', value: 'N', help: '' },
  { name: 'quiet', short: 'q', help: '' },
  { name: 'numeric', short: 'n', help: '' },
  { name: 'add', value: 'A', isRepeatable: true, help: '' },
  { name: '4', help: '' },
];

t.test('forms', async (t) => {
  const cases: [string[], Record<string, string[]>, string[]][] = [
    [['-c', '5', 'x'], { count: ['5'] }, ['x']],
    [['-c5'], { count: ['5'] }, []],
    [['-qnc5', 'x'], { quiet: [''], numeric: [''], count: ['5'] }, ['x']],
    [['-qc', '5'], { quiet: [''], count: ['5'] }, []],
    [['--count=5', '--quiet'], { count: ['5'], quiet: [''] }, []],
    [['--count', '-5'], { count: ['-5'] }, []],
    [['--count='], { count: [''] }, []],
    [['--add', 'a', '--add=b'], { add: ['a', 'b'] }, []],
    [['-4', '--', '-q', '--x'], { '4': [''] }, ['-q', '--x']],
    [['-'], {}, ['-']],
    [['-q', '-q'], { quiet: ['', ''] }, []],
  ];
  for (const [argv, given, words] of cases) {
    const o = parseOptions(SPECS, argv);
    t.same(o.words, words, argv.join(' '));
    for (const { name } of SPECS)
      t.same(o.list(name), given[name] ?? [], `${argv.join(' ')}: ${name}`);
  }
});

t.test('refused, each with exit code 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [['--nope'], /unknown option --nope/],
    [['-x'], /unknown option -x/],
    [['-qx'], /unknown option -x/],
    [['--c=5'], /unknown option --c/],
    [['--4'], /unknown option --4/],
    [['-c'], /-c needs a value: N/],
    [['--count'], /--count needs a value: N/],
    [['--quiet=1'], /--quiet takes no value/],
    [['-c1', '-c2'], /--count is given twice/],
  ];
  for (const [argv, message] of cases) {
    t.throws(
      () => parseOptions(SPECS, argv),
      { message, exit: 2, code: 'ERR_USAGE' },
      argv.join(' '),
    );
  }
  const c = (text: string) => parseOptions(SPECS, ['-c', text]);
  t.equal(c('7').integer('count', 1, 9), 7);
  for (const bad of ['0', '10', '-1', '1.5', '', 'x', '1e1', '0x1', ' 1', '9'.repeat(30)]) {
    t.throws(() => c(bad).integer('count', 1, 9), { code: 'ERR_USAGE' }, `integer ${bad}`);
  }
  t.equal(c('.25').decimal('count', 0, 1), 0.25);
  for (const bad of ['', '.', '-1', '1e1', 'x', '2']) {
    t.throws(() => c(bad).decimal('count', 0, 1), { code: 'ERR_USAGE' }, `decimal ${bad}`);
  }
});

t.test('ping: units and ranges', async (t) => {
  const ping = (line: string) => pingRequestOf(parseOptions(PING_OPTIONS, line.split(' ')));
  t.match(ping('10.0.0.1'), { count: 0, size: 56, intervalNs: 1e9, lingerNs: 10e9, ttl: 0 });
  t.match(ping('-f 10.0.0.1'), { isFlood: true, intervalNs: 1e7 });
  t.match(ping('-c3 -s65507 -i.2 -W2.5 -w9 -t1 -Q32 -Mdo -pff00 10.0.0.1'), {
    count: 3,
    size: 65507,
    intervalNs: 2e8,
    lingerNs: 25e8,
    deadlineNs: 9e9,
    ttl: 1,
    tos: 32,
    pmtuDiscovery: 2,
    pattern: 'ff00',
  });
  t.match(ping('-s 65527 fd00::1'), { size: 65527 });
  t.match(ping('fe80::1%eth0'), { destination: 'fe80::1%eth0' });
  const bad: [string, RegExp][] = [
    ['-s 65508 10.0.0.1', /--size: 65508 is not a whole number from 0 to 65507/],
    ['-4 fd00::1', /-4, but fd00::1 is an IPv6 address/],
    ['-6 10.0.0.1', /-6, but 10.0.0.1 is an IPv4 address/],
    ['-4 -6 10.0.0.1', /exclude each other/],
    ['example.org', /not an IP address/],
    ['10.0.0.1 10.0.0.2', /what is "10.0.0.2"/],
    ['-p f 10.0.0.1', /16 bytes/],
    ['-M maybe 10.0.0.1', /none of do, want, dont, probe/],
    ['-t 256 10.0.0.1', /from 1 to 255/],
  ];
  for (const [line, message] of bad) t.throws(() => ping(line), { message, exit: 2 }, line);
});

t.test('up: what goes together', async (t) => {
  const up = (line: string) => stackSpecOf(parseOptions(STACK_OPTIONS, line.split(' ')));
  t.match(up('--tap tap0 --address 10.0.0.2/24 --address fd00::2/64 --no-tso --mtu 9000'), {
    device: { kind: 'tap', name: 'tap0', persist: false },
    addresses: [{ bits: 24 }, { bits: 64 }],
    tso: false,
    uso: true,
    mtu: 9000,
  });
  t.match(up('--packet eth0 --mac 02:00:00:00:00:09 --promiscuous'), {
    device: { kind: 'packet', interface: 'eth0', promiscuous: true },
  });
  t.match(up('--memory --sysctl net.ipv4.ip_local_port_range=1024=x'), {
    device: { kind: 'memory' },
    sysctls: [['net.ipv4.ip_local_port_range', '1024=x']],
  });
  const bad: [string, RegExp][] = [
    ['--address 10.0.0.1/24', /which device\?/],
    ['--tap a --packet b', /--tap and --packet exclude each other/],
    ['--packet eth0 --mtu 9000', /ip link set eth0 mtu 9000/],
    ['--packet eth0 --persist', /--persist goes with --tap/],
    ['--tap a --promiscuous', /--promiscuous goes with --packet/],
    ['--tap a --address 10.0.0.300/24', /10.0.0.300\/24 is not an address/],
    ['--tap a --address 10.0.0.3/33', /is not an address/],
    ['--tap a --mac ff:ff:ff:ff:ff:ff', /not the address of one machine/],
    ['--tap a --gateway nowhere', /--gateway: nowhere/],
    ['--tap a --mtu 67', /from 68/],
    ['--tap a --sysctl novalue', /NAME=VALUE/],
  ];
  for (const [line, message] of bad) t.throws(() => up(line), { message, exit: 2 }, line);
});
