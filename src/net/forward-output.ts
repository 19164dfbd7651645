/**
 * A packet of another host goes out. Its bytes stay where they came in: the ring holds their chunk, and only
 * the headers are copied, into the header slot, where the TTL is one less (RFC 1624 mends the checksum).
 * A checksum that its sender left to a device is left to ours, or completed; a super-frame goes on
 * as one where our device takes it, and is cut to segments where not (`segment.ts`).
 */
import { foldChecksum, sumBytes } from '../wire/checksum.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV4_MF, IPV4_OFFSET_MASK, ipv4Frag } from '../wire/ipv4.ts';
import { TCP_CHECKSUM } from '../wire/tcp.ts';
import { UDP_CHECKSUM } from '../wire/udp.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { hasRoom } from './ip-output.ts';
import { type IpPacket, NOT_PARTIAL } from './ip-packet.ts';
import { blankUncopiedOptions } from './ipv4-options.ts';
import { IP } from './mib.ts';
import type { Network } from './network.ts';
import type { Path } from './path-cache.ts';
import { sumPayload } from './payload-checksum.ts';
import { segmentHeaderLen, sendSegments, sendSuper } from './segment.ts';
import {
  finish,
  ipHeaderLength,
  NO_PLACE,
  packetLength,
  SLOT_ROOM,
  spendHop,
  transportStart,
} from './transit.ts';

/** `mtu`: of the link. A super-frame's segments fit it, or may be made smaller; others may be cut. */
export function sendTransit(net: Network, pkt: IpPacket, path: Path, mtu: number): number {
  if (path.iface.isDropping) {
    pkt.mib.count(IP.OutDiscards); // a loss on the way, like any other
    return DROP.FORWARD_NO_ROOM;
  }
  const fate = dispatch(net, pkt, path, mtu);
  pkt.mib.count(fate === ACCEPTED ? IP.OutForwDatagrams : IP.OutDiscards);
  return fate;
}

function dispatch(net: Network, pkt: IpPacket, path: Path, mtu: number): number {
  if (pkt.gso !== 0) {
    const fate = sendSuper(net, pkt, path, mtu);
    return fate === NO_PLACE ? sendSegments(net, pkt, path, mtu) : fate;
  }
  return packetLength(pkt) > mtu ? sendFragments(net, pkt, path, mtu) : sendWhole(net, pkt, path);
}

/** The largest packet that this is on a wire: of a super-frame, a segment. */
export function wireLength(net: Network, pkt: IpPacket): number {
  const length = packetLength(pkt);
  if (pkt.gso === 0) return length;
  return Math.min(length, segmentHeaderLen(net, pkt) + (pkt.gso & 0xffff));
}

/** An unfinished checksum: start << 16 | offset from the IP header; 0: none; NO_PLACE: it cannot be found. */
function partialChecksum(pkt: IpPacket): number {
  if (pkt.partial === NOT_PARTIAL) return 0;
  if (pkt.partial > 0) return pkt.partial;
  const start = transportStart(pkt);
  if (start === NO_PLACE) return NO_PLACE;
  return (start << 16) | (pkt.protocol === IPPROTO.TCP ? TCP_CHECKSUM : UDP_CHECKSUM);
}

/** What the field gets: it holds the pseudo-header's sum, and is summed with the rest. */
function completedChecksum(net: Network, pkt: IpPacket, start: number): number {
  const { memory } = net.env;
  const len = packetLength(pkt) - start;
  const check = foldChecksum(sumPayload(memory, pkt.headerOff + start, len));
  return check === 0 ? 0xffff : check;
}

function sendWhole(net: Network, pkt: IpPacket, path: Path): number {
  const { iface } = path;
  const { device } = iface;
  const { slab } = net.env.memory;
  const csum = partialChecksum(pkt);
  const head = csum > 0 ? (csum >>> 16) + (csum & 0xffff) + 2 : ipHeaderLength(pkt);
  const length = packetLength(pkt);
  if (csum === NO_PLACE || head > SLOT_ROOM || head > length) return DROP.FORWARD_HEADERS;
  if (!hasRoom(device, 1)) return DROP.FORWARD_NO_ROOM;
  const slot = device.tx.begin();
  const l3 = slot + ETH_HEADER_LEN;
  slab.u8.copyWithin(l3, pkt.headerOff, pkt.headerOff + head);
  spendHop(slab.dv, l3, pkt.isV4);
  let left = csum;
  if (csum > 0 && !device.caps.txChecksum) {
    const start = csum >>> 16;
    slab.dv.setUint16(l3 + start + (csum & 0xffff), completedChecksum(net, pkt, start));
    left = 0;
  }
  return finish(net, pkt, path, slot, head, pkt.headerOff + head, length - head, left);
}

/** RFC 791 §3.2, RFC 1812 §5.2.6: of an IPv4 packet without DF, which may be a fragment itself. */
function sendFragments(net: Network, pkt: IpPacket, path: Path, mtu: number): number {
  const headerLen = ipHeaderLength(pkt);
  const share = (mtu - headerLen) & ~7;
  const length = pkt.payloadLen;
  const csum = partialChecksum(pkt);
  const firstHead = csum > 0 ? (csum >>> 16) + (csum & 0xffff) + 2 : headerLen;
  const isOdd = csum === NO_PLACE || firstHead > SLOT_ROOM || firstHead > headerLen + share;
  const pieces = Math.ceil(length / share);
  const { tx } = path.iface.device;
  if (isOdd || share < 8 || pieces > tx.capacity) {
    pkt.mib.count(IP.FragFails);
    return DROP.FORWARD_HEADERS;
  }
  if (!hasRoom(path.iface.device, pieces)) return DROP.FORWARD_NO_ROOM;
  let fate = ACCEPTED;
  for (let at = 0; at < length && fate === ACCEPTED; at += share) {
    const head = at === 0 ? firstHead : headerLen;
    fate = sendFragment(net, pkt, path, at, Math.min(share, length - at), head, csum);
    if (fate === ACCEPTED) pkt.mib.count(IP.FragCreates);
  }
  pkt.mib.count(fate === ACCEPTED ? IP.FragOKs : IP.FragFails);
  return fate;
}

function sendFragment(
  net: Network,
  pkt: IpPacket,
  path: Path,
  at: number,
  len: number,
  head: number,
  csum: number,
): number {
  const { slab } = net.env.memory;
  const { dv } = slab;
  const headerLen = ipHeaderLength(pkt);
  const slot = path.iface.device.tx.begin();
  if (slot < 0) return DROP.FORWARD_NO_ROOM;
  const l3 = slot + ETH_HEADER_LEN;
  slab.u8.copyWithin(l3, pkt.headerOff, pkt.headerOff + head);
  const frag = ipv4Frag(dv, l3);
  const isLast = at + len === pkt.payloadLen;
  const more = isLast ? frag & IPV4_MF : IPV4_MF;
  dv.setUint16(l3 + 2, headerLen + len);
  dv.setUint16(l3 + 6, ((frag & IPV4_OFFSET_MASK) + (at >>> 3)) | more);
  dv.setUint8(l3 + 8, pkt.ttl - 1);
  if (at > 0) blankUncopiedOptions(slab, l3, headerLen);
  dv.setUint16(l3 + 10, 0);
  dv.setUint16(l3 + 10, foldChecksum(sumBytes(dv, l3, headerLen, 0)));
  if (at === 0 && csum > 0) {
    const start = csum >>> 16;
    dv.setUint16(l3 + start + (csum & 0xffff), completedChecksum(net, pkt, start));
  }
  const done = head - headerLen;
  return finish(net, pkt, path, slot, head, pkt.payloadOff + at + done, len - done, 0);
}
