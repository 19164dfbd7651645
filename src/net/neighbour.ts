import { Deadline, type Expirable } from '../base/deadline-queue.ts';
import { ZERO_NS } from '../base/time.ts';
import { type Address, IpAddress } from '../wire/address.ts';
import type { NeighbourFamily } from './neighbour-cache.ts';

/**
 * The states of RFC 4861 §7.3.2, as bits with Linux's values. FAILED stands for "deleted" there: the
 * neighbour did not answer, and the next use asks again. NONE: the entry belongs to no address.
 */
export const NUD = {
  NONE: 0,
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  PERMANENT: 0x80,
} as const;

/** The link-layer address is known and may be used now, whether proven or not. */
const USABLE = NUD.REACHABLE | NUD.STALE | NUD.DELAY | NUD.PROBE | NUD.PERMANENT;

const NAMES: Readonly<Record<number, string>> = {
  [NUD.NONE]: 'NONE',
  [NUD.INCOMPLETE]: 'INCOMPLETE',
  [NUD.REACHABLE]: 'REACHABLE',
  [NUD.STALE]: 'STALE',
  [NUD.DELAY]: 'DELAY',
  [NUD.PROBE]: 'PROBE',
  [NUD.FAILED]: 'FAILED',
  [NUD.PERMANENT]: 'PERMANENT',
};

/** As `ip neigh` prints it. */
export function nudName(state: number): string {
  return NAMES[state] ?? `state ${state}`;
}

/** No held packet. */
export const NO_HELD = -1;

/**
 * One address on the link: what is known of it, and since when.
 *
 * Entries are pooled: after an eviction the object stands for another address. Whoever keeps one
 * beyond the call keeps `generation` beside it and looks again when that has changed.
 *
 * Writers: the table (state machine), the cache (identity and eviction lists), the held packets.
 */
export class Neighbour {
  /** One of NUD. */
  state: number = NUD.NONE;
  /** Zero until resolved. */
  macHigh = 0;
  macLow = 0;
  /** RFC 4861 §7.2.5: from the R flag of its last advertisement. */
  isRouter = false;
  /** We have sent to it, or wanted to: it is more than somebody's claim. */
  wasUsed = false;
  /** It has answered us, or an upper layer has seen it do so, since the entry was made. */
  wasProven = false;
  /** Solicitations sent in this round. */
  probes = 0;
  /** RFC 1122 §2.3.2.1: no solicitation before this. */
  notBeforeNs = ZERO_NS;
  /** When reachability was last confirmed; REACHABLE lasts ReachableTime from then. */
  confirmedNs = ZERO_NS;
  /** When the link-layer address was last set. */
  linkSetNs = ZERO_NS;
  /** The source of the packet that made us ask: preferred as the solicitation's own; unspecified if none. */
  readonly source = new IpAddress();

  /** Written by the cache. */
  readonly identity = new IpAddress();
  generation = 0;
  rank = -1;
  older: Neighbour | null = null;
  newer: Neighbour | null = null;

  /** Written by HeldPackets: the queue of packets that wait, as record numbers, and what it is charged. */
  firstHeld = NO_HELD;
  lastHeld = NO_HELD;
  heldBytes = 0;

  readonly index: number;
  readonly family: NeighbourFamily;
  readonly deadline: Deadline;

  constructor(index: number, family: NeighbourFamily, owner: Expirable) {
    this.index = index;
    this.family = family;
    this.deadline = new Deadline(owner, index);
  }

  /** The IP address. Borrowed: the entry may stand for another one later. */
  get address(): Address {
    return this.identity;
  }

  isUsable(): boolean {
    return (this.state & USABLE) !== 0;
  }
}
