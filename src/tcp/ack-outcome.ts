import { NO_SAMPLE } from '../cc/samples.ts';
import { REC, REC_TIME, type TxRecords } from './tx-records.ts';

/** What one ACK told. One scratch object per protocol instance; `ack` and `sack` report, `recovery` reads. */
export class AckOutcome {
  /** Pieces newly acknowledged (cumulatively or selectively), those SND.UNA passed, those found lost. */
  delivered = 0;
  acked = 0;
  lost = 0;
  isUnaAdvanced = false;
  /** Nothing new, no window change, no text: RFC 5681's duplicate. */
  isDuplicate = false;
  hasNewSack = false;
  hasDsack = false;
  /** A record that was retransmitted, or one never retransmitted, was acknowledged. */
  hasAckedRetrans = false;
  hasAckedOriginal = false;
  /** SND.UNA passed a record that had been retransmitted: no round-trip time can be told from it (Karn). */
  hasPassedRetrans = false;
  /** Bits of CA_ACK. */
  looks = 0;
  /**
   * When those that were never retransmitted had been sent, NO_SAMPLE without: the oldest and the newest
   * that SND.UNA passed, and that were SACKed.
   */
  firstSentNs = NO_SAMPLE;
  lastSentNs = NO_SAMPLE;
  firstSackedNs = NO_SAMPLE;
  lastSackedNs = NO_SAMPLE;
  /** Pieces in flight when the newest that SND.UNA passed was sent. */
  lastInFlight = 0;

  begin(): void {
    this.delivered = 0;
    this.acked = 0;
    this.lost = 0;
    this.isUnaAdvanced = false;
    this.isDuplicate = false;
    this.hasNewSack = false;
    this.hasDsack = false;
    this.hasAckedRetrans = false;
    this.hasAckedOriginal = false;
    this.hasPassedRetrans = false;
    this.looks = 0;
    this.firstSentNs = NO_SAMPLE;
    this.lastSentNs = NO_SAMPLE;
    this.firstSackedNs = NO_SAMPLE;
    this.lastSackedNs = NO_SAMPLE;
    this.lastInFlight = 0;
  }

  /** Pieces arrived that had not been reported before. */
  arrived(pieces: number): void {
    this.delivered += pieces;
  }

  passed(pieces: number): void {
    this.acked += pieces;
  }

  unaAdvanced(): void {
    this.isUnaAdvanced = true;
  }

  lose(pieces: number): void {
    this.lost += pieces;
  }

  original(): void {
    this.hasAckedOriginal = true;
  }

  retransmission(): void {
    this.hasAckedRetrans = true;
  }

  passedRetransmission(): void {
    this.hasPassedRetrans = true;
  }

  sacked(): void {
    this.hasNewSack = true;
  }

  duplicateReported(): void {
    this.hasDsack = true;
  }

  /** A bit of CA_ACK. */
  look(bit: number): void {
    this.looks |= bit;
  }

  /** SND.UNA passed a record that was sent once, and had not been SACKed. */
  timedAck(records: TxRecords, r: number): void {
    const sentNs = records.time(r, REC_TIME.SENT_NS);
    if (this.firstSentNs === NO_SAMPLE) this.firstSentNs = sentNs;
    this.lastSentNs = sentNs;
    this.lastInFlight = records.get(r, REC.IN_FLIGHT);
  }

  /** A record that was sent once is SACKed. */
  timedSack(records: TxRecords, r: number): void {
    const sentNs = records.time(r, REC_TIME.SENT_NS);
    if (this.firstSackedNs === NO_SAMPLE) this.firstSackedNs = sentNs;
    this.lastSackedNs = sentNs;
  }

  setDuplicate(isDuplicate: boolean): void {
    this.isDuplicate = isDuplicate;
  }
}
