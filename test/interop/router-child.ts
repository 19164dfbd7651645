/**
 * Two stacks of ours with a Linux router between them, a link of which is narrower, and a Linux host
 * behind the router: `node router-child.ts`.
 *
 *     A 10.1.0.2 ──1500── router ──1300── B 10.2.0.2
 *       fd01::2             │               fd02::2
 *                         1500
 *                      host 10.3.0.2, fd03::2 (Linux, a namespace of its own)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync, writeFileSync } from 'node:fs';
import { EMSGSIZE } from '../../src/base/errno.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { PMTUDISC } from '../../src/net/out-packet.ts';
import { TraceRun, type TraceSummary } from '../../tools/command/traceroute-run.ts';
import { address, check, connect, linux, mustLinux, SEED, Station, until } from './lab.ts';

const NARROW = 1300;
const memory = openMemory();
const driver = new LiveDriver();
const wireA = await connect('tap', memory, 'wireA', ['10.1.0.1/24', 'fd01::1/64']);
const wireB = await connect('packet', memory, 'wireB', ['10.2.0.1/24', 'fd02::1/64'], NARROW);
const a = new Station(driver, memory, wireA, SEED, ['10.1.0.2/24', 'fd01::2/64']);
const b = new Station(driver, memory, wireB, SEED + 1, ['10.2.0.2/24', 'fd02::2/64']);
a.stack.addDefaultRoute(address('10.1.0.1'));
a.stack.addDefaultRoute(address('fd01::1'));
b.stack.addDefaultRoute(address('10.2.0.1'));
b.stack.addDefaultRoute(address('fd02::1'));
writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
writeFileSync('/proc/sys/net/ipv6/conf/all/forwarding', '1');

const host = await startHost();
try {
  await settle();
  await crossRouter();
  await traceRoutes();
  await narrowLink();
} finally {
  host.kill('SIGKILL');
}
await check('closing leaves no memory held', async () => {
  a.close();
  b.close();
  driver.close();
  const { cells, chunks } = memory;
  return cells.held === 0 && chunks.held <= 2 ? null : `${cells.held} cells, ${chunks.held} chunks`;
});

/** A Linux host in a namespace inside this one, which ends with its process. */
async function startHost(): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', '--', 'sleep', '300'], { stdio: 'ignore' });
  const inside = `nsenter -t ${child.pid} -n`;
  await mustLinux('ip link add wireC type veth peer name wireCp');
  await until(() => true);
  const namespaceOf = (pid: string) => readlinkSync(`/proc/${pid}/ns/net`);
  const isInside = () => namespaceOf(String(child.pid)) !== namespaceOf('self');
  if (!(await until(isInside))) throw new Error('the host has no namespace');
  await mustLinux(`ip link set wireCp netns ${child.pid}`);
  await mustLinux('ip addr add 10.3.0.1/24 dev wireC');
  await mustLinux('ip addr add fd03::1/64 dev wireC nodad');
  await mustLinux('ip link set wireC up');
  await mustLinux(`${inside} ip addr add 10.3.0.2/24 dev wireCp`);
  await mustLinux(`${inside} ip addr add fd03::2/64 dev wireCp nodad`);
  await mustLinux(`${inside} ip link set wireCp up`);
  await mustLinux(`${inside} ip route add default via 10.3.0.1`);
  await mustLinux(`${inside} ip -6 route add default via fd03::1`);
  return child;
}

async function settle(): Promise<void> {
  await check('every address passes duplicate address detection', async () =>
    (await until(() => a.isSettled() && b.isSettled())) ? null : 'still tentative',
  );
}

async function crossRouter(): Promise<void> {
  for (const size of [0, 56, 1000, 4000, 65507]) {
    await check(`A pings B through the router, IPv4, ${size} bytes`, () =>
      a.ping('10.2.0.2', size, 1),
    );
    await check(`B pings A through the router, IPv4, ${size} bytes`, () =>
      b.ping('10.1.0.2', size, 2),
    );
  }
  for (const size of [0, 56, 1000]) {
    await check(`A pings B through the router, IPv6, ${size} bytes`, () =>
      a.ping('fd02::2', size, 3),
    );
  }
  b.serveEcho(7);
  await check('A gets its UDP datagrams back from B', async () => {
    const s = a.stack.udp.open('dual');
    for (const size of [1, 1000, 5000, 60000]) {
      const failed = await a.askEcho(s, '10.2.0.2', 7, new Uint8Array(size).fill(size));
      if (failed !== null) return failed;
    }
    a.stack.udp.close(s);
    return null;
  });
}

/** Both families, both kinds of probe: the kernel between is the first hop, and its host, or our B, the second. */
async function traceRoutes(): Promise<void> {
  const router = { '10': '10.1.0.1', fd: 'fd01::1' };
  for (const to of ['10.2.0.2', 'fd02::2', '10.3.0.2', 'fd03::2']) {
    for (const isIcmp of [false, true]) {
      await check(
        `traceroute to ${to} by ${isIcmp ? 'ICMP' : 'UDP'} finds the router`,
        async () => {
          const { text, isReached } = await trace(to, isIcmp);
          const first = to.startsWith('fd') ? router.fd : router['10'];
          const hops = `^1:${first.replaceAll('.', '[.]')} 2:${to.replaceAll('.', '[.]')}$`;
          return isReached && new RegExp(hops).test(text) ? null : text;
        },
      );
    }
  }
}

/** One probe a hop; `ttl:address`, as they are told. */
async function trace(to: string, isIcmp: boolean): Promise<{ text: string; isReached: boolean }> {
  const told: string[] = [];
  let ended: TraceSummary | null = null;
  const request = {
    destination: to,
    isIcmp,
    firstTtl: 1,
    maxTtl: 5,
    queries: 1,
    waitNs: 5e9,
    port: isIcmp ? 1 : 33434,
    device: '',
  };
  const turner = { now: () => driver.now(), kick: () => driver.kick() };
  const run = new TraceRun(a.stack, turner, request, {
    event: ({ ttl, from, mark }) => told.push(`${ttl}:${from}${mark}`),
    done: (summary) => {
      ended = summary;
    },
    failed: ({ message }) => told.push(message),
  });
  run.start();
  await until(() => ended !== null);
  run.stop();
  return { text: told.join(' '), isReached: (ended as TraceSummary | null)?.isReached ?? false };
}

async function narrowLink(): Promise<void> {
  for (const [to, header] of [
    ['10.2.0.2', 28],
    ['fd02::2', 48],
  ] as const) {
    await check(
      `the router's report lowers the path MTU to ${to}, and the next datagram obeys`,
      () => learnsMtu(to, header),
    );
  }
  for (const [to, flag] of [
    ['10.2.0.2', '-4'],
    ['fd02::2', '-6'],
  ] as const) {
    await check(
      `tracepath from the Linux host finds the narrow link before us, ${flag}`,
      async () => {
        const inside = `nsenter -t ${host.pid} -n`;
        const { output } = await linux(`${inside} tracepath ${flag} -n ${to}`);
        const hasFound = output.includes(`pmtu ${NARROW}`) && output.includes('reached');
        return hasFound ? null : output;
      },
    );
  }
  await check('the Linux host pings both of us through the router', async () => {
    for (const to of ['10.1.0.2', '10.2.0.2', 'fd01::2', 'fd02::2']) {
      const { status, output } = await linux(
        `nsenter -t ${host.pid} -n ping -n -c 1 -W 10 -s 3000 ${to}`,
      );
      if (status !== 0 || !output.includes(' 0% packet loss')) return output;
    }
    return null;
  });
}

/** A large datagram with DF is lost and reported; then EMSGSIZE for what must not be cut, and cutting works. */
async function learnsMtu(to: string, header: number): Promise<string | null> {
  const { udp, net } = a.stack;
  const s = udp.open('dual');
  const mtu = () => net.paths.lookup(address(to), 0)!.mtu(a.stack.env);
  const before = mtu();
  a.driver.kick();
  const sent = udp.sendTo(s, new Uint8Array(1400), address(to), 7);
  if (!(await until(() => mtu() === NARROW))) return `sent ${sent}, path MTU ${before} → ${mtu()}`;
  s.pmtuDiscovery = PMTUDISC.DO;
  a.driver.kick();
  const tooLarge = udp.sendTo(s, new Uint8Array(NARROW - header + 1), address(to), 7);
  if (tooLarge !== -EMSGSIZE) return `one byte too many: ${tooLarge}`;
  const failed = await a.askEcho(s, to, 7, new Uint8Array(NARROW - header));
  if (failed !== null) return failed;
  s.pmtuDiscovery = PMTUDISC.WANT;
  const cut = await a.askEcho(s, to, 7, new Uint8Array(1400).fill(7));
  udp.close(s);
  return cut ?? (await a.ping(to, 3000, 9));
}
