/**
 * Who waits for a file: an epoll instance that watches it, an application that is blocked in a call on it.
 * To wake means to put on a list, never to run: applications run in `drainReady` alone.
 */
import { assert } from '../base/assert.ts';

export interface Waiter {
  /** The file became ready for some of `events` (POLL bits, perhaps more than the waiter asked for). */
  woken(link: WaitLink, events: number): void;
  /** The file is gone; the link is in its list no more. */
  closed(link: WaitLink): void;
}

/** A waiter's place in one list, reusable. The list alone writes it. */
export class WaitLink {
  previous: WaitLink | null = null;
  next: WaitLink | null = null;
  list: WaitList | null = null;
  readonly waiter: Waiter;

  constructor(waiter: Waiter) {
    this.waiter = waiter;
  }
}

export class WaitList {
  private first: WaitLink | null = null;

  get isEmpty(): boolean {
    return this.first === null;
  }

  add(link: WaitLink): void {
    assert(link.list === null, 'a link is in one list');
    link.list = this;
    link.next = this.first;
    if (this.first !== null) this.first.previous = link;
    this.first = link;
  }

  remove(link: WaitLink): void {
    assert(link.list === this, 'removed from where it is');
    if (link.previous === null) this.first = link.next;
    else link.previous.next = link.next;
    if (link.next !== null) link.next.previous = link.previous;
    link.list = null;
    link.previous = null;
    link.next = null;
  }

  /** A waiter may take itself out while it is told, with all the links it has here. */
  wake(events: number): void {
    let link = this.first;
    while (link !== null) {
      const { next } = link;
      link.waiter.woken(link, events);
      const isGone = next !== null && next.list !== this;
      link = isGone ? this.first : next; // from the start: to be told twice does no harm
    }
  }

  /** The file goes: everyone is told, once. */
  close(): void {
    while (this.first !== null) {
      const link = this.first;
      this.remove(link);
      link.waiter.closed(link);
    }
  }
}
