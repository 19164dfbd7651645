/**
 * One's-complement sums over payload, by something faster than a loop in JavaScript. Live stacks have
 * one native pass (`live/native-sum.ts`); without it `wire/checksum.ts` does the work.
 */
export interface BulkSum {
  /** The folded 16-bit sum of big-endian words of slab bytes; an odd last byte is a high half. */
  sum(off: number, len: number): number;
}
