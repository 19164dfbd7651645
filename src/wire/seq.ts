/**
 * Sequence numbers (RFC 9293 §3.4): a circle of 2^32, held as int32 so that no value is ever boxed.
 *
 * To the compiler a `Seq` is opaque: `a < b`, `a - b` and `a >>> 0` do not compile, for each of them is
 * wrong somewhere on the circle. At run time it is a plain int32.
 */
declare const SEQ: unique symbol;
export type Seq = { readonly [SEQ]: true };

/*
 * Each is flat: one that calls another is twice as long in bytecode, and the hottest functions of TCP, which compare
 * dozens of numbers, may inline no more than so much of it.
 */

/** From the wire, or from a generator of initial sequence numbers. */
export const seqOf = (n: number): Seq => (n | 0) as unknown as Seq;
/** As an int32: for the wire, for tables and for printing. */
export const seqBits = (s: Seq): number => s as unknown as number;

/** `s + n`, for a number of bytes of either sign. */
export const seqAdd = (s: Seq, n: number): Seq =>
  (((s as unknown as number) + n) | 0) as unknown as Seq;
/** `a - b` as a signed distance: meaningful while the two are less than 2^31 apart. */
export const seqDiff = (a: Seq, b: Seq): number =>
  ((a as unknown as number) - (b as unknown as number)) | 0;

export const seqEq = (a: Seq, b: Seq): boolean =>
  (a as unknown as number) === (b as unknown as number);
export const seqLt = (a: Seq, b: Seq): boolean =>
  (((a as unknown as number) - (b as unknown as number)) | 0) < 0;
export const seqLe = (a: Seq, b: Seq): boolean =>
  (((a as unknown as number) - (b as unknown as number)) | 0) <= 0;
export const seqGt = (a: Seq, b: Seq): boolean =>
  (((a as unknown as number) - (b as unknown as number)) | 0) > 0;
export const seqGe = (a: Seq, b: Seq): boolean =>
  (((a as unknown as number) - (b as unknown as number)) | 0) >= 0;
export const seqMax = (a: Seq, b: Seq): Seq =>
  (((a as unknown as number) - (b as unknown as number)) | 0) >= 0 ? a : b;
export const seqMin = (a: Seq, b: Seq): Seq =>
  (((a as unknown as number) - (b as unknown as number)) | 0) <= 0 ? a : b;

/** For printing: 0 … 2^32 - 1. */
export const seqText = (s: Seq): string => String(seqBits(s) >>> 0);
