/**
 * Deadlines of one stack: a binary heap on (due time, arming number).
 *
 * A timer is re-armed far more often than it fires, nearly always to a later time (a neighbour seen
 * again, a retransmission timer pushed back by each ACK). So arming later touches only the owner's
 * field: the entry keeps its old place in the heap, and when that place comes up, the queue sees that
 * the deadline has moved and sifts it down once. Arming earlier, or arming what is not in the heap,
 * sifts at once. Disarming writes NEVER and leaves the entry to be dropped when it comes up.
 *
 * Ties fire in the order in which the deadlines were armed, so a run repeats exactly.
 *
 *      dueNs (what the owner wants)   >=   placedNs (where the heap has it)
 *
 * What takes or returns a time is a few bytecodes long, so that the optimiser always inlines it: a double
 * that crosses a real call costs 16 bytes.
 */
import { assert } from './assert.ts';
import { NEVER } from './time.ts';

/** What happens when a deadline passes. `which` tells an owner's deadlines apart. */
export interface Expirable {
  expire(which: number): void;
}

const NOT_PLACED = -1;
/** How often one firing may arm for what is due already before that is taken for a fault of ours. */
const MOST_REARMED = 1_000_000;

export class Deadline {
  /** When it fires, or NEVER. Written by the queue alone: use `arm` and `disarm`. */
  dueNs = NEVER;
  placedNs = NEVER;
  /** When it was armed, and where among equals the heap has it. */
  armedOrder = 0;
  placedOrder = 0;
  place = NOT_PLACED;

  readonly owner: Expirable;
  readonly which: number;

  constructor(owner: Expirable, which: number = 0) {
    this.owner = owner;
    this.which = which;
  }

  get isArmed(): boolean {
    return this.dueNs !== NEVER;
  }
}

export class DeadlineQueue {
  /**
   * The first `count` places are the heap, the rest is null: `pop` and `push` in turn, as the last few
   * timers come and go, made 16 bytes of garbage each time.
   */
  private readonly heap: (Deadline | null)[] = [];
  private count = 0;
  private armed = 0;
  private earliestNs = NEVER;
  private firingNs = 0;
  /** Heap moves so far: lets a test see that re-arming later costs none. */
  moves = 0;

  get size(): number {
    return this.count;
  }

  arm(d: Deadline, dueNs: number): void {
    d.dueNs = dueNs;
    this.place(d);
  }

  /** Arms for `model.dueNs`. Where arming is the rare case it is not inlined, and a double passed is boxed. */
  armAs(d: Deadline, model: { readonly dueNs: number }): void {
    d.dueNs = model.dueNs;
    this.place(d);
  }

  /** Arms for now: see `armAs`. */
  armNow(d: Deadline, clock: { readonly nowNs: number }): void {
    d.dueNs = clock.nowNs;
    this.place(d);
  }

  /** `armAs` for a time that is kept in an array. */
  armFrom(d: Deadline, times: Float64Array, index: number): void {
    d.dueNs = times[index]!;
    this.place(d);
  }

  disarm(d: Deadline): void {
    d.dueNs = NEVER;
  }

  /** Takes the entry out at once: for owners that are about to be reused. */
  remove(d: Deadline): void {
    d.dueNs = NEVER;
    if (d.place !== NOT_PLACED) this.removeAt(d.place);
  }

  /** The earliest armed deadline, or NEVER. Settles moved entries on the way, so it is amortised O(log n). */
  nextNs(): number {
    this.settleTop();
    return this.earliestNs;
  }

  /** Fires what is due at `nowNs`. What a firing arms for `nowNs` or earlier fires too, in turn. */
  fire(nowNs: number): number {
    this.firingNs = nowNs;
    return this.fireDue();
  }

  private fireDue(): number {
    const nowNs = this.firingNs;
    // After a long pause all of them may be due at once; beyond that somebody arms for the past for ever.
    const most = this.count + MOST_REARMED;
    let fired = 0;
    while (this.nextNs() <= nowNs) {
      const d = this.heap[0]!;
      d.dueNs = NEVER;
      this.removeAt(0);
      d.owner.expire(d.which);
      fired++;
      assert(fired < most, 'a deadline re-arms itself for a time that has passed');
    }
    return fired;
  }

  /** Puts an entry whose dueNs was just written where it belongs, or leaves it for settleTop. */
  private place(d: Deadline): void {
    if (d.dueNs === NEVER) return;
    d.armedOrder = this.armed++;
    if (d.place === NOT_PLACED) {
      d.place = this.count;
      this.heap[this.count++] = d;
    } else if (d.dueNs >= d.placedNs) return; // later: settled when it comes up
    d.placedNs = d.dueNs;
    d.placedOrder = d.armedOrder;
    this.up(d);
  }

  /** Leaves the earliest armed entry on top and its time in earliestNs. */
  private settleTop(): void {
    while (this.count > 0) {
      const top = this.heap[0]!;
      if (top.dueNs === NEVER) this.removeAt(0);
      else if (top.armedOrder !== top.placedOrder) this.settle(top);
      else {
        this.earliestNs = top.dueNs;
        return;
      }
    }
    this.earliestNs = NEVER;
  }

  private settle(d: Deadline): void {
    d.placedNs = d.dueNs;
    d.placedOrder = d.armedOrder;
    this.down(d);
  }

  private removeAt(place: number): void {
    const gone = this.heap[place]!;
    const last = this.heap[--this.count]!;
    this.heap[this.count] = null;
    gone.place = NOT_PLACED;
    if (gone === last) return;
    last.place = place;
    this.heap[place] = last;
    this.up(last);
    this.down(last);
  }

  private up(d: Deadline): void {
    const heap = this.heap;
    while (d.place > 0) {
      const parent = heap[(d.place - 1) >> 1]!;
      if (!before(d, parent)) return;
      this.exchange(d, parent);
    }
  }

  private down(d: Deadline): void {
    const heap = this.heap;
    while (true) {
      const left = d.place * 2 + 1;
      if (left >= this.count) return;
      let child = heap[left]!;
      const right = heap[left + 1];
      if (right && before(right, child)) child = right;
      if (!before(child, d)) return;
      this.exchange(d, child);
    }
  }

  private exchange(a: Deadline, b: Deadline): void {
    const place = a.place;
    a.place = b.place;
    b.place = place;
    this.heap[a.place] = a;
    this.heap[b.place] = b;
    this.moves++;
  }
}

function before(a: Deadline, b: Deadline): boolean {
  return a.placedNs < b.placedNs || (a.placedNs === b.placedNs && a.placedOrder < b.placedOrder);
}
