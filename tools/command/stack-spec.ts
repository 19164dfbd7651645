/** The options that describe a stack: `up` has them all, and so has a `ping` with a stack of its own. */

import type { IpAddress } from '../../src/wire/address.ts';
import { isV4 } from '../../src/wire/address.ts';
import { parseAddress, parsePrefix } from '../../src/wire/address-text.ts';
import { MacAddress } from '../../src/wire/mac.ts';
import { usageError } from './failure.ts';
import type { OptionSpec, Options } from './options.ts';

export interface AddressSpec {
  readonly address: IpAddress;
  /** Within its family. */
  readonly bits: number;
}

export interface VlanSpec {
  readonly id: number;
  readonly addresses: readonly AddressSpec[];
}

export interface TapSpec {
  readonly kind: 'tap';
  /** '' lets the kernel choose. */
  readonly name: string;
  readonly persist: boolean;
  readonly multiQueue: boolean;
}

export interface PacketSpec {
  readonly kind: 'packet';
  readonly interface: string;
  readonly promiscuous: boolean;
}

/** A wire in memory, with another stack at its other end. */
export interface MemorySpec {
  readonly kind: 'memory';
}

export interface StackSpec {
  readonly device: TapSpec | PacketSpec | MemorySpec;
  readonly addresses: readonly AddressSpec[];
  readonly vlans: readonly VlanSpec[];
  readonly gateways: readonly IpAddress[];
  readonly mac: MacAddress | null;
  readonly mtu: number | null;
  readonly vnet: boolean;
  readonly checksum: boolean;
  readonly tso: boolean;
  readonly uso: boolean;
  /** SYNs a second; null: the device's own limit. */
  readonly synRate: number | null;
  readonly isPolling: boolean;
  /** An IPv4 address from a DHCP server; a link-local one (beside DHCP: while none answers). */
  readonly dhcp: boolean;
  readonly ipv4ll: boolean;
  /** Linux name and value. */
  readonly sysctls: readonly (readonly [string, string])[];
}

export const STACK_OPTIONS: readonly OptionSpec[] = [
  { name: 'tap', value: 'NAME', help: 'a TAP device, made if it is not there' },
  { name: 'packet', value: 'IFACE', help: 'AF_PACKET: a machine of its own beside the kernel' },
  { name: 'memory', help: 'a wire in memory, with a second stack at its other end' },
  {
    name: 'address',
    value: 'A/LEN',
    isRepeatable: true,
    help: 'an address of the stack, IPv4 or IPv6 (repeatable)',
  },
  {
    name: 'vlan',
    value: 'ID[=A/LEN,…]',
    isRepeatable: true,
    help: '802.1Q VLAN of the device, IFACE.ID, with its addresses (repeatable)',
  },
  { name: 'gateway', value: 'A', isRepeatable: true, help: 'default route (one of each family)' },
  { name: 'dhcp', help: 'an IPv4 address, routes and MTU from a DHCP server' },
  { name: 'ipv4ll', help: 'a 169.254 address (with --dhcp: while no server answers)' },
  { name: 'slaac', help: 'IPv6 addresses and routes as routers advertise them (accept_ra 1)' },
  { name: 'mac', value: 'MAC', help: 'our Ethernet address (default: a random local one)' },
  { name: 'mtu', value: 'BYTES', help: 'TAP and memory: the largest IP packet (default 1500)' },
  { name: 'netns', value: 'NAME|PATH|PID', help: 'work in this network namespace' },
  { name: 'no-vnet', help: 'plain frames: no vnet header, no offloads' },
  { name: 'no-checksum', help: 'TAP: let the kernel finish checksums (and segment)' },
  { name: 'no-tso', help: 'TAP: take no TCP super-frames' },
  { name: 'no-uso', help: 'TAP: take no UDP super-frames' },
  {
    name: 'syn-rate',
    value: 'N',
    help: 'TAP, AF_PACKET: SYNs a second that the kernel lets through (default 16000); 0: all',
  },
  { name: 'promiscuous', help: 'AF_PACKET: every frame on the wire, not only ours' },
  { name: 'multi-queue', help: 'TAP: open one queue of a device that has several' },
  { name: 'persist', help: 'TAP: the device stays when we go' },
  { name: 'poll', help: 'never sleep: a whole core for the lowest latency' },
  {
    name: 'sysctl',
    value: 'NAME=VALUE',
    isRepeatable: true,
    help: 'as on Linux: net.ipv4.ip_default_ttl=32 (repeatable)',
  },
];

const SLAAC = [['net.ipv6.conf.all.accept_ra', '1']] as const;
const MIN_MTU = 68;
const MAX_MTU = 65535;
const MAX_SYN_RATE = 1_000_000_000;

export function stackSpecOf(options: Options): StackSpec {
  const device = deviceOf(options);
  const mtu = options.integer('mtu', MIN_MTU, MAX_MTU) ?? null;
  if (mtu !== null && device.kind === 'packet') {
    throw usageError(
      `--mtu: AF_PACKET has its interface's; set that one: ip link set ${device.interface} mtu ${mtu}`,
    );
  }
  const macText = options.text('mac');
  const mac = macText === undefined ? null : MacAddress.parse(macText);
  if (macText !== undefined && (mac === null || mac.isGroup || mac.isZero)) {
    throw usageError(`--mac: ${macText} is not the address of one machine`);
  }
  return {
    device,
    addresses: options.list('address').map(addressOf),
    vlans: options.list('vlan').map(vlanOf),
    gateways: options.list('gateway').map(gatewayOf),
    mac,
    mtu,
    vnet: !options.has('no-vnet'),
    checksum: !options.has('no-checksum'),
    tso: !options.has('no-tso'),
    uso: !options.has('no-uso'),
    synRate: options.integer('syn-rate', 0, MAX_SYN_RATE) ?? null,
    isPolling: options.has('poll'),
    dhcp: options.has('dhcp'),
    ipv4ll: options.has('ipv4ll'),
    sysctls: [...(options.has('slaac') ? SLAAC : []), ...options.list('sysctl').map(sysctlOf)],
  };
}

export function hasDevice(options: Options): boolean {
  return options.has('tap') || options.has('packet') || options.has('memory');
}

function deviceOf(options: Options): TapSpec | PacketSpec | MemorySpec {
  options.notTogether('tap', 'packet', 'memory');
  const isTap = options.has('tap');
  for (const name of ['persist', 'multi-queue', 'no-checksum', 'no-tso', 'no-uso']) {
    if (options.has(name) && !isTap) throw usageError(`--${name} goes with --tap`);
  }
  if (options.has('promiscuous') && !options.has('packet')) {
    throw usageError('--promiscuous goes with --packet');
  }
  if (options.has('syn-rate') && options.has('memory')) {
    throw usageError('--syn-rate goes with --tap or --packet');
  }
  if (isTap) {
    const persist = options.has('persist');
    const multiQueue = options.has('multi-queue');
    return { kind: 'tap', name: options.text('tap')!, persist, multiQueue };
  }
  const iface = options.text('packet');
  if (iface !== undefined) {
    return { kind: 'packet', interface: iface, promiscuous: options.has('promiscuous') };
  }
  if (options.has('memory')) return { kind: 'memory' };
  throw usageError('which device? --tap NAME, --packet IFACE or --memory');
}

export function addressOf(text: string): AddressSpec {
  const prefix = parsePrefix(text);
  if (prefix === null) {
    throw usageError(`${text} is not an address with a prefix length, as 10.0.0.2/24`);
  }
  return prefix;
}

function vlanOf(text: string): VlanSpec {
  const [id, ...rest] = text.split('=');
  if (rest.length > 1 || !/^\d{1,4}$/.test(id!)) {
    throw usageError(`--vlan: ${text} is not ID or ID=ADDRESS/LEN,…`);
  }
  const addresses = rest.flatMap((list) => list.split(',')).map(addressOf);
  return { id: Number(id), addresses };
}

function gatewayOf(text: string): IpAddress {
  const address = parseAddress(text);
  if (address === null) throw usageError(`--gateway: ${text} is not an IP address`);
  return address;
}

function sysctlOf(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw usageError(`--sysctl: ${text} is not NAME=VALUE`);
  return [text.slice(0, equals).trim(), text.slice(equals + 1).trim()];
}

export function familyName(address: IpAddress): 'inet' | 'inet6' {
  return isV4(address) ? 'inet' : 'inet6';
}
