import type { RandomStream } from '../base/rng.ts';
import type { SipHash } from '../base/siphash.ts';
import type { Address } from '../wire/address.ts';
import { hashAddress } from '../wire/pseudo-header.ts';
import type { NetConfig } from './net-config.ts';

/** Says whether a port is taken for what the caller wants to do with it. */
export interface PortUse {
  isPortFree(port: number): boolean;
}

const OFFSETS = 256;

/**
 * Ephemeral ports by RFC 6056 §3.3.4 (algorithm 4, double-hash): where the search starts depends on
 * the destination under a secret key, and advances per hash bucket by random steps. An observer of
 * one destination learns nothing about the ports used towards another.
 */
export class EphemeralPorts {
  private readonly steps = new Int32Array(OFFSETS);
  private readonly hash: SipHash;
  private readonly random: RandomStream;
  private readonly config: NetConfig;

  constructor(hash: SipHash, random: RandomStream, config: NetConfig) {
    this.hash = hash;
    this.random = random;
    this.config = config;
    for (let i = 0; i < OFFSETS; i++) this.steps[i] = random.int32();
  }

  /** A free port of ip_local_port_range for this pair, or 0 when every one is taken. */
  pick(local: Address, remote: Address, remotePort: number, use: PortUse): number {
    const { localPortFirst, localPortLast } = this.config;
    const span = localPortLast - localPortFirst + 1;
    const digest = this.digest(local, remote, remotePort);
    const bucket = digest & (OFFSETS - 1);
    const offset = this.hash.high >>> 0;
    for (let tried = 0; tried < span; tried++) {
      this.steps[bucket] = (this.steps[bucket]! + 1) | 0;
      const port = localPortFirst + ((offset + (this.steps[bucket]! >>> 0)) % span);
      if (use.isPortFree(port)) {
        this.steps[bucket] = (this.steps[bucket]! + this.random.below(8)) | 0;
        return port;
      }
    }
    return 0;
  }

  private digest(local: Address, remote: Address, remotePort: number): number {
    const { hash } = this;
    hash.start();
    hashAddress(hash, local);
    hashAddress(hash, remote);
    hash.word(remotePort);
    return hash.finish();
  }
}
