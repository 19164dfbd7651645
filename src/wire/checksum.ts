/**
 * The Internet checksum (RFC 1071): the one's-complement sum of big-endian 16-bit words, complemented.
 *
 *     seed = sumWord32(0, srcWord) …           pseudo-header
 *     sum  = sumBytes(dv, off, len, seed)      header and payload
 *     foldChecksum(sum)                        what goes into the header; 0 when verifying a good one
 *
 * A *partial sum* here is a non-negative int32 that stands for a 16-bit one's-complement number: no
 * carry is lost and nothing exceeds 31 bits, so it passes through calls without garbage. What
 * `sumBytes`, `addSum`, `subtractSum` and `swapSum` return fits in 16 bits; `sumWord16/32` add to it
 * without folding, and 8,000 of them in a row still fit.
 */

/** 8,192 words of at most 0xffff stay under 2^29: room for any seed, and one fold a block is free. */
const BLOCK_BYTES = 16384;

const fold16 = (sum: number): number => {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
};

/**
 * Adds `len` bytes to a partial sum. The run must start at an even position of what is summed (or be
 * passed through `swapSum`); an odd last byte counts as the high half of a word.
 */
export function sumBytes(dv: DataView, off: number, len: number, seed: number): number {
  let sum = fold16(seed);
  let at = off;
  const end = off + len;
  while (end - at >= BLOCK_BYTES) {
    sum = fold16(sumWords(dv, at, at + BLOCK_BYTES, sum));
    at += BLOCK_BYTES;
  }
  const words = at + ((end - at) & -4);
  sum = sumWords(dv, at, words, sum);
  at = words;
  if (end - at >= 2) {
    sum += dv.getUint16(at);
    at += 2;
  }
  if (at < end) sum += dv.getUint8(at) << 8;
  return fold16(sum);
}

/** Whole 32-bit words from `at` to `end`, at most a block of them: both halves of each, unfolded. */
function sumWords(dv: DataView, from: number, end: number, seed: number): number {
  let sum = seed;
  let at = from;
  while (end - at >= 16) {
    const a = dv.getInt32(at);
    const b = dv.getInt32(at + 4);
    const c = dv.getInt32(at + 8);
    const d = dv.getInt32(at + 12);
    sum = (sum + (a >>> 16) + (a & 0xffff) + (b >>> 16) + (b & 0xffff)) | 0;
    sum = (sum + (c >>> 16) + (c & 0xffff) + (d >>> 16) + (d & 0xffff)) | 0;
    at += 16;
  }
  while (at < end) {
    const a = dv.getInt32(at);
    sum = (sum + (a >>> 16) + (a & 0xffff)) | 0;
    at += 4;
  }
  return sum;
}

/** Adds one 32-bit word of a pseudo-header: an address word, or a length. */
export const sumWord32 = (seed: number, word: number): number =>
  (seed + (word >>> 16) + (word & 0xffff)) | 0;

/** Adds one 16-bit word: a protocol number, a port. */
export const sumWord16 = (seed: number, word: number): number => (seed + (word & 0xffff)) | 0;

export const addSum = (a: number, b: number): number => fold16(fold16(a) + fold16(b));

/** Takes out what was added before: one's-complement subtraction (RFC 1071 §2 B, RFC 1624 §3). */
export const subtractSum = (a: number, b: number): number =>
  fold16(fold16(a) + (fold16(b) ^ 0xffff));

/** The sum of a run of bytes that starts at an odd position (RFC 1071 §2 B: byte order independence). */
export const swapSum = (sum: number): number => {
  const folded = fold16(sum);
  return ((folded << 8) & 0xff00) | (folded >>> 8);
};

/** 16 bits, not complemented: what a pseudo-header leaves in the field of a partial checksum. */
export const foldSum = (sum: number): number => fold16(sum);

/** 16 bits, complemented: the value for the header. UDP sends 0xffff instead of 0 (RFC 768). */
export const foldChecksum = (sum: number): number => fold16(sum) ^ 0xffff;

/** RFC 1624 §3, equation 3: the checksum after one 16-bit word under it changed. */
export const updateChecksum = (check: number, oldWord: number, newWord: number): number =>
  fold16((check ^ 0xffff) + ((oldWord & 0xffff) ^ 0xffff) + (newWord & 0xffff)) ^ 0xffff;

/** `updateChecksum` for a 32-bit word at an even position: an address. */
export const updateChecksum32 = (check: number, oldWord: number, newWord: number): number =>
  updateChecksum(
    updateChecksum(check, oldWord >>> 16, newWord >>> 16),
    oldWord & 0xffff,
    newWord & 0xffff,
  );

/**
 * Does what a device promises with txChecksum: sums from `start` to the end of the frame, over the
 * pseudo-header sum left in the field, and writes the result at `start + offset`.
 * 0 is written as 0xffff, which verifies the same and means "none" to nobody (RFC 768).
 * Returns false, with nothing touched, when the field does not lie within the frame.
 */
export function completeChecksum(
  dv: DataView,
  frameOff: number,
  frameLen: number,
  start: number,
  offset: number,
): boolean {
  if (start + offset + 2 > frameLen) return false;
  const check = foldChecksum(sumBytes(dv, frameOff + start, frameLen - start, 0));
  dv.setUint16(frameOff + start + offset, check === 0 ? 0xffff : check);
  return true;
}
