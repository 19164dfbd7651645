import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, IpAddress, isLinkLocal6 } from '../wire/address.ts';
import type { Interface, InterfaceAddress } from './interface.ts';

/** Which addresses are ours, on which interface, in O(1). Link-local ones count per interface. */
export class LocalAddresses {
  private readonly table: WordTable;
  /** Index → the interface that has the address; holes are null. */
  private readonly owners: (Interface | null)[] = [];
  private readonly entries: (InterfaceAddress | null)[] = [];

  constructor(random: RandomStream) {
    this.table = new WordTable(5, random);
  }

  add(iface: Interface, entry: InterfaceAddress): void {
    this.writeKey(entry.address, iface.index);
    let at = this.owners.indexOf(null);
    if (at < 0) at = this.owners.length;
    this.owners[at] = iface;
    this.entries[at] = entry;
    this.table.set(at);
  }

  remove(iface: Interface, entry: InterfaceAddress): void {
    this.writeKey(entry.address, iface.index);
    const at = this.table.remove();
    if (at === NOT_FOUND) return;
    this.owners[at] = null;
    this.entries[at] = null;
  }

  /** The interface that has this address, in whatever state, or null. */
  ownerOf(address: Address, ifaceIndex: number): Interface | null {
    this.writeKey(address, ifaceIndex);
    const at = this.table.find();
    return at === NOT_FOUND ? null : this.owners[at]!;
  }

  entryOf(address: Address, ifaceIndex: number): InterfaceAddress | null {
    this.writeKey(address, ifaceIndex);
    const at = this.table.find();
    return at === NOT_FOUND ? null : this.entries[at]!;
  }

  /** The same address for ever: ours if it is one of ours, for whoever keeps many, or a copy. */
  keep(address: Address): Address {
    return this.entryOf(address, 0)?.address ?? new IpAddress().copy(address);
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
