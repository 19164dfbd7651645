/**
 * The bytes between SND.UNA and the last one the application wrote, in pages.
 *
 *     page 0                 page 1                 page 2
 *     |.....####################|######################|########..........|
 *           ^ first unacknowledged                              ^ end of what was written
 *
 * Pages are filled to the end before the next is taken, so the page of any byte is found by division.
 * A page belongs to the queue until its last byte is acknowledged; frames on their way to the device
 * hold references of their own (`TxRing.addHeld`), so a retransmission in a full device stays valid
 * after the acknowledgement of the original. An empty queue holds no page.
 *
 * A source of traffic whose bytes nobody looks at writes zeros. A queue of nothing else takes its pages as any
 * other, and leaves them as they are: its frames name the pool's zeros instead. With ten flows that take all of
 * a link, neither writing the pages nor reading them cold is 4 % of an experiment's time.
 */
import { assert } from '../base/assert.ts';
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import { NO_WORDS } from '../base/word-arrays.ts';
import type { TxRing } from '../link/tx-ring.ts';
import type { TcpMemory } from './tcp-memory.ts';

const FIRST_PAGES = 4;

export class SendQueue {
  private readonly pages: BlockPool;
  private readonly memory: TcpMemory;
  /** A circle of page numbers: `count` of them from `head` on. */
  private ring: Int32Array = NO_WORDS;
  private head = 0;
  private count = 0;
  /** Where in the first page the first unacknowledged byte is. */
  private skip = 0;
  /** All of it is zeros, which are not in its pages. */
  private isZeros = false;
  /** Bytes written and not yet acknowledged. */
  length = 0;

  constructor(memory: TcpMemory) {
    this.pages = memory.pages;
    this.memory = memory;
  }

  get pageCount(): number {
    return this.count;
  }

  /** Copies bytes of the application to the end, into no more than so many new pages; returns how many it took. */
  append(data: Uint8Array, mostPages: number): number {
    if (this.isZeros) this.writeZeros();
    const taken = this.makeRoom(data.length, mostPages);
    const pageBytes = this.pages.blockBytes;
    for (let done = 0; done < taken; ) {
      const at = this.skip + this.length + done;
      const n = Math.min(taken - done, pageBytes - (at % pageBytes));
      const isWhole = n === data.length;
      this.pages.slab.u8.set(isWhole ? data : data.subarray(done, done + n), this.offsetAt(at));
      done += n;
    }
    this.length += taken;
    return taken;
  }

  /** The same for so many zeros. */
  appendZeros(bytes: number, mostPages: number): number {
    if (this.length === 0) this.isZeros = true;
    const taken = this.makeRoom(bytes, mostPages);
    if (!this.isZeros) this.fillWithZeros(this.skip + this.length, taken);
    this.length += taken;
    return taken;
  }

  /** Everything in `other`, which is empty then. Precondition: this one is empty. */
  takeOver(other: SendQueue): void {
    assert(this.count === 0, 'a queue takes another over before it is written to');
    this.ring = other.ring;
    this.head = other.head;
    this.count = other.count;
    this.skip = other.skip;
    this.length = other.length;
    this.isZeros = other.isZeros;
    other.ring = NO_WORDS;
    other.head = 0;
    other.count = 0;
    other.skip = 0;
    other.length = 0;
    other.isZeros = false;
  }

  /** The first `bytes` are acknowledged: their pages go back. */
  release(bytes: number): void {
    assert(bytes <= this.length, 'what was not written cannot be acknowledged');
    const pageBytes = this.pages.blockBytes;
    this.length -= bytes;
    this.skip += bytes;
    while (this.skip >= pageBytes) {
      this.dropFirstPage();
      this.skip -= pageBytes;
    }
    if (this.length === 0) this.clear();
  }

  /**
   * Adds `len` bytes, `from` bytes behind SND.UNA, to the frame begun in `tx`, as references to pages.
   * Returns how many were added: fewer when they lie in more pages than `maxPieces`.
   */
  addTo(tx: TxRing, from: number, len: number, maxPieces: number): number {
    const { pages } = this;
    const pageBytes = pages.blockBytes;
    const start = this.skip + from;
    const first = (start / pageBytes) | 0;
    let inPage = start - first * pageBytes;
    let done = 0;
    for (let i = 0; i < maxPieces && done < len; i++) {
      const page = this.pageAt(first + i);
      const n = Math.min(len - done, pageBytes - inPage);
      const off = this.isZeros ? pages.zeros() : pages.offsetOf(page);
      tx.addPage(off + inPage, n, page, pages);
      inPage = 0; // the next page from its start
      done += n;
    }
    return done;
  }

  /** Copies `len` bytes, `from` bytes behind SND.UNA, to an offset of the slab. */
  copyTo(to: number, from: number, len: number): void {
    const pageBytes = this.pages.blockBytes;
    const { u8 } = this.pages.slab;
    let at = this.skip + from;
    for (let done = 0; done < len; ) {
      const n = Math.min(len - done, pageBytes - (at % pageBytes));
      const off = this.offsetAt(at);
      u8.copyWithin(to + done, off, off + n);
      at += n;
      done += n;
    }
  }

  /** A copy of `len` bytes, `from` bytes behind SND.UNA, outside the slab. */
  copyOf(from: number, len: number): Uint8Array {
    const pageBytes = this.pages.blockBytes;
    const { u8 } = this.pages.slab;
    const out = new Uint8Array(len);
    let at = this.skip + from;
    for (let done = 0; done < len; ) {
      const n = Math.min(len - done, pageBytes - (at % pageBytes));
      const off = this.offsetAt(at);
      out.set(u8.subarray(off, off + n), done);
      at += n;
      done += n;
    }
    return out;
  }

  /** Everything goes: the connection is over. */
  clear(): void {
    while (this.count > 0) this.dropFirstPage();
    this.memory.arrays.give(this.ring);
    this.ring = NO_WORDS;
    this.head = 0;
    this.skip = 0;
    this.length = 0;
    this.isZeros = false;
  }

  /** Takes pages for `bytes` more; returns for how many it has room. */
  private makeRoom(bytes: number, mostPages: number): number {
    const used = this.skip + this.length;
    const mostCount = this.count + mostPages;
    let room = this.count * this.pages.blockBytes - used;
    while (room < bytes && this.count < mostCount && this.takePage()) room += this.pages.blockBytes;
    return Math.min(room, bytes);
  }

  /** Somebody writes behind the zeros: now they have to be there. */
  private writeZeros(): void {
    this.isZeros = false;
    this.fillWithZeros(this.skip, this.length);
  }

  private fillWithZeros(from: number, bytes: number): void {
    const pageBytes = this.pages.blockBytes;
    for (let done = 0; done < bytes; ) {
      const at = from + done;
      const n = Math.min(bytes - done, pageBytes - (at % pageBytes));
      const off = this.offsetAt(at);
      this.pages.slab.u8.fill(0, off, off + n);
      done += n;
    }
  }

  /** In the slab: the byte `at` bytes behind the first page's start. */
  private offsetAt(at: number): number {
    const pageBytes = this.pages.blockBytes;
    if (this.isZeros) return this.pages.zeros() + (at % pageBytes);
    return this.pages.offsetOf(this.pageAt(Math.floor(at / pageBytes))) + (at % pageBytes);
  }

  private pageAt(index: number): number {
    return this.ring[(this.head + index) & (this.ring.length - 1)]!;
  }

  private takePage(): boolean {
    const page = this.memory.takePage(this.count);
    if (page === NO_BLOCK) return false;
    if (this.count === this.ring.length) this.widen();
    this.ring[(this.head + this.count) & (this.ring.length - 1)] = page;
    this.count++;
    return true;
  }

  private dropFirstPage(): void {
    this.memory.releasePage(this.pageAt(0), this.count);
    this.head = (this.head + 1) & (this.ring.length - 1);
    this.count--;
  }

  private widen(): void {
    const wider = this.memory.arrays.take(Math.max(FIRST_PAGES, this.ring.length * 2));
    for (let i = 0; i < this.count; i++) wider[i] = this.pageAt(i);
    this.memory.arrays.give(this.ring);
    this.ring = wider;
    this.head = 0;
  }
}
