/** The foundation under every packet: tables, deadlines, pools, rings, the keyed hash. */
import { BlockPool } from '../../src/base/block-pool.ts';
import { CELL_BYTES, CellStore, NO_CELL } from '../../src/base/cell-store.ts';
import { Counters } from '../../src/base/counters.ts';
import { Deadline, DeadlineQueue, type Expirable } from '../../src/base/deadline-queue.ts';
import { Rng } from '../../src/base/rng.ts';
import { SipHash } from '../../src/base/siphash.ts';
import { Slab } from '../../src/base/slab.ts';
import { MS } from '../../src/base/time.ts';
import { NOT_FOUND, WordTable } from '../../src/base/word-table.ts';
import { TxRing } from '../../src/link/tx-ring.ts';
import type { AllocCase } from './measure.ts';

const rng = (): Rng => new Rng(1);

/** A 4-tuple table under churn: half of the keys come and go. */
function wordTable(): () => void {
  const table = new WordTable(4, rng().stream('table'), 4096);
  const random = rng().stream('keys');
  return () => {
    const { key } = table;
    key[0] = random.int32();
    key[1] = random.below(4096);
    key[2] = -1;
    key[3] = 0x0a000001;
    table.set(random.below(0x7fffffff));
    if (table.find() === NOT_FOUND) throw new Error('lost');
    if (table.remove() === NOT_FOUND) throw new Error('lost');
    if (table.find() !== NOT_FOUND) throw new Error('not removed');
  };
}

class Owner implements Expirable {
  fired = 0;

  expire(which: number): void {
    this.fired += which;
  }
}

/** 64 timers: pushed back by each packet, some cut short, all fire in the end. Times pass int32 at once. */
function deadlines(): () => void {
  const queue = new DeadlineQueue();
  const owner = new Owner();
  const timers = Array.from({ length: 64 }, () => new Deadline(owner, 1));
  const random = rng().stream('deadlines');
  let turn = 0;
  return () => {
    turn = (turn + 1) & 0xffffff;
    const nowNs = turn * MS + 5e12;
    const d = timers[turn & 63]!;
    queue.arm(d, nowNs + 40 * MS);
    queue.arm(d, nowNs + 200 * MS);
    queue.arm(timers[random.below(64)]!, nowNs + random.below(64) * MS);
    if ((turn & 31) === 0) queue.disarm(timers[random.below(64)]!);
    if ((turn & 63) === 0) queue.remove(timers[random.below(64)]!);
    if (queue.nextNs() <= nowNs) queue.fire(nowNs);
  };
}

/** A datagram of one cell and one of many: in, out, gone. */
function cells(): () => void {
  const slab = new Slab(1 << 20);
  const store = new CellStore(slab, 128);
  const at = slab.carve(65536);
  let len = 0;
  return () => {
    len = (len + 1777) % 65536;
    const small = store.store(at, 1472);
    const large = store.store(at, len);
    if (small === NO_CELL || large === NO_CELL) throw new Error('full');
    store.load(small, 0, 1472, at);
    store.load(
      large,
      len > CELL_BYTES ? CELL_BYTES : 0,
      len > CELL_BYTES ? len - CELL_BYTES : len,
      at,
    );
    store.release(small);
    store.release(large);
  };
}

/** A frame of a header, copied payload and a held block: begun, committed, completed. */
function txRing(): () => void {
  const slab = new Slab(4 << 20);
  const blocks = new BlockPool(slab, 4096, 64);
  const ring = new TxRing(slab, blocks, 64, 1 << 16);
  let len = 0;
  return () => {
    len = (len + 331) & 1023;
    const payload = ring.reserve(len);
    const header = ring.begin();
    if (payload < 0 || header < 0) throw new Error('no room');
    ring.add(header, 42);
    ring.add(payload, len);
    const block = blocks.take();
    ring.addHeld(blocks.offsetOf(block), 100, block);
    blocks.release(block);
    ring.setChecksum(34, 6);
    ring.commit();
    if (ring.inFlight === 32) ring.complete(32);
  };
}

function sipHash(): () => void {
  const random = rng().stream('hash');
  const hash = SipHash.fromStream(random);
  return () => {
    hash.start();
    for (let i = 0; i < 5; i++) hash.word(random.int32());
    if (hash.finish() === hash.high + 0.5) throw new Error('unreachable');
  };
}

function counters(): () => void {
  const stats = new Counters(['InOctets', 'InPkts'] as const);
  const octets = stats.id('InOctets');
  const packets = stats.id('InPkts');
  stats.add(octets, 2 ** 40);
  return () => {
    stats.count(packets);
    stats.add(octets, 1500);
  };
}

export const cases: readonly AllocCase[] = [
  { name: 'WordTable set, find, remove', packetsPerCall: 1, build: wordTable },
  { name: 'DeadlineQueue arm, disarm, fire', packetsPerCall: 1, build: deadlines },
  { name: 'CellStore store, load, release', packetsPerCall: 2, build: cells },
  { name: 'TxRing reserve, begin, commit, complete', packetsPerCall: 1, build: txRing },
  { name: 'SipHash of five words', packetsPerCall: 1, build: sipHash },
  { name: 'Counters past int32', packetsPerCall: 1, build: counters },
];
