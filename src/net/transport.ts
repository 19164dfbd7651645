import type { Address } from '../wire/address.ts';
import type { IpPacket } from './ip-packet.ts';

/** What the network layer knows of a protocol above it. */
export interface Transport {
  /** Takes a datagram addressed to us. Returns ACCEPTED or a DROP reason; borrowed: `pkt`. */
  input(pkt: IpPacket): number;

  /**
   * An ICMP error, or our own failure to send, about a packet of ours. `off` is the transport header
   * inside the quotation, with `len` bytes of it there (at least 8). Returns true when a socket owns
   * the packet: only then is anything else in the message (a smaller path MTU) believed (RFC 5927).
   */
  error(quote: QuotedPacket, why: NetworkError): boolean;

  /** Whether a socket owns the packet, and would have sent it now: nothing is reported to it. */
  owns(quote: QuotedPacket): boolean;
}

/** The part of a packet of ours that somebody sent back. Borrowed: one scratch object. */
export interface QuotedPacket {
  readonly src: Address;
  readonly dst: Address;
  readonly off: number;
  readonly len: number;
  readonly ifaceIndex: number;
}

/** What went wrong, as Linux maps it for a socket. Borrowed: one scratch object. */
export interface NetworkError {
  /** Positive errno for the socket. */
  readonly errno: number;
  /** Linux reports it even to a socket that did not ask for the error queue. */
  readonly isHard: boolean;
  /** The path MTU that was reported, or 0. */
  readonly mtu: number;
  /** ICMP type and code; -1 when the failure is our own. */
  readonly type: number;
  readonly code: number;
  /** Who says so: a router, the destination, or ourselves. */
  readonly from: Address;
}
