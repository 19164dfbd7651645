import { assert } from '../base/assert.ts';
import { ZERO_NS } from '../base/time.ts';
import type { Clock } from '../link/frame-sink.ts';
import type { LinkClock } from './link-clock.ts';
import { nsPerByteAt, type RateModel } from './rate.ts';

/**
 * A bucket of tokens, a byte each, that fills at a rate up to its depth. Kept as the time at which it will be
 * full: a token is worth the time in which it comes, and nothing has to be added as time goes by.
 */
export class TokenBucket {
  private readonly nsPerByte: number;
  private readonly depthNs: number;
  private fullAtNs = ZERO_NS;

  constructor(bps: number, depthBytes: number) {
    assert(bps > 0 && bps < Infinity, 'a bucket fills at a rate');
    assert(depthBytes > 0, 'a bucket holds something');
    this.nsPerByte = nsPerByteAt(bps);
    this.depthNs = depthBytes * this.nsPerByte;
  }

  /** Takes a token for each byte, if there are as many now; all or none. */
  takes(bytes: number, clock: Clock): boolean {
    const fullAtNs = Math.max(this.fullAtNs, clock.nowNs) + bytes * this.nsPerByte;
    if (fullAtNs - clock.nowNs > this.depthNs) return false;
    this.fullAtNs = fullAtNs;
    return true;
  }

  /**
   * A shaper: the frame leaves at once when there are tokens for it, or as soon as there are. One that is
   * longer than the bucket is deep leaves when the bucket is full, and those after it pay for it.
   */
  send(bytes: number, clock: LinkClock): void {
    const costNs = bytes * this.nsPerByte;
    const waitNs = this.fullAtNs + Math.min(costNs, this.depthNs) - this.depthNs;
    const endNs = Math.ceil(Math.max(clock.readyNs, waitNs));
    this.fullAtNs = Math.max(this.fullAtNs, endNs) + costNs;
    clock.sent(endNs, endNs);
  }
}

/** Bursts up to the bucket's depth pass undelayed, what is beyond waits in the queue: `tbf` of Linux. */
export class ShapedRate implements RateModel {
  private readonly bucket: TokenBucket;

  constructor(bucket: TokenBucket) {
    this.bucket = bucket;
  }

  wake(clock: LinkClock): void {
    if (clock.nowNs > clock.readyNs) clock.readyNow();
  }

  send(bytes: number, clock: LinkClock): void {
    this.bucket.send(bytes, clock);
  }
}
