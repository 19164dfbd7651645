/** When a link is cut, and for whom, in words that a scenario can use. */
import { assert } from '../base/assert.ts';
import { NEVER } from '../base/time.ts';
import { FlowFilter, type FlowSpec } from './flow-filter.ts';
import { type MarkovState, MarkovTimeline } from './markov.ts';
import { Partition } from './partition.ts';
import type { PathStreams } from './path-streams.ts';
import { ListTimeline, type Step, type Timeline } from './timeline.ts';

/** A direction that is cut lets nobody in; what is inside goes on. The other direction has its own. */
export type PartitionSpec = PartitionTimes & {
  /** Only frames of these flows. Default: all frames. */
  readonly flows?: readonly FlowSpec[];
};

export type PartitionTimes =
  /** During these times; they come again when the list repeats. */
  | { readonly cuts: readonly CutSpec[]; readonly repeatNs?: number }
  /** Whole for a time and cut for a time, in turn. */
  | { readonly flapping: FlappingSpec }
  /** The same with exponentially distributed times of these means, from `link.<name>.partition`. */
  | { readonly random: FlappingSpec };

export interface CutSpec {
  readonly fromNs: number;
  /** The first time at which frames pass again, or Infinity. */
  readonly toNs: number;
}

export interface FlappingSpec {
  readonly upNs: number;
  readonly downNs: number;
}

const WHOLE = 0;
const CUT = 1;

export function makePartition(spec: PartitionSpec, streams: PathStreams): Partition {
  return new Partition(timesOf(spec, streams), makeFilter(spec.flows));
}

/** @returns null for all frames. */
export function makeFilter(flows: readonly FlowSpec[] | undefined): FlowFilter | null {
  return flows === undefined ? null : new FlowFilter(flows);
}

function timesOf(spec: PartitionTimes, streams: PathStreams): Timeline {
  if ('cuts' in spec)
    return new ListTimeline(stepsOf(spec.cuts, spec.repeatNs ?? NEVER), spec.repeatNs);
  if ('flapping' in spec) {
    const { upNs, downNs } = spec.flapping;
    const roundNs = upNs + downNs;
    return new ListTimeline(stepsOf([{ fromNs: upNs, toNs: roundNs }], roundNs), roundNs);
  }
  const states: MarkovState[] = [
    { value: WHOLE, meanNs: spec.random.upNs },
    { value: CUT, meanNs: spec.random.downNs },
  ];
  return new MarkovTimeline(streams.of('partition'), states);
}

function stepsOf(cuts: readonly CutSpec[], roundNs: number): Step[] {
  const steps: Step[] = [{ atNs: 0, value: WHOLE }];
  for (const { fromNs, toNs } of cuts) {
    assert(toNs > fromNs, 'a cut ends after it began');
    // One that begins where the one before it ended, or at 0, goes in the place of that step.
    if (steps[steps.length - 1]!.atNs === fromNs) steps.pop();
    steps.push({ atNs: fromNs, value: CUT });
    if (toNs !== roundNs) steps.push({ atNs: toNs, value: WHOLE });
  }
  return steps;
}
