/**
 * Sweeps in virtual time: rate × RTT × buffer × loss × module, one flow each, and two flows that share. Every number
 * has a bound from theory beside it; the table as a whole is pinned, so that a change of behaviour is seen.
 *
 *     UPDATE_GOLDEN=1 node --import=tsx test/tcp/sweep.test.ts       writes the table anew (LONG=1: the long one)
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { MS, SEC } from '../../src/base/time.ts';
import { PathRig } from './path-rig.ts';

const isLong = process.env.LONG === '1';
const FOLDER = new URL('golden/', import.meta.url);
const GOLDEN = new URL(isLong ? 'sweep-long.txt' : 'sweep.txt', FOLDER);

const RATES_MBIT = isLong ? [1, 5, 20] : [2, 10];
const RTTS_MS = isLong ? [10, 40, 100] : [20, 100];
/** In units of rate × RTT. */
const BUFFERS = isLong ? [0.25, 1, 4] : [0.5, 2];
const LOSSES = isLong ? [0, 0.001, 0.01] : [0, 0.01];
const MODULES = ['reno', 'cubic'];
const WARM_NS = 5 * SEC;
const MEASURED_NS = (isLong ? 30 : 15) * SEC;

const MSS = 1448;
const FRAME = MSS + 66;

interface Cell {
  readonly module: string;
  readonly mbit: number;
  readonly rttMs: number;
  readonly buffer: number;
  readonly loss: number;
}

/** Bytes of text a second, and the most that waited in the queue. */
interface Outcome {
  readonly goodput: number;
  readonly queueNs: number;
}

const linkRate = (mbit: number): number => (mbit * 1e6) / 8;
/** At least what a burst of the initial window needs. */
const bufferOf = (c: Cell): number =>
  Math.max(15 * FRAME, Math.floor(c.buffer * linkRate(c.mbit) * (c.rttMs / 1000)));

function rigFor(c: Cell): PathRig {
  return new PathRig({
    rateBps: c.mbit * 1e6,
    delayNs: (c.rttMs / 2) * MS,
    queueBytes: bufferOf(c),
    ...(c.loss === 0 ? {} : { loss: c.loss }),
  });
}

function measure(c: Cell): Outcome {
  const rig = rigFor(c);
  const { near, far } = rig.open({ congestion: c.module });
  rig.write(near, 1e12);
  rig.run(WARM_NS);
  const before = far.received;
  let queued = 0;
  for (let at = 0; at < MEASURED_NS; at += 5 * MS) {
    rig.run(5 * MS);
    queued = Math.max(queued, rig.forth.model.queue.bytes);
  }
  const goodput = ((far.received - before) * SEC) / MEASURED_NS;
  rig.close();
  return { goodput, queueNs: (queued / linkRate(c.mbit)) * SEC };
}

/** What the link can carry of text. */
const capacity = (c: Cell): number => (linkRate(c.mbit) * MSS) / FRAME;

/** Mathis et al. 1997: MSS / RTT × √(3/2) / √p, for every segment acknowledged; delayed ACKs make it √(3/4). */
const renoLaw = (c: Cell): number => (MSS / (c.rttMs / 1000)) * Math.sqrt(1.5 / c.loss);

/**
 * Without random loss: after halving (cubic: × 0.7) the window of a flow that had filled rate × RTT and a buffer of
 * b × that is (1 + b) / 2 of it; it grows evenly, so the mean is ¾ (1 + b), at most 1. A tenth is for recoveries.
 */
function leastGoodput(c: Cell): number {
  if (c.loss === 0) {
    const b = bufferOf(c) / (linkRate(c.mbit) * (c.rttMs / 1000));
    return 0.9 * Math.min(1, 0.75 * (1 + b)) * capacity(c);
  }
  // Timeouts, and a queue that lengthens the RTT, take from Reno's law; they do not halve it again.
  const inQueue = 1 + c.buffer;
  return 0.4 * Math.min(capacity(c), renoLaw(c) / inQueue);
}

/** Cubic may be faster than Reno where the window is large: its law grows with RTT⁻¹ᐟ⁴ p⁻³ᐟ⁴ (RFC 9438 §5.1). */
function mostGoodput(c: Cell): number {
  if (c.loss === 0) return capacity(c);
  const cubic = (MSS / (c.rttMs / 1000)) * 1.054 * ((c.rttMs / 1000) ** 0.75 / c.loss ** 0.75);
  const law = c.module === 'cubic' ? Math.max(cubic, renoLaw(c)) : renoLaw(c);
  return Math.min(capacity(c), 1.5 * law);
}

const kbit = (bytes: number): string => Math.round((bytes * 8) / 1000).toString();

function row(t: Test, c: Cell): string {
  const o = measure(c);
  const says = `${c.module} ${c.mbit} Mbit/s ${c.rttMs} ms ${c.buffer} BDP ${c.loss * 100} %`;
  const least = leastGoodput(c);
  const most = mostGoodput(c) * 1.005;
  const bufferNs = (bufferOf(c) / linkRate(c.mbit)) * SEC;
  t.ok(o.goodput >= least, `${says}: ${kbit(o.goodput)} kbit/s, at least ${kbit(least)}`);
  t.ok(o.goodput <= most, `${says}: at most ${kbit(most)}`);
  t.ok(o.queueNs <= bufferNs * 1.001, `${says}: no longer in the queue than it holds`);
  const cells = [c.module, c.mbit, c.rttMs, c.buffer, c.loss * 100].map((x) =>
    String(x).padStart(6),
  );
  const goodputs = [o.goodput, least, most].map((x) => kbit(x).padStart(7));
  const delays = [o.queueNs, bufferNs].map((x) => (x / MS).toFixed(1).padStart(7));
  return [...cells, ...goodputs, ...delays].join(' ');
}

/** Two flows of one module share a link: (Σx)² / (n Σx²). */
function fairness(t: Test, module: string): string {
  const cell: Cell = { module, mbit: 10, rttMs: 40, buffer: 1, loss: 0 };
  const rig = rigFor(cell);
  const first = rig.open({ congestion: module });
  rig.write(first.near, 1e12);
  rig.run(2 * SEC);
  const second = rig.open({ congestion: module });
  rig.write(second.near, 1e12);
  rig.run(20 * SEC);
  const before = [first.far.received, second.far.received];
  rig.run(40 * SEC);
  const x = [first.far.received - before[0]!, second.far.received - before[1]!];
  rig.close();
  const jain = (x[0]! + x[1]!) ** 2 / (2 * (x[0]! ** 2 + x[1]! ** 2));
  const share = (x[0]! + x[1]!) / 40 / capacity(cell);
  t.ok(jain >= 0.8, `two flows of ${module}: Jain's index ${jain.toFixed(3)}, at least 0.8`);
  t.ok(share >= 0.9 && share <= 1.005, `they fill ${(share * 100).toFixed(1)} % of the link`);
  return `${module.padStart(6)} jain ${jain.toFixed(3)} of 1, share ${share.toFixed(3)} of 1`;
}

const HEAD = 'module   Mbit rtt_ms    bdp loss_%   kbit/s  ≥theory  ≤theory  queue_ms ≤buffer_ms';

// Virtual time takes no time, but the machine may be busy.
t.setTimeout(1_800_000);

t.test('goodput, queueing delay and fairness keep to theory, and to what they were', (t) => {
  const lines = [HEAD];
  for (const module of MODULES)
    for (const mbit of RATES_MBIT)
      for (const rttMs of RTTS_MS)
        for (const buffer of BUFFERS)
          for (const loss of LOSSES) lines.push(row(t, { module, mbit, rttMs, buffer, loss }));
  for (const module of MODULES) lines.push(fairness(t, module));
  const table = `${lines.join('\n')}\n`;
  for (const line of lines) t.comment(line);
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(GOLDEN, table);
  }
  t.equal(table, readFileSync(GOLDEN, 'utf8'), 'the table is the one that is pinned');
  t.end();
});
