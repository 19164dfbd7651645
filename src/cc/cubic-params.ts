/** What the parts of CUBIC agree on: its parameters, and what a function of time has to do. */
import type { CcView } from './cc-view.ts';
import { HYSTART_DELAY, HYSTART_TRAIN } from './hystart.ts';
import type { SlowStartExit } from './slow-start-exit.ts';

/** Shares are in 1/1024. */
export const SCALE = 1024;

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
  /** Not in Linux: the window function as RFC 9438 writes it. */
  readonly rfc9438: boolean;
  /** Not in Linux: RFC 9406's HyStart++ in place of HyStart. */
  readonly hystartPlus: boolean;
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
  rfc9438: false,
  hystartPlus: false,
};

/** The function of time, from a reduction on. */
export interface CubicCurve {
  /** A timeout: all begins anew. */
  reset(): void;
  /** The window is reduced from `cwnd`. */
  end(cwnd: number, beta: number): void;
  /** Sending goes on after a pause, which does not count. */
  resume(v: CcView): void;
  /** `acked` pieces say nothing, as the window is not the limit. */
  pause(v: CcView): void;
  /** Right after a reduction the delay is still that of the full queue. */
  isYoung(v: CcView): boolean;
  /** Outside slow start. */
  grow(v: CcView, acked: number, exit: SlowStartExit | null): void;
  /** The last reduction was spurious. */
  undo(): void;
  /** For people. */
  values(): Record<string, number>;
}
