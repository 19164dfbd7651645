import fc from 'fast-check';
import t from 'tap';
import { InvariantError } from '../../src/base/assert.ts';
import { ENETDOWN, ENODEV } from '../../src/base/errno.ts';
import { NEVER } from '../../src/base/time.ts';
import { gatherPieces } from '../../src/link/frame-store.ts';
import { openLoopback } from '../../src/link/loopback.ts';
import { Pipe } from '../../src/link/pipe.ts';
import { RX, RX_FLAG, RX_STRIDE, TX } from '../../src/link/ring-layout.ts';
import { TxRing } from '../../src/link/tx-ring.ts';
import { foldChecksum, foldSum, sumBytes, sumWord32 } from '../../src/wire/checksum.ts';
import {
  commit,
  frameAt,
  MAC_A,
  MAC_B,
  makeRig,
  numbered,
  receiveAll,
  send,
} from './memory-rig.ts';

const A = { name: 'a', mac: MAC_A };
const B = { name: 'b', mac: MAC_B };

t.test('a pipe carries frames both ways, byte for byte, in order', async (t) => {
  const { memory, frames } = makeRig();
  const pipe = new Pipe(frames, A, B);
  const lengths = [14, 60, 61, 590, 1514];
  for (const [from, to] of [
    [pipe.a, pipe.b],
    [pipe.b, pipe.a],
  ] as const) {
    for (const [i, len] of lengths.entries()) commit(from, numbered(i, len));
    t.equal(to.nextDeadlineNs(), NEVER, 'nothing to do before the flush');
    t.equal(from.txFlush(), 0);
    t.equal(to.nextDeadlineNs(), 0, 'frames wait: at once');
    t.same(
      receiveAll(to),
      lengths.map((len, i) => numbered(i, len)),
    );
    t.equal(from.tx.inFlight, 0);
    t.equal(from.stats.get('txBytes'), to.stats.get('rxBytes'));
    t.equal(to.stats.get('rxFrames'), lengths.length);
  }
  pipe.close();
  frames.releaseChunk();
  t.equal(memory.chunks.held, 0);
  t.equal(frames.inUse, 0);
});

t.test(
  'a full receive queue holds frames in the sender: none is lost, none is copied twice',
  async (t) => {
    const { frames } = makeRig();
    const pipe = new Pipe(frames, A, { ...B, rxFrames: 3 });
    for (let i = 0; i < 8; i++) commit(pipe.a, numbered(i, 100));
    t.equal(pipe.a.txFlush(), 5);
    t.equal(pipe.a.nextDeadlineNs(), NEVER, 'no room: trying again at once would spin');
    t.equal(pipe.a.stats.get('txBusy'), 1);
    const seen = receiveAll(pipe.b, 2);
    t.equal(pipe.a.nextDeadlineNs(), 0, 'room again');
    t.equal(pipe.a.txFlush(), 2);
    seen.push(...receiveAll(pipe.b));
    t.equal(pipe.a.txFlush(), 0);
    seen.push(...receiveAll(pipe.b));
    t.same(
      seen,
      Array.from({ length: 8 }, (_, i) => numbered(i, 100)),
    );
    t.equal(pipe.a.stats.get('txFrames'), 8);
  },
);

t.test(
  'with no chunk free the sender waits; the reader gives one back and it goes on',
  async (t) => {
    const { memory, frames } = makeRig(2);
    const pipe = new Pipe(frames, { ...A, mtu: 60000 }, { ...B, mtu: 60000 });
    for (let i = 0; i < 12; i++) commit(pipe.a, numbered(i, 60000));
    t.equal(pipe.a.txFlush(), 4, 'two chunks of 256 KiB take four such frames each');
    t.equal(pipe.b.rxBatch(4), 4);
    const chunk = pipe.b.rx.desc[RX.CHUNK]!;
    memory.chunks.hold(chunk); // a reader that keeps the first frame
    t.equal(pipe.b.rxBatch(4), 4);
    t.equal(pipe.a.txFlush(), 4, 'one chunk is held by the reader, the other by the batch');
    t.equal(pipe.a.nextDeadlineNs(), NEVER);
    memory.chunks.release(chunk);
    t.equal(pipe.a.txFlush(), 0);
    t.equal(receiveAll(pipe.b).length, 4);
  },
);

t.test('a frame that a reader holds survives any traffic after it', async (t) => {
  const { memory, frames } = makeRig(4);
  const pipe = new Pipe(frames, A, B);
  send(pipe.a, numbered(7, 1000));
  t.equal(pipe.b.rxBatch(1), 1);
  const off = pipe.b.rx.desc[RX.OFF]!;
  const chunk = pipe.b.rx.desc[RX.CHUNK]!;
  memory.chunks.hold(chunk);
  for (let i = 0; i < 2000; i++) {
    send(pipe.a, numbered(i, 1514));
    receiveAll(pipe.b);
  }
  t.same(memory.slab.u8.slice(off, off + 1000), numbered(7, 1000));
  memory.chunks.release(chunk);
  pipe.close();
  frames.releaseChunk();
  t.equal(memory.chunks.held, 0);
});

t.test('checksum and segmentation marks travel as under a vnet header', async (t) => {
  const { memory, frames } = makeRig();
  const caps = { maxFrame: 65550, txChecksum: true, rxChecksum: true, tso4: true, gro: true };
  const pipe = new Pipe(frames, { ...A, caps }, { ...B, caps });
  const { tx } = pipe.a;
  const payload = tx.reserve(4000);
  const header = tx.begin();
  tx.add(header, 54);
  tx.add(payload, 4000);
  tx.setChecksum(34, 16);
  tx.setGso(1, 1448, 54);
  tx.commit();
  pipe.a.txFlush();
  t.equal(pipe.b.rxBatch(8), 1);
  const desc = pipe.b.rx.desc;
  t.equal(desc[RX.LEN], 4054);
  t.equal(desc[RX.FLAGS], RX_FLAG.CSUM_PARTIAL);
  t.equal(desc[RX.CSUM], (34 << 16) | 16);
  t.equal(desc[RX.GSO], (1 << 16) | 1448);
  t.equal(memory.chunks.blockAt(desc[RX.OFF]!), desc[RX.CHUNK]);
});

t.test('a device that knows no partial checksums receives a finished one', async (t) => {
  const { memory, frames } = makeRig();
  const pipe = new Pipe(frames, { ...A, caps: { txChecksum: true } }, B);
  const { tx, isUp } = pipe.a;
  t.equal(isUp, true);
  const pseudo = foldSum(sumWord32(sumWord32(0, 0x0a000001), 0x0a000002));
  const bytes = numbered(3, 101);
  new DataView(bytes.buffer).setUint16(34 + 6, pseudo);
  const at = tx.reserve(101);
  tx.slab.u8.set(bytes, at);
  tx.begin();
  tx.add(at, 101);
  tx.setChecksum(34, 6);
  tx.commit();
  pipe.a.txFlush();
  t.equal(pipe.b.rxBatch(1), 1);
  const desc = pipe.b.rx.desc;
  t.equal(desc[RX.FLAGS], 0);
  t.equal(foldChecksum(sumBytes(memory.slab.dv, desc[RX.OFF]! + 34, 101 - 34, pseudo)), 0);
});

t.test('what the stack may not ask of a device is an invariant, not a strange frame', async (t) => {
  const { frames } = makeRig();
  const plain = (): Pipe => new Pipe(frames, A, B);
  const long = plain();
  commit(long.a, numbered(0, 1515));
  t.throws(() => long.a.txFlush(), InvariantError);
  const summed = plain();
  summed.a.tx.add(summed.a.tx.begin(), 60);
  summed.a.tx.setChecksum(14, 10);
  summed.a.tx.commit();
  t.throws(() => summed.a.txFlush(), InvariantError);
});

t.test(
  'a frame beyond the receiver’s maxFrame is an error of the receiver’s link, counted',
  async (t) => {
    const { frames } = makeRig();
    const pipe = new Pipe(frames, { ...A, mtu: 9000 }, B);
    send(pipe.a, numbered(0, 1515));
    send(pipe.a, numbered(1, 1514));
    t.same(receiveAll(pipe.b), [numbered(1, 1514)]);
    t.equal(pipe.b.stats.get('rxErrors'), 1);
  },
);

t.test(
  'closing: idempotent, frames in flight are counted, the peer loses its carrier',
  async (t) => {
    const { memory, frames } = makeRig();
    const pipe = new Pipe(frames, A, B);
    send(pipe.a, numbered(0, 100));
    commit(pipe.b, numbered(1, 100));
    pipe.b.close();
    pipe.b.close();
    t.equal(pipe.b.stats.get('rxDropped'), 1);
    t.equal(pipe.b.stats.get('txDropped'), 1);
    t.equal(pipe.b.rxBatch(1), -ENODEV);
    t.equal(pipe.b.nextDeadlineNs(), NEVER);
    t.equal(pipe.a.isUp, false);
    t.equal(send(pipe.a, numbered(2, 100)), -ENETDOWN);
    t.equal(pipe.a.stats.get('txDropped'), 1);
    pipe.a.close();
    frames.releaseChunk();
    t.equal(memory.chunks.held, 0);
    t.equal(frames.inUse, 0);
  },
);

t.test('loopback: a device receives what it sends, up to 64 KiB', async (t) => {
  const { frames } = makeRig();
  const lo = openLoopback(frames);
  t.equal(lo.isUp, true);
  t.ok(lo.mac.isZero);
  send(lo, numbered(5, 65550));
  t.equal(lo.nextDeadlineNs(), 0);
  t.equal(lo.rxBatch(1), 1);
  t.same(frameAt(lo, 0), numbered(5, 65550));
  lo.close();
});

t.test(
  'any interleaving of sends, flushes and reads delivers every frame once, in order',
  async (t) => {
    const op = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), len: fc.integer({ min: 14, max: 1514 }) }),
      fc.record({ kind: fc.constant('flush' as const), len: fc.constant(0) }),
      fc.record({ kind: fc.constant('read' as const), len: fc.integer({ min: 1, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
        const { memory, frames } = shared;
        const pipe = new Pipe(frames, { ...A, ...SMALL }, { ...B, ...SMALL });
        const sent: Uint8Array[] = [];
        const seen: Uint8Array[] = [];
        for (const { kind, len } of ops) {
          if (kind === 'flush') pipe.a.txFlush();
          else if (kind === 'send') {
            const bytes = numbered(sent.length, len);
            if (commit(pipe.a, bytes)) sent.push(bytes);
          } else {
            const n = pipe.b.rxBatch(len);
            for (let i = 0; i < n; i++) seen.push(frameAt(pipe.b, i));
          }
        }
        while (seen.length < sent.length) {
          pipe.a.txFlush();
          const rest = receiveAll(pipe.b);
          if (rest.length === 0) break;
          seen.push(...rest);
        }
        pipe.close();
        frames.releaseChunk();
        t.same(seen, sent);
        return memory.chunks.held === 0 && frames.inUse === 0;
      }),
      { seed: 2, numRuns: 60 },
    );
  },
);

const shared = makeRig(4);
const SMALL = { rxFrames: 4, batchFrames: 3, txFrames: 8, txPayloadBytes: 16384 };

t.test('frames that share bytes are committed with checksum fields of their own', async (t) => {
  const { memory, frames } = makeRig();
  const { slab, chunks } = memory;
  for (const start of [34, 400]) {
    for (const blocks of [chunks, null]) {
      const tx = new TxRing(slab, blocks, 8, 64 << 10);
      const source = new TxRing(slab, chunks, 8, 64 << 10);
      const at = source.reserve(1000);
      slab.u8.fill(7, at, at + 1000);
      source.begin();
      source.add(at, 1000);
      source.setChecksum(start, 16);
      source.commit();
      const frame = frames.fromTx(source, 0);
      const twin = frames.clone(frame);
      for (const one of [frame, twin]) {
        t.ok(frames.commitTo(tx, one));
        frames.release(one);
      }
      const [first, second] = [tx.descAt(0), tx.descAt(1)];
      t.not(tx.desc[first + TX.PIECE], tx.desc[second + TX.PIECE]);
      for (const d of [first, second]) {
        t.equal(tx.desc[d + TX.LEN], 1000);
        t.ok(tx.desc[d + TX.PIECE + 1]! >= start + 18, 'the field is in the first piece');
        t.equal(tx.desc[d + TX.CSUM], (start << 16) | 16);
        gatherPieces(tx, d, slab.u8, at);
        t.ok(slab.u8.subarray(at, at + 1000).every((byte) => byte === 7));
      }
      tx.complete(2);
      source.complete(1);
    }
  }
  frames.releaseChunk();
  t.equal(chunks.held, 0);
});

t.test('the store outgrows its first size and gives every frame back', async (t) => {
  const { memory, frames } = makeRig();
  const ids = Array.from({ length: 1000 }, (_, i) => frames.fromBytes(numbered(i, 64)));
  t.equal(new Set(ids).size, 1000);
  for (const [i, id] of ids.entries()) {
    const off = frames.words[id * RX_STRIDE + RX.OFF]!;
    if (i % 100 === 0) t.same(memory.slab.u8.slice(off, off + 64), numbered(i, 64));
    frames.release(id);
  }
  frames.releaseChunk();
  t.equal(frames.inUse, 0);
  t.equal(memory.chunks.held, 0);
});
