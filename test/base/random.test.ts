import fc from 'fast-check';
import t from 'tap';
import { Rng } from '../../src/base/rng.ts';
import { SipHash } from '../../src/base/siphash.ts';
import { holds } from '../support/property.ts';

/** The published 64-bit outputs for key 00 01 … 0f and input 00 01 … (n - 1), as little-endian bytes. */
const SIPHASH_VECTORS: Readonly<Record<number, string>> = {
  0: '310e0edd47db6f72',
  4: 'b7877127e09427cf',
  8: '6224939a79f5f593',
  12: 'fbe50e86bc8f1e75',
  16: 'db9bc2577fcc2a3f',
};

/** The definition, in 64-bit integers, over bytes. */
function sipHashPlainly(key: readonly bigint[], bytes: Uint8Array): bigint {
  const mask = (1n << 64n) - 1n;
  const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & mask;
  let v0 = key[0]! ^ 0x736f6d6570736575n;
  let v1 = key[1]! ^ 0x646f72616e646f6dn;
  let v2 = key[0]! ^ 0x6c7967656e657261n;
  let v3 = key[1]! ^ 0x7465646279746573n;
  const round = (): void => {
    v0 = (v0 + v1) & mask;
    v1 = rotl(v1, 13n) ^ v0;
    v0 = rotl(v0, 32n);
    v2 = (v2 + v3) & mask;
    v3 = rotl(v3, 16n) ^ v2;
    v0 = (v0 + v3) & mask;
    v3 = rotl(v3, 21n) ^ v0;
    v2 = (v2 + v1) & mask;
    v1 = rotl(v1, 17n) ^ v2;
    v2 = rotl(v2, 32n);
  };
  const padded = new Uint8Array((bytes.length & ~7) + 8);
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length & 255;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const block = view.getBigUint64(at, true);
    v3 ^= block;
    round();
    round();
    v0 ^= block;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 4; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

const wordsToBytes = (words: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setInt32(i * 4, word, true);
  return bytes;
};

function digest(hash: SipHash, words: readonly number[]): bigint {
  hash.start();
  for (const word of words) hash.word(word);
  const low = hash.finish();
  return low === hash.low ? (BigInt(hash.high >>> 0) << 32n) | BigInt(low >>> 0) : -1n;
}

const bytesOf = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i);
const wordsOf = (bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(i * 4, true));
};

t.test('SipHash-2-4 gives the published outputs', (t) => {
  const key = wordsOf(bytesOf(16));
  const hash = new SipHash(Int32Array.from(key));
  for (const [length, expected] of Object.entries(SIPHASH_VECTORS)) {
    const value = digest(hash, wordsOf(bytesOf(Number(length))));
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    t.equal(Buffer.from(bytes).toString('hex'), expected, `${length} bytes`);
  }
  const plain = sipHashPlainly([0x0706050403020100n, 0x0f0e0d0c0b0a0908n], bytesOf(15));
  t.equal(plain, 0xa129ca6149be45e5n, 'the 15-byte example, by the definition below');
  t.end();
});

t.test('SipHash-2-4 on int32 halves is SipHash-2-4 on 64-bit integers', (t) => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const property = fc.property(
    fc.array(word, { minLength: 4, maxLength: 4 }),
    fc.array(word, { maxLength: 80 }),
    (key, words) => {
      const halves = new DataView(wordsToBytes(key).buffer);
      const key64 = [halves.getBigUint64(0, true), halves.getBigUint64(8, true)];
      const hash = new SipHash(Int32Array.from(key));
      digest(hash, [1, 2, 3]); // an instance starts anew each time
      return digest(hash, words) === sipHashPlainly(key64, wordsToBytes(words));
    },
  );
  holds(t, 'for any key and any words', property, 500);
  t.end();
});

t.test('a key from a random stream is drawn from that stream alone', (t) => {
  const one = SipHash.fromStream(new Rng(3).stream('isn'));
  const same = SipHash.fromStream(new Rng(3).stream('isn'));
  const other = SipHash.fromStream(new Rng(4).stream('isn'));
  t.equal(digest(one, [7]), digest(same, [7]));
  t.not(digest(one, [7]), digest(other, [7]));
  t.end();
});

/** The first draws of seed 42's stream 'loss'. If these change, every recorded simulation changes. */
const GOLDEN = [-1372164466, -1206170409, -1536685810, -1909979003];

const draw = (rng: Rng, name: string, n: number): number[] => {
  const stream = rng.stream(name);
  return Array.from({ length: n }, () => stream.int32());
};

t.test('random streams', (t) => {
  t.test('the same seed and name give the same numbers, on every machine', (t) => {
    t.strictSame(draw(new Rng(42), 'loss', 64), draw(new Rng(42), 'loss', 64));
    t.strictSame(draw(new Rng(42), 'loss', 4), GOLDEN, 'these, in particular');
    t.end();
  });

  t.test('live: every one of the 128 bits, and the name, decides each stream', (t) => {
    const words = Int32Array.of(1, -2, 3, -4);
    const seen = new Set([draw(Rng.fromEntropy(words), 'net', 2).join()]);
    t.strictSame(draw(Rng.fromEntropy(words), 'net', 2).join(), [...seen][0]);
    for (let bit = 0; bit < 128; bit++) {
      const other = words.slice();
      other[bit >> 5]! ^= 1 << (bit & 31);
      seen.add(draw(Rng.fromEntropy(other), 'net', 2).join());
    }
    for (const name of ['net.secret', 'ten', 'ne', 'nets', ''])
      seen.add(draw(Rng.fromEntropy(words), name, 2).join());
    t.equal(seen.size, 1 + 128 + 5);
    t.end();
  });

  t.test('a stream does not notice what others draw', (t) => {
    const rng = new Rng(42);
    draw(rng, 'jitter', 1000);
    const loss = rng.stream('loss');
    const jitter = rng.stream('jitter');
    const mixed = Array.from({ length: 4 }, () => {
      jitter.int32();
      return loss.int32();
    });
    t.strictSame(mixed, GOLDEN);
    t.end();
  });

  t.test('seeds and names that differ give streams that differ', (t) => {
    const first = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      for (const name of ['a', 'b', 'loss', 'ssol']) first.add(draw(new Rng(seed), name, 1)[0]!);
    }
    first.add(draw(new Rng(2 ** 32), 'a', 1)[0]!);
    first.add(draw(new Rng(2 ** 52 + 1), 'a', 1)[0]!);
    t.equal(first.size, 202, 'seeds beyond 2^32 count too');
    t.end();
  });

  t.test('below and unit stay in range and reach all of it', (t) => {
    const property = fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 31 }), (seed, n) => {
      const stream = new Rng(seed).stream('range');
      for (let i = 0; i < 20; i++) {
        const x = stream.below(n);
        const u = stream.unit();
        if (!Number.isInteger(x) || x < 0 || x >= n || u < 0 || u >= 1) return false;
      }
      return true;
    });
    holds(t, 'in range', property);
    const stream = new Rng(1).stream('die');
    const faces = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) faces[stream.below(6)]!++;
    // Five standard deviations of a fair die; the seed is fixed, so this is a fact, not a chance.
    t.ok(
      faces.every((n) => Math.abs(n - 10_000) < 457),
      `60,000 throws: ${faces.join(' ')}`,
    );
    t.end();
  });

  t.test('int32 draws each bit half of the time', (t) => {
    const bits = new Array<number>(32).fill(0);
    const stream = new Rng(9).stream('bits');
    for (let i = 0; i < 40_000; i++) {
      const x = stream.int32();
      for (let bit = 0; bit < 32; bit++) bits[bit]! += (x >>> bit) & 1;
    }
    t.ok(
      bits.every((n) => Math.abs(n - 20_000) < 500),
      bits.join(' '),
    );
    t.end();
  });
  t.end();
});
