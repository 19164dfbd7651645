import fc from 'fast-check';
import t from 'tap';
import {
  addSum,
  completeChecksum,
  foldChecksum,
  foldSum,
  subtractSum,
  sumBytes,
  sumWord16,
  sumWord32,
  swapSum,
  updateChecksum,
  updateChecksum32,
} from '../../src/wire/checksum.ts';

const RUNS = { seed: 1071, numRuns: 300 } as const;
const dvOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** RFC 1071 by the book, with integers that cannot overflow: pad, add up, take modulo 2^16 - 1. */
function naive(bytes: Uint8Array): number {
  let sum = 0n;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += BigInt((bytes[i]! << 8) | (bytes[i + 1] ?? 0));
  }
  while (sum > 0xffffn) sum = (sum & 0xffffn) + (sum >> 16n);
  return Number(sum);
}

/** 0 and 0xffff are both zero in one's complement. */
const sameSum = (a: number, b: number): boolean => a % 0xffff === b % 0xffff;

const concat = (...parts: Uint8Array[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((p) => Array.from(p)));

t.test("the example of RFC 1071 §3 comes out as the RFC's numbers", async (t) => {
  const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
  t.equal(sumBytes(dvOf(bytes), 0, 8, 0), 0xddf2);
  t.equal(foldChecksum(0xddf2), 0x220d);
});

t.test('a run of bytes sums like the naive model, at any offset, any length', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat({ max: 9 }), (bytes, lead) => {
      const whole = concat(new Uint8Array(lead).fill(0xa5), bytes, Uint8Array.of(0x5a, 0xa5));
      const sum = sumBytes(dvOf(whole), lead, bytes.length, 0);
      return sum === naive(bytes) && foldChecksum(sum) === (naive(bytes) ^ 0xffff);
    }),
    RUNS,
  );
});

t.test('no carry is lost at the sizes where 16-bit words fill 32 bits', async (t) => {
  for (const len of [16383, 16384, 16385, 65534, 65535, 131072, 262144, 1 << 20]) {
    const bytes = new Uint8Array(len).fill(0xff);
    t.equal(sumBytes(dvOf(bytes), 0, len, 0x7fffffff), naiveSeeded(bytes, 0x7fffffff), `${len}`);
    for (let i = 0; i < len; i++) bytes[i] = Math.imul(i, 0x9e3779b1) >>> 24;
    t.equal(sumBytes(dvOf(bytes), 0, len, 0), naive(bytes), `${len}, mixed`);
  }
});

function naiveSeeded(bytes: Uint8Array, seed: number): number {
  const words = new Uint8Array(4);
  new DataView(words.buffer).setUint32(0, seed);
  return naive(concat(words, bytes));
}

t.test(
  'a sum can be cut anywhere: even pieces add, a piece at an odd place is swapped',
  async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (bytes, at) => {
        const cut = Math.min(at, bytes.length);
        const dv = dvOf(bytes);
        const head = sumBytes(dv, 0, cut, 0);
        const tail = sumBytes(dv, cut, bytes.length - cut, 0);
        const sum = addSum(head, (cut & 1) === 0 ? tail : swapSum(tail));
        return sameSum(sum, naive(bytes)) && sameSum(subtractSum(sum, head), sum - head + 0xffff);
      }),
      RUNS,
    );
  },
);

t.test('pseudo-header words count like the bytes they stand for', async () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), fc.nat({ max: 0xffff }), (a, b, c) => {
      const bytes = new Uint8Array(10);
      dvOf(bytes).setInt32(0, a);
      dvOf(bytes).setInt32(4, b);
      dvOf(bytes).setUint16(8, c);
      const sum = sumWord16(sumWord32(sumWord32(0, a), b), c);
      return sum >= 0 && foldSum(sum) === naive(bytes);
    }),
    RUNS,
  );
});

t.test('RFC 1624: an update equals computing the checksum anew', async (t) => {
  t.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000, 'the example of RFC 1624 §4');
  const at = fc.nat({ max: 9 });
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), at, fc.integer(), (b, word, v) => {
      const dv = dvOf(b);
      const before = foldChecksum(sumBytes(dv, 0, 20, 0));
      const old = dv.getUint16(word * 2);
      dv.setUint16(word * 2, v & 0xffff);
      const after = foldChecksum(sumBytes(dv, 0, 20, 0));
      return sameSum(updateChecksum(before, old, v), after);
    }),
    RUNS,
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.integer(), (b, v) => {
      const dv = dvOf(b);
      const before = foldChecksum(sumBytes(dv, 0, 20, 0));
      const old = dv.getInt32(12);
      dv.setInt32(12, v);
      return sameSum(updateChecksum32(before, old, v), foldChecksum(sumBytes(dv, 0, 20, 0)));
    }),
    RUNS,
  );
});

t.test(
  'a partial checksum is completed in place, and one outside the frame is refused',
  async (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 30, maxLength: 90 }), fc.integer(), (frame, seed) => {
        const dv = dvOf(frame);
        dv.setUint16(14 + 6, foldSum(sumWord32(0, seed)));
        if (!completeChecksum(dv, 0, frame.length, 14, 6)) return false;
        const written = dv.getUint16(20);
        return written !== 0 && sameSum(sumBytes(dv, 14, frame.length - 14, sumWord32(0, seed)), 0);
      }),
      RUNS,
    );
    const frame = new Uint8Array(20);
    t.equal(completeChecksum(dvOf(frame), 0, 20, 14, 5), false);
    t.equal(completeChecksum(dvOf(frame), 0, 20, 18, 0), true, 'the last two bytes are inside');
  },
);
