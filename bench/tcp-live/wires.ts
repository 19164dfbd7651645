/** The two wires of a case: between two kernels in namespaces of their own, and between a kernel and us. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Env } from '../../src/base/env.ts';
import { Rng } from '../../src/base/rng.ts';
import { NullTrace } from '../../src/base/trace.ts';
import { LiveDriver } from '../../src/live/driver.ts';
import { openMemory } from '../../src/live/native-sum.ts';
import { PacketDevice } from '../../src/live/packet-device.ts';
import { TapDevice } from '../../src/live/tap-device.ts';
import { Stack } from '../../src/stack/stack.ts';
import { parseAddress } from '../../src/wire/address-text.ts';
import { LineChild } from '../rings/c-side.ts';
import type { Case, Wire } from './cases.ts';
import { OurPeer } from './our-peer.ts';
import { openSocketPeer } from './socket-peer.ts';

export const PORT = 5000;
const KERNEL_NET = '10.1.0';
export const KERNEL_ADDRESS = '10.2.0.1';
export const OUR_ADDRESS = '10.2.0.2';

export type Cores = readonly [string, string];

/** The kernel's end of a wire: bench/c/tcp-peer.c, and its congestion control. */
export interface Peer {
  readonly program: string;
  readonly congestion: string;
}

export function run(line: string): void {
  const [program, ...args] = line.split(' ');
  execFileSync(program!, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

export function pinned(cores: string, command: readonly string[]): LineChild {
  const [program, ...args] = cores === '' ? command : ['taskset', '-c', cores, ...command];
  return new LineChild(program!, args);
}

export function clientOn(cores: string, peer: Peer): LineChild {
  return pinned(cores, [peer.program, 'client', peer.congestion]);
}

function noOffloads(link: string, enter = ''): void {
  run(`${enter}ethtool -K ${link} tso off gso off gro off`);
}

/** A veth pair, its far end in the namespace of the server: that ends with it, and the pair too. */
export async function openKernelWire(it: Case, peer: Peer, cores: Cores): Promise<Wire> {
  const { program, congestion } = peer;
  const serve = [program, 'serve', String(PORT), congestion];
  const server = pinned(cores[1], ['unshare', '-n', ...serve]);
  await server.line();
  const enter = `nsenter -t ${server.pid} -n `;
  run(`ip link add k0 type veth peer name k1 netns ${server.pid}`);
  run(`ip addr add ${KERNEL_NET}.1/24 dev k0`);
  run('ip link set k0 up');
  run(`${enter}ip addr add ${KERNEL_NET}.2/24 dev k1`);
  run(`${enter}ip link set k1 up`);
  if (!it.vnet) {
    noOffloads('k0');
    noOffloads('k1', enter);
  }
  const client = clientOn(cores[0], peer);
  return {
    ...{ who: 'kernel', client, address: `${KERNEL_NET}.2`, port: PORT },
    setChecking: () => undefined,
    close: async () => {
      await client.close();
      run('ip link delete k0'); // before its namespace ends, which would take it along at some later time
      await server.close();
    },
  };
}

export interface OurEnd {
  readonly stack: Stack;
  readonly device: TapDevice | PacketDevice;
  readonly driver: LiveDriver;
  close(): void;
}

/** A stack of ours, not driven yet, at the other end of the kernel's r0; in this process and on this thread. */
export function openOurEnd(it: Pick<Case, 'device' | 'vnet'> & { synRate?: number }): OurEnd {
  const memory = openMemory();
  const driver = new LiveDriver();
  const env = new Env(memory, new Rng(1), new NullTrace());
  env.nowNs = driver.now();
  const stack = new Stack(env);
  const limit = it.synRate === undefined ? {} : { synRate: it.synRate };
  let device: OurEnd['device'];
  if (it.device === 'tap') device = new TapDevice(memory, { name: 'r0', vnet: it.vnet, ...limit });
  else {
    run('ip link add r0 type veth peer name r1');
    writeFileSync('/proc/sys/net/ipv6/conf/r1/disable_ipv6', '1');
    for (const link of ['r0', 'r1']) {
      if (!it.vnet) noOffloads(link);
      run(`ip link set ${link} up`);
    }
    device = new PacketDevice(memory, { interface: 'r1', vnet: it.vnet, ...limit });
  }
  run(`ip addr add ${KERNEL_ADDRESS}/24 dev r0`);
  stack.addAddress(stack.addInterface('eth0', device), parseAddress(OUR_ADDRESS)!, 24);
  const close = () => {
    driver.close();
    stack.close();
    if (it.device === 'packet') run('ip link delete r0');
  };
  return { stack, device, driver, close };
}

export async function openOurWire(
  it: Case,
  peer: Peer,
  cores: Cores,
  isSockets: boolean,
): Promise<Wire> {
  const ours = openOurEnd(it);
  const { stack } = ours;
  const services = isSockets ? null : new OurPeer(stack, PORT);
  if (isSockets) openSocketPeer(stack, PORT);
  ours.driver.add(stack);
  const client = clientOn(cores[0], peer);
  return {
    ...{ who: 'ours', client, address: OUR_ADDRESS, port: PORT },
    setChecking: (isChecking) => {
      if (services !== null) services.isChecking = isChecking;
    },
    close: async () => {
      await client.close();
      ours.close();
    },
  };
}
