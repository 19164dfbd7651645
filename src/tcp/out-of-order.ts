/**
 * Text that waits beyond RCV.NXT, as stretches without a gap, each a list of pieces in the order of the stream:
 *
 *     gap  [piece][piece]  gap  [piece]  gap  [piece][piece][piece]
 *          stretch: left … right
 *
 * A peer chooses the order in which segments arrive; so whatever it is, taking one in must cost the same (what Linux
 * learned from CVE-2018-5390). Stretches are the nodes of a splay tree, O(log n) for each segment; text next to the first or the last of them, as nearly all is, does without the tree. Joining two
 * stretches joins two lists. A row is a stretch or a piece.
 */
import { NO_BLOCK } from '../base/block-pool.ts';
import type { WordArrays } from '../base/word-arrays.ts';
import { type Seq, seqAdd, seqBits, seqDiff, seqOf } from '../wire/seq.ts';
import { NODE, SplayRows } from './splay-rows.ts';
import type { TextStore } from './text-store.ts';

/** Of a stretch: its edges, its pieces, and what the tree has to its left and right. */
const S = {
  LEFT: NODE.KEY,
  RIGHT: 1,
  FIRST: 2,
  LAST: 3,
  LESS: NODE.LESS,
  MORE: NODE.MORE,
} as const;
/** Of a piece: where it is, and its neighbours in the stretch. */
const P = { BLOCK: 0, OFF: 1, LEN: 2, NEXT: 3, PREV: 4 } as const;

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
  private readonly rows: SplayRows;
  private root = 0;
  private first = 0;
  private last = 0;
  /** Pieces that another one of their stretch follows. */
  private links = 0;
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
    this.rows = new SplayRows(arrays);
  }

  get isEmpty(): boolean {
    return this.root === 0;
  }

  /** Where the first stretch begins, and where the last one ends. Precondition: there is one. */
  get left(): Seq {
    return this.rows.edge(this.first, S.LEFT);
  }

  get right(): Seq {
    return this.rows.edge(this.last, S.RIGHT);
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
      if (before !== 0 && seqDiff(this.rows.edge(before, S.RIGHT), at) > 0) {
        const stop = earlier(this.rows.edge(before, S.RIGHT), end);
        this.noteDuplicate(at, stop);
        at = stop;
        continue;
      }
      const after = this.next(before);
      const stop = after === 0 ? end : earlier(this.rows.edge(after, S.LEFT), end);
      const from = off + seqDiff(at, seq);
      this.fill(before, after, at, stop, from, chunk, leave);
      at = stop;
    }
    if (this.isEmpty) this.clear();
  }

  /** The first piece is the caller's: `block`, `off`, `len`. */
  takeFirst(): void {
    const s = this.first;
    const p = this.rows.get(s, S.FIRST);
    this.block = this.rows.get(p, P.BLOCK);
    this.off = this.rows.get(p, P.OFF);
    this.len = this.rows.get(p, P.LEN);
    const next = this.rows.get(p, P.NEXT);
    this.rows.set(s, S.LEFT, seqBits(seqAdd(this.rows.edge(s, S.LEFT), this.len)));
    this.rows.set(s, S.FIRST, next);
    this.bytes -= this.len;
    this.rows.free(p);
    if (next === 0) {
      this.removeFirst();
      return;
    }
    this.rows.set(next, P.PREV, 0);
    this.links--;
  }

  /** The piece furthest away goes. Returns its bytes. */
  dropLast(): number {
    if (this.root === 0) return 0;
    const s = this.last;
    const p = this.rows.get(s, S.LAST);
    const len = this.rows.get(p, P.LEN);
    const prev = this.rows.get(p, P.PREV);
    this.store.release(this.rows.get(p, P.BLOCK), len);
    this.rows.set(s, S.RIGHT, seqBits(seqAdd(this.rows.edge(s, S.RIGHT), -len)));
    this.rows.set(s, S.LAST, prev);
    this.bytes -= len;
    this.rows.free(p);
    if (prev === 0) this.removeLast();
    else {
      this.rows.set(prev, P.NEXT, 0);
      this.links--;
    }
    return len;
  }

  /** The stretch that `seq` lies in. Precondition: it lies in one. */
  stretchAround(seq: Seq, out: { left: Seq; right: Seq }): void {
    const s = this.floor(seq);
    out.left = this.rows.edge(s, S.LEFT);
    out.right = this.rows.edge(s, S.RIGHT);
  }

  /** Another segment finds rows. */
  get hasRows(): boolean {
    return this.rows.hasTwo || this.store.mayTakeWords(this.rows.words * 2);
  }

  private makeRows(): boolean {
    if (!this.hasRows) return false;
    this.rows.reserve();
    return true;
  }

  /** Copying pieces together would give rows back: an eighth of them. */
  get isInPieces(): boolean {
    return this.links > this.rows.count >> 3;
  }

  /** Words of the array. */
  get words(): number {
    return this.rows.words;
  }

  /** All bytes of it. */
  has(seq: Seq, len: number): boolean {
    const s = this.floor(seq);
    return s !== 0 && seqDiff(this.rows.edge(s, S.RIGHT), seq) >= len;
  }

  /** The array goes back. Precondition: nothing waits. */
  private clear(): void {
    this.rows.clear();
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
    let tail =
      before !== 0 && this.rows.edge(before, S.RIGHT) === left ? this.rows.get(before, S.LAST) : 0;
    const joins = tail;
    while (seqDiff(right, stop) < 0) {
      const n = this.makeRows()
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
    const touches = after !== 0 && this.rows.edge(after, S.LEFT) === right;
    if (joins !== 0) {
      this.rows.set(before, S.RIGHT, seqBits(right));
      this.rows.set(before, S.LAST, tail);
      if (touches) this.join(before, after);
    } else if (touches) {
      this.chain(tail, this.rows.get(after, S.FIRST));
      this.rows.set(after, S.FIRST, head);
      this.rows.set(after, S.LEFT, seqBits(left));
    } else this.addStretch(before, left, right, head, tail);
  }

  /** A piece of `len` bytes, where the store put them, behind `tail` (0: none); part of it if it lies there. */
  private addPiece(tail: number, len: number): number {
    const { block, off } = this.store;
    if (tail !== 0 && this.rows.get(tail, P.BLOCK) === block) {
      const before = this.rows.get(tail, P.LEN);
      if (this.rows.get(tail, P.OFF) + before === off) {
        this.rows.set(tail, P.LEN, before + len);
        this.store.joined(block);
        return tail;
      }
    }
    const p = this.rows.take();
    this.rows.set(p, P.BLOCK, block);
    this.rows.set(p, P.OFF, off);
    this.rows.set(p, P.LEN, len);
    this.rows.set(p, P.NEXT, 0);
    this.rows.set(p, P.PREV, 0);
    if (tail !== 0) this.chain(tail, p);
    return p;
  }

  private chain(p: number, next: number): void {
    this.links++;
    this.rows.set(p, P.NEXT, next);
    this.rows.set(next, P.PREV, p);
  }

  /** Behind `before`, which is at the root if it is not the last. */
  private addStretch(before: number, left: Seq, right: Seq, head: number, tail: number): void {
    const s = this.rows.take();
    this.rows.set(s, S.LEFT, seqBits(left));
    this.rows.set(s, S.RIGHT, seqBits(right));
    this.rows.set(s, S.FIRST, head);
    this.rows.set(s, S.LAST, tail);
    this.rows.set(s, S.LESS, before === 0 ? 0 : this.root);
    this.rows.set(s, S.MORE, before === 0 ? this.root : 0);
    if (before !== 0 && before !== this.last) {
      this.rows.set(s, S.MORE, this.rows.get(before, S.MORE));
      this.rows.set(before, S.MORE, 0);
    }
    if (before === 0) this.first = s;
    if (before === this.last) this.last = s;
    this.root = s;
  }

  /** They touch. `before` is at the root, `after` next to it: see `next`. */
  private join(before: number, after: number): void {
    this.chain(this.rows.get(before, S.LAST), this.rows.get(after, S.FIRST));
    this.rows.set(before, S.LAST, this.rows.get(after, S.LAST));
    this.rows.set(before, S.RIGHT, this.rows.get(after, S.RIGHT));
    this.rows.set(before, S.MORE, this.rows.get(after, S.MORE));
    if (after === this.last) this.last = before;
    this.rows.free(after);
  }

  private removeFirst(): void {
    const s = this.first;
    const key = this.rows.edge(s, S.LEFT);
    this.root = this.rows.get(this.rows.splay(this.root, key), S.MORE);
    this.root = this.rows.splay(this.root, key);
    this.first = this.root;
    this.rows.free(s);
    if (this.root === 0) this.clear();
  }

  private removeLast(): void {
    const s = this.last;
    const key = this.rows.edge(s, S.LEFT);
    this.root = this.rows.get(this.rows.splay(this.root, key), S.LESS);
    this.root = this.rows.splay(this.root, key);
    this.last = this.root;
    this.rows.free(s);
    if (this.root === 0) this.clear();
  }

  private noteDuplicate(left: Seq, right: Seq): void {
    if (this.duplicateLeft !== this.duplicateRight) return; // the first one is reported
    this.duplicateLeft = left;
    this.duplicateRight = right;
  }

  // ---- collapse ----

  /** Copies the text together, as long as there are pages. Returns how many pieces became part of another. */
  collapse(): number {
    const before = this.links;
    for (let s = this.first; s !== 0; s = this.next(s)) if (!this.collapseStretch(s)) break;
    return before - this.links;
  }

  private collapseStretch(s: number): boolean {
    const { store } = this;
    let tail = 0;
    let isOpen = false; // the next byte placed continues `tail`, if the page has room
    for (let p = this.rows.get(s, S.FIRST); p !== 0; p = this.rows.get(tail, P.NEXT)) {
      const block = this.rows.get(p, P.BLOCK);
      const len = this.rows.get(p, P.LEN);
      if (block >= 0 || store.isWholePage(len)) {
        tail = p;
        isOpen = false;
        continue;
      }
      if (!isOpen && store.roomInPage() < len) store.letGoOfPage();
      const isSame = isOpen && store.roomInPage() > 0;
      const n = store.place(this.rows.get(p, P.OFF), len, NO_BLOCK, 0);
      if (n === 0) return false;
      if (isSame) this.moveTo(tail, p, n);
      else this.replace(p);
      if (!isSame) tail = p;
      isOpen = true;
    }
    this.rows.set(s, S.LAST, tail);
    return true;
  }

  /** All of a piece has been copied to where the store says. */
  private replace(p: number): void {
    this.store.release(this.rows.get(p, P.BLOCK), this.rows.get(p, P.LEN));
    this.rows.set(p, P.BLOCK, this.store.block);
    this.rows.set(p, P.OFF, this.store.off);
  }

  /** The first `n` bytes of a piece have been copied behind the one before it. */
  private moveTo(tail: number, p: number, n: number): void {
    const block = this.rows.get(p, P.BLOCK);
    const left = this.rows.get(p, P.LEN) - n;
    this.rows.set(tail, P.LEN, this.rows.get(tail, P.LEN) + n);
    this.store.joined(this.store.block);
    if (left > 0) {
      this.store.used(block, n);
      this.rows.set(p, P.OFF, this.rows.get(p, P.OFF) + n);
      this.rows.set(p, P.LEN, left);
      return;
    }
    this.store.release(block, n);
    const next = this.rows.get(p, P.NEXT);
    this.rows.set(tail, P.NEXT, next);
    if (next !== 0) this.rows.set(next, P.PREV, tail);
    this.links--;
    this.rows.free(p);
  }

  // ---- the tree ----

  /** The last stretch that begins at `seq` or before it; 0: none. */
  private floor(seq: Seq): number {
    if (this.root === 0 || seqDiff(this.rows.edge(this.first, S.LEFT), seq) > 0) return 0;
    if (seqDiff(this.rows.edge(this.last, S.LEFT), seq) <= 0) return this.last;
    this.root = this.rows.splay(this.root, seq);
    if (seqDiff(this.rows.edge(this.root, S.LEFT), seq) <= 0) return this.root;
    const s = this.rows.splay(this.rows.get(this.root, S.LESS), seq);
    this.rows.set(this.root, S.LESS, s);
    return s;
  }

  /** The stretch behind one, which is at the root afterwards, and the other next to it; behind none, the first. */
  private next(s: number): number {
    if (s === 0) return this.first;
    if (s === this.last) return 0;
    const key = this.rows.edge(s, S.LEFT);
    this.root = this.rows.splay(this.root, key);
    const after = this.rows.splay(this.rows.get(s, S.MORE), key);
    this.rows.set(s, S.MORE, after);
    return after;
  }
}

const earlier = (a: Seq, b: Seq): Seq => (seqDiff(a, b) < 0 ? a : b);
