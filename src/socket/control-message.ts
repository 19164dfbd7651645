/**
 * Control messages (`struct cmsghdr`): as structured values, and as the bytes of Linux x86-64.
 *
 *     0        8        12       16                      16 + n, padded to 8
 *     ├ length ┼ level ─┼ type ──┼ data …                ┤        length = 16 + n
 */
import { EINVAL } from '../base/errno.ts';
import { type Address, IpAddress } from '../wire/address.ts';
import { IP_OPT, IPV6_OPT, SO, SOL } from './abi.ts';
import { SOCKADDR_IN_BYTES, SOCKADDR_IN6_BYTES, SockAddr } from './sock-addr.ts';

const HEADER_BYTES = 16;
const EXTENDED_ERROR_BYTES = 16;

/** `struct sock_extended_err`, and the address behind it: who says so. */
export interface ExtendedError {
  readonly errno: number;
  /** One of EE_ORIGIN. */
  readonly origin: number;
  readonly type: number;
  readonly code: number;
  /** The MTU of "too big", a uint32 otherwise 0. */
  readonly info: number;
  readonly data: number;
  readonly offender: SockAddr;
}

export type ControlMessage = { readonly level: number; readonly type: number } & (
  | { readonly kind: 'int'; readonly value: number }
  /** A timeval or a timespec, by type: `fraction` counts µs or ns. */
  | { readonly kind: 'time'; readonly sec: number; readonly fraction: number }
  /** in_pktinfo (`source` is ipi_spec_dst) or in6_pktinfo (which has no `source`: it reads as `address`). */
  | {
      readonly kind: 'pktinfo';
      readonly ifIndex: number;
      readonly address: Address;
      readonly source: Address;
    }
  | { readonly kind: 'error'; readonly error: ExtendedError }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
);

/** CMSG_SPACE: what a message takes in a control buffer. */
export function controlSpace(m: ControlMessage): number {
  return HEADER_BYTES + ((dataBytes(m) + 7) & ~7);
}

/** CMSG_LEN. */
export function controlLength(m: ControlMessage): number {
  return HEADER_BYTES + dataBytes(m);
}

/** All messages one after the other. */
export function encodeControl(messages: readonly ControlMessage[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, m) => sum + controlSpace(m), 0));
  const dv = new DataView(bytes.buffer);
  let at = 0;
  for (const m of messages) {
    dv.setUint32(at, controlLength(m), true);
    dv.setInt32(at + 8, m.level, true);
    dv.setInt32(at + 12, m.type, true);
    writeData(m, dv, at + HEADER_BYTES);
    at += controlSpace(m);
  }
  return bytes;
}

/** The messages of a control buffer, or -EINVAL where a length does not fit. */
export function decodeControl(bytes: Uint8Array): ControlMessage[] | number {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: ControlMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const len = dv.getUint32(at, true);
    const isWrong = dv.getUint32(at + 4, true) !== 0 || len < HEADER_BYTES;
    if (isWrong || len > bytes.length - at) return -EINVAL;
    const level = dv.getInt32(at + 8, true);
    const type = dv.getInt32(at + 12, true);
    messages.push(readData(level, type, dv, at + HEADER_BYTES, len - HEADER_BYTES));
    at += (len + 7) & ~7;
  }
  return messages;
}

function dataBytes(m: ControlMessage): number {
  switch (m.kind) {
    case 'int':
      return isByte(m.level, m.type) ? 1 : 4;
    case 'time':
      return 16;
    case 'pktinfo':
      return m.level === SOL.IP ? 12 : 20;
    case 'error':
      // The offender's address is always there, with family AF_UNSPEC when nobody is to blame.
      return EXTENDED_ERROR_BYTES + (m.level === SOL.IP ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
    case 'bytes':
      return m.bytes.length;
  }
}

/** IP_TOS is received as one byte; everything else is an int. */
function isByte(level: number, type: number): boolean {
  return level === SOL.IP && type === IP_OPT.TOS;
}

function writeData(m: ControlMessage, dv: DataView, at: number): void {
  switch (m.kind) {
    case 'int':
      if (isByte(m.level, m.type)) dv.setUint8(at, m.value);
      else dv.setInt32(at, m.value, true);
      return;
    case 'time':
      setInt64(dv, at, m.sec);
      setInt64(dv, at + 8, m.fraction);
      return;
    case 'pktinfo':
      writePktinfo(m.level, m, dv, at);
      return;
    case 'error':
      writeError(m.error, dv, at);
      return;
    case 'bytes':
      for (let i = 0; i < m.bytes.length; i++) dv.setUint8(at + i, m.bytes[i]!);
  }
}

function writePktinfo(
  level: number,
  m: { ifIndex: number; address: Address; source: Address },
  dv: DataView,
  at: number,
): void {
  if (level === SOL.IP) {
    dv.setInt32(at, m.ifIndex, true);
    dv.setInt32(at + 4, m.source.w3);
    dv.setInt32(at + 8, m.address.w3);
    return;
  }
  dv.setInt32(at, m.address.w0);
  dv.setInt32(at + 4, m.address.w1);
  dv.setInt32(at + 8, m.address.w2);
  dv.setInt32(at + 12, m.address.w3);
  dv.setInt32(at + 16, m.ifIndex, true);
}

function writeError(e: ExtendedError, dv: DataView, at: number): void {
  dv.setUint32(at, e.errno, true);
  dv.setUint8(at + 4, e.origin);
  dv.setUint8(at + 5, e.type);
  dv.setUint8(at + 6, e.code);
  dv.setUint32(at + 8, e.info, true);
  dv.setUint32(at + 12, e.data, true);
  e.offender.encode(dv, at + EXTENDED_ERROR_BYTES);
}

function readData(
  level: number,
  type: number,
  dv: DataView,
  at: number,
  len: number,
): ControlMessage {
  const isIp = level === SOL.IP;
  const isIpv6 = level === SOL.IPV6;
  if (isIp && type === IP_OPT.PKTINFO && len === 12) return readPktinfo4(dv, at);
  if (isIpv6 && type === IPV6_OPT.PKTINFO && len === 20) return readPktinfo6(dv, at);
  const isError = (isIp && type === IP_OPT.RECVERR) || (isIpv6 && type === IPV6_OPT.RECVERR);
  if (isError && len >= EXTENDED_ERROR_BYTES) {
    return { level, type, kind: 'error', error: readError(dv, at, len) };
  }
  const isTime = level === SOL.SOCKET && (type === SO.TIMESTAMP || type === SO.TIMESTAMPNS);
  if (isTime && len === 16) {
    return { level, type, kind: 'time', sec: int64(dv, at), fraction: int64(dv, at + 8) };
  }
  if (len === 4) return { level, type, kind: 'int', value: dv.getInt32(at, true) };
  if (len === 1 && isByte(level, type)) {
    return { level, type, kind: 'int', value: dv.getUint8(at) };
  }
  const bytes = new Uint8Array(len);
  for (let i = 0; i < len; i++) bytes[i] = dv.getUint8(at + i);
  return { level, type, kind: 'bytes', bytes };
}

function readPktinfo4(dv: DataView, at: number): ControlMessage {
  return {
    level: SOL.IP,
    type: IP_OPT.PKTINFO,
    kind: 'pktinfo',
    ifIndex: dv.getInt32(at, true),
    source: new IpAddress().setV4(dv.getInt32(at + 4)),
    address: new IpAddress().setV4(dv.getInt32(at + 8)),
  };
}

function readPktinfo6(dv: DataView, at: number): ControlMessage {
  const address = new IpAddress();
  address.readV6(dv, at);
  return {
    level: SOL.IPV6,
    type: IPV6_OPT.PKTINFO,
    kind: 'pktinfo',
    ifIndex: dv.getInt32(at + 16, true),
    source: address,
    address,
  };
}

function readError(dv: DataView, at: number, len: number): ExtendedError {
  const offender = new SockAddr();
  const rest = len - EXTENDED_ERROR_BYTES;
  // Too short, or of no family: nobody is to blame.
  if (offender.decode(dv, at + EXTENDED_ERROR_BYTES, rest) !== 0) offender.clear();
  return {
    errno: dv.getUint32(at, true),
    origin: dv.getUint8(at + 4),
    type: dv.getUint8(at + 5),
    code: dv.getUint8(at + 6),
    info: dv.getUint32(at + 8, true),
    data: dv.getUint32(at + 12, true),
    offender,
  };
}

/** Seconds and fractions fit a double; a long is 8 bytes, little-endian. */
function setInt64(dv: DataView, at: number, value: number): void {
  dv.setUint32(at, value >>> 0, true);
  dv.setInt32(at + 4, Math.floor(value / 4294967296), true);
}

function int64(dv: DataView, at: number): number {
  return dv.getInt32(at + 4, true) * 4294967296 + dv.getUint32(at, true);
}
