/** DHCP messages (RFC 2131 §2): BOOTP's fixed fields, the magic cookie, and what writes options (RFC 2132 §2). */
export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

export const BOOTREQUEST = 1;
export const BOOTREPLY = 2;
/** Ethernet, and the length of its addresses. */
export const DHCP_HTYPE = 1;
export const DHCP_HLEN = 6;
/** The client cannot take a unicast before it has an address. */
export const DHCP_FLAG_BROADCAST = 0x8000;

/** The server's name and the boot file: options may lie in both (RFC 2132 §9.3). */
export const DHCP_SNAME = 44;
export const DHCP_SNAME_LEN = 64;
export const DHCP_FILE = 108;
export const DHCP_FILE_LEN = 128;
const COOKIE = 236;
export const DHCP_OPTIONS = 240;
/** RFC 951, RFC 1542 §2.1: relays and servers may drop what is shorter. */
export const DHCP_MIN_LEN = 300;

/** RFC 2132 §2: 99, 130, 83, 99. */
const MAGIC = 0x63825363;

export const DHCP_MESSAGE = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
} as const;

export const DHCP_OPT = {
  PAD: 0,
  SUBNET_MASK: 1,
  ROUTER: 3,
  NAME_SERVER: 6,
  HOST_NAME: 12,
  DOMAIN_NAME: 15,
  MTU: 26,
  REQUESTED_ADDRESS: 50,
  LEASE_TIME: 51,
  OVERLOAD: 52,
  MESSAGE_TYPE: 53,
  SERVER_ID: 54,
  PARAMETERS: 55,
  MAX_SIZE: 57,
  RENEWAL_TIME: 58,
  REBINDING_TIME: 59,
  CLIENT_ID: 61,
  CLASSLESS_ROUTES: 121,
  END: 255,
} as const;

export const dhcpOp = (dv: DataView, o: number): number => dv.getUint8(o);
export const dhcpHtype = (dv: DataView, o: number): number => dv.getUint8(o + 1);
export const dhcpHlen = (dv: DataView, o: number): number => dv.getUint8(o + 2);
export const dhcpXid = (dv: DataView, o: number): number => dv.getInt32(o + 4);
export const dhcpYiaddr = (dv: DataView, o: number): number => dv.getInt32(o + 16);
export const dhcpChaddrHigh = (dv: DataView, o: number): number => dv.getUint16(o + 28);
export const dhcpChaddrLow = (dv: DataView, o: number): number => dv.getInt32(o + 30);
export const dhcpHasCookie = (dv: DataView, o: number): boolean =>
  dv.getInt32(o + COOKIE) === MAGIC;

/** The fixed part of a client's message and the cookie; everything else in it is zero. */
export function writeDhcpRequest(
  dv: DataView,
  o: number,
  xid: number,
  secs: number,
  flags: number,
  ciaddr: number,
  macHigh: number,
  macLow: number,
): void {
  for (let i = 0; i < DHCP_OPTIONS; i += 4) dv.setInt32(o + i, 0);
  dv.setUint8(o, BOOTREQUEST);
  dv.setUint8(o + 1, DHCP_HTYPE);
  dv.setUint8(o + 2, DHCP_HLEN);
  dv.setInt32(o + 4, xid);
  dv.setUint16(o + 8, secs);
  dv.setUint16(o + 10, flags);
  dv.setInt32(o + 12, ciaddr);
  dv.setUint16(o + 28, macHigh);
  dv.setInt32(o + 30, macLow);
  dv.setInt32(o + COOKIE, MAGIC);
}

/** Each writes one option and returns where the next one goes. */
export function putOption8(dv: DataView, o: number, code: number, value: number): number {
  dv.setUint8(o, code);
  dv.setUint8(o + 1, 1);
  dv.setUint8(o + 2, value);
  return o + 3;
}

export function putOption16(dv: DataView, o: number, code: number, value: number): number {
  dv.setUint8(o, code);
  dv.setUint8(o + 1, 2);
  dv.setUint16(o + 2, value);
  return o + 4;
}

export function putOption32(dv: DataView, o: number, code: number, value: number): number {
  dv.setUint8(o, code);
  dv.setUint8(o + 1, 4);
  dv.setInt32(o + 2, value);
  return o + 6;
}

/** At most 255 bytes: what a client says is never longer. */
export function putOptionBytes(
  dv: DataView,
  o: number,
  code: number,
  bytes: ArrayLike<number>,
): number {
  dv.setUint8(o, code);
  dv.setUint8(o + 1, bytes.length);
  for (let i = 0; i < bytes.length; i++) dv.setUint8(o + 2 + i, bytes[i]!);
  return o + 2 + bytes.length;
}
