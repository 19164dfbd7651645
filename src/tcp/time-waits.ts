/**
 * All the TIME-WAITs of a stack, and when each is over.
 *
 * Nearly all of them wait equally long, so those that do form a queue in which the first is due first, and the
 * whole queue has one entry in the stack's heap. A queue is a circle of rows with one of its own as its head:
 *
 *     60 s:   head ──► row ──► row ──► row ──┐       another wait (TCP_LINGER2): a queue of its own
 *              ▲─────────────────────────────┘
 */
import { assert } from '../base/assert.ts';
import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { SEC } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import type { Tcp } from './tcp.ts';
import type { TcpState } from './tcp-state.ts';
import { TimeWait } from './time-wait.ts';
import { TimeWaitRows } from './time-wait-rows.ts';

/** Linux counts waits up to this apart (TWKilled). */
const SHORT_NS = 4 * SEC;

class WaitQueue implements Expirable {
  readonly waitNs: number;
  readonly head: number;
  readonly deadline: Deadline;
  private readonly waits: TimeWaits;

  constructor(waits: TimeWaits, waitNs: number, head: number) {
    this.waits = waits;
    this.waitNs = waitNs;
    this.head = head;
    this.deadline = new Deadline(this);
  }

  expire(): void {
    this.waits.passed(this);
  }
}

export class TimeWaits {
  readonly rows = new TimeWaitRows();
  private readonly byWait = new Map<number, WaitQueue>();
  private readonly byHead = new Map<number, WaitQueue>();
  private readonly tcp: Tcp;
  private readonly borrowed: TimeWait;
  private waiting = 0;

  constructor(tcp: Tcp) {
    this.tcp = tcp;
    this.borrowed = new TimeWait(this, tcp);
  }

  get size(): number {
    return this.waiting;
  }

  /** Borrowed: until the next call. */
  at(row: number): TimeWait {
    return this.borrowed.lookAt(row);
  }

  /** For `ss`: one to keep. */
  viewOf(row: number): TimeWait {
    return new TimeWait(this, this.tcp).lookAt(row);
  }

  /**
   * A row takes the connection's place, unless there are tcp_max_tw_buckets of them: then nothing is left of the
   * connection. @param state TIME-WAIT, or FIN-WAIT-2 when nobody reads any more.
   */
  begin(c: TcpConnection, state: TcpState, waitNs: number): void {
    const { mib, ids, config } = this.tcp;
    if (this.waiting >= config.maxTwBuckets) {
      mib.count(ids.TCPTimeWaitOverflow);
      return;
    }
    this.waiting++;
    mib.count(waitNs > SHORT_NS ? ids.TW : ids.TWKilled);
    const row = this.rows.take();
    this.borrowed.fill(row, c, state);
    this.tcp.demux.replaceByRow(c, row);
    this.enqueue(row, waitNs);
  }

  /** From now on. */
  waitAgain(row: number, waitNs: number): void {
    const behind = this.rows.unlink(row);
    this.enqueue(row, waitNs);
    this.closeIfEmpty(behind);
  }

  /** The flow is forgotten. */
  end(row: number): void {
    const behind = this.rows.unlink(row);
    this.waiting--;
    this.tcp.demux.remove(this.at(row));
    this.rows.give(row);
    this.closeIfEmpty(behind);
  }

  /** The first of a queue may be due; with its last one the queue goes too. */
  passed(queue: WaitQueue): void {
    const { rows, tcp } = this;
    const { nowNs } = tcp.env;
    let row = rows.next(queue.head);
    while (row !== queue.head && rows.dueNs(row) <= nowNs) {
      const next = rows.next(row);
      this.end(row);
      row = next;
    }
    if (row !== queue.head) tcp.deadlines.arm(queue.deadline, rows.dueNs(row));
  }

  private enqueue(row: number, waitNs: number): void {
    const queue = this.byWait.get(waitNs) ?? this.open(waitNs);
    const dueNs = this.tcp.env.nowNs + waitNs;
    this.rows.setDue(row, dueNs);
    this.rows.linkBefore(row, queue.head);
    if (!queue.deadline.isArmed) this.tcp.deadlines.arm(queue.deadline, dueNs);
  }

  private open(waitNs: number): WaitQueue {
    const queue = new WaitQueue(this, waitNs, this.rows.take());
    this.byWait.set(waitNs, queue);
    this.byHead.set(queue.head, queue);
    return queue;
  }

  /** Only the head of a queue can be alone. */
  private closeIfEmpty(row: number): void {
    if (this.rows.next(row) !== row) return;
    const queue = this.byHead.get(row);
    assert(queue !== undefined, 'a row that waits is in a queue');
    this.tcp.deadlines.remove(queue.deadline);
    this.byWait.delete(queue.waitNs);
    this.byHead.delete(row);
    this.rows.give(row);
  }
}
