/**
 * HyStart++ (RFC 9406): slow start ends by delay, and may be taken up again.
 *
 *     slow start ──the round's least RTT is well above the last round's──▶ conservative slow start ──five rounds──▶ ssthresh
 *         ▲                                                                     │
 *         └──────────────── the least RTT is below that again ──────────────────┘
 *
 * In conservative slow start (CSS) the window grows a quarter as fast: if the delay was a passing one, nothing is lost.
 * Only the first slow start is watched (§4.3): later ones end at the ssthresh that is known.
 */
import { MS, US } from '../base/time.ts';
import { type CcView, INFINITE_SSTHRESH } from './cc-view.ts';
import type { AckSample } from './samples.ts';
import type { SlowStartExit } from './slow-start-exit.ts';

/** RFC 9406 §4.3, all that follow. */
const MIN_RTT_THRESH_NS = 4 * MS;
const MAX_RTT_THRESH_NS = 16 * MS;
const MIN_RTT_DIVISOR = 8;
const N_RTT_SAMPLE = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;
/** Pieces for one ACK where departures are not spaced: a stretched ACK must not release a burst. */
const L = 8;

export class HyStartPlus implements SlowStartExit {
  isFound = false;
  minDelayNs = 0;
  private lastRoundNs = Infinity;
  private roundNs = Infinity;
  private samples = 0;
  /** The ACK that goes beyond this byte is the first of the next round. */
  private roundEnd = 0;
  /** Of CSS: the least RTT of the round that began it, and the rounds it has had; Infinity: we are not in it. */
  private baselineNs = Infinity;
  private cssRounds = 0;
  /** Pieces acknowledged in CSS that have not yet added one. */
  private credit = 0;

  reset(v: CcView): void {
    this.isFound = false;
    this.minDelayNs = 0;
    this.roundNs = Infinity;
    this.leaveCss();
    this.startRound(v);
  }

  measure(sample: AckSample): void {
    const delayNs = Math.max(sample.rttNs, US);
    if (this.minDelayNs === 0 || delayNs < this.minDelayNs) this.minDelayNs = delayNs;
  }

  update(v: CcView, sample: AckSample): void {
    if (v.ssthresh !== INFINITE_SSTHRESH) return;
    if (v.sndUna > this.roundEnd) this.endRound(v);
    if (this.isFound) return;
    if (sample.rttNs < this.roundNs) this.roundNs = Math.max(sample.rttNs, US);
    if (++this.samples < N_RTT_SAMPLE) return;
    if (this.isInCss) {
      if (this.roundNs < this.baselineNs) this.leaveCss(); // it was a passing delay
    } else if (this.roundNs >= this.lastRoundNs + this.threshold()) this.baselineNs = this.roundNs;
  }

  allowance(v: CcView, acked: number): number {
    const pieces = v.isPaced ? acked : Math.min(acked, L);
    if (!this.isInCss) return pieces;
    this.credit += pieces;
    const more = Math.floor(this.credit / CSS_GROWTH_DIVISOR);
    this.credit -= more * CSS_GROWTH_DIVISOR;
    return more;
  }

  private get isInCss(): boolean {
    return this.baselineNs !== Infinity;
  }

  /** An eighth of the last round's least RTT. Infinity - of a first round - is none. */
  private threshold(): number {
    if (this.lastRoundNs === Infinity) return Infinity;
    const rise = Math.min(this.lastRoundNs / MIN_RTT_DIVISOR, MAX_RTT_THRESH_NS);
    return Math.max(rise, MIN_RTT_THRESH_NS);
  }

  /** §4.2: the part of a round in which CSS began counts as one. */
  private endRound(v: CcView): void {
    if (this.isInCss && ++this.cssRounds >= CSS_ROUNDS) this.end(v);
    else this.startRound(v);
  }

  private startRound(v: CcView): void {
    this.lastRoundNs = this.roundNs;
    this.roundNs = Infinity;
    this.samples = 0;
    this.roundEnd = v.sndNxt;
  }

  private leaveCss(): void {
    this.baselineNs = Infinity;
    this.cssRounds = 0;
    this.credit = 0;
  }

  private end(v: CcView): void {
    const { counters, delayDetect, delayCwnd } = v.stats;
    counters.count(delayDetect);
    counters.add(delayCwnd, v.cwnd);
    this.isFound = true;
    this.leaveCss();
    v.setSsthresh(v.cwnd);
  }
}
