/** Options of SOL_IP, SOL_IPV6 and of buffers and interfaces that datagram and stream sockets share. */
import { EADDRNOTAVAIL, EINVAL, ENODEV, ENOTCONN } from '../base/errno.ts';
import type { Network } from '../net/network.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import { priorityOfTos } from '../net/priority.ts';
import type { Address } from '../wire/address.ts';
import { IP_OPT, IPV6_OPT, IPV6_PREFER_SRC, SO, SOL } from './abi.ts';
import {
  bytesOption,
  intOption,
  type OptionHead,
  type OptionStatus,
  readInt,
  type SocketOption,
  textOption,
  writeInt,
} from './option.ts';
import { atSocket } from './socket-options.ts';

/** What a socket has to have for these options. Setters return 0 or -errno where they can fail. */
export interface IpSocket {
  readonly net: Network;
  /** SO_BINDTODEVICE: 0 = any. */
  readonly boundIndex: number;
  bindToDevice(index: number): number;
  /** 0: the stack's. */
  readonly ttl: number;
  setTtl(value: number): void;
  readonly tos: number;
  setTos(value: number): void;
  setPriority(value: number): void;
  /** One of PMTUDISC. */
  readonly pmtuDiscovery: number;
  setPmtuDiscovery(value: number): void;
  readonly isV6Only: boolean;
  setV6Only(isOn: boolean): number;
  /** IP_LOCAL_PORT_RANGE: as given. */
  readonly portRange: number;
  setPortRange(value: number): void;
  /** IPV6_ADDR_PREFERENCES: PREFER_SOURCE, and what is kept beside it. */
  readonly sourcePreference: number;
  setSourcePreference(value: number): void;
  /** IP_UNICAST_IF, IPV6_UNICAST_IF */
  readonly unicastIndex4: number;
  readonly unicastIndex6: number;
  setUnicastIndex(isV4: boolean, index: number): void;
  /** Whom it is connected to; null: nobody. */
  readonly peerAddress: Address | null;
  /** As set: doubled. */
  readonly receiveBuffer: number;
  setReceiveBuffer(bytes: number): void;
  readonly sendBuffer: number;
  setSendBuffer(bytes: number): void;
}

/** SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF. */
const MIN_RCVBUF = 2304;
const MIN_SNDBUF = 4608;
/** IFNAMSIZ, with the zero at the end: so much room is asked for, whatever the name. */
const MAX_NAME = 16;

export const atIp = (name: string, number: number, note = ''): OptionHead => ({
  level: SOL.IP,
  name,
  number,
  note,
});
export const atIpv6 = (name: string, number: number, note = ''): OptionHead => ({
  level: SOL.IPV6,
  name,
  number,
  note,
});

export const on = (is: boolean): number => (is ? 1 : 0);

/** At most the sysctl's maximum (anything negative is more), then doubled, then at least the minimum. */
function doubled(asked: number, max: number, min: number): number {
  return Math.max(2 * (asked < 0 ? max : Math.min(asked, max)), min);
}

export function receiveBufferOptions(note: string): SocketOption<IpSocket>[] {
  return [
    intOption<IpSocket>(
      atSocket('SO_RCVBUF', SO.RCVBUF, note),
      (e) => e.receiveBuffer,
      (e, value) => {
        e.setReceiveBuffer(doubled(value, e.net.config.rmemMax, MIN_RCVBUF));
        return 0;
      },
    ),
    intOption<IpSocket>(
      atSocket('SO_RCVBUFFORCE', SO.RCVBUFFORCE, 'doubled, without the maximum'),
      null,
      (e, value) => {
        e.setReceiveBuffer(doubled(Math.max(value, 0), 0x3fffffff, MIN_RCVBUF));
        return 0;
      },
    ),
  ];
}

export function sendBufferOption(note: string, status: OptionStatus): SocketOption<IpSocket> {
  return intOption<IpSocket>(
    atSocket('SO_SNDBUF', SO.SNDBUF, note),
    (e) => e.sendBuffer,
    (e, value) => {
      e.setSendBuffer(doubled(value, e.net.config.wmemMax, MIN_SNDBUF));
      return 0;
    },
    status,
  );
}

export function sendBufferForceOption(): SocketOption<IpSocket> {
  return intOption<IpSocket>(
    atSocket('SO_SNDBUFFORCE', SO.SNDBUFFORCE, 'doubled, without the maximum'),
    null,
    (e, value) => {
      e.setSendBuffer(doubled(Math.max(value, 0), 0x3fffffff, MIN_SNDBUF));
      return 0;
    },
  );
}

export const DEVICE_OPTIONS: readonly SocketOption<IpSocket>[] = [
  textOption<IpSocket>(
    atSocket('SO_BINDTODEVICE', SO.BINDTODEVICE, 'a name; empty unties'),
    getDevice,
    setDevice,
  ),
  intOption<IpSocket>(
    atSocket('SO_BINDTOIFINDEX', SO.BINDTOIFINDEX, '0 unties'),
    (e) => e.boundIndex,
    (e, index) => {
      if (index < 0) return -EINVAL;
      const isKnown = index === 0 || e.net.interfaceAt(index) !== null;
      return isKnown ? e.bindToDevice(index) : -ENODEV;
    },
  ),
];

function getDevice(e: IpSocket, into: Uint8Array): number {
  const name = e.net.interfaceAt(e.boundIndex)?.name ?? '';
  if (name === '') return 0;
  if (into.length < MAX_NAME) return -EINVAL;
  for (let i = 0; i < name.length; i++) into[i] = name.charCodeAt(i);
  into[name.length] = 0;
  return name.length + 1;
}

function setDevice(e: IpSocket, value: Uint8Array): number {
  const end = value.indexOf(0);
  const bytes = value.subarray(0, Math.min(end < 0 ? value.length : end, MAX_NAME - 1));
  const name = String.fromCharCode(...bytes);
  const iface = e.net.interfaces.find((i) => i.name === name);
  if (name !== '' && iface === undefined) return -ENODEV;
  return e.bindToDevice(iface?.index ?? 0);
}

function hops(head: OptionHead): SocketOption<IpSocket> {
  return intOption<IpSocket>(
    head,
    (e) => {
      const { ttl4, hopLimit6 } = e.net.config;
      return e.ttl !== 0 ? e.ttl : head.level === SOL.IP ? ttl4 : hopLimit6;
    },
    (e, value) => {
      if (value !== -1 && (value < 1 || value > 255)) return -EINVAL;
      e.setTtl(value === -1 ? 0 : value);
      return 0;
    },
  );
}

function trafficClass(head: OptionHead): SocketOption<IpSocket> {
  return intOption<IpSocket>(
    head,
    (e) => e.tos,
    (e, value) => {
      if (head.level === SOL.IPV6 && (value < -1 || value > 255)) return -EINVAL;
      const before = e.tos;
      e.setTos(head.level === SOL.IPV6 && value === -1 ? 0 : value & 255);
      // As on Linux: IPv4's alone, and only if it changes.
      if (head.level === SOL.IP && e.tos !== before) e.setPriority(priorityOfTos(e.tos));
      return 0;
    },
  );
}

function discovery(head: OptionHead): SocketOption<IpSocket> {
  return intOption<IpSocket>(
    head,
    (e) => e.pmtuDiscovery,
    (e, value) => {
      if (value < PMTUDISC.DONT || value > PMTUDISC.PROBE) return -EINVAL;
      e.setPmtuDiscovery(value);
      return 0;
    },
  );
}

/** The path MTU towards the peer. */
function mtuOption(head: OptionHead): SocketOption<IpSocket> {
  return bytesOption<IpSocket>(
    head,
    (e, into) => {
      const peer = e.peerAddress;
      const path = peer === null ? null : e.net.paths.lookup(peer, e.boundIndex);
      return path === null ? -ENOTCONN : writeInt(path.mtu(e.net.env), into);
    },
    null,
  );
}

/** Two ports in one word; a part that is 0, or outside of ip_local_port_range, does not count. */
function portRange(head: OptionHead): SocketOption<IpSocket> {
  return intOption<IpSocket>(
    head,
    (e) => e.portRange,
    (e, value) => {
      const first = value & 0xffff;
      const last = value >>> 16;
      if (first !== 0 && last !== 0 && first > last) return -EINVAL;
      e.setPortRange(value);
      return 0;
    },
  );
}

const { TMP, PUBLIC, PUBTMP_DEFAULT, COA, HOME, CGA, NONCGA } = IPV6_PREFER_SRC;

/**
 * RFC 5014 §3, with Linux's answers: of each group one at most, and what is not named is the default. Home and
 * care-of addresses are one to a host that is never away, and none here is generated by cryptography.
 */
function addressPreferences(head: OptionHead): SocketOption<IpSocket> {
  const isOneOf = (bits: number): boolean => (bits & (bits - 1)) === 0;
  return intOption<IpSocket>(
    head,
    (e) => {
      const kept = e.sourcePreference;
      const isDefault = (kept & (TMP | PUBLIC)) === 0;
      return kept | (isDefault ? PUBTMP_DEFAULT : 0) | ((kept & COA) === 0 ? HOME : 0);
    },
    (e, value) => {
      const groups = [TMP | PUBLIC | PUBTMP_DEFAULT, COA | HOME, CGA | NONCGA];
      if (!groups.every((group) => isOneOf(value & group))) return -EINVAL;
      e.setSourcePreference(value & (TMP | PUBLIC | COA));
      return 0;
    },
  );
}

/** The interface of what is sent to one host. The index is in network order, and who is tied to an interface has none. */
export function unicastIf(
  is4: boolean,
  note: string,
  status: OptionStatus,
): SocketOption<IpSocket> {
  const head = is4
    ? atIp('IP_UNICAST_IF', IP_OPT.UNICAST_IF, note)
    : atIpv6('IPV6_UNICAST_IF', IPV6_OPT.UNICAST_IF, note);
  const option = bytesOption<IpSocket>(
    head,
    (e, into) => writeInt(swapped(is4 ? e.unicastIndex4 : e.unicastIndex6), into),
    (e, value) => {
      if (value.length !== 4) return -EINVAL;
      const index = swapped(readInt(value)!); // it is not empty
      if (index !== 0 && e.net.interfaceAt(index) === null) return -EADDRNOTAVAIL;
      if (index !== 0 && e.boundIndex !== 0) return -EINVAL;
      e.setUnicastIndex(is4, index);
      return 0;
    },
  );
  return { ...option, status };
}

const swapped = (n: number): number =>
  ((n & 255) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24);

const BOTH = 'one value for both families';

export const IP_OPTIONS: readonly SocketOption<IpSocket>[] = [
  hops(atIp('IP_TTL', IP_OPT.TTL, BOTH)),
  trafficClass(atIp('IP_TOS', IP_OPT.TOS, BOTH)),
  discovery(
    atIp('IP_MTU_DISCOVER', IP_OPT.MTU_DISCOVER, 'DONT, WANT, DO, PROBE; others are EINVAL'),
  ),
  mtuOption(atIp('IP_MTU', IP_OPT.MTU, 'of a connected socket')),
  portRange(atIp('IP_LOCAL_PORT_RANGE', IP_OPT.LOCAL_PORT_RANGE, 'within ip_local_port_range')),
];

export const IPV6_OPTIONS: readonly SocketOption<IpSocket>[] = [
  intOption<IpSocket>(
    atIpv6('IPV6_V6ONLY', IPV6_OPT.V6ONLY, 'before bind'),
    (e) => on(e.isV6Only),
    (e, value) => e.setV6Only(value !== 0),
  ),
  hops(atIpv6('IPV6_UNICAST_HOPS', IPV6_OPT.UNICAST_HOPS, BOTH)),
  trafficClass(atIpv6('IPV6_TCLASS', IPV6_OPT.TCLASS, BOTH)),
  discovery(
    atIpv6('IPV6_MTU_DISCOVER', IPV6_OPT.MTU_DISCOVER, 'DONT, WANT, DO, PROBE; others are EINVAL'),
  ),
  mtuOption(atIpv6('IPV6_MTU', IPV6_OPT.MTU, 'of a connected socket')),
  addressPreferences(
    atIpv6(
      'IPV6_ADDR_PREFERENCES',
      IPV6_OPT.ADDR_PREFERENCES,
      'TMP or PUBLIC; of the rest nothing acts',
    ),
  ),
];
