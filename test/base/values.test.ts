import { constants } from 'node:os';
import t from 'tap';
import { assert, assertNever, InvariantError } from '../../src/base/assert.ts';
import { Counters } from '../../src/base/counters.ts';
import { Env } from '../../src/base/env.ts';
import * as errno from '../../src/base/errno.ts';
import { Memory } from '../../src/base/memory.ts';
import { Rng } from '../../src/base/rng.ts';
import { MS, NEVER, SEC, US } from '../../src/base/time.ts';
import { NullTrace } from '../../src/base/trace.ts';

t.test('errno numbers and names are those of Linux', (t) => {
  const numbers = Object.entries(errno).filter(([name]) => /^E[A-Z]+$/.test(name));
  t.ok(numbers.length > 30);
  for (const [name, value] of numbers) {
    const known = (constants.errno as Record<string, number | undefined>)[name];
    if (known !== undefined) t.equal(value, known, `${name} is ${known}`);
    t.equal(errno.errnoName(-(value as number)), name);
    t.equal(errno.errnoName(value as number), name);
  }
  t.equal(errno.errnoName(-4000), 'errno 4000', 'a number without a name keeps its number');
  t.end();
});

t.test('an assertion throws what is recognisably our own mistake', (t) => {
  t.doesNotThrow(() => assert(true, 'fine'));
  t.throws(() => assert(false, 'the ring is full'), {
    name: 'InvariantError',
    message: 'the ring is full',
  });
  t.throws(() => assertNever('x' as never), { message: 'unexpected case: x' });
  t.ok(new InvariantError('x') instanceof Error);
  t.end();
});

t.test('counters count by name, exactly, beyond 2^32', (t) => {
  const c = new Counters(['InPkts', 'InOctets'] as const);
  c.count(c.id('InPkts'));
  c.count(c.id('InPkts'));
  c.add(c.id('InOctets'), 2 ** 40);
  c.add(c.id('InOctets'), 1);
  t.strictSame(c.toObject(), { InPkts: 2, InOctets: 2 ** 40 + 1 });
  t.equal(c.get('InOctets'), 2 ** 40 + 1);
  t.strictSame(c.names, ['InPkts', 'InOctets']);
  const other = new Counters(['InPkts'] as const);
  t.equal(other.get('InPkts'), 0, 'two sets share nothing');
  t.end();
});

t.test('time is in nanoseconds, and never is later than any', (t) => {
  t.strictSame([US, MS, SEC], [1e3, 1e6, 1e9]);
  t.ok(NEVER > Number.MAX_SAFE_INTEGER);
  t.end();
});

t.test('an environment carries what it was given and starts at time 0', (t) => {
  const memory = new Memory({ slabBytes: 1 << 20, chunks: 1, cellBytes: 1 << 16 });
  const rng = new Rng(5);
  const trace = new NullTrace();
  const env = new Env(memory, rng, trace);
  t.equal(env.nowNs, 0);
  t.equal(env.memory, memory);
  t.equal(env.rng, rng);
  t.equal(env.trace, trace);
  t.equal(trace.event(), undefined);
  t.end();
});
