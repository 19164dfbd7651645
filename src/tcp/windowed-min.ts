/**
 * The least value over a sliding window of time, in three samples (Nichols): the best, and the best
 * since it and since the second, each ready to take over when the one before falls out of the window.
 */
import type { Clock } from '../base/env.ts';
import { NEVER } from '../base/time.ts';

/** tcp_min_rtt_wlen. */
interface Window {
  readonly minRttWindowNs: number;
}

export class WindowedMin {
  private v0 = NEVER;
  private v1 = NEVER;
  private v2 = NEVER;
  private t0 = 0;
  private t1 = 0;
  private t2 = 0;
  /** The sample that is being taken. */
  private latest = NEVER;

  get value(): number {
    return this.v0;
  }

  /** Always inlined, so that the value is not boxed: the rest is `take`. */
  sample(value: number, clock: Clock, window: Window): void {
    this.latest = value;
    this.take(clock, window);
  }

  private take(clock: Clock, window: Window): void {
    const { nowNs } = clock;
    const { minRttWindowNs } = window;
    const value = this.latest;
    if (value <= this.v0 || nowNs - this.t2 > minRttWindowNs) {
      this.v0 = value;
      this.v1 = value;
      this.v2 = value;
      this.t0 = nowNs;
      this.t1 = nowNs;
      this.t2 = nowNs;
      return;
    }
    if (value <= this.v1) {
      this.v1 = value;
      this.v2 = value;
      this.t1 = nowNs;
      this.t2 = nowNs;
    } else if (value <= this.v2) {
      this.v2 = value;
      this.t2 = nowNs;
    }
    if (nowNs - this.t0 > minRttWindowNs) {
      this.shift(clock);
      if (nowNs - this.t0 > minRttWindowNs) this.shift(clock);
    } else this.refresh(clock, window);
  }

  /** The best has fallen out of the window: the next takes over. */
  private shift({ nowNs }: Clock): void {
    this.v0 = this.v1;
    this.t0 = this.t1;
    this.v1 = this.v2;
    this.t1 = this.t2;
    this.v2 = this.latest;
    this.t2 = nowNs;
  }

  /** The second is as old as the best after a quarter of the window, the third as the second after half: anew. */
  private refresh({ nowNs }: Clock, { minRttWindowNs }: Window): void {
    if (this.t1 === this.t0 && nowNs - this.t1 > minRttWindowNs / 4) {
      this.v1 = this.latest;
      this.v2 = this.latest;
      this.t1 = nowNs;
      this.t2 = nowNs;
    } else if (this.t2 === this.t1 && nowNs - this.t2 > minRttWindowNs / 2) {
      this.v2 = this.latest;
      this.t2 = nowNs;
    }
  }
}
