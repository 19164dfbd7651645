/**
 * Where the received bytes of a connection lie. A large segment stays where it was received and holds a reference
 * to its chunk; a small one (and every one while chunks are short) is copied to a page, behind what came before it,
 * so that a slow reader cannot pin a chunk with a byte (when: `late-copy`).
 *
 * A connection holds pages for no more than its receive buffer, and SPARE_PAGES; arrays for each of its queues for a
 * quarter of it; and KEPT_SEGMENTS chunks, or one for each 64 KiB of its buffer. All connections together keep no
 * more than half of the chunks. Text is no more than half of the buffer, so when these bounds are met it lies
 * scattered, and is copied together (`collapse`). What all connections of the stack hold is `tcp-memory`'s matter.
 */
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import type { TcpMemory } from './tcp-memory.ts';

/** Held by reference from this size on: at most 16 segments pin a chunk of 256 KiB. */
export const COPY_BREAK = 16384;

/** Pages are filled in parts: the one that is being filled, one that is being emptied, and two for copying. */
const SPARE_PAGES = 4;
const KEPT_SEGMENTS = 4;
const BYTES_A_CHUNK = 65536;
const LEAST_ARRAY_BYTES = 4096;

export class TextStore {
  private readonly memory: TcpMemory;
  private readonly pages: BlockPool;
  /** The page that small segments are copied to, its fill, and our own reference to it. */
  private page = NO_BLOCK;
  private pageUsed = 0;
  /** Pages held, and bytes of text in them; segments that stay in their chunks. */
  private pageCount = 0;
  private pageBytes = 0;
  private kept = 0;
  /** Bytes of pages without text, when text was last copied together. */
  private idleBefore = 0;
  /** The receive buffer's size. */
  private limitBytes = 1 << 30;
  /** Where the text went that was placed last: a chunk, or ~page; and the offset. */
  block = 0;
  off = 0;

  constructor(memory: TcpMemory) {
    this.memory = memory;
    this.pages = memory.pages;
  }

  setLimit(bytes: number): void {
    this.limitBytes = Math.min(bytes, 1 << 30);
  }

  /** A home for the first bytes of a text, if that leaves `leave` pages to others; returns how many (0: no memory). */
  place(off: number, len: number, chunk: number, leave: number): number {
    if (this.isKept(len, chunk)) {
      this.memory.chunks.hold(chunk);
      this.memory.charge(len);
      this.kept++;
      this.block = chunk;
      this.off = off;
      return len;
    }
    if (this.roomInPage() === 0 && !this.takePage(leave)) return 0;
    const n = Math.min(len, this.roomInPage());
    const to = this.pages.offsetOf(this.page) + this.pageUsed;
    this.pages.slab.u8.copyWithin(to, off, off + n);
    this.fill(to, n);
    return n;
  }

  /** Small text, and there is no other: it needs a page, and nothing else. */
  isAlone(len: number): boolean {
    return (
      this.pageCount === 0 && this.kept === 0 && len < COPY_BREAK && len <= this.pages.blockBytes
    );
  }

  /** Such text has come with its page. */
  adopt(page: number, len: number): void {
    this.letGoOfPage();
    this.page = page;
    this.pageCount = 1;
    this.fill(this.pages.offsetOf(page), len);
  }

  /** It stays in its chunk. */
  isKept(len: number, chunk: number): boolean {
    if (chunk === NO_BLOCK || len < COPY_BREAK) return false;
    this.memory.late.finish(); // it holds a chunk
    const { chunks } = this.memory;
    return (
      chunks.free * 2 >= chunks.capacity &&
      this.memory.mayKeep(len) &&
      this.kept < Math.max(KEPT_SEGMENTS, this.limitBytes / BYTES_A_CHUNK)
    );
  }

  /** So many bytes find pages, if `leave` of them are for others. */
  hasPagesFor(len: number, leave: number): boolean {
    if (len <= this.roomInPage()) return true;
    const { memory, heldPages } = this;
    const { blockBytes, free } = this.pages;
    const own = Math.floor(this.limitBytes / blockBytes) + SPARE_PAGES - this.pageCount;
    const most =
      leave > 0 ? memory.pagesOf(heldPages) : memory.pagesInOrder(this.isBare ? 0 : heldPages);
    return len <= this.roomInPage() + Math.min(free - leave, own, most) * blockBytes;
  }

  /** An array of so many words is no larger than its part of the receive buffer. */
  mayTakeWords(count: number): boolean {
    return 4 * count <= Math.max(this.limitBytes >> 2, LEAST_ARRAY_BYTES);
  }

  /** Since it was last copied together text has become so scattered that an eighth of the pages, and two, are idle. */
  get isScattered(): boolean {
    const idle = this.heldBytes - this.pageBytes - this.idleBefore;
    return idle > Math.max(2, this.pageCount >> 3) * this.pages.blockBytes;
  }

  noteCollapsed(): void {
    this.idleBefore = this.heldBytes - this.pageBytes;
  }

  /** To copy a piece of so many bytes of a page would give nothing back. */
  isWholePage(len: number): boolean {
    return len === this.pages.blockBytes;
  }

  /** Free bytes of the page that is being filled. */
  roomInPage(): number {
    return this.page === NO_BLOCK ? 0 : this.pages.blockBytes - this.pageUsed;
  }

  /** `len` bytes and the reference to their block go. */
  release(block: number, len: number): void {
    if (block >= 0) {
      this.kept--;
      this.memory.chunks.release(block);
      this.memory.discharge(len);
      return;
    }
    this.pageBytes -= len;
    this.releasePage(~block);
  }

  /** What lies next to it in the same block belongs to it: one reference is enough. */
  joined(block: number): void {
    this.release(block, 0);
  }

  /** So many bytes of a block were read, and others were not. */
  used(block: number, len: number): void {
    if (block < 0) this.pageBytes -= len;
    else this.memory.discharge(len);
  }

  letGoOfPage(): void {
    if (this.page !== NO_BLOCK) this.releasePage(this.page);
    this.page = NO_BLOCK;
    this.pageUsed = 0;
    if (this.pageCount === 0) this.idleBefore = 0;
  }

  /** The memory that all of it lies in. */
  get bytes(): Uint8Array {
    return this.pages.slab.u8;
  }

  /** Memory in pages, whatever is in them. */
  get heldBytes(): number {
    return this.pageCount * this.pages.blockBytes;
  }

  /** Pages, and what would take as many. */
  private get heldPages(): number {
    return this.pageCount + this.kept * Math.ceil(BYTES_A_CHUNK / this.pages.blockBytes);
  }

  /** No text; the page that was being filled goes when another is taken. */
  private get isBare(): boolean {
    return this.pageBytes === 0 && this.kept === 0;
  }

  /** What is in order, and what is copied together, was admitted before. */
  private takePage(leave: number): boolean {
    this.letGoOfPage();
    const { memory } = this;
    if (this.pages.free <= leave || (leave > 0 && memory.pagesOf(this.heldPages) === 0)) {
      return false;
    }
    const page = memory.takePage(this.pageCount);
    if (page === NO_BLOCK) return false;
    this.page = page;
    this.pageCount++;
    return true;
  }

  /** The next `len` bytes of the page, which are at `to`, are text. */
  private fill(to: number, len: number): void {
    this.pages.hold(this.page);
    this.pageUsed += len;
    this.pageBytes += len;
    this.block = ~this.page;
    this.off = to;
  }

  private releasePage(page: number): void {
    if (this.pages.references(page) > 1) this.pages.release(page);
    else this.memory.releasePage(page, this.pageCount--);
  }
}
