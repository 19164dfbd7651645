import { type Seq, seqDiff, seqGt, seqLe } from '../wire/seq.ts';

/** Where records end in what is not sent yet (MSG_EOR): bytes of two records never share a segment. */
export class RecordEnds {
  private ends: Seq[] = [];

  add(end: Seq, sndNxt: Seq): void {
    this.ends = this.ends.filter((e) => seqGt(e, sndNxt));
    this.ends.push(end);
  }

  /** From `seq` to the end of the record that it is in; Infinity when that has not been said. */
  distance(seq: Seq): number {
    while (this.ends.length > 0 && seqLe(this.ends[0]!, seq)) this.ends.shift();
    const [first] = this.ends;
    return first === undefined ? Number.POSITIVE_INFINITY : seqDiff(first, seq);
  }
}
