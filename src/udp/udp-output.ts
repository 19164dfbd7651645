/** Datagrams out: RFC 768, RFC 1122 §4.1. */
import { NO_BLOCK } from '../base/block-pool.ts';
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
} from '../base/errno.ts';
import { ipOutput, usableMtu } from '../net/ip-output.ts';
import { CAST } from '../net/ip-packet.ts';
import { UDP } from '../net/mib.ts';
import type { Network } from '../net/network.ts';
import { whyNoPath } from '../net/no-path.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import type { Path } from '../net/path-cache.ts';
import {
  type Address,
  isLimitedBroadcast,
  isLinkLocal6,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
  LOOPBACK4,
  LOOPBACK6,
} from '../wire/address.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_HEADER_LEN } from '../wire/ipv4.ts';
import { UDP_CHECKSUM, UDP_HEADER_LEN, writeUdp } from '../wire/udp.ts';
import type { Udp } from './udp.ts';
import type { UdpSendControl, UdpSocket } from './udp-socket.ts';

const MAX_LEN = 65535;

/**
 * Sends one datagram; the socket is bound. Returns the number of bytes, or -errno: -EAGAIN when the
 * device has no room now (the socket becomes ready for output when it has). As on Linux a pending error
 * is reported once nothing is wrong with the call itself.
 */
export function udpSendTo(
  udp: Udp,
  s: UdpSocket,
  data: Uint8Array,
  destination: Address,
  port: number,
  scopeIndex: number,
  how: Readonly<UdpSendControl>,
): number {
  const { net } = udp;
  if (data.length > MAX_LEN) return -EMSGSIZE;
  if (port < 1 || port > 65535) return -EINVAL;
  const to = effectiveDestination(s, destination);
  const refused = checkFamilies(s, to);
  if (refused !== 0) return refused;
  const iface = interfaceFor(net, s, to, scopeIndex, how);
  if (iface < 0) return iface;
  if (isLinkLocal6(to) && iface === 0) return -EINVAL; // which link? (RFC 4007 §6)
  const path = net.pathTo(to, iface);
  if (path === null) return whyNoPath(net, to, iface);
  const source = isUnspecified(how.source) ? sourceFor(net, s, path) : how.source;
  const wrong = checkPath(s, path, source);
  if (wrong !== 0) return wrong;
  if (s.sourceSeenAt !== net.routes.generation && !isStillOurs(udp, s)) return -ENETUNREACH;
  const len = UDP_HEADER_LEN + data.length;
  if (len + (isV4(to) ? IPV4_HEADER_LEN : 0) > MAX_LEN) return -EMSGSIZE;
  describe(udp, s, path, source, data.length, how);
  if (exceedsMtu(udp, data.length)) return -EMSGSIZE;
  const pending = udp.takeError(s);
  if (pending !== 0) return -pending;
  const at = data.length === 0 ? 0 : net.reserve(path.iface, data.length);
  if (at < 0) return unsent(udp, s, at);
  net.env.memory.slab.u8.set(data, at);
  net.out.payloadOff = at;
  writeUdp(net.env.memory.slab.dv, net.transportHeader, s.localPort, port, len, 0);
  const result = ipOutput(net);
  if (result < 0) return unsent(udp, s, result);
  (isV4(to) ? net.mib.udp4 : net.mib.udp6).count(UDP.OutDatagrams);
  return data.length;
}

/**
 * The interface that the call names, or the socket's; 0 = by route. As on Linux the two must agree over IPv6 (-EINVAL),
 * and over IPv4 the call's counts.
 */
function interfaceFor(
  net: Network,
  s: UdpSocket,
  to: Address,
  scopeIndex: number,
  how: Readonly<UdpSendControl>,
): number {
  const asked = how.ifaceIndex !== 0 ? how.ifaceIndex : scopeIndex;
  if (!isV4(to)) {
    const isOdd = scopeIndex !== 0 && scopeIndex !== asked;
    if (isOdd || (asked !== 0 && s.boundIndex !== 0 && asked !== s.boundIndex)) return -EINVAL;
  }
  if (asked !== 0) return asked;
  return s.boundIndex !== 0 ? s.boundIndex : wishedInterface(net, s, to, how.source);
}

/**
 * Of a socket that is not tied to one: where groups go, where the rest goes (IP_UNICAST_IF); and with no wish, as on
 * Linux, groups and broadcasts of IPv4 leave by the interface that has their source.
 */
export function wishedInterface(net: Network, s: UdpSocket, to: Address, from: Address): number {
  const v4 = isV4(to);
  const isGroup = isMulticast(to);
  const wished = isGroup ? s.multicastIndex : v4 ? s.unicastIndex4 : s.unicastIndex6;
  if (wished !== 0 || !v4 || !(isGroup || isLimitedBroadcast(to))) return wished;
  const source = isUnspecified(from) && !s.isGroupBound ? s.local : from;
  return isUnspecified(source) ? 0 : (net.locals.ownerOf(source, 0)?.index ?? 0);
}

/** As on Linux, the unspecified address as a destination means this host. */
export function effectiveDestination(s: UdpSocket, a: Address): Address {
  if (!isUnspecified(a)) return a;
  return isV4(a) || (isV4(s.local) && !isUnspecified(s.local)) ? LOOPBACK4 : LOOPBACK6;
}

/** Whether the socket, bound as it is, can speak to an address of this family. */
export function checkFamilies(s: UdpSocket, to: Address): number {
  const v4 = isV4(to);
  if (s.family === 'ipv4' && !v4) return -EAFNOSUPPORT;
  if (s.family === 'ipv6' && v4) return -ENETUNREACH;
  // Linux has a different errno for each way round.
  if (isUnspecified(s.local) || isV4(s.local) === v4) return 0;
  return v4 ? -ENETUNREACH : -EAFNOSUPPORT;
}

/** The address to send from: what the socket is bound to, if packets can come from there. */
export function sourceFor(net: Network, s: UdpSocket, path: Path): Address {
  if (!isUnspecified(s.local) && !s.isGroupBound) return s.local;
  return net.sources.towards(path, s.sourcePreference);
}

export function checkPath(s: UdpSocket, path: Path, source: Address): number {
  if (path.cast === CAST.BROADCAST && !s.isBroadcastAllowed) return -EACCES;
  if (isUnspecified(source)) return -EADDRNOTAVAIL;
  // RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3: never outside a host.
  return isLoopback(source) && !path.iface.isLoopback ? -EINVAL : 0;
}

/**
 * The address a socket is bound to may have gone since. Looked at once after each change of addresses or
 * routes; as on Linux (over IPv4) there is no way from an address that is not ours.
 */
function isStillOurs(udp: Udp, s: UdpSocket): boolean {
  const { net } = udp;
  const isChosen = isUnspecified(s.local) || s.isGroupBound || isLoopback(s.local);
  const entry = isChosen ? null : net.locals.entryOf(s.local, s.boundIndex);
  if (!isChosen && (entry === null || entry.state !== 'preferred')) return false;
  s.sourceSeenAt = net.routes.generation;
  return true;
}

function describe(
  udp: Udp,
  s: UdpSocket,
  path: Path,
  source: Address,
  len: number,
  how: Readonly<UdpSendControl>,
): void {
  const { net } = udp;
  const o = net.out;
  const v4 = isV4(path.destination);
  const unicastTtl = s.ttl !== 0 ? s.ttl : v4 ? net.config.ttl4 : path.iface.hopLimit(net.config);
  o.path = path;
  o.src.copy(source);
  o.protocol = IPPROTO.UDP;
  o.ttl = path.cast === CAST.MULTICAST ? s.multicastTtl : unicastTtl;
  if (how.ttl !== 0) o.ttl = how.ttl;
  o.isLooped = s.isMulticastLooped;
  o.tos = how.tos >= 0 ? how.tos : s.tos;
  o.priority = how.priority >= 0 ? how.priority : s.priority;
  o.pmtuDiscovery = s.pmtuDiscovery;
  o.transportLen = UDP_HEADER_LEN;
  o.payloadLen = len;
  o.chunk = NO_BLOCK;
  o.checksumAt = s.isChecksumOff && v4 ? -1 : UDP_CHECKSUM;
}

/** Asked before the payload is copied, so that a refusal costs nothing. */
function exceedsMtu(udp: Udp, len: number): boolean {
  const o = udp.net.out;
  if (o.pmtuDiscovery !== PMTUDISC.DO && o.pmtuDiscovery !== PMTUDISC.PROBE) return false;
  const header = isV4(o.path.destination) ? IPV4_HEADER_LEN : 40;
  return header + UDP_HEADER_LEN + len > usableMtu(udp.net, o);
}

function unsent(udp: Udp, s: UdpSocket, why: number): number {
  const { mib, out } = udp.net;
  if (why === -EMSGSIZE) return why;
  (isV4(out.path.destination) ? mib.udp4 : mib.udp6).count(UDP.SndbufErrors);
  if (why === -EAGAIN) udp.refused.add(s, out.path.iface.device.tx);
  return why;
}
