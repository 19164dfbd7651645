import type { BlockPool } from '../base/block-pool.ts';
import type { Counters } from '../base/counters.ts';
import type { MacAddress } from '../wire/mac.ts';
import { RX_STRIDE } from './ring-layout.ts';
import type { TxRing } from './tx-ring.ts';

/**
 * The contract between the stack and whatever moves frames. There are no callbacks: the driver asks
 * for a batch, the stack works on it, and the driver flushes what the stack has committed.
 */
export interface Device {
  readonly name: string;
  readonly mac: MacAddress;
  readonly caps: DeviceCaps;
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly stats: DeviceStats;
  /** The largest IP packet (not frame) that leaves or arrives in one piece. */
  readonly mtu: number;
  /** False while the link has no carrier or the device is gone or closed. */
  readonly isUp: boolean;

  /**
   * Takes up to `budget` frames into `rx.desc[0 … n)` and returns n >= 0, or -errno when the device
   * is gone. The frames of the batch before are given back first: `rx.chunks.hold()` what must stay.
   */
  rxBatch(budget: number): number;

  /**
   * Hands committed frames over, in order. Returns how many remain (back-pressure: try again when the
   * device has room), or -errno when the device is gone (the frames are then dropped and counted).
   */
  txFlush(): number;

  /** When the device wants `rxBatch` called although nothing arrives (delaying middleware), or NEVER. */
  nextDeadlineNs(): number;

  /** Idempotent. Frames in flight are completed as dropped. */
  close(): void;
}

/** What the device takes off the stack's hands. All sizes in bytes. */
export interface DeviceCaps {
  /** The largest frame it takes, Ethernet header included, a VLAN tag not; beyond mtu + 14 only with TSO/USO. */
  readonly maxFrame: number;
  /** Completes partial checksums on transmit. */
  readonly txChecksum: boolean;
  /** Received frames carry CSUM_VALID, CSUM_PARTIAL or CSUM_COMPLETE. */
  readonly rxChecksum: boolean;
  readonly tso4: boolean;
  readonly tso6: boolean;
  readonly tsoEcn: boolean;
  readonly uso: boolean;
  /** May deliver super-frames. */
  readonly gro: boolean;
}

export const PLAIN_CAPS: DeviceCaps = {
  maxFrame: 1514,
  txChecksum: false,
  rxChecksum: false,
  tso4: false,
  tso6: false,
  tsoEcn: false,
  uso: false,
  gro: false,
};

/** The frames of one receive batch, all in the slab. */
export class RxRing {
  readonly desc: Int32Array;

  /** Where the frames lie: `chunks.hold(desc[RX.CHUNK])` keeps one beyond the turn. */
  readonly chunks: BlockPool;
  readonly capacity: number;

  constructor(chunks: BlockPool, capacity: number) {
    this.chunks = chunks;
    this.capacity = capacity;
    this.desc = new Int32Array(capacity * RX_STRIDE);
  }
}

export const DEVICE_COUNTERS = [
  'rxFrames',
  'rxBytes',
  /** Lost before we saw them: the kernel's drop statistics, or no chunk free. */
  'rxDropped',
  /** Frames the device could not describe (truncated, bad vnet header). */
  'rxErrors',
  'txFrames',
  'txBytes',
  /** Refused by the kernel or discarded at close: counted, never silent. */
  'txDropped',
  /** Flushes that ended with frames left over. */
  'txBusy',
  'rxBatches',
  'txBatches',
  /** Batches that had no room for a frame (no chunk free, middleware full): it stays in the kernel's queue. */
  'rxStalls',
  /** Frames refused before the kernel saw them: a descriptor that makes no sense, or GSO without a vnet header. */
  'txErrors',
] as const;
export type DeviceStats = Counters<(typeof DEVICE_COUNTERS)[number]>;
