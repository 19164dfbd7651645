/** The groups of one interface, each with who listens to it: RFC 3376 §3.2, RFC 3810 §4.2. */
import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { type Address, IpAddress, isV4 } from '../wire/address.ts';
import { EVERY_SOURCE, mergeFilters, NO_SOURCE, type SourceFilter } from './source-filter.ts';

/** A group that somebody listens to. */
export class Group {
  readonly address: Address;
  /** One filter for each reason to listen: a socket's, or the stack's own. */
  private readonly wishes: SourceFilter[] = [];
  private merged: SourceFilter = NO_SOURCE;

  constructor(address: Address) {
    this.address = Object.freeze(new IpAddress().copy(address));
  }

  /** What the interface lets in, for all listeners together. */
  get filter(): SourceFilter {
    return this.merged;
  }

  get users(): number {
    return this.wishes.length;
  }

  /** Whether this very wish is among those that count. */
  has(wish: SourceFilter): boolean {
    return this.wishes.includes(wish);
  }

  /** Null: this listener is new, or goes. */
  change(from: SourceFilter | null, to: SourceFilter | null): void {
    if (from !== null) {
      const at = this.wishes.indexOf(from);
      assert(at >= 0, 'a listener knows what it wished');
      if (to === null) this.wishes.splice(at, 1);
      else this.wishes[at] = to;
    } else if (to !== null) this.wishes.push(to);
    this.merged = this.wishes.length === 0 ? NO_SOURCE : mergeFilters(this.wishes);
  }
}

/** Told of each change; `group.filter` is what holds now, NO_SOURCE when nobody listens any more. */
export interface GroupWatcher {
  groupChanged(group: Group, before: SourceFilter): void;
}

export class GroupTable {
  private readonly table: WordTable;
  /** By the table's value; holes are null. */
  private readonly groups: (Group | null)[] = [];
  private watcher4: GroupWatcher | null = null;
  private watcher6: GroupWatcher | null = null;

  constructor(random: RandomStream) {
    this.table = new WordTable(4, random);
  }

  /** Whoever tells the routers, by family. */
  watch(v4: GroupWatcher | null, v6: GroupWatcher | null): void {
    this.watcher4 = v4;
    this.watcher6 = v6;
  }

  find(address: Address): Group | null {
    const at = this.place(address);
    return at === NOT_FOUND ? null : this.groups[at]!;
  }

  /** All of one family. */
  list(v4: boolean): Group[] {
    return this.groups.filter((g) => g !== null).filter((g) => isV4(g.address) === v4);
  }

  /** A listener comes (`from` null), goes (`to` null), or wants other sources. */
  change(address: Address, from: SourceFilter | null, to: SourceFilter | null): void {
    const group = this.find(address) ?? this.insert(address);
    const before = group.filter;
    group.change(from, to);
    if (group.users === 0) this.remove(address);
    const watcher = isV4(address) ? this.watcher4 : this.watcher6;
    if (watcher !== null) watcher.groupChanged(group, before);
  }

  join(address: Address): void {
    this.change(address, null, EVERY_SOURCE);
  }

  leave(address: Address): void {
    if (this.find(address) !== null) this.change(address, EVERY_SOURCE, null);
  }

  /** Whether any listener wants this source. */
  admits(address: Address, source: Address): boolean {
    const group = this.find(address);
    return group?.filter.admits(source) ?? false;
  }

  private insert(address: Address): Group {
    const group = new Group(address);
    let at = this.groups.indexOf(null);
    if (at < 0) at = this.groups.length;
    this.groups[at] = group;
    this.place(address);
    this.table.set(at);
    return group;
  }

  private remove(address: Address): void {
    this.place(address);
    this.groups[this.table.remove()] = null;
  }

  private place(address: Address): number {
    const { key } = this.table;
    key[0] = address.w0;
    key[1] = address.w1;
    key[2] = address.w2;
    key[3] = address.w3;
    return this.table.find();
  }
}
