/**
 * From the 4-tuple to the endpoint, in O(1) with a million of them: open addressing with linear probing and
 * backward-shift deletion, at most half full.
 *
 *     hashes   [h][h][ ][h]      0 = free
 *     places   [7][0][ ][~3]     where the endpoint is in `endpoints`, or the complement of a row's number
 *
 * A slot is 8 bytes: the key is in the endpoint, or in the row of a flow that has no object any more, and is
 * looked at only when all 32 bits of the hash agree.
 * The hash is keyed and resists who picks the remote addresses and ports (half-siphash.ts).
 */
import { HalfSipHash } from '../base/half-siphash.ts';
import type { RandomStream } from '../base/rng.ts';
import { type Address, addressEquals, isV4 } from '../wire/address.ts';
import type { FlowId } from './endpoint.ts';

export const NOWHERE = -0x8000_0000;
const FREE = 0;
const FIRST_SLOTS = 64;

/** Flows without an object of their own: rows of a table that knows their 4-tuples. */
export interface FlowRows {
  isFlow(
    row: number,
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
  ): boolean;
}

export class FlowTable<T extends FlowId> {
  private readonly hash: HalfSipHash;
  private readonly rows: FlowRows;
  private hashes = new Int32Array(FIRST_SLOTS);
  private places = new Int32Array(FIRST_SLOTS);
  private mask = FIRST_SLOTS - 1;
  private readonly endpoints: (T | null)[] = [];
  private readonly freePlaces: number[] = [];
  private count = 0;
  /** The slot found last: segments of a flow come one after the other. */
  private latest = 0;
  /** Slots looked at so far: lets a test see that the cost of a look-up does not grow. */
  probes = 0;

  constructor(random: RandomStream, rows: FlowRows) {
    this.rows = rows;
    this.hash = HalfSipHash.fromStream(random);
  }

  get size(): number {
    return this.count;
  }

  /** The endpoint's place, the complement of a row's number, or NOWHERE. */
  find(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const slot = this.slotOf(local, localPort, remote, remotePort);
    return this.hashes[slot] === FREE ? NOWHERE : this.places[slot]!;
  }

  at(place: number): T {
    return this.endpoints[place]!;
  }

  replace(place: number, e: T): void {
    this.endpoints[place] = e;
  }

  /** Precondition: `find` has not found its 4-tuple. Returns its place. */
  add(e: T): number {
    if ((this.count + 1) * 2 > this.mask + 1) this.grow();
    const hash = this.hashOf(e.local, e.localPort, e.remote, e.remotePort);
    const place = this.freePlaces.pop() ?? this.endpoints.length;
    this.endpoints[place] = e;
    this.settle(hash, place);
    this.count++;
    return place;
  }

  /** A row, which has the same 4-tuple, takes the endpoint's place. Precondition: it is in the table. */
  replaceByRow(e: T, row: number): void {
    const slot = this.slotOf(e.local, e.localPort, e.remote, e.remotePort);
    this.vacate(this.places[slot]!);
    this.places[slot] = ~row;
  }

  /** An endpoint, or what a row knows. Precondition: it is in the table. */
  remove(id: FlowId): void {
    let hole = this.slotOf(id.local, id.localPort, id.remote, id.remotePort);
    const place = this.places[hole]!;
    if (place >= 0) this.vacate(place);
    this.count--;
    for (let probe = (hole + 1) & this.mask; ; probe = (probe + 1) & this.mask) {
      const hash = this.hashes[probe]!;
      if (hash === FREE) break;
      // An entry may move back only if the hole lies between its home and where it is (cyclically).
      if (((probe - hash) & this.mask) < ((probe - hole) & this.mask)) continue;
      this.hashes[hole] = hash;
      this.places[hole] = this.places[probe]!;
      hole = probe;
    }
    this.hashes[hole] = FREE;
  }

  all(): T[] {
    return this.endpoints.filter((e) => e !== null && e !== undefined);
  }

  allRows(): number[] {
    const rows: number[] = [];
    for (let slot = 0; slot <= this.mask; slot++) {
      const place = this.places[slot]!;
      if (this.hashes[slot] !== FREE && place < 0) rows.push(~place);
    }
    return rows;
  }

  /** The slot that has it, or the free one where it would go. */
  private slotOf(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const { hashes, mask, latest } = this;
    if (hashes[latest] !== FREE && this.isFlow(latest, local, localPort, remote, remotePort)) {
      return latest;
    }
    const hash = this.hashOf(local, localPort, remote, remotePort);
    let slot = hash & mask;
    while (true) {
      this.probes = (this.probes + 1) | 0;
      const h = hashes[slot]!;
      if (h === FREE) return slot;
      if (h === hash && this.isFlow(slot, local, localPort, remote, remotePort)) {
        this.latest = slot;
        return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  private isFlow(
    slot: number,
    local: Address,
    localPort: number,
    remote: Address,
    remotePort: number,
  ): boolean {
    const place = this.places[slot]!;
    if (place < 0) return this.rows.isFlow(~place, local, localPort, remote, remotePort);
    return isFlowOf(this.endpoints[place]!, local, localPort, remote, remotePort);
  }

  private vacate(place: number): void {
    this.endpoints[place] = null;
    this.freePlaces.push(place);
  }

  private settle(hash: number, place: number): void {
    let slot = hash & this.mask;
    while (this.hashes[slot] !== FREE) slot = (slot + 1) & this.mask;
    this.hashes[slot] = hash;
    this.places[slot] = place;
  }

  private grow(): void {
    const { hashes, places } = this;
    const slots = hashes.length * 2;
    this.hashes = new Int32Array(slots);
    this.places = new Int32Array(slots);
    this.mask = slots - 1;
    for (let old = 0; old < hashes.length; old++) {
      if (hashes[old] !== FREE) this.settle(hashes[old]!, places[old]!);
    }
  }

  /** Never FREE. Three words tell flows over IPv4 apart. */
  private hashOf(local: Address, localPort: number, remote: Address, remotePort: number): number {
    const { hash } = this;
    hash.start();
    hash.word((localPort << 16) | remotePort);
    hash.word(remote.w3);
    hash.word(local.w3);
    if (!isV4(remote)) {
      hash.word(remote.w0);
      hash.word(remote.w1);
      hash.word(remote.w2);
      hash.word(local.w0);
      hash.word(local.w1);
      hash.word(local.w2);
    }
    const h = hash.finish();
    return h === FREE ? 1 : h;
  }
}

export function isFlowOf(
  e: FlowId,
  local: Address,
  localPort: number,
  remote: Address,
  remotePort: number,
): boolean {
  return (
    e.remotePort === remotePort &&
    e.localPort === localPort &&
    addressEquals(e.remote, remote) &&
    addressEquals(e.local, local)
  );
}
