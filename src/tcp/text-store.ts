/**
 * Where the received bytes of a connection lie. A large segment stays where it was received and holds a reference
 * to its chunk; a small one (and every one while chunks are short) is copied to a page, behind what came before it,
 * so that a slow reader cannot pin a chunk with a byte.
 */
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';

/** Held by reference from this size on: at most 16 segments pin a chunk of 256 KiB. */
export const COPY_BREAK = 16384;

export class TextStore {
  private readonly chunks: BlockPool;
  private readonly pages: BlockPool;
  /** The page that small segments are copied to, its fill, and our own reference to it. */
  private page = NO_BLOCK;
  private pageUsed = 0;
  /** Where the text went that was placed last: a chunk, or ~page; and the offset. */
  block = 0;
  off = 0;

  constructor(chunks: BlockPool, pages: BlockPool) {
    this.chunks = chunks;
    this.pages = pages;
  }

  /** A home for the first bytes of a text, if that leaves `leave` pages to others; returns how many (0: no memory). */
  place(off: number, len: number, chunk: number, leave: number): number {
    if (this.isKept(len, chunk)) {
      this.chunks.hold(chunk);
      this.block = chunk;
      this.off = off;
      return len;
    }
    if (this.page === NO_BLOCK || this.pageUsed === this.pages.blockBytes) {
      this.letGoOfPage();
      const page = this.pages.free > leave ? this.pages.take() : NO_BLOCK;
      if (page === NO_BLOCK) return 0;
      this.page = page;
    }
    const n = Math.min(len, this.pages.blockBytes - this.pageUsed);
    const to = this.pages.offsetOf(this.page) + this.pageUsed;
    this.pages.slab.u8.copyWithin(to, off, off + n);
    this.pages.hold(this.page);
    this.pageUsed += n;
    this.block = ~this.page;
    this.off = to;
    return n;
  }

  /** It stays in its chunk. */
  isKept(len: number, chunk: number): boolean {
    return chunk !== NO_BLOCK && len >= COPY_BREAK && this.chunks.free * 2 >= this.chunks.capacity;
  }

  /** So many bytes find pages. */
  hasPagesFor(len: number): boolean {
    const { blockBytes, free } = this.pages;
    const inPage = this.page === NO_BLOCK ? 0 : blockBytes - this.pageUsed;
    return len <= inPage + free * blockBytes;
  }

  release(block: number): void {
    if (block >= 0) this.chunks.release(block);
    else this.pages.release(~block);
  }

  letGoOfPage(): void {
    if (this.page !== NO_BLOCK) this.pages.release(this.page);
    this.page = NO_BLOCK;
    this.pageUsed = 0;
  }

  /** The memory that all of it lies in. */
  get bytes(): Uint8Array {
    return this.pages.slab.u8;
  }
}
