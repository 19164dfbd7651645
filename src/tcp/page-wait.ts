/**
 * Connections that wait for pages: writers that were refused, and receivers that had to shut their window. Whoever
 * waited first goes first, as many at a time as there are pages, and a writer that others wait with gets one page;
 * so none waits for ever, and none takes all.
 *
 * Pages come back within a turn of this stack, or within another's with the same memory: who waits looks again
 * ten times a second, too. Why it is so: docs/decisions/0012-pages-are-shared-by-rule.md.
 */
import type { BlockPool } from '../base/block-pool.ts';
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import { MS } from '../base/time.ts';
import type { TcpConnection } from './connection.ts';
import { sparePages } from './page-shares.ts';

const LOOK_AGAIN_NS = 100 * MS;

/** Where a writer stands. */
export const WRITER = { FREE: 0, WAITS: 1, MAY_GO: 2 } as const;

export class PageWait implements Expirable {
  private readonly pages: BlockPool;
  private readonly env: Env;
  private readonly deadlines: DeadlineQueue;
  private readonly deadline: Deadline;
  private readonly writers: TcpConnection[] = [];
  private readonly shut: TcpConnection[] = [];

  constructor(env: Env, deadlines: DeadlineQueue) {
    this.env = env;
    this.pages = env.memory.pages;
    this.deadlines = deadlines;
    this.deadline = new Deadline(this);
  }

  /** How many pages a connection may take for what it is about to write. */
  allowance(c: TcpConnection): number {
    const spare = sparePages(this.pages);
    if (this.writers.length === 0) return spare;
    return c.writer === WRITER.MAY_GO ? Math.min(1, spare) : 0;
  }

  /** It was not given all that it wanted: it is told when it may write. */
  addWriter(c: TcpConnection): void {
    if (c.writer === WRITER.WAITS) return;
    c.setWriter(WRITER.WAITS);
    this.writers.push(c);
    this.look();
  }

  /** Its text was refused: its window is shut until there is memory. */
  addShut(c: TcpConnection): void {
    if (c.isStarved) return;
    c.setStarved(true);
    this.shut.push(c);
    this.look();
  }

  canRetry(): boolean {
    if (this.shut.length > 0 && this.pages.free > 0) return true;
    return this.writers.length > 0 && sparePages(this.pages) > 0;
  }

  /** Those for whom there is a page go on. */
  retry(): void {
    if (this.shut.length > 0) this.reopen(Math.min(this.shut.length, this.pages.free));
    if (this.writers.length > 0) {
      this.wake(Math.min(this.writers.length, sparePages(this.pages)));
    }
  }

  expire(): void {
    this.look(); // the turn goes on with `retry`
  }

  private reopen(count: number): void {
    for (const c of this.shut.splice(0, count)) {
      c.setStarved(false);
      if (c.tcp.isGone(c)) continue;
      c.delack.owe(true);
      c.tcp.wantsOutput(c);
    }
  }

  private wake(count: number): void {
    for (const c of this.writers.splice(0, count)) {
      c.setWriter(WRITER.MAY_GO);
      if (!c.tcp.isGone(c)) c.owner?.writable();
    }
  }

  private look(): void {
    const isAnybody = this.writers.length > 0 || this.shut.length > 0;
    if (isAnybody && !this.deadline.isArmed) {
      this.deadlines.arm(this.deadline, this.env.nowNs + LOOK_AGAIN_NS);
    }
  }

  /** The stack is closing. */
  clear(): void {
    this.writers.length = 0;
    this.shut.length = 0;
    this.deadlines.remove(this.deadline);
  }
}
