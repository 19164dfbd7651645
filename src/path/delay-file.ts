import { MS, SEC } from '../base/time.ts';

export interface DelayStep {
  readonly atNs: number;
  readonly delayNs: number;
}

/**
 * Delays over time out of a text: a line has a time in seconds and the delay in milliseconds from then on, as decimals
 * between white space or a comma; what follows a `#` is a remark. Throws with the line's number.
 */
export function parseDelays(text: string): DelayStep[] {
  const steps: DelayStep[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const [said = ''] = line.split('#');
    if (said.trim() === '') continue;
    const found = /^\s*(\d+(?:\.\d+)?)\s*[\s,]\s*(\d+(?:\.\d+)?)\s*$/.exec(said);
    if (found === null) throw new RangeError(`delays: line ${i + 1} is not "seconds milliseconds"`);
    const atNs = Math.round(Number(found[1]) * SEC);
    if (steps.length > 0 && atNs <= steps[steps.length - 1]!.atNs) {
      throw new RangeError(`delays: line ${i + 1} is not after the one before it`);
    }
    steps.push({ atNs, delayNs: Math.round(Number(found[2]) * MS) });
  }
  if (steps.length === 0) throw new RangeError('delays: there are none');
  return steps;
}
