/** The queues of received datagrams against a model made of arrays. */
import fc from 'fast-check';
import t from 'tap';
import { CELL_BYTES, cellsFor } from '../../src/base/cell-store.ts';
import { Memory } from '../../src/base/memory.ts';
import { Datagram, DatagramQueue, DatagramStore } from '../../src/net/datagram-store.ts';
import { IpPacket } from '../../src/net/ip-packet.ts';
import { holds } from '../support/property.ts';

const QUEUES = 3;
const CELLS = 40;
const chargeOf = (len: number): number => cellsFor(len) * CELL_BYTES + 64;

interface Model {
  readonly len: number;
  readonly first: number;
  readonly port: number;
  readonly at: number;
}

/** One step: put to a queue, take from it, look at it, or empty it. */
type Step = readonly [kind: 'put' | 'take' | 'peek' | 'clear', queue: number, len: number];
const steps = fc.array(
  fc.tuple(
    fc.constantFrom<Step[0]>('put', 'put', 'put', 'take', 'take', 'peek', 'clear'),
    fc.nat(QUEUES - 1),
    fc.oneof(fc.nat(3000), fc.constantFrom(0, 1, CELL_BYTES - 1, CELL_BYTES, CELL_BYTES + 1)),
  ),
  { maxLength: 200 },
);

class Bench {
  readonly memory = new Memory({ slabBytes: 1 << 20, chunks: 1, cellBytes: CELLS * CELL_BYTES });
  readonly clock = { nowNs: 0 };
  readonly store = new DatagramStore(this.memory.cells, this.clock);
  readonly queues = Array.from({ length: QUEUES }, () => new DatagramQueue());
  readonly models: Model[][] = Array.from({ length: QUEUES }, () => []);
  private readonly at = this.memory.slab.carve(4096);
  private readonly pkt = new IpPacket();
  private readonly d = new Datagram();
  private readonly into = new Uint8Array(4096);
  private count = 0;

  step([kind, q, len]: Step): boolean {
    if (kind === 'put') return this.put(q, len);
    if (kind === 'clear') {
      this.store.clear(this.queues[q]!, this.d);
      this.models[q]!.length = 0;
      return true;
    }
    const model = this.models[q]![0];
    const isThere =
      kind === 'take'
        ? this.store.take(this.queues[q]!, this.d)
        : this.store.peek(this.queues[q]!, this.d);
    if (!isThere || model === undefined) return !isThere && model === undefined;
    const n = this.store.copyOut(this.d, this.into);
    if (kind === 'take') {
      this.models[q]!.shift();
      this.store.release(this.d);
    }
    return n === model.len && this.isSame(model);
  }

  private put(q: number, len: number): boolean {
    const number = ++this.count;
    this.clock.nowNs = number * 1e12 + 1;
    const { u8 } = this.memory.slab;
    for (let i = 0; i < len; i++) u8[this.at + i] = (number + i) & 255;
    this.pkt.src.set(number, -number, 2, 3);
    this.pkt.dst.set(5, 6, -number, number);
    this.pkt.ttl = number & 255;
    this.pkt.tos = (number * 3) & 255;
    const fits = this.memory.cells.free >= cellsFor(len);
    const isIn = this.store.put(this.queues[q]!, this.pkt, number, this.at, len, number & 0xffff);
    if (isIn) this.models[q]!.push({ len, first: number, port: number & 0xffff, at: number });
    return isIn === fits;
  }

  private isSame({ len, first, port, at }: Model): boolean {
    const { d } = this;
    for (let i = 0; i < len; i++) if (this.into[i] !== ((first + i) & 255)) return false;
    return (
      d.len === len &&
      d.port === port &&
      d.ifaceIndex === first &&
      d.src.w1 === -first &&
      d.dst.w3 === first &&
      d.ttl === (first & 255) &&
      d.tos === ((first * 3) & 255) &&
      d.atNs === at * 1e12 + 1
    );
  }

  /** Counts, charges and cells agree with the model. */
  isConsistent(): boolean {
    const all = this.models.flat();
    const cells = all.reduce((n, m) => n + cellsFor(m.len), 0);
    const areCharged = this.queues.every((q, i) => {
      const model = this.models[i]!;
      const charge = model.reduce((n, m) => n + chargeOf(m.len), 0);
      return q.count === model.length && q.chargedBytes === charge;
    });
    return areCharged && this.store.size === all.length && this.memory.cells.held === cells;
  }
}

t.test('any order of put, take, peek and clear does what a list would', async (t) => {
  const property = fc.property(steps, (all) => {
    const bench = new Bench();
    return all.every((step) => bench.step(step) && bench.isConsistent());
  });
  holds(t, 'queues agree with the model', property);
});

t.test(
  'a datagram is charged for the cells it pins and a record: 768 bytes for one byte',
  async (t) => {
    const { store } = new Bench();
    t.same(
      [0, 1, CELL_BYTES, CELL_BYTES + 1, 1472].map((len) => store.chargeFor(len)),
      [768, 768, 768, 1472, 2176],
    );
  },
);

t.test('records are reused: 200,000 datagrams through one queue arrive and leave', async (t) => {
  const bench = new Bench();
  for (let i = 0; i < 200_000; i++) {
    if (!bench.step(['put', 0, i % 100]) || !bench.step(['take', 0, 0])) t.fail(`datagram ${i}`);
  }
  t.ok(bench.isConsistent());
});
