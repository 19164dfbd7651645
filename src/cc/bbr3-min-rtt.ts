/**
 * BBRv3's round-trip time without a queue, and when to look for it (draft-ietf-ccwg-bbr-06 §5.3.4.3, §5.5.7). Two
 * windows: the least of 5 s says when a ProbeRTT is due; the least of 10 s, which spans two of them, is the estimate.
 */
import { NEVER, SEC, ZERO_NS } from '../base/time.ts';
import type { CcView } from './cc-view.ts';
import type { RateSample } from './samples.ts';

/** §2.16.1 BBR.MinRTTFilterLen, §2.16.2 BBR.ProbeRTTInterval: every flow has the same, so that they drain together. */
const MIN_RTT_WINDOW_NS = 10 * SEC;
const PROBE_RTT_INTERVAL_NS = 5 * SEC;

export class Bbr3MinRtt {
  /** BBR.min_rtt; NEVER without a sample. */
  ns = NEVER;
  isProbeDue = false;
  probeMinNs = NEVER;
  private stampNs = ZERO_NS;
  private probeStampNs = ZERO_NS;

  init(v: CcView): void {
    this.ns = v.srttNs > 0 ? v.srttNs : NEVER;
    this.stampNs = v.nowNs;
    this.probeStampNs = v.nowNs;
  }

  /** UpdateMinRTT */
  update(v: CcView, rs: RateSample): void {
    this.isProbeDue = v.nowNs > this.probeStampNs + PROBE_RTT_INTERVAL_NS;
    if (rs.rttNs >= 0 && (rs.rttNs < this.probeMinNs || this.isProbeDue)) {
      this.probeMinNs = rs.rttNs;
      this.probeStampNs = v.nowNs;
    }
    const isExpired = v.nowNs > this.stampNs + MIN_RTT_WINDOW_NS;
    if (this.probeMinNs < this.ns || isExpired) {
      this.ns = this.probeMinNs;
      this.stampNs = this.probeStampNs;
    }
  }

  /** A ProbeRTT is over: the next is due an interval from now. */
  probed(v: CcView): void {
    this.probeStampNs = v.nowNs;
  }
}
