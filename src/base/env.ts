import type { Memory } from './memory.ts';
import type { Rng } from './rng.ts';
import { ZERO_NS } from './time.ts';
import type { TraceSink } from './trace.ts';

/**
 * Whatever knows the time, for those that are told it: a double that is passed to a function which the
 * engine does not inline costs 16 bytes each time; an object costs none.
 */
export interface Clock {
  readonly nowNs: number;
}

/**
 * What a stack is given instead of reaching for it: time, memory, randomness, and a place for traces.
 * The driver (live or simulated) writes `nowNs` once per turn; everything else only reads it.
 */
export class Env {
  nowNs = ZERO_NS;
  readonly memory: Memory;
  readonly rng: Rng;
  readonly trace: TraceSink;

  constructor(memory: Memory, rng: Rng, trace: TraceSink) {
    this.nowNs = 0; // in the field of a double; nobody is shown the minus
    this.memory = memory;
    this.rng = rng;
    this.trace = trace;
  }
}
