import { assert } from '../base/assert.ts';
import { ZERO_NS } from '../base/time.ts';
import type { LinkClock } from './link-clock.ts';
import { OPPORTUNITY_BYTES } from './mahimahi.ts';
import type { RateModel } from './rate.ts';

/** Mahimahi counts an IP packet and 4 bytes of its TUN device, a frame has 14 bytes of Ethernet instead. */
const BYTES_BESIDE_FRAME = 4 - 14;

/**
 * A link that delivers at the opportunities of a trace, as Mahimahi's mm-link does: each has room for so many bytes;
 * small frames share one, a large one goes on in the next, and what is left over when nothing waits is lost.
 * An opportunity serves what was queued before it. The trace repeats, beginning at its last opportunity.
 */
export class TraceRate implements RateModel {
  private readonly opportunities: Float64Array;
  private readonly roundNs: number;
  /** When the trace began for this round, and the opportunity we are at. */
  private baseNs = ZERO_NS;
  private index = 0;
  /** Its time, and the bytes that still fit into it. In an array for `readyFrom`. */
  private readonly atNs: Float64Array;
  private left = OPPORTUNITY_BYTES;

  /** @param opportunities as of `parseMahimahi`. */
  constructor(opportunities: Float64Array) {
    this.roundNs = opportunities[opportunities.length - 1] ?? 0;
    assert(this.roundNs > 0, 'a trace takes some time');
    this.opportunities = opportunities;
    this.atNs = opportunities.slice(0, 1);
  }

  wake(clock: LinkClock): void {
    if (clock.nowNs < clock.readyNs) return;
    const { nowNs } = clock;
    if (nowNs >= this.baseNs + this.roundNs) {
      this.baseNs = Math.floor(nowNs / this.roundNs) * this.roundNs;
      this.index = -1;
      this.next();
    }
    while (this.atNs[0]! <= nowNs) this.next();
    clock.readyFrom(this.atNs);
  }

  send(bytes: number, clock: LinkClock): void {
    while (this.atNs[0]! < clock.readyNs) this.next(); // the rate was another one until now
    let cost = Math.max(1, bytes + BYTES_BESIDE_FRAME);
    while (cost > this.left) {
      cost -= this.left;
      this.next();
    }
    this.left -= cost;
    const endNs = this.atNs[0]!;
    if (this.left === 0) this.next();
    clock.sent(endNs, this.atNs[0]!);
  }

  private next(): void {
    this.left = OPPORTUNITY_BYTES;
    this.index++;
    if (this.index === this.opportunities.length) {
      this.index = 0;
      this.baseNs += this.roundNs;
    }
    this.atNs[0] = this.baseNs + this.opportunities[this.index]!;
  }
}
