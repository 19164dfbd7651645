import fc from 'fast-check';
import t from 'tap';
import { BlockPool } from '../../src/base/block-pool.ts';
import { Slab } from '../../src/base/slab.ts';
import { MS, NEVER, SEC } from '../../src/base/time.ts';
import { TX, TX_STRIDE } from '../../src/link/ring-layout.ts';
import { TxRing } from '../../src/link/tx-ring.ts';
import { Rack } from '../../src/tcp/rack.ts';
import { Rtt } from '../../src/tcp/rtt.ts';
import { RtxQueue } from '../../src/tcp/rtx-queue.ts';
import { SackBlocks } from '../../src/tcp/sack-blocks.ts';
import { SendQueue } from '../../src/tcp/send-queue.ts';
import { TcpConfig } from '../../src/tcp/tcp-config.ts';
import { REC_STATE, TxRecords } from '../../src/tcp/tx-records.ts';
import { WindowedMin } from '../../src/tcp/windowed-min.ts';
import { seqOf } from '../../src/wire/seq.ts';
import { holds } from '../support/property.ts';
import { memoryOf } from './memory-rig.ts';

/** Pages that a write may take. */
const MANY = 1000;

const byteAt = (offset: number): number => (Math.imul(offset, 0x9e3779b1) >>> 24) & 255;

t.test('the send queue: bytes go out as they were written, and pages come back', (t) => {
  const step = fc.oneof(
    fc.record({ write: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ zeros: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ ack: fc.nat(60_000) }),
    fc.record({ send: fc.nat(100_000), len: fc.integer({ min: 1, max: 65_000 }) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
    const slab = new Slab(8 << 20);
    const pages = new BlockPool(slab, 16448, 32);
    const tx = new TxRing(slab, pages, 16, 4096);
    const queue = new SendQueue(memoryOf(new BlockPool(slab, 64, 1), pages));
    pages.slab.u8.fill(1, pages.base, pages.base + pages.capacity * pages.blockBytes);
    const stream = new Uint8Array(40 * 50_000);
    let una = 0;
    let end = 0;
    for (const s of steps) {
      if ('write' in s) {
        const data = new Uint8Array(s.write).map((_, i) => byteAt(end + i));
        const n = queue.append(data, MANY);
        stream.set(data.subarray(0, n), end);
        end += n;
      } else if ('zeros' in s) {
        end += queue.appendZeros(s.zeros, MANY);
      } else if ('ack' in s) {
        const bytes = Math.min(s.ack, end - una);
        queue.release(bytes);
        una += bytes;
      } else if (end > una) {
        const from = s.send % (end - una);
        const len = Math.min(s.len, end - una - from);
        if (!sendsRight(slab, tx, queue, stream, una + from, from, len)) return false;
      }
      if (queue.length !== end - una) return false;
    }
    queue.clear();
    return pages.held === 0;
  });
  holds(t, 'write, send, acknowledge', property, 200);
  t.end();
});

/** Sends a stretch as one frame and looks at what the descriptor names. */
function sendsRight(
  slab: Slab,
  tx: TxRing,
  queue: SendQueue,
  stream: Uint8Array,
  first: number,
  from: number,
  len: number,
): boolean {
  const slot = tx.begin();
  tx.add(slot, 54);
  const added = queue.addTo(tx, from, len, 7);
  tx.commit();
  const d = tx.descAt(0);
  let at = first;
  for (let i = 1; i < tx.desc[d + TX.PIECES]!; i++) {
    const off = tx.desc[d + TX.PIECE + 2 * i]!;
    const n = tx.desc[d + TX.PIECE + 2 * i + 1]!;
    for (let k = 0; k < n; k++, at++) if (slab.u8[off + k] !== stream[at]) return false;
  }
  tx.complete(1);
  return added === len && at === first + len && d < tx.capacity * TX_STRIDE;
}

t.test('a page stays while a frame names it, though its bytes are acknowledged', (t) => {
  const slab = new Slab(1 << 20);
  const pages = new BlockPool(slab, 16448, 4);
  const tx = new TxRing(slab, pages, 16, 4096);
  const queue = new SendQueue(memoryOf(new BlockPool(slab, 64, 1), pages));
  queue.append(new Uint8Array(100).fill(7), MANY);
  tx.begin();
  queue.addTo(tx, 0, 100, 7);
  tx.commit();
  queue.release(100);
  t.equal(pages.held, 1, 'the device has not sent it yet');
  tx.complete(1);
  t.equal(pages.held, 0);
  t.equal(queue.append(new Uint8Array(3 * 16448), 2), 2 * 16448, 'as many pages as it may take');
  t.equal(queue.append(new Uint8Array(5 * 16448), MANY), 2 * 16448, 'all pages, and no more');
  queue.clear();
  t.end();
});

t.test('RFC 6298 §2, with the minimum of Linux', (t) => {
  const rtt = new Rtt(seqOf(0), new TcpConfig());
  t.equal(rtt.rtoNs, 1 * SEC, '§2.1: one second before the first sample');
  rtt.sample(100 * MS, seqOf(0), seqOf(10));
  t.equal(rtt.srttNs, 100 * MS, '§2.2: SRTT ← R');
  t.equal(rtt.rttvarNs, 50 * MS, '§2.2: RTTVAR ← R/2');
  t.equal(rtt.rtoNs, 300 * MS, '§2.3: SRTT + 4 RTTVAR');
  rtt.sample(200 * MS, seqOf(1), seqOf(20));
  t.equal(rtt.srttNs, 112.5 * MS, '§2.3: 7/8 SRTT + 1/8 R');
  t.equal(rtt.rttvarNs, 62.5 * MS, '§2.3: 3/4 RTTVAR + 1/4 |SRTT - R|');
  for (let i = 0; i < 3; i++) rtt.backOff();
  t.equal(rtt.rtoNs, 8 * (112.5 + 250) * MS, '§5.5: doubled three times');
  for (let i = 3; i < 20; i++) rtt.backOff();
  t.equal(rtt.rtoNs, 120 * SEC, '§2.5: and bounded');
  const fast = new Rtt(seqOf(0), new TcpConfig());
  for (let i = 0; i < 200; i++) fast.sample(1 * MS, seqOf(i), seqOf(i + 1));
  t.ok(fast.rtoNs >= 200 * MS && fast.rtoNs < 205 * MS, 'a steady fast path waits 200 ms and SRTT');
  t.end();
});

t.test(
  'the windowed minimum is never above the least of the window, and forgets what is older',
  (t) => {
    const samples = fc.array(
      fc.record({ gap: fc.nat(50), value: fc.integer({ min: 1, max: 1000 }) }),
      {
        maxLength: 100,
        size: 'max',
      },
    );
    const property = fc.property(samples, (list) => {
      const min = new WindowedMin();
      let now = 0;
      const seen: { at: number; value: number }[] = [];
      for (const { gap, value } of list) {
        now += gap;
        min.sample(value, { nowNs: now }, { minRttWindowNs: 100 });
        seen.push({ at: now, value });
        const inWindow = seen.filter((s) => now - s.at <= 100).map((s) => s.value);
        // Three samples are an approximation from above; it is never older than the window.
        if (!inWindow.includes(min.value)) return false;
        if (value <= Math.min(...inWindow) && min.value !== value) return false;
      }
      return true;
    });
    holds(t, 'a value of the window; the least at once', property, 500);
    t.end();
  },
);

t.test('RFC 2018 §4: the stretch that arrived last is reported first', (t) => {
  const dv = new DataView(new ArrayBuffer(64));
  const blocks = new SackBlocks();
  const written = (room: number) => {
    const n = blocks.write(dv, 0, room);
    return Array.from({ length: n }, (_, i) => [dv.getInt32(8 * i), dv.getInt32(8 * i + 4)]);
  };
  blocks.arrived(seqOf(5500), seqOf(6000));
  blocks.arrived(seqOf(6500), seqOf(7000));
  t.same(written(4), [
    [6500, 7000],
    [5500, 6000],
  ]);
  blocks.arrived(seqOf(5500), seqOf(7000));
  t.same(written(4), [[5500, 7000]], 'a stretch swallows those it joins');
  for (let i = 0; i < 6; i++) blocks.arrived(seqOf(8000 + 1000 * i), seqOf(8500 + 1000 * i));
  t.same(
    written(3),
    [
      [13000, 13500],
      [12000, 12500],
      [11000, 11500],
    ],
    'as many as fit, newest first',
  );
  blocks.duplicate(seqOf(1), seqOf(9));
  t.same(written(2)[0], [1, 9], 'RFC 2883 §4: the duplicate comes before all');
  t.not(written(2)[0]![0], 1, 'and once');
  blocks.forgetBelow(seqOf(12500));
  t.same(written(4), [[13000, 13500]]);
  t.end();
});

/** Segments of 1000 bytes, sent 1 ms apart. */
function flight(n: number): { queue: RtxQueue; records: TxRecords; rack: Rack } {
  const records = new TxRecords();
  const queue = new RtxQueue(records);
  for (let i = 0; i < n; i++) queue.append(seqOf(i * 1000), 1000, 1, 0, { nowNs: i * MS });
  return { queue, records, rack: new Rack() };
}

t.test(
  'RFC 8985 §6.2: lost is what was sent a reordering window before something delivered',
  (t) => {
    const { queue, records, rack } = flight(5);
    const lost: number[] = [];
    const listener = {
      recordLost: (r: number) => {
        lost.push(r);
        queue.markLost(r);
      },
    };
    const deliver = (r: number, nowNs: number) => {
      const path = { minRttNs: 20 * MS, srttNs: 20 * MS, nowNs };
      rack.delivered(records, r, queue.endOfRecord(r), false, path);
      queue.markSacked(r);
    };
    // A quarter of the least round trip is 5 ms.
    rack.setReorderingWindow({ minRttNs: 20 * MS, srttNs: 20 * MS, nowNs: 0 }, true, true);
    const detect = (nowNs: number): number => {
      rack.detect(queue, records, { nowNs }, listener);
      return rack.waitNs;
    };
    t.equal(detect(100 * MS), 0, 'nothing before a delivery');
    deliver(3, 23 * MS);
    const wait = detect(23 * MS);
    t.same(lost, [], 'within the reordering window nothing is lost');
    t.equal(wait, 4 * MS, 'the last of those before it would be at 2 + 20 + 5 ms');
    t.equal(detect(26 * MS), 1 * MS);
    t.same(lost, [0, 1], 'two are, later');
    detect(90 * MS);
    t.same(lost, [0, 1, 2], 'never what was sent after the one that was delivered');
    queue.markRetransmitted(0, { nowNs: 90 * MS });
    t.ok(queue.has(0, REC_STATE.RETRANS));
    t.equal(detect(200 * MS), 0, 'a retransmission is younger');
    t.end();
  },
);

t.test(
  'RFC 8985 §6.2 step 4: the window is a quarter of the minimum RTT, wider after D-SACKs',
  (t) => {
    const rack = new Rack();
    const windowNs = (
      minRttNs: number,
      srttNs: number,
      hasReordering: boolean,
      isLoss: boolean,
    ) => {
      rack.setReorderingWindow({ minRttNs, srttNs, nowNs: 0 }, hasReordering, isLoss);
      return rack.reoWndNs;
    };
    t.equal(windowNs(40 * MS, 50 * MS, false, true), 0, 'loss is evident, no reordering');
    t.equal(windowNs(40 * MS, 50 * MS, true, true), 10 * MS);
    t.equal(windowNs(NEVER, 0, true, false), 0, 'before the first sample');
    rack.duplicateSeen();
    rack.adapt({ priorDelivered: 0 }, { delivered: 100 });
    rack.duplicateSeen();
    rack.adapt({ priorDelivered: 50 }, { delivered: 150 });
    t.equal(windowNs(40 * MS, 50 * MS, true, true), 20 * MS, 'once a round trip');
    rack.duplicateSeen();
    rack.adapt({ priorDelivered: 120 }, { delivered: 200 });
    t.equal(windowNs(40 * MS, 50 * MS, true, true), 30 * MS);
    for (let i = 3; i < 12; i++) {
      rack.duplicateSeen();
      rack.adapt({ priorDelivered: 100 * i }, { delivered: 100 * i + 50 });
    }
    t.equal(windowNs(40 * MS, 50 * MS, true, true), 50 * MS, 'at most SRTT');
    for (let i = 0; i < 16; i++) {
      rack.adapt({ priorDelivered: 2000 }, { delivered: 3000 });
      t.equal(windowNs(40 * MS, 50 * MS, true, true), 50 * MS, 'kept');
      rack.recoveryEnded();
    }
    rack.adapt({ priorDelivered: 2000 }, { delivered: 3000 });
    t.equal(windowNs(40 * MS, 50 * MS, true, true), 10 * MS, 'back after 16 recoveries');
    t.end();
  },
);
