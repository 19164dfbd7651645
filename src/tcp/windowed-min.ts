/**
 * The least value over a sliding window of time, in three samples (Nichols): the best, and the best
 * since it and since the second, each ready to take over when the one before falls out of the window.
 */
import { NEVER } from '../base/time.ts';

export class WindowedMin {
  private v0 = NEVER;
  private v1 = NEVER;
  private v2 = NEVER;
  private t0 = 0;
  private t1 = 0;
  private t2 = 0;

  get value(): number {
    return this.v0;
  }

  sample(value: number, nowNs: number, windowNs: number): void {
    if (value <= this.v0 || nowNs - this.t2 > windowNs) {
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
    this.age(value, nowNs, windowNs);
  }

  private age(value: number, nowNs: number, windowNs: number): void {
    if (nowNs - this.t0 > windowNs) {
      this.v0 = this.v1;
      this.t0 = this.t1;
      this.v1 = this.v2;
      this.t1 = this.t2;
      this.v2 = value;
      this.t2 = nowNs;
      if (nowNs - this.t0 > windowNs) this.age(value, nowNs, windowNs);
    } else if (this.t1 === this.t0 && nowNs - this.t1 > windowNs / 4) {
      this.v1 = value;
      this.v2 = value;
      this.t1 = nowNs;
      this.t2 = nowNs;
    } else if (this.t2 === this.t1 && nowNs - this.t2 > windowNs / 2) {
      this.v2 = value;
      this.t2 = nowNs;
    }
  }
}
