import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, addressEquals, IpAddress, isLinkLocal6 } from '../wire/address.ts';
import type { Interface, InterfaceAddress } from './interface.ts';
import type { Revision } from './revision.ts';

const MARK_WORDS = 32;
/** 2^32 by the golden ratio: the upper bits of a product depend on all of the word's. */
const MARK_HASH = 0x9e3779b1;

/** Which addresses are ours, on which interface, in O(1). Link-local ones count per interface. */
export class LocalAddresses {
  private readonly table: WordTable;
  /** Index → the interface that has the address; holes are null. */
  private readonly owners: (Interface | null)[] = [];
  private readonly entries: (InterfaceAddress | null)[] = [];
  /** The place found last: packets in a row are for the same address. */
  private latest = 0;
  /** By a hash of the last word: 0 where no address of ours is, which is the answer for most that send to us. */
  private readonly marks = new Int32Array(MARK_WORDS);

  private readonly revision: Revision;

  constructor(random: RandomStream, revision: Revision) {
    this.revision = revision;
    this.table = new WordTable(5, random);
  }

  add(iface: Interface, entry: InterfaceAddress): void {
    this.writeKey(entry.address, iface.index);
    let at = this.owners.indexOf(null);
    if (at < 0) at = this.owners.length;
    this.owners[at] = iface;
    this.entries[at] = entry;
    this.table.set(at);
    this.mark(entry.address);
    this.changed();
  }

  remove(iface: Interface, entry: InterfaceAddress): void {
    this.writeKey(entry.address, iface.index);
    const at = this.table.remove();
    if (at === NOT_FOUND) return;
    this.owners[at] = null;
    this.entries[at] = null;
    this.marks.fill(0);
    for (const left of this.entries) if (left !== null) this.mark(left.address);
    this.changed();
  }

  /** One came, went, or may be used now, or no longer. */
  changed(): void {
    this.revision.changed();
  }

  /** The interface that has this address, in whatever state, or null. */
  ownerOf(address: Address, ifaceIndex: number): Interface | null {
    const at = this.placeOf(address, ifaceIndex);
    return at === NOT_FOUND ? null : this.owners[at]!;
  }

  entryOf(address: Address, ifaceIndex: number): InterfaceAddress | null {
    const at = this.placeOf(address, ifaceIndex);
    return at === NOT_FOUND ? null : this.entries[at]!;
  }

  /** The same address for ever: ours if it is one of ours, for whoever keeps many, or a copy. */
  keep(address: Address): Address {
    return this.entryOf(address, 0)?.address ?? new IpAddress().copy(address);
  }

  private placeOf(address: Address, ifaceIndex: number): number {
    const { w3 } = address;
    if (!this.isMarked(w3)) return NOT_FOUND;
    const { latest } = this;
    // A link-local one may be another interface's as well: it is looked up.
    const entry = this.entries[latest]!;
    const isLatest = entry !== null && addressEquals(entry.address, address);
    if (isLatest && !isLinkLocal6(address)) return latest;
    this.writeKey(address, ifaceIndex);
    const at = this.table.find();
    if (at !== NOT_FOUND) this.latest = at;
    return at;
  }

  private mark({ w3 }: Address): void {
    const h = Math.imul(w3, MARK_HASH);
    this.marks[h >>> 27]! |= 1 << (h >>> 22); // of a shift's count five bits matter
  }

  private isMarked(w3: number): boolean {
    const h = Math.imul(w3, MARK_HASH);
    return ((this.marks[h >>> 27]! >>> (h >>> 22)) & 1) !== 0;
  }

  private writeKey(a: Address, ifaceIndex: number): void {
    const key = this.table.key;
    key[0] = a.w0;
    key[1] = a.w1;
    key[2] = a.w2;
    key[3] = a.w3;
    key[4] = isLinkLocal6(a) ? ifaceIndex : 0;
  }
}
