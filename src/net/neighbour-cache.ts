/**
 * Where neighbours are kept, and who has to go when there are too many.
 *
 * Each family has its own bound, so neither protocol can starve the other. Entries that may go lie in
 * lists by rank, oldest first, so that finding a victim costs O(1) whatever a flood does:
 *
 *      FAILED      nobody answered                                  goes first, for anyone
 *      UNUSED      somebody claimed an address; we never sent to it
 *      STALE       was in use, is not now
 *      UNPROVEN    in use (DELAY, PROBE), but never yet confirmed
 *      INCOMPLETE  being asked for
 *      FIRM        REACHABLE, PERMANENT, and DELAY or PROBE after a confirmation: never goes
 *
 * An unsolicited claim (a spoofed ARP request or solicitation) may only replace FAILED and UNUSED.
 * Our own wish to send may replace more, but what nobody has ever answered for (UNPROVEN and
 * INCOMPLETE: a scanned subnet, answers to spoofed sources) recycles itself when it fills half of the
 * places or more (RFC 6583 §7.1: known neighbours come before the resolution of new ones).
 */
import { assert } from '../base/assert.ts';
import type { Expirable } from '../base/deadline-queue.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, addressEquals, isV4 } from '../wire/address.ts';
import type { Mib, NeighbourMib } from './mib.ts';
import { Neighbour, NUD } from './neighbour.ts';
import { NeighbourTimes } from './neighbour-times.ts';

export const RANK = {
  FAILED: 0,
  UNUSED: 1,
  STALE: 2,
  UNPROVEN: 3,
  INCOMPLETE: 4,
  FIRM: 5,
} as const;

/** Neighbours of one rank, oldest first, linked through the entries themselves. */
class RankList {
  oldest: Neighbour | null = null;
  private newest: Neighbour | null = null;
  size = 0;

  push(n: Neighbour): void {
    n.older = this.newest;
    n.newer = null;
    if (this.newest === null) this.oldest = n;
    else this.newest.newer = n;
    this.newest = n;
    this.size++;
  }

  remove(n: Neighbour): void {
    if (n.older === null) this.oldest = n.newer;
    else n.older.newer = n.newer;
    if (n.newer === null) this.newest = n.older;
    else n.newer.older = n.older;
    n.older = null;
    n.newer = null;
    this.size--;
  }
}

/** The neighbours of one family on one interface. */
export class NeighbourFamily {
  count = 0;
  /** By RANK, FIRM included (so that `neigh` can show how many). */
  readonly ranks: readonly RankList[] = Array.from({ length: 6 }, () => new RankList());
  readonly spare: Neighbour[] = [];
  readonly times = new NeighbourTimes();

  readonly isV4: boolean;
  readonly mib: NeighbourMib;

  constructor(isV4: boolean, mib: NeighbourMib) {
    this.isV4 = isV4;
    this.mib = mib;
  }

  size(rank: number): number {
    return this.ranks[rank]!.size;
  }

  /** Whom to replace so that we can send to somebody new; null: all are firm. */
  victimForUse(most: number): Neighbour | null {
    if (this.isHalfUnanswered(most)) return this.oldestUnanswered();
    return this.victimForClaim() ?? this.ranks[RANK.STALE]!.oldest ?? this.oldestUnanswered();
  }

  /** Whom to replace for the sake of somebody who says that he exists. */
  victimForClaim(): Neighbour | null {
    return this.ranks[RANK.FAILED]!.oldest ?? this.ranks[RANK.UNUSED]!.oldest;
  }

  /** Those whom nobody has answered for have had their share of the places. */
  isHalfUnanswered(most: number): boolean {
    const unanswered = this.size(RANK.INCOMPLETE) + this.size(RANK.UNPROVEN);
    return unanswered > 0 && unanswered * 2 >= most;
  }

  private oldestUnanswered(): Neighbour | null {
    const asking = this.ranks[RANK.INCOMPLETE]!;
    const unproven = this.ranks[RANK.UNPROVEN]!;
    return asking.size >= unproven.size ? asking.oldest : unproven.oldest;
  }
}

export class NeighbourCache {
  readonly v4: NeighbourFamily;
  readonly v6: NeighbourFamily;
  /** Every entry ever made, in use or spare: at most the bound of both families. */
  private readonly entries: Neighbour[] = [];
  private readonly table: WordTable;
  /** What was found last: packets in a row go to the same router. Null: look it up. */
  private latest: Neighbour | null = null;
  private readonly owner: Expirable;

  constructor(owner: Expirable, mib: Mib, random: RandomStream) {
    this.owner = owner;
    this.v4 = new NeighbourFamily(true, mib.arp);
    this.v6 = new NeighbourFamily(false, mib.ndp);
    this.table = new WordTable(4, random);
  }

  familyOf(address: Address): NeighbourFamily {
    return isV4(address) ? this.v4 : this.v6;
  }

  at(index: number): Neighbour {
    return this.entries[index]!;
  }

  find(address: Address): Neighbour | null {
    const { latest } = this;
    if (latest !== null && addressEquals(latest.identity, address)) return latest;
    this.writeKey(address);
    const at = this.table.find();
    if (at === NOT_FOUND) return null;
    this.latest = this.entries[at]!;
    return this.latest;
  }

  /** A fresh entry, in no rank yet. The caller has checked the bound and that there is none. */
  add(address: Address): Neighbour {
    const family = this.familyOf(address);
    let n = family.spare.pop();
    if (n === undefined) {
      n = new Neighbour(this.entries.length, family, this.owner);
      this.entries.push(n);
    }
    n.identity.copy(address);
    n.generation = (n.generation + 1) | 0;
    family.count++;
    this.writeKey(address);
    this.table.set(n.index);
    return n;
  }

  /** Takes the entry out. What hangs on it (deadline, packets) is the caller's to clear. */
  remove(n: Neighbour): void {
    this.unrank(n);
    if (n === this.latest) this.latest = null;
    n.generation = (n.generation + 1) | 0;
    this.writeKey(n.identity);
    assert(this.table.remove() === n.index, 'a neighbour is found under its address');
    n.family.count--;
    n.family.spare.push(n);
  }

  /** After a change of state: to the young end of the list where it now belongs. */
  place(n: Neighbour): void {
    this.unrank(n);
    n.rank = rankOf(n);
    n.family.ranks[n.rank]!.push(n);
  }

  /** For listings, not for the data path. */
  inUse(): Neighbour[] {
    return this.entries.filter((n) => n.rank >= 0);
  }

  private unrank(n: Neighbour): void {
    if (n.rank < 0) return;
    n.family.ranks[n.rank]!.remove(n);
    n.rank = -1;
  }

  private writeKey(a: Address): void {
    const key = this.table.key;
    key[0] = a.w0;
    key[1] = a.w1;
    key[2] = a.w2;
    key[3] = a.w3;
  }
}

function rankOf(n: Neighbour): number {
  switch (n.state) {
    case NUD.FAILED:
      return RANK.FAILED;
    case NUD.STALE:
      return n.wasUsed ? RANK.STALE : RANK.UNUSED;
    case NUD.INCOMPLETE:
      return RANK.INCOMPLETE;
    case NUD.DELAY:
    case NUD.PROBE:
      return n.wasProven ? RANK.FIRM : RANK.UNPROVEN;
    default:
      return RANK.FIRM;
  }
}
