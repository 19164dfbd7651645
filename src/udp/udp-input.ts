/** Datagrams in: RFC 768, RFC 1122 §4.1.3, RFC 8200 §8.1. */
import { EMSGSIZE } from '../base/errno.ts';
import { NOT_FOUND } from '../base/word-table.ts';
import { GSO } from '../link/ring-layout.ts';
import { ACCEPTED, DROP } from '../net/drops.ts';
import { sendUnreachable4, sendUnreachable6 } from '../net/icmp-error.ts';
import { CAST, CSUM, type IpPacket } from '../net/ip-packet.ts';
import { UDP, type UdpMib } from '../net/mib.ts';
import type { Network } from '../net/network.ts';
import { PMTUDISC } from '../net/out-packet.ts';
import { checksumIsGood } from '../net/payload-checksum.ts';
import type { NetworkError, QuotedPacket } from '../net/transport.ts';
import { addressEquals, isUnspecified, isV4 } from '../wire/address.ts';
import { UNREACH4, UNREACH6 } from '../wire/icmp.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { pseudoHeaderSum } from '../wire/pseudo-header.ts';
import { UDP_HEADER_LEN, udpChecksum, udpDstPort, udpLen, udpSrcPort } from '../wire/udp.ts';
import type { Udp } from './udp.ts';
import { speaks } from './udp-bindings.ts';
import { READY, type UdpSocket } from './udp-socket.ts';

export function udpInput(udp: Udp, pkt: IpPacket): number {
  const { net } = udp;
  const mib = pkt.isV4 ? net.mib.udp4 : net.mib.udp6;
  const bad = checkDatagram(net, pkt, mib);
  if (bad !== 0) return bad;
  const { dv } = net.env.memory.slab;
  const srcPort = udpSrcPort(dv, pkt.payloadOff);
  const dstPort = udpDstPort(dv, pkt.payloadOff);
  const { boot } = pkt.iface;
  if (boot !== null && dstPort === boot.port && pkt.isV4) {
    mib.count(UDP.InDatagrams);
    return boot.input(pkt);
  }
  if (pkt.cast !== CAST.UNICAST) return toAll(udp, pkt, srcPort, dstPort, mib);
  const index = udp.demux.lookup(pkt.dst, dstPort, pkt.src, srcPort, net.arrivedOn(pkt));
  if (index === NOT_FOUND) return noPort(net, pkt, mib);
  return queueDatagrams(udp, udp.socketAt(index)!, pkt, srcPort, mib);
}

/** What is sent to a group, or broadcast, is for every socket that it matches, as on Linux. */
function toAll(udp: Udp, pkt: IpPacket, srcPort: number, dstPort: number, mib: UdpMib): number {
  const { net } = udp;
  const ifaceIndex = net.arrivedOn(pkt);
  const holders = udp.bindings.holdersOf(dstPort);
  let fate: number = DROP.UDP_NO_PORT;
  for (let i = 0; i < holders.length; i++) {
    const s = holders[i]!;
    if (!isFor(s, pkt, srcPort, ifaceIndex)) continue;
    const result = queueDatagrams(udp, s, pkt, srcPort, mib);
    if (fate !== ACCEPTED) fate = result;
  }
  return fate === DROP.UDP_NO_PORT ? noPort(net, pkt, mib) : fate;
}

function isFor(s: UdpSocket, pkt: IpPacket, srcPort: number, ifaceIndex: number): boolean {
  if (s.boundIndex !== 0 && s.boundIndex !== ifaceIndex) return false;
  if (s.isConnected && (s.remotePort !== srcPort || !addressEquals(s.remote, pkt.src)))
    return false;
  const isAddressed =
    addressEquals(s.local, pkt.dst) ||
    (isUnspecified(s.local) && speaks(s.family, s.local, pkt.isV4));
  return (
    isAddressed && (pkt.cast !== CAST.MULTICAST || s.groups.admits(pkt.dst, pkt.src, ifaceIndex))
  );
}

function checkDatagram(net: Network, pkt: IpPacket, mib: UdpMib): number {
  const { dv } = net.env.memory.slab;
  if (pkt.payloadLen < UDP_HEADER_LEN) {
    mib.count(UDP.InErrors);
    return DROP.UDP_TRUNCATED;
  }
  const len = udpLen(dv, pkt.payloadOff);
  if (len < UDP_HEADER_LEN || len > pkt.payloadLen) {
    mib.count(UDP.InErrors);
    return DROP.UDP_TRUNCATED;
  }
  if (len !== pkt.payloadLen) {
    // What follows the datagram inside the IP packet is not its own: the sum known covers too much.
    pkt.payloadLen = len;
    if (pkt.csum === CSUM.SUMMED) pkt.csum = CSUM.UNKNOWN;
  }
  // RFC 768: zero says there is no checksum. RFC 8200 §8.1: IPv6 must have one.
  const hasNone = udpChecksum(dv, pkt.payloadOff) === 0;
  const isGood = hasNone
    ? pkt.isV4
    : checksumIsGood(net, pkt, pseudoHeaderSum(pkt.src, pkt.dst, IPPROTO.UDP, len));
  if (isGood) return 0;
  mib.count(UDP.InCsumErrors);
  mib.count(UDP.InErrors);
  return DROP.UDP_BAD_CHECKSUM;
}

/** RFC 1122 §4.1.3.1: port unreachable, but never about a group's datagram. */
function noPort(net: Network, pkt: IpPacket, mib: UdpMib): number {
  if (pkt.cast !== CAST.UNICAST) {
    mib.count(UDP.IgnoredMulti);
    return DROP.UDP_NO_PORT;
  }
  mib.count(UDP.NoPorts);
  if (pkt.isV4) sendUnreachable4(net, pkt, UNREACH4.PORT);
  else sendUnreachable6(net, pkt, UNREACH6.PORT);
  return DROP.UDP_NO_PORT;
}

/** One datagram; or, in a super-frame, several of the same size (the last may be shorter). */
function queueDatagrams(
  udp: Udp,
  s: UdpSocket,
  pkt: IpPacket,
  srcPort: number,
  mib: UdpMib,
): number {
  const data = pkt.payloadLen - UDP_HEADER_LEN;
  const at = pkt.payloadOff + UDP_HEADER_LEN;
  const isSuper = pkt.gso >>> 16 === GSO.UDP_L4 && !pkt.wasFragmented;
  const size = isSuper ? pkt.gso & 0xffff : data;
  let fate = ACCEPTED;
  let done = 0;
  do {
    const len = size > 0 ? Math.min(size, data - done) : data;
    const result = queueOne(udp, s, pkt, at + done, len, srcPort, mib);
    if (result !== ACCEPTED) fate = result;
    done += Math.max(len, 1);
  } while (done < data);
  return fate;
}

function queueOne(
  udp: Udp,
  s: UdpSocket,
  pkt: IpPacket,
  off: number,
  len: number,
  srcPort: number,
  mib: UdpMib,
): number {
  const { net } = udp;
  // As on Linux a queue may pass its limit by one datagram, so that a large one fits a small buffer.
  if (s.queue.chargedBytes > s.rcvbufBytes) {
    s.droppedFull++;
    mib.count(UDP.RcvbufErrors);
    mib.count(UDP.InErrors);
    return DROP.UDP_RCVBUF;
  }
  if (!net.datagrams.put(s.queue, pkt, net.arrivedOn(pkt), off, len, srcPort)) {
    s.droppedNoMemory++;
    mib.count(UDP.MemErrors);
    mib.count(UDP.InErrors);
    return DROP.UDP_NO_MEMORY;
  }
  mib.count(UDP.InDatagrams);
  udp.ready.mark(s.readyMark, READY.IN);
  return ACCEPTED;
}

/**
 * An ICMP error about a datagram of ours. As on Linux only a connected socket is told, and only of
 * what is final (RFC 1122 §4.1.3.3 asks that the application can learn of it).
 */
export function udpError(udp: Udp, quote: QuotedPacket, why: NetworkError): boolean {
  const { dv } = udp.net.env.memory.slab;
  const remotePort = udpDstPort(dv, quote.off);
  const index = udpSenderOf(udp, quote);
  if (index === NOT_FOUND) return false;
  const s = udp.socketAt(index)!;
  if (isV4(quote.src) ? s.wantsErrors4 : s.wantsErrors6) {
    udp.queueError(s, quote, why, remotePort);
    return true;
  }
  // Whoever asked for path MTU discovery has to learn that his datagram was too big (RFC 1122 §3.3.3).
  const isTooBig = why.errno === EMSGSIZE && s.pmtuDiscovery !== PMTUDISC.DONT;
  if (s.isConnected && (why.isHard || isTooBig)) udp.setError(s, why.errno);
  return true;
}

/** The socket that may have sent it: its index, or NOT_FOUND. */
export function udpSenderOf(udp: Udp, quote: QuotedPacket): number {
  const { dv } = udp.net.env.memory.slab;
  const localPort = udpSrcPort(dv, quote.off);
  const remotePort = udpDstPort(dv, quote.off);
  return udp.demux.lookup(quote.src, localPort, quote.dst, remotePort, quote.ifaceIndex);
}
