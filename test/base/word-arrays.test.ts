import t from 'tap';
import { NO_WORDS, WordArrays } from '../../src/base/word-arrays.ts';

t.test('an array that was given back is the next of its length', (t) => {
  const arrays = new WordArrays();
  const first = arrays.take(8);
  t.equal(first.length, 8);
  arrays.give(first);
  t.not(arrays.take(16), first);
  t.equal(arrays.take(8), first);
  t.not(arrays.take(8), first, 'and is given out once');
  arrays.give(NO_WORDS);
  t.throws(() => arrays.take(12), 'lengths are powers of two');
  t.end();
});

t.test('no more are kept than fit', (t) => {
  const arrays = new WordArrays();
  const given = Array.from({ length: 100 }, () => new Int32Array(4));
  for (const array of given) arrays.give(array);
  const taken = Array.from({ length: 100 }, () => arrays.take(4));
  const kept = new Set<Int32Array>(given);
  t.equal(taken.filter((array) => kept.has(array)).length, 64);
  t.equal(new Set(taken).size, 100);
  t.end();
});
