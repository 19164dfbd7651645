/**
 * When an event is due, and how far off it may be.
 *
 * A time of its own counts from the start of the script; a relative one from the moment at which the
 * event before was finished. Two inbound packets in a row are the exception: the second counts from when
 * the first was due, so that lateness does not add up.
 *
 *     allowed = max(tolerance_usecs, tolerance_percent of the time between the two events as due)
 */
import { SEC } from '../../base/time.ts';
import type { ScriptOptions } from './options.ts';
import type { ScriptEvent } from './script.ts';

/** Nanoseconds of the clock of the run. */
export interface Due {
  readonly fromNs: number;
  /** `fromNs`, or the end of a range; Infinity for a packet that may come at any time. */
  readonly toNs: number;
  /** When a blocking call must return, or null. */
  readonly returnNs: number | null;
  readonly allowedNs: number;
  /** Since the event before: how long to wait for a packet, beyond `GIVE_UP_NS`. */
  readonly sincePreviousNs: number;
  readonly isFirst: boolean;
}

/** A packet that has not come this long after it was due will not. */
export const GIVE_UP_NS = 2 * SEC;
/** In virtual time even a packet that may come at any time is not waited for for ever. */
export const ANY_TIME_NS = 3600 * SEC;

type Tolerance = Pick<ScriptOptions, 'toleranceNs' | 'tolerancePercent'>;

export class Timeline {
  private readonly tolerance: Tolerance;
  private readonly startNs: number;
  private previousDueNs: number;
  private previousDoneNs: number;
  private wasInbound = false;
  private isFirst = true;

  /** @param startNs when the script starts, after its init command. */
  constructor(tolerance: Tolerance, startNs: number) {
    this.tolerance = tolerance;
    this.startNs = startNs;
    this.previousDueNs = startNs;
    this.previousDoneNs = startNs;
  }

  due(event: ScriptEvent): Due {
    const { time } = event;
    const fromStart = time.anchor === 'start';
    const anchorNs = fromStart
      ? this.startNs
      : this.wasInbound && isInbound(event)
        ? this.previousDueNs
        : this.previousDoneNs;
    const fromNs = anchorNs + time.fromNs;
    const sincePreviousNs = Math.max(0, fromNs - this.previousDueNs);
    const { returnNs } = time;
    return {
      fromNs,
      toNs: anchorNs + time.toNs,
      returnNs: returnNs === null ? null : anchorNs + returnNs,
      allowedNs: this.allowedNs(sincePreviousNs),
      sincePreviousNs,
      isFirst: this.isFirst,
    };
  }

  /** The event is over; for an outbound packet, it was seen. */
  done(event: ScriptEvent, due: Due, nowNs: number): void {
    // What could come at any time was due when it came.
    this.previousDueNs = due.toNs === Infinity ? nowNs : due.fromNs;
    this.previousDoneNs = nowNs;
    this.wasInbound = isInbound(event);
    this.isFirst = false;
  }

  /** For the end of a blocking call, `spanNs` is how long it should have taken. */
  allowedNs(spanNs: number): number {
    const { toleranceNs, tolerancePercent } = this.tolerance;
    return Math.max(toleranceNs, (tolerancePercent / 100) * spanNs);
  }

  /** How long to wait for an outbound packet. */
  giveUpNs(due: Due, nowNs: number): number {
    if (due.toNs === Infinity) return nowNs + ANY_TIME_NS;
    return Math.max(nowNs, due.toNs) + due.sincePreviousNs + GIVE_UP_NS;
  }

  /** What is wrong with doing at `nowNs` what should be done at `due`; the first event is never late. */
  lateness(due: Due, nowNs: number): string | null {
    if (due.isFirst || nowNs <= due.fromNs + due.allowedNs) return null;
    return `late: due at ${this.text(due.fromNs)}, it was ${this.text(nowNs)}`;
  }

  /** What is wrong with an outbound packet's time. */
  offTime(due: Due, capturedNs: number): string | null {
    if (due.isFirst || due.toNs === Infinity) return null;
    const isEarly = capturedNs < due.fromNs - due.allowedNs;
    const isLate = capturedNs > due.toNs + due.allowedNs;
    if (!isEarly && !isLate) return null;
    const range = due.toNs > due.fromNs ? ` to ${this.text(due.toNs)}` : '';
    const when = `due at ${this.text(due.fromNs)}${range}`;
    return `${isEarly ? 'early' : 'late'}: ${when}, it came at ${this.text(capturedNs)}`;
  }

  /** What is wrong with when a blocking call returned. */
  offReturn(due: Due, returnedNs: number): string | null {
    if (due.returnNs === null) return null;
    const allowedNs = this.allowedNs(due.returnNs - due.fromNs);
    if (Math.abs(returnedNs - due.returnNs) <= allowedNs) return null;
    const how = returnedNs < due.returnNs ? 'early' : 'late';
    return `returned ${how}: due at ${this.text(due.returnNs)}, it was ${this.text(returnedNs)}`;
  }

  /** Seconds since the start of the script. */
  text(ns: number): string {
    return `${((ns - this.startNs) / SEC).toFixed(6)} s`;
  }

  elapsedNs(nowNs: number): number {
    return nowNs - this.startNs;
  }
}

function isInbound({ action }: ScriptEvent): boolean {
  return 'isInbound' in action && action.isInbound;
}
