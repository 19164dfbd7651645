/** Options of UDP sockets: one table, which docs/sockets.md is checked against. */
import { EADDRNOTAVAIL, EINVAL, ENODEV, ENOPROTOOPT } from '../base/errno.ts';
import { ANY4, IpAddress, isV4 } from '../wire/address.ts';
import { AF, IP_OPT, IPV6_OPT, SO, SOL, UDP_OPT } from './abi.ts';
import {
  atIp,
  atIpv6,
  DEVICE_OPTIONS,
  IP_OPTIONS,
  IPV6_OPTIONS,
  on,
  receiveBufferOptions,
  sendBufferOption,
} from './ip-options.ts';
import {
  bytesOption,
  intOption,
  type OptionHead,
  readInt,
  refusedOption,
  type SocketOption,
} from './option.ts';
import { atSocket, SOCKET_OPTIONS } from './socket-options.ts';
import { WANT } from './udp-control.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

type Option = SocketOption<UdpEndpoint>;

const atUdp = (name: string, number: number, note = ''): OptionHead => ({
  level: SOL.UDP,
  name,
  number,
  note,
});

function wanted(head: OptionHead, bit: number): Option {
  return intOption<UdpEndpoint>(
    head,
    (e) => on((e.wants & bit) !== 0),
    (e, value) => {
      e.setWant(bit, value !== 0);
      return 0;
    },
  );
}

/** The two kinds of time exclude each other: the last one set wins. */
function timed(name: string, number: number, bit: number, other: number): Option {
  return intOption<UdpEndpoint>(
    atSocket(name, number, ''),
    (e) => on((e.wants & bit) !== 0),
    (e, value) => {
      e.setWant(bit, value !== 0);
      e.setWant(other, false);
      return 0;
    },
  );
}

function atSocketLevel(): Option[] {
  return [
    ...receiveBufferOptions('doubled; net.core.rmem_max; counts cells'),
    sendBufferOption('doubled and returned; the device ring is the limit', 'advisory'),
    intOption<UdpEndpoint>(
      atSocket('SO_BROADCAST', SO.BROADCAST, ''),
      (e) => on(e.s.isBroadcastAllowed),
      (e, value) => {
        e.s.isBroadcastAllowed = value !== 0;
        return 0;
      },
    ),
    intOption<UdpEndpoint>(
      atSocket('SO_NO_CHECK', SO.NO_CHECK, 'IPv4 only, as RFC 8200 §8.1 demands'),
      (e) => on(e.s.isChecksumOff),
      (e, value) => {
        e.s.isChecksumOff = value !== 0;
        return 0;
      },
    ),
    timed('SO_TIMESTAMP', SO.TIMESTAMP, WANT.TIMESTAMP, WANT.TIMESTAMPNS),
    timed('SO_TIMESTAMPNS', SO.TIMESTAMPNS, WANT.TIMESTAMPNS, WANT.TIMESTAMP),
    wanted(atSocket('SO_RXQ_OVFL', SO.RXQ_OVFL, 'drops by the time of reading'), WANT.RXQ_OVFL),
    refusedOption(atSocket('SO_TIMESTAMPING', SO.TIMESTAMPING, 'receive times: SO_TIMESTAMPNS')),
    refusedOption(atSocket('SO_ZEROCOPY', SO.ZEROCOPY, 'sends copy once')),
    intOption<UdpEndpoint>(
      atSocket('SO_REUSEADDR', SO.REUSEADDR, 'the youngest has what comes; groups: all'),
      (e) => on(e.s.isReuseAddress),
      (e, value) => {
        e.s.isReuseAddress = value !== 0;
        return 0;
      },
    ),
    intOption<UdpEndpoint>(
      atSocket('SO_REUSEPORT', SO.REUSEPORT, 'one of them by a keyed hash; groups: all'),
      (e) => on(e.s.isReusePort),
      (e, value) => {
        e.s.isReusePort = value !== 0;
        return 0;
      },
    ),
    refusedOption(atSocket('SO_PEEK_OFF', SO.PEEK_OFF, 'a peek starts at the beginning')),
    ...DEVICE_OPTIONS,
  ];
}

function groupHops(head: OptionHead): Option {
  return intOption<UdpEndpoint>(
    head,
    (e) => e.s.multicastTtl,
    (e, value) => {
      if (value < -1 || value > 255) return -EINVAL;
      e.s.multicastTtl = value === -1 ? 1 : value;
      return 0;
    },
  );
}

/** Nothing is looped back, and whoever relies on it has to know. */
function noLoop(head: OptionHead): Option {
  return intOption<UdpEndpoint>(
    head,
    () => 0,
    (_e, value) => (value === 0 ? 0 : -ENOPROTOOPT),
  );
}

function atIpLevel(): Option[] {
  return [
    ...IP_OPTIONS,
    intOption<UdpEndpoint>(
      atIp('IP_RECVERR', IP_OPT.RECVERR, 'off empties the queue'),
      (e) => on(e.s.wantsErrors4),
      (e, value) => {
        e.s.wantsErrors4 = value !== 0;
        if (value === 0) e.s.errors?.clear();
        return 0;
      },
    ),
    wanted(atIp('IP_PKTINFO', IP_OPT.PKTINFO), WANT.PKTINFO4),
    wanted(atIp('IP_RECVTTL', IP_OPT.RECVTTL), WANT.TTL),
    wanted(atIp('IP_RECVTOS', IP_OPT.RECVTOS), WANT.TOS),
    groupHops(atIp('IP_MULTICAST_TTL', IP_OPT.MULTICAST_TTL, 'one value for both families')),
    bytesOption<UdpEndpoint>(
      atIp('IP_MULTICAST_IF', IP_OPT.MULTICAST_IF, 'in_addr, ip_mreq or ip_mreqn'),
      getGroupInterface,
      setGroupInterface,
    ),
    noLoop(atIp('IP_MULTICAST_LOOP', IP_OPT.MULTICAST_LOOP, 'off; on is ENOPROTOOPT')),
    bytesOption<UdpEndpoint>(
      atIp('IP_ADD_MEMBERSHIP', IP_OPT.ADD_MEMBERSHIP, ''),
      null,
      (e, value) => membership4(e, value, true),
    ),
    bytesOption<UdpEndpoint>(
      atIp('IP_DROP_MEMBERSHIP', IP_OPT.DROP_MEMBERSHIP, ''),
      null,
      (e, value) => membership4(e, value, false),
    ),
    refusedOption(atIp('IP_MULTICAST_ALL', IP_OPT.MULTICAST_ALL, 'always all, as by default')),
    refusedOption(atIp('IP_ADD_SOURCE_MEMBERSHIP', IP_OPT.ADD_SOURCE_MEMBERSHIP, 'no IGMPv3')),
    refusedOption(atIp('IP_OPTIONS', IP_OPT.OPTIONS, 'sent without options')),
    refusedOption(atIp('IP_FREEBIND', IP_OPT.FREEBIND, 'addresses are ours or not')),
    refusedOption(atIp('IP_TRANSPARENT', IP_OPT.TRANSPARENT, 'addresses are ours or not')),
    refusedOption(atIp('IP_MINTTL', IP_OPT.MINTTL, 'not looked at')),
  ];
}

/** ip_mreq and ip_mreqn: the group, an address of the interface, and its index. */
function membership4(e: UdpEndpoint, value: Uint8Array, isJoin: boolean): number {
  if (value.length < 8) return -EINVAL;
  const group = address4(value, 0);
  let index = value.length >= 12 ? readInt(value.subarray(8, 12))! : 0;
  if (index === 0) {
    index = indexOf(e, address4(value, 4));
    if (index < 0) return isJoin ? -ENODEV : -EADDRNOTAVAIL;
  }
  return isJoin ? e.groups.join(group, index) : e.groups.leave(group, index);
}

/** Which interface has the address; 0 for any, -1 for none. */
function indexOf(e: UdpEndpoint, address: IpAddress): number {
  if (address.w3 === 0) return 0;
  return e.net.locals.ownerOf(address, 0)?.index ?? -1;
}

/** Four bytes in network order. */
function address4(bytes: Uint8Array, at: number): IpAddress {
  const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return new IpAddress().setV4(word);
}

function getGroupInterface(e: UdpEndpoint, into: Uint8Array): number {
  const iface = e.net.interfaces[e.s.multicastIndex - 1];
  const { w3 } = iface?.firstAddress(true)?.address ?? ANY4;
  const n = Math.min(into.length, 4);
  for (let i = 0; i < n; i++) into[i] = (w3 >>> (24 - 8 * i)) & 255;
  return n;
}

function setGroupInterface(e: UdpEndpoint, value: Uint8Array): number {
  if (value.length < 4) return -EINVAL;
  let index = value.length >= 12 ? readInt(value.subarray(8, 12))! : 0;
  if (index === 0) index = indexOf(e, address4(value, value.length >= 8 ? 4 : 0));
  if (index < 0) return -EADDRNOTAVAIL;
  return setGroupIndex(e, index, -EADDRNOTAVAIL);
}

function setGroupIndex(e: UdpEndpoint, index: number, unknown: number): number {
  if (index !== 0 && e.net.interfaces[index - 1] === undefined) return unknown;
  if (e.s.boundIndex !== 0 && index !== 0 && index !== e.s.boundIndex) return -EINVAL;
  e.s.multicastIndex = index;
  return 0;
}

function atIpv6Level(): Option[] {
  return [
    ...IPV6_OPTIONS,
    intOption<UdpEndpoint>(
      atIpv6('IPV6_RECVERR', IPV6_OPT.RECVERR, 'off empties the queue'),
      (e) => on(e.s.wantsErrors6),
      (e, value) => {
        e.s.wantsErrors6 = value !== 0;
        if (value === 0) e.s.errors?.clear();
        return 0;
      },
    ),
    wanted(atIpv6('IPV6_RECVPKTINFO', IPV6_OPT.RECVPKTINFO), WANT.PKTINFO6),
    wanted(atIpv6('IPV6_RECVHOPLIMIT', IPV6_OPT.RECVHOPLIMIT), WANT.HOPLIMIT),
    wanted(atIpv6('IPV6_RECVTCLASS', IPV6_OPT.RECVTCLASS), WANT.TCLASS),
    groupHops(
      atIpv6('IPV6_MULTICAST_HOPS', IPV6_OPT.MULTICAST_HOPS, 'one value for both families'),
    ),
    intOption<UdpEndpoint>(
      atIpv6('IPV6_MULTICAST_IF', IPV6_OPT.MULTICAST_IF, 'an index; 0: by route'),
      (e) => e.s.multicastIndex,
      (e, index) => setGroupIndex(e, index, -ENODEV),
    ),
    noLoop(atIpv6('IPV6_MULTICAST_LOOP', IPV6_OPT.MULTICAST_LOOP, 'off; on is ENOPROTOOPT')),
    bytesOption<UdpEndpoint>(
      atIpv6('IPV6_ADD_MEMBERSHIP', IPV6_OPT.ADD_MEMBERSHIP, ''),
      null,
      (e, value) => membership6(e, value, true),
    ),
    bytesOption<UdpEndpoint>(
      atIpv6('IPV6_DROP_MEMBERSHIP', IPV6_OPT.DROP_MEMBERSHIP, ''),
      null,
      (e, value) => membership6(e, value, false),
    ),
    refusedOption(atIpv6('IPV6_DONTFRAG', IPV6_OPT.DONTFRAG, 'use IPV6_MTU_DISCOVER')),
    refusedOption(atIpv6('IPV6_PKTINFO', IPV6_OPT.PKTINFO, 'by sendmsg, or bind')),
  ];
}

/** ipv6_mreq: the group and an interface's index. */
function membership6(e: UdpEndpoint, value: Uint8Array, isJoin: boolean): number {
  if (value.length < 20) return -EINVAL;
  const group = new IpAddress();
  group.readV6(new DataView(value.buffer, value.byteOffset, 20), 0);
  if (isV4(group)) return -EINVAL;
  const index = readInt(value.subarray(16, 20))!;
  return isJoin ? e.groups.join(group, index) : e.groups.leave(group, index);
}

function atUdpLevel(): Option[] {
  return [
    refusedOption(atUdp('UDP_CORK', UDP_OPT.CORK, 'one send, one datagram')),
    refusedOption(atUdp('UDP_ENCAP', UDP_OPT.ENCAP, 'no tunnels')),
    refusedOption(atUdp('UDP_SEGMENT', UDP_OPT.SEGMENT, 'one send, one datagram')),
    refusedOption(atUdp('UDP_GRO', UDP_OPT.GRO, 'one receive, one datagram')),
  ];
}

/** Of an AF_INET socket, or of an AF_INET6 one, which has IPv4's too. */
export function udpOptions(domain: number): readonly Option[] {
  const ipv6 = domain === AF.INET6 ? atIpv6Level() : [];
  return [...SOCKET_OPTIONS, ...atSocketLevel(), ...atIpLevel(), ...ipv6, ...atUdpLevel()];
}
