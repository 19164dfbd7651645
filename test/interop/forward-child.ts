/**
 * A stack of ours as the router between two Linux hosts, each in a namespace: `node forward-child.ts vnet|plain`.
 *
 *     Linux 10.1.0.2 ──TAP, 1500── us ──AF_PACKET, veth, 1300── Linux 10.2.0.2
 *           fd01::2      10.1.0.1, fd01::1     10.2.0.1, fd02::1      fd02::2
 */
import { spawn } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import { writeAnySysctl } from '../../src/stack/all-sysctls.ts';
import { ipRoute } from '../../tools/command/ip-route.ts';
import { Words } from '../../tools/command/ip-words.ts';
import { address, check, connect, linux, mustLinux, SEED, Station, until } from './lab.ts';

const NARROW = 1300;
const BULK = 8 << 20;
const vnet = process.argv[2] === 'vnet';
const memory = openMemory();
const driver = new LiveDriver();
const tap = await connect(vnet ? 'tap' : 'tap-plain', memory, 'wire1', [
  '10.1.0.2/24',
  'fd01::2/64',
]);
const host = spawn('unshare', ['--net', '--', 'sleep', '300'], { stdio: 'ignore' });
const inside = `nsenter -t ${host.pid} -n`;
await openHost();
const packet = new PacketDevice(memory, { interface: 'wire2', vnet });
const us = new Station(driver, memory, tap, SEED, ['10.1.0.1/24', 'fd01::1/64']);
const far = us.stack.addInterface('eth1', packet);
us.stack.addAddress(far, address('10.2.0.1'), 24);
us.stack.addAddress(far, address('fd02::1'), 64);
for (const [name, value] of [
  ['net.ipv4.ip_forward', '1'],
  ['net.ipv6.conf.all.forwarding', '1'],
  // No time decides how many errors there are.
  ['net.ipv4.icmp_ratelimit', '0'],
  ['net.ipv6.icmp.ratelimit', '0'],
] as const) {
  writeAnySysctl(us.stack, name, value);
}
driver.kick();
await mustLinux('ip route add default via 10.1.0.1');
await mustLinux('ip -6 route add default via fd01::1');

try {
  await crossing();
  await errors();
} finally {
  host.kill('SIGKILL');
}
await check('closing leaves no memory held', async () => {
  us.close();
  driver.close();
  const { cells, chunks } = memory;
  return cells.held === 0 && chunks.held <= 2 ? null : `${cells.held} cells, ${chunks.held} chunks`;
});
process.exit();

async function openHost(): Promise<void> {
  const namespaceOf = (pid: string) => readlinkSync(`/proc/${pid}/ns/net`);
  const isInside = () => namespaceOf(String(host.pid)) !== namespaceOf('self');
  if (!(await until(isInside))) throw new Error('the host has no namespace');
  await mustLinux(`ip link add wire2 mtu ${NARROW} type veth peer name wire2p mtu ${NARROW}`);
  await mustLinux(`ip link set wire2p netns ${host.pid}`);
  await mustLinux('ip link set wire2 addrgenmode none up');
  await mustLinux(`${inside} ip addr add 10.2.0.2/24 dev wire2p`);
  await mustLinux(`${inside} ip addr add fd02::2/64 dev wire2p nodad`);
  await mustLinux(`${inside} ip link set wire2p up`);
  await mustLinux(`${inside} ip route add default via 10.2.0.1`);
  await mustLinux(`${inside} ip -6 route add default via fd02::1`);
}

async function crossing(): Promise<void> {
  await check('every address passes duplicate address detection', async () => {
    const isReady = () => far.addresses.every((a) => a.state === 'preferred') && us.isSettled();
    return (await until(isReady)) ? null : 'still tentative';
  });
  for (const to of ['10.2.0.2', 'fd02::2']) {
    await check(`tracepath sees us, the narrow link and the host behind: ${to}`, async () => {
      const { output } = await linux(`tracepath -n ${to}`);
      const [, router] = /^ 1: +(\S+)/m.exec(output) ?? [];
      const isUs = router === '10.1.0.1' || router === 'fd01::1';
      return isUs && output.includes(`pmtu ${NARROW}`) && output.includes('reached')
        ? null
        : output;
    });
  }
  for (const size of [0, 56, 1400, 4000, 20000]) {
    await check(`pings of ${size} bytes cross, each way, both families`, async () => {
      for (const command of [
        `ping -n -c 2 -i 0.2 -W 10 -s ${size} 10.2.0.2`,
        `ping -n -c 2 -i 0.2 -W 10 -s ${size} fd02::2`,
        `${inside} ping -n -c 2 -i 0.2 -W 10 -s ${size} 10.1.0.2`,
        `${inside} ping -n -c 2 -i 0.2 -W 10 -s ${size} fd01::2`,
      ]) {
        const { status, output } = await linux(command);
        if (status !== 0 || !output.includes(' 0% packet loss')) return `${command}: ${output}`;
      }
      return null;
    });
  }
  await mustLinux('ip route flush cache');
  for (const [to, listen] of [
    ['10.2.0.2', 'TCP4-LISTEN'],
    ['[fd02::2]', 'TCP6-LISTEN'],
  ] as const) {
    await check(`${BULK >> 20} MiB of TCP to ${to}`, () => transfer('', inside, to, listen));
  }
  for (const [to, listen] of [
    ['10.1.0.2', 'TCP4-LISTEN'],
    ['[fd01::2]', 'TCP6-LISTEN'],
  ] as const) {
    await check(`${BULK >> 20} MiB of TCP to ${to}`, () => transfer(inside, '', to, listen));
  }
}

async function transfer(
  from: string,
  at: string,
  to: string,
  listen: string,
): Promise<string | null> {
  const dir = mkdtempSync(join(tmpdir(), 'ringway-forward-'));
  const [sent, got] = [join(dir, 'sent'), join(dir, 'got')];
  const bytes = randomFillSync(new Uint8Array(BULK));
  writeFileSync(sent, bytes);
  const words = `${at} socat -u ${listen}:9000,reuseaddr CREATE:${got}`.trim().split(' ');
  const server = spawn(words[0]!, words.slice(1), { stdio: 'ignore' });
  const ended = new Promise((done) => server.on('exit', done));
  try {
    const table = /6/.test(listen) ? 'tcp6' : 'tcp';
    const pid = at === '' ? 'self' : String(host.pid);
    const listens = () => readFileSync(`/proc/${pid}/net/${table}`, 'latin1').includes(':2328 ');
    if (!(await until(listens))) return 'socat does not listen';
    const { status, output } = await linux(`${from} socat -u OPEN:${sent} TCP:${to}:9000`.trim());
    if (status !== 0) return output;
    await ended;
    const hash = (b: Uint8Array) => createHash('sha256').update(b).digest('hex');
    return hash(readFileSync(got)) === hash(bytes) ? null : 'other bytes';
  } finally {
    server.kill();
    rmSync(dir, { recursive: true });
  }
}

async function errors(): Promise<void> {
  const CASES: readonly [string, RegExp][] = [
    ['ping -n -c 1 -t 1 10.2.0.2', /From 10\.1\.0\.1 icmp_seq=1 Time to live exceeded/],
    ['ping -n -c 1 -t 1 fd02::2', /From fd01::1 icmp_seq=1 Time exceeded: Hop limit/],
    ['ping -n -c 1 10.99.0.1', /From 10\.1\.0\.1 icmp_seq=1 Destination Net Unreachable/],
    ['ping -n -c 1 fd99::1', /From fd01::1 icmp_seq=1 Destination unreachable: No route/],
    ['ping -n -c 1 -W 10 10.2.0.99', /From 10\.1\.0\.1 icmp_seq=1 Destination Host Unreachable/],
    ['ping -n -c 1 -W 10 fd02::99', /From fd01::1 icmp_seq=1 Destination unreachable: Address/],
    ['ping -n -c 1 -M do -s 1400 10.2.0.2', /Frag needed and DF set \(mtu = 1300\)/],
  ];
  await mustLinux('ip route flush cache');
  for (const [command, says] of CASES) {
    await check(`${command}: ${says.source}`, async () => {
      const { output } = await linux(command);
      return says.test(output) ? null : output;
    });
  }
  for (const [way, to, says] of [
    ['unreachable 10.97.0.0/24', '10.97.0.1', /From 10\.1\.0\.1 icmp_seq=1 Destination Host Unr/],
    ['prohibit 10.98.0.0/24', '10.98.0.1', /From 10\.1\.0\.1 icmp_seq=1 Packet filtered/],
    [
      'unreachable fd97::/64',
      'fd97::1',
      /From fd01::1 icmp_seq=1 Destination unreachable: No route/,
    ],
    ['prohibit fd98::/64', 'fd98::1', /From fd01::1 icmp_seq=1 Destination unreachable: Admin/],
  ] as const) {
    await check(`route add ${way}: Linux hears ${says.source}`, async () => {
      ipRoute(us.stack, new Words(['add', ...way.split(' ')]), '');
      const { output } = await linux(`ping -n -c 1 ${to}`);
      return says.test(output) ? null : output;
    });
  }
  await check('RFC 4291 §2.8: all routers on the link are us', async () => {
    const { status, output } = await linux('ping -n -c 2 ff02::2%wire1');
    return status === 0 ? null : output;
  });
  await check('Linux understands our redirects', async () => {
    us.stack.addRoute(address('10.4.0.0'), 24, address('10.1.0.254'), null);
    us.stack.addRoute(address('fd04::'), 64, address('fe80::fe'), us.iface);
    await linux('ping -n -c 1 -W 1 10.4.0.1');
    await linux('ping -n -c 1 -W 1 fd04::1');
    const six = /^Icmp6InRedirects\s+(\d+)/m.exec(readFileSync('/proc/net/snmp6', 'latin1'));
    const rows = readFileSync('/proc/net/snmp', 'latin1')
      .split('\n')
      .filter((l) => l.startsWith('Icmp:'));
    const [names, values] = rows.map((l) => l.split(' '));
    const four = values![names!.indexOf('InRedirects')];
    return Number(four) >= 1 && Number(six?.[1]) >= 1 ? null : `IPv4 ${four}, IPv6 ${six?.[1]}`;
  });
}
