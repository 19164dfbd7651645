/** What sending a packet of another host has in common, whole, cut or as a super-frame. */
import { GSO } from '../link/ring-layout.ts';
import { HEADER_SLOT_BYTES } from '../link/tx-ring.ts';
import { updateChecksum } from '../wire/checksum.ts';
import { ETH_HEADER_LEN } from '../wire/ethernet.ts';
import { IPPROTO } from '../wire/ip-protocol.ts';
import { IPV6_HEADER_LEN } from '../wire/ipv6.ts';
import { ACCEPTED, DROP } from './drops.ts';
import { linkOutput } from './ip-output.ts';
import type { IpPacket } from './ip-packet.ts';
import type { Network } from './network.ts';
import type { Path } from './path-cache.ts';
import { priorityOfTos, TC_PRIO } from './priority.ts';

/** What of a header slot is behind the Ethernet header. */
export const SLOT_ROOM = HEADER_SLOT_BYTES - ETH_HEADER_LEN;
/** There is no transport header where it should be. */
export const NO_PLACE = -1;

/** All of the packet, from its IP header on. */
export function packetLength(pkt: IpPacket): number {
  return pkt.payloadOff + pkt.payloadLen - pkt.headerOff;
}

/** The IP header with its options: IPv6's extension headers count as payload. */
export function ipHeaderLength(pkt: IpPacket): number {
  return pkt.isV4 ? pkt.payloadOff - pkt.headerOff : IPV6_HEADER_LEN;
}

export function isGsoTcp(pkt: IpPacket): boolean {
  const type = (pkt.gso >>> 16) & ~GSO.ECN;
  return type === GSO.TCPV4 || type === GSO.TCPV6;
}

/** Where the transport header begins, counted from the IP header: where the sender said, or at once. */
export function transportStart(pkt: IpPacket): number {
  if (pkt.partial > 0) return pkt.partial >>> 16;
  const isThere = pkt.protocol === IPPROTO.TCP || pkt.protocol === IPPROTO.UDP;
  return isThere ? ipHeaderLength(pkt) : NO_PLACE;
}

/** RFC 1812 §5.3.1, RFC 8200 §3: one less; RFC 1624 §3: the checksum follows. */
export function spendHop(dv: DataView, l3: number, isV4: boolean): void {
  if (!isV4) {
    dv.setUint8(l3 + 7, dv.getUint8(l3 + 7) - 1);
    return;
  }
  const before = dv.getUint16(l3 + 8);
  const after = before - 0x100;
  dv.setUint16(l3 + 8, after);
  dv.setUint16(l3 + 10, updateChecksum(dv.getUint16(l3 + 10), before, after));
}

/** The frame begun, whose headers are in its slot: ACCEPTED or DROP. */
export function finish(
  net: Network,
  pkt: IpPacket,
  path: Path,
  slot: number,
  head: number,
  payloadOff: number,
  payloadLen: number,
  csum: number,
): number {
  const { iface, cast, nextHop } = path;
  const { mib, isV4, chunk } = pkt;
  // As on Linux: IPv4's type of service says, and over IPv6 nothing does.
  net.out.priority = pkt.isV4 ? priorityOfTos(pkt.tos) : TC_PRIO.BESTEFFORT;
  net.out.path = path; // `linkOutput` tells a frame that goes on from a copy to ourselves by it
  const result = linkOutput(
    net,
    iface,
    cast,
    nextHop,
    mib,
    isV4,
    slot,
    head,
    payloadOff,
    payloadLen,
    chunk,
    csum,
  );
  return result === 0 ? ACCEPTED : DROP.FORWARD_NO_ROOM;
}
