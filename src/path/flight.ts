/** Frames on the way, each with the time of its arrival in `frames.timeNs`. */
import { ZERO_NS } from '../base/time.ts';
import { FrameList } from '../link/frame-list.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';

export interface Flight {
  readonly count: number;
  /** The frame that arrives first, or NO_FRAME. */
  first(): number;
  push(frame: number): void;
  /** Takes `first` out. Precondition: count > 0. */
  shift(): number;
  /** Releases every frame; returns how many there were. */
  clear(): number;
}

/** Nobody overtakes: a frame that would arrive before the one in front of it arrives with it. */
export class InOrder extends FrameList implements Flight {
  private lastNs = ZERO_NS;

  override push(frame: number): void {
    const { timeNs } = this.frames;
    if (timeNs[frame]! < this.lastNs) timeNs[frame] = this.lastNs;
    else this.lastNs = timeNs[frame]!;
    super.push(frame);
  }
}

const INITIAL_PLACES = 64;

/** Each arrives at its own time: a binary heap on (time, order of departure). */
export class Overtaking implements Flight {
  private readonly frames: FrameStore;
  private heap = new Int32Array(INITIAL_PLACES);
  /** When each of them departed: `departures` so far, beside `heap`. */
  private order = new Float64Array(INITIAL_PLACES);
  private departures = 0;
  private used = 0;

  constructor(frames: FrameStore) {
    this.frames = frames;
  }

  get count(): number {
    return this.used;
  }

  first(): number {
    return this.used === 0 ? NO_FRAME : this.heap[0]!;
  }

  push(frame: number): void {
    if (this.used === this.heap.length) this.grow();
    const at = this.used++;
    this.heap[at] = frame;
    this.order[at] = this.departures++;
    this.up(at);
  }

  shift(): number {
    const frame = this.heap[0]!;
    const last = --this.used;
    this.heap[0] = this.heap[last]!;
    this.order[0] = this.order[last]!;
    this.down();
    return frame;
  }

  clear(): number {
    const had = this.used;
    for (let i = 0; i < had; i++) this.frames.release(this.heap[i]!);
    this.used = 0;
    return had;
  }

  private up(from: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.isBefore(at, parent)) return;
      this.exchange(at, parent);
      at = parent;
    }
  }

  private down(): void {
    let at = 0;
    while (true) {
      const left = at * 2 + 1;
      if (left >= this.used) return;
      const right = left + 1;
      const child = right < this.used && this.isBefore(right, left) ? right : left;
      if (!this.isBefore(child, at)) return;
      this.exchange(child, at);
      at = child;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const { timeNs } = this.frames;
    const aNs = timeNs[this.heap[a]!]!;
    const bNs = timeNs[this.heap[b]!]!;
    return aNs < bNs || (aNs === bNs && this.order[a]! < this.order[b]!);
  }

  private exchange(a: number, b: number): void {
    const frame = this.heap[a]!;
    const order = this.order[a]!;
    this.heap[a] = this.heap[b]!;
    this.order[a] = this.order[b]!;
    this.heap[b] = frame;
    this.order[b] = order;
  }

  private grow(): void {
    const heap = new Int32Array(this.heap.length * 2);
    const order = new Float64Array(this.heap.length * 2);
    heap.set(this.heap);
    order.set(this.order);
    this.heap = heap;
    this.order = order;
  }
}
