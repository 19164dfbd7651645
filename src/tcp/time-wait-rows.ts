/**
 * Where TIME-WAITs are kept: a row of sixteen words each, one cache line, in blocks that are never copied.
 * A server that closes first has as many of them as it serves connections in a minute, so nothing in a row is an
 * object but its claim to the local port, which it shares with the connections beside it and which knows the
 * local address. Times other than the end of the wait are milliseconds by a clock that wraps.
 *
 * What is done with a row is `TimeWait`'s affair, when its wait is over `TimeWaits`'.
 */
import { type Address, addressEquals } from '../wire/address.ts';
import type { FlowRows } from './flow-table.ts';
import type { PortHold } from './port-holds.ts';

/** The words of a row. */
export const TW = {
  REMOTE: 0, // four
  REMOTE_PORT: 4,
  SND_NXT: 5,
  RCV_NXT: 6,
  RCV_WND: 7,
  /** By how much that field is shifted; with HAS_TIMESTAMPS. */
  AGREED: 8,
  /** When it entered the state. */
  SINCE_MS: 9,
  TS_OFFSET: 10,
  TS_RECENT: 11,
  TS_RECENT_MS: 12,
  /** When a segment that was not wanted was last answered. */
  UNWANTED_MS: 13,
  /** One of STATE. */
  STATE: 14,
  /** What its IP headers are like: tos, ttl and PMTUDISC, a byte each. */
  IP: 15,
} as const;
/** In AGREED, beside the shift. */
export const HAS_TIMESTAMPS = 1 << 8;
const ROW_BITS = 4;
const BLOCK_BITS = 8;
const BLOCK_ROWS = 1 << BLOCK_BITS;
const IN_BLOCK = BLOCK_ROWS - 1;

/** Some rows, and how they hang together. */
class Block {
  readonly words = new Int32Array(BLOCK_ROWS << ROW_BITS);
  readonly dueNs = new Float64Array(BLOCK_ROWS);
  readonly next = new Int32Array(BLOCK_ROWS);
  readonly previous = new Int32Array(BLOCK_ROWS);
}

export class TimeWaitRows implements FlowRows {
  private readonly blocks: Block[] = [];
  private readonly holds: (PortHold | null)[] = [];
  /** The free rows, one pointing at the next. */
  private firstFree = -1;
  private used = 0;

  /** A row, alone in a circle of its own. */
  take(): number {
    let row = this.firstFree;
    if (row >= 0) this.firstFree = this.next(row);
    else {
      row = this.used++;
      if ((row & IN_BLOCK) === 0) this.blocks.push(new Block());
      this.holds[row] = null;
    }
    this.setNext(row, row);
    this.setPrevious(row, row);
    return row;
  }

  give(row: number): void {
    this.holds[row] = null;
    this.setNext(row, this.firstFree);
    this.firstFree = row;
  }

  get(row: number, field: number): number {
    return this.blocks[row >> BLOCK_BITS]!.words[((row & IN_BLOCK) << ROW_BITS) | field]!;
  }

  set(row: number, field: number, value: number): void {
    this.blocks[row >> BLOCK_BITS]!.words[((row & IN_BLOCK) << ROW_BITS) | field] = value;
  }

  /** Its claim to the local port. Null: the row is no flow. */
  hold(row: number): PortHold | null {
    return this.holds[row]!;
  }

  setHold(row: number, hold: PortHold): void {
    this.holds[row] = hold;
  }

  dueNs(row: number): number {
    return this.blocks[row >> BLOCK_BITS]!.dueNs[row & IN_BLOCK]!;
  }

  setDue(row: number, dueNs: number): void {
    this.blocks[row >> BLOCK_BITS]!.dueNs[row & IN_BLOCK] = dueNs;
  }

  isFlow(
    row: number,
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
  ): boolean {
    const { words } = this.blocks[row >> BLOCK_BITS]!;
    const o = (row & IN_BLOCK) << ROW_BITS;
    const { local: ours, port } = this.holds[row]!; // it is a flow
    return (
      words[o + TW.REMOTE_PORT] === remotePort &&
      words[o + TW.REMOTE + 3] === remote.w3 &&
      words[o + TW.REMOTE + 2] === remote.w2 &&
      words[o + TW.REMOTE + 1] === remote.w1 &&
      words[o + TW.REMOTE] === remote.w0 &&
      port === localPort &&
      addressEquals(ours, local)
    );
  }

  // ---- circles ----

  next(row: number): number {
    return this.blocks[row >> BLOCK_BITS]!.next[row & IN_BLOCK]!;
  }

  /** Puts a row that is alone in front of another: behind the last one, when that is where the circle begins. */
  linkBefore(row: number, other: number): void {
    const last = this.previous(other);
    this.setNext(row, other);
    this.setPrevious(row, last);
    this.setNext(last, row);
    this.setPrevious(other, row);
  }

  /** Takes it out; returns the one that came behind it. */
  unlink(row: number): number {
    const next = this.next(row);
    const previous = this.previous(row);
    this.setNext(previous, next);
    this.setPrevious(next, previous);
    this.setNext(row, row);
    this.setPrevious(row, row);
    return next;
  }

  private previous(row: number): number {
    return this.blocks[row >> BLOCK_BITS]!.previous[row & IN_BLOCK]!;
  }

  private setNext(row: number, to: number): void {
    this.blocks[row >> BLOCK_BITS]!.next[row & IN_BLOCK] = to;
  }

  private setPrevious(row: number, to: number): void {
    this.blocks[row >> BLOCK_BITS]!.previous[row & IN_BLOCK] = to;
  }
}
