/**
 * Connections that wait for pages: writers that were refused, and receivers that had to shut their window.
 *
 * Who waits for the pool waits in a queue: whoever waited first goes first, as many at a time as there are pages, and
 * a writer that others wait with gets one page; so none waits for ever, and none takes all. Who waits for the
 * account of the stack (`tcp-memory`) stands in nobody's way, as everybody has his share of it.
 *
 * Pages come back within a turn of this stack, or within another's with the same memory: who waits looks again
 * ten times a second, too. Why it is so: docs/decisions/0012-pages-are-shared-by-rule.md.
 */
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import { MS } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { sparePages } from './page-shares.ts';
import type { TcpMemory } from './tcp-memory.ts';

const LOOK_AGAIN_NS = 100 * MS;

/** Where a writer stands. */
export const WRITER = { FREE: 0, WAITS: 1, MAY_GO: 2 } as const;

export class PageWait implements Expirable {
  private readonly memory: TcpMemory;
  private readonly env: Env;
  private readonly deadlines: DeadlineQueue;
  private readonly deadline: Deadline;
  /** For the pool, and for the account. */
  private writers: TcpConnection[] = [];
  private bounded: TcpConnection[] = [];
  private readonly shut = new Set<TcpConnection>();
  /** False: nobody is in any of the three, so that a turn need not look. */
  hasWaiting = false;

  constructor(env: Env, memory: TcpMemory, deadlines: DeadlineQueue) {
    this.env = env;
    this.memory = memory;
    this.deadlines = deadlines;
    this.deadline = new Deadline(this);
  }

  /** How many pages a connection may take for what it is about to write. */
  allowance(c: TcpConnection): number {
    const { memory } = this;
    const most = Math.min(sparePages(memory.pages), memory.pagesToSend(c.sendQueue.pageCount));
    if (this.writers.length === 0) return most;
    return c.writer === WRITER.MAY_GO ? Math.min(1, most) : 0;
  }

  /** It was not given all that it wanted: it is told when it may write. */
  addWriter(c: TcpConnection): void {
    if (c.writer === WRITER.WAITS) return;
    c.setWriter(WRITER.WAITS);
    const isBound = this.memory.pagesToSend(c.sendQueue.pageCount) === 0;
    (isBound ? this.bounded : this.writers).push(c);
    this.awaited(c);
  }

  /** Its text was refused: its window is shut until there is memory. */
  addShut(c: TcpConnection): void {
    if (c.isStarved) return;
    c.setStarved(true);
    this.shut.add(c);
    this.awaited(c);
  }

  /** All that it had has been read: the text that comes next finds a page. */
  drained(c: TcpConnection): void {
    if (this.memory.pages.free === 0) return; // it is nobody's turn
    this.shut.delete(c);
    this.reopen(c);
  }

  canRetry(): boolean {
    if (!this.hasWaiting) return false;
    return this.toReopen() > 0 || this.toWake() > 0 || this.toUnbind() > 0;
  }

  /** Those for whom there is a page go on. */
  retry(): void {
    if (!this.hasWaiting) return;
    let count = this.toReopen();
    if (count > 0) {
      for (const c of this.shut) {
        this.shut.delete(c);
        this.reopen(c);
        if (--count === 0) break;
      }
    }
    this.wake(this.writers, this.toWake());
    this.wake(this.bounded, this.toUnbind());
    this.hasWaiting = this.isAnybodyThere();
  }

  private toReopen(): number {
    const { size } = this.shut;
    if (size === 0) return 0;
    return Math.min(size, this.memory.pages.free, this.memory.pagesToLimit());
  }

  private toWake(): number {
    const { length } = this.writers;
    return length === 0 ? 0 : Math.min(length, sparePages(this.memory.pages));
  }

  private toUnbind(): number {
    const { length } = this.bounded;
    return length === 0 ? 0 : Math.min(length, this.memory.freePages());
  }

  expire(): void {
    this.writers = this.writers.filter(isThere);
    this.bounded = this.bounded.filter(isThere);
    for (const c of this.shut) {
      if (!isThere(c)) this.shut.delete(c);
      else if (c.received.chargedBytes === 0) this.drained(c);
    }
    this.look(); // the turn goes on with `retry`
  }

  private reopen(c: TcpConnection): void {
    c.setStarved(false);
    if (!isThere(c)) return;
    c.delack.owe(true);
    c.tcp.wantsOutput(c);
  }

  private wake(waiting: TcpConnection[], count: number): void {
    if (count === 0) return;
    for (const c of waiting.splice(0, count)) {
      c.setWriter(WRITER.MAY_GO);
      if (isThere(c)) c.owner?.writable();
    }
  }

  /** Somebody was added. */
  private awaited(c: TcpConnection): void {
    this.hasWaiting = true;
    c.tcp.net.bell.ring();
    this.look();
  }

  private isAnybodyThere(): boolean {
    return this.writers.length > 0 || this.bounded.length > 0 || this.shut.size > 0;
  }

  private look(): void {
    if (this.isAnybodyThere() && !this.deadline.isArmed) {
      this.deadlines.arm(this.deadline, this.env.nowNs + LOOK_AGAIN_NS);
    }
  }

  /** The stack is closing. */
  clear(): void {
    this.writers = [];
    this.bounded = [];
    this.shut.clear();
    this.deadlines.remove(this.deadline);
  }
}

const isThere = (c: TcpConnection): boolean => !c.tcp.isGone(c);
