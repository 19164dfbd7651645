/**
 * Whether a reduction of the window was for nothing (RFC 3522, RFC 4015; D-SACK: RFC 3708): what an undo must
 * know. It stays after the recovery, because the D-SACKs that prove it wrong may come later.
 */
import type { Clock } from '../base/env.ts';
import { ZERO_NS } from '../base/time.ts';
import { type Seq, seqGt, seqLe, seqOf } from '../wire/seq.ts';

/** Nothing was retransmitted yet: not the same as "all retransmissions were unneeded". */
const NONE_SENT = -1;

export class Undo {
  /** SND.UNA when the reduction began; valid while `hasMarker`. */
  marker: Seq = seqOf(0);
  hasMarker = false;
  /** Retransmissions, in pieces, that are not yet proven unneeded. */
  private retrans = NONE_SENT;
  /** First retransmission since all was well: Eifel compares it with the echo, R2 counts from it. 0: none. */
  stampNs = ZERO_NS;

  constructor(una: Seq) {
    this.marker = una;
  }

  /** `inFlight`: retransmissions already under way, whose D-SACKs may come. */
  begin(una: Seq, inFlight: number): void {
    this.marker = una;
    this.hasMarker = true;
    this.retrans = inFlight === 0 ? NONE_SENT : inFlight;
  }

  forget(): void {
    this.hasMarker = false;
  }

  /** One was to be resent: patience is counted from here, whether it left or not. */
  attempted(clock: Clock): void {
    if (this.stampNs === 0) this.stampNs = clock.nowNs;
  }

  retransmitted(pieces: number, clock: Clock): void {
    this.attempted(clock);
    this.retrans = Math.max(0, this.retrans) + pieces;
  }

  clearStamp(): void {
    this.stampNs = 0;
  }

  /** A D-SACK for data that ends at `end` covers `pieces` of what we retransmitted since the marker. */
  provenUnneeded(end: Seq, pieces: number): void {
    if (!this.hasMarker || this.retrans <= 0 || !seqGt(end, this.marker)) return;
    this.retrans = Math.max(0, this.retrans - pieces);
  }

  get isAllUnneeded(): boolean {
    return this.hasMarker && this.retrans === 0;
  }

  /** Linux's test of a D-SACK block below SND.UNA: it is about what was sent since the marker, or close before it. */
  covers(left: Seq, right: Seq, isNear: boolean): boolean {
    if (!this.hasMarker) return false;
    if (seqLe(this.marker, left)) return true;
    return seqGt(right, this.marker) && isNear;
  }
}
