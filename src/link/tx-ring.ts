/**
 * Frames on their way to a device.
 *
 *      completed      tail              head        committed
 *     ------------------|#################|------------------
 *                        in flight          begin() fills here
 *
 * Each frame has a header slot, so headers need no pool: the slot is free again when the frame is
 * complete. An idle ring begins with the first slots again, where the cache is warm: with all 1024 in
 * turn, writing a frame costs some 60 ns more (in C, to a TAP). Where the device is written in TypeScript, and asks
 * for descriptors (`descAt`) instead of counting them, they begin again with the slots.
 * Payload is either copied once into the payload ring (`reserve`: datagrams) or named by reference
 * (`addHeld`: a chunk's or page's reference is kept until the device is done with the frame).
 * The device completes in order by moving `tail`; a full ring is back-pressure, never a loss.
 */
import { assert } from '../base/assert.ts';
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import type { Slab } from '../base/slab.ts';
import { insertVlanTag, VLAN_TAG_LEN } from '../wire/vlan.ts';
import { CTRL, CTRL_WORDS, MAX_PIECES, TX, TX_FLAG, TX_STRIDE } from './ring-layout.ts';

/** Ethernet + VLAN + IPv6 + fragment header + the largest TCP header, in whole cache lines, no power of two. */
export const SLOT_BYTES = 192;
/** What `begin` gives: in front of it there is room for a VLAN tag. */
export const HEADER_SLOT_BYTES = SLOT_BYTES - VLAN_TAG_LEN;
export const DEFAULT_TX_FRAMES = 1024;
/** Room for 16 of the largest datagrams between two flushes. */
export const DEFAULT_TX_PAYLOAD_BYTES = 1 << 20;

/** Pages are told from blocks by their sign; -1 is NO_BLOCK. */
const FIRST_PAGE = -2;

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { PIECES, LEN, FLAGS, CSUM, GSO, HDR_LEN, PIECE } = TX;
const { TX_HEAD, TX_TAIL } = CTRL;
const STRIDE = TX_STRIDE;
const PIECES_MAX = MAX_PIECES;

export class TxRing {
  readonly desc: Int32Array;
  readonly ctrl = new Int32Array(CTRL_WORDS);
  /** Frames committed so far, as ctrl[TX_HEAD] says; and completed and already released: trails ctrl[TX_TAIL]. */
  private committed = 0;
  private released = 0;
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
  /** The frames that have the first header slot and the first descriptor: the next one, whenever the ring is idle. */
  private firstSlot = 0;
  private firstDesc = 0;
  private readonly isAsked: boolean;
  /** Of the frame begun: its place in the ring, the first word of its descriptor, its header slot. */
  private index = 0;
  private at = 0;
  private header: number;

  readonly slab: Slab;
  /** The pool that `addHeld` refers to, or null if this ring only copies. */
  readonly blocks: BlockPool | null;
  readonly capacity: number;

  /** @param isAsked the device finds descriptors by `descAt`; one in C++ counts them. */
  constructor(
    slab: Slab,
    blocks: BlockPool | null,
    capacity: number = DEFAULT_TX_FRAMES,
    payloadBytes: number = DEFAULT_TX_PAYLOAD_BYTES,
    isAsked: boolean = false,
  ) {
    this.isAsked = isAsked;
    this.slab = slab;
    this.blocks = blocks;
    this.capacity = capacity;
    assert((capacity & (capacity - 1)) === 0, 'a ring has a power of two of places');
    this.desc = new Int32Array(capacity * STRIDE);
    this.headersAt = slab.carve(capacity * SLOT_BYTES) + VLAN_TAG_LEN;
    this.header = this.headersAt;
    this.payloadAt = slab.carve(payloadBytes);
    this.payloadEnd = this.payloadAt + payloadBytes;
    this.payloadHead = this.payloadAt;
    this.payloadTail = this.payloadAt;
    this.payloadMark = new Int32Array(capacity);
    this.heldBlock = new Int32Array(capacity * PIECES_MAX).fill(NO_BLOCK);
  }

  /** Frames committed and not completed. */
  get inFlight(): number {
    return (this.ctrl[TX_HEAD]! - this.ctrl[TX_TAIL]!) | 0;
  }

  /** Nothing in flight, and nothing completed that is still to be released. */
  get isIdle(): boolean {
    return this.released === this.committed;
  }

  get room(): number {
    return this.capacity - ((this.committed - this.released) | 0);
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
    if (this.released === this.committed) {
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
    const { desc, capacity } = this;
    const head = this.committed;
    if (((head - this.released) | 0) === capacity) {
      this.releaseCompleted();
      if (this.room === 0) return -1;
    }
    if (this.released === head) {
      this.firstSlot = head;
      if (this.isAsked) this.firstDesc = head;
    }
    const index = (head - this.firstDesc) & (capacity - 1);
    const at = index * STRIDE;
    const header = this.headersAt + ((head - this.firstSlot) & (capacity - 1)) * SLOT_BYTES;
    this.index = index;
    this.at = at;
    this.header = header;
    desc[at + PIECES] = 0;
    desc[at + LEN] = 0;
    desc[at + FLAGS] = 0;
    desc[at + CSUM] = 0;
    desc[at + GSO] = 0;
    desc[at + HDR_LEN] = 0;
    this.payloadMark[index] = 0;
    return header;
  }

  /** The header slot of the frame begun: for code that is handed the ring after `begin`. */
  headerSlot(): number {
    return this.header;
  }

  /** Appends bytes to the frame begun: its header slot, or part of a reservation. */
  add(off: number, len: number): void {
    const { desc, at } = this;
    const n = desc[at + PIECES]!;
    assert(n < PIECES_MAX, 'a frame has at most MAX_PIECES pieces');
    const piece = at + PIECE + 2 * n;
    desc[piece] = off;
    desc[piece + 1] = len;
    desc[at + PIECES] = n + 1;
    desc[at + LEN] = desc[at + LEN]! + len;
    if (off >= this.payloadAt && off < this.payloadEnd) this.payloadMark[this.index] = off + len;
  }

  /** Appends bytes of a block; the ring holds a reference of its own until the frame is complete. */
  addHeld(off: number, len: number, block: number): void {
    const n = this.desc[this.at + PIECES]!;
    this.add(off, len);
    this.blocks!.hold(block);
    this.heldBlock[this.index * PIECES_MAX + n] = block;
  }

  /** `addHeld` for a page of a send queue: a second pool, always the same one for a ring. */
  addPage(off: number, len: number, page: number, pages: BlockPool): void {
    const n = this.desc[this.at + PIECES]!;
    this.add(off, len);
    pages.hold(page);
    this.pages = pages;
    this.heldBlock[this.index * PIECES_MAX + n] = FIRST_PAGE - page;
  }

  /**
   * The device is to complete the checksum at `start + offset` over `start` … the end, perhaps in place:
   * the field lies in bytes that are this frame's alone (header slot, reservation), in one piece.
   */
  setChecksum(start: number, offset: number): void {
    const { desc, at } = this;
    desc[at + FLAGS] = desc[at + FLAGS]! | TX_FLAG.CSUM;
    desc[at + CSUM] = (start << 16) | offset;
  }

  setGso(type: number, size: number, headerLen: number): void {
    const { desc, at } = this;
    desc[at + GSO] = (type << 16) | size;
    desc[at + HDR_LEN] = headerLen;
  }

  /**
   * Puts a VLAN tag into the frame begun, as the last thing before `commit`; its Ethernet header is in its
   * header slot. What is behind the tag moves, and so do the marks for checksum and GSO. Returns the
   * frame's length without the tag.
   */
  tag(tci: number): number {
    const { desc, at, header } = this;
    assert(desc[at + PIECE] === header, 'a frame begins in its header slot');
    insertVlanTag(this.slab.dv, header, tci);
    const len = desc[at + LEN]!;
    desc[at + PIECE] = header - VLAN_TAG_LEN;
    desc[at + PIECE + 1] = desc[at + PIECE + 1]! + VLAN_TAG_LEN;
    desc[at + LEN] = len + VLAN_TAG_LEN;
    if ((desc[at + FLAGS]! & TX_FLAG.CSUM) !== 0) {
      desc[at + CSUM] = desc[at + CSUM]! + (VLAN_TAG_LEN << 16);
    }
    if (desc[at + GSO] !== 0) desc[at + HDR_LEN] = desc[at + HDR_LEN]! + VLAN_TAG_LEN;
    return len;
  }

  /** Publishes the frame begun. Without it the frame never was (held blocks must be added last). */
  commit(): void {
    this.committed = (this.committed + 1) | 0;
    this.ctrl[TX_HEAD] = this.committed;
  }

  /** Device side: the descriptor's first word of the oldest frame in flight plus `ahead`. */
  descAt(ahead: number): number {
    return ((this.ctrl[TX_TAIL]! + ahead - this.firstDesc) & (this.capacity - 1)) * STRIDE;
  }

  /** Device side, for devices in TypeScript: the oldest `n` frames are done. (C++ moves TX_TAIL itself.) */
  complete(n: number): void {
    this.ctrl[TX_TAIL] = (this.ctrl[TX_TAIL]! + n) | 0;
    this.releaseCompleted();
  }

  /** Gives back what completed frames held. Call after a device written in C++ has flushed. */
  releaseCompleted(): void {
    const tail = this.ctrl[TX_TAIL]!;
    const { desc, heldBlock, payloadMark, firstDesc } = this;
    let released = this.released;
    while (released !== tail) {
      const index = (released - firstDesc) & (this.capacity - 1);
      const first = index * PIECES_MAX;
      const end = first + desc[index * STRIDE + PIECES]!;
      for (let i = first; i < end; i++) {
        const block = heldBlock[i]!;
        if (block === NO_BLOCK) continue;
        heldBlock[i] = NO_BLOCK;
        if (block <= FIRST_PAGE) this.pages!.release(FIRST_PAGE - block);
        else this.blocks!.release(block);
      }
      const mark = payloadMark[index]!;
      if (mark !== 0) this.payloadTail = mark;
      released = (released + 1) | 0;
    }
    this.released = released;
  }
}
