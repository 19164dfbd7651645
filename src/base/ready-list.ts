/**
 * Who has to be told something: filled while frames come in and deadlines fire, emptied by `drain`, which runs
 * those who listen. So input never calls an application, and each is told once a turn however much happened.
 */
import { Bell } from './bell.ts';
import { Link, LinkList } from './link-list.ts';

export interface ReadyTarget {
  /** What happened since it was last told, as the target's own bits. */
  onReady(bits: number): void;
}

/** A target's place among the ready: made with it, so that marking makes no garbage. */
export class ReadyMark {
  /** What it has not been told of yet. */
  bits = 0;
  readonly link: Link<ReadyMark> = new Link(this);
  readonly target: ReadyTarget;

  constructor(target: ReadyTarget) {
    this.target = target;
  }

  /** Adds bits; returns whether there were none. */
  add(bits: number): boolean {
    const isFirst = this.bits === 0;
    this.bits |= bits;
    return isFirst;
  }

  /** Forgets the bits and returns them. */
  take(): number {
    const { bits } = this;
    this.bits = 0;
    return bits;
  }
}

export class ReadyList {
  private readonly list = new LinkList<ReadyMark>();
  private readonly bell: Bell;

  /** @param bell rung when somebody is ready. Default: one that nobody hears. */
  constructor(bell: Bell = new Bell()) {
    this.bell = bell;
  }

  get hasReady(): boolean {
    return this.list.first !== null;
  }

  /** @param bits not 0. */
  mark(m: ReadyMark, bits: number): void {
    if (!m.add(bits)) return;
    this.list.push(m.link);
    this.bell.ring();
  }

  /** What the targets make ready waits for the next turn; when one throws, the rest are told in the next turn. */
  drain(): void {
    const { last } = this.list;
    if (last === null) return;
    // A target may close the stack, which empties the list.
    while (this.list.first !== null) {
      const m = this.list.shift();
      m.target.onReady(m.take());
      if (m === last.owner) return;
    }
  }
}
