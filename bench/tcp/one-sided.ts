/**
 * One end of a connection alone: the other is a script that repeats a frame it once sent, with other sequence or
 * acknowledgement numbers. So what one end makes of ACKs is measured without what the other makes of text.
 */
import { assert } from '../../src/base/assert.ts';
import type { FrameSink } from '../../src/link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../../src/link/frame-store.ts';
import type { MemoryDevice } from '../../src/link/memory-device.ts';
import { RX, RX_STRIDE } from '../../src/link/ring-layout.ts';

/** Ethernet and IPv4 without options. */
const SEQ_AT = 14 + 20 + 4;
const ACK_AT = SEQ_AT + 4;
const DATA_OFFSET_AT = SEQ_AT + 8;

/** Keeps a copy of what passes last, and lets it pass. */
export class Recorder implements FrameSink {
  private readonly store: FrameStore;
  private readonly to: FrameSink;
  last = NO_FRAME;

  constructor(store: FrameStore, to: FrameSink) {
    this.store = store;
    this.to = to;
  }

  room(): number {
    return this.to.room();
  }

  take(frame: number): void {
    if (this.last !== NO_FRAME) this.store.release(this.last);
    this.last = this.store.clone(frame);
    this.to.take(frame);
  }
}

/** Copies of one frame, each with bytes of its own, handed to a device in turn: few enough are under way. */
export class Repeater {
  private readonly store: FrameStore;
  private readonly to: MemoryDevice;
  private readonly copies: number[] = [];
  private readonly at: number;
  private at0 = 0;
  private value: number;

  /** @param hasText Its sequence number is what changes; else what it acknowledges. */
  constructor(store: FrameStore, to: MemoryDevice, frame: number, count: number, hasText: boolean) {
    assert(frame !== NO_FRAME, 'a frame was recorded');
    this.store = store;
    this.to = to;
    this.at = hasText ? SEQ_AT : ACK_AT;
    const w = frame * RX_STRIDE;
    const [off, len] = [store.words[w + RX.OFF]!, store.words[w + RX.LEN]!];
    this.value = store.slab.dv.getInt32(off + this.at);
    for (let i = 0; i < count; i++) {
      const copy = store.fromBytes(store.slab.u8.slice(off, off + len));
      for (const word of [RX.FLAGS, RX.CSUM]) {
        store.words[copy * RX_STRIDE + word] = store.words[w + word]!;
      }
      this.copies.push(copy);
    }
  }

  /** The next one is `bytes` further than the last. */
  send(bytes: number): void {
    this.sendAt((this.value + bytes) | 0);
  }

  sendAt(value: number): void {
    const { store } = this;
    this.value = value;
    const copy = this.copies[this.at0]!;
    this.at0 = (this.at0 + 1) % this.copies.length;
    store.slab.dv.setInt32(store.words[copy * RX_STRIDE + RX.OFF]! + this.at, value);
    this.to.take(store.clone(copy));
  }
}

/** The end of the wire: it counts segments, and knows where the text of the last one ends. */
export class Counter implements FrameSink {
  frames = 0;
  /** Of the last frame. */
  seqEnd = 0;
  private readonly store: FrameStore;

  constructor(store: FrameStore) {
    this.store = store;
  }

  room(): number {
    return 4096;
  }

  take(frame: number): void {
    const { words, slab } = this.store;
    const off = words[frame * RX_STRIDE + RX.OFF]!;
    const header = (slab.dv.getUint8(off + DATA_OFFSET_AT) >> 4) << 2;
    const len = words[frame * RX_STRIDE + RX.LEN]! - (SEQ_AT - 4) - header;
    this.seqEnd = (slab.dv.getInt32(off + SEQ_AT) + len) | 0;
    this.frames++;
    this.store.release(frame);
  }
}
