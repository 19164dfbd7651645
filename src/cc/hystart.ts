/**
 * HyStart as Linux's CUBIC has it (Ha and Rhee, 2008; not the HyStart++ of RFC 9406): leaves slow start before it
 * overflows the bottleneck, on either of two signs within a round trip:
 *
 * - train: ACKs that follow each other closely have been coming for more than half the least RTT (a whole one when
 *   the sender paces, which stretches the flight itself): the flight fills the pipe;
 * - delay: the least RTT of this round's first samples is above the connection's least by an eighth of it, at
 *   least 4 ms and at most 16 ms: a queue grows.
 *
 * It has no way back: RFC 9406 goes on in slow start when the delay was a passing one; here ssthresh stays.
 */
import { MS, SEC, US } from '../base/time.ts';
import type { CcView } from './cc-view.ts';
import type { AckSample } from './samples.ts';
import type { SlowStartExit } from './slow-start-exit.ts';

/** Bits of hystart_detect. */
export const HYSTART_TRAIN = 1;
export const HYSTART_DELAY = 2;

/** RTT samples of a round before its delay is judged. */
const MIN_SAMPLES = 8;
const DELAY_MIN_NS = 4 * MS;
const DELAY_MAX_NS = 16 * MS;

export class HyStart implements SlowStartExit {
  /** It has ended slow start; cleared by a timeout. */
  isFound = false;
  /** The least delay since the start or the last timeout; 0 before the first sample. */
  minDelayNs = 0;

  private readonly detect: number;
  private readonly lowWindow: number;
  private readonly ackDeltaNs: number;
  private roundStartNs = 0;
  /** The last ACK of the train. */
  private lastAckNs = 0;
  /** The round ends when this byte is acknowledged. */
  private roundEnd = 0;
  private roundRttNs = Infinity;
  private samples = 0;

  constructor(detect: number, lowWindow: number, ackDeltaNs: number) {
    this.detect = detect;
    this.lowWindow = lowWindow;
    this.ackDeltaNs = ackDeltaNs;
  }

  /** A timeout, or the start: everything is open again. */
  reset(v: CcView): void {
    this.isFound = false;
    this.minDelayNs = 0;
    this.startRound(v);
  }

  measure(sample: AckSample): void {
    const delayNs = Math.max(sample.rttNs, US);
    if (this.minDelayNs === 0 || delayNs < this.minDelayNs) this.minDelayNs = delayNs;
  }

  /** A measured sample, in slow start. */
  update(v: CcView, sample: AckSample): void {
    if (v.sndUna > this.roundEnd) this.startRound(v);
    if (v.cwnd < this.lowWindow) return;
    if ((this.detect & HYSTART_TRAIN) !== 0) this.watchTrain(v);
    if ((this.detect & HYSTART_DELAY) !== 0) this.watchDelay(v, sample);
  }

  /** Slow start goes on as it is, or is over. */
  allowance(_v: CcView, acked: number): number {
    return acked;
  }

  private startRound(v: CcView): void {
    this.roundStartNs = v.nowNs;
    this.lastAckNs = v.nowNs;
    this.roundEnd = v.sndNxt;
    this.roundRttNs = Infinity;
    this.samples = 0;
  }

  private watchTrain(v: CcView): void {
    if (v.nowNs - this.lastAckNs > this.ackDeltaNs) return;
    this.lastAckNs = v.nowNs;
    // What super-frames at either end may add to a train: four of the largest, at most 1 ms.
    const batchingNs = Math.min(MS, (4 * v.gsoMaxBytes * SEC) / v.pacingRate);
    const full = this.minDelayNs + batchingNs;
    const threshold = v.isPaced ? full : full / 2;
    if (v.nowNs - this.roundStartNs <= threshold) return;
    const { counters, trainDetect, trainCwnd } = v.stats;
    counters.count(trainDetect);
    counters.add(trainCwnd, v.cwnd);
    this.end(v);
  }

  private watchDelay(v: CcView, sample: AckSample): void {
    if (sample.rttNs < this.roundRttNs) this.roundRttNs = sample.rttNs;
    if (this.samples < MIN_SAMPLES) {
      this.samples++;
      return;
    }
    const rise = Math.min(Math.max(this.minDelayNs / 8, DELAY_MIN_NS), DELAY_MAX_NS);
    if (this.roundRttNs <= this.minDelayNs + rise) return;
    const { counters, delayDetect, delayCwnd } = v.stats;
    counters.count(delayDetect);
    counters.add(delayCwnd, v.cwnd);
    this.end(v);
  }

  private end(v: CcView): void {
    this.isFound = true;
    v.setSsthresh(v.cwnd);
  }
}
