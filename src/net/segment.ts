/**
 * Super-frames of other hosts: on as they are to a device that segments, else cut here, as the hardware
 * would. Each segment is headers of its own in a slot and a run of the bytes received.
 */

import type { DeviceCaps } from '../link/device.ts';
import { GSO } from '../link/ring-layout.ts';
import { addSum, foldChecksum, foldSum, sumBytes } from '../wire/checksum.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_MF, IPV4_OFFSET_MASK, ipv4Frag, ipv4Id } from '../wire/ipv4.ts';
import { pseudoHeaderSum } from '../wire/pseudo-header.ts';
import {
  TCP_CHECKSUM,
  TCP_FLAG,
  TCP_FLAGS,
  TCP_HEADER_LEN,
  TCP_SEQ,
  tcpDataOffset,
} from '../wire/tcp.ts';
import { UDP_CHECKSUM, UDP_HEADER_LEN } from '../wire/udp.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { hasRoom } from './ip-output.ts';
import { CSUM, type IpPacket } from './ip-packet.ts';
import type { Network } from './network.ts';
import type { Path } from './path-cache.ts';
import { sumPayload } from './payload-checksum.ts';
import {
  finish,
  ipHeaderLength,
  isGsoTcp,
  NO_PLACE,
  packetLength,
  SLOT_ROOM,
  spendHop,
  transportStart,
} from './transit.ts';

/** IP and transport header of each segment; NO_PLACE when they cannot be found. */
export function segmentHeaderLen(net: Network, pkt: IpPacket): number {
  const start = transportStart(pkt);
  if (start === NO_PLACE) return NO_PLACE;
  const { dv } = net.env.memory.slab;
  const isTcp = isGsoTcp(pkt);
  const least = isTcp ? TCP_HEADER_LEN : UDP_HEADER_LEN;
  const room = Math.min(SLOT_ROOM, packetLength(pkt));
  if (start + least > room) return NO_PLACE;
  const len = isTcp ? tcpDataOffset(dv, pkt.headerOff + start) : UDP_HEADER_LEN;
  return len < least || start + len > room ? NO_PLACE : start + len;
}

/**
 * What is longer than its device carries was merged by one that did not say so (AF_PACKET without vnet headers):
 * TCP's is a super-frame, of segments as large as its link's. Whoever merges verifies, and says that: a segment gets
 * a checksum of its own, which would bless bytes that nobody has vouched for. All else is an ordinary packet.
 */
export function recogniseMerged(net: Network, pkt: IpPacket): void {
  const { device, vlan } = pkt.iface;
  const carried = vlan === null ? device.mtu : vlan.lower.mtu;
  if (pkt.gso !== 0 || packetLength(pkt) <= carried || pkt.protocol !== IPPROTO.TCP) return;
  if (pkt.csum !== CSUM.TRUSTED || isPiece(net, pkt)) return;
  pkt.gso = (pkt.isV4 ? GSO.TCPV4 : GSO.TCPV6) << 16;
  const head = segmentHeaderLen(net, pkt);
  pkt.gso = head === NO_PLACE ? 0 : pkt.gso | (device.mtu - head);
}

/** A fragment begins with no TCP header, or has not all of its text. IPv6's have another protocol. */
function isPiece(net: Network, pkt: IpPacket): boolean {
  if (!pkt.isV4) return false;
  const frag = ipv4Frag(net.env.memory.slab.dv, pkt.headerOff);
  return (frag & (IPV4_MF | IPV4_OFFSET_MASK)) !== 0;
}

/** In one piece; NO_PLACE when the device, the way, or the neighbour does not allow it. */
export function sendSuper(net: Network, pkt: IpPacket, path: Path, mtu: number): number {
  const { iface } = path;
  const { device } = iface;
  const size = pkt.gso & 0xffff;
  const head = segmentHeaderLen(net, pkt);
  const length = packetLength(pkt);
  const fits = head + size <= mtu && length + ETH_HEADER_LEN <= device.caps.maxFrame;
  if (head === NO_PLACE || !fits || !takes(device.caps, pkt.gso >>> 16)) return NO_PLACE;
  const n = iface.neighbours.find(path.nextHop);
  if (n === null || !n.isUsable()) return NO_PLACE; // what waits is kept in segments
  if (!hasRoom(device, 1)) return DROP.FORWARD_NO_ROOM;
  const { slab } = net.env.memory;
  const start = transportStart(pkt);
  const slot = device.tx.begin();
  const l3 = slot + ETH_HEADER_LEN;
  slab.u8.copyWithin(l3, pkt.headerOff, pkt.headerOff + head);
  spendHop(slab.dv, l3, pkt.isV4);
  const at = isGsoTcp(pkt) ? TCP_CHECKSUM : UDP_CHECKSUM;
  slab.dv.setUint16(l3 + start + at, foldSum(pseudoSum(pkt, length - start)));
  device.tx.setGso(pkt.gso >>> 16, size, ETH_HEADER_LEN + head);
  const csum = (start << 16) | at;
  return finish(net, pkt, path, slot, head, pkt.headerOff + head, length - head, csum);
}

function takes(caps: DeviceCaps, type: number): boolean {
  if (!caps.txChecksum || ((type & GSO.ECN) !== 0 && !caps.tsoEcn)) return false;
  switch (type & ~GSO.ECN) {
    case GSO.TCPV4:
      return caps.tso4;
    case GSO.TCPV6:
      return caps.tso6;
    default:
      return caps.uso;
  }
}

/** In segments of what the sender wanted, or of what fits: TCP's text may be cut anywhere. */
export function sendSegments(net: Network, pkt: IpPacket, path: Path, mtu: number): number {
  const head = segmentHeaderLen(net, pkt);
  const size = Math.min(pkt.gso & 0xffff, mtu - head);
  if (head === NO_PLACE || size <= 0) return DROP.FORWARD_HEADERS;
  const text = packetLength(pkt) - head;
  const pieces = Math.max(1, Math.ceil(text / size));
  if (!hasRoom(path.iface.device, pieces)) return DROP.FORWARD_NO_ROOM;
  let fate = ACCEPTED;
  for (let i = 0; i < pieces && fate === ACCEPTED; i++) {
    const at = i * size;
    fate = sendSegment(net, pkt, path, head, at, Math.min(size, text - at), i);
  }
  return fate;
}

function sendSegment(
  net: Network,
  pkt: IpPacket,
  path: Path,
  head: number,
  at: number,
  len: number,
  index: number,
): number {
  const { device } = path.iface;
  const { slab } = net.env.memory;
  const slot = device.tx.begin();
  if (slot < 0) return DROP.FORWARD_NO_ROOM;
  const l3 = slot + ETH_HEADER_LEN;
  const from = pkt.headerOff + head + at;
  slab.u8.copyWithin(l3, pkt.headerOff, pkt.headerOff + head);
  writeIpLength(slab.dv, pkt, l3, head + len, index);
  const start = transportStart(pkt);
  const l4 = l3 + start;
  const isTcp = isGsoTcp(pkt);
  if (isTcp) writeTcpPart(slab.dv, l4, at, from + len === pkt.headerOff + packetLength(pkt));
  else slab.dv.setUint16(l4 + 4, UDP_HEADER_LEN + len);
  const field = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const pseudo = pseudoSum(pkt, head - start + len);
  let csum = (start << 16) | field;
  if (device.caps.txChecksum) slab.dv.setUint16(l4 + field, foldSum(pseudo));
  else {
    slab.dv.setUint16(l4 + field, 0);
    const headers = sumBytes(slab.dv, l4, head - start, pseudo);
    const check = foldChecksum(addSum(headers, sumPayload(net.env.memory, from, len)));
    slab.dv.setUint16(l4 + field, check === 0 ? 0xffff : check);
    csum = 0;
  }
  return finish(net, pkt, path, slot, head, from, len, csum);
}

/** Each segment's length and, in IPv4, an identification of its own; one hop less. */
function writeIpLength(
  dv: DataView,
  pkt: IpPacket,
  l3: number,
  length: number,
  index: number,
): void {
  const headerLen = ipHeaderLength(pkt);
  if (!pkt.isV4) {
    dv.setUint16(l3 + 4, length - headerLen);
    dv.setUint8(l3 + 7, pkt.ttl - 1);
    return;
  }
  dv.setUint16(l3 + 2, length);
  dv.setUint16(l3 + 4, (ipv4Id(dv, l3) + index) & 0xffff);
  dv.setUint8(l3 + 8, pkt.ttl - 1);
  dv.setUint16(l3 + 10, 0);
  dv.setUint16(l3 + 10, foldChecksum(sumBytes(dv, l3, headerLen, 0)));
}

/** FIN and PSH are for the last, CWR for the first (RFC 3168 §6.1.2). */
function writeTcpPart(dv: DataView, l4: number, at: number, isLast: boolean): void {
  dv.setInt32(l4 + TCP_SEQ, (dv.getInt32(l4 + TCP_SEQ) + at) | 0);
  let flags = dv.getUint8(l4 + TCP_FLAGS);
  if (!isLast) flags &= ~(TCP_FLAG.FIN | TCP_FLAG.PSH);
  if (at > 0) flags &= ~TCP_FLAG.CWR;
  dv.setUint8(l4 + TCP_FLAGS, flags);
}

function pseudoSum(pkt: IpPacket, length: number): number {
  const protocol = isGsoTcp(pkt) ? IPPROTO.TCP : IPPROTO.UDP;
  return pseudoHeaderSum(pkt.src, pkt.dst, protocol, length);
}
