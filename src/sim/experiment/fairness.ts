/**
 * How equal the shares of the endless bulk flows are, window by window, and how soon they are equal after a change.
 *
 *     flow a  |████████████████████████████|        An epoch is the time from one start or stop to the next. Its
 *     flow b        |██████████████|                windows begin with it; what is left at its end is not looked at.
 *             epoch 1| epoch 2     | epoch 3
 */
import type { FlowSpec } from './scenario.ts';

export interface FairnessSpec {
  readonly windowNs: number;
  /** Jain's index from which shares count as equal. */
  readonly threshold: number;
  /** From when on after a change `convergenceFairness` looks, converged or not; without: once they have converged. */
  readonly afterNs?: number;
}

export const DEFAULT_FAIRNESS: FairnessSpec = { windowNs: 1e9, threshold: 0.95 };

/** Each is a number in the summary. */
const MOST_WINDOWS = 100_000;

/** Of windows that somebody has asked for; null: there is nothing wrong with them. */
export function windowMistake(windowNs: number, durationNs: number): string | null {
  if (windowNs > durationNs) return 'longer than the run';
  return durationNs / windowNs > MOST_WINDOWS
    ? `more than ${MOST_WINDOWS} of them in the run`
    : null;
}

export interface FairnessSummary {
  readonly windowNs: number;
  readonly threshold: number;
  readonly epochs: readonly EpochSummary[];
}

/** At least one window of at least two flows. */
export interface EpochSummary {
  readonly fromNs: number;
  readonly toNs: number;
  /** How many flows there are. */
  readonly flows: number;
  /** Jain's index of each window; null where nothing arrived at all. */
  readonly jain: readonly (number | null)[];
  /** From its beginning until all windows that follow have the threshold; null when the last one has not. */
  readonly convergenceNs: number | null;
  /** The least index of all windows from then on. */
  readonly convergenceFairness: number | null;
}

/** What is looked at of a flow. */
export interface Sharer {
  readonly spec: FlowSpec;
  /** Bytes so far. */
  readonly delivered: number;
}

export function isEndless({ traffic }: FlowSpec): boolean {
  return traffic.kind === 'bulk' && traffic.bytes === undefined;
}

/** (Σx)² / (n·Σx²): 1 for equal shares, 1/n when one has it all. Null where nobody has anything. */
export function jain(shares: readonly number[]): number | null {
  let sum = 0;
  let squares = 0;
  for (const x of shares) {
    sum += x;
    squares += x * x;
  }
  return squares === 0 ? null : (sum * sum) / (shares.length * squares);
}

/** Four digits are enough for people, and the same everywhere. */
export const round4 = (x: number): number => Math.round(x * 1e4) / 1e4;

export function jain4(shares: readonly number[]): number | null {
  const index = jain(shares);
  return index === null ? null : round4(index);
}

interface Epoch {
  readonly fromNs: number;
  readonly toNs: number;
  readonly flows: readonly Sharer[];
  readonly jain: (number | null)[];
}

function epochsOf(
  flows: readonly Sharer[],
  windowNs: number,
  durationNs: number,
): readonly Epoch[] {
  const endless = flows.filter(({ spec }) => isEndless(spec));
  const changes = new Set([durationNs]);
  for (const { spec } of endless) {
    if (spec.startNs < durationNs) changes.add(spec.startNs);
    if ((spec.stopNs ?? durationNs) < durationNs) changes.add(spec.stopNs!);
  }
  const sorted = [...changes].sort((a, b) => a - b);
  return sorted.flatMap((toNs, i) => {
    const fromNs = sorted[i - 1];
    if (fromNs === undefined || toNs - fromNs < windowNs) return [];
    const own = endless.filter(
      ({ spec }) => spec.startNs <= fromNs && (spec.stopNs ?? durationNs) >= toNs,
    );
    return own.length < 2 ? [] : [{ fromNs, toNs, flows: own, jain: [] }];
  });
}

/** Looks at the flows' counters at the times it asks for. */
export class FairnessMeter {
  /** When `look` is to be called, ascending. */
  readonly times: readonly number[];
  private readonly spec: FairnessSpec;
  private readonly epochs: readonly Epoch[];
  /** The epoch whose window begins or ends next, and what its flows had when that window began. */
  private current = 0;
  private before: readonly number[] = [];

  constructor(flows: readonly Sharer[], spec: FairnessSpec, durationNs: number) {
    this.spec = spec;
    this.epochs = epochsOf(flows, spec.windowNs, durationNs);
    const times = new Set<number>();
    for (const { fromNs, toNs } of this.epochs) {
      const windows = Math.floor((toNs - fromNs) / spec.windowNs);
      for (let i = 0; i <= windows; i++) times.add(fromNs + i * spec.windowNs);
    }
    this.times = [...times].sort((a, b) => a - b);
  }

  look(nowNs: number): void {
    const { windowNs } = this.spec;
    const epoch = this.epochs[this.current];
    if (epoch === undefined) return;
    const now = epoch.flows.map((f) => f.delivered);
    if (nowNs > epoch.fromNs) {
      const shares = now.map((bytes, i) => bytes - this.before[i]!);
      epoch.jain.push(jain4(shares));
    }
    this.before = now;
    if (nowNs + windowNs <= epoch.toNs) return;
    this.current++;
    // The next one may begin where this one's last window ends.
    if (this.epochs[this.current]?.fromNs === nowNs) this.look(nowNs);
  }

  /** Null where there never were two endless flows for a window. */
  summary(): FairnessSummary | null {
    if (this.epochs.length === 0) return null;
    const { windowNs, threshold, afterNs } = this.spec;
    const epochs = this.epochs.map(({ fromNs, toNs, flows, jain }) => {
      const first = convergedAt(jain, threshold);
      const from = afterNs === undefined ? first : Math.ceil(afterNs / windowNs);
      const later = (from === null ? [] : jain.slice(from)).filter((x) => x !== null);
      return {
        ...{ fromNs, toNs, flows: flows.length, jain },
        convergenceNs: first === null ? null : first * windowNs,
        convergenceFairness: later.length === 0 ? null : Math.min(...later),
      };
    });
    return { windowNs, threshold, epochs };
  }
}

/** The first window from which on all have the threshold. */
export function convergedAt(windows: readonly (number | null)[], threshold: number): number | null {
  let first = windows.length;
  while (first > 0 && (windows[first - 1] ?? 0) >= threshold) first--;
  return first === windows.length ? null : first;
}
