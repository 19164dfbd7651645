/**
 * Text that waits beyond RCV.NXT, as stretches without a gap, each a list of pieces in the order of the stream:
 *
 *     gap  [piece][piece]  gap  [piece]  gap  [piece][piece][piece]
 *          stretch: left … right
 *
 * A peer chooses the order in which segments arrive; so whatever it is, taking one in must cost the same (what Linux
 * learned from CVE-2018-5390). Stretches are the nodes of a splay tree, which any sequence of n operations costs
 * O(log n) each; text next to the first or the last of them, as nearly all is, does without the tree. Joining two
 * stretches joins two lists. A row of six words is a stretch or a piece; row 0 is nobody's. While nothing waits
 * there is no array.
 */
import { NO_WORDS, type WordArrays } from '../base/word-arrays.ts';
import { type Seq, seqAdd, seqBits, seqDiff, seqOf } from '../wire/seq.ts';
import type { TextStore } from './text-store.ts';

/** Of a stretch: its edges, its pieces, and what the tree has to its left and right. */
const S = { LEFT: 0, RIGHT: 1, FIRST: 2, LAST: 3, LESS: 4, MORE: 5 } as const;
/** Of a piece: where it is, and its neighbours in the stretch. */
const P = { BLOCK: 0, OFF: 1, LEN: 2, NEXT: 3, PREV: 4 } as const;
const ROW = 6;
/** Nine rows. */
const FIRST_WORDS = 64;

/** What `insert` made of a segment's text. */
export interface Placed {
  /** Bytes that are new. */
  readonly newBytes: number;
  /** The first duplicate stretch, for a D-SACK (RFC 2883); empty when left = right. */
  readonly duplicateLeft: Seq;
  readonly duplicateRight: Seq;
  /** No memory: not all of the text was taken (and what was not is not acknowledged). */
  readonly isRefused: boolean;
}

export class OutOfOrder implements Placed {
  private readonly store: TextStore;
  private readonly arrays: WordArrays;
  private rows: Int32Array = NO_WORDS;
  /** Rows from here on were never used; those that were, and are free, are chained from `freeRow`. */
  private top = ROW;
  private freeRow = 0;
  private root = 0;
  private first = 0;
  private last = 0;
  bytes = 0;

  newBytes = 0;
  duplicateLeft: Seq = seqOf(0);
  duplicateRight: Seq = seqOf(0);
  isRefused = false;
  /** Of the piece taken last. */
  block = 0;
  off = 0;
  len = 0;

  constructor(store: TextStore, arrays: WordArrays) {
    this.store = store;
    this.arrays = arrays;
  }

  get isEmpty(): boolean {
    return this.root === 0;
  }

  /** Where the first stretch begins, and where the last one ends. Precondition: there is one. */
  get left(): Seq {
    return this.edge(this.first, S.LEFT);
  }

  get right(): Seq {
    return this.edge(this.last, S.RIGHT);
  }

  /** What is here already is not stored twice; `leave` pages are for others. The outcome is in our `Placed` fields. */
  insert(seq: Seq, off: number, len: number, chunk: number, leave: number): void {
    this.newBytes = 0;
    this.isRefused = false;
    this.duplicateLeft = seq;
    this.duplicateRight = seq;
    const end = seqAdd(seq, len);
    let at = seq;
    while (!this.isRefused && seqDiff(at, end) < 0) {
      const before = this.floor(at);
      if (before !== 0 && seqDiff(this.edge(before, S.RIGHT), at) > 0) {
        const stop = earlier(this.edge(before, S.RIGHT), end);
        this.noteDuplicate(at, stop);
        at = stop;
        continue;
      }
      const after = this.next(before);
      const stop = after === 0 ? end : earlier(this.edge(after, S.LEFT), end);
      const from = off + seqDiff(at, seq);
      this.fill(before, after, at, stop, from, chunk, leave);
      at = stop;
    }
    if (this.isEmpty) this.clear();
  }

  /** The first piece is the caller's: `block`, `off`, `len`. */
  takeFirst(): void {
    const s = this.first;
    const p = this.get(s, S.FIRST);
    this.block = this.get(p, P.BLOCK);
    this.off = this.get(p, P.OFF);
    this.len = this.get(p, P.LEN);
    const next = this.get(p, P.NEXT);
    this.set(s, S.LEFT, seqBits(seqAdd(this.edge(s, S.LEFT), this.len)));
    this.set(s, S.FIRST, next);
    this.bytes -= this.len;
    this.free(p);
    if (next === 0) this.removeFirst();
    else this.set(next, P.PREV, 0);
  }

  /** The piece furthest away goes. Returns its bytes. */
  dropLast(): number {
    if (this.root === 0) return 0;
    const s = this.last;
    const p = this.get(s, S.LAST);
    const len = this.get(p, P.LEN);
    const prev = this.get(p, P.PREV);
    this.store.release(this.get(p, P.BLOCK));
    this.set(s, S.RIGHT, seqBits(seqAdd(this.edge(s, S.RIGHT), -len)));
    this.set(s, S.LAST, prev);
    this.bytes -= len;
    this.free(p);
    if (prev === 0) this.removeLast();
    else this.set(prev, P.NEXT, 0);
    return len;
  }

  /** The stretch that `seq` lies in. Precondition: it lies in one. */
  stretchAround(seq: Seq, out: { left: Seq; right: Seq }): void {
    const s = this.floor(seq);
    out.left = this.edge(s, S.LEFT);
    out.right = this.edge(s, S.RIGHT);
  }

  has(seq: Seq): boolean {
    const s = this.floor(seq);
    return s !== 0 && seqDiff(this.edge(s, S.RIGHT), seq) > 0;
  }

  /** The array goes back. Precondition: nothing waits. */
  private clear(): void {
    this.arrays.give(this.rows);
    this.rows = NO_WORDS;
    this.top = ROW;
    this.freeRow = 0;
    this.first = 0;
    this.last = 0;
  }

  // ---- stretches ----

  /** Stores what belongs between two neighbours (0: there is none), and joins it to them if it touches them. */
  private fill(
    before: number,
    after: number,
    left: Seq,
    stop: Seq,
    off: number,
    chunk: number,
    leave: number,
  ): void {
    let right = left;
    let head = 0;
    let tail = before !== 0 && this.edge(before, S.RIGHT) === left ? this.get(before, S.LAST) : 0;
    const joins = tail;
    while (seqDiff(right, stop) < 0) {
      const n = this.reserve()
        ? this.store.place(off + seqDiff(right, left), seqDiff(stop, right), chunk, leave)
        : 0;
      if (n === 0) {
        this.isRefused = true;
        break;
      }
      tail = this.addPiece(tail, n);
      if (head === 0) head = tail;
      right = seqAdd(right, n);
    }
    if (right === left) return;
    this.newBytes += seqDiff(right, left);
    this.bytes += seqDiff(right, left);
    const touches = after !== 0 && this.edge(after, S.LEFT) === right;
    if (joins !== 0) {
      this.set(before, S.RIGHT, seqBits(right));
      this.set(before, S.LAST, tail);
      if (touches) this.join(before, after);
    } else if (touches) {
      this.chain(tail, this.get(after, S.FIRST));
      this.set(after, S.FIRST, head);
      this.set(after, S.LEFT, seqBits(left));
    } else this.addStretch(before, left, right, head, tail);
  }

  /** A piece of `len` bytes, where the store put them, behind `tail` (0: none); part of it if it lies there. */
  private addPiece(tail: number, len: number): number {
    const { block, off } = this.store;
    if (tail !== 0 && this.get(tail, P.BLOCK) === block) {
      const before = this.get(tail, P.LEN);
      if (this.get(tail, P.OFF) + before === off) {
        this.set(tail, P.LEN, before + len);
        this.store.release(block); // one reference a piece
        return tail;
      }
    }
    const p = this.take();
    this.set(p, P.BLOCK, block);
    this.set(p, P.OFF, off);
    this.set(p, P.LEN, len);
    this.set(p, P.NEXT, 0);
    this.set(p, P.PREV, 0);
    if (tail !== 0) this.chain(tail, p);
    return p;
  }

  private chain(p: number, next: number): void {
    this.set(p, P.NEXT, next);
    this.set(next, P.PREV, p);
  }

  /** Behind `before`, which is at the root if it is not the last. */
  private addStretch(before: number, left: Seq, right: Seq, head: number, tail: number): void {
    const s = this.take();
    this.set(s, S.LEFT, seqBits(left));
    this.set(s, S.RIGHT, seqBits(right));
    this.set(s, S.FIRST, head);
    this.set(s, S.LAST, tail);
    this.set(s, S.LESS, before === 0 ? 0 : this.root);
    this.set(s, S.MORE, before === 0 ? this.root : 0);
    if (before !== 0 && before !== this.last) {
      this.set(s, S.MORE, this.get(before, S.MORE));
      this.set(before, S.MORE, 0);
    }
    if (before === 0) this.first = s;
    if (before === this.last) this.last = s;
    this.root = s;
  }

  /** They touch. `before` is at the root, `after` next to it: see `next`. */
  private join(before: number, after: number): void {
    this.chain(this.get(before, S.LAST), this.get(after, S.FIRST));
    this.set(before, S.LAST, this.get(after, S.LAST));
    this.set(before, S.RIGHT, this.get(after, S.RIGHT));
    this.set(before, S.MORE, this.get(after, S.MORE));
    if (after === this.last) this.last = before;
    this.free(after);
  }

  private removeFirst(): void {
    const s = this.first;
    const key = this.edge(s, S.LEFT);
    this.root = this.get(this.splay(this.root, key), S.MORE);
    this.root = this.splay(this.root, key);
    this.first = this.root;
    this.free(s);
    if (this.root === 0) this.clear();
  }

  private removeLast(): void {
    const s = this.last;
    const key = this.edge(s, S.LEFT);
    this.root = this.get(this.splay(this.root, key), S.LESS);
    this.root = this.splay(this.root, key);
    this.last = this.root;
    this.free(s);
    if (this.root === 0) this.clear();
  }

  private noteDuplicate(left: Seq, right: Seq): void {
    if (this.duplicateLeft !== this.duplicateRight) return; // the first one is reported
    this.duplicateLeft = left;
    this.duplicateRight = right;
  }

  // ---- the tree ----

  /** The last stretch that begins at `seq` or before it; 0: none. */
  private floor(seq: Seq): number {
    if (this.root === 0 || seqDiff(this.edge(this.first, S.LEFT), seq) > 0) return 0;
    if (seqDiff(this.edge(this.last, S.LEFT), seq) <= 0) return this.last;
    this.root = this.splay(this.root, seq);
    if (seqDiff(this.edge(this.root, S.LEFT), seq) <= 0) return this.root;
    const s = this.splay(this.get(this.root, S.LESS), seq);
    this.set(this.root, S.LESS, s);
    return s;
  }

  /** The stretch behind one, which is at the root afterwards, and the other next to it; behind none, the first. */
  private next(s: number): number {
    if (s === 0) return this.first;
    if (s === this.last) return 0;
    const key = this.edge(s, S.LEFT);
    this.root = this.splay(this.root, key);
    const after = this.splay(this.get(s, S.MORE), key);
    this.set(s, S.MORE, after);
    return after;
  }

  /**
   * The subtree of `t` with the stretch at its root that begins at `key`, or the last one met on the way there
   * (Sleator and Tarjan's top-down splaying). Row 0 collects the two sides: what is less to its MORE, what is more
   * to its LESS.
   */
  private splay(t: number, key: Seq): number {
    if (t === 0) return 0;
    this.set(0, S.LESS, 0);
    this.set(0, S.MORE, 0);
    let root = t;
    let less = 0;
    let more = 0;
    for (;;) {
      const d = seqDiff(key, this.edge(root, S.LEFT));
      if (d === 0) break;
      const side = d < 0 ? S.LESS : S.MORE;
      const child = this.get(root, side);
      if (child === 0) break;
      const e = seqDiff(key, this.edge(child, S.LEFT));
      if ((d < 0 && e < 0) || (d > 0 && e > 0)) root = this.rotate(root, child, side);
      const next = this.get(root, side);
      if (next === 0) break;
      if (d < 0) {
        this.set(more, S.LESS, root);
        more = root;
      } else {
        this.set(less, S.MORE, root);
        less = root;
      }
      root = next;
    }
    this.set(less, S.MORE, this.get(root, S.LESS));
    this.set(more, S.LESS, this.get(root, S.MORE));
    this.set(root, S.LESS, this.get(0, S.MORE));
    this.set(root, S.MORE, this.get(0, S.LESS));
    return root;
  }

  /** The child on that side takes its parent's place. */
  private rotate(parent: number, child: number, side: number): number {
    const other = S.LESS + S.MORE - side;
    this.set(parent, side, this.get(child, other));
    this.set(child, other, parent);
    return child;
  }

  // ---- rows ----

  private get(row: number, word: number): number {
    return this.rows[row + word]!;
  }

  private edge(row: number, word: number): Seq {
    return seqOf(this.rows[row + word]!);
  }

  private set(row: number, word: number, value: number): void {
    this.rows[row + word] = value;
  }

  private free(row: number): void {
    this.set(row, 0, this.freeRow);
    this.freeRow = row;
  }

  private take(): number {
    const row = this.freeRow;
    if (row !== 0) {
      this.freeRow = this.get(row, 0);
      return row;
    }
    this.top += ROW;
    return this.top - ROW;
  }

  /** Rows for a stretch and a piece. */
  private reserve(): boolean {
    const { rows } = this;
    if (this.top + 2 * ROW <= rows.length) return true;
    if (this.freeRow !== 0 && this.get(this.freeRow, 0) !== 0) return true;
    const wider = this.arrays.take(Math.max(FIRST_WORDS, rows.length * 2));
    for (let i = 0; i < this.top && i < rows.length; i++) wider[i] = rows[i]!;
    this.arrays.give(rows);
    this.rows = wider;
    return true;
  }
}

const earlier = (a: Seq, b: Seq): Seq => (seqDiff(a, b) < 0 ? a : b);
