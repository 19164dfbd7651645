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

/** Timers divisible by 4 arm themselves again; the third firing of a run may be for the past. */
function follows(ops: readonly Op[]): boolean {
  const queue = new DeadlineQueue();
  const model = new Model();
  const recorder = new Recorder();
  const expected: number[] = [];
  const timers = Array.from({ length: TIMERS }, (_, i) => new Deadline(recorder, i));
  let now = 1e13; // beyond int32, as in life
  recorder.again = (w) => {
    if (w % 4 === 0) queue.arm(timers[w]!, now + 1 + w);
    if (w === 5) queue.arm(timers[6]!, now - 1);
  };
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
        if (w % 4 === 0) model.arm(w, now + 1 + w);
        if (w === 5) model.arm(6, now - 1);
      }
      if (queue.fire(now) !== expected.length - before) return false;
    } else {
      queue[step.op](timers[step.which]!);
      model.due.delete(step.which);
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
