/**
 * The bytes of the text that came last, on their way from the frame to their page.
 *
 * Whoever takes text without looking at it (MSG_TRUNC, the sinks of an experiment) does so in the turn in which it
 * came, as a rule, and before anything follows it; then the bytes need not be copied at all, nor written down anywhere
 * else. So small text that is all its buffer has gets its page, which is counted, at once, and moves in when somebody
 * may look: at its buffer's next text, at a read, at the end of the turn. There is one such text in a stack, which holds
 * the frame's chunk meanwhile: another connection's moves it in, too, and one that is to stay in its chunk.
 */
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';

/** A buffer with nothing but this text. */
export interface LateHolder {
  /** Its bytes are the first `len` of `page`, which is the buffer's from now on. */
  moveIn(page: number, len: number): void;
}

/** Where the page comes from, and is counted. */
export interface PageAccount {
  readonly pages: BlockPool;
  takePage(held: number): number;
  releasePage(page: number, held: number): void;
}

export class LateCopy {
  private readonly account: PageAccount;
  private readonly chunks: BlockPool;
  /** Whose text it is. Null: there is nothing to copy. */
  private holder: LateHolder | null = null;
  private page = NO_BLOCK;
  private from = 0;
  private len = 0;
  private chunk = NO_BLOCK;

  constructor(account: PageAccount, chunks: BlockPool) {
    this.account = account;
    this.chunks = chunks;
  }

  /** `len` bytes at `from`, in `chunk`, belong to that one, who has nothing else. False: there is no page. */
  begin(holder: LateHolder, from: number, len: number, chunk: number): boolean {
    this.finish();
    const page = this.account.takePage(0);
    if (page === NO_BLOCK) return false;
    this.chunks.hold(chunk);
    this.holder = holder;
    this.page = page;
    this.from = from;
    this.len = len;
    this.chunk = chunk;
    return true;
  }

  isOf(holder: LateHolder): boolean {
    return this.holder === holder;
  }

  /** Somebody may look at the text of that one, or write behind it. */
  finishOf(holder: LateHolder): void {
    if (this.holder === holder) this.finish();
  }

  /** Its place is needed, or its chunk. */
  finish(): void {
    if (this.holder !== null) this.copy(this.holder);
  }

  /** The text is gone, and nobody has looked at it. */
  drop(): void {
    this.end();
    this.account.releasePage(this.page, 1);
  }

  private copy(holder: LateHolder): void {
    const { pages } = this.account;
    pages.slab.u8.copyWithin(pages.offsetOf(this.page), this.from, this.from + this.len);
    this.end();
    holder.moveIn(this.page, this.len);
  }

  private end(): void {
    this.holder = null;
    this.chunks.release(this.chunk);
  }
}
