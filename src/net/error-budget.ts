import { NEVER } from '../base/time.ts';
import type { Clock } from '../link/frame-sink.ts';

/** Tokens left and when they were counted, for one destination. */
export class ErrorBudget {
  tokens = 0;
  countedNs = -NEVER;

  /** For another destination. */
  fill(): void {
    this.tokens = 0;
    this.countedNs = -NEVER;
  }

  /** Whether a bucket that fills by one every `everyNs` (an int32), up to `burst`, has a token. It starts full. */
  has(clock: Clock, everyNs: number, burst: number): boolean {
    if (everyNs <= 0) return true;
    const { nowNs } = clock;
    const earned = Math.floor((nowNs - this.countedNs) / everyNs);
    if (earned > 0) {
      const full = this.tokens + earned >= burst;
      this.tokens = full ? burst : this.tokens + earned;
      this.countedNs = full ? nowNs : this.countedNs + earned * everyNs;
    }
    return this.tokens > 0;
  }

  /** Takes the token that `has` has just seen. */
  spend(everyNs: number): void {
    if (everyNs > 0) this.tokens--;
  }
}
