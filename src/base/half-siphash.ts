import type { RandomStream } from './rng.ts';

/**
 * HalfSipHash on int32 words: the keyed hash of tables whose keys a remote chooses.
 *
 * A seeded multiplicative hash (MurmurHash3, jhash) has collisions that do not depend on its seed, so who picks
 * addresses and ports can fill one bucket. SipHash's construction has none known; with 32-bit words it costs no
 * more than those in JavaScript. Like Linux's hash tables it takes one round a word and three at the end.
 * Not for what leaves on the wire: its key has 64 bits. Secrets use SipHash.
 * (Aumasson and Bernstein, https://github.com/veorq/SipHash, halfsiphash.c; Linux: Documentation/security/siphash.)
 */
export class HalfSipHash {
  private readonly k0: number;
  private readonly k1: number;
  private readonly rounds: number;
  private readonly lastRounds: number;
  private v0 = 0;
  private v1 = 0;
  private v2 = 0;
  private v3 = 0;
  private words = 0;

  constructor(k0: number, k1: number, rounds: number = 1, lastRounds: number = 3) {
    this.k0 = k0 | 0;
    this.k1 = k1 | 0;
    this.rounds = rounds;
    this.lastRounds = lastRounds;
  }

  static fromStream(random: RandomStream): HalfSipHash {
    return new HalfSipHash(random.int32(), random.int32());
  }

  start(): void {
    this.v0 = this.k0;
    this.v1 = this.k1;
    this.v2 = this.k0 ^ 0x6c796765;
    this.v3 = this.k1 ^ 0x74656462;
    this.words = 0;
  }

  word(w: number): void {
    this.words++;
    this.v3 ^= w;
    for (let i = 0; i < this.rounds; i++) this.round();
    this.v0 ^= w;
  }

  /** The digest, an int32. */
  finish(): number {
    this.word(this.words << 26); // the length in bytes, in the top byte
    this.v2 ^= 0xff;
    for (let i = 0; i < this.lastRounds; i++) this.round();
    return this.v1 ^ this.v3;
  }

  private round(): void {
    let { v0, v1, v2, v3 } = this;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    this.v0 = v0;
    this.v1 = v1;
    this.v2 = v2;
    this.v3 = v3;
  }
}
