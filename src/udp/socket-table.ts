import { assert } from '../base/assert.ts';
import type { RandomStream } from '../base/rng.ts';
import { NOT_FOUND, WordTable } from '../base/word-table.ts';
import type { UdpSocket } from './udp-socket.ts';

/** A value that is not a socket's index but, less this, a group's. */
const FIRST_GROUP = 1 << 30;

/**
 * From a key to a socket; or to those that share it (SO_REUSEADDR, SO_REUSEPORT), the youngest last. Write the key
 * into `key`, then call `find`, `add` or `remove`.
 */
export class SocketTable {
  readonly key: Int32Array;
  private readonly table: WordTable;
  private readonly groups: UdpSocket[][] = [];
  private readonly free: number[] = [];
  private count = 0;

  constructor(keyWords: number, random: RandomStream) {
    this.table = new WordTable(keyWords, random, 64);
    this.key = this.table.key;
  }

  /** Sockets. */
  get size(): number {
    return this.count;
  }

  get probes(): number {
    return this.table.probes;
  }

  /** A socket's index, NOT_FOUND, or what `groupOf` takes. */
  find(): number {
    return this.table.find();
  }

  /** Those that share the key, if `find` has found more than one; else null. */
  groupOf(found: number): readonly UdpSocket[] | null {
    return found < FIRST_GROUP ? null : this.groups[found - FIRST_GROUP]!;
  }

  /** @param other Who has the key, if it is one: null if `find` has found nobody or a group. */
  add(s: UdpSocket, other: UdpSocket | null): void {
    this.count++;
    const found = this.table.find();
    if (found === NOT_FOUND) {
      this.table.set(s.index);
      return;
    }
    if (found >= FIRST_GROUP) {
      this.groups[found - FIRST_GROUP]!.push(s);
      return;
    }
    assert(other !== null && other.index === found, 'the two are of one key');
    const at = this.free.pop() ?? this.groups.length;
    this.groups[at] = [other, s];
    this.table.set(FIRST_GROUP + at);
  }

  remove(s: UdpSocket): void {
    this.count--;
    const found = this.table.find();
    if (found < FIRST_GROUP) {
      assert(found === s.index, 'a socket is found where it was put');
      this.table.remove();
      return;
    }
    const at = found - FIRST_GROUP;
    const group = this.groups[at]!;
    const index = group.indexOf(s);
    assert(index >= 0, 'a socket is in its group');
    group.splice(index, 1);
    if (group.length > 1) return;
    this.table.set(group[0]!.index);
    this.groups[at] = [];
    this.free.push(at);
  }
}
