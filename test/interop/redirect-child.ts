/**
 * A Linux router on our link that knows a better one: `node redirect-child.ts`. And the kernel takes the link away and
 * gives it back.
 *
 *     us 10.1.0.1 ──TAP── br0 ──veth── second 10.1.0.3, fe80::3; behind it 10.9.0.1, fd09::1
 *     fd01::1          first 10.1.0.2, fe80::2: our default router
 */
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { address, check, connect, mustLinux, SEED, Station, until } from './lab.ts';

const FAR4 = '10.9.0.1';
const FAR6 = 'fd09::1';
const memory = openMemory();
const driver = new LiveDriver();
const tap = await connect('tap', memory, 'wire', []);
const second = spawn('unshare', ['--net', '--', 'sleep', '300'], { stdio: 'ignore' });
const inside = `nsenter -t ${second.pid} -n`;
try {
  await openRouters();
  const us = new Station(driver, memory, tap, SEED, ['10.1.0.1/24', 'fd01::1/64']);
  us.stack.addDefaultRoute(address('10.1.0.2'));
  us.stack.addRoute(address('::'), 0, address('fe80::2'), us.iface);
  await check('addresses are settled', async () =>
    (await until(() => us.isSettled())) ? null : 'still tentative',
  );
  await isRedirected(us, FAR4, '10.1.0.2', '10.1.0.3');
  await isRedirected(us, FAR6, 'fe80::2', 'fe80::3');
  await comesBack(us);
  us.close();
} finally {
  second.kill('SIGKILL');
}
await check('closing leaves no memory held', async () => {
  driver.close();
  const { cells, chunks } = memory;
  return cells.held === 0 && chunks.held <= 2 ? null : `${cells.held} cells, ${chunks.held} chunks`;
});
process.exit();

async function openRouters(): Promise<void> {
  const namespaceOf = (pid: string) => readlinkSync(`/proc/${pid}/ns/net`);
  const isInside = () => namespaceOf(String(second.pid)) !== namespaceOf('self');
  if (!(await until(isInside))) throw new Error('the second router has no namespace');
  await mustLinux('ip link add br0 type bridge');
  await mustLinux('ip link add port type veth peer name eth0');
  await mustLinux(`ip link set eth0 netns ${second.pid}`);
  for (const port of ['wire', 'port']) {
    await mustLinux(`ip link set ${port} master br0`);
    await mustLinux(`ip link set ${port} addrgenmode none up`);
  }
  await mustLinux('sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1');
  await mustLinux('ip addr add 10.1.0.2/24 dev br0');
  await mustLinux('ip addr add fe80::2/64 dev br0 nodad');
  await mustLinux('ip link set br0 addrgenmode none up');
  await mustLinux('ip route add 10.9.0.0/24 via 10.1.0.3');
  await mustLinux('ip route add fd09::/64 via fe80::3 dev br0');
  await mustLinux('ip route add fd01::/64 dev br0');
  for (const command of [
    'sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1',
    'ip link set lo up',
    `ip addr add ${FAR4}/32 dev lo`,
    `ip addr add ${FAR6}/128 dev lo`,
    'ip addr add 10.1.0.3/24 dev eth0',
    'ip addr add fe80::3/64 dev eth0 nodad',
    'ip link set eth0 addrgenmode none up',
    'ip route add fd01::/64 dev eth0',
  ]) {
    await mustLinux(`${inside} ${command}`);
  }
}

function hopTo(us: Station, to: string): string {
  const path = us.stack.net.paths.lookup(address(to), 0);
  return path === null ? 'no route' : formatAddress(path.nextHop);
}

async function isRedirected(us: Station, to: string, first: string, better: string): Promise<void> {
  const v4 = !to.includes(':');
  const heard = (): number =>
    v4 ? us.stack.net.mib.icmp4.inType[5]! : us.stack.net.mib.icmp6.inType[137]!;
  await check(`${to} is reached through the first router`, async () => {
    const hop = hopTo(us, to);
    return hop === first ? us.ping(to, 56, 1) : hop;
  });
  await check(`the kernel redirects us to the second one, and we go there: ${better}`, async () => {
    for (let i = 2; i < 30 && hopTo(us, to) !== better; i++) {
      const lost = await us.ping(to, 56, i);
      if (lost !== null) return lost;
    }
    const hop = hopTo(us, to);
    return hop === better ? null : `${hop} after ${heard()} redirects`;
  });
  await check(`${to} is reached through the second router, and nobody redirects`, async () => {
    const before = heard();
    for (let i = 50; i < 53; i++) {
      const lost = await us.ping(to, 1200, i);
      if (lost !== null) return lost;
    }
    return heard() === before ? null : `${heard() - before} redirects more`;
  });
}

/** A quiet link is looked at when something is sent. */
async function comesBack(us: Station): Promise<void> {
  const { stack } = us;
  const wasAsked = (): number => stack.net.mib.icmp6.outType[135]!;
  await check('the kernel takes the link away: no route', async () => {
    await mustLinux('ip link set wire down');
    const socket = stack.net.echoes.open()!;
    const isGone = (): boolean => {
      stack.net.echoes.send(socket, address('10.1.0.3'), 1, new Uint8Array(8));
      driver.kick();
      return hopTo(us, '10.1.0.3') === 'no route';
    };
    return (await until(isGone)) ? null : 'it is up';
  });
  await check('and gives it back: addresses are asked about again, and work', async () => {
    const before = wasAsked();
    await mustLinux('ip link set wire up');
    const isBack = (): boolean => {
      driver.kick();
      return hopTo(us, '10.1.0.3') === '10.1.0.3' && wasAsked() >= before + 2;
    };
    if (!(await until(isBack))) return `${wasAsked() - before} questions`;
    return us.ping('10.1.0.3', 56, 90);
  });
}
