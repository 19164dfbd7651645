/**
 * The words that the poller (native/poller_core.h, same order) and the driver share. Crossing the
 * border costs no arguments, no boxed doubles and no return values: the poller writes what happened,
 * the driver writes what it wants next.
 */
import { NEVER } from '../base/time.ts';

export const WORD = {
  /** Written by the poller at each crossing: monotonic nanoseconds since the poller was made. */
  NOW: 0,
  /** Written by the turn: when the next one is wanted although nothing happens, or NEVER. */
  DEADLINE: 1,
  /** Written by the poller before a turn: REASON bits. */
  REASONS: 2,
  /** Written by the poller before a turn: one bit for each watched fd that has something to read. */
  READABLE: 3,
  /** Written by the turn: RESULT bits. */
  RESULT: 4,
} as const;
const WORDS = 5;

/** Why there is a turn. */
export const REASON = {
  READABLE: 1,
  WRITABLE: 2,
  TIMER: 4,
  KICK: 8,
  /** The turn before said RESULT.MORE. */
  MORE: 16,
  /** A watched fd was given up: ask `takeError`. */
  ERROR: 32,
} as const;

/** What a turn did. */
export const RESULT = {
  /** Frames came: poll a short while before sleeping. */
  WORKED: 1,
  /** Something is left that no fd will tell of: turn again without waiting. */
  MORE: 2,
} as const;

export const POLLER_COUNTERS = [
  'turns',
  /** From sleep, by a watched fd. */
  'wakeups',
  /** From sleep, by the timerfd. */
  'timerWakeups',
  /** Of those: the deadline had moved later meanwhile, and no turn was needed. */
  'earlyWakeups',
  /** Times the timerfd was set. */
  'timerArms',
  /** Turns asked for from outside a turn. */
  'kicks',
  /** Short polls after the last frame of a busy spell. */
  'spins',
  /** Of those: ended by a frame, by room in a device, or by a deadline. */
  'spinHits',
  'sleeps',
] as const;
export type PollerCounter = (typeof POLLER_COUNTERS)[number];

/**
 * Memory for the words. Its ArrayBuffer is made first, so that the words never move: V8 keeps small
 * typed arrays inside its moving heap otherwise.
 */
export function createWords(): Float64Array {
  const words = new Float64Array(new ArrayBuffer(WORDS * Float64Array.BYTES_PER_ELEMENT));
  words[WORD.DEADLINE] = NEVER;
  return words;
}
