/** How long the way is, in words that a scenario can use. */
import { ConstantDelay, type DelayModel, SteppedDelay } from './delay.ts';
import type { DelayStep } from './delay-file.ts';
import { normalTable, paretoTable, TableJitter, UniformJitter } from './jitter.ts';
import type { PathStreams } from './path-streams.ts';
import { ListTimeline } from './timeline.ts';

/** Nanoseconds; or a delay from each time on, as `parseDelays` reads it. */
export type DelaySpec =
  | number
  | { readonly steps: readonly DelayStep[]; readonly repeatNs?: number };

/** Added to the delay of each frame, drawn from `link.<name>.jitter`. */
export type JitterSpec =
  /** Over [0, ns). */
  | { readonly uniformNs: number }
  /** Normally distributed to both sides of 0, with this standard deviation; no delay is below 0. */
  | { readonly normalNs: number }
  /** By Pareto's distribution (Lomax's), from 0 on, with this mean; the shape is above 1, and 3 by default. */
  | { readonly paretoNs: number; readonly shape?: number };

const DEFAULT_SHAPE = 3;

export function makeDelay(spec: DelaySpec): DelayModel | null {
  if (typeof spec === 'number') return spec === 0 ? null : new ConstantDelay(spec);
  const steps = spec.steps.map(({ atNs, delayNs }) => ({ atNs, value: delayNs }));
  return new SteppedDelay(new ListTimeline(steps, spec.repeatNs));
}

export function makeJitter(spec: JitterSpec, streams: PathStreams): DelayModel {
  const random = streams.of('jitter');
  if ('uniformNs' in spec) return new UniformJitter(random, spec.uniformNs);
  if ('normalNs' in spec) return new TableJitter(random, normalTable(spec.normalNs));
  return new TableJitter(random, paretoTable(spec.paretoNs, spec.shape ?? DEFAULT_SHAPE));
}

/** The least that the delay ever is, without jitter. */
export function shortestDelayNs(spec: DelaySpec): number {
  if (typeof spec === 'number') return spec;
  return Math.min(...spec.steps.map(({ delayNs }) => delayNs));
}

/** The most that the delay ever is, without jitter. */
export function longestDelayNs(spec: DelaySpec): number {
  if (typeof spec === 'number') return spec;
  return Math.max(...spec.steps.map(({ delayNs }) => delayNs));
}
