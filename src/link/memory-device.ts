import { assert } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import { ENETDOWN, ENODEV } from '../base/errno.ts';
import { NEVER } from '../base/time.ts';
import { ETH_HEADER_LEN, ethType } from '../wire/ethernet.ts';
import type { MacAddress } from '../wire/mac.ts';
import { isTagType, VLAN_TAG_LEN } from '../wire/vlan.ts';
import {
  DEVICE_COUNTERS,
  type Device,
  type DeviceCaps,
  type DeviceStats,
  PLAIN_CAPS,
  RxRing,
} from './device.ts';
import { FrameList } from './frame-list.ts';
import type { FrameListener, FramePort, FrameSink } from './frame-sink.ts';
import { GONE } from './frame-sink.ts';
import { type FrameStore, NO_FRAME } from './frame-store.ts';
import { RX, RX_FLAG, RX_STRIDE, TX, TX_FLAG } from './ring-layout.ts';
import { TxRing } from './tx-ring.ts';

const DEFAULT_MTU = 1500;
const DEFAULT_RX_FRAMES = 1024;
const DEFAULT_BATCH_FRAMES = 256;

export interface MemoryDeviceOptions {
  readonly name: string;
  readonly mac: MacAddress;
  /** The largest IP packet. Default 1500. */
  readonly mtu?: number;
  /** What it promises beyond PLAIN_CAPS. maxFrame defaults to mtu + 14. */
  readonly caps?: Partial<DeviceCaps>;
  /** Frames that wait to be received, before the sender has to. Default 1024. */
  readonly rxFrames?: number;
  /** Frames in one receive batch. Default 256. */
  readonly batchFrames?: number;
  readonly txFrames?: number;
  readonly txPayloadBytes?: number;
}

/**
 * A network interface made of memory: what it sends, it gathers once and hands to its outlet by
 * reference; what it is handed waits in a bounded queue for `rxBatch`. With txChecksum and rxChecksum
 * partial checksums pass through undone, as they do under a vnet header; without, frames are as on a
 * wire. A full outlet is back-pressure: the frames stay in the transmit ring.
 */
export class MemoryDevice implements Device, FramePort {
  readonly name: string;
  readonly mac: MacAddress;
  readonly mtu: number;
  caps: DeviceCaps;
  readonly rx: RxRing;
  readonly tx: TxRing;
  readonly stats: DeviceStats = new Counters(DEVICE_COUNTERS);
  private readonly frames: FrameStore;
  private readonly queue: FrameList;
  private readonly rxFrames: number;
  private outlet: FrameSink | null = null;
  private listener: FrameListener | null = null;
  /** Frames of the last batch, whose chunks are still held. */
  private batch = 0;
  private isClosed = false;

  private readonly rxFramesId = this.stats.id('rxFrames');
  private readonly rxBytesId = this.stats.id('rxBytes');
  private readonly rxDroppedId = this.stats.id('rxDropped');
  private readonly rxErrorsId = this.stats.id('rxErrors');
  private readonly rxBatchesId = this.stats.id('rxBatches');
  private readonly txFramesId = this.stats.id('txFrames');
  private readonly txBytesId = this.stats.id('txBytes');
  private readonly txDroppedId = this.stats.id('txDropped');
  private readonly txBusyId = this.stats.id('txBusy');
  private readonly txBatchesId = this.stats.id('txBatches');

  constructor(frames: FrameStore, options: MemoryDeviceOptions) {
    this.frames = frames;
    this.queue = new FrameList(frames);
    this.name = options.name;
    this.mac = options.mac;
    this.mtu = options.mtu ?? DEFAULT_MTU;
    this.caps = { ...PLAIN_CAPS, maxFrame: this.mtu + ETH_HEADER_LEN, ...options.caps };
    this.rxFrames = options.rxFrames ?? DEFAULT_RX_FRAMES;
    this.rx = new RxRing(frames.chunks, options.batchFrames ?? DEFAULT_BATCH_FRAMES);
    this.tx = new TxRing(frames.slab, frames.chunks, options.txFrames, options.txPayloadBytes);
  }

  /** Carrier: there is somebody to send to. */
  get isUp(): boolean {
    return !this.isClosed && this.outlet !== null && this.outlet.room() !== GONE;
  }

  /** Frames waiting for `rxBatch`. */
  get queued(): number {
    return this.queue.count;
  }

  connect(outlet: FrameSink): void {
    this.outlet = outlet;
  }

  /** A driver asks to be told when a frame arrives; null ends it. */
  listen(listener: FrameListener | null): void {
    this.listener = listener;
  }

  /** As `ethtool -K`: what it promises from now on. What is in the transmit ring already goes as it is. */
  setCaps(caps: Partial<DeviceCaps>): void {
    this.caps = { ...this.caps, ...caps };
  }

  room(): number {
    return this.isClosed ? GONE : this.rxFrames - this.queue.count;
  }

  take(frame: number): void {
    const w = frame * RX_STRIDE;
    const words = this.frames.words;
    const most = this.caps.maxFrame;
    const isTooLong = words[w + RX.LEN]! > most + this.tagLen(words[w + RX.OFF]!);
    if (isTooLong || this.isClosed) {
      this.stats.count(this.isClosed ? this.rxDroppedId : this.rxErrorsId);
      this.frames.release(frame);
      return;
    }
    assert(words[w + RX.GSO] === 0 || this.caps.gro, 'a super-frame reached a device without gro');
    const isPartial = (words[w + RX.FLAGS]! & RX_FLAG.CSUM_PARTIAL) !== 0;
    if (isPartial && !this.caps.rxChecksum && !this.frames.makeOwn(frame)) {
      this.stats.count(this.rxDroppedId);
      this.frames.release(frame);
      return;
    }
    this.queue.push(frame);
    if (this.listener !== null) this.listener.frameArrived();
  }

  rxBatch(budget: number): number {
    this.releaseBatch();
    if (this.isClosed) return -ENODEV;
    const n = Math.min(budget, this.queue.count, this.rx.capacity);
    if (n <= 0) return 0;
    let bytes = 0;
    for (let i = 0; i < n; i++) {
      const frame = this.queue.shift();
      bytes += this.frames.lengthOf(frame);
      this.frames.moveToRx(frame, this.rx, i);
    }
    this.batch = n;
    this.stats.count(this.rxBatchesId);
    this.stats.add(this.rxFramesId, n);
    this.stats.add(this.rxBytesId, bytes);
    return n;
  }

  txFlush(): number {
    const pending = this.tx.inFlight;
    if (pending === 0) return 0;
    const outlet = this.outlet;
    if (outlet === null || this.isClosed || outlet.room() === GONE)
      return this.dropPending(pending);
    let sent = 0;
    let bytes = 0;
    while (sent < pending && outlet.room() > 0) {
      this.checkPromises(sent);
      const frame = this.frames.fromTx(this.tx, sent);
      if (frame === NO_FRAME) break;
      sent++;
      bytes += this.frames.lengthOf(frame);
      outlet.take(frame);
    }
    this.tx.complete(sent);
    this.stats.count(this.txBatchesId);
    this.stats.add(this.txFramesId, sent);
    this.stats.add(this.txBytesId, bytes);
    if (sent < pending) this.stats.count(this.txBusyId);
    return pending - sent;
  }

  /** 0 ("at once") while frames wait here or could go out: nobody else would wake the driver. */
  nextDeadlineNs(): number {
    if (this.isClosed) return NEVER;
    if (this.queue.count > 0) return 0;
    if (this.tx.inFlight === 0 || this.outlet === null) return NEVER;
    return this.outlet.room() > 0 && this.frames.chunks.free > 0 ? 0 : NEVER;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.releaseBatch();
    this.stats.add(this.rxDroppedId, this.queue.clear());
    this.dropPending(this.tx.inFlight);
    this.outlet = null;
    this.listener = null;
  }

  private dropPending(pending: number): number {
    this.tx.complete(pending);
    this.stats.add(this.txDroppedId, pending);
    return this.isClosed ? -ENODEV : -ENETDOWN;
  }

  /** A tag does not count (IEEE 802.3 §3.2.7): the frame at `off` may be so much longer. */
  private tagLen(off: number): number {
    return isTagType(ethType(this.frames.slab.dv, off)) ? VLAN_TAG_LEN : 0;
  }

  private releaseBatch(): void {
    const desc = this.rx.desc;
    for (let i = 0; i < this.batch; i++) {
      this.frames.chunks.release(desc[i * RX_STRIDE + RX.CHUNK]!);
    }
    this.batch = 0;
  }

  /** The stack above keeps to the capabilities; anything else would look like a fault of the network. */
  private checkPromises(ahead: number): void {
    const d = this.tx.descAt(ahead);
    const desc = this.tx.desc;
    const most = this.caps.maxFrame + this.tagLen(desc[d + TX.PIECE]!);
    assert(desc[d + TX.LEN]! <= most, 'a frame is no longer than maxFrame');
    const isPartial = (desc[d + TX.FLAGS]! & TX_FLAG.CSUM) !== 0;
    assert(!isPartial || this.caps.txChecksum, 'a partial checksum needs txChecksum');
    const gso = desc[d + TX.GSO]!;
    assert(
      gso === 0 || this.caps.tso4 || this.caps.tso6 || this.caps.uso,
      'a super-frame needs tso or uso',
    );
  }
}
