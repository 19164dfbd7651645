/**
 * CUBIC as Linux 6.x has it. The window is a cubic function of the time since the last reduction,
 *
 *     W(t) = C (t - K)^3 + Wmax,   K = cbrt((Wmax - cwnd at the epoch's start) / C)
 *
 * so that it comes back to where the loss was, stays there, then probes; it is never below what Reno would have
 * (W_est). Integer arithmetic, time in 1/1024 s, as in Linux (`cubic-curve`); the parameter `rfc9438` has the RFC's own
 * way instead (`cubic-rfc9438`), `hystart_plus` HyStart++ (RFC 9406).
 *
 * Where Linux's differs from RFC 9438:
 * - beta is 717/1024 and C 410/1024 (0.7 and 0.4 in the RFC);
 * - §4.3: W_est grows by 8/15 a round trip for ever; the RFC goes to 1 once it is at the window before the loss;
 * - §4.2: growth is limited to one piece for every second one acknowledged: the RFC's 1.5 cwnd, by other means;
 *   before there was any loss at least one piece in 20 is added;
 * - §4.6: the window is reduced, not the flight size;
 * - §4.9: a spurious reduction gives cwnd and ssthresh back, but not Wmax and K;
 * - §5.8: the time without data to send is left out only when nothing at all was in flight (TX_START).
 */
import { assert } from '../base/assert.ts';
import { NEVER, US } from '../base/time.ts';
import { CA_EVENT, CA_STATE, type CaEvent, type CaState } from './ca-state.ts';
import type { CcView } from './cc-view.ts';
import {
  CC_FLAG,
  type CcInfo,
  type CcModule,
  type CcParameters,
  CongestionControl,
  checkParameter,
} from './congestion-control.ts';
import { LinuxCurve } from './cubic-curve.ts';
import { type CubicCurve, type CubicParams, LINUX_CUBIC, SCALE } from './cubic-params.ts';
import { Rfc9438Curve } from './cubic-rfc9438.ts';
import { HyStart } from './hystart.ts';
import { HyStartPlus } from './hystart-plus.ts';
import type { AckSample } from './samples.ts';
import type { SlowStartExit } from './slow-start-exit.ts';
import { slowStart } from './window-growth.ts';

/** RFC 8511 §3.1: 0.85 where the answer to a loss is 0.7. */
const ECN_BETA = Math.ceil(0.85 * SCALE);

export class Cubic extends CongestionControl {
  private readonly p: CubicParams;
  /** Made for the first sample: a connection that sends nothing has no slow start to leave. */
  private hystart: SlowStartExit | null = null;
  /** Made by the first reduction, or growth outside slow start. */
  private curve: CubicCurve | null = null;

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
    if (!v.isCwndLimited) {
      this.curve?.pause(v);
      return;
    }
    let rest = acked;
    if (v.isInSlowStart()) {
      rest = slowStart(v, this.hystart === null ? acked : this.hystart.allowance(v, acked));
      if (rest === 0) return;
    }
    (this.curve ?? this.makeCurve()).grow(v, rest, this.hystart);
  }

  override setState(v: CcView, state: CaState): void {
    if (state !== CA_STATE.LOSS) return;
    this.curve?.reset();
    (this.hystart ?? this.makeHyStart()).reset(v);
  }

  override cwndEvent(v: CcView, event: CaEvent): void {
    if (event === CA_EVENT.TX_START) this.curve?.resume(v);
  }

  override undoCwnd(v: CcView): number {
    this.curve?.undo();
    return super.undoCwnd(v);
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
      wMax: 0,
      origin: 0,
      kSeconds: 0,
      epochNs: NEVER,
      wEst: 0,
      ackedPerPiece: 0,
      ...curve?.values(),
      minDelayNs: hystart?.minDelayNs ?? 0,
      hystartFound: hystart?.isFound === true ? 1 : 0,
    };
    return { kind: 'other', values };
  }

  private makeHyStart(): SlowStartExit {
    const { hystartPlus, hystartDetect, hystartLowWindow, hystartAckDeltaUs } = this.p;
    this.hystart = hystartPlus
      ? new HyStartPlus()
      : new HyStart(hystartDetect, hystartLowWindow, hystartAckDeltaUs * US);
    return this.hystart;
  }

  /** Its callers test whether there is one: together with this they would be too long to be inlined. */
  private makeCurve(): CubicCurve {
    this.curve = this.p.rfc9438 ? new Rfc9438Curve(this.p) : new LinuxCurve(this.p);
    return this.curve;
  }
}

/** The files of /sys/module/tcp_cubic/parameters, and what they take; the last two are ours. */
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
  rfc9438: { field: 'rfc9438', least: 0, most: 1 },
  hystart_plus: { field: 'hystartPlus', least: 0, most: 1 },
};

const RANGES: CcParameters = Object.fromEntries(
  Object.entries(PARAMETERS).map(([name, { least, most }]) => [name, [least, most]]),
);

function withParameter(
  name: string,
  params: CubicParams,
  parameter: string,
  value: number,
): CcModule | number {
  const errno = checkParameter(RANGES, parameter, value);
  if (errno < 0) return errno;
  const { field } = PARAMETERS[parameter]!; // it has a range
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
    parameters: RANGES,
    withParameter: (parameter, value) => withParameter(name, params, parameter, value),
  };
}

export const cubic: CcModule = cubicWith('cubic', {});
