/**
 * The bytes of the text that came last, on their way from the frame to their page.
 *
 * Whoever takes text without looking at it (MSG_TRUNC, the sinks of an experiment) does so in the turn in which it
 * came, as a rule; then the bytes need not be copied at all. So the page is taken, filled and counted at once, and the
 * copy is made when somebody may look: at the next text of anybody, at a read, at the end of the turn. There is one
 * such copy in a stack; it holds the frame's chunk meanwhile.
 */
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import type { Slab } from '../base/slab.ts';

export class LateCopy {
  private readonly slab: Slab;
  private readonly chunks: BlockPool;
  /** Who has the page. Null: there is nothing to copy. */
  private holder: object | null = null;
  private to = 0;
  private from = 0;
  private len = 0;
  private chunk = NO_BLOCK;

  constructor(slab: Slab, chunks: BlockPool) {
    this.slab = slab;
    this.chunks = chunks;
  }

  /** `len` bytes at `from`, in `chunk`, belong at `to`. Precondition: nothing else waits. */
  begin(holder: object, to: number, from: number, len: number, chunk: number): void {
    this.chunks.hold(chunk);
    this.holder = holder;
    this.to = to;
    this.from = from;
    this.len = len;
    this.chunk = chunk;
  }

  /** Somebody may look at the text of that one, or write behind it. */
  finishOf(holder: object): void {
    if (this.holder === holder) this.finish();
  }

  /** Its place is needed, or its chunk. */
  finish(): void {
    if (this.holder === null) return;
    this.slab.u8.copyWithin(this.to, this.from, this.from + this.len);
    this.end();
  }

  /** All text of that one is gone, and nobody has looked at the last of it. */
  drop(holder: object): void {
    if (this.holder === holder) this.end();
  }

  private end(): void {
    this.holder = null;
    this.chunks.release(this.chunk);
  }
}
