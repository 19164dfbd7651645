/**
 * IGMP (RFC 2236 §2, RFC 3376 §4). MLD has the same messages with longer addresses (RFC 2710 §3, RFC 3810 §5):
 * the records of a report and the codes of a query are read and written for both here.
 */
import { type Address, isV4, writeV6 } from './address.ts';

export const IGMP = {
  QUERY: 0x11,
  V1_REPORT: 0x12,
  V2_REPORT: 0x16,
  LEAVE: 0x17,
  V3_REPORT: 0x22,
} as const;

/** A query or report of versions 1 and 2: type, code, checksum, group. */
export const IGMP_LEN = 8;
/** A query of version 3 without its sources; one of MLDv1, and of MLDv2 without its sources. */
export const IGMP3_QUERY_LEN = 12;
export const MLD_LEN = 24;
export const MLD2_QUERY_LEN = 28;

export const igmpType = (dv: DataView, o: number): number => dv.getUint8(o);
export const igmpCode = (dv: DataView, o: number): number => dv.getUint8(o + 1);
/** Where the group stands. */
export const IGMP_GROUP = 4;
export const MLD_GROUP = 8;
/** MLD: the maximum response code; in version 1, the delay in milliseconds. */
export const mldCode = (dv: DataView, o: number): number => dv.getUint16(o + 4);

/** The fixed part behind the group of a query of the newer version: QRV, QQIC, the number of sources. */
export const queryRobustness = (dv: DataView, o: number): number => dv.getUint8(o) & 7;
export const queryInterval = (dv: DataView, o: number): number => codeOf8(dv.getUint8(o + 1));
export const querySources = (dv: DataView, o: number): number => dv.getUint16(o + 2);

/** RFC 3376 §4.1.1, §4.1.7: from 128 on a floating-point value of 4 and 3 bits. */
export function codeOf8(code: number): number {
  return code < 128 ? code : ((code & 15) | 16) << (((code >>> 4) & 7) + 3);
}

/** RFC 3810 §5.1.3: from 32768 on one of 12 and 3 bits. */
export function codeOf16(code: number): number {
  return code < 32768 ? code : ((code & 0xfff) | 0x1000) << (((code >>> 12) & 7) + 3);
}

/** RFC 3376 §4.2.12, RFC 3810 §5.2.12. */
export const RECORD = {
  IS_INCLUDE: 1,
  IS_EXCLUDE: 2,
  TO_INCLUDE: 3,
  TO_EXCLUDE: 4,
  ALLOW: 5,
  BLOCK: 6,
} as const;

/** What a report says of one group. */
export interface GroupRecord {
  readonly type: number;
  readonly group: Address;
  readonly sources: readonly Address[];
}

/** Type, reserved, checksum, reserved, number of records: in both protocols. */
export const REPORT_LEN = 8;

export function recordLen(addressLen: number, sources: number): number {
  return 4 + addressLen * (1 + sources);
}

/** Returns where the next record goes. */
export function writeRecord(dv: DataView, o: number, record: GroupRecord): number {
  const len = isV4(record.group) ? 4 : 16;
  dv.setUint8(o, record.type);
  dv.setUint8(o + 1, 0);
  dv.setUint16(o + 2, record.sources.length);
  let at = writeAddress(dv, o + 4, record.group, len);
  for (const source of record.sources) at = writeAddress(dv, at, source, len);
  return at;
}

function writeAddress(dv: DataView, o: number, a: Address, len: number): number {
  if (len === 4) dv.setInt32(o, a.w3);
  else writeV6(a, dv, o);
  return o + len;
}
