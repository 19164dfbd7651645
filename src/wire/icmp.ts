/** ICMP (RFC 792) and ICMPv6 (RFC 4443): type, code, checksum, then 4 bytes that depend on the type. */
export const ICMP_HEADER_LEN = 8;

export const icmpType = (dv: DataView, o: number): number => dv.getUint8(o);
export const icmpCode = (dv: DataView, o: number): number => dv.getUint8(o + 1);
export const icmpChecksum = (dv: DataView, o: number): number => dv.getUint16(o + 2);
/** The MTU of a "packet too big", a pointer, or identifier and sequence number together. */
export const icmpRest = (dv: DataView, o: number): number => dv.getInt32(o + 4);
export const icmpId = (dv: DataView, o: number): number => dv.getUint16(o + 4);
export const icmpSeq = (dv: DataView, o: number): number => dv.getUint16(o + 6);
/** RFC 1191 §4: the next hop's MTU in "fragmentation needed". */
export const icmpNextHopMtu = (dv: DataView, o: number): number => dv.getUint16(o + 6);

/** Writes the header with the checksum field 0. */
export function writeIcmp(dv: DataView, o: number, type: number, code: number, rest: number): void {
  dv.setUint8(o, type);
  dv.setUint8(o + 1, code);
  dv.setUint16(o + 2, 0);
  dv.setInt32(o + 4, rest);
}
export const setIcmpChecksum = (dv: DataView, o: number, sum: number): void =>
  dv.setUint16(o + 2, sum);

export const ICMP4 = {
  ECHO_REPLY: 0,
  DEST_UNREACH: 3,
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO: 8,
  TIME_EXCEEDED: 11,
  PARAM_PROBLEM: 12,
  TIMESTAMP: 13,
  TIMESTAMP_REPLY: 14,
  ADDRESS_MASK: 17,
  ADDRESS_MASK_REPLY: 18,
} as const;

export const UNREACH4 = {
  NET: 0,
  HOST: 1,
  PROTOCOL: 2,
  PORT: 3,
  FRAG_NEEDED: 4,
  SOURCE_ROUTE_FAILED: 5,
  NET_UNKNOWN: 6,
  HOST_UNKNOWN: 7,
  HOST_ISOLATED: 8,
  NET_PROHIBITED: 9,
  HOST_PROHIBITED: 10,
  NET_TOS: 11,
  HOST_TOS: 12,
  FILTERED: 13,
  PRECEDENCE_VIOLATION: 14,
  PRECEDENCE_CUTOFF: 15,
} as const;

export const ICMP6 = {
  DEST_UNREACH: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAM_PROBLEM: 4,
  ECHO: 128,
  ECHO_REPLY: 129,
  MLD_QUERY: 130,
  MLD_REPORT: 131,
  MLD_DONE: 132,
  ROUTER_SOLICIT: 133,
  ROUTER_ADVERT: 134,
  NEIGHBOUR_SOLICIT: 135,
  NEIGHBOUR_ADVERT: 136,
  REDIRECT: 137,
  MLD2_REPORT: 143,
} as const;

export const UNREACH6 = {
  NO_ROUTE: 0,
  PROHIBITED: 1,
  BEYOND_SCOPE: 2,
  ADDRESS: 3,
  PORT: 4,
  POLICY: 5,
  REJECT_ROUTE: 6,
} as const;

export const TIME_EXCEEDED_TRANSIT = 0;
export const TIME_EXCEEDED_REASSEMBLY = 1;
/** RFC 1812 §5.2.7.2: redirects are for one host, never for a network. */
export const REDIRECT_HOST = 1;
/** RFC 792: for a network or a host, with and without a type of service. */
export const REDIRECT4_CODES = 4;

/** ICMPv6 parameter problem codes. */
export const PARAM6 = { HEADER: 0, NEXT_HEADER: 1, OPTION: 2, FIRST_FRAGMENT: 3 } as const;

/** RFC 4443 §2.1: error messages have the high bit clear. */
export const isIcmp6Error = (type: number): boolean => type < 128;

/** RFC 1122 §3.2.2: the IPv4 messages that are errors, about which no error may be sent. */
export function isIcmp4Error(type: number): boolean {
  return (
    type === ICMP4.DEST_UNREACH ||
    type === ICMP4.SOURCE_QUENCH ||
    type === ICMP4.REDIRECT ||
    type === ICMP4.TIME_EXCEEDED ||
    type === ICMP4.PARAM_PROBLEM
  );
}
