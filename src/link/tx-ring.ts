/**
 * Frames on their way to a device.
 *
 *      completed      tail              head        committed
 *     ------------------|#################|------------------
 *                        in flight          begin() fills here
 *
 * Each index owns a header slot, so headers need no pool: the slot is free again when the index is.
 * Payload is either copied once into the payload ring (`reserve`: datagrams) or named by reference
 * (`addHeld`: a chunk's or page's reference is kept until the device is done with the frame).
 * The device completes in order by moving `tail`; a full ring is back-pressure, never a loss.
 */
import { assert } from '../base/assert.ts';
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import type { Slab } from '../base/slab.ts';
import { CTRL, CTRL_WORDS, MAX_PIECES, TX, TX_FLAG, TX_STRIDE } from './ring-layout.ts';

/** Ethernet + VLAN + IPv6 + fragment header + the largest TCP header, in whole cache lines, no power of two. */
export const HEADER_SLOT_BYTES = 192;
export const DEFAULT_TX_FRAMES = 1024;
/** Room for 16 of the largest datagrams between two flushes. */
export const DEFAULT_TX_PAYLOAD_BYTES = 1 << 20;

/** Pages are told from blocks by their sign; -1 is NO_BLOCK. */
const FIRST_PAGE = -2;

export class TxRing {
  readonly desc: Int32Array;
  readonly ctrl = new Int32Array(CTRL_WORDS);
  private readonly headersAt: number;
  private readonly payloadAt: number;
  private readonly payloadEnd: number;
  /** Free payload bytes: [payloadHead, payloadTail) cyclically; equal only when nothing is in flight. */
  private payloadHead: number;
  private payloadTail: number;
  /** Where payloadTail goes when the frame completes; 0 = it has no copied payload. */
  private readonly payloadMark: Int32Array;
  private readonly heldBlock: Int32Array;
  private pages: BlockPool | null = null;
  /** Frames completed and already released: trails ctrl[TX_TAIL]. */
  private released = 0;

  readonly slab: Slab;
  /** The pool that `addHeld` refers to, or null if this ring only copies. */
  readonly blocks: BlockPool | null;
  readonly capacity: number;

  constructor(
    slab: Slab,
    blocks: BlockPool | null,
    capacity: number = DEFAULT_TX_FRAMES,
    payloadBytes: number = DEFAULT_TX_PAYLOAD_BYTES,
  ) {
    this.slab = slab;
    this.blocks = blocks;
    this.capacity = capacity;
    assert((capacity & (capacity - 1)) === 0, 'a ring has a power of two of places');
    this.desc = new Int32Array(capacity * TX_STRIDE);
    this.headersAt = slab.carve(capacity * HEADER_SLOT_BYTES);
    this.payloadAt = slab.carve(payloadBytes);
    this.payloadEnd = this.payloadAt + payloadBytes;
    this.payloadHead = this.payloadAt;
    this.payloadTail = this.payloadAt;
    this.payloadMark = new Int32Array(capacity);
    this.heldBlock = new Int32Array(capacity * MAX_PIECES).fill(NO_BLOCK);
  }

  /** Frames committed and not completed. */
  get inFlight(): number {
    return (this.ctrl[CTRL.TX_HEAD]! - this.ctrl[CTRL.TX_TAIL]!) | 0;
  }

  get room(): number {
    return this.capacity - ((this.ctrl[CTRL.TX_HEAD]! - this.released) | 0);
  }

  /** The most that `reserve` can ever give. */
  get payloadBytes(): number {
    return this.payloadEnd - this.payloadAt - 1;
  }

  /** Half of the frames and half of the payload bytes are free: time to tell those who found no room. */
  isHalfFree(): boolean {
    this.releaseCompleted();
    if (this.room * 2 < this.capacity) return false;
    if (this.inFlight === 0) return true;
    const used = this.payloadHead - this.payloadTail;
    const size = this.payloadEnd - this.payloadAt;
    return (used < 0 ? used + size : used) * 2 <= size;
  }

  /** `len` contiguous bytes for a payload that the next commits refer to; -1 when there is no room. */
  reserve(len: number): number {
    this.releaseCompleted();
    let at = this.payloadHead;
    if (this.released === this.ctrl[CTRL.TX_HEAD]!) {
      at = this.payloadAt; // idle: start over, where the cache is warm
      this.payloadTail = at;
      if (len >= this.payloadEnd - at) return -1;
    } else if (this.payloadHead >= this.payloadTail) {
      if (len >= this.payloadEnd - at) {
        at = this.payloadAt;
        if (len >= this.payloadTail - at) return -1;
      }
    } else if (len >= this.payloadTail - at) return -1;
    this.payloadHead = at + len;
    return at;
  }

  /** Starts the next frame. Returns the slab offset of its header slot, or -1 when the ring is full. */
  begin(): number {
    if (this.room === 0) {
      this.releaseCompleted();
      if (this.room === 0) return -1;
    }
    const index = this.nextIndex();
    const d = index * TX_STRIDE;
    const desc = this.desc;
    desc[d + TX.PIECES] = 0;
    desc[d + TX.LEN] = 0;
    desc[d + TX.FLAGS] = 0;
    desc[d + TX.CSUM] = 0;
    desc[d + TX.GSO] = 0;
    desc[d + TX.HDR_LEN] = 0;
    this.payloadMark[index] = 0;
    return this.headersAt + index * HEADER_SLOT_BYTES;
  }

  /** The header slot of the frame begun: for code that is handed the ring after `begin`. */
  headerSlot(): number {
    return this.headersAt + this.nextIndex() * HEADER_SLOT_BYTES;
  }

  /** Appends bytes to the frame begun: its header slot, or part of a reservation. */
  add(off: number, len: number): void {
    const index = this.nextIndex();
    const d = index * TX_STRIDE;
    const n = this.desc[d + TX.PIECES]!;
    assert(n < MAX_PIECES, 'a frame has at most MAX_PIECES pieces');
    this.desc[d + TX.PIECE + 2 * n] = off;
    this.desc[d + TX.PIECE + 2 * n + 1] = len;
    this.desc[d + TX.PIECES] = n + 1;
    this.desc[d + TX.LEN]! += len;
    if (off >= this.payloadAt && off < this.payloadEnd) this.payloadMark[index] = off + len;
  }

  /** Appends bytes of a block; the ring holds a reference of its own until the frame is complete. */
  addHeld(off: number, len: number, block: number): void {
    const index = this.nextIndex();
    const n = this.desc[index * TX_STRIDE + TX.PIECES]!;
    this.add(off, len);
    this.blocks!.hold(block);
    this.heldBlock[index * MAX_PIECES + n] = block;
  }

  /** `addHeld` for a page of a send queue: a second pool, always the same one for a ring. */
  addPage(off: number, len: number, page: number, pages: BlockPool): void {
    const index = this.nextIndex();
    const n = this.desc[index * TX_STRIDE + TX.PIECES]!;
    this.add(off, len);
    pages.hold(page);
    this.pages = pages;
    this.heldBlock[index * MAX_PIECES + n] = FIRST_PAGE - page;
  }

  /**
   * The device is to complete the checksum at `start + offset` over `start` … the end, perhaps in place:
   * the field lies in bytes that are this frame's alone (header slot, reservation), in one piece.
   */
  setChecksum(start: number, offset: number): void {
    const d = this.nextIndex() * TX_STRIDE;
    this.desc[d + TX.FLAGS]! |= TX_FLAG.CSUM;
    this.desc[d + TX.CSUM] = (start << 16) | offset;
  }

  setGso(type: number, size: number, headerLen: number): void {
    const d = this.nextIndex() * TX_STRIDE;
    this.desc[d + TX.GSO] = (type << 16) | size;
    this.desc[d + TX.HDR_LEN] = headerLen;
  }

  /** Publishes the frame begun. Without it the frame never was (held blocks must be added last). */
  commit(): void {
    this.ctrl[CTRL.TX_HEAD] = (this.ctrl[CTRL.TX_HEAD]! + 1) | 0;
  }

  /** Device side: the descriptor's first word of the oldest frame in flight plus `ahead`. */
  descAt(ahead: number): number {
    return ((this.ctrl[CTRL.TX_TAIL]! + ahead) & (this.capacity - 1)) * TX_STRIDE;
  }

  /** Device side, for devices in TypeScript: the oldest `n` frames are done. (C++ moves TX_TAIL itself.) */
  complete(n: number): void {
    this.ctrl[CTRL.TX_TAIL] = (this.ctrl[CTRL.TX_TAIL]! + n) | 0;
    this.releaseCompleted();
  }

  /** Gives back what completed frames held. Call after a device written in C++ has flushed. */
  releaseCompleted(): void {
    const tail = this.ctrl[CTRL.TX_TAIL]!;
    while (this.released !== tail) {
      const index = this.released & (this.capacity - 1);
      const pieces = this.desc[index * TX_STRIDE + TX.PIECES]!;
      for (let i = index * MAX_PIECES; i < index * MAX_PIECES + pieces; i++) {
        const block = this.heldBlock[i]!;
        if (block === NO_BLOCK) continue;
        this.heldBlock[i] = NO_BLOCK;
        if (block <= FIRST_PAGE) this.pages!.release(FIRST_PAGE - block);
        else this.blocks!.release(block);
      }
      if (this.payloadMark[index] !== 0) this.payloadTail = this.payloadMark[index]!;
      this.released = (this.released + 1) | 0;
    }
  }

  private nextIndex(): number {
    return this.ctrl[CTRL.TX_HEAD]! & (this.capacity - 1);
  }
}
