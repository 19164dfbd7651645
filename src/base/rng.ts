/**
 * Seeded randomness with named streams.
 *
 * A simulation draws everything from one seed. Each consumer has a stream of its own, named after
 * what it decides, so that adding a consumer does not shift what the others draw. sfc32: 128 bits of
 * state, passes PractRand; whoever sees a few draws can compute the others of that stream, so secrets
 * are SipHash keys taken from a stream of their own, once, at start.
 *
 * A live stack takes 128 bits from the operating system (`Rng.fromEntropy`), and each stream is a SipHash of
 * its name under them: some draws leave on the wire (the nonce of duplicate address detection), and
 * must not lead back to the key of ports and identifications.
 */
import { SipHash } from './siphash.ts';

export class RandomStream {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  constructor(a: number, b: number, c: number) {
    this.a = a | 0;
    this.b = b | 0;
    this.c = c | 0;
    for (let i = 0; i < 12; i++) this.int32();
  }

  /** Uniform over all int32 values, negative ones included. */
  int32(): number {
    const t = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + t) | 0;
    return t;
  }

  /** Uniform over 0 … n-1, for 0 < n <= 2^31. The bias is below n / 2^32. */
  below(n: number): number {
    return Math.floor(((this.int32() >>> 0) / 4294967296) * n);
  }

  /** Uniform over [0, 1). */
  unit(): number {
    return (this.int32() >>> 0) / 4294967296;
  }
}

/** FNV-1a over the stream's name: only to tell streams apart. */
function hashName(name: string, basis: number): number {
  let h = basis | 0;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h;
}

export class Rng {
  /** Null in a simulation: all comes from the seed. */
  private readonly hash: SipHash | null;
  private readonly seedLow: number;
  private readonly seedHigh: number;

  /** Any integer up to 2^53: printed by tests and simulations so that a run repeats. Live: 0, and unused. */
  readonly seed: number;

  constructor(seed: number, hash: SipHash | null = null) {
    this.seed = seed;
    this.hash = hash;
    this.seedLow = seed | 0;
    this.seedHigh = Math.floor(seed / 4294967296) | 0;
  }

  /** @param words four int32 words that nobody else knows. */
  static fromEntropy(words: Int32Array): Rng {
    return new Rng(0, new SipHash(words));
  }

  stream(name: string): RandomStream {
    if (this.hash !== null) return secretStream(this.hash, name);
    return new RandomStream(
      this.seedLow ^ hashName(name, 0x811c9dc5),
      this.seedHigh ^ hashName(name, 0x9747b28c),
      hashName(name, this.seedLow),
    );
  }
}

function secretStream(hash: SipHash, name: string): RandomStream {
  const a = digest(hash, name, 0);
  const b = hash.high;
  return new RandomStream(a, b, digest(hash, name, 1));
}

function digest(hash: SipHash, name: string, which: number): number {
  hash.start();
  hash.word(which);
  for (let i = 0; i < name.length; i++) hash.word(name.charCodeAt(i));
  return hash.finish();
}
