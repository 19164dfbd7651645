/**
 * Frames in flight between two places in memory, each a number.
 *
 *     chunk   |hdr+payload|..|hdr+payload|..|              bytes: back to back, 64-byte aligned,
 *                  ^              ^                        counted references per chunk
 *     words   [off len flags … chunk hdrLen] × capacity    one record a frame, laid out like RX
 *     next    [frame …]                                    free list, or the owner's FrameList
 *
 * A frame is gathered once, when it leaves a transmit ring; from then on only its number moves.
 * One store serves all in-memory devices and links of a thread, so that a chunk fills with frames of
 * all of them and a thousand simulated hosts do not pin a thousand chunks.
 */
import { assert } from '../base/assert.ts';
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import type { Memory } from '../base/memory.ts';
import type { Slab } from '../base/slab.ts';
import { completeChecksum } from '../wire/checksum.ts';
import { ETH_HEADER_LEN, ethType } from '../wire/ethernet.ts';
import { isTagType, VLAN_TAG_LEN } from '../wire/vlan.ts';
import type { RxRing } from './device.ts';
import { RX, RX_FLAG, RX_STRIDE, TX, TX_FLAG } from './ring-layout.ts';
import { HEADER_SLOT_BYTES, type TxRing } from './tx-ring.ts';

/** "No frame": an empty list, or no chunk free to put one into. */
export const NO_FRAME = -1;
/** The spare word of an RX record keeps TX.HDR_LEN, so that a frame can be sent on. */
const HDR_LEN = RX.RESERVED;
const INITIAL_FRAMES = 256;

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { OFF, LEN, FLAGS, SUM, GSO, CSUM, CHUNK } = RX;
const STRIDE = RX_STRIDE;
const { CSUM_PARTIAL } = RX_FLAG;
const { PIECES, PIECE, LEN: TX_LEN, FLAGS: TX_FLAGS } = TX;
const { GSO: TX_GSO, CSUM: TX_CSUM, HDR_LEN: TX_HDR_LEN } = TX;
const { CSUM: TX_PARTIAL } = TX_FLAG;

export class FrameStore {
  /** RX records, one per frame: read through `frames.words[frame * STRIDE + LEN]`. */
  words = new Int32Array(INITIAL_FRAMES * STRIDE);
  /** For the frame's owner: when it arrived, or when it is due. */
  timeNs = new Float64Array(INITIAL_FRAMES);
  /** For the frame's owner: see FrameList. */
  next = new Int32Array(INITIAL_FRAMES);
  /** See `identify`. */
  private ids: Float64Array | null = null;
  private lastId = 0;
  private freeFrame = NO_FRAME;
  private used = 0;
  private chunk = NO_BLOCK;
  private fillAt = 0;

  readonly slab: Slab;
  readonly chunks: BlockPool;

  constructor(memory: Memory) {
    this.slab = memory.slab;
    this.chunks = memory.chunks;
    this.addFree(0, INITIAL_FRAMES);
  }

  /** Frames that exist: 0 when nothing is in flight. */
  get inUse(): number {
    return this.used;
  }

  /**
   * From now on each new frame has an id, from 1 on, which stays with it from its sender to its receiver, and which
   * a duplicate shares: a frame's number is another one's after it.
   */
  identify(): void {
    if (this.ids === null) this.ids = new Float64Array(this.next.length);
  }

  /** 0 when frames have none. */
  packetIdOf(frame: number): number {
    return this.ids === null ? 0 : this.ids[frame]!;
  }

  /** Gathers a committed frame of a transmit ring, checksum and GSO marks included; or NO_FRAME. */
  fromTx(tx: TxRing, ahead: number): number {
    const d = tx.descAt(ahead);
    const { desc } = tx;
    const len = desc[d + TX_LEN]!;
    const at = this.place(len);
    if (at < 0) return NO_FRAME;
    gatherPieces(tx, d, this.slab.u8, at);
    const frame = this.add(at, len);
    const { words } = this;
    const w = frame * STRIDE;
    if ((desc[d + TX_FLAGS]! & TX_PARTIAL) !== 0) words[w + FLAGS] = CSUM_PARTIAL;
    words[w + CSUM] = desc[d + TX_CSUM]!;
    words[w + GSO] = desc[d + TX_GSO]!;
    words[w + HDR_LEN] = desc[d + TX_HDR_LEN]!;
    return frame;
  }

  /** Names a frame of a receive batch; it keeps a reference of its own to the chunk. */
  fromRx(rx: RxRing, index: number): number {
    const frame = this.takeNumber();
    const from = index * STRIDE;
    const w = frame * STRIDE;
    for (let i = 0; i < STRIDE; i++) this.words[w + i] = rx.desc[from + i]!;
    this.words[w + HDR_LEN] = 0;
    this.chunks.hold(rx.desc[from + CHUNK]!);
    return frame;
  }

  /** For tests and tools: a frame out of an array. */
  fromBytes(bytes: Uint8Array): number {
    const at = this.place(bytes.length);
    if (at < 0) return NO_FRAME;
    this.slab.u8.set(bytes, at);
    return this.add(at, bytes.length);
  }

  /** The same bytes once more. */
  clone(frame: number): number {
    const twin = this.takeNumber();
    this.words.copyWithin(twin * STRIDE, frame * STRIDE, (frame + 1) * STRIDE);
    this.timeNs[twin] = this.timeNs[frame]!;
    if (this.ids !== null) this.ids[twin] = this.ids[frame]!;
    this.chunks.hold(this.words[twin * STRIDE + CHUNK]!);
    return twin;
  }

  /**
   * Gives the frame bytes of its own, with the checksum on the wire: whoever wants to change bytes, or
   * passes the frame to a device that knows no partial checksums. False when no chunk is free.
   */
  makeOwn(frame: number): boolean {
    if (!this.ownBytes(frame)) return false;
    const w = frame * STRIDE;
    if ((this.words[w + FLAGS]! & CSUM_PARTIAL) !== 0) {
      const at = this.words[w + OFF]!;
      const csum = this.words[w + CSUM]!;
      completeChecksum(this.slab.dv, at, this.words[w + LEN]!, csum >>> 16, csum & 0xffff);
    }
    this.words[w + FLAGS] = 0;
    this.words[w + CSUM] = 0;
    return true;
  }

  /**
   * Gives the frame bytes of its own, and leaves its checksum as unfinished as it is: whoever changes bytes
   * in front of what that covers. False when no chunk is free.
   */
  ownBytes(frame: number): boolean {
    const w = frame * STRIDE;
    const off = this.words[w + OFF]!;
    const len = this.words[w + LEN]!;
    const at = this.place(len);
    if (at < 0) return false;
    this.slab.u8.copyWithin(at, off, off + len);
    this.chunks.hold(this.chunk);
    this.chunks.release(this.words[w + CHUNK]!);
    this.words[w + OFF] = at;
    this.words[w + CHUNK] = this.chunk;
    return true;
  }

  /** Describes the frame in a receive batch. The chunk's reference goes with it, the number is free. */
  moveToRx(frame: number, rx: RxRing, index: number): void {
    const { words } = this;
    const { desc } = rx;
    const w = frame * STRIDE;
    const to = index * STRIDE;
    desc[to + OFF] = words[w + OFF]!;
    desc[to + LEN] = words[w + LEN]!;
    desc[to + FLAGS] = words[w + FLAGS]!;
    desc[to + SUM] = words[w + SUM]!;
    desc[to + GSO] = words[w + GSO]!;
    desc[to + CSUM] = words[w + CSUM]!;
    desc[to + CHUNK] = words[w + CHUNK]!;
    desc[to + HDR_LEN] = 0;
    this.free(frame);
  }

  /**
   * Commits the bytes to a transmit ring: by reference, or by copy if that ring only copies. The ring
   * holds what it needs, the frame stays the caller's. False when there is no room. An unfinished
   * checksum lies in bytes of the ring's own: a device may finish it in place, and others share these.
   */
  commitTo(tx: TxRing, frame: number): boolean {
    const w = frame * STRIDE;
    const len = this.words[w + LEN]!;
    const off = this.words[w + OFF]!;
    const csum = this.words[w + CSUM]!;
    const gso = this.words[w + GSO]!;
    const isPartial = (this.words[w + FLAGS]! & CSUM_PARTIAL) !== 0;
    let copied = isPartial ? (csum >>> 16) + (csum & 0xffff) + 2 : 0;
    if (tx.blocks !== this.chunks) copied = len;
    const slot = tx.begin();
    if (slot < 0) return false;
    const copyAt = copied <= HEADER_SLOT_BYTES ? slot : tx.reserve(copied);
    if (copyAt < 0) return false;
    if (copied > 0) {
      this.slab.u8.copyWithin(copyAt, off, off + copied);
      tx.add(copyAt, copied);
    }
    if (isPartial) tx.setChecksum(csum >>> 16, csum & 0xffff);
    if (gso !== 0) tx.setGso(gso >>> 16, gso & 0xffff, this.words[w + HDR_LEN]!);
    if (copied < len) tx.addHeld(off + copied, len - copied, this.words[w + CHUNK]!);
    tx.commit();
    return true;
  }

  lengthOf(frame: number): number {
    return this.words[frame * STRIDE + LEN]!;
  }

  /**
   * How long its network packet is, without Ethernet header and tag; of a super-frame, that of each of the packets that it
   * is cut into.
   */
  packetLengthOf(frame: number): number {
    const w = frame * STRIDE;
    const segment = this.words[w + GSO]! & 0xffff;
    const len = segment === 0 ? this.words[w + LEN]! : this.words[w + HDR_LEN]! + segment;
    const isTagged = isTagType(ethType(this.slab.dv, this.words[w + OFF]!));
    return len - ETH_HEADER_LEN - (isTagged ? VLAN_TAG_LEN : 0);
  }

  offsetOf(frame: number): number {
    return this.words[frame * STRIDE + OFF]!;
  }

  release(frame: number): void {
    this.chunks.release(this.words[frame * STRIDE + CHUNK]!);
    this.free(frame);
  }

  /** Gives back the chunk being filled: at the end, or before a check that all memory is home. */
  releaseChunk(): void {
    if (this.chunk !== NO_BLOCK) this.chunks.release(this.chunk);
    this.chunk = NO_BLOCK;
  }

  /** Room for `len` bytes in the chunk being filled, or in a new one; -1 when no chunk is free. */
  private place(len: number): number {
    const { chunks } = this;
    assert(len > 0 && len <= chunks.blockBytes, 'a frame fits into a chunk');
    if (this.chunk !== NO_BLOCK) {
      const start = chunks.offsetOf(this.chunk);
      // Nobody else is left in it: start over, where the cache is warm.
      if (chunks.references(this.chunk) === 1) this.fillAt = start;
      if (this.fillAt + len > start + chunks.blockBytes) this.releaseChunk();
    }
    if (this.chunk === NO_BLOCK) {
      this.chunk = chunks.take();
      if (this.chunk === NO_BLOCK) return -1;
      this.fillAt = chunks.offsetOf(this.chunk);
    }
    const at = this.fillAt;
    this.fillAt = (at + len + 63) & -64;
    return at;
  }

  /** A frame at `at` in the chunk being filled. */
  private add(at: number, len: number): number {
    const frame = this.takeNumber();
    const { words, chunk } = this;
    const w = frame * STRIDE;
    words[w + OFF] = at;
    words[w + LEN] = len;
    words[w + FLAGS] = 0;
    words[w + SUM] = 0;
    words[w + GSO] = 0;
    words[w + CSUM] = 0;
    words[w + CHUNK] = chunk;
    words[w + HDR_LEN] = 0;
    this.chunks.hold(chunk);
    return frame;
  }

  private takeNumber(): number {
    if (this.freeFrame === NO_FRAME) this.grow();
    const frame = this.freeFrame;
    this.freeFrame = this.next[frame]!;
    this.next[frame] = NO_FRAME;
    this.used++;
    if (this.ids !== null) this.ids[frame] = ++this.lastId;
    return frame;
  }

  private free(frame: number): void {
    this.next[frame] = this.freeFrame;
    this.freeFrame = frame;
    this.used--;
    assert(this.used >= 0, 'a frame is released once');
  }

  /** Bounded by the chunks: a frame takes at least one cache line of one. */
  private grow(): void {
    const had = this.next.length;
    const words = new Int32Array(had * 2 * STRIDE);
    const timeNs = new Float64Array(had * 2);
    const next = new Int32Array(had * 2);
    words.set(this.words);
    timeNs.set(this.timeNs);
    next.set(this.next);
    this.words = words;
    this.timeNs = timeNs;
    this.next = next;
    if (this.ids !== null) {
      const ids = new Float64Array(had * 2);
      ids.set(this.ids);
      this.ids = ids;
    }
    this.addFree(had, had * 2);
  }

  private addFree(from: number, to: number): void {
    for (let frame = to - 1; frame >= from; frame--) {
      this.next[frame] = this.freeFrame;
      this.freeFrame = frame;
    }
  }
}

/** Copies all pieces of the frame at descriptor `d` to `to`, one after the other. */
export function gatherPieces(tx: TxRing, d: number, u8: Uint8Array, to: number): void {
  const desc = tx.desc;
  const pieces = desc[d + PIECES]!;
  let at = to;
  for (let p = d + PIECE; p < d + PIECE + 2 * pieces; p += 2) {
    const off = desc[p]!;
    const len = desc[p + 1]!;
    u8.copyWithin(at, off, off + len);
    at += len;
  }
}
