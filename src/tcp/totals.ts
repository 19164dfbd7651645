/**
 * What a connection has sent and received since it began: TCP_INFO's totals. They are counted on every
 * segment and read by people, so they lie in a row of the stack's table, 8 bytes each.
 *
 * Segments are MSS pieces: a super-frame counts for as many as it is cut into. The SYN counts as one byte
 * acknowledged and one segment, as on Linux.
 */
import { assert } from '../base/assert.ts';
import type { Env } from '../base/env.ts';
import { inBlock, type RowTable } from '../base/row-table.ts';
import { MS } from '../base/time.ts';

/** Places in a row. */
export const TOTAL = {
  SEGS_OUT: 0,
  SEGS_IN: 1,
  DATA_SEGS_OUT: 2,
  DATA_SEGS_IN: 3,
  BYTES_SENT: 4,
  BYTES_ACKED: 5,
  BYTES_RECEIVED: 6,
  BYTES_RETRANS: 7,
  RETRANS: 8,
  DSACK_DUPS: 9,
  OUT_OF_ORDER: 10,
  /** Timeouts, runs of them, and how long those runs lasted. */
  RTO: 11,
  RTO_RUNS: 12,
  RTO_NS: 13,
  /** When the present run began; 0: there is none. */
  RTO_SINCE_NS: 14,
  /** The chronograph: see chrono.ts. */
  SINCE_NS: 15,
  BUSY_NS: 16,
  RWND_NS: 17,
  SNDBUF_NS: 18,
} as const;
export const TOTALS_WIDTH = 19;

// Own constants: see CONTRIBUTING.md, "Hot modules".
const { SEGS_OUT, SEGS_IN, DATA_SEGS_OUT, DATA_SEGS_IN, BYTES_SENT, RTO_SINCE_NS } = TOTAL;

export class Totals {
  private readonly table: RowTable;
  private row = 0;
  private readonly cells: Float64Array;
  private readonly env: Env;

  constructor(table: RowTable, env: Env) {
    this.table = table;
    this.row = table.take();
    this.cells = table.block(this.row);
    this.env = env;
  }

  /** What the handshake has done already: its SYNs, and what came back. */
  opened(isActive: boolean, retransmissions: number, timeouts: number, timeoutMs: number): void {
    this.add(TOTAL.SEGS_IN, 1);
    if (isActive) {
      this.add(TOTAL.SEGS_OUT, 1 + retransmissions);
      this.add(TOTAL.BYTES_ACKED, 1);
    }
    if (retransmissions > 0) this.add(TOTAL.RETRANS, retransmissions);
    if (timeouts === 0) return;
    this.add(TOTAL.RTO, timeouts);
    this.add(TOTAL.RTO_RUNS, 1);
    this.add(TOTAL.RTO_NS, timeoutMs * MS);
  }

  /** The SYN that `opened` counts had text (RFC 7413). */
  sentWithSyn(textLen: number): void {
    this.add(TOTAL.DATA_SEGS_OUT, 1);
    this.add(TOTAL.BYTES_SENT, textLen);
  }

  /** And so had the peer's. */
  textWithSyn(pieces: number): void {
    this.add(TOTAL.DATA_SEGS_IN, pieces);
  }

  segmentIn(pieces: number, textLen: number): void {
    const { cells } = this;
    const from = this.place();
    cells[from + SEGS_IN]! += pieces;
    if (textLen > 0) cells[from + DATA_SEGS_IN]! += pieces;
  }

  segmentOut(pieces: number, textLen: number): void {
    const { cells } = this;
    const from = this.place();
    cells[from + SEGS_OUT]! += pieces;
    if (textLen === 0) return;
    cells[from + DATA_SEGS_OUT]! += pieces;
    cells[from + BYTES_SENT]! += textLen;
  }

  retransmitted(pieces: number, textLen: number): void {
    this.add(TOTAL.RETRANS, pieces);
    this.add(TOTAL.BYTES_RETRANS, textLen);
  }

  /** SND.UNA advanced. */
  acknowledged(seqLen: number): void {
    this.add(TOTAL.BYTES_ACKED, seqLen);
  }

  /** RCV.NXT advanced. */
  received(seqLen: number): void {
    this.add(TOTAL.BYTES_RECEIVED, seqLen);
  }

  outOfOrder(pieces: number): void {
    this.add(TOTAL.OUT_OF_ORDER, pieces);
  }

  duplicatesReported(pieces: number): void {
    this.add(TOTAL.DSACK_DUPS, pieces);
  }

  /** The retransmission timer fired; `isFirst` since something was acknowledged. */
  timedOut(isFirst: boolean): void {
    const { cells } = this;
    const from = inBlock(this.row);
    this.add(TOTAL.RTO, 1);
    if (!isFirst) return;
    this.add(TOTAL.RTO_RUNS, 1);
    if (cells[from + TOTAL.RTO_SINCE_NS] === 0) {
      cells[from + TOTAL.RTO_SINCE_NS] = this.env.nowNs;
    }
  }

  /** The sender has left the Loss state: what the timeouts interrupted goes on. */
  timeoutsOver(): void {
    if (this.row < 0 || this.cells[inBlock(this.row) + RTO_SINCE_NS] === 0) return;
    this.endRun(inBlock(this.row));
  }

  /** Time since the last call goes to `to`, one of the chronograph's places; 0: to nobody. */
  passTime(to: number): void {
    if (this.row < 0) return;
    const { cells } = this;
    const from = inBlock(this.row);
    const now = this.env.nowNs;
    if (to !== 0) cells[from + to]! += now - cells[from + TOTAL.SINCE_NS]!;
    cells[from + TOTAL.SINCE_NS] = now;
  }

  /** 0 once the connection is gone. */
  get(which: number): number {
    return this.row < 0 ? 0 : this.cells[inBlock(this.row) + which]!;
  }

  /** The run of timeouts that is not over counts up to now. */
  timeoutNs(): number {
    const since = this.get(TOTAL.RTO_SINCE_NS);
    return this.get(TOTAL.RTO_NS) + (since === 0 ? 0 : this.env.nowNs - since);
  }

  /** The connection's memory goes back. Idempotent; afterwards it must not be asked. */
  release(): void {
    if (this.row < 0) return;
    this.table.give(this.row);
    this.row = -1;
  }

  private endRun(from: number): void {
    const { cells } = this;
    cells[from + TOTAL.RTO_NS]! += this.env.nowNs - cells[from + RTO_SINCE_NS]!;
    cells[from + RTO_SINCE_NS] = 0;
  }

  private add(which: number, n: number): void {
    this.cells[this.place() + which]! += n;
  }

  /** Where its row begins. */
  private place(): number {
    assert(this.row >= 0, 'a connection that is gone sends and receives nothing');
    return inBlock(this.row);
  }
}
