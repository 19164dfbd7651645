import { ZERO_NS } from '../base/time.ts';
import { CA_ACK } from '../cc/ca-state.ts';
import { NO_SAMPLE } from '../cc/samples.ts';
import { type Seq, seqLt, seqOf } from '../wire/seq.ts';
import { REC, REC_TIME, type TxRecords } from './tx-records.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { IN_FLIGHT } = REC;
const { SENT_NS } = REC_TIME;
const { ECE } = CA_ACK;
const NONE: number = NO_SAMPLE;

/** What one ACK told. One scratch object per protocol instance; `ack` and `sack` report, `recovery` reads. */
export class AckOutcome {
  /** Pieces newly acknowledged (cumulatively or selectively), those SND.UNA passed, those found lost. */
  delivered = 0;
  acked = 0;
  lost = 0;
  isUnaAdvanced = false;
  /** It carries text, changes the window or acknowledges something: it cannot be a duplicate. */
  isNotDuplicate = false;
  /** RFC 5681's duplicate ACKs in it: several when the device joined them. */
  duplicates = 0;
  hasNewSack = false;
  hasDsack = false;
  /** The D-SACK is about the tail-loss probe. */
  hasProbeDsack = false;
  /** SND.UNA passed a record that was retransmitted. */
  hasAckedRetrans = false;
  /** One was acknowledged, either way, that never was, and was sent before the present state began. */
  hasAckedOriginal = false;
  /** Bits of CA_ACK. */
  looks = 0;
  /**
   * When those that were never retransmitted had been sent, NO_SAMPLE without: the oldest and the newest
   * that SND.UNA passed, and that were SACKed.
   */
  firstSentNs = ZERO_NS;
  lastSentNs = ZERO_NS;
  firstSackedNs = ZERO_NS;
  lastSackedNs = ZERO_NS;
  /** Pieces in flight when the newest that SND.UNA passed was sent. */
  lastInFlight = 0;
  /** What is first in the queue now had been SACKed. */
  isReneging = false;
  /** A retransmission was found lost. */
  hasLostRetrans = false;
  /** The retransmission timer starts again. */
  isTimerRestarted = false;
  /** The lowest of what arrived out of order: something behind it was there first. */
  lowest: Seq = seqOf(0);

  begin(): void {
    this.delivered = 0;
    this.acked = 0;
    this.lost = 0;
    this.isUnaAdvanced = false;
    this.isNotDuplicate = false;
    this.duplicates = 0;
    this.hasNewSack = false;
    this.hasDsack = false;
    this.hasProbeDsack = false;
    this.hasAckedRetrans = false;
    this.hasAckedOriginal = false;
    this.looks = 0;
    this.firstSentNs = NONE;
    this.lastSentNs = NONE;
    this.firstSackedNs = NONE;
    this.lastSackedNs = NONE;
    this.lastInFlight = 0;
    this.isReneging = false;
    this.hasLostRetrans = false;
    this.isTimerRestarted = false;
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

  sacked(): void {
    this.hasNewSack = true;
  }

  duplicateReported(isProbe: boolean): void {
    this.hasDsack = true;
    this.hasProbeDsack = isProbe;
  }

  /** A bit of CA_ACK. */
  look(bit: number): void {
    this.looks |= bit;
  }

  /** SND.UNA passed a record that was sent once, and had not been SACKed. */
  timedAck(records: TxRecords, r: number): void {
    const sentNs = records.time(r, SENT_NS);
    if (this.firstSentNs === NONE) this.firstSentNs = sentNs;
    this.lastSentNs = sentNs;
    this.lastInFlight = records.get(r, IN_FLIGHT);
  }

  /** A record that was sent once is SACKed. */
  timedSack(records: TxRecords, r: number): void {
    const sentNs = records.time(r, SENT_NS);
    if (this.firstSackedNs === NONE) this.firstSackedNs = sentNs;
    this.lastSackedNs = sentNs;
  }

  /** Karn's ambiguity: without SACK bits nothing says which were originals. */
  forgetOriginals(): void {
    this.hasAckedOriginal = false;
  }

  /** Looking for reordering begins: nothing below `seq` yet. */
  beginOrder(seq: Seq): void {
    this.lowest = seq;
  }

  arrivedLate(seq: Seq): void {
    if (seqLt(seq, this.lowest)) this.lowest = seq;
  }

  reneging(): void {
    this.isReneging = true;
  }

  lostRetransmission(): void {
    this.hasLostRetrans = true;
  }

  restartTimer(): void {
    this.isTimerRestarted = true;
  }

  keepTimer(): void {
    this.isTimerRestarted = false;
  }

  /** It carries text or a FIN, or updates the window. */
  notDuplicate(): void {
    this.isNotDuplicate = true;
  }

  setDuplicates(count: number): void {
    this.duplicates = count;
  }

  /** Linux looks closer at such an ACK. */
  get isDubious(): boolean {
    const isNews = this.isNotDuplicate || this.acked > 0;
    return !isNews || this.hasNewSack || this.hasDsack || this.isEce;
  }

  /** RFC 3168 §6.1.2: the peer echoes a congestion mark. */
  get isEce(): boolean {
    return (this.looks & ECE) !== 0;
  }
}
