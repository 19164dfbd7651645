/**
 * The deadlines of one connection, by name, on one entry of the stack's heap.
 *
 * Most of them move with every segment and hardly ever fire. Moving one later writes a number; the
 * heap entry stays where it is and is armed anew when it comes up (see base/deadline-queue.ts).
 */
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import { NEVER } from '../base/time.ts';

export const DUE = {
  /** Retransmission timeout, tail-loss probe, RACK's reordering wait: at most one is armed. */
  RTO: 0,
  TLP: 1,
  REORDER: 2,
  /** Zero-window probe. */
  PERSIST: 3,
  DELACK: 4,
  KEEPALIVE: 5,
  /** FIN-WAIT-2 without anybody who reads. */
  FIN_WAIT_2: 6,
  /** The pacer lets the next segment go. */
  PACE: 7,
  /** ACKs beyond a gap that were held back (compressed-ack.ts). */
  COMPRESSED_ACK: 8,
} as const;
const COUNT = 9;

export class Deadlines implements Expirable {
  private readonly queue: DeadlineQueue;
  private readonly entry: Deadline;
  private readonly due = new Float64Array(COUNT).fill(NEVER);
  private readonly target: DeadlineTarget;

  constructor(queue: DeadlineQueue, target: DeadlineTarget) {
    this.queue = queue;
    this.target = target;
    this.entry = new Deadline(this);
  }

  at(which: number): number {
    return this.due[which]!;
  }

  isArmed(which: number): boolean {
    return this.due[which] !== NEVER;
  }

  arm(which: number, dueNs: number): void {
    this.due[which] = dueNs;
    if (dueNs < this.entry.dueNs) this.queue.arm(this.entry, dueNs);
  }

  disarm(which: number): void {
    this.due[which] = NEVER;
  }

  /** The connection is over. */
  clear(): void {
    this.due.fill(NEVER);
    this.queue.remove(this.entry);
  }

  /** The earliest may have moved: fires what is really due, and waits for the rest. */
  expire(): void {
    const nowNs = this.target.nowNs();
    for (let which = 0; which < COUNT; which++) {
      if (this.due[which]! > nowNs) continue;
      this.due[which] = NEVER;
      this.target.deadlinePassed(which);
    }
    let next = NEVER;
    for (let which = 0; which < COUNT; which++) next = Math.min(next, this.due[which]!);
    if (next !== NEVER && next < this.entry.dueNs) this.queue.arm(this.entry, next);
  }
}

export interface DeadlineTarget {
  nowNs(): number;
  deadlinePassed(which: number): void;
}
