/**
 * Seeded randomness with named streams.
 *
 * A simulation draws everything from one seed. Each consumer has a stream of its own, named after
 * what it decides, so that adding a consumer does not shift what the others draw. Live stacks seed
 * the same generator from the operating system. sfc32: 128 bits of state, passes PractRand; not for
 * secrets, which are SipHash keys taken from it once at start (live: from the system's entropy).
 */
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
  private readonly seedLow: number;
  private readonly seedHigh: number;

  /** Any integer up to 2^53: printed by tests and simulations so that a run repeats. */
  readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
    this.seedLow = seed | 0;
    this.seedHigh = Math.floor(seed / 4294967296) | 0;
  }

  stream(name: string): RandomStream {
    return new RandomStream(
      this.seedLow ^ hashName(name, 0x811c9dc5),
      this.seedHigh ^ hashName(name, 0x9747b28c),
      hashName(name, this.seedLow),
    );
  }
}
