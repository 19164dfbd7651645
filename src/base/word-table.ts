import { assert } from './assert.ts';
import type { RandomStream } from './rng.ts';

export const NOT_FOUND = -1;

/**
 * A hash table from a fixed number of int32 words (an address, a 4-tuple) to an int32 >= 0.
 *
 * Open addressing with linear probing and backward-shift deletion, so no tombstones pile up under
 * churn. Keys sit in one Int32Array; look-up, insertion and removal make no garbage (growth does).
 * The hash is keyed: cheap like Linux's jhash, enough that a peer cannot aim at one bucket without
 * seeing where things land; secrets use SipHash.
 *
 * Write the key into `key`, then call `find`, `set` or `remove`.
 */
export class WordTable {
  readonly key: Int32Array;
  private keys: Int32Array;
  private values: Int32Array;
  private mask: number;
  private count = 0;
  /** The slot found last: the packets of a flow come one after the other, and ask for the same. */
  private latest = 0;
  private readonly seed: number;
  /** Slots looked at so far: lets a test see that the cost of a look-up does not grow. */
  probes = 0;

  readonly keyWords: number;

  constructor(keyWords: number, random: RandomStream, initialCapacity = 16) {
    this.keyWords = keyWords;
    this.seed = random.int32();
    this.key = new Int32Array(keyWords);
    let slots = 16;
    while (slots < initialCapacity * 2) slots *= 2;
    this.mask = slots - 1;
    this.keys = new Int32Array(slots * keyWords);
    this.values = new Int32Array(slots).fill(NOT_FOUND);
  }

  get size(): number {
    return this.count;
  }

  find(): number {
    return this.values[this.slot()]!;
  }

  /** Inserts or replaces. */
  set(value: number): void {
    assert(value >= 0, 'values are indices');
    if ((this.count + 1) * 2 > this.mask + 1) this.grow();
    const slot = this.slot();
    if (this.values[slot] === NOT_FOUND) {
      this.count++;
      const at = slot * this.keyWords;
      for (let i = 0; i < this.keyWords; i++) this.keys[at + i] = this.key[i]!;
    }
    this.values[slot] = value;
  }

  /** Returns the value that was there, or NOT_FOUND. */
  remove(): number {
    let hole = this.slot();
    const value = this.values[hole]!;
    if (value === NOT_FOUND) return NOT_FOUND;
    this.count--;
    let probe = hole;
    while (true) {
      probe = (probe + 1) & this.mask;
      if (this.values[probe] === NOT_FOUND) break;
      const home = this.hashAt(this.keys, probe * this.keyWords) & this.mask;
      // An entry may move back only if the hole lies between its home and where it is (cyclically).
      if (((probe - home) & this.mask) < ((probe - hole) & this.mask)) continue;
      this.move(probe, hole);
      hole = probe;
    }
    this.values[hole] = NOT_FOUND;
    return value;
  }

  /** The slot that has the key, or the free one where it would go. */
  private slot(): number {
    const { latest, values, mask } = this;
    if (values[latest] !== NOT_FOUND && this.hasKey(latest)) return latest;
    let slot = this.hashAt(this.key, 0) & mask;
    this.probes = (this.probes + 1) | 0;
    while (values[slot] !== NOT_FOUND) {
      if (this.hasKey(slot)) {
        this.latest = slot;
        return slot;
      }
      slot = (slot + 1) & mask;
      this.probes = (this.probes + 1) | 0;
    }
    return slot;
  }

  private hasKey(slot: number): boolean {
    const { key, keys, keyWords } = this;
    const at = slot * keyWords;
    for (let i = 0; i < keyWords; i++) if (keys[at + i] !== key[i]) return false;
    return true;
  }

  private hashAt(from: Int32Array, at: number): number {
    let h = this.seed;
    for (let i = 0; i < this.keyWords; i++) {
      let k = Math.imul(from[at + i]!, 0xcc9e2d51);
      k = (k << 15) | (k >>> 17);
      h ^= Math.imul(k, 0x1b873593);
      h = (h << 13) | (h >>> 19);
      h = (Math.imul(h, 5) + 0xe6546b64) | 0;
    }
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    return h ^ (h >>> 16);
  }

  private move(from: number, to: number): void {
    this.values[to] = this.values[from]!;
    this.keys.copyWithin(
      to * this.keyWords,
      from * this.keyWords,
      from * this.keyWords + this.keyWords,
    );
  }

  private grow(): void {
    const { keys, values, keyWords } = this;
    const wanted = Int32Array.from(this.key);
    this.mask = (this.mask + 1) * 2 - 1;
    this.keys = new Int32Array((this.mask + 1) * keyWords);
    this.values = new Int32Array(this.mask + 1).fill(NOT_FOUND);
    for (let old = 0; old < values.length; old++) {
      if (values[old] === NOT_FOUND) continue;
      this.key.set(keys.subarray(old * keyWords, old * keyWords + keyWords));
      const slot = this.slot();
      this.values[slot] = values[old]!;
      this.keys.set(this.key, slot * keyWords);
    }
    this.key.set(wanted);
  }
}
