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

  duplicateReported(): void {
    this.hasDsack = true;
  }

  setDuplicate(isDuplicate: boolean): void {
    this.isDuplicate = isDuplicate;
  }
}
