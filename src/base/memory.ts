import { BlockPool } from './block-pool.ts';
import type { BulkSum } from './bulk-sum.ts';
import { CELL_BYTES, CellStore } from './cell-store.ts';
import { Slab } from './slab.ts';
import { WordArrays } from './word-arrays.ts';

/** 256 KiB: three of the largest super-frames read back to back, and one line more so that chunks do not alias. */
export const CHUNK_BYTES = 256 * 1024 + 64;

/** 16 KiB and a line: send queues and received text too small to pin a chunk. */
export const PAGE_BYTES = 16384 + 64;

export interface MemorySizes {
  readonly slabBytes?: number;
  /** Receive memory of all devices together. */
  readonly chunks?: number;
  /** Queued datagrams, fragments, and packets that wait for a neighbour. */
  readonly cellBytes?: number;
  /** What TCP connections hold, both ways. */
  readonly pages?: number;
}

/** A quarter of the slab. */
function defaultPages(slab: Slab): number {
  return Math.floor(slab.u8.length / 4 / PAGE_BYTES);
}

/** What native code does better for the memory of a thread; without it (virtual time, tests) all works as well. */
export interface NativeMemorySupport {
  readonly allocate: (bytes: number) => ArrayBuffer;
  readonly openBulkSum: (slab: Slab) => BulkSum;
}

/** The memory of one thread: the slab and the pools in it, shared by every device and stack there. */
export class Memory {
  readonly slab: Slab;
  readonly chunks: BlockPool;
  readonly cells: CellStore;
  readonly pages: BlockPool;
  /** For queues that grow and become empty. */
  readonly arrays = new WordArrays();
  /** Null where there is no native code: virtual time, and tests. */
  readonly bulkSum: BulkSum | null;

  constructor(sizes: MemorySizes = {}, native: NativeMemorySupport | null = null) {
    this.slab = new Slab(sizes.slabBytes, native === null ? null : native.allocate);
    this.bulkSum = native === null ? null : native.openBulkSum(this.slab);
    this.chunks = new BlockPool(this.slab, CHUNK_BYTES, sizes.chunks ?? 256);
    const cellBytes = sizes.cellBytes ?? 128 << 20;
    this.pages = new BlockPool(this.slab, PAGE_BYTES, sizes.pages ?? defaultPages(this.slab));
    this.cells = new CellStore(this.slab, Math.floor(cellBytes / CELL_BYTES));
  }
}
