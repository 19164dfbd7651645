import { NO_BLOCK } from '../base/block-pool.ts';
import { IpAddress } from '../wire/address.ts';
import type { Interface } from './interface.ts';
import type { IpMib } from './mib.ts';

/** What is known of the checksum over the transport's bytes. */
export const CSUM = {
  /** Nothing: it must be added up. */
  UNKNOWN: 0,
  /** The device vouches for it, or the sender left it out on trusted memory. */
  TRUSTED: 1,
  /** `payloadSum` is the one's-complement sum of the payload. */
  SUMMED: 2,
} as const;

/** `IpPacket.partial`: the checksum is on the wire. */
export const NOT_PARTIAL = -1;

/** To whom a packet is addressed. */
export const CAST = { UNICAST: 0, MULTICAST: 1, BROADCAST: 2 } as const;

/**
 * The packet being received: one scratch object per network, refilled for each.
 * Borrowed: nothing that points here may be kept beyond the call it was given to.
 */
export class IpPacket {
  iface!: Interface;
  mib!: IpMib;
  isV4 = false;
  readonly src = new IpAddress();
  readonly dst = new IpAddress();
  /** One of CAST, and whether the frame itself came by link-layer multicast or broadcast. */
  cast = 0;
  isLinkGroup = false;
  /** What this host sent to a group of its own: `iface` is where it left. */
  isLooped = false;
  protocol = 0;
  /** IPv6: where the header's "next header" byte that names `protocol` stands, counted from headerOff. */
  nextHeaderAt = 0;
  ttl = 0;
  /** The value of the router alert in a hop-by-hop header (RFC 2711); -1: none. */
  routerAlert = -1;
  /** Type of service, traffic class. */
  tos = 0;
  /** The IP header's first byte, in the slab. */
  headerOff = 0;
  /** The transport's first byte and length, past all IP headers and without padding. */
  payloadOff = 0;
  payloadLen = 0;
  /** One of CSUM. */
  csum = 0;
  payloadSum = 0;
  /**
   * The sender left the checksum to a device: start << 16 | offset from the IP header; 0: nobody says where it
   * is; NOT_PARTIAL. Looked at by who sends the packet on.
   */
  partial = NOT_PARTIAL;
  /** For another host, and on its way there. */
  isTransit = false;
  /** `hold` it to keep the bytes by reference; NO_BLOCK when they are in scratch memory (reassembled). */
  chunk = NO_BLOCK;
  /** GSO type << 16 | size, 0 for an ordinary packet. */
  gso = 0;
  /** Made of fragments: there is no frame to quote, but the first fragment's header is at headerOff. */
  wasFragmented = false;
}
