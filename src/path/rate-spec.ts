/** How fast a link is, in words that a scenario can use. */
import { assert } from '../base/assert.ts';
import { SEC } from '../base/time.ts';
import { OPPORTUNITY_BYTES, parseMahimahi } from './mahimahi.ts';
import { type MarkovState, MarkovTimeline } from './markov.ts';
import type { PathStreams } from './path-streams.ts';
import { ConstantRate, nsPerByteAt, type RateModel, SteppedRate } from './rate.ts';
import { ListTimeline, type Timeline } from './timeline.ts';
import { ShapedRate, TokenBucket } from './token-bucket.ts';
import { TraceRate } from './trace-rate.ts';

/** Bits per second of frame bytes; or how they change. */
export type RateSpec =
  | number
  /** A rate from each time on, counted from the start of the clock; it may be 0, but not for ever. */
  | { readonly steps: readonly RateStep[]; readonly repeatNs?: number }
  /** A Mahimahi trace: the text of its file. */
  | { readonly trace: string }
  /** Sends for a random time, pauses for another: exponentially distributed, with these means. */
  | { readonly onOff: OnOffSpec }
  /** A Markov chain: each state holds for an exponentially distributed time. */
  | { readonly markov: readonly RateState[] }
  /** At most a bucket of bytes at once, and this rate beyond: what exceeds it waits in the queue. */
  | { readonly shaper: BucketSpec };

export interface RateStep {
  readonly atNs: number;
  readonly bps: number;
}

export interface OnOffSpec {
  readonly bps: number;
  readonly onNs: number;
  readonly offNs: number;
}

export interface RateState {
  readonly bps: number;
  readonly meanNs: number;
  /** What comes after it: a weight for each state of the list. Default: any other one, all alike. */
  readonly to?: readonly number[];
}

/** A bucket that fills at a rate, and lets as many bytes pass at once as it is deep. */
export interface BucketSpec {
  readonly rateBps: number;
  readonly burstBytes: number;
}

/** @returns null for a rate without limit. */
export function makeRate(spec: RateSpec, streams: PathStreams): RateModel | null {
  if (typeof spec === 'number') return spec === Infinity ? null : new ConstantRate(spec);
  if ('shaper' in spec) return new ShapedRate(makeBucket(spec.shaper));
  if ('trace' in spec) return new TraceRate(parseMahimahi(spec.trace));
  if ('steps' in spec) return new SteppedRate(stepped(spec.steps, spec.repeatNs));
  const states = 'markov' in spec ? spec.markov : onOff(spec.onOff);
  assertMoves(states);
  return new SteppedRate(new MarkovTimeline(streams.of('rate'), states.map(markovState)));
}

export function makeBucket({ rateBps, burstBytes }: BucketSpec): TokenBucket {
  return new TokenBucket(rateBps, burstBytes);
}

/** The most that the rate ever is; the mean of a trace. */
export function peakBps(spec: RateSpec): number {
  if (typeof spec === 'number') return spec;
  if ('shaper' in spec) return spec.shaper.rateBps;
  if ('onOff' in spec) return spec.onOff.bps;
  if ('trace' in spec) {
    const opportunities = parseMahimahi(spec.trace);
    const ns = opportunities[opportunities.length - 1]!;
    return (opportunities.length * OPPORTUNITY_BYTES * 8 * SEC) / ns;
  }
  return Math.max(...('markov' in spec ? spec.markov : spec.steps).map(({ bps }) => bps));
}

function stepped(steps: readonly RateStep[], repeatNs: number | undefined): Timeline {
  const stays = repeatNs === undefined ? steps.slice(-1) : steps;
  assert(
    stays.some((step) => step.bps > 0),
    'a rate is not 0 for ever',
  );
  const values = steps.map(({ atNs, bps }) => ({ atNs, value: nsPerByteAt(bps) }));
  return new ListTimeline(values, repeatNs);
}

function onOff({ bps, onNs, offNs }: OnOffSpec): RateState[] {
  return [
    { bps, meanNs: onNs },
    { bps: 0, meanNs: offNs },
  ];
}

function markovState({ bps, meanNs, to }: RateState): MarkovState {
  return { value: nsPerByteAt(bps), meanNs, ...(to === undefined ? {} : { to }) };
}

/** From each state there is a way to one that sends: otherwise a frame might wait for ever. */
function assertMoves(states: readonly RateState[]): void {
  const moves = new Set(states.filter((state) => state.bps > 0));
  for (let had = -1; had !== moves.size; ) {
    had = moves.size;
    for (const state of states) {
      const follows = (next: RateState, i: number): boolean =>
        moves.has(next) && (state.to === undefined ? next !== state : state.to[i]! > 0);
      if (states.some(follows)) moves.add(state);
    }
  }
  assert(moves.size === states.length, 'a rate is not 0 for ever');
}
