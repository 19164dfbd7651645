/** Where a connection of BBRv3 is between two probes for bandwidth (draft-ietf-ccwg-bbr-06 §2.14). */
import { NEVER, SEC, ZERO_NS } from '../base/time.ts';
import type { CcView } from './cc-view.ts';

/** BBR.ack_phase: what the ACKs tell of, which is a round trip later than what is sent. */
export const ACKS = {
  INIT: 0,
  REFILLING: 1,
  PROBE_STARTING: 2,
  PROBE_FEEDBACK: 3,
  PROBE_STOPPING: 4,
} as const;
export type AckPhase = (typeof ACKS)[keyof typeof ACKS];

/** §5.3.3.8.2 T_bbr: two to three seconds, so that Reno has its turn, and a person does not wait for the rate. */
const LEAST_WAIT_NS = 2 * SEC;
const WAIT_SPREAD_NS = 1 * SEC;
/** T_reno: 62 or 63 round trips, as Reno would need for a window of that size; a smaller one probes as often as Reno. */
const MOST_ROUNDS = 63;
const ROUNDS_SPREAD = 2;
/** §5.3.3.9: 1 << rounds, which is to stay a small integer. */
const MOST_DOUBLINGS = 30;

export class Bbr3Cycle {
  ackPhase: AckPhase = ACKS.INIT;
  /** BBR.is_bw_probe_sample: ACKs tell of what was sent while probing, and no loss has ended that. */
  isProbeSample = false;
  /** BBR.prev_probe_too_high, BBR.prev_probe_precautionary */
  wasTooHigh = false;
  wasPrecautionary = false;
  /** BBR.rounds_since_probe_up */
  roundsSinceProbe = 0;
  /** BBR.bw_probe_wait */
  waitNs = 0;
  /** BBR.cycle_stamp */
  private startNs = ZERO_NS;
  /** BBR.bw_probe_up_rounds, bw_probe_up_acked, probe_up_acked_per_inc */
  upRounds = 0;
  private upAcked = 0;
  upAckedPerStep = NEVER;
  /** The round trip in which cwnd was all in use, the last time. */
  private fullRound = -2;

  setAckPhase(phase: AckPhase): void {
    this.ackPhase = phase;
  }

  roundOver(): void {
    this.roundsSinceProbe++;
  }

  cwndIsFull(round: number): void {
    this.fullRound = round;
  }

  /** C.is_cwnd_limited: at some time in the last round trip. */
  wasCwndFull(round: number): boolean {
    return round - this.fullRound <= 1;
  }

  /** PickProbeWait, and the clock: a cycle begins. */
  begin(v: CcView): void {
    this.upAckedPerStep = NEVER;
    this.roundsSinceProbe = v.randomBelow(ROUNDS_SPREAD);
    this.waitNs = LEAST_WAIT_NS + v.random() * WAIT_SPREAD_NS;
    this.startNs = v.nowNs;
    this.ackPhase = ACKS.PROBE_STOPPING;
  }

  /** IsTimeToProbeBW: `bdp` in pieces is what Reno would have to grow to. */
  isOver(v: CcView, bdp: number): boolean {
    if (v.nowNs > this.startNs + this.waitNs) return true;
    return this.roundsSinceProbe >= Math.min(bdp, v.cwnd, MOST_ROUNDS);
  }

  // ---- the probe ----

  refill(): void {
    this.upRounds = 0;
    this.upAcked = 0;
    this.wasPrecautionary = false;
    this.ackPhase = ACKS.REFILLING;
  }

  probe(): void {
    this.isProbeSample = true;
    this.ackPhase = ACKS.PROBE_STARTING;
  }

  /** RaiseInflightLongtermSlope: twice as steep as in the round trip before. */
  steepen(v: CcView): void {
    const stepsThisRound = 1 << this.upRounds;
    this.upRounds = Math.min(this.upRounds + 1, MOST_DOUBLINGS);
    this.upAckedPerStep = Math.max(v.cwnd / stepsThisRound, 1);
  }

  /** By how many pieces inflight_longterm grows for `acked` more. */
  stepsFor(acked: number): number {
    this.upAcked += acked;
    if (this.upAcked < this.upAckedPerStep) return 0;
    const steps = Math.floor(this.upAcked / this.upAckedPerStep);
    this.upAcked -= steps * this.upAckedPerStep;
    return steps;
  }

  /** Its ACKs have all come. */
  probeOver(): void {
    this.isProbeSample = false;
    this.ackPhase = ACKS.INIT;
  }

  /** It lost too much: what follows of it is no news. */
  tooHigh(): void {
    this.wasTooHigh = true;
    this.isProbeSample = false;
  }

  notTooHigh(): void {
    this.wasTooHigh = false;
  }

  /** It ends where the one before lost too much. */
  precautionary(): void {
    this.wasPrecautionary = true;
  }
}
