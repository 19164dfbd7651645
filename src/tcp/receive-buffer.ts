/**
 * Received bytes until the application reads them: those in order, and those beyond a gap.
 *
 *     ready:   [entry][entry][entry]                 a queue; what `read` takes from
 *     beyond:        gap  [piece][piece] gap [piece]   waits for RCV.NXT: see `out-of-order`
 *
 * An entry is (block, offset, length); where the bytes lie is `text-store`'s matter. They move from "beyond" to
 * "ready" without a copy. An idle connection holds no block and no array.
 */
import { NO_BLOCK } from '../base/block-pool.ts';
import { NO_WORDS } from '../base/word-arrays.ts';
import { type Seq, seqAdd, seqDiff } from '../wire/seq.ts';
import type { LateHolder } from './late-copy.ts';
import { OutOfOrder, type Placed } from './out-of-order.ts';
import type { TcpMemory } from './tcp-memory.ts';
import { TextStore } from './text-store.ts';

/** Words of an entry. */
const E = { BLOCK: 0, OFF: 1, LEN: 2 } as const;
const WORDS = 4;
const FIRST_ENTRIES = 8;
/** What a segment may need: the pages that 64 KiB lie in, and some. */
const SEGMENT_ENTRIES = 8;

/** A view costs as much as copying so many bytes one by one (80 ns), and 96 bytes of garbage. */
const WORTH_A_VIEW = 64;

function copyOut(from: Uint8Array, off: number, len: number, into: Uint8Array, at: number): void {
  if (len >= WORTH_A_VIEW) into.set(from.subarray(off, off + len), at);
  else for (let i = 0; i < len; i++) into[at + i] = from[off + i]!;
}

export class ReceiveBuffer implements LateHolder {
  private readonly store: TextStore;
  private readonly memory: TcpMemory;
  private ready: Int32Array = NO_WORDS;
  private readyHead = 0;
  private readyCount = 0;
  /** None until the first gap. */
  private beyond: OutOfOrder | null = null;
  /** How many bytes can be read. */
  readyBytes = 0;
  /** The text appended last continues what was before it in memory. */
  hasJoined = false;

  constructor(memory: TcpMemory) {
    this.store = new TextStore(memory);
    this.memory = memory;
  }

  /** Memory that counts against the receive buffer: the bytes, wherever they are. */
  get chargedBytes(): number {
    return this.readyBytes + this.beyondBytes;
  }

  /** Memory that is held: pages, whatever is in them, and arrays; not the chunks of others that text stays in. */
  get heldBytes(): number {
    this.memory.late.finishOf(this);
    const words = this.ready.length + (this.beyond === null ? 0 : this.beyond.words);
    return this.store.heldBytes + 4 * words;
  }

  /** The size of the receive buffer. */
  setLimit(bytes: number): void {
    this.store.setLimit(bytes);
  }

  get beyondBytes(): number {
    return this.beyond === null ? 0 : this.beyond.bytes;
  }

  get gaps(): boolean {
    return this.beyond !== null && !this.beyond.isEmpty;
  }

  // ---- in ----

  /**
   * Text at RCV.NXT: `len` bytes at `off`, in `chunk` or NO_BLOCK. Returns how many found a place: all of them if
   * `hasRoom`, as nothing else takes a page before they are placed. Precondition: there is no gap.
   */
  append(off: number, len: number, chunk: number): number {
    const { store, memory } = this;
    this.hasJoined = false;
    memory.late.finishOf(this);
    const isAlone = this.ready === NO_WORDS && store.isAlone(len);
    if (isAlone && chunk !== NO_BLOCK) return this.appendLate(off, len, chunk);
    let done = 0;
    while (done < len) {
      const taken = store.place(off + done, len - done, chunk, 0);
      if (taken === 0) break;
      this.pushReady(store.block, store.off, taken);
      done += taken;
    }
    this.keepEntries();
    return done;
  }

  /** `late-copy` has it. */
  private appendLate(off: number, len: number, chunk: number): number {
    if (!this.memory.late.begin(this, off, len, chunk)) return 0;
    this.readyBytes = len;
    return len;
  }

  /** Somebody may look at it now. */
  moveIn(page: number, len: number): void {
    const { store } = this;
    store.adopt(page, len);
    this.addEntry(store.block, store.off, len);
  }

  /** The text has a place, and leaves `leave` pages to others. */
  hasRoom(len: number, chunk: number, leave: number): boolean {
    const { beyond, store, memory } = this;
    memory.late.finishOf(this);
    if (leave === 0 && store.isAlone(len)) return memory.pages.free > 0;
    if (beyond !== null && !beyond.hasRows) return false;
    // Behind a gap only part of it may be new.
    const staysWhole = leave > 0 || beyond === null || beyond.isEmpty;
    return (staysWhole && store.isKept(len, chunk)) || store.hasPagesFor(len, leave);
  }

  /** It would be worth while to copy what is scattered together: for its pages, or for the rows of its pieces. */
  get isLoose(): boolean {
    const { beyond, store } = this;
    return store.isScattered || (beyond !== null && !beyond.hasRows && beyond.isInPieces);
  }

  /** Copies it together, what is beyond the gap first. Returns how many pieces became part of another. */
  collapse(): number {
    const { store, beyond } = this;
    let joined = beyond === null ? 0 : beyond.collapse();
    if (store.isScattered) joined += this.collapseReady();
    store.noteCollapsed();
    return joined;
  }

  /** An eighth of what is beyond the gap goes, the furthest first (RFC 2018 §8 allows that). */
  dropFurthest(): void {
    const { beyond } = this;
    if (beyond === null || beyond.isEmpty) return;
    const keep = beyond.bytes - Math.max(1, beyond.bytes >> 3);
    while (beyond.bytes > keep) beyond.dropLast();
  }

  /** Text beyond RCV.NXT, that leaves `leave` pages to others; what is here already is not stored twice. */
  insert(seq: Seq, off: number, len: number, chunk: number, leave: number): Placed {
    this.memory.late.finishOf(this);
    this.beyond ??= new OutOfOrder(this.store, this.memory.arrays);
    this.beyond.insert(seq, off, len, chunk, leave);
    return this.beyond;
  }

  /** Moves what has become contiguous to "ready". Returns how many bytes RCV.NXT advances. */
  drain(rcvNxt: Seq): number {
    const { beyond, store } = this;
    if (beyond === null) return 0;
    let nxt = rcvNxt;
    while (!beyond.isEmpty) {
      const skip = seqDiff(nxt, beyond.left);
      if (skip < 0) break;
      beyond.takeFirst();
      const { block, off, len } = beyond;
      if (skip >= len) store.release(block, len);
      else {
        store.used(block, skip);
        this.pushReady(block, off + skip, len - skip);
        this.keepEntries();
        nxt = seqAdd(nxt, len - skip);
      }
    }
    return seqDiff(nxt, rcvNxt);
  }

  /** The contiguous stretch around `seq` beyond the gap: for the first SACK block. */
  stretchAround(seq: Seq, out: { left: Seq; right: Seq }): void {
    this.beyond!.stretchAround(seq, out); // what it is around has been inserted
  }

  /** The bytes from `seq` on wait beyond a gap, all of them. */
  isBeyond(seq: Seq, len: number): boolean {
    return this.beyond?.has(seq, len) === true;
  }

  /** From `rcvNxt` to the end of what waits beyond a gap; 0 without. */
  spanBytes(rcvNxt: Seq): number {
    const { beyond } = this;
    return beyond === null || beyond.isEmpty ? 0 : seqDiff(beyond.right, rcvNxt);
  }

  // ---- out ----

  /** Copies up to `into.length` bytes to the application; they are gone from here. */
  read(into: Uint8Array): number {
    this.memory.late.finishOf(this);
    const { bytes } = this.store;
    let done = 0;
    while (done < into.length && this.readyCount > 0) {
      const o = this.readyOffset(0);
      const len = this.ready[o + E.LEN]!;
      const n = Math.min(len, into.length - done);
      const from = this.ready[o + E.OFF]!;
      copyOut(bytes, from, n, into, done);
      done += n;
      this.consume(o, n, len);
    }
    this.settle();
    return done;
  }

  /** Copies what `read` would after `skip` bytes, and leaves it. */
  peek(into: Uint8Array, skip: number): number {
    this.memory.late.finishOf(this);
    const { bytes } = this.store;
    let left = skip;
    let done = 0;
    for (let i = 0; i < this.readyCount && done < into.length; i++) {
      const o = this.readyOffset(i);
      const len = this.ready[o + E.LEN]!;
      const over = Math.min(left, len);
      left -= over;
      const n = Math.min(len - over, into.length - done);
      const from = this.ready[o + E.OFF]! + over;
      copyOut(bytes, from, n, into, done);
      done += n;
    }
    return done;
  }

  /** Drops up to `bytes` unread: MSG_TRUNC, or a reader that does not want them. */
  discard(bytes: number): number {
    if (this.memory.late.isOf(this)) {
      if (bytes >= this.readyBytes) return this.discardLate();
      this.memory.late.finish();
    }
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

  /** It is all there is. */
  private discardLate(): number {
    const len = this.readyBytes;
    this.readyBytes = 0;
    this.memory.late.drop();
    return len;
  }

  clear(): void {
    this.discard(this.readyBytes);
    while (this.gaps) this.beyond!.dropLast(); // there is one if there are gaps
    this.settle();
  }

  // ---- storage ----

  /** Empty: the page goes back, and a queue that grew. */
  private settle(): void {
    if (this.readyCount > 0 || this.gaps) return;
    this.store.letGoOfPage();
    this.readyHead = 0;
    this.memory.arrays.give(this.ready);
    this.ready = NO_WORDS;
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
        this.store.joined(block);
        this.hasJoined = true;
        return;
      }
    }
    this.addEntry(block, off, len);
  }

  private addEntry(block: number, off: number, len: number): void {
    if (this.readyCount * WORDS === this.ready.length) this.widen();
    this.setEntry(this.readyCount++, block, off, len);
  }

  private consume(o: number, n: number, len: number): void {
    this.readyBytes -= n;
    if (n < len) {
      this.ready[o + E.OFF]! += n;
      this.ready[o + E.LEN] = len - n;
      this.store.used(this.ready[o + E.BLOCK]!, n);
      return;
    }
    this.store.release(this.ready[o + E.BLOCK]!, n);
    this.readyHead = (this.readyHead + 1) % (this.ready.length / WORDS);
    this.readyCount--;
  }

  /**
   * Entries for the next segment, within the array's bounds if copying together gives some back. Now, when all text
   * has its place: that takes pages, and must not take those that the next segment was told of (`hasRoom`). What
   * gives back less than an eighth is not worth doing each time.
   */
  private keepEntries(): void {
    const { ready, readyCount, store } = this;
    if ((readyCount + SEGMENT_ENTRIES) * WORDS <= ready.length) return;
    if (store.mayTakeWords(ready.length * 2)) return; // `pushReady` may
    if (this.collapseReady() <= readyCount >> 3) this.widen();
  }

  private widen(): void {
    const { ready } = this;
    const wider = this.memory.arrays.take(Math.max(FIRST_ENTRIES * WORDS, ready.length * 2));
    for (let i = 0; i < this.readyCount; i++) {
      const o = this.readyOffset(i);
      for (let w = 0; w < WORDS; w++) wider[i * WORDS + w] = this.ready[o + w]!;
    }
    this.memory.arrays.give(this.ready);
    this.ready = wider;
    this.readyHead = 0;
  }

  /** As long as there are pages; returns how many entries became part of another. */
  private collapseReady(): number {
    const { ready, store } = this;
    const count = this.readyCount;
    let to = 0;
    let isOpen = false; // the next byte placed continues the entry before `to`, if the page has room
    let i = 0;
    for (; i < count; i++) {
      const o = this.readyOffset(i);
      const block = ready[o + E.BLOCK]!;
      let off = ready[o + E.OFF]!;
      let len = ready[o + E.LEN]!;
      if (block >= 0 || store.isWholePage(len)) {
        this.setEntry(to++, block, off, len);
        isOpen = false;
        continue;
      }
      if (isOpen && store.roomInPage() > 0) {
        const n = store.place(off, len, NO_BLOCK, 0);
        ready[this.readyOffset(to - 1) + E.LEN]! += n;
        store.joined(store.block);
        off += n;
        len -= n;
        if (len === 0) {
          store.release(block, n);
          continue;
        }
        store.used(block, n);
      }
      if (store.roomInPage() < len) store.letGoOfPage();
      isOpen = store.place(off, len, NO_BLOCK, 0) > 0;
      if (isOpen) {
        store.release(block, len);
        this.setEntry(to++, store.block, store.off, len);
      } else this.setEntry(to++, block, off, len);
    }
    this.readyCount = to;
    return count - to;
  }

  private setEntry(i: number, block: number, off: number, len: number): void {
    const o = this.readyOffset(i);
    this.ready[o + E.BLOCK] = block;
    this.ready[o + E.OFF] = off;
    this.ready[o + E.LEN] = len;
  }
}
