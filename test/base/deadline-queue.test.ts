import fc from 'fast-check';
import t from 'tap';
import { Deadline, DeadlineQueue, type Expirable } from '../../src/base/deadline-queue.ts';
import { NEVER } from '../../src/base/time.ts';
import { holds } from '../support/property.ts';

/** Records firings; may arm again from within, as protocol code does. */
class Recorder implements Expirable {
  readonly fired: number[] = [];
  again: (which: number) => void = () => undefined;

  expire(which: number): void {
    this.fired.push(which);
    this.again(which);
  }
}

type Op =
  | { readonly op: 'arm'; readonly which: number; readonly in: number }
  | { readonly op: 'disarm' | 'remove'; readonly which: number }
  | { readonly op: 'fire'; readonly after: number };

const TIMERS = 40;
const which = fc.nat(TIMERS - 1);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('arm'), which, in: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('disarm', 'remove'), which }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('fire'), after: fc.nat(8) }) },
) as fc.Arbitrary<Op>;

/** The plain definition: a list, searched each time for the earliest (time, order of arming). */
class Model {
  readonly due = new Map<number, { at: number; order: number }>();
  private order = 0;

  arm(which: number, at: number): void {
    this.due.set(which, { at, order: this.order++ });
  }

  disarm(which: number): void {
    this.due.delete(which);
  }

  earliest(): number {
    let best = -1;
    for (const [which, { at, order }] of this.due) {
      const now = this.due.get(best);
      if (now === undefined || at < now.at || (at === now.at && order < now.order)) best = which;
    }
    return best;
  }

  nextAt(): number {
    return this.due.get(this.earliest())?.at ?? NEVER;
  }
}

/** What the firing of a timer does to others, at `now`. */
interface Armer {
  arm(which: number, at: number): void;
  disarm(which: number): void;
}

/** Timers divisible by 4 arm themselves again; some arm others for the past, or for this instant: once or twice. */
function reArm(w: number, now: number, to: Armer): void {
  if (w % 4 === 0) to.arm(w, now + 1 + w);
  if (w === 5) to.arm(6, now - 1);
  if (w === 6) for (const other of [7, 9, 7, 11]) to.arm(other, now);
  if (w === 9) {
    to.arm(11, now + 3);
    to.arm(10, now);
    to.disarm(13);
  }
  if (w === 10) for (const other of [13, 14]) to.arm(other, now);
  if (w === 13) to.disarm(14);
}

function follows(ops: readonly Op[]): boolean {
  const queue = new DeadlineQueue();
  const model = new Model();
  const recorder = new Recorder();
  const expected: number[] = [];
  const timers = Array.from({ length: TIMERS }, (_, i) => new Deadline(recorder, i));
  let now = 1e13; // beyond int32, as in life
  const arm = (w: number, at: number): void => queue.arm(timers[w]!, at);
  const disarm = (w: number): void => queue.disarm(timers[w]!);
  recorder.again = (w) => reArm(w, now, { arm, disarm });
  for (const step of ops) {
    if (step.op === 'arm') {
      queue.arm(timers[step.which]!, now + step.in);
      model.arm(step.which, now + step.in);
    } else if (step.op === 'fire') {
      now += step.after;
      const before = expected.length;
      while (model.nextAt() <= now) {
        const w = model.earliest();
        model.due.delete(w);
        expected.push(w);
        reArm(w, now, model);
      }
      if (queue.fire(now) !== expected.length - before) return false;
    } else {
      queue[step.op](timers[step.which]!);
      model.disarm(step.which);
    }
    if (queue.nextNs() !== model.nextAt()) return false;
    if (timers.some((d, i) => d.isArmed !== model.due.has(i))) return false;
    if (queue.size > TIMERS) return false;
  }
  return recorder.fired.join() === expected.join();
}

t.test('deadlines fire in order of time, ties in the order of arming', (t) => {
  const property = fc.property(fc.array(op, { maxLength: 250, size: 'max' }), follows);
  holds(t, 'as the plain definition does', property, 400);
  t.end();
});

t.test('arming later moves nothing until the old time comes up', (t) => {
  const queue = new DeadlineQueue();
  const recorder = new Recorder();
  const timers = Array.from({ length: 1000 }, (_, i) => new Deadline(recorder, i));
  for (const [i, d] of timers.entries()) queue.arm(d, 1000 + i);
  const moves = queue.moves;
  for (let round = 1; round <= 100; round++) {
    for (const [i, d] of timers.entries()) queue.arm(d, 1000 + i + round);
  }
  t.equal(queue.moves, moves, '100,000 re-armings, no move in the heap');
  t.equal(queue.size, 1000, 'and no entry more');
  t.equal(queue.fire(1099), 0, 'the old times mean nothing');
  t.ok(queue.moves - moves <= 1000 * 10, 'each entry sinks once, at most the depth of the heap');
  t.equal(queue.fire(1100), 1);
  t.end();
});

t.test('the work for each firing grows with the logarithm of the number of timers', (t) => {
  const each = (n: number): number => {
    const queue = new DeadlineQueue();
    const recorder = new Recorder();
    for (let i = 0; i < n; i++) queue.arm(new Deadline(recorder, i), Math.imul(i, 7919) >>> 8);
    queue.fire(2 ** 32);
    return queue.moves / n;
  };
  t.ok(each(16_384) < 16, `${each(16_384)} moves a timer, of 16,384`);
  t.ok(each(16_384) < each(128) * 4, 'a hundred times as many timers cost a few times as much');
  t.end();
});

t.test('a removed deadline leaves no entry, a disarmed one leaves when it comes up', (t) => {
  const queue = new DeadlineQueue();
  const a = new Deadline(new Recorder());
  queue.arm(a, 5);
  queue.remove(a);
  t.equal(queue.size, 0);
  queue.arm(a, 5);
  queue.disarm(a);
  t.equal(a.isArmed, false);
  t.equal(queue.nextNs(), NEVER);
  t.equal(queue.size, 0);
  queue.arm(a, NEVER);
  t.equal(queue.size, 0, 'arming for never places nothing');
  t.end();
});

t.test('more than a million deadlines due at once, after a long pause, all fire', (t) => {
  const q = new DeadlineQueue();
  let fired = 0;
  const owner = { expire: () => void fired++ };
  const many = 1_000_100;
  for (let i = 0; i < many; i++) q.arm(new Deadline(owner), i);
  t.equal(q.fire(many), many);
  t.equal(fired, many);
  t.end();
});

t.test('a deadline that re-arms itself for the past forever is our own mistake', (t) => {
  const queue = new DeadlineQueue();
  const recorder = new Recorder();
  const d = new Deadline(recorder);
  recorder.again = () => {
    recorder.fired.length = 0;
    queue.arm(d, 1);
  };
  queue.arm(d, 1);
  t.throws(() => queue.fire(2), { name: 'InvariantError' });
  t.end();
});

t.test('who is called by a firing fires nothing: it would lose the instant that fires', (t) => {
  const queue = new DeadlineQueue();
  const recorder = new Recorder();
  const [first, later] = [new Deadline(recorder, 0), new Deadline(recorder, 1)];
  recorder.again = (w) => t.throws(() => w === 0 && queue.fire(5), { name: 'InvariantError' });
  queue.arm(first, 10);
  queue.arm(later, 1000);
  t.equal(queue.fire(10), 1);
  t.equal(queue.nextNs(), 1000);
  t.end();
});

t.test('when a firing throws, what was due behind it fires the next time', (t) => {
  const queue = new DeadlineQueue();
  const recorder = new Recorder();
  const timers = Array.from({ length: 4 }, (_, i) => new Deadline(recorder, i));
  recorder.again = (w) => {
    if (w > 0) return;
    for (const d of timers.slice(1)) queue.arm(d, 10);
    queue.disarm(timers[2]!);
    throw new Error('of an application');
  };
  queue.arm(timers[0]!, 10);
  t.throws(() => queue.fire(10), /of an application/);
  t.equal(queue.nextNs(), 10);
  t.equal(queue.fire(10), 2);
  t.same(recorder.fired, [0, 1, 3]);
  t.end();
});
