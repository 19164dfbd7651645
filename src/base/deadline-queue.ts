/**
 * Deadlines of one stack, or of a simulation: a heap on (due time, arming number), four children to a parent.
 *
 * A timer is re-armed far more often than it fires, nearly always to a later time (a neighbour seen
 * again, a retransmission timer pushed back by each ACK). So arming later touches only the owner's
 * field: the entry keeps its old place in the heap, and when that place comes up, the queue sees that
 * the deadline has moved and sifts it down once. Arming earlier, or arming what is not in the heap,
 * sifts at once. Disarming writes NEVER and leaves the entry to be dropped when it comes up. What fires
 * keeps its place until it is known whether it was armed again meanwhile.
 *
 * What a firing arms for this very instant (a frame arrives, and its host wants a turn) waits in a line,
 * behind what the heap has for this instant: that was armed before.
 *
 * Ties fire in the order in which the deadlines were armed, so a run repeats exactly.
 *
 *      dueNs (what the owner wants)   >=   times[place] (where the heap has it), unless it waits in line
 *
 * What takes or returns a time is a few bytecodes long, so that the optimiser always inlines it: a double
 * that crosses a real call costs 16 bytes.
 */
import { assert } from './assert.ts';
import { NEVER as NEVER_NS } from './time.ts';

// Own constants: see CONTRIBUTING.md, "Hot modules".
const NEVER = NEVER_NS;

/** What happens when a deadline passes. `which` tells an owner's deadlines apart. */
export interface Expirable {
  expire(which: number): void;
}

const NOT_PLACED = -1;
const INITIAL_PLACES = 64;
/** How often one firing may arm for what is due already before that is taken for a fault of ours. */
const MOST_REARMED = 1_000_000;

export class Deadline {
  /** When it fires, or NEVER. Written by the queue alone: use `arm` and `disarm`. */
  dueNs = NEVER;
  /** When it was armed, among all armings. */
  armedOrder = 0;
  place = NOT_PLACED;
  /** In the line for the instant that fires, as it was armed last. */
  isInLine = false;

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
   * timers come and go, made 16 bytes of garbage each time. What the heap goes by is beside it.
   */
  private readonly heap: (Deadline | null)[] = [];
  private times = new Float64Array(INITIAL_PLACES);
  private orders = new Float64Array(INITIAL_PLACES);
  private count = 0;
  /** Armed for the instant that fires: `lineEnd` of them, those before `lineAt` have had their turn. */
  private readonly line: (Deadline | null)[] = [];
  private readonly lineOrders: number[] = [];
  private lineAt = 0;
  private lineEnd = 0;
  private armed = 0;
  /** What is armed earliest, as `settle` found it. */
  earliestNs = NEVER;
  private firingNs = NEVER;
  private isFiring = false;
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
    this.settle();
    return this.earliestNs;
  }

  /**
   * Fires what is due at `nowNs`. What a firing arms for `nowNs` or earlier fires too, in turn. No longer than this, so that it
   * is inlined everywhere: the time would be boxed, each turn.
   */
  fire(nowNs: number): number {
    this.firingNs = nowNs;
    return this.fireDue();
  }

  private fireDue(): number {
    assert(!this.isFiring, 'what a firing calls fires nothing itself');
    // No deadline is earlier than its place in the heap says.
    if (this.count === 0 || this.times[0]! > this.firingNs) {
      this.firingNs = NEVER;
      return 0;
    }
    // After a long pause all of them may be due at once; beyond that somebody arms for the past for ever.
    const most = this.count + MOST_REARMED;
    let fired = 0;
    this.isFiring = true;
    try {
      while (true) {
        const d = this.nextDue();
        if (d === null) return fired;
        d.dueNs = NEVER;
        d.owner.expire(d.which);
        fired++;
        assert(fired < most, 'a deadline re-arms itself for a time that has passed');
      }
    } finally {
      this.isFiring = false;
      this.firingNs = NEVER;
      if (this.lineEnd > 0) this.emptyLine();
    }
  }

  /** Puts an entry whose dueNs was just written where it belongs, or leaves it for settle. */
  private place(d: Deadline): void {
    d.isInLine = false;
    if (d.dueNs === NEVER) return;
    d.armedOrder = this.armed++;
    if (d.dueNs === this.firingNs) this.standInLine(d);
    else if (d.place === NOT_PLACED) this.insert(d);
    else if (d.dueNs < this.times[d.place]!) this.rise(d); // later: settled when it comes up
  }

  private insert(d: Deadline): void {
    if (this.count === this.times.length) this.grow();
    d.place = this.count++;
    this.rise(d);
  }

  private standInLine(d: Deadline): void {
    d.isInLine = true;
    this.line[this.lineEnd] = d;
    this.lineOrders[this.lineEnd++] = d.armedOrder;
  }

  /** What fires next at this instant, or null. */
  private nextDue(): Deadline | null {
    const { firingNs } = this;
    while (this.count > 0 && this.times[0]! <= firingNs) {
      const top = this.heap[0]!;
      if (top.dueNs === NEVER || top.isInLine) this.removeAt(0);
      else if (top.armedOrder === this.orders[0]!) return top;
      else this.sinkTop(top);
    }
    return this.lineEnd === 0 ? null : this.nextInLine();
  }

  /** The next of the line that was neither disarmed nor armed again, or null: the line is empty. */
  private nextInLine(): Deadline | null {
    while (this.lineAt < this.lineEnd) {
      const d = this.line[this.lineAt]!;
      const isLatest = d.armedOrder === this.lineOrders[this.lineAt];
      this.line[this.lineAt++] = null;
      if (!isLatest || !d.isInLine) continue;
      d.isInLine = false;
      if (d.dueNs !== NEVER) return d;
    }
    this.lineAt = 0;
    this.lineEnd = 0;
    return null;
  }

  /** A firing threw: those behind it fire another time. */
  private emptyLine(): void {
    let d = this.nextInLine();
    while (d !== null) {
      this.place(d);
      d = this.nextInLine();
    }
  }

  /**
   * Leaves the earliest armed entry of the heap on top and its time in earliestNs: for whoever asks where `nextNs` may
   * not be inlined.
   */
  settle(): void {
    while (this.count > 0) {
      const top = this.heap[0]!;
      const topNs = this.times[0]!;
      const isSettled = top.armedOrder === this.orders[0]!;
      if (top.dueNs === NEVER || (top.isInLine && topNs <= this.firingNs)) this.removeAt(0);
      else if (isSettled || top.isInLine) {
        this.earliestNs = topNs;
        return;
      } else this.sinkTop(top);
    }
    this.earliestNs = NEVER;
  }

  /** To where it belongs as it was armed last. */
  private sinkTop(top: Deadline): void {
    this.times[0] = top.dueNs;
    this.orders[0] = top.armedOrder;
    this.down(0);
  }

  private removeAt(place: number): void {
    const { heap, times, orders } = this;
    heap[place]!.place = NOT_PLACED;
    const end = --this.count;
    const last = heap[end]!;
    heap[end] = null;
    if (place === end) return;
    heap[place] = last;
    last.place = place;
    times[place] = times[end]!;
    orders[place] = orders[end]!;
    this.up(place);
    if (last.place === place) this.down(place);
  }

  /** To where it belongs from its place or above, as it was armed last. */
  private rise(d: Deadline): void {
    const { place } = d;
    this.heap[place] = d;
    this.times[place] = d.dueNs;
    this.orders[place] = d.armedOrder;
    this.up(place);
  }

  private up(from: number): void {
    const { heap, times, orders } = this;
    const d = heap[from]!;
    const ns = times[from]!;
    const order = orders[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const parentNs = times[parent]!;
      if (ns > parentNs || (ns === parentNs && order > orders[parent]!)) break;
      this.move(parent, at);
      at = parent;
    }
    if (at === from) return;
    heap[at] = d;
    d.place = at;
    times[at] = ns;
    orders[at] = order;
  }

  private down(from: number): void {
    const { heap, times, orders, count } = this;
    const d = heap[from]!;
    const ns = times[from]!;
    const order = orders[from]!;
    let at = from;
    while (at * 4 + 1 < count) {
      const child = this.childAhead(at);
      if (child === NOT_PLACED) break;
      const childNs = times[child]!;
      if (ns < childNs || (ns === childNs && order < orders[child]!)) break;
      this.move(child, at);
      at = child;
      times[at] = ns; // for `childAhead`
    }
    if (at === from) return;
    heap[at] = d;
    d.place = at;
    orders[at] = order;
  }

  /**
   * The earliest of up to four children, or NOT_PLACED when all are later than their parent. Which of four it is nobody can
   * guess, so that each `if` would be guessed wrongly every other time: it is computed, from all comparisons side by side.
   */
  private childAhead(parent: number): number {
    const { times } = this;
    const eldest = parent * 4 + 1;
    if (eldest + 4 > this.count) return this.firstBetween(eldest, this.count) | 0;
    const ns = times[parent]!;
    const a = times[eldest]!;
    const b = times[eldest + 1]!;
    const c = times[eldest + 2]!;
    const d = times[eldest + 3]!;
    if ((+(ns < a) & +(ns < b) & +(ns < c) & +(ns < d)) !== 0) return NOT_PLACED;
    const isB = +(b < a);
    const isYoung = ((+(c < b) | +(d < b)) & isB) | ((+(c < a) | +(d < a)) & (isB ^ 1));
    const old = eldest + isB;
    const young = eldest + 2 + +(d < c);
    if (a === b || c === d || times[old]! === times[young]!) {
      return this.firstBetween(eldest, eldest + 4) | 0; // in the order of arming
    }
    return old + (young - old) * isYoung;
  }

  private firstBetween(eldest: number, end: number): number {
    const { times, orders } = this;
    let first = eldest;
    let firstNs = times[eldest]!;
    for (let i = eldest + 1; i < end; i++) {
      const ns = times[i]!;
      if (ns > firstNs || (ns === firstNs && orders[i]! > orders[first]!)) continue;
      first = i;
      firstNs = ns;
    }
    return first;
  }

  private move(from: number, to: number): void {
    const d = this.heap[from]!;
    this.heap[to] = d;
    d.place = to;
    this.times[to] = this.times[from]!;
    this.orders[to] = this.orders[from]!;
    this.moves++;
  }

  private grow(): void {
    const times = new Float64Array(this.times.length * 2);
    const orders = new Float64Array(this.times.length * 2);
    times.set(this.times);
    orders.set(this.orders);
    this.times = times;
    this.orders = orders;
  }
}
