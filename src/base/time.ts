/**
 * Time is an integer number of nanoseconds since the stack's start, held in a `number`
 * (exact for 104 days), read once per turn and passed in. Nothing in the core asks a clock.
 */
export const US = 1_000;
export const MS = 1_000_000;
export const SEC = 1_000_000_000;
/** A deadline that is off. */
export const NEVER = Infinity;
