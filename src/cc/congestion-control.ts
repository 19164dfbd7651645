/**
 * A congestion-control module. The sender detects loss, recovers and paces; a module only sets numbers on the
 * CcView that each hook is given. It never sees a packet, a timer, the connection or a clock.
 *
 * The hooks are those of Linux 6.x (tcp_congestion_ops), so that an algorithm ports both ways; `markedLost` is
 * BBRv3's, and `sendsLittle` what BBR does to the connection there. A hook that a module does not need is not written: the base class has it, and `hooks` says which ones
 * are the module's own, so that the sender gathers no samples that nobody reads.
 *
 * Hooks take the view, a record, or a small integer, and give back nothing or a small integer: calls stay free of
 * garbage however many kinds of modules meet at one call site.
 *
 * The order on an ACK, as in Linux since 6.15: `pktsAcked` when data left the queue; `inAckEvent`; `markedLost` for each
 * record found lost; `ssthresh` and `setState` when the state changes; then `congControl`, or, without it, `congAvoid`
 * when the state lets the window grow. `sndUna`, `delivered` and `inFlight` already count the ACK.
 */
import { EINVAL, ENOENT } from '../base/errno.ts';
import type { CaEvent, CaState } from './ca-state.ts';
import type { CcView } from './cc-view.ts';
import type { AckSample, LossSample, RateSample } from './samples.ts';

/** Bits of `CongestionControl.hooks`: these hooks are the module's own. */
export const HOOK = {
  CONG_AVOID: 1,
  SET_STATE: 2,
  CWND_EVENT: 4,
  IN_ACK_EVENT: 8,
  PKTS_ACKED: 16,
  MIN_TSO_SEGS: 32,
  CONG_CONTROL: 64,
  SNDBUF_EXPAND: 128,
  MARKED_LOST: 256,
  GET_INFO: 512,
  SENDS_LITTLE: 1024,
} as const;

/** Bits of `CcModule.flags`; the first two as in Linux. */
export const CC_FLAG = {
  /** An application without privileges may choose it. */
  NON_RESTRICTED: 1,
  /** Every connection of it negotiates ECN, whatever tcp_ecn says. */
  NEEDS_ECN: 2,
  /** CE events without forcing ECN (BBRv3). */
  WANTS_CE_EVENTS: 4,
} as const;

/** What TCP_CC_INFO tells; the first three in the kernel's layouts, `other` for whatever else a module has. */
export type CcInfo =
  | {
      readonly kind: 'vegas';
      readonly enabled: number;
      readonly rttCount: number;
      readonly rttUs: number;
      readonly minRttUs: number;
    }
  | {
      readonly kind: 'dctcp';
      readonly enabled: number;
      readonly ceState: number;
      readonly alpha: number;
      readonly abEcn: number;
      readonly abTot: number;
    }
  | {
      readonly kind: 'bbr';
      readonly bytesPerSecond: number;
      readonly minRttUs: number;
      readonly pacingGain: number;
      readonly cwndGain: number;
    }
  | { readonly kind: 'other'; readonly values: Readonly<Record<string, number>> };

export abstract class CongestionControl {
  /** Bits of HOOK. Written here alone. */
  hooks: number;

  constructor() {
    this.hooks = hooksOf(this);
  }

  /** For who stands before another one: hooks are asked for as that one has them. */
  protected changeHooks(hooks: number): void {
    this.hooks = hooks;
  }

  /** Who works in its place; '': it does. */
  get standIn(): string {
    return '';
  }

  /** The connection is established, or has just changed to this module: cwnd and ssthresh may have any values. */
  init(_v: CcView): void {
    // nothing to set up
  }

  /** The connection closes, or changes to another module. */
  release(_v: CcView): void {
    // nothing to give back
  }

  /** The new slow-start threshold, asked for once a reduction, before cwnd changes. At least 2. */
  abstract ssthresh(v: CcView): number;

  /** `acked` pieces were newly acknowledged, and nothing forbids growth. May leave cwnd alone. */
  congAvoid(_v: CcView, _acked: number): void {
    // a module with congControl has no use for it
  }

  /** View.caState is still the old state. */
  setState(_v: CcView, _state: CaState): void {
    // nothing depends on the state
  }

  cwndEvent(_v: CcView, _event: CaEvent): void {
    // nothing depends on events
  }

  /** Each ACK, once `delivered` and `deliveredCe` are known; bits of CA_ACK. */
  inAckEvent(_v: CcView, _flags: number): void {
    // nothing depends on how an ACK looks
  }

  pktsAcked(_v: CcView, _sample: AckSample): void {
    // no delays are measured
  }

  /** The least segments in a super-frame; 0: as tcp_min_tso_segs says. */
  minTsoSegs(_v: CcView): number {
    return 0;
  }

  /** Takes over: sets cwnd and pacingRate on each ACK in every state, in place of congAvoid and of PRR. Bits of CA_ACK. */
  congControl(_v: CcView, _sample: RateSample, _flags: number): void {
    // the sender's own rules apply
  }

  /**
   * After congControl: the module keeps the flight small, so that what is in it says nothing about the path's rate. Its
   * samples are marked as those of a limited application (the BBR draft's MarkConnectionAppLimited).
   */
  sendsLittle(_v: CcView): boolean {
    return false;
  }

  /** The reduction was spurious: the window to go back to. The sender restores ssthresh. */
  undoCwnd(v: CcView): number {
    return Math.max(v.cwnd, v.priorCwnd);
  }

  /** The send buffer holds this many windows. */
  sndbufExpand(_v: CcView): number {
    return 2;
  }

  markedLost(_v: CcView, _sample: LossSample): void {
    // losses count when the state changes
  }

  /** For people, not for the data path. */
  getInfo(_v: CcView): CcInfo | null {
    return null;
  }

  /** What it is doing, in one word, for traces and for what a scenario expects; null: there is no more to it than the state. */
  phaseName(_v: CcView): string | null {
    return null;
  }
}

/** Whole numbers: by the parameter's name the least and the most that it takes. */
export type CcParameters = Readonly<Record<string, readonly [least: number, most: number]>>;

/** 0; -ENOENT: there is none of that name; -EINVAL: it does not take that value. */
export function checkParameter(parameters: CcParameters, name: string, value: number): number {
  const range = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (range === undefined) return -ENOENT;
  return Number.isInteger(value) && value >= range[0] && value <= range[1] ? 0 : -EINVAL;
}

/** What is registered: a name and a way to make the state of one connection. */
export interface CcModule {
  /** 1 to 15 characters: letters, digits, `_`, `-`, `.` */
  readonly name: string;
  /** Bits of CC_FLAG. */
  readonly flags: number;
  /** A module without state of its own may give every connection the same object. */
  create(): CongestionControl;
  /** The words of `phaseName`: what a scenario may expect to be in, or never in. */
  readonly phases?: readonly string[];
  /** Those that `withParameter` knows. */
  readonly parameters?: CcParameters;
  /** The same module with another value of a parameter of its own; -ENOENT: it has none of that name, -EINVAL. */
  withParameter?(name: string, value: number): CcModule | number;
}

/** The words that a module has for what it is doing: none; null where it has some and does not say which. */
export function phasesOf(module: CcModule): readonly string[] | null {
  if (module.phases !== undefined) return module.phases;
  return module.create().phaseName === CongestionControl.prototype.phaseName ? [] : null;
}

function hooksOf(m: CongestionControl): number {
  const base = CongestionControl.prototype;
  let hooks = 0;
  if (m.congAvoid !== base.congAvoid) hooks |= HOOK.CONG_AVOID;
  if (m.setState !== base.setState) hooks |= HOOK.SET_STATE;
  if (m.cwndEvent !== base.cwndEvent) hooks |= HOOK.CWND_EVENT;
  if (m.inAckEvent !== base.inAckEvent) hooks |= HOOK.IN_ACK_EVENT;
  if (m.pktsAcked !== base.pktsAcked) hooks |= HOOK.PKTS_ACKED;
  if (m.minTsoSegs !== base.minTsoSegs) hooks |= HOOK.MIN_TSO_SEGS;
  if (m.congControl !== base.congControl) hooks |= HOOK.CONG_CONTROL;
  if (m.sndbufExpand !== base.sndbufExpand) hooks |= HOOK.SNDBUF_EXPAND;
  if (m.markedLost !== base.markedLost) hooks |= HOOK.MARKED_LOST;
  if (m.getInfo !== base.getInfo) hooks |= HOOK.GET_INFO;
  if (m.sendsLittle !== base.sendsLittle) hooks |= HOOK.SENDS_LITTLE;
  return hooks;
}
