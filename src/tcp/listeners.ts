/**
 * Which listener a segment is for: O(1) by the local address, then by the wildcard of its family, then by `::` of
 * both families; one that is tied to the interface before others.
 *
 * Listeners that share an address and port (SO_REUSEPORT) are a group: a keyed hash of the 4-tuple decides which of
 * them a flow is for, so that nobody outside can aim at one.
 */
import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import { FlowShare } from '../net/flow-share.ts';
import { type Address, ANY4, ANY6, addressEquals, isV4 } from '../wire/address.ts';
import type { Listener } from './listener.ts';

/** Marks `::` of IPv6 alone, beside which a wildcard of both families may be. */
const ONLY_V6 = 1;

export class Listeners {
  private readonly table: WordTable;
  private readonly share: FlowShare;
  /** By place in the table: those of one address and port, mostly one. */
  private readonly groups: Listener[][] = [];
  private readonly free: number[] = [];
  /** Those tied to an interface: while there are none, nobody looks for them. */
  private tied = 0;

  constructor(random: RandomStream) {
    this.table = new WordTable(6, random);
    this.share = new FlowShare(random);
  }

  find(
    local: Address,
    port: number,
    remote: Address,
    remotePort: number,
    ifaceIndex: number,
  ): Listener | null {
    const is4 = isV4(local);
    let at = this.placeOn(local, port, ifaceIndex, 0);
    if (at === NOT_FOUND) {
      at = this.placeOn(is4 ? ANY4 : ANY6, port, ifaceIndex, is4 ? 0 : ONLY_V6);
      if (at === NOT_FOUND) at = this.placeOn(ANY6, port, ifaceIndex, 0);
      if (at === NOT_FOUND) return null;
    }
    const group = this.groups[at]!;
    return group.length === 1
      ? group[0]!
      : group[this.share.of(local, port, remote, remotePort, group.length)]!;
  }

  /** Those that listen just there. */
  groupAt(
    local: Address,
    port: number,
    boundIndex: number,
    isV6Only: boolean,
  ): readonly Listener[] {
    this.writeKey(local, port, boundIndex, isV6Only && addressEquals(local, ANY6) ? ONLY_V6 : 0);
    const at = this.table.find();
    return at === NOT_FOUND ? [] : this.groups[at]!;
  }

  /** Which of those that are left in its group has a flow of a listener that is gone; null: there is none. */
  heirOf(gone: Listener, remote: Address, remotePort: number): Listener | null {
    const { local, localPort, boundIndex, isV6Only } = gone;
    const group = this.groupAt(local, localPort, boundIndex, isV6Only);
    if (group.length === 0) return null;
    return group[this.share.of(local, localPort, remote, remotePort, group.length)]!;
  }

  add(l: Listener): void {
    this.writeKeyOf(l);
    let at = this.table.find();
    if (at === NOT_FOUND) {
      at = this.free.pop() ?? this.groups.length;
      this.groups[at] = [];
      this.table.set(at);
    }
    this.groups[at]!.push(l);
    if (l.boundIndex !== 0) this.tied++;
  }

  remove(l: Listener): void {
    this.writeKeyOf(l);
    const at = this.table.find();
    assert(at !== NOT_FOUND, 'a listener is found where it was put');
    const group = this.groups[at]!;
    const index = group.indexOf(l);
    assert(index >= 0, 'a listener is in its group');
    group.splice(index, 1);
    if (group.length === 0) {
      this.table.remove();
      this.free.push(at);
    }
    if (l.boundIndex !== 0) this.tied--;
  }

  all(): Listener[] {
    return this.groups.flat();
  }

  private placeOn(local: Address, port: number, ifaceIndex: number, mark: number): number {
    if (this.tied > 0 && ifaceIndex !== 0) {
      this.writeKey(local, port, ifaceIndex, mark);
      const at = this.table.find();
      if (at !== NOT_FOUND) return at;
    }
    this.writeKey(local, port, 0, mark);
    return this.table.find();
  }

  private writeKeyOf(l: Listener): void {
    const mark = l.isV6Only && addressEquals(l.local, ANY6) ? ONLY_V6 : 0;
    this.writeKey(l.local, l.localPort, l.boundIndex, mark);
  }

  private writeKey(local: Address, port: number, boundIndex: number, mark: number): void {
    const { key } = this.table;
    key[0] = local.w0;
    key[1] = local.w1;
    key[2] = local.w2;
    key[3] = local.w3;
    key[4] = port;
    key[5] = (boundIndex << 1) | mark;
  }
}
