/** The TCP header (RFC 9293 §3.1), the kinds of its options, and the one way to walk over them. */
import { type Seq, seqBits, seqOf } from './seq.ts';

export const TCP_HEADER_LEN = 20;
export const TCP_MAX_OPTIONS_LEN = 40;
/** The checksum field's offset within the header. */
export const TCP_CHECKSUM = 16;
/** And where the sequence number is, and the flags without their ninth bit. */
export const TCP_SEQ = 4;
export const TCP_FLAGS = 13;

export const tcpSrcPort = (dv: DataView, o: number): number => dv.getUint16(o);
export const tcpDstPort = (dv: DataView, o: number): number => dv.getUint16(o + 2);
export const tcpSeq = (dv: DataView, o: number): Seq => seqOf(dv.getInt32(o + 4));
export const tcpAck = (dv: DataView, o: number): Seq => seqOf(dv.getInt32(o + 8));
/** Header length in bytes, options included: 0 … 60, so below 20 it is the peer's mistake. */
export const tcpDataOffset = (dv: DataView, o: number): number => (dv.getUint8(o + 12) >>> 4) * 4;
/** TCP_FLAG bits, AE (RFC 9768's ninth) included. */
export const tcpFlags = (dv: DataView, o: number): number => dv.getUint16(o + 12) & 0x1ff;
/** The three bits between the data offset and AE: zero from a sender, ignored by a receiver. */
export const tcpReserved = (dv: DataView, o: number): number => (dv.getUint8(o + 12) >>> 1) & 7;
/** As it stands, not scaled. */
export const tcpWindow = (dv: DataView, o: number): number => dv.getUint16(o + 14);
export const tcpChecksum = (dv: DataView, o: number): number => dv.getUint16(o + TCP_CHECKSUM);
export const tcpUrgent = (dv: DataView, o: number): number => dv.getUint16(o + 18);

export const TCP_FLAG = {
  FIN: 0x001,
  SYN: 0x002,
  RST: 0x004,
  PSH: 0x008,
  ACK: 0x010,
  URG: 0x020,
  ECE: 0x040,
  CWR: 0x080,
  AE: 0x100,
} as const;

/** Writes the 20 bytes with a zero checksum; `headerLen` counts the options that follow. */
export function writeTcp(
  dv: DataView,
  o: number,
  srcPort: number,
  dstPort: number,
  seq: Seq,
  ack: Seq,
  headerLen: number,
  flags: number,
  window: number,
  urgent: number,
): void {
  dv.setUint16(o, srcPort);
  dv.setUint16(o + 2, dstPort);
  dv.setInt32(o + 4, seqBits(seq));
  dv.setInt32(o + 8, seqBits(ack));
  dv.setUint16(o + 12, (headerLen << 10) | flags);
  dv.setUint16(o + 14, window);
  dv.setUint16(o + TCP_CHECKSUM, 0);
  dv.setUint16(o + 18, urgent);
}

/** A header and its options, whole words: in a loop, as one call of `copyWithin` takes longer than that. */
export function copyTcpHeader(dv: DataView, to: number, from: number, headerLen: number): void {
  for (let at = 0; at < headerLen; at += 4) dv.setInt32(to + at, dv.getInt32(from + at));
}

export const setTcpChecksum = (dv: DataView, o: number, sum: number): void =>
  dv.setUint16(o + TCP_CHECKSUM, sum);

/**
 * Option kinds: RFC 9293 §3.2, RFC 7323 §2, §3, RFC 2018 §2, §3, RFC 2385 §3, RFC 7413 §4.1.1,
 * RFC 9768 §3.2.3.
 */
export const TCP_OPT = {
  END: 0,
  NOP: 1,
  MSS: 2,
  WINDOW_SCALE: 3,
  SACK_PERMITTED: 4,
  SACK: 5,
  TIMESTAMPS: 8,
  MD5: 19,
  FAST_OPEN: 34,
  ACCECN0: 172,
  ACCECN1: 174,
  EXPERIMENT: 254,
} as const;

/** RFC 7323 §2.3: larger shift counts are used as 14. */
export const MAX_WINDOW_SHIFT = 14;
/** RFC 2018 §3: 40 bytes of options hold four blocks, three beside timestamps. */
export const MAX_SACK_BLOCKS = 4;
/** RFC 7413, appendix A: the experiment identifier that marks Fast Open in the shared option kind. */
export const FAST_OPEN_EXPERIMENT = 0xf989;

/**
 * The length of the option at `at`, of options that end at `end`: 1 for END and NOP, otherwise what
 * its second byte says. 0 when it is cut off or lies about its length, and the walk is over: nothing
 * at or beyond `end` is ever read (RFC 9293 §3.1, MUST-7: survive any option length).
 */
export function tcpOptionLen(dv: DataView, at: number, end: number): number {
  if (at >= end) return 0;
  if (dv.getUint8(at) <= TCP_OPT.NOP) return 1;
  if (at + 1 >= end) return 0;
  const len = dv.getUint8(at + 1);
  return len >= 2 && at + len <= end ? len : 0;
}
