/**
 * The least value over a sliding window of time, in three samples (Nichols): the best, and the best
 * since it and since the second, each ready to take over when the one before falls out of the window.
 */
import type { Clock } from '../base/env.ts';
import { NEVER, ZERO_NS } from '../base/time.ts';

/** tcp_min_rtt_wlen. */
interface Window {
  readonly minRttWindowNs: number;
}

/** The second and the third; both are the best as long as no quarter of the window has passed since it came. */
class Successors {
  v1 = NEVER;
  v2 = NEVER;
  t1 = 0;
  t2 = 0;
}

export class WindowedMin {
  private v0 = NEVER;
  private t0 = ZERO_NS;
  /** Null until one differs from the best: that of an idle connection is its handshake's. */
  private next: Successors | null = null;
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
    const { next, latest } = this;
    const lastNs = next === null ? this.t0 : next.t2;
    if (latest <= this.v0 || nowNs - lastNs > minRttWindowNs) {
      this.v0 = latest;
      this.t0 = nowNs;
      if (next !== null) this.follow(next, clock);
      return;
    }
    if (next === null) {
      if (nowNs - this.t0 > minRttWindowNs / 4) this.begin(clock);
      return;
    }
    if (latest <= next.v1) this.follow(next, clock);
    else if (latest <= next.v2) this.setThird(next, clock);
    if (nowNs - this.t0 > minRttWindowNs) {
      this.shift(next, clock);
      if (nowNs - this.t0 > minRttWindowNs) this.shift(next, clock);
    } else this.refresh(next, clock, window);
  }

  private begin(clock: Clock): void {
    this.next = new Successors();
    this.follow(this.next, clock);
  }

  /** Both are the latest. */
  private follow(next: Successors, { nowNs }: Clock): void {
    next.v1 = this.latest;
    next.t1 = nowNs;
    next.v2 = this.latest;
    next.t2 = nowNs;
  }

  private setThird(next: Successors, { nowNs }: Clock): void {
    next.v2 = this.latest;
    next.t2 = nowNs;
  }

  /** The best has fallen out of the window: the next takes over. */
  private shift(next: Successors, clock: Clock): void {
    this.v0 = next.v1;
    this.t0 = next.t1;
    next.v1 = next.v2;
    next.t1 = next.t2;
    this.setThird(next, clock);
  }

  /** The second is as old as the best after a quarter of the window, the third as the second after half: anew. */
  private refresh(next: Successors, clock: Clock, { minRttWindowNs }: Window): void {
    const { nowNs } = clock;
    if (next.t1 === this.t0 && nowNs - next.t1 > minRttWindowNs / 4) this.follow(next, clock);
    else if (next.t2 === next.t1 && nowNs - next.t2 > minRttWindowNs / 2) {
      this.setThird(next, clock);
    }
  }
}
