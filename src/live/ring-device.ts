/**
 * What TAP and AF_PACKET devices share: the rings on the TypeScript side, and which memory the
 * native side may fill.
 *
 *     before a batch   take chunks, one reference each, and list them in `offer`
 *     the batch        C++ fills them in order; descriptors name the chunk of each frame
 *     after it         untouched chunks go back at once, filled ones stay ours until the next batch
 *
 * So every frame of the current batch lies in a chunk that this device holds; whoever wants the
 * bytes longer takes a reference of its own (`rx.chunks.hold`). The chunk being filled is kept from
 * batch to batch: from its start if nobody else holds it (then it is still in the cache), else from
 * where it was left.
 */
import { type BlockPool, NO_BLOCK } from '../base/block-pool.ts';
import { Counters } from '../base/counters.ts';
import type { Memory } from '../base/memory.ts';
import { NEVER } from '../base/time.ts';
import {
  DEVICE_COUNTERS,
  type Device,
  type DeviceCaps,
  type DeviceStats,
  RxRing,
} from '../link/device.ts';
import { CTRL, LINK, MAX_OFFERED, OFFER, OFFER_WORDS } from '../link/ring-layout.ts';
import { TxRing } from '../link/tx-ring.ts';
import type { MacAddress } from '../wire/mac.ts';
import type { NativeRing } from './addon.ts';

/** Descriptors of one receive batch. */
export const RX_FRAMES = 256;
/** The most one frame can need: what C++ asks for before each read. */
const MAX_FRAME_ROOM = 65_600;

/**
 * The largest frame to hand over with a vnet header. The kernel takes 14 bytes more (a packet of 65,535
 * behind its Ethernet header), but cuts it up again for devices whose limit is the usual 65,536.
 */
export const MAX_SUPER_FRAME = 65_535;

export interface RingSizes {
  readonly txFrames?: number;
  readonly txPayloadBytes?: number;
}

/** What the native constructors take besides their options; they keep the arrays alive while open. */
export interface NativeMemory {
  readonly slab: ArrayBuffer;
  readonly rxDesc: Int32Array;
  readonly rxOffer: Int32Array;
  readonly txDesc: Int32Array;
  readonly ctrl: Int32Array;
  readonly stats: Float64Array;
  readonly chunkBase: number;
  readonly chunkBytes: number;
  readonly chunkCount: number;
}

/** The TypeScript half of a ring, made before the native half is opened with it. */
export class RingHalf {
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly stats: DeviceStats;
  readonly offer: Int32Array;

  constructor(memory: Memory, sizes: RingSizes) {
    this.rx = new RxRing(memory.chunks, RX_FRAMES);
    this.tx = new TxRing(memory.slab, memory.chunks, sizes.txFrames, sizes.txPayloadBytes);
    this.stats = new Counters(DEVICE_COUNTERS);
    this.offer = new Int32Array(OFFER_WORDS);
  }

  forNative(): NativeMemory {
    const { rx, tx } = this;
    return {
      slab: tx.slab.buffer,
      rxDesc: rx.desc,
      rxOffer: this.offer,
      txDesc: tx.desc,
      ctrl: tx.ctrl,
      stats: this.stats.values,
      chunkBase: rx.chunks.base,
      chunkBytes: rx.chunks.blockBytes,
      chunkCount: rx.chunks.capacity,
    };
  }
}

export abstract class RingDevice implements Device {
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly stats: DeviceStats;
  readonly name: string;
  readonly mac: MacAddress;
  readonly mtu: number;
  readonly caps: DeviceCaps;

  private readonly native: NativeRing;
  private readonly offer: Int32Array;
  private readonly chunks: BlockPool;
  /** Chunks in `offer` that are ours: those of the batch, the last of them still being filled. */
  private held = 0;
  private fill = 0;

  constructor(
    half: RingHalf,
    native: NativeRing,
    is: { name: string; mac: MacAddress; mtu: number; caps: DeviceCaps },
  ) {
    this.rx = half.rx;
    this.tx = half.tx;
    this.stats = half.stats;
    this.offer = half.offer;
    this.chunks = half.rx.chunks;
    this.native = native;
    this.name = is.name;
    this.mac = is.mac;
    this.mtu = is.mtu;
    this.caps = is.caps;
  }

  /** What the last crossing or `refreshLink` found. */
  get isUp(): boolean {
    return this.tx.ctrl[CTRL.LINK] === LINK.UP;
  }

  /** For the poller: readable when frames wait, writable when there is room; -1 once closed. */
  get fd(): number {
    return this.native.fd;
  }

  /** Asks the kernel for the link's state: sending finds out by itself, a quiet link does not. 0 or -errno. */
  refreshLink(): number {
    return this.native.refreshLink();
  }

  rxBatch(budget: number): number {
    this.offerChunks();
    const n = this.native.rxBatch(budget);
    this.keepUsed();
    return n;
  }

  txFlush(): number {
    const left = this.native.txFlush();
    if (left < 0) this.dropInFlight();
    this.tx.releaseCompleted();
    return left;
  }

  nextDeadlineNs(): number {
    return NEVER;
  }

  close(): void {
    this.native.close();
    this.tx.releaseCompleted();
    for (let i = 0; i < this.held; i++) this.chunks.release(this.offer[OFFER.CHUNK + i]!);
    this.held = 0;
    this.fill = 0;
  }

  /** Ours again: what only we hold of the last batch; then more, while the pool has some. */
  private offerChunks(): void {
    const { offer, chunks } = this;
    for (let i = 0; i < this.held - 1; i++) chunks.release(offer[OFFER.CHUNK + i]!);
    let count = 0;
    if (this.held === 0) this.fill = 0;
    else {
      const last = offer[OFFER.CHUNK + this.held - 1]!;
      if (chunks.references(last) === 1) this.fill = 0;
      if (chunks.blockBytes - this.fill >= MAX_FRAME_ROOM) {
        offer[OFFER.CHUNK] = last;
        count = 1;
      } else {
        chunks.release(last);
        this.fill = 0;
      }
    }
    while (count < MAX_OFFERED) {
      const chunk = chunks.take();
      if (chunk === NO_BLOCK) break;
      offer[OFFER.CHUNK + count++] = chunk;
    }
    offer[OFFER.COUNT] = count;
    offer[OFFER.CURRENT] = 0;
    offer[OFFER.FILL] = this.fill;
  }

  /** Gives back what the batch did not touch, in reverse, so that the pool's stack is as it was. */
  private keepUsed(): void {
    const { offer, chunks } = this;
    const count = offer[OFFER.COUNT]!;
    const current = offer[OFFER.CURRENT]!;
    this.fill = offer[OFFER.FILL]!;
    const used = current < count ? (this.fill > 0 ? current + 1 : current) : count;
    for (let i = count - 1; i >= used; i--) chunks.release(offer[OFFER.CHUNK + i]!);
    this.held = used;
    // When every chunk was used up, or the batch ended exactly at a border, the last one is full.
    if (current >= used) this.fill = chunks.blockBytes;
  }

  /** The device is gone or closed: what was committed since cannot leave any more. */
  private dropInFlight(): void {
    const n = this.tx.inFlight;
    if (n === 0) return;
    this.stats.add(this.stats.id('txDropped'), n);
    this.tx.complete(n);
  }
}
