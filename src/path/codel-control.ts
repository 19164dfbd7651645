/**
 * CoDel's control law (RFC 8289), for one queue: alone in `codel.ts`, one for each flow in `fq-codel.ts`.
 *
 *                     waits >= target for an interval
 *       ┌─────────┐ ────────────────────────────────► ┌──────────┐   drops at t, t + I/√1, + I/√2, + I/√3 …
 *       │ watches │                                   │ dropping │ ──┐
 *       └─────────┘ ◄──────────────────────────────── └──────────┘ ◄─┘
 *                     waits < target, or one frame left
 *
 * A frame that can be marked is marked instead, and is the one to send: as in Linux, a mark counts as a
 * drop for the control law.
 */

import { MS, NEVER, ZERO_NS } from '../base/time.ts';
import type { FrameList } from '../link/frame-list.ts';
import type { Clock } from '../link/frame-sink.ts';
import { type FrameStore, NO_FRAME } from '../link/frame-store.ts';
import { ECN, ecnOf, markCe } from './ecn-mark.ts';
import { DROPPED, type QueueLedger } from './queue-ledger.ts';

export interface CodelOptions {
  /** The wait that is tolerated for longer than an interval. Default 5 ms (RFC 8289 §5.3). */
  readonly targetNs?: number;
  /** About the longest round trip of the flows. Default 100 ms (RFC 8289 §5.3). */
  readonly intervalNs?: number;
  /** With no more than this left, nothing is dropped: the queue is as good as empty. Default 1514 (RFC 8289 §5.6: maxpacket). */
  readonly maxPacketBytes?: number;
  /** Marks instead of drops where it can. */
  readonly ecn?: boolean;
  /** Marks whatever waited longer. Default: off (Linux: ce_threshold). */
  readonly ceThresholdNs?: number;
}

/** RFC 8289 §5.3, §3.2: 5 % of the interval. */
const TARGET_NS = 5 * MS;
/** RFC 8289 §5.3: most round trips of the Internet are shorter. */
const INTERVAL_NS = 100 * MS;
/** An Ethernet frame of 1,500 bytes. */
const MAX_PACKET_BYTES = 1514;
/** RFC 8289 §5.5: who drops again so soon takes up the rate of drops near where it was. */
const RESUME_INTERVALS = 16;

/** What the control law needs that is alike for all queues under it. */
export class CodelLaw {
  readonly targetNs: number;
  readonly intervalNs: number;
  readonly resumeNs: number;
  readonly maxPacketBytes: number;
  readonly ecn: boolean;
  readonly ceThresholdNs: number;
  readonly frames: FrameStore;
  readonly clock: Clock;
  readonly ledger: QueueLedger;

  constructor(frames: FrameStore, clock: Clock, ledger: QueueLedger, options: CodelOptions) {
    this.frames = frames;
    this.clock = clock;
    this.ledger = ledger;
    this.targetNs = options.targetNs ?? TARGET_NS;
    this.intervalNs = options.intervalNs ?? INTERVAL_NS;
    this.resumeNs = RESUME_INTERVALS * this.intervalNs;
    this.maxPacketBytes = options.maxPacketBytes ?? MAX_PACKET_BYTES;
    this.ecn = options.ecn ?? false;
    this.ceThresholdNs = options.ceThresholdNs ?? NEVER;
  }
}

/** The variables of RFC 8289 §5.2, of one queue. */
export class CodelState {
  /** When it will have waited too long for an interval; NEVER while it does not. */
  firstAboveNs = NEVER;
  dropNextNs = ZERO_NS;
  /** Drops since it began to, and at the last begin. */
  count = 0;
  lastCount = 0;
  isDropping = false;
  /** Of the frame taken last: RFC 8289's ok_to_drop. */
  mayDrop = false;

  private readonly law: CodelLaw;
  private readonly list: FrameList;

  constructor(law: CodelLaw, list: FrameList) {
    this.law = law;
    this.list = list;
  }

  /** RFC 8289 §5.5. The next frame to send, or NO_FRAME. */
  dequeue(): number {
    let frame = this.takeHead();
    if (this.isDropping) {
      if (this.mayDrop) frame = this.goOnDropping(frame);
      else this.isDropping = false;
    } else if (this.mayDrop) {
      frame = this.beginDropping(frame);
    }
    if (frame !== NO_FRAME) this.markLate(frame);
    return frame;
  }

  /** Frames of this queue were dropped by others, for want of room (Linux: fq_codel_drop). */
  countDrops(n: number): void {
    this.count += n;
  }

  reset(): void {
    this.firstAboveNs = NEVER;
    this.dropNextNs = 0;
    this.count = 0;
    this.lastCount = 0;
    this.isDropping = false;
    this.mayDrop = false;
  }

  private goOnDropping(first: number): number {
    const { clock } = this.law;
    let frame = first;
    while (this.isDropping && clock.nowNs >= this.dropNextNs) {
      this.count++;
      if (this.isMarked(frame)) {
        this.dropLater();
        return frame;
      }
      this.law.ledger.drop(frame, DROPPED.EARLY);
      frame = this.takeHead();
      if (this.mayDrop) this.dropLater();
      else this.isDropping = false;
    }
    return frame;
  }

  private beginDropping(first: number): number {
    const { clock, resumeNs } = this.law;
    let frame = first;
    if (!this.isMarked(frame)) {
      this.law.ledger.drop(frame, DROPPED.EARLY);
      frame = this.takeHead();
    }
    this.isDropping = true;
    const since = this.count - this.lastCount;
    this.count = since > 1 && clock.nowNs - this.dropNextNs < resumeNs ? since : 1;
    this.dropNextNs = clock.nowNs;
    this.dropLater();
    this.lastCount = this.count;
    return frame;
  }

  /**
   * RFC 8289 §5.6: the time to the next drop is the interval over the root of their number, so that Reno's rate
   * falls linearly. Math.sqrt is exact by IEEE 754, so engines agree on every nanosecond.
   */
  private dropLater(): void {
    this.dropNextNs += Math.floor(this.law.intervalNs / Math.sqrt(this.count));
  }

  /** RFC 8289 §5.6 (dodequeue): the oldest frame, and whether the queue has been bad for long enough. */
  private takeHead(): number {
    const { list, law } = this;
    this.mayDrop = false;
    if (list.count === 0) {
      this.firstAboveNs = NEVER;
      return NO_FRAME;
    }
    const frame = list.shift();
    const { nowNs } = law.clock;
    const isShort = nowNs - law.frames.timeNs[frame]! < law.targetNs;
    if (isShort || list.bytes <= law.maxPacketBytes) this.firstAboveNs = NEVER;
    else if (this.firstAboveNs === NEVER) this.firstAboveNs = nowNs + law.intervalNs;
    else this.mayDrop = nowNs >= this.firstAboveNs;
    return frame;
  }

  private isMarked(frame: number): boolean {
    const { ecn, frames, ledger } = this.law;
    if (!ecn || !markCe(frames, frame)) return false;
    ledger.countMark();
    return true;
  }

  private markLate(frame: number): void {
    const { ceThresholdNs, clock, frames, ledger } = this.law;
    if (clock.nowNs - frames.timeNs[frame]! <= ceThresholdNs) return;
    if (ecnOf(frames, frame) !== ECN.CE && markCe(frames, frame)) ledger.countThresholdMark();
  }
}
