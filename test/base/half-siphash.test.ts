import t from 'tap';
import { HalfSipHash } from '../../src/base/half-siphash.ts';

t.test('HalfSipHash-2-4: the published vectors (key 00 01 … 07, messages 00 01 …)', (t) => {
  const hash = new HalfSipHash(0x03020100, 0x07060504, 2, 4);
  const digest = (words: readonly number[]) => {
    hash.start();
    for (const w of words) hash.word(w);
    return (hash.finish() >>> 0).toString(16);
  };
  t.equal(digest([]), '5b9f35a9', 'nothing');
  t.equal(digest([0x03020100]), '89466e2a', '4 bytes');
  t.end();
});
