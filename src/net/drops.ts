/**
 * Why a received frame went no further. Each frame handed to the stack is counted exactly once:
 * frames = accepted + the sum over all reasons. What a reason means on the wire stands beside it.
 */
const NAMES = [
  /** Shorter than an Ethernet header. */
  'ETH_TRUNCATED',
  /** A unicast frame for another station. */
  'ETH_OTHER_HOST',
  /** The source is a group address: nobody can have sent it. */
  'ETH_BAD_SOURCE',
  'ETH_UNKNOWN_TYPE',
  /** Tagged for a VLAN that the interface has not. */
  'ETH_UNKNOWN_VLAN',
  /** `ip link set … down`. */
  'ETH_DISABLED',
  /** A tag within a tag, or 802.1ad's outer one. */
  'ETH_NESTED_TAG',
  'ARP_MALFORMED',
  /** For an address that is not ours, or a reply nobody waits for. */
  'ARP_NOT_FOR_US',
  'IP_TRUNCATED',
  'IP_BAD_VERSION',
  'IP_BAD_HEADER',
  'IP_BAD_CHECKSUM',
  'IP_BAD_OPTION',
  /** Source routing is refused, as on a Linux host. */
  'IP_SOURCE_ROUTE',
  /** A source that no packet from a wire can have: group, loopback, our own. */
  'IP_MARTIAN_SOURCE',
  'IP_MARTIAN_DESTINATION',
  'IP_NOT_LOCAL',
  /** A unicast packet in a link-layer broadcast (RFC 1122 §3.3.6). */
  'IP_UNICAST_IN_LINK_GROUP',
  'IP_NOT_MEMBER',
  /** To a group of ours, from a source that nobody here listens to (RFC 3376 §3.2). */
  'IP_SOURCE_FILTERED',
  /** We would not send to its source out of where it came from (`rp_filter`). */
  'IP_RPFILTER',
  /** For another host, and not sent on: no route; its last hop; it does not fit and must not be cut. */
  'FORWARD_NO_ROUTE',
  /** A route says that it goes nowhere: blackhole, unreachable, prohibit. */
  'FORWARD_REFUSED',
  'FORWARD_TTL',
  'FORWARD_TOO_BIG',
  /** From or to an address of one link only. */
  'FORWARD_SCOPE',
  /** No room in the device, or for what waits for a neighbour. */
  'FORWARD_NO_ROOM',
  /** It has to be cut, or its checksum completed, and its headers are too long or not where they should be. */
  'FORWARD_HEADERS',
  /** IPv6, onto a link of less than 1,280 bytes, which has none of it (RFC 8200 §5). */
  'FORWARD_SMALL_LINK',
  'IP_UNKNOWN_PROTOCOL',
  'IP_NO_NEXT_HEADER',
  'IP6_BAD_EXTENSION',
  'FRAG_MALFORMED',
  /** RFC 5722, RFC 8200 §4.5: the whole datagram goes. */
  'FRAG_OVERLAP',
  'FRAG_DUPLICATE',
  'FRAG_NO_MEMORY',
  'ICMP_TRUNCATED',
  'ICMP_BAD_CHECKSUM',
  'ICMP_UNKNOWN_TYPE',
  /** An echo to a group that policy says not to answer. */
  'ICMP_ECHO_IGNORED',
  /** A reply or error that belongs to no socket of ours. */
  'ICMP_NO_SOCKET',
  'ICMP_MALFORMED',
  /** accept_redirects and its like forbid it, or it is not from the first hop that we use for the destination. */
  'ICMP_REDIRECT_REFUSED',
  'ICMP_RCVBUF',
  'IGMP_TRUNCATED',
  'IGMP_BAD_CHECKSUM',
  'IGMP_UNKNOWN_TYPE',
  'IGMP_MALFORMED',
  /** A TTL other than 1, or a source that is not on the link. */
  'IGMP_OFF_LINK',
  /** RFC 3376 §9.1: a query of version 2 or 3. */
  'IGMP_NO_ROUTER_ALERT',
  /** Too short, not from the link, without its router alert. */
  'MLD_MALFORMED',
  /** A query or report about a group that nobody here listens to, or one that is for routers. */
  'GROUP_NOT_OURS',
  'NDP_MALFORMED',
  'NDP_NOT_FOR_US',
  /** accept_ra says so, or the advertisement is our own. */
  'NDP_RA_IGNORED',
  /** accept_redirects is 0, we are a router, or it is not from the first hop that we use for the destination. */
  'NDP_REDIRECT_REFUSED',
  'UDP_TRUNCATED',
  'UDP_BAD_CHECKSUM',
  'UDP_NO_PORT',
  'UDP_RCVBUF',
  'UDP_NO_MEMORY',
  /** No answer that our DHCP client waits for; it counts the reason. */
  'DHCP_IGNORED',
  /** Shorter than its header says, or than any header. */
  'TCP_TRUNCATED',
  'TCP_BAD_CHECKSUM',
  'TCP_NO_PORT',
  /** The listener's queues are full: the peer will try again. */
  'TCP_BACKLOG',
  /** What a connection does not take (RFC 9293 §3.10.7.4): it came before, or lies outside the window. */
  'TCP_OLD_SEQUENCE',
  'TCP_INVALID_SEQUENCE',
  /** Text that begins in the window and reaches beyond it, while there is text to read. */
  'TCP_INVALID_END_SEQUENCE',
  /** By its timestamp it is older than what has arrived (RFC 7323 §5); the same of a connection in TIME-WAIT. */
  'TCP_RFC7323_PAWS',
  'TCP_RFC7323_TW_PAWS',
  /** Text that has arrived before: all of it was read or can be; or it waits behind a gap already. */
  'TCP_OLD_DATA',
  'TCP_OFOMERGE',
  /** Text for a window that is shut; beyond the window, of a connection or of an opening. */
  'TCP_ZEROWINDOW',
  'TCP_OVERWINDOW',
  /** No memory for text in order, and for text behind a gap. */
  'TCP_NO_MEMORY',
  'TCP_OFO_DROP',
  /** Text that nobody will read. */
  'TCP_ABORT_ON_DATA',
  /** An opening: not our SYN that is acknowledged; nobody can accept it now; it waits for text. */
  'TCP_INVALID_ACK_SEQUENCE',
  'TCP_LISTEN_OVERFLOW',
  'TCP_DEFER_ACCEPT',
  /** A reset that ends nothing; a SYN in the middle of a connection. */
  'TCP_RESET',
  'TCP_INVALID_SYN',
  /** Neither ACK, nor SYN, nor RST. */
  'TCP_FLAGS',
  /** It acknowledges what was never sent, or what nobody remembers. */
  'TCP_ACK_UNSENT_DATA',
  'TCP_TOO_OLD_ACK',
  /** An answer was due and there is no way back, or no room in the device. */
  'REPLY_NO_ROUTE',
  'REPLY_NO_ROOM',
] as const;

export type DropName = (typeof NAMES)[number];
export const DROP_NAMES: readonly DropName[] = NAMES;

/** `DROP.X` is an int > 0; 0 says "not dropped". */
export const DROP = Object.freeze(Object.fromEntries(NAMES.map((n, i) => [n, i + 1]))) as Readonly<
  Record<DropName, number>
>;
export const ACCEPTED = 0;

export class Drops {
  /** Indexed by reason; [ACCEPTED] counts the frames that were taken. */
  readonly counts = new Float64Array(NAMES.length + 1);

  /** Counts the fate of one frame: every path through input ends here once. */
  settle(reason: number): void {
    this.counts[reason]!++;
  }

  get(name: DropName): number {
    return this.counts[DROP[name]]!;
  }

  get accepted(): number {
    return this.counts[ACCEPTED]!;
  }

  get dropped(): number {
    let sum = 0;
    for (let i = 1; i < this.counts.length; i++) sum += this.counts[i]!;
    return sum;
  }

  /** Only the reasons that occurred. */
  toObject(): Partial<Record<DropName, number>> {
    const seen = NAMES.map((n, i) => [n, this.counts[i + 1]!] as const).filter(([, c]) => c > 0);
    return Object.fromEntries(seen);
  }
}
