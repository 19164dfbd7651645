/**
 * What arrives is not handed on one by one: a cable modem waits for its slot, a Wi-Fi station for enough frames
 * to fill an aggregate. On the way back it is what bunches ACKs.
 */
import { assert } from '../base/assert.ts';
import { NEVER } from '../base/time.ts';
import { FrameList } from '../link/frame-list.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import type { LinkClock } from './link-clock.ts';

export interface Aggregation {
  readonly count: number;
  /** When to look again, as `plan` worked it out. */
  readonly dueNs: number;
  /** Takes over a frame that has arrived at `frames.timeNs[frame]`; they come in the order of arrival. */
  gather(frame: number): void;
  /** A frame whose time has come by `clock.nowNs`, the caller's from now on; or NO_FRAME. */
  release(clock: LinkClock): number;
  /** Sets `dueNs`; `next` arrives next, or NO_FRAME. */
  plan(next: number): void;
  clear(): number;
}

/** Releases what has arrived every so many nanoseconds. */
export class Slots implements Aggregation {
  dueNs = NEVER;
  private readonly frames: FrameStore;
  private readonly list: FrameList;
  private readonly slotNs: number;
  private readonly offsetNs: number;

  constructor(frames: FrameStore, slotNs: number, offsetNs: number = 0) {
    assert(slotNs > 0 && offsetNs >= 0 && offsetNs < slotNs, 'a slot is some time long');
    this.frames = frames;
    this.list = new FrameList(frames);
    this.slotNs = slotNs;
    this.offsetNs = offsetNs;
  }

  get count(): number {
    return this.list.count;
  }

  gather(frame: number): void {
    const { timeNs } = this.frames;
    timeNs[frame] =
      Math.ceil((timeNs[frame]! - this.offsetNs) / this.slotNs) * this.slotNs + this.offsetNs;
    this.list.push(frame);
  }

  release(clock: LinkClock): number {
    const frame = this.list.first();
    if (frame === NO_FRAME || this.frames.timeNs[frame]! > clock.nowNs) return NO_FRAME;
    return this.list.shift();
  }

  plan(next: number): void {
    const { timeNs } = this.frames;
    const frame = this.list.first();
    if (frame !== NO_FRAME) this.dueNs = timeNs[frame]!;
    else if (next === NO_FRAME) this.dueNs = NEVER;
    else
      this.dueNs =
        Math.ceil((timeNs[next]! - this.offsetNs) / this.slotNs) * this.slotNs + this.offsetNs;
  }

  clear(): number {
    return this.list.clear();
  }
}

/** Releases so many frames together, or fewer when the first of them has waited long enough. */
export class Groups implements Aggregation {
  dueNs = NEVER;
  private readonly frames: FrameStore;
  private readonly list: FrameList;
  private readonly size: number;
  private readonly waitNs: number;
  /** At the head of the list, complete groups: they may go. */
  private complete = 0;
  /** When the group that is not complete goes as it is, or NEVER. */
  private patienceNs = NEVER;

  constructor(frames: FrameStore, size: number, waitNs: number) {
    assert(size >= 1, 'a group has a frame at least');
    assert(waitNs >= 0 && waitNs < NEVER, 'a group waits for some time, not for ever');
    this.frames = frames;
    this.list = new FrameList(frames);
    this.size = size;
    this.waitNs = waitNs;
  }

  get count(): number {
    return this.list.count;
  }

  gather(frame: number): void {
    const ns = this.frames.timeNs[frame]!;
    if (this.patienceNs < ns) this.closeGroup(); // it left before this frame was there
    this.list.push(frame);
    const waiting = this.list.count - this.complete;
    if (waiting >= this.size) this.closeGroup();
    else if (waiting === 1) this.patienceNs = ns + this.waitNs;
  }

  release(clock: LinkClock): number {
    if (this.patienceNs <= clock.nowNs) this.closeGroup();
    if (this.complete === 0) return NO_FRAME;
    this.complete--;
    return this.list.shift();
  }

  plan(next: number): void {
    this.dueNs = this.patienceNs;
    if (next !== NO_FRAME) this.dueNs = Math.min(this.dueNs, this.frames.timeNs[next]!);
  }

  clear(): number {
    this.complete = 0;
    this.patienceNs = NEVER;
    return this.list.clear();
  }

  private closeGroup(): void {
    this.complete = this.list.count;
    this.patienceNs = NEVER;
  }
}
