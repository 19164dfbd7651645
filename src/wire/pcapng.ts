/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), written little-endian at an offset of a DataView.
 *
 *     | type | total length | body … | options … | total length |      everything in 32-bit words
 *
 * A block is begun, filled and finished, because its length stands at both ends:
 *
 *     let at = writePacketHeader(dv, block, …);   the data goes to `at`
 *     at = padTo32(dv, at + capLen);
 *     at = writeOption32(dv, at, EPB_FLAGS, 1);
 *     at = finishBlock(dv, block, at);            ends the options, sets both lengths
 */
import type { MacAddress } from './mac.ts';

const BLOCK_SECTION = 0x0a0d0d0a;
const BLOCK_INTERFACE = 1;
const BLOCK_STATISTICS = 5;
const BLOCK_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const LINKTYPE_ETHERNET = 1;

const OPT_END = 0;
export const OPT_COMMENT = 1;
const SHB_USERAPPL = 4;
const IF_NAME = 2;
const IF_MACADDR = 6;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;
export const EPB_FLAGS = 2;
export const EPB_DROPCOUNT = 4;
export const EPB_PACKETID = 5;
const ISB_IFRECV = 4;
const ISB_IFDROP = 5;

/** Bits 0–1 of epb_flags. */
export const DIRECTION = { UNKNOWN: 0, IN: 1, OUT: 2 } as const;
export type Direction = (typeof DIRECTION)[keyof typeof DIRECTION];

/** Before the data of an enhanced packet block. */
export const PACKET_HEADER_LEN = 28;

/** `comment`: empty for none. */
export function writeSection(
  dv: DataView,
  o: number,
  application: string,
  comment: string,
): number {
  dv.setUint32(o, BLOCK_SECTION, true);
  dv.setUint32(o + 8, BYTE_ORDER_MAGIC, true);
  dv.setUint16(o + 12, 1, true);
  dv.setUint16(o + 14, 0, true);
  dv.setInt32(o + 16, -1, true); // the section's length is not known: two words of ones
  dv.setInt32(o + 20, -1, true);
  let at = writeTextOption(dv, o + 24, SHB_USERAPPL, application);
  if (comment !== '') at = writeTextOption(dv, at, OPT_COMMENT, comment);
  return finishBlock(dv, o, at);
}

export interface PcapngInterface {
  readonly name: string;
  /** Null: it has none. */
  readonly mac: MacAddress | null;
  readonly snaplen: number;
  /** Seconds to add to every timestamp: when the capture's clock read 0. */
  readonly startSec: number;
}

/** Timestamps of this interface count nanoseconds. */
export function writeInterface(dv: DataView, o: number, face: PcapngInterface): number {
  dv.setUint32(o, BLOCK_INTERFACE, true);
  dv.setUint16(o + 8, LINKTYPE_ETHERNET, true);
  dv.setUint16(o + 10, 0, true);
  dv.setUint32(o + 12, face.snaplen, true);
  let at = writeTextOption(dv, o + 16, IF_NAME, face.name);
  if (face.mac !== null) {
    at = writeOptionHeader(dv, at, IF_MACADDR, 6);
    dv.setUint16(at, face.mac.high);
    dv.setInt32(at + 2, face.mac.low);
    at = padTo32(dv, at + 6);
  }
  at = writeOptionHeader(dv, at, IF_TSRESOL, 1);
  dv.setUint8(at, 9);
  at = padTo32(dv, at + 1);
  at = writeOption64(dv, at, IF_TSOFFSET, face.startSec);
  return finishBlock(dv, o, at);
}

/** Returns where the data goes. The time's halves are int32 words. */
export function writePacketHeader(
  dv: DataView,
  o: number,
  face: number,
  timeHigh: number,
  timeLow: number,
  capturedLen: number,
  originalLen: number,
): number {
  dv.setUint32(o, BLOCK_PACKET, true);
  dv.setInt32(o + 8, face, true);
  dv.setInt32(o + 12, timeHigh, true);
  dv.setInt32(o + 16, timeLow, true);
  dv.setInt32(o + 20, capturedLen, true);
  dv.setInt32(o + 24, originalLen, true);
  return o + PACKET_HEADER_LEN;
}

export function writeStatistics(
  dv: DataView,
  o: number,
  face: number,
  timeHigh: number,
  timeLow: number,
  received: number,
  dropped: number,
): number {
  dv.setUint32(o, BLOCK_STATISTICS, true);
  dv.setInt32(o + 8, face, true);
  dv.setInt32(o + 12, timeHigh, true);
  dv.setInt32(o + 16, timeLow, true);
  const at = writeOption64(dv, o + 20, ISB_IFRECV, received);
  return finishBlock(dv, o, writeOption64(dv, at, ISB_IFDROP, dropped));
}

export function writeOption32(dv: DataView, o: number, code: number, value: number): number {
  const at = writeOptionHeader(dv, o, code, 4);
  dv.setInt32(at, value, true);
  return at + 4;
}

/** A count up to 2^53. */
export function writeOption64(dv: DataView, o: number, code: number, value: number): number {
  const at = writeOptionHeader(dv, o, code, 8);
  dv.setUint32(at, value % 4294967296, true);
  dv.setUint32(at + 4, Math.floor(value / 4294967296), true);
  return at + 8;
}

/** Text as UTF-8, cut at a whole character to what an option can hold. */
export function writeTextOption(dv: DataView, o: number, code: number, text: string): number {
  const at = writeOptionHeader(dv, o, code, 0);
  let end = at;
  for (const character of text) {
    if (end - at > MAX_TEXT_BYTES - 4) break;
    end = writeUtf8(dv, end, character.codePointAt(0)!);
  }
  dv.setUint16(o + 2, end - at, true);
  return padTo32(dv, end);
}

/** Far more than a reason or a name needs, and little enough that every block has room for one. */
export const MAX_TEXT_BYTES = 512;

export function padTo32(dv: DataView, o: number): number {
  let at = o;
  while ((at & 3) !== 0) dv.setUint8(at++, 0);
  return at;
}

/** Ends the options and writes the block's length at both of its ends. Returns where the next block goes. */
export function finishBlock(dv: DataView, block: number, optionsEnd: number): number {
  const at = writeOptionHeader(dv, optionsEnd, OPT_END, 0);
  const total = at + 4 - block;
  dv.setInt32(block + 4, total, true);
  dv.setInt32(at, total, true);
  return at + 4;
}

function writeOptionHeader(dv: DataView, o: number, code: number, len: number): number {
  dv.setUint16(o, code, true);
  dv.setUint16(o + 2, len, true);
  return o + 4;
}

/** A surrogate that stands alone is no character: U+FFFD. */
function writeUtf8(dv: DataView, o: number, point: number): number {
  const c = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point;
  if (c < 0x80) {
    dv.setUint8(o, c);
    return o + 1;
  }
  const extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  const lead = extra === 1 ? 0xc0 : extra === 2 ? 0xe0 : 0xf0;
  dv.setUint8(o, lead | (c >>> (6 * extra)));
  for (let i = 1; i <= extra; i++) dv.setUint8(o + i, 0x80 | ((c >>> (6 * (extra - i))) & 0x3f));
  return o + 1 + extra;
}
