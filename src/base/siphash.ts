import type { RandomStream } from './rng.ts';

/**
 * SipHash-2-4 on int32 halves: the keyed hash behind ephemeral ports, fragment identifications and
 * (later) initial sequence numbers and cookies, where an attacker may see outputs and must not
 * predict the next. Input is a sequence of int32 words, in little-endian byte order.
 * (Aumasson and Bernstein, "SipHash: a fast short-input PRF".)
 *
 * JavaScript has no 64-bit integer that costs nothing, so each of v0..v3 is a (low, high) pair and
 * the state lives in an Int32Array: no garbage, whatever the engine does with large integers.
 */
export class SipHash {
  private readonly key: Int32Array;
  private readonly v = new Int32Array(8);
  private words = 0;
  /** The low and high halves of the last digest. */
  low = 0;
  high = 0;

  /** @param key four int32 words: the 128-bit key, least significant first. */
  constructor(key: Int32Array) {
    this.key = Int32Array.from(key);
  }

  static fromStream(random: RandomStream): SipHash {
    const key = new Int32Array(4);
    for (let i = 0; i < 4; i++) key[i] = random.int32();
    return new SipHash(key);
  }

  start(): void {
    const k = this.key;
    const v = this.v;
    v[0] = k[0]! ^ 0x70736575;
    v[1] = k[1]! ^ 0x736f6d65;
    v[2] = k[2]! ^ 0x6e646f6d;
    v[3] = k[3]! ^ 0x646f7261;
    v[4] = k[0]! ^ 0x6e657261;
    v[5] = k[1]! ^ 0x6c796765;
    v[6] = k[2]! ^ 0x79746573;
    v[7] = k[3]! ^ 0x74656462;
    this.words = 0;
    this.low = 0;
  }

  /** Takes one int32 word; two make a SipHash block. */
  word(w: number): void {
    this.words++;
    if ((this.words & 1) === 1) {
      this.low = w | 0; // the first half waits here for the second
      return;
    }
    this.block(this.low, w | 0);
  }

  /** Finishes; the digest is in `low` and `high`. Returns `low`. */
  finish(): number {
    const tail = (this.words << 26) | 0; // byte length mod 256 in the top byte: 4 * words << 24
    if ((this.words & 1) === 1) this.block(this.low, tail);
    else this.block(0, tail);
    const v = this.v;
    v[4] = v[4]! ^ 0xff;
    for (let i = 0; i < 4; i++) this.round();
    this.low = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
    this.high = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
    return this.low;
  }

  private block(low: number, high: number): void {
    const v = this.v;
    v[6] = v[6]! ^ low;
    v[7] = v[7]! ^ high;
    this.round();
    this.round();
    v[0] = v[0]! ^ low;
    v[1] = v[1]! ^ high;
  }

  private round(): void {
    this.add(0, 2);
    this.rotateXor(2, 13, 0);
    this.swap(0);
    this.add(4, 6);
    this.rotateXor(6, 16, 4);
    this.add(0, 6);
    this.rotateXor(6, 21, 0);
    this.add(4, 2);
    this.rotateXor(2, 17, 4);
    this.swap(4);
  }

  private add(i: number, j: number): void {
    const v = this.v;
    const low = (v[i]! >>> 0) + (v[j]! >>> 0);
    v[i] = low | 0;
    v[i + 1] = (v[i + 1]! + v[j + 1]! + (low > 0xffffffff ? 1 : 0)) | 0;
  }

  /** v[i] = rotl64(v[i], bits) ^ v[j], for 0 < bits < 32. */
  private rotateXor(i: number, bits: number, j: number): void {
    const v = this.v;
    const low = v[i]!;
    const high = v[i + 1]!;
    v[i] = ((low << bits) | (high >>> (32 - bits))) ^ v[j]!;
    v[i + 1] = ((high << bits) | (low >>> (32 - bits))) ^ v[j + 1]!;
  }

  /** rotl64 by 32. */
  private swap(i: number): void {
    const v = this.v;
    const low = v[i]!;
    v[i] = v[i + 1]!;
    v[i + 1] = low;
  }
}
