/**
 * Two servers, of which the first dies, and an address that somebody has: Debian's dnsmasq at the kernel's end of a wire,
 * `node dhcp-servers-child.ts WORLD`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DhcpClient } from '../../src/autoconf/dhcp-client.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { formatAddress } from '../../src/wire/address-text.ts';
import { programPath } from '../../tools/dev/requirements.ts';
import { address, check, connect, mustLinux, SEED, Station, until, type World } from './lab.ts';

/** A refused address costs ten seconds, asking for another seven, T2 forty. */
const LIMIT_MS = 60_000;
const [TAKEN, FREE] = ['10.9.0.50', '10.9.0.51'];
const memory = openMemory();
const driver = new LiveDriver();
const device = await connect(process.argv[2] as World, memory, 'dhcp0', ['10.9.0.1/24']);
const us = new Station(driver, memory, device, SEED, []);
const client = new DhcpClient(us.stack, us.iface, { requested: address(TAKEN) });
const folder = mkdtempSync(join(tmpdir(), 'ringway-dnsmasq-'));

function serve(name: string): { readonly child: ChildProcess; readonly ended: Promise<unknown> } {
  const child = spawn(
    programPath('dnsmasq')!,
    [
      ...['--keep-in-foreground', '--port=0', '--conf-file=/dev/null', '--user=root', '--no-ping'],
      ...['--interface=dhcp0', '--bind-interfaces', `--dhcp-leasefile=${join(folder, name)}`],
      ...[`--dhcp-range=${TAKEN},${FREE},120`, '--dhcp-authoritative', '--pid-file='],
      ...['--dhcp-option-force=option:T1,30', '--dhcp-option-force=option:T2,40'],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return { child, ended: new Promise((done) => child.on('exit', done)) };
}

const count = (name: 'DeclinesSent' | 'RequestsSent' | 'AcksIn' | 'NaksIn') =>
  client.counters.get(name);
const have = (): string => (client.lease === null ? 'none' : formatAddress(client.lease.address));

// Somebody on the link who says that the address is his, every second; Linux itself could not offer what it has.
await mustLinux('sysctl -qw net.ipv4.ip_nonlocal_bind=1');
const owner = spawn(programPath('arping')!, ['-q', '-U', '-I', 'dhcp0', TAKEN], {
  stdio: 'inherit',
});
const first = serve('first');
await check('an address that somebody has is declined, and dnsmasq lends another', async () => {
  driver.kick();
  client.start();
  await until(() => client.state === 'bound', LIMIT_MS);
  owner.kill('SIGKILL');
  const isRight = count('DeclinesSent') > 0 && client.state === 'bound' && have() === FREE;
  return isRight ? null : `${client.state} ${have()} ${JSON.stringify(client.counters.toObject())}`;
});
await check('the server that dies does not answer a renewal', async () => {
  first.child.kill('SIGKILL');
  await first.ended;
  await mustLinux('ip addr del 10.9.0.1/24 dev dhcp0');
  await mustLinux('ip addr add 10.9.0.3/24 dev dhcp0');
  driver.kick();
  return client.renew() && client.state === 'renewing' ? null : client.state;
});
const second = serve('second');
await check(
  'RFC 2131 §4.4.5: at T2 everybody is asked, and another server extends the lease',
  async () => {
    const [until0, acks] = [client.untilNs, count('AcksIn')];
    await until(() => client.state === 'bound', LIMIT_MS);
    const server = client.lease === null ? 'none' : formatAddress(client.lease.server);
    const isRight = have() === FREE && server === '10.9.0.3' && client.untilNs > until0;
    if (!isRight) return `${client.state} ${have()} from ${server}`;
    return count('AcksIn') === acks + 1 && count('NaksIn') === 0 ? null : 'not by one ACK';
  },
);
await check('the address was ours all the time', () => us.ping('10.9.0.3', 100, 1));
await check('the next renewal goes to the new server', async () => {
  const acks = count('AcksIn');
  driver.kick();
  if (!client.renew()) return 'not begun';
  return (await until(() => count('AcksIn') > acks)) ? null : client.state;
});
await check('and the release', async () => {
  driver.kick();
  client.release();
  return (await until(() => client.state === 'stopped')) ? null : client.state;
});

second.child.kill('SIGTERM');
await second.ended;
rmSync(folder, { recursive: true });
us.close();
driver.close();
