/**
 * What probers ask us, and Linux beside us: `node probes-child.ts`.
 *
 *                       ┌── TAP, vnet header ─────────────── us, 10.9.0.2, fd09::2
 *     nmap, thc-ipv6, ──┼── veth, AF_PACKET, vnet header ─── us, 10.7.0.2, fd07::2
 *     raw sockets       └── veth ─── Linux, 10.8.0.2, fd08::2 (a namespace)
 *
 * Whatever is answered otherwise than by Linux 6.18 is in docs/interop-probes.md, or fails.
 */
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { release } from 'node:os';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import type { Ends as Names } from './answer-text.ts';
import {
  address,
  check,
  connect,
  linux,
  mustLinux,
  SEED,
  Station,
  until,
  type World,
} from './lab.ts';
import type { Probe } from './probe.ts';
import { probeByImplementation6, probeByNmap } from './probe-programs.ts';
import { EXPLAINED } from './probes-explained.ts';
import { tcpProbes } from './probes-tcp.ts';
import { probes4 } from './probes4.ts';
import { probes6 } from './probes6.ts';
import { RawPeer } from './raw-peer.ts';
import { Ends, type OurEnd } from './tcp-end.ts';

const OPEN_PORT = 80;
const memory = openMemory();
const driver = new LiveDriver();
const tap = await open('tap', 'wire0', 9);
const packet = await open('packet', 'wire2', 7);
const host = spawn('unshare', ['--net', '--', 'sleep', '300'], { stdio: 'ignore' });
const inside = `nsenter -t ${host.pid} -n`;
let server = host;

try {
  await openLinux();
  await check('every address passes duplicate address detection', async () =>
    (await until(() => tap.isSettled() && packet.isSettled())) ? null : 'still tentative',
  );
  await rawProbes();
  await probeByNmap('10.9.0.2', 'fd09::2');
  await probeByImplementation6('wire0', 'fd09::2');
  await check('afterwards it answers pings of Linux', async () => {
    for (const to of ['10.9.0.2', 'fd09::2', '10.7.0.2', 'fd07::2']) {
      const { status, output } = await linux(`ping -n -c 1 -W 10 -s 4000 ${to}`);
      if (status !== 0) return output;
    }
    return null;
  });
} finally {
  server.kill('SIGKILL');
  host.kill('SIGKILL');
}
await check('closing leaves no memory held', async () => {
  tap.close();
  packet.close();
  driver.close();
  const { cells, chunks } = memory;
  return cells.held === 0 && chunks.held <= 4 ? null : `${cells.held} cells, ${chunks.held} chunks`;
});
process.exit();

/** A stack of ours that answers every probe it would answer: errors have no limit. */
async function open(world: World, wire: string, net: number): Promise<Station> {
  const device = await connect(world, memory, wire, [`10.${net}.0.1/24`, `fd0${net}::1/64`]);
  const own = [`10.${net}.0.2`, `fd0${net}::2`];
  const us = new Station(driver, memory, device, SEED + net, [`${own[0]}/24`, `${own[1]}/64`]);
  us.stack.addDefaultRoute(address(`10.${net}.0.1`));
  const { config } = us.stack.net;
  config.icmpRate4Ns = 0;
  config.icmpRate6Ns = 0;
  config.icmpMessagesPerSec = 0;
  const udp = us.stack.udp.open('dual');
  if (us.stack.udp.bind(udp, address('::'), 7) !== 0) throw new Error('bind');
  const ends = new Ends(us);
  for (const at of own) ends.listen(at, OPEN_PORT, (end) => void closeAfter(end));
  return us;
}

async function closeAfter(end: OurEnd): Promise<void> {
  const buffer = new Uint8Array(4096);
  while ((await end.read(buffer)) > 0);
  end.close();
}

/** The kernel as a host that was asked the same; its limits are off as well. */
async function openLinux(): Promise<void> {
  const namespaceOf = (pid: string) => readlinkSync(`/proc/${pid}/ns/net`);
  const isInside = () => namespaceOf(String(host.pid)) !== namespaceOf('self');
  if (!(await until(isInside))) throw new Error('the host has no namespace');
  await mustLinux('ip link add wire1 type veth peer name eth0');
  await mustLinux(`ip link set eth0 netns ${host.pid}`);
  await mustLinux('ip addr add 10.8.0.1/24 dev wire1');
  await mustLinux('ip addr add fd08::1/64 dev wire1 nodad');
  await mustLinux('ip link set wire1 up');
  for (const command of [
    'ip link set lo up',
    'ip link set eth0 up',
    'ip addr add 10.8.0.2/24 brd + dev eth0',
    'ip addr add fd08::2/64 dev eth0 nodad',
    'ip route add default via 10.8.0.1',
    'sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0',
  ]) {
    await mustLinux(`${inside} ${command}`);
  }
  await linux(`${inside} sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000000`);
  await linux(`${inside} sysctl -qw net.ipv4.icmp_msgs_burst=1000000000`);
  const listen = `TCP6-LISTEN:${OPEN_PORT},ipv6only=0,fork,reuseaddr`;
  const [program, ...args] = `${inside} socat ${listen} PIPE`.split(' ');
  server = spawn(program!, args, { stdio: 'ignore' });
  const listens = () => readFileSync(`/proc/${host.pid}/net/tcp6`, 'latin1').includes(':0050 ');
  if (!(await until(listens))) throw new Error('socat does not listen');
}

function namesOf(net: number): Names {
  return {
    us4: `10.${net}.0.77`,
    them4: `10.${net}.0.2`,
    us6: `fd0${net}::77`,
    them6: `fd0${net}::2`,
  };
}

/** Every probe, and behind each a ping that must be answered; null when one was not. */
async function askAll(wire: string, net: number, mac: string): Promise<Map<string, string>> {
  const names = namesOf(net);
  const peer = new RawPeer(wire, mac, names);
  const answers = new Map<string, string>();
  const ask = async (probes: Iterable<Probe>, isV4: boolean): Promise<void> => {
    for (const p of probes) {
      const heard = await peer.ask(p.packets, isV4);
      answers.set(p.name, heard.join(' | ').replaceAll(`10.${net}.0.`, 'net.'));
    }
  };
  await ask(probes6(names), false);
  await ask(probes4(names), true);
  await ask(tcpProbes(names, false), false);
  await ask(tcpProbes(names, true), true);
  peer.close();
  return answers;
}

async function rawProbes(): Promise<void> {
  const kernel = JSON.parse(await mustLinux(`${inside} ip -j link show eth0`)) as {
    address: string;
  }[];
  let theirs = new Map<string, string>();
  let ours = new Map<string, string>();
  await check('Linux answers a ping behind each probe', async () => {
    theirs = await askAll('wire1', 8, kernel[0]!.address);
    return theirs.size > 15_000 ? null : `only ${theirs.size} probes`;
  });
  await check('over TAP we answer a ping behind each malformed packet', async () => {
    ours = await askAll('wire0', 9, tap.device.mac.toString());
    return ours.size === theirs.size ? null : `${ours.size} of ${theirs.size}`;
  });
  await check('over AF_PACKET we do, and answer each probe as over TAP', async () => {
    const others = await askAll('wire2', 7, packet.device.mac.toString());
    return differences(ours, others, () => false);
  });
  // What other kernels answer is not what the document is about.
  if (!release().startsWith('6.18.')) return;
  await check('what we answer otherwise than Linux 6.18 is explained', async () =>
    differences(theirs, ours, (name) => EXPLAINED.some((e) => e.names.test(name))),
  );
}

function differences(
  a: Map<string, string>,
  b: Map<string, string>,
  isExplained: (name: string) => boolean,
): string | null {
  const found: string[] = [];
  for (const [name, answer] of a) {
    if (answer !== b.get(name) && !isExplained(name)) {
      found.push(`${name}: "${answer}", not "${b.get(name)}"`);
    }
  }
  return found.length === 0 ? null : `${found.length}: ${found.slice(0, 20).join('\n')}`;
}
