/**
 * Time is an integer number of nanoseconds since the stack's start, held in a `number`
 * (exact for 104 days), read once per turn and passed in. Nothing in the core asks a clock.
 */
export const US = 1_000;
export const MS = 1_000_000;
export const SEC = 1_000_000_000;
/**
 * The start, for fields that hold times. To V8 a field that begins with 0 holds small integers; the first time beyond
 * 2.1 s then changes the object's layout, and all code compiled for it is compiled again. Minus zero is a double.
 */
export const ZERO_NS = -0;
/** A deadline that is off. */
export const NEVER = Infinity;

/** How many times as long after so many doublings: 2ⁿ, and for more than 30 as for 30, which nothing here waits for. */
export function doubled(n: number): number {
  return 1 << Math.min(n, 30);
}
