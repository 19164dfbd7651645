/**
 * Debian's radvd advertises to two hosts on one link, the kernel and us: `node slaac-child.ts`.
 *
 *     router r0 (a namespace: radvd) ── bridge ── h0 (a namespace: the kernel as host)
 *                                         └────── TAP: our stack
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { formatAddress, parseAddress } from '../../src/wire/address-text.ts';
import { raViews } from '../../tools/command/ra.ts';
import { addrView, routeViews } from '../../tools/command/views.ts';
import { check, connect, linux, mustLinux, SEED, Station, sleep, until } from './lab.ts';

const BEYOND = '2001:db8:ffff::1';
/** Said to the kernel and to us: opaque addresses (RFC 7217), temporary ones (RFC 8981) and routes (RFC 4191). */
const CONF6 = { addr_gen_mode: 3, use_tempaddr: 2, accept_ra_rt_info_max_plen: 64 } as const;
const CONFIG = `
interface r0 {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 1800;
  AdvDefaultPreference high; AdvLinkMTU 1400; AdvCurHopLimit 42; AdvReachableTime 20000;
  AdvRetransTimer 500;
  prefix 2001:db8:1::/64 { AdvValidLifetime 86400; AdvPreferredLifetime 14400; };
  prefix 2001:db8:2::/64 { AdvAutonomous off; AdvValidLifetime 7200; AdvPreferredLifetime 3600; };
  prefix 2001:db8:3::/64 { AdvOnLink off; AdvValidLifetime 9000; AdvPreferredLifetime 9000; };
  route 2001:db8:7700::/48 { AdvRoutePreference low; AdvRouteLifetime 900; };
  RDNSS 2001:db8:1::53 { AdvRDNSSLifetime 600; };
  DNSSL example.org { AdvDNSSLLifetime 600; };
};
`;

const folder = mkdtempSync(join(tmpdir(), 'ringway-radvd-'));
const children: ChildProcess[] = [];
const memory = openMemory();
const driver = new LiveDriver();
try {
  await mustLinux('ip link add br0 type bridge mcast_snooping 0');
  await mustLinux('ip link set br0 addrgenmode none up');
  const wire = await connect('tap', memory, 'ring0', []);
  await mustLinux('ip link set ring0 addrgenmode none master br0');
  const router = await attach('r0');
  const host = await attach('h0');
  const us = new Station(driver, memory, wire, SEED, [], { accept_ra: 1, ...CONF6 });
  await meet(us, router, host);
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}

/** A namespace with one interface on the bridge; the words that enter it. */
async function attach(name: string): Promise<string> {
  const child = spawn('unshare', ['--net', '--', 'sleep', '300'], { stdio: 'ignore' });
  children.push(child);
  const namespaceOf = (pid: string) => readlinkSync(`/proc/${pid}/ns/net`);
  const isInside = () => namespaceOf(String(child.pid)) !== namespaceOf('self');
  if (!(await until(isInside))) throw new Error(`${name} has no namespace`);
  const inside = `nsenter -t ${child.pid} -n`;
  await mustLinux(`ip link add ${name} type veth peer name ${name}p`);
  await mustLinux(`ip link set ${name}p addrgenmode none master br0 up`);
  await mustLinux(`ip link set ${name} netns ${child.pid}`);
  await mustLinux(`${inside} ip link set lo up`);
  return inside;
}

async function meet(us: Station, router: string, host: string): Promise<void> {
  await mustLinux(`${router} sysctl -qw net.ipv6.conf.all.forwarding=1`);
  await mustLinux(`${router} ip link set r0 up`);
  await mustLinux(`${router} ip addr add 2001:db8:1::1/64 dev r0 nodad`);
  await mustLinux(`${router} ip addr add ${BEYOND}/128 dev lo`);
  await mustLinux(`${router} ip route add 2001:db8:3::/64 dev r0`);
  for (const [name, value] of Object.entries(CONF6)) {
    await mustLinux(`${host} sysctl -qw net.ipv6.conf.h0.${name}=${value}`);
  }
  await mustLinux(`${host} ip link set h0 up`);
  const file = join(folder, 'radvd.conf');
  writeFileSync(file, CONFIG, { mode: 0o644 });
  const [program, ...args] = `${router} radvd -n -m stderr -C ${file} -p ${file}.pid`.split(' ');
  const radvd = spawn(program!, args, { stdio: 'ignore' });
  children.push(radvd);

  const isThere = () => us.iface.addresses.length === 5 && us.isSettled();
  await check('two addresses for each autonomous prefix pass detection', async () =>
    (await until(isThere, 30_000)) ? null : us.iface.addresses.map((a) => a.state).join(),
  );
  await check('the kernel has the same routes from the same router', async () => {
    let [theirs, ours] = ['', ''];
    const isSame = async () => {
      theirs = JSON.stringify(await kernelRoutes(host));
      ours = JSON.stringify(ownRoutes(us));
      return theirs === ours && ours.includes('"ra"') && ours.includes('7700::/48');
    };
    for (let tries = 0; tries < 40 && !(await isSame()); tries++) await sleep(250);
    return theirs === ours ? null : `kernel ${theirs}, we ${ours}`;
  });
  await check('and the same prefixes and lifetimes on its addresses', async () => {
    const theirs = await kernelAddresses(host);
    const ours = ownAddresses(us);
    const isSame =
      theirs.length === ours.length &&
      theirs.every((a, i) => {
        const b = ours[i]!;
        const isNear = (x: number, y: number) => Math.abs(x - y) <= 6; // two advertisements
        return (
          a.prefix === b.prefix &&
          a.isTemporary === b.isTemporary &&
          isNear(a.valid, b.valid) &&
          isNear(a.preferred, b.preferred)
        );
      });
    return isSame ? null : `kernel ${JSON.stringify(theirs)}, we ${JSON.stringify(ours)}`;
  });
  await check('nobody shows his MAC address: RFC 7217', async () => {
    const all = [...(await kernelAddresses(host)), ...ownAddresses(us)].map((a) => a.local);
    return all.some((a) => /ff:fe[0-9a-f]{2}:/.test(a)) ? all.join() : null;
  });
  await check('what we send has a temporary address for its source, as the kernel’s', async () => {
    let said = '';
    const areTemporary = async () => {
      const ours = formatAddress(us.stack.net.paths.lookup(parseAddress(BEYOND)!, 0)!.source);
      const way = await mustLinux(`${host} ip -j route get ${BEYOND}`);
      const [{ prefsrc: theirs }] = JSON.parse(way) as [{ prefsrc: string }];
      const isTemporary = (list: readonly AddressFacts[], source: string) =>
        list.some((a) => a.local === source && a.isTemporary);
      const kernels = await kernelAddresses(host);
      said = `kernel ${theirs} of ${JSON.stringify(kernels)}, we ${ours}`;
      return isTemporary(ownAddresses(us), ours) && isTemporary(kernels, theirs);
    };
    // The kernel may still be asking whether its own is unique.
    for (let tries = 0; tries < 40; tries++) {
      if (await areTemporary()) return null;
      await sleep(250);
    }
    return said;
  });
  await check('a more specific route of low preference is taken with its lifetime', async () => {
    const route = routeViews(us.stack).find((r) => r.dst === '2001:db8:7700::/48');
    const isSo = route?.pref === 'low' && route.expires !== undefined && route.expires <= 900;
    return isSo ? null : JSON.stringify(route);
  });
  await check('the same hop limit, MTU and timers', async () => {
    const read = async (name: string) =>
      (await mustLinux(`${host} sysctl -n net.ipv6.${name}`)).trim();
    const theirs = await Promise.all(
      [
        'conf.h0.hop_limit',
        'conf.h0.mtu',
        'neigh.h0.base_reachable_time_ms',
        'neigh.h0.retrans_time_ms',
      ].map(read),
    );
    const { times6 } = us.iface.neighbours;
    const { config } = us.stack.net;
    const ours = [
      us.iface.hopLimit(config),
      us.iface.mtuOf(false),
      times6.baseReachableNs(config) / 1e6,
      times6.retransNs(config) / 1e6,
    ].map(String);
    return theirs.join() === ours.join() ? null : `kernel ${theirs}, we ${ours}`;
  });
  await check('the DNS server and the search domain are known', async () => {
    const [view] = raViews(us.stack);
    const names = [...view!.dns_servers, ...view!.dns_search].map((d) => d.name).join();
    return names === '2001:db8:1::53,example.org' ? null : names;
  });
  await check(
    'we reach what lies behind the router, with what fits the MTU and what does not',
    async () => {
      for (const size of [56, 1352, 4000]) {
        const failed = await us.ping(BEYOND, size, 1);
        if (failed !== null) return failed;
      }
      return null;
    },
  );
  await check('the kernel pings each of our addresses, and we its', async () => {
    for (const { address: own } of us.iface.addresses.slice(1)) {
      const { status, output } = await linux(`${host} ping -6 -c 2 -W 2 ${formatAddress(own)}`);
      if (status !== 0) return output;
    }
    const [theirs] = await kernelAddresses(host);
    return us.ping(theirs!.local, 100, 2);
  });
  await check('radvd takes its leave: neither has a default route', async () => {
    radvd.kill('SIGTERM');
    const hasNone = () => !ownRoutes(us).some((r) => r.dst === 'default');
    if (!(await until(hasNone, 15_000))) return JSON.stringify(ownRoutes(us));
    const kernels = await kernelRoutes(host);
    return kernels.some((r) => r.dst === 'default') ? JSON.stringify(kernels) : null;
  });
  await check('closing leaves no memory held', async () => {
    us.close();
    driver.close();
    const { cells, chunks } = memory;
    return cells.held === 0 && chunks.held <= 2 ? null : `${cells.held}, ${chunks.held}`;
  });
}

interface RouteFacts {
  readonly dst: string;
  readonly gateway: string;
  readonly protocol: string;
  readonly metric: number;
  readonly pref: string;
}

function factsOf(r: Partial<RouteFacts>): RouteFacts {
  const { dst, gateway = '', protocol, metric = 0, pref = 'medium' } = r;
  return { dst: dst!, gateway, protocol: protocol!, metric, pref };
}

function sorted(list: readonly Partial<RouteFacts>[]): RouteFacts[] {
  return list
    .map(factsOf)
    .filter((r) => r.dst !== 'fe80::/64' && !r.dst.startsWith('ff00'))
    .sort((x, y) => (x.dst < y.dst ? -1 : 1));
}

async function kernelRoutes(host: string): Promise<RouteFacts[]> {
  const all = JSON.parse(await mustLinux(`${host} ip -j -6 route show dev h0`)) as RouteFacts[];
  return sorted(all);
}

function ownRoutes(us: Station): RouteFacts[] {
  const all = routeViews(us.stack).filter((r) => r.family === 'inet6');
  return sorted(all);
}

interface AddressFacts {
  readonly local: string;
  readonly prefix: string;
  readonly valid: number;
  readonly preferred: number;
  readonly isTemporary: boolean;
}

interface AddressInfo {
  readonly temporary?: true;
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly valid_life_time: number;
  readonly preferred_life_time: number;
}

function addressFacts(list: readonly AddressInfo[]): AddressFacts[] {
  return list
    .filter((a) => a.scope === 'global')
    .map((a) => ({
      local: a.local,
      prefix: `${a.local.split(':').slice(0, 3).join(':')}/${a.prefixlen}`,
      valid: a.valid_life_time,
      preferred: a.preferred_life_time,
      isTemporary: a.temporary === true,
    }))
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function keyOf(a: AddressFacts): string {
  return `${a.prefix} ${a.isTemporary}`;
}

async function kernelAddresses(host: string): Promise<AddressFacts[]> {
  const text = await mustLinux(`${host} ip -j -6 addr show dev h0`);
  return addressFacts((JSON.parse(text) as { addr_info: AddressInfo[] }[])[0]!.addr_info);
}

function ownAddresses(us: Station): AddressFacts[] {
  return addressFacts(addrView(us.iface, us.stack.env.nowNs).addr_info);
}
