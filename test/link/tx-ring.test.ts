import fc from 'fast-check';
import t from 'tap';
import { BlockPool } from '../../src/base/block-pool.ts';
import { Slab } from '../../src/base/slab.ts';
import { CTRL, MAX_PIECES, TX, TX_FLAG, TX_STRIDE } from '../../src/link/ring-layout.ts';
import { HEADER_SLOT_BYTES, TxRing } from '../../src/link/tx-ring.ts';
import { holds } from '../support/property.ts';

const CAPACITY = 8;
const PAYLOAD = 1024;
const BLOCKS = 4;

interface Frame {
  readonly tag: number;
  readonly bytes: number[];
  readonly held: number[];
  /** Where its copied payload ends, or 0. */
  readonly payloadEnd: number;
}

/** A ring and what it must contain: frames in order, each with the bytes that were put into it. */
class Pair {
  readonly slab = new Slab(1 << 16);
  readonly blocks = new BlockPool(this.slab, 64, BLOCKS);
  readonly ring: TxRing;
  readonly frames: Frame[] = [];
  /** Where the payload ring begins; its free part goes from head to tail. */
  private readonly start: number;
  private head: number;
  private tail: number;
  private tag = 0;

  constructor(isAsked: boolean) {
    this.ring = new TxRing(this.slab, this.blocks, CAPACITY, PAYLOAD, isAsked);
    this.start = this.ring.reserve(0);
    this.head = this.start;
    this.tail = this.start;
  }

  private fill(at: number, len: number, into: number[]): void {
    for (let i = 0; i < len; i++) {
      const byte = (this.tag * 37 + i * 11 + len) & 255;
      this.slab.u8[at + i] = byte;
      into.push(byte);
    }
  }

  /** Where a reservation has to be: behind the last one, or at the start, or nowhere. */
  private expectedPlace(len: number): number {
    const end = this.start + PAYLOAD;
    if (this.frames.length === 0) return len < PAYLOAD ? this.start : -1;
    if (this.head < this.tail) return len < this.tail - this.head ? this.head : -1;
    if (len < end - this.head) return this.head;
    return len < this.tail - this.start ? this.start : -1;
  }

  /** One datagram: a reservation, cut into `parts` frames. */
  send(len: number, parts: number, held: boolean): boolean {
    const expected = this.expectedPlace(len);
    const at = this.ring.reserve(len);
    if (at !== expected) return false;
    if (this.frames.length === 0) this.tail = this.start;
    if (at < 0) return true;
    this.head = at + len;
    let done = 0;
    for (let part = 0; part < parts; part++) {
      const n = part === parts - 1 ? len - done : Math.floor(len / parts);
      if (!this.frame(at + done, n, held)) return this.frames.length === CAPACITY;
      done += n;
    }
    return true;
  }

  /** A header, payload from `at` unless that is 0, and a held block before or behind it. */
  frame(at: number, len: number, held: boolean): boolean {
    const header = this.ring.begin();
    if (header < 0 || this.ring.headerSlot() !== header) return false;
    this.tag++;
    const bytes: number[] = [];
    this.fill(header, 20 + (this.tag % 23), bytes);
    this.ring.add(header, bytes.length);
    const block = held ? this.blocks.take() : -1;
    const isBlockFirst = (this.tag & 1) === 0;
    if (block >= 0 && isBlockFirst) this.addBlock(block, bytes);
    if (at !== 0) {
      this.fill(at, len, bytes);
      const half = len >> 1; // two pieces of one reservation
      this.ring.add(at, half);
      this.ring.add(at + half, len - half);
    }
    if (block >= 0 && !isBlockFirst) this.addBlock(block, bytes);
    this.ring.commit();
    const payloadEnd = at === 0 ? 0 : at + len;
    this.frames.push({ tag: this.tag, bytes, held: block >= 0 ? [block] : [], payloadEnd });
    return true;
  }

  private addBlock(block: number, bytes: number[]): void {
    const from = this.blocks.offsetOf(block);
    this.fill(from, 60, bytes);
    this.ring.addHeld(from, 60, block);
    this.blocks.release(block); // the ring's own reference keeps it
  }

  /** Begins a frame and thinks better of it. */
  abandon(): void {
    const header = this.ring.begin();
    if (header >= 0) this.ring.add(header, 10);
  }

  /** Whether every frame in flight still has its bytes, and the blocks their references. */
  isWhole(): boolean {
    const { ring, slab } = this;
    if (ring.inFlight !== this.frames.length || ring.room < CAPACITY - this.frames.length) {
      return false;
    }
    for (const [i, frame] of this.frames.entries()) {
      const d = ring.descAt(i);
      const bytes: number[] = [];
      for (let p = 0; p < ring.desc[d + TX.PIECES]!; p++) {
        const at = ring.desc[d + TX.PIECE + 2 * p]!;
        bytes.push(...slab.u8.subarray(at, at + ring.desc[d + TX.PIECE + 2 * p + 1]!));
      }
      if (bytes.join() !== frame.bytes.join()) return false;
      if (ring.desc[d + TX.LEN] !== bytes.length) return false;
    }
    return this.blocks.held === this.frames.flatMap((f) => f.held).length;
  }

  complete(n: number, byDevice: boolean): void {
    const count = Math.min(n, this.frames.length);
    for (const { payloadEnd } of this.frames.splice(0, count)) {
      if (payloadEnd !== 0) this.tail = payloadEnd;
    }
    if (byDevice) {
      this.ring.ctrl[CTRL.TX_TAIL] = (this.ring.ctrl[CTRL.TX_TAIL]! + count) | 0;
      this.ring.releaseCompleted();
    } else this.ring.complete(count);
  }
}

const op = fc.oneof(
  fc.record({
    op: fc.constant('send' as const),
    len: fc.oneof(fc.nat(PAYLOAD + 5), fc.nat(300), fc.constantFrom(0, PAYLOAD - 1, PAYLOAD)),
    parts: fc.integer({ min: 1, max: 3 }),
    held: fc.boolean(),
  }),
  fc.record({ op: fc.constant('complete' as const), n: fc.nat(4), byDevice: fc.boolean() }),
  fc.record({ op: fc.constant('abandon' as const) }),
  fc.record({ op: fc.constant('header' as const), held: fc.boolean() }),
);

t.test('frames keep their bytes until they are complete, whatever is sent behind them', (t) => {
  const start = fc.constantFrom(0, 0x7ffffffc, -3);
  const property = fc.property(
    fc.array(op, { maxLength: 120, size: 'max' }),
    start,
    fc.boolean(),
    (ops, from, isAsked) => {
      const pair = new Pair(isAsked);
      moveCounters(pair.ring, from);
      for (const step of ops) {
        if (step.op === 'send' && !pair.send(step.len, step.parts, step.held)) return false;
        if (step.op === 'complete') pair.complete(step.n, step.byDevice);
        if (step.op === 'abandon') pair.abandon();
        if (step.op === 'header' && !pair.frame(0, 0, step.held)) {
          if (pair.frames.length < CAPACITY) return false;
        }
        if (!pair.isWhole()) return false;
      }
      pair.complete(CAPACITY, false);
      // Nothing leaks: the idle ring takes the largest payload again, and all blocks are free.
      return (
        pair.blocks.held === 0 && pair.ring.room === CAPACITY && pair.send(PAYLOAD - 1, 1, false)
      );
    },
  );
  holds(t, 'as a list of copies', property, 600);
  t.end();
});

/** Makes the ring as old as that many frames: counters wrap at 2^31. */
function moveCounters(ring: TxRing, to: number): void {
  ring.ctrl[CTRL.TX_HEAD] = to & ~(CAPACITY - 1);
  ring.ctrl[CTRL.TX_TAIL] = ring.ctrl[CTRL.TX_HEAD]!;
  const counters = ring as unknown as { committed: number; released: number };
  counters.committed = ring.ctrl[CTRL.TX_HEAD]!;
  counters.released = counters.committed;
}

t.test('a full ring refuses, and takes frames again when some are complete', (t) => {
  const ring = new TxRing(new Slab(1 << 16), null, CAPACITY, PAYLOAD);
  for (let i = 0; i < CAPACITY; i++) {
    const header = ring.begin();
    t.ok(header > 0, `frame ${i}`);
    ring.add(header, 14);
    ring.commit();
  }
  t.equal(ring.begin(), -1);
  t.equal(ring.room, 0);
  ring.ctrl[CTRL.TX_TAIL] = 3; // as the addon does
  t.ok(ring.begin() > 0, 'begin sees what the device completed');
  t.equal(ring.room, 3);
  t.equal(ring.inFlight, CAPACITY - 3);
  t.end();
});

t.test('an idle ring begins again with the first descriptor where the device asks for it', (t) => {
  for (const isAsked of [true, false]) {
    const ring = new TxRing(new Slab(1 << 16), null, CAPACITY, PAYLOAD, isAsked);
    const places: number[] = [];
    for (const count of [2, 1]) {
      for (let i = 0; i < count; i++) {
        ring.begin();
        ring.commit();
      }
      for (let i = 0; i < count; i++) places.push(ring.descAt(i) / TX_STRIDE);
      ring.complete(count);
    }
    t.strictSame(places, isAsked ? [0, 1, 0] : [0, 1, 2]);
  }
  t.end();
});

t.test('header slots of neighbouring frames do not overlap', (t) => {
  const ring = new TxRing(new Slab(1 << 16), null, CAPACITY, PAYLOAD);
  const slots: number[] = [];
  for (let i = 0; i < CAPACITY; i++) {
    slots.push(ring.begin());
    ring.commit();
  }
  const sorted = slots.toSorted((a, b) => a - b);
  for (let i = 1; i < CAPACITY; i++) t.ok(sorted[i]! - sorted[i - 1]! >= HEADER_SLOT_BYTES);
  t.end();
});

t.test('checksum and segmentation orders stand in the descriptor, and not in the next one', (t) => {
  const ring = new TxRing(new Slab(1 << 16), null, CAPACITY, PAYLOAD);
  const frame = (withOffload: boolean): Int32Array => {
    const d = ring.descAt(ring.inFlight);
    ring.add(ring.begin(), 54);
    if (withOffload) {
      ring.setChecksum(34, 16);
      ring.setGso(1, 1448, 66);
    }
    ring.commit();
    return ring.desc.slice(d, d + TX_STRIDE);
  };
  const first = frame(true);
  t.equal(first[TX.FLAGS], TX_FLAG.CSUM);
  t.equal(first[TX.CSUM], (34 << 16) | 16);
  t.equal(first[TX.GSO], (1 << 16) | 1448);
  t.equal(first[TX.HDR_LEN], 66);
  for (let i = 1; i < CAPACITY; i++) frame(true);
  ring.complete(CAPACITY);
  const again = frame(false);
  t.strictSame([...again.subarray(TX.FLAGS, TX.PIECE)], [0, 0, 0, 0, 0, 0], 'nothing is left over');
  t.end();
});

t.test(
  'a frame of too many pieces, and a ring whose size is no power of two, are our own mistakes',
  (t) => {
    const slab = new Slab(1 << 16);
    const ring = new TxRing(slab, null, CAPACITY, PAYLOAD);
    const header = ring.begin();
    for (let i = 0; i < MAX_PIECES; i++) ring.add(header, 1);
    t.throws(() => ring.add(header, 1), { name: 'InvariantError' });
    t.throws(() => new TxRing(slab, null, 12, PAYLOAD), { name: 'InvariantError' });
    t.end();
  },
);

t.test(
  '802.1Q: a tag goes behind the addresses, and all marks move with what is behind it',
  (t) => {
    const slab = new Slab(1 << 16);
    const ring = new TxRing(slab, null, CAPACITY, PAYLOAD);
    const bytes = (at: number, len: number): number[] => [...slab.u8.subarray(at, at + len)];
    const header = Array.from({ length: 54 }, (_, i) => i + 1);
    for (const isSuper of [false, true]) {
      const payload = ring.reserve(100);
      const slot = ring.begin();
      slab.u8.set(header, slot);
      ring.add(slot, header.length);
      ring.add(payload, 100);
      if (isSuper) {
        ring.setChecksum(34, 16);
        ring.setGso(1, 1460, 54);
      }
      const d = ring.descAt(ring.inFlight);
      t.equal(ring.tag(0x6064), 154, 'the length without the tag');
      ring.commit();
      const at = ring.desc[d + TX.PIECE]!;
      const tagged = [...header.slice(0, 12), 0x81, 0, 0x60, 0x64, ...header.slice(12)];
      t.strictSame(bytes(at, ring.desc[d + TX.PIECE + 1]!), tagged);
      t.equal(ring.desc[d + TX.LEN], 158);
      t.equal(ring.desc[d + TX.CSUM], isSuper ? (38 << 16) | 16 : 0);
      t.equal(ring.desc[d + TX.HDR_LEN], isSuper ? 58 : 0);
    }
    t.end();
  },
);
