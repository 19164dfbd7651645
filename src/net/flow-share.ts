import { HalfSipHash } from '../base/half-siphash.ts';
import type { RandomStream } from '../base/rng.ts';
import type { Address } from '../wire/address.ts';

/**
 * Which of several sockets that share a port (SO_REUSEPORT) a flow belongs to: evenly, and by a keyed hash, so that
 * nobody outside can aim at one.
 */
export class FlowShare {
  private readonly hash: HalfSipHash;

  constructor(random: RandomStream) {
    this.hash = HalfSipHash.fromStream(random);
  }

  /** 0 … n - 1. */
  of(local: Address, port: number, remote: Address, remotePort: number, n: number): number {
    const { hash } = this;
    hash.start();
    hash.word((port << 16) | remotePort);
    hash.word(remote.w0);
    hash.word(remote.w1);
    hash.word(remote.w2);
    hash.word(remote.w3);
    hash.word(local.w0);
    hash.word(local.w1);
    hash.word(local.w2);
    hash.word(local.w3);
    return Math.floor(((hash.finish() >>> 0) / 4294967296) * n);
  }
}
