import { MS } from '../base/time.ts';

/** What an opportunity delivers: an IP packet of 1500 bytes and the 4 bytes that a TUN device puts before it. */
export const OPPORTUNITY_BYTES = 1504;

/**
 * A Mahimahi trace: one delivery opportunity a line, in whole milliseconds that do not decrease; a number that comes
 * several times is as many opportunities. Throws with the line's number.
 *
 * @returns the opportunities in nanoseconds. The last one is the length of the trace, which repeats.
 */
export function parseMahimahi(text: string): Float64Array {
  const lines = text.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  const opportunities = new Float64Array(lines.length);
  let last = 0;
  for (const [i, line] of lines.entries()) {
    const trimmed = line.trim();
    if (!/^\d+$/.test(trimmed))
      throw bad(i, trimmed === '' ? 'is empty' : `is not a whole number: ${trimmed}`);
    const ms = Number(trimmed);
    if (ms < last) throw bad(i, `goes back in time: ${ms} after ${last}`);
    last = ms;
    opportunities[i] = ms * MS;
  }
  if (last === 0) throw bad(lines.length - 1, 'is the length of the trace, and 0');
  return opportunities;
}

function bad(index: number, what: string): Error {
  return new RangeError(`trace: line ${Math.max(1, index + 1)} ${what}`);
}
