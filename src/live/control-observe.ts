/**
 * A device that can be watched while it runs: captures come and go without the stack noticing. Without
 * one it costs a comparison for each batch.
 */
import type { Device, RxRing } from '../link/device.ts';
import { DeviceAround } from '../link/device-around.ts';
import type { FrameListener } from '../link/frame-sink.ts';
import { CTRL } from '../link/ring-layout.ts';
import type { TxRing } from '../link/tx-ring.ts';

/** Sees each frame as it passes; `CapturePoint` is one. */
export interface FrameWatcher {
  /** A frame of a receive batch; `dropped`: lost by the device since the one before. */
  received(rx: RxRing, index: number, dropped: number): void;
  /** A frame committed to the transmit ring, `ahead` of its tail. */
  sent(tx: TxRing, ahead: number): void;
}

export class ObservedDevice extends DeviceAround {
  private readonly watchers: FrameWatcher[] = [];
  private readonly rxDroppedId: number;
  private rxDroppedBefore = 0;
  /** The ring's head up to which frames are captured. */
  private capturedHead = 0;

  constructor(inner: Device) {
    super(inner);
    this.rxDroppedId = inner.stats.id('rxDropped');
  }

  /** The watcher sees every frame from now on. Call between turns. */
  watch(watcher: FrameWatcher): void {
    if (this.watchers.length === 0) {
      this.capturedHead = this.tx.ctrl[CTRL.TX_HEAD]!;
      this.rxDroppedBefore = this.stats.values[this.rxDroppedId]!;
    }
    this.watchers.push(watcher);
  }

  /** Idempotent. */
  unwatch(watcher: FrameWatcher): void {
    const at = this.watchers.indexOf(watcher);
    if (at >= 0) this.watchers.splice(at, 1);
  }

  /** Brings up to date what the kernel knows and the data path does not ask: drops, the link's state. */
  refresh(): void {
    const inner = this.inner as { refreshStats?: () => void; refreshLink?: () => number };
    inner.refreshStats?.();
    inner.refreshLink?.();
  }

  listen(listener: FrameListener | null): void {
    (this.inner as { listen?: (listener: FrameListener | null) => void }).listen?.(listener);
  }

  override rxBatch(budget: number): number {
    const n = this.inner.rxBatch(budget);
    if (n > 0 && this.watchers.length > 0) this.showReceived(n);
    return n;
  }

  override txFlush(): number {
    if (this.watchers.length > 0) this.showSent();
    return this.inner.txFlush();
  }

  private showReceived(n: number): void {
    const dropped = this.stats.values[this.rxDroppedId]! - this.rxDroppedBefore;
    this.rxDroppedBefore += dropped;
    for (const watcher of this.watchers) {
      for (let i = 0; i < n; i++) watcher.received(this.rx, i, i === 0 ? dropped | 0 : 0);
    }
  }

  /** A frame is shown when it is handed over, once, however often the kernel has to be asked. */
  private showSent(): void {
    const { ctrl } = this.tx;
    const head = ctrl[CTRL.TX_HEAD]!;
    for (const watcher of this.watchers) {
      let ahead = (this.capturedHead - ctrl[CTRL.TX_TAIL]!) | 0;
      for (let at = this.capturedHead; at !== head; at = (at + 1) | 0)
        watcher.sent(this.tx, ahead++);
    }
    this.capturedHead = head;
  }
}
