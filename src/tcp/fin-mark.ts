import { type Seq, seqEq, seqOf } from '../wire/seq.ts';

/** Where the peer's FIN stands in its stream, once a segment has said so. */
export class FinMark {
  private isKnown = false;
  private seq: Seq = seqOf(0);

  note(seq: Seq): void {
    this.isKnown = true;
    this.seq = seq;
  }

  isAt(seq: Seq): boolean {
    return this.isKnown && seqEq(this.seq, seq);
  }
}
