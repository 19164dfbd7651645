import type { Clock } from '../link/frame-sink.ts';

/** Virtual time: it stands still while things happen and jumps to the next thing that does. */
export class SimClock implements Clock {
  private atNs = 0;

  get nowNs(): number {
    return this.atNs;
  }

  /** The simulator alone moves it, and only forward. */
  advanceTo(ns: number): void {
    if (ns > this.atNs) this.atNs = ns;
  }
}
