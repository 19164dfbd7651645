/** The `ringway` command, as users run it: against a stack in memory, and one on a TAP device. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { programPath } from '../../tools/dev/requirements.ts';
import { requires } from '../support/requires.ts';
import { ADDRESSES, collect, Place, RINGWAY, type Up } from './command-place.ts';

const skip = requires({ addon: true });
const tap = requires({ root: true, tun: true, addon: true, programs: ['unshare', 'nsenter'] });

// Some forty processes, each of which compiles what it runs: on a busy machine that is minutes.
t.setTimeout(600_000);
t.jobs = 4;

t.test('without a stack: help, usage, and one line for what is wrong', { skip }, async (t) => {
  const place = new Place(t);
  const cases: [string[], number, RegExp, RegExp][] = [
    [['--help'], 0, /^Usage: ringway COMMAND/, /^$/],
    [['ping', '--help'], 0, /^Usage: ringway ping .*ADDRESS\n/, /^$/],
    [['--version'], 0, /^ringway \d+\.\d+\.\d+\n$/, /^$/],
    [[], 2, /^$/, /^ringway: which command\? .*\n$/],
    [['fly'], 2, /^$/, /^ringway: unknown command fly; see ringway --help\n$/],
    [['nstat', '--fly'], 2, /^$/, /^ringway nstat: unknown option --fly; see --help\n$/],
    [['-j', 'fly'], 2, /^\{"error":"unknown command fly.*","code":"ERR_USAGE"\}\n$/, /^$/],
    [['ss', '-tx'], 2, /^$/, /^ringway ss: unknown option -x; see --help\n$/],
    [['ss', 'sport'], 2, /^$/, /^ringway ss: nothing is not a port\n$/],
    [['nstat'], 4, /^$/, /^ringway nstat: no stack is running in this folder .*\n$/],
    [['addr', '-j'], 4, /^\{"error":"no stack is running.*","code":"ENOENT"\}\n$/, /^$/],
    [['ping', '10.0.0.1'], 2, /^$/, /^ringway ping: no stack is running.*\n$/],
    [['doctor', '-i', 'nosuch0'], 3, /^$/, /^ringway doctor: --interface nosuch0: no such .*\n$/],
    [['up', '--packet', 'nosuch0'], 3, /^$/, /^ringway up: .*nosuch0.*\n$/],
    [['up', '--memory', '--netns', 'nosuch'], 3, /^$/, /no network namespace .*nosuch/],
    [['up', '--memory', '--sysctl', 'net.x=1'], 3, /^$/, /no sysctl net\.x/],
    [['up', '--memory', '--vlan', 'x'], 2, /^$/, /--vlan: x is not ID or/],
    [['up', '--memory', '--vlan', '4095'], 3, /^$/, /VLAN 4095 of mem0: not an identifier/],
    [
      ['up', '--memory', '--sysctl', 'net.ipv4.tcp_syn_retries=0'],
      3,
      /^$/,
      /tcp_syn_retries: 0 is not from 1 to 127/,
    ],
    [
      ['up', '--memory', '--sysctl', 'net.ipv4.tcp_congestion_control=nosuch'],
      3,
      /^$/,
      /no congestion control nosuch; there is cubic, reno, /,
    ],
    [
      ['up', '--memory', '--gateway', '10.0.0.1'],
      3,
      /^$/,
      /--gateway 10\.0\.0\.1: not a neighbour/,
    ],
  ];
  const results = await Promise.all(cases.map(([args]) => place.run(...args)));
  for (const [i, [args, code, out, err]] of cases.entries()) {
    const result = results[i]!;
    t.equal(result.code, code, `ringway ${args.join(' ')}`);
    t.match(result.out, out);
    t.match(result.err, err);
  }
  t.same(
    existsSync(join(place.folder, '.ringway')) && readdirSync(`${place.folder}/.ringway`),
    false,
  );
});

t.test('against a stack in memory', { skip }, async (t) => {
  const place = new Place(t);
  const up = await place.up(
    ['--memory', ...ADDRESSES, '--vlan', '100=10.100.0.2/24', '--echo', '7'].concat(
      ['--sysctl', 'net.ipv6.conf.mem0.100.force_mld_version=1'],
      ['--capture', 'all.pcapng'],
    ),
  );
  t.equal(statSync(join(place.folder, '.ringway/default.sock')).mode & 0o777, 0o600);
  await pings(t, place);
  await shows(t, place, up);
  await counts(t, place);
  await sockets(t, place);
  await changes(t, place);
  await vlans(t, place);
  await captures(t, place);
  const second = await place.run('up', '--memory');
  t.equal(second.code, 4);
  t.match(second.err, /a stack named "default" is already running/);
  up.child.kill('SIGTERM');
  t.equal(await up.ended, 0);
  t.same(readdirSync(join(place.folder, '.ringway')), [], 'nothing is left');
  const packets = packetBlocks(readFileSync(join(place.folder, 'all.pcapng')));
  t.ok(packets > 30, `--capture wrote ${packets} frames`);
});

async function pings(t: Test, place: Place): Promise<void> {
  const text = await place.run('ping', '-c', '3', '-i', '0.05', '10.9.0.1');
  t.equal(text.code, 0);
  const lines = text.out.split('\n');
  t.equal(lines[0], 'PING 10.9.0.1 (10.9.0.1) 56(84) bytes of data.');
  t.match(lines[3], /^64 bytes from 10\.9\.0\.1: icmp_seq=3 ttl=64 time=[\d.]+ ms$/);
  t.match(lines[6], /^3 packets transmitted, 3 received, 0% packet loss, time \d+ms$/);
  t.match(lines[7], /^rtt min\/avg\/max\/mdev = ([\d.]+\/){3}[\d.]+ ms$/);
  const json: { received: number; replies: unknown[] } = await place.json(
    ...['ping', '-j', '-c', '2', '-i', '0.01', '-s', '65000', 'fd09::1'],
  );
  t.match(json, { transmitted: 2, received: 2, size: 65000, loss: 0 });
  t.match(json.replies[1], { seq: 2, from: 'fd09::1', bytes: 65008 });
  const flood = await place.run('ping', '-f', '-q', '-c', '1000', '10.9.0.1');
  t.match(flood.out, /1000 packets transmitted, 1000 received, 0% packet loss.*\n.*ipg\/ewma/);
  const [nobody, noRoute] = await Promise.all([
    place.run('ping', '-c', '1', '-W', '0.1', '10.9.0.77'),
    place.run('ping', '-c', '1', '192.0.2.1'),
  ]);
  t.equal(nobody.code, 1, 'nobody answers: 1');
  t.equal(noRoute.code, 2, 'no route: 2');
  t.match(noRoute.err, /^ping: Network is unreachable \(ENETUNREACH\)/);
  const endless = spawn(RINGWAY[0]!, [RINGWAY[1]!, 'ping', '-i', '0.01', '10.9.0.1'], {
    cwd: place.folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  endless.stdout.on('data', (chunk) => {
    if (!out.includes('icmp_seq=5') && `${out}${chunk}`.includes('icmp_seq=5'))
      endless.kill('SIGINT');
    out += chunk;
  });
  t.equal(await new Promise((done) => endless.once('close', done)), 0);
  t.match(out, /packets transmitted.*\nrtt min/, 'SIGINT prints the summary');
}

async function shows(t: Test, place: Place, up: Up): Promise<void> {
  const asked = ['addr', 'link', 'route', 'neigh'] as const;
  const [addr, link, route, neigh] = (await Promise.all(
    asked.map((what) => place.json(what, '-j')),
  )) as unknown as Record<string, unknown>[][];
  t.match(
    addr!.find((a) => a.ifname === up.ifname),
    {
      mtu: 1500,
      operstate: 'UP',
      link_type: 'ether',
      address: up.mac,
      addr_info: [
        { family: 'inet6', scope: 'link', prefixlen: 64 },
        {
          family: 'inet',
          local: '10.9.0.2',
          prefixlen: 24,
          broadcast: '10.9.0.255',
          scope: 'global',
        },
        { family: 'inet6', local: 'fd09::2', prefixlen: 64 },
      ],
    },
  );
  t.same(
    link!.map((l) => l.ifname),
    ['lo', up.ifname, `${up.ifname}.100`],
  );
  t.match(link![2], {
    link: up.ifname,
    address: up.mac,
    mtu: 1500,
    linkinfo: { info_kind: 'vlan', info_data: { protocol: '802.1Q', id: 100 } },
  });
  t.match(
    route!.find((r) => r.dst === '10.9.0.0/24'),
    {
      dev: up.ifname,
      protocol: 'kernel',
      scope: 'link',
      prefsrc: '10.9.0.2',
    },
  );
  t.match(
    neigh!.find((n) => n.dst === '10.9.0.1'),
    { dev: up.ifname, lladdr: /^02:/ },
  );
  const texts = await Promise.all([
    place.run('addr', 'show', 'dev', up.ifname),
    place.run('link', '-s'),
    place.run('route', '-4'),
    place.run('neigh', '-6'),
    place.run('addr', 'show', 'dev', 'eth9'),
    place.run('maddr', 'show', 'dev', up.ifname),
  ]);
  t.match(texts[5]!.out, /^2:\tmem0\tigmp V3 mld V2\n\tinet {2}224\.0\.0\.1\n\tinet6 ff02::1\n/);
  const [lo, mem] = (await place.json('maddr', '-j')) as unknown as Record<string, unknown>[];
  t.same(lo!.igmp, undefined, 'nobody is told of the groups on loopback');
  t.match(mem, { ifname: up.ifname, maddr: [{ family: 'inet', address: '224.0.0.1' }] });
  t.match(texts[0]!.out, /^2: mem0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\n/);
  t.match(texts[0]!.out, /\n {4}inet 10\.9\.0\.2\/24 brd 10\.9\.0\.255 scope global mem0\n/);
  t.match(texts[1]!.out, /RX: +bytes packets errors dropped batches stalls\n +[1-9]/);
  t.match(texts[1]!.out, /stack: frames accepted [1-9]\d*, dropped \d+\n/);
  t.match(texts[1]!.out, /driver: turns [1-9]/);
  t.equal(
    texts[2]!.out,
    '10.100.0.0/24 dev mem0.100 proto kernel scope link src 10.100.0.2\n' +
      '10.9.0.0/24 dev mem0 proto kernel scope link src 10.9.0.2\n',
  );
  t.match(texts[3]!.out, /^fd09::1 dev mem0 lladdr [0-9a-f:]{17} [A-Z]+\n$/);
  t.equal(texts[4]!.code, 1);
  t.equal(texts[4]!.err, 'Device "eth9" does not exist.\n');
}

async function sockets(t: Test, place: Place): Promise<void> {
  const table = await place.run('ss', '-uan');
  t.equal(
    table.out,
    'State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n' +
      'UNCONN 0      0                  *:7               *:*\n',
  );
  t.equal((await place.run('ss', '-Htl')).out, '');
  const [only]: { localPort: number }[] = await place.json('ss', '-aj', 'sport', '=', ':7');
  t.equal(only?.localPort, 7);
  t.match((await place.run('ss', '-s')).out, /^Total: 1\nTCP: {3}0 \(estab 0, closed 0,/);
}

async function counts(t: Test, place: Place): Promise<void> {
  const all: { kernel: Record<string, number> } = await place.json('nstat', '-a', '-z', '-j', '-s');
  const { kernel } = all;
  for (const name of ['IpInReceives', 'IcmpInEchoReps', 'Icmp6InEchoReplies', 'IpExtInNoECTPkts']) {
    t.ok(kernel[name]! > 0, `${name} ${kernel[name]}`);
  }
  t.equal(kernel.UdpInDatagrams, 0, '-z: zeros too');
  t.equal(kernel.IcmpOutEchos, kernel.IcmpMsgOutType8);
  const first = await place.run('nstat', 'IcmpOutEchos');
  t.match(first.out, new RegExp(`^#default\nIcmpOutEchos +${kernel.IcmpOutEchos}\n$`));
  await place.run('ping', '-q', '-c', '2', '-i', '0.01', '10.9.0.1');
  const then = await place.run('nstat', 'icmpoutecho*');
  t.match(then.out, /^#default\nIcmpOutEchos +2\n$/, 'what came since the last time');
}

async function changes(t: Test, place: Place): Promise<void> {
  const does = async (...args: string[]): Promise<void> => {
    const { code, err } = await place.run(...args);
    t.equal(code, 0, `${args.join(' ')} ${err}`);
  };
  await does('addr', 'add', '10.9.0.9/24', 'dev', 'mem0');
  await does('route', 'add', 'default', 'via', '10.9.0.1');
  const near = ['10.9.1.0/24', 'dev', 'mem0'];
  const metrics = ['mtu', 'lock', '1400', 'advmss', '1000', 'initcwnd', '4'];
  await does('route', 'add', ...near, 'mtu', '1300');
  await does('route', 'replace', ...near, ...metrics);
  const routes = (await place.run('route')).out;
  t.match(routes, /^10\.9\.1\.0\/24 dev mem0 .*mtu lock 1400 advmss 1000 initcwnd 4$/m);
  t.notMatch(routes, /mtu 1300/);
  await does('route', 'del', ...near);
  await does('neigh', 'add', '10.9.0.50', 'lladdr', '02:00:00:00:00:50', 'dev', 'mem0');
  t.match((await place.run('addr')).out, /inet 10\.9\.0\.9\/24/);
  t.match((await place.run('route')).out, /^default via 10\.9\.0\.1 dev mem0$/m);
  t.match((await place.run('neigh')).out, /10\.9\.0\.50 .* 02:00:00:00:00:50 PERMANENT/);
  // Texts and exit status are ip(8)'s, each of them: test/tools/ip-commands.test.ts.
  const refused: [string[], number, RegExp][] = [
    [
      ['addr', 'add', '10.9.0.9/24', 'dev', 'mem0'],
      2,
      /^Error: ipv4: Address already assigned\.\n$/,
    ],
    [['addr', 'add', '10.9.0.8/24'], 1, /^Not enough information: "dev"/],
    [['addr', 'add', '10.9.0.8/24', 'dev', 'eth7'], 1, /^Cannot find device "eth7"\n$/],
    [['route', 'add', '10.0.0.0/8', 'dev'], 255, /^Command line is not complete/],
    [
      ['neigh', 'del', '10.9.0.51', 'dev', 'mem0'],
      2,
      /^RTNETLINK answers: No such file or directory\n$/,
    ],
    [['neigh', '--fly'], 255, /^unknown option --fly; see --help\n$/],
    [['dhcp', 'renew'], 3, /^ringway dhcp: no DHCP client here/],
  ];
  const results = await Promise.all(refused.map(([args]) => place.run(...args)));
  for (const [i, [args, code, message]] of refused.entries()) {
    t.equal(results[i]!.code, code, args.join(' '));
    t.match(results[i]!.err, message);
  }
  const json = await place.run('-j', 'route', 'del', '10.0.0.0/8');
  t.equal(json.code, 2);
  t.same(JSON.parse(json.out), { error: 'RTNETLINK answers: No such process', code: 'ESRCH' });
  const [got] = (await place.json('route', 'get', '10.9.0.77', '-j')) as unknown as object[];
  t.match(got, { dst: '10.9.0.77', dev: 'mem0', prefsrc: '10.9.0.2', flags: [], cache: [] });
  t.match(
    (await place.run('route', 'get', '10.9.0.2')).out,
    /^local 10\.9\.0\.2 dev lo src .*\n {4}cache <local>\n$/,
  );
  const flushed = await place.run('-s', 'neigh', 'flush', 'nud', 'failed');
  t.equal(flushed.code, 2, 'options stand behind the command');
  t.match(
    (await place.run('neigh', 'flush', 'nud', 'failed', '-s')).out,
    /^Nothing to flush|Round 1/,
  );
  await does('route', 'del', 'default');
  await does('addr', 'del', '10.9.0.9/24', 'dev', 'mem0');
  await does('neigh', 'del', '10.9.0.50', 'dev', 'mem0');
  t.notMatch((await place.run('route')).out, /default/);
}

/** The peer at the other end of the wire has the VLANs of the command line, too. */
async function vlans(t: Test, place: Place): Promise<void> {
  const ping = await place.run('ping', '-c', '1', '10.100.0.1');
  t.equal(ping.code, 0, 'the peer answers on the VLAN');
  const groups = await place.run('maddr', 'show', 'dev', 'mem0.100');
  t.match(groups.out, /mem0\.100\tigmp V3 mld V1/, 'with a setting of its own from the start');
  const [add, again, none, odd] = await Promise.all([
    place.run(
      'link',
      'add',
      'link',
      'mem0',
      'name',
      'v7',
      'mtu',
      '1400',
      'type',
      'vlan',
      'id',
      '7',
    ),
    place.run('link', 'add', 'link', 'mem0', 'type', 'vlan', 'id', '100'),
    place.run('link', 'add', 'link', 'mem0', 'type', 'vlan', 'id', '4095'),
    place.run('link', 'add', 'link', 'mem0', 'type', 'bridge', 'id', '9'),
  ]);
  t.equal(add.code, 0, add.err);
  t.match(again.err, /^RTNETLINK answers: File exists\n$/);
  t.match(none.err, /^Error: 8021q: Invalid VLAN id\.\n$/);
  t.match(odd.err, /^Error: Unknown device type\.\n$/);
  const { out } = await place.run('link', 'show', 'dev', 'v7');
  t.match(out, /^\d: v7@mem0: .* mtu 1400 state UP\n.*\n {4}vlan protocol 802\.1Q id 7\n$/);
}

async function captures(t: Test, place: Place): Promise<void> {
  const capture = place.run('capture', '-j', '-w', 'some.pcapng', '-c', '6', '-s', '64');
  const file = join(place.folder, 'some.pcapng');
  while (!existsSync(file) || statSync(file).size === 0)
    await new Promise((d) => setTimeout(d, 10));
  await place.run('ping', '-q', '-c', '5', '-i', '0.01', '10.9.0.1');
  const { code, out } = await capture;
  t.equal(code, 0);
  t.match(JSON.parse(out), { captured: 6, missed: 0 });
  t.equal(packetBlocks(readFileSync(file)), 6);
  const tcpdump = programPath('tcpdump');
  if (tcpdump === null) return;
  const { stdout } = spawnSync(tcpdump, ['-n', '-r', file], { encoding: 'utf8' });
  t.match(stdout, /IP 10\.9\.0\.2 > 10\.9\.0\.1: ICMP echo request/);
}

/** Counts the enhanced packet blocks of a pcapng file, block by block. */
function packetBlocks(file: Buffer): number {
  let count = 0;
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) === 6) count++;
  }
  return count;
}

t.test(
  'on a TAP device in a namespace; kill -9 leaves nothing but a stale socket',
  { skip: tap },
  async (t) => {
    const place = new Place(t);
    const keeper = spawn(programPath('unshare')!, ['-n', 'sleep', '600'], { stdio: 'ignore' });
    t.teardown(() => void keeper.kill('SIGKILL'));
    const where = `/proc/${keeper.pid}/ns/net`;
    const own = statSync('/proc/self/ns/net').ino;
    while (statSync(where).ino === own) await new Promise((done) => setTimeout(done, 2));
    const enter = [programPath('nsenter')!, `--net=${where}`];
    const links = () =>
      spawnSync(enter[0]!, [...enter.slice(1), 'cat', '/proc/net/dev']).stdout.toString();
    const args = ['--tap', 'ring7', '--netns', String(keeper.pid), ...ADDRESSES, '--name', 'seven'];
    for (const signal of ['SIGKILL', 'SIGINT'] as const) {
      const up = await place.up(args);
      t.match(links(), /ring7:/, 'the device is in the namespace');
      const info: { ifname: string; offloads: object }[] = await place.json('link', '-s', '-j');
      t.match(info[1], { ifname: 'ring7', offloads: { txChecksum: true, tso4: true } });
      const busy = await collect(
        [...enter, ...RINGWAY, 'up', '--tap', 'ring7', '--name', 'x'],
        place.folder,
      );
      t.equal(busy.code, 3, 'the same device a second time');
      t.match(busy.err, /ring7 is in use.*EBUSY/);
      process.kill(signal === 'SIGKILL' ? up.child.pid! : up.pid, signal);
      const code = await up.ended;
      if (signal === 'SIGINT') t.equal(code, 0);
      while (links().includes('ring7')) await new Promise((done) => setTimeout(done, 10));
      t.pass(`${signal}: the device is gone`);
    }
    t.same(readdirSync(join(place.folder, '.ringway')), [], 'and the socket, after a clean end');
  },
);

t.test(
  'up says that SYNs have no limit where it may not have one, unless none was wanted',
  { skip: requires({ root: true, tun: true, addon: true, programs: ['unshare', 'setpriv'] }) },
  async (t) => {
    const place = new Place(t);
    const before = [programPath('unshare')!, '-n', programPath('setpriv')!];
    const noBpf = [...before, '--bounding-set', '-bpf,-sys_admin', ...RINGWAY, 'up', '--tap', 'r0'];
    for (const [args, said] of [
      [[], /^ringway up: SYN floods have no limit .*CAP_BPF.*\n$/],
      [['--syn-rate', '0'], /^$/],
    ] as const) {
      const [program, ...words] = [...noBpf, ...args];
      const child = spawn(program!, words, {
        cwd: place.folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      t.teardown(() => void child.kill('SIGKILL'));
      let err = '';
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      await once(child.stdout, 'data');
      child.kill('SIGTERM');
      await once(child, 'close');
      t.match(err, said);
    }
  },
);

t.test('ping with a stack of its own on AF_PACKET', { skip: tap }, async (t) => {
  const place = new Place(t);
  const script = `
    import { addAddress, createVeth, setLink } from '${resolve('src/live/netlink.ts')}';
    createVeth('v0', 'v1');
    setLink('v0', { isUp: true });
    setLink('v1', { isUp: true });
    addAddress('v1', '10.8.0.1', 24);
    const { spawnSync } = await import('node:child_process');
    const own = ['--packet', 'v0', '--address', '10.8.0.2/24', '-j', '-c'];
    for (const to of [['3', '-i', '0.01', '10.8.0.1'], ['1', '-W', '9', '10.8.0.9']]) {
      const ping = spawnSync(process.execPath, ['${RINGWAY[1]}', 'ping', ...own, ...to], { encoding: 'utf8' });
      console.log(JSON.stringify({ code: ping.status, ...JSON.parse(ping.stdout) }));
    }`;
  const node = [process.execPath, `--import=${import.meta.resolve('tsx')}`];
  const command = [programPath('unshare')!, '-n', ...node, '--input-type=module', '-e', script];
  const { out, err } = await collect(command, place.folder);
  const [answered, unreachable] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.match(answered, { code: 0, transmitted: 3, received: 3 }, err);
  t.match(unreachable, {
    code: 1,
    received: 0,
    error_replies: [{ text: 'From 10.8.0.2 icmp_seq=1 Destination Host Unreachable' }],
  });
});
