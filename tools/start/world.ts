/**
 * Where `npm start` puts its stack, and who is at the other end of the wire.
 *
 *     tap      kernel's end of the TAP device (10.77.0.1)  ── frames ──  Ringway (10.77.0.2)
 *     packet   kernel0 (10.77.0.1) ── veth pair ── ring0 ── AF_PACKET ── Ringway (10.77.0.2)
 *     memory   a second Ringway stack (10.77.0.1) ── memory ── Ringway (10.77.0.2)
 *
 * In the first two we are inside a network namespace that ends with this process, but with --here, where it was
 * there before. On a network that is there (--interface) there is no wire to make: see lan.ts.
 */

import type { World } from '../../src/live/namespace.ts';
import { addAddress, createVeth, setLink, writeSysctl } from '../../src/live/netlink.ts';
import { Failure } from '../command/failure.ts';
import { LiveStack } from '../command/live-stack.ts';
import { addressOf, type StackSpec } from '../command/stack-spec.ts';
import type { Lan } from './lan.ts';
import type { WireEnds } from './step.ts';

export const OURS = { v4: '10.77.0.2', v6: 'fd77::2' } as const;
export const THEIRS = { v4: '10.77.0.1', v6: 'fd77::1' } as const;
export const WIRE: WireEnds = {
  v4: { ours: OURS.v4, theirs: THEIRS.v4 },
  v6: { ours: OURS.v6, theirs: THEIRS.v6 },
};
/** RFC 862 */
export const ECHO_PORT = 7;
const V4_BITS = 24;
const V6_BITS = 64;
/** The kernel's end. A TAP device is one interface: its name stands for both ends. */
const TAP = 'ring0';
const NEAR = 'ring0';
const FAR = 'kernel0';

const BASE: Omit<StackSpec, 'device'> = {
  addresses: [addressOf(`${OURS.v4}/${V4_BITS}`), addressOf(`${OURS.v6}/${V6_BITS}`)],
  vlans: [],
  gateways: [],
  mac: null,
  mtu: null,
  vnet: true,
  checksum: true,
  tso: true,
  uso: true,
  synRate: null,
  isPolling: false,
  dhcp: false,
  ipv4ll: false,
  sysctls: [],
};

/** The wire, the kernel's end of it, and our stack, running; on a network that is there, the stack alone. */
export function openWorld(world: World, lan: Lan | null): LiveStack {
  if (lan !== null) {
    const device = { kind: 'packet', interface: lan.interface, promiscuous: false } as const;
    return new LiveStack({ ...BASE, addresses: lan.addresses, device });
  }
  switch (world) {
    case 'tap': {
      const live = new LiveStack({
        ...BASE,
        device: { kind: 'tap', name: TAP, persist: false, multiQueue: false },
      });
      configureKernel(TAP);
      return live;
    }
    case 'packet': {
      createVeth(NEAR, FAR);
      quietKernel(NEAR);
      setLink(NEAR, { isUp: true });
      configureKernel(FAR);
      return new LiveStack({
        ...BASE,
        device: { kind: 'packet', interface: NEAR, promiscuous: false },
      });
    }
    case 'memory':
      return new LiveStack({ ...BASE, device: { kind: 'memory' } });
  }
}

/** The kernel's address and the kernel's loopback, which a new namespace has down. */
function configureKernel(link: string): void {
  setLink('lo', { isUp: true });
  setLink(link, { isUp: true });
  addAddress(link, THEIRS.v4, V4_BITS);
  addAddress(link, THEIRS.v6, V6_BITS, { nodad: true });
}

/** Our end of the veth carries our stack; the kernel's own has nothing to say there. */
function quietKernel(link: string): void {
  try {
    writeSysctl(`ipv6/conf/${link}/disable_ipv6`, 1);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EROFS' && code !== 'ENOENT' && code !== 'EACCES') throw error;
    // Read-only in some containers: the kernel then also has a link-local address there; no harm.
  }
}

export function wireText(world: World, live: LiveStack): string {
  switch (world) {
    case 'tap':
      return `the kernel's end of TAP device ${live.device.name}`;
    case 'packet':
      return `${FAR}, the kernel's end of a veth pair; AF_PACKET on ${NEAR}`;
    case 'memory':
      return 'a second Ringway stack at the other end of a wire in memory';
  }
}

export function worldOf(text: string | undefined): World | undefined {
  if (text === undefined) return undefined;
  if (text === 'tap' || text === 'packet' || text === 'memory') return text;
  throw new Failure('ERR_USAGE', `--world: ${text} is none of tap, packet, memory`, 2);
}
