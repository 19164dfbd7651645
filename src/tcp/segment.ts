/**
 * The segment being received: one scratch object per protocol instance, filled by `parseSegment` and
 * borrowed by every step of input. RFC 9293 §3.3.1 names: SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND, SEG.UP.
 */
import type { Slab } from '../base/slab.ts';
import { DROP } from '../net/drops.ts';
import { type Seq, seqAdd, seqOf } from '../wire/seq.ts';
import {
  FAST_OPEN_EXPERIMENT,
  MAX_SACK_BLOCKS,
  MAX_WINDOW_SHIFT,
  TCP_FLAG,
  TCP_HEADER_LEN,
  TCP_OPT,
  tcpAck,
  tcpDataOffset,
  tcpDstPort,
  tcpFlags,
  tcpOptionLen,
  tcpSeq,
  tcpSrcPort,
  tcpUrgent,
  tcpWindow,
} from '../wire/tcp.ts';
import { NO_COOKIE, validCookieLen } from './fast-open-option.ts';

export class Segment {
  srcPort = 0;
  dstPort = 0;
  seq: Seq = seqOf(0);
  ack: Seq = seqOf(0);
  /** TCP_FLAG bits. */
  flags = 0;
  /** The window field, not scaled. */
  window = 0;
  urgent = 0;
  /** The text in the slab. `len` counts bytes of text, `seqLen` SYN and FIN as well. */
  textOff = 0;
  len = 0;
  seqLen = 0;
  /** The chunk that holds the text, or NO_BLOCK; `hold` it to keep the bytes. */
  chunk = 0;
  /** MSS-sized pieces that a super-frame was made of; 1 for an ordinary segment. */
  pieces = 1;
  /** The ECN field of its IP header (RFC 3168 §5): 0 not ECT, 1 and 2 ECT, 3 CE. */
  ecn = 0;

  // ---- options; "has" says which were there ----
  hasMss = false;
  mss = 0;
  hasWindowScale = false;
  windowShift = 0;
  isSackPermitted = false;
  hasTimestamps = false;
  tsVal = 0;
  tsEcr = 0;
  sackBlocks = 0;
  /** Edges as int32 sequence numbers: left, right, left, right … */
  readonly sackEdges = new Int32Array(2 * MAX_SACK_BLOCKS);
  /** RFC 7413: where the cookie is, and its length: 0 is a request. */
  cookieOff = 0;
  cookieLen = NO_COOKIE;
  /** The cookie came in the experimental option (RFC 7413 appendix, kind 254). */
  isCookieExperimental = false;

  /** Ascending by left edge, from block `from` on: at most four, so the simplest way. */
  sortSackBlocks(from: number): void {
    const e = this.sackEdges;
    for (let i = from + 1; i < this.sackBlocks; i++) {
      for (let k = i; k > from && ((e[2 * k]! - e[2 * k - 2]!) | 0) < 0; k--) {
        const left = e[2 * k]!;
        const right = e[2 * k + 1]!;
        e[2 * k] = e[2 * k - 2]!;
        e[2 * k + 1] = e[2 * k - 1]!;
        e[2 * k - 2] = left;
        e[2 * k - 1] = right;
      }
    }
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** Its SYN is done with: what is left is behind it. */
  passSyn(): void {
    this.seq = seqAdd(this.seq, 1);
    this.seqLen--;
    this.flags &= ~TCP_FLAG.SYN;
  }

  /** The sequence number behind the last one the segment occupies. */
  end(): Seq {
    return seqAdd(this.seq, this.seqLen);
  }
}

/** RFC 7323 appendix A: NOP, NOP, and the timestamps: what nearly all segments have, and nothing else. */
const TIMESTAMPS_ALONE = 0x0101080a;
const TIMESTAMPED_LEN = TCP_HEADER_LEN + 12;

/** Reads the header at `off`, with `len` bytes of TCP there. 0, or a DROP reason. */
export function parseSegment(slab: Slab, off: number, len: number, seg: Segment): number {
  const { dv } = slab;
  if (len < TCP_HEADER_LEN) return DROP.TCP_TRUNCATED;
  const headerLen = tcpDataOffset(dv, off);
  if (headerLen < TCP_HEADER_LEN || headerLen > len) return DROP.TCP_TRUNCATED;
  seg.srcPort = tcpSrcPort(dv, off);
  seg.dstPort = tcpDstPort(dv, off);
  seg.seq = tcpSeq(dv, off);
  seg.ack = tcpAck(dv, off);
  seg.flags = tcpFlags(dv, off);
  seg.window = tcpWindow(dv, off);
  seg.urgent = tcpUrgent(dv, off);
  seg.textOff = off + headerLen;
  seg.len = len - headerLen;
  seg.seqLen = seg.len + (seg.flags & TCP_FLAG.FIN) + ((seg.flags & TCP_FLAG.SYN) >>> 1);
  seg.hasMss = false;
  seg.hasWindowScale = false;
  seg.isSackPermitted = false;
  seg.hasTimestamps = false;
  seg.sackBlocks = 0;
  seg.cookieLen = NO_COOKIE;
  if (headerLen === TIMESTAMPED_LEN && dv.getInt32(off + TCP_HEADER_LEN) === TIMESTAMPS_ALONE) {
    takeTimestamps(dv, off + TCP_HEADER_LEN + 2, seg);
  } else if (headerLen > TCP_HEADER_LEN) {
    parseOptions(slab, off + TCP_HEADER_LEN, off + headerLen, seg);
  }
  return 0;
}

function takeTimestamps(dv: DataView, at: number, seg: Segment): void {
  seg.hasTimestamps = true;
  seg.tsVal = dv.getInt32(at + 2);
  seg.tsEcr = dv.getInt32(at + 6);
}

/** A lie about a length ends the walk; what was read before it stays, as on Linux (RFC 9293 MUST-7). */
function parseOptions(slab: Slab, from: number, end: number, seg: Segment): void {
  const { dv } = slab;
  let at = from;
  for (let len = tcpOptionLen(dv, at, end); len > 0; len = tcpOptionLen(dv, at, end)) {
    const kind = dv.getUint8(at);
    if (kind === TCP_OPT.END) return;
    if (kind !== TCP_OPT.NOP) parseOption(dv, kind, at, len, seg);
    at += len;
  }
}

function parseOption(dv: DataView, kind: number, at: number, len: number, seg: Segment): void {
  const isSyn = (seg.flags & TCP_FLAG.SYN) !== 0;
  switch (kind) {
    case TCP_OPT.MSS:
      if (len !== 4 || !isSyn) return;
      seg.mss = dv.getUint16(at + 2);
      seg.hasMss = seg.mss !== 0; // nobody can mean it: as if it were not there (Linux)
      return;
    case TCP_OPT.WINDOW_SCALE:
      if (len !== 3 || !isSyn) return;
      seg.hasWindowScale = true;
      seg.windowShift = Math.min(dv.getUint8(at + 2), MAX_WINDOW_SHIFT);
      return;
    case TCP_OPT.SACK_PERMITTED:
      seg.isSackPermitted = len === 2 && isSyn;
      return;
    case TCP_OPT.TIMESTAMPS:
      if (len === 10) takeTimestamps(dv, at, seg);
      return;
    case TCP_OPT.SACK:
      parseSack(dv, at, len, seg);
      return;
    case TCP_OPT.FAST_OPEN:
      setCookie(seg, at + 2, len - 2, false);
      return;
    case TCP_OPT.EXPERIMENT:
      if (len >= 4 && dv.getUint16(at + 2) === FAST_OPEN_EXPERIMENT)
        setCookie(seg, at + 4, len - 4, true);
      return;
    default:
      return;
  }
}

function parseSack(dv: DataView, at: number, len: number, seg: Segment): void {
  if (len < 10 || (len - 2) % 8 !== 0 || (seg.flags & TCP_FLAG.SYN) !== 0) return;
  seg.sackBlocks = Math.min((len - 2) / 8, MAX_SACK_BLOCKS);
  for (let i = 0; i < 2 * seg.sackBlocks; i++) seg.sackEdges[i] = dv.getInt32(at + 2 + 4 * i);
}

/** RFC 7413 §4.1.1: in SYNs only, of an even length; what is too short or too long takes back an option before it. */
function setCookie(seg: Segment, off: number, len: number, isExperimental: boolean): void {
  if ((seg.flags & TCP_FLAG.SYN) === 0 || (len & 1) !== 0) return;
  seg.cookieOff = off;
  seg.cookieLen = validCookieLen(len);
  seg.isCookieExperimental = isExperimental;
}
