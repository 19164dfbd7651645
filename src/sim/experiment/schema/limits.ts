/**
 * What a scenario may ask for at all. Numbers stay exact, and what comes again and again is far enough apart for a run to
 * end: each of these moments is an event.
 */
import type { PlainShape } from './shape.ts';

/** A million seconds: whole nanoseconds are exact to nine times that. */
const MOST_TIME = 1e15;
/** A bit takes a picosecond. */
const MOST_RATE = 1e12;
const MOST_SIZE = 1e15;
/** A million events for each second of the experiment. */
const LEAST_PERIOD = 1e3;

type Quantity = Extract<PlainShape, { readonly type: 'quantity' }>;

export const TIME: Quantity = { type: 'quantity', unit: 'time', least: 0, most: MOST_TIME };
export const SOME_TIME: Quantity = { ...TIME, least: 1 };
/** Of what happens so often. */
export const PERIOD: Quantity = { ...TIME, least: LEAST_PERIOD };
export const ANY_RATE: Quantity = { type: 'quantity', unit: 'rate', least: 0, most: MOST_RATE };
export const RATE: Quantity = { ...ANY_RATE, least: 1 };
export const SIZE: Quantity = { type: 'quantity', unit: 'size', least: 1, most: MOST_SIZE };
