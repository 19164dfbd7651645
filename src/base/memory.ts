import { BlockPool } from './block-pool.ts';
import type { BulkSum } from './bulk-sum.ts';
import { CELL_BYTES, CellStore } from './cell-store.ts';
import { Slab } from './slab.ts';

/** 256 KiB: three of the largest super-frames read back to back, and one line more so that chunks do not alias. */
export const CHUNK_BYTES = 256 * 1024 + 64;

export interface MemorySizes {
  readonly slabBytes?: number;
  /** Receive memory of all devices together. */
  readonly chunks?: number;
  /** Queued datagrams, fragments, and packets that wait for a neighbour. */
  readonly cellBytes?: number;
}

/** The memory of one thread: the slab and the pools in it, shared by every device and stack there. */
export class Memory {
  readonly slab: Slab;
  readonly chunks: BlockPool;
  readonly cells: CellStore;
  /** Null where there is no native code: virtual time, and tests. */
  readonly bulkSum: BulkSum | null;

  constructor(sizes: MemorySizes = {}, openBulkSum: ((slab: Slab) => BulkSum) | null = null) {
    this.slab = new Slab(sizes.slabBytes);
    this.bulkSum = openBulkSum === null ? null : openBulkSum(this.slab);
    this.chunks = new BlockPool(this.slab, CHUNK_BYTES, sizes.chunks ?? 256);
    const cellBytes = sizes.cellBytes ?? 128 << 20;
    this.cells = new CellStore(this.slab, Math.floor(cellBytes / CELL_BYTES));
  }
}
