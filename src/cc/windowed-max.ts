/**
 * The highest value of the last so many steps (round trips, probing cycles), in three samples (Nichols): the best, the
 * best since it, and the best since that, each ready to take over when the one before falls out of the window.
 *
 * What it says is never less than the latest sample, never older than the window, and the true maximum until that has
 * left the window; what takes over then may be less than the true maximum of what is left.
 *
 * A value may be any double; a step is a count modulo 2^32 that never goes back.
 */
export class WindowedMax {
  /** A sample counts in its own step and in this many that follow. */
  private steps: number;
  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private t0 = 0;
  private t1 = 0;
  private t2 = 0;
  /** The sample that is being taken. */
  private latest = 0;

  constructor(steps: number) {
    this.steps = steps;
  }

  get value(): number {
    return this.v0;
  }

  /** The window is another from the next sample on. */
  setSteps(steps: number): void {
    this.steps = steps;
  }

  /** Nothing was before this value. */
  reset(value: number, step: number): void {
    this.latest = value;
    this.begin(step | 0);
  }

  /** Always inlined, so that the value is not boxed: the rest is `take`. */
  sample(value: number, step: number): void {
    this.latest = value;
    this.take(step | 0);
  }

  private take(step: number): void {
    const { latest, steps } = this;
    if (latest >= this.v0 || ((step - this.t2) | 0) > steps) {
      this.begin(step);
      return;
    }
    if (latest >= this.v1) this.follow(step);
    else if (latest >= this.v2) this.setThird(step);
    const age = (step - this.t0) | 0;
    if (age > steps) {
      this.shift(step);
      if (((step - this.t0) | 0) > steps) this.shift(step);
    } else if (this.t1 === this.t0 && age > steps / 4) {
      // A quarter of the window without a second: whatever came last is one, and the same for the third after half.
      this.follow(step);
    } else if (this.t2 === this.t1 && age > steps / 2) this.setThird(step);
  }

  private begin(step: number): void {
    this.v0 = this.latest;
    this.t0 = step;
    this.follow(step);
  }

  private follow(step: number): void {
    this.v1 = this.latest;
    this.t1 = step;
    this.setThird(step);
  }

  private setThird(step: number): void {
    this.v2 = this.latest;
    this.t2 = step;
  }

  /** The best has fallen out of the window: the next takes over. */
  private shift(step: number): void {
    this.v0 = this.v1;
    this.t0 = this.t1;
    this.v1 = this.v2;
    this.t1 = this.t2;
    this.setThird(step);
  }
}
