import type { RandomStream } from '../base/rng.ts';
import type { SipHash } from '../base/siphash.ts';
import type { Address } from '../wire/address.ts';
import { hashAddress } from '../wire/pseudo-header.ts';

const BUCKETS = 2048;

/**
 * Fragment identifications: unpredictable from outside, not repeated soon (RFC 7739, RFC 6864 §4.3).
 * Each destination hashes, under a secret key, to one of many counters that advance by random steps.
 * A counter shared between destinations tells neither how many packets the other was sent.
 */
export class Identifications {
  private readonly counters = new Int32Array(BUCKETS);
  private readonly hash: SipHash;
  private readonly random: RandomStream;

  constructor(hash: SipHash, random: RandomStream) {
    this.hash = hash;
    this.random = random;
    for (let i = 0; i < BUCKETS; i++) this.counters[i] = random.int32();
  }

  /** 16 bits, for this destination and protocol. */
  next4(destination: Address, protocol: number): number {
    return this.next(destination, protocol) & 0xffff;
  }

  /** 32 bits. */
  next6(destination: Address): number {
    return this.next(destination, 0);
  }

  private next(a: Address, protocol: number): number {
    const { hash } = this;
    hash.start();
    hashAddress(hash, a);
    hash.word(protocol);
    const digest = hash.finish();
    const bucket = digest & (BUCKETS - 1);
    this.counters[bucket] = (this.counters[bucket]! + 1 + this.random.below(4)) | 0;
    return (this.counters[bucket]! + hash.high) | 0;
  }
}
