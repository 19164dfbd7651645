import { assert } from './assert.ts';

/** An object's place in one list: made with the object, so that queueing it makes no garbage. */
export class Link<T> {
  next: Link<T> | null = null;
  readonly owner: T;

  constructor(owner: T) {
    this.owner = owner;
  }
}

/** First in, first out. (An array that is emptied gives its memory up: 152 bytes of garbage each time.) */
export class LinkList<T> {
  first: Link<T> | null = null;
  last: Link<T> | null = null;

  /** Precondition: the link is in no list. */
  push(link: Link<T>): void {
    if (this.last === null) this.first = link;
    else this.last.next = link;
    this.last = link;
  }

  shift(): T {
    const link = this.first;
    assert(link !== null, 'shift of an empty list');
    this.first = link.next;
    if (this.first === null) this.last = null;
    link.next = null;
    return link.owner;
  }
}
