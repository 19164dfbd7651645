/**
 * A user's module behind a guard: a mistake in it is the end of the module on that connection, not of the connection.
 *
 * After each hook the window, the threshold and the rate have to be numbers that a connection can use. If they are not, or
 * the module throws, they become what they were before the hook, the fault is counted, and Reno goes on in its place.
 * Modules of our own need none of this, and have none of its cost.
 */
import type { CaEvent, CaState } from './ca-state.ts';
import { type CcView, INFINITE_SSTHRESH, MAX_CWND } from './cc-view.ts';
import { type CcInfo, type CcModule, CongestionControl } from './congestion-control.ts';
import { reno } from './reno.ts';
import type { AckSample, LossSample, RateSample } from './samples.ts';

/** Pieces: 24 gigabytes in flight. What sets more has lost its way. */
const MOST_CWND = 2 ** 24;
/** Bytes a second: less than a segment an hour, more than any link. */
const LEAST_RATE = 1;
const MOST_RATE = 1e13;

/** What went wrong with a module: how often, and the first time. */
export class CcFaults {
  readonly module: string;
  count = 0;
  /** '' while nothing has. */
  first = '';
  private readonly listener: ((faults: CcFaults) => void) | null;

  constructor(module: string, listener: ((faults: CcFaults) => void) | null = null) {
    this.module = module;
    this.listener = listener;
  }

  add(what: string): void {
    if (this.count === 0) this.first = what;
    this.count++;
    this.listener?.(this);
  }
}

/** The same module, with its faults; `listener` hears of each, once it is counted. */
export function guarded(
  module: CcModule,
  listener: ((faults: CcFaults) => void) | null = null,
): { module: CcModule; faults: CcFaults } {
  const faults = new CcFaults(module.name, listener);
  const { name, flags } = module;
  return { faults, module: { name, flags, create: () => make(module, faults) } };
}

function make(module: CcModule, faults: CcFaults): CongestionControl {
  try {
    return new Guarded(module.create(), faults);
  } catch (error) {
    faults.add(textOf('create', error));
    return new Guarded(reno.create(), faults, true);
  }
}

class Guarded extends CongestionControl {
  private own: CongestionControl;
  private hasFailed: boolean;
  private readonly faults: CcFaults;
  /** As they were before the hook. */
  private goodCwnd = 1;
  private goodSsthresh = 2;
  private goodRate = Infinity;
  /** The sender's, which no module changes. */
  private goodClamp = MAX_CWND;
  private goodMaxRate = Infinity;
  private strays = 0;

  constructor(own: CongestionControl, faults: CcFaults, hasFailed = false) {
    super();
    this.own = own;
    this.hasFailed = hasFailed;
    this.faults = faults;
    this.changeHooks(own.hooks);
  }

  override get standIn(): string {
    return this.hasFailed ? reno.name : '';
  }

  override init(v: CcView): void {
    this.before(v);
    try {
      this.done(this.own.init(v));
    } catch (error) {
      this.fail(v, 'init', error);
    }
    this.check(v, 'init');
  }

  override release(v: CcView): void {
    this.before(v);
    try {
      this.done(this.own.release(v));
    } catch (error) {
      this.faults.add(textOf('release', error));
    }
    this.mend(v, 'release');
  }

  override congAvoid(v: CcView, acked: number): void {
    this.before(v);
    try {
      this.done(this.own.congAvoid(v, acked));
    } catch (error) {
      this.fail(v, 'congAvoid', error);
    }
    this.check(v, 'congAvoid');
  }

  override setState(v: CcView, state: CaState): void {
    this.before(v);
    try {
      this.done(this.own.setState(v, state));
    } catch (error) {
      this.fail(v, 'setState', error);
    }
    this.check(v, 'setState');
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    this.before(v);
    try {
      this.done(this.own.cwndEvent(v, event));
    } catch (error) {
      this.fail(v, 'cwndEvent', error);
    }
    this.check(v, 'cwndEvent');
  }

  override inAckEvent(v: CcView, flags: number): void {
    this.before(v);
    try {
      this.done(this.own.inAckEvent(v, flags));
    } catch (error) {
      this.fail(v, 'inAckEvent', error);
    }
    this.check(v, 'inAckEvent');
  }

  override pktsAcked(v: CcView, sample: AckSample): void {
    this.before(v);
    try {
      this.done(this.own.pktsAcked(v, sample));
    } catch (error) {
      this.fail(v, 'pktsAcked', error);
    }
    this.check(v, 'pktsAcked');
  }

  override congControl(v: CcView, sample: RateSample, flags: number): void {
    this.before(v);
    try {
      this.done(this.own.congControl(v, sample, flags));
    } catch (error) {
      this.fail(v, 'congControl', error);
    }
    this.check(v, 'congControl');
  }

  override markedLost(v: CcView, sample: LossSample): void {
    this.before(v);
    try {
      this.done(this.own.markedLost(v, sample));
    } catch (error) {
      this.fail(v, 'markedLost', error);
    }
    this.check(v, 'markedLost');
  }

  override ssthresh(v: CcView): number {
    this.before(v);
    try {
      const n = this.own.ssthresh(v);
      if (isThreshold(n)) return n;
      this.done(n);
      this.fail(v, 'ssthresh', `returned ${n}`);
    } catch (error) {
      this.fail(v, 'ssthresh', error);
    }
    return this.own.ssthresh(v);
  }

  override undoCwnd(v: CcView): number {
    this.before(v);
    try {
      const n = this.own.undoCwnd(v);
      if (isWindow(n)) return n;
      this.done(n);
      this.fail(v, 'undoCwnd', `returned ${n}`);
    } catch (error) {
      this.fail(v, 'undoCwnd', error);
    }
    return this.own.undoCwnd(v);
  }

  override minTsoSegs(v: CcView): number {
    this.before(v);
    try {
      const n = this.own.minTsoSegs(v);
      if (isFrom(0, 65535, n)) return n;
      this.done(n);
      this.fail(v, 'minTsoSegs', `returned ${n}`);
    } catch (error) {
      this.fail(v, 'minTsoSegs', error);
    }
    return this.own.minTsoSegs(v);
  }

  override sndbufExpand(v: CcView): number {
    this.before(v);
    try {
      const n = this.own.sndbufExpand(v);
      if (isFrom(1, 1000, n)) return n;
      this.done(n);
      this.fail(v, 'sndbufExpand', `returned ${n}`);
    } catch (error) {
      this.fail(v, 'sndbufExpand', error);
    }
    return this.own.sndbufExpand(v);
  }

  override sendsLittle(v: CcView): boolean {
    this.before(v);
    try {
      const isLittle = this.own.sendsLittle(v) === true;
      this.mend(v, 'sendsLittle');
      return isLittle;
    } catch (error) {
      this.fail(v, 'sendsLittle', error);
      return false;
    }
  }

  /** For people, as what follows: no reason to end it. */
  override getInfo(v: CcView): CcInfo | null {
    this.before(v);
    let info: CcInfo | null = null;
    try {
      info = this.own.getInfo(v);
    } catch (error) {
      this.faults.add(textOf('getInfo', error));
    }
    this.mend(v, 'getInfo');
    return typeof info?.kind === 'string' ? info : null;
  }

  override phaseName(v: CcView): string | null {
    this.before(v);
    let word: string | null = null;
    try {
      word = this.own.phaseName(v);
    } catch (error) {
      this.faults.add(textOf('phaseName', error));
    }
    this.mend(v, 'phaseName');
    return typeof word === 'string' ? word : null;
  }

  /** A hook is done when it returns: an `async` one would change the view at some other time. */
  private done(result: unknown): void {
    const promise = result as { catch?: (otherwise: () => void) => void } | null | undefined;
    if (typeof promise !== 'object' || typeof promise?.catch !== 'function') return;
    promise.catch(() => undefined); // nobody waits for it
    throw new Error('is async: a hook is done when it returns');
  }

  /** What was spoilt since, outside of any hook, is not what is gone back to. */
  private before(v: CcView): void {
    if (isWindow(v.cwnd)) this.goodCwnd = v.cwnd;
    if (isThreshold(v.ssthresh)) this.goodSsthresh = v.ssthresh;
    if (isRate(v.pacingRate)) this.goodRate = v.pacingRate;
    if (v.cwndClamp >= 1) this.goodClamp = v.cwndClamp;
    if (v.maxPacingRate > 0) this.goodMaxRate = v.maxPacingRate;
    this.strays = v.stats.strays;
  }

  private check(v: CcView, hook: string): void {
    const what = this.mistake(v);
    if (what !== '') this.fail(v, hook, what);
  }

  /** Of a hook that may change nothing: what it has changed for the worse is put back. */
  private mend(v: CcView, hook: string): void {
    const what = this.mistake(v);
    if (what === '') return;
    this.faults.add(`${hook}: ${what}`);
    this.restore(v);
  }

  /** '': there is none. */
  private mistake(v: CcView): string {
    const { cwnd, ssthresh, pacingRate, cwndCnt, cwndClamp, maxPacingRate } = v;
    const isGood =
      isWindow(cwnd) &&
      isThreshold(ssthresh) &&
      isRate(pacingRate) &&
      Number.isFinite(cwndCnt) &&
      cwndClamp === this.goodClamp &&
      maxPacingRate === this.goodMaxRate;
    if (isGood && v.stats.strays === this.strays) return '';
    if (isGood) return 'set a window or a threshold of 0 or less';
    const values = `cwnd ${cwnd}, ssthresh ${ssthresh}, pacing rate ${pacingRate}, cwndCnt ${cwndCnt}`;
    return `left ${values}, cwndClamp ${cwndClamp}, maxPacingRate ${maxPacingRate}`;
  }

  private restore(v: CcView): void {
    v.setLimits(this.goodClamp, this.goodMaxRate);
    v.setCwnd(this.goodCwnd);
    v.setSsthresh(this.goodSsthresh);
    v.setPacingRate(this.goodRate);
    if (!Number.isFinite(v.cwndCnt)) v.setCwndCnt(0);
  }

  /** From here on it is Reno, with what was good. */
  private fail(v: CcView, hook: string, why: unknown): void {
    this.faults.add(textOf(hook, why));
    this.hasFailed = true;
    this.own = reno.create();
    this.changeHooks(this.own.hooks);
    this.restore(v);
    v.setCwndCnt(0);
    this.own.init(v);
  }
}

const isWindow = (pieces: number): boolean => isFrom(1, MOST_CWND, pieces);
const isThreshold = (pieces: number): boolean => isFrom(2, INFINITE_SSTHRESH, pieces);
const isRate = (bytesPerSecond: number): boolean =>
  isFrom(LEAST_RATE, MOST_RATE, bytesPerSecond) || bytesPerSecond === Infinity;

/** A file in JavaScript has no types: 10n and '10' compare as 10 does, and the sender counts with neither. */
function isFrom(least: number, most: number, value: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function textOf(hook: string, why: unknown): string {
  try {
    return `${hook}: ${why instanceof Error ? why.message : String(why)}`;
  } catch {
    return `${hook}: threw what has no text`;
  }
}
