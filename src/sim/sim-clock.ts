import { ZERO_NS } from '../base/time.ts';
import type { Clock } from '../link/frame-sink.ts';

/** Virtual time: it stands still while things happen and jumps to the next thing that does. */
export class SimClock implements Clock {
  /** Written by `advanceTo` alone. A field, not a getter: read in places that do not inline one. */
  nowNs = ZERO_NS;

  constructor() {
    this.nowNs = 0; // in the field of a double; nobody is shown the minus
  }

  /** The simulator alone moves it, and only forward. */
  advanceTo(ns: number): void {
    if (ns > this.nowNs) this.nowNs = ns;
  }
}
