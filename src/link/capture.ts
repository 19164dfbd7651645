import type { MacAddress } from '../wire/mac.ts';
import { DIRECTION, type Direction } from '../wire/pcapng.ts';
import type { CaptureWriter } from './capture-writer.ts';
import type { Device, RxRing } from './device.ts';
import { DeviceAround } from './device-around.ts';
import type { DropListener } from './frame-sink.ts';
import { type FrameStore, gatherPieces } from './frame-store.ts';
import { CTRL, RX, RX_FLAG, RX_STRIDE, TX, TX_FLAG } from './ring-layout.ts';
import type { TxRing } from './tx-ring.ts';

/** One interface of a capture: a device, a link's queue, anything frames pass or die in. */
export class CapturePoint implements DropListener {
  private readonly writer: CaptureWriter;
  private readonly face: number;
  /** Frames seen here, for the statistics at the end. */
  seen = 0;
  private dropped = 0;

  constructor(writer: CaptureWriter, name: string, mac: MacAddress | null) {
    this.writer = writer;
    this.face = writer.addInterface(name, mac);
  }

  /** A frame of a receive batch. */
  received(rx: RxRing, index: number, dropped: number): void {
    const w = index * RX_STRIDE;
    this.dropped += dropped;
    this.copyRecord(rx.chunks.slab.u8, rx.desc, w, DIRECTION.IN, dropped, 0, '');
  }

  /** A frame committed to a transmit ring, gathered for the capture alone. */
  sent(tx: TxRing, ahead: number): void {
    const d = tx.descAt(ahead);
    const len = tx.desc[d + TX.LEN]!;
    const at = this.writer.beginPacket(len);
    if (at < 0) return;
    gatherPieces(tx, d, tx.slab.u8, at);
    if ((tx.desc[d + TX.FLAGS]! & TX_FLAG.CSUM) !== 0) {
      this.writer.completeChecksum(len, tx.desc[d + TX.CSUM]!);
    }
    this.writer.endPacket(this.face, len, DIRECTION.OUT, 0, 0, '');
    this.seen++;
  }

  /** A frame on its way in memory. */
  passed(frames: FrameStore, frame: number, direction: Direction): void {
    const w = frame * RX_STRIDE;
    const id = frames.packetIdOf(frame);
    this.copyRecord(frames.slab.u8, frames.words, w, direction, 0, id, '');
  }

  /** A lost frame stands in the file like one that passed, with the reason as its comment. */
  frameDropped(frames: FrameStore, frame: number, reason: string): void {
    this.dropped++;
    const w = frame * RX_STRIDE;
    const id = frames.packetIdOf(frame);
    this.copyRecord(frames.slab.u8, frames.words, w, DIRECTION.UNKNOWN, 0, id, reason);
  }

  end(): void {
    this.writer.endInterface(this.face, this.seen, this.dropped);
  }

  private copyRecord(
    u8: Uint8Array,
    words: Int32Array,
    w: number,
    direction: Direction,
    dropped: number,
    id: number,
    comment: string,
  ): void {
    const len = words[w + RX.LEN]!;
    const off = words[w + RX.OFF]!;
    const at = this.writer.beginPacket(len);
    if (at < 0) return;
    u8.copyWithin(at, off, off + len);
    if ((words[w + RX.FLAGS]! & RX_FLAG.CSUM_PARTIAL) !== 0) {
      this.writer.completeChecksum(len, words[w + RX.CSUM]!);
    }
    this.writer.endPacket(this.face, len, direction, dropped, id, comment);
    this.seen++;
  }
}

/**
 * Writes down what passes a device, both ways, and is otherwise not there: rings, capabilities and
 * counters are the inner device's own. A frame is captured when it is handed to the device, as the
 * kernel's packet tap does; should the device refuse it later, its txDropped says so.
 * The writer stays the caller's, who closes it after the last device.
 */
export class CaptureDevice extends DeviceAround {
  /** Also a DropListener: fault injection and link models report their losses to it. */
  readonly point: CapturePoint;
  private readonly rxDroppedId: number;
  private rxDroppedBefore: number;
  /** The ring's head up to which frames are captured. */
  private capturedHead: number;
  private isClosed = false;

  constructor(inner: Device, writer: CaptureWriter) {
    super(inner);
    this.point = new CapturePoint(writer, inner.name, inner.mac);
    this.rxDroppedId = inner.stats.id('rxDropped');
    this.rxDroppedBefore = inner.stats.values[this.rxDroppedId]!;
    this.capturedHead = inner.tx.ctrl[CTRL.TX_HEAD]!;
  }

  override rxBatch(budget: number): number {
    const n = this.inner.rxBatch(budget);
    if (n <= 0) return n;
    const dropped = this.stats.values[this.rxDroppedId]! - this.rxDroppedBefore;
    this.rxDroppedBefore += dropped;
    for (let i = 0; i < n; i++) this.point.received(this.rx, i, i === 0 ? dropped | 0 : 0);
    return n;
  }

  override txFlush(): number {
    const ctrl = this.tx.ctrl;
    const head = ctrl[CTRL.TX_HEAD]!;
    let ahead = (this.capturedHead - ctrl[CTRL.TX_TAIL]!) | 0;
    while (this.capturedHead !== head) {
      this.point.sent(this.tx, ahead++);
      this.capturedHead = (this.capturedHead + 1) | 0;
    }
    return this.inner.txFlush();
  }

  override close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    super.close();
    this.point.end();
  }
}
