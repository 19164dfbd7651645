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

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { OFF, LEN, FLAGS, GSO, CHUNK } = RX;
const STRIDE = RX_STRIDE;
const { CSUM_PARTIAL } = RX_FLAG;
const { LEN: TX_LEN, FLAGS: TX_FLAGS, GSO: TX_GSO, PIECE } = TX;
const { CSUM: TX_PARTIAL } = TX_FLAG;

const id = (name: (typeof DEVICE_COUNTERS)[number]): number => DEVICE_COUNTERS.indexOf(name);
const RX_FRAMES = id('rxFrames');
const RX_BYTES = id('rxBytes');
const RX_DROPPED = id('rxDropped');
const RX_ERRORS = id('rxErrors');
const RX_BATCHES = id('rxBatches');
const TX_FRAMES = id('txFrames');
const TX_BYTES = id('txBytes');
const TX_DROPPED = id('txDropped');
const TX_BUSY = id('txBusy');
const TX_BATCHES = id('txBatches');

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
  // What each turn looks at stands together.
  /** Frames of the last batch, whose chunks are still held. */
  private batch = 0;
  private isClosed = false;
  private readonly queue: FrameList;
  readonly tx: TxRing;
  readonly rx: RxRing;
  private readonly frames: FrameStore;
  private outlet: FrameSink | null = null;
  private listener: FrameListener | null = null;
  readonly stats: DeviceStats = new Counters(DEVICE_COUNTERS);
  caps: DeviceCaps;
  private readonly rxFrames: number;
  readonly name: string;
  readonly mac: MacAddress;
  readonly mtu: number;

  constructor(frames: FrameStore, options: MemoryDeviceOptions) {
    this.frames = frames;
    this.queue = new FrameList(frames);
    this.name = options.name;
    this.mac = options.mac;
    this.mtu = options.mtu ?? DEFAULT_MTU;
    this.caps = { ...PLAIN_CAPS, maxFrame: this.mtu + ETH_HEADER_LEN, ...options.caps };
    this.rxFrames = options.rxFrames ?? DEFAULT_RX_FRAMES;
    this.rx = new RxRing(frames.chunks, options.batchFrames ?? DEFAULT_BATCH_FRAMES);
    const { txFrames, txPayloadBytes } = options;
    this.tx = new TxRing(frames.slab, frames.chunks, txFrames, txPayloadBytes, true);
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
    const w = frame * STRIDE;
    const { words } = this.frames;
    const { caps } = this;
    const isTooLong = this.isTooLong(words[w + LEN]!, words[w + OFF]!);
    if (isTooLong || this.isClosed) {
      this.stats.count(this.isClosed ? RX_DROPPED : RX_ERRORS);
      this.frames.release(frame);
      return;
    }
    assert(words[w + GSO] === 0 || caps.gro, 'a super-frame reached a device without gro');
    const isPartial = (words[w + FLAGS]! & CSUM_PARTIAL) !== 0;
    if (isPartial && !caps.rxChecksum && !this.frames.makeOwn(frame)) {
      this.stats.count(RX_DROPPED);
      this.frames.release(frame);
      return;
    }
    this.queue.push(frame);
    if (this.listener !== null) this.listener.frameArrived();
  }

  rxBatch(budget: number): number {
    if (this.batch > 0) this.releaseBatch();
    const { queue } = this;
    if (queue.count === 0) return this.isClosed ? -ENODEV : 0;
    const { frames, rx } = this;
    const n = Math.min(budget, queue.count, rx.capacity);
    if (n <= 0) return 0;
    const queued = queue.bytes;
    for (let i = 0; i < n; i++) frames.moveToRx(queue.shift(), rx, i);
    const bytes = queued - queue.bytes;
    this.batch = n;
    this.stats.count(RX_BATCHES);
    this.stats.add(RX_FRAMES, n);
    this.stats.add(RX_BYTES, bytes);
    return n;
  }

  txFlush(): number {
    return this.tx.isIdle ? 0 : this.flush();
  }

  private flush(): number {
    const { tx, frames, outlet } = this;
    const pending = tx.inFlight;
    if (outlet === null || this.isClosed) return this.dropPending(pending);
    let room = outlet.room();
    if (room === GONE) return this.dropPending(pending);
    let sent = 0;
    let bytes = 0;
    while (sent < pending && room > 0) {
      this.checkPromises(sent);
      const frame = frames.fromTx(tx, sent);
      if (frame === NO_FRAME) break;
      sent++;
      bytes += frames.lengthOf(frame);
      outlet.take(frame);
      room = --room > 0 ? room : outlet.room();
    }
    tx.complete(sent);
    this.stats.count(TX_BATCHES);
    this.stats.add(TX_FRAMES, sent);
    this.stats.add(TX_BYTES, bytes);
    if (sent < pending) this.stats.count(TX_BUSY);
    return pending - sent;
  }

  /** 0 ("at once") while frames wait here or could go out: nobody else would wake the driver. */
  nextDeadlineNs(): number {
    if (this.isClosed) return NEVER;
    if (this.queue.count > 0) return 0;
    if (this.tx.isIdle || this.outlet === null) return NEVER;
    return this.outlet.room() > 0 && this.frames.chunks.free > 0 ? 0 : NEVER;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.releaseBatch();
    this.stats.add(RX_DROPPED, this.queue.clear());
    this.dropPending(this.tx.inFlight);
    this.outlet = null;
    this.listener = null;
  }

  private dropPending(pending: number): number {
    this.tx.complete(pending);
    this.stats.add(TX_DROPPED, pending);
    return this.isClosed ? -ENODEV : -ENETDOWN;
  }

  /** A tag does not count (IEEE 802.3 §3.2.7): a frame that has one may be so much longer. */
  private isTooLong(len: number, off: number): boolean {
    const { maxFrame } = this.caps;
    if (len <= maxFrame) return false;
    return len > maxFrame + VLAN_TAG_LEN || !isTagType(ethType(this.frames.slab.dv, off));
  }

  private releaseBatch(): void {
    const { desc } = this.rx;
    const { chunks } = this.frames;
    for (let i = 0; i < this.batch; i++) chunks.release(desc[i * STRIDE + CHUNK]!);
    this.batch = 0;
  }

  /** The stack above keeps to the capabilities; anything else would look like a fault of the network. */
  private checkPromises(ahead: number): void {
    const { caps } = this;
    const { desc } = this.tx;
    const d = this.tx.descAt(ahead);
    const isTooLong = this.isTooLong(desc[d + TX_LEN]!, desc[d + PIECE]!);
    assert(!isTooLong, 'a frame is no longer than maxFrame');
    const isPartial = (desc[d + TX_FLAGS]! & TX_PARTIAL) !== 0;
    assert(!isPartial || caps.txChecksum, 'a partial checksum needs txChecksum');
    const isSuper = desc[d + TX_GSO]! !== 0;
    assert(!isSuper || caps.tso4 || caps.tso6 || caps.uso, 'a super-frame needs tso or uso');
  }
}
