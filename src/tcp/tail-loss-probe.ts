/**
 * The tail-loss probe (RFC 8985 §7): two round trips without an ACK, and one segment goes out to provoke one.
 * Whether it was needed decides what the ACK means for the window.
 */
import { type Seq, seqEq, seqGt, seqLt, seqOf } from '../wire/seq.ts';
import type { AckOutcome } from './ack-outcome.ts';
import type { TcpConnection } from './connection.ts';

export class TailLossProbe {
  /** SND.NXT when it left. */
  private highSeq: Seq = seqOf(0);
  isUnderWay = false;
  private isRetrans = false;

  constructor(una: Seq) {
    this.highSeq = una;
  }

  get isRetransUnderWay(): boolean {
    return this.isUnderWay && this.isRetrans;
  }

  begin(nxt: Seq, isRetrans: boolean): void {
    this.highSeq = nxt;
    this.isUnderWay = true;
    this.isRetrans = isRetrans;
  }

  end(): void {
    this.isUnderWay = false;
  }

  /** A D-SACK up to `end` is about the probe: both it and the original arrived. */
  isReportedBy(end: Seq): boolean {
    return this.isUnderWay && seqEq(end, this.highSeq);
  }

  /** RFC 8985 §7.4.2, in Linux's four cases. True: it repaired a loss. */
  resolve(ack: Seq, a: AckOutcome): boolean {
    if (!this.isUnderWay || seqLt(ack, this.highSeq)) return false;
    if (!this.isRetrans || a.hasProbeDsack) {
      this.isUnderWay = false;
      return false;
    }
    if (seqGt(ack, this.highSeq)) {
      this.isUnderWay = false;
      return true;
    }
    // A plain duplicate: the original and the probe both arrived.
    if (!a.isUnaAdvanced && !a.isNotDuplicate && !a.hasNewSack) this.isUnderWay = false;
    return false;
  }
}

export function probeOutcome(c: TcpConnection, ack: Seq, a: AckOutcome): void {
  const { probe, recovery, tcp } = c;
  const wasRetrans = probe.isRetransUnderWay;
  const isRepair = probe.resolve(ack, a);
  if (wasRetrans && !probe.isUnderWay) c.rate.probeAcked(tcp.rateSample);
  if (!isRepair) return;
  recovery.reduceForProbe();
  tcp.mib.count(tcp.ids.TCPLossProbeRecovery);
}
