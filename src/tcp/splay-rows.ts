/**
 * Rows of six words in one array, some of which are nodes of splay trees: by sequence numbers, which any n operations
 * cost O(log n) each. Row 0 is nobody's, and stands for "none". While no row is used there is no array.
 */
import { NO_WORDS, type WordArrays } from '../base/word-arrays.ts';
import { type Seq, seqDiff, seqOf } from '../wire/seq.ts';

export const ROW = 6;
/** Nine rows. */
const FIRST_WORDS = 64;

/** Of a node: its key, and what the tree has to its left and right. The other words are its owner's. */
export const NODE = { KEY: 0, LESS: 4, MORE: 5 } as const;

export class SplayRows {
  private readonly arrays: WordArrays;
  private array: Int32Array = NO_WORDS;
  /** Rows from here on were never used; those that were, and are free, are chained from `freeRow`. */
  private top = ROW;
  private freeRow = 0;

  constructor(arrays: WordArrays) {
    this.arrays = arrays;
  }

  get(row: number, word: number): number {
    return this.array[row + word]!;
  }

  /** A word that is a sequence number. */
  edge(row: number, word: number): Seq {
    return seqOf(this.array[row + word]!);
  }

  set(row: number, word: number, value: number): void {
    this.array[row + word] = value;
  }

  free(row: number): void {
    this.set(row, 0, this.freeRow);
    this.freeRow = row;
  }

  /** Precondition: there is one (`reserve`). */
  take(): number {
    const row = this.freeRow;
    if (row !== 0) {
      this.freeRow = this.get(row, 0);
      return row;
    }
    this.top += ROW;
    return this.top - ROW;
  }

  /** Two can be taken. */
  get hasTwo(): boolean {
    const unused = this.array.length - this.top;
    if (this.freeRow === 0) return unused >= 2 * ROW;
    return unused >= ROW || this.get(this.freeRow, 0) !== 0;
  }

  /** Makes sure of that: the array becomes twice as long if need be. */
  reserve(): void {
    if (this.hasTwo) return;
    const { array } = this;
    const wider = this.arrays.take(Math.max(FIRST_WORDS, array.length * 2));
    for (let i = 0; i < this.top && i < array.length; i++) wider[i] = array[i]!;
    this.arrays.give(array);
    this.array = wider;
  }

  /** Words of the array. */
  get words(): number {
    return this.array.length;
  }

  /** Rows that were used at some time since the array was empty. */
  get count(): number {
    return this.top / ROW - 1;
  }

  /** All rows are free. */
  clear(): void {
    this.arrays.give(this.array);
    this.array = NO_WORDS;
    this.top = ROW;
    this.freeRow = 0;
  }

  /**
   * The subtree of `t` with the stretch at its root that begins at `key`, or the last one met on the way there
   * (Sleator and Tarjan's top-down splaying). Row 0 collects the two sides: what is less to its MORE, what is more
   * to its LESS.
   */
  splay(t: number, key: Seq): number {
    if (t === 0) return 0;
    this.set(0, NODE.LESS, 0);
    this.set(0, NODE.MORE, 0);
    let root = t;
    let less = 0;
    let more = 0;
    for (;;) {
      const d = seqDiff(key, this.edge(root, NODE.KEY));
      if (d === 0) break;
      const side = d < 0 ? NODE.LESS : NODE.MORE;
      const child = this.get(root, side);
      if (child === 0) break;
      const e = seqDiff(key, this.edge(child, NODE.KEY));
      if ((d < 0 && e < 0) || (d > 0 && e > 0)) root = this.rotate(root, child, side);
      const next = this.get(root, side);
      if (next === 0) break;
      if (d < 0) {
        this.set(more, NODE.LESS, root);
        more = root;
      } else {
        this.set(less, NODE.MORE, root);
        less = root;
      }
      root = next;
    }
    this.set(less, NODE.MORE, this.get(root, NODE.LESS));
    this.set(more, NODE.LESS, this.get(root, NODE.MORE));
    this.set(root, NODE.LESS, this.get(0, NODE.MORE));
    this.set(root, NODE.MORE, this.get(0, NODE.LESS));
    return root;
  }

  /** The child on that side takes its parent's place. */
  private rotate(parent: number, child: number, side: number): number {
    const other = NODE.LESS + NODE.MORE - side;
    this.set(parent, side, this.get(child, other));
    this.set(child, other, parent);
    return child;
  }
}
