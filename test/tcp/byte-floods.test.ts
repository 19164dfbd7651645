/** Segments of a byte, by the thousand: a connection's memory stays within its receive buffer's bounds. LONG=1: more. */
import t from 'tap';
import { PAGE_BYTES } from '../../src/base/memory.ts';
import { TcpHarness } from './tcp-harness.ts';

const SEGMENTS = process.env.LONG === '1' ? 60_000 : 4000;
const RCVBUF = 65536;
/** Pages for the buffer and four more, and arrays for two quarters of it. */
const MOST_BYTES = 1.5 * RCVBUF + 4 * PAGE_BYTES;
/** Text copied, for each segment on average: its own byte, and what is copied together. */
const MOST_COPIED = 64;
/** What the peer may send. */
const WINDOW = RCVBUF / 4;

interface Flood {
  readonly name: string;
  /** Where the i-th byte is; 1 is RCV.NXT. */
  readonly at: (i: number) => number;
  /** Counters that move. */
  readonly moves: readonly string[];
  readonly isPruned: boolean;
}

const FLOODS: readonly Flood[] = [
  {
    name: 'a flood of bytes in order, unread: memory is bounded',
    at: (i) => 1 + i,
    moves: ['TCPRcvCoalesce'],
    isPruned: false,
  },
  {
    name: 'a flood of bytes beyond a gap, in order: memory is bounded',
    at: (i) => 2 + (i % (WINDOW - 2)),
    moves: ['TCPOFOQueue'],
    isPruned: false,
  },
  {
    name: 'a flood of bytes beyond a gap, from the far end: they are copied together',
    at: (i) => WINDOW - (i % (WINDOW - 2)),
    moves: ['TCPOFOQueue', 'PruneCalled', 'TCPRcvCollapsed'],
    isPruned: false,
  },
  {
    name: 'a flood of bytes with a gap before each: the nearest stay',
    at: (i) => 3 + 2 * (i % (WINDOW / 2 - 2)),
    moves: ['TCPOFOQueue', 'PruneCalled', 'RcvPruned', 'TCPOFODrop'],
    isPruned: true,
  },
  {
    name: 'a flood of bytes from the far end, with gaps: what was reported goes, what was acknowledged stays',
    at: (i) => WINDOW - 1 - 2 * (i % (WINDOW / 2 - 2)),
    moves: ['TCPOFOQueue', 'PruneCalled', 'OfoPruned'],
    isPruned: true,
  },
];

for (const flood of FLOODS) {
  t.test(flood.name, (t) => {
    const h = new TcpHarness();
    h.run(`0 set rcvbufBytes ${RCVBUF}`);
    h.passive();
    h.trace = [];
    let most = 0;
    let copied = 0;
    const { u8 } = h.rig.memory.pages.slab;
    u8.copyWithin = (to, from, end) => {
      copied += end! - from; // it is called with three
      return Uint8Array.prototype.copyWithin.call(u8, to, from, end) as typeof u8;
    };
    for (let i = 0; i < SEGMENTS; i++) {
      const at = flood.at(i);
      h.run(`+0 < . ${at}:${at + 1}(1) ack 1 win 65535`);
      most = Math.max(most, h.flow.received.heldBytes);
    }
    t.ok(most <= MOST_BYTES, `${most} of ${MOST_BYTES} bytes`);
    copied /= SEGMENTS;
    t.ok(copied <= MOST_COPIED, `${copied} bytes copied for each segment`);
    for (const name of flood.moves) t.ok(h.mib(name) > 0, name);
    if (!flood.isPruned)
      for (const name of ['OfoPruned', 'RcvPruned']) t.equal(h.mib(name), 0, name);
    // Then the peer sends all of it, in order; and all of it is read.
    const end = 1 + (WINDOW & ~1023);
    for (let at = 1; at < end; at += 1024) h.run(`+0 < . ${at}:${at + 1024}(1024) ack 1`);
    const { received } = h.flow;
    const readable = received.readyBytes;
    t.ok(readable >= end - 1, `${readable} bytes`);
    h.run(`+0 read ${readable}\n+0 abort`);
    t.equal(received.heldBytes, 0, 'nothing is held');
    h.end(t);
    t.end();
  });
}
