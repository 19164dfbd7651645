import fc from 'fast-check';
import t from 'tap';
import { BlockPool, NO_BLOCK } from '../../src/base/block-pool.ts';
import { Slab } from '../../src/base/slab.ts';
import type { Placed } from '../../src/tcp/out-of-order.ts';
import { ReceiveBuffer } from '../../src/tcp/receive-buffer.ts';
import { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { COPY_BREAK } from '../../src/tcp/text-store.ts';
import { seqAdd, seqDiff, seqOf } from '../../src/wire/seq.ts';
import { holds } from '../support/property.ts';
import { memoryOf } from './memory-rig.ts';

/** The stream's byte at an offset: no two segments look alike. */
const byteAt = (offset: number): number => (Math.imul(offset, 0x9e3779b1) >>> 24) & 255;

class Rig {
  readonly slab = new Slab(8 << 20);
  readonly chunks = new BlockPool(this.slab, 65536, 16);
  readonly pages = new BlockPool(this.slab, 16448, 64);
  readonly memory = memoryOf(this.chunks, this.pages);
  readonly buffer = new ReceiveBuffer(this.memory);
  readonly start: number;
  nxt = 0;
  read = 0;
  placed: Placed | null = null;

  constructor(start: number) {
    this.start = start;
  }

  /** A segment arrives in a chunk of the device's, which lets go of it afterwards. */
  arrive(offset: number, len: number): void {
    const chunk = this.chunks.take();
    const off = this.chunks.offsetOf(chunk);
    for (let i = 0; i < len; i++) this.slab.u8[off + i] = byteAt(offset + i);
    const skip = Math.max(0, Math.min(len, this.nxt - offset));
    const from = offset + skip;
    if (skip < len && from === this.nxt && !this.buffer.gaps) {
      if (this.buffer.hasRoom(len - skip, chunk, 0)) {
        this.buffer.append(off + skip, len - skip, chunk);
        this.nxt += len - skip;
      }
    } else if (skip < len) {
      const rcvNxt = seqAdd(seqOf(this.start), this.nxt);
      const { buffer } = this;
      this.placed = buffer.insert(
        seqAdd(seqOf(this.start), from),
        off + skip,
        len - skip,
        chunk,
        0,
      );
      this.nxt += this.buffer.drain(rcvNxt);
    }
    this.chunks.release(chunk);
  }

  /** The application reads; false when a byte is not the stream's. */
  take(len: number): boolean {
    const into = new Uint8Array(len);
    const n = this.buffer.read(into);
    for (let i = 0; i < n; i++) if (into[i] !== byteAt(this.read + i)) return false;
    this.read += n;
    return true;
  }
}

t.test('whatever order segments arrive in, the stream is read as it was sent', (t) => {
  const event = fc.oneof(
    fc.record({ ahead: fc.nat(30_000), len: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ ahead: fc.constant(0), len: fc.integer({ min: COPY_BREAK, max: 60_000 }) }),
    fc.record({ read: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ drop: fc.integer({ min: 1, max: 40_000 }) }),
    fc.record({ shrink: fc.boolean() }),
    fc.record({ isTurnOver: fc.constant(true) }),
  );
  for (const start of [0, 0x7fffff00, -2000]) {
    const property = fc.property(fc.array(event, { maxLength: 60, size: 'max' }), (events) => {
      const rig = new Rig(start);
      for (const e of events) {
        if ('read' in e) {
          if (!rig.take(e.read)) return false;
        } else if ('drop' in e) rig.read += rig.buffer.discard(e.drop);
        else if ('isTurnOver' in e) rig.memory.late.finish();
        else if ('shrink' in e) {
          if (e.shrink) rig.buffer.dropFurthest();
          const before = rig.buffer.chargedBytes;
          rig.buffer.collapse();
          if (rig.buffer.chargedBytes !== before) return false;
        } else rig.arrive(Math.max(0, rig.nxt - 500) + e.ahead, e.len);
        if (rig.buffer.readyBytes !== rig.nxt - rig.read) return false;
        if (rig.buffer.chargedBytes > 120_000) break;
      }
      const isRight = rig.take(1 << 20);
      rig.buffer.clear();
      return isRight && rig.chunks.held === 0 && rig.pages.held === 0;
    });
    holds(t, `ISN ${start}`, property, 150);
  }
  t.end();
});

t.test('small text is copied to its page when somebody may look, and not before', (t) => {
  const LEN = 1000;
  const looks: [string, (rig: Rig) => void][] = [
    ['a read', (rig) => rig.buffer.read(new Uint8Array(1))],
    ['a look ahead', (rig) => rig.buffer.peek(new Uint8Array(1), 0)],
    ['the end of the turn', (rig) => rig.memory.late.finish()],
    ['a large text, which asks for chunks', (rig) => rig.buffer.hasRoom(COPY_BREAK, 1, 0)],
    ['the next text, whose copy waits then', (rig) => rig.arrive(LEN, 1)],
    ['a part of it goes', (rig) => rig.buffer.discard(LEN - 1) && rig.take(1)],
  ];
  for (const [name, look] of looks) {
    const rig = new Rig(0);
    rig.arrive(0, LEN);
    const copied = (): boolean => rig.slab.u8[rig.pages.base + 1] === byteAt(1);
    t.same(
      [rig.pages.held, rig.chunks.held, copied()],
      [1, 1, false],
      'its page is taken, its chunk held',
    );
    look(rig);
    t.ok(copied(), name);
    rig.buffer.clear();
    t.same([rig.pages.held, rig.chunks.held], [0, 0], 'nothing is left');
  }
  const rig = new Rig(0);
  rig.arrive(0, LEN);
  const other = new ReceiveBuffer(rig.memory);
  other.clear();
  other.read(new Uint8Array(1));
  t.equal(rig.chunks.held, 1, 'what another buffer does is no look at it');
  rig.buffer.discard(LEN);
  t.same(
    [rig.pages.held, rig.chunks.held],
    [0, 0],
    'who takes all of it without a look gives both back',
  );
  t.equal(rig.slab.u8[rig.pages.base + 1], 0, 'and it was never copied');
  t.end();
});

t.test('a duplicate is named for a D-SACK, and stored once', (t) => {
  const rig = new Rig(100);
  rig.arrive(1000, 500);
  rig.arrive(800, 900);
  const { buffer } = rig;
  const placed = rig.placed!; // what has just arrived was placed
  t.equal(seqDiff(placed.duplicateLeft, seqOf(100)), 1000, 'its left edge');
  t.equal(seqDiff(placed.duplicateRight, seqOf(100)), 1500, 'its right edge');
  t.equal(placed.newBytes, 400);
  t.equal(buffer.beyondBytes, 900);
  const around = { left: seqOf(0), right: seqOf(0) };
  buffer.stretchAround(seqOf(100 + 1200), around);
  t.equal(seqDiff(around.right, around.left), 900, 'one stretch');
  buffer.clear();
  t.end();
});

t.test('without pages a segment is refused whole', (t) => {
  const rig = new Rig(0);
  const hoard: number[] = [];
  while (rig.pages.free > 0) hoard.push(rig.pages.take());
  rig.arrive(0, 1000);
  t.equal(rig.nxt, 0);
  t.equal(rig.buffer.readyBytes, 0);
  rig.pages.release(hoard.pop()!);
  rig.arrive(0, 20_000 - 1);
  t.equal(rig.buffer.readyBytes, rig.nxt, 'all or nothing');
  rig.buffer.clear();
  t.equal(rig.pages.held, hoard.length);
  t.end();
});

t.test(
  'a large segment stays where it was received, a small one does not pin its chunk beyond the turn',
  (t) => {
    const rig = new Rig(0);
    rig.arrive(0, COPY_BREAK);
    t.equal(rig.chunks.held, 1);
    rig.arrive(COPY_BREAK, 100);
    rig.memory.late.finish(); // the turn ends
    t.equal(rig.chunks.held, 1);
    t.equal(rig.pages.held, 1);
    rig.take(1 << 20);
    t.equal(rig.chunks.held + rig.pages.held, 0);
    t.end();
  },
);

t.test('text that stays in its chunk counts; when memory is short it is copied', (t) => {
  const slab = new Slab(8 << 20);
  const chunks = new BlockPool(slab, 65536, 16);
  const pages = new BlockPool(slab, 16448, 64);
  const config = new TcpConfig();
  const memory = memoryOf(chunks, pages, config);
  const buffer = new ReceiveBuffer(memory);
  config.memLow = 1;
  config.memPressure = 50_000;
  const append = (len: number): void => {
    const chunk = chunks.take();
    buffer.append(chunks.offsetOf(chunk), len, chunk);
    chunks.release(chunk);
  };
  append(20_000);
  append(20_000);
  t.equal(memory.bytes, 40_000);
  append(20_000);
  memory.late.finish(); // the turn ends
  t.equal(chunks.held, 2, 'the third is copied');
  t.equal(memory.bytes, 40_000 + 2 * 16448);
  t.ok(memory.isPressed);
  buffer.read(new Uint8Array(15_000));
  t.equal(memory.bytes, 25_000 + 2 * 16448, 'what was read counts no more');
  buffer.clear();
  t.equal(memory.bytes, 0);
  t.equal(chunks.held + pages.held, 0);
  t.end();
});

t.test('text in order takes the place of what lies furthest beyond the gap', (t) => {
  const slab = new Slab(8 << 20);
  const pages = new BlockPool(slab, 1024, 8);
  const buffer = new ReceiveBuffer(memoryOf(new BlockPool(slab, 1024, 1), pages));
  const insert = (at: number): boolean =>
    !buffer.insert(seqOf(at), 64, 1024, NO_BLOCK, 1).isRefused;
  const taken = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => insert(i * 1024));
  t.same(taken, [true, true, true, true, true, true, true, false], 'a page is left for the gap');
  t.ok(buffer.hasRoom(1024, NO_BLOCK, 0));
  t.notOk(buffer.hasRoom(2048, NO_BLOCK, 0));
  buffer.dropFurthest();
  t.ok(buffer.hasRoom(2048, NO_BLOCK, 0), 'if something goes');
  t.equal(buffer.beyondBytes, 6 * 1024);
  buffer.insert(seqOf(0), 64, 1024, NO_BLOCK, 0);
  t.equal(buffer.drain(seqOf(0)), 7 * 1024, 'the nearest has stayed');
  buffer.dropFurthest();
  t.notOk(buffer.hasRoom(2 * 1024, NO_BLOCK, 0), 'nothing is left that could go');
  t.equal(buffer.readyBytes, 7 * 1024, 'what was acknowledged stays');
  buffer.clear();
  t.equal(pages.held, 0);
  t.end();
});

t.test('what lies scattered over many pages is copied together', (t) => {
  const rig = new Rig(0);
  const { buffer, pages } = rig;
  for (let i = 0; i < 200; i++) {
    rig.arrive(500_000 + 100 * (i ^ 1), 100);
    rig.arrive(900 * i, 900);
    rig.take(1000);
  }
  t.equal(buffer.beyondBytes, 20_000);
  t.ok(pages.held > 10, `${pages.held} pages`);
  t.ok(buffer.isLoose);
  t.ok(buffer.collapse() > 150, 'pieces became one');
  t.notOk(buffer.isLoose, 'it is not worth while again');
  t.ok(pages.held <= 3, `${pages.held} pages`);
  while (rig.nxt < 500_000) {
    rig.arrive(rig.nxt, Math.min(10_000, 500_000 - rig.nxt));
    t.ok(rig.take(10_000));
  }
  t.equal(rig.nxt, 520_000, 'all of it is there');
  t.ok(rig.take(20_000), 'and right');
  t.equal(pages.held, 0);
  t.end();
});

t.test(
  'text in order that was promised a place has it, whatever has to be copied together',
  (t) => {
    const PIECES = 2046;
    const SOME = 1000;
    const IN_FRONT = 16_026; // the pieces fill a page, all but 54 bytes
    const slab = new Slab(8 << 20);
    const chunks = new BlockPool(slab, 64, 1);
    const pages = new BlockPool(slab, 16448, 64);
    const from = slab.carve(SOME);
    let isWideEnough = 0;
    for (let pieces = PIECES - 12; pieces <= PIECES + 2; pieces++) {
      const buffer = new ReceiveBuffer(memoryOf(chunks, pages));
      buffer.setLimit(131_072);
      let nxt = 0;
      const append = (len: number): void => {
        t.ok(buffer.hasRoom(len, NO_BLOCK, 0));
        nxt += buffer.append(from, len, NO_BLOCK);
      };
      while (nxt < IN_FRONT) append(Math.min(SOME, IN_FRONT - nxt));
      // Pairs change places, two hundred pieces at a time: no two of them lie next to each other.
      for (let i = 0; i < pieces; i += 200) {
        const stop = Math.min(i + 200, pieces);
        const at = (k: number): void => {
          buffer.insert(seqOf(IN_FRONT + 8 * k), from, 8, NO_BLOCK, 0);
          nxt += buffer.drain(seqOf(nxt));
        };
        for (let k = i + 1; k < stop; k += 2) at(k);
        for (let k = i; k < stop; k += 2) at(k);
      }
      const hoard: number[] = [];
      while (pages.free > 1) hoard.push(pages.take());
      for (let i = 0; i < 20; i++) {
        if (!buffer.hasRoom(SOME, NO_BLOCK, 0)) break;
        t.equal(buffer.append(from, SOME, NO_BLOCK), SOME, `all of it, after ${pieces} pieces`);
        nxt += SOME;
        isWideEnough++;
      }
      t.equal(buffer.readyBytes, nxt);
      for (const page of hoard) pages.release(page);
      buffer.clear();
      t.equal(pages.held, 0);
    }
    t.ok(isWideEnough > 0, 'there was a page to promise');
    t.end();
  },
);

t.test('text that is dropped unread leaves no array behind, whatever was there before it', (t) => {
  for (const isRead of [false, true]) {
    const rig = new Rig(0);
    const { buffer } = rig;
    rig.arrive(0, COPY_BREAK);
    rig.arrive(2 * COPY_BREAK, COPY_BREAK);
    t.ok(rig.take(COPY_BREAK));
    buffer.dropFurthest();
    t.notOk(buffer.gaps, 'there is nothing beyond the gap');
    rig.arrive(COPY_BREAK, 100);
    if (isRead) t.ok(rig.take(100));
    else t.equal(buffer.discard(100), 100);
    t.equal(buffer.heldBytes, 0);
  }
  t.end();
});
