/**
 * CUBIC as Linux 6.x has it. The window is a cubic function of the time since the last reduction,
 *
 *     W(t) = C (t - K)^3 + Wmax,   K = cbrt((Wmax - cwnd at the epoch's start) / C)
 *
 * so that it comes back to where the loss was, stays there, then probes; it is never below what Reno would have
 * (W_est). Integer arithmetic, time in 1/1024 s, as in Linux.
 *
 * Where that differs from RFC 9438:
 * - beta is 717/1024 and C 410/1024 (0.7 and 0.4 in the RFC);
 * - §4.3: W_est grows by 8/15 a round trip for ever; the RFC goes to 1 once it is at the window before the loss;
 * - §4.2: growth is limited to one piece for every second one acknowledged: the RFC's 1.5 cwnd, by other means;
 *   before there was any loss at least one piece in 20 is added;
 * - §4.6: the window is reduced, not the flight size;
 * - §4.9: a spurious reduction gives cwnd and ssthresh back, but not Wmax and K;
 * - §5.8: the time without data to send is left out only when nothing at all was in flight (TX_START).
 */
import { assert } from '../base/assert.ts';
import { EINVAL, ENOENT } from '../base/errno.ts';
import { MS, NEVER, SEC, US } from '../base/time.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from './ca-state.ts';
import type { CcView } from './cc-view.ts';
import { CC_FLAG, type CcInfo, type CcModule, CongestionControl } from './congestion-control.ts';
import { wholeCubeRoot } from './cube-root.ts';
import { HYSTART_DELAY, HYSTART_TRAIN, HyStart } from './hystart.ts';
import type { AckSample } from './samples.ts';
import { additiveIncrease, slowStart } from './window-growth.ts';

/** The module parameters of tcp_cubic, in Linux's units. */
export interface CubicParams {
  /** The window after a loss, in 1/1024 of the one before. */
  readonly beta: number;
  /** C in 10/1024 pieces a cubic second. */
  readonly bicScale: number;
  readonly fastConvergence: boolean;
  readonly tcpFriendliness: boolean;
  readonly hystart: boolean;
  /** Bits: 1 ACK train, 2 delay. */
  readonly hystartDetect: number;
  /** No exit below this window. */
  readonly hystartLowWindow: number;
  /** ACKs further apart are no train. */
  readonly hystartAckDeltaUs: number;
  /** Without HyStart: where slow start ends; 0 for nowhere. */
  readonly initialSsthresh: number;
}

export const LINUX_CUBIC: CubicParams = {
  beta: 717,
  bicScale: 41,
  fastConvergence: true,
  tcpFriendliness: true,
  hystart: true,
  hystartDetect: HYSTART_TRAIN | HYSTART_DELAY,
  hystartLowWindow: 16,
  hystartAckDeltaUs: 2000,
  initialSsthresh: 0,
};

const SCALE = 1024;
/** Cubes of time in 1/1024 s, times C in 1/1024. */
const CUBE_SCALE = 2 ** 40;
/** The same window is not computed again sooner than this (HZ / 32). */
const SAME_WINDOW_NS = SEC / 32;
/** Nor any window more than once in a tick of Linux with HZ = 1000. */
const TICK_NS = MS;

/** RFC 8511 §3.1: 0.85 where the answer to a loss is 0.7. */
const ECN_BETA = Math.ceil(0.85 * SCALE);

/** The function of time, from a reduction on: what a connection that never left slow start does without. */
class Curve {
  private readonly p: CubicParams;
  /** C in 1/1024. */
  private readonly c: number;
  /** Pieces acknowledged for one more in W_est, in 1/8 of the window. */
  private readonly friendlyEighths: number;

  /** Pieces to be acknowledged for one more in the window. */
  every = 0;
  /** The window at the last reduction, or less (fast convergence); 0: there was none. */
  wMax = 0;
  private lastCwnd = 0;
  private lastNs = 0;
  /** Where the cubic function is flat, and how long after the epoch's start: 1/1024 s. */
  origin = 0;
  k = 0;
  /** NEVER: the next ACK starts an epoch. */
  epochNs = NEVER;
  wEst = 0;
  private ackedForEst = 0;

  constructor(p: CubicParams) {
    this.p = p;
    this.c = p.bicScale * 10;
    const gained = Math.floor((8 * (SCALE + p.beta)) / 3);
    this.friendlyEighths = Math.floor(gained / (SCALE - p.beta));
  }

  reset(): void {
    this.every = 0;
    this.wMax = 0;
    this.lastCwnd = 0;
    this.lastNs = 0;
    this.origin = 0;
    this.k = 0;
    this.epochNs = NEVER;
    this.wEst = 0;
    this.ackedForEst = 0;
  }

  /** The window is reduced from `cwnd`. */
  end(cwnd: number, beta: number): void {
    this.epochNs = NEVER;
    const isShrinking = cwnd < this.wMax && this.p.fastConvergence;
    this.wMax = isShrinking ? Math.floor((cwnd * (SCALE + beta)) / (2 * SCALE)) : cwnd;
  }

  /** Sending goes on after a pause, which does not count. */
  resume(v: CcView): void {
    if (this.epochNs === NEVER) return;
    const idleNs = v.nowNs - v.lastSentNs;
    if (idleNs > 0) this.epochNs = Math.min(this.epochNs + idleNs, v.nowNs);
  }

  /** Right after a reduction the delay is still that of the full queue. */
  isYoung({ nowNs }: CcView): boolean {
    return this.epochNs !== NEVER && nowNs - this.epochNs < SEC;
  }

  /** Decides how fast the window grows from now on: `every`. */
  update(v: CcView, acked: number, hystart: HyStart | null): void {
    const { cwnd, nowNs } = v;
    this.ackedForEst += acked;
    const sinceNs = nowNs - this.lastNs;
    if (cwnd === this.lastCwnd && sinceNs <= SAME_WINDOW_NS) return;
    if (this.epochNs === NEVER || sinceNs >= TICK_NS) {
      this.lastCwnd = cwnd;
      this.lastNs = nowNs;
      if (this.epochNs === NEVER) this.startEpoch(v, acked);
      this.follow(v, hystart);
    }
    if (this.p.tcpFriendliness) this.keepUpWithReno(cwnd);
    this.every = Math.max(this.every, 2);
  }

  private startEpoch(v: CcView, acked: number): void {
    const { cwnd } = v;
    this.epochNs = v.nowNs;
    this.ackedForEst = acked;
    this.wEst = cwnd;
    this.origin = Math.max(this.wMax, cwnd);
    this.k = wholeCubeRoot(Math.floor(CUBE_SCALE / this.c) * (this.origin - cwnd));
  }

  /** Towards W one round trip from now. */
  private follow(v: CcView, hystart: HyStart | null): void {
    const { cwnd } = v;
    const delayNs = hystart === null ? 0 : hystart.minDelayNs;
    const sinceNs = v.nowNs - this.epochNs + delayNs;
    const offset = Math.floor((sinceNs * SCALE) / SEC) - this.k;
    const away = Math.abs(offset);
    const distance = Math.floor((this.c * away * away * away) / CUBE_SCALE);
    const target = offset < 0 ? this.origin - distance : this.origin + distance;
    this.every = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : 100 * cwnd;
    if (this.wMax === 0 && this.every > 20) this.every = 20;
  }

  private keepUpWithReno(cwnd: number): void {
    const perPiece = Math.max(1, Math.floor((cwnd * this.friendlyEighths) / 8));
    if (this.ackedForEst > perPiece) {
      const steps = Math.floor((this.ackedForEst - 1) / perPiece);
      this.ackedForEst -= steps * perPiece;
      this.wEst += steps;
    }
    if (this.wEst > cwnd) this.every = Math.min(this.every, Math.floor(cwnd / (this.wEst - cwnd)));
  }
}

export class Cubic extends CongestionControl {
  private readonly p: CubicParams;
  /** Made for the first sample: a connection that sends nothing has no slow start to leave. */
  private hystart: HyStart | null = null;
  /** Made by the first reduction, or growth outside slow start. */
  private curve: Curve | null = null;

  constructor(p: CubicParams) {
    super();
    assert(p.beta > 0 && p.beta < SCALE, 'beta is a share of 1024');
    assert(p.bicScale > 0, 'bicScale is positive');
    this.p = p;
  }

  override init(v: CcView): void {
    if (v.sndNxt > 0) (this.hystart ?? this.makeHyStart()).reset(v); // a live connection has changed to this module
    const { hystart, initialSsthresh } = this.p;
    if (!hystart && initialSsthresh > 0) v.setSsthresh(initialSsthresh);
  }

  override ssthresh(v: CcView): number {
    const { cwnd } = v;
    const beta = v.isGentle ? Math.max(this.p.beta, ECN_BETA) : this.p.beta;
    (this.curve ?? this.makeCurve()).end(cwnd, beta);
    return Math.max(Math.floor((cwnd * beta) / SCALE), 2);
  }

  override congAvoid(v: CcView, acked: number): void {
    if (!v.isCwndLimited) return;
    let rest = acked;
    if (v.isInSlowStart()) {
      rest = slowStart(v, acked);
      if (rest === 0) return;
    }
    const curve = this.curve ?? this.makeCurve();
    curve.update(v, rest, this.hystart);
    additiveIncrease(v, curve.every, rest);
  }

  override setState(v: CcView, state: CaState): void {
    if (state !== CA_STATE.LOSS) return;
    this.curve?.reset();
    (this.hystart ?? this.makeHyStart()).reset(v);
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event === CA_EVENT.TX_START) this.curve?.resume(v);
  }

  override pktsAcked(v: CcView, sample: AckSample): void {
    if (sample.rttNs < 0 || this.curve?.isYoung(v) === true) return;
    const hystart = this.hystart ?? this.makeHyStart();
    hystart.measure(sample);
    if (this.p.hystart && !hystart.isFound && v.isInSlowStart()) hystart.update(v, sample);
  }

  override getInfo(): CcInfo {
    const { curve, hystart } = this;
    const values = {
      wMax: curve?.wMax ?? 0,
      origin: curve?.origin ?? 0,
      kSeconds: (curve?.k ?? 0) / SCALE,
      epochNs: curve?.epochNs ?? NEVER,
      wEst: curve?.wEst ?? 0,
      ackedPerPiece: curve?.every ?? 0,
      minDelayNs: hystart?.minDelayNs ?? 0,
      hystartFound: hystart?.isFound === true ? 1 : 0,
    };
    return { kind: 'other', values };
  }

  private makeHyStart(): HyStart {
    const { hystartDetect, hystartLowWindow, hystartAckDeltaUs } = this.p;
    this.hystart = new HyStart(hystartDetect, hystartLowWindow, hystartAckDeltaUs * US);
    return this.hystart;
  }

  /** Its callers test whether there is one: together with this they would be too long to be inlined. */
  private makeCurve(): Curve {
    this.curve = new Curve(this.p);
    return this.curve;
  }
}

/** The files of /sys/module/tcp_cubic/parameters, and what they take. */
const PARAMETERS: Readonly<
  Record<string, { field: keyof CubicParams; least: number; most: number }>
> = {
  beta: { field: 'beta', least: 1, most: SCALE - 1 },
  bic_scale: { field: 'bicScale', least: 1, most: SCALE },
  fast_convergence: { field: 'fastConvergence', least: 0, most: 1 },
  tcp_friendliness: { field: 'tcpFriendliness', least: 0, most: 1 },
  hystart: { field: 'hystart', least: 0, most: 1 },
  hystart_detect: { field: 'hystartDetect', least: 0, most: 3 },
  hystart_low_window: { field: 'hystartLowWindow', least: 0, most: 0x7fffffff },
  hystart_ack_delta_us: { field: 'hystartAckDeltaUs', least: 0, most: 0x7fffffff },
  initial_ssthresh: { field: 'initialSsthresh', least: 0, most: 0x7fffffff },
};

function withParameter(
  name: string,
  params: CubicParams,
  parameter: string,
  value: number,
): CcModule | number {
  const known = Object.hasOwn(PARAMETERS, parameter) ? PARAMETERS[parameter] : undefined;
  if (known === undefined) return -ENOENT;
  const { field, least, most } = known;
  if (!Number.isInteger(value) || value < least || value > most) return -EINVAL;
  const isSwitch = typeof LINUX_CUBIC[field] === 'boolean';
  return cubicWith(name, { ...params, [field]: isSwitch ? value !== 0 : value });
}

/** CUBIC with other parameters, under a name of its own. */
export function cubicWith(name: string, changes: Partial<CubicParams>): CcModule {
  const params: CubicParams = { ...LINUX_CUBIC, ...changes };
  return {
    name,
    flags: CC_FLAG.NON_RESTRICTED,
    create: () => new Cubic(params),
    withParameter: (parameter, value) => withParameter(name, params, parameter, value),
  };
}

export const cubic: CcModule = cubicWith('cubic', {});
