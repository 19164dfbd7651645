import { ENODEV } from '../base/errno.ts';
import type { Rng } from '../base/rng.ts';
import { NEVER } from '../base/time.ts';
import { type Device, RxRing } from '../link/device.ts';
import { DeviceAround } from '../link/device-around.ts';
import type { Clock, DropListener } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { RX, RX_STRIDE } from '../link/ring-layout.ts';
import { TxRing } from '../link/tx-ring.ts';
import { FaultPath, type FaultProfile } from './fault-path.ts';

/** Frames that wait in one direction before the side they come from has to. */
const DEFAULT_LIMIT = 4096;

export interface FaultOptions {
  /** On the way from the device to the stack. */
  readonly rx?: FaultProfile;
  /** On the way from the stack to the device. */
  readonly tx?: FaultProfile;
  readonly limit?: number;
  /** Told of each frame lost: a capture, which writes it down with the reason. */
  readonly drops?: DropListener;
}

/**
 * A bad network in front of any device: loses, duplicates, corrupts, reorders and delays frames in
 * either direction, from the seed's streams `fault.<device>.<rx|tx>.<kind>`. Nothing else is lost: a
 * full device and a full wait are back-pressure, as without the middleware.
 */
export class FaultDevice extends DeviceAround {
  readonly rxPath: FaultPath;
  readonly txPath: FaultPath;
  private readonly frames: FrameStore;
  private readonly limit: number;
  private readonly rxStallsId: number;
  private batch = 0;
  /** Due frames wait for room in the device: it will say when. */
  private isTxBlocked = false;
  /** As much waits as may: the device keeps what it has, and its deadline means nothing. */
  private isRxFull = false;
  private ownDueNs = NEVER;
  private isClosed = false;

  constructor(
    inner: Device,
    frames: FrameStore,
    clock: Clock,
    rng: Rng,
    options: FaultOptions = {},
  ) {
    super(
      inner,
      new RxRing(frames.chunks, inner.rx.capacity),
      new TxRing(frames.slab, frames.chunks, inner.tx.capacity),
    );
    this.frames = frames;
    this.limit = options.limit ?? DEFAULT_LIMIT;
    this.rxStallsId = inner.stats.id('rxStalls');
    const drops = options.drops ?? null;
    const name = `fault.${inner.name}`;
    this.rxPath = new FaultPath(frames, clock, rng, `${name}.rx`, options.rx ?? {}, drops);
    this.txPath = new FaultPath(frames, clock, rng, `${name}.tx`, options.tx ?? {}, drops);
  }

  override rxBatch(budget: number): number {
    this.releaseBatch();
    if (this.isClosed) return -ENODEV;
    if (this.txPath.firstDue() !== NO_FRAME) this.pump();
    const path = this.rxPath;
    const most = Math.min(budget, this.rx.capacity);
    const n = this.inner.rxBatch(Math.max(0, Math.min(most, this.limit - path.count)));
    if (n < 0) return n;
    if (path.count >= this.limit) this.stats.count(this.rxStallsId);
    for (let i = 0; i < n; i++) path.feed(this.frames.fromRx(this.inner.rx, i));
    while (this.batch < most && path.firstDue() !== NO_FRAME) {
      this.frames.moveToRx(path.shift(), this.rx, this.batch++);
    }
    this.setDue();
    return this.batch;
  }

  override txFlush(): number {
    const path = this.txPath;
    const pending = this.tx.inFlight;
    let taken = 0;
    while (taken < pending && path.count < this.limit) {
      const frame = this.frames.fromTx(this.tx, taken);
      if (frame === NO_FRAME) break;
      taken++;
      path.feed(frame);
    }
    this.tx.complete(taken);
    const left = this.pump();
    this.setDue();
    return left < 0 ? left : left + pending - taken;
  }

  override nextDeadlineNs(): number {
    if (this.isRxFull || this.isClosed) return this.ownDueNs;
    const innerNs = this.inner.nextDeadlineNs();
    if (this.ownDueNs >= innerNs) return innerNs; // as it came: a minimum would be a new number, boxed
    return this.ownDueNs;
  }

  override close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.releaseBatch();
    this.rxPath.discard();
    this.txPath.discard();
    this.ownDueNs = NEVER;
    const pending = this.tx.inFlight;
    this.tx.complete(pending);
    this.stats.add(this.stats.id('txDropped'), pending);
    this.inner.close();
  }

  /** Due frames to the device, for as long as it takes some. Returns how many remain, or -errno. */
  private pump(): number {
    while (true) {
      let moved = 0;
      let frame = this.txPath.firstDue();
      while (frame !== NO_FRAME && this.frames.commitTo(this.inner.tx, frame)) {
        this.frames.release(this.txPath.shift());
        moved++;
        frame = this.txPath.firstDue();
      }
      const left = this.inner.txFlush();
      this.isTxBlocked = frame !== NO_FRAME;
      if (left < 0 || frame === NO_FRAME) return left;
      if (moved === 0) return left + this.txPath.count;
    }
  }

  private setDue(): void {
    this.isRxFull = this.rxPath.count >= this.limit;
    if (this.isTxBlocked) this.ownDueNs = this.rxPath.dueNs;
    else this.ownDueNs = Math.min(this.rxPath.dueNs, this.txPath.dueNs);
  }

  private releaseBatch(): void {
    for (let i = 0; i < this.batch; i++) {
      this.frames.chunks.release(this.rx.desc[i * RX_STRIDE + RX.CHUNK]!);
    }
    this.batch = 0;
  }
}
