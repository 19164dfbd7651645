/**
 * The policy table of RFC 6724 §2.1: which prefixes belong together (their label) and which destinations are
 * tried first (their precedence). IPv4 is in it in its mapped form, as everywhere here.
 */
import {
  type Address,
  addressEquals,
  IpAddress,
  networkOf,
  prefixEquals,
} from '../wire/address.ts';

export interface PolicyRow {
  readonly prefix: Address;
  /** Prefix length out of 128. */
  readonly bits: number;
  readonly precedence: number;
  readonly label: number;
}

/** Words of the prefix, its length, precedence and label: the defaults of RFC 6724 §2.1. */
const DEFAULTS: readonly (readonly [number, number, number, number, number, number, number])[] = [
  [0, 0, 0, 1, 128, 50, 0], // ::1
  [0, 0, 0, 0, 0, 40, 1], // ::/0
  [0, 0, 0xffff, 0, 96, 35, 4], // IPv4
  [0x20020000, 0, 0, 0, 16, 30, 2], // 6to4
  [0x20010000, 0, 0, 0, 32, 5, 5], // Teredo
  [0xfc000000, 0, 0, 0, 7, 3, 13], // unique local
  [0, 0, 0, 0, 96, 1, 3], // IPv4-compatible
  [0xfec00000, 0, 0, 0, 10, 1, 11], // site-local
  [0x3ffe0000, 0, 0, 0, 16, 1, 12], // 6bone
];

/** What a table without a row for everything says of the rest: lower than any row (RFC 6724 §2.1 has ::/0). */
const NO_ROW: PolicyRow = { prefix: new IpAddress(), bits: 0, precedence: -1, label: -1 };

export class PolicyTable {
  /** Longest prefix first. */
  private readonly ordered: PolicyRow[] = [];

  constructor() {
    for (const [w0, w1, w2, w3, bits, precedence, label] of DEFAULTS) {
      this.set(new IpAddress().set(w0, w1, w2, w3), bits, precedence, label);
    }
  }

  get rows(): readonly PolicyRow[] {
    return this.ordered;
  }

  /** Adds a row, or replaces that of the same prefix. */
  set(prefix: Address, bits: number, precedence: number, label: number): void {
    this.remove(prefix, bits);
    const row = { prefix: Object.freeze(networkOf(prefix, bits)), bits, precedence, label };
    const at = this.ordered.findIndex((r) => r.bits < bits);
    this.ordered.splice(at < 0 ? this.ordered.length : at, 0, row);
  }

  /** False when there is no such row. */
  remove(prefix: Address, bits: number): boolean {
    const network = networkOf(prefix, bits);
    const at = this.ordered.findIndex((r) => r.bits === bits && addressEquals(r.prefix, network));
    if (at < 0) return false;
    this.ordered.splice(at, 1);
    return true;
  }

  /** The row with the longest prefix that holds the address. */
  rowOf(a: Address): PolicyRow {
    for (let i = 0; i < this.ordered.length; i++) {
      const row = this.ordered[i]!;
      if (prefixEquals(row.prefix, a, row.bits)) return row;
    }
    return NO_ROW;
  }
}
