import { BlockPool } from './block-pool.ts';
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

  constructor(sizes: MemorySizes = {}) {
    this.slab = new Slab(sizes.slabBytes);
    this.chunks = new BlockPool(this.slab, CHUNK_BYTES, sizes.chunks ?? 256);
    const cellBytes = sizes.cellBytes ?? 128 << 20;
    this.cells = new CellStore(this.slab, Math.floor(cellBytes / CELL_BYTES));
  }
}
