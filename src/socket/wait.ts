/**
 * One wait of one application: for files to become ready, and for no longer than a time.
 *
 * A wait ends when a file wakes it, when a file is closed, or when its time has passed. It does not say
 * that the call will now succeed: the application tries again, and waits again if it must.
 *
 *     watch(file) …  start(until)      ─ over ─►  isOver, hasTimedOut;  resume() in the next drainReady
 */
import { assert } from '../base/assert.ts';
import { Deadline, type DeadlineQueue, type Expirable } from '../base/deadline-queue.ts';
import { Link, LinkList } from '../base/link-list.ts';
import { NEVER } from '../base/time.ts';
import { POLL_ALWAYS } from './abi.ts';
import type { OpenFile } from './open-file.ts';
import { type Waiter, WaitLink } from './wait-list.ts';

/** Runs in `drainReady`, when a wait is over. */
export interface Resumable {
  resume(): void;
}

/** The waits that are over and whose applications have not been resumed yet. */
export class WaitQueue {
  readonly deadlines: DeadlineQueue;
  private readonly over = new LinkList<Wait>();

  constructor(deadlines: DeadlineQueue) {
    this.deadlines = deadlines;
  }

  get hasReady(): boolean {
    return this.over.first !== null;
  }

  push(link: Link<Wait>): void {
    this.over.push(link);
  }

  /** Resumes those whose wait is over by now; what they make ready waits for the next turn. */
  drain(): void {
    const { last } = this.over;
    if (last === null) return;
    while (this.over.first !== null) {
      const wait = this.over.shift();
      wait.resume();
      if (wait === last.owner) return;
    }
  }
}

export class Wait implements Waiter, Expirable {
  isOver = true;
  /** The time passed and nothing else happened. */
  hasTimedOut = false;
  /** For drivers that ask instead of being told (a simulator's applications): made once. */
  readonly over: () => boolean = () => this.isOver;
  private readonly queue: WaitQueue;
  private readonly listener: Resumable | null;
  private readonly links: WaitLink[] = [];
  private readonly events: number[] = [];
  private used = 0;
  private readonly deadline: Deadline = new Deadline(this);
  private readonly queueLink: Link<Wait> = new Link(this);
  private isQueued = false;

  /** @param listener null when the driver asks `over`. */
  constructor(queue: WaitQueue, listener: Resumable | null = null) {
    this.queue = queue;
    this.listener = listener;
  }

  /** Adds a file to the next wait; errors and hang-ups always end it. */
  watch(file: OpenFile, events: number): void {
    assert(this.isOver, 'one wait at a time');
    if (this.used === this.links.length) {
      this.links.push(new WaitLink(this));
      this.events.push(0);
    }
    this.events[this.used] = events | POLL_ALWAYS;
    file.waiters.add(this.links[this.used++]!);
  }

  /** Until `untilNs`, or for ever (NEVER). */
  start(untilNs: number): void {
    assert(this.isOver && !this.isQueued, 'one wait at a time');
    this.isOver = false;
    this.hasTimedOut = false;
    if (untilNs !== NEVER) this.queue.deadlines.arm(this.deadline, untilNs);
  }

  /** The application has gone: nothing will resume it. */
  cancel(): void {
    this.detach();
    this.isOver = true;
  }

  woken(link: WaitLink, events: number): void {
    const at = this.links.indexOf(link);
    if ((this.events[at]! & events) !== 0) this.finish();
  }

  closed(): void {
    this.finish();
  }

  expire(): void {
    this.hasTimedOut = true;
    this.finish();
  }

  resume(): void {
    this.isQueued = false;
    this.listener!.resume(); // only waits with a listener are queued
  }

  private finish(): void {
    this.detach();
    this.isOver = true;
    if (this.listener === null || this.isQueued) return;
    this.isQueued = true;
    this.queue.push(this.queueLink);
  }

  private detach(): void {
    for (let i = 0; i < this.used; i++) {
      const link = this.links[i]!;
      if (link.list !== null) link.list.remove(link);
    }
    this.used = 0;
    this.queue.deadlines.remove(this.deadline);
  }
}
