/**
 * What the SACK option of our ACKs says (RFC 2018 §4): the stretch that arrived last comes first, then
 * those reported before, newest first; a D-SACK (RFC 2883) comes before all of them, once.
 */
import { type Seq, seqBits, seqDiff, seqGe, seqLe, seqOf } from '../wire/seq.ts';

const MAX = 4;
const NONE = new Int32Array(0);

export class SackBlocks {
  /** None until the first gap; a connection that has had one keeps them. */
  private left: Int32Array = NONE;
  private right: Int32Array = NONE;
  private count = 0;
  private duplicateLeft: Seq = seqOf(0);
  private duplicateRight: Seq = seqOf(0);
  private hasDuplicate = false;

  /** Text arrived within [left, right), a contiguous stretch beyond the gap. */
  arrived(left: Seq, right: Seq): void {
    if (this.left.length === 0) {
      this.left = new Int32Array(MAX);
      this.right = new Int32Array(MAX);
    }
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      const l = seqOf(this.left[i]!);
      const r = seqOf(this.right[i]!);
      if (seqGe(l, left) && seqLe(r, right)) continue; // swallowed by the new stretch
      this.move(i, kept);
      kept++;
    }
    this.count = Math.min(kept, MAX - 1);
    for (let i = this.count; i > 0; i--) this.move(i - 1, i);
    this.left[0] = seqBits(left);
    this.right[0] = seqBits(right);
    this.count++;
  }

  /** RCV.NXT advanced: what it passed is acknowledged anyway. */
  forgetBelow(rcvNxt: Seq): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (seqLe(seqOf(this.right[i]!), rcvNxt)) continue;
      this.move(i, kept);
      kept++;
    }
    this.count = kept;
  }

  duplicate(left: Seq, right: Seq): void {
    this.duplicateLeft = left;
    this.duplicateRight = right;
    this.hasDuplicate = true;
  }

  get isEmpty(): boolean {
    return this.count === 0 && !this.hasDuplicate;
  }

  /** Writes up to `room` blocks behind each other; returns how many. The D-SACK is then forgotten. */
  write(dv: DataView, at: number, room: number): number {
    let n = 0;
    if (this.hasDuplicate && n < room) {
      dv.setInt32(at, seqBits(this.duplicateLeft));
      dv.setInt32(at + 4, seqBits(this.duplicateRight));
      n++;
    }
    for (let i = 0; i < this.count && n < room; i++, n++) {
      dv.setInt32(at + 8 * n, this.left[i]!);
      dv.setInt32(at + 8 * n + 4, this.right[i]!);
    }
    this.hasDuplicate = false;
    return n;
  }

  /** Nothing that was received lies beyond it. */
  isRightmost(seq: Seq): boolean {
    if (this.count === 0) return false;
    for (let i = 0; i < this.count; i++) if (seqDiff(seqOf(this.right[i]!), seq) > 0) return false;
    return this.hasEdge(seq);
  }

  private hasEdge(seq: Seq): boolean {
    for (let i = 0; i < this.count; i++) if (this.right[i] === seqBits(seq)) return true;
    return false;
  }

  /** Blocks that the next ACK would carry. */
  waiting(): number {
    return this.count + (this.hasDuplicate ? 1 : 0);
  }

  clear(): void {
    this.count = 0;
    this.hasDuplicate = false;
  }

  /** Total length of the stretches: for tests. */
  bytes(): number {
    let sum = 0;
    for (let i = 0; i < this.count; i++) {
      sum += seqDiff(seqOf(this.right[i]!), seqOf(this.left[i]!));
    }
    return sum;
  }

  private move(from: number, to: number): void {
    this.left[to] = this.left[from]!;
    this.right[to] = this.right[from]!;
  }
}
