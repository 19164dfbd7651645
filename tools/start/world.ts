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
import type { CcFiles } from '../command/cc-files.ts';
import { Failure } from '../command/failure.ts';
import { LiveStack } from '../command/live-stack.ts';
import { addressOf, type StackSpec } from '../command/stack-spec.ts';
import type { Lan } from './lan.ts';
import type { Ends, WireEnds } from './step.ts';

export const OURS = { v4: '10.77.0.2', v6: 'fd77::2' } as const;
export const THEIRS = { v4: '10.77.0.1', v6: 'fd77::1' } as const;
const V4_ENDS: Ends = { ours: OURS.v4, theirs: THEIRS.v4 };
const V6_ENDS: Ends = { ours: OURS.v6, theirs: THEIRS.v6 };
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

export interface OpenWorld {
  readonly live: LiveStack;
  /** Of a network that is there nobody knows yet who else is on it. */
  readonly ends: WireEnds;
}

/** The wire, the kernel's end of it, and our stack, running; on a network that is there, the stack alone. */
export function openWorld(world: World, lan: Lan | null, cc: CcFiles): OpenWorld {
  if (lan !== null) {
    const device = { kind: 'packet', interface: lan.interface, promiscuous: false } as const;
    const live = new LiveStack({ ...BASE, addresses: lan.addresses, device }, { cc });
    return { live, ends: { v4: null, v6: null } };
  }
  switch (world) {
    case 'tap': {
      const device = { kind: 'tap', name: TAP, persist: false, multiQueue: false } as const;
      const live = new LiveStack({ ...BASE, device }, { cc });
      try {
        return { live, ends: configureKernel(TAP) };
      } catch (error) {
        live.close();
        throw error;
      }
    }
    case 'packet': {
      createVeth(NEAR, FAR);
      setKernelIpv6(NEAR, false);
      setLink(NEAR, { isUp: true });
      const ends = configureKernel(FAR);
      const device = { kind: 'packet', interface: NEAR, promiscuous: false } as const;
      return { live: new LiveStack({ ...BASE, device }, { cc }), ends };
    }
    case 'memory': {
      const live = new LiveStack({ ...BASE, device: { kind: 'memory' } }, { cc });
      return { live, ends: { v4: V4_ENDS, v6: V6_ENDS } };
    }
  }
}

/** The kernel's addresses, and its loopback, which a new namespace has down. */
function configureKernel(link: string): WireEnds {
  setKernelIpv6(link, true);
  setLink('lo', { isUp: true });
  setLink(link, { isUp: true });
  addAddress(link, THEIRS.v4, V4_BITS);
  try {
    addAddress(link, THEIRS.v6, V6_BITS, { nodad: true });
  } catch (error) {
    // A container whose network has no IPv6 has it switched off for all devices, and may not switch it on.
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    return { v4: V4_ENDS, v6: null };
  }
  return { v4: V4_ENDS, v6: V6_ENDS };
}

/** Off where a device carries our stack alone: the kernel's own has nothing to say there. */
function setKernelIpv6(link: string, isOn: boolean): void {
  try {
    writeSysctl(`ipv6/conf/${link}/disable_ipv6`, isOn ? 0 : 1);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EROFS' && code !== 'ENOENT' && code !== 'EACCES') throw error;
    // Read-only in containers: the kernel then also has a link-local address there, or none at its end.
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
