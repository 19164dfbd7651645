/**
 * Received bytes until the application reads them: those in order, and those beyond a gap.
 *
 *     ready:   [entry][entry][entry]                 a queue; what `read` takes from
 *     beyond:        gap  [entry][entry] gap [entry]   sorted by sequence, disjoint; wait for RCV.NXT
 *
 * An entry is (block, offset, length). A large segment stays where it was received and holds a reference
 * to its chunk; a small one (and every one while chunks are short) is copied to a page, so that a
 * slow reader cannot pin a chunk with a byte. Bytes move from "beyond" to "ready" without a copy.
 * An idle connection holds no block and no array.
 */
import { assert } from '../base/assert.ts';
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import { NO_WORDS, WordArrays } from '../base/word-arrays.ts';
import { type Seq, seqAdd, seqBits, seqDiff, seqOf } from '../wire/seq.ts';

/** Held by reference from this size on: at most 16 segments pin a chunk of 256 KiB. */
export const COPY_BREAK = 16384;
/** Words of an entry; "ready" does not use SEQ. */
const E = { BLOCK: 0, OFF: 1, LEN: 2, SEQ: 3 } as const;
const WORDS = 4;
const FIRST_ENTRIES = 8;

/** A view costs as much as copying so many bytes one by one (80 ns), and 96 bytes of garbage. */
const WORTH_A_VIEW = 64;

function copyOut(from: Uint8Array, off: number, len: number, into: Uint8Array, at: number): void {
  if (len >= WORTH_A_VIEW) into.set(from.subarray(off, off + len), at);
  else for (let i = 0; i < len; i++) into[at + i] = from[off + i]!;
}

/** What `insert` made of a segment's text. */
export interface Placed {
  /** Bytes that are new. */
  newBytes: number;
  /** The first duplicate stretch, for a D-SACK (RFC 2883); empty when left = right. */
  duplicateLeft: Seq;
  duplicateRight: Seq;
  /** No memory: the text was not taken (and is not acknowledged). */
  isRefused: boolean;
}

export class ReceiveBuffer implements Placed {
  private readonly chunks: BlockPool;
  private readonly pages: BlockPool;
  private readonly arrays: WordArrays;
  private ready: Int32Array = NO_WORDS;
  private readyHead = 0;
  private readyCount = 0;
  private beyond: Int32Array = NO_WORDS;
  private beyondHead = 0;
  private beyondCount = 0;
  /** The page that small segments are copied to, its fill, and our own reference to it. */
  private page = NO_BLOCK;
  private pageUsed = 0;
  /** How much of the first ready entry is read. */
  readyBytes = 0;
  beyondBytes = 0;

  newBytes = 0;
  duplicateLeft: Seq = seqOf(0);
  duplicateRight: Seq = seqOf(0);
  isRefused = false;
  /** The text appended last continues what was before it in memory. */
  hasJoined = false;

  constructor(chunks: BlockPool, pages: BlockPool, arrays: WordArrays = new WordArrays()) {
    this.chunks = chunks;
    this.pages = pages;
    this.arrays = arrays;
  }

  /** Memory that counts against the receive buffer: the bytes, wherever they are. */
  get chargedBytes(): number {
    return this.readyBytes + this.beyondBytes;
  }

  get gaps(): boolean {
    return this.beyondCount > 0;
  }

  // ---- in ----

  /** Text at RCV.NXT: `len` bytes at `off`, in `chunk` or NO_BLOCK. Precondition: it has room, and there is no gap. */
  append(off: number, len: number, chunk: number): void {
    let done = 0;
    this.leave = 0;
    this.hasJoined = false;
    while (done < len) {
      const taken = this.place(off + done, len - done, chunk);
      assert(taken > 0, 'text in order has room');
      this.pushReady(this.placedBlock, this.placedOff, taken);
      done += taken;
    }
  }

  /**
   * Whether the text has a place; what lies beyond the gap makes some for it, the furthest away first (RFC 2018 §8
   * allows that), or false: no memory.
   */
  makeRoom(len: number, chunk: number): boolean {
    while (!this.hasRoom(len, chunk)) if (this.prune() === 0) return false;
    return true;
  }

  hasRoom(len: number, chunk: number): boolean {
    if (chunk !== NO_BLOCK && len >= COPY_BREAK && this.isRoomy() && !this.gaps) return true;
    const { blockBytes, free } = this.pages;
    const inPage = this.page === NO_BLOCK ? 0 : blockBytes - this.pageUsed;
    return len <= inPage + free * blockBytes;
  }

  /** Text beyond RCV.NXT, that leaves `leave` pages to others; what is here already is not stored twice. The outcome is in our `Placed` fields. */
  insert(seq: Seq, off: number, len: number, chunk: number, leave: number): void {
    this.leave = leave;
    this.newBytes = 0;
    this.isRefused = false;
    this.duplicateLeft = seq;
    this.duplicateRight = seq;
    const end = seqAdd(seq, len);
    let at = seq;
    let i = this.firstEndingAfter(seq);
    while (seqDiff(at, end) < 0) {
      const start = i < this.beyondCount ? this.seqAt(i) : end;
      if (seqDiff(at, start) < 0) {
        const stop = seqDiff(start, end) < 0 ? start : end;
        const n = seqDiff(stop, at);
        const stored = this.insertAt(i, at, off + seqDiff(at, seq), n, chunk);
        if (stored < 0) {
          this.isRefused = true;
          return;
        }
        i += stored;
        at = stop;
        continue;
      }
      const entryEnd = this.endAt(i);
      const stop = seqDiff(entryEnd, end) < 0 ? entryEnd : end;
      this.noteDuplicate(at, stop);
      at = stop;
      i++;
    }
  }

  /** Moves what has become contiguous to "ready". Returns how many bytes RCV.NXT advances. */
  drain(rcvNxt: Seq): number {
    let nxt = rcvNxt;
    while (this.beyondCount > 0) {
      const o = this.beyondHead * WORDS;
      const start = seqOf(this.beyond[o + E.SEQ]!);
      const len = this.beyond[o + E.LEN]!;
      if (seqDiff(start, nxt) > 0) break;
      const skip = seqDiff(nxt, start);
      const block = this.beyond[o + E.BLOCK]!;
      this.beyondBytes -= len;
      if (skip >= len) this.releaseBlock(block);
      else {
        this.pushReady(block, this.beyond[o + E.OFF]! + skip, len - skip);
        nxt = seqAdd(nxt, len - skip);
      }
      this.beyondHead++;
      this.beyondCount--;
    }
    if (this.beyondCount === 0) {
      this.beyondHead = 0;
      this.dropBeyond();
    }
    return seqDiff(nxt, rcvNxt);
  }

  /** The contiguous stretch around `seq` beyond the gap: for the first SACK block. */
  stretchAround(seq: Seq, out: { left: Seq; right: Seq }): void {
    let i = this.firstEndingAfter(seq);
    let left = this.seqAt(i);
    let right = this.endAt(i);
    for (let k = i - 1; k >= 0 && seqDiff(this.endAt(k), left) === 0; k--) left = this.seqAt(k);
    for (i++; i < this.beyondCount && seqDiff(this.seqAt(i), right) === 0; i++) {
      right = this.endAt(i);
    }
    out.left = left;
    out.right = right;
  }

  /** The byte at `seq` waits beyond a gap. */
  isBeyond(seq: Seq): boolean {
    const i = this.firstEndingAfter(seq);
    return i < this.beyondCount && seqDiff(this.seqAt(i), seq) <= 0;
  }

  /** From `rcvNxt` to the end of what waits beyond a gap; 0 without. */
  spanBytes(rcvNxt: Seq): number {
    return this.beyondCount === 0 ? 0 : seqDiff(this.endAt(this.beyondCount - 1), rcvNxt);
  }

  /** The stretch furthest away goes. Returns its bytes. */
  private prune(): number {
    if (this.beyondCount === 0) return 0;
    const o = (this.beyondHead + this.beyondCount - 1) * WORDS;
    const len = this.beyond[o + E.LEN]!;
    this.releaseBlock(this.beyond[o + E.BLOCK]!);
    this.beyondCount--;
    this.beyondBytes -= len;
    return len;
  }

  // ---- out ----

  /** Copies up to `into.length` bytes to the application; they are gone from here. */
  read(into: Uint8Array): number {
    const { u8 } = this.pages.slab;
    let done = 0;
    while (done < into.length && this.readyCount > 0) {
      const o = this.readyOffset(0);
      const len = this.ready[o + E.LEN]!;
      const n = Math.min(len, into.length - done);
      const from = this.ready[o + E.OFF]!;
      copyOut(u8, from, n, into, done);
      done += n;
      this.consume(o, n, len);
    }
    this.settle();
    return done;
  }

  /** Copies what `read` would after `skip` bytes, and leaves it. */
  peek(into: Uint8Array, skip: number): number {
    const { u8 } = this.pages.slab;
    let left = skip;
    let done = 0;
    for (let i = 0; i < this.readyCount && done < into.length; i++) {
      const o = this.readyOffset(i);
      const len = this.ready[o + E.LEN]!;
      const over = Math.min(left, len);
      left -= over;
      const n = Math.min(len - over, into.length - done);
      const from = this.ready[o + E.OFF]! + over;
      copyOut(u8, from, n, into, done);
      done += n;
    }
    return done;
  }

  /** Drops up to `bytes` unread: MSG_TRUNC, or a reader that does not want them. */
  discard(bytes: number): number {
    let done = 0;
    while (done < bytes && this.readyCount > 0) {
      const o = this.readyOffset(0);
      const len = this.ready[o + E.LEN]!;
      const n = Math.min(len, bytes - done);
      done += n;
      this.consume(o, n, len);
    }
    this.settle();
    return done;
  }

  clear(): void {
    this.discard(this.readyBytes);
    while (this.beyondCount > 0) this.prune();
    this.beyondHead = 0;
    this.dropReady();
    this.dropBeyond();
    this.settle();
  }

  // ---- storage ----

  private placedBlock = 0;
  private placedOff = 0;
  /** Pages that are not for the text at hand. */
  private leave = 0;

  /** Finds a home for the first bytes of a text; returns how many (0: no memory). */
  private place(off: number, len: number, chunk: number): number {
    if (chunk !== NO_BLOCK && len >= COPY_BREAK && this.isRoomy()) {
      this.chunks.hold(chunk);
      this.placedBlock = chunk;
      this.placedOff = off;
      return len;
    }
    if (this.page === NO_BLOCK || this.pageUsed === this.pages.blockBytes) {
      this.letGoOfPage();
      const page = this.pages.free > this.leave ? this.pages.take() : NO_BLOCK;
      if (page === NO_BLOCK) return 0;
      this.page = page;
    }
    const n = Math.min(len, this.pages.blockBytes - this.pageUsed);
    const to = this.pages.offsetOf(this.page) + this.pageUsed;
    this.pages.slab.u8.copyWithin(to, off, off + n);
    this.pages.hold(this.page);
    this.pageUsed += n;
    this.placedBlock = ~this.page;
    this.placedOff = to;
    return n;
  }

  private isRoomy(): boolean {
    return this.chunks.free * 2 >= this.chunks.capacity;
  }

  private letGoOfPage(): void {
    if (this.page !== NO_BLOCK) this.pages.release(this.page);
    this.page = NO_BLOCK;
    this.pageUsed = 0;
  }

  private releaseBlock(block: number): void {
    if (block >= 0) this.chunks.release(block);
    else this.pages.release(~block);
  }

  /** Empty: the page goes back, and a queue that grew. */
  private settle(): void {
    if (this.readyCount > 0 || this.beyondCount > 0) return;
    this.letGoOfPage();
    this.readyHead = 0;
    this.dropReady();
  }

  private readyOffset(i: number): number {
    return ((this.readyHead + i) % (this.ready.length / WORDS)) * WORDS;
  }

  private pushReady(block: number, off: number, len: number): void {
    this.readyBytes += len;
    if (this.readyCount > 0) {
      const o = this.readyOffset(this.readyCount - 1);
      const isNextTo = this.ready[o + E.OFF]! + this.ready[o + E.LEN]! === off;
      if (isNextTo && this.ready[o + E.BLOCK] === block) {
        this.ready[o + E.LEN]! += len;
        this.releaseBlock(block); // one reference an entry
        this.hasJoined = true;
        return;
      }
    }
    if (this.readyCount * WORDS === this.ready.length) this.widenReady();
    const o = this.readyOffset(this.readyCount);
    this.ready[o + E.BLOCK] = block;
    this.ready[o + E.OFF] = off;
    this.ready[o + E.LEN] = len;
    this.readyCount++;
  }

  private consume(o: number, n: number, len: number): void {
    this.readyBytes -= n;
    if (n < len) {
      this.ready[o + E.OFF]! += n;
      this.ready[o + E.LEN] = len - n;
      return;
    }
    this.releaseBlock(this.ready[o + E.BLOCK]!);
    this.readyHead = (this.readyHead + 1) % (this.ready.length / WORDS);
    this.readyCount--;
  }

  private widenReady(): void {
    const wider = this.arrays.take(Math.max(FIRST_ENTRIES * WORDS, this.ready.length * 2));
    for (let i = 0; i < this.readyCount; i++) {
      const o = this.readyOffset(i);
      for (let w = 0; w < WORDS; w++) wider[i * WORDS + w] = this.ready[o + w]!;
    }
    this.arrays.give(this.ready);
    this.ready = wider;
    this.readyHead = 0;
  }

  // ---- beyond the gap ----

  private seqAt(i: number): Seq {
    return seqOf(this.beyond[(this.beyondHead + i) * WORDS + E.SEQ]!);
  }

  private endAt(i: number): Seq {
    return seqAdd(this.seqAt(i), this.beyond[(this.beyondHead + i) * WORDS + E.LEN]!);
  }

  /** Index of the first entry that ends behind `seq`; the newest text usually goes last. */
  private firstEndingAfter(seq: Seq): number {
    let low = 0;
    let high = this.beyondCount;
    if (high > 0 && seqDiff(this.endAt(high - 1), seq) <= 0) return high;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (seqDiff(this.endAt(mid), seq) > 0) high = mid;
      else low = mid + 1;
    }
    return low;
  }

  /** Stores a stretch before entry `i`; returns how many entries it took, or -1 without memory. */
  private insertAt(i: number, seq: Seq, off: number, len: number, chunk: number): number {
    let done = 0;
    let entries = 0;
    while (done < len) {
      const n = this.place(off + done, len - done, chunk);
      if (n === 0) return -1;
      this.openSlot(i + entries);
      const o = (this.beyondHead + i + entries) * WORDS;
      this.beyond[o + E.BLOCK] = this.placedBlock;
      this.beyond[o + E.OFF] = this.placedOff;
      this.beyond[o + E.LEN] = n;
      this.beyond[o + E.SEQ] = seqBits(seqAdd(seq, done));
      this.beyondBytes += n;
      this.newBytes += n;
      done += n;
      entries++;
    }
    return entries;
  }

  private openSlot(i: number): void {
    if ((this.beyondHead + this.beyondCount + 1) * WORDS > this.beyond.length) this.widenBeyond();
    const from = (this.beyondHead + i) * WORDS;
    const end = (this.beyondHead + this.beyondCount) * WORDS;
    if (from < end) this.beyond.copyWithin(from + WORDS, from, end);
    this.beyondCount++;
  }

  private widenBeyond(): void {
    const { beyond } = this;
    const from = this.beyondHead * WORDS;
    const used = this.beyondCount * WORDS;
    this.beyondHead = 0;
    if (used * 2 <= beyond.length && beyond.length > 0) {
      beyond.copyWithin(0, from, from + used);
      return;
    }
    const wider = this.arrays.take(Math.max(FIRST_ENTRIES * WORDS, beyond.length * 2));
    for (let i = 0; i < used; i++) wider[i] = beyond[from + i]!;
    this.arrays.give(beyond);
    this.beyond = wider;
  }

  private dropReady(): void {
    this.arrays.give(this.ready);
    this.ready = NO_WORDS;
  }

  private dropBeyond(): void {
    this.arrays.give(this.beyond);
    this.beyond = NO_WORDS;
  }

  private noteDuplicate(left: Seq, right: Seq): void {
    if (seqDiff(this.duplicateLeft, this.duplicateRight) !== 0) return; // the first one is reported
    this.duplicateLeft = left;
    this.duplicateRight = right;
  }
}
