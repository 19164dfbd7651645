import fc from 'fast-check';
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { NOT_FOUND, WordTable } from '../../src/base/word-table.ts';
import { holds } from '../support/property.ts';

const stream = (name: string) => new Rng(7).stream(name);

type Op = { readonly op: 'set' | 'find' | 'remove'; readonly key: number; readonly value: number };

const ops = (keys: number): fc.Arbitrary<Op[]> =>
  fc.array(
    fc.record({
      op: fc.constantFrom('set', 'set', 'find', 'remove', 'remove'),
      key: fc.integer({ min: 0, max: keys - 1 }),
      value: fc.nat(0x7fffffff),
    }),
    { maxLength: 300, size: 'max' },
  ) as fc.Arbitrary<Op[]>;

/** Runs the operations on a table and on a Map; every answer and every final entry must agree. */
function agrees(words: number, list: readonly Op[], seed: number): boolean {
  const table = new WordTable(words, new Rng(seed).stream('table'));
  const model = new Map<number, number>();
  // The key's number goes into the last word, the rest differ from it: all words have to count.
  const write = (key: number): void => {
    table.key.fill(-1);
    table.key[words - 1] = Math.imul(key, 0x9e3779b1);
  };
  for (const { op, key, value } of list) {
    write(key);
    const before = model.get(key) ?? NOT_FOUND;
    if (op === 'find' && table.find() !== before) return false;
    if (op === 'remove') {
      if (table.remove() !== before) return false;
      model.delete(key);
    }
    if (op === 'set') {
      table.set(value);
      model.set(key, value);
    }
    if (table.size !== model.size) return false;
  }
  for (const { key } of list) {
    write(key);
    if (table.find() !== (model.get(key) ?? NOT_FOUND)) return false;
  }
  return true;
}

t.test('a table answers as a Map does, whatever is set, found and removed', (t) => {
  for (const words of [1, 2, 4, 10]) {
    for (const keys of [7, 40, 500]) {
      const property = fc.property(ops(keys), fc.nat(), (list, seed) => agrees(words, list, seed));
      holds(t, `${words} words, ${keys} keys`, property, 100);
    }
  }
  t.end();
});

t.test('removing closes the gap, also where a run of slots goes around the end', (t) => {
  // Seven keys in sixteen slots; after each removal all the others are still found.
  const property = fc.property(
    fc.nat(),
    fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6]),
    (seed, gone) => {
      const table = new WordTable(1, new Rng(seed).stream('table'));
      const left = new Set([0, 1, 2, 3, 4, 5, 6]);
      for (const key of left) {
        table.key[0] = key;
        table.set(key);
      }
      for (const key of gone) {
        table.key[0] = key;
        if (table.remove() !== key) return false;
        left.delete(key);
        for (const other of left) {
          table.key[0] = other;
          if (table.find() !== other) return false;
        }
      }
      return table.size === left.size;
    },
  );
  holds(t, 'any order of removal', property, 3000);
  t.end();
});

t.test('a key that differs in one word is another key', (t) => {
  const table = new WordTable(4, stream('table'));
  table.key.set([1, 2, 3, 4]);
  table.set(5);
  for (let word = 0; word < 4; word++) {
    table.key.set([1, 2, 3, 4]);
    table.key[word] = -9;
    t.equal(table.find(), NOT_FOUND, `word ${word}`);
  }
  t.end();
});

t.test('growing keeps what is there and the key that is being set', (t) => {
  const table = new WordTable(2, stream('table'), 1);
  let wrong = 0;
  for (let i = 0; i < 5000; i++) {
    table.key.set([i, -i]);
    table.set(i);
    if (table.key[0] !== i || table.find() !== i) wrong++;
  }
  for (let i = 0; i < 5000; i++) {
    table.key.set([i, -i]);
    if (table.find() !== i) wrong++;
  }
  t.equal(wrong, 0);
  t.equal(table.size, 5000);
  t.end();
});

t.test('a look-up costs the same in a large table and after churn', (t) => {
  const table = new WordTable(4, stream('table'), 20_000);
  const random = stream('keys');
  const write = (i: number): void => {
    table.key.set([0x0a000001, i, 80, 6]);
  };
  for (let i = 0; i < 20_000; i++) {
    write(i);
    table.set(i);
  }
  // Tombstones would pile up here.
  for (let i = 0; i < 100_000; i++) {
    write(random.below(20_000));
    const value = table.remove();
    table.set(value);
  }
  const before = table.probes;
  for (let i = 0; i < 20_000; i++) {
    write(i);
    table.find();
  }
  const each = (table.probes - before) / 20_000;
  t.ok(each < 2, `${each} slots a look-up in a table at most half full`);
  t.end();
});

t.test('keys in a pattern spread as well as any', (t) => {
  const patterns: Readonly<Record<string, (i: number) => [number, number]>> = {
    'hosts of a subnet': (i) => [0x0a000000 + i, 80],
    'high bits only': (i) => [i << 20, 0],
    'ports of a host': (i) => [0x7f000001, 32768 + i],
    'ports in the high half': (i) => [0x7f000001, (32768 + i) << 16],
    'both words alike': (i) => [i, i],
  };
  for (const [what, keyOf] of Object.entries(patterns)) {
    const table = new WordTable(2, stream(what), 4000);
    for (let i = 0; i < 4000; i++) {
      table.key.set(keyOf(i));
      table.set(i);
    }
    const each = table.probes / 4000;
    t.ok(each < 2, `${what}: ${each} slots an insertion`);
  }
  t.end();
});

t.test('where things land depends on the seed', (t) => {
  const probesOf = (seed: number): number => {
    const table = new WordTable(1, new Rng(seed).stream('table'), 256);
    for (let i = 0; i < 256; i++) {
      table.key[0] = i << 8;
      table.set(i);
    }
    return table.probes;
  };
  const seen = new Set([1, 2, 3, 4, 5, 6].map(probesOf));
  t.ok(seen.size > 1, 'six seeds do not all give the same collisions');
  t.equal(probesOf(1), probesOf(1), 'and one seed always the same');
  t.end();
});

t.test('a value below zero is our own mistake', (t) => {
  const table = new WordTable(1, stream('table'));
  t.throws(() => table.set(-2), { name: 'InvariantError' });
  t.end();
});
