/** Control messages of UDP sockets: what a received datagram says beside its bytes, and what a send may ask for. */
import { EINVAL, ENETUNREACH, ENODEV } from '../base/errno.ts';
import { US } from '../base/time.ts';
import type { Datagram } from '../net/datagram-store.ts';
import type { QueuedError } from '../net/error-queue.ts';
import type { Network } from '../net/network.ts';
import { priorityOfTos } from '../net/priority.ts';
import type { UdpSendControl } from '../udp/udp-socket.ts';
import {
  type Address,
  ANY4,
  isLoopback,
  isMulticast,
  isUnspecified,
  isV4,
} from '../wire/address.ts';
import { AF, IP_OPT, IPV6_OPT, SO, SOL } from './abi.ts';
import type { ControlMessage } from './control-message.ts';
import { addNetworkError, unixTime } from './error-message.ts';
import type { Message } from './message.ts';
import { SockAddr } from './sock-addr.ts';

/** What a socket wants to be told with each datagram: bits of `UdpEndpoint.wants`. */
export const WANT = {
  PKTINFO4: 1,
  TTL: 2,
  TOS: 4,
  PKTINFO6: 8,
  HOPLIMIT: 16,
  TCLASS: 32,
  TIMESTAMP: 64,
  TIMESTAMPNS: 128,
  RXQ_OVFL: 256,
} as const;

export interface ReceiveContext {
  readonly net: Network;
  readonly domain: number;
  readonly wants: number;
  /** Unix time of the stack's time 0, in ns. */
  readonly epochNs: number;
  /** Datagrams dropped so far. */
  readonly drops: number;
}

/** In the order Linux writes them. */
export function describeDatagram(m: Message, d: Datagram, c: ReceiveContext): void {
  const { wants } = c;
  if (wants === 0) return;
  addTime(m, d.atNs, c);
  if ((wants & WANT.RXQ_OVFL) !== 0 && c.drops !== 0) {
    m.addControl({ level: SOL.SOCKET, type: SO.RXQ_OVFL, kind: 'int', value: c.drops | 0 });
  }
  const v4 = isV4(d.dst);
  if ((wants & WANT.PKTINFO6) !== 0) {
    const { dst: address, ifaceIndex: ifIndex } = d;
    const copy = new SockAddr().set(AF.INET6, address, 0).address;
    m.addControl({
      level: SOL.IPV6,
      type: IPV6_OPT.PKTINFO,
      kind: 'pktinfo',
      ifIndex,
      address: copy,
      source: copy,
    });
  }
  if (v4) addHeader4(m, d, c);
  else addHeader6(m, d, wants);
}

function addHeader4(m: Message, d: Datagram, c: ReceiveContext): void {
  if ((c.wants & WANT.PKTINFO4) !== 0) {
    const address = new SockAddr().set(AF.INET, d.dst, 0).address;
    const source = replyAddress(c.net, d);
    m.addControl({
      level: SOL.IP,
      type: IP_OPT.PKTINFO,
      kind: 'pktinfo',
      ifIndex: d.ifaceIndex,
      address,
      source,
    });
  }
  if ((c.wants & WANT.TTL) !== 0) m.addControl(int(SOL.IP, IP_OPT.TTL, d.ttl));
  if ((c.wants & WANT.TOS) !== 0) m.addControl(int(SOL.IP, IP_OPT.TOS, d.tos));
}

function addHeader6(m: Message, d: Datagram, wants: number): void {
  if ((wants & WANT.HOPLIMIT) !== 0) m.addControl(int(SOL.IPV6, IPV6_OPT.HOPLIMIT, d.ttl));
  if ((wants & WANT.TCLASS) !== 0) m.addControl(int(SOL.IPV6, IPV6_OPT.TCLASS, d.tos));
}

/** ipi_spec_dst: the address it came to, or, for a group or a broadcast, ours on that interface. */
function replyAddress(net: Network, d: Datagram): Address {
  const isOurs = isLoopback(d.dst) || net.locals.ownerOf(d.dst, d.ifaceIndex) !== null;
  const iface = net.interfaceAt(d.ifaceIndex);
  const address = isOurs ? d.dst : (iface?.firstAddress(true)?.address ?? ANY4);
  return new SockAddr().set(AF.INET, address, 0).address;
}

function int(level: number, type: number, value: number): ControlMessage {
  return { level, type, kind: 'int', value };
}

function addTime(m: Message, atNs: number, c: ReceiveContext): void {
  if ((c.wants & (WANT.TIMESTAMP | WANT.TIMESTAMPNS)) === 0) return;
  const { sec, ns } = unixTime(c.epochNs, atNs);
  const isNs = (c.wants & WANT.TIMESTAMPNS) !== 0;
  m.addControl({
    level: SOL.SOCKET,
    type: isNs ? SO.TIMESTAMPNS : SO.TIMESTAMP,
    kind: 'time',
    sec,
    fraction: isNs ? ns : Math.floor(ns / US),
  });
}

/** A kept error as IP_RECVERR or IPV6_RECVERR, by the socket's family. */
export function describeError(m: Message, e: QueuedError, c: ReceiveContext): void {
  addTime(m, e.atNs, c);
  addNetworkError(m, e, c.domain);
}

/** What the messages of a `sendmsg` ask for. Returns 0, -EINVAL, -ENODEV or -ENETUNREACH. */
export function readSendControl(
  net: Network,
  how: UdpSendControl,
  messages: readonly ControlMessage[],
): number {
  how.reset();
  for (const m of messages) {
    const result = readOne(net, how, m);
    if (result !== 0) return result;
  }
  return 0;
}

function readOne(net: Network, how: UdpSendControl, m: ControlMessage): number {
  if (m.level === SOL.SOCKET) {
    if (m.type !== SO.PRIORITY || m.kind !== 'int') return -EINVAL;
    how.setPriority(m.value & 0x7fffffff);
    return 0;
  }
  if (m.level !== SOL.IP && m.level !== SOL.IPV6) return m.level === SOL.UDP ? -EINVAL : 0;
  if (m.kind === 'pktinfo') {
    return readPktinfo(net, how, m.ifIndex, m.source, m.level === SOL.IP ? -ENETUNREACH : -EINVAL);
  }
  if (m.kind !== 'int') return -EINVAL;
  const isIp = m.level === SOL.IP;
  if (m.type === (isIp ? IP_OPT.TTL : IPV6_OPT.HOPLIMIT)) {
    if (!isIp && m.value === -1) return 0;
    if (m.value < 1 || m.value > 255) return -EINVAL;
    how.setTtl(m.value);
    return 0;
  }
  if (m.type === (isIp ? IP_OPT.TOS : IPV6_OPT.TCLASS)) {
    if (!isIp && m.value === -1) return 0;
    if (m.value < 0 || m.value > 255) return -EINVAL;
    how.setTos(m.value);
    if (isIp) how.setPriority(priorityOfTos(m.value));
    return 0;
  }
  return -EINVAL;
}

/** @param foreign The errno of a source that is not ours. */
function readPktinfo(
  net: Network,
  how: UdpSendControl,
  ifIndex: number,
  source: Address,
  foreign: number,
): number {
  if (ifIndex !== 0 && net.interfaceAt(ifIndex) === null) return -ENODEV;
  if (!isUnspecified(source)) {
    const entry = net.locals.entryOf(source, ifIndex);
    const isOurs = entry !== null ? entry.state === 'preferred' : isLoopback(source);
    if (!isOurs || isMulticast(source)) return foreign;
  }
  how.setSource(source, ifIndex);
  return 0;
}
