/** Whom a neighbour table works with: what asks for it, what sends for it, what it counts and times with. */
import type { DeadlineQueue } from '../base/deadline-queue.ts';
import type { Env } from '../base/env.ts';
import type { RandomStream } from '../base/rng.ts';
import type { Mib } from './mib.ts';
import type { Neighbour } from './neighbour.ts';
import type { NetConfig } from './net-config.ts';

/** How to ask for a link-layer address. */
export interface NeighbourProtocol {
  /** Sends one solicitation: to the cached link-layer address, or to all that may answer. */
  solicit(n: Neighbour, isUnicast: boolean): void;
  /** Nobody answers there any more; and somebody does again. */
  failed(n: Neighbour): void;
  answered(n: Neighbour): void;
}

/** What becomes of packets that waited. The chains are lent: the table releases them afterwards. */
export interface NeighbourOutput {
  /** `len` bytes from the IP header on; `csum` as given to `hold`. The neighbour is usable. */
  sendHeld(n: Neighbour, chain: number, len: number, csum: number, priority: number): void;
  /** Nobody answered. */
  unreachable(n: Neighbour, chain: number, len: number): void;
}

/** What the table needs of the network: `Network` has all of it. */
export interface NeighbourHost {
  readonly env: Env;
  readonly deadlines: DeadlineQueue;
  readonly config: NetConfig;
  readonly mib: Mib;
  readonly random: RandomStream;
}
