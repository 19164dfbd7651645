/** Garbage made on purpose: the gate has to see it, or it is blind. */
import type { AllocCase } from './measure.ts';

/** Keeps what is allocated reachable, so that the optimiser cannot leave it out. */
class Sink {
  kept: object = {};
}

class Pair {
  readonly a: number;
  readonly b: number;

  constructor(a: number, b: number) {
    this.a = a;
    this.b = b;
  }
}

/** An object of three header words and two fields. */
const PAIR_BYTES = 40;

function everyNth(n: number): () => void {
  const sink = new Sink();
  let i = 0;
  return () => {
    i = (i + 1) & 0xfffffff;
    if (i % n === 0) sink.kept = new Pair(i, n);
  };
}

export const cases: readonly AllocCase[] = [
  { name: 'control: nothing', packetsPerCall: 1, build: () => everyNth(0x7fffffff) },
  {
    name: 'control: a double that outgrew int32, in a variable, each packet',
    packetsPerCall: 1,
    makesBytes: 16,
    build: () => {
      const step = 2 ** 40;
      let total = 0.25; // never an integer
      return () => {
        total = step - total;
      };
    },
  },
  {
    name: 'control: an object each packet',
    packetsPerCall: 1,
    makesBytes: PAIR_BYTES,
    build: () => everyNth(1),
  },
  {
    name: 'control: an object every 100th packet',
    packetsPerCall: 1,
    makesBytes: PAIR_BYTES / 100,
    build: () => everyNth(100),
  },
  {
    name: 'control: a view each packet',
    packetsPerCall: 1,
    makesBytes: 96,
    build: () => {
      const slab = new Uint8Array(4096);
      const sink = new Sink();
      return () => {
        sink.kept = slab.subarray(64, 128);
      };
    },
  },
];
