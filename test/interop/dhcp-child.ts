/** A lease from Debian's dnsmasq at the kernel's end of a wire: `node dhcp-child.ts WORLD`. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DhcpClient } from '../../src/autoconf/dhcp-client.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { programPath } from '../../tools/dev/requirements.ts';
import { check, connect, linux, mustLinux, SEED, Station, until, type World } from './lab.ts';

const LEASE_LIMIT_MS = 30_000;
const memory = openMemory();
const driver = new LiveDriver();
const device = await connect(process.argv[2] as World, memory, 'dhcp0', ['10.9.0.1/24']);
await mustLinux('ip addr add 10.77.0.1/32 dev lo');
const us = new Station(driver, memory, device, SEED, []);
const client = new DhcpClient(us.stack, us.iface, { hostName: 'ringway' });
const folder = mkdtempSync(join(tmpdir(), 'ringway-dnsmasq-'));
const leases = join(folder, 'leases');
const server = spawn(
  programPath('dnsmasq')!,
  [
    ...['--keep-in-foreground', '--port=0', '--conf-file=/dev/null', '--user=root', '--no-ping'],
    ...['--interface=dhcp0', '--bind-interfaces', `--dhcp-leasefile=${leases}`],
    ...['--dhcp-range=10.9.0.50,10.9.0.50,120', '--dhcp-option=option:router,10.9.0.200'],
    '--dhcp-option=option:classless-static-route,10.77.0.0/24,10.9.0.1,0.0.0.0/0,10.9.0.1',
    ...['--dhcp-option=option:mtu,1400', '--dhcp-option=option:dns-server,10.9.0.53'],
    ...['--domain=example.net', '--pid-file='],
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
const serverEnded = new Promise((done) => server.on('exit', done));

const named = (): string => readFileSync(leases, 'utf8').trim();
const routes = (): string[] =>
  us.stack.net.routes.routes
    .filter((r) => r.gateway !== null && r.iface === us.iface)
    .map((r) => `${formatAddress(r.prefix)} via ${formatAddress(r.gateway!)}`);

await check('dnsmasq gives us a lease, and nobody objects to the address', async () => {
  driver.kick();
  client.start();
  if (!(await until(() => client.state === 'bound', LEASE_LIMIT_MS))) return client.state;
  const { address, bits, domain, mtu, nameServers } = client.lease!;
  const got = [`${formatAddress(address)}/${bits}`, domain, mtu, ...nameServers.map(formatAddress)];
  const isRight = got.join() === '10.9.0.50/24,example.net,1400,10.9.0.53';
  return isRight ? null : got.join();
});
await check('the server has written down who we are', async () =>
  named().includes(`${device.mac} 10.9.0.50 ringway`) ? null : named(),
);
await check(
  'RFC 3442: its classless routes stand instead of its router, and lead somewhere',
  async () => {
    if (routes().join() !== '10.77.0.0 via 10.9.0.1,0.0.0.0 via 10.9.0.1') return routes().join();
    return us.ping('10.77.0.1', 100, 1);
  },
);
await check('Linux reaches us', async () => {
  const { status, output } = await linux('ping -n -c 1 -W 10 10.9.0.50');
  return status === 0 ? null : output;
});
await check('the MTU is the lease’s', async () => (us.iface.mtuOf(true) === 1400 ? null : 'not'));
await check('a renewal by unicast is answered', async () => {
  const before = client.untilNs;
  driver.kick();
  if (!client.renew()) return 'not begun';
  const isRenewed = await until(() => client.state === 'bound' && client.untilNs > before);
  return isRenewed ? null : JSON.stringify(client.counters.toObject());
});
await check('a release is heard: the server forgets the lease, the address is gone', async () => {
  driver.kick();
  client.release();
  if (!(await until(() => named() === ''))) return named();
  return (await until(() => client.state === 'stopped')) && client.lease === null ? null : 'still';
});

server.kill('SIGTERM');
await serverEnded;
rmSync(folder, { recursive: true });
us.close();
driver.close();
