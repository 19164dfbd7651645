/**
 * Epoll: files that are watched, and a list of those that may be ready.
 *
 *     file.waiters.wake ──► item (asked for this?) ──► ready list ──► epollWait asks the file itself
 *
 * The list is a hint and the file is the truth, as on Linux: waiting asks each file on the list what holds
 * now, reports it if something does, and puts it back at the end when it is level-triggered. So a wake-up
 * costs O(1), a wait costs O(files on the list), and nobody starves while a batch is smaller than the list.
 */
import { EBADF, EEXIST, EINVAL, ELOOP, ENOENT } from '../base/errno.ts';
import { Link, LinkList } from '../base/link-list.ts';
import {
  EPOLL,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLLWAKEUP,
  POLL,
  POLL_ALWAYS,
  POLL_READABLE,
} from './abi.ts';
import { OpenFile } from './open-file.ts';
import { type Waiter, WaitLink } from './wait-list.ts';

/** Bits of `events` that say how, not what for. */
const HOW = EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE;
/** Epoll instances watching epoll instances, one in the other: EP_MAX_NESTS and the first. */
const MAX_DEPTH = 5;

/** As Linux's EPOLLEXCLUSIVE_OK_BITS. */
const EXCLUSIVE_EVENTS = POLL.IN | POLL.OUT | POLL_ALWAYS | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

/** EPOLLEXCLUSIVE asks that not all who wait be woken, but one or more: here it is all. Not for epoll itself. */
function mayExclude(file: OpenFile, events: number): boolean {
  if ((events & EPOLLEXCLUSIVE) === 0) return true;
  return !(file instanceof Epoll) && (events & ~EXCLUSIVE_EVENTS) === 0;
}

/** Where `epollWait` puts what it found: entry i is `events[i]` with its data. */
export class EpollEvents {
  readonly events: Int32Array;
  readonly data: Float64Array;

  constructor(capacity: number) {
    this.events = new Int32Array(capacity);
    this.data = new Float64Array(capacity);
  }
}

/** One watched descriptor. */
class Item implements Waiter {
  readonly epoll: Epoll;
  readonly fd: number;
  readonly file: OpenFile;
  readonly link: WaitLink = new WaitLink(this);
  readonly readyLink: Link<Item> = new Link(this);
  /** What it is watched for, errors and hang-ups always; nothing but HOW bits once a one-shot has been reported. */
  events = 0;
  /** The application's own, as EpollEvents has it: a whole number or any other. */
  data = 0;
  isListed = false;
  isGone = false;

  constructor(epoll: Epoll, fd: number, file: OpenFile) {
    this.epoll = epoll;
    this.fd = fd;
    this.file = file;
  }

  /** What to report now; a one-shot that was reported reports nothing, errors included. */
  found(): number {
    return this.file.ready() & this.events & ~HOW;
  }

  set(events: number, data: number): void {
    this.events = events | POLL_ALWAYS;
    this.data = data;
  }

  woken(_link: WaitLink, events: number): void {
    if ((events & this.events & ~HOW) !== 0) this.epoll.list(this);
  }

  closed(): void {
    this.epoll.forget(this);
  }
}

export class Epoll extends OpenFile {
  private readonly items = new Map<OpenFile, Item[]>();
  private readonly listed = new LinkList<Item>();
  private watched = 0;

  /** Descriptors watched. */
  get size(): number {
    return this.watched;
  }

  override ioctl(): number {
    return -EINVAL;
  }

  /** EPOLL_CTL_*: 0 or -errno. */
  control(op: number, fd: number, file: OpenFile, events: number, data: number): number {
    if (file === this) return -EINVAL;
    const item = this.items.get(file)?.find((i) => i.fd === fd);
    switch (op) {
      case EPOLL.ADD:
        if (!mayExclude(file, events)) return -EINVAL;
        return item === undefined ? this.add(fd, file, events, data) : -EEXIST;
      case EPOLL.MOD:
        if ((events & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
        if (item === undefined) return -ENOENT;
        if ((item.events & EPOLLEXCLUSIVE) !== 0) return -EINVAL;
        item.set(events, data);
        if (item.found() !== 0) this.list(item);
        return 0;
      case EPOLL.DEL:
        if (item === undefined) return -ENOENT;
        file.waiters.remove(item.link);
        this.forget(item);
        return 0;
      default:
        return -EINVAL;
    }
  }

  /** Up to `max` entries, without waiting. */
  take(out: EpollEvents, max: number): number {
    if (max <= 0 || max > out.events.length) return -EINVAL;
    const { last } = this.listed;
    if (last === null) return 0;
    let n = 0;
    while (n < max) {
      const item = this.listed.shift();
      item.isListed = false;
      const found = item.isGone ? 0 : item.found();
      if (found !== 0) {
        out.events[n] = found;
        out.data[n] = item.data;
        n++;
        if ((item.events & EPOLLONESHOT) !== 0) item.events &= HOW;
        else if ((item.events & EPOLLET) === 0) this.put(item);
      }
      if (item === last.owner) break;
    }
    return n;
  }

  /** Readable while something on the list is ready; what is not leaves it. */
  ready(): number {
    while (this.listed.first !== null) {
      const item = this.listed.first.owner;
      if (!item.isGone && item.found() !== 0) return POLL_READABLE;
      this.listed.shift();
      item.isListed = false;
    }
    return 0;
  }

  /** For items: it may be ready. */
  list(item: Item): void {
    if (!item.isListed) this.put(item);
    this.waiters.wake(POLL_READABLE);
  }

  /** For items: the file is gone, or is watched no more; its link is out of the file's list. */
  forget(item: Item): void {
    item.isGone = true; // it may still be on the ready list, and is dropped when it comes up
    this.watched--;
    const same = this.items.get(item.file)!;
    if (same.length === 1) this.items.delete(item.file);
    else same.splice(same.indexOf(item), 1);
  }

  /** How deep epoll instances are stacked below this one, itself included; `limit` and more: too deep. */
  depth(limit: number): number {
    let deepest = 0;
    if (limit > 0) {
      for (const file of this.items.keys()) {
        if (file instanceof Epoll) deepest = Math.max(deepest, file.depth(limit - 1));
      }
    }
    return deepest + 1;
  }

  protected destroy(): number {
    for (const same of this.items.values()) {
      for (const item of same) {
        item.file.waiters.remove(item.link);
        item.isGone = true;
      }
    }
    this.items.clear();
    this.watched = 0;
    return 0;
  }

  private add(fd: number, file: OpenFile, events: number, data: number): number {
    if (file.isClosed) return -EBADF;
    if (file instanceof Epoll && (file.watches(this) || file.depth(MAX_DEPTH) >= MAX_DEPTH)) {
      return -ELOOP;
    }
    const item = new Item(this, fd, file);
    item.set(events, data);
    const same = this.items.get(file);
    if (same === undefined) this.items.set(file, [item]);
    else same.push(item);
    this.watched++;
    file.waiters.add(item.link);
    if (item.found() !== 0) this.list(item);
    return 0;
  }

  private watches(other: Epoll): boolean {
    for (const file of this.items.keys()) {
      if (file === other || (file instanceof Epoll && file.watches(other))) return true;
    }
    return false;
  }

  private put(item: Item): void {
    item.isListed = true;
    this.listed.push(item.readyLink);
  }
}
