/**
 * Which port a socket gets that did not ask for one, as Linux chooses it.
 *
 * For a connection: RFC 6056 §3.3.4 (algorithm 4, double-hash). Where the search starts depends on the
 * destination under a secret key, and advances per hash bucket by random steps, so an observer of one destination
 * learns nothing about the ports used towards another. (There are as many buckets as Linux has since colliding ones
 * were shown to tell hosts apart.) For `bind`: anywhere.
 *
 * Connections begin with every second port of the range, sockets that are bound with those between, so that they
 * leave each other room.
 */
import type { RandomStream } from '../base/rng.ts';
import type { SipHash } from '../base/siphash.ts';
import type { Address } from '../wire/address.ts';
import { hashAddress } from '../wire/pseudo-header.ts';
import type { NetConfig } from './net-config.ts';

/** Says whether a port is taken for what the caller wants to do with it. */
export interface PortUse {
  isPortFree(port: number): boolean;
}

const BUCKETS = 1 << 16;
const BLOCK = 1 << 10;
/** A random step is below this many places. */
const MOST_STEP = 8;
/** A range that is smaller is not halved. */
const LEAST_HALVED = 4;

export class EphemeralPorts {
  /**
   * How far each bucket has come. The lowest bit: its destinations have used up the ports of the first parity, so
   * those of the other are looked at first, and a search does not walk over all of the first again. In
   * blocks that are made when they are needed: all of them are a quarter of a megabyte, and there may be thousands of
   * stacks in one process.
   */
  private readonly steps: (Int32Array | null)[] = new Array(BUCKETS / BLOCK).fill(null);
  private readonly hash: SipHash;
  private readonly random: RandomStream;
  private readonly config: NetConfig;
  /** Ports looked at so far: lets a test see what a search costs. */
  looked = 0;
  /** Of the last search that found one: the ports it passed by. */
  private passed = 0;
  /** The range of this search. */
  private first = 0;
  private span = 0;

  constructor(hash: SipHash, random: RandomStream, config: NetConfig) {
    this.hash = hash;
    this.random = random;
    this.config = config;
  }

  /**
   * A free port towards this peer, or 0 when every one is taken.
   * @param own IP_LOCAL_PORT_RANGE of the socket, 0 if it has none.
   */
  pick(local: Address, remote: Address, remotePort: number, use: PortUse, own = 0): number {
    this.setRange(own);
    const hashed = this.digest(local, remote, remotePort) & (BUCKETS - 1);
    const steps = this.blockOf(hashed);
    const bucket = hashed & (BLOCK - 1);
    const offset = this.hash.high >>> 0;
    const step = own === 0 ? 2 : 1;
    const reached = steps[bucket]! >>> 1;
    let isOther = steps[bucket]! & 1;
    const parity = step === 1 ? 0 : isOther;
    let port = this.scan(use, this.first + parity, step, offset + reached);
    if (port === 0 && step === 2) {
      isOther ^= 1;
      port = this.scan(use, this.first + isOther, step, offset + reached);
    }
    if (port === 0) return 0;
    const advance = Math.max(this.passed, this.random.below(MOST_STEP)) + 1;
    steps[bucket] = ((reached + advance) << 1) | isOther;
    return port;
  }

  /**
   * A free port for a socket that is bound, or 0. One that shares addresses (SO_REUSEADDR) stays in the lower half
   * while it can.
   */
  pickToBind(use: PortUse, isReuse: boolean, own = 0): number {
    this.setRange(own);
    const { span } = this;
    const half = isReuse && span >= LEAST_HALVED ? (span >>> 2) << 1 : 0;
    if (half === 0) return this.anywhere(use, span);
    this.span = half;
    const port = this.anywhere(use, half);
    if (port !== 0) return port;
    this.first += half;
    this.span = span - half;
    return this.anywhere(use, this.span);
  }

  private blockOf(bucket: number): Int32Array {
    const block = Math.floor(bucket / BLOCK);
    const steps = this.steps[block] ?? new Int32Array(BLOCK);
    this.steps[block] = steps;
    return steps;
  }

  private anywhere(use: PortUse, span: number): number {
    const start = this.random.below(span);
    return this.scan(use, this.first + 1, 2, start) || this.scan(use, this.first, 2, start);
  }

  /** Each of `from`, `from + step` … of the range once, from some place on. */
  private scan(use: PortUse, from: number, step: number, start: number): number {
    const { reservedPorts } = this.config;
    const count = Math.ceil((this.first + this.span - from) / step);
    for (let k = 0; k < count; k++) {
      this.looked++;
      const port = from + step * ((start + k) % count);
      if (reservedPorts.has(port) || !use.isPortFree(port)) continue;
      this.passed = k;
      return port;
    }
    return 0;
  }

  /** A socket's own range counts as far as it lies within the stack's. */
  private setRange(own: number): void {
    const { localPortFirst: first, localPortLast: last } = this.config;
    const low = own & 0xffff;
    const high = own >>> 16;
    this.first = low >= first && low <= last ? low : first;
    this.span = (high >= first && high <= last ? high : last) - this.first + 1;
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
