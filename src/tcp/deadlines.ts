/**
 * The deadlines of one connection, by name, on one entry of the stack's heap.
 *
 * Most of them move with every segment and hardly ever fire. Moving one later writes a number; the
 * heap entry stays where it is and is armed anew when it comes up (see base/deadline-queue.ts).
 */
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import type { Clock } from '../base/env.ts';
import { inBlock, type RowTable } from '../base/row-table.ts';
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
export const DEADLINES_WIDTH = COUNT;
/** No row: nothing is armed; the connection is over. */
const NONE = -1;
const GONE = -2;
const NO_TIMES = new Float64Array(0);

// Own constants: see CONTRIBUTING.md, "Hot modules".
const IDLE: number = NEVER;
const startOf = inBlock;
const { RTO, TLP, REORDER } = DUE;

export class Deadlines implements Expirable {
  private readonly queue: DeadlineQueue;
  /** Made when something is armed for the first time: a connection that has only been opened waits for nothing. */
  private entry: Deadline | null = null;
  private readonly target: DeadlineTarget;
  private readonly table: RowTable;
  /** The times, in a row of the table: an array for each connection would cost 250 bytes more. */
  private times: Float64Array = NO_TIMES;
  /** The time that is being armed, on its way into the row: who calls where nothing is inlined writes it, then `armStaged`. */
  readonly staged: Float64Array;
  private row = NONE;

  /** @param table of rows DEADLINES_WIDTH wide, for all connections of a stack. */
  constructor(queue: DeadlineQueue, table: RowTable, target: DeadlineTarget) {
    this.queue = queue;
    this.target = target;
    this.table = table;
    this.staged = table.scratch;
  }

  at(which: number): number {
    return this.row < 0 ? IDLE : this.times[startOf(this.row) + which]!;
  }

  /** Not by `at`: where that is not inlined it would make a double to compare with. */
  isArmed(which: number): boolean {
    return this.row >= 0 && this.times[startOf(this.row) + which] !== IDLE;
  }

  /** At most 27 bytes of bytecode, so that it is always inlined: a double that crosses a real call costs 16 bytes. */
  arm(which: number, dueNs: number): void {
    this.staged[0] = dueNs;
    this.armStaged(which);
  }

  armStaged(which: number): void {
    if (this.row === GONE) return;
    if (this.row === NONE) this.takeRow();
    this.entry ??= new Deadline(this);
    this.times[startOf(this.row) + which] = this.staged[0]!;
    this.place(this.entry, which);
  }

  /**
   * RTO, TLP or REORDER, whose time was staged, instead of whichever of the three there was. With each segment that
   * leaves, and each ACK: in one piece, for who has a row already.
   */
  armXmitStaged(which: number): void {
    const { row, entry, times, staged } = this;
    if (row < 0 || entry === null) {
      this.armStaged(which);
      return;
    }
    const from = startOf(row);
    times[from + RTO] = IDLE;
    times[from + TLP] = IDLE;
    times[from + REORDER] = IDLE;
    times[from + which] = staged[0]!;
    if (staged[0]! < entry.dueNs) this.queue.armFrom(entry, times, from + which);
  }

  /** None of the three waits. */
  disarmXmit(): void {
    if (this.row < 0) return;
    const { times } = this;
    const from = startOf(this.row);
    times[from + RTO] = IDLE;
    times[from + TLP] = IDLE;
    times[from + REORDER] = IDLE;
  }

  private takeRow(): void {
    const { table } = this;
    this.row = table.take();
    this.times = table.block(this.row);
    const from = startOf(this.row);
    this.times.fill(IDLE, from, from + COUNT);
  }

  private giveRow(): void {
    this.table.give(this.row);
    this.row = NONE;
    this.times = NO_TIMES;
  }

  private place(entry: Deadline, which: number): void {
    const at = startOf(this.row) + which;
    if (this.times[at]! < entry.dueNs) this.queue.armFrom(entry, this.times, at);
  }

  disarm(which: number): void {
    if (this.row >= 0) this.times[startOf(this.row) + which] = IDLE;
  }

  /** The connection is over: arming does nothing any more. Idempotent. */
  clear(): void {
    if (this.entry !== null) this.queue.remove(this.entry);
    if (this.row >= 0) this.giveRow();
    this.row = GONE;
  }

  /** The earliest may have moved: fires what is really due, and waits for the rest. */
  expire(): void {
    const clock = this.target.tcp.env;
    for (let which = 0; which < COUNT && this.row >= 0; which++) {
      if (this.times[startOf(this.row) + which]! > clock.nowNs) continue;
      this.disarm(which);
      this.target.deadlinePassed(which);
    }
    const { entry } = this;
    if (entry === null || this.row < 0) return;
    for (let which = 0; which < COUNT; which++) this.place(entry, which);
    if (!entry.isArmed) this.giveRow();
  }
}

export interface DeadlineTarget {
  readonly tcp: { readonly env: Clock };
  deadlinePassed(which: number): void;
}
