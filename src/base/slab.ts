import { assert } from './assert.ts';

const ALIGN = 64;
/** Offsets are int32: a slab ends below 2 GiB. */
const MAX_SLAB_BYTES = 0x7fff_0000;
/** Lazily touched: the operating system backs a page when it is first written. */
export const DEFAULT_SLAB_BYTES = 1 << 30;

/**
 * One reservation of memory per thread, injected, shared by all stacks of the thread: every frame,
 * header and payload the stack touches lies in it, and code passes `(slab, offset, length)`.
 * Regions are carved once, at set-up; what comes and goes lives in the pools made of such regions.
 */
export class Slab {
  readonly buffer: ArrayBuffer;
  readonly u8: Uint8Array;
  readonly dv: DataView;
  /** The same bytes as words, for copies that make no view: native byte order, offsets divided by 4. */
  readonly i32: Int32Array;
  /** Offset 0 is never handed out, so 0 can mean "none". */
  private carvedBytes = ALIGN;

  /** `allocate` gives zeroes; for devices of the kernel, at addresses that suit the copying (live/). */
  constructor(
    bytes: number = DEFAULT_SLAB_BYTES,
    allocate: ((bytes: number) => ArrayBuffer) | null = null,
  ) {
    assert(bytes > 0 && bytes <= MAX_SLAB_BYTES, 'a slab is between 1 byte and 2 GiB - 64 KiB');
    this.buffer = allocate === null ? new ArrayBuffer(bytes) : allocate(bytes);
    this.u8 = new Uint8Array(this.buffer);
    this.dv = new DataView(this.buffer);
    this.i32 = new Int32Array(this.buffer, 0, bytes >>> 2);
  }

  get freeBytes(): number {
    return this.u8.length - this.carvedBytes;
  }

  /** Takes `bytes` for good, 64-byte aligned. Throws RangeError when the slab is used up. */
  carve(bytes: number): number {
    const at = this.carvedBytes;
    const end = at + ((bytes + ALIGN - 1) & -ALIGN);
    if (end > this.u8.length) {
      throw new RangeError(`slab used up: ${bytes} bytes wanted, ${this.freeBytes} left`);
    }
    this.carvedBytes = end;
    return at;
  }
}
